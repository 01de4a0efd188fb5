/* server.c - see server.h. One thread, one poll: the HTTP server's descriptor and a signalfd, so a
 * signal is an event like any other and no handler ever interrupts anything. */
#include "common/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static int quit_code = -1;

void server_quit(int exit_code)
{
    quit_code = quit_code < 0 ? exit_code : quit_code;
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int wait_ms(http_t *http, const server_options_t *o, int64_t next_tick)
{
    int64_t wait = http_timeout_ms(http);
    wait = wait < 0 || wait > 1000 ? 1000 : wait;
    if (o->every_ms > 0) {
        int64_t left = next_tick - clock_mono_ms();
        left = left < 0 ? 0 : left;
        wait = left < wait ? left : wait;
    }
    return (int)wait;
}

static void loop(http_t *http, const server_options_t *o, int signals)
{
    int64_t next_tick = clock_mono_ms() + o->every_ms;
    struct pollfd p[2] = {{.fd = http_fd(http), .events = POLLIN},
                          {.fd = signals, .events = POLLIN}};
    while (quit_code < 0) {
        if (poll(p, 2, wait_ms(http, o, next_tick)) < 0 && errno != EINTR) {
            server_quit(CHISO_EXIT_FAILURE);
        }
        if (p[1].revents != 0) {
            server_quit(CHISO_EXIT_OK);
        }
        if (o->every_ms > 0 && clock_mono_ms() >= next_tick) {
            next_tick += o->every_ms;
            o->tick(o->context);
        }
        http_run(http);
    }
}

int server_run(const server_options_t *options)
{
    log_init(options->name, LOG_AT_INFO);
    int signals = open_signals();
    if (signals < 0) {
        fprintf(stderr, "%s: signalfd: %s\n", options->name, chiso_strerror(-errno));
        return CHISO_EXIT_FAILURE;
    }
    http_t *http = NULL;
    http_options_t o = {.address = options->address, .port = options->port, .idle_seconds = 120};
    int rc = http_start(&o, options->handler, options->context, &http);
    if (rc != 0) {
        fprintf(stderr, "%s: cannot listen on %s port %u: %s\n", options->name, options->address,
                options->port, chiso_strerror(rc));
        close(signals);
        return CHISO_EXIT_FAILURE;
    }
    bool v6 = strchr(options->address, ':') != NULL;
    printf("%s listening on http://%s%s%s:%u\n", options->name, v6 ? "[" : "", options->address,
           v6 ? "]" : "", http_port(http));
    fflush(stdout);
    loop(http, options, signals);
    http_stop(&http);
    close(signals);
    return quit_code;
}

int server_number(const char *text, int64_t max, int64_t *out)
{
    int64_t value = 0;
    if (*text == '\0') {
        return CHISO_E_SYNTAX;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || value > (max - (*text - '0')) / 10) {
            return CHISO_E_SYNTAX;
        }
        value = value * 10 + (*text - '0');
    }
    *out = value;
    return CHISO_OK;
}

int server_query_number(const http_request_t *request, const char *name, int64_t max, int64_t *out)
{
    const char *text = http_query(request, name);
    return text != NULL ? server_number(text, max, out) : CHISO_OK;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int server_unescape(bytes_t text, bool form, buffer_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return CHISO_E_SYNTAX;
            }
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        if (c == '\0') {
            return CHISO_E_SYNTAX;
        }
        buffer_append(out, &c, 1);
    }
    return CHISO_OK;
}

void server_reply_json(http_request_t *request, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text == NULL) {
        http_reply_problem(request, 500, "no memory");
        return;
    }
    http_reply(request, 200, "application/json", bytes_of_text(text));
    free(text);
}

int64_t server_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int server_open_lines(const char *path)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : fd;
}

int server_append_line(int fd, bytes_t line)
{
    off_t before = lseek(fd, 0, SEEK_END);
    ssize_t n = write(fd, line.data, line.len);
    if (n == (ssize_t)line.len) {
        return CHISO_OK;
    }
    int error = n < 0 ? -errno : -ENOSPC;
    /* half a line must not stay in front of the next one */
    return n > 0 && ftruncate(fd, before) != 0 ? -errno : error;
}
