/* auth.h - how a target knows us: headers that stand in every request, a token that is fetched and
 * expires, a signature over the body. */
#ifndef CHISO_PUBLISHER_TARGETS_AUTH_H
#define CHISO_PUBLISHER_TARGETS_AUTH_H

#include "fetch/auth.h"
#include "target.h"

/* One target's token. Zero-initialise; free with auth_forget(). */
typedef struct {
    char *token;        /* NULL: none, or it was refused */
    int64_t expires_at; /* monotonic ms */
    bool used;          /* it has been taken at least once */
} auth_t;

/* Must a token be fetched before the next request? */
bool auth_needs_token(const auth_t *auth, const publisher_target_t *config);
/* The request for it, from outgoing_begin() on. */
void auth_write_token(const publisher_target_t *config, outgoing_t *out);
/* Its answer: 0, or CHISO_E_PROTOCOL with a reason that holds no secret. */
int auth_take_token(auth_t *auth, const fetch_answer_t *answer, char reason[TARGET_REASON_SIZE]);
/* A request was answered with 401: true when a new token should be tried at once. */
bool auth_refused(auth_t *auth, const publisher_target_t *config);
void auth_forget(auth_t *auth);
/* Overwrites every secret of the target, and the token, in an answer that gives them back
 * (fetch/mask.h). Without memory the answer becomes none. Not for the answer that brings a token.
 */
void auth_mask(const auth_t *auth, const publisher_target_t *config, fetch_answer_t *answer);

/* The configured signature; `key` and the configuration are borrowed. */
fetch_signing_t auth_signing(const publisher_target_t *config, const fetch_secret_t *key);

/* The headers of a finished request: the last thing before it is sent. `now` is wall clock ms. */
void auth_sign(const auth_t *auth, const publisher_target_t *config, int64_t now, outgoing_t *out);

#endif
