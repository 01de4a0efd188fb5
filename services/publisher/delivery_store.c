/* delivery_store.c - what is kept of each target: its place, the ledger, the dead letters. */
#include "base/error.h"
#include "delivery_internal.h"

#include <string.h>

#define MAX_SENT ((size_t)64 * 1024)

int delivery_commit(struct delivery *d, store_txn_t **txn)
{
    journal_t *journal = d->model->journal;
    journal_seal(journal, *txn);
    int rc = store_commit(txn);
    journal_settle(journal, rc == 0);
    return rc;
}

void delivery_put_record(target_t *t, store_txn_t *txn)
{
    const position_t *at = &t->at;
    Chiso__V1__Target r = t->record;
    r.next_seq = at->next_seq;
    r.last_error = *t->last_error != '\0' ? t->last_error : NULL;
    r.has_resync_cursor = at->resyncing;
    r.resync_cursor = (ProtobufCBinaryData){at->cursor_len, (uint8_t *)(uintptr_t)at->cursor};
    r.has_catching_up = at->catching_up;
    r.catching_up = at->catching_up;
    r.has_letter_next = r.has_letter_until = at->letter_next != 0;
    r.letter_next = at->letter_next;
    r.letter_until = at->letter_until;
    buffer_t packed = BUFFER_INIT(8192);
    wire_pack(&r.base, &packed);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, MODEL_TARGETS, bytes_of_text(t->config->id), buffer_bytes(&packed));
    buffer_free(&packed);
    t->stored_seq = at->next_seq;
}

static void read_record(target_t *t, const Chiso__V1__Target *r)
{
    t->record = *r;
    t->at.next_seq = r->next_seq;
    t->at.catching_up = r->has_catching_up && r->catching_up;
    t->at.letter_next = r->has_letter_next ? r->letter_next : 0;
    t->at.letter_until = r->has_letter_until ? r->letter_until : 0;
    if (r->has_resync_cursor && r->resync_cursor.len > 0 &&
        r->resync_cursor.len <= sizeof t->at.cursor) {
        t->at.resyncing = true;
        t->at.cursor_len = r->resync_cursor.len;
        memcpy(t->at.cursor, r->resync_cursor.data, r->resync_cursor.len);
    }
    if (r->last_error != NULL) {
        snprintf(t->last_error, sizeof t->last_error, "%s", r->last_error);
    }
    t->record.last_error = NULL;
    t->record.resync_cursor = (ProtobufCBinaryData){0};
    t->stored_seq = r->next_seq;
}

int delivery_load(target_t *t)
{
    store_txn_t *txn = store_read(t->delivery->model->store);
    bytes_t value;
    chiso__v1__target__init(&t->record);
    bool found = store_get(txn, MODEL_TARGETS, bytes_of_text(t->config->id), &value);
    int rc = store_status(txn);
    if (found && rc == 0) {
        wire_arena_t *arena;
        ProtobufCMessage *message;
        rc = wire_unpack(&chiso__v1__target__descriptor, value, 8192, NULL, &arena, &message);
        if (rc == 0) {
            read_record(t, (const Chiso__V1__Target *)message);
            wire_free(&arena);
        }
    } else if (rc == 0) {
        delivery_rewind(t);
    }
    store_abort(&txn);
    return rc;
}

static void tell_again(store_txn_t *txn, bytes_t id, Chiso__V1__Target *r, uint64_t head)
{
    uint8_t start[1] = {WALK_RESULTS};
    buffer_t packed = BUFFER_INIT(8192);
    r->next_seq = head + 1;
    r->failures = 0;
    r->next_try = 0;
    r->has_resync_cursor = true;
    r->resync_cursor = (ProtobufCBinaryData){sizeof start, start};
    r->has_catching_up = r->catching_up = true;
    wire_pack(&r->base, &packed);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, MODEL_TARGETS, id, buffer_bytes(&packed));
    buffer_free(&packed);
}

void delivery_tell_again(store_txn_t *txn, uint64_t head)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    uint8_t id[STORE_MAX_KEY + 1];
    bytes_t from = bytes_of(NULL, 0);
    /* sought anew each time: what is put may move what a cursor points at */
    while (store_seek(txn, MODEL_TARGETS, from, &cursor, &key, &value)) {
        wire_arena_t *arena;
        ProtobufCMessage *message;
        memcpy(id, key.data, key.len);
        bytes_t name = bytes_of(id, key.len);
        store_cursor_close(&cursor);
        int rc = wire_unpack(&chiso__v1__target__descriptor, value, 8192, NULL, &arena, &message);
        if (rc != 0) {
            store_fail(txn, rc);
            break;
        }
        tell_again(txn, name, (Chiso__V1__Target *)message, head);
        wire_free(&arena);
        id[name.len] = 0; /* the next key that there can be */
        from = bytes_of(id, name.len + 1);
    }
    store_cursor_close(&cursor);
}

/* ---- numbered lines ---- */

static void numbered_key(const target_t *t, uint64_t number, buffer_t *key)
{
    uint8_t n[8];
    be64_put(n, number);
    buffer_append_part(key, t->config->id);
    buffer_append(key, n, sizeof n);
}

/* Lines of the ledger and dead letters are numbered for each portal; the newest are kept. */
static void put_numbered(target_t *t, store_txn_t *txn, store_table_t table, uint64_t number,
                         uint64_t most, const ProtobufCMessage *line)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(2 * EVENT_MAX_BYTES);
    numbered_key(t, number, &key);
    wire_pack(line, &value);
    if (key.failed || value.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, table, buffer_bytes(&key), buffer_bytes(&value));
    if (number > most) {
        buffer_clear(&key);
        numbered_key(t, number - most, &key);
        store_delete(txn, table, buffer_bytes(&key));
    }
    buffer_free(&key);
    buffer_free(&value);
}

void delivery_put_ledger(target_t *t, store_txn_t *txn, const record_t *r, const fetch_answer_t *a)
{
    Chiso__V1__Delivery line = CHISO__V1__DELIVERY__INIT;
    for (size_t i = 0; i < t->batch.n_notices; i++) {
        if (t->batch.notices[i].in.event->notice == r->notice) {
            line.seq = t->batch.notices[i].seq;
        }
    }
    line.delivered_at = a->answered_at;
    line.attempts = t->attempts;
    line.status = (uint32_t)a->status;
    line.key = r->key;
    put_numbered(t, txn, MODEL_LEDGER, ++t->record.delivered, DELIVERY_LEDGER_LINES, &line.base);
    t->record.has_last_delivery = true;
    t->record.last_delivery = a->answered_at;
}

/* What was sent in the portal's own dialect: this record's part of the request. */
static void write_sent(target_t *t, const record_t *r, outgoing_t *out)
{
    record_t *one = (record_t *)(uintptr_t)r;
    outgoing_begin(out, "POST", "");
    t->dialect->write(t->config, &one, 1, out);
}

void delivery_put_letter(target_t *t, store_txn_t *txn, const record_t *r, const fetch_answer_t *a,
                         const char *reason)
{
    Chiso__V1__DeadLetter letter = CHISO__V1__DEAD_LETTER__INIT;
    outgoing_t sent;
    write_sent(t, r, &sent);
    for (size_t i = 0; i < t->batch.n_notices; i++) {
        const told_t *told = &t->batch.notices[i];
        if (told->in.event->notice == r->notice) {
            letter.seq = told->seq;
            letter.notice = (ProtobufCBinaryData){told->packed.len, told->packed.data};
        }
    }
    letter.key = r->key;
    letter.at = a->answered_at;
    letter.status = (uint32_t)a->status;
    letter.reason = (char *)(uintptr_t)reason;
    letter.has_sent = true;
    letter.sent.data = sent.body.data;
    letter.sent.len = sent.body.len < MAX_SENT ? sent.body.len : MAX_SENT;
    put_numbered(t, txn, MODEL_DEAD_LETTERS, ++t->record.dead, DELIVERY_DEAD_LETTERS, &letter.base);
    outgoing_free(&sent);
}

void delivery_drop_letter(target_t *t, store_txn_t *txn, uint64_t number)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    numbered_key(t, number, &key);
    store_delete(txn, MODEL_DEAD_LETTERS, buffer_bytes(&key));
    buffer_free(&key);
}

/* The letter's number when the key is one of this target's, else 0. */
static uint64_t number_of(const target_t *t, bytes_t key)
{
    size_t n = strlen(t->config->id) + 1;
    bool own = key.len == n + 8 && memcmp(key.data, t->config->id, n) == 0;
    return own ? be64_get(key.data + n) : 0;
}

bool delivery_letter(target_t *t, store_txn_t *txn, uint64_t from, uint64_t until, uint64_t *number,
                     const Chiso__V1__DeadLetter **out, wire_arena_t **arena)
{
    buffer_t start = BUFFER_INIT(STORE_MAX_KEY);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    ProtobufCMessage *message = NULL;
    numbered_key(t, from, &start);
    if (store_seek(txn, MODEL_DEAD_LETTERS, buffer_bytes(&start), &cursor, &key, &value)) {
        *number = number_of(t, key);
        if (*number == 0 || *number > until ||
            wire_unpack(&chiso__v1__dead_letter__descriptor, value, 2 * EVENT_MAX_BYTES, NULL,
                        arena, &message) != 0) {
            message = NULL;
        }
    }
    store_cursor_close(&cursor);
    buffer_free(&start);
    *out = (const Chiso__V1__DeadLetter *)message;
    return message != NULL;
}

unsigned delivery_count_letters(target_t *t, store_txn_t *txn)
{
    buffer_t start = BUFFER_INIT(STORE_MAX_KEY);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    unsigned n = 0;
    numbered_key(t, 0, &start);
    bool more = store_seek(txn, MODEL_DEAD_LETTERS, buffer_bytes(&start), &cursor, &key, &value);
    for (; more && number_of(t, key) != 0; more = store_next(cursor, &key, &value)) {
        n++;
    }
    store_cursor_close(&cursor);
    buffer_free(&start);
    return n;
}
