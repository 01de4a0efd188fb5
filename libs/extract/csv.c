/* csv.c - rows of a CSV body, RFC 4180.
 *
 * libcsv skips empty lines without a word, gives no line numbers and no bytes of a row, and the
 * three are what a person needs to find the row again; so this is read by hand. Quotes follow the
 * RFC: where they do not add up, nobody knows where rows begin, and the whole body is malformed.
 */
#include "base/error.h"
#include "extract/body.h"
#include "text/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FIELDS 1024
#define NO_FIELD SIZE_MAX

typedef struct {
    table_t *table;
    const uint8_t *at, *end;
    size_t line;
    uint8_t delimiter;
    buffer_t text;           /* the fields of a record, unquoted, one after the other */
    size_t ends[MAX_FIELDS]; /* in text */
    size_t n;
} csv_t;

static bool is_break(uint8_t c)
{
    return c == '\n' || c == '\r';
}

/* Over one byte, or over the two of CR LF. */
static void skip(csv_t *c)
{
    if (is_break(*c->at)) {
        c->line++;
        c->at += *c->at == '\r' && c->at + 1 < c->end && c->at[1] == '\n' ? 1 : 0;
    }
    c->at++;
}

static void take_quoted(csv_t *c)
{
    size_t opened = c->line;
    c->at++;
    while (c->at < c->end) {
        const uint8_t *from = c->at;
        bool quote = *from == '"';
        if (quote && (from + 1 == c->end || from[1] != '"')) {
            c->at++;
            return;
        }
        c->at += quote ? 1 : 0;
        skip(c);
        buffer_append(&c->text, from + quote, (size_t)(c->at - from) - quote);
    }
    table_decide(c->table, EXTRACT_MALFORMED,
                 "the body is cut: the quote that opens in line %zu is not closed", opened);
}

static void take_field(csv_t *c)
{
    if (c->at < c->end && *c->at == '"') {
        take_quoted(c);
        if (c->at < c->end && *c->at != c->delimiter && !is_break(*c->at)) {
            table_decide(c->table, EXTRACT_MALFORMED,
                         "line %zu: text behind the closing quote of a field; expected \"%c\"",
                         c->line, c->delimiter);
        }
    } else {
        const uint8_t *from = c->at;
        while (c->at < c->end && *c->at != c->delimiter && !is_break(*c->at)) {
            c->at++;
        }
        buffer_append(&c->text, from, (size_t)(c->at - from));
    }
    if (c->n < MAX_FIELDS) {
        c->ends[c->n] = c->text.len;
    }
    c->n++;
}

/* How many bytes of white space the text begins with. */
static size_t blank(bytes_t text)
{
    size_t i = 0;
    while (i < text.len &&
           (text.data[i] == ' ' || text.data[i] == '\t' || is_break(text.data[i]))) {
        i++;
    }
    return i;
}

/* The next record that holds any text, with the line it begins in; false at the end. */
static bool next_record(csv_t *c, size_t *line, bytes_t *raw)
{
    do {
        if (c->at == c->end || table_done(c->table)) {
            return false;
        }
        const uint8_t *from = c->at;
        *line = c->line;
        buffer_clear(&c->text);
        c->n = 0;
        take_field(c);
        while (!table_done(c->table) && c->at < c->end && *c->at == c->delimiter) {
            c->at++;
            take_field(c);
        }
        *raw = bytes_of(from, (size_t)(c->at - from));
        if (c->at < c->end) {
            skip(c);
        }
    } while (blank(buffer_bytes(&c->text)) == c->text.len);
    c->table->rc = c->text.failed ? -ENOMEM : c->table->rc;
    return !table_done(c->table);
}

static bytes_t field(const csv_t *c, size_t i)
{
    size_t from = i > 0 ? c->ends[i - 1] : 0;
    return bytes_of(c->text.data + from, c->ends[i] - from);
}

/* ---- headings ---- */

typedef struct {
    char *names[MAX_FIELDS];
    size_t n;
} headings_t;

static size_t find(const headings_t *h, const char *name)
{
    char *tidy = NULL;
    size_t at = NO_FIELD;
    if (text_normalise(name, strlen(name), EXTRACT_MAX_POINTER, &tidy) == 0) {
        for (size_t i = 0; i < h->n && at == NO_FIELD; i++) {
            at = strcmp(h->names[i], tidy) == 0 ? i : NO_FIELD;
        }
    }
    free(tidy);
    return at;
}

static void read_headings(csv_t *c, size_t line, headings_t *h)
{
    if (c->n > MAX_FIELDS) {
        table_decide(c->table, EXTRACT_MALFORMED, "line %zu: more than %d headings", line,
                     MAX_FIELDS);
    }
    for (size_t i = 0; i < c->n && !table_done(c->table); i++) {
        bytes_t text = field(c, i);
        char *name = NULL;
        int rc = text_normalise((const char *)text.data, text.len, EXTRACT_MAX_POINTER, &name);
        if (rc == -ENOMEM) {
            c->table->rc = rc;
        } else if (rc != 0) {
            table_decide(c->table, EXTRACT_MALFORMED, "line %zu: heading %zu is no short text",
                         line, i + 1);
        } else if (*name != '\0' && find(h, name) != NO_FIELD) {
            table_decide(c->table, EXTRACT_MALFORMED, "line %zu: the heading \"%s\" comes twice",
                         line, name);
            free(name);
        } else {
            h->names[h->n++] = name;
        }
    }
}

static void missing(csv_t *c, const headings_t *h, const char *name)
{
    buffer_t there = BUFFER_INIT(200);
    for (size_t i = 0; i < h->n && there.len + strlen(h->names[i]) < 150; i++) {
        buffer_printf(&there, "%s%s", i > 0 ? ", " : "", h->names[i]);
    }
    const char *text = buffer_text(&there);
    table_decide(c->table, EXTRACT_MALFORMED, "there is no heading \"%s\"; there is: %s", name,
                 text != NULL ? text : "?");
    buffer_free(&there);
}

static void read_rows(csv_t *c)
{
    const extract_spec_t *spec = c->table->spec;
    headings_t h = {.n = 0};
    size_t places[EXTRACT_MAX_COLUMNS];
    size_t line;
    bytes_t raw;
    if (next_record(c, &line, &raw)) {
        read_headings(c, line, &h);
    }
    if (spec->proof != NULL && find(&h, spec->proof) == NO_FIELD) {
        missing(c, &h, spec->proof);
    }
    for (size_t i = 0; i < spec->n_columns; i++) {
        places[i] = find(&h, spec->columns[i].path);
        if (places[i] == NO_FIELD && spec->columns[i].required) {
            missing(c, &h, spec->columns[i].path);
        }
    }
    while (next_record(c, &line, &raw) && table_row(c->table, line, raw)) {
        if (c->n != h.n) { /* an unquoted "17,5" has moved all that follows */
            table_fault(c->table, "%zu fields; the headings are %zu", c->n, h.n);
            continue;
        }
        for (size_t i = 0; i < spec->n_columns; i++) {
            if (places[i] != NO_FIELD) {
                table_cell(c->table, i, field(c, places[i]));
            }
        }
    }
    for (size_t i = 0; i < h.n; i++) {
        if (*h.names[i] != '\0') {
            table_name(c->table, h.names[i]);
        }
        free(h.names[i]);
    }
}

static size_t line_of(bytes_t body, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) {
        line += body.data[i] == '\n' ? 1 : 0;
    }
    return line;
}

void body_csv(table_t *t, bytes_t body)
{
    if (body.len >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0) {
        body = bytes_of(body.data + 3, body.len - 3);
    }
    size_t first = blank(body);
    if (first == body.len) {
        table_decide(t, EXTRACT_BLOCKED, "the body is empty; expected CSV");
        return;
    }
    if (body.data[first] == '<') {
        table_page(t, body, "CSV");
        return;
    }
    const uint8_t *nul = memchr(body.data, '\0', body.len);
    size_t whole = nul != NULL ? (size_t)(nul - body.data) : body.len;
    size_t good = text_valid((const char *)body.data, whole);
    if (good < body.len) {
        table_decide(t, EXTRACT_MALFORMED, "line %zu: not UTF-8; expected CSV in UTF-8",
                     line_of(body, good));
        return;
    }
    csv_t *c = calloc(1, sizeof *c); /* the ends are 8 KiB */
    if (c == NULL) {
        t->rc = -ENOMEM;
        return;
    }
    *c = (csv_t){.table = t,
                 .at = body.data,
                 .end = body.data + body.len,
                 .line = 1,
                 .delimiter = t->spec->delimiter != '\0' ? (uint8_t)t->spec->delimiter : ',',
                 .text = BUFFER_INIT(body.len)};
    read_rows(c);
    buffer_free(&c->text);
    free(c);
}
