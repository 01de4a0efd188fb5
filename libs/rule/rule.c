/* rule.c - see rule.h.
 *
 * Why GMP: a sum of parts has the product of their denominators, and a ratio of two budgets in đồng
 * times a maximum has more than 128 bits. Exactness is what chiso exists for; long arithmetic is
 * not.
 */
#include "rule/rule.h"

#include "base/error.h"
#include "quick.h"

#include <assert.h>
#include <gmp.h>
#include <stdio.h>
#include <string.h>

const char *const rule_flag_names[RULE_FLAGS] = {"ratio_gt_1", "inconsistent", "zero_denominator",
                                                 "no_peer"};

#define MAX_NAME 24

/* ---- between decimals and rationals ---- */

static void mpz_of_int128(mpz_t out, __int128 value)
{
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    uint64_t limbs[2] = {(uint64_t)rest, (uint64_t)(rest >> 64)};
    mpz_import(out, 2, -1, sizeof limbs[0], 0, 0, limbs);
    if (value < 0) {
        mpz_neg(out, out);
    }
}

static void mpq_of_decimal(mpq_t out, decimal_t value)
{
    mpz_of_int128(mpq_numref(out), value.micro);
    mpz_set_ui(mpq_denref(out), 1000000);
    mpq_canonicalize(out);
}

static void mpq_of_fraction(mpq_t out, rule_fraction_t f)
{
    mpz_set_si(mpq_numref(out), (long)f.num);
    mpz_set_ui(mpq_denref(out), (unsigned long)f.den);
    mpq_canonicalize(out);
}

/* A whole number as so many millionths; false when a decimal cannot hold it. */
static bool decimal_of_mpz(const mpz_t value, decimal_t *out)
{
    uint64_t limbs[2] = {0, 0};
    if (mpz_sizeinbase(value, 2) > 127) {
        return false;
    }
    mpz_export(limbs, NULL, -1, sizeof limbs[0], 0, 0, value);
    __int128 micro = (__int128)((unsigned __int128)limbs[1] << 64 | limbs[0]);
    if (micro >= (__int128)1000000000000 * 1000000000000) {
        return false;
    }
    out->micro = micro;
    return true;
}

/* Millionths, half up. The value lies in 0..max, so it fits. */
static decimal_t decimal_of_mpq(const mpq_t value)
{
    mpz_t micro;
    mpz_t twice;
    mpz_inits(micro, twice, NULL);
    mpz_mul_ui(micro, mpq_numref(value), 2000000);
    mpz_add(micro, micro, mpq_denref(value));
    mpz_mul_ui(twice, mpq_denref(value), 2);
    mpz_fdiv_q(micro, micro, twice);
    decimal_t out = DECIMAL_ZERO;
    decimal_of_mpz(micro, &out);
    mpz_clears(micro, twice, NULL);
    return out;
}

/* ---- inputs ---- */

/* What the evaluation of one rule carries along. */
typedef struct {
    rule_inputs_t inputs;
    char prefix[8]; /* "p1." inside a part */
    rule_status_t status;
    unsigned flags;
} run_t;

bool rule_worse(rule_status_t a, rule_status_t b)
{
    static const int weight[] = {[RULE_EXCLUDED] = 0,
                                 [RULE_SCORED] = 1,
                                 [RULE_UNDEFINED] = 2,
                                 [RULE_MISSING] = 3,
                                 [RULE_INVALID] = 4};
    return weight[a] > weight[b];
}

static void fail(run_t *run, rule_status_t status)
{
    if (rule_worse(status, run->status)) {
        run->status = status;
    }
}

static const rule_input_t *find(run_t *run, const char *name, rule_input_kind_t kind)
{
    char full[MAX_NAME];
    snprintf(full, sizeof full, "%s%s", run->prefix, name);
    for (size_t i = 0; i < run->inputs.n; i++) {
        const rule_input_t *input = &run->inputs.list[i];
        if (strcmp(input->name, full) != 0) {
            continue;
        }
        bool negative = input->kind == RULE_NUMBER && decimal_sign(input->number) < 0;
        if (input->kind != kind || negative) {
            fail(run, RULE_INVALID);
            return NULL;
        }
        return input;
    }
    fail(run, RULE_MISSING);
    return NULL;
}

static bool number(run_t *run, const char *name, decimal_t *out)
{
    const rule_input_t *input = find(run, name, RULE_NUMBER);
    if (input != NULL) {
        *out = input->number;
    }
    return input != NULL;
}

/* The weighted sum of the terms; all of them are looked at, so that one invalid input is told even
 * when another is missing. */
static bool sum_terms(run_t *run, const rule_term_t *terms, unsigned n, mpq_t out)
{
    bool complete = true;
    mpq_t term;
    mpq_t weight;
    mpq_inits(term, weight, NULL);
    mpq_set_ui(out, 0, 1);
    for (unsigned i = 0; i < n; i++) {
        decimal_t value;
        if (!number(run, terms[i].name, &value)) {
            complete = false;
            continue;
        }
        mpq_of_decimal(term, value);
        mpq_of_fraction(weight, terms[i].weight);
        mpq_mul(term, term, weight);
        mpq_add(out, out, term);
    }
    mpq_clears(term, weight, NULL);
    return complete;
}

/* ---- kinds: each leaves a share of the maximum, 0..1, or fails ---- */

static void share_options(run_t *run, const rule_t *rule, mpq_t share)
{
    decimal_t option;
    if (!number(run, "option", &option)) {
        return;
    }
    for (unsigned i = 0; i < rule->n_shares; i++) {
        if (decimal_compare(option, decimal_of((int64_t)i + 1)) == 0) {
            mpq_of_fraction(share, rule->shares[i]);
            return;
        }
    }
    fail(run, RULE_INVALID);
}

static void share_checklist(run_t *run, const rule_t *rule, mpq_t share)
{
    const rule_input_t *items = find(run, "items", RULE_ITEMS);
    if (items == NULL) {
        return;
    }
    if (rule->n_shares < RULE_MAX_SHARES && items->items >> rule->n_shares != 0) {
        fail(run, RULE_INVALID);
        return;
    }
    mpq_t one;
    mpq_init(one);
    for (unsigned i = 0; i < rule->n_shares; i++) {
        if ((items->items >> i & 1) != 0) {
            mpq_of_fraction(one, rule->shares[i]);
            mpq_add(share, share, one);
        }
    }
    mpq_clear(one);
}

static void share_percent(run_t *run, mpq_t share)
{
    decimal_t p;
    if (!number(run, "p", &p)) {
        return;
    }
    mpq_t hundred;
    mpq_init(hundred);
    mpq_set_ui(hundred, 100, 1);
    mpq_of_decimal(share, p);
    mpq_div(share, share, hundred);
    mpq_clear(hundred);
    if (mpq_cmp_ui(share, 1, 1) > 0) {
        mpq_set_ui(share, 1, 1);
        run->flags |= RULE_RATIO_GT_1;
    }
}

static void share_count(run_t *run, const rule_t *rule, mpq_t share)
{
    const rule_input_t *has = find(run, "has", RULE_FLAG);
    decimal_t n;
    if (has == NULL || !has->flag || !number(run, "n", &n)) {
        return; /* without the section the count does not matter: 0 */
    }
    if (decimal_compare(n, rule->target) >= 0) {
        mpq_set_ui(share, 1, 1);
    } else if (rule->below == RULE_BELOW_SHARE) {
        mpq_of_fraction(share, rule->below_share);
    } else {
        mpq_t target;
        mpq_init(target);
        mpq_of_decimal(target, rule->target);
        mpq_of_decimal(share, n);
        mpq_div(share, share, target);
        mpq_clear(target);
    }
}

/* The text's rule for a denominator of zero; without one the points are undefined. */
static void share_of_zero(run_t *run, const rule_t *rule, mpq_t share)
{
    run->flags |= RULE_ZERO_DENOMINATOR;
    decimal_t part;
    decimal_t whole;
    switch (rule->when_zero) {
    case RULE_ZERO_FULL:
        mpq_set_ui(share, 1, 1);
        return;
    case RULE_ZERO_FULL_IF:
        if (!number(run, rule->full_if[0], &part) || !number(run, rule->full_if[1], &whole)) {
            return;
        }
        if (decimal_sign(whole) == 0) {
            fail(run, RULE_UNDEFINED);
        } else if (decimal_compare(part, whole) >= 0) {
            mpq_set_ui(share, 1, 1);
        }
        return;
    case RULE_ZERO_UNDEFINED:
        break;
    }
    fail(run, RULE_UNDEFINED);
}

/* What a ratio of 0..1 earns. Thresholds are inclusive and compared exactly. */
static void share_of_ratio(const rule_t *rule, const mpq_t ratio, mpq_t share)
{
    mpq_t limit;
    mpq_init(limit);
    if (rule->n_bands > 0) {
        mpq_set_ui(share, 0, 1);
        for (unsigned i = 0; i < rule->n_bands; i++) {
            mpq_of_decimal(limit, rule->bands[i].from);
            if (mpq_cmp(ratio, limit) >= 0) {
                mpq_of_fraction(share, rule->bands[i].share);
                break;
            }
        }
    } else if (rule->has_target) {
        mpq_of_decimal(limit, rule->target);
        if (mpq_cmp(ratio, limit) >= 0) {
            mpq_set_ui(share, 1, 1);
        } else if (rule->below == RULE_BELOW_PRORATED) {
            mpq_div(share, ratio, limit);
        } else if (rule->below == RULE_BELOW_LITERAL) {
            mpq_set(share, ratio);
        }
    } else {
        mpq_set(share, ratio);
    }
    mpq_of_decimal(limit, rule->floor);
    if (rule->has_floor && mpq_cmp(ratio, limit) < 0) {
        mpq_set_ui(share, 0, 1);
    }
    mpq_clear(limit);
}

/* Numerator and denominator; false when an input is missing or invalid. */
static bool terms_of(run_t *run, const rule_t *rule, mpq_t num, mpq_t den)
{
    bool complete = sum_terms(run, rule->of, rule->n_of, num);
    if (rule->n_over == 0) {
        mpq_of_decimal(den, rule->constant);
        return complete;
    }
    return sum_terms(run, rule->over, rule->n_over, den) && complete;
}

static void share_ratio(run_t *run, const rule_t *rule, mpq_t share)
{
    mpq_t num;
    mpq_t den;
    mpq_inits(num, den, NULL);
    if (!terms_of(run, rule, num, den)) {
        /* told by the status */
    } else if (mpq_sgn(den) == 0) {
        share_of_zero(run, rule, share);
    } else {
        mpq_div(num, num, den);
        if (mpq_cmp_ui(num, 1, 1) > 0) {
            run->flags |= rule->subset ? RULE_RATIO_GT_1 | RULE_INCONSISTENT : RULE_RATIO_GT_1;
            mpq_set_ui(num, 1, 1);
        }
        share_of_ratio(rule, num, share);
    }
    mpq_clears(num, den, NULL);
}

/* A `best` rule's ratio is not capped: it is measured against the best one, not against 1. */
static void share_best(run_t *run, const rule_t *rule, const rule_ratio_t *best, mpq_t share)
{
    mpq_t num;
    mpq_t den;
    mpq_t top;
    mpq_inits(num, den, top, NULL);
    if (!terms_of(run, rule, num, den)) {
        /* told by the status */
    } else if (mpq_sgn(den) == 0) {
        share_of_zero(run, rule, share);
    } else if (best == NULL || !best->usable || decimal_sign(best->num) == 0) {
        run->flags |= RULE_NO_PEER;
        fail(run, RULE_UNDEFINED);
    } else {
        mpq_div(share, num, den);
        mpq_of_decimal(top, best->num);
        mpq_of_decimal(den, best->den);
        mpq_div(top, top, den);
        mpq_div(share, share, top);
        if (mpq_cmp_ui(share, 1, 1) > 0) {
            mpq_set_ui(share, 1, 1);
        }
    }
    mpq_clears(num, den, top, NULL);
}

static void share_of(run_t *run, const rule_t *rule, const rule_ratio_t *best, mpq_t share)
{
    mpq_set_ui(share, 0, 1);
    switch (rule->kind) {
    case RULE_OPTIONS:
        share_options(run, rule, share);
        break;
    case RULE_CHECKLIST:
        share_checklist(run, rule, share);
        break;
    case RULE_PERCENT:
        share_percent(run, share);
        break;
    case RULE_COUNT:
        share_count(run, rule, share);
        break;
    case RULE_RATIO:
        share_ratio(run, rule, share);
        break;
    case RULE_BEST:
        share_best(run, rule, best, share);
        break;
    case RULE_POINTS:
    case RULE_PARTS:
    case RULE_CHILDREN:
        assert(false && "points, parts and children are not shares");
    }
}

/* Points as given: not a share, and never above the maximum. */
static void points_given(run_t *run, decimal_t max, mpq_t points)
{
    decimal_t given;
    if (!number(run, "points", &given)) {
        return;
    }
    if (decimal_compare(given, max) > 0) {
        fail(run, RULE_INVALID);
    } else {
        mpq_of_decimal(points, given);
    }
}

/* Adds the points of a rule with this maximum. */
static void add_points(run_t *run, const rule_t *rule, decimal_t max, const rule_ratio_t *best,
                       mpq_t points)
{
    mpq_t own;
    mpq_t top;
    mpq_inits(own, top, NULL);
    if (rule->kind == RULE_POINTS) {
        points_given(run, max, own);
    } else {
        share_of(run, rule, best, own);
        mpq_of_decimal(top, max);
        mpq_mul(own, own, top);
    }
    mpq_add(points, points, own);
    mpq_clears(own, top, NULL);
}

rule_result_t rule_evaluate(const rule_t *rule, decimal_t max, rule_inputs_t inputs,
                            const rule_ratio_t *best)
{
    assert(rule->kind != RULE_CHILDREN);
    rule_result_t quick;
    if (quick_evaluate(rule, max, inputs, &quick)) {
        return quick;
    }
    return rule_evaluate_slowly(rule, max, inputs, best);
}

rule_result_t rule_evaluate_slowly(const rule_t *rule, decimal_t max, rule_inputs_t inputs,
                                   const rule_ratio_t *best)
{
    run_t run = {.inputs = inputs, .status = RULE_SCORED};
    mpq_t points;
    mpq_init(points);
    if (rule->kind == RULE_PARTS) {
        for (unsigned i = 0; i < rule->n_parts; i++) {
            snprintf(run.prefix, sizeof run.prefix, "p%u.", (i + 1) % 100);
            add_points(&run, &rule->parts[i], rule->parts[i].max, best, points);
        }
    } else {
        add_points(&run, rule, max, best, points);
    }
    rule_result_t result = {.status = run.status, .points = DECIMAL_ZERO, .flags = run.flags};
    if (run.status == RULE_SCORED) {
        result.points = decimal_of_mpq(points);
    }
    mpq_clear(points);
    return result;
}

rule_ratio_t rule_ratio(const rule_t *rule, rule_inputs_t inputs)
{
    run_t run = {.inputs = inputs, .status = RULE_SCORED};
    rule_ratio_t ratio = {0};
    mpq_t num;
    mpq_t den;
    mpq_inits(num, den, NULL);
    if (terms_of(&run, rule, num, den) && mpq_sgn(den) > 0) {
        /* in lowest terms numerator and denominator are whole numbers: only their ratio matters */
        mpq_div(num, num, den);
        ratio.usable = decimal_of_mpz(mpq_numref(num), &ratio.num) &&
                       decimal_of_mpz(mpq_denref(num), &ratio.den);
    }
    mpq_clears(num, den, NULL);
    return ratio;
}

bool rule_ratio_better(const rule_ratio_t *a, const rule_ratio_t *b)
{
    if (!a->usable || !b->usable) {
        return a->usable && !b->usable;
    }
    return decimal_compare_ratio(a->num, a->den, b->num, b->den) > 0;
}

static bool whole_number(const char *text, size_t len, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || i >= 9) {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *out = value;
    return len > 0;
}

int rule_fraction_parse(const char *text, rule_fraction_t *out)
{
    const char *slash = strchr(text, '/');
    rule_fraction_t f = {.den = 1};
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    if (!whole_number(text, len, &f.num) ||
        (slash != NULL && !whole_number(slash + 1, strlen(slash + 1), &f.den)) || f.den == 0) {
        return CHISO_E_SYNTAX;
    }
    *out = f;
    return 0;
}

/* ---- names ---- */

static void terms_names(const rule_term_t *terms, unsigned n, const char *prefix, rule_name_fn each,
                        void *context)
{
    char name[MAX_NAME];
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, terms[i].name);
        each(context, name, true);
    }
}

static void names_of(const rule_t *rule, const char *prefix, rule_name_fn each, void *context)
{
    static const char *const single[] = {[RULE_POINTS] = "points",
                                         [RULE_OPTIONS] = "option",
                                         [RULE_CHECKLIST] = "items",
                                         [RULE_PERCENT] = "p",
                                         [RULE_COUNT] = "has"};
    char name[MAX_NAME];
    if (rule->kind <= RULE_COUNT) {
        snprintf(name, sizeof name, "%s%s", prefix, single[rule->kind]);
        each(context, name, rule->kind == RULE_PERCENT);
    }
    if (rule->kind == RULE_COUNT) {
        snprintf(name, sizeof name, "%sn", prefix);
        each(context, name, true);
    }
    terms_names(rule->of, rule->n_of, prefix, each, context);
    terms_names(rule->over, rule->n_over, prefix, each, context);
    for (int i = 0; rule->when_zero == RULE_ZERO_FULL_IF && i < 2; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, rule->full_if[i]);
        each(context, name, true);
    }
}

void rule_names(const rule_t *rule, rule_name_fn each, void *context)
{
    if (rule->kind != RULE_PARTS) {
        names_of(rule, "", each, context);
    }
    for (unsigned i = 0; i < rule->n_parts; i++) {
        char prefix[8];
        snprintf(prefix, sizeof prefix, "p%u.", (i + 1) % 100);
        names_of(&rule->parts[i], prefix, each, context);
    }
}
