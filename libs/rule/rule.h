/* rule.h - how the inputs of an indicator become points. Knows no I/O and no floats.
 *
 * The vocabulary holds what the catalogs need: today points that the source or the scoring unit has
 * given (`points`).
 */
#ifndef CHISO_RULE_RULE_H
#define CHISO_RULE_RULE_H

#include "decimal/decimal.h"

/* Statuses of a scored indicator; the numbers are those of proto/chiso/v1/events.proto. */
typedef enum {
    RULE_SCORED = 1,
    RULE_MISSING = 2, /* no complete inputs: 0 points, the maximum stays */
    RULE_INVALID = 3  /* inputs that cannot be: 0 points, the maximum stays */
} rule_status_t;

typedef struct {
    rule_status_t status;
    decimal_t points;
} rule_result_t;

/* Points entered as such, within 0..max; `given` NULL: missing. Source: docs/readings.md, policies
 * `missing` and `invalid`. */
rule_result_t rule_points(const decimal_t *given, decimal_t max);

#endif
