/* checkpoint.h - the working set on disk: records of results, written in slices, and how to get the
 * working set back.
 *
 * A checkpoint begins at a head of the journal, writes what is dirty over several commits, and then
 * says "everything up to that head is in the records". Records may be newer than that: recovery
 * loads them and replays the journal from there to its end, which sets every field to its last
 * value.
 */
#ifndef CHISO_SCORER_CHECKPOINT_H
#define CHISO_SCORER_CHECKPOINT_H

#include "journal/journal.h"
#include "state.h"
#include "store/store.h"

enum {
    SCORER_JOURNAL, /* and its two */
    SCORER_INBOX = SCORER_JOURNAL + 3,
    SCORER_DEAD,
    SCORER_RESULTS,
    SCORER_RANKINGS,
    SCORER_STATES, /* of sources, passed on */
    SCORER_META
};
extern const char *const scorer_tables[];

/* One begins after so many events, and for many results after so many for each: it writes nearly
 * all of them, which is to stay the same small part of the work however many they are. */
#define CHECKPOINT_EVENTS 131072
#define CHECKPOINT_EVENTS_A_RESULT 32
#define CHECKPOINT_SLICE 32      /* records a step, at least … */
#define CHECKPOINT_STEPS 1024    /* … and as many as end it after so many steps */
#define CHECKPOINT_WITH_BATCH 96 /* records with a batch, at most */

typedef struct checkpoint checkpoint_t;

int checkpoint_new(store_t *store, journal_t *journal, state_t *state, checkpoint_t **out);
void checkpoint_destroy(checkpoint_t **checkpoint);

/* Loads the records and replays the tail of the journal. *catalog_changed tells whether the records
 * were written under other catalogs. 0, CHISO_E_CORRUPT, CHISO_E_STORE, -ENOMEM. */
int checkpoint_recover(checkpoint_t *checkpoint, bool *catalog_changed);

/* On a new store: says by which catalogs the first events are scored, so that it is known even when
 * no checkpoint comes after them. 0 or CHISO_E_STORE. */
int checkpoint_stamp(checkpoint_t *checkpoint);

/* After a change of the catalogs: ingest has told everything again, so that figures new to them are
 * known. Until then a checkpoint does not say that the catalogs are the present ones. */
void checkpoint_told(checkpoint_t *checkpoint);

void checkpoint_dirty_result(void *checkpoint, result_t *result);
void checkpoint_dirty_ranking(void *checkpoint, ranking_t *ranking);

/* Begins one when it is due (or `force`), and writes the next slice within `txn`. Returns true
 * while there is more to write. The caller commits. */
bool checkpoint_step(checkpoint_t *checkpoint, store_txn_t *txn, bool force);
/* The same with a batch: as little as ends it when half of what makes the next one due has come. */
bool checkpoint_keep_up(checkpoint_t *checkpoint, store_txn_t *txn);
/* Every journal record before it is in the records. */
uint64_t checkpoint_floor(const checkpoint_t *checkpoint);

#endif
