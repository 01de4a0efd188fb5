/* delivery.c - see delivery.h. One request of a target is under way at a time: a token, a place
 * that must be made first, or a window of the batch's records. What the dialect says of the answer
 * settles each record: taken (ledger), refused for good (dead letter), or later. A request that is
 * refused as a whole is taken apart, so that one bad record does not bury its neighbours. The
 * position moves when all of the batch is settled; a crash before sends some again, under the same
 * keys.
 */
#include "delivery_internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_RETRY_AFTER_MS (3600 * 1000LL)
#define STORE_EVERY 1000 /* notices that were not for a target */

/* ---- sending ---- */

static void fill_window(target_t *t)
{
    size_t most = t->singly ? 1 : t->config->batch;
    record_list_t *list = &t->batch.records;
    most = most < sizeof t->window / sizeof t->window[0] ? most
                                                         : sizeof t->window / sizeof t->window[0];
    t->n_window = 0;
    for (size_t i = 0; i < list->n && t->n_window < most; i++) {
        if (!list->items[i].done) {
            t->window[t->n_window++] = &list->items[i];
        }
    }
}

static int submit_drop(target_t *t, const outgoing_t *out)
{
    const char **keys = calloc(t->n_window + 1, sizeof *keys);
    for (size_t i = 0; keys != NULL && i < t->n_window; i++) {
        keys[i] = t->window[i]->key;
    }
    int rc =
        keys == NULL ? -ENOMEM : drop_put(t->drop, buffer_bytes(&out->body), keys, t->n_window, t);
    free(keys);
    return rc;
}

/* The first record that is not settled; there is one. */
static size_t first_open(const target_t *t)
{
    size_t i = 0;
    while (i + 1 < t->batch.records.n && t->batch.records.items[i].done) {
        i++;
    }
    return i;
}

static int submit(target_t *t, step_t step, outgoing_t *out)
{
    if (step == STEP_SEND) {
        /* a request of one record is that record's; of several, of this very window */
        outgoing_header(out, "Idempotency-Key: %s%s%s", t->window[0]->key,
                        t->n_window > 1 ? ".." : "",
                        t->n_window > 1 ? t->window[t->n_window - 1]->key : "");
    }
    /* of several causes the first: a request has one parent */
    const record_t *first =
        step == STEP_SEND ? t->window[0] : &t->batch.records.items[first_open(t)];
    char parent[TRACE_TEXT_SIZE];
    t->trace = trace_next(&first->trace);
    if (step != STEP_TOKEN) {
        outgoing_header(out, "traceparent: %s", trace_format(&t->trace, parent));
    }
    if (step != STEP_TOKEN) {
        auth_sign(&t->auth, t->config, clock_wall_ms(), out);
    }
    fetch_request_t request = {.method = out->method,
                               .url = buffer_text(&out->url),
                               .body = buffer_bytes(&out->body),
                               .policy = &t->config->policy,
                               .context = t};
    for (size_t i = 0; i < out->n_headers; i++) {
        request.headers[i] = buffer_text(&out->headers[i]);
    }
    int rc = outgoing_status(out);
    if (rc == 0) {
        rc = t->dialect->local ? submit_drop(t, out) : fetch_submit(t->delivery->fetch, &request);
    }
    if (rc == 0) {
        t->step = step;
        t->last_sent = clock_mono_ms();
    }
    return rc;
}

/* The record's trace, and the span of the request that it was in. */
static trace_t trace_of(const target_t *t, const record_t *r)
{
    trace_t trace = r->trace;
    memcpy(trace.span, t->trace.span, sizeof trace.span);
    return trace;
}

static void note_failure(target_t *t, const record_t *r, const char *reason, const char *verdict)
{
    trace_t trace = trace_of(t, r);
    if (reason != t->last_error) {
        snprintf(t->last_error, sizeof t->last_error, "%s", reason);
    }
    log_warn("a portal did not take a notice", "target", t->config->id, "key", r->key, "reason",
             reason, "verdict", verdict, TRACE_LOG(&trace), NULL);
}

static void wait_for(target_t *t, int64_t ms)
{
    t->record.next_try = clock_wall_ms() + ms;
    t->wait_until = clock_mono_ms() + ms;
}

static int begin_step(target_t *t)
{
    outgoing_t out;
    step_t step = STEP_SEND;
    if (auth_needs_token(&t->auth, t->config)) {
        step = STEP_TOKEN;
        auth_write_token(t->config, &out);
    } else {
        outgoing_begin(&out, "POST", t->config->url != NULL ? t->config->url : "");
        if (t->needs_setup) {
            step = STEP_SETUP;
            t->dialect->write_setup(t->config, t->needs_house, &out);
        } else {
            fill_window(t);
            t->attempts++;
            t->dialect->write(t->config, t->window, t->n_window, &out);
        }
    }
    int rc = submit(t, step, &out);
    outgoing_free(&out);
    if (rc == CHISO_E_TOO_BIG && step == STEP_SEND && t->n_window > 1) {
        t->singly = true;
        return 0;
    }
    if (rc != 0) {
        char reason[TARGET_REASON_SIZE];
        snprintf(reason, sizeof reason, "cannot be sent: %s", chiso_strerror(rc));
        note_failure(t, &t->batch.records.items[first_open(t)], reason, "retry");
        wait_for(t, t->config->retry_max_ms);
    }
    return 0;
}

static bool is_due(const target_t *t)
{
    int64_t now = clock_mono_ms();
    int64_t since = now - t->last_sent;
    /* by the monotonic clock: one that was set back must not silence a portal */
    bool due = t->record.next_try == 0 || t->wait_until <= now;
    return t->step == STEP_IDLE && due &&
           (t->last_sent == 0 || since >= t->config->min_interval_ms);
}

static int store_place(target_t *t)
{
    store_txn_t *txn = store_write(t->delivery->model->store);
    delivery_put_record(t, txn);
    return delivery_commit(t->delivery, &txn);
}

static int pump(target_t *t)
{
    int rc = 0;
    if (is_due(t)) {
        if (t->batch.n_notices == 0) {
            rc = delivery_fill(t);
        }
        if (rc == 0 && t->batch.n_notices > 0) {
            rc = begin_step(t);
        } else if (rc == 0 && t->at.next_seq > t->stored_seq + STORE_EVERY) {
            rc = store_place(t);
        }
    }
    journal_acknowledge(t->delivery->model->journal, t->config->id, t->at.next_seq);
    return rc;
}

int delivery_pump(delivery_t *d)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < d->n_targets; i++) {
        rc = pump(&d->targets[i]);
    }
    return rc;
}

/* ---- answers ---- */

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
    wait_for(t, wait);
}

static void on_token(target_t *t, const fetch_answer_t *a)
{
    char reason[TARGET_REASON_SIZE];
    if (auth_take_token(&t->auth, a, reason) != 0) {
        note_failure(t, &t->batch.records.items[first_open(t)], reason, "retry");
        back_off(t, a);
    }
}

static void on_setup(target_t *t, const fetch_answer_t *a)
{
    judgement_t said;
    t->dialect->judge(t->config, a, NULL, 0, &said);
    bool house = said.needs_house && !t->needs_house;
    t->needs_setup = said.verdict != CHISO_ACCEPT;
    t->needs_house = house;
    if (t->needs_setup && !house) {
        note_failure(t, &t->batch.records.items[first_open(t)], said.reason, "retry");
        back_off(t, a);
    } else if (!house) {
        log_info("the place at a portal was made", "target", t->config->id, TRACE_LOG(&t->trace),
                 NULL);
    }
}

/* One record of the window, by its verdict. Returns whether it is settled. */
static bool settle(target_t *t, store_txn_t *txn, record_t *r, const fetch_answer_t *a,
                   chiso_verdict_t verdict, const char *reason)
{
    if (verdict == CHISO_ACCEPT) {
        trace_t trace = trace_of(t, r);
        delivery_put_ledger(t, txn, r, a);
        log_debug("delivered", "target", t->config->id, "key", r->key, "status", LOG_INT(a->status),
                  TRACE_LOG(&trace), NULL);
    } else if (verdict == CHISO_REJECT) {
        note_failure(t, r, reason, "dead letter");
        metrics_add(t->delivery->metrics, MEASURE_TARGET_DEAD, 1, t->config->id, NULL);
        delivery_put_letter(t, txn, r, a, reason);
    } else {
        return false;
    }
    r->done = true;
    return true;
}

static bool batch_is_done(const target_t *t)
{
    for (size_t i = 0; i < t->batch.records.n; i++) {
        if (!t->batch.records.items[i].done) {
            return false;
        }
    }
    return true;
}

/* All of the batch is settled: the position moves. */
static void finish_batch(target_t *t, store_txn_t *txn)
{
    if (t->batch.letter != 0) {
        delivery_drop_letter(t, txn, t->batch.letter); /* what was refused again has a new number */
    }
    if (!t->rewound) {
        t->at = t->ahead;
    }
    t->rewound = false;
    t->record.next_try = 0;
    delivery_clear(t);
}

static int settle_window(target_t *t, const fetch_answer_t *a, const judgement_t *said)
{
    size_t settled = 0;
    const char *last_reason = "";
    const record_t *last = NULL;
    store_txn_t *txn = store_write(t->delivery->model->store);
    for (size_t i = 0; i < t->n_window; i++) {
        record_t *r = t->window[i];
        chiso_verdict_t verdict = said->each ? r->verdict : said->verdict;
        const char *reason = said->each ? r->reason : said->reason;
        if (settle(t, txn, r, a, verdict, reason)) {
            settled++;
        } else if (last == NULL) {
            last_reason = reason;
            last = r;
        }
    }
    if (last != NULL) {
        note_failure(t, last, last_reason, "retry");
        back_off(t, a);
    } else {
        t->record.failures = 0;
        t->record.next_try = 0;
        if (said->verdict == CHISO_ACCEPT && !said->each) {
            *t->last_error = '\0';
        }
    }
    t->attempts = settled > 0 ? 0 : t->attempts;
    if (settled == 0) {
        store_abort(&txn); /* the wait is not stored: after a restart it is simply tried at once */
        return 0;
    }
    if (batch_is_done(t)) {
        finish_batch(t, txn);
    }
    delivery_put_record(t, txn);
    return delivery_commit(t->delivery, &txn);
}

static int on_sent(target_t *t, const fetch_answer_t *a)
{
    judgement_t said;
    t->dialect->judge(t->config, a, t->window, t->n_window, &said);
    if (a->result == FETCH_ANSWERED && a->status == 401) {
        bool again = auth_refused(&t->auth, t->config);
        if (again) {
            return 0; /* it had expired before its time */
        }
    }
    t->auth.used = t->auth.used || said.verdict == CHISO_ACCEPT;
    bool given_up = said.doubtful && t->attempts >= t->config->give_up;
    for (size_t i = 0; said.each && i < t->n_window; i++) {
        record_t *r = t->window[i];
        if (r->verdict == CHISO_RETRY && t->attempts >= t->config->give_up) {
            r->verdict = CHISO_REJECT; /* the others of its requests were taken, it never was */
        }
    }
    bool refused = !said.each && (said.verdict == CHISO_REJECT || given_up);
    if (refused && t->n_window > 1) {
        log_warn("a request was refused: its records go one by one", "target", t->config->id,
                 "reason", said.reason, TRACE_LOG(&t->trace), NULL);
        t->singly = true;
        t->attempts = 0;
        return 0;
    }
    if (refused) {
        said.verdict = CHISO_REJECT;
    }
    t->needs_setup = said.needs_setup && t->dialect->write_setup != NULL;
    if (t->needs_setup && t->record.failures == 0) {
        t->record.failures = 1; /* the second time it waits */
        return 0;
    }
    return settle_window(t, a, &said);
}

static int on_answer(target_t *t, fetch_answer_t *a)
{
    step_t step = t->step;
    t->step = STEP_IDLE;
    if (step != STEP_TOKEN) {
        auth_mask(&t->auth, t->config, a); /* before anything tells or keeps what a portal said */
    }
    switch (step) {
    case STEP_TOKEN:
        on_token(t, a);
        return 0;
    case STEP_SETUP:
        on_setup(t, a);
        return 0;
    case STEP_SEND:
        return on_sent(t, a);
    default:
        return 0;
    }
}

static int take_answer(delivery_t *d, fetch_answer_t *a)
{
    if (delivery_is_probe(d, a->context)) {
        delivery_on_probe(d, a);
        return 0;
    }
    const target_t *t = a->context;
    measure_delivery(d->metrics, t->config->id, a);
    return on_answer(a->context, a);
}

int delivery_answers(delivery_t *d)
{
    fetch_answer_t *answer;
    int rc = 0;
    eventfd_t ignored;
    eventfd_read(d->drop_fd, &ignored);
    for (unsigned i = 0; rc == 0 && i < d->n_targets; i++) {
        answer = d->targets[i].drop != NULL ? drop_take(d->targets[i].drop) : NULL;
        if (answer != NULL) {
            rc = take_answer(d, answer);
            fetch_answer_free(&answer);
        }
    }
    while (rc == 0 && (answer = fetch_take(d->fetch)) != NULL) {
        rc = take_answer(d, answer);
        fetch_answer_free(&answer);
    }
    return rc == 0 ? delivery_pump(d) : rc;
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

static int add_target(delivery_t *d, const publisher_target_t *config)
{
    target_t *t = &d->targets[d->n_targets++];
    t->delivery = d;
    t->config = config;
    t->dialect = config->dialect;
    int rc = delivery_load(t);
    if (rc == 0 && t->dialect->local) {
        rc = drop_start(config->file.folder, config->file.batch, d->drop_fd, &t->drop);
    }
    return rc;
}

static int open_descriptors(delivery_t *d)
{
    d->drop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    return d->drop_fd < 0 || d->poll_fd < 0 ? -errno : 0;
}

static int watch(delivery_t *d, int fd)
{
    struct epoll_event e = {.events = EPOLLIN};
    return epoll_ctl(d->poll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

int delivery_start(const publisher_config_t *config, model_t *model, const uint64_t *epoch,
                   metrics_t *metrics, delivery_t **out)
{
    delivery_t *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return -ENOMEM;
    }
    *d = (delivery_t){.config = config, .model = model, .epoch = epoch, .metrics = metrics};
    int rc = open_descriptors(d);
    rc = rc == 0 ? delivery_new_probe(d) : rc;
    d->targets = calloc(config->targets_count + 1, sizeof *d->targets);
    if (rc == 0 && d->targets == NULL) {
        rc = -ENOMEM;
    }
    for (unsigned i = 0; rc == 0 && i < config->targets_count; i++) {
        rc = add_target(d, &config->targets[i]);
    }
    if (rc == 0) {
        journal_consumers(model->journal, forget_if_gone, d);
        rc = fetch_start(&(fetch_options_t){.max_per_host = PUBLISHER_MAX_TARGETS}, &d->fetch);
    }
    rc = rc == 0 ? watch(d, fetch_fd(d->fetch)) : rc;
    rc = rc == 0 ? watch(d, d->drop_fd) : rc;
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
        drop_stop(&d->targets[i].drop);
        delivery_clear(&d->targets[i]);
        auth_forget(&d->targets[i].auth);
    }
    if (d->poll_fd >= 0) {
        close(d->poll_fd);
    }
    if (d->drop_fd >= 0) {
        close(d->drop_fd);
    }
    delivery_free_probe(d);
    free(d->targets);
    free(d);
    *delivery = NULL;
}

int delivery_fd(const delivery_t *delivery)
{
    return delivery->poll_fd;
}
