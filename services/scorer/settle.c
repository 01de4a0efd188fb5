/* settle.c - see score.h: from changed results to ranks, events and the journal.
 *
 * Ranks come first, so that a Score carries those it leads to; the Rankings' own events follow the
 * Scores. A unit that changes again before its event is written gets that event at once, with its
 * ranks of that moment. One figure moves hundreds of other units by a place: under load those moves
 * would be most of the journal, so what became of the others' ranks is told once for many changes.
 * Until then it is not in memory either: memory is what the journal says.
 *
 * A Score has the trace of the reading that it tells. A Ranking tells what many readings did: it
 * has the trace of the last of them, whose time is its as-of time.
 */
#include "base/clock.h"
#include "base/error.h"
#include "rank.h"
#include "score.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void write_score(score_t *s, store_txn_t *txn, result_t *r)
{
    buffer_clear(&s->event);
    state_put_score(r, false, &s->event);
    trace_t trace = trace_next(&s->pending[r->cause].trace);
    event_put_trace(&trace, &s->event);
    if (s->event.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    journal_append(s->journal, txn, buffer_bytes(&s->event));
    memset(r->changed_figures, 0, bit_words(r->index->n_figures) * sizeof *r->changed_figures);
    memset(r->changed_indicators, 0,
           bit_words(r->index->n_indicators) * sizeof *r->changed_indicators);
    r->pending = false;
    r->revised = false;
    s->dirty_result(s->context, r);
}

void score_untold(score_t *s, store_txn_t *txn)
{
    for (size_t i = 0; i < s->state->n_results; i++) {
        const result_t *r = s->state->results[i];
        score_touch(s, txn, r->local, r->as_of);
        score_touch(s, txn, r->nation, r->as_of);
    }
    for (size_t i = 0; i < s->state->n_rankings; i++) {
        rank_disorder(s->state->rankings[i]);
    }
}

void score_touch(score_t *s, store_txn_t *txn, ranking_t *ranking, int64_t as_of)
{
    ranking->newest = as_of > ranking->newest ? as_of : ranking->newest;
    ranking->cause = s->cause;
    if (ranking->touched) {
        return;
    }
    if (s->n_touched == s->cap_touched) {
        size_t cap = s->cap_touched == 0 ? 64 : s->cap_touched * 2;
        ranking_t **grown = realloc(s->touched, cap * sizeof *grown);
        if (grown == NULL) {
            store_fail(txn, -ENOMEM);
            return;
        }
        s->touched = grown;
        s->cap_touched = cap;
    }
    ranking->touched = true;
    s->touched[s->n_touched++] = ranking;
}

void score_settle_one(score_t *s, store_txn_t *txn, result_t *r)
{
    uint32_t local = rank_of(r->local, r);
    if (local != r->rank) {
        r->previous_rank = r->rank;
        r->rank = local;
        r->local_told = true;
    }
    uint32_t nation = r->nation == r->local ? local : rank_of(r->nation, r);
    if (nation != r->nation_rank) {
        r->nation_from = r->nation_told ? r->nation_from : r->nation_rank;
        r->nation_rank = nation;
        r->nation_told = r->nation != r->local;
    }
    write_score(s, txn, r);
}

/* ---- rankings ---- */

typedef struct {
    score_t *score;
    ranking_t *ranking;
    size_t n;
} walk_t;

/* Gives the member its rank; one that has moved becomes a standing. */
static void give_rank(void *context, result_t *r, uint32_t rank)
{
    walk_t *walk = context;
    bool local = walk->ranking == r->local;
    bool told = local ? r->local_told : r->nation_told;
    uint32_t before = local ? r->rank : r->nation_rank;
    if (before == rank && !told) {
        return;
    }
    if (local) {
        r->previous_rank = before == rank ? r->previous_rank : before;
        r->rank = rank;
        before = r->previous_rank;
        r->local_told = false;
    } else {
        before = told ? r->nation_from : before;
        r->nation_told = false;
    }
    if (walk->ranking == r->nation) {
        r->nation_rank = rank;
    }
    walk->score->dirty_result(walk->score->context, r);
    if (rank != 0) {
        walk->score->moved[walk->n++] = (standing_t){r->code, rank, before};
    }
}

static bool room_for_moves(score_t *s, size_t n)
{
    if (n > s->cap_moved) {
        standing_t *grown = realloc(s->moved, n * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        s->moved = grown;
        s->cap_moved = n;
    }
    return true;
}

/* Packs its events behind those that wait already; where each ends is noted. */
static void settle_ranking(score_t *s, store_txn_t *txn, ranking_t *ranking)
{
    ranking->touched = false;
    if (!room_for_moves(s, ranking->n_members)) {
        store_fail(txn, -ENOMEM);
        return;
    }
    walk_t walk = {.score = s, .ranking = ranking};
    rank_walk(ranking, give_rank, &walk);
    bool newer = ranking->newest > ranking->as_of;
    if (walk.n == 0 && !newer) {
        return;
    }
    ranking->as_of = newer ? ranking->newest : ranking->as_of;
    size_t at = 0;
    do { /* without a move its as-of time is news all the same */
        size_t n = walk.n - at < STATE_MAX_STANDINGS ? walk.n - at : STATE_MAX_STANDINGS;
        ranking->revision += n > 0 ? 1 : 0;
        state_put_ranking(ranking, s->moved + at, n, &s->rankings);
        trace_t trace = trace_next(&ranking->cause);
        event_put_trace(&trace, &s->rankings);
        buffer_append(&s->ranking_ends, &s->rankings.len, sizeof s->rankings.len);
        at += n;
    } while (at < walk.n);
    s->dirty_ranking(s->context, ranking);
}

static void write_rankings(score_t *s, store_txn_t *txn)
{
    size_t at = 0;
    if (s->rankings.failed || s->ranking_ends.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    for (size_t i = 0; i < s->ranking_ends.len; i += sizeof at) {
        size_t end;
        memcpy(&end, s->ranking_ends.data + i, sizeof end);
        journal_append(s->journal, txn, bytes_of(s->rankings.data + at, end - at));
        at = end;
    }
    buffer_clear(&s->rankings);
    buffer_clear(&s->ranking_ends);
}

void score_settle_results(score_t *s, store_txn_t *txn)
{
    for (size_t i = 0; i < s->n_pending; i++) {
        result_t *r = s->pending[i].result;
        if (r->pending) { /* else it was settled by itself, and stands here once more */
            score_settle_one(s, txn, r);
        }
    }
    s->n_pending = 0;
}

void score_settle(score_t *s, store_txn_t *txn)
{
    int64_t began = clock_mono_us();
    for (size_t i = 0; i < s->n_touched; i++) {
        settle_ranking(s, txn, s->touched[i]);
    }
    s->n_touched = 0;
    for (size_t i = 0; i < s->n_pending; i++) {
        if (s->pending[i].result->pending) {
            write_score(s, txn, s->pending[i].result);
        }
    }
    s->n_pending = 0;
    write_rankings(s, txn);
    s->told_at = clock_mono_ms();
    s->told_took_us = clock_mono_us() - began;
}
