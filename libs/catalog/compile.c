/* compile.c - see compile.h. Terms are written as in the texts, "a" or "b*1/2"; the letters point
 * into the file's own strings, cut in place at the star. */
#include "compile.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATH 192

int compile_decimal(config_t *file, const char *path, const char *text, bool positive,
                    decimal_t *out)
{
    if (decimal_parse(text, strlen(text), out) != 0 || decimal_sign(*out) < (positive ? 1 : 0)) {
        return config_error(file, path, "'%s'; expected a decimal %s, such as \"18\" or \"0.5\"",
                            text, positive ? "above 0" : "of at least 0");
    }
    return 0;
}

static int read_fraction(config_t *file, const char *path, const char *text, rule_fraction_t *out)
{
    if (rule_fraction_parse(text, out) != 0) {
        return config_error(file, path, "'%s'; expected a fraction such as \"1\", \"0\" or \"1/2\"",
                            text);
    }
    return 0;
}

static int read_share(config_t *file, const char *path, const char *text, rule_fraction_t *out)
{
    int rc = read_fraction(file, path, text, out);
    if (rc == 0 && out->num > out->den) {
        rc = config_error(file, path, "'%s'; expected a share of at most 1", text);
    }
    return rc;
}

static int read_shares(config_t *file, const char *path, char **texts, unsigned n, rule_t *out)
{
    out->shares = calloc(n, sizeof *out->shares);
    if (out->shares == NULL) {
        return -ENOMEM;
    }
    out->n_shares = n;
    int rc = 0;
    for (unsigned i = 0; i < n; i++) {
        char at[MAX_PATH];
        snprintf(at, sizeof at, "%s[%u]", path, i);
        int one = read_share(file, at, texts[i], &out->shares[i]);
        rc = rc != 0 ? rc : one;
    }
    return rc;
}

static __int128 divisor(__int128 a, __int128 b)
{
    while (b != 0) {
        __int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Items may all be met at once: together they earn at most the whole. */
static int check_checklist(config_t *file, const char *path, const rule_t *rule)
{
    __int128 num = 0; /* in lowest terms */
    __int128 den = 1;
    for (unsigned i = 0; i < rule->n_shares; i++) {
        num = num * rule->shares[i].den + rule->shares[i].num * den;
        den *= rule->shares[i].den;
        __int128 common = divisor(num, den);
        num /= common;
        den /= common;
        if (den > 1000000000) {
            return config_error(file, path,
                                "the shares have no common denominator of at most 1000000000");
        }
    }
    return num == den ? 0
                      : config_error(file, path, "the shares sum to %lld/%lld; expected 1",
                                     (long long)num, (long long)den);
}

static bool is_letter(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'e' && name[1] == '\0';
}

static int read_terms(config_t *file, const char *path, char **texts, unsigned n, rule_term_t **out,
                      unsigned *n_out)
{
    *out = calloc(n + 1, sizeof **out);
    if (*out == NULL) {
        return -ENOMEM;
    }
    *n_out = n;
    int rc = 0;
    for (unsigned i = 0; i < n; i++) {
        char at[MAX_PATH];
        snprintf(at, sizeof at, "%s[%u]", path, i);
        char *star = strchr(texts[i], '*');
        rule_term_t *term = &(*out)[i];
        term->weight = (rule_fraction_t){1, 1};
        if (star != NULL) {
            int one = read_fraction(file, at, star + 1, &term->weight);
            if (one == 0 && term->weight.num == 0) {
                one = config_error(file, at, "'%s' is a weight of nothing; expected one above 0",
                                   star + 1);
            }
            rc = rc != 0 ? rc : one;
            *star = '\0';
        }
        term->name = texts[i];
        if (!is_letter(texts[i])) {
            rc = config_error(file, at,
                              "'%s'; expected a letter a to e, or one with a weight such as "
                              "\"b*1/2\"",
                              texts[i]);
        }
    }
    return rc;
}

static int read_bands(config_t *file, const char *path, const form_ratio_t *form, rule_t *out)
{
    out->bands = calloc(form->bands_count + 1, sizeof *out->bands);
    if (out->bands == NULL) {
        return -ENOMEM;
    }
    int rc = 0;
    for (unsigned i = 0; i < form->bands_count; i++) {
        char at[MAX_PATH];
        snprintf(at, sizeof at, "%s.bands[%u].from", path, i);
        int one = compile_decimal(file, at, form->bands[i].from, false, &out->bands[i].from);
        rc = rc != 0 ? rc : one;
        snprintf(at, sizeof at, "%s.bands[%u].share", path, i);
        one = read_share(file, at, form->bands[i].share, &out->bands[i].share);
        rc = rc != 0 ? rc : one;
        if (rc == 0 && i > 0 && decimal_compare(out->bands[i - 1].from, out->bands[i].from) <= 0) {
            snprintf(at, sizeof at, "%s.bands[%u].from", path, i);
            rc = config_error(file, at, "'%s' is never reached; expected less than the band above",
                              form->bands[i].from);
        }
        out->n_bands++;
    }
    return rc;
}

static int read_below(config_t *file, const char *path, const char *text, rule_below_t *out)
{
    static const char *const names[] = {[RULE_BELOW_ZERO] = "zero",
                                        [RULE_BELOW_PRORATED] = "prorated",
                                        [RULE_BELOW_LITERAL] = "literal"};
    for (unsigned i = RULE_BELOW_ZERO; i <= RULE_BELOW_LITERAL; i++) {
        if (text != NULL && strcmp(text, names[i]) == 0) {
            *out = (rule_below_t)i;
            return 0;
        }
    }
    return config_error(file, path, "'%s'; expected zero, prorated or literal",
                        text != NULL ? text : "");
}

static int read_zero(config_t *file, const char *path, const form_ratio_t *form, rule_t *out)
{
    if (form->when_zero != NULL && form->when_zero_full_if_count > 0) {
        return config_error(file, path, "has both when_zero and when_zero_full_if; expected one");
    }
    if (form->when_zero != NULL) {
        out->when_zero = RULE_ZERO_FULL;
        char at[MAX_PATH];
        snprintf(at, sizeof at, "%s.when_zero", path);
        return strcmp(form->when_zero, "full") == 0
                   ? 0
                   : config_error(file, at, "'%s'; expected full", form->when_zero);
    }
    for (unsigned i = 0; i < form->when_zero_full_if_count; i++) {
        out->when_zero = RULE_ZERO_FULL_IF;
        out->full_if[i] = form->when_zero_full_if[i];
        if (!is_letter(out->full_if[i])) {
            return config_error(file, path, "when_zero_full_if: '%s'; expected a letter",
                                out->full_if[i]);
        }
    }
    return 0;
}

static int read_limits(config_t *file, const char *path, const form_ratio_t *form, rule_t *out)
{
    char at[MAX_PATH];
    int rc = 0;
    out->has_target = form->target != NULL;
    out->has_floor = form->floor != NULL;
    if (form->target != NULL) {
        snprintf(at, sizeof at, "%s.target", path);
        rc = compile_decimal(file, at, form->target, true, &out->target);
        snprintf(at, sizeof at, "%s.below", path);
        int one = read_below(file, at, form->below, &out->below);
        rc = rc != 0 ? rc : one;
    } else if (form->below != NULL) {
        rc = config_error(file, path, "has below without target");
    }
    if (form->floor != NULL) {
        snprintf(at, sizeof at, "%s.floor", path);
        int one = compile_decimal(file, at, form->floor, true, &out->floor);
        rc = rc != 0 ? rc : one;
    }
    if (form->bands_count > 0) {
        int one = form->target != NULL || form->floor != NULL
                      ? config_error(file, path, "has bands beside target or floor; expected one")
                      : read_bands(file, path, form, out);
        rc = rc != 0 ? rc : one;
    }
    return rc;
}

static int read_ratio(config_t *file, const char *path, const form_ratio_t *form, rule_t *out)
{
    char at[MAX_PATH];
    snprintf(at, sizeof at, "%s.of", path);
    int rc = read_terms(file, at, form->of, form->of_count, &out->of, &out->n_of);
    out->subset = form->subset;
    if ((form->over_count > 0) == (form->constant != NULL)) {
        rc = config_error(file, path, "expected over or constant as its denominator, and not both");
    } else if (form->over_count > 0) {
        snprintf(at, sizeof at, "%s.over", path);
        int one = read_terms(file, at, form->over, form->over_count, &out->over, &out->n_over);
        rc = rc != 0 ? rc : one;
    } else {
        snprintf(at, sizeof at, "%s.constant", path);
        int one = compile_decimal(file, at, form->constant, true, &out->constant);
        rc = rc != 0 ? rc : one;
    }
    int one = read_limits(file, path, form, out);
    rc = rc != 0 ? rc : one;
    one = read_zero(file, path, form, out);
    return rc != 0 ? rc : one;
}

/* The peers' ratios are kept as decimals: a weight must not make them anything else. */
static int check_best(config_t *file, const char *path, const form_ratio_t *form,
                      const rule_t *rule)
{
    bool plain = form->target == NULL && form->floor == NULL && form->bands_count == 0;
    for (unsigned i = 0; i < rule->n_of; i++) {
        plain = plain && rule->of[i].weight.den == 1;
    }
    for (unsigned i = 0; i < rule->n_over; i++) {
        plain = plain && rule->over[i].weight.den == 1;
    }
    return plain ? 0 : config_error(file, path, "expected only of and over, with whole weights");
}

static int read_count(config_t *file, const char *path, const form_count_t *form, rule_t *out)
{
    char at[MAX_PATH];
    snprintf(at, sizeof at, "%s.target", path);
    int rc = compile_decimal(file, at, form->target, true, &out->target);
    snprintf(at, sizeof at, "%s.below", path);
    out->below = RULE_BELOW_PRORATED;
    if (strcmp(form->below, "prorated") != 0) {
        out->below = RULE_BELOW_SHARE;
        int one = read_share(file, at, form->below, &out->below_share);
        rc = rc != 0 ? rc : one;
    }
    return rc;
}

static int read_given(config_t *file, const char *path, const char *text, const char *expected)
{
    return strcmp(text, expected) == 0
               ? 0
               : config_error(file, path, "'%s'; expected %s", text, expected);
}

static int read_parts(config_t *file, const char *path, const form_rule_t *form, decimal_t max,
                      rule_t *out)
{
    out->parts = calloc(form->parts_count, sizeof *out->parts);
    if (out->parts == NULL) {
        return -ENOMEM;
    }
    decimal_t sum = DECIMAL_ZERO;
    int rc = 0;
    for (unsigned i = 0; i < form->parts_count; i++) {
        char at[MAX_PATH];
        decimal_t part = DECIMAL_ZERO;
        snprintf(at, sizeof at, "%s[%u].max", path, i);
        int one = compile_decimal(file, at, form->parts[i].max, true, &part);
        rc = rc != 0 ? rc : one;
        snprintf(at, sizeof at, "%s[%u]", path, i);
        out->n_parts++;
        one = compile_rule(file, at, &form->parts[i], part, &out->parts[i]);
        rc = rc != 0 ? rc : one;
        decimal_add(sum, part, &sum);
    }
    if (rc == 0 && decimal_compare(sum, max) != 0) {
        char a[DECIMAL_TEXT_SIZE];
        char b[DECIMAL_TEXT_SIZE];
        rc = config_error(file, path, "the parts sum to %s; expected the maximum, %s",
                          decimal_format(sum, a), decimal_format(max, b));
    }
    return rc;
}

/* Which kinds the form names; exactly one is right. */
static rule_kind_t kind_of(const form_rule_t *form, unsigned *n)
{
    const bool has[] = {[RULE_POINTS] = form->points != NULL,
                        [RULE_OPTIONS] = form->options_count > 0,
                        [RULE_CHECKLIST] = form->checklist_count > 0,
                        [RULE_PERCENT] = form->percent != NULL,
                        [RULE_COUNT] = form->count != NULL,
                        [RULE_RATIO] = form->ratio != NULL,
                        [RULE_BEST] = form->best != NULL,
                        [RULE_PARTS] = form->parts_count > 0,
                        [RULE_CHILDREN] = form->children != NULL};
    rule_kind_t kind = RULE_POINTS;
    *n = 0;
    for (unsigned i = RULE_POINTS; i <= RULE_CHILDREN; i++) {
        if (has[i]) {
            kind = (rule_kind_t)i;
            ++*n;
        }
    }
    return kind;
}

int compile_rule(config_t *file, const char *path, const form_rule_t *form, decimal_t max,
                 rule_t *out)
{
    char at[MAX_PATH];
    unsigned n;
    out->max = max;
    out->kind = kind_of(form, &n);
    if (n != 1) {
        return config_error(file, path,
                            "names %u kinds of rule; expected exactly one of points, options, "
                            "checklist, percent, count, ratio, best, parts, children",
                            n);
    }
    if (form->texts_count > 0 && form->texts_count != form->options_count + form->checklist_count) {
        snprintf(at, sizeof at, "%s.texts", path);
        return config_error(file, at, "has %u texts; expected one for each of the options or items",
                            form->texts_count);
    }
    static const char *const names[] = {
        [RULE_POINTS] = "points",   [RULE_OPTIONS] = "options", [RULE_CHECKLIST] = "checklist",
        [RULE_PERCENT] = "percent", [RULE_COUNT] = "count",     [RULE_RATIO] = "ratio",
        [RULE_BEST] = "best",       [RULE_PARTS] = "parts",     [RULE_CHILDREN] = "children"};
    snprintf(at, sizeof at, "%s.%s", path, names[out->kind]);
    int rc;
    switch (out->kind) {
    case RULE_POINTS:
        return read_given(file, at, form->points, "given");
    case RULE_PERCENT:
        return read_given(file, at, form->percent, "given");
    case RULE_CHILDREN:
        return read_given(file, at, form->children, "sum");
    case RULE_OPTIONS:
        return read_shares(file, at, form->options, form->options_count, out);
    case RULE_CHECKLIST:
        rc = read_shares(file, at, form->checklist, form->checklist_count, out);
        return rc != 0 ? rc : check_checklist(file, at, out);
    case RULE_COUNT:
        return read_count(file, at, form->count, out);
    case RULE_RATIO:
        return read_ratio(file, at, form->ratio, out);
    case RULE_BEST:
        rc = read_ratio(file, at, form->best, out);
        return rc != 0 ? rc : check_best(file, at, form->best, out);
    case RULE_PARTS:
        return read_parts(file, at, form, max, out);
    }
    return CHISO_E_CONFIG;
}

void compile_free(rule_t *rule)
{
    for (unsigned i = 0; i < rule->n_parts; i++) {
        compile_free(&rule->parts[i]);
    }
    free(rule->shares);
    free(rule->of);
    free(rule->over);
    free(rule->bands);
    free(rule->parts);
}
