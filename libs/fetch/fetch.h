/* fetch.h - HTTP out: one thread around libcurl's multi interface, for pulls and for pushes.
 *
 * Requests are taken and answers handed back through two queues; the owner polls fetch_fd(). Safe
 * by default: https only, no redirects, addresses of private and loopback ranges refused when the
 * connection is made (so that DNS cannot be used to get around it), a byte cap on the decoded body,
 * per-host connection limit, HTTP/1.1 and 2. What is looser is said per request, by the
 * configuration.
 */
#ifndef CHISO_FETCH_FETCH_H
#define CHISO_FETCH_FETCH_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fetch fetch_t;

/* How a request may go; what it points to is borrowed until its answer is taken. NULL, or all 0, is
 * the strictest. */
typedef struct {
    bool allow_http; /* plain http:// too */
    const char *const
        *allow_networks;        /* CIDR, NULL-terminated, or NULL: "127.0.0.0/8", "fd00::/8" */
    const char *ca_file;        /* PEM bundle besides the system's, or NULL */
    int64_t connect_timeout_ms; /* 0: 5,000 */
    int64_t timeout_ms;         /* whole request; 0: 30,000 */
    size_t max_body;            /* decoded bytes; 0: 8 MiB */
} fetch_policy_t;

#define FETCH_MAX_HEADERS 16

/* A request; every text is copied by fetch_submit(). */
typedef struct {
    const char *method; /* "GET", "POST" */
    const char *url;
    const char *headers[FETCH_MAX_HEADERS]; /* "Name: value", NULL ends */
    bytes_t body;
    const fetch_policy_t *policy;
    void *context; /* handed back with the answer */
} fetch_request_t;

typedef enum {
    FETCH_ANSWERED, /* an HTTP answer of any status, body complete as HTTP frames it (that a gzip
                     * stream inside ends early, curl does not tell) */
    FETCH_TIMED_OUT,
    FETCH_NO_ANSWER, /* DNS, refused, reset, TLS, cut short: `reason` says */
    FETCH_TOO_BIG,   /* body holds the first max_body bytes */
    FETCH_REFUSED    /* by the policy, before anything was sent */
} fetch_result_t;

typedef struct {
    fetch_result_t result;
    long status;            /* HTTP status when answered or too big */
    char content_type[128]; /* "" when none */
    int64_t retry_after_ms; /* of Retry-After (seconds or date); -1 when none */
    char reason[256];       /* English, for operators, of the URL only scheme, host and port; ""
                             * when answered */
    buffer_t body;          /* empty unless answered or too big */
    int64_t sent_at, answered_at; /* wall clock, ms */
    void *context;
} fetch_answer_t;

typedef struct {
    unsigned max_running;   /* requests at once; 0: 64 */
    unsigned max_per_host;  /* connections; 0: 2 */
    unsigned max_queued;    /* waiting to begin; 0: 4096 */
    const char *user_agent; /* NULL: "chiso/VERSION" */
} fetch_options_t;

/* Starts the thread. 0, -ENOMEM, -errno. curl_global_init is done once inside. */
int fetch_start(const fetch_options_t *options, fetch_t **out);
/* Ends it; requests under way and answers not taken are dropped. Accepts NULL inside. */
void fetch_stop(fetch_t **fetch);

/* 0; -EAGAIN when max_queued wait; -EINVAL for a malformed request (method, URL, header, CIDR or
 * time-out); -ENOMEM. Time-outs run from when it is sent, not while it waits. */
int fetch_submit(fetch_t *fetch, const fetch_request_t *request);

/* Readable when an answer waits. While max_running wait, no further request begins. */
int fetch_fd(const fetch_t *fetch);
/* The next answer or NULL. The caller frees it with fetch_answer_free(). */
fetch_answer_t *fetch_take(fetch_t *fetch);
void fetch_answer_free(fetch_answer_t **answer);

#endif
