/* assess.h - one unit under one index: statuses, exclusions, totals, coverage. Pure: no I/O, no
 * clock.
 *
 * The same functions serve the scorer and `chiso evaluate`, so that a score on the page and one
 * worked out at a desk cannot differ. Sources: docs/readings.md.
 */
#ifndef CHISO_ASSESS_ASSESS_H
#define CHISO_ASSESS_ASSESS_H

#include "catalog/catalog.h"
#include "rule/rule.h"

/* Everything known about a unit. Arrays are by the index's indicators. */
typedef struct {
    rule_inputs_t *inputs;
    bool *excluded; /* as asked for; assess_exclude() fills it */
} assess_unit_t;

typedef struct {
    decimal_t points, max, scored; /* scored: of the maximum, what has status scored */
} assess_sum_t;

/* Results by the index's indicators; `max` is 0 where excluded. */
typedef struct {
    rule_result_t *results;
    assess_sum_t total;
} assess_result_t;

/* Marks the indicator, pillar or parent of `code`, children included. CHISO_E_NOT_FOUND for a code
 * that is none. */
int assess_exclude(const catalog_index_t *index, const char *code, bool *excluded);
/* Marks the catalog's defaults. */
void assess_exclude_default(const catalog_index_t *index, bool *excluded);

/* The best usable ratio of an indicator of kind `best` among the units that are assessed together;
 * not usable with fewer than two usable ones: there is no peer. */
rule_ratio_t assess_best(const catalog_index_t *index, unsigned indicator,
                         const assess_unit_t *units, size_t n_units);

/* Evaluates all indicators; `best` is by indicator (see assess_best), NULL when the index has none.
 */
void assess_evaluate(const catalog_index_t *index, const assess_unit_t *unit,
                     const rule_ratio_t *best, assess_result_t *out);

/* A parent's result: its children's points, and what is wrong with any of them. */
rule_result_t assess_children(const catalog_index_t *index, const rule_result_t *results,
                              unsigned parent);

/* What the leaves from `first` to `first + count` sum to. */
assess_sum_t assess_sum(const catalog_index_t *index, const rule_result_t *results, unsigned first,
                        unsigned count);

/* points / max * 100 in millionths, half up. CHISO_E_INVALID when nothing applies. */
int assess_percent(decimal_t points, decimal_t max, decimal_t *out);

#endif
