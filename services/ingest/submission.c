/* submission.c - see submission.h. JSON and CSV are read by the readers of libs/extract, which keep
 * the digits of numbers and the lines of rows. */
#include "submission.h"

#include "base/error.h"
#include "extract/document.h"
#include "extract/extract.h"
#include "text/text.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT, PERIOD, FIGURE, VALUE, EVIDENCE, NOTE, WITHDRAW, COLUMNS };
static const char *const names[COLUMNS] = {"unit",     "period", "figure",  "value",
                                           "evidence", "note",   "withdraw"};

/* Texts of the rows, freed together. */
typedef struct submission_memory {
    char **texts;
    size_t n, room;
} memory_t;

typedef struct {
    submission_t *out;
    char *reason;
} read_t;

static int refuse(read_t *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int refuse(read_t *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason, SUBMISSION_REASON_SIZE, format, args);
    va_end(args);
    return CHISO_E_SYNTAX;
}

void submission_reject(submission_row_t *row, const char *field, const char *format, ...)
{
    if (row->field != NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    row->field = field;
    int len = vsnprintf(row->reason, sizeof row->reason, format, args);
    va_end(args);
    /* a cut must not leave half a character */
    size_t kept = len < 0 ? 0 : strlen(row->reason);
    row->reason[text_valid(row->reason, kept)] = '\0';
}

bool submission_is_key(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '!' || text[i] > '~') {
            return false;
        }
    }
    return len > 0 && len <= SUBMISSION_MAX_KEY;
}

/* Keeps the text in NFC; NULL stays. 0, -ENOMEM; what is wrong is the row's. */
static int keep(read_t *r, submission_row_t *row, const char *field, bytes_t text, size_t max,
                const char **out)
{
    memory_t *m = r->out->memory;
    char *normal;
    if (text.len == 0) {
        return 0;
    }
    int rc = text_normalise((const char *)text.data, text.len, max, &normal);
    if (rc == CHISO_E_SYNTAX || rc == CHISO_E_TOO_BIG) {
        submission_reject(row, field, "is %s; expected at most %zu bytes of UTF-8",
                          rc == CHISO_E_SYNTAX ? "no clean text" : "too long", max);
        return 0;
    }
    if (rc != 0) {
        return rc;
    }
    if (m->n == m->room) {
        size_t room = m->room == 0 ? 64 : m->room * 2;
        char **grown = realloc(m->texts, room * sizeof *grown);
        if (grown == NULL) {
            free(normal);
            return -ENOMEM;
        }
        m->texts = grown;
        m->room = room;
    }
    m->texts[m->n++] = normal;
    *out = *normal != '\0' ? normal : NULL;
    return 0;
}

static void add_evidence(submission_row_t *row, const char *text, size_t len)
{
    size_t got = 0;
    const char *end = text;
    uint8_t hash[SHA256_SIZE];
    if (len != SHA256_HEX_SIZE - 1 ||
        sodium_hex2bin(hash, sizeof hash, text, len, NULL, &got, &end) != 0 || got != SHA256_SIZE ||
        end != text + len) {
        submission_reject(row, names[EVIDENCE], "'%.*s'; expected the 64 hex digits of a SHA-256",
                          (int)(len < 80 ? len : 80), text);
        return;
    }
    for (size_t i = 0; i < row->n_evidence; i++) {
        if (memcmp(row->evidence[i], hash, SHA256_SIZE) == 0) {
            return;
        }
    }
    if (row->n_evidence == EVENT_MAX_EVIDENCE) {
        submission_reject(row, names[EVIDENCE], "has more than %d files", EVENT_MAX_EVIDENCE);
        return;
    }
    memcpy(row->evidence[row->n_evidence++], hash, SHA256_SIZE);
}

static int make_rows(read_t *r, size_t n)
{
    if (n == 0) {
        return refuse(r, "there are no rows; expected at least one");
    }
    if (n > SUBMISSION_MAX_ROWS) {
        return refuse(r, "there are %zu rows; expected at most %d", n, SUBMISSION_MAX_ROWS);
    }
    r->out->rows = calloc(n, sizeof *r->out->rows);
    r->out->n_rows = n;
    return r->out->rows != NULL ? 0 : -ENOMEM;
}

/* ---- JSON ---- */

/* "[1,3]" of a list of numbers; anything else is the row's fault. */
static int keep_list(read_t *r, submission_row_t *row, const json_t *list)
{
    buffer_t text = BUFFER_INIT(4096);
    size_t i;
    const json_t *item;
    buffer_append_text(&text, "[");
    json_array_foreach(list, i, item)
    {
        bytes_t digits = document_text(item);
        buffer_append_text(&text, i > 0 ? "," : "");
        buffer_append(&text, digits.data != NULL ? digits.data : (const uint8_t *)"?",
                      digits.data != NULL ? digits.len : 1);
    }
    buffer_append_text(&text, "]");
    int rc = 0;
    if (text.failed) {
        submission_reject(row, names[VALUE], "is too long a list");
    } else {
        rc = keep(r, row, names[VALUE], buffer_bytes(&text), 4096, &row->value);
    }
    buffer_free(&text);
    return rc;
}

static int read_member(read_t *r, submission_row_t *row, const char *key, const json_t *value)
{
    const char **const texts[COLUMNS] = {&row->unit, &row->period, &row->figure, &row->value,
                                         NULL,       &row->note,   NULL};
    size_t column = 0;
    while (column < COLUMNS && strcmp(names[column], key) != 0) {
        column++;
    }
    if (column == COLUMNS) {
        submission_reject(row, "row",
                          "has the member '%.40s'; expected unit, period, figure, value, evidence, "
                          "note, withdraw",
                          key);
        return 0;
    }
    if (json_is_null(value)) {
        return 0;
    }
    if (column == WITHDRAW) {
        row->withdraw = json_is_true(value);
        if (!json_is_boolean(value)) {
            submission_reject(row, names[WITHDRAW], "is neither true nor false");
        }
        return 0;
    }
    if (column == EVIDENCE) {
        size_t i;
        const json_t *item;
        if (!json_is_array(value)) {
            submission_reject(row, names[EVIDENCE], "is no list; expected a list of SHA-256");
        }
        json_array_foreach(value, i, item)
        {
            bytes_t text = document_text(item);
            add_evidence(row, text.len > 0 ? (const char *)text.data : "", text.len);
        }
        return 0;
    }
    if (column == VALUE && json_is_array(value)) {
        return keep_list(r, row, value);
    }
    bytes_t text = document_text(value);
    if (text.data == NULL) {
        submission_reject(row, names[column], "is no text; expected a string%s",
                          column == VALUE ? " or a number" : "");
        return 0;
    }
    return keep(r, row, names[column], text, column == NOTE ? SUBMISSION_MAX_NOTE : 256,
                texts[column]);
}

static int read_json_rows(read_t *r, json_t *list)
{
    size_t i;
    json_t *item;
    int rc = make_rows(r, json_array_size(list));
    if (rc != 0) {
        return rc;
    }
    json_array_foreach(list, i, item)
    {
        submission_row_t *row = &r->out->rows[i];
        const char *key;
        json_t *value;
        row->line = i + 1;
        if (!json_is_object(item)) {
            submission_reject(row, "row", "is no object");
        }
        json_object_foreach(item, key, value)
        {
            rc = read_member(r, row, key, value);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

static int read_json_head(read_t *r, json_t *root, json_t **rows)
{
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        if (strcmp(name, "rows") == 0 && json_is_array(value)) {
            *rows = value;
        } else if (strcmp(name, "atomic") == 0 && json_is_boolean(value)) {
            r->out->atomic = json_is_true(value);
        } else if (strcmp(name, "key") == 0 && json_is_string(value)) {
            submission_row_t nobody = {0};
            bytes_t text = document_text(value);
            int rc = keep(r, &nobody, "key", text, SUBMISSION_MAX_KEY, &r->out->key);
            if (rc != 0) {
                return rc;
            }
            if (r->out->key == NULL || !submission_is_key(r->out->key) ||
                strlen(r->out->key) != text.len) {
                return refuse(r, "key: expected 1 to %d printable ASCII characters without spaces",
                              SUBMISSION_MAX_KEY);
            }
        } else {
            return refuse(r,
                          "'%.40s' is not expected so; expected key (text), atomic (true, false), "
                          "rows (a list)",
                          name);
        }
    }
    return *rows != NULL ? 0 : refuse(r, "there is no list rows");
}

static int read_json(read_t *r, bytes_t body)
{
    json_t *root;
    char why[EXTRACT_REASON_SIZE] = "";
    int rc = document_parse(body, why, &root);
    if (rc != 0) {
        return rc == CHISO_E_SYNTAX ? refuse(r, "%s", why) : rc;
    }
    json_t *rows = NULL;
    rc = json_is_object(root) ? read_json_head(r, root, &rows)
                              : refuse(r, "the body is no object; expected {\"rows\":[…]}");
    if (rc == 0) {
        rc = read_json_rows(r, rows);
    }
    json_decref(root);
    return rc;
}

/* ---- CSV ---- */

/* The delimiter is the one of the first line; each of its headings must be known. */
static int check_headings(read_t *r, bytes_t body, char *delimiter)
{
    const char *at = (const char *)body.data;
    const char *end = at + body.len;
    if (body.len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) {
        at += 3;
    }
    const char *line_end = at;
    while (line_end < end && *line_end != '\n' && *line_end != '\r') {
        line_end++;
    }
    size_t len = (size_t)(line_end - at);
    *delimiter = memchr(at, ';', len) != NULL ? ';' : memchr(at, '\t', len) != NULL ? '\t' : ',';
    unsigned seen = 0;
    while (at <= line_end) {
        const char *stop = memchr(at, *delimiter, (size_t)(line_end - at));
        stop = stop != NULL ? stop : line_end;
        const char *from = at;
        const char *to = stop;
        while (from < to && strchr(" \"", *from) != NULL) {
            from++;
        }
        while (to > from && strchr(" \"", to[-1]) != NULL) {
            to--;
        }
        size_t column = 0;
        while (column < COLUMNS && (strlen(names[column]) != (size_t)(to - from) ||
                                    memcmp(names[column], from, (size_t)(to - from)) != 0)) {
            column++;
        }
        if (column == COLUMNS || (seen & 1U << column) != 0) {
            return refuse(r,
                          "line 1: the column '%.*s'; expected unit, period, figure, value, "
                          "evidence, note, withdraw, each once",
                          (int)(to - from < 40 ? to - from : 40), from);
        }
        seen |= 1U << column;
        at = stop + 1;
    }
    return 0;
}

static int read_csv_row(read_t *r, const extract_row_t *from, submission_row_t *row)
{
    const char **const texts[COLUMNS] = {&row->unit, &row->period, &row->figure, &row->value,
                                         NULL,       &row->note,   NULL};
    row->line = from->line;
    if (from->fault != NULL) {
        submission_reject(row, "row", "%s", from->fault);
        return 0;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        const char *cell = from->cells[i];
        if (cell == NULL) {
            continue;
        }
        if (i == WITHDRAW) {
            row->withdraw = strcmp(cell, "yes") == 0;
            if (!row->withdraw && *cell != '\0' && strcmp(cell, "no") != 0) {
                submission_reject(row, names[i], "'%.40s'; expected yes or no", cell);
            }
            continue;
        }
        if (i != EVIDENCE) {
            int rc = keep(r, row, names[i], bytes_of_text(cell),
                          i == NOTE ? SUBMISSION_MAX_NOTE : 256, texts[i]);
            if (rc != 0) {
                return rc;
            }
            continue;
        }
        for (cell += strspn(cell, " "); *cell != '\0'; cell += strspn(cell, " ")) {
            size_t len = strcspn(cell, " ");
            add_evidence(row, cell, len);
            cell += len;
        }
    }
    return 0;
}

static int read_csv(read_t *r, bytes_t body)
{
    extract_column_t columns[COLUMNS] = {0};
    extract_table_t table;
    extract_spec_t spec = {.format = EXTRACT_CSV, .columns = columns, .n_columns = COLUMNS};
    int rc = check_headings(r, body, &spec.delimiter);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i] = (extract_column_t){.name = names[i], .path = names[i]};
    }
    rc = extract(&spec, body, &table);
    if (rc != 0) {
        return rc;
    }
    rc = table.kind == EXTRACT_ROWS || table.kind == EXTRACT_EMPTY ? make_rows(r, table.n_rows)
                                                                   : refuse(r, "%s", table.reason);
    for (size_t i = 0; i < table.n_rows && rc == 0; i++) {
        rc = read_csv_row(r, &table.rows[i], &r->out->rows[i]);
    }
    extract_free(&table);
    return rc;
}

/* ---- both ---- */

static void check_complete(submission_row_t *row)
{
    const char *const given[] = {row->unit, row->period, row->figure, row->value};
    size_t needed = row->withdraw ? VALUE : sizeof given / sizeof given[0];
    for (size_t i = 0; i < needed; i++) {
        if (given[i] == NULL) {
            submission_reject(row, names[i], "is missing");
        }
    }
    if (row->withdraw && (row->value != NULL || row->n_evidence > 0)) {
        submission_reject(row, names[WITHDRAW], "what is withdrawn has no value and no evidence");
    } else if (row->withdraw && row->note == NULL) {
        submission_reject(row, names[NOTE], "is missing; expected why it is withdrawn");
    }
}

int submission_read(submission_format_t format, bytes_t body, char reason[SUBMISSION_REASON_SIZE],
                    submission_t *out)
{
    *out = (submission_t){.memory = calloc(1, sizeof(memory_t))};
    read_t r = {out, reason};
    int rc = out->memory == NULL ? -ENOMEM : 0;
    if (rc == 0 && body.len == 0) {
        rc = refuse(&r, "the body is empty");
    }
    if (rc == 0) {
        rc = format == SUBMISSION_JSON ? read_json(&r, body) : read_csv(&r, body);
    }
    for (size_t i = 0; rc == 0 && i < out->n_rows; i++) {
        check_complete(&out->rows[i]);
    }
    if (rc != 0) {
        reason[text_valid(reason, strlen(reason))] = '\0';
        submission_free(out);
    }
    return rc;
}

void submission_free(submission_t *s)
{
    for (size_t i = 0; s->memory != NULL && i < s->memory->n; i++) {
        free(s->memory->texts[i]);
    }
    if (s->memory != NULL) {
        free(s->memory->texts);
    }
    free(s->memory);
    free(s->rows);
    *s = (submission_t){0};
}
