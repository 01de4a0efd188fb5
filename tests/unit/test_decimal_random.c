/* test_decimal_random.c - the arithmetic is checked against a second one that shares nothing with
 * it: schoolbook multiplication and division on arrays of decimal digits. The random numbers are
 * seeded, so that a failure comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "decimal/decimal.h"

#define ROUNDS 20000

static decimal_t parsed(const char *text)
{
    decimal_t value = {.micro = 4242};
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    return value;
}

#define DIGITS 64

/* Least significant digit first. */
typedef struct {
    int digit[DIGITS];
} slow_t;

static slow_t slow_of(decimal_t value)
{
    slow_t out = {{0}};
    __int128 rest = value.micro < 0 ? -value.micro : value.micro;
    for (int i = 0; i < DIGITS; i++) {
        out.digit[i] = (int)(rest % 10);
        rest /= 10;
    }
    return out;
}

static int slow_compare(const slow_t *a, const slow_t *b)
{
    for (int i = DIGITS - 1; i >= 0; i--) {
        if (a->digit[i] != b->digit[i]) {
            return a->digit[i] > b->digit[i] ? 1 : -1;
        }
    }
    return 0;
}

static void slow_subtract(slow_t *a, const slow_t *b)
{
    int borrow = 0;
    for (int i = 0; i < DIGITS; i++) {
        int digit = a->digit[i] - b->digit[i] - borrow;
        borrow = digit < 0;
        a->digit[i] = digit + 10 * borrow;
    }
    assert_int_equal(borrow, 0);
}

static void slow_add(slow_t *a, const slow_t *b)
{
    int carry = 0;
    for (int i = 0; i < DIGITS; i++) {
        int digit = a->digit[i] + b->digit[i] + carry;
        carry = digit / 10;
        a->digit[i] = digit % 10;
    }
}

static slow_t slow_multiply(const slow_t *a, const slow_t *b)
{
    slow_t out = {{0}};
    for (int i = 0; i < DIGITS / 2; i++) {
        int carry = 0;
        for (int j = 0; i + j < DIGITS; j++) {
            int digit = out.digit[i + j] + a->digit[i] * b->digit[j] + carry;
            carry = digit / 10;
            out.digit[i + j] = digit % 10;
        }
    }
    return out;
}

static slow_t slow_divide(const slow_t *a, const slow_t *b, slow_t *rest)
{
    slow_t out = {{0}};
    *rest = (slow_t){{0}};
    for (int i = DIGITS - 1; i >= 0; i--) {
        memmove(rest->digit + 1, rest->digit, sizeof(rest->digit) - sizeof(rest->digit[0]));
        rest->digit[0] = a->digit[i];
        while (slow_compare(rest, b) >= 0) {
            slow_subtract(rest, b);
            out.digit[i]++;
        }
    }
    return out;
}

static slow_t slow_muldiv(decimal_t a, decimal_t b, decimal_t c, decimal_rounding_t rounding)
{
    slow_t left = slow_of(a);
    slow_t right = slow_of(b);
    slow_t divisor = slow_of(c);
    slow_t product = slow_multiply(&left, &right);
    slow_t rest;
    slow_t quotient = slow_divide(&product, &divisor, &rest);
    slow_t zero = {{0}};
    bool exact = slow_compare(&rest, &zero) == 0;
    slow_add(&rest, &rest);
    int half = slow_compare(&rest, &divisor);
    bool away =
        (rounding == DECIMAL_UP && !exact) || (rounding == DECIMAL_HALF_UP && half >= 0) ||
        (rounding == DECIMAL_HALF_EVEN && (half > 0 || (half == 0 && quotient.digit[0] % 2 == 1)));
    if (away) {
        slow_t one = {{1}};
        slow_add(&quotient, &one);
    }
    return quotient;
}

static uint64_t random_state;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Of every length, and often with many zeros or nines, where ties and carries live. */
static decimal_t random_decimal(void)
{
    uint64_t shape = next_random() % 4;
    int digits = (int)(next_random() % 25);
    decimal_t value = DECIMAL_ZERO;
    for (int i = 0; i < digits; i++) {
        uint64_t digit = next_random() % 10;
        if (shape == 1 && i > 1) {
            digit = 0;
        } else if (shape == 2) {
            digit = 9;
        } else if (shape == 3) {
            digit = i == 0 ? 5 : 0;
        }
        value.micro = value.micro * 10 + (__int128)(unsigned)digit;
    }
    if (next_random() % 2 == 0) {
        value.micro = -value.micro;
    }
    return value;
}

static void check_muldiv(decimal_t a, decimal_t b, decimal_t c, decimal_rounding_t rounding)
{
    decimal_t out = {.micro = 4242};
    int rc = decimal_muldiv(a, b, c, rounding, &out);
    if (c.micro == 0) {
        assert_int_equal(rc, CHISO_E_INVALID);
        return;
    }
    slow_t expected = slow_muldiv(a, b, c, rounding);
    bool fits = true;
    for (int i = 24; i < DIGITS; i++) {
        fits = fits && expected.digit[i] == 0;
    }
    assert_int_equal(rc, fits ? 0 : CHISO_E_RANGE);
    if (!fits) {
        assert_true(out.micro == 4242);
        return;
    }
    slow_t got = slow_of(out);
    assert_int_equal(slow_compare(&got, &expected), 0);
    int sign = decimal_sign(a) * decimal_sign(b) * decimal_sign(c);
    assert_true(decimal_sign(out) == sign || out.micro == 0);
}

static void check_ratio(decimal_t a, decimal_t b, decimal_t c, decimal_t d)
{
    if (b.micro == 0 || d.micro == 0) {
        return;
    }
    slow_t digits[4] = {slow_of(a), slow_of(b), slow_of(c), slow_of(d)};
    slow_t left = slow_multiply(&digits[0], &digits[3]);
    slow_t right = slow_multiply(&digits[2], &digits[1]);
    int left_sign = decimal_sign(a) * decimal_sign(b);
    int right_sign = decimal_sign(c) * decimal_sign(d);
    int expected = left_sign != right_sign ? (left_sign > right_sign ? 1 : -1)
                                           : left_sign * slow_compare(&left, &right);
    assert_int_equal(decimal_compare_ratio(a, b, c, d), expected);
    assert_int_equal(decimal_compare_ratio(c, d, a, b), -expected);
}

static void test_against_schoolbook(void **state)
{
    (void)state;
    random_state = 20261122;
    for (int i = 0; i < ROUNDS; i++) {
        decimal_t a = random_decimal();
        decimal_t b = random_decimal();
        decimal_t c = random_decimal();
        check_muldiv(a, b, c, (decimal_rounding_t)(i % 4));
        check_ratio(a, b, c, random_decimal());
        /* Neighbours, and ratios that are equal but for the last place. */
        decimal_t near = {.micro = a.micro / 2 + (__int128)(next_random() % 2)};
        check_ratio(a, b, near, (decimal_t){.micro = b.micro / 2});
    }
}

static void test_text_round_trip(void **state)
{
    (void)state;
    random_state = 1945;
    for (int i = 0; i < ROUNDS; i++) {
        decimal_t value = random_decimal();
        char text[DECIMAL_TEXT_SIZE];
        assert_true(parsed(decimal_format(value, text)).micro == value.micro);
        assert_true(parsed(decimal_format_fixed(value, 6, DECIMAL_UP, text)).micro == value.micro);
        /* Rounding the text and rounding the number are the same thing. */
        int places = (int)(next_random() % 6);
        decimal_rounding_t rounding = (decimal_rounding_t)(i % 4);
        decimal_t unit = decimal_of(1);
        for (int k = places; k < 6; k++) {
            unit.micro *= 10;
        }
        decimal_t count = DECIMAL_ZERO; /* of units in the last place, in millionths */
        assert_int_equal(decimal_muldiv(value, decimal_of(1), unit, rounding, &count), 0);
        __int128 rounded = count.micro * (unit.micro / 1000000);
        if (rounded > -(__int128)1000000 * INT64_C(1000000000000000000) &&
            rounded < (__int128)1000000 * INT64_C(1000000000000000000)) {
            decimal_format_fixed(value, places, rounding, text);
            assert_true(parsed(text).micro == rounded);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_schoolbook),
        cmocka_unit_test(test_text_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
