/* dialect.c - see dialect.h. One token, session and cookie count for all routes: what a test wants
 * to know is whether the source's side came with one, and a fresh one. */
#include "dialect.h"

#include "answer.h"
#include "base/clock.h"
#include "base/error.h"
#include "common/server.h"

#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER "chiso"
#define PASSWORD "mat-khau"
#define SIGNING_KEY "khoa-ky"
#define MAX_FILE ((size_t)8 * 1024 * 1024)

typedef enum { OPEN, BASIC, BEARER, KEYS, SESSION, CSRF, SIGNED } guard_t;

typedef struct {
    const char *name, *method, *path;
    const char *file; /* without its extension; "-KEY" is put behind it when there is such a file */
    const char *key;  /* the query parameter that KEY is; NULL: none */
    const char *extension, *type;
    guard_t guard;
} route_t;

static const char json_content[] = "application/json;charset=UTF-8";
static const char html_content[] = "text/html; charset=UTF-8";
static const char csv_content[] = "text/csv";

static const route_t routes[] = {
    {"directory", "GET", "/website-tin-nhiem", "directory", "page", ".html", html_content, OPEN},
    {"lookup", "GET", "/filterObj", "lookup", "name_obj", ".html", html_content, CSRF},
    {"portal", "GET", "/", "portal", NULL, ".html", html_content, OPEN},
    {"search", "GET", "/api/3/action/package_search", "search", NULL, ".json", json_content, OPEN},
    {"datastore", "GET", "/api/3/action/datastore_search", "datastore", "offset", ".json",
     json_content, OPEN},
    {"usage", "POST", "/apim-request-index/_search", "usage", NULL, ".json", json_content, BASIC},
    {"lgsp", "POST", "/mcdt/thongke", "lgsp", NULL, ".json", json_content, KEYS},
    {"wso2", "GET", "/thongke/1.0/hoso", "wso2", NULL, ".json", json_content, BEARER},
    {"xroad", "POST", "/mapi/g", "xroad", NULL, ".json", json_content, SESSION},
    {"tasks", "GET", "/api/v1/tasks/summary", "tasks", "page", ".json", json_content, SIGNED},
    {"documents", "GET", "/export/thong-ke.csv", "documents", NULL, ".csv", csv_content, BASIC},
};

void dialect_expire(dialects_t *d)
{
    d->given++;
    d->given_at_ms = 0;
}

/* ---- who may come in ---- */

static bool is_text(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

static bool is_basic(const http_request_t *request)
{
    static const char pair[] = USER ":" PASSWORD;
    char text[128] = "Basic ";
    sodium_bin2base64(text + 6, sizeof text - 6, (const unsigned char *)pair, sizeof pair - 1,
                      sodium_base64_VARIANT_ORIGINAL);
    return is_text(http_header(request, "Authorization"), text);
}

static bool has_keys(const http_request_t *request)
{
    const char *text = http_header(request, "lgspaccesstoken");
    unsigned char bin[1024];
    size_t len = 0;
    if (text == NULL || sodium_base642bin(bin, sizeof bin, text, strlen(text), NULL, &len, NULL,
                                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    json_t *keys = json_loadb((const char *)bin, len, 0, NULL);
    bool good = is_text(json_string_value(json_object_get(keys, "AccessKey")), USER) &&
                is_text(json_string_value(json_object_get(keys, "SecretKey")), PASSWORD);
    json_decref(keys);
    return good;
}

static bool is_live(const dialects_t *d)
{
    return d->given_at_ms > 0 && clock_mono_ms() - d->given_at_ms < d->expires_s * 1000;
}

static bool has_bearer(const dialects_t *d, const http_request_t *request)
{
    char text[64];
    snprintf(text, sizeof text, "Bearer t-%lld", (long long)d->given);
    return is_live(d) && is_text(http_header(request, "Authorization"), text);
}

static bool has_session(const dialects_t *d, http_request_t *request)
{
    char text[64];
    bytes_t body = http_body(request);
    json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);
    snprintf(text, sizeof text, "s-%lld", (long long)d->given);
    bool good = is_live(d) && http_header(request, "dstcode") != NULL &&
                is_text(json_string_value(json_object_get(json, "session")), text) &&
                json_is_string(json_object_get(json, "isUpdating"));
    json_decref(json);
    return good;
}

static bool has_csrf(const dialects_t *d, const http_request_t *request)
{
    char value[64];
    char pair[80];
    const char *cookies = http_header(request, "Cookie");
    snprintf(value, sizeof value, "x-%lld", (long long)d->given);
    snprintf(pair, sizeof pair, "XSRF-TOKEN=%s", value);
    return cookies != NULL && strstr(cookies, pair) != NULL &&
           is_text(http_header(request, "X-XSRF-TOKEN"), value);
}

static bool is_signed(const http_request_t *request)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof mac + 1];
    const char *at = http_header(request, "X-Timestamp");
    crypto_auth_hmacsha256_state state;
    buffer_t text = BUFFER_INIT(4096);
    buffer_printf(&text, "%s\n%s\n%s", http_method(request), http_path(request),
                  at != NULL ? at : "");
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)SIGNING_KEY, strlen(SIGNING_KEY));
    crypto_auth_hmacsha256_update(&state, text.data, text.len);
    crypto_auth_hmacsha256_final(&state, mac);
    buffer_free(&text);
    for (size_t i = 0; i < sizeof mac; i++) {
        hex[2 * i] = digits[mac[i] >> 4];
        hex[2 * i + 1] = digits[mac[i] & 15];
    }
    hex[2 * sizeof mac] = '\0';
    return at != NULL && is_text(http_header(request, "X-Signature"), hex);
}

static bool may_come_in(const dialects_t *d, guard_t guard, http_request_t *request)
{
    switch (guard) {
    case OPEN:
        return true;
    case BASIC:
        return is_basic(request);
    case BEARER:
        return has_bearer(d, request);
    case KEYS:
        return has_keys(request) && has_bearer(d, request);
    case SESSION:
        return has_session(d, request);
    case CSRF:
        return has_csrf(d, request);
    case SIGNED:
        return is_signed(request);
    }
    return false;
}

static int turn_away(guard_t guard, http_request_t *request)
{
    int status = guard == CSRF ? 419 : 401;
    if (guard == SESSION) {
        status = 200;
        http_reply(request, status, json_content,
                   bytes_of_text("{\"error_code\":401,\"message\":\"session hết hạn\"}"));
    } else if (guard == CSRF) {
        http_reply(request, status, html_content,
                   bytes_of_text("<html><head><title>Page Expired</title></head></html>"));
    } else {
        http_reply(request, status, json_content,
                   bytes_of_text("{\"fault\":{\"code\":900901,\"message\":\"Invalid "
                                 "Credentials\"}}"));
    }
    return status;
}

/* ---- what is given ---- */

static void give_token(dialects_t *d, http_request_t *request, bool session)
{
    buffer_t body = BUFFER_INIT(512);
    d->given++;
    d->logins++;
    d->given_at_ms = clock_mono_ms();
    if (session) {
        buffer_printf(&body, "{\"session\":\"s-%lld\",\"error_code\":0}", (long long)d->given);
    } else {
        buffer_printf(&body,
                      "{\"access_token\":\"t-%lld\",\"scope\":\"am_application_scope default\","
                      "\"token_type\":\"Bearer\",\"expires_in\":%lld}",
                      (long long)d->given, (long long)d->expires_s);
    }
    http_reply(request, 200, json_content, buffer_bytes(&body));
    buffer_free(&body);
}

static bool knows_password(http_request_t *request)
{
    bytes_t body = http_body(request);
    json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);
    bool good = is_text(json_string_value(json_object_get(json, "username")), USER) &&
                is_text(json_string_value(json_object_get(json, "password")), PASSWORD);
    json_decref(json);
    return good;
}

static bool serve_login(dialects_t *d, http_request_t *request, dialect_answer_t *out)
{
    const char *path = http_path(request);
    bool session = strcmp(path, "/mapi/login") == 0;
    if ((!session && strcmp(path, "/token") != 0) || strcmp(http_method(request), "POST") != 0) {
        return false;
    }
    bool good = session ? knows_password(request) && http_header(request, "dstcode") != NULL
                        : is_basic(request) || has_keys(request);
    out->name = "login";
    out->status = 200;
    if (good) {
        give_token(d, request, session);
    } else {
        out->status = turn_away(session ? SESSION : BASIC, request);
    }
    return true;
}

static void set_cookies(const dialects_t *d, http_request_t *request)
{
    char cookie[80];
    snprintf(cookie, sizeof cookie, "XSRF-TOKEN=x-%lld; Path=/", (long long)d->given);
    http_set_header(request, "Set-Cookie", cookie);
}

/* ---- files ---- */

static bool read_file(const char *path, buffer_t *out)
{
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    size_t n;
    while (file != NULL && (n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buffer_append(out, chunk, n);
    }
    if (file != NULL) {
        fclose(file);
    }
    return file != NULL && !out->failed;
}

/* FILE-KEY.EXT when there is such a one, else FILE.EXT. */
static bool find_file(const dialects_t *d, const route_t *route, const char *key, buffer_t *out)
{
    char path[PATH_MAX];
    bool plain = key != NULL && *key != '\0' && strchr(key, '/') == NULL;
    snprintf(path, sizeof path, "%s/%s-%s%s", d->folder, route->file, plain ? key : "",
             route->extension);
    if (plain && read_file(path, out)) {
        return true;
    }
    snprintf(path, sizeof path, "%s/%s%s", d->folder, route->file, route->extension);
    return read_file(path, out);
}

static void answer_route(dialects_t *d, tests_mode_t *mode, const route_t *route, const char *key,
                         http_request_t *request, int64_t support_id, dialect_answer_t *out)
{
    tests_mode_t options = *mode;
    bool concerned = options.match[0] == '\0' || strcmp(options.match, route->name) == 0;
    out->name = route->name;
    out->mode = mode_take(mode, concerned);
    buffer_t body = BUFFER_INIT(MAX_FILE);
    if (!may_come_in(d, route->guard, request)) {
        out->status = turn_away(route->guard, request);
    } else if (!find_file(d, route, key, &body)) {
        out->status = 404;
        http_reply_problem(request, 404, "there is no recording of %s", route->file);
    } else {
        set_cookies(d, request);
        out->status =
            answer_body(request, out->mode, &options, route->type, buffer_bytes(&body), support_id);
    }
    buffer_free(&body);
}

bool dialect_serve(dialects_t *d, tests_mode_t *mode, http_request_t *request, int64_t support_id,
                   dialect_answer_t *out)
{
    *out = (dialect_answer_t){0};
    if (d->folder == NULL) {
        return false;
    }
    if (serve_login(d, request, out)) {
        return true;
    }
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].path, http_path(request)) == 0 &&
            strcmp(routes[i].method, http_method(request)) == 0) {
            const char *key = routes[i].key != NULL ? http_query(request, routes[i].key) : NULL;
            answer_route(d, mode, &routes[i], key, request, support_id, out);
            return true;
        }
    }
    return false;
}

bool dialect_service(dialects_t *d, tests_mode_t *mode, http_request_t *request,
                     const char *service, const char *series, int64_t support_id,
                     dialect_answer_t *out)
{
    route_t route = {"service", "POST", "", "service", NULL, ".json", json_content, OPEN};
    char path[PATH_MAX];
    buffer_t body = BUFFER_INIT(MAX_FILE);
    *out = (dialect_answer_t){0};
    snprintf(path, sizeof path, "%s/%s.json", d->folder != NULL ? d->folder : "", service);
    bool here = d->folder != NULL && strchr(service, '/') == NULL && read_file(path, &body);
    buffer_free(&body);
    if (here) {
        route.file = route.name = service;
        answer_route(d, mode, &route, series, request, support_id, out);
        out->name = "service";
    }
    return here;
}
