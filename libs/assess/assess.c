/* assess.c - see assess.h. A parent is no leaf: its points are its children's, and only leaves
 * count in a sum. */
#include "assess/assess.h"

#include "base/error.h"

#include <string.h>

static bool is_leaf(const catalog_indicator_t *indicator)
{
    return indicator->rule.kind != RULE_CHILDREN;
}

static void exclude_with_children(const catalog_index_t *index, unsigned i, bool *excluded)
{
    excluded[i] = true;
    for (unsigned k = i + 1; k < index->n_indicators && index->indicators[k].parent == (int)i;
         k++) {
        excluded[k] = true;
    }
}

int assess_exclude(const catalog_index_t *index, const char *code, bool *excluded)
{
    int place = catalog_indicator(index, code);
    if (place >= 0) {
        exclude_with_children(index, (unsigned)place, excluded);
        return 0;
    }
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        if (strcmp(pillar->code, code) == 0) {
            memset(excluded + pillar->first, true, pillar->count * sizeof *excluded);
            return 0;
        }
    }
    return CHISO_E_NOT_FOUND;
}

void assess_exclude_default(const catalog_index_t *index, bool *excluded)
{
    for (unsigned i = 0; i < index->n_indicators; i++) {
        if (index->indicators[i].excluded) {
            exclude_with_children(index, i, excluded);
        }
    }
}

rule_ratio_t assess_best(const catalog_index_t *index, unsigned indicator,
                         const assess_unit_t *units, size_t n_units)
{
    rule_ratio_t best = {0};
    size_t usable = 0;
    for (size_t u = 0; u < n_units; u++) {
        if (units[u].excluded[indicator]) {
            continue;
        }
        rule_ratio_t one =
            rule_ratio(&index->indicators[indicator].rule, units[u].inputs[indicator]);
        usable += one.usable;
        if (rule_ratio_better(&one, &best)) {
            best = one;
        }
    }
    if (usable < 2) {
        best.usable = false;
    }
    return best;
}

/* A parent is scored when all of its children that apply are; otherwise it tells what is wrong, as
 * a rule does of its inputs: invalid outweighs missing outweighs undefined, in whatever order. */
rule_result_t assess_children(const catalog_index_t *index, const rule_result_t *results,
                              unsigned i)
{
    rule_result_t sum = {.status = RULE_EXCLUDED, .points = DECIMAL_ZERO};
    for (unsigned k = i + 1; k < index->n_indicators && index->indicators[k].parent == (int)i;
         k++) {
        const rule_result_t *child = &results[k];
        if (child->status == RULE_EXCLUDED) {
            continue;
        }
        decimal_add(sum.points, child->points, &sum.points);
        sum.flags |= child->flags;
        if (rule_worse(child->status, sum.status)) {
            sum.status = child->status;
        }
    }
    return sum;
}

void assess_evaluate(const catalog_index_t *index, const assess_unit_t *unit,
                     const rule_ratio_t *best, assess_result_t *out)
{
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *indicator = &index->indicators[i];
        if (!is_leaf(indicator)) {
            continue;
        }
        if (unit->excluded[i]) {
            out->results[i] = (rule_result_t){.status = RULE_EXCLUDED, .points = DECIMAL_ZERO};
        } else {
            out->results[i] = rule_evaluate(&indicator->rule, indicator->max, unit->inputs[i],
                                            best != NULL ? &best[i] : NULL);
        }
    }
    for (unsigned i = 0; i < index->n_indicators; i++) {
        if (!is_leaf(&index->indicators[i])) {
            out->results[i] = assess_children(index, out->results, i);
        }
    }
    out->total = assess_sum(index, out->results, 0, index->n_indicators);
}

assess_sum_t assess_sum(const catalog_index_t *index, const rule_result_t *results, unsigned first,
                        unsigned count)
{
    assess_sum_t sum = {DECIMAL_ZERO, DECIMAL_ZERO, DECIMAL_ZERO};
    for (unsigned i = first; i < first + count; i++) {
        if (!is_leaf(&index->indicators[i]) || results[i].status == RULE_EXCLUDED) {
            continue;
        }
        /* the catalog was checked to sum, so these do */
        decimal_add(sum.points, results[i].points, &sum.points);
        decimal_add(sum.max, index->indicators[i].max, &sum.max);
        if (results[i].status == RULE_SCORED) {
            decimal_add(sum.scored, index->indicators[i].max, &sum.scored);
        }
    }
    return sum;
}

int assess_percent(decimal_t points, decimal_t max, decimal_t *out)
{
    return decimal_muldiv(points, decimal_of(100), max, DECIMAL_HALF_UP, out);
}
