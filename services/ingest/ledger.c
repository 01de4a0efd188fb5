/* ledger.c - see ledger.h. */
#include "ledger.h"

#include "base/error.h"
#include "log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FIGURES LEDGER_MAX_FIGURES

const char *const ledger_tables[] = {
    JOURNAL_TABLES, "rows",           "history", "series",    "states",
    "quarantine",   "quarantine.key", "notes",   "evidence",  "receipts",
    "receipts.key", "rulings",        "answers", "backfills", NULL};

static bytes_t row_key(buffer_t *room, const ledger_row_t *row)
{
    buffer_append_part(room, row->source);
    buffer_append_part(room, row->series);
    buffer_append_part(room, row->unit.code);
    buffer_append_part(room, row->period);
    return buffer_bytes(room);
}

/* ---- rows ---- */

static const event_figure_t *figure_of(const event_reading_t *reading, const char *id)
{
    for (size_t i = 0; reading != NULL && i < reading->n_figures; i++) {
        if (strcmp(reading->figures[i]->id, id) == 0) {
            return reading->figures[i];
        }
    }
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool same_unit(const event_unit_t *a, const event_unit_t *b)
{
    return a->level == b->level && same_text(a->code, b->code) && same_text(a->parent, b->parent) &&
           same_text(a->name, b->name);
}

/* A row while it is compared: all figures as they now stand, and those that are new. */
typedef struct {
    event_figure_t figures[MAX_FIGURES];
    char values[MAX_FIGURES][DECIMAL_TEXT_SIZE];
    event_figure_t *all[MAX_FIGURES];
    event_figure_t *changed[MAX_FIGURES];
    size_t n_all, n_changed;
} comparison_t;

/* A figure that was known and is not told this time stays as it was. */
static void keep_others(comparison_t *c, const event_reading_t *known, const ledger_row_t *row)
{
    for (size_t i = 0; known != NULL && i < known->n_figures && c->n_all < MAX_FIGURES; i++) {
        bool told = false;
        for (size_t k = 0; k < row->n_figures && !told; k++) {
            told = strcmp(row->figures[k].id, known->figures[i]->id) == 0;
        }
        if (!told) {
            c->all[c->n_all++] = known->figures[i];
        }
    }
}

static bool same_proof(const event_figure_t *known, const ledger_proof_t *now)
{
    if (now == NULL) {
        return true;
    }
    bool same = same_text(known->submitter, now->submitter) && known->n_evidence == now->n_evidence;
    for (size_t i = 0; same && i < now->n_evidence; i++) {
        same = memcmp(known->evidence[i].data, now->evidence[i].data, SHA256_SIZE) == 0;
    }
    return same;
}

/* False when the caller refuses the row. */
static bool compare(comparison_t *c, const event_reading_t *known, const ledger_row_t *row)
{
    bool taken = true;
    for (size_t i = 0; i < row->n_figures; i++) {
        const reader_figure_t *now = &row->figures[i];
        const event_figure_t *before = figure_of(known, now->id);
        const ledger_proof_t *proof = row->proofs != NULL ? &row->proofs[i] : NULL;
        event_figure_t *f = &c->figures[i];
        bool had = before != NULL && !before->withdrawn;
        bool has = proof == NULL || !proof->withdrawn;
        decimal_t was = had ? event_decimal(before->value) : DECIMAL_ZERO;
        c->all[c->n_all++] = f;
        if (row->judge != NULL && !row->judge(row->context, row, now, had ? &was : NULL)) {
            taken = false;
        }
        bool same = had == has &&
                    (!has || (same_proof(before, proof) && decimal_compare(was, now->value) == 0));
        if (before != NULL && same) {
            *f = *before;
            continue;
        }
        chiso__v1__figure__init(f);
        f->id = (char *)(uintptr_t)now->id;
        f->value = has ? (char *)(uintptr_t)decimal_format(now->value, c->values[i]) : c->values[i];
        f->has_withdrawn = f->withdrawn = !has;
        f->source = (char *)(uintptr_t)row->source;
        f->series = (char *)(uintptr_t)row->series;
        f->fetched_at = row->fetched_at;
        f->revision = before != NULL ? before->revision + 1 : 1;
        f->raw_sha256.data = (uint8_t *)(uintptr_t)row->body_sha256;
        f->raw_sha256.len = SHA256_SIZE;
        if (proof != NULL) {
            f->submitter = (char *)(uintptr_t)proof->submitter;
            f->evidence = proof->evidence;
            f->n_evidence = proof->n_evidence;
        }
        c->changed[c->n_changed++] = f;
    }
    keep_others(c, known, row);
    return taken;
}

void ledger_history_key(const ledger_row_t *row, const char *figure, uint32_t revision,
                        buffer_t *key)
{
    uint8_t number[4];
    buffer_append_part(key, row->unit.code);
    buffer_append_part(key, row->period);
    buffer_append_part(key, figure);
    buffer_append_part(key, row->source);
    buffer_append_part(key, row->series);
    be32_put(number, revision);
    buffer_append(key, number, sizeof number);
}

/* Every revision of every figure is kept. */
static void keep_history(store_txn_t *txn, const ledger_row_t *row, const event_figure_t *figure)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(EVENT_MAX_BYTES);
    ledger_history_key(row, figure->id, figure->revision, &key);
    wire_pack(&figure->base, &value);
    if (key.failed || value.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, LEDGER_HISTORY, buffer_bytes(&key), buffer_bytes(&value));
    buffer_free(&key);
    buffer_free(&value);
}

static void write_row(store_txn_t *txn, journal_t *journal, const ledger_row_t *row, bytes_t key,
                      comparison_t *c)
{
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    event_reading_t reading = CHISO__V1__READING__INIT;
    reading.unit = (event_unit_t *)(uintptr_t)&row->unit;
    reading.period = (char *)(uintptr_t)row->period;
    reading.n_figures = c->n_all;
    reading.figures = c->all;
    event_put_reading(&reading, &packed);
    store_put(txn, LEDGER_ROWS, key, buffer_bytes(&packed));
    bool failed = packed.failed;
    buffer_clear(&packed);
    reading.n_figures = c->n_changed;
    reading.figures = c->changed;
    event_put_reading(&reading, &packed);
    event_put_trace(row->trace != NULL ? row->trace : &TRACE_NONE, &packed);
    if (failed || packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    journal_append(journal, txn, buffer_bytes(&packed));
    for (size_t i = 0; i < c->n_changed; i++) {
        keep_history(txn, row, c->changed[i]);
    }
    buffer_free(&packed);
}

bool ledger_known(store_txn_t *txn, const ledger_row_t *row, event_in_t *out)
{
    buffer_t room = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t key = row_key(&room, row);
    bytes_t stored;
    char reason[256];
    bool found = !room.failed && store_get(txn, LEDGER_ROWS, key, &stored);
    if (found && event_decode(stored, reason, out) != 0) {
        log_error("a stored row is corrupt", "unit", row->unit.code, "reason", reason, NULL);
        store_fail(txn, CHISO_E_CORRUPT);
        found = false;
    }
    buffer_free(&room);
    return found;
}

static void tell_outcomes(const ledger_row_t *row, const comparison_t *c)
{
    size_t next = 0;
    for (size_t i = 0; row->outcomes != NULL && i < row->n_figures; i++) {
        bool changed = next < c->n_changed && c->changed[next] == &c->figures[i];
        row->outcomes[i] = (ledger_outcome_t){c->figures[i].revision, changed};
        next += changed ? 1 : 0;
    }
}

int ledger_take(store_txn_t *txn, journal_t *journal, const ledger_row_t *row)
{
    buffer_t key_room = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t key = row_key(&key_room, row);
    comparison_t *c = calloc(1, sizeof *c);
    if (c == NULL || key_room.failed || row->n_figures > MAX_FIGURES) {
        store_fail(txn, c == NULL ? -ENOMEM : CHISO_E_TOO_BIG);
        buffer_free(&key_room);
        free(c);
        return LEDGER_SAME;
    }
    event_in_t known = {0};
    const event_reading_t *before = ledger_known(txn, row, &known) ? known.event->reading : NULL;
    int changed = LEDGER_SAME;
    bool taken = compare(c, before, row);
    tell_outcomes(row, c);
    if (!taken) {
        changed = LEDGER_REFUSED;
    } else if (c->n_changed > 0 || before == NULL || !same_unit(before->unit, &row->unit)) {
        changed = (int)c->n_changed;
        write_row(txn, journal, row, key, c);
    }
    event_release(&known);
    buffer_free(&key_room);
    free(c);
    return changed;
}

void ledger_rows(store_txn_t *txn, const char *source, const char *series, ledger_row_fn each,
                 void *context)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    buffer_append_part(&prefix, source);
    buffer_append_part(&prefix, series);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, LEDGER_ROWS, buffer_bytes(&prefix), &cursor, &key, &value);
    while (more && bytes_start_with(key, buffer_bytes(&prefix))) {
        const char *code = (const char *)key.data + prefix.len;
        each(context, code, code + strlen(code) + 1);
        more = store_next(cursor, &key, &value);
    }
    store_cursor_close(&cursor);
    buffer_free(&prefix);
}

/* ---- states ---- */

void ledger_state(store_txn_t *txn, journal_t *journal, const event_source_state_t *state,
                  const trace_t *trace)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    buffer_append_part(&key, state->source);
    buffer_append_part(&key, state->series);
    event_put_source_state(state, &packed);
    if (key.failed || packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, LEDGER_STATES, buffer_bytes(&key), buffer_bytes(&packed));
    event_put_trace(trace, &packed);
    journal_append(journal, txn, buffer_bytes(&packed));
    buffer_free(&key);
    buffer_free(&packed);
}

/* ---- snapshot: first the rows, then the states ---- */

static bool walk_table(store_txn_t *txn, store_table_t table, uint8_t mark, bytes_t from,
                       bus_page_t *page)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, table, from, &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        if (bus_page_full(page)) {
            uint8_t next[STORE_MAX_KEY + 1];
            next[0] = mark;
            memcpy(next + 1, key.data, key.len);
            bus_page_continue(page, bytes_of(next, key.len + 1));
            break;
        }
        bus_page_add(page, value);
    }
    store_cursor_close(&cursor);
    return more;
}

int ledger_snapshot(store_t *store, bytes_t cursor, bus_page_t *page)
{
    store_txn_t *txn = store_read(store);
    bool in_states = cursor.len > 0 && cursor.data[0] == 's';
    bytes_t from = cursor.len > 0 ? bytes_of(cursor.data + 1, cursor.len - 1) : bytes_of(NULL, 0);
    bool cut = !in_states && walk_table(txn, LEDGER_ROWS, 'r', from, page);
    if (!cut) {
        walk_table(txn, LEDGER_STATES, 's', in_states ? from : bytes_of(NULL, 0), page);
    }
    int rc = store_status(txn);
    store_abort(&txn);
    return rc;
}
