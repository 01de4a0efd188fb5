/* receipts.c - see receipts.h.
 *
 * LEDGER_RECEIPTS: number (8 bytes) → bytes of all answers so far (8), hash of the request (32),
 * length of the key (4), key, answer. The sum that goes on and on tells how much is held by two
 * looks, at the oldest and at the newest. LEDGER_RECEIPT_KEYS: owner, key → number.
 */
#include "receipts.h"

#include "base/error.h"
#include "ledger.h"

#include <string.h>

#define HEAD_SIZE (8 + SHA256_SIZE + 4)
#define RECEIPT_MAX (RECEIPTS_MAX_BYTES + 4096)

static bytes_t key_of(buffer_t *room, const char *owner, const char *key)
{
    buffer_append_part(room, owner);
    buffer_append_part(room, key);
    return buffer_bytes(room);
}

receipt_t receipts_find(store_txn_t *txn, const char *owner, const char *key,
                        const uint8_t request[SHA256_SIZE], bytes_t *answer)
{
    buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t number;
    bytes_t record;
    receipt_t found = RECEIPT_NONE;
    if (store_get(txn, LEDGER_RECEIPT_KEYS, key_of(&room, owner, key), &number) &&
        store_get(txn, LEDGER_RECEIPTS, number, &record) && record.len >= HEAD_SIZE) {
        size_t key_len = be32_get(record.data + 8 + SHA256_SIZE);
        bool same = memcmp(record.data + 8, request, SHA256_SIZE) == 0;
        found = same ? RECEIPT_SAME : RECEIPT_OTHER;
        if (key_len > record.len - HEAD_SIZE) {
            store_fail(txn, CHISO_E_CORRUPT);
        } else {
            *answer = bytes_of(record.data + HEAD_SIZE + key_len, record.len - HEAD_SIZE - key_len);
        }
    }
    buffer_free(&room);
    return found;
}

/* Drops the oldest one when there are too many, or too much; false when all is well. */
static bool drop_oldest(store_txn_t *txn, uint64_t sum)
{
    store_cursor_t *cursor;
    bytes_t number;
    bytes_t record;
    bool any = store_seek(txn, LEDGER_RECEIPTS, bytes_of(NULL, 0), &cursor, &number, &record);
    bool drop = any && record.len >= HEAD_SIZE &&
                (store_count(txn, LEDGER_RECEIPTS) >= RECEIPTS_MAX ||
                 sum - be64_get(record.data) > RECEIPTS_MAX_BYTES);
    uint8_t oldest[8];
    uint8_t key[STORE_MAX_KEY];
    size_t key_len = drop ? be32_get(record.data + 8 + SHA256_SIZE) : 0;
    if (drop &&
        (number.len != sizeof oldest || key_len > sizeof key || key_len > record.len - HEAD_SIZE)) {
        store_fail(txn, CHISO_E_CORRUPT);
        drop = false;
    }
    if (drop) {
        memcpy(oldest, number.data, sizeof oldest);
        memcpy(key, record.data + HEAD_SIZE, key_len);
    }
    store_cursor_close(&cursor);
    if (drop) {
        store_delete(txn, LEDGER_RECEIPTS, bytes_of(oldest, sizeof oldest));
        store_delete(txn, LEDGER_RECEIPT_KEYS, bytes_of(key, key_len));
    }
    return drop && store_status(txn) == 0;
}

void receipts_keep(store_txn_t *txn, const char *owner, const char *key,
                   const uint8_t request[SHA256_SIZE], bytes_t answer)
{
    bytes_t last_number;
    bytes_t last;
    uint8_t number[8];
    uint8_t head[HEAD_SIZE];
    bool any = store_last(txn, LEDGER_RECEIPTS, &last_number, &last) && last.len >= HEAD_SIZE;
    uint64_t sum = (any ? be64_get(last.data) : 0) + answer.len;
    be64_put(number, (any ? be64_get(last_number.data) : 0) + 1);
    while (drop_oldest(txn, sum)) {
    }
    buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t record = BUFFER_INIT(RECEIPT_MAX);
    bytes_t name = key_of(&room, owner, key);
    be64_put(head, sum);
    memcpy(head + 8, request, SHA256_SIZE);
    be32_put(head + 8 + SHA256_SIZE, (uint32_t)name.len);
    buffer_append(&record, head, sizeof head);
    buffer_append(&record, name.data, name.len);
    buffer_append(&record, answer.data, answer.len);
    if (room.failed || record.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, LEDGER_RECEIPTS, bytes_of(number, sizeof number), buffer_bytes(&record));
    store_put(txn, LEDGER_RECEIPT_KEYS, name, bytes_of(number, sizeof number));
    buffer_free(&room);
    buffer_free(&record);
}
