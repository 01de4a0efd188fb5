/* service.c - see service.h. The loop is czmq's zloop: it waits for sockets, file descriptors and
 * timers alike, and is kept better than one of ours would be. */
#include "service/service.h"

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "service/healthcheck.h"
#include "service/notify.h"
#include "service/observe.h"
#include "service/parts.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX_WATCHES 24
#define MEASURE_MS 1000
#define WATCHDOG_MS 5000

typedef struct {
    service_t *service;
    service_fd_fn call; /* NULL: free */
    void *context;
    int fd; /* -1: a timer's */
} watch_t;

/* A configuration that was read and checked. */
typedef struct {
    void *data;
    config_t *file;
} loaded_t;

struct service {
    const service_definition_t *definition;
    zloop_t *loop;
    watch_t watches[MAX_WATCHES];
    bool quitting;
    int exit_code;
    const char *path;                       /* of the configuration */
    loaded_t first, newest;                 /* at the start; of the last reload */
    void *state;                            /* the service's own, once it has started */
    const service_observe_config_t *limits; /* NULL: no endpoint */
    metrics_t *metrics;
    parts_t *parts;
    observe_t *observe;
    int64_t draining_until; /* monotonic; 0: not draining */
};

zloop_t *service_loop(service_t *service)
{
    return service->loop;
}

void service_quit(service_t *service, int exit_code)
{
    if (!service->quitting) {
        service->quitting = true;
        service->exit_code = exit_code;
    }
}

static int on_fd(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    watch_t *w = context;
    w->call(w->context);
    return w->service->quitting ? -1 : 0;
}

static int on_tick(zloop_t *loop, int timer, void *context)
{
    (void)loop;
    (void)timer;
    watch_t *w = context;
    w->call(w->context);
    return w->service->quitting ? -1 : 0;
}

static watch_t *new_watch(service_t *service, int fd, service_fd_fn call, void *context)
{
    for (size_t i = 0; i < MAX_WATCHES; i++) {
        if (service->watches[i].call == NULL) {
            service->watches[i] = (watch_t){service, call, context, fd};
            return &service->watches[i];
        }
    }
    return NULL;
}

int service_watch(service_t *service, int fd, service_fd_fn ready, void *context)
{
    watch_t *w = new_watch(service, fd, ready, context);
    zmq_pollitem_t item = {.fd = fd, .events = ZMQ_POLLIN};
    if (w == NULL || zloop_poller(service->loop, &item, on_fd, w) != 0) {
        return -ENOMEM;
    }
    zloop_poller_set_tolerant(service->loop, &item);
    return 0;
}

void service_unwatch(service_t *service, int fd)
{
    for (size_t i = 0; i < MAX_WATCHES; i++) {
        watch_t *w = &service->watches[i];
        if (w->call != NULL && w->fd == fd) {
            zloop_poller_end(service->loop, &(zmq_pollitem_t){.fd = fd, .events = ZMQ_POLLIN});
            w->call = NULL;
        }
    }
}

int service_every(service_t *service, unsigned interval_ms, service_fd_fn tick, void *context)
{
    watch_t *w = new_watch(service, -1, tick, context);
    return w != NULL && zloop_timer(service->loop, interval_ms, 0, on_tick, w) >= 0 ? 0 : -ENOMEM;
}

/* ---- metrics and health ---- */

metrics_t *service_metrics(service_t *service)
{
    return service->metrics;
}

void service_parts(service_t *service, const service_parts_t *parts)
{
    parts_set(service->parts, parts);
}

static void measure(service_t *service)
{
    observe_check_t checks[OBSERVE_MAX_CHECKS];
    buffer_t text = BUFFER_INIT(METRICS_TEXT_MAX);
    metrics_begin(service->metrics);
    if (service->definition->measure != NULL) {
        service->definition->measure(service->state, service->metrics);
    }
    metrics_end(service->metrics);
    size_t n = parts_measure(service->parts, service->limits, service->metrics, checks);
    parts_write(service->parts, &text);
    metrics_write(service->metrics, &text);
    observe_tell(service->observe, buffer_bytes(&text), checks, n);
    buffer_free(&text);
}

static void on_measure(void *context)
{
    service_t *service = context;
    parts_tend(service->parts);
    if (service->observe == NULL) {
        return;
    }
    measure(service);
    if (service->draining_until != 0 && clock_mono_ms() >= service->draining_until) {
        service_quit(service, CHISO_EXIT_OK);
    }
}

static void on_watchdog(void *context)
{
    (void)context;
    notify("WATCHDOG=1");
}

static int open_observe(service_t *service)
{
    const service_observe_config_t *c = service->limits;
    if (c == NULL) {
        return 0;
    }
    int rc = observe_start(c, service->definition->name, &service->observe);
    if (rc != 0) {
        log_error("cannot serve metrics and health", "address", observe_address(c), "port",
                  LOG_INT(c->port), "reason", chiso_strerror(rc), NULL);
        return rc;
    }
    log_info("observable", "address", observe_address(c), "port",
             LOG_INT(observe_port(service->observe)), NULL);
    return 0;
}

/* ---- reload ---- */

static void free_loaded(const service_definition_t *d, loaded_t *l)
{
    if (l->data != NULL) {
        d->release(l->data);
        config_free_data(d->schema, l->data);
        config_destroy(&l->file);
        *l = (loaded_t){0};
    }
}

void service_needs_restart(const char *key, const char *running, const char *wanted)
{
    bool same = running == NULL ? wanted == NULL : wanted != NULL && strcmp(running, wanted) == 0;
    if (!same) {
        log_warn("a change that needs a restart", "key", key, "running", running, "configured",
                 wanted, NULL);
    }
}

/* All or nothing: what is wrong is told, and everything goes on by what was there. */
static void reload(service_t *service)
{
    const service_definition_t *d = service->definition;
    char *said = NULL;
    size_t size = 0;
    FILE *errors = open_memstream(&said, &size);
    if (errors == NULL) {
        log_error("the configuration was not reloaded", "reason", strerror(errno), NULL);
        return;
    }
    log_level_t level = log_level_now();
    loaded_t fresh = {0};
    int rc = config_load(service->path, d->schema, errors, &fresh.data, &fresh.file);
    rc = rc == 0 ? d->check(fresh.data, fresh.file) : rc;
    if (rc == 0 && d->reload != NULL) {
        rc = d->reload(service->state, fresh.data);
    }
    fflush(errors);
    if (rc == 0) {
        free_loaded(d, &service->newest);
        service->newest = fresh;
        log_info("the configuration was reloaded", "file", service->path, NULL);
    } else {
        log_init(d->name, level);
        log_error("the configuration was not reloaded", "reason",
                  size > 0 ? said : chiso_strerror(rc), NULL);
        free_loaded(d, &fresh);
    }
    parts_count_reload(service->parts, rc == 0);
    fclose(errors);
    free(said);
}

/* ---- signals ---- */

typedef struct {
    service_t *service;
    int fd;
} signals_t;

static void stop_soon(service_t *service)
{
    int64_t drain = service->limits != NULL ? service->limits->drain_ms : 0;
    notify("STOPPING=1");
    observe_set_state(service->observe, OBSERVE_DRAINING);
    if (drain == 0 || service->draining_until != 0) {
        service_quit(service, CHISO_EXIT_OK);
    } else {
        service->draining_until = clock_mono_ms() + drain;
    }
}

static void on_signal(void *context)
{
    signals_t *signals = context;
    struct signalfd_siginfo info;
    if (read(signals->fd, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    if (info.ssi_signo == SIGHUP) {
        reload(signals->service);
        return;
    }
    log_info("stopping", "signal", strsignal((int)info.ssi_signo), NULL);
    stop_soon(signals->service);
}

/* Before any thread exists, so that all of them inherit the mask. */
static int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- options ---- */

typedef struct {
    const char *config;
    bool check_only, healthcheck;
} options_t;

/* -1: go on; otherwise the exit code. */
static int read_options(const service_definition_t *d, int argc, char **argv, options_t *out)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
        {"healthcheck", no_argument, NULL, 'p'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            out->config = optarg;
            break;
        case 'k':
            out->check_only = true;
            break;
        case 'p':
            out->healthcheck = true;
            break;
        case 'h':
            fputs(d->help, stdout);
            return CHISO_EXIT_OK;
        case 'v':
            printf("chiso-%s %s\n", d->name, CHISO_VERSION);
            return CHISO_EXIT_OK;
        default:
            fprintf(stderr, "try 'chiso-%s --help'\n", d->name);
            return CHISO_EXIT_USAGE;
        }
    }
    if (optind < argc || out->config == NULL) {
        fprintf(stderr, "chiso-%s: %s\ntry 'chiso-%s --help'\n", d->name,
                optind < argc ? "unexpected argument" : "--config FILE is required", d->name);
        return CHISO_EXIT_USAGE;
    }
    return -1;
}

/* ---- running ---- */

static int run_loop(service_t *service)
{
    const service_definition_t *d = service->definition;
    signals_t signals = {.service = service, .fd = take_signals()};
    bus_init();
    service->loop = zloop_new();
    if (signals.fd < 0 || service->loop == NULL) {
        log_error("cannot start", "reason", strerror(errno), NULL);
        return CHISO_EXIT_FAILURE;
    }
    zloop_set_nonstop(service->loop, true);
    service_watch(service, signals.fd, on_signal, &signals);
    int code = open_observe(service) == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FAILURE;
    if (code == CHISO_EXIT_OK) {
        code = d->start(service, service->first.data, service->first.file, &service->state);
    }
    if (code == CHISO_EXIT_OK) {
        log_info("ready", "version", CHISO_VERSION, NULL);
        if (notify_wanted()) {
            service_every(service, WATCHDOG_MS, on_watchdog, service);
            notify("READY=1");
        }
        if (service->observe != NULL) {
            measure(service);
            observe_set_state(service->observe, OBSERVE_RUNNING);
        }
        service_every(service, MEASURE_MS, on_measure, service);
        zloop_start(service->loop);
        /* a bus client that stops for good ends the loop without saying more */
        code = service->quitting ? service->exit_code : CHISO_EXIT_FAILURE;
    }
    observe_set_state(service->observe, OBSERVE_DRAINING);
    d->stop(service->state);
    observe_stop(&service->observe);
    zloop_destroy(&service->loop);
    zsys_shutdown();
    close(signals.fd);
    log_info("stopped", "exit", LOG_INT(code), NULL);
    return code;
}

static const service_observe_config_t *observe_of(const service_definition_t *d, const void *config)
{
    const char *at = (const char *)config + d->observe_at;
    return *(const service_observe_config_t *const *)(const void *)at;
}

static int run(const service_definition_t *d, const char *path, const loaded_t *first)
{
    service_t service = {
        .definition = d, .path = path, .first = *first, .limits = observe_of(d, first->data)};
    int code = CHISO_EXIT_FAILURE;
    char prefix[32];
    snprintf(prefix, sizeof prefix, "chiso_%s", d->name);
    if (metrics_new(prefix, d->metrics, d->n_metrics, &service.metrics) == 0 &&
        parts_new(d->name, &service.parts) == 0) {
        code = run_loop(&service);
    }
    free_loaded(d, &service.newest);
    metrics_destroy(&service.metrics);
    parts_destroy(&service.parts);
    return code;
}

int service_run(const service_definition_t *definition, int argc, char **argv)
{
    options_t options = {0};
    int code = read_options(definition, argc, argv, &options);
    if (code >= 0) {
        return code;
    }
    log_init(definition->name, LOG_AT_INFO);
    loaded_t first = {0};
    if (config_load(options.config, definition->schema, stderr, &first.data, &first.file) != 0) {
        return options.healthcheck ? CHISO_EXIT_FINDING : CHISO_EXIT_CONFIG;
    }
    if (options.healthcheck) {
        code = healthcheck(observe_of(definition, first.data));
    } else if (definition->check(first.data, first.file) != 0) {
        code = CHISO_EXIT_CONFIG;
    } else if (options.check_only) {
        printf("%s: good\n", options.config);
        code = CHISO_EXIT_OK;
    } else {
        code = run(definition, options.config, &first);
    }
    free_loaded(definition, &first);
    return code;
}
