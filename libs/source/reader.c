/* reader.c - see reader.h.
 *
 * extract() has made a table of texts; here each row finds its unit (by an id, never by a name),
 * its period and its figures. Of two rows about one thing that differ nobody can know which is
 * right: neither is taken, unless the description says that they add up.
 */
#include "reader.h"

#include "base/error.h"
#include "period/moment.h"
#include "reader_internal.h"
#include "text/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader_memory {
    extract_table_t *tables; /* one a page: the cells that rows point at */
    size_t n_tables;
    reader_figure_t *figures;
};

/* One reading on its way. */
typedef struct {
    const reader_context_t *context;
    const source_t *source;
    reader_table_t *out;
} pass_t;

#define TEXT(s) ((char *)(uintptr_t)(s))

/* ---- units ---- */

const char *reader_table_id(const source_t *source, const char *code)
{
    for (unsigned i = 0; i < source->n_table; i++) {
        if (strcmp(source->table[i].unit, code) == 0) {
            return source->table[i].text;
        }
    }
    return NULL;
}

static const registry_unit_t *look_up(const pass_t *p, const char *key)
{
    const registry_t *units = p->context->units;
    const source_t *s = p->source;
    switch (s->by) {
    case SOURCE_BY_CODE:
        return registry_by_code(units, key);
    case SOURCE_BY_DVC:
        return registry_by_dvc(units, key);
    case SOURCE_BY_GEO:
        return registry_by_geo(units, key);
    case SOURCE_BY_AGENCY:
        return registry_by_agency(units, key);
    case SOURCE_BY_TABLE:
        for (unsigned i = 0; i < s->n_table; i++) {
            if (strcmp(s->table[i].text, key) == 0) {
                return registry_by_code(units, s->table[i].unit);
            }
        }
        return NULL;
    case SOURCE_BY_SERIES:
        break;
    }
    return p->context->of;
}

/* May a row of this series be about the unit? */
static bool fits(const pass_t *p, const registry_unit_t *unit)
{
    const registry_unit_t *of = p->context->of;
    if (p->source->each != 0) {
        return unit == of;
    }
    if (p->source->nation == NULL && p->source->units_of == 0) {
        return true;
    }
    return of == NULL ? unit->parent == NULL
                      : unit->parent != NULL && strcmp(unit->parent, of->code) == 0;
}

static void take_known(reader_row_t *row, const registry_unit_t *unit)
{
    row->unit.code = TEXT(unit->code);
    row->unit.name = TEXT(unit->name);
    row->unit.level = (Chiso__V1__Level)unit->level;
    row->unit.parent = TEXT(unit->parent);
}

/* A unit that no register has, such as a department: it has the source's own code. */
static void take_unknown(const pass_t *p, const extract_row_t *from, int level, reader_row_t *row)
{
    const source_t *s = p->source;
    const char *code = from->cells[s->unknown_code];
    const char *name = from->cells[s->unknown_name];
    const registry_unit_t *coded =
        code != NULL ? registry_by_agency(p->context->units, code) : NULL;
    if (coded != NULL && coded->dvc == NULL && fits(p, coded) && coded->level == level) {
        take_known(row, coded);
    } else if (p->context->of == NULL) {
        reader_reject(row, "unit", "the id is not that of a province in the unit registry");
    } else if (level == CHISO__V1__LEVEL__PROVINCE) {
        reader_reject(row, "unit", "a province among the units of a province");
    } else if (code == NULL || !text_is_code(code)) {
        reader_reject(row, "schema", "%s is not a code", s->rows.columns[s->unknown_code].name);
    } else if (coded != NULL || registry_by_code(p->context->units, code) != NULL) {
        reader_reject(row, "unit", "%s is the code of another unit in the registry",
                      s->rows.columns[s->unknown_code].name);
    } else if (name == NULL ||
               text_normalise(name, strlen(name), EVENT_MAX_NAME, &row->name) != 0 ||
               *row->name == '\0') {
        reader_reject(row, "schema", "%s is empty or not UTF-8",
                      s->rows.columns[s->unknown_name].name);
    } else {
        row->unit.code = TEXT(code);
        row->unit.name = row->name;
        row->unit.level = (Chiso__V1__Level)level;
        row->unit.parent = TEXT(p->context->of->code);
    }
}

static int level_of(const source_t *s, const extract_row_t *from, reader_row_t *row)
{
    const char *text = s->level_column >= 0 ? from->cells[s->level_column] : NULL;
    for (unsigned i = 0; text != NULL && i < s->n_levels; i++) {
        if (strcmp(s->levels[i].text, text) == 0) {
            return s->levels[i].level;
        }
    }
    if (s->level_column >= 0) {
        reader_reject(row, "schema", "%s is not a level that is known",
                      s->rows.columns[s->level_column].name);
    }
    return 0;
}

/* The unit that had the place in the row's period. An id says whose it is today; before the merger
 * of 2025 the same code can have been another province's (91: Kiên Giang), whose figures these
 * are not. Only a code of the statistical office means the unit of its time; else it has to have
 * been the same province, by its name. NULL: it was not there. */
static const registry_unit_t *in_its_time(const pass_t *p, const registry_unit_t *unit,
                                          const reader_row_t *row)
{
    period_t period;
    if (period_parse(row->period, &period) != 0 || registry_valid(unit, period)) {
        return unit;
    }
    const registry_unit_t *then = registry_in(p->context->units, unit->code, period);
    bool same =
        then != NULL && (p->source->by == SOURCE_BY_CODE || strcmp(then->name, unit->name) == 0);
    return same ? then : NULL;
}

static void take_of_its_time(const pass_t *p, const registry_unit_t *unit, reader_row_t *row)
{
    const registry_unit_t *then = in_its_time(p, unit, row);
    take_known(row, then != NULL ? then : unit);
    if (then == NULL) {
        reader_reject(row, "unit", "%.80s was not there in %s", unit->name, row->period);
    }
}

/* False: the row is somebody else's, and skipped. */
static bool find_unit(const pass_t *p, const extract_row_t *from, reader_row_t *row)
{
    const source_t *s = p->source;
    const char *key = s->unit_column >= 0 ? from->cells[s->unit_column] : "";
    int level = level_of(s, from, row);
    chiso__v1__unit__init(&row->unit);
    if (key == NULL) {
        reader_reject(row, "schema", "%s is missing", s->rows.columns[s->unit_column].name);
        return true;
    }
    const registry_unit_t *unit = look_up(p, key);
    if (unit != NULL && fits(p, unit) && (level == 0 || level == unit->level)) {
        take_of_its_time(p, unit, row);
    } else if (unit == NULL && s->unknown_code >= 0) {
        take_unknown(p, from, level, row);
    } else if (s->skip_others) {
        return false;
    } else if (unit != NULL) {
        reader_reject(row, "unit", "the id belongs to a unit that this series cannot hold");
    } else {
        reader_reject(row, "unit", "'%.60s' is no unit that is known", key);
    }
    return true;
}

/* ---- figures ---- */

static bool holds(const extract_row_t *from, const source_test_t *test)
{
    const char *text = from->cells[test->column];
    for (unsigned i = 0; text != NULL && i < test->n_is; i++) {
        if (strcmp(test->is[i], text) == 0) {
            return true;
        }
    }
    return text != NULL && test->n_is == 0;
}

static bool applies(const extract_row_t *from, const source_figure_t *figure)
{
    for (unsigned i = 0; i < figure->n_when; i++) {
        if (!holds(from, &figure->when[i])) {
            return false;
        }
    }
    return true;
}

/* A day as the number yyyymmdd. */
static int day_number(const char *text, const char *format, decimal_t *out)
{
    char day[MOMENT_DAY_SIZE]; /* yyyy-mm-dd */
    char digits[MOMENT_DAY_SIZE];
    int64_t at;
    if (field_date(text, format, &at) != 0) {
        return CHISO_E_SYNTAX;
    }
    moment_day(at, day);
    int len = snprintf(digits, sizeof digits, "%.4s%.2s%.2s", day, day + 5, day + 8);
    return decimal_parse(digits, (size_t)len, out);
}

static void read_figure(const source_t *s, const extract_row_t *from, const source_figure_t *figure,
                        reader_row_t *row)
{
    decimal_t value = figure->value;
    if (!applies(from, figure)) {
        return;
    }
    if (figure->column >= 0) {
        const char *name = s->rows.columns[figure->column].name;
        const char *text = from->cells[figure->column];
        if (text == NULL) {
            if (!figure->optional) {
                reader_reject(row, "schema", "%s is missing", name);
            }
            return;
        }
        if (figure->date != NULL) {
            if (day_number(text, figure->date, &value) != 0) {
                reader_reject(row, "number",
                              "%s: '%.60s' is not a date of the form that is expected", name, text);
                return;
            }
        } else if (field_number(text, figure->number, figure->scale, &value) != 0) {
            reader_reject(row, "number", "%s: '%.60s' is not a number of the form that is expected",
                          name, text);
            return;
        }
    }
    if ((figure->has_min && decimal_compare(value, figure->min) < 0) ||
        (figure->has_max && decimal_compare(value, figure->max) > 0)) {
        char text[DECIMAL_TEXT_SIZE];
        reader_reject(row, "range", "%s of %s is outside of what it can be", figure->id,
                      decimal_format(value, text));
        return;
    }
    row->figures[row->n_figures++] = (reader_figure_t){figure->id, value};
}

static void check_sums(const source_t *s, reader_row_t *row)
{
    for (unsigned i = 0; i < s->n_checks && row->rule == NULL; i++) {
        const source_check_t *check = &s->checks[i];
        const char *total_id = s->figures[check->equals].id;
        const decimal_t *total = reader_value(row, total_id);
        decimal_t sum = DECIMAL_ZERO;
        for (unsigned k = 0; k < check->n_sum; k++) {
            const decimal_t *one = reader_value(row, s->figures[check->sum[k]].id);
            if (one == NULL || decimal_add(sum, *one, &sum) != 0) {
                total = NULL;
            }
        }
        if (total == NULL || decimal_compare(sum, *total) != 0) {
            char text[DECIMAL_TEXT_SIZE];
            int place = s->figures[check->equals].column;
            reader_reject(row, "sum", "%s is not the sum of its parts, %s",
                          place >= 0 ? s->rows.columns[place].name : total_id,
                          total != NULL ? decimal_format(sum, text) : "some of which are missing");
        }
    }
}

/* ---- rows ---- */

/* 0: it is none. */
static int number_up_to(const char *text, int most)
{
    size_t len = strlen(text);
    int value = len < 3 && strspn(text, "0123456789") == len ? (int)strtol(text, NULL, 10) : 0;
    return value <= most ? value : 0;
}

static void find_period(const pass_t *p, const extract_row_t *from, reader_row_t *row)
{
    const source_t *s = p->source;
    period_t period = p->context->period;
    if (s->period_column >= 0) {
        const char *text = from->cells[s->period_column];
        int64_t at;
        if (text == NULL) {
            reader_reject(row, "schema", "%s is missing", s->rows.columns[s->period_column].name);
        } else if (strcmp(s->period_date, "month") == 0 || strcmp(s->period_date, "quarter") == 0) {
            int most = s->period_as == PERIOD_MONTH ? 12 : 4;
            int number = number_up_to(text, most);
            if (number == 0) {
                reader_reject(row, "schema", "'%.40s' is not a %s; expected 1 to %d", text,
                              s->period_date, most);
            }
            period = (period_t){s->period_as, period.year, number};
        } else if (strcmp(s->period_date, "period") == 0) {
            if (period_parse(text, &period) != 0 || period.kind != s->period_as) {
                reader_reject(row, "schema", "'%.40s' is not a period of the kind that is expected",
                              text);
            }
        } else if (field_date(text, s->period_date, &at) != 0) {
            reader_reject(row, "schema", "'%.40s' is not a date of the form that is expected",
                          text);
        } else {
            period = period_at(s->period_as, at, 0);
        }
    }
    period_format(period, row->period);
}

static bool read_row(const pass_t *p, const extract_row_t *from, reader_row_t *row)
{
    row->raw = from->raw != NULL ? from->raw : "";
    if (from->fault != NULL) {
        reader_reject(row, "schema", "%s", from->fault);
    }
    find_period(p, from, row);
    if (!find_unit(p, from, row)) {
        free(row->name);
        row->name = NULL;
        return false;
    }
    for (unsigned i = 0; i < p->source->n_figures; i++) {
        read_figure(p->source, from, &p->source->figures[i], row);
    }
    check_sums(p->source, row);
    return true;
}

/* ---- units that a complete answer does not name ---- */

static bool is_named(const reader_table_t *table, const char *code)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        if (table->rows[i].unit.code != NULL && strcmp(table->rows[i].unit.code, code) == 0) {
            return true;
        }
    }
    return false;
}

static void add_absent(const pass_t *p, const registry_unit_t *unit, reader_figure_t *room)
{
    const source_t *s = p->source;
    reader_row_t *row = &p->out->rows[p->out->n_rows];
    *row = (reader_row_t){.raw = "", .figures = room};
    chiso__v1__unit__init(&row->unit);
    period_format(p->context->period, row->period);
    take_known(row, unit);
    for (unsigned i = 0; i < s->n_figures; i++) {
        if (s->figures[i].has_absent) {
            row->figures[row->n_figures++] =
                (reader_figure_t){s->figures[i].id, s->figures[i].absent};
        }
    }
    p->out->n_rows += row->n_figures > 0;
}

/* A unit that the answer could have named: one that the table lacks is not looked for at all. */
static bool could_be_named(const pass_t *p, const registry_unit_t *unit)
{
    return fits(p, unit) && registry_valid(unit, p->context->period) &&
           (p->source->by != SOURCE_BY_TABLE || reader_table_id(p->source, unit->code) != NULL);
}

static void fill_absent(const pass_t *p, reader_figure_t *room)
{
    const reader_context_t *c = p->context;
    size_t stride = p->source->n_figures;
    if (p->source->each != 0 && c->of != NULL && !is_named(p->out, c->of->code)) {
        add_absent(p, c->of, room);
    } else if (p->source->each == 0) {
        for (size_t i = 0; i < c->n_wanted; i++) {
            if (could_be_named(p, c->wanted[i]) && !is_named(p->out, c->wanted[i]->code)) {
                add_absent(p, c->wanted[i], room + i * stride);
            }
        }
    }
}

/* ---- bodies ---- */

static int whole(reader_table_t *out, reader_kind_t kind, size_t page, const char *reason)
{
    out->kind = kind;
    out->page = page;
    snprintf(out->reason, sizeof out->reason, "%s", reason);
    return 0;
}

bool reader_refused(const source_t *s, bytes_t body, reader_table_t *out)
{
    for (unsigned i = 0; i < s->n_success; i++) {
        const source_test_t *test = &s->success[i];
        buffer_t text = BUFFER_INIT(4096);
        buffer_t message = BUFFER_INIT(4096);
        int found = extract_json_text(body, test->at, &text);
        const char *said = found == 1 ? buffer_text(&text) : NULL;
        bool good = found < 0 || (said != NULL && test->n_is == 0);
        for (unsigned k = 0; said != NULL && k < test->n_is && !good; k++) {
            good = strcmp(test->is[k], said) == 0;
        }
        if (!good) {
            if (test->message != NULL && extract_json_text(body, test->message, &message) != 1) {
                buffer_clear(&message);
            }
            const char *why = buffer_text(&message);
            snprintf(out->reason, sizeof out->reason,
                     "the source says that it failed: %.40s is %.60s%s%.100s", test->at,
                     said != NULL ? said : "not there", why != NULL && *why != '\0' ? ": " : "",
                     why != NULL ? why : "");
        }
        buffer_free(&text);
        buffer_free(&message);
        if (!good) {
            out->kind = READER_REFUSED;
            return true;
        }
    }
    return false;
}

/* How many rows the source says there are, or -1. */
static long stated_total(const source_t *s, const extract_table_t *table)
{
    const char *text = s->total >= 0 && table->n_rows > 0 ? table->rows[0].cells[s->total] : NULL;
    char *end = NULL;
    long total = text != NULL ? strtol(text, &end, 10) : -1;
    return end != NULL && *end == '\0' ? total : -1;
}

static int extract_pages(const pass_t *p, const bytes_t *pages, size_t n_pages, size_t *rows)
{
    struct reader_memory *memory = p->out->memory;
    long total = -1;
    *rows = 0;
    for (size_t i = 0; i < n_pages; i++) {
        if (reader_refused(p->source, pages[i], p->out)) {
            p->out->page = i;
            return 0;
        }
        extract_table_t *table = &memory->tables[i];
        int rc = extract(&p->source->rows, pages[i], table);
        if (rc != 0) {
            return rc;
        }
        memory->n_tables = i + 1;
        if (table->kind == EXTRACT_BLOCKED || table->kind == EXTRACT_MALFORMED) {
            return whole(p->out, table->kind == EXTRACT_BLOCKED ? READER_BLOCKED : READER_MALFORMED,
                         i, table->reason);
        }
        if (i == 0) {
            memcpy(p->out->shape, table->shape, sizeof p->out->shape);
            total = stated_total(p->source, table);
        }
        *rows += table->n_rows;
    }
    if (total >= 0 && *rows < (size_t)total) {
        char reason[128];
        snprintf(reason, sizeof reason, "%zu rows came of the %ld that the source says there are",
                 *rows, total);
        return whole(p->out, READER_MALFORMED, 0, reason);
    }
    p->out->kind = *rows > 0 ? READER_ROWS : READER_NO_DATA;
    return 0;
}

static int read_rows(const pass_t *p, size_t n)
{
    struct reader_memory *memory = p->out->memory;
    size_t stride = p->source->n_figures;
    size_t room = n + p->context->n_wanted + 1;
    memory->figures = calloc(room * stride, sizeof *memory->figures);
    p->out->rows = calloc(room, sizeof *p->out->rows);
    if (memory->figures == NULL || p->out->rows == NULL) {
        return -ENOMEM;
    }
    size_t used = 0;
    for (size_t page = 0; page < memory->n_tables; page++) {
        for (size_t i = 0; i < memory->tables[page].n_rows; i++) {
            reader_row_t *row = &p->out->rows[p->out->n_rows];
            *row = (reader_row_t){.page = page, .figures = memory->figures + used * stride};
            if (read_row(p, &memory->tables[page].rows[i], row)) {
                p->out->n_rows++;
                used++;
            } else {
                p->out->n_skipped++;
            }
        }
    }
    int rc = reader_join(p->source, p->out);
    if (rc == 0) {
        fill_absent(p, memory->figures + used * stride);
    }
    if (p->out->n_rows > 0 || p->out->n_skipped > 0) {
        p->out->kind = READER_ROWS;
    }
    return rc;
}

int reader_read(const reader_context_t *context, const bytes_t *pages, size_t n_pages,
                reader_table_t *out)
{
    *out = (reader_table_t){0};
    pass_t p = {context, context->source, out};
    out->memory = calloc(1, sizeof *out->memory);
    if (out->memory == NULL ||
        (out->memory->tables = calloc(n_pages + 1, sizeof *out->memory->tables)) == NULL) {
        reader_free(out);
        return -ENOMEM;
    }
    size_t rows;
    int rc = extract_pages(&p, pages, n_pages, &rows);
    if (rc == 0 && (out->kind == READER_ROWS || out->kind == READER_NO_DATA)) {
        rc = read_rows(&p, rows);
    }
    if (rc != 0) {
        reader_free(out);
    }
    return rc;
}

int reader_count(const source_t *source, bytes_t body, reader_kind_t *kind, size_t *rows)
{
    extract_table_t table;
    int rc = extract(&source->rows, body, &table);
    if (rc == 0) {
        *kind = table.kind == EXTRACT_ROWS    ? READER_ROWS
                : table.kind == EXTRACT_EMPTY ? READER_NO_DATA
                                              : READER_MALFORMED;
        *rows = table.n_rows;
        extract_free(&table);
    }
    return rc;
}

void reader_free(reader_table_t *table)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        free(table->rows[i].name);
    }
    free(table->rows);
    if (table->memory != NULL) {
        for (size_t i = 0; i < table->memory->n_tables; i++) {
            extract_free(&table->memory->tables[i]);
        }
        free(table->memory->tables);
        free(table->memory->figures);
        free(table->memory);
    }
    *table = (reader_table_t){0};
}
