/* answers.c - see answers.h. */
#include "answers.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void append_prefix(buffer_t *key, const char *source, const char *series)
{
    buffer_append_part(key, source);
    buffer_append_part(key, series);
}

static bytes_t key_of(buffer_t *room, const char *source, const char *series, int64_t at)
{
    uint8_t when[8];
    append_prefix(room, source, series);
    be64_put(when, (uint64_t)at);
    buffer_append(room, when, sizeof when);
    return buffer_bytes(room);
}

/* The first one of the series from a moment on. */
static bool first_from(store_txn_t *txn, const char *source, const char *series, int64_t from,
                       int64_t *at)
{
    buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t start = key_of(&room, source, series, from);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool found = store_seek(txn, LEDGER_ANSWERS, start, &cursor, &key, &value) &&
                 key.len == start.len && memcmp(key.data, start.data, start.len - 8) == 0;
    if (found) {
        *at = (int64_t)be64_get(key.data + key.len - 8);
    }
    store_cursor_close(&cursor);
    buffer_free(&room);
    return found;
}

static void drop_oldest(store_txn_t *txn, const char *source, const char *series, uint32_t *count)
{
    int64_t at;
    while (*count > ANSWERS_PER_SERIES && first_from(txn, source, series, 0, &at)) {
        buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
        store_delete(txn, LEDGER_ANSWERS, key_of(&room, source, series, at));
        buffer_free(&room);
        --*count;
    }
}

void answers_put(store_txn_t *txn, const char *source, const char *series, int64_t at,
                 const uint8_t (*pages)[SHA256_SIZE], size_t n_pages, uint32_t *count)
{
    Chiso__V1__Answer answer = CHISO__V1__ANSWER__INIT;
    ProtobufCBinaryData *list = calloc(n_pages + 1, sizeof *list);
    buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t packed = BUFFER_INIT(ANSWERS_MAX_BYTES);
    bytes_t known;
    if (list == NULL) {
        store_fail(txn, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < n_pages; i++) {
        list[i] = (ProtobufCBinaryData){SHA256_SIZE, (uint8_t *)(uintptr_t)pages[i]};
    }
    answer.n_pages = n_pages;
    answer.pages = list;
    wire_pack(&answer.base, &packed);
    bytes_t key = key_of(&room, source, series, at);
    if (room.failed || packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    *count += !store_get(txn, LEDGER_ANSWERS, key, &known);
    store_put(txn, LEDGER_ANSWERS, key, buffer_bytes(&packed));
    drop_oldest(txn, source, series, count);
    free(list);
    buffer_free(&room);
    buffer_free(&packed);
}

size_t answers_times(store_txn_t *txn, const char *source, const char *series, int64_t from,
                     int64_t *out, size_t max)
{
    size_t n = 0;
    int64_t at;
    while (n < max && first_from(txn, source, series, from, &at)) {
        out[n++] = at;
        from = at + 1;
    }
    return n;
}

bool answers_get(store_txn_t *txn, const char *source, const char *series, int64_t at,
                 answers_in_t *out)
{
    buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t value;
    ProtobufCMessage *message;
    bool found = store_get(txn, LEDGER_ANSWERS, key_of(&room, source, series, at), &value) &&
                 wire_unpack(&chiso__v1__answer__descriptor, value, ANSWERS_MAX_BYTES, NULL,
                             &out->arena, &message) == 0;
    if (found) {
        out->answer = (const Chiso__V1__Answer *)message;
    }
    buffer_free(&room);
    return found;
}

void answers_free(answers_in_t *in)
{
    wire_free(&in->arena);
}
