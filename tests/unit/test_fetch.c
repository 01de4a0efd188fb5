/* test_fetch.c - fetch against real servers on loopback: answers, time-outs, queues, the end.
 * What it refuses is in test_fetch_policy.c. */
#include "fetch_fixture.h"

#include <errno.h>

static void test_get(void **state)
{
    (void)state;
    fetch_answer_t *a = get("/ok", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_int_equal(a->status, 200);
    assert_string_equal(a->content_type, "application/json");
    assert_string_equal(a->reason, "");
    assert_int_equal(a->retry_after_ms, -1);
    expect_body(a, "{\"a\": \"ok\"}");
    fetch_answer_free(&a);
    assert_null(a);
    assert_null(fetch_take(fetch));
    struct pollfd ready = {.fd = fetch_fd(fetch), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 0), 0);

    a = get("/empty", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_int_equal(a->status, 204);
    assert_string_equal(a->content_type, "");
    fetch_answer_free(&a);
    a = get("/chunks", &open_policy);
    expect_body(a, "hello world");
    fetch_answer_free(&a);
}

static void test_post(void **state)
{
    (void)state;
    static char seen[CANNED_MAX_REQUEST];
    static char body[20001]; /* larger than curl sends without an Expect header */
    char url[128];
    char header[] = "X-Key: secret";
    memset(body, 'x', sizeof body - 1);
    url_of(server, "127.0.0.1", "/ok?a=b", url);
    fetch_request_t request = {.method = "POST",
                               .url = url,
                               .headers = {header, "Content-Type: application/json"},
                               .body = bytes_of_text(body),
                               .policy = &open_policy};
    assert_int_equal(fetch_submit(fetch, &request), 0);
    memset(url, '!', sizeof url); /* the texts were copied */
    memset(header, '!', sizeof header);
    fetch_answer_t *a = wait_answer();
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
    server_last_request(server, seen);
    assert_true(starts_with(seen, "POST /ok?a=b HTTP/1.1\r\n"));
    assert_non_null(strstr(seen, "\r\nX-Key: secret\r\n"));
    assert_non_null(strstr(seen, "\r\nUser-Agent: test/1\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(seen, "\r\nAccept-Encoding: gzip, deflate\r\n"));
    assert_null(strcasestr(seen, "\r\nExpect:"));
    memset(body, 'x', sizeof body - 1);
    assert_string_equal(strstr(seen, "\r\n\r\n") + 4, body);
}

static void test_methods(void **state)
{
    (void)state;
    static char seen[CANNED_MAX_REQUEST];
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "HEAD"};
    char url[128];
    url_of(server, "127.0.0.1", "/empty", url);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        fetch_request_t request = {.method = methods[i], .url = url, .policy = &open_policy};
        assert_int_equal(fetch_submit(fetch, &request), 0);
        fetch_answer_t *a = wait_answer();
        assert_int_equal(a->result, FETCH_ANSWERED);
        fetch_answer_free(&a);
        server_last_request(server, seen);
        assert_true(starts_with(seen, methods[i]));
        assert_null(strcasestr(seen, "\r\nContent-Type:"));
    }
}

static int64_t retry_after(const char *path)
{
    fetch_answer_t *a = get(path, &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_true(a->status == 503 || a->status == 429);
    int64_t ms = a->retry_after_ms;
    fetch_answer_free(&a);
    return ms;
}

static void test_retry_after(void **state)
{
    (void)state;
    assert_int_equal(retry_after("/busy"), 7000);
    assert_int_equal(retry_after("/never"), 1000000000000);
    assert_int_equal(retry_after("/odd"), -1);
    assert_int_equal(retry_after("/past"), 0);
    int64_t to_2100 = 4102444800000 - clock_wall_ms();
    int64_t ms = retry_after("/future");
    assert_true(ms <= to_2100 && ms >= 4102444800000 - clock_wall_ms());
}

static void test_no_answer(void **state)
{
    (void)state;
    static const char *const paths[] = {"/cut", "/cut-chunks", "/garbage", "/unknown"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        fetch_answer_t *a = get(paths[i], &open_policy);
        assert_int_equal(a->result, FETCH_NO_ANSWER);
        assert_string_not_equal(a->reason, "");
        assert_int_equal(a->body.len, 0);
        assert_int_equal(a->status, 0);
        fetch_answer_free(&a);
    }
}

static void test_connection_refused(void **state)
{
    (void)state;
    char url[128];
    server_t *gone = server_start(AF_INET, answers);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/hook/topsecret?token=hidden#f",
             (unsigned)server_port(gone));
    server_stop(&gone);
    fetch_answer_t *a = get_url(url, &open_policy);
    assert_int_equal(a->result, FETCH_NO_ANSWER);
    assert_true(starts_with(a->reason, "http://127.0.0.1:"));
    assert_null(strstr(a->reason, "secret"));
    assert_null(strstr(a->reason, "hidden"));
    fetch_answer_free(&a);
}

static void test_timeout(void **state)
{
    (void)state;
    fetch_policy_t policy = open_policy;
    policy.timeout_ms = 150;
    int64_t began = clock_mono_ms();
    fetch_answer_t *a = get("/slow", &policy);
    assert_int_equal(a->result, FETCH_TIMED_OUT);
    assert_string_not_equal(a->reason, "");
    assert_int_equal(a->body.len, 0);
    assert_true(clock_mono_ms() - began >= 140);
    fetch_answer_free(&a);
}

static void take_many(bool *seen, unsigned n, fetch_result_t result)
{
    for (unsigned i = 0; i < n; i++) {
        fetch_answer_t *a = wait_answer();
        bool *mine = a->context;
        assert_true(mine >= seen && mine < seen + n && !*mine);
        *mine = true;
        assert_int_equal(a->result, result);
        fetch_answer_free(&a);
    }
    assert_null(fetch_take(fetch));
}

static void test_many(void **state)
{
    (void)state;
    enum { N = 1000 };
    bool seen[N] = {false};
    char url[128];
    url_of(server, "127.0.0.1", "/ok", url);
    for (unsigned i = 0; i < N; i++) {
        submit_url(url, &open_policy, &seen[i]);
    }
    take_many(seen, N, FETCH_ANSWERED);
    assert_in_range(server_accepts(server), 1, 2); /* all over the two kept connections */
    bool refused[N] = {false};
    for (unsigned i = 0; i < N; i++) {
        submit_url(url, NULL, &refused[i]);
    }
    take_many(refused, N, FETCH_REFUSED);
}

static void test_slow_host_blocks_nobody(void **state)
{
    (void)state;
    enum { N = 200 };
    char url[128];
    server_t *slow = server_start(AF_INET, answers);
    url_of(slow, "127.0.0.1", "/slow", url);
    for (unsigned i = 0; i < N; i++) {
        submit_url(url, &open_policy, NULL);
    }
    int64_t began = clock_mono_ms();
    fetch_answer_t *a = get("/ok", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
    assert_in_range(server_accepts(slow), 0, 2);
    fetch_stop(&fetch); /* with all of those under way or waiting */
    assert_true(clock_mono_ms() - began < NEVER_MS / 2);
    server_stop(&slow);
    assert_int_equal(fetch_start(NULL, &fetch), 0);
}

/* Twelve that take `each` ms, two at once, so that the last begins after 5 times that, and may take
 * 4.5 times. How many were in time? */
static unsigned in_time(int each)
{
    enum { N = 12 };
    char path[16], url[128];
    unsigned n = 0;
    fetch_policy_t policy = open_policy;
    policy.timeout_ms = each * 9 / 2;
    snprintf(path, sizeof path, "/later%d", each);
    url_of(server, "127.0.0.1", path, url);
    for (unsigned i = 0; i < N; i++) {
        submit_url(url, &policy, NULL);
    }
    for (unsigned i = 0; i < N; i++) {
        fetch_answer_t *a = wait_answer();
        n += a->result == FETCH_ANSWERED;
        fetch_answer_free(&a);
    }
    return n;
}

/* One that takes too long because the machine stood still is tried in slower steps. */
static void test_waiting_does_not_time_out(void **state)
{
    (void)state;
    assert_true(in_time(200) == 12 || in_time(1600) == 12 || in_time(6400) == 12);
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    enum { N = 50 };
    bool seen[N] = {false};
    char url[128];
    unsigned taken_in = 0;
    fetch_stop(&fetch);
    fetch_options_t options = {.max_running = 1, .max_queued = 3};
    assert_int_equal(fetch_start(&options, &fetch), 0);
    url_of(server, "127.0.0.1", "/ok", url);
    fetch_request_t request = {.method = "GET", .url = url, .policy = &open_policy};
    for (unsigned i = 0; i < N; i++) {
        request.context = &seen[taken_in];
        int rc = fetch_submit(fetch, &request);
        assert_true(rc == 0 || rc == -EAGAIN);
        taken_in += rc == 0;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    /* nobody takes: one answered, so none begun after it, and three waiting */
    assert_in_range(taken_in, 3, 4);
    take_many(seen, taken_in, FETCH_ANSWERED);
}

static void test_stop(void **state)
{
    (void)state;
    fetch_answer_t *none = NULL;
    char url[128];
    url_of(server, "127.0.0.1", "/ok", url);
    submit_url(url, &open_policy, NULL); /* answered, never taken */
    struct pollfd ready = {.fd = fetch_fd(fetch), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 120000), 1);
    url_of(server, "127.0.0.1", "/slow", url);
    submit_url(url, &open_policy, NULL);
    fetch_stop(&fetch);
    assert_null(fetch);
    fetch_stop(&fetch);
    fetch_answer_free(&none);
    assert_int_equal(fetch_start(NULL, &fetch), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_post),
        TEST(test_methods),
        TEST(test_retry_after),
        TEST(test_no_answer),
        TEST(test_connection_refused),
        TEST(test_timeout),
        TEST(test_many),
        TEST(test_slow_host_blocks_nobody),
        TEST(test_waiting_does_not_time_out),
        TEST(test_queue_is_bounded),
        TEST(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
