/* fetch_internal.h - what the parts of fetch share. Not for use outside libs/fetch. */
#ifndef CHISO_FETCH_FETCH_INTERNAL_H
#define CHISO_FETCH_FETCH_INTERNAL_H

#include "fetch/jar.h"

#include <curl/curl.h>

/* The form of a policy, without its files. 0, or -EINVAL and what is wrong. */
int fetch_policy_form(const fetch_policy_t *policy, char reason[FETCH_REASON_SIZE]);

/* A file that only its owner may read: its descriptor; or -errno, CHISO_E_INVALID and what is
 * wrong. */
int fetch_secret_open(const char *file, char reason[FETCH_REASON_SIZE]);

/* A jar as curl sees it, for CURLOPT_SHARE; NULL of NULL. */
CURLSH *fetch_jar_share(fetch_jar_t *jar);
/* Empties it when it holds more than FETCH_JAR_MAX. */
void fetch_jar_limit(fetch_jar_t *jar);

/* Reads status, content type, Retry-After and the headers to keep (names, each NUL-terminated) into
 * the answer. False when out of memory. */
bool fetch_head_read(CURL *easy, bytes_t keep, fetch_answer_t *answer);
/* What a peer sent, for a line of a log. */
void fetch_copy_printable(char *out, size_t size, const char *text);

#endif
