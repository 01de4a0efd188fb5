/* formula.c - see formula.h. */
#include "formula/formula.h"

#include <stdio.h>

static void put_fraction(rule_fraction_t f, buffer_t *out)
{
    if (f.den == 1) {
        buffer_printf(out, "%lld", (long long)f.num);
    } else {
        buffer_printf(out, "%lld/%lld", (long long)f.num, (long long)f.den);
    }
}

static void put_decimal(decimal_t value, buffer_t *out)
{
    char text[DECIMAL_TEXT_SIZE];
    buffer_append_text(out, decimal_format(value, text));
}

static void put_terms(const rule_term_t *terms, unsigned n, buffer_t *out)
{
    if (n > 1) {
        buffer_append_text(out, "(");
    }
    for (unsigned i = 0; i < n; i++) {
        buffer_append_text(out, i > 0 ? " + " : "");
        buffer_append_text(out, terms[i].name);
        if (terms[i].weight.num != 1 || terms[i].weight.den != 1) {
            buffer_append_text(out, "*");
            put_fraction(terms[i].weight, out);
        }
    }
    if (n > 1) {
        buffer_append_text(out, ")");
    }
}

static void put_ratio(const rule_t *r, const char *indent, buffer_t *out)
{
    buffer_printf(out, "%sratio = ", indent);
    put_terms(r->of, r->n_of, out);
    buffer_append_text(out, " / ");
    if (r->n_over == 0) {
        put_decimal(r->constant, out);
    } else {
        put_terms(r->over, r->n_over, out);
    }
    buffer_append_text(out, r->kind == RULE_BEST ? "\n" : ", at most 1\n");
}

static void put_zero(const rule_t *r, const char *indent, buffer_t *out)
{
    if (r->n_over == 0) {
        return;
    }
    if (r->when_zero == RULE_ZERO_FULL) {
        buffer_printf(out, "%sdenominator 0: the maximum\n", indent);
    } else if (r->when_zero == RULE_ZERO_FULL_IF) {
        buffer_printf(out, "%sdenominator 0: the maximum if %s >= %s, else 0\n", indent,
                      r->full_if[0], r->full_if[1]);
    } else {
        buffer_printf(out, "%sdenominator 0: undefined, 0 points\n", indent);
    }
}

static void put_steps(const rule_t *r, const char *max, const char *indent, buffer_t *out)
{
    for (unsigned i = 0; i < r->n_bands; i++) {
        buffer_printf(out, "%sratio >= ", indent);
        put_decimal(r->bands[i].from, out);
        buffer_append_text(out, ": ");
        put_fraction(r->bands[i].share, out);
        buffer_printf(out, " * %s\n", max);
    }
    if (r->n_bands > 0) {
        buffer_printf(out, "%sbelow: 0\n", indent);
        return;
    }
    if (r->has_floor) {
        buffer_printf(out, "%sratio < ", indent);
        put_decimal(r->floor, out);
        buffer_append_text(out, ": 0\n");
    }
    if (!r->has_target) {
        buffer_printf(out, "%spoints = ratio * %s\n", indent, max);
        return;
    }
    buffer_printf(out, "%sratio >= ", indent);
    put_decimal(r->target, out);
    buffer_printf(out, ": %s\n%sbelow: ", max, indent);
    if (r->below == RULE_BELOW_PRORATED) {
        buffer_append_text(out, "ratio / ");
        put_decimal(r->target, out);
        buffer_printf(out, " * %s\n", max);
    } else {
        buffer_printf(out, r->below == RULE_BELOW_LITERAL ? "ratio * %s\n" : "0\n", max);
    }
}

static void put_shares(const rule_t *r, const char *max, const char *indent, buffer_t *out)
{
    const char *what = r->kind == RULE_OPTIONS ? "option" : "item";
    for (unsigned i = 0; i < r->n_shares; i++) {
        buffer_printf(out, "%s%s %u: ", indent, what, i + 1);
        put_fraction(r->shares[i], out);
        buffer_printf(out, " * %s\n", max);
    }
    if (r->kind == RULE_CHECKLIST) {
        buffer_printf(out, "%spoints = the sum of the items that are met\n", indent);
    }
}

static void put_count(const rule_t *r, const char *max, const char *indent, buffer_t *out)
{
    char target[DECIMAL_TEXT_SIZE];
    decimal_format(r->target, target);
    buffer_printf(out, "%swithout it (has = false): 0\n%sn >= %s: %s\n%sbelow: ", indent, indent,
                  target, max, indent);
    if (r->below == RULE_BELOW_SHARE) {
        put_fraction(r->below_share, out);
        buffer_printf(out, " * %s\n", max);
    } else {
        buffer_printf(out, "n / %s * %s\n", target, max);
    }
}

static void put_parts(const rule_t *r, const char *indent, buffer_t *out)
{
    char inner[16];
    snprintf(inner, sizeof inner, "%.10s  ", indent);
    for (unsigned i = 0; i < r->n_parts; i++) {
        buffer_printf(out, "%spart p%u, at most ", indent, i + 1);
        put_decimal(r->parts[i].max, out);
        buffer_append_text(out, ":\n");
        formula_write(&r->parts[i], r->parts[i].max, inner, out);
    }
    buffer_printf(out, "%spoints = the sum of the parts\n", indent);
}

void formula_write(const rule_t *r, decimal_t maximum, const char *indent, buffer_t *out)
{
    char max[DECIMAL_TEXT_SIZE];
    decimal_format(maximum, max);
    switch (r->kind) {
    case RULE_POINTS:
        buffer_printf(out, "%spoints as given by the scoring unit, 0 to %s\n", indent, max);
        break;
    case RULE_PERCENT:
        buffer_printf(out, "%spoints = p / 100 * %s, p read as a percentage\n", indent, max);
        break;
    case RULE_OPTIONS:
    case RULE_CHECKLIST:
        put_shares(r, max, indent, out);
        break;
    case RULE_COUNT:
        put_count(r, max, indent, out);
        break;
    case RULE_RATIO:
        put_ratio(r, indent, out);
        put_zero(r, indent, out);
        put_steps(r, max, indent, out);
        break;
    case RULE_BEST:
        put_ratio(r, indent, out);
        put_zero(r, indent, out);
        buffer_printf(out, "%spoints = ratio / the best ratio of all units * %s\n", indent, max);
        break;
    case RULE_PARTS:
        put_parts(r, indent, out);
        break;
    case RULE_CHILDREN:
        buffer_printf(out, "%spoints = the sum of its children, at most %s\n", indent, max);
        break;
    }
}
