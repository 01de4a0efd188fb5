/* quarantine.c - see quarantine.h. */
#include "quarantine.h"

#include "base/error.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKED_RULE "blocked"
#define MAX_RULING (2 * EVENT_MAX_BYTES)

/* What the bytes say, however they were written. */
static void append_canonical(buffer_t *out, bytes_t bytes)
{
    json_t *json = json_loadb((const char *)bytes.data, bytes.len, JSON_DECODE_INT_AS_REAL, NULL);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (text != NULL) {
        buffer_append_text(out, text);
    } else {
        buffer_append(out, bytes.data, bytes.len);
    }
    free(text);
    json_decref(json);
}

static bytes_t cut(bytes_t bytes)
{
    bytes.len = bytes.len > QUARANTINE_BYTES ? QUARANTINE_BYTES : bytes.len;
    return bytes;
}

/* What makes two entries the same. */
static void key_of(const char *source, const char *series, const char *rule, bytes_t bytes,
                   uint8_t out[SHA256_SIZE])
{
    buffer_t all = BUFFER_INIT(8 * QUARANTINE_BYTES);
    buffer_append_part(&all, source);
    buffer_append_part(&all, series);
    buffer_append_part(&all, rule);
    if (strcmp(rule, BLOCKED_RULE) != 0) {
        append_canonical(&all, bytes);
    }
    sha256(buffer_bytes(&all), out);
    buffer_free(&all);
}

/* Keeps the newest entries: a source that sends another broken body at each poll must not fill the
 * disk. The archive still has the bodies. */
static void drop_oldest(store_txn_t *txn, uint64_t newest)
{
    uint8_t key[SHA256_SIZE];
    uint8_t number[8];
    quarantine_in_t old;
    if (newest <= QUARANTINE_ENTRIES || !quarantine_get(txn, newest - QUARANTINE_ENTRIES, &old)) {
        return;
    }
    const Chiso__V1__Quarantined *e = old.entry;
    key_of(e->source, e->series, e->rule, bytes_of(e->bytes.data, e->bytes.len), key);
    quarantine_free(&old);
    be64_put(number, newest - QUARANTINE_ENTRIES);
    store_delete(txn, LEDGER_QUARANTINE, bytes_of(number, 8));
    store_delete(txn, LEDGER_QUARANTINE_KEYS, bytes_of(key, sizeof key));
}

/* Numbers are never given twice: a ruling keeps its own. */
static uint64_t next_number(store_txn_t *txn)
{
    static const store_table_t tables[] = {LEDGER_QUARANTINE, LEDGER_RULINGS};
    uint64_t last = 0;
    for (int i = 0; i < 2; i++) {
        bytes_t key;
        bytes_t value;
        if (store_last(txn, tables[i], &key, &value) && key.len == 8 && be64_get(key.data) > last) {
            last = be64_get(key.data);
        }
    }
    return last + 1;
}

static void put(store_txn_t *txn, uint64_t number, const Chiso__V1__Quarantined *q)
{
    uint8_t key[8];
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    be64_put(key, number);
    wire_pack(&q->base, &packed);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, LEDGER_QUARANTINE, bytes_of(key, 8), buffer_bytes(&packed));
    buffer_free(&packed);
}

static quarantine_news_t count_again(store_txn_t *txn, uint64_t number, int64_t at)
{
    quarantine_in_t known;
    if (!quarantine_get(txn, number, &known)) {
        return QUARANTINE_DROPPED;
    }
    Chiso__V1__Quarantined q = *known.entry;
    q.times++;
    q.last_at = at;
    put(txn, number, &q);
    quarantine_free(&known);
    return QUARANTINE_KNOWN;
}

#define TEXT(s) ((char *)(uintptr_t)(s))

quarantine_news_t quarantine_put(store_txn_t *txn, const quarantine_entry_t *entry)
{
    uint8_t key[SHA256_SIZE];
    uint8_t number[8];
    bytes_t found;
    bytes_t bytes = cut(entry->bytes);
    key_of(entry->source, entry->series, entry->rule, bytes, key);
    if (store_get(txn, LEDGER_QUARANTINE_KEYS, bytes_of(key, sizeof key), &found) &&
        found.len == 8) {
        return count_again(txn, be64_get(found.data), entry->at);
    }
    Chiso__V1__Quarantined q = CHISO__V1__QUARANTINED__INIT;
    q.source = TEXT(entry->source);
    q.series = TEXT(entry->series);
    q.rule = TEXT(entry->rule);
    q.reason = TEXT(entry->reason);
    q.unit = TEXT(entry->unit);
    q.period = TEXT(entry->period);
    q.first_at = q.last_at = entry->at;
    q.times = 1;
    q.body_sha256 = (ProtobufCBinaryData){SHA256_SIZE, (uint8_t *)(uintptr_t)entry->body_sha256};
    q.bytes = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
    uint64_t next = next_number(txn);
    be64_put(number, next);
    put(txn, next, &q);
    store_put(txn, LEDGER_QUARANTINE_KEYS, bytes_of(key, sizeof key), bytes_of(number, 8));
    drop_oldest(txn, next);
    return QUARANTINE_NEW;
}

bool quarantine_get(store_txn_t *txn, uint64_t number, quarantine_in_t *out)
{
    uint8_t key[8];
    bytes_t value;
    ProtobufCMessage *message;
    be64_put(key, number);
    if (!store_get(txn, LEDGER_QUARANTINE, bytes_of(key, 8), &value) ||
        wire_unpack(&chiso__v1__quarantined__descriptor, value, EVENT_MAX_BYTES, NULL, &out->arena,
                    &message) != 0) {
        return false;
    }
    out->entry = (const Chiso__V1__Quarantined *)message;
    return true;
}

void quarantine_free(quarantine_in_t *in)
{
    wire_free(&in->arena);
}

bool quarantine_is(const Chiso__V1__Quarantined *entry, bytes_t raw)
{
    buffer_t a = BUFFER_INIT(8 * QUARANTINE_BYTES);
    buffer_t b = BUFFER_INIT(8 * QUARANTINE_BYTES);
    append_canonical(&a, bytes_of(entry->bytes.data, entry->bytes.len));
    append_canonical(&b, cut(raw));
    bool same = !a.failed && bytes_equal(buffer_bytes(&a), buffer_bytes(&b));
    buffer_free(&a);
    buffer_free(&b);
    return same;
}

void quarantine_rule(store_txn_t *txn, uint64_t number, const Chiso__V1__Quarantined *entry,
                     Chiso__V1__Ruling__Verdict verdict, int64_t at, const char *by,
                     const char *reason)
{
    uint8_t key[SHA256_SIZE];
    uint8_t name[8];
    buffer_t packed = BUFFER_INIT(MAX_RULING);
    Chiso__V1__Ruling r = CHISO__V1__RULING__INIT;
    r.verdict = verdict;
    r.at = at;
    r.by = TEXT(by);
    r.reason = TEXT(reason);
    r.number = number;
    r.entry = (Chiso__V1__Quarantined *)(uintptr_t)entry;
    wire_pack(&r.base, &packed);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    be64_put(name, number);
    if (verdict == CHISO__V1__RULING__VERDICT__RELEASED) {
        key_of(entry->source, entry->series, entry->rule,
               bytes_of(entry->bytes.data, entry->bytes.len), key);
        store_delete(txn, LEDGER_QUARANTINE_KEYS, bytes_of(key, sizeof key));
    }
    store_put(txn, LEDGER_RULINGS, bytes_of(name, 8), buffer_bytes(&packed));
    store_delete(txn, LEDGER_QUARANTINE, bytes_of(name, 8));
    buffer_free(&packed);
}
