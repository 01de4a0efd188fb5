/* answers.h - which answers of a series are in the archive: when they came, and their pages.
 *
 * An answer that changed nothing and held nothing bad is not in it. Everything here happens within
 * the caller's transaction.
 */
#ifndef CHISO_INGEST_ANSWERS_H
#define CHISO_INGEST_ANSWERS_H

#include "ledger.h"

#define ANSWERS_PER_SERIES 2000 /* the newest are kept; the bodies stay in the archive */
#define ANSWERS_MAX_BYTES (64 * 1024)

/* Notes one; `count` is how many the series has, kept by the caller. */
void answers_put(store_txn_t *txn, const char *source, const char *series, int64_t at,
                 const uint8_t (*pages)[SHA256_SIZE], size_t n_pages, uint32_t *count);

/* The times of those since `from`, oldest first; at most `max`. Returns how many. */
size_t answers_times(store_txn_t *txn, const char *source, const char *series, int64_t from,
                     int64_t *out, size_t max);

/* An answer and the memory it lives in. */
typedef struct {
    const Chiso__V1__Answer *answer;
    wire_arena_t *arena;
} answers_in_t;

bool answers_get(store_txn_t *txn, const char *source, const char *series, int64_t at,
                 answers_in_t *out);
void answers_free(answers_in_t *in);

#endif
