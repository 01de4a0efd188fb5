/* jar.c - see jar.h.
 *
 * A curl share that shares nothing but cookies: curl then stores and sends them by the rules of
 * RFC 6265 and the public suffix list, for as many requests at once as there are. Whatever else is
 * done with them goes through a handle of the moment that is put on the share.
 */
#include "fetch/jar.h"

#include "base/clock.h"
#include "base/error.h"
#include "fetch/fetch_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fetch_jar {
    CURLSH *share;
    pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
};

static void on_lock(CURL *easy, curl_lock_data what, curl_lock_access access, void *context)
{
    (void)easy;
    (void)access;
    fetch_jar_t *jar = context;
    pthread_mutex_lock(&jar->locks[what]);
}

static void on_unlock(CURL *easy, curl_lock_data what, void *context)
{
    (void)easy;
    fetch_jar_t *jar = context;
    pthread_mutex_unlock(&jar->locks[what]);
}

int fetch_jar_new(fetch_jar_t **out)
{
    fetch_jar_t *jar = calloc(1, sizeof *jar);
    if (jar == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++) {
        pthread_mutex_init(&jar->locks[i], NULL);
    }
    jar->share = curl_share_init();
    if (jar->share == NULL ||
        curl_share_setopt(jar->share, CURLSHOPT_LOCKFUNC, on_lock) != CURLSHE_OK ||
        curl_share_setopt(jar->share, CURLSHOPT_UNLOCKFUNC, on_unlock) != CURLSHE_OK ||
        curl_share_setopt(jar->share, CURLSHOPT_USERDATA, jar) != CURLSHE_OK ||
        curl_share_setopt(jar->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) != CURLSHE_OK) {
        fetch_jar_destroy(&jar);
        return -ENOMEM;
    }
    *out = jar;
    return 0;
}

void fetch_jar_destroy(fetch_jar_t **p)
{
    fetch_jar_t *jar = *p;
    *p = NULL;
    if (jar == NULL) {
        return;
    }
    curl_share_cleanup(jar->share);
    for (size_t i = 0; i < CURL_LOCK_DATA_LAST; i++) {
        pthread_mutex_destroy(&jar->locks[i]);
    }
    free(jar);
}

CURLSH *fetch_jar_share(fetch_jar_t *jar)
{
    return jar != NULL ? jar->share : NULL;
}

/* A handle on the jar; NULL when out of memory. */
static CURL *handle_on(fetch_jar_t *jar)
{
    CURL *easy = curl_easy_init();
    if (easy != NULL && curl_easy_setopt(easy, CURLOPT_SHARE, jar->share) != CURLE_OK) {
        curl_easy_cleanup(easy);
        easy = NULL;
    }
    return easy;
}

int fetch_jar_clear(fetch_jar_t *jar)
{
    CURL *easy = handle_on(jar);
    if (easy == NULL) {
        return -ENOMEM;
    }
    CURLcode code = curl_easy_setopt(easy, CURLOPT_COOKIELIST, "ALL");
    curl_easy_cleanup(easy);
    return code == CURLE_OK ? 0 : -ENOMEM;
}

/* Lines of a cookie file, or NULL when empty. 0, -ENOMEM. */
static int list_cookies(fetch_jar_t *jar, struct curl_slist **out)
{
    CURL *easy = handle_on(jar);
    if (easy == NULL) {
        return -ENOMEM;
    }
    CURLcode code = curl_easy_getinfo(easy, CURLINFO_COOKIELIST, out);
    curl_easy_cleanup(easy);
    return code == CURLE_OK ? 0 : -ENOMEM;
}

/* The part of a line behind its n-th tab; NULL when there is none. */
static const char *field(const char *line, unsigned n)
{
    while (n > 0 && line != NULL) {
        line = strchr(line, '\t');
        line = line != NULL ? line + 1 : NULL;
        n--;
    }
    return line;
}

/* curl lists what has expired until the next request throws it out. */
static bool has_expired(const char *line)
{
    const char *expiry = field(line, 4); /* seconds; 0 for a session */
    long long at = expiry != NULL ? strtoll(expiry, NULL, 10) : 0;
    return at > 0 && at <= clock_wall_ms() / 1000;
}

int fetch_jar_count(fetch_jar_t *jar)
{
    struct curl_slist *list = NULL;
    int count = list_cookies(jar, &list);
    for (const struct curl_slist *at = list; at != NULL; at = at->next) {
        count += !has_expired(at->data);
    }
    curl_slist_free_all(list);
    return count;
}

void fetch_jar_limit(fetch_jar_t *jar)
{
    if (fetch_jar_count(jar) > FETCH_JAR_MAX) {
        fetch_jar_clear(jar);
    }
}

int fetch_jar_value(fetch_jar_t *jar, const char *name, fetch_secret_t *out)
{
    struct curl_slist *list = NULL;
    int rc = list_cookies(jar, &list);
    const char *value = NULL;
    size_t len = strlen(name);
    for (const struct curl_slist *at = list; at != NULL; at = at->next) {
        /* domain, subdomains too, path, https only, expiry, name, value */
        const char *is = field(at->data, 5);
        if (is != NULL && strncmp(is, name, len) == 0 && is[len] == '\t' &&
            !has_expired(at->data)) {
            value = is + len + 1;
        }
    }
    if (rc == 0) {
        rc = value != NULL ? fetch_secret_copy(value, strlen(value), out) : CHISO_E_NOT_FOUND;
    }
    curl_slist_free_all(list);
    return rc;
}
