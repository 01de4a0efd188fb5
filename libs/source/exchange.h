/* exchange.h - one asking of a source: the requests it takes, one after the other, and their
 * bodies.
 *
 * First comes what the source wants before it answers: a token, cookies. Then it is asked page by
 * page; all pages are read together, so that a figure never comes from half an answer. A source
 * that no longer knows our token or cookies is asked for new ones once. The owner sends each
 * request when the host's manners allow it, and hands back its answer.
 */
#ifndef CHISO_SOURCE_EXCHANGE_H
#define CHISO_SOURCE_EXCHANGE_H

#include "fetch/fetch.h"
#include "registry/registry.h"
#include "source/session.h"
#include "source/source.h"
#include "source/template.h"
#include "trace/trace.h"

#define EXCHANGE_MAX_BYTES (256u * 1024 * 1024) /* of all pages */

/* How an operator has one source asked; borrowed for the life of its exchanges. */
typedef struct {
    const source_t *source;
    const char *url;       /* the source's path is appended to it */
    const char *login_url; /* NULL: as url; the login's path is appended to it */
    const fetch_policy_t *policy;
    const template_secret_t *secrets;
    unsigned n_secrets;
    session_t *session; /* one for all exchanges of the source */
} exchange_setup_t;

typedef struct exchange exchange_t;

typedef enum {
    EXCHANGE_MORE,     /* another request is to be sent */
    EXCHANGE_COMPLETE, /* every page is there */
    EXCHANGE_FAILED    /* by the answer that was just handed in: judge that one */
} exchange_step_t;

/* `of` is whose figures are asked for; NULL for the nation or for all at once. 0 or -ENOMEM. */
int exchange_new(const exchange_setup_t *setup, const registry_unit_t *of, period_t period,
                 exchange_t **out);
void exchange_destroy(exchange_t **exchange);

/* Hands the next request to fetch, with `context`. As fetch_submit(); CHISO_E_INVALID when a
 * template cannot be filled in. */
int exchange_send(exchange_t *exchange, fetch_t *fetch, void *context);
/* Takes the answer's body over when it is a page. */
exchange_step_t exchange_take(exchange_t *exchange, fetch_answer_t *answer);

/* Why it failed although the answer was a 200 ("the login's answer has no token"), or NULL. */
const char *exchange_fault(const exchange_t *exchange);

/* Of this asking, all of its requests together. It is sent only where the description says
 * ${traceparent}. */
const trace_t *exchange_trace(const exchange_t *exchange);

/* In how many places what came gave our secrets back, and the first page with one. They are masked
 * with '*', see mask.h: in the pages, and in the body of an answer that is none. */
unsigned exchange_echoes(const exchange_t *exchange, size_t *page);
/* It ended with a page that could not be read when it came. Should it be read well later, as after
 * a time-out, there may be more pages behind it. */
bool exchange_unread(const exchange_t *exchange);
size_t exchange_count(const exchange_t *exchange);
const bytes_t *exchange_pages(const exchange_t *exchange);

/* The id by which the source knows the unit in that register, NULL when there is none. */
const char *exchange_id_of(const source_t *source, source_by_t by, const registry_unit_t *unit);

#endif
