/* test_bus_raw.c - each end of the bus against frames made by hand: what it answers to odd wishes,
 * and that garbage neither stops nor confuses it. */
#include "bus/frame.h"
#include "bus_rig.h"

typedef struct {
    producer_t producer;
    zactor_t *actor;
    zsock_t *raw; /* a DEALER to the real server, or a ROUTER to the real client */
    wire_arena_t *arena;
    const frame_t *frame;
    char reason[256];
} rig_t;

static void forget(rig_t *rig)
{
    wire_free(&rig->arena);
    rig->frame = NULL;
}

/* ---- against the server ---- */

static int setup(void **state)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->producer.path);
    snprintf(rig->producer.endpoint, sizeof rig->producer.endpoint, "tcp://127.0.0.1:*");
    rig->actor = producer_start(&rig->producer);
    rig->raw = zsock_new(ZMQ_DEALER);
    assert_non_null(rig->raw);
    zsock_set_identity(rig->raw, "raw");
    zsock_set_linger(rig->raw, 0);
    zsock_set_rcvtimeo(rig->raw, LIMIT_MS);
    assert_int_equal(zsock_connect(rig->raw, "%s", rig->producer.endpoint), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_t *rig = *state;
    forget(rig);
    zsock_destroy(&rig->raw);
    zactor_destroy(&rig->actor);
    folder_remove(rig->producer.path);
    free(rig);
    return 0;
}

static void fetch(rig_t *rig, uint64_t epoch, uint64_t from, uint32_t max_events,
                  uint32_t max_bytes)
{
    Chiso__V1__Fetch f = CHISO__V1__FETCH__INIT;
    frame_t frame = CHISO__V1__FRAME__INIT;
    f.consumer = (char *)(uintptr_t) "raw";
    f.epoch = epoch;
    f.from_seq = from;
    f.max_events = max_events;
    f.max_bytes = max_bytes;
    frame.body_case = CHISO__V1__FRAME__BODY_FETCH;
    frame.fetch = &f;
    assert_true(frame_send(rig->raw, &frame));
}

/* The body of the next answer; 0 when none comes in time. */
static int answer(rig_t *rig)
{
    forget(rig);
    zframe_t *f = zframe_recv(rig->raw);
    if (f == NULL) {
        return 0;
    }
    assert_false(zframe_more(f));
    int rc = frame_decode(bytes_of(zframe_data(f), zframe_size(f)), &rig->arena, &rig->frame);
    zframe_destroy(&f);
    assert_int_equal(rc, 0);
    return (int)rig->frame->body_case;
}

/* Whoever waits is told each BUS_PARK_MS that there is nothing: when the machine stood still, that
 * may come before what is waited for, which is the answer to the next question then. */
static bool nothing_yet(const rig_t *rig)
{
    return rig->frame->body_case == CHISO__V1__FRAME__BODY_BATCH &&
           rig->frame->batch->n_events == 0;
}

#define IS_BATCH CHISO__V1__FRAME__BODY_BATCH
#define IS_RESET CHISO__V1__FRAME__BODY_RESET
#define IS_PAGE CHISO__V1__FRAME__BODY_SNAPSHOT_PAGE

static void test_credit(void **state)
{
    rig_t *rig = *state;
    order(rig->actor, "append 3000 100");
    static const struct {
        uint32_t events, bytes;
        size_t want;
    } cases[] = {{1, 1 << 20, 1},       {7, 1 << 20, 7},       {100, 450, 5},
                 {100, 500, 5},         {100, 501, 6},         {100, 0, 1},
                 {0, UINT32_MAX, 1024}, {1025, 1 << 20, 1024}, {UINT32_MAX, UINT32_MAX, 1024}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fetch(rig, rig->producer.epoch, 11, cases[i].events, cases[i].bytes);
        assert_int_equal(answer(rig), IS_BATCH);
        const Chiso__V1__Batch *batch = rig->frame->batch;
        assert_true(batch->epoch == rig->producer.epoch);
        assert_int_equal(batch->first_seq, 11);
        assert_int_equal(batch->head_seq, 3000);
        assert_int_equal(batch->n_events, cases[i].want);
        for (size_t k = 0; k < batch->n_events; k++) {
            uint8_t room[100];
            bytes_t event = bytes_of(batch->events[k].data, batch->events[k].len);
            assert_true(bytes_equal(event, rig_payload(11 + k, 100, room)));
        }
    }
}

static void test_positions(void **state)
{
    rig_t *rig = *state;
    order(rig->actor, "append 20 50");
    static const struct {
        int epoch; /* 0, 1: the right one, 2: another */
        uint64_t from;
        int want;
    } cases[] = {{1, 1, IS_BATCH}, {1, 20, IS_BATCH}, {0, 1, IS_RESET},  {0, 2, IS_RESET},
                 {0, 0, IS_RESET}, {1, 0, IS_RESET},  {1, 22, IS_RESET}, {1, UINT64_MAX, IS_RESET},
                 {2, 1, IS_RESET}, {2, 21, IS_RESET}};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            uint64_t epoch = cases[i].epoch == 0   ? 0
                             : cases[i].epoch == 1 ? rig->producer.epoch
                                                   : rig->producer.epoch + 1;
            bool trimmed = round == 1 && cases[i].from < 15;
            fetch(rig, epoch, cases[i].from, 5, 1000);
            assert_int_equal(answer(rig), trimmed ? IS_RESET : cases[i].want);
            if (rig->frame->body_case == IS_RESET) {
                assert_true(rig->frame->reset->epoch == rig->producer.epoch);
                assert_int_equal(rig->frame->reset->first_seq, round == 0 ? 1 : 15);
                assert_int_equal(rig->frame->reset->head_seq, 20);
            }
        }
        order(rig->actor, "trim 15");
    }
}

/* Whoever is new starts with the present state; when there is none yet, with the first event. */
static void test_new_here(void **state)
{
    rig_t *rig = *state;
    fetch(rig, 0, 1, 10, 1000);
    zclock_sleep(50);
    order(rig->actor, "append 1 50");
    assert_int_equal(answer(rig), IS_BATCH);
    if (nothing_yet(rig)) { /* the question of one who is not new any more */
        fetch(rig, rig->producer.epoch, 1, 10, 1000);
        assert_int_equal(answer(rig), IS_BATCH);
    }
    assert_true(rig->frame->batch->epoch == rig->producer.epoch);
    assert_int_equal(rig->frame->batch->n_events, 1);
    fetch(rig, 0, 1, 10, 1000);
    assert_int_equal(answer(rig), IS_RESET);
}

/* What was acknowledged by a FETCH, and only that, may be trimmed. */
static void test_acknowledges(void **state)
{
    rig_t *rig = *state;
    order(rig->actor, "append 20 50");
    fetch(rig, rig->producer.epoch, 9, 5, 1000);
    assert_int_equal(answer(rig), IS_BATCH);
    order(rig->actor, "append 1 8"); /* orders are done one after the other */
    assert_int_equal(journal_slowest(rig->producer.journal), 9);
    fetch(rig, rig->producer.epoch + 1, 15, 5, 1000); /* of another journal: says nothing of ours */
    assert_int_equal(answer(rig), IS_RESET);
    order(rig->actor, "append 1 8");
    assert_int_equal(journal_slowest(rig->producer.journal), 9);
}

static void test_parked(void **state)
{
    rig_t *rig = *state;
    order(rig->actor, "append 2 50");
    uint64_t seq = 3;
    for (unsigned at_once = 0; at_once < 15; seq++) { /* with the commit, not with the keep-alive */
        assert_true(seq < 500);
        fetch(rig, rig->producer.epoch, seq, 10, 1000);
        zclock_sleep(20); /* it is parked by now */
        int64_t start = clock_mono_ms();
        zstr_send(rig->actor, "append 1 50");
        assert_int_equal(answer(rig), IS_BATCH);
        int64_t took = clock_mono_ms() - start;
        assert_int_equal(zsock_wait(rig->actor), 0);
        assert_int_equal(rig->frame->batch->first_seq, seq);
        if (!nothing_yet(rig)) {
            assert_int_equal(rig->frame->batch->n_events, 1);
            at_once += took < BUS_PARK_MS / 2;
        }
    }

    /* asked twice, answered once: the second takes the place of the first */
    for (bool again = true; again;) {
        assert_true(seq < 1000);
        fetch(rig, rig->producer.epoch, seq, 10, 1000);
        fetch(rig, rig->producer.epoch, seq, 10, 1000);
        zclock_sleep(100);
        order(rig->actor, "append 1 50");
        assert_int_equal(answer(rig), IS_BATCH);
        assert_int_equal(rig->frame->batch->first_seq, seq++);
        again = nothing_yet(rig);
        zsock_set_rcvtimeo(rig->raw, 3 * BUS_PARK_MS);
        while (again &&
               answer(rig) != 0) { /* the first may have been told that before the second came */
        }
        zsock_set_rcvtimeo(rig->raw, LIMIT_MS);
    }
    int64_t start = clock_mono_ms();
    fetch(rig, rig->producer.epoch, seq, 10, 1000);
    assert_int_equal(answer(rig), IS_BATCH); /* the keep-alive of the last one, not an old answer */
    assert_true(clock_mono_ms() - start >= BUS_PARK_MS - 200);
    assert_int_equal(rig->frame->batch->n_events, 0);
    assert_int_equal(rig->frame->batch->first_seq, seq);
    assert_int_equal(rig->frame->batch->head_seq, seq - 1);
    zsock_set_rcvtimeo(rig->raw, 300);
    assert_int_equal(answer(rig), 0); /* no more than was asked for */
}

static void send_garbage(zsock_t *raw, const uint8_t *identity, size_t identity_len)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "\x0a",
                                        "\x0a\x02\x0a\x00",
                                        "\xff\xff\xff\xff",
                                        "GET / HTTP/1.1\r\n\r\n",
                                        "\x1a\x00",
                                        "\x22\x00",
                                        "\x7a\x00"};
    for (size_t i = 0; i < 300; i++) {
        uint8_t noise[200];
        for (size_t k = 0; k < sizeof noise; k++) {
            noise[k] = (uint8_t)(i * 31 + k * k * 7 + (k >> 3) * i);
        }
        const char *t = texts[i % (sizeof texts / sizeof texts[0])];
        bytes_t body = i < 50 ? bytes_of_text(t) : bytes_of(noise, i % sizeof noise);
        zmsg_t *message = zmsg_new();
        if (identity_len > 0) {
            zmsg_addmem(message, identity, identity_len);
        }
        zmsg_addmem(message, body.data != NULL ? body.data : noise, body.len);
        for (size_t more = 0; more < i % 4; more++) {
            zmsg_addmem(message, noise, 20);
        }
        zmsg_send(&message, raw);
        zmsg_destroy(&message);
    }
}

static void test_garbage_to_server(void **state)
{
    rig_t *rig = *state;
    order(rig->actor, "append 5 50");
    send_garbage(rig->raw, NULL, 0);
    /* a good FETCH in two parts, and one of the other end's frames, are none either */
    Chiso__V1__Reset reset = CHISO__V1__RESET__INIT;
    frame_t frame = CHISO__V1__FRAME__INIT;
    frame.body_case = CHISO__V1__FRAME__BODY_RESET;
    frame.reset = &reset;
    assert_true(frame_send(rig->raw, &frame));
    zsock_set_rcvtimeo(rig->raw, 300);
    assert_int_equal(answer(rig), 0);
    zsock_set_rcvtimeo(rig->raw, LIMIT_MS);
    fetch(rig, rig->producer.epoch, 1, 10, 1000);
    assert_int_equal(answer(rig), IS_BATCH);
    assert_int_equal(rig->frame->batch->n_events, 5);
}

/* A consumer name that cannot be kept is not answered: its position would not be held. */
static void test_names(void **state)
{
    rig_t *rig = *state;
    order(rig->actor, "append 5 50");
    char name[65];
    memset(name, 'n', 64);
    name[64] = '\0';
    for (int i = 0; i < 2; i++) {
        Chiso__V1__Fetch f = CHISO__V1__FETCH__INIT;
        frame_t frame = CHISO__V1__FRAME__INIT;
        f.consumer = i == 0 ? name : (char *)(uintptr_t) "";
        f.epoch = rig->producer.epoch;
        f.from_seq = 1;
        f.max_events = 1;
        frame.body_case = CHISO__V1__FRAME__BODY_FETCH;
        frame.fetch = &f;
        assert_true(frame_send(rig->raw, &frame));
    }
    zsock_set_rcvtimeo(rig->raw, 300);
    assert_int_equal(answer(rig), 0);
}

static void test_pages(void **state)
{
    rig_t *rig = *state;
    order(rig->actor, "append 900 10000");
    uint8_t cursor[64];
    size_t cursor_len = 0;
    uint64_t next = 1;
    unsigned pages = 0;
    do {
        Chiso__V1__SnapshotFetch f = CHISO__V1__SNAPSHOT_FETCH__INIT;
        frame_t frame = CHISO__V1__FRAME__INIT;
        f.consumer = (char *)(uintptr_t) "raw";
        f.cursor = (ProtobufCBinaryData){cursor_len, cursor};
        f.max_bytes = 1 << 20;
        frame.body_case = CHISO__V1__FRAME__BODY_SNAPSHOT_FETCH;
        frame.snapshot_fetch = &f;
        assert_true(frame_send(rig->raw, &frame));
        assert_int_equal(answer(rig), IS_PAGE);
        const Chiso__V1__SnapshotPage *page = rig->frame->snapshot_page;
        assert_true(page->epoch == rig->producer.epoch);
        assert_int_equal(page->tail_seq, 901);
        for (size_t i = 0; i < page->n_events; i++) {
            assert_int_equal(be64_get(page->events[i].data), next++);
        }
        cursor_len = page->next_cursor.len;
        assert_true(cursor_len <= sizeof cursor);
        if (cursor_len > 0) {
            memcpy(cursor, page->next_cursor.data, cursor_len);
        }
        pages++;
    } while (cursor_len > 0);
    assert_int_equal(next, 901);
    assert_in_range(pages, 2, 9);
}

/* ---- against the client ---- */

typedef struct {
    zsock_t *router;
    char endpoint[128];
    unsigned fetches;
} false_server_t;

/* Answers each FETCH with garbage and with answers that nobody asked for, then with the right one.
 */
static void false_server(zsock_t *pipe, void *context)
{
    false_server_t *s = context;
    zsock_signal(pipe, 0);
    zpoller_t *poller = zpoller_new(pipe, s->router, NULL);
    while (zpoller_wait(poller, -1) == s->router) {
        zmsg_t *message = zmsg_recv(s->router);
        zframe_t *identity = zmsg_first(message);
        zframe_t *body = zmsg_next(message);
        wire_arena_t *arena = NULL;
        const frame_t *in;
        if (frame_decode(bytes_of(zframe_data(body), zframe_size(body)), &arena, &in) == 0 &&
            in->body_case == CHISO__V1__FRAME__BODY_FETCH) {
            s->fetches++;
            send_garbage(s->router, zframe_data(identity), zframe_size(identity));
            uint64_t from = in->fetch->from_seq;
            uint8_t payload[8];
            ProtobufCBinaryData event = {8, payload};
            Chiso__V1__Batch batch = CHISO__V1__BATCH__INIT;
            frame_t frame = CHISO__V1__FRAME__INIT;
            frame.body_case = CHISO__V1__FRAME__BODY_BATCH;
            frame.batch = &batch;
            batch.n_events = 1;
            batch.events = &event;
            batch.head_seq = 100;
            static const int shift[] = {1, -1, 50, 0, 0}; /* the fourth is of another journal */
            for (int i = 0; i < 5; i++) {
                batch.epoch = i == 3 && in->fetch->epoch != 0 ? 78 : 77;
                batch.first_seq = from + (uint64_t)(int64_t)shift[i];
                be64_put(payload, batch.first_seq);
                zmq_send(zsock_resolve(s->router), zframe_data(identity), zframe_size(identity),
                         ZMQ_SNDMORE);
                frame_send(s->router, &frame);
            }
        }
        wire_free(&arena);
        zmsg_destroy(&message);
    }
    zpoller_destroy(&poller);
}

static void test_false_server(void **state)
{
    (void)state;
    false_server_t s = {.router = zsock_new(ZMQ_ROUTER)};
    zsock_set_linger(s.router, 0);
    zsock_set_sndhwm(s.router, 100000);
    assert_true(zsock_bind(s.router, "tcp://127.0.0.1:*") > 0);
    snprintf(s.endpoint, sizeof s.endpoint, "%s", zsock_endpoint(s.router));
    zactor_t *actor = zactor_new(false_server, &s);
    consumer_t consumer = {0};
    consumer_open(&consumer);
    bus_client_options_t client = {.endpoint = s.endpoint};
    consumer.done = done_at;
    consumer.wanted = 20;
    assert_true(consume(&consumer, &client, LIMIT_MS));
    /* it may have taken one more before it was stopped; what it has is 1..n, each with its bytes */
    assert_true(consumer_has(&consumer) >= 20);
    consumer_holds(&consumer, consumer_has(&consumer), 8);
    assert_int_equal(consumer.snapshots, 0);
    assert_true(consumer.epoch == 77);
    zactor_destroy(&actor);
    zsock_destroy(&s.router);
    consumer_close(&consumer);
}

int main(void)
{
    bus_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_credit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_positions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_here, setup, teardown),
        cmocka_unit_test_setup_teardown(test_acknowledges, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_to_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test(test_false_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
