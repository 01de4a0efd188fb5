/* test_fetch_turns.c - many hosts at once: slow and dead ones hold up nobody but themselves. All
 * that is measured is counts and order. */
#include "fetch_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <sys/eventfd.h>

/* Every name of .test is here: as many hosts as wanted. Found before libc's since the program comes
 * first. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    union {
        void *object;
        int (*function)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    } real = {.object = dlsym(RTLD_NEXT, "getaddrinfo")};
    bool here = name != NULL && strstr(name, ".test") != NULL;
    return real.function(here ? "127.0.0.1" : name, service, hints, out);
}

static int gate; /* what is held goes on when it is readable */
static const canned_t hosts[] = {
    ANSWER("/ok", OK_HEAD "Content-Length: 2\r\n\r\nok"),
    ANSWER("/slow", OK_HEAD "Content-Length: 4\r\n\r\n", LATE("late", 600000)),
    ANSWER("/hold", OK_HEAD "Content-Length: 4\r\n\r\n", LATE("held", 600000), .gate = &gate),
    {.path = NULL},
};

enum { HEALTHY, SLOW, DEAD, HELD, KINDS };
static fetch_policy_t policies[KINDS]; /* borrowed until the answers are taken; also the context */
#define healthy (&policies[HEALTHY])
#define slow (&policies[SLOW])
#define dead (&policies[DEAD])
#define held (&policies[HELD])

/* Accepts connections and never says a word. Before it takes the next it looks which are closed: a
 * peer that keeps to one at a time has closed the last by then. */
#define SILENT_MAX 512
typedef struct {
    int fd;
    uint16_t port;
    pthread_t thread;
    unsigned accepts;
    unsigned open_at[SILENT_MAX]; /* how many were, the new one too, at each accept */
} silent_t;

static void *silent_run(void *context)
{
    silent_t *s = context;
    int fds[SILENT_MAX];
    unsigned n = 0;
    int fd;
    while (s->accepts < SILENT_MAX && (fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        for (unsigned i = 0; i < n;) {
            char data[4096];
            ssize_t got;
            while ((got = recv(fds[i], data, sizeof data, MSG_DONTWAIT)) > 0) {
            }
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                close(fds[i]);
                fds[i] = fds[--n];
            } else {
                i++;
            }
        }
        fds[n++] = fd;
        s->open_at[s->accepts++] = n;
    }
    while (n > 0) {
        close(fds[--n]);
    }
    return NULL;
}

static void silent_start(silent_t *s)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    *s = (silent_t){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(s->fd, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&here, &len), 0);
    assert_int_equal(listen(s->fd, 128), 0);
    s->port = ntohs(here.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, silent_run, s), 0);
}

static void silent_stop(silent_t *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

static void restart(unsigned max_running)
{
    fetch_stop(&fetch);
    assert_int_equal(fetch_start(&(fetch_options_t){.max_running = max_running}, &fetch), 0);
}

static void submit_to(const char *scheme, const char *name, unsigned number, unsigned port,
                      const char *path, int64_t timeout_ms, fetch_policy_t *kind)
{
    char url[128];
    *kind = open_policy;
    kind->timeout_ms = timeout_ms;
    kind->connect_timeout_ms = timeout_ms;
    snprintf(url, sizeof url, "%s://%s%u.test:%u%s", scheme, name, number, port, path);
    submit_url(url, kind, kind);
}

/* Takes all slots until release(), so that the others wait in line. */
static void hold(unsigned slots)
{
    gate = eventfd(0, EFD_CLOEXEC);
    assert_true(gate >= 0);
    for (unsigned i = 0; i < slots; i++) {
        submit_to("http", "held", i, server_port(server), "/hold", NEVER_MS, held);
    }
}

static void release(void)
{
    assert_int_equal(eventfd_write(gate, 1), 0);
}

/* 500 sources: 200 at a slow host, 100 at one that does not get through its handshake, and behind
 * those 200 healthy ones at 100 hosts. All of those are answered, and nobody else. */
static void test_slow_and_dead_hold_up_nobody(void **state)
{
    (void)state;
    silent_t silent;
    silent_start(&silent);
    restart(16);
    unsigned port = server_port(server);
    for (unsigned i = 0; i < 200; i++) {
        submit_to("http", "slow", 0, port, "/slow", 600000, slow);
    }
    for (unsigned i = 0; i < 100; i++) {
        submit_to("https", "dead", 0, silent.port, "/", 600000, dead);
    }
    for (unsigned i = 0; i < 200; i++) {
        submit_to("http", "healthy", i % 100, port, "/ok", NEVER_MS, healthy);
    }
    for (unsigned i = 0; i < 200; i++) {
        fetch_answer_t *a = wait_answer();
        assert_string_equal(a->reason, "");
        assert_ptr_equal(a->context, healthy);
        fetch_answer_free(&a);
    }
    assert_in_range(server_requests(server), 200, 200 + 2); /* two at a time, and those are slow */
    fetch_stop(&fetch);
    silent_stop(&silent);
    assert_in_range(silent.accepts, 0, 2);
    assert_int_equal(fetch_start(NULL, &fetch), 0);
}

/* More dead hosts than may run at once, ten requests each, all before the first healthy one: each
 * of them gets its turn, and no second one before all others had theirs. */
static void test_many_dead_take_turns(void **state)
{
    (void)state;
    silent_t silent;
    unsigned answers_of_dead = 0;
    silent_start(&silent);
    restart(8);
    hold(8);
    for (unsigned i = 0; i < 200; i++) {
        submit_to("https", "dead", i % 20, silent.port, "/", 100, dead);
    }
    for (unsigned i = 0; i < 60; i++) {
        submit_to("http", "healthy", i, server_port(server), "/ok", NEVER_MS, healthy);
    }
    release();
    /* A held one may end after the first dead one did: each slot is free in its own time. */
    for (unsigned left = 8 + 60; left > 0;) {
        fetch_answer_t *a = wait_answer();
        if (a->context != dead) {
            assert_int_equal(a->result, FETCH_ANSWERED);
            left--;
        } else {
            assert_int_equal(a->result, FETCH_TIMED_OUT);
            answers_of_dead++;
        }
        fetch_answer_free(&a);
    }
    /* One turn of the 20, and what runs until the last healthy one is answered: some 28. Without
     * turns it would be nearly all of the 200. */
    assert_in_range(answers_of_dead, 0, 100);
    fetch_stop(&fetch);
    close(gate);
    silent_stop(&silent);
    assert_int_equal(fetch_start(NULL, &fetch), 0);
}

/* A host that could not be reached is tried by one request at a time. */
static void test_one_at_a_time_when_unreachable(void **state)
{
    (void)state;
    silent_t silent = {0};
    for (int64_t each = 300; silent.accepts < 3;
         each *= 3) { /* when the name took all of the time */
        assert_true(each < 10000);
        silent_start(&silent);
        for (unsigned i = 0; i < 10; i++) {
            submit_to("https", "dead", 0, silent.port, "/", each, dead);
        }
        for (unsigned i = 0; i < 10; i++) {
            fetch_answer_t *a = wait_answer();
            assert_int_equal(a->result, FETCH_TIMED_OUT);
            fetch_answer_free(&a);
        }
        silent_stop(&silent);
        assert_in_range(silent.accepts, 0, 10);
    }
    for (unsigned i = 2; i < silent.accepts; i++) {
        assert_int_equal(silent.open_at[i], 1);
    }
}

/* One slot, three hosts with ten requests each, submitted host by host. */
static void test_strictly_in_turn(void **state)
{
    (void)state;
    static char marks[3];
    restart(1);
    hold(1);
    for (unsigned i = 0; i < 30; i++) {
        char url[128];
        snprintf(url, sizeof url, "http://turn%u.test:%u/ok", i / 10, server_port(server));
        submit_url(url, &open_policy, &marks[i / 10]);
    }
    release();
    fetch_answer_t *first = wait_answer();
    expect_body(first, "held");
    fetch_answer_free(&first);
    for (unsigned i = 0; i < 30; i++) {
        fetch_answer_t *a = wait_answer();
        assert_ptr_equal(a->context, &marks[i % 3]);
        fetch_answer_free(&a);
    }
    close(gate);
}

int main(void)
{
    canned = hosts;
    const struct CMUnitTest tests[] = {
        TEST(test_slow_and_dead_hold_up_nobody),
        TEST(test_many_dead_take_turns),
        TEST(test_one_at_a_time_when_unreachable),
        TEST(test_strictly_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
