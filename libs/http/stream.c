/* stream.c - event streams: answers that stay open.
 *
 * MHD asks its content reader again and again as long as the socket takes data, so a reader that
 * has nothing must suspend the connection, or the loop would spin. A suspended connection is not
 * watched by MHD at all: the peer's closing is seen here, when the stream is woken and has nothing
 * to send, and by the failing write when it has. A peer that vanished without a word, or that does
 * not read for a minute, is given up by the kernel (TCP_USER_TIMEOUT), since the idle time-out
 * cannot apply to streams.
 */
#include "http/http_internal.h"

#include "log/log.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define STREAM_BLOCK 8192
#define UNREAD_MS 60000

static int socket_of(const http_request_t *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info != NULL ? info->connect_fd : -1;
}

static bool peer_is_gone(const http_request_t *r)
{
    struct pollfd p = {.fd = socket_of(r), .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static ssize_t read_stream(void *context, uint64_t pos, char *out, size_t max)
{
    (void)pos;
    http_request_t *r = context;
    if (r->sent == r->pending.len && !r->ended) {
        buffer_clear(&r->pending);
        r->sent = 0;
        r->ended = r->http->stopping || !r->pull(&r->pending, r->stream);
        if (r->pending.failed) {
            /* half an event may be in it; the client comes back with its Last-Event-ID */
            log_debug("http stream overflowed", NULL);
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
    }
    size_t left = r->pending.len - r->sent;
    size_t n = left < max ? left : max;
    if (n > 0) {
        memcpy(out, r->pending.data + r->sent, n);
        r->sent += n;
        return (ssize_t)n;
    }
    if (r->ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (peer_is_gone(r)) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    /* nothing is owed: a client that waits holds no buffer */
    buffer_free(&r->pending);
    r->pending = (buffer_t)BUFFER_INIT(HTTP_PULL_MAX);
    r->sent = 0;
    http_suspend(r);
    return 0;
}

void http_stream_over(http_request_t *request)
{
    http_close_fn closed = request->closed;
    request->closed = NULL;
    if (closed != NULL) {
        closed(request->stream);
    }
}

void http_stream(http_request_t *request, http_pull_fn pull, http_close_fn closed, void *stream)
{
    http_t *http = request->http;
    request->closed = closed;
    request->stream = stream;
    struct MHD_Response *response = NULL;
    if (http->streams.count < http->options.max_streams) {
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream,
                                                     request, NULL);
    }
    if (response == NULL) {
        http_stream_over(request);
        http_set_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "5");
        http_reply_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "too many event streams");
        return;
    }
    request->pull = pull;
    request->pending = (buffer_t)BUFFER_INIT(HTTP_PULL_MAX);
    http_list_add(&http->streams, request);
    MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
    unsigned unread = UNREAD_MS;
    setsockopt(socket_of(request), IPPROTO_TCP, TCP_USER_TIMEOUT, &unread, sizeof unread);
    /* the exemption from the time-out must not outlive the stream */
    http_set_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
    http_set_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    http_set_header(request, "X-Accel-Buffering", "no"); /* nginx would hold events back */
    http_decide(request, MHD_HTTP_OK, "text/event-stream", response);
}

void http_wake_streams(http_t *http)
{
    for (http_request_t *r = http->streams.first; r != NULL; r = r->next) {
        http_resume(r);
    }
}

unsigned http_streams(const http_t *http)
{
    return http->streams.count;
}
