/* config.c - see config.h. */
#include "config.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <string.h>

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
        target_release(&c->targets[i]);
    }
    catalog_destroy(&c->catalog);
}
