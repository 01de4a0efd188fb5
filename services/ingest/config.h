/* config.h - what an operator may say to ingest; docs/operate.md explains each key. */
#ifndef CHISO_INGEST_CONFIG_H
#define CHISO_INGEST_CONFIG_H

#include "catalog/catalog.h"
#include "fetch/fetch.h"
#include "period/period.h"
#include "registry/registry.h"
#include "service/service.h"
#include "source/exchange.h"
#include "tokens.h"

#define INGEST_MAX_SOURCES 500
#define INGEST_MAX_PERIODS 64
#define INGEST_MAX_UNITS 5000
#define INGEST_MAX_SECRETS 8
#define INGEST_MAX_ROWS_BODY (4 * 1024 * 1024) /* of a submission */
/* The source id of what is handed in; no source of the configuration may have it. */
#define INGEST_SUBMISSION "submission"
#define INGEST_MAX_CONNECTIONS 8 /* to one host */
#define INGEST_MAX_RANGE 600     /* periods in "2000-01..2049-12" */
/* How long one HTML body may hold up ingest, which reads it on its only thread, when the machine is
 * too busy to give it EXTRACT_PAGE_CPU_S. Scorer and publisher miss it after twice as long. */
#define INGEST_PAGE_MS 5000

typedef struct {
    char *name, *file;
} ingest_secret_t;

/* As libcyaml reads it, with what check() works out below each source. */
typedef struct {
    char *id, *description, *url;
    char *login_url, *pinned_key, *client_cert, *client_key;
    char *every, *jitter, *timeout, *stall_timeout, *stale_after, *min_interval, *retry_after,
        *max_body, *ca_file;
    char **periods, **units_of, **units, **allow_networks;
    unsigned periods_count, units_of_count, units_count, allow_networks_count;
    ingest_secret_t *secrets;
    unsigned secrets_count;
    bool allow_http;
    unsigned connections; /* to its host at once; with check() never 0 */
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

/* The HTTP server, see api/door.h. */
typedef struct {
    char *address, *tokens, *max_evidence, *evidence_total;
    unsigned port, max_connections;
    bool open_raw;  /* raw bodies without a token, on loopback only */
    bool forwarded; /* a proxy before it names the client in X-Forwarded-For */
    /* worked out */
    uint64_t max_evidence_bytes, evidence_total_bytes;
} ingest_http_t;

typedef struct {
    char *data_dir, *registry, *log_level;
    char **indexes;
    unsigned indexes_count;
    ingest_http_t *http; /* NULL: none */
    service_bus_config_t bus;
    service_store_config_t store;
    service_observe_config_t *observe;
    ingest_source_t *sources;
    unsigned sources_count;
    /* worked out */
    store_options_t store_options;
    journal_options_t journal_options;
    registry_t *units;
    catalog_t *catalog; /* NULL without http */
    tokens_t *tokens;   /* NULL without http */
} ingest_config_t;

extern const cyaml_schema_value_t ingest_schema;

/* As service_definition_t wants it. */
int ingest_check(void *config, config_t *file);
void ingest_release(void *config);

/* Can the source be asked for the figures of this unit, or of the units below it, by itself? */
bool ingest_asks_for(const ingest_source_t *source, const registry_unit_t *unit);

/* http_config.c: the keys of http, and their check, which also loads tokens and catalogs. */
extern const cyaml_schema_field_t ingest_http_fields[];
void ingest_check_http(ingest_config_t *config, config_t *file);

/* The periods of a text of the configuration: "2025-10"; "2024-01..2025-06", of one kind; "year",
 * "quarter", "month" of the moment, "year-1" the one before. Ends at the first that `each` does not
 * return 0 for, with that. CHISO_E_SYNTAX before any call. */
typedef int (*ingest_period_fn)(void *context, period_t period);
int ingest_periods(const char *text, int64_t wall_ms, ingest_period_fn each, void *context);

#endif
