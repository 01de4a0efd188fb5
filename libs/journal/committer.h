/* committer.h - commits in a thread of its own, so that the next batch is worked out meanwhile.
 *
 * The owner notes a transaction, seals the journal in it and gives it away; it goes on noting the
 * next while this one is written and fsync'd. Transactions are committed one after the other, in
 * the order in which they were given. Nothing may be told to anybody before committer_poll() says
 * that it is durable. While a committer has work, the store has no other writer: committer_drain()
 * first. At most one transaction waits, so that the owner is never more than three ahead.
 */
#ifndef CHISO_JOURNAL_COMMITTER_H
#define CHISO_JOURNAL_COMMITTER_H

#include "store/store.h"

#define COMMITTER_MAX_NOTES (512U << 20)    /* bytes of one transaction */
#define COMMITTER_JOINED 8                  /* transactions at most, in one commit … */
#define COMMITTER_JOINED_BYTES (256U << 10) /* … of so many bytes */
/* waiting, being written, written and not yet durable; and the one that is noted */
#define COMMITTER_AHEAD (3 * COMMITTER_JOINED + 1)

typedef struct committer committer_t;

/* Store borrowed. 0, -errno. */
int committer_start(store_t *store, committer_t **out);
/* Waits until all is durable, or has failed. */
void committer_stop(committer_t **committer);

/* The next transaction, noted (store_note()). One at a time. */
store_txn_t *committer_note(committer_t *committer);
/* Gives it away, sealed as number `seal` (journal_seal()). Waits while another one waits in which
 * it cannot join. 0, or how an earlier one failed. */
int committer_give(committer_t *committer, store_txn_t **txn, uint64_t seal);

/* Up to which seal all is durable: 0 when nothing is yet. 0, or how one failed; that is final. */
int committer_poll(committer_t *committer, uint64_t *durable);
/* The same when all that was given is durable. */
int committer_drain(committer_t *committer, uint64_t *durable);
/* Readable when committer_poll() has something new to say. */
int committer_fd(const committer_t *committer);

#endif
