/* sign.c - signed requests: auth.h.
 *
 * A template is walked once, and what a name stands for is appended where it stands. What was
 * appended is not looked at again, so a body with braces in it stands for itself.
 */
#include "fetch/auth.h"

#include "base/clock.h"
#include "base/error.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAY(...) snprintf(reason, FETCH_REASON_SIZE, __VA_ARGS__)
#define MAX_TO_SIGN ((size_t)64 << 20)
#define BASE64 sodium_base64_VARIANT_ORIGINAL
#define BASE64_SIZE sodium_base64_ENCODED_LEN(32, BASE64)

enum {
    METHOD,
    URL,
    SCHEME,
    HOST,
    PATH,
    QUERY,
    TARGET,
    TIMESTAMP,
    TIMESTAMP_MS,
    DATE,
    ISO,
    NONCE,
    KEY_ID,
    BODY,
    BODY_SHA256,
    BODY_SHA256_BASE64,
    SIGNATURE, /* from here on in headers only */
    SIGNATURE_BASE64,
    FACTS
};

static const char *const names[FACTS] = {
    [METHOD] = "method",
    [URL] = "url",
    [SCHEME] = "scheme",
    [HOST] = "host",
    [PATH] = "path",
    [QUERY] = "query",
    [TARGET] = "target",
    [TIMESTAMP] = "timestamp",
    [TIMESTAMP_MS] = "timestamp_ms",
    [DATE] = "date",
    [ISO] = "iso",
    [NONCE] = "nonce",
    [KEY_ID] = "key_id",
    [BODY] = "body",
    [BODY_SHA256] = "body_sha256",
    [BODY_SHA256_BASE64] = "body_sha256_base64",
    [SIGNATURE] = "signature",
    [SIGNATURE_BASE64] = "signature_base64",
};

/* What the names stand for, and the memory of what is made for it. */
typedef struct {
    bytes_t value[FACTS];
    char *scheme, *host, *path, *query;
    char *host_port, *target;
    char timestamp[24], timestamp_ms[24], date[40], iso[40], nonce[33];
    char body_hex[SHA256_HEX_SIZE], body_base64[BASE64_SIZE];
    char signature_hex[SHA256_HEX_SIZE], signature_base64[BASE64_SIZE];
} facts_t;

/* The first `count` names are known. 0, or -EINVAL and the place of what is no name. */
static int expand(const char *template, const bytes_t *facts, int count, buffer_t *out,
                  const char **wrong)
{
    for (const char *at = template; *at != '\0';) {
        size_t len = strcspn(at, "{");
        buffer_append(out, at, len);
        at += len;
        len = strcspn(at, "}");
        int i = 0;
        while (*at != '\0' && i < count &&
               (strlen(names[i]) + 1 != len || strncmp(at + 1, names[i], len - 1) != 0)) {
            i++;
        }
        if (*at != '\0' && (i == count || at[len] != '}')) {
            *wrong = at;
            return -EINVAL;
        }
        if (*at != '\0') {
            buffer_append(out, facts[i].data, facts[i].len);
            at += len + 1;
        }
    }
    return 0;
}

static bool check_template(const char *what, const char *template, int count, char *reason)
{
    static const bytes_t nothing[FACTS];
    buffer_t out = BUFFER_INIT(FETCH_SIGN_HEADER_MAX);
    const char *wrong;
    int rc = expand(template, nothing, count, &out, &wrong);
    buffer_free(&out);
    if (rc != 0) {
        SAY("%s: '%.40s' begins with no known name in braces", what, wrong);
    }
    return rc == 0;
}

int fetch_sign_check(const fetch_signing_t *s, char reason[FETCH_REASON_SIZE])
{
    bool signs = false;
    if (s->to_sign == NULL || s->to_sign[0] == '\0') {
        SAY("to_sign: empty; expected a text with names in braces");
        return -EINVAL;
    }
    if (!check_template("to_sign", s->to_sign, SIGNATURE, reason)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < FETCH_SIGN_HEADERS && s->headers[i] != NULL; i++) {
        const char *header = s->headers[i];
        size_t colon = strcspn(header, ":{ \t");
        if (colon == 0 || header[colon] != ':' || strpbrk(header, "\r\n") != NULL) {
            SAY("headers: '%.40s' is no header; expected 'Name: value'", header);
            return -EINVAL;
        }
        if (strstr(header, "{body}") != NULL) {
            SAY("headers: '%.40s' would hold the body; expected its hash", header);
            return -EINVAL;
        }
        if (!check_template("headers", header, FACTS, reason)) {
            return -EINVAL;
        }
        signs = signs || strstr(header, "{signature}") != NULL ||
                strstr(header, "{signature_base64}") != NULL;
    }
    if (!signs) {
        SAY("headers: none holds {signature} or {signature_base64}");
        return -EINVAL;
    }
    return 0;
}

static bytes_t text_of(const char *text)
{
    return bytes_of_text(text != NULL ? text : "");
}

static int take_url(const char *url, facts_t *f)
{
    CURLU *parsed = curl_url();
    char *port = NULL;
    int rc = parsed == NULL ? -ENOMEM : -EINVAL;
    if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_SCHEME, &f->scheme, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &f->host, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_PATH, &f->path, 0) == CURLUE_OK) {
        curl_url_get(parsed, CURLUPART_QUERY, &f->query, 0);
        curl_url_get(parsed, CURLUPART_PORT, &port, 0);
        bool made = asprintf(&f->host_port, "%s%s%s", f->host, port != NULL ? ":" : "",
                             port != NULL ? port : "") >= 0;
        made = made && asprintf(&f->target, "%s%s%s", f->path, f->query != NULL ? "?" : "",
                                f->query != NULL ? f->query : "") >= 0;
        rc = made ? 0 : -ENOMEM;
    }
    curl_free(port);
    curl_url_cleanup(parsed);
    f->value[SCHEME] = text_of(f->scheme);
    f->value[HOST] = text_of(f->host_port);
    f->value[PATH] = text_of(f->path);
    f->value[QUERY] = text_of(f->query);
    f->value[TARGET] = text_of(f->target);
    return rc;
}

static void take_time(int64_t wall_ms, facts_t *f)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(f->timestamp, sizeof f->timestamp, "%lld", (long long)seconds);
    snprintf(f->timestamp_ms, sizeof f->timestamp_ms, "%lld", (long long)wall_ms);
    /* by hand: strftime would take the names of the locale */
    snprintf(f->date, sizeof f->date, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    strftime(f->iso, sizeof f->iso, "%Y-%m-%dT%H:%M:%SZ", &tm);
    f->value[TIMESTAMP] = text_of(f->timestamp);
    f->value[TIMESTAMP_MS] = text_of(f->timestamp_ms);
    f->value[DATE] = text_of(f->date);
    f->value[ISO] = text_of(f->iso);
}

static void put_hash(const uint8_t hash[32], char hex[SHA256_HEX_SIZE], char base64[BASE64_SIZE],
                     bytes_t values[2])
{
    sodium_bin2base64(base64, BASE64_SIZE, hash, 32, BASE64);
    values[0] = text_of(sha256_hex(hash, hex));
    values[1] = text_of(base64);
}

static int take_facts(const fetch_signing_t *s, const fetch_request_t *r, int64_t wall_ms,
                      const char *nonce, facts_t *f)
{
    uint8_t hash[SHA256_SIZE];
    if (nonce == NULL) {
        snprintf(f->nonce, sizeof f->nonce, "%016llx%016llx", (unsigned long long)clock_random64(),
                 (unsigned long long)clock_random64());
        nonce = f->nonce;
    }
    f->value[METHOD] = text_of(r->method);
    f->value[URL] = text_of(r->url);
    f->value[NONCE] = text_of(nonce);
    f->value[KEY_ID] = text_of(s->key_id);
    f->value[BODY] = r->body;
    take_time(wall_ms, f);
    sha256(r->body, hash);
    put_hash(hash, f->body_hex, f->body_base64, &f->value[BODY_SHA256]);
    return take_url(r->url, f);
}

static void free_facts(facts_t *f)
{
    curl_free(f->scheme);
    curl_free(f->host);
    curl_free(f->path);
    curl_free(f->query);
    free(f->host_port);
    free(f->target);
}

static int sign_text(const fetch_signing_t *s, facts_t *f)
{
    buffer_t text = BUFFER_INIT(MAX_TO_SIGN);
    uint8_t signature[HMAC_SHA256_SIZE];
    const char *wrong;
    int rc = expand(s->to_sign, f->value, SIGNATURE, &text, &wrong);
    if (rc == 0 && text.failed) {
        rc = CHISO_E_TOO_BIG;
    }
    if (rc == 0) {
        hmac_sha256(bytes_of(s->key->text, s->key->len), buffer_bytes(&text), signature);
        put_hash(signature, f->signature_hex, f->signature_base64, &f->value[SIGNATURE]);
    }
    buffer_free(&text);
    return rc;
}

int fetch_sign(const fetch_signing_t *s, const fetch_request_t *request, int64_t wall_ms,
               const char *nonce, fetch_secret_t headers[FETCH_SIGN_HEADERS])
{
    facts_t facts = {0};
    fetch_secret_t made[FETCH_SIGN_HEADERS] = {{0}};
    char ignored[FETCH_REASON_SIZE];
    const char *wrong;
    int rc = fetch_sign_check(s, ignored);
    if (rc == 0) {
        rc = take_facts(s, request, wall_ms, nonce, &facts);
    }
    if (rc == 0) {
        rc = sign_text(s, &facts);
    }
    for (size_t i = 0; rc == 0 && i < FETCH_SIGN_HEADERS && s->headers[i] != NULL; i++) {
        buffer_t line = BUFFER_INIT(FETCH_SIGN_HEADER_MAX);
        rc = expand(s->headers[i], facts.value, FACTS, &line, &wrong);
        if (rc == 0) {
            rc = line.failed ? CHISO_E_TOO_BIG
                             : fetch_secret_copy((const char *)line.data, line.len, &made[i]);
        }
        buffer_free(&line);
    }
    free_facts(&facts);
    if (rc == 0) {
        memcpy(headers, made, sizeof made);
        return 0;
    }
    for (size_t i = 0; i < FETCH_SIGN_HEADERS; i++) {
        fetch_secret_free(&made[i]);
    }
    return rc;
}
