/* breaker.c - see breaker.h. */
#include "breaker/breaker.h"

#include <stddef.h>

#define DEFAULT_FAILURES 5
#define DEFAULT_FIRST_MS 30000
#define DEFAULT_LONGEST_MS 3600000

breaker_t breaker_new(const breaker_options_t *options)
{
    breaker_t b = {0};
    if (options != NULL) {
        b.options = *options;
    }
    breaker_options_t *o = &b.options;
    o->failures_to_open = o->failures_to_open > 0 ? o->failures_to_open : DEFAULT_FAILURES;
    o->first_wait_ms = o->first_wait_ms > 0 ? o->first_wait_ms : DEFAULT_FIRST_MS;
    o->longest_wait_ms = o->longest_wait_ms > 0 ? o->longest_wait_ms : DEFAULT_LONGEST_MS;
    if (o->longest_wait_ms < o->first_wait_ms) {
        o->longest_wait_ms = o->first_wait_ms;
    }
    return b;
}

/* Of the wait that was begun; a clock that was set back would show more than there ever was. */
static int64_t left(const breaker_t *b, int64_t now)
{
    int64_t ms = b->until > now ? b->until - now : 0;
    return ms < b->wait_ms ? ms : b->wait_ms;
}

breaker_state_t breaker_state(const breaker_t *b, int64_t now)
{
    if (b->wait_ms == 0) {
        return BREAKER_CLOSED;
    }
    return left(b, now) > 0 ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

bool breaker_take(breaker_t *b, int64_t now)
{
    breaker_state_t state = breaker_state(b, now);
    if (state == BREAKER_OPEN) {
        b->until = now + left(b, now); /* else a clock that was set back would hold it for ever */
        return false;
    }
    if (state == BREAKER_HALF_OPEN) {
        if (b->probing) {
            return false;
        }
        b->probing = true;
    }
    return true;
}

int64_t breaker_wait(const breaker_t *b, int64_t now)
{
    if (breaker_state(b, now) == BREAKER_HALF_OPEN && b->probing) {
        return INT64_MAX;
    }
    return b->wait_ms > 0 ? left(b, now) : 0;
}

void breaker_good(breaker_t *b)
{
    b->failures = 0;
    b->wait_ms = 0;
    b->until = 0;
    b->probing = false;
}

void breaker_bad(breaker_t *b, int64_t now, int64_t told_ms)
{
    const breaker_options_t *o = &b->options;
    bool was_closed = b->wait_ms == 0;
    if (!was_closed && !b->probing) {
        return;
    }
    b->failures += b->failures < UINT32_MAX;
    int64_t wait = o->first_wait_ms;
    if (!was_closed) {
        wait = b->wait_ms < o->longest_wait_ms / 2 ? b->wait_ms * 2 : o->longest_wait_ms;
    } else if (b->failures < o->failures_to_open && told_ms <= 0) {
        return;
    } else if (b->failures < o->failures_to_open) {
        wait = told_ms;
    }
    wait = told_ms > wait ? told_ms : wait;
    b->wait_ms = wait < o->longest_wait_ms ? wait : o->longest_wait_ms;
    b->until = now + b->wait_ms;
    b->probing = false;
}

void breaker_unknown(breaker_t *b)
{
    b->probing = false;
}

const char *breaker_state_text(breaker_state_t state)
{
    static const char *const texts[] = {"closed", "open", "half-open"};
    return texts[state];
}
