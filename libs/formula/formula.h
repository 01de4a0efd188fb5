/* formula.h - a rule in words and symbols, for people. */
#ifndef CHISO_FORMULA_FORMULA_H
#define CHISO_FORMULA_FORMULA_H

#include "base/bytes.h"
#include "rule/rule.h"

typedef enum { FORMULA_ENGLISH, FORMULA_VIETNAMESE } formula_language_t;

/* Appends the formula, a line a step, each line behind `indent`. */
void formula_write(const rule_t *rule, decimal_t max, formula_language_t language,
                   const char *indent, buffer_t *out);

#endif
