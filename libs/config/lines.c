/* lines.c - see lines.h.
 *
 * libcyaml keeps no positions once a file is loaded, and while it loads its backtrace names the
 * value before the wrong one. So libyaml's events are read once more, into a tree. It holds keys
 * and not paths: a path repeats every key above it, which a hostile file could multiply. Children
 * are found by bisection in one array sorted by (parent, key), which also shows keys given twice
 * and has no bad case that a hash would have.
 */
#include "config/lines.h"

#include "base/error.h"
#include "config/syntax.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct lines {
    lines_node_t *nodes;
    uint32_t len;
    uint32_t cap;
    uint32_t *sorted; /* all but the root, by parent, then index or key, then number */
    buffer_t texts;   /* keys and scalars, each with its NUL; at 0 stands "" */
};

/* State while the events go by. */
typedef struct {
    lines_t *t;
    report_t *report;
    uint32_t open; /* the innermost mapping or sequence not yet closed */
    uint32_t last; /* the last child added to it, when that is known */
    int depth;
    int documents;
    bool have_key; /* a key of `open` waits for its value */
    size_t key_at;
    int key_line;
} walk_t;

uint32_t lines_count(const lines_t *t)
{
    return t->len;
}

const lines_node_t *lines_node(const lines_t *t, uint32_t id)
{
    return &t->nodes[id];
}

static const char *text_at(const lines_t *t, size_t at)
{
    return (const char *)t->texts.data + at;
}

const char *lines_key(const lines_t *t, uint32_t id)
{
    return text_at(t, t->nodes[id].key_at);
}

const char *lines_text(const lines_t *t, uint32_t id)
{
    return text_at(t, t->nodes[id].text_at);
}

const char *lines_path(const lines_t *t, uint32_t id, const char *more, char out[LINES_PATH_SIZE])
{
    uint32_t way[LINES_DEPTH_MAX + 1];
    size_t steps = 0;
    for (; id != LINES_NONE && id != LINES_ROOT; id = t->nodes[id].parent) {
        way[steps++] = id;
    }
    size_t len = 0;
    out[0] = '\0';
    while (steps > 0 && len < LINES_PATH_SIZE) {
        const lines_node_t *n = &t->nodes[way[--steps]];
        if (t->nodes[n->parent].kind == LINES_SEQUENCE) {
            len += (size_t)snprintf(out + len, LINES_PATH_SIZE - len, "[%u]", n->index);
        } else {
            len += (size_t)snprintf(out + len, LINES_PATH_SIZE - len, "%s%s", len > 0 ? "." : "",
                                    text_at(t, n->key_at));
        }
    }
    if (more != NULL && len < LINES_PATH_SIZE) {
        snprintf(out + len, LINES_PATH_SIZE - len, "%s%s", len > 0 ? "." : "", more);
    }
    return out;
}

/* The path that a fault found now is at. */
static const char *path_now(const walk_t *w, char out[LINES_PATH_SIZE])
{
    return lines_path(w->t, w->open, w->have_key ? text_at(w->t, w->key_at) : NULL, out);
}

static int __attribute__((format(printf, 3, 4)))
fault(const walk_t *w, int line, const char *format, ...)
{
    char path[LINES_PATH_SIZE];
    va_list args;
    va_start(args, format);
    report_at_va(w->report, line, path_now(w, path), format, args);
    va_end(args);
    return CHISO_E_CONFIG;
}

static int line_of(yaml_mark_t mark)
{
    return (int)mark.line + 1;
}

static int keep_text(walk_t *w, const yaml_event_t *e, size_t *at)
{
    const yaml_char_t *value = e->data.scalar.value;
    size_t len = e->data.scalar.length;
    if (memchr(value, '\0', len) != NULL) {
        return fault(w, line_of(e->start_mark), "holds a NUL character; expected text without one");
    }
    size_t start = w->t->texts.len;
    buffer_append(&w->t->texts, value, len);
    buffer_append(&w->t->texts, "", 1);
    if (w->t->texts.failed) {
        return -ENOMEM;
    }
    *at = start;
    return 0;
}

static int grow(lines_t *t)
{
    uint32_t cap = t->cap == 0 ? 64 : t->cap * 2;
    lines_node_t *nodes = realloc(t->nodes, cap * sizeof(*nodes));
    if (nodes == NULL) {
        return -ENOMEM;
    }
    t->nodes = nodes;
    t->cap = cap;
    return 0;
}

static int add(walk_t *w, lines_kind_t kind, const yaml_event_t *e)
{
    lines_t *t = w->t;
    int line = w->have_key ? w->key_line : line_of(e->start_mark);
    if (t->len >= LINES_VALUES_MAX) {
        return fault(w, line, "the file holds too much; expected at most %d values",
                     LINES_VALUES_MAX);
    }
    lines_node_t node = {.kind = kind, .line = line, .parent = w->open};
    node.first = node.next = LINES_NONE;
    node.key_at = w->have_key ? w->key_at : 0;
    int rc = kind == LINES_SCALAR ? keep_text(w, e, &node.text_at) : 0;
    if (rc == 0 && t->len == t->cap) {
        rc = grow(t);
    }
    if (rc < 0) {
        return rc;
    }
    if (w->open != LINES_NONE) {
        lines_node_t *parent = &t->nodes[w->open];
        node.index = parent->count++;
        *(w->last == LINES_NONE ? &parent->first : &t->nodes[w->last].next) = t->len;
    }
    w->last = t->len;
    w->have_key = false;
    t->nodes[t->len++] = node;
    return 0;
}

static int begin(walk_t *w, lines_kind_t kind, const yaml_event_t *e)
{
    if (w->depth == LINES_DEPTH_MAX) {
        return fault(w, line_of(e->start_mark), "is nested too deep; expected at most %d levels",
                     LINES_DEPTH_MAX);
    }
    int rc = add(w, kind, e);
    if (rc == 0) {
        w->depth++;
        w->open = w->last;
        w->last = LINES_NONE;
    }
    return rc;
}

/* A value's event. In a mapping every other one is a key. */
static int value(walk_t *w, lines_kind_t kind, const yaml_event_t *e)
{
    bool key = w->open != LINES_NONE && w->t->nodes[w->open].kind == LINES_MAPPING && !w->have_key;
    if (!key) {
        return kind == LINES_SCALAR ? add(w, kind, e) : begin(w, kind, e);
    }
    int line = line_of(e->start_mark);
    if (kind != LINES_SCALAR) {
        return fault(w, line, "has a %s for a key; expected a word",
                     kind == LINES_MAPPING ? "mapping" : "list");
    }
    size_t at = 0;
    int rc = keep_text(w, e, &at);
    if (rc < 0) {
        return rc;
    }
    w->key_at = at;
    w->key_line = line;
    w->have_key = true;
    return 0;
}

static int take(walk_t *w, const yaml_event_t *e)
{
    char quote[REPORT_QUOTE_SIZE];
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++w->documents > 1) {
            return fault(w, line_of(e->start_mark),
                         "a second document begins; expected one document per file");
        }
        return 0;
    case YAML_ALIAS_EVENT:
        return fault(w, line_of(e->start_mark), "is the alias %s; expected the value itself",
                     report_quote((const char *)e->data.alias.anchor, quote));
    case YAML_SCALAR_EVENT:
        return value(w, LINES_SCALAR, e);
    case YAML_SEQUENCE_START_EVENT:
        return value(w, LINES_SEQUENCE, e);
    case YAML_MAPPING_START_EVENT:
        return value(w, LINES_MAPPING, e);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        w->depth--;
        w->last = w->open;
        w->open = w->t->nodes[w->open].parent;
        return 0;
    default:
        return 0;
    }
}

static int walk(walk_t *w, yaml_parser_t *yaml, bytes_t input)
{
    for (bool done = false; !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(yaml, &event)) {
            char path[LINES_PATH_SIZE];
            return syntax_report(yaml, input, path_now(w, path), w->report);
        }
        done = event.type == YAML_STREAM_END_EVENT;
        int rc = take(w, &event);
        yaml_event_delete(&event);
        if (rc < 0) {
            return rc;
        }
    }
    const lines_node_t *root = w->t->nodes;
    if (w->t->len == 0 || (root->kind == LINES_SCALAR && *lines_text(w->t, LINES_ROOT) == '\0')) {
        report_at(w->report, 1, NULL, "the file is empty; expected a mapping");
        return CHISO_E_CONFIG;
    }
    return 0;
}

/* -1, 0 or 1 as the node at `id` stands before, at or behind key `key` of `parent`. */
static int compare_key(const lines_t *t, uint32_t id, uint32_t parent, const char *key, size_t len)
{
    const lines_node_t *n = &t->nodes[id];
    if (n->parent != parent) {
        return n->parent < parent ? -1 : 1;
    }
    const char *own = text_at(t, n->key_at);
    int order = strncmp(own, key, len);
    return order != 0 ? order : own[len] != '\0';
}

/* The order of `sorted`. All keys within a sequence are "", so there the numbers decide. */
static int compare_nodes(const void *left, const void *right, void *arg)
{
    uint32_t l = *(const uint32_t *)left;
    uint32_t r = *(const uint32_t *)right;
    const char *key = lines_key(arg, r);
    int order = compare_key(arg, l, lines_node(arg, r)->parent, key, strlen(key));
    return order != 0 ? order : (l > r) - (l < r);
}

/* Builds the sorted array, and reports keys given twice. */
static int sort_children(lines_t *t, report_t *report)
{
    uint32_t count = t->len - 1;
    t->sorted = malloc(t->len * sizeof(*t->sorted));
    if (t->sorted == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        t->sorted[i] = i + 1;
    }
    qsort_r(t->sorted, count, sizeof(*t->sorted), compare_nodes, t);
    int rc = 0;
    for (uint32_t i = 1; i < count && report->count < REPORT_MAX; i++) {
        const lines_node_t *a = &t->nodes[t->sorted[i - 1]];
        const lines_node_t *b = &t->nodes[t->sorted[i]];
        if (a->parent == b->parent && t->nodes[a->parent].kind == LINES_MAPPING &&
            strcmp(text_at(t, a->key_at), text_at(t, b->key_at)) == 0) {
            char path[LINES_PATH_SIZE];
            report_at(report, b->line, lines_path(t, t->sorted[i], NULL, path),
                      "is given twice, before this on line %d; expected each key once", a->line);
            rc = CHISO_E_CONFIG;
        }
    }
    return rc;
}

int lines_parse(bytes_t input, report_t *report, lines_t **out)
{
    yaml_parser_t yaml;
    lines_t *t = calloc(1, sizeof(*t));
    if (t == NULL || !yaml_parser_initialize(&yaml)) {
        free(t);
        return -ENOMEM;
    }
    /* An escape takes at least as many bytes as it stands for, bar a few; then come the NULs. */
    t->texts = (buffer_t)BUFFER_INIT(input.len * 3 + LINES_VALUES_MAX * 2 + 1);
    buffer_append(&t->texts, "", 1);
    walk_t w = {.t = t, .report = report, .open = LINES_NONE, .last = LINES_NONE};
    /* Without this libyaml would take UTF-16 when the file begins with its byte order mark. */
    yaml_parser_set_encoding(&yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&yaml, input.data, input.len);
    int rc = t->texts.failed ? -ENOMEM : walk(&w, &yaml, input);
    yaml_parser_delete(&yaml);
    if (rc == 0) {
        rc = sort_children(t, report);
    }
    if (rc < 0) {
        lines_destroy(&t);
        return rc;
    }
    *out = t;
    return 0;
}

void lines_destroy(lines_t **t)
{
    if (*t != NULL) {
        free((*t)->nodes);
        free((*t)->sorted);
        buffer_free(&(*t)->texts);
        free(*t);
        *t = NULL;
    }
}

/* Where in `sorted` the first one not before (parent, key) is. */
static uint32_t lower_bound(const lines_t *t, uint32_t parent, const char *key, size_t len)
{
    uint32_t low = 0;
    uint32_t high = t->len - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_key(t, t->sorted[middle], parent, key, len) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t lines_child(const lines_t *t, uint32_t parent, const char *key, size_t len)
{
    uint32_t at = lower_bound(t, parent, key, len);
    bool found = at < t->len - 1 && compare_key(t, t->sorted[at], parent, key, len) == 0;
    return found ? t->sorted[at] : LINES_NONE;
}

/* The entry that "[12]…" at *p names, and *p moved behind it. */
static uint32_t entry(const lines_t *t, uint32_t parent, const char **p)
{
    char *stop;
    unsigned long index = strtoul(*p + 1, &stop, 10);
    if (*stop != ']' || index >= t->nodes[parent].count) {
        return LINES_NONE;
    }
    *p = stop + 1;
    return t->sorted[lower_bound(t, parent, "", 0) + index];
}

uint32_t lines_find(const lines_t *t, const char *path)
{
    uint32_t at = LINES_ROOT;
    for (const char *p = path; *p != '\0';) {
        uint32_t next = LINES_NONE;
        lines_kind_t kind = t->nodes[at].kind;
        if (*p == '[' && kind == LINES_SEQUENCE) {
            next = entry(t, at, &p);
        } else if (kind == LINES_MAPPING) {
            p += *p == '.' ? 1 : 0;
            size_t len = strcspn(p, ".[");
            next = lines_child(t, at, p, len);
            p += len;
        }
        if (next == LINES_NONE) {
            break;
        }
        at = next;
    }
    return at;
}
