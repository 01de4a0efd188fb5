/* ledger.h - what ingest knows for certain: the last figures of every row, and their history.
 * Everything here happens within the caller's transaction.
 *
 * A row is one unit and period in one series of a source. Its stored form is the complete Reading,
 * so that a snapshot is a walk over the rows.
 */
#ifndef CHISO_INGEST_LEDGER_H
#define CHISO_INGEST_LEDGER_H

#include "bus/bus.h"
#include "chiso/v1/store.pb-c.h"
#include "decimal/decimal.h"
#include "event/event.h"
#include "journal/journal.h"
#include "source/reader.h"
#include "store/store.h"

/* Tables of ingest's store, in this order. */
enum {
    LEDGER_JOURNAL, /* and its two */
    LEDGER_ROWS = LEDGER_JOURNAL + 3,
    LEDGER_HISTORY,
    LEDGER_SERIES,
    LEDGER_STATES,
    LEDGER_QUARANTINE,
    LEDGER_QUARANTINE_KEYS,
    LEDGER_NOTES,    /* of figures handed in, under the key of their history */
    LEDGER_EVIDENCE, /* SHA-256 → Evidence, see evidence.h */
    LEDGER_RECEIPTS, /* see receipts.h */
    LEDGER_RECEIPT_KEYS,
    LEDGER_RULINGS,
    LEDGER_ANSWERS,
    LEDGER_BACKFILLS /* number → Backfill, see backfill.h */
};
extern const char *const ledger_tables[];

/* Who handed a figure in, and with what. */
typedef struct {
    const char *submitter; /* NULL: a machine read it */
    ProtobufCBinaryData *evidence;
    size_t n_evidence; /* at most EVENT_MAX_EVIDENCE */
    bool withdrawn;    /* the figure has no value and is missing again */
} ledger_proof_t;

/* What became of a figure. */
typedef struct {
    uint32_t revision;
    bool changed;
} ledger_outcome_t;

#define LEDGER_MAX_FIGURES 900 /* of a row; with their evidence they still fit into an event */

/* One row as it was just read. */
typedef struct ledger_row {
    const char *source;
    const char *series;
    const char *period;
    event_unit_t unit;
    const reader_figure_t *figures;
    size_t n_figures;
    int64_t fetched_at;
    const uint8_t *body_sha256;
    const trace_t *trace;         /* of the fetch or submission; NULL: none */
    const ledger_proof_t *proofs; /* of each figure, or NULL: machines read them all. Other evidence
                                   * is another revision */
    ledger_outcome_t *outcomes;   /* to be filled for each figure, or NULL */
    /* Asked for each figure, with the value that stood before or NULL; when it says no once, the
     * row is not taken. NULL: all are taken. */
    bool (*judge)(void *context, const struct ledger_row *row, const reader_figure_t *now,
                  const decimal_t *before);
    void *context;
} ledger_row_t;

#define LEDGER_SAME (-1)    /* the row is as it was */
#define LEDGER_REFUSED (-2) /* by its judge */

/* Compares with what is known, stores and journals what is new. A figure that the row does not tell
 * stays as it was. Returns how many figures changed, or one of the two above (then nothing is
 * written); failures stick to the transaction. */
int ledger_take(store_txn_t *txn, journal_t *journal, const ledger_row_t *row);

/* What is known of the row, whose figures are not looked at. False when nothing is; release it. */
bool ledger_known(store_txn_t *txn, const ledger_row_t *row, event_in_t *out);

/* The key of a revision in LEDGER_HISTORY: unit, period, figure, source, series, revision. */
void ledger_history_key(const ledger_row_t *row, const char *figure, uint32_t revision,
                        buffer_t *key);

/* Walks the rows that a series has, by unit and period. */
typedef void (*ledger_row_fn)(void *context, const char *unit_code, const char *period);
void ledger_rows(store_txn_t *txn, const char *source, const char *series, ledger_row_fn each,
                 void *context);

/* Stores the state of a series and journals it. */
void ledger_state(store_txn_t *txn, journal_t *journal, const event_source_state_t *state,
                  const trace_t *trace);

/* A page of everything that is known, for bus_snapshot_fn. */
int ledger_snapshot(store_t *store, bytes_t cursor, bus_page_t *page);

#endif
