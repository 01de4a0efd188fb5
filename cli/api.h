/* api.h - asks ingest's HTTP server, as an operator or a unit. */
#ifndef CHISO_CLI_API_H
#define CHISO_CLI_API_H

#include "base/bytes.h"

#define API_MAX_ANSWER (64 * 1024 * 1024)

/* Where, and with which token. */
typedef struct {
    const char *url;        /* "https://ingest.example:8443"; plain http:// on this machine only */
    const char *token_file; /* mode 0600 */
} api_t;

/* Sends a request of JSON or nothing and appends the answer's body. The HTTP status, or -1 after
 * saying on stderr what went wrong. `path` begins with "/". */
long api_call(const api_t *api, const char *method, const char *path, const char *content_type,
              bytes_t body, buffer_t *answer);

/* Prints a good answer, or on stderr what the problem document says. An exit code. */
int api_print(long status, buffer_t *answer);

/* Percent-encodes what may not stand in a query; appended. */
void api_query(buffer_t *path, const char *name, const char *value);

#endif
