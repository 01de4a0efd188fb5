/* api.h - the read API and the page's files over HTTP.
 *
 *   GET /api/v1/indexes
 *   GET /api/v1/indexes/{index}                    the decision: pillars, criteria, formulas, texts
 *   GET /api/v1/indexes/{index}/{period}/ranking?level=province|department|commune&parent=CODE
 *   GET /api/v1/indexes/{index}/{period}/units/{code}[/history]
 *   GET /api/v1/sources
 *   GET /api/v1/events                     server-sent events
 *   GET /healthz
 *   GET /…                                 the page
 *
 * Numbers of scores are strings in full precision; errors are application/problem+json; every JSON
 * answer has an ETag. docs/api.md is the user's description.
 */
#ifndef CHISO_PUBLISHER_API_H
#define CHISO_PUBLISHER_API_H

#include "http/http.h"
#include "model.h"
#include "pages.h"

typedef struct {
    model_t *model;
    const catalog_t *catalog;
    const pages_t *pages;                            /* NULL: no page */
    bool (*connected)(void *context, uint64_t *lag); /* to the scorer, and how far behind it */
    void *context;
} api_t;

/* http_handler_fn; context is the api_t. */
void api_handle(http_request_t *request, void *context);

#endif
