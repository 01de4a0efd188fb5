/* api.c - see api.h: from an address to its answer. Every answer is made from one read transaction,
 * so that it is of one moment. */
#include "api.h"

#include "answers.h"
#include "base/clock.h"
#include "period/period.h"

#include <stdio.h>
#include <string.h>

#define MAX_PATH 512
#define MAX_PARTS 10

typedef struct {
    const char *pattern;
    void (*answer)(const call_t *call);
    const char *table; /* see table.h; NULL: it is none */
    const char *query; /* what may be asked, each after a space; NULL: anything */
} route_t;

#define OF_INDEX "/api/v1/indexes/{index}"
#define OF_PERIOD OF_INDEX "/{period}"
#define TABLE " format bom"
#define SCOPE " level parent as_of"
#define PAGE " limit after"

static const route_t routes[] = {
    {"/healthz", answer_health, NULL, NULL},
    {"/api/v1/events", answer_events, NULL, NULL},
    {"/api/v1/changes", answer_feed, "changes", " after since limit type" TABLE},
    {"/api/v1/sources", answer_sources, "sources", TABLE},
    {"/api/v1/units/{unit}", answer_unit, "results", " as_of" TABLE},
    {"/api/v1/units/{unit}/figures/{figure}", answer_figure, "periods.revisions",
     " as_of period" TABLE},
    {"/api/v1/indexes", answer_indexes, "indexes", TABLE},
    {OF_INDEX, answer_index, "pillars.indicators", TABLE},
    {"/api/v1/raw/{sha256}", answer_raw, NULL, NULL},
    {"/api/v1/openapi.json", answer_openapi, NULL, NULL},
    {"/api/v1/asyncapi.json", answer_asyncapi, NULL, NULL},
    {OF_PERIOD "/ranking", answer_ranking, "units", SCOPE PAGE TABLE},
    {OF_PERIOD "/ranking/embed", answer_embed, NULL, SCOPE " limit unit"},
    {OF_PERIOD "/units/{unit}/form", answer_form, NULL, " as_of"},
    {OF_PERIOD "/units/{unit}/badge.svg", answer_badge, NULL, " as_of"},
    {OF_PERIOD "/trend", answer_trend, "units", SCOPE PAGE " days" TABLE},
    {OF_PERIOD "/changes", answer_changes, "units", " level parent until since" TABLE},
    {OF_PERIOD "/compare", answer_compare, "pillars.indicators", " as_of units" TABLE},
    {OF_PERIOD "/pillars/{pillar}", answer_pillar, "units", SCOPE PAGE TABLE},
    {OF_PERIOD "/indicators/{indicator}", answer_indicator, "units", SCOPE PAGE TABLE},
    {OF_PERIOD "/units/{unit}", answer_result, "pillars.indicators", " as_of" TABLE},
    {OF_PERIOD "/units/{unit}/history", answer_history, "revisions",
     " as_of since until step pillars limit" TABLE},
};
#define N_ROUTES (sizeof routes / sizeof routes[0])

const char *api_route(size_t i)
{
    return i < N_ROUTES ? routes[i].pattern : NULL;
}

size_t api_routes(void)
{
    return N_ROUTES;
}

/* A path's parts between slashes, percent-decoded already. */
typedef struct {
    char room[MAX_PATH];
    const char *parts[MAX_PARTS];
    unsigned n;
} path_t;

static bool split_path(const char *text, path_t *out)
{
    size_t len = strlen(text);
    if (len >= sizeof out->room) {
        return false;
    }
    memcpy(out->room, text, len + 1);
    out->n = 0;
    char *at = out->room;
    while (*at == '/') {
        *at++ = '\0';
        if (*at == '\0' || out->n == MAX_PARTS) {
            return out->n > 0 && *at == '\0';
        }
        out->parts[out->n++] = at;
        at += strcspn(at, "/");
    }
    return *at == '\0';
}

/* What the {…} of a pattern stand for in a path. */
typedef struct {
    const char *index, *period;
    const char *names[4];
} found_t;

static bool match(const char *pattern, const path_t *path, found_t *out)
{
    const char *at = pattern;
    unsigned n_names = 0;
    *out = (found_t){0};
    for (unsigned i = 0; i < path->n; i++) {
        if (*at != '/') {
            return false;
        }
        size_t len = strcspn(++at, "/");
        const char *part = path->parts[i];
        if (*at != '{') {
            if (strlen(part) != len || strncmp(part, at, len) != 0) {
                return false;
            }
        } else if (strncmp(at, "{index}", len) == 0) {
            out->index = part;
        } else if (strncmp(at, "{period}", len) == 0) {
            out->period = part;
        } else {
            out->names[n_names++] = part;
        }
        at += len;
    }
    return *at == '\0';
}

/* False after answering: a name that is misspelt would be answered with something else than was
 * meant, today's ranking instead of that of a day in October. */
static bool query_is_known(http_request_t *request, const route_t *route)
{
    const char *name = route->query != NULL ? http_query_beside(request, route->query) : NULL;
    if (name != NULL) {
        http_reply_problem(request, 400, "unknown parameter '%.32s'; expected%s%s", name,
                           *route->query != '\0' ? " one of" : " none", route->query);
    }
    return name == NULL;
}

static void answer(const api_t *api, http_request_t *request, const route_t *route,
                   const found_t *found)
{
    call_t call = {.api = api, .request = request, .period = found->period, .table = route->table};
    memcpy(call.names, found->names, sizeof call.names);
    period_t period;
    if (found->index != NULL && (call.index = catalog_find(api->catalog, found->index)) == NULL) {
        http_reply_problem(request, 404, "there is no index '%.64s'", found->index);
    } else if (found->period != NULL && period_parse(found->period, &period) != 0) {
        http_reply_problem(request, 400,
                           "period '%.32s'; expected one such as 2025, 2025-Q3 or 2025-10",
                           found->period);
    } else if (query_is_known(request, route) && call_format(&call) &&
               call_moment(&call, "as_of", CALL_NOW, &call.at)) {
        call.at = call.at < clock_wall_ms() ? call.at : CALL_NOW; /* today is not over yet */
        route->answer(&call);
    }
}

/* Answers that are made from much, or of which a file is made. */
static bool is_dear(const http_request_t *request)
{
    const char *format = http_query(request, "format");
    return http_query(request, "as_of") != NULL ||
           (format != NULL && strcmp(format, "json") != 0) || http_query(request, "since") != NULL;
}

/* False after answering that this client has asked enough for now. */
static bool may_ask(const api_t *api, http_request_t *request)
{
    char peer[HTTP_ADDRESS_SIZE];
    char room[LIMIT_ADDRESS_SIZE];
    if (api->limit == NULL) {
        return true;
    }
    const char *client = limit_client(http_peer(request, peer),
                                      http_header(request, "X-Forwarded-For"), api->proxies, room);
    int64_t wait =
        limit_take(api->limit, client, is_dear(request) ? LIMIT_DEAR : 1, clock_mono_ms());
    if (wait == 0) {
        return true;
    }
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)((wait + 999) / 1000));
    http_set_header(request, "Retry-After", seconds);
    http_reply_problem(request, 429, "too many requests from your address; come back in %s s",
                       seconds);
    return false;
}

static void nothing_here(http_request_t *request)
{
    http_reply_problem(request, 404, "there is nothing at this address");
}

static void find_route(const api_t *api, http_request_t *request)
{
    path_t path;
    found_t found;
    if (!split_path(http_path(request), &path)) {
        nothing_here(request);
        return;
    }
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (match(routes[i].pattern, &path, &found)) {
            answer(api, request, &routes[i], &found);
            return;
        }
    }
    nothing_here(request);
}

void api_handle(http_request_t *request, void *context)
{
    const api_t *api = context;
    if (strncmp(http_path(request), "/api/", 5) == 0) {
        http_set_header(request, "Access-Control-Allow-Origin", "*"); /* everybody may read */
        http_set_header(request, "Access-Control-Expose-Headers",
                        "ETag, Retry-After, Content-Disposition, Chiso-Cursor");
    }
    if (strcmp(http_method(request), "OPTIONS") == 0) {
        http_set_header(request, "Access-Control-Allow-Methods", "GET, HEAD");
        http_set_header(request, "Access-Control-Allow-Headers", "If-None-Match, Last-Event-ID");
        http_set_header(request, "Access-Control-Max-Age", "86400");
        http_reply(request, 204, NULL, bytes_of(NULL, 0));
    } else if (strcmp(http_method(request), "GET") != 0) {
        http_set_header(request, "Allow", "GET, HEAD, OPTIONS");
        http_reply_problem(request, 405, "only GET and HEAD are answered here");
    } else if (!may_ask(api, request)) {
        return;
    } else if (!pages_reply(api->pages, http_path(request), request)) {
        find_route(api, request);
    }
}
