/* service.h - what the three services have in common: options, configuration, signals, the loop.
 *
 * A service is a definition; service_run() is its main(). Every service understands
 *   --config FILE   --check-config   --healthcheck   --help   --version
 * and exits with the codes of base/error.h. It is its own PID 1: signals are read from a signalfd.
 * SIGTERM and SIGINT make it not ready at once and end the loop `observe.drain` later (a second one
 * at once); SIGHUP reads the configuration again.
 *
 * With `observe` in its configuration it serves /metrics, /live and /ready from a thread of its
 * own, see observe.h. The numbers that all services have are declared here (parts.c); a service
 * adds a table of its own.
 */
#ifndef CHISO_SERVICE_SERVICE_H
#define CHISO_SERVICE_SERVICE_H

#include "bus/bus.h"
#include "config/config.h"
#include "metrics/metrics.h"

#include <czmq.h>

typedef struct service service_t;

typedef struct {
    const char *name; /* "ingest" */
    const char *help; /* the man page that --help prints */
    const cyaml_schema_value_t *schema;
    /* Checks what the schema cannot, and fills in defaults. Reports every error it finds, and
     * returns CHISO_E_CONFIG after any. */
    int (*check)(void *config, config_t *file);
    /* Frees what check() has made; the rest is libcyaml's. */
    void (*release)(void *config);
    /* Opens everything and joins the loop. 0, or an exit code after logging the reason. */
    int (*start)(service_t *service, void *config, config_t *file, void **state);
    /* Closes everything; also after a start that failed half-way (then *state may be NULL). */
    void (*stop)(void *state);

    /* SIGHUP: takes of `config`, which was read and checked anew, what it can take while running,
     * and names what it cannot by service_needs_restart(). 0: `config` stays valid until after the
     * next reload, beside the first one, which stays to the end. Otherwise a negative code:
     * everything goes on by what was there. NULL: only the log level is reloaded. */
    int (*reload)(void *state, void *config);
    /* Where in the configuration the service_observe_config_t * is (offsetof). */
    size_t observe_at;
    /* Its own metrics, named chiso_NAME_…, and what sets the gauges of them, once a second. */
    const metric_spec_t *metrics;
    size_t n_metrics;
    void (*measure)(void *state, metrics_t *metrics);
} service_definition_t;

int service_run(const service_definition_t *definition, int argc, char **argv);

/* What the help of every service says, for what service_run() does for all of them. Behind the
 * signals stands what SIGTERM means for the one. */
#define SERVICE_HELP_OPTIONS                                                                         \
    "OPTIONS\n"                                                                                      \
    "    --config FILE    the configuration, YAML; see docs/operate.md for every key\n"              \
    "    --check-config   read it and the catalogs, report every error as FILE:LINE: KEY: …, and " \
    "exit\n"                                                                                         \
    "    --healthcheck    ask the running service's /ready, print its answer, and exit with 0 "      \
    "(ready)\n"                                                                                      \
    "                     or 1; the configuration must have observe.port\n"                          \
    "    --help           this text\n"                                                               \
    "    --version        the version\n"                                                             \
    "\n"                                                                                             \
    "SIGNALS\n"                                                                                      \
    "    SIGHUP           read the configuration again; what is wrong is told, and nothing "         \
    "changes\n"
#define SERVICE_HELP_EXIT                                                                          \
    "EXIT STATUS\n"                                                                                \
    "    0  stopped by a signal      3  the configuration or a catalog is wrong\n"                 \
    "    2  wrong options            4  disk or store failed; safe to start again\n"               \
    "                                5  anything else\n"

/* Its own metrics; also before start() and without an endpoint. */
metrics_t *service_metrics(service_t *service);
/* What there is to be measured and judged for readiness; NULL what a service has not, or has no
 * longer. Borrowed: they live until stop(). */
typedef struct {
    const char *data_dir;
    store_t *store;
    journal_t *journal;
    bus_client_t *upstream;
    bus_server_t *bus;
} service_parts_t;
void service_parts(service_t *service, const service_parts_t *parts);
/* Warns that a key differs from what is running, when it does; NULL is a text as well. */
void service_needs_restart(const char *key, const char *running, const char *wanted);

zloop_t *service_loop(service_t *service);
/* Ends the loop after the current handler; the first code given stands. */
void service_quit(service_t *service, int exit_code);

/* Calls `ready` when fd is readable. */
typedef void (*service_fd_fn)(void *context);
int service_watch(service_t *service, int fd, service_fd_fn ready, void *context);
void service_unwatch(service_t *service, int fd);
/* Calls `tick` every interval_ms. */
int service_every(service_t *service, unsigned interval_ms, service_fd_fn tick, void *context);

/* ---- configuration that several services share ---- */

typedef struct {
    char *secret, *server, *clients;
} service_curve_config_t;

typedef struct {
    char *endpoint;
    service_curve_config_t curve;
} service_bus_config_t;

typedef struct {
    char *map_size, *soft_limit, *journal_bytes;
    unsigned journal_records;
} service_store_config_t;

/* Where metrics and health are served, and when the service counts as ready. */
typedef struct {
    char *address; /* NULL: 127.0.0.1 */
    unsigned port; /* 0: any free one, told in the log */
    char *max_behind, *min_free, *heartbeat, *drain;
    /* worked out */
    int64_t max_behind_ms, heartbeat_ms, drain_ms;
    uint64_t min_free_bytes;
} service_observe_config_t;

extern const cyaml_schema_field_t service_observe_fields[];
/* Optional, with a pointer as its member: NULL is no endpoint at all. */
#define SERVICE_OBSERVE_FIELD(type)                                                                \
    CYAML_FIELD_MAPPING_PTR("observe", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, observe,    \
                            service_observe_fields)
extern const cyaml_schema_field_t service_bus_fields[];
extern const cyaml_schema_field_t service_store_fields[];

/* Takes "debug", "info", "warn", "error" or NULL (info) at once. */
int service_check_log(const char *level, config_t *file, const char *service);
/* Makes the files of a bus end absolute and checks it; `path` is its place, "bus" or "upstream". */
int service_check_bus(service_bus_config_t *bus, config_t *file, const char *path, bool server);
bus_curve_t service_curve(const service_bus_config_t *bus);
/* On SIGHUP, last: has an end of the bus take the keys that its files hold now, and warns of what
 * needs a restart. 0 or a negative code after logging why; a producer that is no longer bound ends
 * the service. */
int service_rekey_bus(service_t *service, bus_server_t *bus, const service_bus_config_t *running,
                      const service_bus_config_t *wanted);
int service_rekey_upstream(bus_client_t *upstream, const service_bus_config_t *running,
                           const service_bus_config_t *wanted);
/* Sizes of the store and its journal. */
int service_check_store(const service_store_config_t *config, config_t *file, const char *path,
                        store_options_t *store, journal_options_t *journal);
int service_check_observe(service_observe_config_t *observe, config_t *file); /* accepts NULL */
/* Reports when the file or folder cannot be read; NULL is good. */
int service_check_readable(config_t *file, const char *path, const char *name);
/* Checks the URL at `path` (fetch/url.h; http only with allow_http). */
int service_check_url(config_t *file, const char *path, const char *url, bool allow_http);
/* Checks networks in CIDR form; *networks becomes the NULL-terminated list that fetch_policy_t
 * wants (the caller frees it). `at` is the place of the mapping that holds `allow_networks`. */
int service_check_networks(config_t *file, const char *at, char *const *list, unsigned n,
                           const char ***networks);
/* Reports when the id is not of [A-Za-z0-9._-]. */
int service_check_id(config_t *file, const char *path, const char *id);
/* Replaces *text by its path seen from the configuration file's folder; NULL stays. */
void service_resolve(config_t *file, char **text);
/* Opens the store in data_dir (created with its parents), logging what fails. */
int service_open_store(const char *data_dir, const store_options_t *options, store_t **out);

#endif
