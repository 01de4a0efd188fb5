/* model_history.c - the revisions of each result, newest first, see model.h. */
#include "base/error.h"
#include "model.h"
#include "model_keys.h"

#include <string.h>

static bool starts_with(bytes_t key, const buffer_t *prefix)
{
    return key.len >= prefix->len && memcmp(key.data, prefix->data, prefix->len) == 0;
}

void model_history_keep(store_txn_t *txn, const event_score_t *s)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(4096);
    uint8_t number[4];
    Chiso__V1__Revision record = CHISO__V1__REVISION__INIT;
    record.revision = s->revision;
    record.as_of = s->as_of;
    record.points = s->points;
    record.max = s->max;
    record.has_rank = s->has_rank;
    record.rank = s->rank;
    model_place_key(&key, s->index, s->period, s->unit->code);
    be32_put(number, UINT32_MAX - s->revision); /* newest first */
    buffer_append(&key, number, sizeof number);
    wire_pack(&record.base, &value);
    if (key.failed || value.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, MODEL_HISTORY, buffer_bytes(&key), buffer_bytes(&value));
    buffer_free(&key);
    buffer_free(&value);
}

void model_history_drop(store_txn_t *txn, const event_score_t *s)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    model_place_key(&prefix, s->index, s->period, s->unit->code);
    bytes_t key;
    bytes_t value;
    bool more = true;
    while (more) {
        store_cursor_t *cursor;
        uint8_t copy[STORE_MAX_KEY];
        more = store_seek(txn, MODEL_HISTORY, buffer_bytes(&prefix), &cursor, &key, &value) &&
               key.len >= prefix.len && memcmp(key.data, prefix.data, prefix.len) == 0;
        size_t len = more ? key.len : 0;
        if (more) {
            memcpy(copy, key.data, len);
        }
        store_cursor_close(&cursor);
        if (more) {
            store_delete(txn, MODEL_HISTORY, bytes_of(copy, len));
        }
    }
    buffer_free(&prefix);
}

void model_history(store_txn_t *txn, const char *index, const char *period, const char *code,
                   model_revision_fn each, void *context)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    model_place_key(&prefix, index, period, code);
    store_cursor_t *cursor = NULL;
    bytes_t key;
    bytes_t value;
    bool more = !prefix.failed &&
                store_seek(txn, MODEL_HISTORY, buffer_bytes(&prefix), &cursor, &key, &value);
    for (; more && starts_with(key, &prefix); more = store_next(cursor, &key, &value)) {
        wire_arena_t *arena;
        ProtobufCMessage *message;
        if (wire_unpack(&chiso__v1__revision__descriptor, value, 4096, NULL, &arena, &message) !=
            0) {
            store_fail(txn, CHISO_E_CORRUPT);
            break;
        }
        more = each(context, (const Chiso__V1__Revision *)message);
        wire_free(&arena);
        if (!more) {
            break;
        }
    }
    store_cursor_close(&cursor);
    buffer_free(&prefix);
}
