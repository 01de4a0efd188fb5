/* compile.h - from the form of a file to rules. Inside libs/catalog only. */
#ifndef CHISO_CATALOG_COMPILE_H
#define CHISO_CATALOG_COMPILE_H

#include "config/config.h"
#include "form.h"
#include "rule/rule.h"

/* Builds the rule; `path` is its place in the file. Memory hangs in the rule: compile_free().
 * Reports, and returns 0, CHISO_E_CONFIG or -ENOMEM. */
int compile_rule(config_t *file, const char *path, const form_rule_t *form, decimal_t max,
                 rule_t *out);
void compile_free(rule_t *rule);

/* A decimal of the file, at least `least` (NULL: any). */
int compile_decimal(config_t *file, const char *path, const char *text, bool positive,
                    decimal_t *out);

#endif
