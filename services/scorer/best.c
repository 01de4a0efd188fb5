/* best.c - see best.h. */
#include "best.h"

#include "inputs.h"

#include <stdlib.h>

struct best {
    bool known;
    rule_ratio_t ratio;
    const result_t *holder;
};

static rule_ratio_t ratio_of(const result_t *r, unsigned i)
{
    rule_input_t room[CATALOG_MAX_INPUTS];
    return inputs_excluded(r, i) ? (rule_ratio_t){0}
                                 : rule_ratio(&r->index->indicators[i].rule, inputs_of(r, i, room));
}

static best_t look(const ranking_t *k, unsigned i)
{
    best_t best = {.known = true};
    unsigned usable = 0;
    for (unsigned m = 0; m < k->n_members; m++) {
        rule_ratio_t one = ratio_of(k->members[m], i);
        usable += one.usable;
        if (rule_ratio_better(&one, &best.ratio)) {
            best.ratio = one;
            best.holder = k->members[m];
        }
    }
    best.ratio.usable = usable >= 2;
    return best;
}

/* NULL: out of memory, and nothing is remembered. */
static best_t *place_of(ranking_t *k, unsigned i)
{
    if (k->bests == NULL) {
        k->bests = calloc(k->index->n_indicators, sizeof *k->bests);
    }
    return k->bests != NULL ? &k->bests[i] : NULL;
}

rule_ratio_t best_of(const result_t *r, unsigned i)
{
    best_t *best = place_of(r->nation, i);
    if (best == NULL) {
        return look(r->nation, i).ratio;
    }
    if (!best->known) {
        *best = look(r->nation, i);
    }
    return best->ratio;
}

static bool same(const rule_ratio_t *a, const rule_ratio_t *b)
{
    return !rule_ratio_better(a, b) && !rule_ratio_better(b, a);
}

bool best_renew(const result_t *r, unsigned i)
{
    best_t *best = place_of(r->nation, i);
    if (best == NULL || !best->known) {
        return true;
    }
    rule_ratio_t now = ratio_of(r, i);
    if (best->ratio.usable && now.usable && r != best->holder) { /* at least two go on to be */
        bool better = rule_ratio_better(&now, &best->ratio);
        if (better) {
            best->ratio = now;
            best->holder = r;
        }
        return better;
    }
    best_t before = *best;
    *best = look(r->nation, i);
    return !same(&before.ratio, &best->ratio);
}

void best_forget(ranking_t *k)
{
    free(k->bests);
    k->bests = NULL;
}
