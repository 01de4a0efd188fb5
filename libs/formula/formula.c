/* formula.c - see formula.h. Both languages stand side by side, so that they cannot drift apart. */
#include "formula/formula.h"

#include <stdio.h>

/* What is written, where, and how. */
typedef struct {
    buffer_t *out;
    const char *indent;
    const char *max;
    bool vi;
} pen_t;

#define SAY(pen, english, vietnamese) ((pen)->vi ? (vietnamese) : (english))

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

static void put_ratio(const pen_t *pen, const rule_t *r)
{
    buffer_printf(pen->out, "%s%s = ", pen->indent, SAY(pen, "ratio", "tỷ lệ"));
    put_terms(r->of, r->n_of, pen->out);
    buffer_append_text(pen->out, " / ");
    if (r->n_over == 0) {
        put_decimal(r->constant, pen->out);
    } else {
        put_terms(r->over, r->n_over, pen->out);
    }
    buffer_append_text(pen->out,
                       r->kind == RULE_BEST ? "\n" : SAY(pen, ", at most 1\n", ", tối đa 1\n"));
}

static void put_zero(const pen_t *pen, const rule_t *r)
{
    if (r->n_over == 0) {
        return;
    }
    buffer_printf(pen->out, "%s%s", pen->indent, SAY(pen, "denominator 0: ", "mẫu số bằng 0: "));
    if (r->when_zero == RULE_ZERO_FULL) {
        buffer_append_text(pen->out, SAY(pen, "the maximum\n", "điểm tối đa\n"));
    } else if (r->when_zero == RULE_ZERO_FULL_IF) {
        buffer_printf(pen->out,
                      SAY(pen, "the maximum if %s >= %s > 0, undefined if %s = 0, else 0\n",
                          "điểm tối đa nếu %s >= %s > 0, không xác định nếu %s = 0, còn lại: 0\n"),
                      r->full_if[0], r->full_if[1], r->full_if[1]);
    } else {
        buffer_append_text(pen->out, SAY(pen, "undefined, 0 points\n", "không xác định, 0 điểm\n"));
    }
}

static void put_bands(const pen_t *pen, const rule_t *r)
{
    for (unsigned i = 0; i < r->n_bands; i++) {
        buffer_printf(pen->out, "%s%s >= ", pen->indent, SAY(pen, "ratio", "tỷ lệ"));
        put_decimal(r->bands[i].from, pen->out);
        buffer_append_text(pen->out, ": ");
        put_fraction(r->bands[i].share, pen->out);
        buffer_printf(pen->out, " * %s\n", pen->max);
    }
    buffer_printf(pen->out, SAY(pen, "%sbelow: 0\n", "%sthấp hơn: 0\n"), pen->indent);
}

static void put_limits(const pen_t *pen, const rule_t *r)
{
    const char *ratio = SAY(pen, "ratio", "tỷ lệ");
    if (r->has_floor) {
        buffer_printf(pen->out, "%s%s < ", pen->indent, ratio);
        put_decimal(r->floor, pen->out);
        buffer_append_text(pen->out, ": 0\n");
    }
    if (!r->has_target) {
        buffer_printf(pen->out, "%s%s = %s * %s\n", pen->indent, SAY(pen, "points", "điểm"), ratio,
                      pen->max);
        return;
    }
    buffer_printf(pen->out, "%s%s >= ", pen->indent, ratio);
    put_decimal(r->target, pen->out);
    buffer_printf(pen->out, ": %s\n%s%s: ", pen->max, pen->indent, SAY(pen, "below", "thấp hơn"));
    if (r->below == RULE_BELOW_PRORATED) {
        buffer_printf(pen->out, "%s / ", ratio);
        put_decimal(r->target, pen->out);
        buffer_printf(pen->out, " * %s\n", pen->max);
    } else if (r->below == RULE_BELOW_LITERAL) {
        buffer_printf(pen->out, "%s * %s\n", ratio, pen->max);
    } else {
        buffer_append_text(pen->out, "0\n");
    }
}

static void put_shares(const pen_t *pen, const rule_t *r)
{
    for (unsigned i = 0; i < r->n_shares; i++) {
        buffer_printf(pen->out, "%s%s %u: ", pen->indent,
                      r->kind == RULE_OPTIONS ? SAY(pen, "option", "mức")
                                              : SAY(pen, "item", "nội dung"),
                      i + 1);
        put_fraction(r->shares[i], pen->out);
        buffer_printf(pen->out, " * %s\n", pen->max);
    }
    if (r->kind == RULE_CHECKLIST) {
        buffer_printf(pen->out,
                      SAY(pen, "%spoints = the sum of the items that are met\n",
                          "%sđiểm = tổng điểm các nội dung đạt\n"),
                      pen->indent);
    }
}

static void put_count(const pen_t *pen, const rule_t *r)
{
    char target[DECIMAL_TEXT_SIZE];
    decimal_format(r->target, target);
    buffer_printf(pen->out,
                  SAY(pen, "%swithout it (has = false): 0\n", "%schưa có (has = false): 0\n"),
                  pen->indent);
    buffer_printf(pen->out, "%sn >= %s: %s\n%s%s: ", pen->indent, target, pen->max, pen->indent,
                  SAY(pen, "below", "thấp hơn"));
    if (r->below == RULE_BELOW_SHARE) {
        put_fraction(r->below_share, pen->out);
        buffer_printf(pen->out, " * %s\n", pen->max);
    } else {
        buffer_printf(pen->out, "n / %s * %s\n", target, pen->max);
    }
}

static void put_parts(const pen_t *pen, const rule_t *r)
{
    char inner[16];
    snprintf(inner, sizeof inner, "%.10s  ", pen->indent);
    for (unsigned i = 0; i < r->n_parts; i++) {
        buffer_printf(pen->out, SAY(pen, "%spart p%u, at most ", "%sphần p%u, tối đa "),
                      pen->indent, i + 1);
        put_decimal(r->parts[i].max, pen->out);
        buffer_append_text(pen->out, ":\n");
        formula_write(&r->parts[i], r->parts[i].max, pen->vi ? FORMULA_VIETNAMESE : FORMULA_ENGLISH,
                      inner, pen->out);
    }
    buffer_printf(pen->out,
                  SAY(pen, "%spoints = the sum of the parts\n", "%sđiểm = tổng các phần\n"),
                  pen->indent);
}

void formula_write(const rule_t *r, decimal_t maximum, formula_language_t language,
                   const char *indent, buffer_t *out)
{
    char max[DECIMAL_TEXT_SIZE];
    const pen_t pen = {out, indent, decimal_format(maximum, max), language == FORMULA_VIETNAMESE};
    switch (r->kind) {
    case RULE_POINTS:
        buffer_printf(out,
                      SAY(&pen, "%spoints as given by the scoring unit, 0 to %s\n",
                          "%sđiểm do đơn vị chấm điểm cho, từ 0 đến %s\n"),
                      indent, max);
        break;
    case RULE_PERCENT:
        buffer_printf(out,
                      SAY(&pen, "%spoints = p / 100 * %s, p read as a percentage\n",
                          "%sđiểm = p / 100 * %s, p là tỷ lệ phần trăm đọc từ Cổng\n"),
                      indent, max);
        break;
    case RULE_OPTIONS:
    case RULE_CHECKLIST:
        put_shares(&pen, r);
        break;
    case RULE_COUNT:
        put_count(&pen, r);
        break;
    case RULE_RATIO:
        put_ratio(&pen, r);
        put_zero(&pen, r);
        if (r->n_bands > 0) {
            put_bands(&pen, r);
        } else {
            put_limits(&pen, r);
        }
        break;
    case RULE_BEST:
        put_ratio(&pen, r);
        put_zero(&pen, r);
        buffer_printf(out,
                      SAY(&pen, "%spoints = ratio / the best ratio of all units * %s\n",
                          "%sđiểm = tỷ lệ / tỷ lệ cao nhất trong các đơn vị * %s\n"),
                      indent, max);
        break;
    case RULE_PARTS:
        put_parts(&pen, r);
        break;
    case RULE_CHILDREN:
        buffer_printf(out,
                      SAY(&pen, "%spoints = the sum of its children, at most %s\n",
                          "%sđiểm = tổng điểm các chỉ số con, tối đa %s\n"),
                      indent, max);
        break;
    }
}
