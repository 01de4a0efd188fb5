/* worked.c - see formula.h: the rule with one unit's figures in it.
 *
 * Which line of a rule applied is decided exactly, by whole numbers of 128 bits, as the points
 * were; only what is shown is rounded. What would not fit is not told at all.
 */
#include "formula/formula.h"

#include <stdio.h>
#include <string.h>

typedef __int128 wide_t;

typedef struct {
    buffer_t *out;
    rule_inputs_t inputs;
    decimal_t max, points;
    bool vi;
    bool failed; /* an input is missing, or a number too large */
} work_t;

#define SAY(w, english, vietnamese) ((w)->vi ? (vietnamese) : (english))

/* "3.421,5" in Vietnamese, "3421.5" in English. */
static void put_number(const work_t *w, decimal_t value, buffer_t *out)
{
    char text[DECIMAL_TEXT_SIZE];
    decimal_format(value, text);
    if (!w->vi) {
        buffer_append_text(out, text);
        return;
    }
    size_t whole = strcspn(text, ".");
    for (size_t i = 0; text[i] != '\0'; i++) {
        bool digit = i < whole && text[i] != '-';
        if (digit && i > 0 && text[i - 1] != '-' && (whole - i) % 3 == 0) {
            buffer_append(out, ".", 1);
        }
        buffer_append(out, i == whole ? "," : &text[i], 1);
    }
}

static void put_fraction(rule_fraction_t f, buffer_t *out)
{
    buffer_printf(out, f.den == 1 ? "%lld" : "%lld/%lld", (long long)f.num, (long long)f.den);
}

static const rule_input_t *input_of(work_t *w, const char *name)
{
    for (size_t i = 0; i < w->inputs.n; i++) {
        if (strcmp(w->inputs.list[i].name, name) == 0) {
            return &w->inputs.list[i];
        }
    }
    w->failed = true;
    return NULL;
}

static decimal_t number_of(work_t *w, const char *name)
{
    const rule_input_t *in = input_of(w, name);
    w->failed = w->failed || in->kind != RULE_NUMBER;
    return w->failed ? DECIMAL_ZERO : in->number;
}

static wide_t times(work_t *w, wide_t a, wide_t b)
{
    wide_t product = 0;
    w->failed = w->failed || __builtin_mul_overflow(a, b, &product);
    return w->failed ? 0 : product;
}

/* ---- ratios ---- */

/* The sum of the terms, exactly: num/den. */
typedef struct {
    wide_t num, den;
} sum_t;

static sum_t put_terms(work_t *w, const rule_term_t *terms, unsigned n)
{
    sum_t sum = {0, 1};
    buffer_append_text(w->out, n > 1 ? "(" : "");
    for (unsigned i = 0; i < n; i++) {
        rule_fraction_t weight = terms[i].weight;
        decimal_t value = number_of(w, terms[i].name);
        buffer_append_text(w->out, i > 0 ? " + " : "");
        put_number(w, value, w->out);
        if (weight.num != 1 || weight.den != 1) {
            buffer_append_text(w->out, SAY(w, " * ", " × "));
            put_fraction(weight, w->out);
        }
        wide_t add = times(w, times(w, value.micro, weight.num), sum.den);
        sum.num = times(w, sum.num, weight.den);
        w->failed = w->failed || __builtin_add_overflow(sum.num, add, &sum.num);
        sum.den = times(w, sum.den, weight.den);
    }
    buffer_append_text(w->out, n > 1 ? ")" : "");
    return sum;
}

/* Appends "A / B"; the quotient is num/den. */
static sum_t put_quotient(work_t *w, const rule_t *r)
{
    sum_t over = {r->constant.micro, 1};
    sum_t of = put_terms(w, r->of, r->n_of);
    buffer_append_text(w->out, " / ");
    if (r->n_over > 0) {
        over = put_terms(w, r->over, r->n_over);
    } else {
        put_number(w, r->constant, w->out);
    }
    return (sum_t){times(w, of.num, over.den), times(w, of.den, over.num)};
}

/* The ratio, at most 1, against a limit. */
static int compare(work_t *w, sum_t ratio, decimal_t limit)
{
    wide_t num = ratio.num > ratio.den ? ratio.den : ratio.num;
    wide_t a = times(w, num, 1000000);
    wide_t b = times(w, limit.micro, ratio.den);
    return (a > b) - (a < b);
}

static void put_rounded(work_t *w, sum_t ratio)
{
    if (ratio.num >= ratio.den) {
        ratio.num = ratio.den = 1;
    }
    wide_t twice = times(w, times(w, ratio.num, 1000000), 2);
    if (!w->failed) {
        decimal_t rounded = {(twice + ratio.den) / (2 * ratio.den)};
        bool exact = times(w, rounded.micro, ratio.den) == times(w, ratio.num, 1000000);
        buffer_append_text(w->out, exact ? " = " : " ≈ ");
        put_number(w, rounded, w->out);
    }
}

static void put_times_max(work_t *w)
{
    buffer_printf(w->out, "%s", SAY(w, " * ", " × "));
    put_number(w, w->max, w->out);
}

static void put_band(work_t *w, const rule_t *r, sum_t ratio)
{
    buffer_append_text(w->out, "; ");
    for (unsigned i = 0; i < r->n_bands; i++) {
        if (compare(w, ratio, r->bands[i].from) >= 0) {
            buffer_append_text(w->out, ">= ");
            put_number(w, r->bands[i].from, w->out);
            buffer_append_text(w->out, ": ");
            put_fraction(r->bands[i].share, w->out);
            put_times_max(w);
            return;
        }
    }
    buffer_append_text(w->out, SAY(w, "below all: 0", "thấp hơn mọi mức: 0"));
}

static void put_target(work_t *w, const rule_t *r, sum_t ratio)
{
    bool floor = r->has_floor && compare(w, ratio, r->floor) < 0;
    bool reached = r->has_target && compare(w, ratio, r->target) >= 0;
    decimal_t limit = floor ? r->floor : r->target;
    if (!r->has_target && !floor) {
        put_times_max(w);
        return;
    }
    put_rounded(w, ratio);
    buffer_append_text(w->out, !floor && reached ? " >= " : " < ");
    put_number(w, limit, w->out);
    buffer_append_text(w->out, ": ");
    if (floor || (!reached && r->below == RULE_BELOW_ZERO)) {
        buffer_append_text(w->out, "0");
    } else if (reached) {
        put_number(w, w->max, w->out);
    } else {
        put_quotient(w, r);
        if (r->below == RULE_BELOW_PRORATED) {
            buffer_append_text(w->out, " / ");
            put_number(w, r->target, w->out);
        }
        put_times_max(w);
    }
}

static void put_ratio(work_t *w, const rule_t *r)
{
    size_t start = w->out->len;
    if (r->kind != RULE_BEST) {
        buffer_append_text(w->out, SAY(w, "min(1, ", "min(1; "));
    }
    sum_t ratio = put_quotient(w, r);
    if (w->failed) {
        return;
    }
    if (ratio.den <= 0) { /* the formula's own line tells what becomes of a zero */
        w->out->len = start;
        buffer_append_text(w->out, SAY(w, "denominator 0: ", "mẫu số bằng 0: "));
        put_number(w, w->points, w->out);
        return;
    }
    if (r->kind == RULE_BEST) {
        buffer_append_text(w->out, SAY(w, " / best ratio", " / tỷ lệ cao nhất"));
        put_times_max(w);
        return;
    }
    buffer_append_text(w->out, ")");
    if (r->n_bands > 0) {
        put_rounded(w, ratio);
        put_band(w, r, ratio);
    } else {
        put_target(w, r, ratio);
    }
}

/* ---- the other kinds ---- */

static void put_option(work_t *w, const rule_t *r)
{
    wide_t chosen = number_of(w, "option").micro / 1000000;
    w->failed = w->failed || chosen < 1 || chosen > r->n_shares;
    if (!w->failed) {
        put_fraction(r->shares[chosen - 1], w->out);
        put_times_max(w);
    }
}

static void put_items(work_t *w, const rule_t *r)
{
    const rule_input_t *in = input_of(w, "items");
    bool any = false;
    w->failed = w->failed || in->kind != RULE_ITEMS;
    for (unsigned i = 0; !w->failed && i < r->n_shares; i++) {
        if ((in->items >> i & 1) != 0) {
            buffer_append_text(w->out, any ? " + " : "");
            put_fraction(r->shares[i], w->out);
            put_times_max(w);
            any = true;
        }
    }
    buffer_append_text(w->out, any ? "" : "0");
}

static void put_count(work_t *w, const rule_t *r)
{
    const rule_input_t *has = input_of(w, "has");
    if (w->failed || !has->flag) {
        buffer_append_text(w->out, SAY(w, "without it: 0", "chưa có: 0"));
        return;
    }
    decimal_t n = number_of(w, "n");
    put_number(w, n, w->out);
    if (decimal_compare(n, r->target) >= 0) {
        buffer_append_text(w->out, " >= ");
        put_number(w, r->target, w->out);
        buffer_append_text(w->out, ": ");
        put_number(w, w->max, w->out);
    } else if (r->below == RULE_BELOW_SHARE) {
        buffer_append_text(w->out, " < ");
        put_number(w, r->target, w->out);
        buffer_append_text(w->out, ": ");
        put_fraction(r->below_share, w->out);
        put_times_max(w);
    } else {
        buffer_append_text(w->out, " / ");
        put_number(w, r->target, w->out);
        put_times_max(w);
    }
}

static void put_percent(work_t *w)
{
    decimal_t p = number_of(w, "p");
    bool more = decimal_compare(p, decimal_of(100)) > 0;
    buffer_append_text(w->out, more ? SAY(w, "min(1, ", "min(1; ") : "");
    put_number(w, p, w->out);
    buffer_append_text(w->out, more ? " / 100)" : " / 100");
    put_times_max(w);
}

static void put_rule(work_t *w, const rule_t *r);

/* Each part in brackets, by the inputs whose names begin with "pN.". */
static void put_parts(work_t *w, const rule_t *r)
{
    rule_input_t room[64];
    for (unsigned i = 0; i < r->n_parts && !w->failed; i++) {
        char prefix[8];
        size_t len = (size_t)snprintf(prefix, sizeof prefix, "p%u.", (i + 1) % 100);
        work_t part = *w;
        size_t n = 0;
        for (size_t k = 0; k < w->inputs.n && n < sizeof room / sizeof room[0]; k++) {
            if (strncmp(w->inputs.list[k].name, prefix, len) == 0) {
                room[n] = w->inputs.list[k];
                room[n++].name += len;
            }
        }
        part.inputs = (rule_inputs_t){room, n};
        part.max = r->parts[i].max;
        part.points = rule_evaluate(&r->parts[i], part.max, part.inputs, NULL).points;
        buffer_append_text(w->out, i > 0 ? " + [" : "[");
        if (r->parts[i].kind == RULE_POINTS) {
            put_number(&part, number_of(&part, "points"), w->out);
        } else {
            put_rule(&part, &r->parts[i]);
        }
        buffer_append_text(w->out, "]");
        w->failed = part.failed;
    }
}

static void put_rule(work_t *w, const rule_t *r)
{
    switch (r->kind) {
    case RULE_PERCENT:
        put_percent(w);
        break;
    case RULE_OPTIONS:
        put_option(w, r);
        break;
    case RULE_CHECKLIST:
        put_items(w, r);
        break;
    case RULE_COUNT:
        put_count(w, r);
        break;
    case RULE_RATIO:
    case RULE_BEST:
        put_ratio(w, r);
        break;
    case RULE_PARTS:
        put_parts(w, r);
        break;
    case RULE_POINTS: /* given as they are */
    case RULE_CHILDREN:
        w->failed = true;
        break;
    }
}

bool formula_worked(const rule_t *rule, decimal_t max, rule_inputs_t inputs, decimal_t points,
                    formula_language_t language, buffer_t *out)
{
    size_t start = out->len;
    work_t w = {.out = out,
                .inputs = inputs,
                .max = max,
                .points = points,
                .vi = language == FORMULA_VIETNAMESE};
    put_rule(&w, rule);
    if (w.failed) {
        out->len = start;
        return false;
    }
    buffer_append_text(out, " = ");
    put_number(&w, points, out);
    return true;
}
