/* service.h - what the three services have in common: options, configuration, signals, the loop.
 *
 * A service is a definition; service_run() is its main(). Every service understands
 *   --config FILE   --check-config   --help   --version
 * and exits with the codes of base/error.h. It is its own PID 1: SIGTERM and SIGINT are read from a
 * signalfd and end the loop; nothing else interrupts it.
 */
#ifndef CHISO_SERVICE_SERVICE_H
#define CHISO_SERVICE_SERVICE_H

#include "bus/bus.h"
#include "config/config.h"

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
} service_definition_t;

int service_run(const service_definition_t *definition, int argc, char **argv);

zloop_t *service_loop(service_t *service);
/* Ends the loop after the current handler; the first code given stands. */
void service_quit(service_t *service, int exit_code);

/* Calls `ready` when fd is readable. */
typedef void (*service_fd_fn)(void *context);
int service_watch(service_t *service, int fd, service_fd_fn ready, void *context);
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

extern const cyaml_schema_field_t service_bus_fields[];
extern const cyaml_schema_field_t service_store_fields[];

/* Takes "debug", "info", "warn", "error" or NULL (info) at once. */
int service_check_log(const char *level, config_t *file, const char *service);
/* Makes the files of a bus end absolute and checks it; `path` is its place, "bus" or "upstream". */
int service_check_bus(service_bus_config_t *bus, config_t *file, const char *path, bool server);
bus_curve_t service_curve(const service_bus_config_t *bus);
/* Sizes of the store and its journal. */
int service_check_store(const service_store_config_t *config, config_t *file, const char *path,
                        store_options_t *store, journal_options_t *journal);
/* Reports when the file or folder cannot be read; NULL is good. */
int service_check_readable(config_t *file, const char *path, const char *name);
/* Checks a URL (fetch/url.h; http only with allow_http), and networks in CIDR form;
 * *networks becomes the NULL-terminated list that fetch_policy_t wants (the caller frees it). `at`
 * is the place of the mapping that holds `url` and `allow_networks`. */
int service_check_url(config_t *file, const char *at, const char *url, bool allow_http);
int service_check_networks(config_t *file, const char *at, char *const *list, unsigned n,
                           const char ***networks);
/* Reports when the id is not of [A-Za-z0-9._-]. */
int service_check_id(config_t *file, const char *path, const char *id);
/* Replaces *text by its path seen from the configuration file's folder; NULL stays. */
void service_resolve(config_t *file, char **text);
/* Opens the store in data_dir (created with its parents), logging what fails. */
int service_open_store(const char *data_dir, const store_options_t *options, store_t **out);

#endif
