/* fetch.h - HTTP out: one thread around libcurl's multi interface, for pulls and for pushes.
 *
 * Requests are taken and answers handed back through two queues; the owner polls fetch_fd(). Safe
 * by default: https only (TLS 1.2 or newer, the chain always checked), no redirects, addresses of
 * private and loopback ranges refused when the connection is made (so that DNS cannot be used to
 * get around it), caps on header and on decoded body, at most one content coding, a few requests at
 * once to a host and one to a host that cannot be reached, hosts taking turns. What is looser is
 * said per request, by the configuration; nothing is looser for all.
 *
 * Values of headers, bodies and all of a URL but scheme, host and port may be secret: they are in
 * no `reason`, nothing here logs them, and the copies made here are wiped when freed.
 */
#ifndef CHISO_FETCH_FETCH_H
#define CHISO_FETCH_FETCH_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fetch fetch_t;
typedef struct fetch_jar fetch_jar_t; /* fetch/jar.h */

#define FETCH_REASON_SIZE 256

/* How a request may go; what it points to is borrowed until its answer is taken. NULL, or all 0, is
 * the strictest. */
typedef struct {
    bool allow_http; /* plain http:// too */
    const char *const
        *allow_networks;        /* CIDR, NULL-terminated, or NULL: "127.0.0.0/8", "fd00::/8" */
    const char *ca_file;        /* PEM bundle besides the system's, or NULL; an intermediate that
                                 * the server forgets to send may stand in it */
    const char *pinned_key;     /* "sha256//BASE64", several with ";": the server's public key must
                                 * be one of them, besides a good chain; or NULL */
    const char *client_cert;    /* PEM file for mutual TLS, or NULL */
    const char *client_key;     /* PEM file of its key, without a passphrase, readable by its owner
                                 * only; both or neither */
    int64_t connect_timeout_ms; /* 0: 5,000 */
    int64_t timeout_ms;         /* whole request; 0: 30,000 */
    int64_t stall_timeout_ms;   /* without a byte once the answer has begun; 0: 30,000; checked
                                 * about once a second */
    size_t max_body;            /* decoded bytes; 0: 8 MiB */
} fetch_policy_t;
/* For allow_networks where the operator chose the host: every network. */
extern const char *const fetch_anywhere[];

/* For configuration time: everything that can be known without a request, files included. 0, or
 * -EINVAL and what is wrong, naming the field; -ENOMEM. */
int fetch_policy_check(const fetch_policy_t *policy, char reason[FETCH_REASON_SIZE]);

#define FETCH_MAX_HEADERS 16
#define FETCH_MAX_KEPT 8

/* A request; every text is copied by fetch_submit(). */
typedef struct {
    const char *method;                     /* "GET", "POST" */
    const char *url;                        /* see fetch/url.h */
    const char *headers[FETCH_MAX_HEADERS]; /* "Name: value", NULL ends */
    const char *keep[FETCH_MAX_KEPT];       /* names of headers of the answer to keep, besides ETag,
                                             * Last-Modified, Date and Location; not Set-Cookie */
    bytes_t body;
    const fetch_policy_t *policy;
    fetch_jar_t *jar; /* cookies, borrowed until the answer is taken; NULL: none sent or kept */
    void *context;    /* handed back with the answer */
} fetch_request_t;

typedef enum {
    FETCH_ANSWERED,  /* an HTTP answer of any status, redirects too; body complete as HTTP frames it
                      * (that a gzip stream inside ends early, curl does not tell) */
    FETCH_TIMED_OUT, /* to connect, as a whole, or stalled: `reason` says */
    FETCH_NO_ANSWER, /* DNS, refused, reset, TLS, cut short, not HTTP, headers too large (256 KiB or
                      * 256 lines), an unknown or a second content coding: `reason` says */
    FETCH_TOO_BIG,   /* body holds the beginning, at most max_body bytes */
    FETCH_REFUSED    /* by the policy, before anything was sent */
} fetch_result_t;

typedef struct {
    fetch_result_t result;
    long status;                    /* HTTP status when answered or too big */
    char content_type[128];         /* as told, charset too; "" when none */
    int64_t retry_after_ms;         /* of Retry-After (seconds or date); -1 when none */
    char reason[FETCH_REASON_SIZE]; /* English, for operators, of the URL only scheme, host and
                                     * port; "" when answered */
    buffer_t body;                  /* empty unless answered or too big */
    buffer_t kept;                  /* read it with fetch_header() */
    int64_t sent_at, answered_at;   /* wall clock, ms */
    void *context;
} fetch_answer_t;

/* The value of a kept header of the answer, in any case of its name; several are joined with ", ".
 * NULL when there is none, or one of more than FETCH_HEADER_MAX bytes or with control characters.
 * A Location may hold secrets. Valid until the answer is freed. */
#define FETCH_HEADER_MAX 2048
const char *fetch_header(const fetch_answer_t *answer, const char *name);

typedef struct {
    unsigned max_running;   /* requests at once; 0: 64 */
    unsigned max_per_host;  /* connections; 0: 2. One to a host that could not be reached last */
    unsigned max_queued;    /* waiting to begin; 0: 4096 */
    const char *user_agent; /* NULL: "chiso/VERSION" */
} fetch_options_t;

/* Starts the thread. 0, -ENOMEM, -errno. curl_global_init is done once inside. */
int fetch_start(const fetch_options_t *options, fetch_t **out);
/* Ends it; requests under way and answers not taken are dropped. Accepts NULL inside. */
void fetch_stop(fetch_t **fetch);

/* 0; -EAGAIN when max_queued wait; -EINVAL for a malformed request (method, URL, header, name to
 * keep, CIDR, pin or time-out); -ENOMEM. Time-outs run from when it is sent, not while it waits. */
int fetch_submit(fetch_t *fetch, const fetch_request_t *request);

/* Readable when an answer waits. While max_running wait, no further request begins. */
int fetch_fd(const fetch_t *fetch);
/* The next answer or NULL. The caller frees it with fetch_answer_free(). */
fetch_answer_t *fetch_take(fetch_t *fetch);
void fetch_answer_free(fetch_answer_t **answer);

#endif
