/* cloudevents.c - a webhook that takes CloudEvents 1.0 over HTTP, binary or structured. The
 * Idempotency-Key and the id are the notice's key, so that what a crash makes us send again takes
 * no effect again. The attribute traceparent (the Distributed Tracing extension) is the notice's
 * own and stays when it is sent again; the header of that name is the request's. */
#include "base/clock.h"
#include "target.h"

#include <string.h>

static void check(publisher_target_t *t, config_t *file, const char *at)
{
    char path[128];
    t->structured = t->mode != NULL && strcmp(t->mode, "structured") == 0;
    if (t->mode != NULL && !t->structured && strcmp(t->mode, "binary") != 0) {
        snprintf(path, sizeof path, "%s.mode", at);
        config_error(file, path, "'%s'; expected binary or structured", t->mode);
    }
}

static void write_structured(const publisher_target_t *t, const record_t *r, outgoing_t *out)
{
    jw_t j = jw_to(&out->body);
    outgoing_header(out, "Content-Type: application/cloudevents+json");
    record_put_event(r, t->mapping, &j);
}

static void write(const publisher_target_t *t, record_t *const *records, size_t n, outgoing_t *out)
{
    const record_t *r = records[0];
    char iso[CLOCK_ISO_SIZE];
    char trace[TRACE_TEXT_SIZE];
    (void)n;
    if (t->structured) {
        write_structured(t, r, out);
    } else {
        outgoing_header(out, "Content-Type: application/json");
        outgoing_header(out, "ce-specversion: 1.0");
        outgoing_header(out, "ce-source: " RECORD_SOURCE);
        outgoing_header(out, "ce-type: %s", r->notice->type);
        outgoing_header(out, "ce-id: %s", r->key);
        outgoing_header(out, "ce-subject: %s", r->stem);
        outgoing_header(out, "ce-time: %s", clock_iso(r->notice->time, iso));
        outgoing_header(out, "ce-traceparent: %s", trace_format(&r->trace, trace));
        jw_t j = jw_to(&out->body);
        record_put_data(r, t->mapping, &j);
    }
}

static void judge(const publisher_target_t *t, const fetch_answer_t *a, record_t *const *records,
                  size_t n, judgement_t *out)
{
    (void)t;
    (void)records;
    (void)n;
    target_judge_http(a, out);
}

/* The handshake of the CloudEvents webhook specification: no event, no effect. */
static void write_probe(const publisher_target_t *t, outgoing_t *out)
{
    (void)t;
    out->method = "OPTIONS";
    outgoing_header(out, "WebHook-Request-Origin: chiso");
}

static void judge_probe(const publisher_target_t *t, const fetch_answer_t *a, judgement_t *out)
{
    (void)t;
    target_judge_http(a, out);
    if (a->result == FETCH_ANSWERED && (a->status == 404 || a->status == 405)) {
        *out = (judgement_t){.verdict = CHISO_RETRY, .doubtful = true};
        snprintf(out->reason, sizeof out->reason,
                 "it answers, but not OPTIONS (HTTP status %ld): only a real event can tell more",
                 a->status);
    }
}

const target_dialect_t target_cloudevents = {
    .name = "cloudevents",
    .batch = 1,
    .single = true,
    .rankings = true,
    .check = check,
    .write = write,
    .judge = judge,
    .write_probe = write_probe,
    .judge_probe = judge_probe,
};
