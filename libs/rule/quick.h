/* quick.h - the common rules in whole numbers of 128 bits; inside libs/rule only. */
#ifndef CHISO_RULE_QUICK_H
#define CHISO_RULE_QUICK_H

#include "rule/rule.h"

/* True, with the result that the rationals would give, when the rule is points that are given, or a
 * ratio of plain sums without bands, with complete inputs and a denominator above zero. Otherwise
 * false, and nothing is known. */
bool quick_evaluate(const rule_t *rule, decimal_t max, rule_inputs_t inputs, rule_result_t *out);

/* By the rationals, whatever the rule: what quick_evaluate() is tested against. */
rule_result_t rule_evaluate_slowly(const rule_t *rule, decimal_t max, rule_inputs_t inputs,
                                   const rule_ratio_t *best);

#endif
