/* test_fetch_jar.c - cookies: kept between the requests of one jar, and nowhere else. */
#include "fetch/jar.h"

#include "base/error.h"
#include "fetch_fixture.h"

#include <errno.h>

static char crowd[2][4096];

static canned_t pages[] = {
    ANSWER("/prime", OK_HEAD "Set-Cookie: JSESSIONID=abc.node1; Path=/; HttpOnly\r\n"
                             "Set-Cookie: XSRF-TOKEN=ey%3D; Path=/\r\n"
                             "Set-Cookie: far=x; Domain=example.com\r\n" NO_BODY),
    ANSWER("/leave", OK_HEAD "Set-Cookie: JSESSIONID=; Path=/; Max-Age=0\r\n" NO_BODY),
    ANSWER("/stale", "HTTP/1.1 419 Page Expired\r\n" NO_BODY),
    ANSWER("/form", OK_HEAD "Set-Cookie: JSESSIONID=def; Path=/\r\n" NO_BODY),
    ANSWER("/a", OK_HEAD "Set-Cookie: a=1; Path=/\r\n" NO_BODY),
    ANSWER("/b", OK_HEAD "Set-Cookie: b=1; Path=/\r\n" NO_BODY),
    ANSWER("/c", OK_HEAD "Set-Cookie: c=1; Path=/\r\n" NO_BODY),
    ANSWER("/slow", OK_HEAD "Set-Cookie: a=1\r\nContent-Length: 10\r\n\r\n", LATE("late", 10000)),
    {.path = "/crowd0", .bytes = crowd[0]},
    {.path = "/crowd1", .bytes = crowd[1]},
    {.path = "/crowd2", .bytes = crowd[0]},
    {.path = NULL},
};

/* 40 cookies each; curl takes no more than 50 of one answer. */
static void make_crowd(void)
{
    for (size_t i = 0; i < 2; i++) {
        size_t len = (size_t)snprintf(crowd[i], sizeof crowd[i], "%s", OK_HEAD);
        for (unsigned k = 0; k < 40; k++) {
            len += (size_t)snprintf(crowd[i] + len, sizeof crowd[i] - len,
                                    "Set-Cookie: c%zu-%u=1\r\n", i, k);
        }
        snprintf(crowd[i] + len, sizeof crowd[i] - len, "%s", NO_BODY);
    }
    for (canned_t *c = pages; c->path != NULL; c++) {
        c->len = c->len > 0 ? c->len : strlen(c->bytes);
    }
}

static fetch_jar_t *new_jar(void)
{
    fetch_jar_t *jar = NULL;
    assert_int_equal(fetch_jar_new(&jar), 0);
    assert_int_equal(fetch_jar_count(jar), 0);
    return jar;
}

static void visit_at(const char *host, const char *method, const char *path, fetch_jar_t *jar)
{
    char url[128];
    url_of(server, host, path, url);
    fetch_request_t request = {.method = method, .url = url, .policy = &open_policy, .jar = jar};
    assert_int_equal(fetch_submit(fetch, &request), 0);
    fetch_answer_t *a = wait_answer();
    assert_int_equal(a->result, FETCH_ANSWERED);
    assert_null(fetch_header(a, "Set-Cookie"));
    fetch_answer_free(&a);
}

static void visit(const char *method, const char *path, fetch_jar_t *jar)
{
    visit_at("127.0.0.1", method, path, jar);
}

/* Was a cookie sent with the last request? NULL: was none at all? */
static bool sent(const char *cookie)
{
    static char seen[CANNED_MAX_REQUEST];
    server_last_request(server, seen);
    const char *line = strcasestr(seen, "\r\nCookie:");
    return cookie == NULL ? line == NULL : line != NULL && strstr(line, cookie) != NULL;
}

static void trap_04_prime_then_post(void **state)
{
    (void)state;
    fetch_jar_t *jar = new_jar();
    fetch_secret_t token = {0};
    visit("GET", "/prime", jar);
    assert_true(sent(NULL));
    assert_int_equal(fetch_jar_count(jar), 2); /* none for a domain that is not the server's */
    visit("POST", "/form", jar);
    assert_true(sent("JSESSIONID=abc.node1"));
    assert_true(sent("XSRF-TOKEN=ey%3D"));
    visit("POST", "/form", jar);
    assert_true(sent("JSESSIONID=def"));
    assert_false(sent("abc.node1"));
    assert_int_equal(fetch_jar_value(jar, "XSRF-TOKEN", &token), 0);
    assert_string_equal(token.text, "ey%3D");
    fetch_secret_free(&token);
    assert_int_equal(fetch_jar_value(jar, "XSRF", &token), CHISO_E_NOT_FOUND);
    visit("POST", "/stale", jar); /* 419: forget, prime again, post again */
    assert_int_equal(fetch_jar_clear(jar), 0);
    assert_int_equal(fetch_jar_count(jar), 0);
    visit("GET", "/prime", jar);
    assert_true(sent(NULL));
    visit("POST", "/form", jar);
    assert_true(sent("JSESSIONID=abc.node1"));
    visit("GET", "/leave", jar);
    assert_int_equal(fetch_jar_count(jar), 1);
    assert_int_equal(fetch_jar_value(jar, "JSESSIONID", &token), CHISO_E_NOT_FOUND);
    visit("GET", "/stale", jar);
    assert_false(sent("JSESSIONID"));
    assert_true(sent("XSRF-TOKEN"));
    fetch_jar_destroy(&jar);
    assert_null(jar);
    fetch_jar_destroy(&jar);
}

static void test_kept_apart(void **state)
{
    (void)state;
    fetch_jar_t *one = new_jar();
    fetch_jar_t *two = new_jar();
    visit("GET", "/prime", NULL); /* without a jar none is kept */
    visit("GET", "/stale", NULL);
    assert_true(sent(NULL));
    visit("GET", "/prime", one);
    visit("GET", "/stale", two);
    assert_true(sent(NULL));
    visit("GET", "/stale", NULL); /* by the handle that had a jar before */
    assert_true(sent(NULL));
    visit_at("localhost", "GET", "/stale", one); /* another host */
    assert_true(sent(NULL));
    visit("GET", "/stale", one);
    assert_true(sent("JSESSIONID"));
    assert_int_equal(fetch_jar_count(two), 0);
    fetch_jar_destroy(&one);
    visit("GET", "/prime", two); /* the handle knows nothing of the jar that is gone */
    assert_int_equal(fetch_jar_count(two), 2);
    fetch_jar_destroy(&two);
    visit("GET", "/stale", NULL);
    assert_true(sent(NULL));
}

static void test_many_at_once(void **state)
{
    (void)state;
    static const char *const paths[] = {"/a", "/b", "/c"};
    fetch_jar_t *jar = new_jar();
    for (unsigned i = 0; i < 60; i++) {
        char url[128];
        url_of(server, "127.0.0.1", paths[i % 3], url);
        fetch_request_t r = {.method = "GET", .url = url, .policy = &open_policy, .jar = jar};
        assert_int_equal(fetch_submit(fetch, &r), 0);
    }
    for (unsigned i = 0; i < 60; i++) {
        fetch_answer_t *a = wait_answer();
        assert_int_equal(a->result, FETCH_ANSWERED);
        fetch_answer_free(&a);
        fetch_jar_count(jar); /* from this thread, meanwhile */
    }
    assert_int_equal(fetch_jar_count(jar), 3);
    fetch_jar_destroy(&jar);
}

static void test_limit(void **state)
{
    (void)state;
    fetch_jar_t *jar = new_jar();
    visit("GET", "/crowd0", jar);
    visit("GET", "/crowd1", jar);
    visit("GET", "/crowd2", jar); /* the same as the first */
    assert_int_equal(fetch_jar_count(jar), 80);
    for (size_t k = 0; k < 40; k++) { /* now others of that length: c0-7 becomes d0-7 */
        char from[16];
        snprintf(from, sizeof from, "c0-%zu=", k);
        *strstr(crowd[0], from) = 'd';
    }
    visit("GET", "/crowd0", jar);
    assert_int_equal(fetch_jar_count(jar), 0);
    visit("GET", "/prime", jar);
    assert_int_equal(fetch_jar_count(jar), 2);
    fetch_jar_destroy(&jar);
}

static void test_stop_with_a_jar_in_use(void **state)
{
    (void)state;
    char url[128];
    fetch_jar_t *jar = new_jar();
    url_of(server, "127.0.0.1", "/slow", url);
    fetch_request_t r = {.method = "GET", .url = url, .policy = &open_policy, .jar = jar};
    assert_int_equal(fetch_submit(fetch, &r), 0);
    while (server_requests(server) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fetch_stop(&fetch);
    fetch_jar_destroy(&jar);
    assert_int_equal(fetch_start(NULL, &fetch), 0);
}

int main(void)
{
    make_crowd();
    canned = pages;
    const struct CMUnitTest tests[] = {
        TEST(trap_04_prime_then_post),     TEST(test_kept_apart),
        TEST(test_many_at_once),           TEST(test_limit),
        TEST(test_stop_with_a_jar_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
