/* batch.h - what a batch of ingest's events does, within one transaction: the line that every
 * reading takes, without the sockets.
 */
#ifndef CHISO_SCORER_BATCH_H
#define CHISO_SCORER_BATCH_H

#include "score.h"

/* While more waits, moved ranks are told once in so long, or in so many times as long as telling
 * took: a twentieth of the time, however many units there are. At the latest after the third. */
#define BATCH_RANKINGS_MS 50
#define BATCH_RANKINGS_TIMES 20
#define BATCH_RANKINGS_LATEST_MS 5000

/* Are they to be told now, though more waits? */
bool batch_rankings_due(const score_t *score);

/* Records that are trimmed with a batch: more than it adds, and not so many that what a large one
 * left makes the small ones behind it slow. */
#define BATCH_TRIM(n_events) (64 + 8 * (unsigned)(n_events))

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
