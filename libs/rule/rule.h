/* rule.h - how the inputs of an indicator become points. Knows no I/O and no floats.
 *
 * A rule is data that a catalog describes; a few kinds cover the official texts, and each does one
 * thing. Between input and points everything is an exact rational (GMP); the points are rounded to
 * millionths, half up, once, at the end. Sources: the policies in docs/readings.md; the kinds with
 * an example each in docs/add-an-index.md.
 */
#ifndef CHISO_RULE_RULE_H
#define CHISO_RULE_RULE_H

#include "decimal/decimal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers are those of proto/chiso/v1/events.proto. */
typedef enum {
    RULE_SCORED = 1,
    RULE_MISSING = 2, /* no complete inputs: 0 points, the maximum stays */
    RULE_INVALID = 3, /* inputs that cannot be: 0 points, the maximum stays */
    RULE_UNDEFINED =
        4, /* a zero denominator without a rule in the text, or no peer to compare with */
    RULE_EXCLUDED = 5 /* "không đánh giá": leaves points and maximum alike */
} rule_status_t;

/* What outweighs what, of inputs, children and pillars alike: invalid, the mistake that somebody
 * made, before missing before undefined before scored before excluded. */
bool rule_worse(rule_status_t a, rule_status_t b);

enum {
    RULE_RATIO_GT_1 = 1,       /* a ratio above 1 was counted as 1 */
    RULE_INCONSISTENT = 2,     /* …although its numerator is a part of its denominator */
    RULE_ZERO_DENOMINATOR = 4, /* the text's rule for it, or none, decided */
    RULE_NO_PEER = 8,          /* `best` had nothing to compare with */
    RULE_FLAGS = 4
};
extern const char *const rule_flag_names[RULE_FLAGS]; /* by bit, lowest first */

typedef enum {
    RULE_POINTS = 1, /* given by the scoring unit */
    RULE_OPTIONS,    /* exclusive levels */
    RULE_CHECKLIST,  /* items that add up */
    RULE_PERCENT,    /* 0..100, read as such */
    RULE_COUNT,      /* so many of a target */
    RULE_RATIO,
    RULE_BEST,    /* a ratio relative to the best unit's */
    RULE_PARTS,   /* the sum of parts with rules of their own */
    RULE_CHILDREN /* the sum of other indicators */
} rule_kind_t;

typedef enum {
    RULE_BELOW_NONE = 0,
    RULE_BELOW_ZERO,     /* all or nothing */
    RULE_BELOW_PRORATED, /* ratio / target */
    RULE_BELOW_LITERAL,  /* the ratio as it is: it jumps at the target */
    RULE_BELOW_SHARE     /* a fixed share (count) */
} rule_below_t;

typedef enum { RULE_ZERO_UNDEFINED, RULE_ZERO_FULL, RULE_ZERO_FULL_IF } rule_zero_t;

/* An exact fraction of small whole numbers: "1/2". */
typedef struct {
    int64_t num, den; /* den > 0 */
} rule_fraction_t;

typedef struct {
    const char *name; /* of an input: "a" */
    rule_fraction_t weight;
} rule_term_t;

typedef struct {
    decimal_t from;
    rule_fraction_t share;
} rule_band_t;

typedef struct rule {
    rule_kind_t kind;
    decimal_t max;           /* of a part; an indicator's own otherwise */
    rule_fraction_t *shares; /* options, checklist */
    unsigned n_shares;
    rule_term_t *of, *over; /* ratio, best */
    unsigned n_of, n_over;
    decimal_t constant; /* denominator, when n_over is 0 */
    bool has_target, has_floor, subset;
    decimal_t target, floor;
    rule_below_t below;
    rule_fraction_t below_share;
    rule_band_t *bands; /* highest first */
    unsigned n_bands;
    rule_zero_t when_zero;
    const char *full_if[2]; /* numerator, denominator */
    struct rule *parts;
    unsigned n_parts;
} rule_t;

typedef enum { RULE_NUMBER, RULE_FLAG, RULE_ITEMS, RULE_UNREADABLE } rule_input_kind_t;

#define RULE_MAX_SHARES 64

/* One input: "a", "option", "has", or of a part "p1.a". An absent input is simply not in the list.
 */
typedef struct {
    const char *name;
    rule_input_kind_t kind;
    decimal_t number;
    bool flag;
    uint64_t items; /* bit i: the item of position i + 1 is met */
} rule_input_t;

typedef struct {
    const rule_input_t *list;
    size_t n;
} rule_inputs_t;

typedef struct {
    rule_status_t status;
    unsigned flags;
    decimal_t points;
} rule_result_t;

/* The exact ratio of one unit, as what `best` compares: num/den in lowest terms, den > 0. Not
 * usable when a decimal cannot hold them. */
typedef struct {
    bool usable;
    decimal_t num, den;
} rule_ratio_t;

/* Evaluates the rule. `best` is the best usable ratio among the other units and this one; NULL or
 * not usable when there is no peer. RULE_CHILDREN is the caller's: asserted. */
rule_result_t rule_evaluate(const rule_t *rule, decimal_t max, rule_inputs_t inputs,
                            const rule_ratio_t *best);

/* The ratio that a `best` rule would compare; not usable with missing or invalid inputs or a zero
 * denominator. Weights of its terms must be whole (checked when a catalog is loaded). */
rule_ratio_t rule_ratio(const rule_t *rule, rule_inputs_t inputs);
/* Is a better than b? Exactly. */
bool rule_ratio_better(const rule_ratio_t *a, const rule_ratio_t *b);

/* "3", "1/2" → a fraction; 0 or CHISO_E_SYNTAX. */
int rule_fraction_parse(const char *text, rule_fraction_t *out);

/* Calls `each` for every input that the rule can read, with its name ("p1.a") and whether it is a
 * quantity (a figure can feed it) or an option, has, items, points. */
typedef void (*rule_name_fn)(void *context, const char *name, bool quantity);
void rule_names(const rule_t *rule, rule_name_fn each, void *context);

#endif
