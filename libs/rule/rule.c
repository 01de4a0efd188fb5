/* rule.c - see rule.h. */
#include "rule/rule.h"

#include <stddef.h>

rule_result_t rule_points(const decimal_t *given, decimal_t max)
{
    if (given == NULL) {
        return (rule_result_t){RULE_MISSING, DECIMAL_ZERO};
    }
    if (decimal_sign(*given) < 0 || decimal_compare(*given, max) > 0) {
        return (rule_result_t){RULE_INVALID, DECIMAL_ZERO};
    }
    return (rule_result_t){RULE_SCORED, *given};
}
