/* check.c - see check.h.
 *
 * libcyaml 1.3.1 stops at the first error, names neither the limits nor the words it would take,
 * and is lenient where a configuration must not be: any word but "false" is true, "5x" is the
 * number 5, "010" is 8, 40 stands for a word that nobody has. So the tree is compared with the
 * schema here first, and libcyaml loads only what passed. What it alone checks (floating point, bit
 * fields) comes back as its own error.
 */
#include "config/check.h"

#include "base/bytes.h"
#include "base/error.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define EXPECTED_MAX 800

typedef struct {
    const lines_t *tree;
    report_t *report;
} check_t;

typedef const cyaml_schema_value_t schema_t;

static void check_value(const check_t *c, uint32_t id, schema_t *s);

/* The largest value of an integer of the schema's size; that of a signed one has one bit less. */
static uint64_t int_max(schema_t *s)
{
    unsigned bits = s->data_size >= 8 ? 64 : s->data_size * 8;
    return UINT64_MAX >> (64 - bits + (s->type == CYAML_INT ? 1 : 0));
}

static void add_range(buffer_t *b, uint32_t min, uint32_t max, const char *one, const char *many)
{
    uint32_t last = max == CYAML_UNLIMITED ? min : max;
    if (max == CYAML_UNLIMITED && min == 0) {
        return;
    }
    if (max == CYAML_UNLIMITED || min == 0) {
        buffer_append_text(b, min == 0 ? " of at most" : " of at least");
    } else if (min == max) {
        buffer_append_text(b, " of");
    } else {
        buffer_printf(b, " of %" PRIu32 " to", min);
    }
    buffer_printf(b, " %" PRIu32 " %s", last, last == 1 ? one : many);
}

static void add_words(buffer_t *b, schema_t *s)
{
    for (uint32_t i = 0; i < s->enumeration.count; i++) {
        buffer_printf(b, "%s%s", i == 0 ? "" : ", ", s->enumeration.strings[i].str);
    }
}

static void add_keys(buffer_t *b, schema_t *s)
{
    for (const cyaml_schema_field_t *f = s->mapping.fields; f->key != NULL; f++) {
        buffer_printf(b, "%s%s", f == s->mapping.fields ? "" : ", ", f->key);
    }
}

static void add_expected(buffer_t *b, schema_t *s)
{
    switch (s->type) {
    case CYAML_INT:
        buffer_printf(b, "a whole number from -%" PRIu64 " to %" PRIu64, int_max(s) + 1,
                      int_max(s));
        break;
    case CYAML_UINT:
        buffer_printf(b, "a whole number from 0 to %" PRIu64, int_max(s));
        break;
    case CYAML_BOOL:
        buffer_append_text(b, "true or false");
        break;
    case CYAML_ENUM:
        buffer_append_text(b, s->enumeration.count == 1 ? "" : "one of ");
        add_words(b, s);
        break;
    case CYAML_FLAGS:
        buffer_append_text(b, "a list of some of ");
        add_words(b, s);
        break;
    case CYAML_STRING:
        buffer_append_text(b, "text");
        add_range(b, s->string.min, s->string.max, "byte", "bytes");
        break;
    case CYAML_MAPPING:
        buffer_append_text(b, "a mapping of ");
        add_keys(b, s);
        break;
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED:
        buffer_append_text(b, "a list");
        add_range(b, s->sequence.min, s->sequence.max, "entry", "entries");
        break;
    default:
        buffer_append_text(b, s->type == CYAML_FLOAT ? "a number" : "a mapping");
        break;
    }
}

/* Reports PATH: WHAT; expected EXPECTED for the value `id`, or for the key `key` that it lacks. */
static void report(const check_t *c, uint32_t id, const char *key, const char *what, buffer_t *b)
{
    if (c->report->count >= REPORT_MAX) {
        return;
    }
    /* sticky: what a list of words too long for a line began with is still there */
    bool whole = !b->failed;
    b->failed = false;
    const char *expected = buffer_text(b);
    char path[LINES_PATH_SIZE];
    report_at(c->report, lines_node(c->tree, id)->line, lines_path(c->tree, id, key, path),
              "%s; expected %s%s", what, expected == NULL ? "something else" : expected,
              whole ? "" : " ...");
}

static void differs(const check_t *c, uint32_t id, const char *key, schema_t *s, const char *what)
{
    buffer_t b = BUFFER_INIT(EXPECTED_MAX);
    add_expected(&b, s);
    report(c, id, key, what, &b);
    buffer_free(&b);
}

static void unknown_key(const check_t *c, uint32_t id, schema_t *mapping)
{
    buffer_t b = BUFFER_INIT(EXPECTED_MAX);
    buffer_append_text(&b, "one of ");
    add_keys(&b, mapping);
    report(c, id, NULL, "is not a known key", &b);
    buffer_free(&b);
}

/* Reports that the value is what it is. */
static void differs_as_is(const check_t *c, uint32_t id, schema_t *s)
{
    const lines_node_t *n = lines_node(c->tree, id);
    char quote[REPORT_QUOTE_SIZE];
    char what[REPORT_QUOTE_SIZE + 8];
    const char *text = lines_text(c->tree, id);
    if (n->kind != LINES_SCALAR) {
        text = n->kind == LINES_MAPPING ? "a mapping" : "a list";
    } else {
        text = *text == '\0' ? "empty" : report_quote(text, quote);
    }
    snprintf(what, sizeof(what), "is %s", text);
    differs(c, id, NULL, s, what);
}

/* Plain decimal only, as libcyaml would take a leading 0 for octal. */
static bool is_int(const char *text, schema_t *s)
{
    uint64_t max = int_max(s);
    if (*text == '-' && s->type != CYAML_UINT) {
        text++;
        max++;
    }
    uint64_t sum = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(sum, 10u, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*p - '0'), &sum)) {
            return false;
        }
    }
    return *text != '\0' && (*text != '0' || text[1] == '\0') && sum <= max;
}

static bool is_word(const char *text, schema_t *s)
{
    for (uint32_t i = 0; i < s->enumeration.count; i++) {
        if (strcmp(text, s->enumeration.strings[i].str) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_null(const char *text, schema_t *s)
{
    bool null = (s->flags & CYAML_FLAG_POINTER_NULL) == CYAML_FLAG_POINTER_NULL && *text == '\0';
    bool word = strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
                strcmp(text, "NULL") == 0 || strcmp(text, "~") == 0;
    return null ||
           (word && (s->flags & CYAML_FLAG_POINTER_NULL_STR) == CYAML_FLAG_POINTER_NULL_STR);
}

static void check_text(const check_t *c, uint32_t id, schema_t *s)
{
    char what[64];
    size_t len = strlen(lines_text(c->tree, id));
    if (len > 0 && (len < s->string.min || len > s->string.max)) {
        snprintf(what, sizeof(what), "is %zu bytes long", len);
        differs(c, id, NULL, s, what);
    } else if (len < s->string.min) {
        differs_as_is(c, id, s);
    }
}

static void check_scalar(const check_t *c, uint32_t id, schema_t *s)
{
    const char *text = lines_text(c->tree, id);
    bool good = true;
    switch (s->type) {
    case CYAML_INT:
    case CYAML_UINT:
        good = is_int(text, s);
        break;
    case CYAML_BOOL:
        good = strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
        break;
    case CYAML_ENUM:
        good = is_word(text, s);
        break;
    case CYAML_STRING:
        check_text(c, id, s);
        break;
    default:
        break;
    }
    if (!good) {
        differs_as_is(c, id, s);
    }
}

static const cyaml_schema_field_t *field_of(schema_t *s, const char *key)
{
    for (const cyaml_schema_field_t *f = s->mapping.fields; f->key != NULL; f++) {
        if (strcmp(f->key, key) == 0) {
            return f;
        }
    }
    return NULL;
}

static void check_mapping(const check_t *c, uint32_t id, schema_t *s)
{
    for (const cyaml_schema_field_t *f = s->mapping.fields; f->key != NULL; f++) {
        if ((f->value.flags & CYAML_FLAG_OPTIONAL) == 0 &&
            lines_child(c->tree, id, f->key, strlen(f->key)) == LINES_NONE) {
            differs(c, id, f->key, &f->value, "is required and missing");
        }
    }
    uint32_t child = lines_node(c->tree, id)->first;
    for (; child != LINES_NONE; child = lines_node(c->tree, child)->next) {
        const cyaml_schema_field_t *f = field_of(s, lines_key(c->tree, child));
        if (f != NULL) {
            check_value(c, child, &f->value);
        } else {
            unknown_key(c, child, s);
        }
    }
}

static void check_sequence(const check_t *c, uint32_t id, schema_t *s)
{
    const lines_node_t *n = lines_node(c->tree, id);
    if (s->type != CYAML_FLAGS && (n->count < s->sequence.min || n->count > s->sequence.max)) {
        char what[64];
        snprintf(what, sizeof(what), "has %" PRIu32 " %s", n->count,
                 n->count == 1 ? "entry" : "entries");
        differs(c, id, NULL, s, what);
    }
    for (uint32_t child = n->first; child != LINES_NONE; child = lines_node(c->tree, child)->next) {
        if (s->type != CYAML_FLAGS) {
            check_value(c, child, s->sequence.entry);
        } else {
            /* an entry of a flags list is to be what the value of an enumeration is to be */
            schema_t word = {
                .type = CYAML_ENUM, .data_size = s->data_size, .enumeration = s->enumeration};
            check_value(c, child, &word);
        }
    }
}

/* Recursive, as deep as the schema and the tree go together (at most LINES_DEPTH_MAX). */
static void check_value(const check_t *c, uint32_t id, schema_t *s)
{
    lines_kind_t kind = lines_node(c->tree, id)->kind;
    lines_kind_t want = LINES_SCALAR;
    if (s->type == CYAML_MAPPING || s->type == CYAML_BITFIELD) {
        want = LINES_MAPPING;
    } else if (s->type == CYAML_SEQUENCE || s->type == CYAML_SEQUENCE_FIXED ||
               s->type == CYAML_FLAGS) {
        want = LINES_SEQUENCE;
    }
    if (s->type == CYAML_IGNORE || c->report->count >= REPORT_MAX ||
        (kind == LINES_SCALAR && is_null(lines_text(c->tree, id), s))) {
        return;
    }
    if (kind != want) {
        differs_as_is(c, id, s);
    } else if (want == LINES_SEQUENCE) {
        check_sequence(c, id, s);
    } else if (s->type == CYAML_MAPPING) {
        check_mapping(c, id, s);
    } else if (kind == LINES_SCALAR) {
        check_scalar(c, id, s);
    }
}

int check_tree(const lines_t *tree, const cyaml_schema_value_t *schema, report_t *report)
{
    check_t c = {.tree = tree, .report = report};
    int before = report->count;
    check_value(&c, LINES_ROOT, schema);
    return report->count == before ? 0 : CHISO_E_CONFIG;
}
