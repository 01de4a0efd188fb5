/* config.c - see config.h. */
#include "config.h"

#include "base/error.h"
#include "log/log.h"

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096),
};
static const cyaml_schema_field_t scorer_fields[] = {
    CYAML_FIELD_STRING_PTR("data_dir", CYAML_FLAG_POINTER, scorer_config_t, data_dir, 1, 4096),
    CYAML_FIELD_STRING_PTR("log_level", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, scorer_config_t,
                           log_level, 1, 16),
    CYAML_FIELD_SEQUENCE("indexes", CYAML_FLAG_POINTER, scorer_config_t, indexes, &text_schema, 1,
                         64),
    CYAML_FIELD_MAPPING("bus", CYAML_FLAG_DEFAULT, scorer_config_t, bus, service_bus_fields),
    CYAML_FIELD_MAPPING("upstream", CYAML_FLAG_DEFAULT, scorer_config_t, upstream,
                        service_bus_fields),
    CYAML_FIELD_MAPPING("store", CYAML_FLAG_OPTIONAL, scorer_config_t, store, service_store_fields),
    SERVICE_OBSERVE_FIELD(scorer_config_t),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t scorer_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, scorer_config_t, scorer_fields),
};

int scorer_check(void *config, config_t *file)
{
    scorer_config_t *c = config;
    service_check_log(c->log_level, file, "scorer");
    service_resolve(file, &c->data_dir);
    service_check_bus(&c->bus, file, "bus", true);
    service_check_bus(&c->upstream, file, "upstream", false);
    service_check_store(&c->store, file, "store", &c->store_options, &c->journal_options);
    service_check_observe(c->observe, file);
    for (unsigned i = 0; i < c->indexes_count; i++) {
        service_resolve(file, &c->indexes[i]);
    }
    if (catalog_load((const char *const *)c->indexes, c->indexes_count, stderr, &c->catalog) != 0) {
        config_error(file, "indexes", "a catalog cannot be used; expected files without errors");
    }
    return config_errors(file) == 0 ? 0 : CHISO_E_CONFIG;
}

void scorer_release(void *config)
{
    scorer_config_t *c = config;
    catalog_destroy(&c->catalog);
}
