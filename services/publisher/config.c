/* config.c - see config.h. */
#include "config.h"

#include "base/error.h"
#include "fetch/network.h"

#include <arpa/inet.h>
#include <string.h>

#define DEFAULT_RATE 50 /* requests a second of one address */
#define DEFAULT_BURST 500
#define MAX_RATE 1000000
#define DAY_MS (24 * 3600 * 1000LL)
#define MAX_KEPT_MS (36500 * DAY_MS)

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096),
};

#define OPTIONAL_TEXT(key, type, member)                                                           \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 4096)

static const cyaml_schema_field_t http_fields[] = {
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, publisher_http_t, address, 1, 64),
    CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, publisher_http_t, port),
    OPTIONAL_TEXT("web", publisher_http_t, web),
    CYAML_FIELD_UINT("max_connections", CYAML_FLAG_OPTIONAL, publisher_http_t, max_connections),
    CYAML_FIELD_UINT("max_streams", CYAML_FLAG_OPTIONAL, publisher_http_t, max_streams),
    CYAML_FIELD_UINT("max_per_address", CYAML_FLAG_OPTIONAL, publisher_http_t, max_per_address),
    CYAML_FIELD_UINT("rate", CYAML_FLAG_OPTIONAL, publisher_http_t, rate),
    CYAML_FIELD_UINT("burst", CYAML_FLAG_OPTIONAL, publisher_http_t, burst),
    CYAML_FIELD_SEQUENCE("proxies", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, publisher_http_t,
                         proxies, &text_schema, 0, 64),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t publisher_fields[] = {
    CYAML_FIELD_STRING_PTR("data_dir", CYAML_FLAG_POINTER, publisher_config_t, data_dir, 1, 4096),
    OPTIONAL_TEXT("log_level", publisher_config_t, log_level),
    CYAML_FIELD_SEQUENCE("indexes", CYAML_FLAG_POINTER, publisher_config_t, indexes, &text_schema,
                         1, 64),
    CYAML_FIELD_MAPPING("upstream", CYAML_FLAG_DEFAULT, publisher_config_t, upstream,
                        service_bus_fields),
    CYAML_FIELD_MAPPING("store", CYAML_FLAG_OPTIONAL, publisher_config_t, store,
                        service_store_fields),
    SERVICE_OBSERVE_FIELD(publisher_config_t),
    CYAML_FIELD_MAPPING("http", CYAML_FLAG_DEFAULT, publisher_config_t, http, http_fields),
    OPTIONAL_TEXT("ingest_api", publisher_config_t, ingest_api),
    OPTIONAL_TEXT("ingest_token_file", publisher_config_t, ingest_token_file),
    OPTIONAL_TEXT("history_full", publisher_config_t, history_full),
    OPTIONAL_TEXT("history_keep", publisher_config_t, history_keep),
    CYAML_FIELD_SEQUENCE("targets", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, publisher_config_t,
                         targets, &target_schema, 0, PUBLISHER_MAX_TARGETS),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t publisher_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, publisher_config_t, publisher_fields),
};

static void check_target(publisher_config_t *c, unsigned i, config_t *file)
{
    char at[64];
    char path[96];
    snprintf(at, sizeof at, "targets[%u]", i);
    for (unsigned k = 0; k < i; k++) {
        if (strcmp(c->targets[k].id, c->targets[i].id) == 0) {
            snprintf(path, sizeof path, "%s.id", at);
            config_error(file, path, "'%s' stands twice; expected an id of its own",
                         c->targets[i].id);
        }
    }
    target_check(&c->targets[i], file, at);
}

static void check_proxies(publisher_http_t *h, config_t *file)
{
    h->proxy_networks = calloc(h->proxies_count + 1, sizeof *h->proxy_networks);
    for (unsigned i = 0; h->proxy_networks != NULL && i < h->proxies_count; i++) {
        char path[64];
        h->proxy_networks[i] = h->proxies[i];
        snprintf(path, sizeof path, "http.proxies[%u]", i);
        if (network_check(h->proxies[i]) != 0) {
            config_error(file, path, "'%s'; expected a network such as 10.0.0.0/8 or 127.0.0.1/32",
                         h->proxies[i]);
        }
    }
}

static void check_http(publisher_http_t *h, config_t *file)
{
    struct in6_addr address;
    if (inet_pton(AF_INET, h->address, &address) != 1 &&
        inet_pton(AF_INET6, h->address, &address) != 1) {
        config_error(file, "http.address", "'%s'; expected a numeric address such as \"127.0.0.1\"",
                     h->address);
    }
    service_check_readable(file, "http.web", h->web);
    if (h->port > 65535) {
        config_error(file, "http.port", "%u; expected 0 to 65535", h->port);
    }
    h->rate = h->rate != 0 ? h->rate : DEFAULT_RATE;
    h->burst = h->burst != 0 ? h->burst : DEFAULT_BURST;
    if (h->rate > MAX_RATE || h->burst > MAX_RATE) {
        config_error(file, h->rate > MAX_RATE ? "http.rate" : "http.burst",
                     "is too large; expected at most %d", MAX_RATE);
    }
    check_proxies(h, file);
}

static void check_ingest_api(char *url, config_t *file)
{
    size_t len = url != NULL ? strlen(url) : 0;
    if (len > 0 && url[len - 1] == '/') {
        url[len - 1] = '\0';
    }
    if (url != NULL && service_check_url(file, "ingest_api", url, true) == 0 &&
        (strchr(url, '?') != NULL || len > 2048)) {
        config_error(file, "ingest_api",
                     "is more than an address; expected that of ingest such as "
                     "http://127.0.0.1:8081");
    }
}

int publisher_check(void *config, config_t *file)
{
    publisher_config_t *c = config;
    service_check_log(c->log_level, file, "publisher");
    service_resolve(file, &c->data_dir);
    service_resolve(file, &c->http.web);
    service_check_bus(&c->upstream, file, "upstream", false);
    service_check_store(&c->store, file, "store", &c->store_options, &c->journal_options);
    service_check_observe(c->observe, file);
    check_http(&c->http, file);
    check_ingest_api(c->ingest_api, file);
    if (c->ingest_token_file != NULL) {
        c->ingest_token = target_read_secret(file, "", "ingest_token_file", &c->ingest_token_file);
    }
    config_duration(file, "history_full", c->history_full, 90 * DAY_MS, 1000, MAX_KEPT_MS,
                    &c->keep.full_ms);
    config_duration(file, "history_keep", c->history_keep, 1100 * DAY_MS, 1000, MAX_KEPT_MS,
                    &c->keep.keep_ms);
    for (unsigned i = 0; i < c->indexes_count; i++) {
        service_resolve(file, &c->indexes[i]);
    }
    if (catalog_load((const char *const *)c->indexes, c->indexes_count, stderr, &c->catalog) != 0) {
        config_error(file, "indexes", "a catalog cannot be used; expected files without errors");
    }
    for (unsigned i = 0; i < c->targets_count; i++) {
        check_target(c, i, file);
    }
    return config_errors(file) == 0 ? 0 : CHISO_E_CONFIG;
}

void publisher_release(void *config)
{
    publisher_config_t *c = config;
    for (unsigned i = 0; i < c->targets_count; i++) {
        target_release(&c->targets[i]);
    }
    target_free_secret(&c->ingest_token);
    free(c->http.proxy_networks);
    catalog_destroy(&c->catalog);
}
