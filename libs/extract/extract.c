/* extract.c - see extract.h. */
#include "extract/extract.h"

#include "base/error.h"
#include "extract/body.h"
#include "extract/document.h"
#include "text/text.h"

#include <stdio.h>
#include <string.h>

int extract(const extract_spec_t *spec, bytes_t body, extract_table_t *out)
{
    table_t t = table_begin(spec, out);
    int rc = 0;
    if (body.len > EXTRACT_MAX_BODY) {
        table_decide(&t, EXTRACT_MALFORMED, "larger than %d bytes", EXTRACT_MAX_BODY);
    } else if (spec->format == EXTRACT_JSON) {
        body_json(&t, body);
    } else if (spec->format == EXTRACT_CSV) {
        body_csv(&t, body);
    } else {
        rc = body_html(&t, body);
    }
    int end = table_end(&t);
    if (rc != 0 && end == 0) {
        extract_free(out);
    }
    return rc != 0 ? rc : end;
}

static int wrong(char reason[EXTRACT_REASON_SIZE], const char *what, const char *path,
                 const char *expected)
{
    snprintf(reason, EXTRACT_REASON_SIZE, "%.40s: \"%.60s\" is not %s", what,
             path != NULL ? path : "", expected);
    return CHISO_E_SYNTAX;
}

static bool column_is_good(const char *path)
{
    size_t digits = strspn(path, "0123456789");
    bool number = digits > 0 && digits <= 2 && (digits == 1 || *path != '0');
    return pointer_is_good(*path == '^' ? path + 1 : number ? path + digits : path);
}

static int check_csv(const extract_spec_t *spec, char reason[EXTRACT_REASON_SIZE])
{
    char delimiter[2] = {spec->delimiter, '\0'};
    if (spec->delimiter != '\0' && strchr(",;|\t", spec->delimiter) == NULL) {
        return wrong(reason, "delimiter", delimiter, "a comma, semicolon, bar or tab");
    }
    for (size_t i = 0; i < spec->n_columns; i++) {
        const extract_column_t *c = &spec->columns[i];
        if (strspn(c->path, " \t") == strlen(c->path) || !text_is_clean(c->path, strlen(c->path))) {
            return wrong(reason, c->name, c->path, "a heading");
        }
    }
    return 0;
}

static int check_html(const extract_spec_t *spec, char reason[EXTRACT_REASON_SIZE])
{
    if (spec->rows == NULL || *spec->rows == '\0' || strlen(spec->rows) > EXTRACT_MAX_POINTER) {
        return wrong(reason, "rows", spec->rows, "an XPath");
    }
    if (spec->proof != NULL && strlen(spec->proof) > EXTRACT_MAX_POINTER) {
        return wrong(reason, "proof", spec->proof, "an XPath");
    }
    if (spec->wrapped != NULL && !pointer_is_good(spec->wrapped)) {
        return wrong(reason, "wrapped", spec->wrapped, "a JSON Pointer");
    }
    return body_html_check(spec, reason);
}

static int check_json(const extract_spec_t *spec, char reason[EXTRACT_REASON_SIZE])
{
    if (spec->rows == NULL || !pointer_is_good(spec->rows)) {
        return wrong(reason, "rows", spec->rows, "a JSON Pointer");
    }
    if (spec->proof != NULL && !pointer_is_good(spec->proof)) {
        return wrong(reason, "proof", spec->proof, "a JSON Pointer");
    }
    for (size_t i = 0; i < spec->n_columns; i++) {
        const extract_column_t *c = &spec->columns[i];
        if (!column_is_good(c->path)) {
            return wrong(reason, c->name, c->path, "a JSON Pointer");
        }
    }
    return 0;
}

int extract_check(const extract_spec_t *spec, char reason[EXTRACT_REASON_SIZE])
{
    if (spec->n_columns == 0 || spec->n_columns > EXTRACT_MAX_COLUMNS) {
        snprintf(reason, EXTRACT_REASON_SIZE, "%zu columns; expected 1 to %d", spec->n_columns,
                 EXTRACT_MAX_COLUMNS);
        return CHISO_E_SYNTAX;
    }
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (spec->columns[i].path == NULL || strlen(spec->columns[i].path) > EXTRACT_MAX_POINTER) {
            return wrong(reason, spec->columns[i].name, spec->columns[i].path, "a path");
        }
    }
    switch (spec->format) {
    case EXTRACT_CSV:
        return check_csv(spec, reason);
    case EXTRACT_JSON:
        return check_json(spec, reason);
    case EXTRACT_HTML:
        return check_html(spec, reason);
    }
    return wrong(reason, "format", "", "one of the known");
}
