/* test_fetch_policy.c - what fetch refuses, cuts off, or does not wait for. */
#include "fetch_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>

static const fetch_policy_t strict_policy = {.allow_http = true};

/* Names of the tests' own; found before libc's since the program comes first. */
static atomic_int resolving;
static atomic_bool told; /* slow.test: that it does not exist */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    union {
        void *object;
        int (*function)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    } real = {.object = dlsym(RTLD_NEXT, "getaddrinfo")};
    if (name != NULL && strcmp(name, "slow.test") == 0) {
        resolving++;
        while (!told) {
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        }
        resolving--;
        return EAI_NONAME;
    }
    bool inward = name != NULL && strcmp(name, "inward.test") == 0;
    return real.function(inward ? "127.0.0.1" : name, service, hints, out);
}

static void expect_refused(const char *url, const fetch_policy_t *policy, const char *why)
{
    fetch_answer_t *a = get_url(url, policy);
    assert_int_equal(a->result, FETCH_REFUSED);
    assert_non_null(strstr(a->reason, why));
    assert_int_equal(a->body.len, 0);
    fetch_answer_free(&a);
}

static void test_byte_cap(void **state)
{
    (void)state;
    fetch_policy_t policy = open_policy;
    policy.max_body = 11;
    fetch_answer_t *a = get("/ok", &policy); /* exactly full is not too big */
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
    policy.max_body = 4;
    a = get("/ok", &policy);
    assert_int_equal(a->result, FETCH_TOO_BIG);
    assert_int_equal(a->status, 200);
    expect_body(a, "{\"a\"");
    assert_string_not_equal(a->reason, "");
    fetch_answer_free(&a);
}

static void test_gzip(void **state)
{
    (void)state;
    fetch_answer_t *a = get("/gzip", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_int_equal(a->body.len, 100000);
    fetch_answer_free(&a);
    fetch_policy_t policy = open_policy;
    policy.max_body = 5000;
    a = get("/gzip", &policy);
    assert_int_equal(a->result, FETCH_TOO_BIG);
    assert_int_equal(a->body.len, 5000);
    fetch_answer_free(&a);
}

static void test_slow_dns_blocks_nobody(void **state)
{
    (void)state;
    int slow;
    fetch_policy_t policy = open_policy;
    policy.connect_timeout_ms = 100;
    told = false;
    submit_url("http://slow.test/", &policy, &slow);
    fetch_answer_t *a = wait_answer();
    assert_ptr_equal(a->context, &slow);
    assert_int_equal(a->result, FETCH_TIMED_OUT);
    fetch_answer_free(&a);
    a = get("/ok", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
    submit_url("http://slow.test/", &open_policy, &slow);
    while (resolving == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fetch_stop(&fetch); /* in the middle of a look-up */
    assert_true(resolving > 0);
    told = true;
    while (resolving > 0) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* its thread ends */
    assert_int_equal(fetch_start(NULL, &fetch), 0);
}

static void test_redirect_not_followed(void **state)
{
    (void)state;
    fetch_answer_t *a = get("/moved", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_int_equal(a->status, 302);
    fetch_answer_free(&a);
}

static void test_scheme_refused(void **state)
{
    (void)state;
    fetch_policy_t policy = {.allow_networks = loopback};
    char url[128];
    url_of(server, "127.0.0.1", "/ok", url);
    expect_refused(url, &policy, "http is not allowed");
    expect_refused(url, NULL, "http is not allowed");
    expect_refused("file:///etc/passwd", &open_policy, "neither https nor http");
    expect_refused("ftp://127.0.0.1/", &open_policy, "neither https nor http");
    expect_refused("gopher://127.0.0.1/", &open_policy, "neither https nor http");
    assert_int_equal(server_accepts(server), 0);
}

static void test_address_refused(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1",
                                        "localhost",
                                        "inward.test",
                                        "2130706433",
                                        "0x7f.1",
                                        "0.0.0.0",
                                        "10.1.2.3",
                                        "169.254.169.254",
                                        "[::1]",
                                        "[::]",
                                        "[fe80::1]",
                                        "[::ffff:127.0.0.1]",
                                        "[::ffff:169.254.169.254]",
                                        "[64:ff9b::7f00:1]",
                                        "[64:ff9b::a9fe:a9fe]",
                                        "[2002:7f00:1::]"};
    static const char *const elsewhere[] = {"10.0.0.0/8", "fd00::/8", NULL};
    static const fetch_policy_t other_policy = {.allow_http = true, .allow_networks = elsewhere};
    char url[128];
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        url_of(server, hosts[i], "/ok", url);
        expect_refused(url, &strict_policy, "not public");
    }
    assert_int_equal(server_accepts(server), 0);
    /* one network that is allowed opens no other, in no spelling */
    url_of(server, "127.0.0.1", "/ok", url);
    expect_refused(url, &other_policy, "address 127.0.0.1 is not public");
    url_of(server, "[::ffff:127.0.0.1]", "/ok", url);
    expect_refused(url, &other_policy, "address 127.0.0.1 is not public");
    assert_int_equal(server_accepts(server), 0);
    url_of(server, "inward.test", "/ok", url);
    fetch_answer_t *a = get_url(url, &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
}

static void test_kept_connection_refused(void **state)
{
    (void)state;
    char url[128];
    fetch_answer_t *a = get("/ok", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
    url_of(server, "127.0.0.1", "/empty", url);
    expect_refused(url, &strict_policy, "address 127.0.0.1 is not public");
    static char seen[CANNED_MAX_REQUEST];
    server_last_request(server, seen);
    assert_true(starts_with(seen, "GET /ok "));
}

static void test_ipv6(void **state)
{
    (void)state;
    char url[128];
    server_t *six = server_start(AF_INET6, answers);
    url_of(six, "[::1]", "/ok", url);
    fetch_answer_t *a = get_url(url, &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
    expect_refused(url, &strict_policy, "address ::1 is not public");
    server_stop(&six);
}

static void test_proxy_ignored(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    fetch_answer_t *a = get("/ok", &open_policy);
    assert_int_equal(a->result, FETCH_ANSWERED);
    fetch_answer_free(&a);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void test_malformed(void **state)
{
    (void)state;
    static const char *const networks[] = {"127.0.0.1", NULL};
    static const fetch_policy_t bad_network = {.allow_networks = networks};
    static const fetch_policy_t bad_time = {.timeout_ms = -1};
    static const fetch_request_t bad[] = {
        {.method = "GET"},
        {.url = "https://a/"},
        {.method = "", .url = "https://a/"},
        {.method = "GET /", .url = "https://a/"},
        {.method = "ABCDEFGHIJKLMNOPQ", .url = "https://a/"},
        {.method = "GET", .url = ""},
        {.method = "GET", .url = "example.com/"},
        {.method = "GET", .url = "https://"},
        {.method = "GET", .url = "https://a b/"},
        {.method = "GET", .url = "https://a/\r\nX: y"},
        {.method = "GET", .url = "https://a:99999/"},
        {.method = "GET", .url = "https://me:pass@a/"},
        {.method = "GET", .url = "https://a/", .headers = {"X: y\r\nZ: w"}},
        {.method = "GET", .url = "https://a/", .headers = {"no colon"}},
        {.method = "GET", .url = "https://a/", .headers = {": y"}},
        {.method = "GET", .url = "https://a/", .policy = &bad_network},
        {.method = "GET", .url = "https://a/", .policy = &bad_time},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(fetch_submit(fetch, &bad[i]), -EINVAL);
    }
    assert_null(fetch_take(fetch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_byte_cap),
        TEST(test_gzip),
        TEST(test_slow_dns_blocks_nobody),
        TEST(test_redirect_not_followed),
        TEST(test_scheme_refused),
        TEST(test_address_refused),
        TEST(test_kept_connection_refused),
        TEST(test_ipv6),
        TEST(test_proxy_ignored),
        TEST(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
