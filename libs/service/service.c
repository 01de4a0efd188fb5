/* service.c - see service.h. The loop is czmq's zloop: it waits for sockets, file descriptors and
 * timers alike, and is kept better than one of ours would be. */
#include "service/service.h"

#include "base/error.h"
#include "fetch/network.h"
#include "fetch/url.h"
#include "log/log.h"
#include "text/text.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_WATCHES 16

typedef struct {
    service_t *service;
    service_fd_fn call;
    void *context;
} watch_t;

struct service {
    const service_definition_t *definition;
    zloop_t *loop;
    watch_t watches[MAX_WATCHES];
    size_t n_watches;
    bool quitting;
    int exit_code;
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

static watch_t *new_watch(service_t *service, service_fd_fn call, void *context)
{
    if (service->n_watches == MAX_WATCHES) {
        return NULL;
    }
    watch_t *w = &service->watches[service->n_watches++];
    *w = (watch_t){service, call, context};
    return w;
}

int service_watch(service_t *service, int fd, service_fd_fn ready, void *context)
{
    watch_t *w = new_watch(service, ready, context);
    zmq_pollitem_t item = {.fd = fd, .events = ZMQ_POLLIN};
    if (w == NULL || zloop_poller(service->loop, &item, on_fd, w) != 0) {
        return -ENOMEM;
    }
    zloop_poller_set_tolerant(service->loop, &item);
    return 0;
}

int service_every(service_t *service, unsigned interval_ms, service_fd_fn tick, void *context)
{
    watch_t *w = new_watch(service, tick, context);
    return w != NULL && zloop_timer(service->loop, interval_ms, 0, on_tick, w) >= 0 ? 0 : -ENOMEM;
}

/* ---- signals ---- */

typedef struct {
    service_t *service;
    int fd;
} signals_t;

static void on_signal(void *context)
{
    signals_t *signals = context;
    struct signalfd_siginfo info;
    if (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        log_info("stopping", "signal", strsignal((int)info.ssi_signo), NULL);
        service_quit(signals->service, CHISO_EXIT_OK);
    }
}

/* Before any thread exists, so that all of them inherit the mask. */
static int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- options ---- */

typedef struct {
    const char *config;
    bool check_only;
} options_t;

/* -1: go on; otherwise the exit code. */
static int read_options(const service_definition_t *d, int argc, char **argv, options_t *out)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
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

static int run_loop(service_t *service, void *config, config_t *file)
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
    void *state = NULL;
    int code = d->start(service, config, file, &state);
    if (code == CHISO_EXIT_OK) {
        log_info("ready", "version", CHISO_VERSION, NULL);
        zloop_start(service->loop);
        /* a bus client that stops for good ends the loop without saying more */
        code = service->quitting ? service->exit_code : CHISO_EXIT_FAILURE;
    }
    d->stop(state);
    zloop_destroy(&service->loop);
    zsys_shutdown();
    close(signals.fd);
    log_info("stopped", "exit", LOG_INT(code), NULL);
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
    void *config = NULL;
    config_t *file = NULL;
    if (config_load(options.config, definition->schema, stderr, &config, &file) != 0) {
        return CHISO_EXIT_CONFIG;
    }
    if (definition->check(config, file) != 0) {
        code = CHISO_EXIT_CONFIG;
    } else if (options.check_only) {
        printf("%s: good\n", options.config);
        code = CHISO_EXIT_OK;
    } else {
        service_t service = {.definition = definition};
        code = run_loop(&service, config, file);
    }
    definition->release(config);
    config_free_data(definition->schema, config);
    config_destroy(&file);
    return code;
}

/* ---- shared configuration ---- */

static const cyaml_schema_field_t curve_fields[] = {
    CYAML_FIELD_STRING_PTR("secret", CYAML_FLAG_POINTER, service_curve_config_t, secret, 1, 4096),
    CYAML_FIELD_STRING_PTR("server", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_curve_config_t, server, 1, 4096),
    CYAML_FIELD_STRING_PTR("clients", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_curve_config_t, clients, 1, 4096),
    CYAML_FIELD_END,
};

const cyaml_schema_field_t service_bus_fields[] = {
    CYAML_FIELD_STRING_PTR("endpoint", CYAML_FLAG_POINTER, service_bus_config_t, endpoint, 1, 256),
    CYAML_FIELD_MAPPING("curve", CYAML_FLAG_OPTIONAL, service_bus_config_t, curve, curve_fields),
    CYAML_FIELD_END,
};

const cyaml_schema_field_t service_store_fields[] = {
    CYAML_FIELD_STRING_PTR("map_size", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_store_config_t, map_size, 1, 32),
    CYAML_FIELD_STRING_PTR("soft_limit", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_store_config_t, soft_limit, 1, 32),
    CYAML_FIELD_STRING_PTR("journal_bytes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_store_config_t, journal_bytes, 1, 32),
    CYAML_FIELD_UINT("journal_records", CYAML_FLAG_OPTIONAL, service_store_config_t,
                     journal_records),
    CYAML_FIELD_END,
};

void service_resolve(config_t *file, char **text)
{
    if (*text != NULL) {
        char *absolute = config_resolve(file, *text);
        if (absolute != NULL) {
            free(*text); /* libcyaml's strings come from malloc and go with free */
            *text = absolute;
        }
    }
}

int service_check_readable(config_t *file, const char *path, const char *name)
{
    if (name != NULL && access(name, R_OK) != 0) {
        return config_error(file, path, "'%s': %s; expected something readable", name,
                            strerror(errno));
    }
    return 0;
}

int service_check_url(config_t *file, const char *at, const char *url, bool allow_http)
{
    /* addresses are judged with allow_networks, when the connection is made */
    static const char *const anywhere[] = {"0.0.0.0/0", "::/0", NULL};
    const fetch_policy_t policy = {.allow_http = allow_http, .allow_networks = anywhere};
    char path[128];
    char reason[FETCH_REASON_SIZE];
    snprintf(path, sizeof path, "%s.url", at);
    return fetch_url_check(url, &policy, reason) == 0 ? 0 : config_error(file, path, "%s", reason);
}

int service_check_networks(config_t *file, const char *at, char *const *list, unsigned n,
                           const char ***networks)
{
    *networks = calloc(n + 1, sizeof **networks);
    if (*networks == NULL) {
        return -ENOMEM;
    }
    int rc = 0;
    for (unsigned i = 0; i < n; i++) {
        (*networks)[i] = list[i];
        if (network_check(list[i]) != 0) {
            char path[128];
            snprintf(path, sizeof path, "%s.allow_networks[%u]", at, i);
            rc = config_error(file, path, "'%s'; expected a network such as \"10.0.0.0/8\"",
                              list[i]);
        }
    }
    return rc;
}

int service_check_id(config_t *file, const char *path, const char *id)
{
    return text_is_code(id)
               ? 0
               : config_error(file, path, "'%s'; expected 1 to 64 letters, digits, '.', '-', '_'",
                              id);
}

bus_curve_t service_curve(const service_bus_config_t *bus)
{
    return (bus_curve_t){bus->curve.secret, bus->curve.server, bus->curve.clients};
}

int service_check_log(const char *name, config_t *file, const char *service)
{
    log_level_t level = LOG_AT_INFO;
    if (name != NULL && log_level_of(name, &level) != 0) {
        return config_error(file, "log_level", "'%s'; expected debug, info, warn or error", name);
    }
    log_init(service, level);
    return 0;
}

int service_check_bus(service_bus_config_t *bus, config_t *file, const char *path, bool server)
{
    service_resolve(file, &bus->curve.secret);
    service_resolve(file, &bus->curve.server);
    service_resolve(file, &bus->curve.clients);
    bus_curve_t curve = service_curve(bus);
    char reason[256];
    if (bus_check_endpoint(bus->endpoint, &curve, server, reason) != 0) {
        return config_error(file, path, "%s", reason);
    }
    return 0;
}

int service_check_store(const service_store_config_t *config, config_t *file, const char *path,
                        store_options_t *store, journal_options_t *journal)
{
    const uint64_t mib = 1024 * 1024;
    char at[128];
    snprintf(at, sizeof at, "%s.map_size", path);
    int rc = config_size(file, at, config->map_size, 64ULL << 30, 16 * mib, 1ULL << 44,
                         &store->map_size);
    snprintf(at, sizeof at, "%s.soft_limit", path);
    rc |= config_size(file, at, config->soft_limit, store->map_size / 2, 4 * mib,
                      store->map_size / 10 * 9, &store->soft_limit);
    snprintf(at, sizeof at, "%s.journal_bytes", path);
    rc |= config_size(file, at, config->journal_bytes, store->soft_limit / 2, mib,
                      store->soft_limit, &journal->max_bytes);
    journal->keep_records = config->journal_records;
    return rc == 0 ? 0 : CHISO_E_CONFIG;
}

/* mkdir -p */
static int make_folders(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return -ENOMEM;
    }
    int rc = 0;
    for (char *slash = strchr(copy + 1, '/'); rc == 0; slash = strchr(slash + 1, '/')) {
        if (slash != NULL) {
            *slash = '\0';
        }
        rc = mkdir(copy, 0750) == 0 || errno == EEXIST ? 0 : -errno;
        if (slash == NULL) {
            break;
        }
        *slash = '/';
    }
    free(copy);
    return rc;
}

int service_open_store(const char *data_dir, const store_options_t *options, store_t **out)
{
    char reason[256] = "";
    int rc = make_folders(data_dir);
    if (rc == 0) {
        rc = store_open(data_dir, options, reason, out);
    }
    if (rc != 0) {
        log_error("cannot open the store", "folder", data_dir, "reason",
                  *reason != '\0' ? reason : chiso_strerror(rc), NULL);
    }
    return rc;
}
