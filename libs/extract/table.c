/* table.c - see table.h. All texts of a table live in an arena of chunks: a table is made at once,
 * read, and dropped at once, and has up to a million cells. */
#include "extract/table.h"

#include "base/error.h"
#include "text/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE (64 * 1024)
#define MAX_NAMES 4096 /* of a shape; further ones do not count */

struct extract_memory {
    struct extract_memory *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

static void *take(table_t *t, size_t size)
{
    struct extract_memory *chunk = t->out->memory;
    size = (size + 15) & ~(size_t)15;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = malloc(sizeof *chunk + room);
        if (chunk == NULL) {
            t->rc = -ENOMEM;
            return NULL;
        }
        *chunk = (struct extract_memory){.next = t->out->memory, .size = room};
        t->out->memory = chunk;
    }
    void *at = chunk->bytes + chunk->used;
    chunk->used += size;
    return at;
}

static char *keep(table_t *t, bytes_t text)
{
    char *copy = take(t, text.len + 1);
    if (copy != NULL) {
        if (text.len > 0) {
            memcpy(copy, text.data, text.len);
        }
        copy[text.len] = '\0';
    }
    return copy;
}

table_t table_begin(const extract_spec_t *spec, extract_table_t *out)
{
    *out = (extract_table_t){0};
    table_t t = {.out = out, .spec = spec, .names = json_object()};
    t.rc = t.names != NULL ? 0 : -ENOMEM;
    return t;
}

bool table_done(const table_t *t)
{
    return t->decided || t->rc != 0;
}

/* Whole characters only, none that a log or a terminal would stumble over. */
static void show(const char *text, char out[EXTRACT_REASON_SIZE])
{
    size_t at = 0;
    while (*text != '\0') {
        size_t len = 1;
        while (((unsigned char)text[len] & 0xC0) == 0x80) {
            len++;
        }
        bool clean = text_is_clean(text, len) && (len > 1 || *text >= ' ');
        size_t need = clean ? len : 1;
        if (at + need >= EXTRACT_REASON_SIZE) {
            break;
        }
        memcpy(out + at, clean ? text : "?", need);
        at += need;
        text += len;
    }
    out[at] = '\0';
}

void table_decide(table_t *t, extract_kind_t kind, const char *reason, ...)
{
    char text[1024];
    if (table_done(t)) {
        return;
    }
    va_list args;
    va_start(args, reason);
    vsnprintf(text, sizeof text, reason, args);
    va_end(args);
    t->out->kind = kind;
    t->decided = true;
    show(text, t->out->reason);
}

/* ---- rows ---- */

static bool grow(table_t *t)
{
    if (t->out->n_rows == EXTRACT_MAX_ROWS) {
        table_decide(t, EXTRACT_MALFORMED, "more than %d rows", EXTRACT_MAX_ROWS);
        return false;
    }
    if (t->out->n_rows == t->room) {
        size_t room = t->room == 0 ? 64 : t->room * 2;
        extract_row_t *rows = realloc(t->out->rows, room * sizeof *rows);
        if (rows == NULL) {
            t->rc = -ENOMEM;
            return false;
        }
        t->out->rows = rows;
        t->room = room;
    }
    return true;
}

bool table_row(table_t *t, size_t line, bytes_t raw)
{
    if (table_done(t) || !grow(t)) {
        return false;
    }
    size_t size = (t->spec->n_columns + 1) * sizeof(char *);
    const char **cells = take(t, size);
    const char *copy = keep(t, raw);
    if (cells == NULL || copy == NULL) {
        return false;
    }
    memset(cells, 0, size);
    t->out->rows[t->out->n_rows++] = (extract_row_t){.cells = cells, .raw = copy, .line = line};
    return true;
}

static void row_fault(table_t *t, extract_row_t *row, const char *text)
{
    char shown[EXTRACT_REASON_SIZE];
    if (row->fault == NULL) {
        show(text, shown);
        row->fault = keep(t, bytes_of_text(shown));
    }
}

void table_fault(table_t *t, const char *reason, ...)
{
    char text[1024];
    if (table_done(t) || t->out->n_rows == 0) {
        return;
    }
    va_list args;
    va_start(args, reason);
    vsnprintf(text, sizeof text, reason, args);
    va_end(args);
    row_fault(t, &t->out->rows[t->out->n_rows - 1], text);
}

void table_cell(table_t *t, size_t column, bytes_t text)
{
    char *cell = NULL;
    const char *name = t->spec->columns[column].name;
    if (table_done(t) || t->out->n_rows == 0) {
        return;
    }
    int rc = text_normalise((const char *)text.data, text.len, EXTRACT_MAX_CELL, &cell);
    if (rc == -ENOMEM) {
        t->rc = rc;
    } else if (rc == CHISO_E_TOO_BIG) {
        table_fault(t, "column %s is longer than %d bytes", name, EXTRACT_MAX_CELL);
    } else if (rc != 0) {
        table_fault(t, "column %s is not clean UTF-8 text", name);
    } else if (*cell != '\0') {
        t->out->rows[t->out->n_rows - 1].cells[column] = keep(t, bytes_of_text(cell));
    }
    free(cell);
}

void table_name(table_t *t, const char *name)
{
    if (!table_done(t) && json_object_get(t->names, name) == NULL &&
        json_object_size(t->names) < MAX_NAMES &&
        json_object_set_new_nocheck(t->names, name, json_true()) != 0) {
        t->rc = -ENOMEM;
    }
}

/* ---- end ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void seal_shape(table_t *t)
{
    const char **sorted = malloc((json_object_size(t->names) + 1) * sizeof *sorted);
    buffer_t text = BUFFER_INIT((size_t)MAX_NAMES * EXTRACT_MAX_CELL);
    const char *name;
    json_t *ignored;
    size_t n = 0;
    if (sorted == NULL) {
        t->rc = -ENOMEM;
        return;
    }
    json_object_foreach(t->names, name, ignored)
    {
        sorted[n++] = name;
    }
    qsort(sorted, n, sizeof *sorted, compare_names);
    for (size_t i = 0; i < n; i++) {
        buffer_append_part(&text, sorted[i]);
    }
    sha256(buffer_bytes(&text), t->out->shape);
    t->rc = text.failed ? -ENOMEM : t->rc;
    buffer_free(&text);
    free(sorted);
}

static void judge_rows(table_t *t)
{
    bool any = t->spec->n_columns == 0;
    for (size_t i = 0; i < t->out->n_rows; i++) {
        extract_row_t *row = &t->out->rows[i];
        any = any || row->fault != NULL;
        for (size_t c = 0; c < t->spec->n_columns; c++) {
            any = any || row->cells[c] != NULL;
            if (row->cells[c] == NULL && t->spec->columns[c].required) {
                char text[EXTRACT_REASON_SIZE];
                snprintf(text, sizeof text, "column %.100s is missing or empty",
                         t->spec->columns[c].name);
                row_fault(t, row, text);
            }
        }
    }
    if (t->out->n_rows > 0 && !any) {
        table_decide(t, EXTRACT_MALFORMED, "none of the %zu rows has any of the columns, as %s",
                     t->out->n_rows, t->spec->columns[0].path);
    }
}

int table_end(table_t *t)
{
    extract_table_t *out = t->out;
    if (!table_done(t)) {
        judge_rows(t);
    }
    if (!table_done(t)) {
        out->kind = out->n_rows > 0 ? EXTRACT_ROWS : EXTRACT_EMPTY;
        if (out->n_rows > 0) {
            seal_shape(t);
        }
    }
    json_decref(t->names);
    if (t->rc != 0) {
        extract_free(out);
    } else if (t->decided) {
        free(out->rows);
        out->rows = NULL;
        out->n_rows = 0;
    }
    return t->rc;
}

void extract_free(extract_table_t *table)
{
    while (table->memory != NULL) {
        struct extract_memory *next = table->memory->next;
        free(table->memory);
        table->memory = next;
    }
    free(table->rows);
    table->rows = NULL;
    table->n_rows = 0;
}

/* ---- pages ---- */

/* What stands between `open` and the next "<", folded; NULL when there is none. */
static char *quoted(bytes_t body, const char *open, bool tag)
{
    static const char blank[] = " \t\r\n";
    const char *text = (const char *)body.data;
    const char *end = text + body.len;
    size_t len = strlen(open);
    for (; (size_t)(end - text) > len; text++) {
        if (strncasecmp(text, open, len) == 0) {
            const char *from = tag ? memchr(text, '>', (size_t)(end - text)) : text;
            if (from == NULL) {
                return NULL;
            }
            from += tag ? 1 : 0;
            while (from < end && *from != '\0' && strchr(blank, *from) != NULL) {
                from++;
            }
            size_t room = (size_t)(end - from) < 80 ? (size_t)(end - from) : 80;
            const char *stop = room > 0 ? memchr(from, '<', room) : NULL;
            size_t n = text_valid(from, stop != NULL ? (size_t)(stop - from) : room);
            char *out = NULL;
            return text_normalise(from, n, 120, &out) == 0 ? out : NULL;
        }
    }
    return NULL;
}

void table_page(table_t *t, bytes_t body, const char *expected)
{
    bytes_t head = bytes_of(body.data, body.len < 64 * 1024 ? body.len : 64 * 1024);
    char *title = head.len > 0 ? quoted(head, "<title", true) : NULL;
    char *support = head.len > 0 ? quoted(head, "your support id is", false) : NULL;
    table_decide(t, EXTRACT_BLOCKED, "a page instead of %s%s%s%s%s%s", expected,
                 title != NULL ? ": \"" : "", title != NULL ? title : "", title != NULL ? "\"" : "",
                 support != NULL ? "; " : "", support != NULL ? support : "");
    free(title);
    free(support);
}
