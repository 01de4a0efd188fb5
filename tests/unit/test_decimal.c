/* test_decimal.c - the edges: what is refused, every rounding at a tie, and the largest numbers.
 * test_decimal_random.c goes through what lies between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"
#include "decimal/decimal.h"

#define MOST "999999999999999999.999999"
#define LEAST "-999999999999999999.999999"

static decimal_t parsed(const char *text)
{
    decimal_t value = {.micro = 4242};
    int rc = decimal_parse(text, strlen(text), &value);
    if (rc != 0) {
        fail_msg("\"%s\": %d", text, rc);
    }
    return value;
}

static void assert_text(decimal_t value, const char *expected)
{
    char text[DECIMAL_TEXT_SIZE];
    assert_ptr_equal(decimal_format(value, text), text);
    assert_string_equal(text, expected);
}

static void test_of(void **state)
{
    (void)state;
    assert_text(decimal_of(0), "0");
    assert_text(decimal_of(-7), "-7");
    assert_text(decimal_of(INT64_C(999999999999999999)), "999999999999999999");
    assert_text(decimal_of(INT64_C(-999999999999999999)), "-999999999999999999");
    assert_text(DECIMAL_ZERO, "0");
}

static void test_parse_and_format(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.000", "0"},
        {"007", "7"},
        {"9.53", "9.53"},
        {"-0.5", "-0.5"},
        {"100", "100"},
        {"100.10", "100.1"},
        {"0.000001", "0.000001"},
        {"-0.000001", "-0.000001"},
        {"1.5000000000000000000000000", "1.5"},
        {"1.0000000000000000000000000", "1"},
        {"000000000000000000000000000012.25", "12.25"},
        {MOST, MOST},
        {LEAST, LEAST},
        {"00" MOST "00", MOST},
        {"120000000000", "120000000000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_text(parsed(cases[i][0]), cases[i][1]);
    }
    assert_true(parsed("9.53").micro == 9530000);
}

static void test_parse_takes_len_bytes(void **state)
{
    (void)state;
    decimal_t value;
    assert_int_equal(decimal_parse("12.5%", 4, &value), 0);
    assert_text(value, "12.5");
    assert_int_equal(decimal_parse("12.5%", 2, &value), 0);
    assert_text(value, "12");
}

static void refused(const char *text, size_t len, int code)
{
    decimal_t value = {.micro = 4242};
    int rc = decimal_parse(text, len, &value);
    if (rc != code) {
        fail_msg("\"%s\": %d, expected %d", text == NULL ? "" : text, rc, code);
    }
    assert_true(value.micro == 4242);
}

static void test_parse_refusals(void **state)
{
    (void)state;
    static const char *const syntax[] = {
        "",          "-",  "+1",   ".5",    "5.",  "-.5",  "-5.",  ".",    "--1",
        " 1",        "1 ", "1,5",  "1.5.2", "1e3", "0x1",  "1.2-", "abc",  "1\n",
        "1_000",     "१",  "1.-5", "NaN",   "inf", "1.5đ", "- 1",  "\xff", "12345678901234567890x",
        "0.1234567x"};
    static const char *const range[] = {"1000000000000000000",
                                        "-1000000000000000000",
                                        "1000000000000000000.5",
                                        "0.0000001",
                                        "1.00000000000000000001",
                                        "1.12345670000001",
                                        "99999999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof(syntax) / sizeof(syntax[0]); i++) {
        refused(syntax[i], strlen(syntax[i]), CHISO_E_SYNTAX);
    }
    for (size_t i = 0; i < sizeof(range) / sizeof(range[0]); i++) {
        refused(range[i], strlen(range[i]), CHISO_E_RANGE);
    }
    refused("1\0002", 3, CHISO_E_SYNTAX);
    refused(NULL, 0, CHISO_E_SYNTAX);
}

static void fixed(const char *value, int places, decimal_rounding_t rounding, const char *expected)
{
    char text[DECIMAL_TEXT_SIZE];
    assert_ptr_equal(decimal_format_fixed(parsed(value), places, rounding, text), text);
    assert_string_equal(text, expected);
}

static void test_format_fixed(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *expected[4]; /* half up, half even, down, up; one place */
    } cases[] = {
        {"0.25", {"0.3", "0.2", "0.2", "0.3"}},     {"-0.25", {"-0.3", "-0.2", "-0.2", "-0.3"}},
        {"0.35", {"0.4", "0.4", "0.3", "0.4"}},     {"-0.35", {"-0.4", "-0.4", "-0.3", "-0.4"}},
        {"0.05", {"0.1", "0.0", "0.0", "0.1"}},     {"-0.05", {"-0.1", "0.0", "0.0", "-0.1"}},
        {"0.249999", {"0.2", "0.2", "0.2", "0.3"}}, {"-0.250001", {"-0.3", "-0.3", "-0.2", "-0.3"}},
        {"7", {"7.0", "7.0", "7.0", "7.0"}},        {"99.95", {"100.0", "100.0", "99.9", "100.0"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int mode = DECIMAL_HALF_UP; mode <= DECIMAL_UP; mode++) {
            fixed(cases[i].value, 1, (decimal_rounding_t)mode, cases[i].expected[mode]);
        }
    }
    fixed("9.53", 6, DECIMAL_HALF_UP, "9.530000");
    fixed("-9.53", 6, DECIMAL_UP, "-9.530000");
    fixed("0.5", 0, DECIMAL_HALF_UP, "1");
    fixed("0.5", 0, DECIMAL_HALF_EVEN, "0");
    fixed("1.5", 0, DECIMAL_HALF_EVEN, "2");
    fixed("-0.4", 0, DECIMAL_HALF_UP, "0");
    /* The longest texts there are. */
    fixed(LEAST, 6, DECIMAL_HALF_UP, LEAST);
    fixed(LEAST, 5, DECIMAL_HALF_UP, "-1000000000000000000.00000");
    fixed(LEAST, 0, DECIMAL_UP, "-1000000000000000000");
    fixed(LEAST, 5, DECIMAL_DOWN, "-999999999999999999.99999");
}

static void test_compare(void **state)
{
    (void)state;
    static const char *const order[] = {LEAST, "-1", "-0.000001", "0", "0.000001", "1", MOST};
    int count = (int)(sizeof(order) / sizeof(order[0]));
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            assert_int_equal(decimal_compare(parsed(order[i]), parsed(order[j])),
                             (i > j) - (i < j));
        }
        assert_int_equal(decimal_sign(parsed(order[i])), (i > 3) - (i < 3));
    }
}

static void test_add_and_subtract(void **state)
{
    (void)state;
    decimal_t most = parsed(MOST);
    decimal_t least = parsed(LEAST);
    decimal_t unit = parsed("0.000001");
    decimal_t out = {.micro = 4242};
    assert_int_equal(decimal_add(most, unit, &out), CHISO_E_RANGE);
    assert_int_equal(decimal_subtract(least, unit, &out), CHISO_E_RANGE);
    assert_int_equal(decimal_add(most, most, &out), CHISO_E_RANGE);
    assert_int_equal(decimal_subtract(least, most, &out), CHISO_E_RANGE);
    assert_true(out.micro == 4242);
    assert_int_equal(decimal_add(most, least, &out), 0);
    assert_text(out, "0");
    assert_int_equal(decimal_subtract(most, unit, &out), 0);
    assert_text(out, "999999999999999999.999998");
    assert_int_equal(decimal_add(out, unit, &out), 0);
    assert_text(out, MOST);
    assert_int_equal(decimal_subtract(parsed("0.1"), parsed("0.3"), &out), 0);
    assert_text(out, "-0.2");
}

static void test_muldiv_ties(void **state)
{
    (void)state;
    /* a * 0.000001 / c leaves the quotient in millionths: one rounding, at the last place. */
    static const struct {
        const char *a;
        const char *c;
        const char *expected[4]; /* half up, half even, down, up */
    } cases[] = {
        {"1", "2", {"0.000001", "0", "0", "0.000001"}},
        {"-1", "2", {"-0.000001", "0", "0", "-0.000001"}},
        {"1", "-2", {"-0.000001", "0", "0", "-0.000001"}},
        {"-1", "-2", {"0.000001", "0", "0", "0.000001"}},
        {"3", "2", {"0.000002", "0.000002", "0.000001", "0.000002"}},
        {"-3", "2", {"-0.000002", "-0.000002", "-0.000001", "-0.000002"}},
        {"5", "2", {"0.000003", "0.000002", "0.000002", "0.000003"}},
        {"1", "3", {"0", "0", "0", "0.000001"}},
        {"-2", "3", {"-0.000001", "-0.000001", "0", "-0.000001"}},
        {"4", "2", {"0.000002", "0.000002", "0.000002", "0.000002"}},
        {"0", "-2", {"0", "0", "0", "0"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int mode = DECIMAL_HALF_UP; mode <= DECIMAL_UP; mode++) {
            decimal_t out = {.micro = 4242};
            assert_int_equal(decimal_muldiv(parsed(cases[i].a), parsed("0.000001"),
                                            parsed(cases[i].c), (decimal_rounding_t)mode, &out),
                             0);
            assert_text(out, cases[i].expected[mode]);
        }
    }
}

static void test_muldiv_limits(void **state)
{
    (void)state;
    decimal_t most = parsed(MOST);
    decimal_t unit = parsed("0.000001");
    decimal_t out = {.micro = 4242};
    assert_int_equal(decimal_muldiv(most, most, decimal_of(0), DECIMAL_DOWN, &out),
                     CHISO_E_INVALID);
    assert_int_equal(decimal_muldiv(most, most, unit, DECIMAL_DOWN, &out), CHISO_E_RANGE);
    assert_int_equal(decimal_muldiv(most, most, decimal_of(1), DECIMAL_DOWN, &out), CHISO_E_RANGE);
    assert_true(out.micro == 4242);

    assert_int_equal(decimal_muldiv(most, most, most, DECIMAL_HALF_UP, &out), 0);
    assert_text(out, MOST);
    assert_int_equal(decimal_muldiv(most, parsed(LEAST), most, DECIMAL_UP, &out), 0);
    assert_text(out, LEAST);
    assert_int_equal(
        decimal_muldiv(decimal_of(1), decimal_of(100), decimal_of(3), DECIMAL_HALF_UP, &out), 0);
    assert_text(out, "33.333333");
    assert_int_equal(
        decimal_muldiv(parsed("0.5"), parsed("0.5"), decimal_of(1), DECIMAL_DOWN, &out), 0);
    assert_text(out, "0.25");
}

static void test_muldiv_rounded_past_the_limit(void **state)
{
    (void)state;
    /* 2 * (10^24 - 1) + 1 = 31 * 64516129032258064516129: the largest value and one half. */
    decimal_t a = {.micro = (__int128)INT64_C(64516129032258064) * 1000000 + 516129};
    decimal_t b = {.micro = 31};
    decimal_t c = {.micro = -2};
    decimal_t out = {.micro = 4242};
    assert_int_equal(decimal_muldiv(a, b, c, DECIMAL_HALF_UP, &out), CHISO_E_RANGE);
    assert_int_equal(decimal_muldiv(a, b, c, DECIMAL_HALF_EVEN, &out), CHISO_E_RANGE);
    assert_int_equal(decimal_muldiv(a, b, c, DECIMAL_UP, &out), CHISO_E_RANGE);
    assert_true(out.micro == 4242);
    assert_int_equal(decimal_muldiv(a, b, c, DECIMAL_DOWN, &out), 0);
    assert_text(out, LEAST);

    /* 4 * (2^128 - 1) + 3 = 2^130 - 1, in two factors: one more would wrap to nothing. */
    a.micro = (__int128)INT64_C(1107708525510648105) * 1000 + 461;
    b.micro = INT64_C(1228779445437851043);
    out.micro = 4242;
    assert_int_equal(decimal_muldiv(a, b, (decimal_t){.micro = 4}, DECIMAL_UP, &out),
                     CHISO_E_RANGE);
    assert_true(out.micro == 4242);
}

static int ratio(const char *a, const char *b, const char *c, const char *d)
{
    return decimal_compare_ratio(parsed(a), parsed(b), parsed(c), parsed(d));
}

static void test_compare_ratio(void **state)
{
    (void)state;
    assert_int_equal(ratio("1", "3", "2", "6"), 0);
    assert_int_equal(ratio("1", "3", "0.333333", "1"), 1);
    assert_int_equal(ratio("-1", "3", "1", "-3"), 0);
    assert_int_equal(ratio("-1", "-3", "1", "3"), 0);
    assert_int_equal(ratio("-1", "3", "-0.333333", "1"), -1);
    assert_int_equal(ratio("1", "-3", "-1", "4"), -1);
    assert_int_equal(ratio("0", "-5", "0", "7"), 0);
    assert_int_equal(ratio("0", "5", "-1", "7"), 1);
    assert_int_equal(ratio("0", "5", "-1", "-7"), -1);
    /* (n-1)/n against (n-2)/(n-1), n near 10^18: they differ in the 36th digit. */
    assert_int_equal(ratio("999999999999999998", "999999999999999999", "999999999999999997",
                           "999999999999999998"),
                     1);
    assert_int_equal(ratio("999999999999999997", "999999999999999998", "999999999999999998",
                           "999999999999999999"),
                     -1);
    assert_int_equal(ratio("-999999999999999998", "999999999999999999", "999999999999999997",
                           "-999999999999999998"),
                     -1);
    assert_int_equal(ratio(MOST, "999999999999999999.999998", "999999999999999999.999998",
                           "999999999999999999.999997"),
                     -1);
    assert_int_equal(ratio(MOST, "0.000001", MOST, "-0.000001"), 1);
    assert_int_equal(ratio(MOST, "0.000001", MOST, "0.000001"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of),
        cmocka_unit_test(test_parse_and_format),
        cmocka_unit_test(test_parse_takes_len_bytes),
        cmocka_unit_test(test_parse_refusals),
        cmocka_unit_test(test_format_fixed),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_add_and_subtract),
        cmocka_unit_test(test_muldiv_ties),
        cmocka_unit_test(test_muldiv_limits),
        cmocka_unit_test(test_muldiv_rounded_past_the_limit),
        cmocka_unit_test(test_compare_ratio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
