/* test_http_stream.c - event streams: waking, leaving, stopping. */
#include "http_rig.h"

/* What the streams of a test share. */
typedef struct {
    int opened;
    int closed;
    int next;  /* the last event there is */
    bool over; /* end the streams */
    int pulls;
    int pulled;
} board_t;

typedef struct {
    board_t *board;
    int seen;
} reader_t;

static board_t board;

static bool pull_board(buffer_t *out, void *stream)
{
    reader_t *r = stream;
    r->board->pulls++;
    while (r->seen < r->board->next && out->max - out->len >= 64) {
        r->seen++;
        r->board->pulled++;
        buffer_printf(out, "id: %06d\ndata: x\n\n", r->seen);
    }
    return !r->board->over;
}

/* More than a stream may hold at once: the owner did not look at out->max. */
static bool pull_flood(buffer_t *out, void *stream)
{
    (void)stream;
    while (!out->failed) {
        buffer_append_text(out, "data: flood\n\n");
    }
    return true;
}

static void close_board(void *stream)
{
    reader_t *r = stream;
    r->board->closed++;
    free(r);
}

static void open_stream(http_request_t *request, http_pull_fn pull)
{
    reader_t *r = calloc(1, sizeof *r);
    r->board = &board;
    board.opened++;
    http_stream(request, pull, close_board, r);
}

static void handler(http_request_t *request, void *context)
{
    assert_ptr_equal(context, &board);
    handled++;
    const char *path = http_path(request);
    if (strcmp(path, "/events") == 0) {
        open_stream(request, pull_board);
    } else if (strcmp(path, "/flood") == 0) {
        open_stream(request, pull_flood);
    } else if (strcmp(path, "/post-event") == 0) {
        board.next++;
        http_wake_streams(server); /* from inside a handler */
        http_reply(request, 204, NULL, bytes_of(NULL, 0));
    } else {
        http_reply_badly(request, 200, "text/plain", bytes_of_text("late"), 3600000, SIZE_MAX);
    }
}

static void start_with(http_options_t options)
{
    memset(&board, 0, sizeof board);
    rig_start(options, handler, &board);
}

static void stop(void)
{
    rig_stop();
    assert_int_equal(board.closed, board.opened);
}

static void test_stream(void **state)
{
    (void)state;
    start_with((http_options_t){.max_streams = 5});
    for (int i = 0; i < 5; i++) {
        say(&clients[i], GET("/events"));
        until(&clients[i], "Content-Type: text/event-stream\r\n");
    }
    assert_int_equal(http_streams(server), 5);
    say(&clients[5], GET("/events"));
    until(&clients[5], "\"status\":503");
    assert_int_equal(board.closed, 1);
    run_for(20);
    turns = board.pulls = 0;
    run_for(300);
    assert_int_equal(board.pulls, 0);
    assert_true(turns < 20);
    board.next = 2;
    http_wake_streams(server);
    http_wake_streams(server);
    for (int i = 0; i < 5; i++) {
        until(&clients[i], "id: 000001\ndata: x\n\nid: 000002\n");
    }
    say(&clients[6], "POST /post-event" HOST "Content-Length: 0\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        until(&clients[i], "id: 000003\n");
    }
    board.over = true;
    http_wake_streams(server);
    for (int i = 0; i < 5; i++) {
        until(&clients[i], NULL);
        assert_true(has(&clients[i], "\r\n0\r\n\r\n")); /* ended, not broken off */
    }
    assert_int_equal(board.closed, 6);
    stop();
}

/* Headers are not held back until there is something to say: one of many comes at once. */
static void test_stream_headers(void **state)
{
    (void)state;
    start_with((http_options_t){.max_streams = 1000});
    client_t *c = &clients[0];
    for (int64_t took = DEADLINE_MS; took >= 150;) {
        assert_true(board.opened < 500);
        int64_t began = clock_mono_ms();
        say(c, GET("/events"));
        until(c, "Content-Type: text/event-stream\r\n");
        took = clock_mono_ms() - began;
        close(c->fd);
        c->fd = -1;
        buffer_clear(&c->in);
    }
    stop();
}

/* A client that goes is noticed at the next wake, with something to send and without. */
static void test_stream_gone(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    for (int i = 0; i < 3; i++) {
        say(&clients[i], GET("/events"));
        until(&clients[i], "text/event-stream");
    }
    close(clients[0].fd);
    clients[0].fd = -1;
    http_wake_streams(server);
    until_is(&board.closed, 1);
    assert_int_equal(http_streams(server), 2);
    close(clients[1].fd);
    clients[1].fd = -1;
    for (int i = 0; i < 3 || board.closed < 2; i++) {
        assert_true(i < 1000);
        board.next++;
        http_wake_streams(server);
        run_for(10);
    }
    assert_int_equal(board.closed, 2);
    until(&clients[2], "id: 000003\n");
    stop();
}

/* A reader that does not read is neither waited for nor asked for more than fits. */
static void test_stream_slow(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    int fd = connect_to(http_port(server));
    int small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_true(send(fd, GET("/events"), strlen(GET("/events")), 0) > 0);
    say(&clients[1], GET("/events"));
    until(&clients[1], "text/event-stream");
    for (int i = 0; i < 600; i++) {
        board.next += 1000;
        http_wake_streams(server);
        turn(0);
    }
    size_t all = 600000 * strlen("id: 100000\ndata: x\n\n");
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    while (clients[1].in.len < all && clock_mono_ms() < end) {
        turn(100);
    }
    assert_true(clients[1].in.len >= all); /* the other one is not held up */
    assert_true(board.pulled < 1100000);
    turns = 0;
    run_for(200);
    assert_true(turns < 20);
    clients[0].fd = fd;
    end = clock_mono_ms() + DEADLINE_MS;
    while (board.pulled < 1200000 && clock_mono_ms() < end) {
        turn(100);
    }
    board.over = true;
    http_wake_streams(server);
    until(&clients[0], NULL);
    assert_true(clients[0].in.len >= all && has(&clients[0], "\r\n0\r\n\r\n"));
    stop();
}

static void test_stream_overflow(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    say(&clients[0], GET("/flood"));
    until(&clients[0], NULL);
    assert_false(has(&clients[0], "data:"));
    assert_int_equal(board.closed, 1);
    stop();
}

static void test_stop_with_open(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    for (int i = 0; i < 3; i++) {
        say(&clients[i], GET("/events"));
        until(&clients[i], "text/event-stream");
    }
    say(&clients[3], GET("/very-late"));
    run_for(20);
    http_wake_streams(server); /* woken, but not run */
    int64_t began = clock_mono_ms();
    stop();
    assert_true(clock_mono_ms() - began < DEADLINE_MS);
    assert_int_equal(board.closed, 3);
}

static void test_stream_head(void **state)
{
    (void)state;
    start_with((http_options_t){0});
    say(&clients[0], "HEAD /events" HOST "\r\n");
    until(&clients[0], "text/event-stream");
    until_is(&board.closed, 1);
    assert_int_equal(board.pulls, 0);
    assert_int_equal(http_streams(server), 0);
    stop();
}

static void test_stream_idle(void **state)
{
    (void)state;
    start_with((http_options_t){.idle_seconds = 1});
    say(&clients[0], "GET /x HTT");
    say(&clients[1], GET("/events"));
    until(&clients[1], "text/event-stream");
    until(&clients[0], NULL);
    run_for(2200);
    assert_false(clients[1].ended);
    assert_int_equal(http_streams(server), 1);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),          cmocka_unit_test(test_stream_headers),
        cmocka_unit_test(test_stream_gone),     cmocka_unit_test(test_stream_slow),
        cmocka_unit_test(test_stream_overflow), cmocka_unit_test(test_stop_with_open),
        cmocka_unit_test(test_stream_head),     cmocka_unit_test(test_stream_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
