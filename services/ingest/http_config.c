/* http_config.c - what an operator may say of ingest's HTTP server; see config.h. */
#include "config.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <string.h>

#define OPTIONAL_TEXT(key, member)                                                                 \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, ingest_http_t, member,   \
                           1, 4096)

const cyaml_schema_field_t ingest_http_fields[] = {
    OPTIONAL_TEXT("address", address),
    CYAML_FIELD_UINT("port", CYAML_FLAG_DEFAULT, ingest_http_t, port),
    CYAML_FIELD_STRING_PTR("tokens", CYAML_FLAG_POINTER, ingest_http_t, tokens, 1, 4096),
    OPTIONAL_TEXT("max_evidence", max_evidence),
    OPTIONAL_TEXT("evidence_total", evidence_total),
    CYAML_FIELD_UINT("max_connections", CYAML_FLAG_OPTIONAL, ingest_http_t, max_connections),
    CYAML_FIELD_BOOL("open_raw", CYAML_FLAG_OPTIONAL, ingest_http_t, open_raw),
    CYAML_FIELD_BOOL("forwarded", CYAML_FLAG_OPTIONAL, ingest_http_t, forwarded),
    CYAML_FIELD_END,
};

static void check_address(const ingest_http_t *http, config_t *file)
{
    struct in_addr v4 = {0};
    struct in6_addr v6 = {0};
    bool is_v4 = inet_pton(AF_INET, http->address, &v4) == 1;
    bool is_v6 = inet_pton(AF_INET6, http->address, &v6) == 1;
    bool loopback = is_v4 ? ntohl(v4.s_addr) >> 24 == 127 : is_v6 && IN6_IS_ADDR_LOOPBACK(&v6);
    if (!is_v4 && !is_v6) {
        config_error(file, "http.address", "'%s'; expected a numeric address such as \"127.0.0.1\"",
                     http->address);
    } else if (http->open_raw && !loopback) {
        config_error(file, "http.open_raw",
                     "raw bodies without a token on '%s'; expected an address of loopback",
                     http->address);
    }
    if (http->port > 65535) {
        config_error(file, "http.port", "%u; expected 0 to 65535", http->port);
    }
}

void ingest_check_http(ingest_config_t *c, config_t *file)
{
    ingest_http_t *http = c->http;
    for (unsigned i = 0; i < c->indexes_count; i++) {
        service_resolve(file, &c->indexes[i]);
    }
    if (http == NULL) {
        return;
    }
    if (http->address == NULL) {
        http->address = strdup("127.0.0.1"); /* libcyaml frees it like its own */
    }
    if (http->address != NULL) {
        check_address(http, file);
    }
    config_size(file, "http.max_evidence", http->max_evidence, 20 << 20, 1024, 64 << 20,
                &http->max_evidence_bytes);
    config_size(file, "http.evidence_total", http->evidence_total, 10ULL << 30, 1 << 20,
                16ULL << 40, &http->evidence_total_bytes);
    service_resolve(file, &http->tokens);
    if (tokens_load(http->tokens, c->units, stderr, &c->tokens) != 0) {
        config_error(file, "http.tokens", "'%s' cannot be used; expected a token file",
                     http->tokens);
    }
    if (c->indexes_count == 0) {
        config_error(file, "indexes", "are needed with http; expected the scorer's catalog files");
    } else if (catalog_load((const char *const *)c->indexes, c->indexes_count, stderr,
                            &c->catalog) != 0) {
        config_error(file, "indexes", "a catalog cannot be used; expected files without errors");
    }
}
