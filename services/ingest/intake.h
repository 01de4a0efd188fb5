/* intake.h - from an answer to what is certain: the judgement over one fetched body. */
#ifndef CHISO_INGEST_INTAKE_H
#define CHISO_INGEST_INTAKE_H

#include "archive/archive.h"
#include "fetch/fetch.h"
#include "journal/journal.h"
#include "series.h"

typedef struct {
    store_t *store;
    journal_t *journal;
    archive_t *archive;
    const registry_t *units;
    const ingest_config_t *config; /* whose sources are asked */
    uint64_t backfill;             /* the newest that has begun, 0: none */
} intake_t;

/* Judges the last answer of the series' exchange and, when it was a good one, all its pages; in one
 * transaction stores and journals the rows that changed, what goes to
 * quarantine, and the state of the series; then sets when it is due again.
 * 0; CHISO_E_FULL or -ENOSPC when there is no room (nothing was stored, ask again later);
 * CHISO_E_STORE and others when the process must stop. `*appended` tells whether the journal grew.
 */
int intake_answer(intake_t *in, series_t *series, const fetch_answer_t *answer, bool *appended);

/* Marks what has become stale by waiting. Same results. */
int intake_age(intake_t *in, series_t *series, int64_t now, bool *appended);

/* For who takes something else than an answer, see take.h: writes the state of the series and
 * journals it when it is news; ends the transaction; after one that failed, makes the series what
 * the store says. */
struct take;
void intake_write_state(struct take *take);
int intake_finish(struct take *take, bool *appended);
int intake_undo(series_t *series, store_t *store, int rc);

#endif
