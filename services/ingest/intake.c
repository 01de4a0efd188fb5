/* intake.c - see intake.h.
 *
 * Every answer ends in one of five ways: good, no data, blocked, quarantined, retrying. Only rows
 * that the reader found no fault with change a figure (take.h). A raw body that something refers to
 * is in the archive before the transaction commits; one that says nothing new is not kept.
 */
#include "intake.h"

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "spans.h"
#include "take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATE_GOOD CHISO__V1__SOURCE_STATE__OUTCOME__GOOD
#define STATE_NO_DATA CHISO__V1__SOURCE_STATE__OUTCOME__NO_DATA
#define STATE_BLOCKED CHISO__V1__SOURCE_STATE__OUTCOME__BLOCKED
#define STATE_QUARANTINED CHISO__V1__SOURCE_STATE__OUTCOME__QUARANTINED
#define STATE_RETRYING CHISO__V1__SOURCE_STATE__OUTCOME__RETRYING

/* ---- before the body is read: what the transport says ---- */

/* Sets outcome and detail; true when there is a body to read. */
static bool judge_transport(const fetch_answer_t *answer, outcome_t *outcome, char detail[256])
{
    if (answer->result == FETCH_TOO_BIG) {
        *outcome = STATE_QUARANTINED;
        snprintf(detail, 256, "the body is larger than the source's max_body");
        return false;
    }
    if (answer->result == FETCH_REFUSED) {
        *outcome = STATE_BLOCKED;
        snprintf(detail, 256, "refused by the source's own policy: %.200s", answer->reason);
        return false;
    }
    if (answer->result != FETCH_ANSWERED) {
        *outcome = STATE_RETRYING;
        snprintf(detail, 256, "%.250s", answer->reason);
        return false;
    }
    if (answer->status == 200) {
        return true;
    }
    bool passing = answer->status >= 500 || answer->status == 429 || answer->status == 408;
    *outcome = passing ? STATE_RETRYING : STATE_BLOCKED;
    snprintf(detail, 256, "HTTP status %ld", answer->status);
    return false;
}

/* ---- bodies ---- */

/* An answer that says what the last one said, in whatever order, changes nothing. */
static outcome_t judge_rows(take_t *p, const reader_table_t *table, char detail[256])
{
    series_t *s = p->series;
    uint8_t content[SHA256_SIZE];
    bool whole = drift_content(table, content);
    outcome_t outcome = STATE_GOOD;
    take_shape(p, table);
    if (!whole || s->n_bad > 0 || !s->has_content ||
        memcmp(s->content, content, SHA256_SIZE) != 0) {
        outcome = take_rows(p, table, detail);
    }
    bool good = outcome == STATE_GOOD;
    /* with some rows good, the others age by themselves */
    if (good || (p->bad_rows < table->n_rows && !p->too_many_bad)) {
        s->last_good = p->now;
        s->rows_read = true;
    }
    s->has_body = s->has_content = good && whole;
    memcpy(s->body_sha256, p->hash, SHA256_SIZE);
    memcpy(s->content, content, s->has_content ? SHA256_SIZE : 0);
    return outcome;
}

static outcome_t judge_table(take_t *p, const reader_table_t *table, char detail[256])
{
    outcome_t outcome = STATE_RETRYING;
    bool readable = table->kind == READER_ROWS || table->kind == READER_NO_DATA;
    if (readable && exchange_unread(p->series->exchange)) {
        snprintf(detail, 256, "page %zu could not be read when it came: there may be more",
                 p->n_pages);
        return outcome;
    }
    snprintf(detail, 256, "%s", table->reason);
    switch (table->kind) {
    case READER_ROWS:
        outcome = judge_rows(p, table, detail);
        break;
    case READER_NO_DATA:
        snprintf(detail, 256, "the source has no data for this period");
        outcome = STATE_NO_DATA;
        break;
    case READER_BLOCKED:
        take_whole(p, table->page, "blocked", table->reason);
        outcome = STATE_BLOCKED;
        break;
    case READER_MALFORMED:
        take_whole(p, table->page, "schema", table->reason);
        outcome = STATE_QUARANTINED;
        break;
    case READER_REFUSED: /* by its own word; may pass */
        break;
    }
    return outcome;
}

static outcome_t judge_bodies(take_t *p, char detail[256])
{
    reader_table_t table;
    int rc = take_read(p, &table);
    if (rc != 0) {
        store_fail(p->txn, rc);
        return STATE_RETRYING;
    }
    outcome_t outcome = judge_table(p, &table, detail);
    reader_free(&table);
    return outcome;
}

/* ---- the state of the series ---- */

/* Does the journal know this state already? What only tells more (detail, last_good) is not news.
 */
static bool is_news(take_t *p, const event_source_state_t *state, bool *spans_too)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_append_part(&key, state->source);
    buffer_append_part(&key, state->series);
    bytes_t stored;
    event_in_t known;
    char reason[256];
    bool news = true;
    *spans_too = state->n_mismatches > 0;
    if (store_get(p->txn, LEDGER_STATES, buffer_bytes(&key), &stored) &&
        event_decode(stored, reason, &known) == 0) {
        const event_source_state_t *old = known.event->source_state;
        news = old->outcome != state->outcome || old->stale != state->stale ||
               old->noticed_at != state->noticed_at ||
               old->n_stale_periods != state->n_stale_periods;
        for (size_t i = 0; !news && i < state->n_stale_periods; i++) {
            news = strcmp(old->stale_units[i], state->stale_units[i]) != 0 ||
                   strcmp(old->stale_periods[i], state->stale_periods[i]) != 0;
        }
        *spans_too = !spans_same(old, state);
        news = news || *spans_too;
        event_release(&known);
    }
    buffer_free(&key);
    return news;
}

void intake_write_state(take_t *p)
{
    series_t *s = p->series;
    /* what nobody asks for any more does not age */
    s->stale = series_is_stale(s, p->now) && (s->wanted || s->stale);
    if (series_notice_is_over(s, p->now)) {
        *s->notice = '\0';
    }
    event_source_state_t state = CHISO__V1__SOURCE_STATE__INIT;
    state.source = s->source->id;
    state.series = s->name;
    state.outcome = s->outcome;
    state.since = s->since;
    state.has_last_good = s->last_good != 0;
    state.last_good = s->last_good;
    state.stale = s->stale;
    state.detail = *s->detail != '\0' ? s->detail : NULL;
    state.has_noticed_at = *s->notice != '\0';
    state.notice = state.has_noticed_at ? s->notice : NULL;
    state.noticed_at = state.has_noticed_at ? s->noticed_at : 0;
    state.stale_units = calloc(2 * s->n_bad + 1, sizeof *state.stale_units);
    if (state.stale_units == NULL) {
        store_fail(p->txn, -ENOMEM);
        return;
    }
    state.stale_periods = state.stale_units + s->n_bad;
    for (size_t i = 0; i < s->n_bad; i++) {
        if (series_row_is_stale(s, &s->bad[i], p->now)) {
            state.stale_units[state.n_stale_units++] = s->bad[i].code;
            state.stale_periods[state.n_stale_periods++] = s->bad[i].period;
        }
    }
    s->stale_told = state.n_stale_units;
    bool changed;
    bool spans_too = false;
    void *told = NULL;
    int rc = s->spans_due ? spans_check(p->in, s, p->txn, &changed) : 0;
    rc = rc == 0 ? spans_tell(s, &state, &told) : rc;
    if (rc != 0) {
        store_fail(p->txn, rc);
    }
    if (is_news(p, &state, &spans_too) || s->left_alone_ms > 0) {
        ledger_state(p->txn, p->in->journal, &state, &p->trace);
        log_info("source state", "source", state.source, "series", state.series, "outcome",
                 event_outcome_name(state.outcome), "stale", state.stale ? "yes" : "no",
                 "stale_rows", LOG_INT(state.n_stale_units), "detail", s->detail,
                 TRACE_LOG(&p->trace), NULL);
    }
    if (spans_too && s->n_mismatches > 0) {
        char text[SPANS_TEXT_SIZE];
        log_warn("source drift", "source", state.source, "series", state.series, "notice",
                 spans_describe(s, text), TRACE_LOG(&p->trace), NULL);
    }
    free(told);
    free(state.stale_units);
    series_store(s, p->txn);
}

int intake_finish(take_t *p, bool *appended)
{
    uint64_t head = journal_head(p->in->journal);
    journal_seal(p->in->journal, p->txn);
    if (!store_has_room(p->in->store)) {
        store_fail(p->txn, CHISO_E_FULL);
    }
    int rc = store_commit(&p->txn);
    journal_settle(p->in->journal, rc == 0);
    *appended = journal_head(p->in->journal) > head;
    return rc;
}

int intake_undo(series_t *s, store_t *store, int rc)
{
    series_t *stored;
    if (series_load(store, s->source, s->of, s->period, &stored) == 0) {
        struct host *host = s->host;
        bool running = s->running;
        bool wanted = s->wanted;
        bool lent = s->lent;
        exchange_t *exchange = s->exchange;
        free(s->bad);
        free(s->mismatches);
        *s = *stored;
        s->host = host;
        s->running = running;
        s->wanted = wanted;
        s->lent = lent;
        s->exchange = exchange;
        free(stored); /* its list is ours now */
    }
    s->next_due = clock_wall_ms() + s->source->retry_after_ms;
    return rc;
}

static outcome_t judge(take_t *p, const fetch_answer_t *answer, char detail[256])
{
    series_t *series = p->series;
    outcome_t outcome = STATE_RETRYING;
    const char *fault = exchange_fault(series->exchange);
    bool readable = fault == NULL && judge_transport(answer, &outcome, detail);
    if (fault != NULL) {
        snprintf(detail, 256, "%s", fault);
    }
    size_t page;
    unsigned echoes = exchange_echoes(series->exchange, &page);
    if (readable && echoes > 0) {
        series->rows_read = false;
        snprintf(
            detail, 256,
            "the answer gives our credentials back: masked with * in %u place(s) of what is kept",
            echoes);
        take_whole(p, page, "secret", detail);
        return STATE_QUARANTINED;
    }
    /* an identical body cannot change a row: it is neither read nor kept again */
    bool same = readable && series->has_body && series->n_bad == 0 &&
                memcmp(series->body_sha256, p->hash, SHA256_SIZE) == 0;
    series->rows_read = same;
    if (same) {
        outcome = STATE_GOOD;
        series->last_good = p->now;
    } else if (readable) {
        outcome = judge_bodies(p, detail);
    } else if (answer->result == FETCH_TOO_BIG) {
        take_whole(p, 0, "size", detail);
    } else if (outcome == STATE_BLOCKED) {
        take_whole(p, 0, "blocked", detail);
    }
    if (echoes > 0) {
        size_t len = strlen(detail);
        snprintf(detail + len, 256 - len, "; it gives our credentials back");
    }
    if (series->left_alone_ms > 0) {
        size_t len = strlen(detail);
        snprintf(detail + len, 256 - len, "; its host is left alone for %lld s",
                 (long long)(series->left_alone_ms + 999) / 1000);
    }
    return outcome;
}

int intake_answer(intake_t *in, series_t *series, const fetch_answer_t *answer, bool *appended)
{
    bytes_t body = buffer_bytes(&answer->body);
    const char *fault = exchange_fault(series->exchange);
    bool whole = answer->result == FETCH_ANSWERED && answer->status == 200 && fault == NULL;
    take_t p = {.in = in,
                .series = series,
                .pages = whole ? exchange_pages(series->exchange) : &body,
                .n_pages = whole ? exchange_count(series->exchange) : 1,
                .now = clock_wall_ms(),
                .trace = *exchange_trace(series->exchange)};
    char detail[256] = "";
    *appended = false;
    p.txn = store_write(in->store);
    outcome_t outcome = STATE_RETRYING;
    if (take_begin(&p) == 0) {
        outcome = judge(&p, answer, detail);
        take_end(&p);
    }
    series_set_outcome(series, outcome, detail, p.now);
    if (outcome != STATE_BLOCKED && outcome != STATE_RETRYING) {
        series->backfill = in->backfill;
    }
    series->spans_due = true;
    series_set_next_due(series, p.now, answer->retry_after_ms);
    intake_write_state(&p);
    int rc = intake_finish(&p, appended);
    take_free(&p);
    if (rc != 0) {
        return intake_undo(series, in->store, rc);
    }
    log_write(p.changed_rows > 0 ? LOG_AT_INFO : LOG_AT_DEBUG, "fetched", "source",
              series->source->id, "series", series->name, "outcome", event_outcome_name(outcome),
              "pages", LOG_INT(p.n_pages), "rows_changed", LOG_INT(p.changed_rows),
              "figures_changed", LOG_INT(p.changed_figures), TRACE_LOG(&p.trace), NULL);
    return 0;
}

/* Looks at what adds up over time, without a transaction that writes. */
static int look_at_spans(intake_t *in, series_t *series, bool *changed)
{
    store_txn_t *txn = store_read(in->store);
    int rc = spans_check(in, series, txn, changed);
    store_abort(&txn);
    return rc;
}

int intake_age(intake_t *in, series_t *series, int64_t now, bool *appended)
{
    *appended = false;
    size_t n_stale = 0;
    bool changed = false;
    if (!series->wanted) {
        return 0;
    }
    int looked = series->spans_due ? look_at_spans(in, series, &changed) : 0;
    if (looked != 0) {
        return looked;
    }
    for (size_t i = 0; i < series->n_bad; i++) {
        n_stale += series_row_is_stale(series, &series->bad[i], now);
    }
    bool due = changed || series_is_stale(series, now) != series->stale ||
               n_stale != series->stale_told || series_notice_is_over(series, now);
    if (!due) {
        return 0;
    }
    take_t p = {.in = in, .series = series, .now = now, .trace = trace_new()};
    p.txn = store_write(in->store);
    intake_write_state(&p);
    int rc = intake_finish(&p, appended);
    return rc == 0 ? 0 : intake_undo(series, in->store, rc);
}
