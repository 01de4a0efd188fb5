/* canned_server.h - a small blocking HTTP server on loopback for tests: one thread accepts, one
 * thread a connection, and the path of the request picks one of the
 * canned answers. A header only, so that each test stays one file to build. */
#ifndef CHISO_TESTS_CANNED_SERVER_H
#define CHISO_TESTS_CANNED_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    const char *path;
    const void *bytes; /* the whole answer, head and body */
    size_t len;
    const void *late; /* sent after a pause of pause_ms, or NULL */
    size_t late_len;
    int pause_ms;
    const int *gate; /* a descriptor that ends the pause when it is readable, or NULL */
    bool close;      /* after the answer */
} canned_t;

typedef struct server server_t;

#define CANNED_MAX_CONNECTIONS 256
#define CANNED_MAX_REQUEST 65536

typedef struct {
    server_t *server;
    pthread_t thread;
    int fd;
} connection_t;

struct server {
    int fd;
    uint16_t port;
    const canned_t *answers;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest */
    connection_t connections[CANNED_MAX_CONNECTIONS];
    unsigned accepts;
    unsigned requests;
    bool stopping;
    char last[CANNED_MAX_REQUEST];
};

static inline void server_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        at += n;
        len -= (size_t)n;
    }
}

/* Reads one request; its length, or 0 when the peer is gone. */
static inline size_t server_read(int fd, char *out)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, out + len, CANNED_MAX_REQUEST - 1 - len, 0);
        if (n <= 0) {
            return 0;
        }
        len += (size_t)n;
        out[len] = '\0';
        const char *head_end = strstr(out, "\r\n\r\n");
        if (head_end == NULL) {
            continue;
        }
        const char *length = strcasestr(out, "\r\nContent-Length:");
        size_t body = length != NULL ? (size_t)strtoul(length + 17, NULL, 10) : 0;
        if (len >= (size_t)(head_end - out) + 4 + body) {
            return len;
        }
    }
}

static inline bool server_answer(server_t *s, int fd, const char *request)
{
    const char *path = strchr(request, ' ');
    path = path != NULL ? path + 1 : "";
    size_t len = strcspn(path, " ?");
    for (const canned_t *a = s->answers; a->path != NULL; a++) {
        if (strlen(a->path) == len && strncmp(a->path, path, len) == 0) {
            server_send(fd, a->bytes, a->len);
            if (a->pause_ms > 0) {
                /* a stop shuts the socket down, which ends the wait */
                struct pollfd ended[] = {{.fd = fd, .events = POLLRDHUP},
                                         {.fd = a->gate != NULL ? *a->gate : -1, .events = POLLIN}};
                poll(ended, 2, a->pause_ms);
            }
            server_send(fd, a->late, a->late_len);
            return !a->close;
        }
    }
    return false;
}

static inline void *server_connection(void *context)
{
    connection_t *c = context;
    server_t *s = c->server;
    char *request = malloc(CANNED_MAX_REQUEST);
    assert_non_null(request);
    size_t len;
    while ((len = server_read(c->fd, request)) > 0) {
        pthread_mutex_lock(&s->lock);
        memcpy(s->last, request, len + 1);
        s->requests++;
        pthread_mutex_unlock(&s->lock);
        if (!server_answer(s, c->fd, request)) {
            break;
        }
    }
    free(request);
    shutdown(c->fd, SHUT_RDWR);
    return NULL;
}

static inline void *server_run(void *context)
{
    server_t *s = context;
    for (;;) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
        pthread_mutex_lock(&s->lock);
        if (fd < 0 || s->stopping || s->accepts == CANNED_MAX_CONNECTIONS) {
            pthread_mutex_unlock(&s->lock);
            if (fd >= 0) {
                close(fd);
            }
            return NULL;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection_t *c = &s->connections[s->accepts++];
        *c = (connection_t){.server = s, .fd = fd};
        pthread_create(&c->thread, NULL, server_connection, c);
        pthread_mutex_unlock(&s->lock);
    }
}

static inline void server_bind(server_t *s, int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof bound;
    bool is_v4 = family == AF_INET;
    s->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                          is_v4 ? sizeof v4 : sizeof v6),
                     0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&bound, &bound_len), 0);
    s->port = ntohs(is_v4 ? ((struct sockaddr_in *)&bound)->sin_port
                          : ((struct sockaddr_in6 *)&bound)->sin6_port);
    assert_int_equal(listen(s->fd, 128), 0);
}

static inline server_t *server_start(int family, const canned_t *answers)
{
    server_t *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->answers = answers;
    pthread_mutex_init(&s->lock, NULL);
    server_bind(s, family);
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
    return s;
}

static inline void server_stop(server_t **p)
{
    server_t *s = *p;
    *p = NULL;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->lock);
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < s->accepts; i++) {
        shutdown(s->connections[i].fd, SHUT_RDWR);
        pthread_join(s->connections[i].thread, NULL);
        close(s->connections[i].fd);
    }
    close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static inline uint16_t server_port(const server_t *s)
{
    return s->port;
}

static inline unsigned server_accepts(server_t *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned n = s->accepts;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static inline unsigned server_requests(server_t *s)
{
    pthread_mutex_lock(&s->lock);
    unsigned n = s->requests;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* The last request as it arrived, NUL-terminated; `out` of CANNED_MAX_REQUEST bytes. */
static inline void server_last_request(server_t *s, char *out)
{
    pthread_mutex_lock(&s->lock);
    memcpy(out, s->last, CANNED_MAX_REQUEST);
    pthread_mutex_unlock(&s->lock);
}

#endif
