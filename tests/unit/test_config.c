/* test_config.c - configuration files: what loads, and the exact line that each mistake gives. */
#include "config/config.h"

#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    char *name;
    char *every;
    uint8_t tries;
    int16_t offset;
    int mode;
    bool on;
    unsigned days;
    char tag[4];
} source_t;

typedef struct {
    char *bind;
} bus_t;

typedef struct {
    bus_t *bus;
    source_t *sources;
    unsigned sources_count;
} file_t;

static const cyaml_strval_t modes[] = {{"pull", 0}, {"push", 1}};
static const cyaml_strval_t days[] = {{"mon", 1}, {"tue", 2}};

static const cyaml_schema_field_t bus_fields[] = {
    CYAML_FIELD_STRING_PTR("bind", CYAML_FLAG_POINTER, bus_t, bind, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END};

static const cyaml_schema_field_t source_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, source_t, name, 1, 10),
    CYAML_FIELD_STRING_PTR("every", CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL, source_t,
                           every, 0, CYAML_UNLIMITED),
    CYAML_FIELD_UINT("tries", CYAML_FLAG_OPTIONAL, source_t, tries),
    CYAML_FIELD_INT("offset", CYAML_FLAG_OPTIONAL, source_t, offset),
    CYAML_FIELD_ENUM("mode", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, source_t, mode, modes, 2),
    CYAML_FIELD_BOOL("on", CYAML_FLAG_OPTIONAL, source_t, on),
    CYAML_FIELD_FLAGS("days", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, source_t, days, days, 2),
    CYAML_FIELD_STRING("tag", CYAML_FLAG_OPTIONAL, source_t, tag, 0),
    CYAML_FIELD_END};

static const cyaml_schema_value_t source_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, source_t, source_fields)};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_MAPPING_PTR("bus", CYAML_FLAG_POINTER, file_t, bus, bus_fields),
    CYAML_FIELD_SEQUENCE("sources", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, file_t, sources,
                         &source_schema, 1, 2),
    CYAML_FIELD_END};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, file_t, file_fields)};

/* One file, loaded; `said` is what was reported. */
typedef struct {
    char folder[32];
    char path[64];
    int rc;
    file_t *file;
    config_t *cfg;
    FILE *errors;
    char *said;
    size_t said_len;
} load_t;

static void load_path(load_t *l)
{
    void *data = NULL;
    l->cfg = NULL;
    l->errors = open_memstream(&l->said, &l->said_len);
    assert_non_null(l->errors);
    l->rc = config_load(l->path, &file_schema, l->errors, &data, &l->cfg);
    l->file = data;
    fflush(l->errors);
}

static void load_bytes(load_t *l, const void *text, size_t len)
{
    snprintf(l->folder, sizeof(l->folder), "/tmp/chiso-config-XXXXXX");
    assert_non_null(mkdtemp(l->folder));
    snprintf(l->path, sizeof(l->path), "%s/f.yaml", l->folder);
    FILE *out = fopen(l->path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    load_path(l);
}

static void unload(load_t *l)
{
    config_free_data(&file_schema, l->file);
    config_destroy(&l->cfg);
    fclose(l->errors);
    free(l->said);
    unlink(l->path);
    rmdir(l->folder);
}

/* What was reported, without the file's name, must be `expected` (lines end in LF). */
static void assert_said(const load_t *l, const char *expected)
{
    char *copy = strdup(l->said);
    assert_non_null(copy);
    size_t name = strlen(l->path);
    char *to = copy;
    for (const char *from = l->said; *from != '\0';) {
        assert_memory_equal(from, l->path, name);
        size_t line = strcspn(from, "\n") + 1;
        assert_true(from[name] == ':' && line > name + 1);
        memcpy(to, from + name + 1, line - name - 1);
        to += line - name - 1;
        from += line;
    }
    *to = '\0';
    assert_string_equal(copy, expected);
    free(copy);
}

static void assert_wrong_bytes(const void *text, size_t len, const char *expected)
{
    load_t l;
    load_bytes(&l, text, len);
    assert_int_equal(l.rc, CHISO_E_CONFIG);
    assert_null(l.file);
    assert_null(l.cfg);
    assert_said(&l, expected);
    unload(&l);
}

static void assert_wrong(const char *text, const char *expected)
{
    assert_wrong_bytes(text, strlen(text), expected);
}

#define GOOD                                                                                       \
    "# comment\n"                                                                                  \
    "bus:\n"                                                                                       \
    "  bind: tcp://*:5555\n"                                                                       \
    "sources:\n"                                                                                   \
    "  - name: hanoi\n"                                                                            \
    "    every: 15m\n"                                                                             \
    "    tries: 255\n"                                                                             \
    "    offset: -32768\n"                                                                         \
    "    mode: push\n"                                                                             \
    "    on: true\n"                                                                               \
    "    days: [tue]\n"                                                                            \
    "    tag: abc\n"                                                                               \
    "  - {name: \"s\xC3\xB3 \\u0111\", on: false, every: ~}\n"

static void good_file(void **state)
{
    (void)state;
    load_t l;
    load_bytes(&l, GOOD, strlen(GOOD));
    assert_said(&l, "");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.file->bus->bind, "tcp://*:5555");
    assert_int_equal(l.file->sources_count, 2);
    const source_t *first = &l.file->sources[0];
    assert_string_equal(first->name, "hanoi");
    assert_string_equal(first->every, "15m");
    assert_int_equal(first->tries, 255);
    assert_int_equal(first->offset, -32768);
    assert_int_equal(first->mode, 1);
    assert_true(first->on);
    assert_int_equal(first->days, 2);
    assert_string_equal(first->tag, "abc");
    assert_string_equal(l.file->sources[1].name, "s\xC3\xB3 \xC4\x91");
    assert_null(l.file->sources[1].every);
    assert_false(l.file->sources[1].on);
    assert_int_equal(config_errors(l.cfg), 0);
    assert_string_equal(config_file(l.cfg), l.path);
    unload(&l);
}

static void byte_order_mark_and_crlf(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF"
                               "bus:\r\n  bind: a\r\nsources:\r\n- name: b\r\n";
    load_t l;
    load_bytes(&l, text, strlen(text));
    assert_said(&l, "");
    assert_int_equal(l.rc, 0);
    assert_string_equal(l.file->sources[0].name, "b");
    assert_int_equal(config_line(l.cfg, "sources[0].name"), 4);
    unload(&l);
}

static void unknown_and_missing_keys(void **state)
{
    (void)state;
    assert_wrong("bus:\n  bind: a\n  bnid: b\n",
                 "3: bus.bnid: is not a known key; expected one of bind\n");
    assert_wrong("sources:\n  - name: a\n  - name: b\n    evry: 5m\nbus: {bind: a}\n",
                 "4: sources[1].evry: is not a known key; expected one of name, every, tries, "
                 "offset, mode, on, days, tag\n");
    assert_wrong("bus:\n  bind: a\nsources:\n  - name: a\n  - every: 5m\n    tries: 1\n",
                 "5: sources[1].name: is required and missing; expected text of 1 to 10 bytes\n");
    assert_wrong("# comment\n\nsources: [{name: a}]\n",
                 "3: bus: is required and missing; expected a mapping of bind\n");
    assert_wrong("bus: {}\n",
                 "1: bus.bind: is required and missing; expected text of at least 1 byte\n");
}

static void wrong_types(void **state)
{
    (void)state;
    assert_wrong("bus:\n  bind: [a]\n",
                 "2: bus.bind: is a list; expected text of at least 1 byte\n");
    assert_wrong("bus: 3\n", "1: bus: is '3'; expected a mapping of bind\n");
    assert_wrong("bus:\n", "1: bus: is empty; expected a mapping of bind\n");
    assert_wrong("bus: {bind: a}\nsources: {name: a}\n",
                 "2: sources: is a mapping; expected a list of 1 to 2 entries\n");
    assert_wrong("bus: {bind: a}\nsources:\n",
                 "2: sources: is empty; expected a list of 1 to 2 entries\n");
    assert_wrong("bus: {bind: a}\nsources:\n  - a\n",
                 "3: sources[0]: is 'a'; expected a mapping of name, every, tries, offset, mode, "
                 "on, days, tag\n");
    assert_wrong("\n- a\n", "2: top level: is a list; expected a mapping of bus, sources\n");
    assert_wrong("hello\n", "1: top level: is 'hello'; expected a mapping of bus, sources\n");
}

/* A file whose second source has `line` on line 4. */
static void assert_wrong_source(const char *line, const char *expected)
{
    char text[256];
    snprintf(text, sizeof(text), "bus: {bind: a}\nsources:\n  - name: a\n    %s\n", line);
    assert_wrong(text, expected);
}

static void wrong_values(void **state)
{
    (void)state;
#define UINT8 "expected a whole number from 0 to 255\n"
    assert_wrong_source("tries: 256", "4: sources[0].tries: is '256'; " UINT8);
    assert_wrong_source("tries: -1", "4: sources[0].tries: is '-1'; " UINT8);
    assert_wrong_source("tries: 5x", "4: sources[0].tries: is '5x'; " UINT8);
    assert_wrong_source("tries: 010", "4: sources[0].tries: is '010'; " UINT8);
    assert_wrong_source("tries: 0x1", "4: sources[0].tries: is '0x1'; " UINT8);
    assert_wrong_source("tries: ' 1'", "4: sources[0].tries: is ' 1'; " UINT8);
    assert_wrong_source("tries:", "4: sources[0].tries: is empty; " UINT8);
#define INT16 "expected a whole number from -32768 to 32767\n"
    assert_wrong_source("offset: 32768", "4: sources[0].offset: is '32768'; " INT16);
    assert_wrong_source("offset: -32769", "4: sources[0].offset: is '-32769'; " INT16);
    assert_wrong_source("offset: 99999999999999999999",
                        "4: sources[0].offset: is '99999999999999999999'; " INT16);
    assert_wrong_source("mode: pul", "4: sources[0].mode: is 'pul'; expected one of pull, push\n");
    assert_wrong_source("mode: 1", "4: sources[0].mode: is '1'; expected one of pull, push\n");
    assert_wrong_source("on: yes", "4: sources[0].on: is 'yes'; expected true or false\n");
    assert_wrong_source("days: [mon, wed]",
                        "4: sources[0].days[1]: is 'wed'; expected one of mon, tue\n");
    assert_wrong_source("days: mon",
                        "4: sources[0].days: is 'mon'; expected a list of some of mon, tue\n");
    assert_wrong_source("tag: abcd",
                        "4: sources[0].tag: is 4 bytes long; expected text of at most 3 bytes\n");
    assert_wrong("bus:\n  bind: ''\n", "2: bus.bind: is empty; expected text of at least 1 byte\n");
    assert_wrong("bus: {bind: a}\nsources:\n  - tries: 1\n    name: abcdefghijk\n",
                 "4: sources[0].name: is 11 bytes long; expected text of 1 to 10 bytes\n");
    assert_wrong("bus: {bind: a}\nsources: []\n",
                 "2: sources: has 0 entries; expected a list of 1 to 2 entries\n");
    assert_wrong("bus: {bind: a}\nsources:\n- name: a\n- name: b\n- name: c\n",
                 "2: sources: has 3 entries; expected a list of 1 to 2 entries\n");
}

static void long_values_are_cut(void **state)
{
    (void)state;
    /* 13 times three bytes fit into the 40, the fourteenth would be cut in two */
    assert_wrong_source("mode: ạạạạạạạạạạạạạạạạạạạạ",
                        "4: sources[0].mode: is 'ạạạạạạạạạạạạạ...'; expected one of pull, push\n");
}

static void all_errors_at_once(void **state)
{
    (void)state;
    assert_wrong("bus: {bind: [a]}\nsources:\n  - name: a\n    on: 1\n    x: 1\n",
                 "1: bus.bind: is a list; expected text of at least 1 byte\n"
                 "4: sources[0].on: is '1'; expected true or false\n"
                 "5: sources[0].x: is not a known key; expected one of name, every, tries, offset, "
                 "mode, on, days, tag\n");
}

static void many_errors_are_cut(void **state)
{
    (void)state;
    char text[2048] = "bus: {bind: a}\n";
    size_t len = strlen(text);
    for (int i = 0; i < 100; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "k%d: 1\n", i);
    }
    load_t l;
    load_bytes(&l, text, len);
    assert_int_equal(l.rc, CHISO_E_CONFIG);
    int lines = 0;
    for (const char *p = l.said; *p != '\0'; p++) {
        lines += *p == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, 21);
    assert_non_null(strstr(l.said, ":21: k19: is not a known key"));
    assert_non_null(strstr(l.said, ":1: top level: there may be more errors"));
    unload(&l);
}

static void syntax_errors(void **state)
{
    (void)state;
    assert_wrong("bus:\n\tbind: a\n", "2: bus: the line is indented with a tab; expected spaces\n");
    assert_wrong("bus:\n  bind: a\n \tx: b\n",
                 "3: bus.bind: the line is indented with a tab; expected spaces\n");
    assert_wrong("bus: {bind: a\nsources: []\n",
                 "2: bus: did not find expected ',' or '}' while parsing a flow mapping that "
                 "begins on line 1\n");
    assert_wrong("bus:\n  bind: \"a\nsources: []\n\n\n",
                 "2: bus.bind: found unexpected end of stream while scanning a quoted scalar that "
                 "begins on line 2\n");
    assert_wrong("bus:\n  bind: a: b\n",
                 "2: bus: mapping values are not allowed in this context; expected "
                 "well-formed YAML\n");
    assert_wrong("bus:\n  bind: @a\n",
                 "2: bus.bind: found character that cannot start any token while scanning for the "
                 "next token that begins on line 2; expected well-formed YAML\n");
    assert_wrong("bus:\n  bind: a\nsources: [{name: *b}]\n",
                 "3: sources[0].name: is the alias 'b'; expected the value itself\n");
    assert_wrong("bus: {bind: a, [b]: c}\n", "1: bus: has a list for a key; expected a word\n");
}

static void duplicate_keys(void **state)
{
    (void)state;
    assert_wrong("bus:\n  bind: a\nsources: [{name: a}]\nbus:\n  bind: b\n",
                 "4: bus: is given twice, before this on line 1; expected each key once\n");
    assert_wrong("bus: {bind: a}\nsources:\n  - name: a\n    'on': true\n    \"on\": true\n",
                 "5: sources[0].on: is given twice, before this on line 4; expected each key "
                 "once\n");
}

static void not_one_document(void **state)
{
    (void)state;
#define EMPTY "1: top level: the file is empty; expected a mapping\n"
    assert_wrong("", EMPTY);
    assert_wrong("\n\n# nothing\n", EMPTY);
    assert_wrong("---\n", EMPTY);
    assert_wrong("\xEF\xBB\xBF", EMPTY);
    assert_wrong("bus: {bind: a}\n---\nbus: {bind: b}\n",
                 "2: top level: a second document begins; expected one document per file\n");
}

static void not_text(void **state)
{
    (void)state;
    assert_wrong("bus:\n  bind: \xFF\n",
                 "2: top level: invalid leading UTF-8 octet; expected printable UTF-8 text\n");
    assert_wrong("bus:\n\n  bind: \xC3\n",
                 "3: top level: invalid trailing UTF-8 octet; expected printable UTF-8 text\n");
    assert_wrong("bus:\n  bind: \x01\n",
                 "2: top level: control characters are not allowed; expected printable UTF-8 "
                 "text\n");
    static const char utf16[] = "\xFF\xFE"
                                "b\0:\0 \0a\0";
    assert_wrong_bytes(utf16, sizeof(utf16) - 1,
                       "1: top level: invalid leading UTF-8 octet; expected printable UTF-8 "
                       "text\n");
    assert_wrong("bus:\n  bind: \"a\\0b\"\n",
                 "2: bus.bind: holds a NUL character; expected text without one\n");
}

static void nested_too_deep(void **state)
{
    (void)state;
    char text[256] = "bus: {bind: a}\nsources: ";
    size_t len = strlen(text);
    memset(text + len, '[', 64);
    load_t l;
    load_bytes(&l, text, len + 64);
    assert_int_equal(l.rc, CHISO_E_CONFIG);
    assert_non_null(strstr(l.said, ":2: sources[0][0]"));
    assert_non_null(strstr(l.said, "[0]: is nested too deep; expected at most 64 levels\n"));
    unload(&l);
    /* the mapping and 63 lists: deep enough for the schema to speak */
    memset(text + len + 63, ']', 63);
    load_bytes(&l, text, len + 126);
    assert_int_equal(l.rc, CHISO_E_CONFIG);
    assert_non_null(strstr(l.said, ":2: sources[0]: is a list; expected a mapping"));
    unload(&l);
}

static void too_large(void **state)
{
    (void)state;
    char *text = malloc(CONFIG_MAX_BYTES + 1);
    assert_non_null(text);
    static const char good[] = "bus: {bind: a} #";
    memset(text, 'x', CONFIG_MAX_BYTES + 1);
    memcpy(text, good, strlen(good));
    assert_wrong_bytes(text, CONFIG_MAX_BYTES + 1,
                       "1: top level: the file is too large; expected at most 8 MiB\n");
    load_t l;
    load_bytes(&l, text, CONFIG_MAX_BYTES);
    assert_int_equal(l.rc, 0);
    unload(&l);
    /* every second byte a value */
    memset(text, ',', CONFIG_MAX_BYTES);
    for (size_t i = strlen("sources: ["); i < CONFIG_MAX_BYTES; i += 2) {
        text[i] = 'a';
    }
    memcpy(text, "sources: [", strlen("sources: ["));
    load_bytes(&l, text, CONFIG_MAX_BYTES);
    assert_int_equal(l.rc, CHISO_E_CONFIG);
    assert_said(&l, "1: sources: the file holds too much; expected at most 1000000 values\n");
    unload(&l);
    free(text);
}

static void unreadable(void **state)
{
    (void)state;
    load_t l = {.folder = "/nonexistent", .path = "/nonexistent/f.yaml"};
    load_path(&l);
    assert_int_equal(l.rc, -ENOENT);
    assert_string_equal(l.said, "/nonexistent/f.yaml: cannot be read: No such file or directory; "
                                "expected a readable file\n");
    unload(&l);
    load_t folder = {.folder = "/nonexistent", .path = "/"};
    load_path(&folder);
    assert_int_equal(folder.rc, -EISDIR);
    unload(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file),
        cmocka_unit_test(byte_order_mark_and_crlf),
        cmocka_unit_test(unknown_and_missing_keys),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(all_errors_at_once),
        cmocka_unit_test(many_errors_are_cut),
        cmocka_unit_test(syntax_errors),
        cmocka_unit_test(duplicate_keys),
        cmocka_unit_test(not_one_document),
        cmocka_unit_test(not_text),
        cmocka_unit_test(nested_too_deep),
        cmocka_unit_test(too_large),
        cmocka_unit_test(unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
