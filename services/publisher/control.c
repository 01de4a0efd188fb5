/* control.c - see control.h. A thread of its own waits for clients, so that one that connects and
 * says nothing holds up only other operators. */
#include "control.h"

#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CLIENT_TIMEOUT_S 5

struct control {
    pthread_t thread;
    bool started;
    int folder, listener;
    int event_fd; /* to the owner */
    int stop_fd;  /* to the thread */

    pthread_mutex_t lock;
    pthread_cond_t answered;
    char command[CONTROL_MAX_COMMAND];
    bool waiting, taken, done, stopping;
    buffer_t answer;
};

/* A socket's address is short; the folder's may not be. */
static void address_of(int folder, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/" CONTROL_SOCKET, folder);
}

static void set_timeouts(int fd, time_t seconds)
{
    struct timeval t = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static int send_all(int fd, bytes_t bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            bytes = bytes_of(bytes.data + n, bytes.len - (size_t)n);
        }
    }
    return 0;
}

/* ---- the service's side ---- */

static bool is_friend(int fd)
{
    struct ucred who;
    socklen_t size = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == 0 || who.uid == geteuid());
}

static bool read_line(int fd, char out[CONTROL_MAX_COMMAND])
{
    size_t n = 0;
    while (n < CONTROL_MAX_COMMAND - 1) {
        ssize_t got = recv(fd, out + n, CONTROL_MAX_COMMAND - 1 - n, 0);
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
        char *end = memchr(out, '\n', n);
        if (end != NULL) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

static void wait_for_answer(control_t *c)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* as the condition was made */
    until.tv_sec += CONTROL_TIMEOUT_MS / 1000;
    int rc = 0;
    while (!c->done && !c->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&c->answered, &c->lock, &until);
    }
}

static void serve(control_t *c, int fd)
{
    char line[CONTROL_MAX_COMMAND];
    buffer_t answer = BUFFER_INIT(CONTROL_MAX_ANSWER);
    set_timeouts(fd, CLIENT_TIMEOUT_S);
    if (!is_friend(fd) || !read_line(fd, line)) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    memcpy(c->command, line, sizeof line);
    c->waiting = true;
    c->taken = c->done = false;
    eventfd_write(c->event_fd, 1);
    wait_for_answer(c);
    if (c->done) {
        answer = c->answer;
        c->answer = (buffer_t)BUFFER_INIT(CONTROL_MAX_ANSWER);
    } else {
        buffer_append_text(&answer, "{\"error\":\"no answer in time\"}\n");
    }
    c->waiting = false;
    pthread_mutex_unlock(&c->lock);
    send_all(fd, buffer_bytes(&answer));
    buffer_free(&answer);
}

static void *run(void *context)
{
    control_t *c = context;
    struct pollfd p[2] = {{.fd = c->listener, .events = POLLIN},
                          {.fd = c->stop_fd, .events = POLLIN}};
    while (p[1].revents == 0) {
        if (poll(p, 2, -1) > 0 && p[0].revents != 0 && p[1].revents == 0) {
            int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0) {
                serve(c, fd);
                close(fd);
            }
        }
    }
    return NULL;
}

static int listen_at(control_t *c, const char *data_dir)
{
    struct sockaddr_un address;
    c->folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->folder < 0 || c->listener < 0 || c->event_fd < 0 || c->stop_fd < 0) {
        return -errno;
    }
    address_of(c->folder, &address);
    unlinkat(c->folder, CONTROL_SOCKET, 0); /* of a life that was killed: the folder is ours */
    /* a new socket's mode is that of its descriptor: never open to others, not even for a moment */
    fchmod(c->listener, 0600);
    if (bind(c->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        fchmodat(c->folder, CONTROL_SOCKET, 0600, 0) != 0 || listen(c->listener, 8) != 0) {
        return -errno;
    }
    return 0;
}

int control_start(const char *data_dir, control_t **out)
{
    control_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    *c = (control_t){.folder = -1,
                     .listener = -1,
                     .event_fd = -1,
                     .stop_fd = -1,
                     .answer = BUFFER_INIT(CONTROL_MAX_ANSWER)};
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_t by;
    pthread_condattr_init(&by);
    pthread_condattr_setclock(&by, CLOCK_MONOTONIC);
    pthread_cond_init(&c->answered, &by);
    pthread_condattr_destroy(&by);
    int rc = listen_at(c, data_dir);
    if (rc == 0) {
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        rc = -pthread_create(&c->thread, NULL, run, c);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        c->started = rc == 0;
    }
    if (rc != 0) {
        control_stop(&c);
        return rc;
    }
    *out = c;
    return 0;
}

void control_stop(control_t **control)
{
    control_t *c = *control;
    *control = NULL;
    if (c == NULL) {
        return;
    }
    if (c->started) {
        pthread_mutex_lock(&c->lock);
        c->stopping = true;
        pthread_cond_signal(&c->answered);
        pthread_mutex_unlock(&c->lock);
        eventfd_write(c->stop_fd, 1);
        pthread_join(c->thread, NULL);
        unlinkat(c->folder, CONTROL_SOCKET, 0);
    }
    int fds[] = {c->folder, c->listener, c->event_fd, c->stop_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    pthread_cond_destroy(&c->answered);
    pthread_mutex_destroy(&c->lock);
    buffer_free(&c->answer);
    free(c);
}

int control_fd(const control_t *c)
{
    return c->event_fd;
}

const char *control_take(control_t *c)
{
    eventfd_t ignored;
    eventfd_read(c->event_fd, &ignored);
    pthread_mutex_lock(&c->lock);
    bool fresh = c->waiting && !c->taken;
    c->taken = true;
    pthread_mutex_unlock(&c->lock);
    return fresh ? c->command : NULL;
}

void control_answer(control_t *c, bytes_t lines)
{
    pthread_mutex_lock(&c->lock);
    if (c->waiting && c->taken && !c->done) {
        buffer_clear(&c->answer);
        buffer_append(&c->answer, lines.data, lines.len);
        c->done = true;
        pthread_cond_signal(&c->answered);
    }
    pthread_mutex_unlock(&c->lock);
}

/* ---- the operator's side ---- */

int control_ask(const char *data_dir, const char *command, buffer_t *answer)
{
    struct sockaddr_un address;
    int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = folder < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -errno : 0;
    if (rc == 0) {
        address_of(folder, &address);
        set_timeouts(fd, CONTROL_TIMEOUT_MS / 1000 + CLIENT_TIMEOUT_S);
        rc = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
    }
    if (rc == 0) {
        rc = send_all(fd, bytes_of_text(command));
    }
    if (rc == 0) {
        rc = send_all(fd, bytes_of_text("\n"));
    }
    char part[65536];
    ssize_t n = 1;
    while (rc == 0 && n > 0) {
        n = recv(fd, part, sizeof part, 0);
        if (n > 0) {
            buffer_append(answer, part, (size_t)n);
        }
        rc = n < 0 ? -errno : answer->failed ? -ENOMEM : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (folder >= 0) {
        close(folder);
    }
    return rc;
}
