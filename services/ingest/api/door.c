/* door.c - see door.h. */
#include "door.h"

#include "answers.h"
#include "base/clock.h"
#include "base/error.h"
#include "guard.h"
#include "log/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TURNS 64 /* of http_run() at once */
#define SMALL_BODY (64 * 1024)
#define MAX_PATH 256

struct door {
    door_setup_t setup;
    http_t *http;
    guard_t *guard;
};

typedef enum { BODY_SMALL, BODY_ROWS, BODY_EVIDENCE } body_t;

typedef struct {
    const char *method, *pattern;
    unsigned roles; /* who may: token_role_t */
    body_t body;
    void (*answer)(const door_call_t *call);
    bool openable; /* http.open_raw lets everybody in */
} route_t;

#define WRITERS (TOKEN_SUBMITTER | TOKEN_SCORER)

#define EVERYBODY (WRITERS | TOKEN_OPERATOR | TOKEN_READER)

static const route_t routes[] = {
    {"POST", "/api/v1/figures", WRITERS, BODY_ROWS, answer_post_figures, false},
    {"GET", "/api/v1/figures", EVERYBODY, BODY_SMALL, answer_get_figures, false},
    {"POST", "/api/v1/evidence", WRITERS, BODY_EVIDENCE, answer_post_evidence, false},
    {"GET", "/api/v1/raw/{sha256}", EVERYBODY, BODY_SMALL, answer_raw, true},
    {"POST", "/api/v1/admin/quarantine/{number}/release", TOKEN_OPERATOR, BODY_SMALL,
     answer_release, false},
    {"POST", "/api/v1/admin/quarantine/{number}/drop", TOKEN_OPERATOR, BODY_SMALL, answer_drop,
     false},
    {"POST", "/api/v1/admin/replay", TOKEN_OPERATOR, BODY_SMALL, answer_replay, false},
    {"POST", "/api/v1/admin/backfills", TOKEN_OPERATOR, BODY_SMALL, answer_post_backfill, false},
    {"GET", "/api/v1/admin/backfills", TOKEN_OPERATOR, BODY_SMALL, answer_get_backfills, false},
    {"GET", "/api/v1/admin/backfills/{number}", TOKEN_OPERATOR, BODY_SMALL, answer_get_backfill,
     false},
    {"POST", "/api/v1/admin/backfills/{number}/cancel", TOKEN_OPERATOR, BODY_SMALL,
     answer_cancel_backfill, false},
};
#define N_ROUTES (sizeof routes / sizeof routes[0])

/* ---- from an address to its answer ---- */

/* Does the path fit? What stands for {…} is left in `name`. */
static bool match(const char *pattern, const char *path, char name[MAX_PATH])
{
    const char *open = strchr(pattern, '{');
    size_t before = open != NULL ? (size_t)(open - pattern) : strlen(pattern);
    if (strncmp(pattern, path, before) != 0) {
        return false;
    }
    if (open == NULL) {
        return path[before] == '\0';
    }
    size_t len = strcspn(path + before, "/");
    if (len == 0 || len >= MAX_PATH || strcmp(strchr(open, '}') + 1, path + before + len) != 0) {
        return false;
    }
    snprintf(name, MAX_PATH, "%.*s", (int)len, path + before);
    return true;
}

/* NULL when there is none; then `*known` tells whether the address has another method. */
static const route_t *route_of(const http_request_t *request, char name[MAX_PATH], bool *known)
{
    *known = false;
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (match(routes[i].pattern, http_path(request), name)) {
            *known = true;
            if (strcmp(routes[i].method, http_method(request)) == 0) {
                return &routes[i];
            }
        }
    }
    return NULL;
}

/* ---- who it is ---- */

/* Whose failures are counted. Behind a proxy it is the last one that the proxy names: what stands
 * before it, anybody can have written. */
static void address_of(const door_t *door, const http_request_t *request,
                       char out[HTTP_ADDRESS_SIZE])
{
    struct in6_addr room;
    const char *list = http_header(request, "X-Forwarded-For");
    http_peer(request, out);
    if (!door->setup.config->http->forwarded || list == NULL) {
        return;
    }
    const char *last = strrchr(list, ',');
    last = last != NULL ? last + 1 : list;
    last += strspn(last, " \t");
    char text[HTTP_ADDRESS_SIZE];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(last, " \t"), last);
    if (inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1) {
        memcpy(out, text, sizeof text);
    }
}

static const char *bearer(const http_request_t *request)
{
    const char *given = http_header(request, "Authorization");
    if (given == NULL || strncasecmp(given, "Bearer ", 7) != 0) {
        return NULL;
    }
    return given + 7 + strspn(given + 7, " ");
}

static void refuse_unknown(http_request_t *request, const char *detail)
{
    http_set_header(request, "WWW-Authenticate", "Bearer realm=\"chiso\"");
    http_reply_problem(request, 401, "%s", detail);
}

static const token_t *find_token(const door_t *door, const char *presented)
{
    const tokens_t *tokens = *door->setup.tokens;
    return tokens != NULL ? tokens_find(tokens, presented) : NULL;
}

/* The token, or NULL after answering. */
static const token_t *identify(door_t *door, http_request_t *request)
{
    char address[HTTP_ADDRESS_SIZE];
    char seconds[24];
    const char *presented = bearer(request);
    if (presented == NULL) {
        refuse_unknown(request, "expected the header Authorization: Bearer TOKEN");
        return NULL;
    }
    address_of(door, request, address);
    int64_t now = clock_mono_ms();
    int64_t wait = guard_wait(door->guard, address, now);
    if (wait > 0) {
        snprintf(seconds, sizeof seconds, "%lld", (long long)(wait + 999) / 1000);
        http_set_header(request, "Retry-After", seconds);
        http_reply_problem(request, 429, "too many wrong tokens from this address");
        return NULL;
    }
    const token_t *token = find_token(door, presented);
    if (token == NULL) {
        guard_failed(door->guard, address, now);
        log_warn("a wrong token", "address", address, NULL);
        refuse_unknown(request, "this token is not known here");
    }
    return token;
}

/* True when the request may go on; else it is answered. `*token` may be NULL all the same. */
static bool let_in(door_t *door, http_request_t *request, const route_t *route,
                   const token_t **token)
{
    *token = NULL;
    /* a proxy on this machine speaks for somebody who is not */
    bool open = route->openable && door->setup.config->http->open_raw &&
                http_header(request, "X-Forwarded-For") == NULL &&
                http_header(request, "Forwarded") == NULL;
    if (open && bearer(request) == NULL) {
        return true;
    }
    *token = identify(door, request);
    if (*token != NULL && ((unsigned)(*token)->role & route->roles) == 0) {
        http_reply_problem(request, 403, "a token of the role %s may not do this",
                           token_role_name((token_role_t)(*token)->role));
        *token = NULL;
    }
    return *token != NULL;
}

/* ---- requests ---- */

static void on_headers(http_request_t *request, void *context)
{
    door_t *door = context;
    char name[MAX_PATH];
    bool known;
    const token_t *token;
    const route_t *route = route_of(request, name, &known);
    if (route == NULL) {
        http_reply_problem(request, known ? 405 : 404,
                           known ? "this address does not take the method"
                                 : "there is nothing at this address");
    } else if (let_in(door, request, route, &token)) {
        http_limit_body(request, route->body == BODY_EVIDENCE
                                     ? (size_t)door->setup.config->http->max_evidence_bytes
                                 : route->body == BODY_ROWS ? INGEST_MAX_ROWS_BODY
                                                            : SMALL_BODY);
    }
}

static void on_request(http_request_t *request, void *context)
{
    door_t *door = context;
    char name[MAX_PATH] = "";
    bool known;
    const route_t *route = route_of(request, name, &known);
    const char *presented = bearer(request);
    const token_t *token = presented != NULL ? find_token(door, presented) : NULL;
    /* it was let in when its headers came; the tokens can be others by now */
    if (presented != NULL && (token == NULL || ((unsigned)token->role & route->roles) == 0)) {
        refuse_unknown(request, "this token is no longer known here");
        return;
    }
    door_call_t call = {.in = &door->setup, .request = request, .token = token, .name = name};
    route->answer(&call);
}

void door_refuse_store(const door_call_t *call, int rc)
{
    bool full = rc == CHISO_E_FULL || rc == -ENOSPC || rc == -EDQUOT;
    http_set_header(call->request, "Retry-After", "60");
    http_reply_problem(call->request, full ? 507 : 503, "nothing was stored: %s",
                       full ? "there is no room" : "the store failed");
}

/* ---- life ---- */

int door_open(const door_setup_t *setup, door_t **out)
{
    const ingest_http_t *c = setup->config->http;
    door_t *door = calloc(1, sizeof *door);
    if (door == NULL) {
        return -ENOMEM;
    }
    door->setup = *setup;
    http_options_t options = {.address = c->address,
                              .port = (uint16_t)c->port,
                              .max_body = (size_t)c->max_evidence_bytes > INGEST_MAX_ROWS_BODY
                                              ? (size_t)c->max_evidence_bytes
                                              : INGEST_MAX_ROWS_BODY,
                              .max_connections = c->max_connections != 0 ? c->max_connections : 64,
                              .admit = on_headers};
    int rc = guard_new(&door->guard);
    if (rc == 0) {
        rc = http_start(&options, on_request, door, &door->http);
    }
    if (rc != 0) {
        log_error("cannot listen", "address", c->address, "port", LOG_INT(c->port), "reason",
                  chiso_strerror(rc), NULL);
        door_close(&door);
        return rc;
    }
    log_info("listening", "address", c->address, "port", LOG_INT(http_port(door->http)), NULL);
    *out = door;
    return 0;
}

void door_close(door_t **door)
{
    if (*door != NULL) {
        http_stop(&(*door)->http);
        guard_destroy(&(*door)->guard);
        free(*door);
        *door = NULL;
    }
}

int door_fd(const door_t *door)
{
    return http_fd(door->http);
}

void door_serve(door_t *door)
{
    unsigned turns = 0;
    do {
        http_run(door->http);
    } while (++turns < TURNS && http_timeout_ms(door->http) == 0);
}
