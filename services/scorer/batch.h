/* batch.h - what a batch of ingest's events does, within one transaction: the line that every
 * reading takes, without the sockets.
 */
#ifndef CHISO_SCORER_BATCH_H
#define CHISO_SCORER_BATCH_H

#include "score.h"

/* While more waits, moved ranks are told once in so long, and then only when what was scored since
 * is worth it: a score for so many standings of the last time. So telling never takes most of the
 * time, however many units there are. At the latest they are told after the second. */
#define BATCH_RANKINGS_MS 20
#define BATCH_RANKINGS_LATEST_MS 500
#define BATCH_STANDINGS_A_SCORE 4

/* Applies the events numbered from `first_seq` of ingest's journal `epoch`, settles what follows
 * from them and stores the position after them. `more`: others wait behind them, so that the moved
 * ranks of other units may wait too. An event that cannot be applied is buried with its reason.
 * Failures stick to the transaction. The caller commits. */
void batch_apply(score_t *score, store_txn_t *txn, uint64_t epoch, uint64_t first_seq,
                 const bytes_t *events, size_t n_events, bool more);
/* The same for a page of a snapshot; the tail begins at `tail_seq`. */
void batch_apply_snapshot(score_t *score, store_txn_t *txn, uint64_t epoch, uint64_t tail_seq,
                          const bytes_t *events, size_t n_events);

#endif
