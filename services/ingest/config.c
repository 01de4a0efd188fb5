/* config.c - see config.h. */
#include "config.h"

#include "base/clock.h"
#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONAL_TEXT(key, member)                                                                 \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_source_t, member, \
                           1, 4096)

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 256),
};
static const cyaml_schema_field_t secret_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, ingest_secret_t, name, 1, 64),
    CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER, ingest_secret_t, file, 1, 4096),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t secret_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, ingest_secret_t, secret_fields),
};
static const cyaml_schema_field_t source_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, ingest_source_t, id, 1, 40),
    CYAML_FIELD_STRING_PTR("source", CYAML_FLAG_POINTER, ingest_source_t, description, 1, 4096),
    CYAML_FIELD_STRING_PTR("url", CYAML_FLAG_POINTER, ingest_source_t, url, 8, 2048),
    CYAML_FIELD_SEQUENCE("periods", CYAML_FLAG_POINTER, ingest_source_t, periods, &text_schema, 1,
                         INGEST_MAX_PERIODS),
    CYAML_FIELD_SEQUENCE("units_of", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_source_t,
                         units_of, &text_schema, 0, 64),
    CYAML_FIELD_SEQUENCE("units", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_source_t, units,
                         &text_schema, 0, INGEST_MAX_UNITS),
    CYAML_FIELD_SEQUENCE("secrets", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_source_t,
                         secrets, &secret_schema, 0, INGEST_MAX_SECRETS),
    OPTIONAL_TEXT("login_url", login_url),
    OPTIONAL_TEXT("pinned_key", pinned_key),
    OPTIONAL_TEXT("client_cert", client_cert),
    OPTIONAL_TEXT("client_key", client_key),
    OPTIONAL_TEXT("every", every),
    OPTIONAL_TEXT("jitter", jitter),
    OPTIONAL_TEXT("timeout", timeout),
    OPTIONAL_TEXT("stall_timeout", stall_timeout),
    OPTIONAL_TEXT("stale_after", stale_after),
    OPTIONAL_TEXT("min_interval", min_interval),
    OPTIONAL_TEXT("retry_after", retry_after),
    OPTIONAL_TEXT("max_body", max_body),
    OPTIONAL_TEXT("ca_file", ca_file),
    CYAML_FIELD_BOOL("allow_http", CYAML_FLAG_OPTIONAL, ingest_source_t, allow_http),
    CYAML_FIELD_UINT("connections", CYAML_FLAG_OPTIONAL, ingest_source_t, connections),
    CYAML_FIELD_SEQUENCE("allow_networks", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         ingest_source_t, allow_networks, &text_schema, 0, 64),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t source_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, ingest_source_t, source_fields),
};
static const cyaml_schema_value_t path_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 4096),
};
static const cyaml_schema_field_t ingest_fields[] = {
    CYAML_FIELD_STRING_PTR("data_dir", CYAML_FLAG_POINTER, ingest_config_t, data_dir, 1, 4096),
    CYAML_FIELD_STRING_PTR("registry", CYAML_FLAG_POINTER, ingest_config_t, registry, 1, 4096),
    CYAML_FIELD_STRING_PTR("log_level", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_config_t,
                           log_level, 1, 16),
    CYAML_FIELD_MAPPING("bus", CYAML_FLAG_DEFAULT, ingest_config_t, bus, service_bus_fields),
    CYAML_FIELD_MAPPING("store", CYAML_FLAG_OPTIONAL, ingest_config_t, store, service_store_fields),
    SERVICE_OBSERVE_FIELD(ingest_config_t),
    CYAML_FIELD_SEQUENCE("indexes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_config_t,
                         indexes, &path_schema, 1, 64),
    CYAML_FIELD_MAPPING_PTR("http", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_config_t, http,
                            ingest_http_fields),
    CYAML_FIELD_SEQUENCE("sources", CYAML_FLAG_POINTER, ingest_config_t, sources, &source_schema, 0,
                         INGEST_MAX_SOURCES),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t ingest_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, ingest_config_t, ingest_fields),
};

static int one_period(const char *text, int64_t wall_ms, period_t *out)
{
    static const struct {
        const char *name;
        period_kind_t kind;
    } moving[] = {{"year", PERIOD_YEAR}, {"quarter", PERIOD_QUARTER}, {"month", PERIOD_MONTH}};
    for (size_t i = 0; i < sizeof moving / sizeof moving[0]; i++) {
        size_t len = strlen(moving[i].name);
        if (strncmp(text, moving[i].name, len) != 0) {
            continue;
        }
        bool back = text[len] == '-' && text[len + 1] >= '1' && text[len + 1] <= '9' &&
                    text[len + 2] == '\0';
        if (text[len] != '\0' && !back) {
            return CHISO_E_SYNTAX;
        }
        *out = period_at(moving[i].kind, wall_ms, back ? text[len + 1] - '0' : 0);
        return 0;
    }
    return period_parse(text, out);
}

/* The one after it, of the same kind. */
static period_t next_period(period_t p)
{
    int last = p.kind == PERIOD_MONTH ? 12 : p.kind == PERIOD_QUARTER ? 4 : 0;
    if (p.number >= last) {
        return (period_t){p.kind, p.year + 1, last > 0 ? 1 : 0};
    }
    p.number++;
    return p;
}

static bool is_after(period_t a, period_t b)
{
    return a.year != b.year ? a.year > b.year : a.number > b.number;
}

int ingest_periods(const char *text, int64_t wall_ms, ingest_period_fn each, void *context)
{
    const char *dots = strstr(text, "..");
    char from[PERIOD_TEXT_SIZE];
    period_t first;
    period_t last;
    if (dots == NULL) {
        int rc = one_period(text, wall_ms, &first);
        return rc != 0 ? rc : each(context, first);
    }
    snprintf(from, sizeof from, "%.*s", (int)(dots - text), text);
    if ((size_t)(dots - text) >= sizeof from || period_parse(from, &first) != 0 ||
        period_parse(dots + 2, &last) != 0 || first.kind != last.kind || is_after(first, last)) {
        return CHISO_E_SYNTAX;
    }
    int per_year = first.kind == PERIOD_MONTH ? 12 : first.kind == PERIOD_QUARTER ? 4 : 1;
    if ((last.year - first.year + 1) * per_year > INGEST_MAX_RANGE) {
        return CHISO_E_SYNTAX;
    }
    int rc = 0;
    for (; rc == 0 && !is_after(first, last); first = next_period(first)) {
        rc = each(context, first);
    }
    return rc;
}

/* "https://host:8080" of a URL: what the rate limit is counted by. */
static void host_of(const char *url, char *out, size_t size)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end != NULL ? scheme_end + 3 : url;
    size_t len = (size_t)(host - url) + strcspn(host, "/?#");
    snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), url);
}

static int check_times(ingest_source_t *s, config_t *file, const char *at)
{
    char path[128];
    const int64_t second = 1000;
    const int64_t day = 24 * 3600 * second;
    const struct {
        const char *key;
        const char *text;
        int64_t fallback, min, max;
        int64_t *out;
    } times[] = {
        {"every", s->every, 900 * second, 100, 30 * day, &s->every_ms},
        {"jitter", s->jitter, -1, 0, day, &s->jitter_ms},
        {"stall_timeout", s->stall_timeout, 30 * second, second, 600 * second,
         &s->policy.stall_timeout_ms},
        {"timeout", s->timeout, 30 * second, 100, 600 * second, &s->policy.timeout_ms},
        {"min_interval", s->min_interval, second, 0, 3600 * second, &s->min_interval_ms},
        {"retry_after", s->retry_after, 5 * second, 100, day, &s->retry_after_ms},
        {"stale_after", s->stale_after, -1, 0, 365 * day, &s->stale_after_ms},
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        snprintf(path, sizeof path, "%s.%s", at, times[i].key);
        int64_t fallback = times[i].fallback;
        if (fallback < 0) {
            *times[i].out = -1;
            if (times[i].text == NULL) {
                continue;
            }
            fallback = 0;
        }
        rc |= config_duration(file, path, times[i].text, fallback, times[i].min, times[i].max,
                              times[i].out);
    }
    if (s->jitter_ms < 0) {
        s->jitter_ms = s->every_ms / 10;
    }
    if (s->stale_after_ms < 0) {
        s->stale_after_ms = s->every_ms * 4;
    }
    return rc;
}

static int see_kind(void *context, period_t period)
{
    *(int *)context = (int)period.kind;
    return 0;
}

static int check_lists(ingest_source_t *s, config_t *file, const char *at)
{
    static const char *const kinds[] = {"year", "quarter", "month"};
    char path[128];
    int rc = 0;
    for (unsigned i = 0; i < s->periods_count; i++) {
        int kind = 0;
        if (ingest_periods(s->periods[i], clock_wall_ms(), see_kind, &kind) != 0) {
            snprintf(path, sizeof path, "%s.periods[%u]", at, i);
            rc = config_error(file, path,
                              "'%s'; expected \"2025\", \"2025-Q3\", \"2025-10\", "
                              "\"2024-01..2025-06\", or year, quarter, month, year-1 …",
                              s->periods[i]);
        } else if (s->source != NULL && s->source->only >= 0 && kind != s->source->only) {
            snprintf(path, sizeof path, "%s.periods[%u]", at, i);
            rc = config_error(file, path, "'%s'; expected a %s: the source has no others",
                              s->periods[i], kinds[s->source->only]);
        }
    }
    int one =
        service_check_networks(file, at, s->allow_networks, s->allow_networks_count, &s->networks);
    rc = rc != 0 ? rc : one;
    return rc;
}

/* ---- whose figures: the series that every period has ---- */

static int add_of(const registry_unit_t *unit, const registry_unit_t ***list, unsigned *n)
{
    const registry_unit_t **grown = realloc(*list, (*n + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    *list = grown;
    grown[(*n)++] = unit;
    return 0;
}

/* Can the source tell anything of this unit? */
static bool knows(const source_t *source, const registry_unit_t *unit)
{
    source_by_t by = source->each != 0 ? source->each : source->by;
    bool by_id = source->each != 0 || by == SOURCE_BY_TABLE;
    return !by_id || exchange_id_of(source, by, unit) != NULL;
}

bool ingest_asks_for(const ingest_source_t *s, const registry_unit_t *unit)
{
    bool below = s->source->units_of != 0 && unit->parent == NULL &&
                 exchange_id_of(s->source, s->source->units_of, unit) != NULL;
    return below || (s->source->each != 0 && knows(s->source, unit));
}

/* "91", or "provinces" for all of them that the source knows. */
static int check_units(ingest_source_t *s, config_t *file, const registry_t *units, const char *at)
{
    char path[128];
    bool each = s->source->each != 0;
    int rc = 0;
    for (unsigned i = 0; i < s->units_count; i++) {
        bool all = strcmp(s->units[i], "provinces") == 0;
        unsigned found = 0;
        for (unsigned k = 0; k < registry_count(units); k++) {
            const registry_unit_t *unit = registry_at(units, k);
            bool meant = all ? unit->parent == NULL && unit->until == NULL
                             : unit == registry_by_code(units, s->units[i]);
            if (meant && knows(s->source, unit)) {
                found++;
                rc |=
                    each ? add_of(unit, &s->of, &s->n_of) : add_of(unit, &s->wanted, &s->n_wanted);
            }
        }
        if (found == 0) {
            snprintf(path, sizeof path, "%s.units[%u]", at, i);
            rc = config_error(
                file, path, "'%s'; expected provinces, or the code of a unit that the source knows",
                s->units[i]);
        }
    }
    return rc;
}

static int check_units_of(ingest_source_t *s, config_t *file, const registry_t *units,
                          const char *at)
{
    char path[128];
    int rc = 0;
    for (unsigned i = 0; i < s->units_of_count; i++) {
        const registry_unit_t *unit = registry_by_code(units, s->units_of[i]);
        if (unit == NULL || unit->parent != NULL || s->source->units_of == 0 ||
            exchange_id_of(s->source, s->source->units_of, unit) == NULL) {
            snprintf(path, sizeof path, "%s.units_of[%u]", at, i);
            rc = config_error(file, path,
                              "'%s'; expected the code of a province whose units the source has, "
                              "such as \"91\"",
                              s->units_of[i]);
        } else {
            rc |= add_of(unit, &s->of, &s->n_of);
        }
    }
    return rc;
}

static int check_series(ingest_source_t *s, config_t *file, const registry_t *units, const char *at)
{
    char path[128];
    int rc = 0;
    service_resolve(file, &s->description);
    if (source_load(s->description, stderr, &s->source) != 0) {
        snprintf(path, sizeof path, "%s.source", at);
        return config_error(file, path, "'%s' cannot be used; expected a source description",
                            s->description);
    }
    s->source->rows.page_ms = INGEST_PAGE_MS;
    bool together = s->source->each == 0 && s->source->units_of == 0;
    if (s->source->nation != NULL || together) {
        rc |= add_of(NULL, &s->of, &s->n_of);
    }
    rc |= check_units_of(s, file, units, at);
    rc |= check_units(s, file, units, at);
    if (rc == 0 && s->n_of == 0) {
        rc = config_error(file, at, "nothing would be asked for; expected %s",
                          s->source->each != 0 ? "units" : "units_of");
    }
    return rc;
}

static int check_secrets(ingest_source_t *s, config_t *file, const char *at)
{
    char path[128];
    char reason[FETCH_REASON_SIZE];
    int rc = 0;
    s->secret_texts = calloc(s->secrets_count + 1, sizeof *s->secret_texts);
    s->secret_values = calloc(s->secrets_count + 1, sizeof *s->secret_values);
    if (s->secret_texts == NULL || s->secret_values == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < s->secrets_count; i++) {
        service_resolve(file, &s->secrets[i].file);
        snprintf(path, sizeof path, "%s.secrets[%u].file", at, i);
        if (fetch_secret_read(s->secrets[i].file, 4096, &s->secret_values[i], reason) != 0) {
            rc = config_error(file, path, "%s", reason);
        }
        s->secret_texts[i] = (template_secret_t){s->secrets[i].name, s->secret_values[i].text};
    }
    return rc;
}

static int check_policy(ingest_source_t *s, config_t *file, const char *at)
{
    char reason[FETCH_REASON_SIZE];
    service_resolve(file, &s->client_cert);
    service_resolve(file, &s->client_key);
    s->policy.pinned_key = s->pinned_key;
    s->policy.client_cert = s->client_cert;
    s->policy.client_key = s->client_key;
    if (fetch_policy_check(&s->policy, reason) != 0) {
        return config_error(file, at, "%s", reason);
    }
    return 0;
}

static int check_source(ingest_config_t *c, unsigned i, config_t *file)
{
    ingest_source_t *s = &c->sources[i];
    char at[64];
    char path[96];
    snprintf(at, sizeof at, "sources[%u]", i);
    int rc = 0;
    for (unsigned k = 0; k < i; k++) {
        if (strcmp(c->sources[k].id, s->id) == 0) {
            snprintf(path, sizeof path, "%s.id", at);
            rc = config_error(file, path, "'%s' stands twice; expected an id of its own", s->id);
        }
    }
    snprintf(path, sizeof path, "%s.id", at);
    rc |= service_check_id(file, path, s->id);
    if (strcmp(s->id, INGEST_SUBMISSION) == 0) {
        rc = config_error(file, path, "'%s' is the id of what units hand in; expected another one",
                          s->id);
    }
    rc |= check_series(s, file, c->units, at);
    snprintf(path, sizeof path, "%s.url", at);
    rc |= service_check_url(file, path, s->url, s->allow_http);
    if (s->login_url != NULL) {
        snprintf(path, sizeof path, "%s.login_url", at);
        rc |= service_check_url(file, path, s->login_url, s->allow_http);
    }
    host_of(s->url, s->host, sizeof s->host);
    rc |= check_times(s, file, at);
    snprintf(path, sizeof path, "%s.connections", at);
    if (s->connections > INGEST_MAX_CONNECTIONS) {
        rc = config_error(file, path, "%u; expected 1 to %d", s->connections,
                          INGEST_MAX_CONNECTIONS);
    }
    s->connections = s->connections == 0 ? 2 : s->connections;
    rc |= check_lists(s, file, at);
    uint64_t max_body = 0;
    snprintf(path, sizeof path, "%s.max_body", at);
    rc |= config_size(file, path, s->max_body, 8 << 20, 1024, 64 << 20, &max_body);
    service_resolve(file, &s->ca_file);
    snprintf(path, sizeof path, "%s.ca_file", at);
    rc |= service_check_readable(file, path, s->ca_file);
    s->policy.max_body = (size_t)max_body;
    s->policy.allow_http = s->allow_http;
    s->policy.allow_networks = s->networks;
    s->policy.ca_file = s->ca_file;
    rc |= check_secrets(s, file, at);
    rc |= check_policy(s, file, at);
    s->setup = (exchange_setup_t){.source = s->source,
                                  .url = s->url,
                                  .login_url = s->login_url,
                                  .policy = &s->policy,
                                  .secrets = s->secret_texts,
                                  .n_secrets = s->secrets_count};
    return rc == 0 ? session_new(&s->setup.session) : rc;
}

int ingest_check(void *config, config_t *file)
{
    ingest_config_t *c = config;
    service_check_log(c->log_level, file, "ingest");
    service_resolve(file, &c->data_dir);
    service_resolve(file, &c->registry);
    service_check_bus(&c->bus, file, "bus", true);
    service_check_store(&c->store, file, "store", &c->store_options, &c->journal_options);
    service_check_observe(c->observe, file);
    if (registry_load(c->registry, stderr, &c->units) != 0) {
        return config_error(file, "registry", "'%s' cannot be used; expected a unit registry",
                            c->registry);
    }
    for (unsigned i = 0; i < c->sources_count; i++) {
        check_source(c, i, file);
    }
    ingest_check_http(c, file);
    return config_errors(file) == 0 ? 0 : CHISO_E_CONFIG;
}

void ingest_release(void *config)
{
    ingest_config_t *c = config;
    for (unsigned i = 0; i < c->sources_count; i++) {
        free(c->sources[i].networks);
        free(c->sources[i].of);
        free(c->sources[i].wanted);
        for (unsigned k = 0; c->sources[i].secret_values != NULL && k < c->sources[i].secrets_count;
             k++) {
            fetch_secret_free(&c->sources[i].secret_values[k]);
        }
        free(c->sources[i].secret_values);
        free(c->sources[i].secret_texts);
        session_destroy(&c->sources[i].setup.session);
        source_destroy(&c->sources[i].source);
    }
    tokens_destroy(&c->tokens);
    catalog_destroy(&c->catalog);
    registry_destroy(&c->units);
}
