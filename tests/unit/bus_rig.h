/* bus_rig.h - a producer in a thread with its own loop, store and journal, and a consumer in the
 * thread of the test, over real sockets.
 *
 * The producer takes orders over its pipe: "append N SIZE", "trim FLOOR", "doze MS", and answers
 * each when it is done. Its snapshot is the payload of every record from 1 on, as it was appended.
 */
#ifndef CHISO_TESTS_BUS_RIG_H
#define CHISO_TESTS_BUS_RIG_H

#include "base/clock.h"
#include "base/error.h"
#include "bus/bus.h"
#include "bus/inbox.h"
#include "folder.h"

/* For what comes: far longer than any pause of the machine. */
#define LIMIT_MS 120000

static const char *const producer_tables[] = {JOURNAL_TABLES, "state", NULL};
enum { P_JOURNAL, P_STATE = P_JOURNAL + 3 };
static const char *const consumer_tables[] = {INBOX_TABLES, "data", NULL};
enum { C_INBOX, C_DEAD, C_DATA };

/* Owned by the producer's thread while it runs, but for what is marked. */
typedef struct {
    char path[FOLDER_SIZE];
    char endpoint[128]; /* read by all after the start */
    bus_curve_t curve;
    const char *error; /* of the start; NULL: it runs */
    int nap_ms;        /* set before the start: the first page of a snapshot takes so long */
    unsigned tiny;     /* set before the start: a snapshot of so many events of 8 bytes */
    uint64_t epoch;    /* set by the start */
    store_t *store;
    journal_t *journal;
    bus_server_t *server;
    char reason[256];
} producer_t;

static inline bytes_t rig_payload(uint64_t seq, size_t size, uint8_t *room)
{
    be64_put(room, seq);
    memset(room + 8, (int)('a' + seq % 26), size - 8);
    return bytes_of(room, size);
}

static inline int rig_tiny(const producer_t *p, uint64_t from, bus_page_t *page)
{
    for (uint64_t i = from; i < p->tiny; i++) {
        uint8_t eight[8];
        be64_put(eight, i + 1);
        if (bus_page_full(page)) {
            bus_page_continue(page, bytes_of(eight, 8));
            return 0;
        }
        bus_page_add(page, bytes_of(eight, 8));
    }
    return 0;
}

static inline int rig_snapshot(void *context, bytes_t cursor, bus_page_t *page)
{
    producer_t *p = context;
    if (cursor.len == 0 && p->nap_ms > 0) {
        zclock_sleep(p->nap_ms);
    }
    if (p->tiny > 0) {
        return rig_tiny(p, cursor.len == 8 ? be64_get(cursor.data) - 1 : 0, page);
    }
    store_txn_t *txn = store_read(p->store);
    store_cursor_t *c;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, P_STATE, cursor, &c, &key, &value);
    for (; more; more = store_next(c, &key, &value)) {
        if (bus_page_full(page)) {
            bus_page_continue(page, key);
            break;
        }
        bus_page_add(page, value);
    }
    store_cursor_close(&c);
    int rc = store_status(txn);
    store_abort(&txn);
    return rc;
}

static inline int rig_append(producer_t *p, unsigned n, size_t size)
{
    uint8_t *room = malloc(size);
    store_txn_t *txn = store_write(p->store);
    for (unsigned i = 0; i < n; i++) {
        uint8_t key[8];
        uint64_t seq = journal_head(p->journal) + i + 1;
        bytes_t payload = rig_payload(seq, size, room);
        journal_append(p->journal, txn, payload);
        be64_put(key, seq);
        store_put(txn, P_STATE, bytes_of(key, 8), payload);
    }
    free(room);
    journal_seal(p->journal, txn);
    int rc = store_commit(&txn);
    journal_settle(p->journal, rc == 0);
    bus_server_announce(p->server);
    return rc;
}

static inline int rig_trim(producer_t *p, uint64_t floor)
{
    store_txn_t *txn = store_write(p->store);
    journal_trim(p->journal, txn, floor, UINT32_MAX);
    journal_seal(p->journal, txn);
    int rc = store_commit(&txn);
    journal_settle(p->journal, rc == 0);
    return rc;
}

static inline int rig_order(zloop_t *loop, zsock_t *pipe, void *context)
{
    (void)loop;
    producer_t *p = context;
    char *order = zstr_recv(pipe);
    unsigned n = 0;
    size_t size = 0;
    int rc = 0;
    if (order == NULL || strcmp(order, "$TERM") == 0) {
        free(order);
        return -1;
    }
    if (sscanf(order, "append %u %zu", &n, &size) == 2) {
        rc = rig_append(p, n, size);
    } else if (sscanf(order, "trim %u", &n) == 1) {
        rc = rig_trim(p, n);
    } else if (sscanf(order, "doze %u", &n) == 1) {
        zsock_signal(pipe, 0); /* busy from here on */
        zclock_sleep((int)n);
        free(order);
        return 0;
    }
    free(order);
    zsock_signal(pipe, (byte)(rc != 0));
    return 0;
}

static inline void rig_producer(zsock_t *pipe, void *context)
{
    producer_t *p = context;
    zloop_t *loop = zloop_new();
    char *folder = folder_file(p->path, "producer");
    store_options_t store = {.map_size = 256 << 20, .tables = producer_tables};
    journal_options_t journal = {.records = P_JOURNAL, .keep_records = 1, .max_bytes = 1};
    bus_server_options_t options = {
        .endpoint = p->endpoint, .curve = p->curve, .snapshot = rig_snapshot, .context = p};
    p->error = NULL;
    if (store_open(folder, &store, p->reason, &p->store) != 0) {
        p->error = p->reason;
    } else if (journal_open(p->store, &journal, &p->journal) != 0) {
        p->error = "journal";
    } else {
        options.store = p->store;
        options.journal = p->journal;
        if (bus_server_start(loop, &options, p->reason, &p->server) != 0) {
            p->error = p->reason;
        }
    }
    if (p->error == NULL) {
        snprintf(p->endpoint, sizeof p->endpoint, "%s", bus_server_endpoint(p->server));
        p->epoch = journal_epoch(p->journal);
        zloop_reader(loop, pipe, rig_order, p);
    }
    zsock_signal(pipe, 0);
    if (p->error == NULL) {
        zloop_start(loop);
    }
    bus_server_stop(&p->server);
    journal_close(&p->journal);
    store_close(&p->store);
    free(folder);
    zloop_destroy(&loop);
}

static inline zactor_t *producer_start(producer_t *p)
{
    zactor_t *actor = zactor_new(rig_producer, p);
    assert_non_null(actor);
    /* ZeroMQ closes the socket of the producer before in its own time */
    for (int i = 0;
         i < LIMIT_MS / 50 && p->error != NULL && strstr(p->error, "already in use") != NULL; i++) {
        zactor_destroy(&actor);
        p->error = NULL;
        zclock_sleep(50);
        actor = zactor_new(rig_producer, p);
        assert_non_null(actor);
    }
    if (p->error != NULL) {
        fail_msg("%s", p->error);
    }
    return actor;
}

static inline void order(zactor_t *producer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void order(zactor_t *producer, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    zstr_send(producer, text);
    assert_int_equal(zsock_wait(producer), 0);
}

/* ---- the consumer ---- */

typedef struct consumer consumer_t;
struct consumer {
    char path[FOLDER_SIZE];
    store_t *store;
    uint64_t epoch, next_seq, tail_seq;
    unsigned batches, snapshots; /* taken */
    unsigned refusals;           /* asked of the handler: so many CHISO_E_FULL first */
    unsigned refused;
    int stop_code; /* then this, always; 0: take it */
    size_t largest;
    int64_t taken_at;
    size_t snapshot_events;
    uint64_t first_of_refused;
    bool (*done)(consumer_t *c);
    uint64_t wanted; /* for done */
    bus_client_t *client;
};

static inline int rig_refuse(consumer_t *c)
{
    if (c->refusals > 0) {
        c->refusals--;
        c->refused++;
        return CHISO_E_FULL;
    }
    return c->stop_code;
}

static inline int rig_on_batch(void *context, uint64_t epoch, uint64_t first_seq,
                               const bytes_t *events, size_t n_events, uint64_t head_seq)
{
    consumer_t *c = context;
    assert_true(head_seq >= first_seq + n_events - 1);
    assert_int_equal(first_seq, c->next_seq);
    if (c->refused > 0) {
        assert_int_equal(first_seq, c->first_of_refused); /* the same again */
    }
    c->first_of_refused = first_seq;
    int rc = rig_refuse(c);
    if (rc != 0) {
        return rc;
    }
    c->refused = 0;
    store_txn_t *txn = store_write(c->store);
    for (size_t i = 0; i < n_events; i++) {
        assert_int_equal(be64_get(events[i].data), first_seq + i);
        store_append(txn, C_DATA, bytes_of(events[i].data, 8), events[i]); /* refuses a second */
    }
    inbox_advance(txn, C_INBOX, epoch, first_seq + n_events);
    assert_int_equal(store_commit(&txn), 0);
    c->epoch = epoch;
    c->next_seq = first_seq + n_events;
    c->largest = n_events > c->largest ? n_events : c->largest;
    c->batches++;
    c->taken_at = clock_mono_ms();
    return 0;
}

static inline int rig_on_snapshot(void *context, uint64_t epoch, uint64_t tail_seq,
                                  const bytes_t *events, size_t n_events)
{
    consumer_t *c = context;
    int rc = rig_refuse(c);
    if (rc != 0) {
        return rc;
    }
    store_txn_t *txn = store_write(c->store);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, C_DATA, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        uint8_t copy[8];
        memcpy(copy, key.data, 8);
        store_delete(txn, C_DATA, bytes_of(copy, 8));
    }
    store_cursor_close(&cursor);
    for (size_t i = 0; i < n_events; i++) {
        store_put(txn, C_DATA, bytes_of(events[i].data, 8), events[i]);
    }
    inbox_advance(txn, C_INBOX, epoch, tail_seq);
    assert_int_equal(store_commit(&txn), 0);
    c->epoch = epoch;
    c->next_seq = c->tail_seq = tail_seq;
    c->snapshot_events = n_events;
    c->snapshots++;
    return 0;
}

static inline int rig_check(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    consumer_t *c = context;
    return c->done(c) ? -1 : 0;
}

static inline int rig_alarm(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    *(bool *)context = true;
    return -1;
}

/* Runs a client in a loop of its own until done() or the end of the client; false after limit_ms.
 */
static inline bool consume(consumer_t *c, const bus_client_options_t *wish, int limit_ms)
{
    bus_client_options_t options = *wish;
    bus_handler_t handler = {rig_on_batch, rig_on_snapshot, c, NULL};
    char reason[256] = "";
    bool late = false;
    assert_int_equal(inbox_position(c->store, C_INBOX, &options.epoch, &options.next_seq), 0);
    options.epoch = wish->epoch != 0 ? wish->epoch : options.epoch;
    options.next_seq = wish->next_seq != 0 ? wish->next_seq : options.next_seq;
    options.consumer = wish->consumer != NULL ? wish->consumer : "consumer";
    c->next_seq = options.epoch == 0 ? 1 : options.next_seq;
    zloop_t *loop = zloop_new();
    assert_non_null(loop);
    if (bus_client_start(loop, &options, &handler, reason, &c->client) != 0) {
        fail_msg("%s", reason);
    }
    zloop_timer(loop, 5, 0, rig_check, c);
    zloop_timer(loop, (size_t)limit_ms, 1, rig_alarm, &late);
    zloop_start(loop);
    bool done = !late;
    bus_client_stop(&c->client);
    bus_client_stop(&c->client); /* nothing */
    zloop_destroy(&loop);
    return done;
}

static inline void consumer_open(consumer_t *c)
{
    folder_make(c->path);
    c->store = folder_store(c->path, consumer_tables);
    c->next_seq = 1;
}

static inline void consumer_close(consumer_t *c)
{
    store_close(&c->store);
    folder_remove(c->path);
}

static inline uint64_t consumer_has(consumer_t *c)
{
    store_txn_t *txn = store_read(c->store);
    uint64_t n = store_count(txn, C_DATA);
    store_abort(&txn);
    return n;
}

/* Has exactly 1..n, each with its bytes. */
static inline void consumer_holds(consumer_t *c, uint64_t n, size_t size)
{
    uint8_t *room = malloc(size);
    store_txn_t *txn = store_read(c->store);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    uint64_t seq = 0;
    bool more = store_seek(txn, C_DATA, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        assert_int_equal(be64_get(key.data), ++seq);
        assert_true(bytes_equal(value, rig_payload(seq, size, room)));
    }
    assert_int_equal(seq, n);
    store_cursor_close(&cursor);
    store_abort(&txn);
    free(room);
}

static inline bool done_at(consumer_t *c)
{
    return c->next_seq > c->wanted;
}

#endif
