/* session.h - what one source gave us and wants back: its token, its cookies. In memory only. */
#ifndef CHISO_SOURCE_SESSION_H
#define CHISO_SOURCE_SESSION_H

#include "fetch/jar.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct session session_t;

int session_new(session_t **out); /* 0 or -ENOMEM */
/* As fetch_jar_destroy(): no request of it may be unanswered. */
void session_destroy(session_t **session);

/* The token while it lasts, NULL when one must be asked for; it is renewed a tenth of its life, at
 * most a minute, before it ends. `mono_ms` is the monotonic clock. */
const char *session_token(const session_t *session, int64_t mono_ms);
int session_set_token(session_t *session, const char *token, int64_t lasts_ms, int64_t mono_ms);

fetch_jar_t *session_jar(session_t *session);
bool session_primed(const session_t *session);
void session_set_primed(session_t *session);

/* The source no longer wants them: token and cookies are dropped. */
void session_forget(session_t *session);

#endif
