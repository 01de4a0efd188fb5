/* submit.c - see submit.h. First each row is judged by itself, then against the others, then, unit
 * by unit and period by period, against what is known; what is left goes into the ledger in one
 * step a unit and period, so that it is scored together. */
#include "submit.h"

#include "base/error.h"
#include "config.h"
#include "evidence.h"
#include "ledger.h"
#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One figure of a row; a checklist has one for each item. */
typedef struct {
    size_t row;
    const registry_unit_t *unit;
    const catalog_figure_t *figure;
    decimal_t value;
    bool known; /* the agency gave it, and with this value: nothing to do */
} entry_t;

typedef struct {
    const submit_context_t *in;
    store_txn_t *txn;
    journal_t *journal;
    submission_t *s;
    submit_result_t *results;
    entry_t *entries;
    size_t n_entries;
    ProtobufCBinaryData *evidence; /* EVENT_MAX_EVIDENCE of each row */
} work_t;

/* ---- a row by itself ---- */

/* -1, 0 or 1 for periods of one kind. */
static int compare_periods(period_t a, period_t b)
{
    int x = a.year * 100 + a.number;
    int y = b.year * 100 + b.number;
    return (x > y) - (x < y);
}

static const registry_unit_t *judge_unit(const work_t *w, submission_row_t *row, period_t *period)
{
    if (period_parse(row->period, period) != 0) {
        submission_reject(row, "period", "'%s'; expected one such as 2025, 2025-Q3 or 2025-10",
                          row->period);
        return NULL;
    }
    if (compare_periods(*period, period_at(period->kind, w->in->now, 0)) > 0) {
        submission_reject(row, "period", "'%s' has not begun", row->period);
        return NULL;
    }
    const registry_unit_t *unit = registry_in(w->in->units, row->unit, *period);
    if (unit == NULL) {
        submission_reject(row, "unit", "there is no unit '%s' in %s", row->unit, row->period);
    } else if (!token_has_unit(w->in->token, unit)) {
        submission_reject(row, "unit", "'%s' is not a unit of this token", row->unit);
        unit = NULL;
    }
    return unit;
}

static bool judge_figure(const work_t *w, submission_row_t *row, const registry_unit_t *unit,
                         const catalog_figure_t *f)
{
    const catalog_index_t *index = f->index;
    if (index != NULL && !catalog_has_level(index, unit->level)) {
        submission_reject(row, "figure", "the index %s is not for units of this level", index->id);
        return false;
    }
    if (index != NULL && !catalog_has_period(index, row->period)) {
        submission_reject(row, "period", "the index %s is not scored for '%s'", index->id,
                          row->period);
        return false;
    }
    bool excluded = f->input != NULL && strcmp(f->input, "excluded") == 0;
    bool agencys =
        f->kind == CATALOG_POINTS || f->kind == CATALOG_OPTION || f->kind == CATALOG_YES_NO;
    if (w->in->token->role == TOKEN_SUBMITTER && (excluded || f->kind == CATALOG_POINTS)) {
        submission_reject(row, "figure", "is given by the scoring agency (%s)",
                          excluded ? "what is not assessed" : "points");
        return false;
    }
    if (w->in->token->role == TOKEN_SCORER && !agencys) {
        submission_reject(row, "figure",
                          "is not the scoring agency's; expected points, an option or yes-no");
        return false;
    }
    return true;
}

static void add_entry(work_t *w, size_t i, const registry_unit_t *unit, const catalog_figure_t *f,
                      decimal_t value)
{
    submission_row_t *row = &w->s->rows[i];
    char reason[CATALOG_REASON_SIZE];
    if (!row->withdraw && !catalog_figure_accepts(f, value, reason)) {
        submission_reject(row, "value", "%s", reason);
    } else if (w->n_entries == SUBMIT_MAX_FIGURES) {
        submission_reject(row, "row", "there are more than %d figures in all rows",
                          SUBMIT_MAX_FIGURES);
    } else {
        w->entries[w->n_entries++] = (entry_t){.row = i, .unit = unit, .figure = f, .value = value};
    }
}

static void judge_value(work_t *w, size_t i, const registry_unit_t *unit, const catalog_figure_t *f)
{
    submission_row_t *row = &w->s->rows[i];
    decimal_t value;
    if (row->withdraw) {
        add_entry(w, i, unit, f, DECIMAL_ZERO);
        return;
    }
    bool yes = strcmp(row->value, "true") == 0;
    if (f->kind == CATALOG_YES_NO && (yes || strcmp(row->value, "false") == 0)) {
        value = decimal_of(yes ? 1 : 0);
    } else if (decimal_parse(row->value, strlen(row->value), &value) != 0) {
        submission_reject(row, "value",
                          "'%.60s'; expected a number such as 1250.5: a dot before decimals, at "
                          "most six of them, nothing between thousands",
                          row->value);
        return;
    }
    add_entry(w, i, unit, f, value);
}

/* "[1,3]": which items are in the list, as bits; false when it is none. */
static bool read_items(const char *text, uint64_t *out)
{
    *out = 0;
    if (*text++ != '[') {
        return false;
    }
    while (*text == ' ') {
        text++;
    }
    if (*text == ']') {
        return text[1] == '\0';
    }
    for (;;) {
        unsigned item = 0;
        size_t digits = 0;
        for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++) {
            item = item * 10 + (unsigned)(*text - '0');
        }
        while (*text == ' ') {
            text++;
        }
        if (digits == 0 || item < 1 || item > 64 || (*out & 1ULL << (item - 1)) != 0) {
            return false;
        }
        *out |= 1ULL << (item - 1);
        if (*text == ']') {
            return text[1] == '\0';
        }
        if (*text++ != ',') {
            return false;
        }
        while (*text == ' ') {
            text++;
        }
    }
}

/* The nth item of a checklist, or NULL. */
static const catalog_figure_t *item_of(const work_t *w, const char *list, unsigned n)
{
    char id[EVENT_MAX_CODE + 8];
    snprintf(id, sizeof id, "%.*s.%u", EVENT_MAX_CODE, list, n);
    return catalog_figure(w->in->catalog, id);
}

static void judge_items(work_t *w, size_t i, const registry_unit_t *unit)
{
    submission_row_t *row = &w->s->rows[i];
    unsigned n = 0;
    uint64_t items = 0;
    while (n < 64 && item_of(w, row->figure, n + 1) != NULL) {
        n++;
    }
    if (!row->withdraw && (!read_items(row->value, &items) || (n < 64 && items >> n != 0))) {
        submission_reject(row, "value",
                          "'%.60s'; expected the items that are there as a list such as [1,3], of "
                          "1 to %u, each once",
                          row->value, n);
        return;
    }
    for (unsigned k = 0; k < n; k++) {
        const catalog_figure_t *f = item_of(w, row->figure, k + 1);
        if (k == 0 && !judge_figure(w, row, unit, f)) {
            return;
        }
        add_entry(w, i, unit, f, decimal_of((int64_t)(items >> k & 1)));
    }
}

static void judge_evidence(const work_t *w, submission_row_t *row)
{
    char hex[SHA256_HEX_SIZE];
    evidence_known_t known;
    for (size_t i = 0; i < row->n_evidence; i++) {
        if (!evidence_find(w->txn, row->evidence[i], &known) || known.rows ||
            !evidence_open_to(w->txn, row->evidence[i], w->in->token, w->in->units)) {
            submission_reject(row, "evidence", "there is no file %s; expected it to be sent first",
                              sha256_hex(row->evidence[i], hex));
        }
    }
}

static void judge_row(work_t *w, size_t i)
{
    submission_row_t *row = &w->s->rows[i];
    period_t period;
    if (row->field != NULL) {
        return;
    }
    const registry_unit_t *unit = judge_unit(w, row, &period);
    if (unit == NULL) {
        return;
    }
    const catalog_figure_t *f = catalog_figure(w->in->catalog, row->figure);
    if (f != NULL && judge_figure(w, row, unit, f)) {
        judge_value(w, i, unit, f);
    } else if (f == NULL && item_of(w, row->figure, 1) != NULL) {
        judge_items(w, i, unit);
    } else if (f == NULL) {
        submission_reject(row, "figure", "no index and no dictionary knows '%.64s'", row->figure);
    }
    judge_evidence(w, row);
}

/* ---- against the others ---- */

static const work_t *sorting; /* qsort() has no context; one thread */

static int compare_places(const work_t *w, const entry_t *a, const entry_t *b)
{
    int order = strcmp(a->unit->code, b->unit->code);
    return order != 0 ? order : strcmp(w->s->rows[a->row].period, w->s->rows[b->row].period);
}

static int by_place(const void *a, const void *b)
{
    const entry_t *x = a;
    const entry_t *y = b;
    int order = compare_places(sorting, x, y);
    order = order != 0 ? order : strcmp(x->figure->id, y->figure->id);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* The first row that gives a figure counts, unless another one contradicts it: then nobody knows
 * which of them is meant. */
static void judge_repeats(work_t *w)
{
    size_t first = 0;
    for (size_t i = 1; i < w->n_entries; i++) {
        const entry_t *a = &w->entries[first];
        const entry_t *b = &w->entries[i];
        if (compare_places(w, a, b) != 0 || a->figure != b->figure) {
            first = i;
            continue;
        }
        submission_reject(&w->s->rows[b->row], "figure", "row %zu gives '%s' too", a->row + 1,
                          b->figure->id);
        if (decimal_compare(a->value, b->value) != 0 ||
            w->s->rows[a->row].withdraw != w->s->rows[b->row].withdraw) {
            submission_reject(&w->s->rows[a->row], "figure",
                              "row %zu gives '%s' too, and otherwise", b->row + 1, b->figure->id);
        }
    }
}

/* ---- against what is known, and into the ledger ---- */

static const event_figure_t *known_figure(const event_in_t *known, const char *id)
{
    const event_reading_t *reading = known->event != NULL ? known->event->reading : NULL;
    for (size_t i = 0; reading != NULL && i < reading->n_figures; i++) {
        if (strcmp(reading->figures[i]->id, id) == 0) {
            return reading->figures[i];
        }
    }
    return NULL;
}

/* Who handed a figure in takes it back, nobody else. */
static void judge_withdrawal(work_t *w, entry_t *e, const event_figure_t *known)
{
    submission_row_t *row = &w->s->rows[e->row];
    bool scorer = w->in->token->role == TOKEN_SCORER;
    if (known == NULL) {
        submission_reject(row, "figure", "nothing was handed in that could be withdrawn");
    } else if (scorer != (strncmp(known->submitter, "scorer:", 7) == 0)) {
        submission_reject(row, "figure", "%s has given it, and can withdraw it", known->submitter);
    }
}

/* A submitter does not change what the agency gave. */
static void judge_against(work_t *w, entry_t *e, const event_figure_t *known)
{
    if (w->s->rows[e->row].withdraw) {
        judge_withdrawal(w, e, known);
        return;
    }
    bool agencys = known != NULL && !known->withdrawn && known->submitter != NULL &&
                   strncmp(known->submitter, "scorer:", 7) == 0;
    if (!agencys || w->in->token->role != TOKEN_SUBMITTER) {
        return;
    }
    if (decimal_compare(event_decimal(known->value), e->value) == 0) {
        submit_result_t *result = &w->results[e->row];
        e->known = true;
        result->revision = known->revision > result->revision ? known->revision : result->revision;
    } else {
        submission_reject(&w->s->rows[e->row], "figure", "the scoring agency has given it: %s (%s)",
                          known->value, known->submitter);
    }
}

typedef struct {
    entry_t *entries[LEDGER_MAX_FIGURES];
    reader_figure_t figures[LEDGER_MAX_FIGURES];
    ledger_proof_t proofs[LEDGER_MAX_FIGURES];
    ledger_outcome_t outcomes[LEDGER_MAX_FIGURES];
    size_t n;
} batch_t;

static void keep_notes(const work_t *w, const ledger_row_t *row, const batch_t *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const char *note = w->s->rows[b->entries[i]->row].note;
        if (note != NULL && b->outcomes[i].changed) {
            buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
            ledger_history_key(row, b->figures[i].id, b->outcomes[i].revision, &key);
            store_put(w->txn, LEDGER_NOTES, buffer_bytes(&key), bytes_of_text(note));
            buffer_free(&key);
        }
    }
}

/* Which of the entries go into the ledger's row. */
static void gather(work_t *w, entry_t *entries, size_t n, const event_in_t *known,
                   const char *submitter, batch_t *b)
{
    size_t room = LEDGER_MAX_FIGURES;
    room -= known->event != NULL ? known->event->reading->n_figures : 0;
    for (size_t i = 0; i < n; i++) {
        const event_figure_t *before = known_figure(known, entries[i].figure->id);
        judge_against(w, &entries[i], before);
        if (before == NULL && room-- == 0) {
            room = 0;
            submission_reject(&w->s->rows[entries[i].row], "figure",
                              "the unit has %d figures in this period; there may be no more",
                              LEDGER_MAX_FIGURES);
        }
    }
    for (size_t i = 0; i < n; i++) {
        const submission_row_t *row = &w->s->rows[entries[i].row];
        if (row->field != NULL || entries[i].known) {
            continue;
        }
        b->entries[b->n] = &entries[i];
        b->figures[b->n] = (reader_figure_t){entries[i].figure->id, entries[i].value};
        b->proofs[b->n] =
            (ledger_proof_t){submitter, w->evidence + entries[i].row * EVENT_MAX_EVIDENCE,
                             row->n_evidence, row->withdraw};
        b->n++;
    }
}

/* From now on who answers for the unit may read them. */
static void note_evidence(const work_t *w, const batch_t *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const submission_row_t *row = &w->s->rows[b->entries[i]->row];
        const char *unit = b->entries[i]->unit->code;
        for (size_t k = 0; k < row->n_evidence; k++) {
            evidence_used(w->txn, row->evidence[k], &unit, 1);
        }
    }
}

/* All entries of one unit and period. */
static void take_place(work_t *w, entry_t *entries, size_t n, batch_t *b)
{
    const registry_unit_t *unit = entries[0].unit;
    const token_t *token = w->in->token;
    char series[SERIES_NAME_SIZE];
    char submitter[EVENT_MAX_CODE + 1];
    const char *period = w->s->rows[entries[0].row].period;
    bool scorer = token->role == TOKEN_SCORER;
    snprintf(series, sizeof series, "%s/%s", unit->code, period);
    snprintf(submitter, sizeof submitter, "%s:%s", scorer ? "scorer" : "unit",
             scorer ? token->id : unit->code);
    ledger_row_t row = {.source = INGEST_SUBMISSION,
                        .series = series,
                        .period = period,
                        .unit = CHISO__V1__UNIT__INIT,
                        .fetched_at = w->in->now,
                        .body_sha256 = w->in->body_sha256,
                        .trace = &w->in->trace,
                        .figures = b->figures,
                        .proofs = b->proofs,
                        .outcomes = b->outcomes};
    row.unit.code = (char *)(uintptr_t)unit->code;
    row.unit.parent = (char *)(uintptr_t)unit->parent;
    row.unit.name = (char *)(uintptr_t)unit->name;
    row.unit.level = (Chiso__V1__Level)unit->level;
    event_in_t known = {0};
    ledger_known(w->txn, &row, &known);
    b->n = 0;
    gather(w, entries, n, &known, submitter, b);
    row.n_figures = b->n;
    if (b->n > 0 && store_status(w->txn) == 0) {
        ledger_take(w->txn, w->journal, &row);
        keep_notes(w, &row, b);
        note_evidence(w, b);
    }
    for (size_t i = 0; i < b->n && store_status(w->txn) == 0; i++) {
        submit_result_t *result = &w->results[b->entries[i]->row];
        uint32_t revision = b->outcomes[i].revision;
        result->outcome = b->outcomes[i].changed ? SUBMIT_ACCEPTED : result->outcome;
        result->revision = revision > result->revision ? revision : result->revision;
    }
    event_release(&known);
}

static void drop_rejected(work_t *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_entries; i++) {
        if (w->s->rows[w->entries[i].row].field == NULL) {
            w->entries[n++] = w->entries[i];
        }
    }
    w->n_entries = n;
}

static void take_all(work_t *w)
{
    batch_t *b = calloc(1, sizeof *b);
    if (b == NULL) {
        store_fail(w->txn, -ENOMEM);
        return;
    }
    drop_rejected(w);
    size_t first = 0;
    for (size_t i = 1; i <= w->n_entries; i++) {
        if (i == w->n_entries || compare_places(w, &w->entries[first], &w->entries[i]) != 0) {
            take_place(w, w->entries + first, i - first, b);
            first = i;
        }
    }
    free(b);
}

void submit_rows(const submit_context_t *context, store_txn_t *txn, journal_t *journal,
                 submission_t *s, submit_result_t *results)
{
    work_t w = {.in = context, .txn = txn, .journal = journal, .s = s, .results = results};
    w.entries = calloc(SUBMIT_MAX_FIGURES, sizeof *w.entries);
    w.evidence = calloc(s->n_rows * EVENT_MAX_EVIDENCE, sizeof *w.evidence);
    if (w.entries == NULL || w.evidence == NULL) {
        store_fail(txn, -ENOMEM);
    }
    for (size_t i = 0; i < s->n_rows && store_status(txn) == 0; i++) {
        results[i] = (submit_result_t){.outcome = SUBMIT_UNCHANGED};
        for (size_t k = 0; k < s->rows[i].n_evidence; k++) {
            w.evidence[i * EVENT_MAX_EVIDENCE + k] =
                (ProtobufCBinaryData){SHA256_SIZE, s->rows[i].evidence[k]};
        }
        judge_row(&w, i);
    }
    if (store_status(txn) == 0) {
        drop_rejected(&w);
        sorting = &w;
        qsort(w.entries, w.n_entries, sizeof *w.entries, by_place);
        judge_repeats(&w);
        take_all(&w);
    }
    for (size_t i = 0; i < s->n_rows; i++) {
        if (s->rows[i].field != NULL) {
            results[i] = (submit_result_t){.outcome = SUBMIT_REJECTED};
        }
    }
    free(w.entries);
    free(w.evidence);
}
