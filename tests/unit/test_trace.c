/* test_trace.c - traceparent by W3C Trace Context level 1, rule by rule. */
#include "base/error.h"
#include "trace/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define GOOD "00-" ID "-" SPAN "-01"

static void refused(const char *text)
{
    trace_t t = trace_of_name("untouched");
    trace_t before = t;
    assert_int_equal(trace_parse(text, &t), CHISO_E_SYNTAX);
    assert_memory_equal(&t, &before, sizeof t);
}

static void taken(const char *text, const char *again)
{
    trace_t t;
    char out[TRACE_TEXT_SIZE];
    assert_int_equal(trace_parse(text, &t), 0);
    assert_string_equal(trace_format(&t, out), again);
}

static void test_version_00(void **state)
{
    (void)state;
    taken(GOOD, GOOD);
    taken("00-" ID "-" SPAN "-00", "00-" ID "-" SPAN "-00");
    refused("");
    refused("00");
    refused("00-" ID "-" SPAN "-0");   /* too short */
    refused("00-" ID "-" SPAN "-011"); /* too long */
    refused(GOOD "-");
    refused(GOOD "-more"); /* version 00 has nothing behind the flags */
    refused(GOOD " ");
    refused(" " GOOD);
    refused(GOOD "," GOOD); /* two headers that were joined */
}

static void test_only_lower_case_hex(void **state)
{
    (void)state;
    refused("00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01");
    refused("00-" ID "-00F067AA0BA902B7-01");
    refused("00-" ID "-" SPAN "-0A");
    refused("0A-" ID "-" SPAN "-01");
    refused("00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01");
    refused("00-" ID "-00f067aa0ba902b.-01");
    refused("00-" ID "-" SPAN "-.0");
    refused(".0-" ID "-" SPAN "-00");
}

static void test_dashes_stand_in_their_places(void **state)
{
    (void)state;
    refused("00_" ID "-" SPAN "-01");
    refused("00-" ID "_" SPAN "-01");
    refused("00-" ID "-" SPAN "_01");
    refused("00-" ID SPAN "--01");
}

static void test_all_zero_is_invalid(void **state)
{
    (void)state;
    refused("00-00000000000000000000000000000000-" SPAN "-01");
    refused("00-" ID "-0000000000000000-01");
    taken("00-00000000000000000000000000000001-0000000000000001-01",
          "00-00000000000000000000000000000001-0000000000000001-01");
}

static void test_version_ff_is_invalid(void **state)
{
    (void)state;
    refused("ff-" ID "-" SPAN "-01");
    refused("ff-" ID "-" SPAN "-01-more");
}

/* What this version knows of a later one is taken, and sent on as this version. */
static void test_later_versions(void **state)
{
    (void)state;
    taken("01-" ID "-" SPAN "-01", GOOD);
    taken("cc-" ID "-" SPAN "-01-what-the-future-will-be-like", GOOD);
    taken("cc-" ID "-" SPAN "-01-", GOOD);
    refused("cc-" ID "-" SPAN "-01.what-the-future-will-be-like");
    refused("cc-" ID "-" SPAN "-011");
    refused("cc-" ID "-" SPAN "-0");
}

/* Flags that level 1 does not know are not sent on. */
static void test_unknown_flags_are_zeroed(void **state)
{
    (void)state;
    taken("00-" ID "-" SPAN "-ff", GOOD);
    taken("00-" ID "-" SPAN "-02", "00-" ID "-" SPAN "-00");
    taken("00-" ID "-" SPAN "-09", GOOD);
}

static void test_a_hop_keeps_the_trace(void **state)
{
    (void)state;
    trace_t first = trace_new();
    trace_t other = trace_new();
    trace_t second = trace_next(&first);
    trace_t third = trace_next(&second);
    assert_true(trace_is_set(&first));
    assert_int_equal(first.flags, TRACE_SAMPLED);
    assert_memory_not_equal(first.id, other.id, sizeof first.id);
    assert_memory_equal(first.id, second.id, sizeof first.id);
    assert_memory_equal(first.id, third.id, sizeof first.id);
    assert_memory_not_equal(first.span, second.span, sizeof first.span);
    assert_memory_not_equal(second.span, third.span, sizeof first.span);
    assert_memory_not_equal(first.span, other.span, sizeof first.span);
    trace_t none = TRACE_NONE;
    trace_t after = trace_next(&none);
    assert_false(trace_is_set(&after));
    assert_memory_equal(&after, &none, sizeof none);
}

static void test_what_is_made_parses(void **state)
{
    (void)state;
    char text[TRACE_TEXT_SIZE];
    for (int i = 0; i < 1000; i++) {
        trace_t made = i % 2 == 0 ? trace_new() : trace_of_name(text);
        trace_t read;
        assert_int_equal(trace_parse(trace_format(&made, text), &read), 0);
        assert_memory_equal(&made, &read, sizeof made);
    }
    trace_t a = trace_of_name("score/x/2025/01/3@00000001");
    trace_t b = trace_of_name("score/x/2025/01/3@00000001");
    trace_t c = trace_of_name("score/x/2025/01/4@00000001");
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_not_equal(a.id, c.id, sizeof a.id);
}

static void test_bytes(void **state)
{
    (void)state;
    trace_t t = trace_new();
    trace_t back;
    uint8_t bytes[TRACE_SIZE];
    trace_pack(&t, bytes);
    assert_int_equal(trace_unpack(bytes_of(bytes, sizeof bytes), &back), 0);
    assert_memory_equal(&t, &back, sizeof t);
    assert_int_equal(trace_unpack(bytes_of(bytes, sizeof bytes - 1), &back), CHISO_E_PROTOCOL);
    assert_int_equal(trace_unpack(bytes_of(NULL, 0), &back), CHISO_E_PROTOCOL);
    bytes[TRACE_SIZE - 1] = 2;
    assert_int_equal(trace_unpack(bytes_of(bytes, sizeof bytes), &back), CHISO_E_PROTOCOL);
    bytes[TRACE_SIZE - 1] = 0;
    memset(bytes, 0, TRACE_ID_SIZE);
    assert_int_equal(trace_unpack(bytes_of(bytes, sizeof bytes), &back), CHISO_E_PROTOCOL);
    trace_pack(&t, bytes);
    memset(bytes + TRACE_ID_SIZE, 0, TRACE_SPAN_SIZE);
    assert_int_equal(trace_unpack(bytes_of(bytes, sizeof bytes), &back), CHISO_E_PROTOCOL);
}

static void test_log_texts(void **state)
{
    (void)state;
    trace_t t;
    trace_t none = TRACE_NONE;
    char id[TRACE_ID_TEXT_SIZE];
    char span[TRACE_SPAN_TEXT_SIZE];
    assert_int_equal(trace_parse(GOOD, &t), 0);
    assert_string_equal(trace_id_text(&t, id), ID);
    assert_string_equal(trace_span_text(&t, span), SPAN);
    assert_null(trace_id_text(&none, id));
    assert_null(trace_span_text(&none, span));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_00),
        cmocka_unit_test(test_only_lower_case_hex),
        cmocka_unit_test(test_dashes_stand_in_their_places),
        cmocka_unit_test(test_all_zero_is_invalid),
        cmocka_unit_test(test_version_ff_is_invalid),
        cmocka_unit_test(test_later_versions),
        cmocka_unit_test(test_unknown_flags_are_zeroed),
        cmocka_unit_test(test_a_hop_keeps_the_trace),
        cmocka_unit_test(test_what_is_made_parses),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_log_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
