/* jar.h - the cookies of one source: kept between the requests that name the jar, shared with no
 * others. In memory only; session cookies last as long as the jar. May be used from any thread. */
#ifndef CHISO_FETCH_JAR_H
#define CHISO_FETCH_JAR_H

#include "fetch/fetch.h"
#include "fetch/secret.h"

/* After an answer that leaves more than this in it, a jar is emptied: it has become a store of
 * somebody else's data, and the source wants priming again. */
#define FETCH_JAR_MAX 100

/* 0, -ENOMEM. */
int fetch_jar_new(fetch_jar_t **out);
/* Accepts NULL inside. No request that names it may be unanswered, unless its fetch_t is stopped.
 */
void fetch_jar_destroy(fetch_jar_t **jar);

/* Forgets all cookies: what to do before priming again. 0, -ENOMEM. */
int fetch_jar_clear(fetch_jar_t *jar);
/* How many it holds; -ENOMEM. */
int fetch_jar_count(fetch_jar_t *jar);
/* The value of a cookie as sent by the server, for those that want it repeated in a header or form
 * (XSRF-TOKEN). Of several hosts or paths, the last kept. 0, CHISO_E_NOT_FOUND, -ENOMEM. The caller
 * frees it with fetch_secret_free(). */
int fetch_jar_value(fetch_jar_t *jar, const char *name, fetch_secret_t *out);

#endif
