/* api.h - the read API and the page's files over HTTP.
 *
 * docs/api.md is the user's description, docs/api/openapi.json the exact one. The addresses are a
 * table, api_routes(), from which a request finds its answer and the tests what the document must
 * hold.
 */
#ifndef CHISO_PUBLISHER_API_API_H
#define CHISO_PUBLISHER_API_API_H

#include "http/http.h"
#include "limit.h"
#include "publisher/model.h"
#include "publisher/pages.h"
#include "publisher/relay.h"

typedef struct {
    model_t *model;
    const catalog_t *catalog;
    const pages_t *pages;                            /* NULL: no page */
    bool (*connected)(void *context, uint64_t *lag); /* to the scorer, and how far behind it */
    void *context;
    relay_t *relay;             /* NULL: raw bodies are not served */
    limit_t *limit;             /* NULL: none */
    const char *const *proxies; /* whose X-Forwarded-For is believed, or NULL */
} api_t;

/* http_handler_fn; context is the api_t. */
void api_handle(http_request_t *request, void *context);

/* The addresses: "/api/v1/indexes/{index}"; n is their number. */
const char *api_route(size_t i);
size_t api_routes(void);

#endif
