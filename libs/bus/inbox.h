/* inbox.h - the durable side of a consumer: how far it has come, and what it could not take.
 *
 * Both are written within the transaction that applies a batch. A poison event goes to `dead` with
 * its bytes and the reason, and the journal goes on.
 */
#ifndef CHISO_BUS_INBOX_H
#define CHISO_BUS_INBOX_H

#include "base/bytes.h"
#include "store/store.h"

#include <stdint.h>

#define INBOX_TABLES "inbox", "inbox.dead"

/* `inbox` is the handle of "inbox"; "inbox.dead" follows it. Both outputs are 0 / 1 on a new store.
 */
int inbox_position(store_t *store, store_table_t inbox, uint64_t *epoch, uint64_t *next_seq);
void inbox_advance(store_txn_t *txn, store_table_t inbox, uint64_t epoch, uint64_t next_seq);

/* Keeps an event that cannot be applied, under (epoch, seq). */
void inbox_bury(store_txn_t *txn, store_table_t inbox, uint64_t epoch, uint64_t seq, bytes_t event,
                const char *reason);

#endif
