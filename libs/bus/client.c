/* client.c - the consumer's end of the bus, see bus.h.
 *
 * One question is open at a time. The next FETCH also is the acknowledgement of what is durable; an
 * owner that commits in another thread asks ahead of that. A lost question or answer is asked
 * again.
 */
#include "base/clock.h"
#include "base/error.h"
#include "bus/frame.h"
#include "bus/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FULL_PAUSE_MS 1000

struct bus_client {
    bus_client_options_t options;
    bus_handler_t handler;
    zloop_t *loop;
    zsock_t *socket;
    watch_t watch;
    zcert_t *own; /* NULL: no CURVE */
    char servers[BUS_MAX_SERVERS][FRAME_KEY_SIZE];
    int n_servers, server;   /* which of them is tried, or was right */
    int64_t trying_since;    /* monotonic ms */
    uint64_t refused_before; /* refusals until then */
    int timer;
    uint64_t epoch;
    uint64_t next_seq;
    uint64_t head_seq;
    int64_t asked_at; /* monotonic ms */
    int64_t heard_at;
    int64_t told_at;   /* when the producer last said … */
    uint64_t told_age; /* …how old its own news of the start of the line was */
    int64_t paused_until;
    bool in_snapshot;
    bool stopped;
    /* a snapshot as it comes in */
    uint64_t snapshot_epoch;
    uint64_t tail_seq;
    buffer_t cursor;
    buffer_t bytes;
    size_t *lengths;
    size_t n_events, cap_events;
};

static void ask(bus_client_t *c)
{
    frame_t frame = CHISO__V1__FRAME__INIT;
    Chiso__V1__Fetch fetch = CHISO__V1__FETCH__INIT;
    Chiso__V1__SnapshotFetch page = CHISO__V1__SNAPSHOT_FETCH__INIT;
    if (c->in_snapshot) {
        page.consumer = (char *)(uintptr_t)c->options.consumer;
        page.cursor.data = c->cursor.data;
        page.cursor.len = c->cursor.len;
        page.max_bytes = BUS_BATCH_BYTES;
        frame.body_case = CHISO__V1__FRAME__BODY_SNAPSHOT_FETCH;
        frame.snapshot_fetch = &page;
    } else {
        fetch.consumer = (char *)(uintptr_t)c->options.consumer;
        fetch.epoch = c->epoch;
        fetch.from_seq = c->next_seq;
        fetch.max_events = BUS_BATCH_EVENTS;
        fetch.max_bytes = BUS_BATCH_BYTES;
        if (c->handler.durable != NULL) {
            fetch.has_durable_seq = 1;
            fetch.durable_seq = c->handler.durable(c->handler.context);
        }
        frame.body_case = CHISO__V1__FRAME__BODY_FETCH;
        frame.fetch = &fetch;
    }
    c->asked_at = clock_mono_ms();
    if (!frame_send(c->socket, &frame)) {
        c->asked_at -= BUS_PATIENCE_MS; /* not connected: try at the next tick */
    }
}

static void begin_snapshot(bus_client_t *c)
{
    c->in_snapshot = true;
    c->snapshot_epoch = 0;
    c->n_events = 0;
    buffer_clear(&c->cursor);
    buffer_clear(&c->bytes);
}

/* What the handler made of it: go on, pause, or stop for good. */
static bool handled(bus_client_t *c, int rc)
{
    if (rc == CHISO_E_FULL) {
        c->paused_until = clock_mono_ms() + FULL_PAUSE_MS;
    } else if (rc != 0) {
        c->stopped = true;
    }
    return rc == 0;
}

static bool on_batch(bus_client_t *c, const Chiso__V1__Batch *batch)
{
    if (c->in_snapshot || batch->first_seq != c->next_seq ||
        (c->epoch != 0 && batch->epoch != c->epoch)) {
        return false; /* the answer to an older question */
    }
    c->head_seq = batch->head_seq;
    c->told_age = batch->has_upstream_age ? batch->upstream_age : UINT64_MAX;
    c->told_at = clock_mono_ms();
    if (batch->n_events == 0) {
        return true;
    }
    bytes_t *events = calloc(batch->n_events, sizeof *events);
    if (events == NULL) {
        return handled(c, CHISO_E_FULL);
    }
    for (size_t i = 0; i < batch->n_events; i++) {
        events[i] = bytes_of(batch->events[i].data, batch->events[i].len);
    }
    int rc = c->handler.batch(c->handler.context, batch->epoch, batch->first_seq, events,
                              batch->n_events, batch->head_seq);
    free(events);
    if (handled(c, rc)) {
        c->epoch = batch->epoch;
        c->next_seq += batch->n_events;
        return true;
    }
    return false;
}

static bool keep_page(bus_client_t *c, const Chiso__V1__SnapshotPage *page)
{
    for (size_t i = 0; i < page->n_events; i++) {
        if (c->n_events == c->cap_events) {
            size_t cap = c->cap_events == 0 ? 1024 : c->cap_events * 2;
            size_t *grown = realloc(c->lengths, cap * sizeof *grown);
            if (grown == NULL) {
                return false;
            }
            c->lengths = grown;
            c->cap_events = cap;
        }
        c->lengths[c->n_events++] = page->events[i].len;
        buffer_append(&c->bytes, page->events[i].data, page->events[i].len);
    }
    return !c->bytes.failed;
}

static bool apply_snapshot(bus_client_t *c)
{
    bytes_t *events = calloc(c->n_events + 1, sizeof *events);
    if (events == NULL) {
        return handled(c, CHISO_E_FULL);
    }
    const uint8_t *at = c->bytes.data;
    for (size_t i = 0; i < c->n_events; i++) {
        events[i] = bytes_of(at, c->lengths[i]);
        at += c->lengths[i];
    }
    int rc = c->handler.snapshot(c->handler.context, c->snapshot_epoch, c->tail_seq, events,
                                 c->n_events);
    free(events);
    if (!handled(c, rc)) {
        begin_snapshot(c);
        return false;
    }
    c->epoch = c->snapshot_epoch;
    c->next_seq = c->tail_seq;
    c->in_snapshot = false;
    buffer_free(&c->bytes); /* it can be large, and is seldom needed */
    free(c->lengths);
    c->lengths = NULL;
    c->n_events = c->cap_events = 0;
    return true;
}

static bool on_page(bus_client_t *c, const Chiso__V1__SnapshotPage *page)
{
    if (!c->in_snapshot || !page->has_cursor ||
        !bytes_equal(bytes_of(page->cursor.data, page->cursor.len), buffer_bytes(&c->cursor))) {
        return false; /* the answer to an older question */
    }
    if (c->snapshot_epoch == 0) {
        c->snapshot_epoch = page->epoch;
        c->tail_seq = page->tail_seq;
    }
    if (page->epoch != c->snapshot_epoch || !keep_page(c, page)) {
        begin_snapshot(c); /* the producer started over in the middle, or memory ran out */
        return true;
    }
    buffer_clear(&c->cursor);
    buffer_append(&c->cursor, page->next_cursor.data, page->next_cursor.len);
    return page->next_cursor.len > 0 || apply_snapshot(c);
}

static void on_message(bus_client_t *c, zmsg_t *message)
{
    zframe_t *body = zmsg_first(message);
    wire_arena_t *arena = NULL;
    const frame_t *frame;
    if (c->stopped || zmsg_size(message) != 1 ||
        frame_decode(bytes_of(zframe_data(body), zframe_size(body)), &arena, &frame) != 0) {
        return;
    }
    c->heard_at = clock_mono_ms();
    bool go_on = false;
    if (frame->body_case == CHISO__V1__FRAME__BODY_BATCH) {
        go_on = on_batch(c, frame->batch);
    } else if (frame->body_case == CHISO__V1__FRAME__BODY_SNAPSHOT_PAGE) {
        go_on = on_page(c, frame->snapshot_page);
    } else if (frame->body_case == CHISO__V1__FRAME__BODY_RESET && !c->in_snapshot) {
        begin_snapshot(c);
        go_on = true;
    }
    wire_free(&arena);
    if (go_on) {
        ask(c);
    }
}

static int on_readable(zloop_t *loop, zsock_t *socket, void *context)
{
    (void)loop;
    bus_client_t *c = context;
    zmsg_t *message = zmsg_recv_nowait(socket);
    if (message != NULL) {
        on_message(c, message);
        zmsg_destroy(&message);
    }
    return c->stopped ? -1 : 0;
}

static void close_socket(bus_client_t *c)
{
    if (c->socket != NULL) {
        watch_stop(&c->watch, c->socket);
        zloop_reader_end(c->loop, c->socket);
        zsock_destroy(&c->socket);
    }
}

static int open_socket(bus_client_t *c, char reason[256])
{
    c->socket = zsock_new(ZMQ_DEALER);
    if (c->socket == NULL) {
        return -ENOMEM;
    }
    zsock_set_identity(c->socket, c->options.consumer);
    zsock_set_maxmsgsize(c->socket, BUS_MAX_FRAME);
    zsock_set_heartbeat_ivl(c->socket, 1000);
    zsock_set_heartbeat_timeout(c->socket, 5000);
    zsock_set_reconnect_ivl(c->socket, 50);
    zsock_set_reconnect_ivl_max(c->socket, 1000);
    zsock_set_immediate(c->socket, 1); /* do not queue questions for a peer that is away */
    zsock_set_linger(c->socket, 0);
    if (c->own != NULL) {
        zcert_apply(c->own, c->socket);
        zsock_set_curve_serverkey(c->socket, c->servers[c->server]);
    }
    int rc = watch_start(&c->watch, c->loop, c->socket, false);
    if (rc == 0 && zsock_connect(c->socket, "%s", c->options.endpoint) != 0) {
        rc = -EINVAL;
        snprintf(reason, 256, "%s: cannot be connected to", c->options.endpoint);
    }
    if (rc == 0) {
        rc = zloop_reader(c->loop, c->socket, on_readable, c);
    }
    /* not connected yet: the first question goes out on the first timer tick */
    c->trying_since = clock_mono_ms();
    c->refused_before = c->watch.refusals.times;
    c->asked_at = c->trying_since - BUS_PATIENCE_MS;
    return rc;
}

static void reopen(bus_client_t *c)
{
    char reason[256];
    close_socket(c);
    c->stopped = open_socket(c, reason) != 0;
}

/* ZeroMQ gives up when it was refused. The producer may know our key by now, or have another of
 * its own. */
static void try_again(bus_client_t *c, int64_t now)
{
    if (c->own != NULL && !c->watch.shaken && c->watch.refusals.times != c->refused_before &&
        now - c->trying_since >= BUS_PATIENCE_MS) {
        c->server = (c->server + 1) % c->n_servers;
        reopen(c);
    }
}

static int on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    bus_client_t *c = context;
    int64_t now = clock_mono_ms();
    try_again(c, now);
    if (c->stopped) {
        return -1;
    }
    bool paused = c->paused_until != 0;
    if ((paused && now >= c->paused_until) || (!paused && now - c->asked_at >= BUS_PATIENCE_MS)) {
        c->paused_until = 0;
        ask(c);
    }
    return 0;
}

/* Takes the keys of `curve`; *changed when they are others than before. */
static int load_keys(bus_client_t *c, const bus_curve_t *curve, bool *changed, char reason[256])
{
    char servers[BUS_MAX_SERVERS][FRAME_KEY_SIZE] = {{0}};
    zcert_t *own = frame_load_key(curve->secret, reason);
    int n = own != NULL ? frame_load_servers(curve->server, servers, reason) : CHISO_E_CONFIG;
    if (n < 0) {
        zcert_destroy(&own);
        return n;
    }
    *changed = c->own == NULL || strcmp(zcert_public_txt(c->own), zcert_public_txt(own)) != 0;
    int server = 0;
    for (int i = 0; i < n; i++) {
        if (c->n_servers > 0 && strcmp(servers[i], c->servers[c->server]) == 0) {
            server = i; /* go on with the one in use */
        }
    }
    *changed = *changed || strcmp(servers[server], c->servers[c->server]) != 0;
    zcert_destroy(&c->own);
    c->own = own;
    memcpy(c->servers, servers, sizeof c->servers);
    c->n_servers = n;
    c->server = server;
    return 0;
}

int bus_client_rekey(bus_client_t *c, const bus_curve_t *curve, char reason[256])
{
    bool changed;
    if (c->own == NULL || curve->secret == NULL || curve->server == NULL) {
        return 0;
    }
    int rc = load_keys(c, curve, &changed, reason);
    if (rc == 0 && changed) {
        reopen(c);
    }
    return rc;
}

bus_refusals_t bus_client_refusals(const bus_client_t *client)
{
    return client->watch.refusals;
}

int bus_client_start(zloop_t *loop, const bus_client_options_t *options,
                     const bus_handler_t *handler, char reason[256], bus_client_t **out)
{
    int rc = bus_check_endpoint(options->endpoint, &options->curve, false, reason);
    if (rc != 0) {
        return rc;
    }
    bus_client_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    *c = (bus_client_t){.options = *options,
                        .handler = *handler,
                        .loop = loop,
                        .timer = -1,
                        .told_age = UINT64_MAX,
                        .epoch = options->epoch,
                        .next_seq = options->epoch == 0 ? 1 : options->next_seq,
                        .cursor = BUFFER_INIT(4096),
                        .bytes = BUFFER_INIT(BUS_SNAPSHOT_MAX)};
    bool changed;
    rc = options->curve.secret != NULL ? load_keys(c, &options->curve, &changed, reason) : 0;
    rc = rc == 0 ? open_socket(c, reason) : rc;
    if (rc != 0) {
        bus_client_stop(&c);
        return rc;
    }
    c->timer = zloop_timer(loop, 100, 0, on_timer, c);
    if (options->fresh_snapshot) {
        begin_snapshot(c);
    }
    *out = c;
    return 0;
}

void bus_client_stop(bus_client_t **client)
{
    if (client == NULL || *client == NULL) {
        return;
    }
    bus_client_t *c = *client;
    close_socket(c);
    if (c->timer >= 0) {
        zloop_timer_end(c->loop, c->timer);
    }
    zcert_destroy(&c->own);
    buffer_free(&c->cursor);
    buffer_free(&c->bytes);
    free(c->lengths);
    free(c);
    *client = NULL;
}

bool bus_client_connected(const bus_client_t *c)
{
    return c->heard_at != 0 && clock_mono_ms() - c->heard_at < BUS_PATIENCE_MS;
}

uint64_t bus_client_lag(const bus_client_t *c)
{
    return c->head_seq >= c->next_seq ? c->head_seq - c->next_seq + 1 : 0;
}

uint64_t bus_client_upstream_age(const bus_client_t *c)
{
    return c->told_age == UINT64_MAX ? UINT64_MAX
                                     : c->told_age + (uint64_t)(clock_mono_ms() - c->told_at);
}
