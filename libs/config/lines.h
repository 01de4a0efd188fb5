/* lines.h - a YAML text as a tree of values that know their lines. Private to config. */
#ifndef CHISO_CONFIG_LINES_H
#define CHISO_CONFIG_LINES_H

#include "base/bytes.h"
#include "config/report.h"

#include <stddef.h>
#include <stdint.h>

#define LINES_DEPTH_MAX 64
#define LINES_VALUES_MAX 1000000
#define LINES_NONE UINT32_MAX
#define LINES_ROOT 0

typedef enum { LINES_SCALAR, LINES_MAPPING, LINES_SEQUENCE } lines_kind_t;

/* One value. Other values are named by their number; LINES_NONE is none. */
typedef struct {
    lines_kind_t kind;
    int line; /* 1-based: of the key in a mapping, else of the value's first character */
    uint32_t parent;
    uint32_t first; /* child */
    uint32_t next;  /* sibling */
    uint32_t count; /* of the children */
    uint32_t index; /* within a sequence, from 0 */
    size_t key_at;  /* see lines_key */
    size_t text_at; /* see lines_text */
} lines_node_t;

typedef struct lines lines_t;

/* Reads one document of UTF-8 text (data not NULL, no byte order mark). Reports and returns
 * CHISO_E_CONFIG for broken YAML, bad UTF-8, NUL characters, no value or a second document,
 * aliases, keys that are not text, keys given twice, and nesting or numbers of values past the
 * limits above; -ENOMEM (not reported). */
int lines_parse(bytes_t input, report_t *report, lines_t **out);
void lines_destroy(lines_t **t);

/* Values are numbered from LINES_ROOT on. */
uint32_t lines_count(const lines_t *t);

/* Borrowed until lines_destroy. The key of a mapping's child, the text of a scalar; else "". */
const lines_node_t *lines_node(const lines_t *t, uint32_t id);
const char *lines_key(const lines_t *t, uint32_t id);
const char *lines_text(const lines_t *t, uint32_t id);

/* The value of a mapping's key of `len` bytes; LINES_NONE. */
uint32_t lines_child(const lines_t *t, uint32_t parent, const char *key, size_t len);

/* The value at a path such as "sources[2].every", or the nearest enclosing one that exists. */
uint32_t lines_find(const lines_t *t, const char *path);

/* The path of `id`, with ".more" behind it unless that is NULL; cut when it is longer. */
#define LINES_PATH_SIZE 512
const char *lines_path(const lines_t *t, uint32_t id, const char *more, char out[LINES_PATH_SIZE]);

#endif
