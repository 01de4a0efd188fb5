/* series.c - see series.h. */
#include "series.h"

#include "base/clock.h"
#include "base/error.h"
#include "chiso/v1/store.pb-c.h"
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BACKOFF_SHIFT 6
#define SERIES_MAX_BYTES (4 * 1024 * 1024)     /* SERIES_MAX_BAD rows with their reasons */
#define MAX_RETRY_AFTER_MS (6 * 3600 * 1000LL) /* a source may ask for a pause, not for silence */

static bytes_t key_of(const series_t *s, buffer_t *room)
{
    buffer_append_part(room, s->source->id);
    buffer_append_part(room, s->name);
    return buffer_bytes(room);
}

static bool read_hash(protobuf_c_boolean has, const ProtobufCBinaryData *in,
                      uint8_t out[SHA256_SIZE])
{
    bool good = has && in->len == SHA256_SIZE;
    if (good) {
        memcpy(out, in->data, SHA256_SIZE);
    }
    return good;
}

static int read_record(series_t *s, bytes_t in)
{
    wire_arena_t *arena;
    ProtobufCMessage *message;
    int rc =
        wire_unpack(&chiso__v1__series__descriptor, in, SERIES_MAX_BYTES, NULL, &arena, &message);
    if (rc != 0) {
        return rc == -ENOMEM ? rc : CHISO_E_CORRUPT;
    }
    const Chiso__V1__Series *r = (const Chiso__V1__Series *)message;
    s->outcome = r->outcome;
    s->since = r->since;
    s->last_good = r->has_last_good ? r->last_good : 0;
    s->stale = r->stale;
    s->next_due = r->next_due;
    s->failures = r->failures;
    snprintf(s->detail, sizeof s->detail, "%s", r->detail != NULL ? r->detail : "");
    s->has_content = read_hash(r->has_content, &r->content, s->content);
    s->has_shape = read_hash(r->has_shape, &r->shape, s->shape);
    snprintf(s->notice, sizeof s->notice, "%s", r->notice != NULL ? r->notice : "");
    s->noticed_at = r->noticed_at;
    s->answers = r->answers;
    s->backfill = r->backfill;
    for (size_t i = 0; rc == 0 && i < r->n_bad_units; i++) {
        const Chiso__V1__Series__BadUnit *b = r->bad_units[i];
        const char *period = b->period != NULL ? b->period : s->period_text;
        rc = series_add_bad(s, b->code, period, b->reason, b->last_good);
    }
    wire_free(&arena);
    return rc;
}

/* The longest that series_set_next_due() can have chosen. */
static int64_t longest_wait(const series_t *s)
{
    int64_t every = s->source->every_ms;
    int64_t wait = every;
    if (s->outcome == CHISO__V1__SOURCE_STATE__OUTCOME__RETRYING) {
        wait = every > MAX_RETRY_AFTER_MS ? every : MAX_RETRY_AFTER_MS;
    } else if (s->outcome == CHISO__V1__SOURCE_STATE__OUTCOME__BLOCKED) {
        wait = 4 * every;
    }
    return wait + s->source->jitter_ms;
}

static void not_after(int64_t *at, int64_t now)
{
    *at = *at > now ? now : *at;
}

void series_clock_set_back(series_t *s, int64_t now, int64_t ms)
{
    if (s->next_due > now) {
        s->next_due -= ms;
    }
    not_after(&s->since, now);
    not_after(&s->last_good, now);
    not_after(&s->noticed_at, now);
    for (size_t i = 0; i < s->n_bad; i++) {
        not_after(&s->bad[i].last_good, now);
    }
}

int series_load(store_t *store, const ingest_source_t *source, const registry_unit_t *of,
                period_t period, series_t **out)
{
    series_t *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return -ENOMEM;
    }
    s->source = source;
    s->of = of;
    s->period = period;
    s->spans_due = true;
    period_format(period, s->period_text);
    const char *whose = of != NULL ? of->code : source->source->nation != NULL ? "nation" : "all";
    snprintf(s->name, sizeof s->name, "%s/%s", whose, s->period_text);
    buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
    store_txn_t *txn = store_read(store);
    bytes_t record;
    int rc = 0;
    if (store_get(txn, LEDGER_SERIES, key_of(s, &room), &record)) {
        rc = read_record(s, record);
    }
    if (rc == 0) {
        rc = store_status(txn);
    }
    store_abort(&txn);
    buffer_free(&room);
    /* a clock that was set back meanwhile must not silence a source */
    int64_t now = clock_wall_ms();
    if (s->next_due > now + longest_wait(s)) {
        s->next_due = 0;
    }
    series_clock_set_back(s, now, 0);
    if (rc != 0) {
        series_destroy(&s);
        return rc;
    }
    *out = s;
    return 0;
}

void series_destroy(series_t **series)
{
    if (series != NULL && *series != NULL) {
        exchange_destroy(&(*series)->exchange);
        free((*series)->bad);
        free((*series)->mismatches);
        free(*series);
        *series = NULL;
    }
}

void series_store(const series_t *s, store_txn_t *txn)
{
    Chiso__V1__Series r = CHISO__V1__SERIES__INIT;
    r.outcome = s->outcome;
    r.since = s->since;
    r.has_last_good = s->last_good != 0;
    r.last_good = s->last_good;
    r.stale = s->stale;
    r.detail = *s->detail != '\0' ? (char *)(uintptr_t)s->detail : NULL;
    r.next_due = s->next_due;
    r.failures = s->failures;
    r.has_content = s->has_content;
    r.content = (ProtobufCBinaryData){SHA256_SIZE, (uint8_t *)(uintptr_t)s->content};
    r.has_shape = s->has_shape;
    r.shape = (ProtobufCBinaryData){SHA256_SIZE, (uint8_t *)(uintptr_t)s->shape};
    r.notice = *s->notice != '\0' ? (char *)(uintptr_t)s->notice : NULL;
    r.has_noticed_at = *s->notice != '\0';
    r.noticed_at = s->noticed_at;
    r.has_answers = true;
    r.answers = s->answers;
    r.has_backfill = s->backfill != 0;
    r.backfill = s->backfill;
    Chiso__V1__Series__BadUnit *bad = calloc(s->n_bad + 1, sizeof *bad);
    Chiso__V1__Series__BadUnit **list = calloc(s->n_bad + 1, sizeof *list);
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t packed = BUFFER_INIT(SERIES_MAX_BYTES);
    if (bad != NULL && list != NULL) {
        for (size_t i = 0; i < s->n_bad; i++) {
            chiso__v1__series__bad_unit__init(&bad[i]);
            bad[i].code = s->bad[i].code;
            bad[i].period = s->bad[i].period;
            bad[i].reason = s->bad[i].reason;
            bad[i].last_good = s->bad[i].last_good;
            list[i] = &bad[i];
        }
        r.n_bad_units = s->n_bad;
        r.bad_units = list;
        wire_pack(&r.base, &packed);
    }
    if (packed.failed || packed.len == 0) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, LEDGER_SERIES, key_of(s, &key), buffer_bytes(&packed));
    free(bad);
    free(list);
    buffer_free(&key);
    buffer_free(&packed);
}

void series_set_outcome(series_t *s, outcome_t outcome, const char *detail, int64_t now)
{
    if (s->outcome != outcome) {
        s->outcome = outcome;
        s->since = now;
    }
    snprintf(s->detail, sizeof s->detail, "%s", detail);
    bool failed = outcome == CHISO__V1__SOURCE_STATE__OUTCOME__RETRYING ||
                  outcome == CHISO__V1__SOURCE_STATE__OUTCOME__BLOCKED;
    s->failures = failed ? s->failures + 1 : 0;
}

void series_set_next_due(series_t *s, int64_t now, int64_t retry_after_ms)
{
    const ingest_source_t *source = s->source;
    int64_t wait = source->every_ms;
    if (s->outcome == CHISO__V1__SOURCE_STATE__OUTCOME__RETRYING) {
        unsigned shift = s->failures - 1 < MAX_BACKOFF_SHIFT ? s->failures - 1 : MAX_BACKOFF_SHIFT;
        int64_t backoff = source->retry_after_ms << shift;
        wait = backoff < wait ? backoff : wait;
        if (retry_after_ms >= 0) {
            int64_t asked =
                retry_after_ms < MAX_RETRY_AFTER_MS ? retry_after_ms : MAX_RETRY_AFTER_MS;
            wait = asked > wait ? asked : wait; /* never sooner than we would have come */
        }
    } else if (s->outcome == CHISO__V1__SOURCE_STATE__OUTCOME__BLOCKED) {
        /* who is blocked should ask less often, not more */
        wait <<= s->failures > 2 ? 2 : s->failures - 1;
    }
    int64_t jitter = source->jitter_ms;
    if (jitter > 0) {
        wait += (int64_t)clock_random((uint32_t)jitter + 1);
    }
    s->next_due = now + wait;
}

int series_add_bad(series_t *s, const char *code, const char *period, const char *reason,
                   int64_t last_good)
{
    if (series_bad(s, code, period) != NULL) {
        return 0;
    }
    if (s->n_bad == SERIES_MAX_BAD || strlen(code) > EVENT_MAX_CODE) {
        return CHISO_E_TOO_BIG;
    }
    bad_row_t *grown = realloc(s->bad, (s->n_bad + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    s->bad = grown;
    bad_row_t *b = &s->bad[s->n_bad++];
    *b = (bad_row_t){.last_good = last_good};
    snprintf(b->code, sizeof b->code, "%s", code);
    snprintf(b->period, sizeof b->period, "%s", period);
    snprintf(b->reason, sizeof b->reason, "%s", reason);
    return 0;
}

static bool is_row(const bad_row_t *b, const char *code, const char *period)
{
    return strcmp(b->code, code) == 0 && strcmp(b->period, period) == 0;
}

void series_remove_bad(series_t *s, const char *code, const char *period)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_bad; i++) {
        if (!is_row(&s->bad[i], code, period)) {
            s->bad[kept++] = s->bad[i];
        }
    }
    s->n_bad = kept;
}

int64_t series_stored_good(store_txn_t *txn, const char *source, const char *name, const char *code,
                           const char *period)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    wire_arena_t *arena;
    ProtobufCMessage *message;
    bytes_t record;
    int64_t good = 0;
    buffer_append_part(&key, source);
    buffer_append_part(&key, name);
    if (store_get(txn, LEDGER_SERIES, buffer_bytes(&key), &record) &&
        wire_unpack(&chiso__v1__series__descriptor, record, SERIES_MAX_BYTES, NULL, &arena,
                    &message) == 0) {
        const Chiso__V1__Series *r = (const Chiso__V1__Series *)message;
        good = r->has_last_good ? r->last_good : 0;
        for (size_t i = 0; i < r->n_bad_units; i++) {
            const Chiso__V1__Series__BadUnit *b = r->bad_units[i];
            if (strcmp(b->code, code) == 0 &&
                (b->period == NULL || strcmp(b->period, period) == 0)) {
                good = b->last_good;
            }
        }
        wire_free(&arena);
    }
    buffer_free(&key);
    return good;
}

bool series_notice_is_over(const series_t *s, int64_t now)
{
    return *s->notice != '\0' && now - s->noticed_at > SERIES_NOTICE_MS;
}

void series_forget_answer(series_t *s)
{
    s->has_body = false;
    s->has_content = false;
}

const bad_row_t *series_bad(const series_t *s, const char *code, const char *period)
{
    for (size_t i = 0; i < s->n_bad; i++) {
        if (is_row(&s->bad[i], code, period)) {
            return &s->bad[i];
        }
    }
    return NULL;
}

/* A good source is only stale when it has not been asked for longer than it should have been, as
 * after a night in which ingest did not run. */
static bool is_old(const series_t *s, int64_t last_good, bool good, int64_t now)
{
    const ingest_source_t *source = s->source;
    int64_t limit = source->stale_after_ms;
    int64_t patience = 2 * (source->every_ms + source->jitter_ms) + source->policy.timeout_ms;
    if (good && limit < patience) {
        limit = patience;
    }
    return last_good != 0 && now - last_good > limit;
}

bool series_is_stale(const series_t *s, int64_t now)
{
    /* where only some rows were bad, the series itself was read well */
    bool good = s->outcome == CHISO__V1__SOURCE_STATE__OUTCOME__GOOD || s->rows_read;
    return is_old(s, s->last_good, good, now);
}

bool series_row_is_stale(const series_t *s, const bad_row_t *row, int64_t now)
{
    return is_old(s, row->last_good, false, now);
}
