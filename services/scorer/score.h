/* score.h - what a reading changes: the affected indicators, totals and ranks, and nothing else.
 *
 * Readings are applied one after the other; score_settle() then ranks the rankings that were
 * touched and writes the events. A unit that changes twice is settled in between, so that every
 * revision has its own event with its ranks of that moment. What it did to the ranks of the others
 * is told once, when all is settled.
 */
#ifndef CHISO_SCORER_SCORE_H
#define CHISO_SCORER_SCORE_H

#include "journal/journal.h"
#include "state.h"
#include "store/store.h"

#define SCORE_MAX_RANKINGS (256U << 20) /* bytes of what one batch says of rankings */

/* A result that waits to be told, and the reading that first changed it since it was told last. */
typedef struct {
    result_t *result;
    trace_t trace;
} score_cause_t;

typedef struct {
    state_t *state;
    journal_t *journal;
    trace_t cause;          /* of the reading at hand */
    score_cause_t *pending; /* results with an event to be written */
    size_t n_pending, cap_pending;
    ranking_t **touched; /* with a changed member, not told yet */
    size_t n_touched, cap_touched;
    standing_t *moved; /* of one ranking */
    size_t cap_moved;
    buffer_t event, rankings, ranking_ends; /* being packed */
    /* Called for each result and ranking whose record in the store is now old. */
    void (*dirty_result)(void *context, result_t *result);
    void (*dirty_ranking)(void *context, ranking_t *ranking);
    void *context;
    struct figure_use *uses; /* which slots of which indexes a figure id feeds */
    int64_t told_at;         /* monotonic: when the rankings were last told */
    int64_t told_took_us;
} score_t;

int score_init(score_t *score, state_t *state, journal_t *journal);
void score_free(score_t *score);

/* Applies a reading, of the tail or of a snapshot. Failures (memory, store) stick to the
 * transaction. */
void score_reading(score_t *score, store_txn_t *txn, const event_reading_t *reading);
/* Evaluates every result again, as after a change of the catalog. */
void score_everything(score_t *score, store_txn_t *txn);
void score_settle(score_t *score, store_txn_t *txn);
/* Writes the results' events, each with its ranks as they are; what moved in the rankings is left
 * to a later score_settle(). Memory and journal agree on that: the ranks of others stay as told. */
void score_settle_results(score_t *score, store_txn_t *txn);
/* After recovery: the journal may end before what moved was told. The next score_settle() looks at
 * every ranking, and tells what differs. */
void score_untold(score_t *score, store_txn_t *txn);
/* A member's change, of this time, may have moved others. */
void score_touch(score_t *score, store_txn_t *txn, ranking_t *ranking, int64_t as_of);
/* Writes the event of one pending result, with its ranks as they are at this moment. */
void score_settle_one(score_t *score, store_txn_t *txn, result_t *result);

/* Evaluates the indicators marked in `affected` (NULL: all) and the totals, from the figures of the
 * result and, for rules of kind `best`, of its peers. Writes nothing but the result. */
void score_evaluate(result_t *result, const uint64_t *affected);

#endif
