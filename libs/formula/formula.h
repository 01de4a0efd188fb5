/* formula.h - a rule in words and symbols, for people. */
#ifndef CHISO_FORMULA_FORMULA_H
#define CHISO_FORMULA_FORMULA_H

#include "base/bytes.h"
#include "rule/rule.h"

typedef enum { FORMULA_ENGLISH, FORMULA_VIETNAMESE } formula_language_t;

/* Appends the formula, a line a step, each line behind `indent`. */
void formula_write(const rule_t *rule, decimal_t max, formula_language_t language,
                   const char *indent, buffer_t *out);

/* Appends the formula with the figures in it, on one line: "min(1; 3.421 / 3.500) × 2 = 1,954857".
 * For a rule that was scored with these inputs. False, and nothing appended, where there is nothing
 * to work out (points as given, sums of children) or an input is missing. */
bool formula_worked(const rule_t *rule, decimal_t max, rule_inputs_t inputs, decimal_t points,
                    formula_language_t language, buffer_t *out);

#endif
