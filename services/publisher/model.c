/* model.c - see model.h. */
#include "model.h"

#include "base/clock.h"
#include "base/error.h"
#include "bus/inbox.h"
#include "log/log.h"
#include "model_keys.h"
#include "render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS (24 * 3600 * 1000LL)
#define TEXT(s) ((char *)(uintptr_t)(s))

const char *const model_tables[] = {JOURNAL_TABLES, INBOX_TABLES,  "results", "places", "rankings",
                                    "states",       "history",     "figures", "bodies", "targets",
                                    "ledger",       "deadletters", NULL};

/* ---- keys ---- */

static void result_key(buffer_t *key, const event_score_t *s)
{
    model_group_key(key, s->index, s->period, s->unit->level, s->unit->parent);
    buffer_append_part(key, s->unit->code);
}

/* Puts a packed event, or whatever `value` holds, checking both buffers. */
static void put(store_txn_t *txn, store_table_t table, const buffer_t *key, const buffer_t *value)
{
    if (key->failed || value->failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, table, buffer_bytes(key), buffer_bytes(value));
}

/* ---- groups: what the list of indexes shows ---- */

static bool same_parent(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static int count_unit(model_t *m, const event_score_t *s, int step)
{
    for (size_t i = 0; i < m->n_groups; i++) {
        model_group_t *g = &m->groups[i];
        if (g->level == s->unit->level && strcmp(g->index, s->index) == 0 &&
            strcmp(g->period, s->period) == 0 && same_parent(g->parent, s->unit->parent)) {
            g->units = (unsigned)((int)g->units + step);
            return 0;
        }
    }
    model_group_t *grown = realloc(m->groups, (m->n_groups + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    m->groups = grown;
    model_group_t *g = &m->groups[m->n_groups];
    *g = (model_group_t){.index = strdup(s->index),
                         .period = strdup(s->period),
                         .parent = s->unit->parent != NULL ? strdup(s->unit->parent) : NULL,
                         .level = s->unit->level,
                         .units = 1};
    m->n_groups++;
    return g->index != NULL && g->period != NULL ? 0 : -ENOMEM;
}

/* ---- source states ---- */

static int remember_state(model_t *m, bytes_t packed)
{
    event_in_t in;
    char reason[256];
    int rc = event_decode(packed, reason, &in);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < m->n_states; i++) {
        const event_source_state_t *known = m->states[i].event->source_state;
        if (strcmp(known->source, in.event->source_state->source) == 0 &&
            strcmp(known->series, in.event->source_state->series) == 0) {
            event_release(&m->states[i]);
            m->states[i] = in;
            return 0;
        }
    }
    event_in_t *grown = realloc(m->states, (m->n_states + 1) * sizeof *grown);
    if (grown == NULL) {
        event_release(&in);
        return -ENOMEM;
    }
    m->states = grown;
    m->states[m->n_states++] = in;
    return 0;
}

const event_source_state_t *model_state(const model_t *m, const char *source, const char *series)
{
    for (size_t i = 0; i < m->n_states; i++) {
        const event_source_state_t *s = m->states[i].event->source_state;
        if (strcmp(s->source, source) == 0 && strcmp(s->series, series) == 0) {
            return s;
        }
    }
    return NULL;
}

/* Figures are of the result's own period. */
static bool has_stale_row(const event_source_state_t *s, const event_score_t *score)
{
    for (size_t i = 0; i < s->n_stale_units; i++) {
        bool same = i >= s->n_stale_periods || strcmp(s->stale_periods[i], score->period) == 0;
        if (same && strcmp(s->stale_units[i], score->unit->code) == 0) {
            return true;
        }
    }
    return false;
}

bool model_is_stale(const model_t *m, const event_score_t *score)
{
    if (model_line_is_cut(m)) {
        return true;
    }
    for (size_t i = 0; i < score->n_figures; i++) {
        const event_figure_t *f = score->figures[i];
        const event_source_state_t *s = model_state(m, f->source, f->series);
        if (s != NULL && (s->stale || has_stale_row(s, score))) {
            return true;
        }
    }
    return false;
}

/* ---- notices ---- */

static uint64_t notify(model_t *m, store_txn_t *txn, const char *type, const char *subject,
                       const char *key, const buffer_t *body, bool internal)
{
    if (body->failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    event_notice_t notice = CHISO__V1__NOTICE__INIT;
    notice.type = TEXT(type);
    notice.subject = TEXT(subject);
    notice.key = TEXT(key);
    notice.time = clock_wall_ms();
    notice.body = (ProtobufCBinaryData){body->len, body->data};
    notice.has_internal = internal;
    notice.internal = internal;
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    event_put_notice(&notice, &packed);
    trace_t trace = trace_next(&m->cause);
    event_put_trace(&trace, &packed);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    uint64_t seq = journal_append(m->journal, txn, buffer_bytes(&packed));
    buffer_free(&packed);
    return seq;
}

static uint64_t notify_score(model_t *m, store_txn_t *txn, uint64_t epoch,
                             const event_score_t *score)
{
    const catalog_index_t *index = catalog_find(m->catalog, score->index);
    if (index == NULL) {
        return 0; /* told by the scorer, not known here: the configuration names other catalogs */
    }
    char key[RENDER_KEY_SIZE];
    char subject[RENDER_SUBJECT_SIZE];
    buffer_t body = BUFFER_INIT(EVENT_MAX_BYTES);
    render_score(index, score, &body);
    uint64_t seq = notify(m, txn, NOTICE_SCORE, render_score_subject(score, subject),
                          render_score_key(score, epoch, key), &body, false);
    buffer_free(&body);
    return seq;
}

/* ---- scores ---- */

/* The parts of a merged Score: what is new over what was known. */
typedef struct {
    event_indicator_t *indicators[CATALOG_MAX_INDICATORS];
    event_figure_t *figures[CATALOG_MAX_FIGURES];
    event_score_t score;
} merged_t;

static void merge(merged_t *to, const event_score_t *known, const event_score_t *news)
{
    to->score = *news;
    to->score.indicators = to->indicators;
    to->score.figures = to->figures;
    size_t n = 0;
    for (size_t i = 0; i < news->n_indicators && n < CATALOG_MAX_INDICATORS; i++) {
        to->indicators[n++] = news->indicators[i];
    }
    for (size_t i = 0; known != NULL && i < known->n_indicators; i++) {
        bool is_new = false;
        for (size_t k = 0; k < news->n_indicators && !is_new; k++) {
            is_new = strcmp(news->indicators[k]->code, known->indicators[i]->code) == 0;
        }
        if (!is_new && n < CATALOG_MAX_INDICATORS) {
            to->indicators[n++] = known->indicators[i];
        }
    }
    to->score.n_indicators = n;
    n = 0;
    for (size_t i = 0; i < news->n_figures && n < CATALOG_MAX_FIGURES; i++) {
        to->figures[n++] = news->figures[i];
    }
    for (size_t i = 0; known != NULL && i < known->n_figures; i++) {
        bool is_new = false;
        for (size_t k = 0; k < news->n_figures && !is_new; k++) {
            is_new = strcmp(news->figures[k]->id, known->figures[i]->id) == 0;
        }
        if (!is_new && n < CATALOG_MAX_FIGURES) {
            to->figures[n++] = known->figures[i];
        }
    }
    to->score.n_figures = n;
}

static int compare_figures(const void *a, const void *b)
{
    const event_figure_t *const *x = a;
    const event_figure_t *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

static int compare_indicators(const void *a, const void *b)
{
    const event_indicator_t *const *x = a;
    const event_indicator_t *const *y = b;
    return strcmp((*x)->code, (*y)->code);
}

/* One order, whatever order the changes came in, so that equal results are equal bytes. */
static void pack_sorted(merged_t *m, buffer_t *out)
{
    qsort(m->figures, m->score.n_figures, sizeof m->figures[0], compare_figures);
    qsort(m->indicators, m->score.n_indicators, sizeof m->indicators[0], compare_indicators);
    event_put_score(&m->score, out);
}

static void store_result(store_txn_t *txn, merged_t *merged)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(EVENT_MAX_BYTES);
    result_key(&key, &merged->score);
    pack_sorted(merged, &value);
    put(txn, MODEL_RESULTS, &key, &value);
    buffer_free(&key);
    buffer_free(&value);
}

/* Where a unit's result is, behind the number of its last notice. */
static void store_place(store_txn_t *txn, const event_score_t *score, uint64_t notice_seq)
{
    buffer_t place = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(STORE_MAX_KEY + 8);
    uint8_t seq[8];
    be64_put(seq, notice_seq);
    buffer_append(&value, seq, sizeof seq);
    result_key(&value, score);
    model_place_key(&place, score->index, score->period, score->unit->code);
    put(txn, MODEL_PLACES, &place, &value);
    buffer_free(&place);
    buffer_free(&value);
}

/* Do two complete results say the same, whatever their revision numbers? */
static bool says_the_same(const event_score_t *a, merged_t *b)
{
    buffer_t x = BUFFER_INIT(EVENT_MAX_BYTES);
    buffer_t y = BUFFER_INIT(EVENT_MAX_BYTES);
    event_score_t saved = b->score;
    event_score_t plain = *a;
    event_score_t *both[2] = {&plain, &b->score};
    for (int i = 0; i < 2; i++) {
        both[i]->revision = 1;
        both[i]->change = NULL;
        both[i]->has_previous_rank = false;
    }
    event_put_score(&plain, &x);
    pack_sorted(b, &y);
    b->score = saved;
    bool same = bytes_equal(buffer_bytes(&x), buffer_bytes(&y));
    buffer_free(&x);
    buffer_free(&y);
    return same;
}

static void apply_score(model_t *m, store_txn_t *txn, uint64_t epoch, const event_score_t *news,
                        bool snapshot)
{
    event_in_t known = {0};
    bool found = model_result(txn, news->index, news->period, news->unit->code, &known);
    const event_score_t *before = found ? known.event->score : NULL;
    /* a tail that overlaps the snapshot repeats what is known */
    bool repeated = before != NULL && !snapshot && news->revision <= before->revision;
    merged_t *merged = calloc(1, sizeof *merged);
    if (merged == NULL) {
        store_fail(txn, -ENOMEM);
    } else if (!repeated) {
        merge(merged, snapshot ? NULL : before, news);
        bool same = before != NULL && snapshot && says_the_same(before, merged);
        store_result(txn, merged);
        model_history_keep(txn, epoch, &merged->score, false);
        model_figures_keep(txn, news);
        if (!same) {
            store_place(txn, &merged->score, notify_score(m, txn, epoch, &merged->score));
        }
        if (!found && count_unit(m, &merged->score, 1) != 0) {
            store_fail(txn, -ENOMEM);
        }
    }
    free(merged);
    event_release(&known);
}

/* ---- rankings ---- */

static void move_unit(store_txn_t *txn, const event_ranking_t *r, const event_standing_t *s)
{
    event_in_t known;
    if (!model_result(txn, r->index, r->period, s->unit, &known)) {
        return;
    }
    merged_t *merged = calloc(1, sizeof *merged);
    if (merged == NULL) {
        store_fail(txn, -ENOMEM);
    } else {
        merge(merged, NULL, known.event->score);
        event_score_t *score = &merged->score;
        bool local = same_parent(r->parent, score->unit->parent);
        if (local) {
            score->has_rank = true;
            score->rank = s->rank;
            score->has_previous_rank = s->has_previous_rank;
            score->previous_rank = s->previous_rank;
        }
        if (r->parent == NULL) {
            score->has_nation_rank = true;
            score->nation_rank = s->rank;
        }
        store_result(txn, merged);
    }
    free(merged);
    event_release(&known);
}

static void apply_ranking(model_t *m, store_txn_t *txn, uint64_t epoch, const event_ranking_t *r,
                          bool snapshot)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(EVENT_MAX_BYTES);
    int64_t as_of;
    uint32_t known;
    model_ranking(txn, r->index, r->period, r->level, r->parent, &as_of, &known);
    if (!snapshot && r->revision < known) {
        buffer_free(&key);
        buffer_free(&value);
        return; /* a tail that overlaps the snapshot repeats what is known */
    }
    model_group_key(&key, r->index, r->period, r->level, r->parent);
    event_ranking_t plain = *r;
    plain.n_standings = 0;
    event_put_ranking(&plain, &value);
    put(txn, MODEL_RANKINGS, &key, &value);
    for (size_t i = 0; i < r->n_standings; i++) {
        move_unit(txn, r, r->standings[i]);
    }
    /* A snapshot tells all ranks, a tail may repeat: news only when some have moved since the last
     * that was told. In another life of the scorer the results themselves are told, with their
     * ranks. */
    bool news = r->revision > known && (!snapshot || epoch == m->epoch);
    bool known_here = catalog_find(m->catalog, r->index) != NULL;
    if (r->n_standings > 0 && news && known_here) {
        char name[RENDER_KEY_SIZE];
        char subject[RENDER_SUBJECT_SIZE];
        uint8_t seq[8];
        buffer_t body = BUFFER_INIT(EVENT_MAX_BYTES);
        render_ranking(r, &body);
        be64_put(seq, notify(m, txn, NOTICE_RANKING, render_ranking_subject(r, subject),
                             render_ranking_key(r, epoch, name), &body, false));
        store_put(txn, MODEL_PLACES, buffer_bytes(&key), bytes_of(seq, sizeof seq));
        buffer_free(&body);
    }
    buffer_free(&key);
    buffer_free(&value);
}

static void apply_state(model_t *m, store_txn_t *txn, const event_source_state_t *s)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t value = BUFFER_INIT(EVENT_MAX_BYTES);
    buffer_t body = BUFFER_INIT(EVENT_MAX_BYTES);
    char name[RENDER_KEY_SIZE];
    buffer_append_part(&key, s->source);
    buffer_append_part(&key, s->series);
    event_put_source_state(s, &value);
    put(txn, MODEL_STATES, &key, &value);
    int rc = remember_state(m, buffer_bytes(&value));
    if (rc != 0) {
        store_fail(txn, rc);
    }
    snprintf(name, sizeof name, "%s/%s", s->source, s->series);
    render_source(s, &body);
    notify(m, txn, NOTICE_SOURCE, name, name, &body, true);
    buffer_free(&key);
    buffer_free(&value);
    buffer_free(&body);
}

#define LINE_SOURCE "chiso"
#define LINE_SERIES "ingest"

void model_line(model_t *m, store_txn_t *txn, bool cut)
{
    event_source_state_t state = CHISO__V1__SOURCE_STATE__INIT;
    state.source = TEXT(LINE_SOURCE);
    state.series = TEXT(LINE_SERIES);
    state.outcome =
        cut ? CHISO__V1__SOURCE_STATE__OUTCOME__RETRYING : CHISO__V1__SOURCE_STATE__OUTCOME__GOOD;
    state.since = clock_wall_ms();
    state.stale = cut;
    state.detail = cut ? TEXT("nothing is heard of chiso-ingest") : NULL;
    m->cause = TRACE_NONE;
    apply_state(m, txn, &state);
}

bool model_line_is_cut(const model_t *m)
{
    const event_source_state_t *line = model_state(m, LINE_SOURCE, LINE_SERIES);
    return line != NULL && line->stale;
}

int model_apply(model_t *m, store_txn_t *txn, uint64_t epoch, const event_t *event, bool snapshot)
{
    m->cause = event_trace(event);
    switch (event->body_case) {
    case CHISO__V1__EVENT__BODY_SCORE:
        apply_score(m, txn, epoch, event->score, snapshot);
        return 0;
    case CHISO__V1__EVENT__BODY_RANKING:
        apply_ranking(m, txn, epoch, event->ranking, snapshot);
        return 0;
    case CHISO__V1__EVENT__BODY_SOURCE_STATE:
        apply_state(m, txn, event->source_state);
        return 0;
    default:
        return CHISO_E_PROTOCOL;
    }
}

/* ---- sweeping ---- */

static int compare_keys(const void *a, const void *b)
{
    const buffer_t *x = a;
    const buffer_t *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = len > 0 ? memcmp(x->data, y->data, len) : 0;
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void drop_result(model_t *m, store_txn_t *txn, bytes_t key, bytes_t value)
{
    event_in_t in;
    if (!model_decode(txn, value, &in)) {
        return;
    }
    const event_score_t *s = in.event->score;
    log_warn("a result is no longer the scorer's: removed", "index", s->index, "period", s->period,
             "unit", s->unit->code, NULL);
    buffer_t place = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t copy = BUFFER_INIT(STORE_MAX_KEY);
    model_place_key(&place, s->index, s->period, s->unit->code);
    buffer_append(&copy, key.data, key.len);
    count_unit(m, s, -1);
    model_history_keep(txn, m->epoch, s, true);
    event_release(&in);
    store_delete(txn, MODEL_PLACES, buffer_bytes(&place));
    store_delete(txn, MODEL_RESULTS, buffer_bytes(&copy));
    buffer_free(&place);
    buffer_free(&copy);
}

void model_sweep(model_t *m, store_txn_t *txn, const event_in_t *events, size_t n_events)
{
    buffer_t *keys = calloc(n_events + 1, sizeof *keys);
    if (keys == NULL) {
        store_fail(txn, -ENOMEM);
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].event->body_case == CHISO__V1__EVENT__BODY_SCORE) {
            keys[n] = (buffer_t)BUFFER_INIT(STORE_MAX_KEY);
            result_key(&keys[n++], events[i].event->score);
        }
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, MODEL_RESULTS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        buffer_t wanted = {.data = (uint8_t *)(uintptr_t)key.data, .len = key.len};
        if (bsearch(&wanted, keys, n, sizeof *keys, compare_keys) == NULL) {
            drop_result(m, txn, key, value);
        }
    }
    store_cursor_close(&cursor);
    for (size_t i = 0; i < n; i++) {
        buffer_free(&keys[i]);
    }
    free(keys);
}

/* ---- opening ---- */

int model_open(model_t *m, store_t *store, journal_t *journal, const catalog_t *catalog)
{
    *m = (model_t){.store = store, .journal = journal, .catalog = catalog};
    m->thin = (model_thin_t){.options = {90 * DAY_MS, 1100 * DAY_MS}, .table = MODEL_HISTORY};
    store_txn_t *txn = store_read(store);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int rc = 0;
    bool more = store_seek(txn, MODEL_RESULTS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more && rc == 0; more = store_next(cursor, &key, &value)) {
        event_in_t in;
        if (model_decode(txn, value, &in)) {
            rc = count_unit(m, in.event->score, 1);
            event_release(&in);
        }
    }
    store_cursor_close(&cursor);
    more = store_seek(txn, MODEL_STATES, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more && rc == 0; more = store_next(cursor, &key, &value)) {
        rc = remember_state(m, value);
    }
    store_cursor_close(&cursor);
    if (rc == 0) {
        rc = store_status(txn);
    }
    store_abort(&txn);
    return rc;
}

void model_close(model_t *m)
{
    for (size_t i = 0; i < m->n_groups; i++) {
        free(m->groups[i].index);
        free(m->groups[i].period);
        free(m->groups[i].parent);
    }
    for (size_t i = 0; i < m->n_states; i++) {
        event_release(&m->states[i]);
    }
    free(m->groups);
    free(m->states);
    m->groups = NULL;
    m->states = NULL;
}
