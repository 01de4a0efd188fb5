/* evaluate.c - chiso evaluate: the inputs of the units of one assessment, a JSON object a line, to
 * their results, a JSON object a line, in order. Needs no running service. */
#include "assess/assess.h"
#include "base/error.h"
#include "catalogs.h"
#include "commands.h"
#include "inputs.h"
#include "options.h"
#include "json/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE (16 * 1024 * 1024)
#define MAX_UNITS 1000000
#define MAX_HUGE 64 /* numbers too large for any type, in a line */
#define STATUSES 6

static const char *const status_names[STATUSES] = {NULL,      "scored",    "missing",
                                                   "invalid", "undefined", "excluded"};

/* One line of the input: the JSON keeps the names alive. */
typedef struct {
    json_t *json;
    const char *name;
    assess_unit_t unit;
    assess_result_t result;
    uint64_t rank; /* 0: not ranked */
} row_t;

typedef struct {
    const catalog_index_t *index;
    row_t *rows;
    size_t n_rows;
    unsigned line;
    unsigned mistakes;
    int failed; /* memory */
} evaluation_t;

static void on_mistake(void *evaluation, const char *what, const char *expected)
{
    evaluation_t *e = evaluation;
    char where[32];
    snprintf(where, sizeof where, "stdin:%u: ", e->line);
    inputs_say_mistake(where, what, expected);
    e->mistakes++;
}

/* ---- inputs ---- */

static void read_indicator(evaluation_t *e, row_t *row, const char *code, json_t *given)
{
    char what[192];
    int place = catalog_indicator(e->index, code);
    if (place >= 0 && json_is_null(given)) {
        return; /* said to be missing */
    }
    if (place < 0 || !json_is_object(given)) {
        snprintf(what, sizeof what, "inputs.%.64s: %s", code,
                 place < 0 ? "no indicator of the index has this code" : "not an object");
        on_mistake(e, what, place < 0 ? "a code of the catalog" : "{\"a\": \"…\", …}");
        return;
    }
    int rc =
        inputs_read(&e->index->indicators[place], given, &row->unit.inputs[place], on_mistake, e);
    e->failed = e->failed != 0 ? e->failed : rc;
}

/* A figure reaches every indicator that uses it and has no input of its own. */
static void read_figure(evaluation_t *e, row_t *row, const char *id, const json_t *value)
{
    bool used = false;
    for (unsigned i = 0; i < e->index->n_indicators; i++) {
        const catalog_indicator_t *indicator = &e->index->indicators[i];
        for (unsigned k = 0; k < indicator->n_inputs; k++) {
            const catalog_input_t *in = &indicator->inputs[k];
            const catalog_figure_t *figure = e->index->figures[in->figure];
            if (figure->index != NULL || strcmp(figure->id, id) != 0) {
                continue; /* an input of its own is given as an input */
            }
            used = true;
            int rc = inputs_add_figure(&row->unit.inputs[i], in->name, value);
            e->failed = e->failed != 0 ? e->failed : rc;
        }
    }
    if (!used) {
        char what[160];
        snprintf(what, sizeof what, "figures.%.64s: no indicator of the index uses it", id);
        on_mistake(e, what, "an id of the figure dictionary that it uses");
    }
}

static void read_excluded(evaluation_t *e, row_t *row, const json_t *codes)
{
    if (codes == NULL) {
        assess_exclude_default(e->index, row->unit.excluded);
        return;
    }
    for (size_t i = 0; i < json_array_size(codes); i++) {
        const char *code = json_string_value(json_array_get(codes, i));
        if (code == NULL || assess_exclude(e->index, code, row->unit.excluded) != 0) {
            char what[160];
            snprintf(what, sizeof what, "excluded[%zu]: '%.64s'", i, code != NULL ? code : "?");
            on_mistake(e, what, "the code of an indicator or pillar");
        }
    }
}

/* A mistyped "excluded" must not silently bring the defaults back. */
static void check_keys(evaluation_t *e, json_t *json)
{
    static const char *const known[] = {"unit", "inputs", "figures", "excluded"};
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            found = found || strcmp(key, known[i]) == 0;
        }
        if (!found) {
            char what[96];
            snprintf(what, sizeof what, "'%.64s' is not known here", key);
            on_mistake(e, what, "unit, inputs, figures or excluded");
        }
    }
}

static int read_row(evaluation_t *e, json_t *json)
{
    check_keys(e, json);
    row_t *grown = realloc(e->rows, (e->n_rows + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    e->rows = grown;
    row_t *row = &e->rows[e->n_rows++];
    size_t n = e->index->n_indicators;
    *row = (row_t){.json = json, .name = json_string_value(json_object_get(json, "unit"))};
    row->unit.inputs = calloc(n, sizeof *row->unit.inputs);
    row->unit.excluded = calloc(n, sizeof *row->unit.excluded);
    row->result.results = calloc(n, sizeof *row->result.results);
    if (row->unit.inputs == NULL || row->unit.excluded == NULL || row->result.results == NULL) {
        return -ENOMEM;
    }
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(json, "inputs"), key, value)
    {
        read_indicator(e, row, key, value);
    }
    json_object_foreach(json_object_get(json, "figures"), key, value)
    {
        read_figure(e, row, key, value);
    }
    read_excluded(e, row, json_object_get(json, "excluded"));
    return e->failed;
}

static bool is_number(char c)
{
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

/* A number that no type holds ends jansson's reading: it would take the whole unit with it. Put
 * into a list it is unreadable wherever it stands, so that only its indicator is invalid. */
static json_t *parse(char *text, size_t len, json_error_t *error)
{
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, error);
    for (int i = 0; i < MAX_HUGE && json == NULL &&
                    json_error_code(error) == json_error_numeric_overflow && error->position > 0;
         i++) {
        size_t end = (size_t)error->position;
        size_t start = end;
        while (start > 0 && is_number(text[start - 1])) {
            start--;
        }
        if (end - start < 3) {
            break;
        }
        memset(text + start, ' ', end - start);
        memcpy(text + start, "[0]", 3);
        json = json_loadb(text, len, JSON_REJECT_DUPLICATES, error);
    }
    return json;
}

static int read_line(evaluation_t *e, char *text, size_t len)
{
    json_error_t error;
    json_t *json = parse(text, len, &error);
    const json_t *inputs = json_object_get(json, "inputs");
    const json_t *excluded = json_object_get(json, "excluded");
    const json_t *figures = json_object_get(json, "figures");
    if (json == NULL) {
        on_mistake(e, error.text, "one JSON object a line");
    } else if (!json_is_object(json) || !json_is_string(json_object_get(json, "unit"))) {
        on_mistake(e, "no unit", "{\"unit\": \"…\", \"inputs\": {…}}");
    } else if (inputs != NULL && !json_is_null(inputs) && !json_is_object(inputs)) {
        on_mistake(e, "inputs is not an object", "{\"CODE\": {\"a\": \"…\"}}");
    } else if (figures != NULL && !json_is_null(figures) && !json_is_object(figures)) {
        on_mistake(e, "figures is not an object", "{\"FIGURE\": \"…\"}");
    } else if (excluded != NULL && !json_is_array(excluded)) {
        on_mistake(e, "excluded is not a list", "[\"CODE\", …]");
    } else {
        return read_row(e, json);
    }
    json_decref(json);
    return 0;
}

static int read_all(evaluation_t *e, FILE *in)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* some programs put it before everything */
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int rc = 0;
    while (rc == 0 && (len = getline(&line, &room, in)) > 0) {
        e->line++;
        if (e->line == 1 && len >= 3 && memcmp(line, mark, 3) == 0) {
            memset(line, ' ', 3);
        }
        if (len > MAX_LINE || e->n_rows == MAX_UNITS) {
            on_mistake(e, "too long, or too many units",
                       "at most 16 MiB a line and a million lines");
        } else if (strspn(line, " \t\r\n") < (size_t)len) {
            rc = read_line(e, line, (size_t)len);
        }
    }
    if (rc == 0 && ferror(in)) {
        rc = errno != 0 ? -errno : -EIO;
    }
    free(line);
    return rc;
}

/* ---- results ---- */

static int compare_rows(const void *a, const void *b)
{
    const row_t *const *x = a;
    const row_t *const *y = b;
    const assess_sum_t *p = &(*x)->result.total;
    const assess_sum_t *q = &(*y)->result.total;
    int p_has = decimal_sign(p->max) > 0;
    int q_has = decimal_sign(q->max) > 0;
    if (!p_has || !q_has) {
        return q_has - p_has;
    }
    return decimal_compare_ratio(q->points, q->max, p->points, p->max);
}

static int rank_rows(evaluation_t *e)
{
    row_t **sorted = calloc(e->n_rows + 1, sizeof *sorted);
    if (sorted == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < e->n_rows; i++) {
        sorted[i] = &e->rows[i];
    }
    qsort(sorted, e->n_rows, sizeof *sorted, compare_rows);
    for (size_t i = 0; i < e->n_rows; i++) {
        bool tied = i > 0 && compare_rows(&sorted[i - 1], &sorted[i]) == 0;
        bool has = decimal_sign(sorted[i]->result.total.max) > 0;
        sorted[i]->rank = !has ? 0 : tied ? sorted[i - 1]->rank : i + 1;
    }
    free(sorted);
    return 0;
}

static int evaluate_all(evaluation_t *e)
{
    rule_ratio_t *best = calloc(e->index->n_indicators + 1, sizeof *best);
    assess_unit_t *units = calloc(e->n_rows + 1, sizeof *units);
    if (best == NULL || units == NULL) {
        free(best);
        free(units);
        return -ENOMEM;
    }
    for (size_t i = 0; i < e->n_rows; i++) {
        units[i] = e->rows[i].unit;
    }
    for (unsigned i = 0; i < e->index->n_indicators; i++) {
        if (e->index->indicators[i].rule.kind == RULE_BEST) {
            best[i] = assess_best(e->index, i, units, e->n_rows);
        }
    }
    for (size_t i = 0; i < e->n_rows; i++) {
        assess_evaluate(e->index, &e->rows[i].unit, best, &e->rows[i].result);
    }
    free(best);
    free(units);
    return rank_rows(e);
}

static void put_decimal(jw_t *j, const char *key, decimal_t value)
{
    char text[DECIMAL_TEXT_SIZE];
    jw_put_text(j, key, decimal_format_fixed(value, 6, DECIMAL_HALF_UP, text));
}

static void put_indicators(jw_t *j, const evaluation_t *e, const row_t *row)
{
    jw_put_object(j, "indicators");
    for (unsigned i = 0; i < e->index->n_indicators; i++) {
        const rule_result_t *r = &row->result.results[i];
        jw_put_object(j, e->index->indicators[i].code);
        put_decimal(j, "points", r->points);
        put_decimal(j, "max", e->index->indicators[i].max);
        jw_put_text(j, "status", status_names[r->status]);
        jw_put_array(j, "flags");
        for (unsigned f = 0; f < RULE_FLAGS; f++) {
            if ((r->flags >> f & 1) != 0) {
                jw_text(j, rule_flag_names[f]);
            }
        }
        jw_array_end(j);
        jw_object_end(j);
    }
    jw_object_end(j);
}

static void put_pillars(jw_t *j, const evaluation_t *e, const row_t *row)
{
    jw_put_object(j, "pillars");
    for (unsigned p = 0; p < e->index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &e->index->pillars[p];
        assess_sum_t sum = assess_sum(e->index, row->result.results, pillar->first, pillar->count);
        jw_put_object(j, pillar->code);
        put_decimal(j, "points", sum.points);
        put_decimal(j, "max", sum.max);
        jw_object_end(j);
    }
    jw_object_end(j);
}

static void put_row(const evaluation_t *e, const row_t *row, buffer_t *out)
{
    const assess_sum_t *total = &row->result.total;
    jw_t j = jw_to(out);
    decimal_t value;
    char rank[24];
    jw_object(&j);
    jw_put_text(&j, "unit", row->name);
    jw_put_text(&j, "index", e->index->id);
    put_indicators(&j, e, row);
    put_pillars(&j, e, row);
    put_decimal(&j, "points", total->points);
    put_decimal(&j, "max", total->max);
    if (assess_percent(total->points, total->max, &value) == 0) {
        put_decimal(&j, "percent", value);
        snprintf(rank, sizeof rank, "%llu", (unsigned long long)row->rank);
        jw_put_text(&j, "rank", rank);
        /* the share of what applies that is scored, 0..1 */
        decimal_muldiv(total->scored, decimal_of(1), total->max, DECIMAL_HALF_UP, &value);
        put_decimal(&j, "coverage", value);
    } else {
        jw_put_text(&j, "percent", NULL);
        jw_put_text(&j, "rank", NULL);
        jw_put_text(&j, "coverage", NULL);
    }
    jw_object_end(&j);
}

static void print_rows(const evaluation_t *e)
{
    buffer_t line = BUFFER_INIT(MAX_LINE);
    for (size_t i = 0; i < e->n_rows; i++) {
        buffer_clear(&line);
        put_row(e, &e->rows[i], &line);
        const char *text = buffer_text(&line);
        puts(text != NULL ? text : "{}");
    }
    buffer_free(&line);
}

static void free_rows(evaluation_t *e)
{
    for (size_t i = 0; i < e->n_rows; i++) {
        row_t *row = &e->rows[i];
        for (unsigned k = 0; row->unit.inputs != NULL && k < e->index->n_indicators; k++) {
            inputs_free(&row->unit.inputs[k]);
        }
        free(row->unit.inputs);
        free(row->unit.excluded);
        free(row->result.results);
        json_decref(row->json);
    }
    free(e->rows);
}

int command_evaluate(int argc, char **argv)
{
    const char *index = NULL;
    const char *folder = NULL;
    bool as_json; /* the only form there is; accepted so that scripts can say what they rely on */
    const option_spec_t specs[] = {{.name = "index", .value = &index},
                                   {.name = "catalogs", .value = &folder},
                                   {.name = "json", .flag = &as_json},
                                   {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || index == NULL || first < argc) {
        fprintf(stderr, "usage: chiso evaluate --index ID [--json] [--catalogs DIR] < LINES\n");
        return CHISO_EXIT_USAGE;
    }
    catalog_t *catalog = NULL;
    evaluation_t e = {0};
    int code = catalogs_open(folder, index, &catalog, &e.index);
    if (code != CHISO_EXIT_OK) {
        return code;
    }
    int rc = read_all(&e, stdin);
    if (rc == 0) {
        rc = evaluate_all(&e);
    }
    if (rc == 0) {
        print_rows(&e);
        code = e.mistakes == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
    } else {
        fprintf(stderr, "chiso: %s\n", chiso_strerror(rc));
        code = CHISO_EXIT_FAILURE;
    }
    free_rows(&e);
    catalog_destroy(&catalog);
    return code;
}
