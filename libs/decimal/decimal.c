/* decimal.c - see decimal.h.
 *
 * A value is below 2^80 in millionths, so a product is below 2^160: wider than the compiler's
 * widest integer, and far narrower than what a library of big numbers is for. Products are
 * therefore kept as two unsigned 128-bit halves, and everything is done on magnitudes with the sign
 * put back at the end: rounding is symmetric about zero, and no signed overflow can arise.
 */
#include "decimal/decimal.h"

#include "base/error.h"

#include <assert.h>
#include <string.h>

typedef unsigned __int128 u128_t;

/* An unsigned product: high * 2^128 + low. */
typedef struct {
    u128_t high;
    u128_t low;
} u256_t;

#define MICRO_PLACES 6
#define WHOLE_DIGITS 18
#define MICRO_PER_ONE 1000000
#define WHOLE_LIMIT INT64_C(1000000000000000000)          /* 10^18 */
#define MICRO_LIMIT ((u128_t)WHOLE_LIMIT * MICRO_PER_ONE) /* 10^24 */

static const uint32_t power_of_ten[MICRO_PLACES + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000};

static u128_t magnitude(decimal_t value)
{
    u128_t size = value.micro < 0 ? -(u128_t)value.micro : (u128_t)value.micro;
    /* A larger one was not made by this module: whoever decodes stored bytes must check them. */
    assert(size < MICRO_LIMIT);
    return size;
}

static int store(u128_t size, bool negative, decimal_t *out)
{
    if (size >= MICRO_LIMIT) {
        return CHISO_E_RANGE;
    }
    out->micro = negative ? -(__int128)size : (__int128)size;
    return 0;
}

decimal_t decimal_of(int64_t whole)
{
    assert(whole > -WHOLE_LIMIT && whole < WHOLE_LIMIT);
    return (decimal_t){.micro = (__int128)whole * MICRO_PER_ONE};
}

static size_t count_digits(const char *text, size_t len)
{
    size_t count = 0;
    while (count < len && text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

/* The whole text is checked for its form before any digit is weighed, so that a long word that is
 * no number at all is CHISO_E_SYNTAX and not CHISO_E_RANGE. */
int decimal_parse(const char *text, size_t len, decimal_t *out)
{
    bool negative = len > 0 && text[0] == '-';
    size_t at = negative ? 1 : 0;
    const char *whole = len > 0 ? text + at : "";
    size_t whole_len = count_digits(whole, len - at);
    at += whole_len;
    const char *part = "";
    size_t part_len = 0;
    if (at < len && text[at] == '.') {
        part = text + at + 1;
        part_len = count_digits(part, len - at - 1);
        if (part_len == 0) {
            return CHISO_E_SYNTAX;
        }
        at += 1 + part_len;
    }
    if (whole_len == 0 || at != len) {
        return CHISO_E_SYNTAX;
    }

    while (whole_len > 0 && whole[0] == '0') {
        whole++;
        whole_len--;
    }
    while (part_len > 0 && part[part_len - 1] == '0') {
        part_len--;
    }
    if (whole_len > WHOLE_DIGITS || part_len > MICRO_PLACES) {
        return CHISO_E_RANGE;
    }
    uint64_t units = 0; /* 18 digits fit */
    for (size_t i = 0; i < whole_len; i++) {
        units = units * 10 + (unsigned)(whole[i] - '0');
    }
    unsigned micro = 0;
    for (size_t i = 0; i < MICRO_PLACES; i++) {
        micro = micro * 10 + (i < part_len ? (unsigned)(part[i] - '0') : 0);
    }
    return store((u128_t)units * MICRO_PER_ONE + micro, negative, out);
}

/* Whether the quotient's magnitude goes one up; `rest` < `divisor`, and 2 * rest may not fit. */
static bool rounds_away(u128_t quotient, u128_t rest, u128_t divisor, decimal_rounding_t rounding)
{
    u128_t missing = divisor - rest;
    switch (rounding) {
    case DECIMAL_HALF_UP:
        return rest >= missing;
    case DECIMAL_HALF_EVEN:
        return rest > missing || (rest == missing && (quotient & 1) == 1);
    case DECIMAL_DOWN:
        return false;
    case DECIMAL_UP:
        return rest != 0;
    }
    assert(false && "a rounding outside the enumeration");
    return false;
}

/* Writes units * 10^-places. Units may be 10^24 exactly (the largest value rounded up), which is
 * one digit longer; it comes only with places < 6, so DECIMAL_TEXT_SIZE still holds it. Returns the
 * length. */
static size_t write_units(u128_t units, bool negative, int places, char out[DECIMAL_TEXT_SIZE])
{
    bool small = units <= UINT64_MAX;
    uint64_t whole =
        small ? (uint64_t)units / power_of_ten[places] : (uint64_t)(units / power_of_ten[places]);
    uint32_t part = small ? (uint32_t)((uint64_t)units % power_of_ten[places])
                          : (uint32_t)(units % power_of_ten[places]);
    char text[DECIMAL_TEXT_SIZE];
    char *at = text + sizeof text;
    *--at = '\0';
    for (int i = 0; i < places; i++, part /= 10) {
        *--at = (char)('0' + part % 10);
    }
    if (places > 0) {
        *--at = '.';
    }
    do {
        *--at = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole != 0);
    if (negative && units != 0) {
        *--at = '-';
    }
    size_t len = (size_t)(text + sizeof text - 1 - at);
    memcpy(out, at, len + 1);
    return len;
}

size_t decimal_write(decimal_t value, char out[DECIMAL_TEXT_SIZE])
{
    u128_t units = magnitude(value);
    /* division of 128 bits is slow, and a value of a million million is a rare one */
    uint32_t part = (uint32_t)(units <= UINT64_MAX ? (uint64_t)units % MICRO_PER_ONE
                                                   : (uint64_t)(units % MICRO_PER_ONE));
    int places = MICRO_PLACES;
    for (; places > 0 && part % 10 == 0; part /= 10) {
        places--;
    }
    uint32_t divisor = power_of_ten[MICRO_PLACES - places];
    units = units <= UINT64_MAX ? (uint64_t)units / divisor : units / divisor;
    return write_units(units, value.micro < 0, places, out);
}

const char *decimal_format(decimal_t value, char out[DECIMAL_TEXT_SIZE])
{
    decimal_write(value, out);
    return out;
}

const char *decimal_format_fixed(decimal_t value, int places, decimal_rounding_t rounding,
                                 char out[DECIMAL_TEXT_SIZE])
{
    assert(places >= 0 && places <= MICRO_PLACES);
    u128_t size = magnitude(value);
    u128_t divisor = power_of_ten[MICRO_PLACES - places];
    u128_t units = size / divisor;
    if (rounds_away(units, size % divisor, divisor, rounding)) {
        units++;
    }
    write_units(units, value.micro < 0, places, out);
    return out;
}

/* Two magnitudes below 2^80 cannot overflow the signed sum. */
static int store_sum(__int128 sum, decimal_t *out)
{
    bool negative = sum < 0;
    return store(negative ? -(u128_t)sum : (u128_t)sum, negative, out);
}

int decimal_add(decimal_t a, decimal_t b, decimal_t *out)
{
    return store_sum(a.micro + b.micro, out);
}

int decimal_subtract(decimal_t a, decimal_t b, decimal_t *out)
{
    return store_sum(a.micro - b.micro, out);
}

static u256_t multiply(u128_t a, u128_t b)
{
    const u128_t mask = UINT64_MAX;
    u128_t low = (a & mask) * (b & mask);
    u128_t cross = (a >> 64) * (b & mask) + (low >> 64); /* at most 2^128 - 2^64 */
    u128_t other = (a & mask) * (b >> 64) + (cross & mask);
    return (u256_t){
        .high = (a >> 64) * (b >> 64) + (cross >> 64) + (other >> 64),
        .low = (other << 64) | (low & mask),
    };
}

/* Long division, bit by bit, of a product whose quotient fits 128 bits (high < divisor). The
 * divisor is below 2^80, so the shifted rest cannot lose a bit. */
static u128_t divide(u256_t product, u128_t divisor, u128_t *rest)
{
    if (product.high == 0) {
        *rest = product.low % divisor;
        return product.low / divisor;
    }
    u128_t quotient = 0;
    u128_t left = product.high;
    for (int bit = 127; bit >= 0; bit--) {
        left = (left << 1) | ((product.low >> bit) & 1);
        quotient <<= 1;
        if (left >= divisor) {
            left -= divisor;
            quotient |= 1;
        }
    }
    *rest = left;
    return quotient;
}

/* The scale needs no care: (a/10^6)(b/10^6)/(c/10^6) is (a*b/c)/10^6. */
int decimal_muldiv(decimal_t a, decimal_t b, decimal_t c, decimal_rounding_t rounding,
                   decimal_t *out)
{
    if (c.micro == 0) {
        return CHISO_E_INVALID;
    }
    u128_t divisor = magnitude(c);
    u256_t product = multiply(magnitude(a), magnitude(b));
    if (product.high >= divisor) {
        return CHISO_E_RANGE; /* the quotient is 2^128 or more */
    }
    u128_t rest;
    u128_t quotient = divide(product, divisor, &rest);
    if (quotient >= MICRO_LIMIT) {
        return CHISO_E_RANGE; /* here and not only in store(): 2^128 - 1 rounded up would wrap */
    }
    if (rounds_away(quotient, rest, divisor, rounding)) {
        quotient++;
    }
    bool negative = ((a.micro < 0) ^ (b.micro < 0) ^ (c.micro < 0)) != 0;
    return store(quotient, negative, out);
}

static int compare_products(u256_t a, u256_t b)
{
    if (a.high != b.high) {
        return a.high > b.high ? 1 : -1;
    }
    return (a.low > b.low) - (a.low < b.low);
}

/* a/b against c/d is |a||d| against |c||b| once the signs are seen to be the same. */
int decimal_compare_ratio(decimal_t a, decimal_t b, decimal_t c, decimal_t d)
{
    assert(b.micro != 0 && d.micro != 0);
    int left = decimal_sign(a) * decimal_sign(b);
    int right = decimal_sign(c) * decimal_sign(d);
    if (left != right) {
        return left > right ? 1 : -1;
    }
    return left * compare_products(multiply(magnitude(a), magnitude(d)),
                                   multiply(magnitude(c), magnitude(b)));
}
