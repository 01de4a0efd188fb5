/* test_fetch_head.c - what is kept of the head of an answer, and the bodies that are cut off:
 * bombs, stalls, headers without end. */
#include "fetch_fixture.h"

#include <errno.h>

#define GZIP "\037\213\010\000\000\000\000\000\000\003"
#define LONG_VALUE 3000

static char many_lines[16384], few_lines[16384], long_lines[400000], hints[65536 * 5];
static char long_value[LONG_VALUE + 64];
static uint8_t bomb[500000], nothing[300000];

static canned_t heads[] = {
    ANSWER("/page",
           OK_HEAD "ETag: W/\"a,b\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                   "Date: Sun, 22 Nov 2026 14:30:00 GMT\r\nSet-Cookie: a=hush\r\n"
                   "Link: </2>; rel=next\r\nLINK: </9>; rel=last\r\nX-Total-Count: 812\r\n"
                   "Content-Type: text/html; charset=iso-8859-1\r\nContent-Length: 3\r\n\r\n"
                   "\xe1\xba\xa3"),
    ANSWER("/same", "HTTP/1.1 304 Not Modified\r\nETag: W/\"a,b\"\r\n\r\n"),
    ANSWER("/loop", "HTTP/1.1 307 Temporary Redirect\r\nLocation: /loop\r\n" NO_BODY),
    ANSWER("/throttled", "HTTP/1.1 429 Too Many Requests\r\n" NO_BODY),
    ANSWER("/control", OK_HEAD "ETag: \"a\x01\"\r\n" NO_BODY),
    ANSWER("/br", OK_HEAD "Content-Encoding: br\r\nContent-Length: 4\r\n\r\nhush"),
    ANSWER("/own", OK_HEAD "Content-Encoding: hush\r\nContent-Length: 4\r\n\r\nhush"),
    ANSWER("/identity", OK_HEAD "Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nok"),
    ANSWER("/no-gzip", OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"),
    ANSWER("/twice", OK_HEAD "Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nok"),
    ANSWER("/lines", OK_HEAD "Content-Encoding: gzip\r\nContent-Encoding: deflate\r\n" NO_BODY),
    ANSWER("/below", OK_HEAD "Content-Encoding: gzip\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
                             "0\r\n\r\n"),
    ANSWER("/stalled", OK_HEAD "Content-Length: 10\r\n\r\n12345", LATE("67890", 600000)),
    ANSWER("/thinking", "", LATE(OK_HEAD "Content-Length: 2\r\n\r\nok", 1500)),
    ANSWER("/hinting", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
           LATE(OK_HEAD "Content-Length: 2\r\n\r\nok", 1500)),
    {.path = "/many-lines", .bytes = many_lines},
    {.path = "/few-lines", .bytes = few_lines},
    {.path = "/long-lines", .bytes = long_lines},
    {.path = "/hints", .bytes = hints},
    {.path = "/long-value", .bytes = long_value},
    {.path = "/bomb", .bytes = bomb, .close = true},
    {.path = "/nothing", .bytes = nothing, .close = true},
    {.path = NULL},
};

/* Bits as deflate takes them: from the lowest up; codes with their highest bit first. */
typedef struct {
    uint8_t *out;
    size_t bits;
} bits_t;

static void put_code(bits_t *b, unsigned code, unsigned count)
{
    for (unsigned i = count; i-- > 0; b->bits++) {
        b->out[b->bits / 8] |= (uint8_t)((code >> i & 1) << b->bits % 8);
    }
}

/* One zero, and 260,000 times "258 bytes as the one before": 67 MB in 423 kB. */
static size_t make_bomb(void)
{
    static const char head[] = OK_HEAD "Content-Encoding: gzip\r\n\r\n" GZIP;
    memcpy(bomb, head, sizeof head - 1);
    bits_t b = {.out = bomb + sizeof head - 1};
    put_code(&b, 1, 1);    /* the last block */
    put_code(&b, 2, 2);    /* of fixed codes (01, lowest bit first) */
    put_code(&b, 0x30, 8); /* literal 0 */
    for (unsigned i = 0; i < 260000; i++) {
        put_code(&b, 0xc5, 8); /* length 258 */
        put_code(&b, 0, 5);    /* distance 1 */
    }
    return sizeof head - 1 + b.bits / 8 + 1;
}

/* Empty stored blocks: bytes without end, and nothing in them. */
static size_t make_nothing(void)
{
    static const char head[] = OK_HEAD "Content-Encoding: gzip\r\n\r\n" GZIP;
    memcpy(nothing, head, sizeof head - 1);
    size_t len = sizeof head - 1;
    for (; len + 5 <= sizeof nothing; len += 5) {
        memcpy(nothing + len, "\0\0\0\xff\xff", 5);
    }
    return len;
}

static size_t make_lines(char *out, size_t size, unsigned lines, int width)
{
    size_t len = (size_t)snprintf(out, size, "%s", OK_HEAD);
    for (unsigned i = 0; i < lines; i++) {
        len += (size_t)snprintf(out + len, size - len, "X-%u: %0*u\r\n", i, width, i);
    }
    return len + (size_t)snprintf(out + len, size - len, "%s", NO_BODY);
}

static void make_answers(void)
{
    for (canned_t *c = heads; c->path != NULL; c++) {
        if (c->bytes == many_lines) {
            c->len = make_lines(many_lines, sizeof many_lines, 300, 1);
        } else if (c->bytes == few_lines) {
            c->len = make_lines(few_lines, sizeof few_lines, 200, 1);
        } else if (c->bytes == long_lines) {
            c->len = make_lines(long_lines, sizeof long_lines, 10, 30000);
        } else if (c->bytes == hints) {
            for (; c->len + 32 < sizeof hints; c->len += 25) {
                memcpy(hints + c->len, "HTTP/1.1 100 Continue\r\n\r\n", 25);
            }
        } else if (c->bytes == long_value) {
            c->len = (size_t)snprintf(long_value, sizeof long_value,
                                      OK_HEAD "ETag: %0*d\r\n" NO_BODY, LONG_VALUE - 40, 1);
        } else if (c->bytes == bomb) {
            c->len = make_bomb();
        } else if (c->bytes == nothing) {
            c->len = make_nothing();
        }
    }
}

static fetch_answer_t *ask(fetch_request_t request, const char *path)
{
    char url[128];
    url_of(server, "127.0.0.1", path, url);
    request.method = "GET";
    request.url = url;
    request.policy = request.policy != NULL ? request.policy : &open_policy;
    assert_int_equal(fetch_submit(fetch, &request), 0);
    return wait_answer();
}

static void expect_no_answer(const char *path, const char *why)
{
    fetch_answer_t *a = ask((fetch_request_t){.headers = {"Authorization: Bearer hush"}}, path);
    assert_int_equal(a->result, FETCH_NO_ANSWER);
    assert_int_equal(a->body.len, 0);
    if (strstr(a->reason, why) == NULL || strstr(a->reason, "hush") != NULL) {
        fail_msg("'%s' instead of '%s'", a->reason, why);
    }
    fetch_answer_free(&a);
}

static void expect_ok(const char *path)
{
    fetch_answer_t *a = ask((fetch_request_t){0}, path);
    assert_string_equal(a->reason, "");
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
}

static void test_kept(void **state)
{
    (void)state;
    char keep[] = "link";
    fetch_answer_t *a = ask((fetch_request_t){.keep = {keep, "X-Total-Count", "X-None"}}, "/page");
    memset(keep, '!', sizeof keep - 1);
    assert_string_equal(fetch_header(a, "ETag"), "W/\"a,b\"");
    assert_string_equal(fetch_header(a, "etag"), "W/\"a,b\"");
    assert_string_equal(fetch_header(a, "Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_string_equal(fetch_header(a, "Date"), "Sun, 22 Nov 2026 14:30:00 GMT");
    assert_string_equal(fetch_header(a, "Link"), "</2>; rel=next, </9>; rel=last");
    assert_string_equal(fetch_header(a, "X-Total-Count"), "812");
    assert_null(fetch_header(a, "X-None"));
    assert_null(fetch_header(a, "Location"));
    assert_null(fetch_header(a, "Content-Length")); /* not asked for */
    assert_null(fetch_header(a, "Set-Cookie"));
    fetch_answer_free(&a);
    a = ask((fetch_request_t){0}, "/page");
    assert_null(fetch_header(a, "Link"));
    fetch_answer_free(&a);
    a = ask((fetch_request_t){0}, "/control");
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_null(fetch_header(a, "ETag"));
    fetch_answer_free(&a);
    a = ask((fetch_request_t){0}, "/long-value"); /* cut short it would be another tag */
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_null(fetch_header(a, "ETag"));
    fetch_answer_free(&a);
}

static void test_keep_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"Set-Cookie", "set-cookie", "", "A B", "A:", "A\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fetch_request_t request = {.method = "GET", .url = "https://a.example/", .keep = {bad[i]}};
        assert_int_equal(fetch_submit(fetch, &request), -EINVAL);
    }
}

static void test_conditional(void **state)
{
    (void)state;
    static char seen[CANNED_MAX_REQUEST];
    char header[64];
    fetch_answer_t *a = ask((fetch_request_t){0}, "/page");
    snprintf(header, sizeof header, "If-None-Match: %s", fetch_header(a, "ETag"));
    fetch_answer_free(&a);
    a = ask((fetch_request_t){.headers = {header}}, "/same");
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_int_equal(a->status, 304);
    fetch_answer_free(&a);
    server_last_request(server, seen);
    assert_non_null(strstr(seen, "\r\nIf-None-Match: W/\"a,b\"\r\n"));
}

static void trap_06_redirect_loop(void **state)
{
    (void)state;
    fetch_answer_t *a = ask((fetch_request_t){0}, "/loop");
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_int_equal(a->status, 307);
    assert_string_equal(fetch_header(a, "Location"), "/loop");
    fetch_answer_free(&a);
    assert_int_equal(server_requests(server), 1);
}

static void trap_08_throttled_without_a_time(void **state)
{
    (void)state;
    fetch_answer_t *a = ask((fetch_request_t){0}, "/throttled");
    assert_int_equal(a->status, 429);
    assert_int_equal(a->retry_after_ms, -1);
    fetch_answer_free(&a);
}

static void trap_09_mislabelled_charset(void **state)
{
    (void)state;
    fetch_answer_t *a = ask((fetch_request_t){0}, "/page");
    assert_string_equal(a->content_type, "text/html; charset=iso-8859-1");
    expect_body(a, "\xe1\xba\xa3"); /* the bytes as they came */
    fetch_answer_free(&a);
}

static void trap_07_slow(void **state)
{
    (void)state;
    fetch_policy_t policy = open_policy;
    policy.stall_timeout_ms = 100;
    policy.timeout_ms = 60000;
    fetch_answer_t *a = ask((fetch_request_t){.policy = &policy}, "/stalled");
    assert_int_equal(a->result, FETCH_TIMED_OUT);
    assert_non_null(strstr(a->reason, "stalled: no byte for 100 ms"));
    assert_int_equal(a->body.len, 0);
    fetch_answer_free(&a);
    /* to think long before the answer is no stall */
    a = ask((fetch_request_t){.policy = &policy}, "/thinking");
    assert_string_equal(a->reason, "");
    expect_body(a, "ok");
    fetch_answer_free(&a);
    a = ask((fetch_request_t){.policy = &policy}, "/hinting");
    assert_string_equal(a->reason, "");
    expect_body(a, "ok");
    fetch_answer_free(&a);
}

static void test_codings(void **state)
{
    (void)state;
    expect_no_answer("/br", "a content coding that was not asked for");
    expect_no_answer("/own", "a content coding that was not asked for");
    expect_no_answer("/no-gzip", "");
    expect_no_answer("/twice", "more than one content coding");
    expect_no_answer("/lines", "more than one content coding");
    expect_no_answer("/below", "more than one content coding");
    fetch_answer_t *a = ask((fetch_request_t){0}, "/identity");
    expect_body(a, "ok");
    fetch_answer_free(&a);
}

static void test_bombs(void **state)
{
    (void)state;
    fetch_answer_t *a = ask((fetch_request_t){0}, "/bomb");
    assert_int_equal(a->result, FETCH_TOO_BIG);
    assert_int_equal(a->body.len, 8 << 20);
    assert_non_null(strstr(a->reason, "larger than 8388608 bytes"));
    fetch_answer_free(&a);
    fetch_policy_t policy = open_policy;
    policy.max_body = 1000;
    a = ask((fetch_request_t){.policy = &policy}, "/nothing");
    assert_int_equal(a->result, FETCH_TOO_BIG);
    assert_int_equal(a->body.len, 0);
    fetch_answer_free(&a);
    expect_ok("/page");
}

static void test_heads_without_end(void **state)
{
    (void)state;
    expect_ok("/few-lines");
    expect_no_answer("/many-lines", "headers are too large");
    expect_no_answer("/long-lines", "headers are too large");
    expect_no_answer("/hints", "headers are too large");
    expect_ok("/few-lines");
}

int main(void)
{
    make_answers();
    canned = heads;
    const struct CMUnitTest tests[] = {
        TEST(test_kept),
        TEST(test_keep_refused),
        TEST(test_conditional),
        TEST(trap_06_redirect_loop),
        TEST(trap_07_slow),
        TEST(trap_08_throttled_without_a_time),
        TEST(trap_09_mislabelled_charset),
        TEST(test_codings),
        TEST(test_bombs),
        TEST(test_heads_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
