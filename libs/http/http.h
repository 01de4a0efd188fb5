/* http.h - a small HTTP/1.1 server: libmicrohttpd on its external epoll, one thread, bounded.
 *
 * The owner polls http_fd() for reading and calls http_run() when it is ready and at least every
 * http_timeout_ms(). Requests are handled by one callback after the whole body has arrived (bodies
 * are refused past max_body with 413 before they are stored). Limits on connections, on
 * connections per address, on header size and on idle time are set at start; each has a default.
 *
 * An event stream (text/event-stream) is a response that stays open: its connection is suspended
 * until http_wake_streams(), then its `pull` is asked for more. A slow reader is never waited for:
 * libmicrohttpd keeps one buffer for it and `pull` is asked again when that has gone out.
 */
#ifndef CHISO_HTTP_HTTP_H
#define CHISO_HTTP_HTTP_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct http http_t;
typedef struct http_request http_request_t;

/* Called once a request. It must answer before it returns, with exactly one http_reply*() or
 * http_stream(); when it does not, the client gets a 500. */
typedef void (*http_handler_fn)(http_request_t *request, void *context);

typedef struct {
    const char *address;      /* "127.0.0.1", "0.0.0.0", "::1" */
    uint16_t port;            /* 0: any free one, see http_port() */
    size_t max_body;          /* 0: 1 MiB */
    unsigned max_connections; /* 0: 1024 */
    unsigned max_per_address; /* 0: no limit of its own */
    unsigned max_streams;     /* 0: max_connections / 2 */
    unsigned idle_seconds;    /* 0: 30; event streams are exempt */
    bool compress;            /* gzip answers of text from 1 KiB on for clients that take it; their
                               * ETag becomes a weak one */
    /* Called when only the headers are there, with the handler's context; NULL: none. What it
     * answers stands: the body is thrown away unread, the handler not called. It may lower the
     * limit of the body. */
    http_handler_fn admit;
} http_options_t;

/* 0, -errno (-EADDRINUSE, ...). Options are copied. */
int http_start(const http_options_t *options, http_handler_fn handler, void *context, http_t **out);
void http_stop(http_t **http);
uint16_t http_port(const http_t *http);
int http_fd(const http_t *http);
int http_timeout_ms(http_t *http); /* -1: no limit; the owner still calls once a second */
void http_run(http_t *http);

/* The request; everything is borrowed until the handler returns. */
const char *http_method(const http_request_t *request); /* "GET" for HEAD as well */
const char *http_path(const http_request_t *request);   /* percent-decoded, without the query */
const char *http_header(const http_request_t *request, const char *name); /* or NULL */
/* NULL too when it stands there more than once. */
const char *http_header_once(const http_request_t *request, const char *name);
const char *http_query(const http_request_t *request, const char *name); /* decoded, or NULL */
/* The first name asked that is not among `known`, each of which stands after a space; or NULL. */
const char *http_query_beside(const http_request_t *request, const char *known);
bytes_t http_body(const http_request_t *request);
/* A smaller max_body for this request; while it is admitted only. */
void http_limit_body(http_request_t *request, size_t max);

/* The peer's numeric address. */
#define HTTP_ADDRESS_SIZE 46
const char *http_peer(const http_request_t *request, char out[HTTP_ADDRESS_SIZE]);

/* Called by the handler instead of an answer: the owner answers later, from its loop, with one
 * http_reply*() and then http_release(), exactly once, and before http_stop(). The request stays
 * until then, whether its client is still there or not. */
void http_hold(http_request_t *request);
void http_release(http_request_t *request);

/* A header of the answer, before http_reply*(). Name and value are copied. */
void http_set_header(http_request_t *request, const char *name, const char *value);

/* Answers; the body is copied. content_type NULL: none. */
void http_reply(http_request_t *request, int status, const char *content_type, bytes_t body);
/* application/problem+json (RFC 9457): type about:blank, title of the status in Vietnamese, detail.
 */
void http_reply_problem(http_request_t *request, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Answers after `delay_ms`, and/or closes after `cut` bytes of a body announced whole (cut ==
 * SIZE_MAX: all of it). Status 0: closes the connection at once, without any answer. For the replay
 * of a misbehaving source. */
void http_reply_badly(http_request_t *request, int status, const char *content_type, bytes_t body,
                      int64_t delay_ms, size_t cut);

/* More bytes for a stream: append whole events to `out`, or nothing when there is none yet. Return
 * false to end the stream. `out` is empty and has a max of 64 KiB: append no event that does not
 * fit into out->max - out->len, it is asked again; a failed `out` breaks the stream off. */
typedef bool (*http_pull_fn)(buffer_t *out, void *stream);
typedef void (*http_close_fn)(void *stream);

/* Answers 200 text/event-stream and keeps it open; 503 when there are max_streams already (then
 * `closed` is called at once). `closed` is called exactly once, from here, http_run() or
 * http_stop(); a client that went away is noticed at the next wake. */
void http_stream(http_request_t *request, http_pull_fn pull, http_close_fn closed, void *stream);
/* Ask every waiting stream's `pull` again: after a commit, and on the owner's keep-alive timer. */
void http_wake_streams(http_t *http);
unsigned http_streams(const http_t *http);

#endif
