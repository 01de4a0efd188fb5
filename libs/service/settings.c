/* settings.c - the parts of a configuration that the services share; see service.h. */
#include "service/service.h"

#include "base/error.h"
#include "fetch/network.h"
#include "fetch/url.h"
#include "log/log.h"
#include "text/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

const cyaml_schema_field_t service_observe_fields[] = {
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_observe_config_t, address, 1, 64),
    CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, service_observe_config_t, port),
    CYAML_FIELD_STRING_PTR("max_behind", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_observe_config_t, max_behind, 1, 32),
    CYAML_FIELD_STRING_PTR("min_free", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_observe_config_t, min_free, 1, 32),
    CYAML_FIELD_STRING_PTR("heartbeat", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_observe_config_t, heartbeat, 1, 32),
    CYAML_FIELD_STRING_PTR("drain", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           service_observe_config_t, drain, 1, 32),
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

int service_check_url(config_t *file, const char *path, const char *url, bool allow_http)
{
    /* addresses are judged with allow_networks, when the connection is made */
    const fetch_policy_t policy = {.allow_http = allow_http, .allow_networks = fetch_anywhere};
    char reason[FETCH_REASON_SIZE];
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

static void bus_needs_restart(const char *end, const service_bus_config_t *running,
                              const service_bus_config_t *wanted)
{
    char key[64];
    snprintf(key, sizeof key, "%s.endpoint", end);
    service_needs_restart(key, running->endpoint, wanted->endpoint);
    if ((running->curve.secret == NULL) != (wanted->curve.secret == NULL)) {
        snprintf(key, sizeof key, "%s.curve", end);
        service_needs_restart(key, running->curve.secret, wanted->curve.secret);
    }
}

int service_rekey_bus(service_t *service, bus_server_t *bus, const service_bus_config_t *running,
                      const service_bus_config_t *wanted)
{
    char reason[256] = "";
    bus_needs_restart("bus", running, wanted);
    bus_curve_t curve = service_curve(wanted);
    int rc = bus_server_rekey(bus, &curve, reason);
    if (rc != 0) {
        log_error("the keys of the bus were not taken", "reason", reason, NULL);
        if (rc != CHISO_E_CONFIG) {
            service_quit(service, CHISO_EXIT_FAILURE);
        }
    }
    return rc;
}

int service_rekey_upstream(bus_client_t *upstream, const service_bus_config_t *running,
                           const service_bus_config_t *wanted)
{
    char reason[256] = "";
    bus_needs_restart("upstream", running, wanted);
    bus_curve_t curve = service_curve(wanted);
    int rc = bus_client_rekey(upstream, &curve, reason);
    if (rc != 0) {
        log_error("the keys of the upstream were not taken", "reason", reason, NULL);
    }
    return rc;
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

int service_check_observe(service_observe_config_t *c, config_t *file)
{
    const int64_t minute = 60 * 1000;
    if (c == NULL) {
        return 0;
    }
    unsigned char address[sizeof(struct in6_addr)];
    if (c->address != NULL && inet_pton(AF_INET, c->address, address) != 1 &&
        inet_pton(AF_INET6, c->address, address) != 1) {
        config_error(file, "observe.address",
                     "'%s'; expected a numeric address such as \"127.0.0.1\"", c->address);
    }
    if (c->port > 65535) {
        config_error(file, "observe.port", "%u; expected 0 to 65535", c->port);
    }
    config_duration(file, "observe.max_behind", c->max_behind, 5 * minute, 1000, 1440 * minute,
                    &c->max_behind_ms);
    config_size(file, "observe.min_free", c->min_free, 64 << 20, 0, 1ULL << 44, &c->min_free_bytes);
    config_duration(file, "observe.heartbeat", c->heartbeat, 30000, 2000, 60 * minute,
                    &c->heartbeat_ms);
    config_duration(file, "observe.drain", c->drain, 0, 0, 5 * minute, &c->drain_ms);
    return config_errors(file) == 0 ? 0 : CHISO_E_CONFIG;
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
