/* source.c - see source.h. The texts stay in the form that libcyaml filled; here they are checked
 * and turned into what reading needs: columns, places, decimals. */
#include "source.h"

#include "base/error.h"
#include "build.h"
#include "event/event.h"
#include "fetch/auth.h"
#include "template.h"
#include "text/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void build_wrong(whole_t *w, const char *path, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int rc = config_error(w->file, path, "%s", text);
    w->rc = w->rc != 0 ? w->rc : rc;
}

void *build_own(whole_t *w, size_t n, size_t size)
{
    void **grown = realloc(w->owned, (w->n_owned + 1) * sizeof *grown);
    void *made = calloc(n + 1, size);
    if (grown != NULL) {
        w->owned = grown;
    }
    if (grown == NULL || made == NULL) {
        free(made);
        w->rc = -ENOMEM;
        return NULL;
    }
    w->owned[w->n_owned++] = made;
    return made;
}

/* ---- small values ---- */

static int column(whole_t *w, const char *path, const char *at, bool required)
{
    for (size_t i = 0; i < w->source.rows.n_columns; i++) {
        if (strcmp(w->columns[i].path, at) == 0) {
            w->columns[i].required = w->columns[i].required || required;
            return (int)i;
        }
    }
    if (w->source.rows.n_columns == EXTRACT_MAX_COLUMNS) {
        build_wrong(w, path, "'%s' is one column too many; expected at most 64", at);
        return 0;
    }
    const char *name = *at == '/' ? at + 1 : at; /* what operators read */
    w->columns[w->source.rows.n_columns] = (extract_column_t){name, at, required};
    return (int)w->source.rows.n_columns++;
}

static int optional_column(whole_t *w, const char *path, const char *at)
{
    return at != NULL ? column(w, path, at, false) : -1;
}

bool build_number(whole_t *w, const char *path, const char *text, decimal_t *out)
{
    if (text == NULL) {
        return false;
    }
    if (decimal_parse(text, strlen(text), out) != 0) {
        build_wrong(w, path, "'%s'; expected a number such as \"12.5\"", text);
    }
    return true;
}

static unsigned whole_number(whole_t *w, const char *path, const char *text, unsigned fallback,
                             unsigned min, unsigned max)
{
    unsigned long value = fallback;
    if (text != NULL) {
        char *end;
        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno != 0 || *end != '\0' || *text < '0' || *text > '9' || value < min ||
            value > max) {
            build_wrong(w, path, "'%s'; expected a whole number within its limits", text);
            return fallback;
        }
    }
    return (unsigned)value;
}

static source_by_t register_of(whole_t *w, const char *path, const char *name, bool rows)
{
    static const char *const names[] = {"code", "dvc", "geo", "agency", "table", "series"};
    for (int i = 0; name != NULL && i < (rows ? 6 : 5); i++) {
        if (strcmp(names[i], name) == 0) {
            return (source_by_t)(i + 1);
        }
    }
    if (name != NULL) {
        build_wrong(w, path, "'%s'; expected code, dvc, geo, agency%s", name,
                    rows ? ", table or series" : " or table");
    }
    return (source_by_t)0;
}

/* year, quarter, month as a period_kind_t; -1 for none. */
/* Its place among the words, or -1. */
static int one_of(const char *text, const char *const *words, int n)
{
    int found = -1;
    for (int i = 0; i < n; i++) {
        found = strcmp(text, words[i]) == 0 ? i : found;
    }
    return found;
}

static int period_kind_of(const char *name)
{
    return one_of(name, (const char *const[]){"year", "quarter", "month"}, 3);
}

static void check_template(whole_t *w, const char *path, const char *text, bool secrets)
{
    const char *name;
    if (text != NULL && template_check(text, secrets, &name) != 0) {
        build_wrong(w, path,
                    "'%s' is no variable here; see docs/add-a-source.md for those there are", name);
    }
}

/* ---- what is asked ---- */

static source_pair_t *pairs(whole_t *w, const char *key, const form_pair_t *from, unsigned n,
                            bool secrets)
{
    source_pair_t *out = build_own(w, n, sizeof *out);
    for (unsigned i = 0; out != NULL && i < n; i++) {
        char path[64];
        snprintf(path, sizeof path, "request.%s[%u].value", key, i);
        check_template(w, path, from[i].value, secrets);
        out[i] = (source_pair_t){from[i].name, from[i].value};
    }
    return out;
}

static void build_request(whole_t *w)
{
    const form_request_t *r = &w->form->request;
    source_t *s = &w->source;
    s->method = r->method != NULL ? r->method : "GET";
    if (strcmp(s->method, "GET") != 0 && strcmp(s->method, "POST") != 0) {
        build_wrong(w, "request.method", "'%s'; expected GET or POST", s->method);
    }
    s->path = r->path;
    s->prime = r->prime;
    s->body = r->body;
    s->csrf_cookie = r->csrf_cookie;
    check_template(w, "request.path", r->path, false);
    check_template(w, "request.prime", r->prime, false);
    check_template(w, "request.body", r->body, true);
    for (unsigned i = 0; i < r->headers_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "request.headers[%u]", i);
        check_template(w, path, r->headers[i], true);
        if (strchr(r->headers[i], ':') == NULL) {
            build_wrong(w, path, "'%s'; expected \"Name: value\"", r->headers[i]);
        }
    }
    s->headers = (const char *const *)r->headers;
    s->n_headers = r->headers_count;
    s->query = pairs(w, "query", r->query, r->query_count, false);
    s->n_query = r->query_count;
    s->form = pairs(w, "form", r->form, r->form_count, true);
    s->n_form = r->form_count;
    if ((r->body != NULL || r->form_count > 0) && strcmp(s->method, "GET") == 0) {
        build_wrong(w, "request.method", "%s; expected POST, since there is a body", s->method);
    }
    if (r->body != NULL && r->form_count > 0) {
        build_wrong(w, "request.body", "%s; expected a body or a form, not both", "both are given");
    }
}

static void build_values(whole_t *w)
{
    source_t *s = &w->source;
    s->values = build_own(w, w->form->values_count, sizeof *s->values);
    for (unsigned i = 0; s->values != NULL && i < w->form->values_count; i++) {
        const form_value_t *from = &w->form->values[i];
        char path[64];
        snprintf(path, sizeof path, "values[%u].value", i);
        check_template(w, path, from->value, true);
        snprintf(path, sizeof path, "values[%u].as", i);
        if (from->as != NULL && strcmp(from->as, "base64") != 0) {
            build_wrong(w, path, "'%s'; expected base64", from->as);
        }
        s->values[i] = (source_value_t){from->name, from->value, from->as != NULL};
        s->n_values = i + 1;
    }
}

static void build_login(whole_t *w)
{
    const form_login_t *from = w->form->login;
    source_login_t *to = from != NULL ? build_own(w, 1, sizeof *to) : NULL;
    if (to == NULL) {
        return;
    }
    *to = (source_login_t){.path = from->path,
                           .body = from->body,
                           .headers = (const char *const *)from->headers,
                           .n_headers = from->headers_count,
                           .form = pairs(w, "login", from->form, from->form_count, true),
                           .n_form = from->form_count,
                           .token = from->token,
                           .expires = from->expires,
                           .lasts_ms = 3600 * 1000};
    check_template(w, "login.path", from->path, false);
    check_template(w, "login.body", from->body, true);
    for (unsigned i = 0; i < from->headers_count; i++) {
        check_template(w, "login.headers", from->headers[i], true);
    }
    config_duration(w->file, "login.lasts", from->lasts, to->lasts_ms, 1000,
                    30LL * 24 * 3600 * 1000, &to->lasts_ms);
    w->rc = w->rc == 0 && config_errors(w->file) > 0 ? CHISO_E_CONFIG : w->rc;
    w->source.login = to;
}

static void build_sign(whole_t *w)
{
    const form_sign_t *from = w->form->sign;
    if (from == NULL) {
        return;
    }
    source_t *s = &w->source;
    s->sign_text = from->text;
    s->sign_key = from->key;
    s->sign_key_id = from->key_id;
    s->sign_headers = (const char *const *)from->headers;
    s->n_sign_headers = from->headers_count;
    char reason[FETCH_REASON_SIZE];
    fetch_secret_t key = {.text = (char[]){"k"}, .len = 1};
    fetch_signing_t signing = {.to_sign = from->text, .key_id = from->key_id, .key = &key};
    for (unsigned i = 0; i < from->headers_count; i++) {
        signing.headers[i] = from->headers[i];
    }
    if (fetch_sign_check(&signing, reason) != 0) {
        build_wrong(w, "sign", "%s", reason);
    }
}

static void build_asking(whole_t *w)
{
    source_t *s = &w->source;
    const form_ask_t *ask = w->form->ask;
    const form_pages_t *pages = w->form->pages;
    s->total = s->only = -1;
    if (ask != NULL && ask->period != NULL && (s->only = period_kind_of(ask->period)) < 0) {
        build_wrong(w, "ask.period", "'%s'; expected year, quarter or month", ask->period);
    }
    if (ask != NULL) {
        s->nation = ask->nation;
        s->units_of = register_of(w, "ask.units_of", ask->units_of, false);
        s->each = register_of(w, "ask.each", ask->each, false);
        if (s->each != 0 && (s->nation != NULL || s->units_of != 0)) {
            build_wrong(w, "ask.each", "%s; expected it alone", "stands beside nation or units_of");
        }
    }
    if (pages != NULL) {
        s->first_page = whole_number(w, "pages.first", pages->first, 1, 0, 1);
        s->page_size = whole_number(w, "pages.size", pages->size, 1000, 1, 100000);
        s->most_pages = whole_number(w, "pages.most", pages->most, 100, 1, SOURCE_MAX_PAGES);
        s->total = optional_column(w, "pages.total", pages->total);
    }
}

/* ---- what is answered ---- */

static source_test_t *tests(whole_t *w, const char *at, const form_test_t *from, unsigned n,
                            bool of_row)
{
    source_test_t *out = build_own(w, n, sizeof *out);
    for (unsigned i = 0; out != NULL && i < n; i++) {
        out[i] = (source_test_t){.at = from[i].at,
                                 .column = of_row ? column(w, at, from[i].at, false) : -1,
                                 .is = (const char *const *)from[i].is,
                                 .n_is = from[i].is_count,
                                 .message = from[i].message};
    }
    return out;
}

static void build_rows(whole_t *w)
{
    static const char *const formats[] = {"json", "csv", "html"};
    const form_rows_t *r = &w->form->rows;
    extract_spec_t *spec = &w->source.rows;
    spec->format = (extract_format_t)(one_of(r->format, formats, 3) + 1);
    if (spec->format == 0) {
        build_wrong(w, "rows.format", "'%s'; expected json, csv or html", r->format);
    }
    spec->rows = r->at != NULL ? r->at : spec->format == EXTRACT_JSON ? "" : NULL;
    if (r->delimiter != NULL && strlen(r->delimiter) != 1) {
        build_wrong(w, "rows.delimiter", "'%s'; expected one character", r->delimiter);
    }
    spec->delimiter = r->delimiter != NULL ? *r->delimiter : '\0';
    spec->proof = r->proof;
    spec->wrapped = r->wrapped;
    spec->columns = w->columns;
}

static void build_levels(whole_t *w)
{
    source_t *s = &w->source;
    const form_level_t *level = w->form->unit.level;
    s->level_column = -1;
    if (level == NULL) {
        return;
    }
    s->level_column = column(w, "unit.level.at", level->at, true);
    s->levels = build_own(w, level->words_count, sizeof *s->levels);
    for (unsigned i = 0; s->levels != NULL && i < level->words_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "unit.level.words[%u].is", i);
        s->levels[i] =
            (source_level_t){level->words[i].text, (int)event_level_of(level->words[i].is)};
        if (s->levels[i].level == 0) {
            build_wrong(w, path, "'%s'; expected province, department, commune or district",
                        level->words[i].is);
        }
    }
    s->n_levels = level->words_count;
}

static void build_unit(whole_t *w)
{
    source_t *s = &w->source;
    const form_unit_t *u = &w->form->unit;
    s->by = register_of(w, "unit.by", u->by, true);
    s->unit_column = s->unknown_code = s->unknown_name = -1;
    if (s->by != SOURCE_BY_SERIES) {
        if (u->at == NULL) {
            build_wrong(w, "unit.at", "%s; expected where a row says its unit", "is missing");
        } else {
            s->unit_column = column(w, "unit.at", u->at, true);
        }
    } else if (s->each == 0) {
        build_wrong(w, "unit.by", "%s; expected ask.each, since the rows do not say their unit",
                    "series");
    }
    bool table =
        s->by == SOURCE_BY_TABLE || s->each == SOURCE_BY_TABLE || s->units_of == SOURCE_BY_TABLE;
    if (table != (u->table_count > 0)) {
        build_wrong(w, "unit.table", "%s; expected it where `table` joins, and only there",
                    u->table_count > 0 ? "is given" : "is missing");
    }
    s->table = build_own(w, u->table_count, sizeof *s->table);
    for (unsigned i = 0; s->table != NULL && i < u->table_count; i++) {
        s->table[i] = (source_word_t){u->table[i].text, u->table[i].is};
    }
    s->n_table = u->table_count;
    if (u->others != NULL && strcmp(u->others, "skip") != 0 && strcmp(u->others, "bad") != 0) {
        build_wrong(w, "unit.others", "'%s'; expected skip or bad", u->others);
    }
    s->skip_others = u->others != NULL && strcmp(u->others, "skip") == 0;
    build_levels(w);
    if (u->unknown != NULL) {
        s->unknown_code = column(w, "unit.unknown.code", u->unknown->code, true);
        s->unknown_name = column(w, "unit.unknown.name", u->unknown->name, true);
        if (s->level_column < 0 || s->units_of == 0) {
            build_wrong(w, "unit.unknown", "%s; expected unit.level and ask.units_of beside it",
                        "is given alone");
        }
    }
}

static void build_period(whole_t *w)
{
    source_t *s = &w->source;
    const form_period_t *p = w->form->period;
    s->period_column = -1;
    if (p == NULL) {
        return;
    }
    s->period_column = column(w, "period.at", p->at, true);
    s->period_date = p->date;
    bool number = strcmp(p->date, "month") == 0 || strcmp(p->date, "quarter") == 0;
    if (!number && strcmp(p->date, "period") != 0 && field_date_check(p->date) != 0) {
        build_wrong(
            w, "period.date",
            "'%s'; expected \"dd/MM/yyyy\", \"iso\", \"epoch-ms\", period, month or quarter",
            p->date);
    }
    int kind = period_kind_of(p->as);
    if (kind < 0 || (number && strcmp(p->date, p->as) != 0)) {
        build_wrong(w, "period.as", "'%s'; expected year, quarter or month, as period.date says",
                    p->as);
    }
    s->period_as = (period_kind_t)kind;
    s->period_window = p->window;
}

static void build_figure(whole_t *w, unsigned i)
{
    char at[32];
    char path[64];
    const form_figure_t *from = &w->form->figures[i];
    source_figure_t *to = &w->source.figures[i];
    snprintf(at, sizeof at, "figures[%u]", i);
#define PATH(key) (snprintf(path, sizeof path, "%s.%s", at, key), path)
    *to = (source_figure_t){.id = from->id,
                            .optional = from->optional,
                            .scale = decimal_of(1),
                            .column = -1,
                            .confidence = from->confidence,
                            .note = from->note};
    if (!text_is_code(from->id)) {
        build_wrong(w, PATH("id"), "'%s'; expected letters, digits, dots and hyphens", from->id);
    }
    if (source_figure(&w->source, from->id) != (int)i) {
        build_wrong(w, PATH("id"), "'%s' stands twice", from->id);
    }
    if ((from->at == NULL) == (from->value == NULL)) {
        build_wrong(w, at, "%s; expected `at` or `value`, one of the two",
                    from->at == NULL ? "has neither" : "has both");
    }
    build_number(w, PATH("value"), from->value, &to->value);
    if (from->at != NULL) {
        to->column = column(w, PATH("at"), from->at,
                            !from->optional && from->when_count == 0 && from->absent == NULL);
    }
    to->number = from->number != NULL ? field_number_of(from->number) : FIELD_PLAIN;
    if (to->number == 0) {
        build_wrong(w, PATH("number"),
                    "'%s'; expected plain, vietnamese, english, raw-of-max or yes-no",
                    from->number);
    }
    build_number(w, PATH("scale"), from->scale, &to->scale);
    to->has_min = build_number(w, PATH("min"), from->min, &to->min);
    to->has_max = build_number(w, PATH("max"), from->max, &to->max);
    to->has_absent = build_number(w, PATH("absent"), from->absent, &to->absent);
    to->date = from->date;
    if (from->date != NULL && field_date_check(from->date) != 0) {
        build_wrong(w, PATH("date"), "'%s'; expected a date such as \"dd/MM/yyyy\"", from->date);
    }
    if (from->combine != NULL) {
        to->combine = strcmp(from->combine, "sum") == 0 ? SOURCE_SUM : SOURCE_SAME;
        if (to->combine == SOURCE_SAME && strcmp(from->combine, "same") != 0) {
            build_wrong(w, PATH("combine"), "'%s'; expected sum or same", from->combine);
        }
    }
    if (from->jump != NULL) {
        build_limit(w, PATH("jump"), from->jump, &to->jump);
    }
    to->when = tests(w, PATH("when"), from->when, from->when_count, true);
    to->n_when = from->when_count;
    static const char *const confidences[] = {"sample", "code", "doc", "inferred"};
    if (from->confidence != NULL && one_of(from->confidence, confidences, 4) < 0) {
        build_wrong(w, PATH("confidence"), "'%s'; expected sample, code, doc or inferred",
                    from->confidence);
    }
#undef PATH
}

static void build_figures(whole_t *w)
{
    source_t *s = &w->source;
    s->figures = build_own(w, w->form->figures_count, sizeof *s->figures);
    for (unsigned i = 0; s->figures != NULL && i < w->form->figures_count; i++) {
        s->n_figures = i + 1;
        build_figure(w, i);
    }
}

static void build(whole_t *w)
{
    source_t *s = &w->source;
    const form_source_t *form = w->form;
    if (strcmp(form->format, "1") != 0) {
        build_wrong(w, "format", "'%s'; expected \"1\"", form->format);
    }
    if (!text_is_code(form->source)) {
        build_wrong(w, "source", "'%s'; expected letters, digits, dots and hyphens", form->source);
    }
    s->id = form->source;
    s->title = form->title;
    s->provider = form->provider;
    s->notes = (const char *const *)form->notes;
    s->n_notes = form->notes_count;
    s->file = config_file(w->file);
    build_rows(w);
    build_request(w);
    build_values(w);
    build_login(w);
    build_sign(w);
    build_asking(w);
    build_unit(w);
    build_period(w);
    build_figures(w);
    build_checks(w);
    s->success = tests(w, "success", form->success, form->success_count, false);
    s->n_success = form->success_count;
    char reason[160];
    if (w->rc == 0 && extract_check(&s->rows, reason) != 0) {
        build_wrong(w, "rows", "%s", reason);
    }
}

int source_load(const char *file, FILE *errors, source_t **out)
{
    whole_t *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return -ENOMEM;
    }
    int rc = config_load(file, &form_source_schema, errors, (void **)&w->form, &w->file);
    if (rc == 0) {
        build(w);
        rc = w->rc;
    }
    source_t *source = &w->source;
    if (rc != 0) {
        source_destroy(&source);
        return rc;
    }
    *out = source;
    return 0;
}

void source_destroy(source_t **source)
{
    if (source == NULL || *source == NULL) {
        return;
    }
    whole_t *w = (whole_t *)*source;
    for (size_t i = 0; i < w->n_owned; i++) {
        free(w->owned[i]);
    }
    free(w->owned);
    config_free_data(&form_source_schema, w->form);
    config_destroy(&w->file);
    free(w);
    *source = NULL;
}

int source_figure(const source_t *source, const char *id)
{
    for (unsigned i = 0; i < source->n_figures; i++) {
        if (strcmp(source->figures[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -1;
}
