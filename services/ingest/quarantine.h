/* quarantine.h - data that did not fit, with its bytes, the reason, and what an operator made of
 * it.
 *
 * Everything here happens within the caller's transaction.
 */
#ifndef CHISO_INGEST_QUARANTINE_H
#define CHISO_INGEST_QUARANTINE_H

#include "ledger.h"

#define QUARANTINE_BYTES (64 * 1024)
#define QUARANTINE_ENTRIES 10000 /* the newest are kept */

typedef struct {
    const char *source, *series, *rule, *reason;
    const char *unit, *period; /* of a row, or NULL */
    int64_t at;
    const uint8_t *body_sha256;
    bytes_t bytes; /* cut to QUARANTINE_BYTES */
} quarantine_entry_t;

typedef enum {
    QUARANTINE_NEW,
    QUARANTINE_KNOWN,  /* counted; the body that it was first seen in stays the one it refers to */
    QUARANTINE_DROPPED /* by an operator, who wants to hear no more of it */
} quarantine_news_t;

/* The same data under the same rule and series again only counts; of JSON neither the order of keys
 * nor white space makes a difference. A blocked page is kept once a series, whatever it says,
 * because each has another support id. */
quarantine_news_t quarantine_put(store_txn_t *txn, const quarantine_entry_t *entry);

/* An entry and the memory it lives in. */
typedef struct {
    const Chiso__V1__Quarantined *entry;
    wire_arena_t *arena;
} quarantine_in_t;

bool quarantine_get(store_txn_t *txn, uint64_t number, quarantine_in_t *out);
void quarantine_free(quarantine_in_t *in);
/* Is `raw` what the entry holds? */
bool quarantine_is(const Chiso__V1__Quarantined *entry, bytes_t raw);

/* Removes the entry and keeps what became of it, for good. What was dropped is not told again while
 * the source repeats it; what was released would be a new entry. */
void quarantine_rule(store_txn_t *txn, uint64_t number, const Chiso__V1__Quarantined *entry,
                     Chiso__V1__Ruling__Verdict verdict, int64_t at, const char *by,
                     const char *reason);

#endif
