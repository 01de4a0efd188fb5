/* http.c - the daemon and the life of a request. See http.h for the contract.
 *
 * libmicrohttpd drives everything from MHD_run(); the owner's loop only knows one descriptor, MHD's
 * epoll set. Answers are first decided (reply.c, stream.c) and queued in one place here, when the
 * handler has returned: so an answer can be held back, and a missing one is noticed.
 *
 * What must not go wrong with libmicrohttpd:
 * - A suspended connection is resumed exactly once, and MHD_run() must follow; `suspended` and
 *   `resumed` keep the books. At stop every one is resumed first: MHD aborts the process otherwise.
 * - An answer can only be queued at the first call of the access handler (headers only) or at the
 *   last (whole body), never in between.
 * - Closing a socket with unread data in it makes the kernel reset the connection, and the client
 *   may never see the 413. So a body that is only somewhat too big is read and thrown away; only
 *   one announced as much too big, or one that waits for "100 Continue", is refused at once.
 */
#include "http/http_internal.h"

#include "base/clock.h"
#include "log/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_MAX_BODY (1024 * 1024)
#define DEFAULT_CONNECTIONS 1024
#define DEFAULT_IDLE_SECONDS 30
/* All memory MHD takes for one connection: request line and headers in, headers out. */
#define CONNECTION_MEMORY ((size_t)32 * 1024)
/* How much of a refused body is read and thrown away before the connection is just closed. */
#define DRAIN_MAX ((uint64_t)8 * 1024 * 1024)

void http_list_add(http_list_t *list, http_request_t *request)
{
    request->list = list;
    request->prev = NULL;
    request->next = list->first;
    if (list->first != NULL) {
        list->first->prev = request;
    }
    list->first = request;
    list->count++;
}

void http_list_remove(http_request_t *request)
{
    if (request->list == NULL) {
        return;
    }
    if (request->prev != NULL) {
        request->prev->next = request->next;
    } else {
        request->list->first = request->next;
    }
    if (request->next != NULL) {
        request->next->prev = request->prev;
    }
    request->list->count--;
    request->list = NULL;
    request->prev = request->next = NULL;
}

void http_suspend(http_request_t *request)
{
    request->suspended = true;
    MHD_suspend_connection(request->connection);
}

void http_resume(http_request_t *request)
{
    if (request->suspended) {
        request->suspended = false;
        request->http->resumed = true;
        MHD_resume_connection(request->connection);
    }
}

void http_hold(http_request_t *request)
{
    request->held = true;
}

void http_release(http_request_t *request)
{
    http_list_remove(request);
    http_resume(request);
}

static void on_mhd_log(void *context, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static void on_mhd_log(void *context, const char *format, va_list args)
{
    (void)context;
    int saved = errno; /* http_start() wants MHD's errno, not the logger's */
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("libmicrohttpd", "detail", text, NULL);
    errno = saved;
}

static http_request_t *request_new(http_t *http, struct MHD_Connection *connection,
                                   const char *method)
{
    http_request_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->http = http;
    r->connection = connection;
    /* MHD leaves the body of an answer to HEAD out by itself */
    r->method = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method;
    r->body = (buffer_t)BUFFER_INIT(http->options.max_body);
    return r;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    http_request_t *r = *slot;
    if (r == NULL) {
        return;
    }
    *slot = NULL;
    http_list_remove(r);
    http_stream_over(r);
    if (r->response != NULL) {
        MHD_destroy_response(r->response);
    }
    http_drop_headers(r);
    buffer_free(&r->body);
    buffer_free(&r->pending);
    free(r);
}

/* The announced length; 0 when there is none (or none that MHD will accept anyway). */
static uint64_t announced_length(const http_request_t *r)
{
    const char *text = http_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    return strtoull(text, NULL, 10); /* saturates, which is right here */
}

/* Queues the decided answer, or holds it back until it is due. */
static enum MHD_Result deliver(http_request_t *r)
{
    if (r->response == NULL) {
        return MHD_NO;
    }
    if (r->due > clock_mono_ms() && !r->http->stopping) {
        http_list_add(&r->http->delayed, r);
        http_suspend(r);
        return MHD_YES;
    }
    enum MHD_Result queued = MHD_queue_response(r->connection, (unsigned)r->status, r->response);
    MHD_destroy_response(r->response); /* MHD holds its own reference */
    r->response = NULL;
    return queued;
}

static enum MHD_Result refuse_body(http_request_t *r)
{
    r->handled = true;
    http_reply_problem(r, MHD_HTTP_CONTENT_TOO_LARGE, "the body may have at most %zu bytes",
                       r->body.max);
    return deliver(r);
}

/* Only the headers are there. An answer of admit() waits for the end of the body, when that is
 * near: see above. */
static enum MHD_Result begin(http_request_t *r, const char *url)
{
    if (r->http->options.admit != NULL) {
        r->path = url;
        r->http->options.admit(r, r->http->context);
        r->handled = r->answered;
    }
    uint64_t length = announced_length(r);
    if (length <= r->body.max && !r->answered) {
        return MHD_YES;
    }
    r->too_big = true;
    const char *expect = http_header(r, MHD_HTTP_HEADER_EXPECT);
    bool waits = expect != NULL && strcasecmp(expect, "100-continue") == 0;
    if (!waits && length <= r->body.max + DRAIN_MAX) {
        return MHD_YES;
    }
    return r->answered ? deliver(r) : refuse_body(r);
}

static enum MHD_Result take_body(http_request_t *r, const char *data, size_t len)
{
    r->body_seen += len;
    if (!r->too_big && r->body_seen > r->body.max) {
        r->too_big = true;
    }
    if (!r->too_big) {
        buffer_append(&r->body, data, len);
        return r->body.failed ? MHD_NO : MHD_YES; /* no memory */
    }
    buffer_free(&r->body);
    return r->body_seen <= r->body.max + DRAIN_MAX ? MHD_YES : MHD_NO;
}

static void handle(http_request_t *r, const char *url)
{
    http_t *http = r->http;
    r->handled = true;
    r->path = url;
    if (http->stopping) {
        http_reply_problem(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
        return;
    }
    http->handler(r, http->context);
    if (!r->answered && !r->held) {
        http_reply_problem(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "the request was not answered");
    }
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *len, void **slot)
{
    (void)version;
    http_request_t *r = *slot;
    if (r == NULL) {
        r = request_new(context, connection, method);
        *slot = r;
        return r == NULL ? MHD_NO : begin(r, url);
    }
    if (*len > 0) {
        enum MHD_Result taken = take_body(r, data, *len);
        *len = 0;
        return taken;
    }
    if (r->too_big && !r->handled) {
        return refuse_body(r);
    }
    if (!r->handled) {
        handle(r, url);
    }
    if (r->held && !r->answered) {
        http_list_add(&r->http->held, r);
        http_suspend(r);
        return MHD_YES;
    }
    /* either just decided, or resumed after a delay */
    return deliver(r);
}

static int address_of(const http_options_t *options, struct sockaddr_storage *out)
{
    const char *text = options->address;
    if (text == NULL) {
        return -EINVAL;
    }
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(options->port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
        memcpy(out, &v6, sizeof v6);
    } else if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(out, &v4, sizeof v4);
    } else {
        return -EINVAL;
    }
    return 0;
}

static void fill_defaults(http_options_t *o)
{
    o->address = NULL;
    o->max_body = o->max_body == 0 ? DEFAULT_MAX_BODY : o->max_body;
    o->max_connections = o->max_connections == 0 ? DEFAULT_CONNECTIONS : o->max_connections;
    o->max_streams = o->max_streams == 0 ? (o->max_connections + 1) / 2 : o->max_streams;
    o->idle_seconds = o->idle_seconds == 0 ? DEFAULT_IDLE_SECONDS : o->idle_seconds;
}

static struct MHD_Daemon *start_daemon(http_t *http, const struct sockaddr_storage *address)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    flags |= address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0U;
    const http_options_t *o = &http->options;
    return MHD_start_daemon(
        flags, o->port, NULL, NULL, on_access, http, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
        MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, o->max_connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->max_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        o->idle_seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_END);
}

int http_start(const http_options_t *options, http_handler_fn handler, void *context, http_t **out)
{
    struct sockaddr_storage address;
    int rc = address_of(options, &address);
    if (rc != 0) {
        return rc;
    }
    http_t *http = calloc(1, sizeof *http);
    if (http == NULL) {
        return -ENOMEM;
    }
    http->options = *options;
    http->handler = handler;
    http->context = context;
    fill_defaults(&http->options);
    errno = 0;
    http->daemon = start_daemon(http, &address);
    if (http->daemon == NULL) {
        rc = errno != 0 ? -errno : -EIO;
        free(http);
        return rc;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    http->fd = info->epoll_fd;
    info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    http->port = info->port;
    *out = http;
    return 0;
}

void http_stop(http_t **handle_ptr)
{
    http_t *http = *handle_ptr;
    if (http == NULL) {
        return;
    }
    http->stopping = true;
    http_wake_streams(http);
    while (http->delayed.first != NULL) {
        http_request_t *r = http->delayed.first;
        http_list_remove(r);
        http_resume(r);
    }
    while (http->held.first != NULL) { /* the owner should have */
        http_request_t *r = http->held.first;
        http_reply_problem(r, MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
        http_release(r);
    }
    MHD_run(http->daemon); /* streams get their proper end, as far as the sockets take it */
    /* one more may have been held up in between; from now on nothing suspends */
    http_wake_streams(http);
    MHD_stop_daemon(http->daemon);
    free(http);
    *handle_ptr = NULL;
}

uint16_t http_port(const http_t *http)
{
    return http->port;
}

int http_fd(const http_t *http)
{
    return http->fd;
}

int http_timeout_ms(http_t *http)
{
    if (http->resumed) {
        return 0;
    }
    int64_t best = INT_MAX;
    MHD_UNSIGNED_LONG_LONG mhd_ms;
    if (MHD_get_timeout(http->daemon, &mhd_ms) == MHD_YES && mhd_ms < INT_MAX) {
        best = (int64_t)mhd_ms;
    }
    int64_t now = http->delayed.first != NULL ? clock_mono_ms() : 0;
    for (http_request_t *r = http->delayed.first; r != NULL; r = r->next) {
        int64_t wait = r->due > now ? r->due - now : 0;
        best = wait < best ? wait : best;
    }
    return best == INT_MAX ? -1 : (int)best;
}

void http_run(http_t *http)
{
    int64_t now = http->delayed.first != NULL ? clock_mono_ms() : 0;
    http_request_t *next = NULL;
    for (http_request_t *r = http->delayed.first; r != NULL; r = next) {
        next = r->next;
        if (r->due <= now) {
            http_list_remove(r);
            http_resume(r);
        }
    }
    http->resumed = false; /* before the run: callbacks may resume others */
    MHD_run(http->daemon);
}
