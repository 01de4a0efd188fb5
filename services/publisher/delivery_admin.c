/* delivery_admin.c - what an operator may ask of the deliveries, see docs/connect-a-portal.md. */
#include "base/clock.h"
#include "base/error.h"
#include "delivery_internal.h"
#include "fetch/url.h"
#include "log/log.h"
#include "measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- status ---- */

static const char *state_of(const target_t *t, uint64_t behind)
{
    if (t->record.failures > 0) {
        return "failing";
    }
    if (t->at.letter_next != 0) {
        return "sending dead letters again";
    }
    if (t->at.resyncing) {
        return "being brought up to date";
    }
    return behind > 0 ? "behind" : "up to date";
}

static uint64_t behind_of(const target_t *t)
{
    uint64_t head = journal_head(t->delivery->model->journal);
    uint64_t next = t->batch.n_notices > 0 ? t->ahead.next_seq : t->at.next_seq;
    return (head >= next ? head - next + 1 : 0) + t->batch.n_notices;
}

void delivery_measure(delivery_t *d, metrics_t *metrics)
{
    for (unsigned i = 0; i < d->n_targets; i++) {
        const target_t *t = &d->targets[i];
        const char *id = t->config->id;
        metrics_set(metrics, MEASURE_TARGET_BEHIND, (int64_t)behind_of(t), id, NULL);
        metrics_set(metrics, MEASURE_TARGET_FAILURES, t->record.failures, id, NULL);
        if (t->record.has_last_delivery) {
            metrics_set(metrics, MEASURE_TARGET_LAST, t->record.last_delivery, id, NULL);
        }
    }
}

static void put_status(target_t *t, store_txn_t *txn, jw_t *j)
{
    uint64_t behind = behind_of(t);
    int64_t oldest = 0;
    if (t->batch.n_notices > 0) {
        oldest = t->batch.notices[0].in.event->notice->time;
    }
    jw_object(j);
    jw_put_text(j, "target", t->config->id);
    jw_put_text(j, "kind", t->dialect->name);
    jw_put_text(j, "state", state_of(t, behind));
    jw_put_number(j, "behind", behind);
    jw_put_time(j, "oldest_pending", oldest);
    jw_put_time(j, "last_success", t->record.has_last_delivery ? t->record.last_delivery : 0);
    jw_put_number(j, "delivered", t->record.delivered);
    jw_put_number(j, "dead", delivery_count_letters(t, txn));
    jw_put_number(j, "failures", t->record.failures);
    jw_put_time(j, "next_try", t->record.failures > 0 ? t->record.next_try : 0);
    jw_put_text(j, "last_error", *t->last_error != '\0' ? t->last_error : NULL);
    jw_object_end(j);
    buffer_append(j->out, "\n", 1);
}

/* ---- dead letters again, everything again ---- */

static int store_target(target_t *t)
{
    store_txn_t *txn = store_write(t->delivery->model->store);
    delivery_put_record(t, txn);
    return delivery_commit(t->delivery, &txn);
}

static int retry_letters(target_t *t)
{
    t->at.letter_next = t->ahead.letter_next = 1;
    t->at.letter_until = t->ahead.letter_until = t->record.dead;
    if (t->step == STEP_IDLE) {
        delivery_clear(t); /* what waits is read again behind them */
    }
    t->record.failures = 0;
    t->record.next_try = 0;
    return store_target(t);
}

static int resync(target_t *t)
{
    delivery_rewind(t);
    t->record.failures = 0;
    t->record.next_try = 0;
    return store_target(t);
}

/* ---- a test without effect ---- */

struct probe {
    target_t *target; /* NULL: none is under way */
    auth_t auth;      /* its own: the credentials are to be tried, not a token that is held */
    bool token_done;
    delivery_answer_fn answer;
    void *context;
};

static bool is_secret(const target_t *t, const char *header)
{
    const char *own = t->config->auth.header;
    return strncasecmp(header, "Authorization:", 14) == 0 ||
           strncasecmp(header, "lgspaccesstoken:", 16) == 0 ||
           (own != NULL && strncasecmp(header, own, strlen(own)) == 0);
}

/* A query of the configuration may hold a key. */
static void put_url(const target_t *t, const char *url, jw_t *j)
{
    char shown[FETCH_URL_MAX + 8];
    size_t n = strcspn(t->config->url, "?");
    snprintf(shown, sizeof shown, "%.*s?…", (int)n, t->config->url);
    jw_put_text(j, "url", t->config->url[n] == '?' ? shown : url);
}

/* The request that the first result would be. */
static void put_sample(target_t *t, jw_t *j)
{
    told_t told;
    record_list_t records = {0};
    outgoing_t out;
    jw_key(j, "would_send");
    if (!delivery_sample(t, &told, &records)) {
        jw_null(j); /* there is no result that it wants, yet */
        return;
    }
    record_t *window[2] = {&records.items[0], records.n > 1 ? &records.items[1] : NULL};
    outgoing_begin(&out, "POST", t->config->url != NULL ? t->config->url : "");
    t->dialect->write(t->config, window, records.n > 1 && t->config->batch > 1 ? 2 : 1, &out);
    jw_object(j);
    if (!t->dialect->local) {
        jw_put_text(j, "method", out.method);
        put_url(t, buffer_text(&out.url), j);
        jw_put_array(j, "headers");
        auth_sign(&t->auth, t->config, clock_wall_ms(), &out);
        for (size_t i = 0; i < out.n_headers; i++) {
            char *header = (char *)(uintptr_t)buffer_text(&out.headers[i]);
            if (header != NULL && is_secret(t, header)) {
                header[strcspn(header, ":")] = '\0';
                jw_text(j, header); /* its name alone */
            } else {
                jw_text(j, header);
            }
        }
        jw_array_end(j);
    }
    jw_put_text(j, "body", buffer_text(&out.body));
    jw_object_end(j);
    outgoing_free(&out);
    delivery_free_sample(&told, &records);
}

static void finish_probe(probe_t *p, bool good, const char *checked, const char *detail)
{
    target_t *t = p->target;
    buffer_t lines = BUFFER_INIT(TARGET_MAX_REQUEST * 2);
    jw_t j = jw_to(&lines);
    jw_object(&j);
    jw_put_text(&j, "target", t->config->id);
    jw_put_text(&j, "kind", t->dialect->name);
    jw_put_flag(&j, "good", good);
    jw_put_text(&j, "checked", checked);
    jw_put_text(&j, "detail", *detail != '\0' ? detail : NULL);
    put_sample(t, &j);
    jw_object_end(&j);
    buffer_append(&lines, "\n", 1);
    p->target = NULL;
    auth_forget(&p->auth);
    p->answer(p->context, buffer_bytes(&lines));
    buffer_free(&lines);
}

static int submit_probe(probe_t *p, outgoing_t *out)
{
    fetch_request_t request = {.method = out->method,
                               .url = buffer_text(&out->url),
                               .body = buffer_bytes(&out->body),
                               .policy = &p->target->config->policy,
                               .context = p};
    for (size_t i = 0; i < out->n_headers; i++) {
        request.headers[i] = buffer_text(&out->headers[i]);
    }
    int rc = outgoing_status(out);
    return rc == 0 ? fetch_submit(p->target->delivery->fetch, &request) : rc;
}

static void step_probe(probe_t *p)
{
    target_t *t = p->target;
    outgoing_t out;
    int rc = 0;
    if (t->dialect->local) {
        rc = drop_put(t->drop, bytes_of(NULL, 0), NULL, 0, p);
        t->step = rc == 0 ? STEP_PROBE : t->step;
    } else if (auth_needs_token(&p->auth, t->config)) {
        auth_write_token(t->config, &out);
        rc = submit_probe(p, &out);
        outgoing_free(&out);
    } else if (t->dialect->write_probe != NULL) {
        outgoing_begin(&out, "POST", t->config->url);
        t->dialect->write_probe(t->config, &out);
        auth_sign(&p->auth, t->config, clock_wall_ms(), &out);
        rc = submit_probe(p, &out);
        outgoing_free(&out);
    } else {
        finish_probe(p, true, p->token_done ? "the token" : "nothing",
                     "this dialect has no request without effect");
    }
    if (rc != 0) {
        finish_probe(p, false, "nothing", chiso_strerror(rc));
    }
}

void delivery_on_probe(delivery_t *d, fetch_answer_t *a)
{
    probe_t *p = d->probe;
    target_t *t = p->target;
    char reason[TARGET_REASON_SIZE];
    judgement_t said;
    if (t == NULL) {
        return;
    }
    if (t->dialect->local) {
        t->step = STEP_IDLE;
        finish_probe(p, a->result == FETCH_ANSWERED, "the folder", a->reason);
    } else if (auth_needs_token(&p->auth, t->config)) {
        if (auth_take_token(&p->auth, a, reason) != 0) {
            finish_probe(p, false, "the token", reason);
        } else {
            p->token_done = true;
            step_probe(p);
        }
    } else {
        auth_mask(&p->auth, t->config, a);
        t->dialect->judge_probe(t->config, a, &said);
        finish_probe(p, said.verdict == CHISO_ACCEPT || said.doubtful, "the request", said.reason);
    }
}

bool delivery_is_probe(const delivery_t *d, const void *context)
{
    return context == d->probe;
}

int delivery_new_probe(delivery_t *d)
{
    d->probe = calloc(1, sizeof *d->probe);
    return d->probe != NULL ? 0 : -ENOMEM;
}

void delivery_free_probe(delivery_t *d)
{
    if (d->probe != NULL) {
        auth_forget(&d->probe->auth);
        free(d->probe);
    }
}

/* ---- commands ---- */

static target_t *find(delivery_t *d, const char *id)
{
    for (unsigned i = 0; id != NULL && i < d->n_targets; i++) {
        if (strcmp(d->targets[i].config->id, id) == 0) {
            return &d->targets[i];
        }
    }
    return NULL;
}

static void put_error(buffer_t *out, const char *text)
{
    jw_t j = jw_to(out);
    jw_object(&j);
    jw_put_text(&j, "error", text);
    jw_object_end(&j);
    buffer_append(out, "\n", 1);
}

static void put_all(delivery_t *d, target_t *only, buffer_t *out)
{
    store_txn_t *txn = store_read(d->model->store);
    for (unsigned i = 0; i < d->n_targets; i++) {
        if (only == NULL || only == &d->targets[i]) {
            jw_t j = jw_to(out);
            put_status(&d->targets[i], txn, &j);
        }
    }
    store_abort(&txn);
}

static int begin_test(target_t *t, buffer_t *out, delivery_answer_fn answer, void *context)
{
    probe_t *p = t->delivery->probe;
    if (p->target != NULL || (t->dialect->local && t->step != STEP_IDLE)) {
        put_error(out, "a test or a write is under way; try again");
        return 0;
    }
    *p = (probe_t){.target = t, .answer = answer, .context = context};
    step_probe(p);
    return 1; /* it answers later, or has done so */
}

int delivery_command(delivery_t *d, const char *line, delivery_answer_fn answer, void *context)
{
    buffer_t out = BUFFER_INIT((size_t)1 << 20);
    json_t *said = json_loads(line, 0, NULL);
    const char *command = json_string_value(json_object_get(said, "command"));
    const char *id = json_string_value(json_object_get(said, "target"));
    target_t *t = find(d, id);
    int rc = 0;
    bool later = false;
    command = command != NULL ? command : "";
    bool known = strcmp(command, "status") == 0 || strcmp(command, "test") == 0 ||
                 strcmp(command, "retry") == 0 || strcmp(command, "resync") == 0;
    if (!known) {
        put_error(&out, "expected status, test, retry or resync");
    } else if (t == NULL && (id != NULL || strcmp(command, "status") != 0)) {
        put_error(&out, "there is no such target in the publisher's configuration");
    } else if (strcmp(command, "status") == 0) {
        put_all(d, t, &out);
    } else if (strcmp(command, "test") == 0) {
        later = begin_test(t, &out, answer, context) == 1;
    } else {
        log_info("an operator's command", "command", command, "target", id, NULL);
        rc = strcmp(command, "retry") == 0 ? retry_letters(t) : resync(t);
        put_all(d, t, &out);
    }
    json_decref(said);
    if (!later) {
        answer(context, buffer_bytes(&out));
    }
    buffer_free(&out);
    return rc == 0 ? delivery_pump(d) : rc;
}
