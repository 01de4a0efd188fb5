/* receipts.h - what was answered to a client's key, so that the same request sent again is answered
 * the same and has no effect again.
 *
 * Bounded: the newest RECEIPTS_MAX keys of all clients, and RECEIPTS_MAX_BYTES of answers; the
 * oldest go first. A request that comes again after that is judged anew: its figures are then
 * unchanged.
 */
#ifndef CHISO_INGEST_RECEIPTS_H
#define CHISO_INGEST_RECEIPTS_H

#include "base/bytes.h"
#include "store/store.h"

#define RECEIPTS_MAX 10000
#define RECEIPTS_MAX_BYTES (64 * 1024 * 1024)

typedef enum {
    RECEIPT_NONE,
    RECEIPT_SAME, /* the same request: `answer` is what was answered */
    RECEIPT_OTHER /* the key was used for another request */
} receipt_t;

/* `owner` is the token's id, a key is the client's own; `request` the hash of all that the request
 * said. The answer is valid until the next write of the transaction. */
receipt_t receipts_find(store_txn_t *txn, const char *owner, const char *key,
                        const uint8_t request[SHA256_SIZE], bytes_t *answer);

/* Keeps one, and drops the oldest past the limits. Failures stick to the transaction. */
void receipts_keep(store_txn_t *txn, const char *owner, const char *key,
                   const uint8_t request[SHA256_SIZE], bytes_t answer);

#endif
