/* config.h - what an operator may say to ingest; docs/operate.md explains each key. */
#ifndef CHISO_INGEST_CONFIG_H
#define CHISO_INGEST_CONFIG_H

#include "fetch/fetch.h"
#include "period/period.h"
#include "registry/registry.h"
#include "service/service.h"
#include "source/exchange.h"

#define INGEST_MAX_SOURCES 500
#define INGEST_MAX_PERIODS 64
#define INGEST_MAX_UNITS 5000
#define INGEST_MAX_SECRETS 8

typedef struct {
    char *name, *file;
} ingest_secret_t;

/* As libcyaml reads it, with what check() works out below each source. */
typedef struct {
    char *id, *description, *url;
    char *login_url, *pinned_key, *client_cert, *client_key;
    char *every, *jitter, *timeout, *stale_after, *min_interval, *retry_after, *max_body, *ca_file;
    char **periods, **units_of, **units, **allow_networks;
    unsigned periods_count, units_of_count, units_count, allow_networks_count;
    ingest_secret_t *secrets;
    unsigned secrets_count;
    bool allow_http;
    /* worked out */
    int64_t every_ms, jitter_ms, stale_after_ms, min_interval_ms, retry_after_ms;
    fetch_policy_t policy;
    source_t *source;
    template_secret_t *secret_texts;
    fetch_secret_t *secret_values;
    exchange_setup_t setup;
    const registry_unit_t **of; /* of each series a period has; a NULL is the nation, or all */
    unsigned n_of;
    const registry_unit_t **wanted; /* the units named, where all are asked at once */
    unsigned n_wanted;
    const char **networks; /* NULL-terminated, as the policy wants it */
    char host[256];        /* scheme://host:port: what the rate limit is counted by */
} ingest_source_t;

typedef struct {
    char *data_dir, *registry, *log_level;
    service_bus_config_t bus;
    service_store_config_t store;
    ingest_source_t *sources;
    unsigned sources_count;
    /* worked out */
    store_options_t store_options;
    journal_options_t journal_options;
    registry_t *units;
} ingest_config_t;

extern const cyaml_schema_value_t ingest_schema;

/* As service_definition_t wants it. */
int ingest_check(void *config, config_t *file);
void ingest_release(void *config);

/* A period of the configuration: "2025-10", or "year", "quarter", "month" of the moment, "year-1"
 * the one before. 0 or CHISO_E_SYNTAX. */
int ingest_period(const char *text, int64_t wall_ms, period_t *out);

#endif
