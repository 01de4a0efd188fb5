/* series.h - one series of a source: what is asked for at once, and goes stale together.
 *
 * The 766 board has a series for the provinces ("nation/2025") and one for the units of each
 * province ("91/2025-10"), per period. How a series does is stored, so that a restart neither
 * forgets a failure nor asks everybody at once.
 */
#ifndef CHISO_INGEST_SERIES_H
#define CHISO_INGEST_SERIES_H

#include "config.h"
#include "event/event.h"
#include "source/drift.h"
#include "store/store.h"

#define SERIES_NAME_SIZE 96
#define SERIES_MAX_BAD 4096       /* past it the whole series ages, see take_rows() */
#define SERIES_MAX_MISMATCHES 256 /* that are listed; more are counted */
#define SERIES_NOTICE_SIZE 1024
#define SERIES_NOTICE_MS (7 * 24 * 3600 * 1000LL) /* how long a notice stands */

typedef Chiso__V1__SourceState__Outcome outcome_t;

/* A row that was not taken while others of the series were: refused, or no longer in the answer. A
 * series can have several periods of one unit; each ages by itself. */
typedef struct {
    char code[EVENT_MAX_CODE + 1];
    char period[PERIOD_TEXT_SIZE];
    char reason[160];
    int64_t last_good;
} bad_row_t;

/* A longer period that its parts do not add up to, see spans.h. */
typedef struct {
    char unit[EVENT_MAX_CODE + 1];
    char period[PERIOD_TEXT_SIZE];
    drift_span_t span;
} mismatch_t;

typedef struct {
    const ingest_source_t *source;
    const registry_unit_t *of; /* whose figures; NULL: the nation's, or all at once */
    period_t period;
    char period_text[PERIOD_TEXT_SIZE];
    char name[SERIES_NAME_SIZE];
    struct host *host; /* the schedule's */
    bool running;
    bool wanted;
    bool lent;            /* wanted by a backfill, see backfill.h */
    exchange_t *exchange; /* under way, between two of its requests too */
    /* stored: */
    outcome_t outcome; /* 0: never asked */
    int64_t since;
    int64_t last_good; /* 0: never */
    bool stale;
    char detail[256];
    int64_t next_due; /* wall clock */
    uint32_t failures;
    bool has_content, has_shape; /* of the last answer; see reader_table_t, drift_content() */
    uint8_t content[SHA256_SIZE], shape[SHA256_SIZE];
    char notice[SERIES_NOTICE_SIZE]; /* "": none */
    int64_t noticed_at;
    uint32_t answers;  /* in the table of that name */
    uint64_t backfill; /* the newest that had begun when it last said something of its figures, or
                        * that it has none; a number, since clocks are set */
    bad_row_t *bad;
    size_t n_bad;
    /* not stored: */
    bool has_body; /* what is identical to it needs no reading, by this life's description */
    uint8_t body_sha256[SHA256_SIZE];
    int64_t left_alone_ms; /* its host, because of the last answer; 0: it is not */
    bool rows_read;        /* the last answer's rows were taken, but for the bad ones */
    bool spans_due;        /* whether its parts add up is to be looked at */
    mismatch_t *mismatches;
    size_t n_mismatches, mismatched; /* in the list; in all */
    size_t stale_told;               /* how many of the bad rows were told to be stale */
} series_t;

/* A new series with what the store knows of it. 0, -ENOMEM, CHISO_E_CORRUPT, CHISO_E_STORE. */
int series_load(store_t *store, const ingest_source_t *source, const registry_unit_t *of,
                period_t period, series_t **out);
void series_destroy(series_t **series);
void series_store(const series_t *series, store_txn_t *txn);

/* Starts an outcome, keeping `since` when it goes on; `detail` may be "". */
void series_set_outcome(series_t *series, outcome_t outcome, const char *detail, int64_t now);
/* When to ask next: by the cadence after an answer, by the back-off after a failure;
 * `retry_after_ms` is the source's own wish, -1 for none. */
void series_set_next_due(series_t *series, int64_t now, int64_t retry_after_ms);

/* The wall clock was set back by `ms`, and is at `now`: what is left to wait stays, and nothing
 * that has been lies ahead. */
void series_clock_set_back(series_t *series, int64_t now, int64_t ms);

/* Adds to the list of bad rows what is not in it yet. 0, -ENOMEM, CHISO_E_TOO_BIG when it is full.
 */
int series_add_bad(series_t *series, const char *code, const char *period, const char *reason,
                   int64_t last_good);
void series_remove_bad(series_t *series, const char *code, const char *period);
const bad_row_t *series_bad(const series_t *series, const char *code,
                            const char *period); /* or NULL */

/* Of any series that the store knows: when the row was last read well; 0: never. */
int64_t series_stored_good(store_txn_t *txn, const char *source, const char *name, const char *code,
                           const char *period);

/* Has its notice stood long enough? */
bool series_notice_is_over(const series_t *series, int64_t now);
/* The next answer is read whatever it is: what is known of the last one no longer holds. */
void series_forget_answer(series_t *series);

/* Are its figures older than the source's limit? And those of one bad row? */
bool series_is_stale(const series_t *series, int64_t now);
bool series_row_is_stale(const series_t *series, const bad_row_t *row, int64_t now);

#endif
