/* request.c - see request.h. */
#include "fetch/request.h"

#include "fetch/fetch_internal.h"
#include "fetch/url.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_CONNECT_MS 5000
#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_STALL_MS 30000
#define DEFAULT_MAX_BODY ((size_t)8 << 20)
#define MAX_NAME 64
#define MAX_METHOD 16

/* A method is upper-case letters: all that is in use, and nothing to smuggle with. */
static bool is_method(const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0'; n++) {
        if (text[n] < 'A' || text[n] > 'Z' || n == MAX_METHOD) {
            return false;
        }
    }
    return n > 0;
}

/* "Name: value"; a line break inside would be a second header. */
static bool is_header(const char *text)
{
    size_t name = strcspn(text, ": \t");
    if (name == 0 || text[name] != ':') {
        return false;
    }
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool has_name(const char *header, const char *name)
{
    size_t n = strlen(name);
    return strncasecmp(header, name, n) == 0 && header[n] == ':';
}

static bool is_name(const char *text)
{
    static const char other[] = "!#$%&'*+-.^_`|~";
    size_t n = 0;
    for (; text[n] != '\0'; n++) {
        unsigned char c = (unsigned char)text[n];
        if (n == MAX_NAME || (!isalnum(c) && strchr(other, c) == NULL)) {
            return false;
        }
    }
    return n > 0;
}

/* scheme://host:port of the URL, without what may be secret. */
static int copy_origin(const char *url, char **out)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    int rc = parsed == NULL ? -ENOMEM : -EINVAL;
    if (parsed != NULL &&
        curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER) ==
            CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK) {
        /* a scheme that is refused later may have neither */
        curl_url_get(parsed, CURLUPART_HOST, &host, 0);
        curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
        int len = asprintf(out, "%s://%s%s%s", scheme, host != NULL ? host : "",
                           port != NULL ? ":" : "", port != NULL ? port : "");
        rc = len < 0 ? -ENOMEM : 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parsed);
    return rc;
}

static int append_header(fetch_copy_t *r, const char *text)
{
    struct curl_slist *longer = curl_slist_append(r->headers, text);
    if (longer == NULL) {
        return -ENOMEM;
    }
    r->headers = longer;
    return 0;
}

/* A header without a value is sent as such; to curl "Name:" alone would mean: leave it out. */
static int append_given(fetch_copy_t *r, const char *text)
{
    size_t name = strcspn(text, ":");
    if (text[name + 1 + strspn(text + name + 1, " \t")] != '\0') {
        return append_header(r, text);
    }
    char *empty = NULL;
    int rc = asprintf(&empty, "%.*s;", (int)name, text) < 0 ? -ENOMEM : append_header(r, empty);
    free(empty);
    return rc;
}

static int copy_headers(fetch_copy_t *r, const fetch_request_t *request)
{
    bool typed = false;
    int rc = append_header(r, "Expect:"); /* else curl waits for "100 Continue" on larger bodies */
    for (size_t i = 0; rc == 0 && i < FETCH_MAX_HEADERS && request->headers[i] != NULL; i++) {
        typed = typed || has_name(request->headers[i], "Content-Type");
        rc = is_header(request->headers[i]) ? append_given(r, request->headers[i]) : -EINVAL;
    }
    if (rc == 0 && !typed) {
        rc = append_header(r, "Content-Type:"); /* else curl claims a form */
    }
    return rc;
}

static int copy_keep(fetch_copy_t *r, const fetch_request_t *request)
{
    r->keep.max = (size_t)FETCH_MAX_KEPT * (MAX_NAME + 1);
    for (size_t i = 0; i < FETCH_MAX_KEPT && request->keep[i] != NULL; i++) {
        /* cookies are the jar's */
        if (!is_name(request->keep[i]) || strcasecmp(request->keep[i], "Set-Cookie") == 0) {
            return -EINVAL;
        }
        buffer_append_part(&r->keep, request->keep[i]);
    }
    return r->keep.failed ? -ENOMEM : 0;
}

static int copy_policy(fetch_copy_t *r, const fetch_policy_t *policy)
{
    if (policy != NULL) {
        r->policy = *policy;
    }
    fetch_policy_t *p = &r->policy;
    char ignored[FETCH_REASON_SIZE];
    int rc = fetch_policy_form(p, ignored);
    if (rc != 0) {
        return rc;
    }
    p->connect_timeout_ms = p->connect_timeout_ms > 0 ? p->connect_timeout_ms : DEFAULT_CONNECT_MS;
    p->timeout_ms = p->timeout_ms > 0 ? p->timeout_ms : DEFAULT_TIMEOUT_MS;
    p->stall_timeout_ms = p->stall_timeout_ms > 0 ? p->stall_timeout_ms : DEFAULT_STALL_MS;
    p->max_body = p->max_body > 0 ? p->max_body : DEFAULT_MAX_BODY;
    return 0;
}

static int copy_body(fetch_copy_t *r, bytes_t body)
{
    if (body.len == 0) {
        return 0;
    }
    r->body = malloc(body.len);
    if (r->body == NULL) {
        return -ENOMEM;
    }
    memcpy(r->body, body.data, body.len);
    r->body_len = body.len;
    return 0;
}

static int copy_texts(fetch_copy_t *r, const fetch_request_t *request)
{
    r->method = strdup(request->method);
    r->url = strdup(request->url);
    return r->method != NULL && r->url != NULL ? copy_origin(request->url, &r->origin) : -ENOMEM;
}

int fetch_copy_make(const fetch_request_t *from, fetch_copy_t *out)
{
    if (from->method == NULL || !is_method(from->method) || from->url == NULL ||
        strnlen(from->url, FETCH_URL_MAX + 1) > FETCH_URL_MAX) {
        return -EINVAL;
    }
    fetch_copy_t copy = {.jar = from->jar};
    int rc = copy_policy(&copy, from->policy);
    if (rc == 0) {
        rc = copy_texts(&copy, from);
    }
    if (rc == 0) {
        rc = copy_headers(&copy, from);
    }
    if (rc == 0) {
        rc = copy_keep(&copy, from);
    }
    if (rc == 0) {
        rc = copy_body(&copy, from->body);
    }
    if (rc != 0) {
        fetch_copy_free(&copy);
        return rc;
    }
    *out = copy;
    return 0;
}

static void wipe_text(char *text)
{
    if (text != NULL) {
        sodium_memzero(text, strlen(text));
    }
}

void fetch_copy_free(fetch_copy_t *r)
{
    wipe_text(r->url);
    for (struct curl_slist *at = r->headers; at != NULL; at = at->next) {
        wipe_text(at->data);
    }
    if (r->body != NULL) {
        sodium_memzero(r->body, r->body_len);
    }
    free(r->method);
    free(r->url);
    free(r->origin);
    free(r->body);
    buffer_free(&r->keep);
    curl_slist_free_all(r->headers);
    *r = (fetch_copy_t){0};
}
