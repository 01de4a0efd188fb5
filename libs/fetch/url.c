/* url.c - see url.h.
 *
 * curl's parser decides what a URL is, since it is curl that will use it; what stands here is what
 * curl would bend, send along or ask of the network instead of refusing. No reason shows more of a
 * URL than its host: the rest may be secret.
 */
#include "fetch/url.h"

#include "fetch/network.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SAY(...) snprintf(reason, FETCH_REASON_SIZE, __VA_ARGS__)

/* The bytes, before any meaning. False after saying why. */
static bool check_bytes(const char *url, char *reason)
{
    size_t len = strnlen(url, FETCH_URL_MAX + 1);
    if (len == 0 || len > FETCH_URL_MAX) {
        SAY(len == 0 ? "is empty" : "is longer than %d bytes", FETCH_URL_MAX);
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c == ' ') {
            SAY("has a space at column %zu%s; remove it, or write %%20 if the address really has "
                "one",
                i + 1, i + 1 == len ? ", its end" : "");
            return false;
        }
        if (c < 0x20 || c == 0x7f) {
            SAY("has a %s at column %zu; remove it",
                c == '\n' || c == '\r' ? "line break"
                : c == '\t'            ? "tab"
                                       : "control character",
                i + 1);
            return false;
        }
        if (strchr("\"<>\\^`", c) != NULL) {
            SAY("has a '%c' at column %zu; write %%%02X", c, i + 1, c);
            return false;
        }
        if (c == '%' &&
            !(isxdigit((unsigned char)url[i + 1]) && isxdigit((unsigned char)url[i + 2]))) {
            SAY("has a '%%' at column %zu that no two hex digits follow; write %%25 for the sign "
                "itself",
                i + 1);
            return false;
        }
    }
    return true;
}

static bool is_ascii(const char *text)
{
    while (*text != '\0' && (unsigned char)*text < 0x80) {
        text++;
    }
    return *text == '\0';
}

static bool check_host(const char *host, const fetch_policy_t *policy, char *reason)
{
    char ip[64];
    network_address_t address;
    size_t len = strlen(host);
    bool bracketed = len > 2 && len < sizeof ip && host[0] == '[';
    snprintf(ip, sizeof ip, "%.*s", (int)(bracketed ? len - 2 : len), host + bracketed);
    ip[strcspn(ip, "%")] = '\0'; /* a zone */
    if (network_of_text(ip, &address)) {
        if (!network_allows(policy->allow_networks, &address)) {
            SAY("address %s is not public and not in allow_networks", ip);
            return false;
        }
        return true;
    }
    if (!is_ascii(host)) {
        /* curl would turn it round by the locale, which a service does not set */
        SAY("has a host outside ASCII; write its xn-- form ('idn2 HOST' prints it)");
        return false;
    }
    return true;
}

static bool check_parts(CURLU *parsed, const char *url, const fetch_policy_t *policy, char *reason)
{
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *fragment = NULL;
    bool good = false;
    curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(parsed, CURLUPART_HOST, &host, 0);
    curl_url_get(parsed, CURLUPART_PORT, &port, 0);
    curl_url_get(parsed, CURLUPART_FRAGMENT, &fragment, 0);
    bool http = scheme != NULL && strcmp(scheme, "http") == 0;
    if (scheme == NULL || (!http && strcmp(scheme, "https") != 0)) {
        SAY("is neither https nor http; expected https://…");
    } else if (http && !policy->allow_http) {
        SAY("is plain http; expected https://… (or http://… with allow_http: true)");
    } else if (host == NULL || host[0] == '\0' ||
               strspn(url + strlen(scheme), ":/") != 3) { /* curl takes https:/x and https:///x */
        SAY("has no host");
    } else if (port != NULL && strcmp(port, "0") == 0) {
        SAY("has port 0; expected 1 to 65535");
    } else if (fragment != NULL || strchr(url, '#') != NULL) {
        SAY("has a '#'; what follows it is never sent: remove it, or write %%23");
    } else if (check_host(host, policy, reason)) {
        good = is_ascii(url);
        if (!good) {
            SAY("has letters outside ASCII behind the host; write their UTF-8 bytes as %%XX");
        }
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(fragment);
    return good;
}

int fetch_url_check(const char *url, const fetch_policy_t *policy, char reason[FETCH_REASON_SIZE])
{
    static const fetch_policy_t strictest;
    if (!check_bytes(url, reason)) {
        return -EINVAL;
    }
    CURLU *parsed = curl_url();
    if (parsed == NULL) {
        SAY("out of memory");
        return -ENOMEM;
    }
    CURLUcode code =
        curl_url_set(parsed, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER);
    bool good = false;
    if (code == CURLUE_OK) {
        good = check_parts(parsed, url, policy != NULL ? policy : &strictest, reason);
    } else if (code == CURLUE_USER_NOT_ALLOWED) {
        SAY("has a user name in it; expected none: a name and password go into secrets (of a "
            "source) or auth (of a target)");
    } else if (code == CURLUE_BAD_SCHEME) {
        SAY("has no scheme; expected https://…");
    } else {
        SAY("is no URL (%s); expected https://…", curl_url_strerror(code));
    }
    curl_url_cleanup(parsed);
    return good ? 0 : -EINVAL;
}
