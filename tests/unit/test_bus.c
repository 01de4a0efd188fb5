/* test_bus.c - the contract of the bus, whatever carries it: in order, once in effect, from any
 * position. Each test runs over ipc and over tcp on loopback. */
#include "bus_rig.h"

typedef struct {
    producer_t producer;
    consumer_t consumer;
    zactor_t *actor;
    bus_client_options_t client;
    int64_t sent_at; /* for done_at_once */
    unsigned at_once;
} rig_t;

static rig_t *rig_new(bool tcp)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->producer.path);
    if (tcp) {
        snprintf(rig->producer.endpoint, sizeof rig->producer.endpoint, "tcp://127.0.0.1:*");
    } else {
        snprintf(rig->producer.endpoint, sizeof rig->producer.endpoint, "ipc://%s/bus",
                 rig->producer.path);
    }
    rig->client.endpoint = rig->producer.endpoint;
    consumer_open(&rig->consumer);
    return rig;
}

static int setup_ipc(void **state)
{
    *state = rig_new(false);
    return 0;
}

static int setup_tcp(void **state)
{
    *state = rig_new(true);
    return 0;
}

static int teardown(void **state)
{
    rig_t *rig = *state;
    zactor_destroy(&rig->actor);
    folder_remove(rig->producer.path);
    consumer_close(&rig->consumer);
    free(rig);
    return 0;
}

/* From the stored place on; for the first time from 1, as one that was there from the beginning. */
static void take_until(rig_t *rig, uint64_t seq)
{
    bus_client_options_t client = rig->client;
    if (rig->consumer.epoch == 0 && client.epoch == 0) {
        client.epoch = rig->producer.epoch;
        client.next_seq = 1;
    }
    rig->consumer.done = done_at;
    rig->consumer.wanted = seq;
    assert_true(consume(&rig->consumer, &client, LIMIT_MS));
}

static void test_in_order(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 1 8");
    order(rig->actor, "append 4999 64");
    take_until(rig, 1000); /* somewhere in the middle, and again from the stored place */
    take_until(rig, 5000);
    assert_true(rig->consumer.batches >= 5);
    assert_in_range(rig->consumer.largest, 1, BUS_BATCH_EVENTS);
    assert_int_equal(rig->consumer.snapshots, 0);
    assert_int_equal(consumer_has(&rig->consumer), 5000);
    assert_true(rig->consumer.epoch == rig->producer.epoch);
    uint64_t epoch;
    uint64_t next;
    assert_int_equal(inbox_position(rig->consumer.store, C_INBOX, &epoch, &next), 0);
    assert_int_equal(next, 5001);
}

/* Batches are bounded in bytes as well. */
static void test_large_events(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 20 1048576");
    take_until(rig, 20);
    assert_in_range(rig->consumer.largest, 1, BUS_BATCH_BYTES / 1048576 + 1);
    consumer_holds(&rig->consumer, 20, 1048576);
}

static bool done_parked(consumer_t *c)
{
    return bus_client_connected(c->client);
}

/* Appends one when the last was taken and the consumer waits again, parked. Until twenty were taken
 * at once: a FETCH that waited for its time-out would need a second each. */
static bool done_at_once(consumer_t *c)
{
    rig_t *rig = (rig_t *)((char *)c - offsetof(rig_t, consumer));
    int64_t now = clock_mono_ms();
    if (c->next_seq <= c->wanted || now - c->taken_at < 30) {
        return false;
    }
    rig->at_once += rig->sent_at > 0 && c->taken_at - rig->sent_at < BUS_PARK_MS / 2;
    if (rig->at_once == 20) {
        return true;
    }
    c->wanted++;
    rig->sent_at = clock_mono_ms();
    order(rig->actor, "append 1 16");
    return false;
}

static void test_latency(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    rig->client.epoch = rig->producer.epoch;
    rig->client.next_seq = 1;
    rig->consumer.done = done_at_once;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    assert_int_equal(rig->consumer.batches, rig->consumer.wanted); /* each by itself */
    assert_int_equal(consumer_has(&rig->consumer), rig->consumer.wanted);
}

static void test_keep_alive(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    rig->consumer.done = done_parked; /* nothing to give: an empty batch says that it lives */
    int64_t start = clock_mono_ms();
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    int64_t took = clock_mono_ms() - start;
    assert_true(took >= BUS_PARK_MS - 200);
    assert_int_equal(rig->consumer.batches, 0); /* and is not the handler's business */
}

static void test_other_epoch(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 50 100");
    rig->client.epoch = rig->producer.epoch ^ 1;
    rig->client.next_seq = 7;
    take_until(rig, 50);
    assert_int_equal(rig->consumer.snapshots, 1);
    assert_int_equal(rig->consumer.tail_seq, 51);
    assert_true(rig->consumer.epoch == rig->producer.epoch);
    consumer_holds(&rig->consumer, 50, 100);
    rig->client.epoch = rig->client.next_seq = 0;
    order(rig->actor, "append 5 100");
    take_until(rig, 55); /* the tail from there */
    assert_int_equal(rig->consumer.snapshots, 1);
    consumer_holds(&rig->consumer, 55, 100);
}

static bool done_snapshot(consumer_t *c)
{
    return c->snapshots > 0;
}

/* A position ahead of the head is of a journal that lost its end: not to be waited for. */
static void test_ahead_of_the_head(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 50 100");
    rig->client.epoch = rig->producer.epoch;
    rig->client.next_seq = 52;
    rig->consumer.done = done_snapshot;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    assert_int_equal(rig->consumer.tail_seq, 51);
    consumer_holds(&rig->consumer, 50, 100);
}

static void test_trimmed(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 1200 10000"); /* 12 MB: pages of 4 MiB */
    order(rig->actor, "trim 900");
    rig->client.epoch = rig->producer.epoch;
    rig->client.next_seq = 5;
    take_until(rig, 1200);
    assert_int_equal(rig->consumer.snapshots, 1);
    assert_int_equal(rig->consumer.snapshot_events, 1200);
    assert_int_equal(rig->consumer.batches, 0);
    consumer_holds(&rig->consumer, 1200, 10000);
    rig->client.epoch = rig->client.next_seq = 0;
    order(rig->actor, "append 3 10000");
    take_until(rig, 1203);
    assert_int_equal(rig->consumer.snapshots, 1);
    consumer_holds(&rig->consumer, 1203, 10000);
}

/* New here: the present state first, not all of history. */
static void test_new_here(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 20 100");
    rig->consumer.done = done_at;
    rig->consumer.wanted = 20;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    assert_int_equal(rig->consumer.snapshots, 1);
    assert_int_equal(rig->consumer.batches, 0);
    consumer_holds(&rig->consumer, 20, 100);
    order(rig->actor, "append 3 100");
    take_until(rig, 23);
    assert_int_equal(rig->consumer.snapshots, 1);
    consumer_holds(&rig->consumer, 23, 100);
}

static void test_fresh_snapshot(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 20 100");
    take_until(rig, 20);
    assert_int_equal(rig->consumer.snapshots, 0);
    rig->client.fresh_snapshot = true;
    rig->consumer.done = done_snapshot;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    assert_int_equal(rig->consumer.next_seq, 21);
    consumer_holds(&rig->consumer, 20, 100);
}

static void test_full(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 20 100");
    rig->consumer.refusals = 2;
    int64_t start = clock_mono_ms();
    take_until(rig, 20);
    int64_t took = clock_mono_ms() - start;
    assert_int_equal(rig->consumer.refusals, 0);
    assert_true(took >= 2000 - 100); /* a pause each, not a busy loop */
    consumer_holds(&rig->consumer, 20, 100);
    /* the same for a snapshot: the same again, and whole */
    rig->client.fresh_snapshot = true;
    rig->consumer.refusals = 1;
    rig->consumer.done = done_snapshot;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    assert_int_equal(rig->consumer.refusals, 0);
    consumer_holds(&rig->consumer, 20, 100);
}

static bool never(consumer_t *c)
{
    (void)c;
    return false;
}

static void test_stop(void **state)
{
    rig_t *rig = *state;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 20 100");
    rig->consumer.stop_code = CHISO_E_STORE;
    rig->consumer.done = never;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS)); /* the loop was ended */
    assert_int_equal(consumer_has(&rig->consumer), 0);
}

/* The producer goes away and comes back under the same name: no snapshot, nothing twice. */
static void test_producer_restarts(void **state)
{
    rig_t *rig = *state;
    for (unsigned life = 1; life <= 3; life++) {
        rig->actor = producer_start(&rig->producer);
        order(rig->actor, "append 10 100");
        take_until(rig, 10 * life);
        zactor_destroy(&rig->actor);
    }
    rig->actor = producer_start(&rig->producer);
    assert_int_equal(rig->consumer.snapshots, 0);
    consumer_holds(&rig->consumer, 30, 100);
}

/* A page is bounded in events too: a frame of more fields than the door lets in would be asked for
 * again and again. */
static void test_many_small_events(void **state)
{
    rig_t *rig = *state;
    rig->producer.tiny = 150000;
    rig->actor = producer_start(&rig->producer);
    rig->client.fresh_snapshot = true;
    rig->consumer.done = done_snapshot;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    assert_int_equal(rig->consumer.snapshot_events, 150000);
}

/* A producer that takes longer than the consumer's patience is asked twice and answers twice. The
 * second answer to a question must not become part of the snapshot, let alone of the next one. */
static void test_slow_snapshot(void **state)
{
    rig_t *rig = *state;
    rig->producer.nap_ms = BUS_PATIENCE_MS + 500;
    rig->actor = producer_start(&rig->producer);
    order(rig->actor, "append 600 10000"); /* two pages */
    rig->client.fresh_snapshot = true;
    rig->consumer.refusals = 1;
    rig->consumer.done = done_snapshot;
    assert_true(consume(&rig->consumer, &rig->client, LIMIT_MS));
    assert_int_equal(rig->consumer.snapshot_events, 600);
    consumer_holds(&rig->consumer, 600, 10000);
}

#define BOTH(test)                                                                                 \
    {#test " (ipc)", test, setup_ipc, teardown, NULL},                                             \
    {                                                                                              \
#test " (tcp)", test, setup_tcp, teardown, NULL                                            \
    }

int main(void)
{
    bus_init();
    const struct CMUnitTest tests[] = {
        BOTH(test_in_order),
        BOTH(test_large_events),
        BOTH(test_latency),
        BOTH(test_keep_alive),
        BOTH(test_other_epoch),
        BOTH(test_ahead_of_the_head),
        BOTH(test_trimmed),
        BOTH(test_new_here),
        BOTH(test_fresh_snapshot),
        BOTH(test_full),
        BOTH(test_stop),
        BOTH(test_producer_restarts),
        BOTH(test_many_small_events),
        {"test_slow_snapshot", test_slow_snapshot, setup_ipc, teardown, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
