/* intake.c - see intake.h.
 *
 * Every answer ends in one of five ways: good, no data, blocked, quarantined, retrying. Only rows
 * that the reader found no fault with change a figure. A raw body that something refers to is in
 * the archive before the transaction commits; one that says nothing new is not kept.
 */
#include "intake.h"

#include "base/clock.h"
#include "base/error.h"
#include "ledger.h"
#include "log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STATE_GOOD CHISO__V1__SOURCE_STATE__OUTCOME__GOOD
#define STATE_NO_DATA CHISO__V1__SOURCE_STATE__OUTCOME__NO_DATA
#define STATE_BLOCKED CHISO__V1__SOURCE_STATE__OUTCOME__BLOCKED
#define STATE_QUARANTINED CHISO__V1__SOURCE_STATE__OUTCOME__QUARANTINED
#define STATE_RETRYING CHISO__V1__SOURCE_STATE__OUTCOME__RETRYING

/* One answer on its way through. */
typedef struct {
    intake_t *in;
    series_t *series;
    store_txn_t *txn;
    const bytes_t *pages;
    size_t n_pages;
    uint8_t (*hashes)[SHA256_SIZE]; /* of each page */
    bool *kept;                /* is the page in the archive, because something refers to it? */
    uint8_t hash[SHA256_SIZE]; /* of all pages together; of the page when there is one */
    int64_t now;
    unsigned changed_rows, changed_figures, bad_rows;
    bad_unit_t *before; /* the units that were bad until now */
    size_t n_before;
} pass_t;

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

/* The body is in the archive before the transaction that refers to it commits. */
static void keep_page(pass_t *p, size_t page)
{
    if (!p->kept[page]) {
        int rc = archive_keep(p->in->archive, p->pages[page], p->hashes[page]);
        if (rc != 0) {
            store_fail(p->txn, rc);
        }
        p->kept[page] = true;
    }
}

static void quarantine(pass_t *p, size_t page, const char *rule, const char *reason, bytes_t bytes)
{
    ledger_quarantine_t entry = {.source = p->series->source->id,
                                 .series = p->series->name,
                                 .rule = rule,
                                 .reason = reason,
                                 .at = p->now,
                                 .body_sha256 = p->hashes[page],
                                 .bytes = bytes};
    ledger_quarantine(p->txn, &entry);
    log_warn("quarantined", "source", entry.source, "series", entry.series, "rule", rule, "reason",
             reason, NULL);
}

/* ---- rows ---- */

/* When the unit's row was last taken: what it was already bad since, or the series' last good time.
 */
static int64_t last_good_of(const pass_t *p, const char *code)
{
    for (size_t i = 0; i < p->n_before; i++) {
        if (strcmp(p->before[i].code, code) == 0) {
            return p->before[i].last_good;
        }
    }
    return p->series->last_good;
}

static void bad_row(pass_t *p, const reader_row_t *row)
{
    p->bad_rows++;
    keep_page(p, row->page);
    quarantine(p, row->page, row->rule, row->reason, bytes_of_text(row->raw));
    if (row->unit.code != NULL) {
        int rc =
            series_add_bad(p->series, row->unit.code, row->reason, last_good_of(p, row->unit.code));
        if (rc == -ENOMEM) { /* past the list's maximum the row is in quarantine all the same */
            store_fail(p->txn, rc);
        }
    }
}

static void take_row(pass_t *p, const reader_row_t *row)
{
    if (row->rule != NULL) {
        bad_row(p, row);
        return;
    }
    ledger_row_t taken = {.source = p->series->source->id,
                          .series = p->series->name,
                          .period = row->period,
                          .unit = row->unit,
                          .figures = row->figures,
                          .n_figures = row->n_figures,
                          .fetched_at = p->now,
                          .body_sha256 = p->hashes[row->page]};
    int changed = ledger_take(p->txn, p->in->journal, &taken);
    if (changed >= 0) {
        keep_page(p, row->page);
        p->changed_rows++;
        p->changed_figures += (unsigned)changed;
    }
}

/* ---- units that were there and are no longer ---- */

typedef struct {
    pass_t *pass;
    const reader_table_t *table;
} absent_t;

static void check_absent(void *context, const char *code)
{
    absent_t *a = context;
    for (size_t i = 0; i < a->table->n_rows; i++) {
        const reader_row_t *row = &a->table->rows[i];
        if (row->rule == NULL && strcmp(row->unit.code, code) == 0) {
            return;
        }
    }
    if (series_bad(a->pass->series, code) == NULL) {
        log_warn("a unit is no longer in the answer", "source", a->pass->series->source->id,
                 "series", a->pass->series->name, "unit", code, NULL);
        series_add_bad(a->pass->series, code, "its row is missing from the answer",
                       last_good_of(a->pass, code));
    }
}

static outcome_t take_rows(pass_t *p, const reader_table_t *table, char detail[256])
{
    series_t *s = p->series;
    p->before = s->bad;
    p->n_before = s->n_bad;
    s->bad = NULL;
    s->n_bad = 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        take_row(p, &table->rows[i]);
    }
    absent_t absent = {p, table};
    ledger_units(p->txn, s->source->id, s->name, check_absent, &absent);
    free(p->before);
    if (p->bad_rows == 0 && s->n_bad == 0) {
        return STATE_GOOD;
    }
    snprintf(detail, 256, "%u of %zu rows are in quarantine, %zu units have no good row",
             p->bad_rows, table->n_rows, s->n_bad);
    return STATE_QUARANTINED;
}

/* ---- bodies ---- */

static outcome_t judge_table(pass_t *p, const reader_table_t *table, char detail[256])
{
    outcome_t outcome = STATE_RETRYING;
    snprintf(detail, 256, "%s", table->reason);
    switch (table->kind) {
    case READER_ROWS:
        outcome = take_rows(p, table, detail);
        /* with some rows good, the others age by themselves */
        if (outcome == STATE_GOOD || p->bad_rows < table->n_rows) {
            p->series->last_good = p->now;
            memcpy(p->series->body_sha256, p->hash, SHA256_SIZE);
            p->series->rows_read = true;
            /* only a wholly good body says nothing new when it comes again */
            p->series->has_body = outcome == STATE_GOOD;
        }
        break;
    case READER_NO_DATA:
        snprintf(detail, 256, "the source has no data for this period");
        outcome = STATE_NO_DATA;
        break;
    case READER_BLOCKED:
        quarantine(p, table->page, "blocked", table->reason, p->pages[table->page]);
        outcome = STATE_BLOCKED;
        break;
    case READER_MALFORMED:
        keep_page(p, table->page);
        quarantine(p, table->page, "schema", table->reason, p->pages[table->page]);
        outcome = STATE_QUARANTINED;
        break;
    case READER_REFUSED: /* by its own word; may pass */
        break;
    }
    return outcome;
}

static outcome_t judge_bodies(pass_t *p, char detail[256])
{
    const ingest_source_t *source = p->series->source;
    reader_context_t context = {.source = source->source,
                                .units = p->in->units,
                                .of = p->series->of,
                                .wanted = source->wanted,
                                .n_wanted = source->n_wanted,
                                .period = p->series->period};
    reader_table_t table;
    int rc = reader_read(&context, p->pages, p->n_pages, &table);
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
static bool is_news(pass_t *p, const event_source_state_t *state)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_append_part(&key, state->source);
    buffer_append_part(&key, state->series);
    bytes_t stored;
    event_in_t known;
    char reason[256];
    bool news = true;
    if (store_get(p->txn, LEDGER_STATES, buffer_bytes(&key), &stored) &&
        event_decode(stored, reason, &known) == 0) {
        const event_source_state_t *old = known.event->source_state;
        news = old->outcome != state->outcome || old->stale != state->stale ||
               old->n_stale_units != state->n_stale_units;
        for (size_t i = 0; !news && i < state->n_stale_units; i++) {
            news = strcmp(old->stale_units[i], state->stale_units[i]) != 0;
        }
        event_release(&known);
    }
    buffer_free(&key);
    return news;
}

static void write_state(pass_t *p)
{
    series_t *s = p->series;
    s->stale = series_is_stale(s, p->now);
    event_source_state_t state = CHISO__V1__SOURCE_STATE__INIT;
    state.source = s->source->id;
    state.series = s->name;
    state.outcome = s->outcome;
    state.since = s->since;
    state.has_last_good = s->last_good != 0;
    state.last_good = s->last_good;
    state.stale = s->stale;
    state.detail = *s->detail != '\0' ? s->detail : NULL;
    state.stale_units = calloc(s->n_bad + 1, sizeof *state.stale_units);
    if (state.stale_units == NULL) {
        store_fail(p->txn, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < s->n_bad; i++) {
        if (series_unit_is_stale(s, &s->bad[i], p->now)) {
            state.stale_units[state.n_stale_units++] = s->bad[i].code;
        }
    }
    s->stale_told = state.n_stale_units;
    if (is_news(p, &state)) {
        ledger_state(p->txn, p->in->journal, &state);
        log_info("source state", "source", state.source, "series", state.series, "outcome",
                 event_outcome_name(state.outcome), "stale", state.stale ? "yes" : "no",
                 "stale_units", LOG_INT(state.n_stale_units), "detail", s->detail, NULL);
    }
    free(state.stale_units);
    series_store(s, p->txn);
}

static int finish(pass_t *p, bool *appended)
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

/* What must not differ from the store when the transaction fails. */
static int undo(series_t *s, store_t *store, int rc)
{
    series_t *stored;
    if (series_load(store, s->source, s->of, s->period, &stored) == 0) {
        struct host *host = s->host;
        bool running = s->running;
        bool wanted = s->wanted;
        exchange_t *exchange = s->exchange;
        free(s->bad);
        *s = *stored;
        s->host = host;
        s->running = running;
        s->wanted = wanted;
        s->exchange = exchange;
        free(stored); /* its list is ours now */
    }
    s->next_due = clock_wall_ms() + s->source->retry_after_ms;
    return rc;
}

/* One page is known by its own hash, several by that of their hashes. */
static bool hash_pages(pass_t *p)
{
    p->hashes = calloc(p->n_pages, sizeof *p->hashes);
    p->kept = calloc(p->n_pages, sizeof *p->kept);
    if (p->hashes == NULL || p->kept == NULL) {
        return false;
    }
    for (size_t i = 0; i < p->n_pages; i++) {
        sha256(p->pages[i], p->hashes[i]);
    }
    if (p->n_pages == 1) {
        memcpy(p->hash, p->hashes[0], SHA256_SIZE);
    } else {
        sha256(bytes_of(p->hashes, p->n_pages * SHA256_SIZE), p->hash);
    }
    return true;
}

static outcome_t judge(pass_t *p, const fetch_answer_t *answer, char detail[256])
{
    series_t *series = p->series;
    outcome_t outcome = STATE_RETRYING;
    const char *fault = exchange_fault(series->exchange);
    bool readable = fault == NULL && judge_transport(answer, &outcome, detail);
    if (fault != NULL) {
        snprintf(detail, 256, "%s", fault);
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
        quarantine(p, 0, "size", detail, p->pages[0]);
    } else if (outcome == STATE_BLOCKED) {
        quarantine(p, 0, "blocked", detail, p->pages[0]);
    }
    return outcome;
}

int intake_answer(intake_t *in, series_t *series, const fetch_answer_t *answer, bool *appended)
{
    bytes_t body = buffer_bytes(&answer->body);
    const char *fault = exchange_fault(series->exchange);
    bool whole = answer->result == FETCH_ANSWERED && answer->status == 200 && fault == NULL;
    pass_t p = {.in = in,
                .series = series,
                .pages = whole ? exchange_pages(series->exchange) : &body,
                .n_pages = whole ? exchange_count(series->exchange) : 1,
                .now = clock_wall_ms()};
    char detail[256] = "";
    *appended = false;
    p.txn = store_write(in->store);
    outcome_t outcome = STATE_RETRYING;
    if (hash_pages(&p)) {
        outcome = judge(&p, answer, detail);
    } else {
        store_fail(p.txn, -ENOMEM);
    }
    series_set_outcome(series, outcome, detail, p.now);
    series_set_next_due(series, p.now, answer->retry_after_ms);
    write_state(&p);
    int rc = finish(&p, appended);
    free(p.hashes);
    free(p.kept);
    if (rc != 0) {
        return undo(series, in->store, rc);
    }
    log_debug("fetched", "source", series->source->id, "series", series->name, "outcome",
              event_outcome_name(outcome), "pages", LOG_INT(p.n_pages), "rows_changed",
              LOG_INT(p.changed_rows), "figures_changed", LOG_INT(p.changed_figures), NULL);
    return 0;
}

int intake_age(intake_t *in, series_t *series, int64_t now, bool *appended)
{
    *appended = false;
    size_t n_stale = 0;
    for (size_t i = 0; i < series->n_bad; i++) {
        n_stale += series_unit_is_stale(series, &series->bad[i], now);
    }
    bool due = series_is_stale(series, now) != series->stale || n_stale != series->stale_told;
    if (!due) {
        return 0;
    }
    pass_t p = {.in = in, .series = series, .now = now, .txn = store_write(in->store)};
    write_state(&p);
    int rc = finish(&p, appended);
    return rc == 0 ? 0 : undo(series, in->store, rc);
}
