/* http_rig.h - a server and its clients over real loopback sockets, for the tests of libs/http.
 *
 * Server and clients live in one thread: `turn` polls the server and all open clients once, and
 * `until` turns until a client has seen what it waits for. So nothing here depends on luck, and
 * the number of turns shows a loop that spins.
 */
#ifndef CHISO_TESTS_HTTP_RIG_H
#define CHISO_TESTS_HTTP_RIG_H

#include "base/clock.h"
#include "base/error.h"
#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 16
#define DEADLINE_MS 120000

typedef struct {
    int fd;
    buffer_t in;
    bool ended;
} client_t;

static http_t *server;
static client_t clients[CLIENTS];
static int turns;
static int handled;

static inline void rig_start(http_options_t options, http_handler_fn handler, void *context)
{
    turns = handled = 0;
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (client_t){.fd = -1, .in = BUFFER_INIT(16 * 1024 * 1024)};
    }
    options.address = options.address == NULL ? "127.0.0.1" : options.address;
    assert_int_equal(http_start(&options, handler, context, &server), 0);
    assert_true(http_port(server) > 0);
}

static inline void rig_stop(void)
{
    http_stop(&server);
    assert_null(server);
    http_stop(&server); /* a second time is nothing */
    for (int i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0) {
            close(clients[i].fd);
        }
        buffer_free(&clients[i].in);
    }
}

static inline int connect_to(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline void read_client(client_t *c)
{
    char block[65536];
    ssize_t n = recv(c->fd, block, sizeof block, 0);
    if (n > 0) {
        buffer_append(&c->in, block, (size_t)n);
    } else if (n == 0 || errno != EAGAIN) {
        c->ended = true;
    }
}

/* One turn of the owner's loop, as http.h asks for it. */
static inline void turn(int limit_ms)
{
    struct pollfd p[CLIENTS + 1] = {{.fd = http_fd(server), .events = POLLIN}};
    for (int i = 0; i < CLIENTS; i++) {
        p[i + 1].fd = clients[i].ended ? -1 : clients[i].fd;
        p[i + 1].events = POLLIN;
    }
    int wait = http_timeout_ms(server);
    wait = wait < 0 || wait > limit_ms ? limit_ms : wait;
    assert_true(poll(p, CLIENTS + 1, wait) >= 0);
    turns++;
    http_run(server);
    for (int i = 0; i < CLIENTS; i++) {
        if (p[i + 1].revents != 0) {
            read_client(&clients[i]);
        }
    }
}

static inline void run_for(int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    for (int64_t now = clock_mono_ms(); now < end; now = clock_mono_ms()) {
        turn((int)(end - now));
    }
}

static inline void say(client_t *c, const char *text)
{
    if (c->fd < 0) {
        c->fd = connect_to(http_port(server));
    }
    size_t len = strlen(text);
    for (int64_t end = clock_mono_ms() + DEADLINE_MS; len > 0;) {
        ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        } else {
            assert_true(n < 0 && errno == EAGAIN);
            assert_true(clock_mono_ms() < end);
            turn(10);
        }
    }
}

static inline bool has(client_t *c, const char *needle)
{
    const char *text = buffer_text(&c->in);
    return text != NULL && strstr(text, needle) != NULL;
}

/* NULL: until the server has closed. */
static inline void until(client_t *c, const char *needle)
{
    int64_t end = clock_mono_ms() + DEADLINE_MS;
    while (needle != NULL ? !has(c, needle) : !c->ended) {
        if (clock_mono_ms() > end || (c->ended && needle != NULL)) {
            fail_msg("wanted %s, got: %.500s", needle != NULL ? needle : "the end",
                     buffer_text(&c->in));
        }
        turn(100);
    }
}

/* Until a number that the server changes is what it should be. */
static inline void until_is(const int *number, int wanted)
{
    for (int64_t end = clock_mono_ms() + DEADLINE_MS; *number != wanted;) {
        assert_true(clock_mono_ms() < end);
        turn(100);
    }
}

#define HOST " HTTP/1.1\r\nHost: x\r\n"
#define GET(path) "GET " path HOST "\r\n"

#endif
