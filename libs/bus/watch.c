/* watch.c - see watch.h. A monitor's message is two frames: event (16 bits) and value (32 bits) in
 * the machine's own order, then the address. */
#include "bus/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define WATCHED                                                                                    \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |                             \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |                  \
     ZMQ_EVENT_DISCONNECTED)

static void refused(watch_t *w, const char *at_server, const char *at_client)
{
    w->shaken = false;
    w->refusals.times++;
    w->refusals.why = w->server ? at_server : at_client;
}

static void on_event(watch_t *w, uint16_t event, uint32_t value)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        w->shaken = true;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        w->shaken = false;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        refused(w, "its key is not among those that may connect",
                "the producer does not know our key");
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        refused(w, "it expects another server's key, or sends none",
                "the producer has another key, or none");
        break;
    default: /* ours to tell apart: EFAULT is what an authenticator that is not there comes to */
        refused(w, value == EFAULT ? "the authenticator has ended" : "the consumer gave up",
                "the producer closed the connection: it has another key, or ended");
        break;
    }
}

static int on_readable(zloop_t *loop, zsock_t *events, void *context)
{
    (void)loop;
    zmsg_t *message = zmsg_recv_nowait(events);
    zframe_t *head = message != NULL ? zmsg_first(message) : NULL;
    if (head != NULL && zframe_size(head) == sizeof(uint16_t) + sizeof(uint32_t)) {
        uint16_t event;
        uint32_t value;
        memcpy(&event, zframe_data(head), sizeof event);
        memcpy(&value, zframe_data(head) + sizeof event, sizeof value);
        on_event(context, event, value);
    }
    zmsg_destroy(&message);
    return 0;
}

int watch_start(watch_t *w, zloop_t *loop, zsock_t *socket, bool server)
{
    char place[64];
    snprintf(place, sizeof place, "inproc://chiso-watch-%" PRIxPTR, (uintptr_t)socket);
    w->loop = loop;
    w->server = server;
    w->shaken = false;
    if (zmq_socket_monitor(zsock_resolve(socket), place, WATCHED) != 0) {
        return -errno;
    }
    w->events = zsock_new(ZMQ_PAIR);
    if (w->events == NULL || zsock_connect(w->events, "%s", place) != 0 ||
        zloop_reader(loop, w->events, on_readable, w) != 0) {
        zsock_destroy(&w->events);
        return -ENOMEM;
    }
    zloop_reader_set_tolerant(loop, w->events);
    return 0;
}

void watch_stop(watch_t *w, zsock_t *socket)
{
    if (w->events != NULL) {
        zloop_reader_end(w->loop, w->events);
        zmq_socket_monitor(zsock_resolve(socket), NULL, 0);
        zsock_destroy(&w->events);
    }
}
