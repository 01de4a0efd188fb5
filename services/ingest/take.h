/* take.h - the rows of one reading on their way into the ledger: what is taken, what is held back.
 *
 * For an answer that just came, and for one out of the archive that is read again.
 */
#ifndef CHISO_INGEST_TAKE_H
#define CHISO_INGEST_TAKE_H

#include "intake.h"
#include "ledger.h"
#include "source/drift.h"

typedef struct take {
    intake_t *in;
    series_t *series;
    store_txn_t *txn;
    const bytes_t *pages;
    size_t n_pages;
    int64_t now;   /* when it was fetched */
    trace_t trace; /* of the fetch, or of what an operator began */
    /* take_begin() makes: */
    uint8_t (*hashes)[SHA256_SIZE]; /* of each page */
    bool *kept;                     /* is it in the archive, because something refers to it? */
    uint8_t hash[SHA256_SIZE];      /* of all pages together; of the page when there is one */
    unsigned changed_rows, changed_figures, bad_rows;
    drift_t *drift;
    char jump[160];    /* why the row at hand is held back */
    bad_row_t *before; /* the rows that were bad until now */
    size_t n_before;
    bool too_many_bad; /* not all of them are in the series' list */
} take_t;

/* Failures stick to the transaction too. 0 or -ENOMEM. */
int take_begin(take_t *take);
/* Notes an answer of which something was kept, with all its pages, and alarms that it raised. */
void take_end(take_t *take);
void take_free(take_t *take);

/* Pages out of the archive: all of the answer that came then, else (where it is no longer known)
 * the one body of `hash`, which may be NULL. Sets the pages of `take`, which borrows them. 0, or as
 * archive_read(), -ENOMEM. */
typedef struct {
    buffer_t *bodies;
    bytes_t *pages;
    size_t n;
} take_pages_t;
int take_old_pages(take_t *take, int64_t at, const ProtobufCBinaryData *hash, take_pages_t *out);
void take_pages_free(take_pages_t *pages);

/* Reads the pages by the description of today. */
int take_read(const take_t *take, reader_table_t *out);

/* Tells when an answer has another shape than the one before. */
void take_shape(take_t *take, const reader_table_t *table);
/* Takes the good rows, quarantines the bad ones and those that jump. Good or quarantined. */
outcome_t take_rows(take_t *take, const reader_table_t *table, char detail[256]);
/* Quarantines a page as a whole; "blocked" and "size" are not for the archive. */
void take_whole(take_t *take, size_t page, const char *rule, const char *reason);
/* The row in the ledger's terms, without a judge. */
ledger_row_t take_row_of(const take_t *take, const reader_row_t *row);

#endif
