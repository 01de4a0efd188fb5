/* quick.c - see quick.h.
 *
 * Nine of ten evaluations are num/den of two counts: making rationals for them costs twenty times
 * what the numbers do. muldiv() rounds once, half up, as the rationals are, so that the points are
 * the same to the last digit (tests/unit/test_rule_quick.c).
 */
#include "quick.h"

#include <string.h>

/* NULL also for what is not a plain number: the slow way tells what is wrong with it. */
static const rule_input_t *find(rule_inputs_t inputs, const char *name)
{
    for (size_t i = 0; i < inputs.n; i++) {
        const rule_input_t *input = &inputs.list[i];
        if (strcmp(input->name, name) == 0) {
            return input->kind == RULE_NUMBER && decimal_sign(input->number) >= 0 ? input : NULL;
        }
    }
    return NULL;
}

static bool sum_terms(const rule_term_t *terms, unsigned n, rule_inputs_t inputs, decimal_t *out)
{
    decimal_t sum = DECIMAL_ZERO;
    for (unsigned i = 0; i < n; i++) {
        const rule_input_t *input = find(inputs, terms[i].name);
        if (input == NULL || terms[i].weight.num != 1 || terms[i].weight.den != 1 ||
            decimal_add(sum, input->number, &sum) != 0) {
            return false;
        }
    }
    *out = sum;
    return true;
}

static bool points_given(decimal_t max, rule_inputs_t inputs, rule_result_t *out)
{
    const rule_input_t *input = find(inputs, "points");
    if (input == NULL || decimal_compare(input->number, max) > 0) {
        return false;
    }
    *out = (rule_result_t){.status = RULE_SCORED, .points = input->number};
    return true;
}

/* max * num / (den * by): false when a product does not fit a decimal. */
static bool prorated(decimal_t max, decimal_t num, decimal_t den, decimal_t by, decimal_t *out)
{
    const __int128 limit = (__int128)1000000000000 * 1000000000000;
    if (num.micro >= limit / 1000000 || by.micro <= 0 || den.micro >= limit / by.micro) {
        return false;
    }
    decimal_t wide = {.micro = num.micro * 1000000};
    decimal_t product = {.micro = den.micro * by.micro};
    return decimal_muldiv(max, wide, product, DECIMAL_HALF_UP, out) == 0;
}

/* What num/den, at most 1, earns. */
static bool points_of_ratio(const rule_t *rule, decimal_t max, decimal_t num, decimal_t den,
                            decimal_t *out)
{
    const decimal_t one = decimal_of(1);
    bool below = rule->has_target && decimal_compare_ratio(num, den, rule->target, one) < 0;
    *out = DECIMAL_ZERO;
    if (rule->has_floor && decimal_compare_ratio(num, den, rule->floor, one) < 0) {
        return true;
    }
    if (below && rule->below == RULE_BELOW_PRORATED) {
        return prorated(max, num, den, rule->target, out);
    }
    if (rule->has_target && !below) {
        *out = max;
        return true;
    }
    if (below && rule->below != RULE_BELOW_LITERAL) {
        return true;
    }
    return decimal_muldiv(max, num, den, DECIMAL_HALF_UP, out) == 0;
}

bool quick_evaluate(const rule_t *rule, decimal_t max, rule_inputs_t inputs, rule_result_t *out)
{
    decimal_t num;
    decimal_t den = rule->constant;
    if (rule->kind == RULE_POINTS) {
        return points_given(max, inputs, out);
    }
    if (rule->kind != RULE_RATIO || rule->n_bands > 0 ||
        !sum_terms(rule->of, rule->n_of, inputs, &num) ||
        (rule->n_over > 0 && !sum_terms(rule->over, rule->n_over, inputs, &den)) ||
        decimal_sign(den) <= 0) {
        return false;
    }
    rule_result_t result = {.status = RULE_SCORED};
    if (decimal_compare(num, den) > 0) {
        result.flags = rule->subset ? RULE_RATIO_GT_1 | RULE_INCONSISTENT : RULE_RATIO_GT_1;
        num = den;
    }
    if (!points_of_ratio(rule, max, num, den, &result.points)) {
        return false;
    }
    *out = result;
    return true;
}
