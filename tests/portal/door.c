/* door.c - who is let in: a fixed token, tokens that are given out and expire, a signature. It is
 * computed here from the specification in docs/connect-a-portal.md, not by the sender's code. */
#include "base/bytes.h"
#include "base/clock.h"
#include "portal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIFE_S 3600
#define MAX_SKEW_S 300

static bool refuse(portal_t *p, http_request_t *request, const char *why)
{
    p->refused++;
    http_reply_problem(request, 401, "%s", why);
    return false;
}

static bool is_signed(const portal_t *p, const http_request_t *request)
{
    const char *header = http_header(request, "X-Chiso-Signature");
    char time[32] = "";
    char hex[65];
    unsigned char mac[32];
    crypto_auth_hmacsha256_state state;
    if (header == NULL || strncmp(header, "t=", 2) != 0 || strstr(header, ",v1=") == NULL) {
        return false;
    }
    const char *given = strstr(header, ",v1=") + 4;
    snprintf(time, sizeof time, "%.*s.", (int)(given - 4 - (header + 2)), header + 2);
    int64_t age = clock_wall_ms() / 1000 - strtoll(time, NULL, 10);
    bytes_t body = http_body(request);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)p->door.sign_secret,
                                strlen(p->door.sign_secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)time, strlen(time));
    crypto_auth_hmacsha256_update(&state, body.data, body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
    return strcmp(hex, given) == 0 && age < MAX_SKEW_S && age > -MAX_SKEW_S;
}

bool door_open(portal_t *p, http_request_t *request, bool bearer)
{
    const char *given = http_header(request, "Authorization");
    if (p->door.token != NULL) {
        const char *prefix = bearer ? "Bearer " : "";
        size_t n = strlen(prefix);
        if (given == NULL || strncmp(given, prefix, n) != 0 ||
            strcmp(given + n, p->door.token) != 0) {
            return refuse(p, request, "the token is not the expected one");
        }
    }
    if (p->door.sign_secret != NULL && !is_signed(p, request)) {
        return refuse(p, request, "the signature does not fit");
    }
    return true;
}

bool door_open_issued(portal_t *p, http_request_t *request)
{
    const char *given = http_header(request, "Authorization");
    int64_t number = given != NULL && strncmp(given, "Bearer issued-", 14) == 0
                         ? strtoll(given + 14, NULL, 10)
                         : 0;
    if (number == 0 || number < p->valid_from || number > p->tokens) {
        return refuse(p, request, "the token has expired or was never given out");
    }
    return true;
}

static bool form_holds(const http_request_t *request, const char *pair)
{
    bytes_t body = http_body(request);
    return memmem(body.data, body.len, pair, strlen(pair)) != NULL;
}

/* VNPT: base64 of {"AccessKey","SecretKey",…} */
static bool knows_access_key(const http_request_t *request)
{
    const char *given = http_header(request, "lgspaccesstoken");
    unsigned char json[4096];
    size_t n = 0;
    if (given == NULL || sodium_base642bin(json, sizeof json, given, strlen(given), NULL, &n, NULL,
                                           sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    json_t *said = json_loadb((const char *)json, n, 0, NULL);
    const char *key = json_string_value(json_object_get(said, "AccessKey"));
    const char *secret = json_string_value(json_object_get(said, "SecretKey"));
    bool good = key != NULL && secret != NULL && strcmp(key, "access") == 0 &&
                strcmp(secret, "secret") == 0 && json_object_get(said, "PartnerCode") != NULL;
    json_decref(said);
    return good;
}

void door_issue(portal_t *p, http_request_t *request, bool vnpt)
{
    bool known = vnpt ? knows_access_key(request)
                      : form_holds(request, "client_id=client") &&
                            form_holds(request, "client_secret=secret");
    if (!known || !form_holds(request, "grant_type=client_credentials")) {
        refuse(p, request, "the client is not known");
        return;
    }
    char body[160];
    snprintf(body, sizeof body,
             "{\"access_token\":\"issued-%lld\",\"token_type\":\"Bearer\",\"expires_in\":%d}",
             (long long)++p->tokens, LIFE_S);
    http_reply(request, 200, "application/json", bytes_of_text(body));
}
