/* fuzz_decimal.c - the input is one to four texts, a line each. What parses must come back from its
 * own text, and the arithmetic on it must keep the inequalities that define it; they are checked
 * with compare_ratio, which shares no division with muldiv. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "decimal/decimal.h"

#define TEXTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool has_form(const char *text, size_t len)
{
    size_t digits = 0;
    size_t points = 0;
    for (size_t i = 0; i < len; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        bool point = text[i] == '.' && digits > 0 && points == 0 && i + 1 < len;
        if (!digit && !point && !(text[i] == '-' && i == 0)) {
            return false;
        }
        digits += digit ? 1 : 0;
        points += point ? 1 : 0;
    }
    return digits > 0;
}

static void check_text(decimal_t value)
{
    char text[DECIMAL_TEXT_SIZE];
    char again[DECIMAL_TEXT_SIZE];
    decimal_t back = DECIMAL_ZERO;
    decimal_format(value, text);
    require(decimal_parse(text, strlen(text), &back) == 0);
    require(decimal_compare(value, back) == 0);
    require(strcmp(decimal_format(back, again), text) == 0);
    for (int places = 0; places <= 6; places++) {
        for (int mode = DECIMAL_HALF_UP; mode <= DECIMAL_UP; mode++) {
            decimal_format_fixed(value, places, (decimal_rounding_t)mode, text);
            const char *point = strchr(text, '.');
            require(point == NULL ? places == 0 : strlen(point + 1) == (size_t)places);
            int rc = decimal_parse(text, strlen(text), &back);
            require(rc == 0 || (rc == CHISO_E_RANGE && places < 6));
            if (rc == 0 && places == 6) {
                require(decimal_compare(value, back) == 0);
            }
        }
    }
}

static void check_sums(decimal_t a, decimal_t b)
{
    decimal_t sum;
    decimal_t back;
    if (decimal_add(a, b, &sum) == 0) {
        require(decimal_subtract(sum, b, &back) == 0 && decimal_compare(back, a) == 0);
    } else {
        require(decimal_sign(a) == decimal_sign(b));
    }
}

static decimal_t absolute(decimal_t a)
{
    decimal_t out = DECIMAL_ZERO;
    require(decimal_sign(a) >= 0 ? decimal_add(out, a, &out) == 0
                                 : decimal_subtract(out, a, &out) == 0);
    return out;
}

/* For magnitudes, down <= a*b/c <= up, at most one unit apart, and the halves are one of the two.
 * down <= a*b/c is down/b <= a/c. */
static void check_muldiv(decimal_t a, decimal_t b, decimal_t c)
{
    decimal_t out[4] = {{0}, {0}, {0}, {0}};
    int rc[4];
    for (int mode = DECIMAL_HALF_UP; mode <= DECIMAL_UP; mode++) {
        rc[mode] = decimal_muldiv(a, b, c, (decimal_rounding_t)mode, &out[mode]);
        if (decimal_sign(c) == 0) {
            require(rc[mode] == CHISO_E_INVALID);
            return;
        }
        require(rc[mode] == 0 || rc[mode] == CHISO_E_RANGE);
    }
    if (rc[DECIMAL_UP] != 0 || decimal_sign(b) == 0) {
        return;
    }
    require(rc[DECIMAL_DOWN] == 0 && rc[DECIMAL_HALF_UP] == 0 && rc[DECIMAL_HALF_EVEN] == 0);
    decimal_t down = absolute(out[DECIMAL_DOWN]);
    decimal_t up = absolute(out[DECIMAL_UP]);
    int below = decimal_compare_ratio(down, absolute(b), absolute(a), absolute(c));
    int above = decimal_compare_ratio(up, absolute(b), absolute(a), absolute(c));
    require(below <= 0 && above >= 0);
    require((below == 0) == (above == 0));
    require(up.micro - down.micro == (below == 0 ? 0 : 1));
    for (int mode = DECIMAL_HALF_UP; mode <= DECIMAL_HALF_EVEN; mode++) {
        require(decimal_compare(out[mode], out[DECIMAL_DOWN]) == 0 ||
                decimal_compare(out[mode], out[DECIMAL_UP]) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decimal_t values[TEXTS] = {{0}, {0}, {0}, {0}};
    const char *text = (const char *)data;
    for (size_t i = 0; i < TEXTS && size > 0; i++) {
        const char *end = memchr(text, '\n', size);
        size_t len = end != NULL ? (size_t)(end - text) : size;
        int rc = decimal_parse(text, len, &values[i]);
        require((rc == CHISO_E_SYNTAX) == !has_form(text, len));
        require(rc == 0 || decimal_sign(values[i]) == 0);
        check_text(values[i]);
        size_t step = end != NULL ? len + 1 : len;
        text += step;
        size -= step;
    }
    check_sums(values[0], values[1]);
    check_muldiv(values[0], values[1], values[2]);
    if (decimal_sign(values[1]) != 0 && decimal_sign(values[3]) != 0) {
        int order = decimal_compare_ratio(values[0], values[1], values[2], values[3]);
        require(decimal_compare_ratio(values[2], values[3], values[0], values[1]) == -order);
    }
    return 0;
}
