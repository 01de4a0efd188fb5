/* test_config_values.c - what a program asks of a configuration that was loaded: lines, paths,
 * durations and sizes. */
#include "config/config.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    int unused;
} file_t;

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_IGNORE("bus", CYAML_FLAG_DEFAULT),
    CYAML_FIELD_IGNORE("sources", CYAML_FLAG_DEFAULT), CYAML_FIELD_END};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, file_t, file_fields)};

static const char good[] = "# comment\n"
                           "bus:\n"
                           "  bind: tcp://*:5555\n"
                           "sources:\n"
                           "  - name: hanoi\n"
                           "    every: 15m\n"
                           "    words: |\n"
                           "      of\n"
                           "      three\n"
                           "      lines\n"
                           "    days: [tue]\n"
                           "    tag: abc\n"
                           "  - {name: hue, every: ~}\n";

/* The file above, loaded; `said` is what was reported. */
typedef struct {
    char folder[32];
    char path[64];
    void *data;
    config_t *cfg;
    FILE *errors;
    char *said;
    size_t said_len;
} load_t;

static int set_up(void **state)
{
    static load_t l;
    l = (load_t){.folder = "/tmp/chiso-config-XXXXXX"};
    assert_non_null(mkdtemp(l.folder));
    snprintf(l.path, sizeof(l.path), "%s/f.yaml", l.folder);
    FILE *out = fopen(l.path, "w");
    assert_non_null(out);
    assert_true(fputs(good, out) >= 0);
    assert_int_equal(fclose(out), 0);
    l.errors = open_memstream(&l.said, &l.said_len);
    assert_non_null(l.errors);
    assert_int_equal(config_load(l.path, &file_schema, l.errors, &l.data, &l.cfg), 0);
    *state = &l;
    return 0;
}

static int tear_down(void **state)
{
    load_t *l = *state;
    config_free_data(&file_schema, l->data);
    config_destroy(&l->cfg);
    config_destroy(&l->cfg);
    fclose(l->errors);
    free(l->said);
    unlink(l->path);
    rmdir(l->folder);
    return 0;
}

/* `rest` must be what was reported last, behind the file's name. */
static void assert_said(const load_t *l, const char *rest)
{
    fflush(l->errors);
    size_t len = strlen(rest);
    size_t name = strlen(l->path);
    assert_true(l->said_len >= len + name + 1);
    assert_string_equal(l->said + l->said_len - len, rest);
    const char *before = l->said + l->said_len - len - name - 1;
    assert_memory_equal(before, l->path, name);
    assert_int_equal(before[name], ':');
    assert_true(before == l->said || before[-1] == '\n');
}

static void lines_by_path(void **state)
{
    load_t *l = *state;
    static const struct {
        const char *path;
        int line;
    } cases[] = {
        {"", 2},
        {"bus", 2},
        {"bus.bind", 3},
        {"bus.nothing", 2},
        {"bus.bind.deeper", 3},
        {"bus[0]", 2},
        {"sources", 4},
        {"sources[0]", 5},
        {"sources[0].every", 6},
        {"sources[0].days[0]", 11},
        {"sources[0].days[9]", 11},
        {"sources[1]", 13},
        {"sources[1].name", 13},
        {"sources[2]", 4},
        {"sources[-1]", 4},
        {"sources[99999999999999999999].every", 4},
        {"sources[1", 4},
        {"nothing", 2},
        {".", 2},
        {"[", 2},
        {"busy", 2},
        {"bu", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int line = config_line(l->cfg, cases[i].path);
        if (line != cases[i].line) {
            fail_msg("%s is on line %d, not %d", cases[i].path, cases[i].line, line);
        }
    }
}

static void own_errors(void **state)
{
    load_t *l = *state;
    assert_string_equal(config_file(l->cfg), l->path);
    assert_int_equal(config_errors(l->cfg), 0);
    assert_int_equal(config_error(l->cfg, "sources[1].name", "is %s", "bad"), CHISO_E_CONFIG);
    assert_said(l, "13: sources[1].name: is bad\n");
    assert_int_equal(config_error(l->cfg, "bus.key", "two\nlines \x1B[1m\xC2\x9B"), CHISO_E_CONFIG);
    assert_said(l, "2: bus.key: two?lines ?[1m?\n");
    assert_int_equal(config_error(l->cfg, "", "all wrong"), CHISO_E_CONFIG);
    assert_said(l, "2: top level: all wrong\n");
    assert_int_equal(config_errors(l->cfg), 3);
}

static void resolve(void **state)
{
    load_t *l = *state;
    char expected[64];
    char *path = config_resolve(l->cfg, "keys/a.key");
    snprintf(expected, sizeof(expected), "%s/keys/a.key", l->folder);
    assert_string_equal(path, expected);
    free(path);
    path = config_resolve(l->cfg, "/etc/a.key");
    assert_string_equal(path, "/etc/a.key");
    free(path);
}

static void resolve_beside_a_file_without_folder(void **state)
{
    load_t *l = *state;
    char before[256];
    void *data = NULL;
    config_t *cfg = NULL;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(l->folder), 0);
    assert_int_equal(config_load("f.yaml", &file_schema, l->errors, &data, &cfg), 0);
    assert_int_equal(chdir(before), 0);
    char *path = config_resolve(cfg, "a.key");
    assert_string_equal(path, "a.key");
    free(path);
    config_free_data(&file_schema, data);
    config_destroy(&cfg);
}

static void durations(void **state)
{
    load_t *l = *state;
    static const struct {
        const char *text;
        int64_t ms; /* -1 is an error */
    } cases[] = {
        {"250ms", 250},
        {"30s", 30000},
        {"15m", 900000},
        {"2h", 7200000},
        {"7d", 604800000},
        {"0ms", -1},
        {"1ms", 1},
        {"8d", -1},
        {"168h", 604800000},
        {"169h", -1},
        {"604800001ms", -1},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {" 5s", -1},
        {"5s ", -1},
        {"5 s", -1},
        {"-5s", -1},
        {"+5s", -1},
        {"1.5s", -1},
        {"5S", -1},
        {"5sec", -1},
        {"1h30m", -1},
        {"99999999999999999999d", -1},
        {"18446744073709551615d", -1},
        {"18446744073709551616ms", -1},
        {"213503982335d", -1},
    };
    const int64_t week = 7LL * 24 * 60 * 60 * 1000;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -7;
        int before = config_errors(l->cfg);
        int rc = config_duration(l->cfg, "sources[0].every", cases[i].text, 5, 1, week, &ms);
        bool right = cases[i].ms < 0
                         ? rc == CHISO_E_CONFIG && ms == -7 && config_errors(l->cfg) == before + 1
                         : rc == 0 && ms == cases[i].ms && config_errors(l->cfg) == before;
        if (!right) {
            fail_msg("'%s' gives %d, %lld", cases[i].text, rc, (long long)ms);
        }
    }
    int64_t ms = 0;
    assert_int_equal(config_duration(l->cfg, "bus.every", NULL, 1234, 1, 10, &ms), 0);
    assert_int_equal(ms, 1234);
    assert_int_equal(config_duration(l->cfg, "", "9223372036854775807ms", 0, 0, INT64_MAX, &ms), 0);
    assert_true(ms == INT64_MAX);
    assert_int_equal(config_duration(l->cfg, "", "9223372036854775808ms", 0, 0, INT64_MAX, &ms),
                     CHISO_E_CONFIG);
}

static void sizes(void **state)
{
    load_t *l = *state;
    static const struct {
        const char *text;
        uint64_t bytes; /* 0 is an error */
    } cases[] = {
        {"100", 100},
        {"64KiB", 65536},
        {"512MiB", 536870912},
        {"4GiB", 4294967296},
        {"1TiB", 1ULL << 40},
        {"1", 1},
        {"0", 0},
        {"1025GiB", 0},
        {"1099511627777", 0},
        {"2TiB", 0},
        {"64KB", 0},
        {"64K", 0},
        {"64 KiB", 0},
        {"", 0},
        {"KiB", 0},
        {"-1", 0},
        {"1.5GiB", 0},
        {"64kib", 0},
        {"16777216TiB", 0},
        {"18446744073709551616", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t bytes = 77;
        int rc = config_size(l->cfg, "bus.bind", cases[i].text, 5, 1, 1ULL << 40, &bytes);
        bool right = cases[i].bytes == 0 ? rc == CHISO_E_CONFIG && bytes == 77
                                         : rc == 0 && bytes == cases[i].bytes;
        if (!right) {
            fail_msg("'%s' gives %d, %llu", cases[i].text, rc, (unsigned long long)bytes);
        }
    }
    uint64_t bytes = 0;
    assert_int_equal(config_size(l->cfg, "", NULL, 1234, 1, 10, &bytes), 0);
    assert_int_equal(bytes, 1234);
    assert_int_equal(config_size(l->cfg, "", "18446744073709551615", 0, 0, UINT64_MAX, &bytes), 0);
    assert_true(bytes == UINT64_MAX);
    assert_int_equal(config_size(l->cfg, "", "16777216TiB", 0, 0, UINT64_MAX, &bytes),
                     CHISO_E_CONFIG);
}

static void quantities_say_what_is_expected(void **state)
{
    load_t *l = *state;
    int64_t ms = 0;
    uint64_t bytes = 0;
    config_duration(l->cfg, "sources[0].every", "15x", 0, 1000, 90000, &ms);
    assert_said(l, "6: sources[0].every: is '15x'; expected a duration such as 250ms, 30s, 15m, 2h "
                   "or 7d\n");
    config_duration(l->cfg, "sources[0].every", "2m", 0, 1000, 90000, &ms);
    assert_said(l, "6: sources[0].every: is '2m'; expected from 1s to 90s\n");
    config_size(l->cfg, "bus.size", "5MB", 0, 0, 1536, &bytes);
    assert_said(l, "2: bus.size: is '5MB'; expected a size such as 100, 64KiB, 512MiB or 4GiB\n");
    config_size(l->cfg, "bus.size", "1MiB", 0, 1024, 65537, &bytes);
    assert_said(l, "2: bus.size: is '1MiB'; expected from 1KiB to 65537\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_by_path),
        TEST(own_errors),
        TEST(resolve),
        TEST(resolve_beside_a_file_without_folder),
        TEST(durations),
        TEST(sizes),
        TEST(quantities_say_what_is_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
