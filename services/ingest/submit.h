/* submit.h - judges what was handed in, row by row, and takes what is good into the ledger, where
 * it has revisions and a history like everything that was fetched.
 *
 * A unit and period is one row of the ledger, in the source INGEST_SUBMISSION and the series
 * "UNIT/PERIOD". A submitter writes its own units' figures but points and "excluded"; these, and
 * options and yes-no, are the scoring agency's, and what the agency gave a submitter cannot change.
 * What was handed in can be withdrawn by who did: a revision without a value, and the figure is
 * missing again, never a zero. A figure "INDEX.CODE.items" with the value "[1,3]" stands for all
 * items of the checklist: 1 for those in the list, 0 for the others.
 */
#ifndef CHISO_INGEST_SUBMIT_H
#define CHISO_INGEST_SUBMIT_H

#include "catalog/catalog.h"
#include "journal/journal.h"
#include "registry/registry.h"
#include "store/store.h"
#include "submission.h"
#include "tokens.h"

#define SUBMIT_MAX_FIGURES 20000 /* of all rows, checklists counted by their items */

typedef enum { SUBMIT_ACCEPTED, SUBMIT_UNCHANGED, SUBMIT_REJECTED } submit_outcome_t;

typedef struct {
    submit_outcome_t outcome; /* why it was rejected stands in the submission's row */
    uint32_t revision;        /* of the figure as it now stands; of a checklist the highest */
} submit_result_t;

typedef struct {
    const registry_t *units;
    const catalog_t *catalog;
    const token_t *token;
    const uint8_t *body_sha256; /* of the submission */
    int64_t now;                /* wall clock */
    trace_t trace;
} submit_context_t;

/* Fills a result for each row. Failures stick to the transaction; the journal is to be settled
 * either way. */
void submit_rows(const submit_context_t *context, store_txn_t *txn, journal_t *journal,
                 submission_t *submission, submit_result_t *results);

#endif
