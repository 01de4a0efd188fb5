/* journal.h - the append-only log that each producing service owns, inside its store.
 *
 * A record is an event's bytes under a sequence number (1, 2, 3, …, without gaps). State change,
 * outgoing records and consumed offset are one store transaction; what is in the journal is
 * durable. Each record carries a CRC-32C (LMDB has none) and the SHA-256 of its predecessor, so
 * that a published result can be proved from the journal and a changed byte is found.
 *
 * Record layout (version 1): u8 version, u32 crc, u8[32] hash of the predecessor, payload. The CRC
 * covers seq (8 bytes, big endian), the predecessor's hash and the payload; the record's own hash
 * is SHA-256 over the same bytes. The first record's predecessor is SHA-256 of the epoch (8 bytes).
 *
 * `epoch` is a random id of this journal: a consumer that knows another one must start over.
 */
#ifndef CHISO_JOURNAL_JOURNAL_H
#define CHISO_JOURNAL_JOURNAL_H

#include "base/bytes.h"
#include "store/store.h"

#include <stdint.h>

typedef struct journal journal_t;

#define JOURNAL_SEALS 32 /* more than may be sealed and not yet settled */

/* The tables a store needs for a journal; put them into store_options_t.tables. */
#define JOURNAL_TABLES "journal", "journal.meta", "journal.consumers"

#define JOURNAL_MAX_RECORD (1024 * 1024) /* bytes of payload */

typedef struct {
    store_table_t records;   /* handle of "journal"; the other two follow it */
    uint64_t keep_records;   /* trimmed only past so many; 0: 100,000 */
    uint64_t max_bytes;      /* past this even unread records go; 0: 8 GiB */
    int64_t consumer_ttl_ms; /* a consumer unseen for so long holds nothing back; 0: 30 days */
} journal_options_t;

/* Reads (or creates) the journal of a store. Checks the last record. 0, CHISO_E_NEWER,
 * CHISO_E_CORRUPT, CHISO_E_STORE. The store is borrowed. */
int journal_open(store_t *store, const journal_options_t *options, journal_t **out);
void journal_close(journal_t **journal);

/* Where a journal begins: its epoch, the first record that it holds, and the hash of the one
 * before. */
typedef struct {
    uint64_t epoch, first;
    uint8_t hash[SHA256_SIZE];
} journal_origin_t;
void journal_origin(const journal_t *journal, journal_origin_t *out);
/* As journal_open(), but a new journal begins there: what is appended in the same order has the
 * numbers and hashes that it had. */
int journal_open_from(store_t *store, const journal_options_t *options,
                      const journal_origin_t *origin, journal_t **out);
/* Of the last record appended, committed or not. */
void journal_head_hash(const journal_t *journal, uint8_t out[SHA256_SIZE]);
/* Gives it another epoch, which is returned: the records after it are those of another life than
 * the one that went on after a copy was taken. Settle as for appends. */
uint64_t journal_renew(journal_t *journal, store_txn_t *txn);

uint64_t journal_epoch(const journal_t *journal);
uint64_t journal_head(const journal_t *journal);  /* newest committed; 0: empty */
uint64_t journal_first(const journal_t *journal); /* oldest still held; head + 1 when empty */
uint64_t journal_bytes(const journal_t *journal); /* of payload held */

/* Appends within `txn` (a write transaction of the same store). Returns the new record's number, 0
 * when the transaction has failed. What was appended counts after journal_settle(). */
uint64_t journal_append(journal_t *journal, store_txn_t *txn, bytes_t payload);
/* Writes the new position within `txn`, once, after the last append or trim, before the commit.
 * Returns the number of this seal. */
uint64_t journal_seal(journal_t *journal, store_txn_t *txn);
/* Tells how the transaction ended that was sealed last. */
void journal_settle(journal_t *journal, bool committed);
/* When others were sealed since (fewer than JOURNAL_SEALS, noted while it was committed): it is
 * durable up to this seal. A failure is final then. */
void journal_settle_to(journal_t *journal, uint64_t seal);

/* Reads from `seq` on; `each` returns false to stop. Checks the CRC of each record. Returns how
 * many were given, or CHISO_E_TRIMMED (seq is older than first, or newer than head + 1),
 * CHISO_E_CORRUPT, CHISO_E_STORE. The payload is valid as long as the
 * transaction, unless that writes: then during the call. */
typedef bool (*journal_each_fn)(void *context, uint64_t seq, bytes_t payload);
int journal_read(journal_t *journal, store_txn_t *txn, uint64_t seq, journal_each_fn each,
                 void *context);

/* A consumer has everything before next_seq. Kept in memory at once, stored by the next
 * journal_trim(); losing it only keeps records longer. */
int journal_acknowledge(journal_t *journal, const char *consumer, uint64_t next_seq);
/* A consumer that is known not to come back holds nothing back any more. */
void journal_forget(journal_t *journal, const char *consumer);
void journal_consumers(const journal_t *journal, void (*each)(void *context, const char *name),
                       void *context);
/* The slowest registered consumer's next_seq; head + 1 when there is none. */
uint64_t journal_slowest(const journal_t *journal);

/* Drops records that every live consumer has, that lie before `floor` (the owner's own need, such
 * as its checkpoint; UINT64_MAX: none) and that are older than keep_records; past max_bytes any,
 * read or not, oldest first, but never those from `floor` on. At most `limit` records. Within
 * `txn`, which is then to be sealed and settled as for appends. Returns how many. */
unsigned journal_trim(journal_t *journal, store_txn_t *txn, uint64_t floor, unsigned limit);

/* Is there something to trim, or an acknowledgement to store? Asked each second, so that an idle
 * journal commits nothing. */
bool journal_trim_due(const journal_t *journal);

/* Walks everything: CRC, hash chain, gaps, head. 0, or CHISO_E_CORRUPT with the number of the first
 * bad record in *bad and a reason. *hash (may be NULL) gets the hash of the head. */
int journal_verify(journal_t *journal, store_txn_t *txn, uint64_t *bad, char reason[256],
                   uint8_t hash[SHA256_SIZE]);

#endif
