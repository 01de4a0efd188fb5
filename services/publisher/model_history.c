/* model_history.c - what stood when: the revisions of each result and of each figure, newest first,
 * see model.h.
 *
 * A revision is kept whole rather than as a difference: any of them can then be read, thinned or
 * dropped without its neighbours. Both tables are keyed by time and not by revision, because
 * revisions begin again at 1 in another life of the scorer or of ingest, and time does not.
 */
#include "base/clock.h"
#include "base/error.h"
#include "model.h"
#include "model_keys.h"

#include <string.h>

#define MAX_RECORD (EVENT_MAX_BYTES + 4096)
#define TAIL 12 /* of a key: time and revision, both inverted */

static void append_inverted(buffer_t *key, int64_t at, uint32_t revision)
{
    uint8_t time[8];
    uint8_t number[4];
    be64_put(time, UINT64_MAX - (uint64_t)(at > 0 ? at : 0));
    be32_put(number, UINT32_MAX - revision);
    buffer_append(key, time, sizeof time);
    buffer_append(key, number, sizeof number);
}

static bool unpack(store_txn_t *txn, const ProtobufCMessageDescriptor *descriptor, bytes_t value,
                   wire_arena_t **arena, ProtobufCMessage **message)
{
    int rc = wire_unpack(descriptor, value, MAX_RECORD, NULL, arena, message);
    if (rc != 0) {
        store_fail(txn, rc == CHISO_E_PROTOCOL ? CHISO_E_CORRUPT : rc);
    }
    return rc == 0;
}

/* ---- results ---- */

static bool keep_newest(void *context, const Chiso__V1__Revision *r)
{
    Chiso__V1__Revision *newest = context;
    newest->revision = r->revision;
    newest->as_of = r->as_of;
    newest->since = r->since;
    newest->epoch = r->epoch;
    newest->has_since = true;
    return false;
}

/* From when a revision stands: from the fetch of its newest figure; when that is not news (another
 * catalog, another life of the scorer), from now. Never before what it replaces. */
static int64_t stands_since(const Chiso__V1__Revision *before, int64_t as_of)
{
    if (!before->has_since) {
        return as_of;
    }
    int64_t since = as_of > before->as_of ? as_of : clock_wall_ms();
    return since > before->since ? since : before->since + 1;
}

static void put_revision(store_txn_t *txn, const event_score_t *s, Chiso__V1__Revision *record)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(MAX_RECORD);
    record->has_since = true;
    record->has_epoch = true;
    model_place_key(&key, s->index, s->period, s->unit->code);
    append_inverted(&key, record->since, record->revision);
    wire_pack(&record->base, &value);
    if (key.failed || value.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, MODEL_HISTORY, buffer_bytes(&key), buffer_bytes(&value));
    buffer_free(&key);
    buffer_free(&value);
}

void model_history_keep(store_txn_t *txn, uint64_t epoch, const event_score_t *s, bool gone)
{
    Chiso__V1__Revision before = CHISO__V1__REVISION__INIT;
    model_history(txn, s->index, s->period, s->unit->code, keep_newest, &before);
    if (!gone && before.has_since && before.epoch == epoch && before.revision == s->revision) {
        return; /* a snapshot repeats what is known */
    }
    buffer_t result = BUFFER_INIT(EVENT_MAX_BYTES);
    Chiso__V1__Revision record = CHISO__V1__REVISION__INIT;
    record.revision = s->revision;
    record.as_of = s->as_of;
    record.points = s->points;
    record.max = s->max;
    record.percent = s->percent;
    record.has_rank = s->has_rank;
    record.rank = s->rank;
    record.has_nation_rank = s->has_nation_rank;
    record.nation_rank = s->nation_rank;
    record.epoch = epoch;
    record.since = stands_since(&before, gone ? 0 : s->as_of);
    if (!gone) {
        event_put_score(s, &result);
        record.has_result = true;
        record.result = (ProtobufCBinaryData){result.len, result.data};
    }
    if (result.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    put_revision(txn, s, &record);
    buffer_free(&result);
}

/* What a walk gives each record to: the caller's function, by the type of the record. */
typedef struct {
    const ProtobufCMessageDescriptor *of;
    model_revision_fn revision;
    model_figure_fn figure;
    void *context;
} reader_t;

static bool read_record(const reader_t *reader, const ProtobufCMessage *message)
{
    return reader->revision != NULL
               ? reader->revision(reader->context, (const Chiso__V1__Revision *)message)
               : reader->figure(reader->context, (const event_figure_t *)message);
}

/* The records under `prefix` as they stood at `at`, newest first. */
static void walk(store_txn_t *txn, store_table_t table, const buffer_t *prefix, int64_t at,
                 const reader_t *reader)
{
    buffer_t from = BUFFER_INIT(STORE_MAX_KEY);
    buffer_append(&from, prefix->data, prefix->len);
    append_inverted(&from, at, UINT32_MAX);
    store_cursor_t *cursor = NULL;
    bytes_t key;
    bytes_t value;
    bool more = !from.failed && store_seek(txn, table, buffer_bytes(&from), &cursor, &key, &value);
    while (more && bytes_start_with(key, buffer_bytes(prefix))) {
        wire_arena_t *arena;
        ProtobufCMessage *message;
        if (!unpack(txn, reader->of, value, &arena, &message)) {
            break;
        }
        more = read_record(reader, message);
        wire_free(&arena);
        more = more && store_next(cursor, &key, &value);
    }
    store_cursor_close(&cursor);
    buffer_free(&from);
}

void model_history_before(store_txn_t *txn, const char *index, const char *period, const char *code,
                          int64_t at, model_revision_fn each, void *context)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    model_place_key(&prefix, index, period, code);
    walk(txn, MODEL_HISTORY, &prefix, at,
         &(reader_t){.of = &chiso__v1__revision__descriptor, .revision = each, .context = context});
    buffer_free(&prefix);
}

void model_history(store_txn_t *txn, const char *index, const char *period, const char *code,
                   model_revision_fn each, void *context)
{
    model_history_before(txn, index, period, code, INT64_MAX, each, context);
}

typedef struct {
    store_txn_t *txn;
    event_in_t *out;
    bool found;
} standing_t;

static bool take_standing(void *context, const Chiso__V1__Revision *r)
{
    standing_t *s = context;
    s->found =
        r->has_result && model_decode(s->txn, bytes_of(r->result.data, r->result.len), s->out);
    return false;
}

bool model_result_at(store_txn_t *txn, const char *index, const char *period, const char *code,
                     int64_t at, event_in_t *out)
{
    standing_t s = {.txn = txn, .out = out};
    model_history_before(txn, index, period, code, at, take_standing, &s);
    return s.found;
}

void model_walk_at(store_txn_t *txn, const char *index, const char *period, int64_t at,
                   model_each_fn each, void *context)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t from = BUFFER_INIT(STORE_MAX_KEY);
    buffer_append_part(&prefix, index);
    buffer_append_part(&prefix, period);
    buffer_append(&from, prefix.data, prefix.len);
    for (;;) {
        store_cursor_t *cursor;
        bytes_t key;
        bytes_t value;
        event_in_t in;
        char code[EVENT_MAX_CODE + 1] = "";
        bool found = !from.failed &&
                     store_seek(txn, MODEL_HISTORY, buffer_bytes(&from), &cursor, &key, &value) &&
                     bytes_start_with(key, buffer_bytes(&prefix)) && key.len - prefix.len > TAIL &&
                     key.len - prefix.len - TAIL <= sizeof code;
        if (found) {
            memcpy(code, key.data + prefix.len, key.len - prefix.len - TAIL);
        }
        store_cursor_close(&cursor);
        if (!found) {
            break;
        }
        if (model_result_at(txn, index, period, code, at, &in)) {
            each(context, &in);
        }
        buffer_clear(&from); /* the next unit: behind everything of this one */
        buffer_append(&from, prefix.data, prefix.len);
        buffer_append(&from, code, strlen(code));
        buffer_append(&from, "\1", 1);
    }
    buffer_free(&prefix);
    buffer_free(&from);
}

/* ---- figures ---- */

static void figure_prefix(buffer_t *key, const char *code, const char *period, const char *id)
{
    buffer_append_part(key, code);
    buffer_append_part(key, period);
    buffer_append_part(key, id);
}

void model_figures_keep(store_txn_t *txn, const event_score_t *news)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(MAX_RECORD);
    for (size_t i = 0; i < news->n_figures; i++) {
        const event_figure_t *f = news->figures[i];
        bytes_t known;
        buffer_clear(&key);
        figure_prefix(&key, news->unit->code, news->period, f->id);
        append_inverted(&key, f->fetched_at, f->revision);
        buffer_append_part(&key, f->source);
        buffer_append_part(&key, f->series);
        if (!key.failed && store_get(txn, MODEL_FIGURES, buffer_bytes(&key), &known)) {
            continue; /* of another index, or of a snapshot */
        }
        buffer_clear(&value);
        wire_pack(&f->base, &value);
        if (key.failed || value.failed) {
            store_fail(txn, CHISO_E_TOO_BIG);
        }
        store_put(txn, MODEL_FIGURES, buffer_bytes(&key), buffer_bytes(&value));
        if (f->submitter == NULL) {
            store_put(txn, MODEL_BODIES, bytes_of(f->raw_sha256.data, f->raw_sha256.len),
                      bytes_of("", 1));
        }
    }
    buffer_free(&key);
    buffer_free(&value);
}

bool model_body_is_public(store_txn_t *txn, const uint8_t hash[SHA256_SIZE])
{
    bytes_t value;
    return store_get(txn, MODEL_BODIES, bytes_of(hash, SHA256_SIZE), &value);
}

void model_figures(store_txn_t *txn, const char *code, const char *period, const char *id,
                   int64_t at, model_figure_fn each, void *context)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    figure_prefix(&prefix, code, period, id);
    walk(txn, MODEL_FIGURES, &prefix, at,
         &(reader_t){.of = &chiso__v1__figure__descriptor, .figure = each, .context = context});
    buffer_free(&prefix);
}
