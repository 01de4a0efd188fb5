/* relay.h - raw bodies out of ingest's archive, for whoever wants to see what a figure was read
 * from. The publisher shares no file with ingest: it asks ingest's HTTP port, and looks whether
 * what comes has the hash that was asked for. */
#ifndef CHISO_PUBLISHER_RELAY_H
#define CHISO_PUBLISHER_RELAY_H

#include "http/http.h"

typedef struct relay relay_t;

#define RELAY_MAX_WAITING 8
#define RELAY_MAX_BODY (64 * 1024 * 1024) /* the largest body that a source may send */

/* `base` is ingest's address without a slash at its end, `token` what it wants to hear, or NULL. 0
 * or a negative code. */
int relay_start(const char *base, const char *token, relay_t **out);
/* From the next request on. 0 or -ENOMEM. */
int relay_use_token(relay_t *relay, const char *token);
/* Answers those that wait with 503. Before http_stop(). */
void relay_stop(relay_t **relay);
int relay_fd(const relay_t *relay);
/* Answers the requests whose bodies have come; then http_run(). */
void relay_answers(relay_t *relay);

/* Answers a request for the body of a hash, now or later. relay may be NULL: it is not configured.
 */
void relay_get(relay_t *relay, http_request_t *request, const uint8_t hash[SHA256_SIZE]);

#endif
