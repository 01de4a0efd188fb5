/* dialect.h - the other sources that chiso-replay plays: a directory of HTML pages behind a CSRF
 * token, gateways with their tokens and sessions, Elasticsearch, CKAN, JSON in pages, CSV.
 *
 * A route is a path, who may come in, and a file of the folder that is answered as it is. What it
 * refuses, it refuses as its kind does: 401, 419, or 200 with an error_code.
 */
#ifndef CHISO_TESTS_REPLAY_DIALECT_H
#define CHISO_TESTS_REPLAY_DIALECT_H

#include "common/mode.h"
#include "http/http.h"

typedef struct {
    const char *folder;  /* NULL: none of this is served */
    int64_t given;       /* number of the token, session and cookie that are good now */
    int64_t expires_s;   /* told with a token, and kept */
    int64_t given_at_ms; /* monotonic; of the token */
    int64_t logins;
} dialects_t;

typedef struct {
    const char *name; /* of the route that answered */
    int status, mode;
} dialect_answer_t;

/* False when it is none of ours, and then nothing was answered. */
bool dialect_serve(dialects_t *dialects, tests_mode_t *mode, http_request_t *request,
                   int64_t support_id, dialect_answer_t *out);
/* A service of rest.jsp that has a file; as dialect_serve(). `series` is whose answer is asked for,
 * and of when: "11358_2024-03". */
bool dialect_service(dialects_t *dialects, tests_mode_t *mode, http_request_t *request,
                     const char *service, const char *series, int64_t support_id,
                     dialect_answer_t *out);
/* Tokens, sessions and cookies that were given are good no longer. */
void dialect_expire(dialects_t *dialects);

#endif
