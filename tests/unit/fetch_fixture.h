/* fetch_fixture.h - what the tests of fetch share: canned answers, one server, one fetch_t. */
#ifndef CHISO_TESTS_FETCH_FIXTURE_H
#define CHISO_TESTS_FETCH_FIXTURE_H

#include "fetch/fetch.h"

#include "base/clock.h"
#include "canned_server.h"

#include <stdio.h>
#include <time.h>

/* The body is 100,000 zero bytes, packed. */
static const char gzip_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 132\r\n\r\n"
    "\037\213\010\000\000\000\000\000\002\003\355\301\061\001\000\000\000\302\240\365\117\155"
    "\015\017\240\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
    "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
    "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
    "\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
    "\000\000\000\000\000\000\000\000\000\000\000\200\127\003\175\225\021\324\240\206\001\000";

#define ANSWER(where, text, ...)                                                                   \
    {                                                                                              \
        .path = (where), .bytes = (text), .len = sizeof(text) - 1, __VA_ARGS__                     \
    }
#define LATE(text, ms) .late = (text), .late_len = sizeof(text) - 1, .pause_ms = (ms)
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define NO_BODY "Content-Length: 0\r\n\r\n"
#define CHUNKED_HELLO OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

static const canned_t answers[] = {
    ANSWER("/ok",
           OK_HEAD "Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\": \"ok\"}"),
    ANSWER("/empty", "HTTP/1.1 204 No Content\r\n\r\n"),
    ANSWER("/busy", "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy"),
    ANSWER("/never", "HTTP/1.1 429 No\r\nRetry-After: 99999999999999999999\r\n" NO_BODY),
    ANSWER("/odd", "HTTP/1.1 503 No\r\nRetry-After: -20040911\r\n" NO_BODY),
    ANSWER("/past", "HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n" NO_BODY),
    ANSWER("/future", "HTTP/1.1 503 No\r\nRetry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n" NO_BODY),
    ANSWER("/gzip", gzip_answer),
    ANSWER("/chunks", CHUNKED_HELLO, LATE("6\r\n world\r\n0\r\n\r\n", 20)),
    ANSWER("/slow", OK_HEAD "Content-Length: 10\r\n\r\n12345", LATE("67890", 600000)),
    ANSWER("/later200", OK_HEAD "Content-Length: 4\r\n\r\n", LATE("late", 200)),
    ANSWER("/later1600", OK_HEAD "Content-Length: 4\r\n\r\n", LATE("late", 1600)),
    ANSWER("/later6400", OK_HEAD "Content-Length: 4\r\n\r\n", LATE("late", 6400)),
    ANSWER("/cut", OK_HEAD "Content-Length: 10\r\n\r\n12345", .close = true),
    ANSWER("/cut-chunks", CHUNKED_HELLO, .close = true),
    ANSWER("/moved", "HTTP/1.1 302 Found\r\nLocation: /ok\r\n" NO_BODY),
    ANSWER("/garbage", "nonsense\r\n\r\n", .close = true),
    {.path = NULL},
};

static const char *const loopback[] = {"127.0.0.0/8", "::1/128", NULL};
/* Nothing takes that long, unless a test says so: not on a machine that stands still either. */
#define NEVER_MS 600000
#define PATIENT .connect_timeout_ms = NEVER_MS, .timeout_ms = NEVER_MS, .stall_timeout_ms = NEVER_MS
static const fetch_policy_t open_policy = {.allow_http = true, .allow_networks = loopback, PATIENT};

static fetch_t *fetch;
static server_t *server;

/* What the server of a test answers; a test file may set its own. */
static const canned_t *canned = answers;

static inline int set_up(void **state)
{
    (void)state;
    server = server_start(AF_INET, canned);
    return fetch_start(&(fetch_options_t){.user_agent = "test/1"}, &fetch);
}

static inline int tear_down(void **state)
{
    (void)state;
    fetch_stop(&fetch);
    server_stop(&server);
    return 0;
}

static inline void url_of(server_t *s, const char *host, const char *path, char out[128])
{
    snprintf(out, 128, "http://%s:%u%s", host, (unsigned)server_port(s), path);
}

static inline fetch_answer_t *wait_answer(void)
{
    struct pollfd ready = {.fd = fetch_fd(fetch), .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 120000), 1);
    fetch_answer_t *answer = fetch_take(fetch);
    assert_non_null(answer);
    return answer;
}

static inline void submit_url(const char *url, const fetch_policy_t *policy, void *context)
{
    fetch_request_t request = {.method = "GET", .url = url, .policy = policy, .context = context};
    assert_int_equal(fetch_submit(fetch, &request), 0);
}

static inline fetch_answer_t *get_url(const char *url, const fetch_policy_t *policy)
{
    static int mark;
    submit_url(url, policy, &mark);
    fetch_answer_t *answer = wait_answer();
    assert_ptr_equal(answer->context, &mark);
    assert_true(answer->answered_at >= answer->sent_at && answer->sent_at > 0);
    return answer;
}

static inline fetch_answer_t *get(const char *path, const fetch_policy_t *policy)
{
    char url[128];
    url_of(server, "127.0.0.1", path, url);
    return get_url(url, policy);
}

static inline bool starts_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static inline void expect_body(const fetch_answer_t *a, const char *text)
{
    assert_true(bytes_equal(buffer_bytes(&a->body), bytes_of_text(text)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
