/* config.h - what an operator may say to the scorer; docs/operate.md explains each key. */
#ifndef CHISO_SCORER_CONFIG_H
#define CHISO_SCORER_CONFIG_H

#include "catalog/catalog.h"
#include "service/service.h"

typedef struct {
    char *data_dir, *log_level;
    char **indexes;
    unsigned indexes_count;
    service_bus_config_t bus, upstream;
    service_store_config_t store;
    service_observe_config_t *observe;
    /* worked out */
    store_options_t store_options;
    journal_options_t journal_options;
    catalog_t *catalog;
} scorer_config_t;

extern const cyaml_schema_value_t scorer_schema;
int scorer_check(void *config, config_t *file);
void scorer_release(void *config);

#endif
