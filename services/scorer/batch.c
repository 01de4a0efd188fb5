/* batch.c - see batch.h. */
#include "batch.h"

#include "base/clock.h"
#include "base/error.h"
#include "bus/inbox.h"
#include "checkpoint.h"
#include "log/log.h"

#include <errno.h>
#include <stdio.h>

#define AHEAD 8 /* events, of a batch as it came */
#define APPROACH 3

/* Passes a source's state on, so that the publisher can say what is stale. */
static void pass_state(score_t *s, store_txn_t *txn, const event_source_state_t *state)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_append_part(&key, state->source);
    buffer_append_part(&key, state->series);
    buffer_t event = BUFFER_INIT(EVENT_MAX_BYTES);
    event_put_source_state(state, &event);
    int news = key.failed || event.failed
                   ? CHISO_E_TOO_BIG
                   : passed_put(&s->state->passed, buffer_bytes(&key), buffer_bytes(&event));
    if (news < 0) {
        store_fail(txn, news);
    } else if (news > 0) {
        store_put(txn, SCORER_STATES, buffer_bytes(&key), buffer_bytes(&event));
        /* the results it is about come first */
        score_settle(s, txn);
        trace_t trace = trace_next(&s->cause);
        event_put_trace(&trace, &event);
        journal_append(s->journal, txn, buffer_bytes(&event));
    }
    buffer_free(&key);
    buffer_free(&event);
}

static void apply(score_t *s, store_txn_t *txn, uint64_t epoch, uint64_t seq, bytes_t bytes)
{
    event_in_t in;
    char reason[256];
    int rc = event_decode(bytes, reason, &in);
    if (rc == -ENOMEM) {
        store_fail(txn, rc);
        return;
    }
    s->cause = rc == 0 ? event_trace(in.event) : TRACE_NONE;
    if (rc == 0 && in.event->body_case == CHISO__V1__EVENT__BODY_READING) {
        score_reading(s, txn, in.event->reading);
    } else if (rc == 0 && in.event->body_case == CHISO__V1__EVENT__BODY_SOURCE_STATE) {
        pass_state(s, txn, in.event->source_state);
    } else {
        if (rc == 0) {
            snprintf(reason, sizeof reason, "an event that the scorer does not take");
        }
        log_error("an event cannot be applied", "seq", LOG_INT(seq), "reason", reason,
                  TRACE_LOG(&s->cause), NULL);
        inbox_bury(txn, SCORER_INBOX, epoch, seq, bytes, reason);
    }
    if (rc == 0) {
        event_release(&in);
    }
}

/* Each in its turn, with the caches warmed for those that follow. */
static void apply_all(score_t *s, store_txn_t *txn, uint64_t epoch, uint64_t first_seq,
                      const bytes_t *events, size_t n_events)
{
    state_hint_t hints[AHEAD] = {0};
    for (size_t i = 0; i < n_events + AHEAD; i++) {
        state_hint_t *newest = &hints[i % AHEAD];
        if (i >= AHEAD) {
            apply(s, txn, epoch, first_seq + i - AHEAD, events[i - AHEAD]);
        }
        newest->step = STATE_NO_HINT;
        if (i < n_events) {
            state_foresee_reading(s->state, events[i], newest);
        }
        for (size_t back = APPROACH; back < AHEAD && back <= i; back += APPROACH) {
            state_approach(s->state, &hints[(i - back) % AHEAD]);
        }
    }
}

bool batch_rankings_due(const score_t *s)
{
    int64_t wait = s->told_took_us * BATCH_RANKINGS_TIMES / 1000;
    wait = wait < BATCH_RANKINGS_MS ? BATCH_RANKINGS_MS : wait;
    wait = wait > BATCH_RANKINGS_LATEST_MS ? BATCH_RANKINGS_LATEST_MS : wait;
    return clock_mono_ms() - s->told_at >= wait;
}

void batch_apply(score_t *s, store_txn_t *txn, uint64_t epoch, uint64_t first_seq,
                 const bytes_t *events, size_t n_events, bool more)
{
    apply_all(s, txn, epoch, first_seq, events, n_events);
    s->cause = TRACE_NONE;
    if (more && !batch_rankings_due(s)) {
        score_settle_results(s, txn);
    } else {
        score_settle(s, txn);
    }
    inbox_advance(txn, SCORER_INBOX, epoch, first_seq + n_events);
}

void batch_apply_snapshot(score_t *s, store_txn_t *txn, uint64_t epoch, uint64_t tail_seq,
                          const bytes_t *events, size_t n_events)
{
    apply_all(s, txn, epoch, 0, events, n_events);
    score_settle(s, txn);
    inbox_advance(txn, SCORER_INBOX, epoch, tail_seq);
}
