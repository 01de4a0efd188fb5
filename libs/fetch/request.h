/* request.h - a checked copy of a fetch_request_t, which outlives the caller's texts.
 * Not for use outside libs/fetch. */
#ifndef CHISO_FETCH_REQUEST_H
#define CHISO_FETCH_REQUEST_H

#include "fetch/fetch.h"

#include <curl/curl.h>

typedef struct {
    char *method;
    char *url;
    char *origin; /* "https://host:port": all of the URL that may be shown */
    struct curl_slist *headers;
    uint8_t *body; /* NULL when empty */
    size_t body_len;
    buffer_t keep;         /* names of headers, each with its NUL */
    fetch_jar_t *jar;      /* borrowed */
    fetch_policy_t policy; /* with the defaults filled in; what it points to is borrowed */
} fetch_copy_t;

/* 0, -EINVAL, -ENOMEM. May run in any thread. */
int fetch_copy_make(const fetch_request_t *from, fetch_copy_t *out);
void fetch_copy_free(fetch_copy_t *r);

#endif
