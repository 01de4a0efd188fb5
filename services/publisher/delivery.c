/* delivery.c - see delivery.h. */
#include "delivery.h"

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_SOURCE "/chiso"
#define MAX_RETRY_AFTER_MS (3600 * 1000LL)
#define WALK_RESULTS 'u'
#define WALK_RANKINGS 'v'

/* What is under way to a portal: kept until its answer, because a dead letter needs the bytes. */
typedef struct {
    uint64_t seq; /* 0: from the read model */
    char *key;
    buffer_t notice; /* packed */
    buffer_t cursor; /* of the read model, behind this one */
} sending_t;

typedef struct {
    delivery_t *delivery;
    const publisher_target_t *config;
    Chiso__V1__Target record; /* its texts are not used: last_error is below */
    char last_error[256];
    bool resyncing;
    buffer_t resync_cursor;
    bool busy;
    uint32_t attempts; /* of what is under way */
    sending_t sending;
} target_t;

struct delivery {
    const publisher_config_t *config;
    model_t *model;
    const uint64_t *epoch;
    fetch_t *fetch;
    target_t *targets;
    unsigned n_targets;
};

/* ---- the stored record ---- */

static void put_record(target_t *t, store_txn_t *txn)
{
    Chiso__V1__Target r = t->record;
    r.last_error = *t->last_error != '\0' ? t->last_error : NULL;
    r.has_resync_cursor = t->resyncing;
    r.resync_cursor = (ProtobufCBinaryData){t->resync_cursor.len, t->resync_cursor.data};
    buffer_t packed = BUFFER_INIT(8192);
    wire_pack(&r.base, &packed);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, MODEL_TARGETS, bytes_of_text(t->config->id), buffer_bytes(&packed));
    buffer_free(&packed);
}

/* Where a walk over the read model is: which table, and behind which key. */
static void set_cursor(buffer_t *cursor, char walk, bytes_t key)
{
    uint8_t copy[STORE_MAX_KEY];
    size_t len = key.len < sizeof copy ? key.len : sizeof copy;
    if (len > 0) {
        memcpy(copy, key.data, len); /* the key may lie in the cursor itself */
    }
    buffer_clear(cursor);
    buffer_append(cursor, &walk, 1);
    buffer_append(cursor, copy, len);
}

static void begin_resync(target_t *t)
{
    t->resyncing = true;
    set_cursor(&t->resync_cursor, WALK_RESULTS, bytes_of(NULL, 0));
    t->record.next_seq = journal_head(t->delivery->model->journal) + 1;
}

static int load_record(target_t *t)
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
            t->record = *(const Chiso__V1__Target *)message;
            t->resyncing = t->record.has_resync_cursor && t->record.resync_cursor.len > 0;
            buffer_append(&t->resync_cursor, t->record.resync_cursor.data,
                          t->record.resync_cursor.len);
            t->record.last_error = NULL;
            wire_free(&arena);
        }
    } else if (rc == 0) {
        begin_resync(t);
    }
    store_abort(&txn);
    return rc;
}

static int commit(delivery_t *d, store_txn_t **txn)
{
    journal_t *journal = d->model->journal;
    journal_seal(journal, *txn);
    int rc = store_commit(txn);
    journal_settle(journal, rc == 0);
    return rc;
}

/* ---- what is next ---- */

static void clear_sending(target_t *t)
{
    free(t->sending.key);
    t->sending.key = NULL;
    t->sending.seq = 0;
    buffer_clear(&t->sending.notice);
    buffer_clear(&t->sending.cursor);
}

static void set_notice(target_t *t, const char *type, const char *subject, const char *key,
                       int64_t time, const buffer_t *body)
{
    event_notice_t notice = CHISO__V1__NOTICE__INIT;
    notice.type = (char *)(uintptr_t)type;
    notice.subject = (char *)(uintptr_t)subject;
    notice.key = (char *)(uintptr_t)key;
    notice.time = time;
    notice.body = (ProtobufCBinaryData){body->len, body->data};
    event_put_notice(&notice, &t->sending.notice);
    t->sending.notice.failed = t->sending.notice.failed || body->failed;
}

static void notice_of_score(target_t *t, const event_score_t *score)
{
    const catalog_index_t *index = catalog_find(t->delivery->model->catalog, score->index);
    char key[RENDER_KEY_SIZE];
    char subject[RENDER_SUBJECT_SIZE];
    buffer_t body = BUFFER_INIT(EVENT_MAX_BYTES);
    render_score(index, score, &body);
    set_notice(t, NOTICE_SCORE, render_score_subject(score, subject),
               render_score_key(score, *t->delivery->epoch, key), score->as_of, &body);
    buffer_free(&body);
}

/* The next result of the read model, as the notice it would have been. One that has changed since
 * the portal's tail begins is left to the tail: told here, an older revision would follow it. */
static bool next_result(target_t *t, store_txn_t *txn)
{
    bytes_t at = bytes_of(t->resync_cursor.data + 1, t->resync_cursor.len - 1);
    bytes_t key;
    uint64_t notice_seq;
    event_in_t in;
    bool wanted = false;
    while (!wanted && model_after(txn, at, &key, &notice_seq, &in)) {
        wanted = notice_seq < t->record.next_seq &&
                 catalog_find(t->delivery->model->catalog, in.event->score->index) != NULL;
        if (wanted) {
            notice_of_score(t, in.event->score);
            set_cursor(&t->sending.cursor, WALK_RESULTS, key);
        } else {
            set_cursor(&t->resync_cursor, WALK_RESULTS, key);
            at = bytes_of(t->resync_cursor.data + 1, t->resync_cursor.len - 1);
        }
        event_release(&in);
    }
    return wanted;
}

static void notice_of_ranking(target_t *t, const event_ranking_t *ranking)
{
    char key[RENDER_KEY_SIZE];
    char subject[RENDER_SUBJECT_SIZE];
    buffer_t body = BUFFER_INIT(EVENT_MAX_BYTES);
    render_ranking(ranking, &body);
    set_notice(t, NOTICE_RANKING, render_ranking_subject(ranking, subject),
               render_ranking_key(ranking, *t->delivery->epoch, key), ranking->as_of, &body);
    buffer_free(&body);
}

/* After the results the rankings, whole: a rank can move without a new revision of the result. What
 * has moved since the tail begins is left to the tail, as above. */
static bool next_ranking(target_t *t, store_txn_t *txn)
{
    bytes_t at = bytes_of(t->resync_cursor.data + 1, t->resync_cursor.len - 1);
    bytes_t key;
    uint64_t notice_seq;
    event_in_t in;
    bool wanted = false;
    while (!wanted && model_ranking_after(txn, at, &key, &notice_seq, &in)) {
        wanted = notice_seq < t->record.next_seq && in.event->ranking->n_standings > 0;
        if (wanted) {
            notice_of_ranking(t, in.event->ranking);
            set_cursor(&t->sending.cursor, WALK_RANKINGS, key);
        } else {
            set_cursor(&t->resync_cursor, WALK_RANKINGS, key);
            at = bytes_of(t->resync_cursor.data + 1, t->resync_cursor.len - 1);
        }
        model_ranking_free(&in);
    }
    return wanted;
}

static bool next_of_model(target_t *t)
{
    store_txn_t *txn = store_read(t->delivery->model->store);
    bool found = false;
    if (t->resync_cursor.data[0] == WALK_RESULTS) {
        found = next_result(t, txn);
        if (!found) {
            set_cursor(&t->resync_cursor, WALK_RANKINGS, bytes_of(NULL, 0));
        }
    }
    if (!found) {
        found = next_ranking(t, txn);
    }
    store_abort(&txn);
    return found;
}

typedef struct {
    target_t *target;
    bool found;
} take_t;

static bool take_notice(void *context, uint64_t seq, bytes_t payload)
{
    take_t *take = context;
    target_t *t = take->target;
    event_in_t in;
    char reason[256];
    /* only our own records are here: one that does not decode is damage, told by verify */
    bool wanted = event_decode(payload, reason, &in) == 0 &&
                  in.event->body_case == CHISO__V1__EVENT__BODY_NOTICE;
    if (wanted) {
        wanted = !in.event->notice->internal;
        event_release(&in);
    }
    if (wanted) {
        t->sending.seq = seq;
        buffer_append(&t->sending.notice, payload.data, payload.len);
        take->found = true;
        return false;
    }
    t->record.next_seq = seq + 1;
    return true;
}

static bool next_of_journal(target_t *t)
{
    journal_t *journal = t->delivery->model->journal;
    if (t->record.next_seq > journal_head(journal) + 1 ||
        t->record.next_seq < journal_first(journal)) {
        log_warn("the journal no longer holds what a portal misses: bringing it up to date",
                 "target", t->config->id, NULL);
        begin_resync(t);
        return false;
    }
    take_t take = {.target = t};
    store_txn_t *txn = store_read(t->delivery->model->store);
    int rc = journal_read(journal, txn, t->record.next_seq, take_notice, &take);
    store_abort(&txn);
    return rc >= 0 && take.found;
}

static bool find_next(target_t *t)
{
    clear_sending(t);
    if (t->resyncing) {
        if (next_of_model(t)) {
            return !t->sending.notice.failed;
        }
        t->resyncing = false; /* stored with the next delivery; walking an end again is harmless */
    }
    return next_of_journal(t) && !t->sending.notice.failed;
}

/* ---- sending ---- */

static int submit(target_t *t, const event_notice_t *n)
{
    char type[128];
    char id[RENDER_KEY_SIZE + 16];
    char subject[320];
    char time[64];
    char iso[CLOCK_ISO_SIZE];
    char key[RENDER_KEY_SIZE + 32];
    snprintf(type, sizeof type, "ce-type: %s", n->type);
    snprintf(id, sizeof id, "ce-id: %s", n->key);
    snprintf(subject, sizeof subject, "ce-subject: %s", n->subject);
    snprintf(time, sizeof time, "ce-time: %s", clock_iso(n->time, iso));
    snprintf(key, sizeof key, "Idempotency-Key: %s", n->key);
    fetch_request_t request = {
        .method = "POST",
        .url = t->config->url,
        .headers = {"Content-Type: application/json", "ce-specversion: 1.0",
                    "ce-source: " EVENT_SOURCE, type, id, subject, time, key,
                    t->config->authorization},
        .body = bytes_of(n->body.data, n->body.len),
        .policy = &t->config->policy,
        .context = t,
    };
    return fetch_submit(t->delivery->fetch, &request);
}

static int send_next(target_t *t)
{
    event_in_t in;
    char reason[256];
    if (t->sending.key == NULL && !find_next(t)) {
        return 0;
    }
    int rc = event_decode(buffer_bytes(&t->sending.notice), reason, &in);
    if (rc != 0) {
        return rc;
    }
    const event_notice_t *n = in.event->notice;
    if (t->sending.key == NULL) {
        t->sending.key = strdup(n->key);
        t->attempts = 0;
    }
    rc = t->sending.key == NULL ? -ENOMEM : submit(t, n);
    if (rc == 0) {
        t->busy = true;
        t->attempts++;
    } else {
        snprintf(t->last_error, sizeof t->last_error, "cannot be sent: %s", chiso_strerror(rc));
        log_warn("a notice cannot be sent", "target", t->config->id, "key", n->key, "reason",
                 t->last_error, NULL);
        t->record.next_try = clock_wall_ms() + t->config->retry_min_ms;
    }
    event_release(&in);
    return 0;
}

int delivery_pump(delivery_t *d)
{
    int64_t now = clock_wall_ms();
    for (unsigned i = 0; i < d->n_targets; i++) {
        target_t *t = &d->targets[i];
        /* a clock that was set back must not silence a portal */
        bool due = t->record.next_try <= now ||
                   t->record.next_try > now + t->config->retry_max_ms + MAX_RETRY_AFTER_MS;
        if (!t->busy && due) {
            int rc = send_next(t);
            if (rc != 0) {
                return rc;
            }
        }
        journal_acknowledge(d->model->journal, t->config->id, t->record.next_seq);
    }
    return 0;
}

/* ---- answers ---- */

/* 2xx took it. What may pass later is tried again: trouble, overload, 409 (the first request with
 * this key is still under way there), and what an operator can put right (credentials, address).
 * The rest says that this notice will never be taken. */
static chiso_verdict_t judge(const fetch_answer_t *a)
{
    if (a->result == FETCH_TOO_BIG || a->result == FETCH_ANSWERED) {
        if (a->status >= 200 && a->status < 300) {
            return CHISO_ACCEPT;
        }
        static const long never[] = {400, 405, 406, 410, 411, 412, 413, 414,
                                     415, 416, 417, 422, 424, 428, 431, 451};
        for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
            if (a->status == never[i]) {
                return CHISO_REJECT;
            }
        }
    }
    return CHISO_RETRY;
}

static void advance(target_t *t)
{
    if (t->sending.seq != 0) {
        t->record.next_seq = t->sending.seq + 1;
    } else {
        buffer_clear(&t->resync_cursor);
        buffer_append(&t->resync_cursor, t->sending.cursor.data, t->sending.cursor.len);
    }
    t->record.failures = 0;
    t->record.next_try = 0;
}

/* Lines of the ledger and dead letters are numbered for each portal; the newest are kept. */
static void put_numbered(target_t *t, store_txn_t *txn, store_table_t table, uint64_t number,
                         uint64_t most, const ProtobufCMessage *line)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(2 * EVENT_MAX_BYTES);
    uint8_t n[8];
    be64_put(n, number);
    buffer_append_part(&key, t->config->id);
    buffer_append(&key, n, sizeof n);
    wire_pack(line, &value);
    if (key.failed || value.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, table, buffer_bytes(&key), buffer_bytes(&value));
    if (number > most) {
        be64_put(n, number - most);
        memcpy(key.data + key.len - sizeof n, n, sizeof n);
        store_delete(txn, table, buffer_bytes(&key));
    }
    buffer_free(&key);
    buffer_free(&value);
}

static void write_ledger(target_t *t, store_txn_t *txn, const fetch_answer_t *a)
{
    Chiso__V1__Delivery line = CHISO__V1__DELIVERY__INIT;
    line.seq = t->sending.seq;
    line.delivered_at = a->answered_at;
    line.attempts = t->attempts;
    line.status = (uint32_t)a->status;
    line.key = t->sending.key;
    put_numbered(t, txn, MODEL_LEDGER, ++t->record.delivered, DELIVERY_LEDGER_LINES, &line.base);
    t->record.has_last_delivery = true;
    t->record.last_delivery = a->answered_at;
    *t->last_error = '\0';
}

/* The portal's own words, as far as they are plain. */
static void reason_of(const fetch_answer_t *a, char out[256])
{
    if (a->result != FETCH_ANSWERED) {
        snprintf(out, 256, "%.250s", a->reason);
        return;
    }
    char said[160];
    size_t n = 0;
    for (size_t i = 0; i < a->body.len && n < sizeof said - 1; i++) {
        char c = (char)a->body.data[i];
        said[n++] = c >= ' ' && c <= '~' ? c : '?';
    }
    said[n] = '\0';
    snprintf(out, 256, "HTTP status %ld%s%s", a->status, n > 0 ? ": " : "", said);
}

static void bury(target_t *t, store_txn_t *txn, const fetch_answer_t *a)
{
    Chiso__V1__DeadLetter letter = CHISO__V1__DEAD_LETTER__INIT;
    letter.seq = t->sending.seq;
    letter.key = t->sending.key;
    letter.at = a->answered_at;
    letter.status = (uint32_t)a->status;
    letter.reason = t->last_error;
    letter.notice = (ProtobufCBinaryData){t->sending.notice.len, t->sending.notice.data};
    put_numbered(t, txn, MODEL_DEAD_LETTERS, ++t->record.dead, DELIVERY_DEAD_LETTERS, &letter.base);
}

static void back_off(target_t *t, const fetch_answer_t *a)
{
    unsigned shift = t->record.failures < 20 ? t->record.failures : 20;
    int64_t wait = t->config->retry_min_ms << shift;
    wait = wait < t->config->retry_max_ms ? wait : t->config->retry_max_ms;
    if (a->retry_after_ms >= 0) {
        wait = a->retry_after_ms < MAX_RETRY_AFTER_MS ? a->retry_after_ms : MAX_RETRY_AFTER_MS;
    }
    wait += (int64_t)clock_random((uint32_t)(wait / 5) + 1);
    t->record.failures++;
    t->record.next_try = clock_wall_ms() + wait;
}

static int on_answer(target_t *t, const fetch_answer_t *a)
{
    t->busy = false;
    chiso_verdict_t verdict = judge(a);
    if (verdict != CHISO_ACCEPT) {
        reason_of(a, t->last_error);
        log_warn("a portal did not take a notice", "target", t->config->id, "key", t->sending.key,
                 "reason", t->last_error, "verdict",
                 verdict == CHISO_REJECT ? "dead letter" : "retry", NULL);
    }
    if (verdict == CHISO_RETRY) {
        back_off(t, a); /* not stored: after a restart it is simply tried at once */
        return 0;
    }
    store_txn_t *txn = store_write(t->delivery->model->store);
    if (verdict == CHISO_ACCEPT) {
        write_ledger(t, txn, a);
    } else {
        bury(t, txn, a);
    }
    advance(t);
    put_record(t, txn);
    clear_sending(t);
    return commit(t->delivery, &txn);
}

int delivery_answers(delivery_t *d)
{
    fetch_answer_t *answer;
    while ((answer = fetch_take(d->fetch)) != NULL) {
        int rc = on_answer(answer->context, answer);
        fetch_answer_free(&answer);
        if (rc != 0) {
            return rc;
        }
    }
    return delivery_pump(d);
}

/* ---- start and stop ---- */

static void forget_if_gone(void *context, const char *name)
{
    delivery_t *d = context;
    for (unsigned i = 0; i < d->n_targets; i++) {
        if (strcmp(d->targets[i].config->id, name) == 0) {
            return;
        }
    }
    log_warn("a portal is no longer configured: its place in the journal is given up", "target",
             name, NULL);
    journal_forget(d->model->journal, name);
}

int delivery_start(const publisher_config_t *config, model_t *model, const uint64_t *epoch,
                   delivery_t **out)
{
    delivery_t *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return -ENOMEM;
    }
    *d = (delivery_t){.config = config, .model = model, .epoch = epoch};
    d->targets = calloc(config->targets_count + 1, sizeof *d->targets);
    int rc = d->targets == NULL ? -ENOMEM : 0;
    for (unsigned i = 0; rc == 0 && i < config->targets_count; i++) {
        target_t *t = &d->targets[d->n_targets++];
        t->delivery = d;
        t->config = &config->targets[i];
        t->sending.notice = (buffer_t)BUFFER_INIT(EVENT_MAX_BYTES);
        t->sending.cursor = (buffer_t)BUFFER_INIT(STORE_MAX_KEY + 1);
        t->resync_cursor = (buffer_t)BUFFER_INIT(STORE_MAX_KEY + 1);
        rc = load_record(t);
    }
    if (rc == 0) {
        journal_consumers(model->journal, forget_if_gone, d);
        rc = fetch_start(&(fetch_options_t){.max_per_host = PUBLISHER_MAX_TARGETS}, &d->fetch);
    }
    if (rc != 0) {
        delivery_stop(&d);
        return rc;
    }
    *out = d;
    return 0;
}

void delivery_stop(delivery_t **delivery)
{
    if (delivery == NULL || *delivery == NULL) {
        return;
    }
    delivery_t *d = *delivery;
    fetch_stop(&d->fetch);
    for (unsigned i = 0; i < d->n_targets; i++) {
        clear_sending(&d->targets[i]);
        buffer_free(&d->targets[i].sending.notice);
        buffer_free(&d->targets[i].sending.cursor);
        buffer_free(&d->targets[i].resync_cursor);
    }
    free(d->targets);
    free(d);
    *delivery = NULL;
}

int delivery_fd(const delivery_t *delivery)
{
    return fetch_fd(delivery->fetch);
}
