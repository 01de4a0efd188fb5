/* http_internal.h - what http.c, reply.c and stream.c share; nobody else includes it. */
#ifndef CHISO_HTTP_HTTP_INTERNAL_H
#define CHISO_HTTP_HTTP_INTERNAL_H

#include "http/http.h"

#include <microhttpd.h>

/* What one stream may hold back for a slow reader; `pull` writes into it. */
#define HTTP_PULL_MAX (64 * 1024)

/* A doubly linked list without a head node of its own. */
typedef struct {
    http_request_t *first;
    unsigned count;
} http_list_t;

struct http {
    struct MHD_Daemon *daemon;
    http_options_t options; /* with the defaults filled in; address is not kept */
    http_handler_fn handler;
    void *context;
    http_list_t streams;
    http_list_t delayed;
    http_list_t held;
    uint16_t port;
    int fd;
    bool resumed; /* a connection waits for the next MHD_run() */
    bool stopping;
};

typedef struct http_header http_header_t;
struct http_header {
    http_header_t *next;
    char *name;
    char *value;
};

struct http_request {
    http_t *http;
    struct MHD_Connection *connection;
    const char *method;
    const char *path;
    buffer_t body;
    uint64_t body_seen; /* counted past the maximum as well */
    http_header_t *headers;
    bool too_big;
    bool handled;   /* the handler was called, or shall not be */
    bool answered;  /* `response` was decided; it may be queued already */
    bool held;      /* the owner answers later */
    bool suspended; /* in MHD's sense; resume exactly once */
    int status;
    struct MHD_Response *response; /* decided, not yet queued */
    int64_t due;                   /* clock_mono_ms() before which it may not be queued */

    http_list_t *list; /* the one of http_t's it is on, or NULL */
    http_request_t *prev, *next;

    http_pull_fn pull;
    http_close_fn closed; /* NULL once called */
    void *stream;
    buffer_t pending; /* pulled, from `sent` on not yet given to MHD */
    size_t sent;
    bool ended; /* `pull` said so */
};

void http_list_add(http_list_t *list, http_request_t *request);
void http_list_remove(http_request_t *request);
void http_suspend(http_request_t *request);
void http_resume(http_request_t *request);

/* Decides the answer; takes `response`, which may be NULL (no memory: the client gets no answer,
 * its connection is closed). Adds the headers set so far. */
void http_decide(http_request_t *request, int status, const char *content_type,
                 struct MHD_Response *response);
/* `in` as gzip when this request and `content_type` call for it; else an empty buffer. */
buffer_t http_compress(http_request_t *request, int status, const char *content_type, bytes_t in);
void http_drop_headers(http_request_t *request);
/* Tells the stream's owner, once. */
void http_stream_over(http_request_t *request);

#endif
