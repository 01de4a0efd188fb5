/* intake.c - see intake.h.
 *
 * Every answer ends in one of five ways: good, no data, blocked, quarantined, retrying. Only rows
 * of a good shape whose sum is right change a figure. The raw body is in the archive before the
 * transaction that refers to it commits.
 */
#include "intake.h"

#include "base/clock.h"
#include "base/error.h"
#include "dvc766.h"
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
    bytes_t body;
    uint8_t hash[SHA256_SIZE];
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

static void quarantine(pass_t *p, const char *rule, const char *reason, bytes_t bytes)
{
    ledger_quarantine_t entry = {.source = p->series->source->id,
                                 .series = p->series->name,
                                 .rule = rule,
                                 .reason = reason,
                                 .at = p->now,
                                 .body_sha256 = p->hash,
                                 .bytes = bytes};
    ledger_quarantine(p->txn, &entry);
    log_warn("quarantined", "source", entry.source, "series", entry.series, "rule", rule, "reason",
             reason, NULL);
}

/* ---- rows ---- */

/* Which unit a row is about. Ids join, never names; a unit that the statistical office does not
 * code has the portal's own code. NULL with a reason when it cannot be. */
static const char *unit_of(const pass_t *p, const dvc766_row_t *row, event_unit_t *unit)
{
    const registry_unit_t *parent = p->series->parent;
    const registry_unit_t *known = registry_by_dvc(p->in->units, row->id);
    chiso__v1__unit__init(unit);
    if (known != NULL) {
        bool fits = parent == NULL
                        ? known->parent == NULL
                        : known->parent != NULL && strcmp(known->parent, parent->code) == 0;
        if (!fits || known->level != row->level) {
            return "the ID belongs to a unit that this series cannot hold";
        }
        unit->code = (char *)(uintptr_t)known->code;
        unit->name = (char *)(uintptr_t)known->name;
        unit->level = (Chiso__V1__Level)known->level;
        unit->parent = (char *)(uintptr_t)known->parent;
        return NULL;
    }
    if (parent == NULL) {
        return "the ID is not that of a province in the unit registry";
    }
    if (row->level == CHISO__V1__LEVEL__PROVINCE) {
        return "a province among the units of a province";
    }
    if (registry_by_code(p->in->units, row->agency) != NULL) {
        return "MA_COQUAN is the code of another unit in the registry";
    }
    unit->code = row->agency;
    unit->name = row->name;
    unit->level = (Chiso__V1__Level)row->level;
    unit->parent = (char *)(uintptr_t)parent->code;
    return NULL;
}

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

static void bad_row(pass_t *p, const dvc766_row_t *row, const char *rule, const char *reason)
{
    event_unit_t unit;
    p->bad_rows++;
    if (row->bytes != NULL) {
        quarantine(p, rule, reason, bytes_of_text(row->bytes));
    } else { /* a row of a good shape about an impossible unit */
        buffer_t text = BUFFER_INIT(2048);
        buffer_printf(&text, "{\"ID\":\"%s\",\"MA_COQUAN\":\"%s\",\"TEN\":\"%s\"}", row->id,
                      row->agency, row->name);
        quarantine(p, rule, reason, buffer_bytes(&text));
        buffer_free(&text);
    }
    if (row->id != NULL && row->agency != NULL && row->name != NULL &&
        unit_of(p, row, &unit) == NULL) {
        int rc = series_add_bad(p->series, unit.code, reason, last_good_of(p, unit.code));
        if (rc == -ENOMEM) { /* past the list's maximum the row is in quarantine all the same */
            store_fail(p->txn, rc);
        }
    }
}

static void take_row(pass_t *p, const dvc766_row_t *row, char *seen)
{
    event_unit_t unit;
    const char *wrong = row->rule != NULL ? row->reason : unit_of(p, row, &unit);
    if (wrong != NULL) {
        bad_row(p, row, row->rule != NULL ? row->rule : "unit", wrong);
        return;
    }
    *seen = 1;
    ledger_figure_t figures[DVC766_FIGURES];
    for (int i = 0; i < DVC766_FIGURES; i++) {
        figures[i] = (ledger_figure_t){dvc766_figure_ids[i], row->figures[i]};
    }
    ledger_row_t taken = {.source = p->series->source->id,
                          .series = p->series->name,
                          .period = p->series->period_text,
                          .unit = unit,
                          .figures = figures,
                          .n_figures = DVC766_FIGURES,
                          .fetched_at = p->now,
                          .body_sha256 = p->hash};
    int changed = ledger_take(p->txn, p->in->journal, &taken);
    if (changed >= 0) {
        p->changed_rows++;
        p->changed_figures += (unsigned)changed;
    }
}

/* ---- units that were there and are no longer ---- */

typedef struct {
    pass_t *pass;
    const dvc766_board_t *board;
    const char *seen;
} absent_t;

static void check_absent(void *context, const char *code)
{
    absent_t *a = context;
    for (size_t i = 0; i < a->board->n_rows; i++) {
        event_unit_t unit;
        if (a->seen[i] && unit_of(a->pass, &a->board->rows[i], &unit) == NULL &&
            strcmp(unit.code, code) == 0) {
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

static outcome_t take_rows(pass_t *p, const dvc766_board_t *board, char detail[256])
{
    series_t *s = p->series;
    char *seen = calloc(board->n_rows, 1);
    if (seen == NULL) {
        store_fail(p->txn, -ENOMEM);
        return STATE_RETRYING;
    }
    p->before = s->bad;
    p->n_before = s->n_bad;
    s->bad = NULL;
    s->n_bad = 0;
    for (size_t i = 0; i < board->n_rows; i++) {
        take_row(p, &board->rows[i], &seen[i]);
    }
    absent_t absent = {p, board, seen};
    ledger_units(p->txn, s->source->id, s->name, check_absent, &absent);
    free(seen);
    free(p->before);
    if (p->bad_rows == 0 && s->n_bad == 0) {
        return STATE_GOOD;
    }
    snprintf(detail, 256, "%u of %zu rows are in quarantine, %zu units have no good row",
             p->bad_rows, board->n_rows, s->n_bad);
    return STATE_QUARANTINED;
}

/* ---- body ---- */

static outcome_t judge_body(pass_t *p, char detail[256])
{
    dvc766_board_t board;
    int rc = dvc766_parse(p->body, &board);
    if (rc != 0) {
        store_fail(p->txn, rc);
        return STATE_RETRYING;
    }
    if (board.kind == DVC766_ROWS || board.kind == DVC766_MALFORMED) {
        rc = archive_keep(p->in->archive, p->body, p->hash);
        if (rc != 0) {
            store_fail(p->txn, rc);
        }
    }
    outcome_t outcome = STATE_RETRYING;
    switch (board.kind) {
    case DVC766_ROWS:
        outcome = take_rows(p, &board, detail);
        /* with some rows good, the others age by themselves */
        if (outcome == STATE_GOOD || p->bad_rows < board.n_rows) {
            p->series->last_good = p->now;
            memcpy(p->series->body_sha256, p->hash, SHA256_SIZE);
            p->series->rows_read = true;
            /* only a wholly good body says nothing new when it comes again */
            p->series->has_body = outcome == STATE_GOOD;
        }
        break;
    case DVC766_NO_DATA:
        snprintf(detail, 256, "the source has no data for this period");
        outcome = STATE_NO_DATA;
        break;
    case DVC766_BLOCKED:
        snprintf(detail, 256, "%s", board.reason);
        quarantine(p, "blocked", board.reason, p->body);
        outcome = STATE_BLOCKED;
        break;
    case DVC766_MALFORMED:
        snprintf(detail, 256, "%s", board.reason);
        quarantine(p, "schema", board.reason, p->body);
        outcome = STATE_QUARANTINED;
        break;
    }
    dvc766_free(&board);
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
    if (series_load(store, s->source, s->parent, s->period, &stored) == 0) {
        struct host *host = s->host;
        bool running = s->running;
        bool wanted = s->wanted;
        free(s->bad);
        *s = *stored;
        s->host = host;
        s->running = running;
        s->wanted = wanted;
        free(stored); /* its list is ours now */
    }
    s->next_due = clock_wall_ms() + s->source->retry_after_ms;
    return rc;
}

int intake_answer(intake_t *in, series_t *series, const fetch_answer_t *answer, bool *appended)
{
    pass_t p = {.in = in, .series = series, .now = clock_wall_ms()};
    char detail[256] = "";
    outcome_t outcome = STATE_RETRYING;
    *appended = false;
    bool readable = judge_transport(answer, &outcome, detail);
    p.body = buffer_bytes(&answer->body);
    sha256(p.body, p.hash);
    /* an identical body cannot change a row: it is neither read nor kept again */
    bool same = readable && series->has_body && series->n_bad == 0 &&
                memcmp(series->body_sha256, p.hash, SHA256_SIZE) == 0;
    p.txn = store_write(in->store);
    series->rows_read = same;
    if (same) {
        outcome = STATE_GOOD;
        series->last_good = p.now;
    } else if (readable) {
        outcome = judge_body(&p, detail);
    } else if (answer->result == FETCH_TOO_BIG) {
        quarantine(&p, "size", detail, p.body);
    } else if (outcome == STATE_BLOCKED) {
        quarantine(&p, "blocked", detail, p.body);
    }
    series_set_outcome(series, outcome, detail, p.now);
    series_set_next_due(series, p.now, answer->retry_after_ms);
    write_state(&p);
    int rc = finish(&p, appended);
    if (rc != 0) {
        return undo(series, in->store, rc);
    }
    log_debug("fetched", "source", series->source->id, "series", series->name, "outcome",
              event_outcome_name(outcome), "bytes", LOG_INT(p.body.len), "rows_changed",
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
