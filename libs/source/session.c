/* session.c - see session.h. */
#include "session.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_MS 60000

struct session {
    fetch_secret_t token;
    int64_t renew_at; /* monotonic */
    fetch_jar_t *jar;
    bool primed;
};

int session_new(session_t **out)
{
    session_t *s = calloc(1, sizeof *s);
    if (s == NULL || fetch_jar_new(&s->jar) != 0) {
        free(s);
        return -ENOMEM;
    }
    *out = s;
    return 0;
}

void session_destroy(session_t **session)
{
    if (session != NULL && *session != NULL) {
        fetch_secret_free(&(*session)->token);
        fetch_jar_destroy(&(*session)->jar);
        free(*session);
        *session = NULL;
    }
}

const char *session_token(const session_t *s, int64_t mono_ms)
{
    return s->token.text != NULL && mono_ms < s->renew_at ? s->token.text : NULL;
}

int session_set_token(session_t *s, const char *token, int64_t lasts_ms, int64_t mono_ms)
{
    int64_t early = lasts_ms / 10 < EARLY_MS ? lasts_ms / 10 : EARLY_MS;
    fetch_secret_free(&s->token);
    s->renew_at = mono_ms + lasts_ms - early;
    return fetch_secret_copy(token, strlen(token), &s->token);
}

fetch_jar_t *session_jar(session_t *s)
{
    return s->jar;
}

bool session_primed(const session_t *s)
{
    return s->primed;
}

void session_set_primed(session_t *s)
{
    s->primed = true;
}

void session_forget(session_t *s)
{
    fetch_secret_free(&s->token);
    fetch_jar_clear(s->jar);
    s->primed = false;
}
