/* auth.c - see auth.h. A token lives in memory only and is fetched again a little before it expires
 * (30 s, or a tenth of a shorter life), so that clocks may differ and a slow request still finds it
 * valid. */
#include "auth.h"

#include "base/clock.h"
#include "fetch/mask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIFE_S 3600
#define MAX_LIFE_S (30 * 86400)
#define MARGIN_MS 30000

static bool is_type(const publisher_target_t *t, const char *type)
{
    return t->auth.type != NULL && strcmp(t->auth.type, type) == 0;
}

static bool fetches(const publisher_target_t *t)
{
    return is_type(t, "client-credentials");
}

bool auth_needs_token(const auth_t *auth, const publisher_target_t *t)
{
    return fetches(t) && (auth->token == NULL || clock_mono_ms() >= auth->expires_at);
}

void auth_forget(auth_t *auth)
{
    target_free_secret(&auth->token);
    *auth = (auth_t){0};
}

bool auth_refused(auth_t *auth, const publisher_target_t *t)
{
    bool again = fetches(t) && auth->token != NULL && auth->used;
    if (fetches(t)) {
        auth_forget(auth);
    }
    return again;
}

/* ---- asking for a token ---- */

static void put_form(buffer_t *out, const char *name, const char *value)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    buffer_printf(out, "%s%s=", out->len > 0 ? "&" : "", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (strchr(plain, *c) != NULL) {
            buffer_append(out, c, 1);
        } else {
            buffer_printf(out, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
}

static void put_basic(outgoing_t *out, const char *user, const char *password)
{
    fetch_secret_t secret = {.text = (char *)(uintptr_t)password, .len = strlen(password)};
    fetch_secret_t header = {0};
    if (fetch_auth_basic(user, &secret, &header) != 0) {
        out->failed = true;
        return;
    }
    outgoing_header(out, "%s", header.text);
    fetch_secret_free(&header);
}

void auth_write_token(const publisher_target_t *t, outgoing_t *out)
{
    bool in_body = t->auth.credentials_in != NULL ? strcmp(t->auth.credentials_in, "body") == 0
                                                  : t->dialect->post_token;
    outgoing_begin(out, "POST", t->auth.token_url);
    outgoing_header(out, "Content-Type: application/x-www-form-urlencoded");
    outgoing_header(out, "Accept: application/json");
    put_form(&out->body, "grant_type", "client_credentials");
    if (t->auth.scope != NULL) {
        put_form(&out->body, "scope", t->auth.scope);
    }
    if (t->auth.client_id != NULL && in_body) {
        put_form(&out->body, "client_id", t->auth.client_id);
        put_form(&out->body, "client_secret", t->client_secret);
    } else if (t->auth.client_id != NULL) {
        put_basic(out, t->auth.client_id, t->client_secret);
    }
    if (t->dialect->write_token != NULL) {
        t->dialect->write_token(t, out);
    }
}

/* A whole number, also as a text; anything else is the default. */
static int64_t life_of(const json_t *said)
{
    const json_t *value = json_object_get(said, "expires_in");
    json_int_t seconds = json_integer_value(value);
    const char *text = json_string_value(value);
    for (size_t i = 0; text != NULL && i < 9 && text[i] >= '0' && text[i] <= '9'; i++) {
        seconds = seconds * 10 + (text[i] - '0');
    }
    seconds = seconds > 0 ? seconds : DEFAULT_LIFE_S;
    return (seconds < MAX_LIFE_S ? seconds : MAX_LIFE_S) * 1000;
}

static bool is_plain(const char *token)
{
    size_t n = 0;
    for (; token[n] != '\0'; n++) {
        if (token[n] <= ' ' || token[n] > '~') {
            return false;
        }
    }
    return n > 0 && n <= 4096;
}

int auth_take_token(auth_t *auth, const fetch_answer_t *a, char reason[TARGET_REASON_SIZE])
{
    if (a->result != FETCH_ANSWERED) {
        snprintf(reason, TARGET_REASON_SIZE, "no token: %.200s", a->reason);
        return CHISO_E_PROTOCOL;
    }
    json_t *said = target_json(a);
    const char *token = json_string_value(json_object_get(said, "access_token"));
    bool good = a->status >= 200 && a->status < 300 && token != NULL && is_plain(token);
    char *copy = good ? strdup(token) : NULL;
    if (copy != NULL) {
        int64_t life = life_of(said);
        int64_t margin = life / 10 < MARGIN_MS ? life / 10 : MARGIN_MS;
        auth_forget(auth);
        auth->token = copy;
        auth->expires_at = clock_mono_ms() + life - margin;
    } else if (good) {
        snprintf(reason, TARGET_REASON_SIZE, "no token: out of memory");
    } else {
        /* what it said may hold a secret of ours: only its status is told */
        snprintf(reason, TARGET_REASON_SIZE, "no token: HTTP status %ld%s", a->status,
                 said == NULL    ? ", not JSON"
                 : token == NULL ? ", no access_token"
                                 : "");
    }
    json_decref(said);
    return copy != NULL ? 0 : CHISO_E_PROTOCOL;
}

/* ---- every answer ---- */

/* What is made of a secret for a header is looked for as it was sent too: the secret itself may be
 * too short to be found. */
void auth_mask(const auth_t *auth, const publisher_target_t *t, fetch_answer_t *answer)
{
    fetch_secret_t basic = {0};
    int rc = 0;
    if (is_type(t, "basic")) {
        fetch_secret_t password = {.text = t->password, .len = strlen(t->password)};
        rc = fetch_auth_basic(t->auth.user, &password, &basic);
    }
    const char *const secrets[] = {
        auth->token,        t->token,
        t->password,        basic.text != NULL ? strrchr(basic.text, ' ') + 1 : NULL,
        t->client_secret,   t->sign.secret,
        t->lgsp.secret_key, t->lgsp.header != NULL ? strchr(t->lgsp.header, ' ') + 1 : NULL};
    for (size_t i = 0; rc != -ENOMEM && i < sizeof secrets / sizeof secrets[0]; i++) {
        rc = secrets[i] != NULL ? mask_secret(secrets[i], answer->body.data, answer->body.len) : 0;
    }
    fetch_secret_free(&basic);
    if (rc == -ENOMEM) {
        buffer_free(&answer->body);
        answer->result = FETCH_NO_ANSWER;
        snprintf(answer->reason, sizeof answer->reason, "out of memory");
    }
}

/* ---- every request ---- */

/* By default HMAC-SHA256 over the time and the body: the receiver can refuse what is old, and what
 * was changed. */
fetch_signing_t auth_signing(const publisher_target_t *t, const fetch_secret_t *key)
{
    const target_sign_t *s = &t->sign;
    return (fetch_signing_t){.to_sign = s->text != NULL ? s->text : "{timestamp}.{body}",
                             .headers = {s->header != NULL
                                             ? s->header
                                             : "X-Chiso-Signature: t={timestamp},v1={signature}"},
                             .key_id = s->key_id,
                             .key = key};
}

static void put_signature(const publisher_target_t *t, int64_t now, outgoing_t *out)
{
    fetch_secret_t key = {.text = t->sign.secret, .len = strlen(t->sign.secret)};
    fetch_signing_t signing = auth_signing(t, &key);
    fetch_secret_t headers[FETCH_SIGN_HEADERS] = {{0}};
    fetch_request_t request = {
        .method = out->method, .url = buffer_text(&out->url), .body = buffer_bytes(&out->body)};
    if (request.url == NULL || fetch_sign(&signing, &request, now, NULL, headers) != 0) {
        out->failed = true;
        return;
    }
    outgoing_header(out, "%s", headers[0].text);
    fetch_secret_free(&headers[0]);
}

void auth_sign(const auth_t *auth, const publisher_target_t *t, int64_t now, outgoing_t *out)
{
    const char *header = t->auth.header != NULL ? t->auth.header : "Authorization";
    if (is_type(t, "bearer")) {
        outgoing_header(out, "%s: Bearer %s", header, t->token);
    } else if (is_type(t, "token")) {
        outgoing_header(out, "%s: %s", header, t->token);
    } else if (is_type(t, "basic")) {
        put_basic(out, t->auth.user, t->password);
    } else if (fetches(t) && auth->token != NULL) {
        outgoing_header(out, "%s: Bearer %s", header, auth->token);
    }
    if (t->sign.secret != NULL) {
        put_signature(t, now, out);
    }
}
