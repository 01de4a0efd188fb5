/* server.c - the producer's end of the bus, see bus.h.
 *
 * A FETCH that finds nothing new is parked and answered right after the commit that brings
 * something, so that the latency of a hop is that of the commit. One FETCH is parked per consumer:
 * a repeated one (its answer was lost) takes the place of the first.
 */
#include "base/clock.h"
#include "base/error.h"
#include "bus/frame.h"
#include "bus/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZAP_ENFORCE_DOMAIN 93 /* a draft of zmq.h, in libzmq since 4.3.0 */
#define REBIND_MS 3000        /* for as long the place of the socket may still be taken by itself */
#define AUTH_MS 5000          /* for the authenticator to take a folder */
#define MAX_PARKED 64
#define MAX_IDENTITY 255
#define PAGE_BYTES (4 * 1024 * 1024)
#define PAGE_EVENTS (WIRE_MAX_FIELDS / 2) /* each is a field to the consumer's door */

typedef struct {
    uint8_t identity[MAX_IDENTITY];
    size_t identity_len; /* 0: free */
    uint64_t from_seq;
    uint32_t max_events;
    uint32_t max_bytes;
    int64_t answer_by; /* monotonic ms */
} parked_t;

struct bus_server {
    bus_server_options_t options;
    zloop_t *loop;
    zactor_t *auth;
    bool auth_ended;
    char *clients;                   /* the folder that the authenticator reads */
    char public_key[FRAME_KEY_SIZE]; /* "": no CURVE */
    zsock_t *socket;
    watch_t watch;
    int timer;
    parked_t parked[MAX_PARKED];
};

/* What a batch or page is gathered in: copies, because the journal's memory is the transaction's.
 */
typedef struct {
    buffer_t bytes;
    ProtobufCBinaryData *events;
    size_t n, cap, max_events, max_bytes;
    bool failed;
} gather_t;

struct bus_page {
    gather_t gather;
    buffer_t cursor;
};

static bool gather_add(gather_t *g, bytes_t event)
{
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? 64 : g->cap * 2;
        ProtobufCBinaryData *grown = realloc(g->events, cap * sizeof *grown);
        if (grown == NULL) {
            g->failed = true;
            return false;
        }
        g->events = grown;
        g->cap = cap;
    }
    g->events[g->n++].len = event.len;
    buffer_append(&g->bytes, event.data, event.len);
    return g->n < g->max_events && g->bytes.len < g->max_bytes;
}

/* The buffer no longer moves: point every event at its bytes. */
static void gather_finish(gather_t *g)
{
    uint8_t *at = g->bytes.data;
    for (size_t i = 0; i < g->n; i++) {
        g->events[i].data = at;
        at += g->events[i].len;
    }
    g->failed = g->failed || g->bytes.failed;
}

static void gather_free(gather_t *g)
{
    buffer_free(&g->bytes);
    free(g->events);
}

static void send_to(bus_server_t *s, const uint8_t *identity, size_t len, const frame_t *frame)
{
    /* with router_mandatory a peer that left makes this fail: it will ask again */
    if (zmq_send(zsock_resolve(s->socket), identity, len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
        frame_send(s->socket, frame);
    }
}

static bool gather_record(void *context, uint64_t seq, bytes_t payload)
{
    (void)seq;
    return gather_add(context, payload);
}

static void answer_batch(bus_server_t *s, const parked_t *p)
{
    gather_t g = {.bytes = BUFFER_INIT(BUS_MAX_FRAME),
                  .max_events = p->max_events,
                  .max_bytes = p->max_bytes};
    journal_t *journal = s->options.journal;
    if (p->from_seq <= journal_head(journal)) {
        store_txn_t *txn = store_read(s->options.store);
        if (journal_read(journal, txn, p->from_seq, gather_record, &g) < 0) {
            g.failed = true; /* say nothing rather than something wrong */
            if (s->options.failed != NULL) {
                s->options.failed(s->options.context);
            }
        }
        store_abort(&txn);
    }
    gather_finish(&g);
    if (!g.failed) {
        Chiso__V1__Batch batch = CHISO__V1__BATCH__INIT;
        batch.epoch = journal_epoch(journal);
        batch.first_seq = p->from_seq;
        batch.head_seq = journal_head(journal);
        batch.has_upstream_age = 1;
        batch.upstream_age =
            s->options.upstream_age != NULL ? s->options.upstream_age(s->options.context) : 0;
        batch.n_events = g.n;
        batch.events = g.events;
        frame_t frame = CHISO__V1__FRAME__INIT;
        frame.body_case = CHISO__V1__FRAME__BODY_BATCH;
        frame.batch = &batch;
        send_to(s, p->identity, p->identity_len, &frame);
    }
    gather_free(&g);
}

static void answer_reset(bus_server_t *s, const uint8_t *identity, size_t len)
{
    Chiso__V1__Reset reset = CHISO__V1__RESET__INIT;
    reset.epoch = journal_epoch(s->options.journal);
    reset.first_seq = journal_first(s->options.journal);
    reset.head_seq = journal_head(s->options.journal);
    frame_t frame = CHISO__V1__FRAME__INIT;
    frame.body_case = CHISO__V1__FRAME__BODY_RESET;
    frame.reset = &reset;
    send_to(s, identity, len, &frame);
}

static void park(bus_server_t *s, const parked_t *wish)
{
    parked_t *room = NULL;
    for (size_t i = 0; i < MAX_PARKED; i++) {
        parked_t *p = &s->parked[i];
        if (p->identity_len == wish->identity_len &&
            memcmp(p->identity, wish->identity, wish->identity_len) == 0) {
            room = p;
            break;
        }
        if (p->identity_len == 0 && room == NULL) {
            room = p;
        }
    }
    if (room != NULL) { /* else it asks again */
        *room = *wish;
    }
}

static void on_fetch(bus_server_t *s, const uint8_t *identity, size_t len,
                     const Chiso__V1__Fetch *fetch)
{
    journal_t *journal = s->options.journal;
    /* whoever is new starts with the present state, not with all of history: what was superseded
     * long ago would be told as news */
    bool new_here = fetch->epoch == 0 && fetch->from_seq == 1 && journal_head(journal) == 0;
    if ((fetch->epoch != journal_epoch(journal) && !new_here) ||
        fetch->from_seq < journal_first(journal) || fetch->from_seq > journal_head(journal) + 1) {
        answer_reset(s, identity, len);
        return;
    }
    bool ahead = fetch->has_durable_seq && fetch->durable_seq < fetch->from_seq;
    uint64_t durable = ahead ? fetch->durable_seq : fetch->from_seq;
    if (journal_acknowledge(journal, fetch->consumer, durable) != 0) {
        return;
    }
    parked_t wish = {.identity_len = len,
                     .from_seq = fetch->from_seq,
                     .max_events = fetch->max_events,
                     .max_bytes = fetch->max_bytes,
                     .answer_by = clock_mono_ms() + BUS_PARK_MS};
    memcpy(wish.identity, identity, len);
    if (wish.max_events == 0 || wish.max_events > BUS_BATCH_EVENTS) {
        wish.max_events = BUS_BATCH_EVENTS;
    }
    if (wish.max_bytes > BUS_BATCH_BYTES) {
        wish.max_bytes = BUS_BATCH_BYTES;
    }
    if (fetch->from_seq <= journal_head(journal)) {
        answer_batch(s, &wish);
    } else {
        park(s, &wish);
    }
}

void bus_page_add(bus_page_t *page, bytes_t event)
{
    gather_add(&page->gather, event);
}

bool bus_page_full(const bus_page_t *page)
{
    return page->gather.bytes.len >= page->gather.max_bytes ||
           page->gather.n >= page->gather.max_events;
}

void bus_page_continue(bus_page_t *page, bytes_t cursor)
{
    buffer_clear(&page->cursor);
    buffer_append(&page->cursor, cursor.data, cursor.len);
}

static void on_snapshot(bus_server_t *s, const uint8_t *identity, size_t len,
                        const Chiso__V1__SnapshotFetch *fetch)
{
    bus_page_t page = {.gather = {.bytes = BUFFER_INIT(BUS_MAX_FRAME), .max_bytes = PAGE_BYTES},
                       .cursor = BUFFER_INIT(4096)};
    page.gather.max_events = PAGE_EVENTS;
    Chiso__V1__SnapshotPage answer = CHISO__V1__SNAPSHOT_PAGE__INIT;
    answer.epoch = journal_epoch(s->options.journal);
    answer.tail_seq = journal_head(s->options.journal) + 1;
    int rc = s->options.snapshot(s->options.context,
                                 bytes_of(fetch->cursor.data, fetch->cursor.len), &page);
    gather_finish(&page.gather);
    if (rc == 0 && !page.gather.failed && !page.cursor.failed) {
        answer.n_events = page.gather.n;
        answer.events = page.gather.events;
        answer.has_cursor = 1;
        answer.cursor = fetch->cursor;
        answer.next_cursor.data = page.cursor.data;
        answer.next_cursor.len = page.cursor.len;
        frame_t frame = CHISO__V1__FRAME__INIT;
        frame.body_case = CHISO__V1__FRAME__BODY_SNAPSHOT_PAGE;
        frame.snapshot_page = &answer;
        send_to(s, identity, len, &frame);
    }
    gather_free(&page.gather);
    buffer_free(&page.cursor);
}

static void on_message(bus_server_t *s, zmsg_t *message)
{
    zframe_t *identity = zmsg_first(message);
    zframe_t *body = zmsg_next(message);
    if (identity == NULL || body == NULL || zmsg_next(message) != NULL ||
        zframe_size(identity) > MAX_IDENTITY) {
        return;
    }
    wire_arena_t *arena = NULL;
    const frame_t *frame;
    if (frame_decode(bytes_of(zframe_data(body), zframe_size(body)), &arena, &frame) != 0) {
        return; /* not one of ours */
    }
    if (frame->body_case == CHISO__V1__FRAME__BODY_FETCH) {
        on_fetch(s, zframe_data(identity), zframe_size(identity), frame->fetch);
    } else if (frame->body_case == CHISO__V1__FRAME__BODY_SNAPSHOT_FETCH) {
        on_snapshot(s, zframe_data(identity), zframe_size(identity), frame->snapshot_fetch);
    }
    wire_free(&arena);
}

static int on_readable(zloop_t *loop, zsock_t *socket, void *context)
{
    (void)loop;
    zmsg_t *message = zmsg_recv_nowait(socket);
    if (message != NULL) {
        on_message(context, message);
        zmsg_destroy(&message);
    }
    return 0;
}

static void answer_parked(bus_server_t *s, bool only_due)
{
    int64_t now = clock_mono_ms();
    uint64_t head = journal_head(s->options.journal);
    for (size_t i = 0; i < MAX_PARKED; i++) {
        parked_t *p = &s->parked[i];
        if (p->identity_len != 0 && (p->from_seq <= head || (only_due && p->answer_by <= now))) {
            parked_t wish = *p;
            p->identity_len = 0;
            answer_batch(s, &wish);
        }
    }
}

static int on_timer(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    answer_parked(context, true);
    return 0;
}

void bus_server_announce(bus_server_t *s)
{
    answer_parked(s, false);
}

/* The authenticator says nothing of its own accord but that it has ended. */
static int on_auth(zloop_t *loop, zsock_t *socket, void *context)
{
    bus_server_t *s = context;
    zmsg_t *message = zmsg_recv_nowait(socket);
    zmsg_destroy(&message);
    s->auth_ended = true;
    zloop_reader_end(loop, socket);
    return 0;
}

static void use_key(bus_server_t *s, zcert_t *key)
{
    zcert_apply(key, s->socket);
    snprintf(s->public_key, sizeof s->public_key, "%s", zcert_public_txt(key));
}

static int use_clients(bus_server_t *s, const char *folder, char reason[256])
{
    char *copy = strdup(folder);
    if (copy == NULL) {
        return -ENOMEM;
    }
    if (zstr_sendx(s->auth, "CURVE", folder, NULL) != 0 || zsock_wait(s->auth) != 0) {
        free(copy);
        snprintf(reason, 256, "the authenticator does not answer");
        return -ETIMEDOUT;
    }
    free(s->clients);
    s->clients = copy;
    return 0;
}

/* The authenticator must run before the socket is bound: until it does, an unknown key would be let
 * in. With the domain enforced, a dead authenticator refuses everybody. */
static int secure(bus_server_t *s, char reason[256])
{
    const bus_curve_t *curve = &s->options.curve;
    if (curve->secret == NULL) {
        return 0;
    }
    zcert_t *key = frame_load_key(curve->secret, reason);
    if (key == NULL) {
        return CHISO_E_CONFIG;
    }
    s->auth = zactor_new(zauth, NULL);
    if (s->auth == NULL) {
        zcert_destroy(&key);
        return -ENOMEM;
    }
    zsock_set_rcvtimeo(zactor_sock(s->auth), AUTH_MS);
    zsock_set_zap_domain(s->socket, "chiso");
    use_key(s, key);
    zsock_set_curve_server(s->socket, 1);
    zcert_destroy(&key);
    int rc = use_clients(s, curve->clients, reason);
    if (rc != 0) {
        return rc;
    }
    zloop_reader(s->loop, zactor_sock(s->auth), on_auth, s);
    zloop_reader_set_tolerant(s->loop, zactor_sock(s->auth));
    /* czmq's own setter does nothing in Debian 12, silently: without this a dead authenticator lets
     * everybody in */
    int enforce = 1;
    if (zmq_setsockopt(zsock_resolve(s->socket), ZAP_ENFORCE_DOMAIN, &enforce, sizeof enforce) !=
        0) {
        snprintf(reason, 256, "this ZeroMQ cannot enforce authentication");
        return CHISO_E_CONFIG;
    }
    return 0;
}

int bus_server_start(zloop_t *loop, const bus_server_options_t *options, char reason[256],
                     bus_server_t **out)
{
    int rc = bus_check_endpoint(options->endpoint, &options->curve, true, reason);
    if (rc != 0) {
        return rc;
    }
    bus_server_t *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return -ENOMEM;
    }
    s->options = *options;
    s->loop = loop;
    s->timer = -1;
    s->socket = zsock_new(ZMQ_ROUTER);
    if (s->socket == NULL) {
        free(s);
        return -ENOMEM;
    }
    zsock_set_router_mandatory(s->socket, 1);
    zsock_set_router_handover(s->socket, 1);
    zsock_set_maxmsgsize(s->socket, BUS_MAX_FRAME);
    zsock_set_heartbeat_ivl(s->socket, 1000);
    zsock_set_heartbeat_timeout(s->socket, 5000);
    zsock_set_sndhwm(s->socket, 16); /* answers are asked for one by one */
    zsock_set_linger(s->socket, 0);
    rc = secure(s, reason);
    if (rc == 0 && zsock_bind(s->socket, "%s", options->endpoint) < 0) {
        rc = errno > 0 ? -errno : -EADDRNOTAVAIL;
        snprintf(reason, 256, "%s: %s", options->endpoint, zmq_strerror(-rc));
    }
    rc = rc == 0 ? watch_start(&s->watch, loop, s->socket, true) : rc;
    if (rc == 0) {
        rc = zloop_reader(loop, s->socket, on_readable, s);
        s->timer = zloop_timer(loop, 100, 0, on_timer, s);
    }
    if (rc != 0) {
        bus_server_stop(&s);
        return rc;
    }
    zloop_reader_set_tolerant(loop, s->socket);
    *out = s;
    return 0;
}

void bus_server_stop(bus_server_t **server)
{
    if (server == NULL || *server == NULL) {
        return;
    }
    bus_server_t *s = *server;
    zloop_reader_end(s->loop, s->socket);
    if (s->timer >= 0) {
        zloop_timer_end(s->loop, s->timer);
    }
    watch_stop(&s->watch, s->socket);
    zsock_destroy(&s->socket);
    if (s->auth != NULL && !s->auth_ended) {
        zloop_reader_end(s->loop, zactor_sock(s->auth));
    }
    zactor_destroy(&s->auth);
    free(s->clients);
    free(s);
    *server = NULL;
}

/* Unbinding is done by another thread: until it is, the place is taken, and what is bound too early
 * to an ipc path loses its file to it. */
static int rebind(bus_server_t *s, char reason[256])
{
    char place[512];
    snprintf(place, sizeof place, "%s", zsock_endpoint(s->socket));
    const char *file = strncmp(place, "ipc://", 6) == 0 ? place + 6 : NULL;
    int64_t end = clock_mono_ms() + REBIND_MS;
    int rc = zsock_unbind(s->socket, "%s", place);
    while (file != NULL && access(file, F_OK) == 0 && clock_mono_ms() < end) {
        zclock_sleep(1);
    }
    while ((rc = zsock_bind(s->socket, "%s", place)) < 0 && clock_mono_ms() < end) {
        zclock_sleep(5);
    }
    if (rc < 0) {
        rc = errno > 0 ? -errno : -EADDRNOTAVAIL;
        snprintf(reason, 256, "%s: %s", place, zmq_strerror(-rc));
    }
    return rc < 0 ? rc : 0;
}

int bus_server_rekey(bus_server_t *s, const bus_curve_t *curve, char reason[256])
{
    if (s->auth == NULL || curve->secret == NULL || curve->clients == NULL) {
        return 0;
    }
    zcert_t *key = frame_load_key(curve->secret, reason);
    if (key == NULL) {
        return CHISO_E_CONFIG;
    }
    int rc = 0;
    if (!s->auth_ended && strcmp(curve->clients, s->clients) != 0) {
        rc = use_clients(s, curve->clients, reason);
    }
    if (rc == 0 && strcmp(zcert_public_txt(key), s->public_key) != 0) {
        use_key(s, key);
        rc = rebind(s, reason);
    }
    zcert_destroy(&key);
    return rc;
}

bus_refusals_t bus_server_refusals(const bus_server_t *server)
{
    return server->watch.refusals;
}

bool bus_server_guarded(const bus_server_t *server)
{
    return !server->auth_ended;
}

const char *bus_server_endpoint(const bus_server_t *server)
{
    return zsock_endpoint(server->socket);
}
