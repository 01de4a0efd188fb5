/* replay.h - reads the answers in the archive again by the description of today, and tells what
 * would differ, or takes it.
 *
 * Of every figure the newest answer that tells it counts; what then differs from the ledger is
 * taken with that answer's fetch time. Replaying twice is replaying once. A replay goes on in steps
 * of one answer, between which ingest does its other work.
 */
#ifndef CHISO_INGEST_REPLAY_H
#define CHISO_INGEST_REPLAY_H

#include "intake.h"
#include "schedule.h"

#define REPLAY_MAX_ANSWER (8 * 1024 * 1024) /* bytes of what is told; the counts are complete */

typedef struct replay replay_t;

/* 0, or -errno, and one JSON object a line: each figure that differs, each row that is held back,
 * and at last the counts. */
typedef void (*replay_done_fn)(void *context, int rc, bytes_t lines);

typedef struct {
    const char *source;
    int64_t from; /* answers fetched since; 0: all */
    bool apply;
    replay_done_fn done;
    void *context;
} replay_options_t;

/* Begins; the schedule may be another one at each step. 0; CHISO_E_NOT_FOUND when nothing is known
 * of the source; -ENOMEM, CHISO_E_STORE. */
int replay_new(intake_t *in, schedule_t *const *schedule, const replay_options_t *options,
               replay_t **out);
/* Reads one answer; after the last, or a failure, calls `done` and returns true. Failures of the
 * store are left in *rc, as by intake_answer(). */
bool replay_step(replay_t *replay, int *rc, bool *appended);
/* One that has not ended is told -ECANCELED. */
void replay_destroy(replay_t **replay);

#endif
