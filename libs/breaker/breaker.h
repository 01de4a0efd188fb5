/* breaker.h - a circuit breaker: after failures in a row nothing is asked for a growing time, then
 * one probe decides. Pure: no clock, no memory, no thread of its own. `now` is of any one clock in
 * milliseconds, the wall clock too (one that is set back cannot lengthen a wait).
 *
 *   closed ── failures_to_open in a row ──▶ open ── wait over ──▶ half-open: one request
 *      ◀──────────────── good ────────────────────────────────────┘ │
 *                                          ◀── bad: waits longer ───┘
 */
#ifndef CHISO_BREAKER_BREAKER_H
#define CHISO_BREAKER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/* 0 takes the default. */
typedef struct {
    unsigned failures_to_open; /* in a row; 5 */
    int64_t first_wait_ms;     /* 30,000; doubled at each bad probe ... */
    int64_t longest_wait_ms;   /* ... up to 3,600,000 */
} breaker_options_t;

typedef enum { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN } breaker_state_t;

/* May be stored and read back as it is, with `probing` false: that request died with the process.
 */
typedef struct {
    breaker_options_t options; /* with the defaults filled in */
    unsigned failures;         /* in a row */
    int64_t wait_ms;           /* of this opening; 0 while closed */
    int64_t until;             /* when it is over */
    bool probing;
} breaker_t;

breaker_t breaker_new(const breaker_options_t *options); /* NULL: the defaults */

breaker_state_t breaker_state(const breaker_t *b, int64_t now);
/* May a request go now? One that is begun after a yes must end in breaker_good(), breaker_bad() or
 * breaker_unknown(). While half-open the first yes is the only one until then. */
bool breaker_take(breaker_t *b, int64_t now);
/* How long until a yes is possible; 0: now. INT64_MAX while a probe is under way. */
int64_t breaker_wait(const breaker_t *b, int64_t now);

void breaker_good(breaker_t *b);
/* `told_ms` is how long the peer wants to be left alone (Retry-After), or -1: above 0 it opens at
 * once, for so long where that is longer, up to longest_wait_ms. Requests that end badly while it
 * is open, or half-open without a probe, were begun before: they change nothing. */
void breaker_bad(breaker_t *b, int64_t now, int64_t told_ms);
/* It ended in a way that tells nothing about the peer (cancelled, refused by our own policy). */
void breaker_unknown(breaker_t *b);

/* "closed", "open", "half-open". */
const char *breaker_state_text(breaker_state_t state);

#endif
