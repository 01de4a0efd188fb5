/* json.c - rows of a JSON body. See extract.h for the pointers, document.h for the tree. */
#include "base/error.h"
#include "extract/body.h"
#include "extract/document.h"

#include <errno.h>
#include <string.h>

/* The way from the root to a value; a row's columns may look up along it. */
typedef struct place {
    json_t *value;
    const struct place *up;
} place_t;

typedef struct {
    table_t *table;
    buffer_t text; /* one row, or one name of the shape */
} reader_t;

static int first_byte(bytes_t body)
{
    size_t i = 0;
    while (i < body.len && body.data[i] != '\0' && strchr(" \t\r\n", body.data[i]) != NULL) {
        i++;
    }
    return i < body.len ? body.data[i] : -1;
}

/* "^/a" from the root, "2/a" from two levels above, "/a" from the row. */
static json_t *find(const place_t *row, const char *path)
{
    const place_t *from = row;
    size_t levels = 0;
    if (*path == '^') {
        while (from->up != NULL) {
            from = from->up;
        }
        return pointer_get(from->value, path + 1);
    }
    for (; *path >= '0' && *path <= '9' && levels <= EXTRACT_MAX_DEPTH; path++) {
        levels = levels * 10 + (size_t)(*path - '0');
    }
    for (; levels > 0 && from != NULL; levels--) {
        from = from->up;
    }
    return from != NULL ? pointer_get(from->value, path) : NULL;
}

static void read_cell(reader_t *r, const place_t *row, size_t column)
{
    const extract_column_t *c = &r->table->spec->columns[column];
    const json_t *value = find(row, c->path);
    if (json_is_object(value) || json_is_array(value)) {
        table_fault(r->table, "column %s is an %s, not a text or number", c->name,
                    json_is_object(value) ? "object" : "array");
    } else if (value != NULL && !json_is_null(value)) {
        table_cell(r->table, column, document_text(value));
    }
}

/* The names of the shape below `value`, to which the text is the pointer. */
static void read_names(reader_t *r, const json_t *value)
{
    const char *key;
    json_t *child;
    size_t i;
    size_t len = r->text.len;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, child)
        {
            buffer_append(&r->text, "/", 1);
            for (const char *c = key; *c != '\0'; c++) {
                buffer_append_text(&r->text, *c == '~' ? "~0" : *c == '/' ? "~1" : "");
                buffer_append(&r->text, c, *c == '~' || *c == '/' ? 0 : 1);
            }
            read_names(r, child);
            r->text.len = len;
        }
    } else if (json_is_array(value)) {
        buffer_append_text(&r->text, "/-");
        json_array_foreach(value, i, child)
        {
            if (json_is_object(child) || json_is_array(child)) { /* so that [] is as [1] */
                read_names(r, child);
            }
        }
        r->text.len = len;
    }
    const char *name = buffer_text(&r->text);
    if (name != NULL) {
        table_name(r->table, name);
    }
    r->text.failed = false;
}

static void read_row(reader_t *r, const place_t *row)
{
    table_t *t = r->table;
    buffer_clear(&r->text);
    document_write(row->value, &r->text);
    if (r->text.failed) {
        t->rc = -ENOMEM;
        return;
    }
    if (table_row(t, t->out->n_rows + 1, buffer_bytes(&r->text))) {
        for (size_t i = 0; i < t->spec->n_columns; i++) {
            read_cell(r, row, i);
        }
        buffer_clear(&r->text);
        read_names(r, row->value);
    }
}

static void read_rows(reader_t *r, const place_t *place)
{
    size_t i;
    json_t *element;
    if (json_is_object(place->value)) {
        read_row(r, place);
    } else if (json_is_array(place->value)) {
        json_array_foreach(place->value, i, element)
        {
            read_row(r, &(place_t){element, place});
            if (table_done(r->table)) {
                break;
            }
        }
    } else {
        table_decide(r->table, EXTRACT_MALFORMED, "%s is no array of rows",
                     *r->table->spec->rows != '\0' ? r->table->spec->rows : "the body");
    }
}

static void walk(reader_t *r, const place_t *place, const char *pointer)
{
    size_t i;
    json_t *element;
    if (*pointer == '\0') {
        read_rows(r, place);
    } else if (json_is_array(place->value) && pointer_is_every(pointer)) {
        json_array_foreach(place->value, i, element)
        {
            walk(r, &(place_t){element, place}, pointer + 2);
            if (table_done(r->table)) {
                break;
            }
        }
    } else {
        const char *rest;
        json_t *child = pointer_step(place->value, pointer, &rest);
        if (child == NULL) {
            table_decide(r->table, EXTRACT_MALFORMED, "there is no %s in the body",
                         r->table->spec->rows);
        } else {
            walk(r, &(place_t){child, place}, rest);
        }
    }
}

void body_json(table_t *t, bytes_t body)
{
    int first = first_byte(body);
    char reason[EXTRACT_REASON_SIZE];
    json_t *json = NULL;
    if (first < 0) {
        table_decide(t, EXTRACT_BLOCKED, "the body is empty; expected JSON");
    } else if (first == '<') {
        table_page(t, body, "JSON");
    } else if (body.len >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0) {
        table_decide(t, EXTRACT_MALFORMED, "a byte-order mark, which JSON does not have");
    } else if (first != '[' && first != '{') {
        table_decide(t, EXTRACT_BLOCKED, "not JSON: it begins with \"%.*s\"",
                     (int)(body.len < 40 ? body.len : 40), (const char *)body.data);
    }
    if (table_done(t)) {
        return;
    }
    int rc = document_parse(body, reason, &json);
    if (rc == -ENOMEM) {
        t->rc = rc;
    } else if (rc != 0) {
        table_decide(t, EXTRACT_MALFORMED, "%s", reason);
    } else if (t->spec->proof != NULL && pointer_get(json, t->spec->proof) == NULL) {
        table_decide(t, EXTRACT_MALFORMED, "there is no %s in the body", t->spec->proof);
    } else {
        reader_t r = {.table = t, .text = BUFFER_INIT((size_t)EXTRACT_MAX_BODY * 6)};
        walk(&r, &(place_t){json, NULL}, t->spec->rows);
        buffer_free(&r.text);
    }
    json_decref(json);
}

int extract_json_text(bytes_t body, const char *pointer, buffer_t *out)
{
    char reason[EXTRACT_REASON_SIZE];
    json_t *json;
    if (!pointer_is_good(pointer)) {
        return 0;
    }
    int rc = document_parse(body, reason, &json);
    if (rc == 0) {
        bytes_t text = document_text(pointer_get(json, pointer));
        rc = text.data != NULL ? 1 : 0;
        buffer_append(out, text.data, text.len);
        json_decref(json);
    }
    return rc;
}
