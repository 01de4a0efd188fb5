/* inbox.c - see inbox.h. */
#include "bus/inbox.h"

#include "base/error.h"

#include <string.h>

#define POSITION_KEY "position"

int inbox_position(store_t *store, store_table_t inbox, uint64_t *epoch, uint64_t *next_seq)
{
    store_txn_t *txn = store_read(store);
    bytes_t value;
    bool found = store_get(txn, inbox, bytes_of_text(POSITION_KEY), &value);
    int rc = store_status(txn);
    if (rc == 0 && found && value.len != 16) {
        rc = CHISO_E_CORRUPT;
    }
    if (rc == 0) {
        *epoch = found ? be64_get(value.data) : 0;
        *next_seq = found ? be64_get(value.data + 8) : 1;
    }
    store_abort(&txn);
    return rc;
}

void inbox_advance(store_txn_t *txn, store_table_t inbox, uint64_t epoch, uint64_t next_seq)
{
    uint8_t value[16];
    be64_put(value, epoch);
    be64_put(value + 8, next_seq);
    store_put(txn, inbox, bytes_of_text(POSITION_KEY), bytes_of(value, sizeof value));
}

void inbox_bury(store_txn_t *txn, store_table_t inbox, uint64_t epoch, uint64_t seq, bytes_t event,
                const char *reason)
{
    uint8_t key[16];
    be64_put(key, epoch);
    be64_put(key + 8, seq);
    buffer_t value = BUFFER_INIT(event.len + 1024);
    buffer_append(&value, reason, strlen(reason) + 1);
    buffer_append(&value, event.data, event.len);
    if (value.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, inbox + 1, bytes_of(key, sizeof key), buffer_bytes(&value));
    buffer_free(&value);
}
