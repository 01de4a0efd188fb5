/* score.c - see score.h. */
#include "score.h"

#include "assess/assess.h"
#include "base/error.h"
#include "best.h"
#include "inputs.h"
#include "rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One place that a figure feeds. */
typedef struct use {
    const catalog_index_t *index;
    unsigned slot;
    uint64_t indicators[CATALOG_MAX_INDICATORS / 64]; /* that read it */
    struct use *next;
} use_t;

struct figure_use {
    const char *id;
    use_t *uses;
    UT_hash_handle hh;
};

/* ---- the dependency index ---- */

static int add_use(score_t *s, const catalog_index_t *index, unsigned slot)
{
    const char *id = index->figures[slot]->id;
    struct figure_use *entry;
    HASH_FIND_STR(s->uses, id, entry);
    if (entry == NULL) {
        entry = calloc(1, sizeof *entry);
        if (entry == NULL) {
            return -ENOMEM;
        }
        entry->id = id;
        HASH_ADD_KEYPTR(hh, s->uses, id, strlen(id), entry);
    }
    use_t *use = calloc(1, sizeof *use);
    if (use == NULL) {
        return -ENOMEM;
    }
    use->index = index;
    use->slot = slot;
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *in = &index->indicators[i];
        bool reads = in->excluded_by == slot ||
                     (in->parent >= 0 && index->indicators[in->parent].excluded_by == slot);
        for (unsigned k = 0; k < in->n_inputs && !reads; k++) {
            reads = in->inputs[k].figure == slot;
        }
        if (reads) {
            bit_set(use->indicators, i);
        }
    }
    use->next = entry->uses;
    entry->uses = use;
    return 0;
}

int score_init(score_t *s, state_t *state, journal_t *journal)
{
    *s = (score_t){.state = state,
                   .journal = journal,
                   .event = BUFFER_INIT(EVENT_MAX_BYTES),
                   .rankings = BUFFER_INIT(SCORE_MAX_RANKINGS),
                   .ranking_ends = BUFFER_INIT(SCORE_MAX_RANKINGS)};
    int rc = 0;
    for (unsigned i = 0; i < catalog_count(state->catalog) && rc == 0; i++) {
        const catalog_index_t *index = catalog_at(state->catalog, i);
        for (unsigned k = 0; k < index->n_figures && rc == 0; k++) {
            rc = add_use(s, index, k);
        }
    }
    return rc;
}

void score_free(score_t *s)
{
    struct figure_use *entry;
    struct figure_use *next;
    HASH_ITER(hh, s->uses, entry, next)
    {
        HASH_DEL(s->uses, entry);
        while (entry->uses != NULL) {
            use_t *use = entry->uses;
            entry->uses = use->next;
            free(use);
        }
        free(entry);
    }
    free(s->pending);
    free(s->touched);
    free(s->moved);
    buffer_free(&s->event);
    buffer_free(&s->rankings);
    buffer_free(&s->ranking_ends);
    *s = (score_t){0};
}

/* ---- evaluation ---- */

static rule_result_t evaluate_indicator(const result_t *r, unsigned i)
{
    const catalog_indicator_t *indicator = &r->index->indicators[i];
    rule_input_t room[CATALOG_MAX_INPUTS];
    rule_ratio_t best = {0};
    if (indicator->rule.kind == RULE_CHILDREN) {
        return assess_children(r->index, r->indicators, i);
    }
    if (inputs_excluded(r, i)) {
        return (rule_result_t){.status = RULE_EXCLUDED, .points = DECIMAL_ZERO};
    }
    if (indicator->rule.kind == RULE_BEST) {
        best = best_of(r, i);
    }
    return rule_evaluate(&indicator->rule, indicator->max, inputs_of(r, i, room), &best);
}

/* Adds what a leaf brings to the totals, or takes it off again. */
static void add_leaf(result_t *r, unsigned i, int (*add)(decimal_t, decimal_t, decimal_t *))
{
    const rule_result_t *from = &r->indicators[i];
    decimal_t max = r->index->indicators[i].max;
    if (from->status == RULE_EXCLUDED) {
        return;
    }
    /* the catalog was checked to sum, so these do */
    add(r->points, from->points, &r->points);
    add(r->max, max, &r->max);
    if (from->status == RULE_SCORED) {
        add(r->scored_max, max, &r->scored_max);
        if (bit_get(r->machine_fed, i)) {
            add(r->machine_max, max, &r->machine_max);
        }
    }
}

static void reevaluate(result_t *r, unsigned i)
{
    rule_result_t now = evaluate_indicator(r, i);
    rule_result_t *known = &r->indicators[i];
    if (now.status != known->status || now.flags != known->flags ||
        decimal_compare(now.points, known->points) != 0) {
        bit_set(r->changed_indicators, i);
    }
    *known = now;
}

/* Evaluates an indicator that is no parent, and keeps the totals with it. */
static void reevaluate_leaf(result_t *r, unsigned i)
{
    add_leaf(r, i, decimal_subtract);
    reevaluate(r, i);
    bit_put(r->machine_fed, i, inputs_of_machines(r, i));
    add_leaf(r, i, decimal_add);
}

static void evaluate_all(result_t *r)
{
    r->points = r->max = r->scored_max = r->machine_max = DECIMAL_ZERO;
    for (unsigned i = 0; i < r->index->n_indicators; i++) {
        if (r->index->indicators[i].rule.kind != RULE_CHILDREN) {
            reevaluate(r, i);
            bit_put(r->machine_fed, i, inputs_of_machines(r, i));
            add_leaf(r, i, decimal_add);
        }
    }
    for (unsigned i = 0; i < r->index->n_indicators; i++) {
        if (r->index->indicators[i].rule.kind == RULE_CHILDREN) {
            reevaluate(r, i);
        }
    }
    r->summed = true;
}

void score_evaluate(result_t *r, const uint64_t *affected)
{
    if (affected == NULL || !r->summed) {
        evaluate_all(r);
        return;
    }
    uint64_t parents[CATALOG_MAX_INDICATORS / 64] = {0};
    size_t words = bit_words(r->index->n_indicators);
    for (unsigned w = 0; w < words; w++) {
        for (uint64_t bits = affected[w]; bits != 0; bits &= bits - 1) {
            unsigned i = w * 64 + (unsigned)__builtin_ctzll(bits);
            const catalog_indicator_t *indicator = &r->index->indicators[i];
            if (indicator->rule.kind == RULE_CHILDREN) {
                bit_set(parents, i);
                continue;
            }
            reevaluate_leaf(r, i);
            if (indicator->parent >= 0) {
                bit_set(parents, (unsigned)indicator->parent);
            }
        }
    }
    for (unsigned w = 0; w < words; w++) {
        for (uint64_t bits = parents[w]; bits != 0; bits &= bits - 1) {
            reevaluate(r, w * 64 + (unsigned)__builtin_ctzll(bits));
        }
    }
}

static bool any_bit(const uint64_t *bits, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        if (bits[i] != 0) {
            return true;
        }
    }
    return false;
}

static void mark_pending(score_t *s, store_txn_t *txn, result_t *r)
{
    if (r->pending) {
        return;
    }
    if (s->n_pending == s->cap_pending) {
        size_t cap = s->cap_pending == 0 ? 64 : s->cap_pending * 2;
        score_cause_t *grown = realloc(s->pending, cap * sizeof *grown);
        if (grown == NULL) {
            store_fail(txn, -ENOMEM);
            return;
        }
        s->pending = grown;
        s->cap_pending = cap;
    }
    r->pending = true;
    r->cause = (uint32_t)s->n_pending;
    s->pending[s->n_pending++] = (score_cause_t){r, s->cause};
}

/* A new revision of the result, when it says anything else than before: a portal that has seen a
 * revision never looks at it again. */
static void evaluate(score_t *s, store_txn_t *txn, result_t *r, const uint64_t *affected,
                     bool renamed)
{
    decimal_t before = r->points;
    decimal_t max_before = r->max;
    decimal_t step;
    score_evaluate(r, affected);
    bool changed = renamed || any_bit(r->changed_figures, bit_words(r->index->n_figures)) ||
                   any_bit(r->changed_indicators, bit_words(r->index->n_indicators)) ||
                   decimal_compare(before, r->points) != 0 ||
                   decimal_compare(max_before, r->max) != 0;
    if (!changed) {
        return;
    }
    if (!r->revised) {
        r->revised = true;
        r->has_change = r->revision != 0;
        r->change = DECIMAL_ZERO;
        r->revision++;
    }
    if (decimal_subtract(r->points, before, &step) == 0) {
        decimal_add(r->change, step, &r->change);
    }
    rank_changed(r->local, r, before, max_before);
    score_touch(s, txn, r->local, r->as_of);
    if (r->nation != r->local) {
        rank_changed(r->nation, r, before, max_before);
        score_touch(s, txn, r->nation, r->as_of);
    }
    mark_pending(s, txn, r);
}

/* A changed ratio may be the new best one, or have been the old: then the peers change too. Returns
 * whether any is to be evaluated, and for which indicators. */
static bool moves_peers(const result_t *r, const uint64_t *affected, uint64_t *moved)
{
    bool any = false;
    for (unsigned i = 0; i < r->index->n_indicators; i++) {
        if (r->index->indicators[i].rule.kind == RULE_BEST && bit_get(affected, i) &&
            best_renew(r, i)) {
            bit_set(moved, i);
            any = true;
        }
    }
    return any;
}

/* The result, and its peers where it was or is the best of them. */
static void evaluate_with_peers(score_t *s, store_txn_t *txn, result_t *r, const uint64_t *affected,
                                bool renamed)
{
    uint64_t moved[CATALOG_MAX_INDICATORS / 64] = {0};
    bool any = moves_peers(r, affected, moved); /* before anything compares with the best */
    evaluate(s, txn, r, affected, renamed);
    for (unsigned k = 0; any && k < r->nation->n_members; k++) {
        if (r->nation->members[k] != r) {
            evaluate(s, txn, r->nation->members[k], moved, false);
        }
    }
}

/* ---- readings ---- */

/* What a machine read beats what somebody handed in, whenever either was said. Otherwise revisions
 * count within one series of one source in one life of ingest; across those the later reading wins.
 * Both the tail and a snapshot may repeat what is known. */
static bool is_news(const figure_state_t *known, const event_figure_t *from)
{
    bool by_machine = known->line->submitter == NULL;
    if (known->revision != 0 && by_machine != (from->submitter == NULL)) {
        return !by_machine;
    }
    bool same_line = known->revision != 0 && strcmp(known->line->source, from->source) == 0 &&
                     strcmp(known->line->series, from->series) == 0;
    return known->revision == 0 || from->fetched_at > known->fetched_at ||
           (same_line && from->revision > known->revision);
}

/* A result is as of its newest figure. Times go back only when a clock was set back. */
static void move_as_of(result_t *r, int64_t before, int64_t now)
{
    if (now >= r->as_of) {
        r->as_of = now;
    } else if (before == r->as_of) {
        r->as_of = now;
        for (unsigned i = 0; i < r->n_figures; i++) {
            r->as_of = r->figures[i].fetched_at > r->as_of ? r->figures[i].fetched_at : r->as_of;
        }
    }
}

/* The reading's figures that one index uses, applied to its result. */
static void apply_to_index(score_t *s, store_txn_t *txn, const catalog_index_t *index,
                           const event_reading_t *reading)
{
    result_t *r = state_find(s->state, index, reading->period, reading->unit->code);
    if (r != NULL && r->pending) {
        score_settle_one(s, txn, r);
    }
    uint64_t affected[CATALOG_MAX_INDICATORS / 64] = {0};
    for (size_t i = 0; i < reading->n_figures; i++) {
        struct figure_use *entry;
        HASH_FIND_STR(s->uses, reading->figures[i]->id, entry);
        for (const use_t *use = entry != NULL ? entry->uses : NULL; use != NULL; use = use->next) {
            if (use->index != index) {
                continue;
            }
            if (r == NULL) {
                r = state_result(s->state, index, reading->period, reading->unit);
                if (r == NULL) {
                    store_fail(txn, -ENOMEM);
                    return;
                }
                state_expect(r, reading->n_figures - i);
            }
            const figure_state_t *known = state_figure(r, use->slot);
            if (is_news(known, reading->figures[i])) {
                int64_t before = known->fetched_at;
                int rc = state_take_figure(s->state, reading->figures[i], r, use->slot);
                if (rc != 0) {
                    store_fail(txn, rc);
                    return;
                }
                bit_set(r->changed_figures, use->slot);
                move_as_of(r, before, reading->figures[i]->fetched_at);
                for (size_t w = 0; w < sizeof affected / sizeof *affected; w++) {
                    affected[w] |= use->indicators[w];
                }
            }
        }
    }
    if (r == NULL) {
        return;
    }
    int renamed = state_rename(r, reading->unit->name);
    if (renamed < 0) {
        store_fail(txn, renamed);
    }
    evaluate_with_peers(s, txn, r, affected, renamed > 0);
}

void score_reading(score_t *s, store_txn_t *txn, const event_reading_t *reading)
{
    for (unsigned i = 0; i < catalog_count(s->state->catalog); i++) {
        const catalog_index_t *index = catalog_at(s->state->catalog, i);
        if (catalog_has_level(index, (int)reading->unit->level) &&
            catalog_has_period(index, reading->period)) {
            apply_to_index(s, txn, index, reading);
        }
    }
}

void score_everything(score_t *s, store_txn_t *txn)
{
    for (size_t i = 0; i < s->state->n_rankings; i++) {
        rank_disorder(s->state->rankings[i]);
        best_forget(s->state->rankings[i]);
    }
    for (size_t i = 0; i < s->state->n_results; i++) {
        result_t *r = s->state->results[i];
        decimal_t max_before = r->max;
        score_evaluate(r, NULL);
        if (decimal_compare(max_before, r->max) != 0) {
            /* which indicator has another maximum is not known here: tell them all */
            memset(r->changed_indicators, 0xff,
                   bit_words(r->index->n_indicators) * sizeof *r->changed_indicators);
        }
        r->max = max_before;
        evaluate(s, txn, r, NULL, false);
    }
    score_settle(s, txn);
}
