/* config.c - see config.h. */
#include "config.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOKEN 4096

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096),
};

#define OPTIONAL_TEXT(key, type, member)                                                           \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 4096)

static const cyaml_schema_field_t target_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, publisher_target_t, id, 1, 40),
    CYAML_FIELD_STRING_PTR("url", CYAML_FLAG_POINTER, publisher_target_t, url, 8, 2048),
    OPTIONAL_TEXT("token_file", publisher_target_t, token_file),
    OPTIONAL_TEXT("timeout", publisher_target_t, timeout),
    OPTIONAL_TEXT("retry_min", publisher_target_t, retry_min),
    OPTIONAL_TEXT("retry_max", publisher_target_t, retry_max),
    OPTIONAL_TEXT("ca_file", publisher_target_t, ca_file),
    CYAML_FIELD_BOOL("allow_http", CYAML_FLAG_OPTIONAL, publisher_target_t, allow_http),
    CYAML_FIELD_SEQUENCE("allow_networks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         publisher_target_t, allow_networks, &text_schema, 0, 64),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t target_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, publisher_target_t, target_fields),
};
static const cyaml_schema_field_t http_fields[] = {
    CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, publisher_http_t, address, 1, 64),
    CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, publisher_http_t, port),
    OPTIONAL_TEXT("web", publisher_http_t, web),
    CYAML_FIELD_UINT("max_connections", CYAML_FLAG_OPTIONAL, publisher_http_t, max_connections),
    CYAML_FIELD_UINT("max_streams", CYAML_FLAG_OPTIONAL, publisher_http_t, max_streams),
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
    CYAML_FIELD_MAPPING("http", CYAML_FLAG_DEFAULT, publisher_config_t, http, http_fields),
    CYAML_FIELD_SEQUENCE("targets", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, publisher_config_t,
                         targets, &target_schema, 0, PUBLISHER_MAX_TARGETS),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t publisher_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, publisher_config_t, publisher_fields),
};

/* Secrets come from files only, so that neither the configuration nor a process list holds them. */
static int read_token(publisher_target_t *t, config_t *file, const char *path)
{
    service_resolve(file, &t->token_file);
    FILE *f = fopen(t->token_file, "re");
    if (f == NULL) {
        return config_error(file, path, "'%s': %s; expected a readable file with the token",
                            t->token_file, strerror(errno));
    }
    char token[MAX_TOKEN + 2];
    size_t n = fread(token, 1, sizeof token - 1, f);
    fclose(f);
    token[n] = '\0';
    n = strcspn(token, "\r\n");
    int rc = 0;
    bool plain = true;
    for (size_t i = 0; i < n; i++) {
        plain = plain && token[i] > ' ' && token[i] <= '~';
    }
    if (n == 0 || n > MAX_TOKEN || !plain) {
        rc = config_error(file, path,
                          "'%s' holds no token; expected one line of 1 to %d printable ASCII bytes",
                          t->token_file, MAX_TOKEN);
    } else if (asprintf(&t->authorization, "Authorization: Bearer %.*s", (int)n, token) < 0) {
        t->authorization = NULL;
        rc = -ENOMEM;
    }
    sodium_memzero(token, sizeof token);
    return rc;
}

static int check_target(publisher_config_t *c, unsigned i, config_t *file)
{
    publisher_target_t *t = &c->targets[i];
    char path[96];
    for (unsigned k = 0; k < i; k++) {
        if (strcmp(c->targets[k].id, t->id) == 0) {
            snprintf(path, sizeof path, "targets[%u].id", i);
            config_error(file, path, "'%s' stands twice; expected an id of its own", t->id);
        }
    }
    char at[64];
    snprintf(at, sizeof at, "targets[%u]", i);
    snprintf(path, sizeof path, "%s.id", at);
    service_check_id(file, path, t->id);
    service_check_url(file, at, t->url, t->allow_http);
    service_check_networks(file, at, t->allow_networks, t->allow_networks_count, &t->networks);
    service_resolve(file, &t->ca_file);
    snprintf(path, sizeof path, "%s.ca_file", at);
    service_check_readable(file, path, t->ca_file);
    t->policy = (fetch_policy_t){.allow_http = t->allow_http,
                                 .allow_networks = t->networks,
                                 .ca_file = t->ca_file,
                                 .max_body = 64 * 1024};
    const int64_t second = 1000;
    snprintf(path, sizeof path, "targets[%u].timeout", i);
    config_duration(file, path, t->timeout, 15 * second, 100, 300 * second, &t->policy.timeout_ms);
    snprintf(path, sizeof path, "targets[%u].retry_min", i);
    config_duration(file, path, t->retry_min, second, 10, 3600 * second, &t->retry_min_ms);
    snprintf(path, sizeof path, "targets[%u].retry_max", i);
    config_duration(file, path, t->retry_max, 300 * second, 10, 86400 * second, &t->retry_max_ms);
    if (t->retry_max_ms < t->retry_min_ms) {
        config_error(file, path, "is shorter than retry_min; expected at least as long");
    }
    snprintf(path, sizeof path, "targets[%u].token_file", i);
    return t->token_file != NULL ? read_token(t, file, path) : 0;
}

int publisher_check(void *config, config_t *file)
{
    publisher_config_t *c = config;
    service_check_log(c->log_level, file, "publisher");
    service_resolve(file, &c->data_dir);
    service_resolve(file, &c->http.web);
    service_check_bus(&c->upstream, file, "upstream", false);
    service_check_store(&c->store, file, "store", &c->store_options, &c->journal_options);
    struct in6_addr address;
    if (inet_pton(AF_INET, c->http.address, &address) != 1 &&
        inet_pton(AF_INET6, c->http.address, &address) != 1) {
        config_error(file, "http.address", "'%s'; expected a numeric address such as \"127.0.0.1\"",
                     c->http.address);
    }
    service_check_readable(file, "http.web", c->http.web);
    if (c->http.port > 65535) {
        config_error(file, "http.port", "%u; expected 0 to 65535", c->http.port);
    }
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
        free(c->targets[i].networks);
        if (c->targets[i].authorization != NULL) {
            sodium_memzero(c->targets[i].authorization, strlen(c->targets[i].authorization));
            free(c->targets[i].authorization);
        }
    }
    catalog_destroy(&c->catalog);
}
