/* relay.c - see relay.h. What a source once sent is shown by nobody's browser as a page: it is an
 * attachment of no type, in a sandbox. */
#include "relay.h"

#include "base/error.h"
#include "fetch/fetch.h"
#include "log/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 20000
#define MAX_URL 2200

typedef struct {
    http_request_t *request; /* NULL: free */
    char sha256[SHA256_HEX_SIZE];
} waiting_t;

struct relay {
    fetch_t *fetch;
    char *base, *authorization; /* the second NULL: none */
    fetch_policy_t policy;
    waiting_t waiting[RELAY_MAX_WAITING];
};

/* The operator named the address, and only a hash is added to it: it may be inside. */

int relay_use_token(relay_t *r, const char *token)
{
    char *authorization = NULL;
    if (token != NULL && asprintf(&authorization, "Authorization: Bearer %s", token) < 0) {
        return -ENOMEM;
    }
    if (r->authorization != NULL) {
        sodium_memzero(r->authorization, strlen(r->authorization));
    }
    free(r->authorization);
    r->authorization = authorization;
    return 0;
}

int relay_start(const char *base, const char *token, relay_t **out)
{
    relay_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return -ENOMEM;
    }
    r->base = strdup(base);
    r->policy = (fetch_policy_t){.allow_http = true,
                                 .allow_networks = fetch_anywhere,
                                 .timeout_ms = TIMEOUT_MS,
                                 .max_body = RELAY_MAX_BODY};
    fetch_options_t options = {.max_running = RELAY_MAX_WAITING,
                               .max_per_host = RELAY_MAX_WAITING,
                               .max_queued = RELAY_MAX_WAITING};
    int rc = r->base != NULL ? relay_use_token(r, token) : -ENOMEM;
    rc = rc == 0 ? fetch_start(&options, &r->fetch) : rc;
    if (rc != 0) {
        relay_stop(&r);
        return rc;
    }
    *out = r;
    return 0;
}

void relay_stop(relay_t **relay)
{
    relay_t *r = *relay;
    if (r == NULL) {
        return;
    }
    fetch_stop(&r->fetch);
    for (unsigned i = 0; i < RELAY_MAX_WAITING; i++) {
        if (r->waiting[i].request != NULL) {
            http_reply_problem(r->waiting[i].request, 503, "the service is stopping");
            http_release(r->waiting[i].request);
        }
    }
    if (r->authorization != NULL) {
        sodium_memzero(r->authorization, strlen(r->authorization));
    }
    free(r->authorization);
    free(r->base);
    free(r);
    *relay = NULL;
}

int relay_fd(const relay_t *relay)
{
    return fetch_fd(relay->fetch);
}

static void give(http_request_t *request, const char *hex, bytes_t body)
{
    char value[SHA256_HEX_SIZE + 40];
    snprintf(value, sizeof value, "attachment; filename=\"%s\"", hex);
    http_set_header(request, "Content-Disposition", value);
    snprintf(value, sizeof value, "\"%s\"", hex);
    http_set_header(request, "ETag", value);
    http_set_header(request, "Cache-Control", "public, max-age=31536000, immutable");
    http_set_header(request, "X-Content-Type-Options", "nosniff");
    http_set_header(request, "Content-Security-Policy", "sandbox; default-src 'none'");
    http_reply(request, 200, "application/octet-stream", body);
}

static void answer(waiting_t *w, const fetch_answer_t *a)
{
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    if (a->result == FETCH_ANSWERED && a->status == 200) {
        sha256(buffer_bytes(&a->body), hash);
        if (strcmp(sha256_hex(hash, hex), w->sha256) == 0) {
            give(w->request, w->sha256, buffer_bytes(&a->body));
        } else {
            log_error("ingest gave another body than was asked for", "sha256", w->sha256, NULL);
            http_reply_problem(w->request, 502, "ingest gave a body with another hash");
        }
    } else if (a->result == FETCH_ANSWERED && a->status == 404) {
        http_reply_problem(w->request, 404, "there is no body with that SHA-256 in the archive");
    } else if (a->result == FETCH_TIMED_OUT) {
        http_reply_problem(w->request, 504, "ingest did not answer in time");
    } else {
        log_warn("ingest did not give a body", "reason", a->reason, "status", LOG_INT(a->status),
                 NULL);
        http_set_header(w->request, "Retry-After", "10");
        http_reply_problem(w->request, 503, "ingest, which keeps the bodies, cannot be asked now");
    }
    http_release(w->request);
    w->request = NULL;
}

void relay_answers(relay_t *r)
{
    fetch_answer_t *a;
    while ((a = fetch_take(r->fetch)) != NULL) {
        answer(a->context, a);
        fetch_answer_free(&a);
    }
}

void relay_get(relay_t *r, http_request_t *request, const uint8_t hash[SHA256_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    if (r == NULL) {
        http_reply_problem(request, 503, "raw bodies are not served here: ingest_api is not set");
        return;
    }
    waiting_t *w = r->waiting;
    while (w < r->waiting + RELAY_MAX_WAITING && w->request != NULL) {
        w++;
    }
    char url[MAX_URL];
    snprintf(url, sizeof url, "%s/api/v1/raw/%s", r->base, sha256_hex(hash, hex));
    fetch_request_t ask = {.method = "GET",
                           .url = url,
                           .headers = {r->authorization},
                           .policy = &r->policy,
                           .context = w};
    if (w == r->waiting + RELAY_MAX_WAITING || fetch_submit(r->fetch, &ask) != 0) {
        http_set_header(request, "Retry-After", "1");
        http_reply_problem(request, 503, "too many bodies are asked for at once");
        return;
    }
    w->request = request;
    snprintf(w->sha256, sizeof w->sha256, "%s", hex);
    http_hold(request);
}
