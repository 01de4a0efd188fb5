/* decimal.h - exact decimal numbers in millionths.
 *
 * No score is ever a float: figures, points and percentages are decimal_t from the wire to the
 * page. 18 digits before the point (budgets come in đồng) and exactly six behind it. Nothing is
 * rounded unless a function's name or its rounding argument says so, and nothing overflows
 * silently: what cannot be held is refused with CHISO_E_RANGE and the output is left untouched.
 *
 * Source of the rule "millionths, half up, once": policy `exact`, docs/readings.md.
 */
#ifndef CHISO_DECIMAL_DECIMAL_H
#define CHISO_DECIMAL_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Aligned as a word is: a nation keeps half a million of them. */
typedef __int128 decimal_micro_t __attribute__((aligned(8)));

typedef struct {
    decimal_micro_t micro; /* the value times 1,000,000; |micro| < 10^24 */
} decimal_t;

#define DECIMAL_ZERO ((decimal_t){0})

typedef enum {
    DECIMAL_HALF_UP,   /* ties away from zero: what the official texts mean by rounding */
    DECIMAL_HALF_EVEN, /* ties to the even neighbour */
    DECIMAL_DOWN,      /* towards zero */
    DECIMAL_UP         /* away from zero */
} decimal_rounding_t;

/* Longest text of decimal_format(): sign, 18 digits, point, 6 digits, NUL. */
#define DECIMAL_TEXT_SIZE 27

/* A whole number; |whole| < 10^18, else asserts (a programmer's constant). */
decimal_t decimal_of(int64_t whole);

/* Parses `len` bytes of the grammar -?DIGITS(.DIGITS)?, e.g. "0", "9.53", "-0.5". Leading zeros are
 * accepted ("007" is 7), a plus sign, spaces, exponents, a comma, ".5" and "5." are not. Trailing
 * zeros behind the point are accepted at any length; other digits past the sixth are not.
 * Returns 0; CHISO_E_SYNTAX; CHISO_E_RANGE for more than 18 significant digits before the point or
 * a non-zero digit past the sixth behind it. */
int decimal_parse(const char *text, size_t len, decimal_t *out);

/* The canonical text: no leading or trailing zeros, no "-0": "9.53", "100", "-0.5". Returns out. */
const char *decimal_format(decimal_t value, char out[DECIMAL_TEXT_SIZE]);
/* The same; returns its length. */
size_t decimal_write(decimal_t value, char out[DECIMAL_TEXT_SIZE]);

/* Exactly `places` (0..6) digits behind the point, rounded as said: "9.530000" for 6. A result that
 * rounds to zero has no sign. Returns out. */
const char *decimal_format_fixed(decimal_t value, int places, decimal_rounding_t rounding,
                                 char out[DECIMAL_TEXT_SIZE]);

/* -1, 0 or 1. */
static inline int decimal_compare(decimal_t a, decimal_t b)
{
    return (a.micro > b.micro) - (a.micro < b.micro);
}
static inline int decimal_sign(decimal_t a)
{
    return (a.micro > 0) - (a.micro < 0);
}

/* Exact; 0 or CHISO_E_RANGE. */
int decimal_add(decimal_t a, decimal_t b, decimal_t *out);
int decimal_subtract(decimal_t a, decimal_t b, decimal_t *out);

/* a * b / c with one rounding at the end, exact in between. 0; CHISO_E_RANGE when the result cannot
 * be held; CHISO_E_INVALID when c is zero. a*b alone is decimal_muldiv(a, b, decimal_of(1), ...).
 */
int decimal_muldiv(decimal_t a, decimal_t b, decimal_t c, decimal_rounding_t rounding,
                   decimal_t *out);

/* Compares the ratios a/b and c/d exactly, by cross-multiplication: -1, 0 or 1. b and d must not be
 * zero (asserted); they may be negative. */
int decimal_compare_ratio(decimal_t a, decimal_t b, decimal_t c, decimal_t d);

#endif
