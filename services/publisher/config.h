/* config.h - what an operator may say to the publisher; docs/operate.md explains each key. */
#ifndef CHISO_PUBLISHER_CONFIG_H
#define CHISO_PUBLISHER_CONFIG_H

#include "catalog/catalog.h"
#include "fetch/fetch.h"
#include "model.h"
#include "service/service.h"
#include "targets/target.h"

#define PUBLISHER_MAX_TARGETS 64

typedef struct {
    char *address;
    unsigned port;
    char *web;
    unsigned max_connections, max_streams, max_per_address, rate, burst;
    char **proxies;
    unsigned proxies_count;
    const char **proxy_networks; /* worked out */
} publisher_http_t;

typedef struct {
    char *data_dir, *log_level;
    char **indexes;
    unsigned indexes_count;
    service_bus_config_t upstream;
    service_store_config_t store;
    service_observe_config_t *observe;
    publisher_http_t http;
    char *ingest_api, *ingest_token_file, *history_full, *history_keep;
    publisher_target_t *targets;
    unsigned targets_count;
    /* worked out */
    store_options_t store_options;
    journal_options_t journal_options;
    model_keep_t keep;
    char *ingest_token; /* from its file */
    catalog_t *catalog;
} publisher_config_t;

extern const cyaml_schema_value_t publisher_schema;
int publisher_check(void *config, config_t *file);
void publisher_release(void *config);

#endif
