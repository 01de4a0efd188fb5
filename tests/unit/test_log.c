/* test_log.c - reads what log_write() sends through a pipe in packet mode, where one read(2) gives
 * what one write(2) put in: that a record is one write is part of the contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"

#define HEAD "{\"time\":\"2026-11-22T14:30:00.123Z\",\"level\":\"info\",\"service\":\"ingest\""
#define ELLIPSIS "…"

static int pipe_ends[2];
static int kept_stderr;
static char packet[LOG_LINE_MAX * 2 + 1];

static int64_t fixed_wall_ms(void)
{
    return INT64_C(1795357800123);
}

static int set_up(void **state)
{
    (void)state;
    static const clock_source_t source = {.wall_ms = fixed_wall_ms};
    clock_set_source(&source);
    log_init("ingest", LOG_AT_INFO);
    return pipe2(pipe_ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC);
}

static int tear_down(void **state)
{
    (void)state;
    clock_set_source(NULL);
    return close(pipe_ends[0]) + close(pipe_ends[1]);
}

static void capture(void)
{
    kept_stderr = dup(STDERR_FILENO);
    assert_true(kept_stderr >= 0);
    assert_int_equal(dup2(pipe_ends[1], STDERR_FILENO), STDERR_FILENO);
}

static void release(void)
{
    assert_int_equal(dup2(kept_stderr, STDERR_FILENO), STDERR_FILENO);
    close(kept_stderr);
}

/* The next packet, NULL when there is none. */
static const char *next_packet(void)
{
    ssize_t len = read(pipe_ends[0], packet, sizeof(packet) - 1);
    if (len < 0) {
        assert_int_equal(errno, EAGAIN);
        return NULL;
    }
    packet[len] = '\0';
    assert_int_equal(strlen(packet), len);
    return packet;
}

/* What one call wrote, checked to be one packet and one line. */
static const char *the_line(void)
{
    release();
    const char *line = next_packet();
    assert_non_null(line);
    size_t len = strlen(line);
    assert_true(len > 0 && len <= LOG_LINE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    char spare[1];
    assert_int_equal(read(pipe_ends[0], spare, 1), -1);
    return line;
}

#define LINE_OF(call) (capture(), (call), the_line())

static json_t *parsed(const char *line)
{
    json_error_t error;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        fail_msg("%s: %s", error.text, line);
    }
    return object;
}

static void assert_value(const char *line, const char *key, const char *expected)
{
    json_t *object = parsed(line);
    const char *value = json_string_value(json_object_get(object, key));
    assert_non_null(value);
    assert_string_equal(value, expected);
    json_decref(object);
}

static void test_a_line(void **state)
{
    (void)state;
    assert_string_equal(LINE_OF(log_info("started", NULL)), HEAD ",\"event\":\"started\"}\n");
    assert_string_equal(LINE_OF(log_info("fetched", "source", "long-phu", "bytes", LOG_INT(1234),
                                         "etag", NULL, "commune", "Xã Long Phú", NULL)),
                        HEAD ",\"event\":\"fetched\",\"source\":\"long-phu\",\"bytes\":1234,"
                             "\"etag\":null,\"commune\":\"Xã Long Phú\"}\n");
}

static void test_numbers(void **state)
{
    (void)state;
    assert_string_equal(LINE_OF(log_info("n", "min", LOG_INT(INT64_MIN), "max", LOG_INT(INT64_MAX),
                                         "zero", LOG_INT(0), "minus", LOG_INT(-1), NULL)),
                        HEAD ",\"event\":\"n\",\"min\":-9223372036854775808,"
                             "\"max\":9223372036854775807,\"zero\":0,\"minus\":-1}\n");
    /* A text that looks like a number stays a text. */
    assert_string_equal(LINE_OF(log_info("n", "text", "12", NULL)),
                        HEAD ",\"event\":\"n\",\"text\":\"12\"}\n");
}

/* Bytes from outside that begin with the number's mark must not become raw JSON. */
static void test_forged_number(void **state)
{
    (void)state;
    static const char *const forged[] = {"\xff\x01"
                                         "1,\"level\":\"error\"",
                                         "\xff\x01",
                                         "\xff\x01-",
                                         "\xff\x01"
                                         "01",
                                         "\xff\x01"
                                         "1e5",
                                         "\xff\x01"
                                         "99999999999999999999"};
    for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
        const char *line = LINE_OF(log_info("n", "v", forged[i], NULL));
        json_t *object = parsed(line);
        assert_true(json_is_string(json_object_get(object, "v")));
        assert_int_equal(json_object_size(object), 5);
        json_decref(object);
    }
}

static void test_escaping(void **state)
{
    (void)state;
    const char *line = LINE_OF(log_info("e", "v", "a\"b\\c\nd\te\rf\x01g\x1b[31m/\x7f", NULL));
    assert_string_equal(line,
                        HEAD ",\"event\":\"e\",\"v\":\"a\\\"b\\\\c\\nd\\te\\rf\\u0001g\\u001b[31m"
                             "/\\u007f\"}\n");
    assert_value(line, "v", "a\"b\\c\nd\te\rf\x01g\x1b[31m/\x7f");
    line =
        LINE_OF(log_info("e", "v", "\xC2\x85|\xC2\x9B|\xE2\x80\xA8|\xE2\x80\xA9|\xC2\xA0", NULL));
    assert_non_null(strstr(line, "\"\\u0085|\\u009b|\\u2028|\\u2029|\xC2\xA0\""));
    line = LINE_OF(log_info("quoted \"event\"", "key\n", "", NULL));
    assert_value(line, "event", "quoted \"event\"");
    assert_value(line, "key\n", "");
}

static void test_invalid_utf8(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a\xff"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"end\xC3", "end\xEF\xBF\xBD"},
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF0\x9F\x98", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_value(LINE_OF(log_info("e", "v", cases[i][0], NULL)), "v", cases[i][1]);
    }
}

/* Fills with `unit` repeated, for a length past every limit. */
static void fill(char *text, size_t size, const char *unit)
{
    size_t len = strlen(unit);
    size_t at = 0;
    while (at + len < size) {
        memcpy(text + at, unit, len);
        at += len;
    }
    text[at] = '\0';
}

static void test_long_value_is_cut(void **state)
{
    (void)state;
    static const char *const units[] = {"x", "ế", "\n", "\x01", "\"", "\xff", "😀", "aế\n\x01"};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        char big[20000];
        fill(big, sizeof(big), units[i]);
        const char *line = LINE_OF(log_warn("big", "first", "kept", "body", big, "after",
                                            "kept too", "n", LOG_INT(7), NULL));
        assert_true(strlen(line) > LOG_LINE_MAX / 2);
        json_t *object = parsed(line);
        const char *body = json_string_value(json_object_get(object, "body"));
        assert_non_null(body);
        size_t len = strlen(body);
        assert_true(len > strlen(ELLIPSIS));
        assert_string_equal(body + len - strlen(ELLIPSIS), ELLIPSIS);
        if (units[i][0] != '\xff') {
            assert_memory_equal(body, big, len - strlen(ELLIPSIS));
        }
        assert_string_equal(json_string_value(json_object_get(object, "after")), "kept too");
        assert_int_equal(json_integer_value(json_object_get(object, "n")), 7);
        assert_null(json_object_get(object, "cut"));
        json_decref(object);
    }
}

/* Every length about the limit: nothing is cut that fits, and nothing is longer than the line. */
static void test_lengths_about_the_limit(void **state)
{
    (void)state;
    char big[LOG_LINE_MAX + 1];
    bool was_cut = false;
    for (size_t len = LOG_LINE_MAX - 300; len < LOG_LINE_MAX; len++) {
        memset(big, 'x', len);
        big[len] = '\0';
        json_t *object = parsed(LINE_OF(log_info("big", "v", big, NULL)));
        const char *value = json_string_value(json_object_get(object, "v"));
        assert_non_null(value);
        bool cut = strcmp(value, big) != 0;
        assert_true(cut || !was_cut);
        was_cut = cut;
        json_decref(object);
    }
    assert_true(was_cut);
}

static void test_several_long_values(void **state)
{
    (void)state;
    char big[5000];
    fill(big, sizeof(big), "đ\"");
    json_t *object =
        parsed(LINE_OF(log_info("big", "a", big, "b", big, "c", big, "d", "short", NULL)));
    assert_int_equal(json_object_size(object), 8);
    assert_string_equal(json_string_value(json_object_get(object, "d")), "short");
    json_decref(object);
    /* Event, key and service are cut like values. */
    log_init(big, LOG_AT_INFO);
    object = parsed(LINE_OF(log_info(big, big, big, NULL)));
    assert_int_equal(json_object_size(object), 5);
    json_decref(object);
}

#define TEN_PAIRS(k)                                                                               \
    k "0", big, k "1", big, k "2", big, k "3", big, k "4", big, k "5", big, k "6", big, k "7",     \
        big, k "8", big, k "9", big

static void test_too_many_pairs(void **state)
{
    (void)state;
    char big[5000];
    fill(big, sizeof(big), "\x02");
    json_t *object =
        parsed(LINE_OF(log_info("big", TEN_PAIRS("a"), TEN_PAIRS("b"), TEN_PAIRS("c"),
                                TEN_PAIRS("d"), TEN_PAIRS("e"), TEN_PAIRS("f"), NULL)));
    assert_true(json_is_true(json_object_get(object, "cut")));
    assert_non_null(json_object_get(object, "a0"));
    assert_null(json_object_get(object, "f9"));
    json_decref(object);
}

static void test_levels(void **state)
{
    (void)state;
    log_level_t level = LOG_AT_WARN;
    assert_int_equal(log_level_of("loud", &level), CHISO_E_SYNTAX);
    assert_int_equal(log_level_of("", &level), CHISO_E_SYNTAX);
    assert_int_equal(log_level_of("INFO", &level), CHISO_E_SYNTAX);
    assert_int_equal(log_level_of(NULL, &level), CHISO_E_SYNTAX);
    assert_int_equal(level, LOG_AT_WARN);
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = LOG_AT_DEBUG; i <= LOG_AT_ERROR; i++) {
        assert_int_equal(log_level_of(names[i], &level), 0);
        assert_int_equal(level, i);
        log_init("ingest", level);
        for (int j = LOG_AT_DEBUG; j <= LOG_AT_ERROR; j++) {
            capture();
            log_write((log_level_t)j, "e", NULL);
            release();
            const char *line = next_packet();
            assert_int_equal(line != NULL, j >= i);
            if (line != NULL) {
                assert_value(line, "level", names[j]);
            }
        }
    }
}

static void test_errno_is_kept(void **state)
{
    (void)state;
    capture();
    close(STDERR_FILENO);
    errno = ENOSPC;
    log_error("disk", NULL); /* fails with EBADF inside */
    int after = errno;
    release();
    assert_int_equal(after, ENOSPC);
    assert_null(next_packet());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forged_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_escaping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_invalid_utf8, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_value_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lengths_about_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_several_long_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errno_is_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
