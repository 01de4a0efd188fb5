/* score_rig.h - a scorer without its service: store, journal, working set, checkpoint. */
#ifndef CHISO_TESTS_SCORE_RIG_H
#define CHISO_TESTS_SCORE_RIG_H

#include "base/error.h"
#include "folder.h"
#include "scorer/checkpoint.h"
#include "scorer/rank.h"
#include "scorer/score.h"

#define T(s) ((char *)(uintptr_t)(s))

typedef struct {
    char path[FOLDER_SIZE];
    catalog_t *catalog;
    store_t *store;
    journal_t *journal;
    state_t state;
    score_t score;
    checkpoint_t *checkpoint;
    bool catalog_changed;
    uint64_t keep_records; /* of the journal; 0: its own default */
    bool no_step;          /* the test writes the slices itself */
    const char *submitter; /* of the figures that are read, with so many files */
    unsigned evidence;
    store_txn_t *txn;
    uint64_t seen; /* journal records that were looked at */
    event_in_t events[4096];
    size_t n_events;
    unsigned n_readings;
} rig_t;

static inline catalog_t *rig_catalog(const char *const *files, unsigned n)
{
    catalog_t *c = NULL;
    assert_int_equal(catalog_load(files, n, stderr, &c), 0);
    return c;
}

/* What a start of the scorer does. */
static inline void rig_open(rig_t *rig)
{
    rig->store = folder_store(rig->path, scorer_tables);
    journal_options_t journal = {.records = SCORER_JOURNAL, .keep_records = rig->keep_records};
    assert_int_equal(journal_open(rig->store, &journal, &rig->journal), 0);
    state_init(&rig->state, rig->catalog);
    assert_int_equal(checkpoint_new(rig->store, rig->journal, &rig->state, &rig->checkpoint), 0);
    assert_int_equal(score_init(&rig->score, &rig->state, rig->journal), 0);
    rig->score.dirty_result = checkpoint_dirty_result;
    rig->score.dirty_ranking = checkpoint_dirty_ranking;
    rig->score.context = rig->checkpoint;
    assert_int_equal(checkpoint_recover(rig->checkpoint, &rig->catalog_changed), 0);
    if (journal_head(rig->journal) == 0) {
        assert_int_equal(checkpoint_stamp(rig->checkpoint), 0);
    }
}

/* What a kill does: memory is gone, an open transaction has no effect. */
static inline void rig_abandon(rig_t *rig)
{
    store_abort(&rig->txn);
    score_free(&rig->score);
    checkpoint_destroy(&rig->checkpoint);
    state_free(&rig->state);
    journal_close(&rig->journal);
    store_close(&rig->store);
}

static inline rig_t *rig_new(const char *const *files, unsigned n)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->path);
    rig->catalog = rig_catalog(files, n);
    rig_open(rig);
    return rig;
}

static inline void rig_forget(rig_t *rig)
{
    for (size_t i = 0; i < rig->n_events; i++) {
        event_release(&rig->events[i]);
    }
    rig->n_events = 0;
}

static inline void rig_free(rig_t *rig)
{
    rig_forget(rig);
    rig_abandon(rig);
    catalog_destroy(&rig->catalog);
    folder_remove(rig->path);
    free(rig);
}

static inline store_txn_t *rig_txn(rig_t *rig)
{
    if (rig->txn == NULL) {
        rig->txn = store_write(rig->store);
    }
    return rig->txn;
}

/* The scorer writes its events without protobuf-c; these are the bytes that it would have written.
 */
static inline void rig_same_as_packed(bytes_t payload, const event_t *event)
{
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    wire_pack(&event->base, &packed);
    assert_true(bytes_equal(buffer_bytes(&packed), payload));
    buffer_free(&packed);
}

static inline bool rig_keep(void *context, uint64_t seq, bytes_t payload)
{
    rig_t *rig = context;
    char reason[256];
    assert_int_equal(seq, ++rig->seen);
    assert_true(rig->n_events < sizeof rig->events / sizeof rig->events[0]);
    if (event_decode(payload, reason, &rig->events[rig->n_events++]) != 0) {
        fail_msg("record %llu: %s", (unsigned long long)seq, reason);
    }
    rig_same_as_packed(payload, rig->events[rig->n_events - 1].event);
    return true;
}

/* Settles and commits; what was journaled since the last time is in events. */
static inline void rig_commit(rig_t *rig)
{
    store_txn_t *txn = rig_txn(rig);
    score_settle(&rig->score, txn);
    if (!rig->no_step) {
        checkpoint_keep_up(rig->checkpoint, txn); /* as the service does */
    }
    journal_seal(rig->journal, txn);
    rig->txn = NULL;
    int rc = store_commit(&txn);
    journal_settle(rig->journal, rc == 0);
    assert_int_equal(rc, 0);
    rig_forget(rig);
    txn = store_read(rig->store);
    assert_true(journal_read(rig->journal, txn, rig->seen + 1, rig_keep, rig) >= 0);
    store_abort(&txn);
}

/* ---- readings ---- */

typedef struct {
    const char *code, *parent, *name;
    Chiso__V1__Level level;
} unit_t;

typedef struct {
    const char *id, *value;
    uint32_t revision;
    int64_t fetched_at;
} fig_t;

static inline void rig_read(rig_t *rig, const unit_t *unit, const char *period,
                            const fig_t *figures, size_t n)
{
    event_unit_t u = CHISO__V1__UNIT__INIT;
    event_reading_t reading = CHISO__V1__READING__INIT;
    event_figure_t parts[64];
    event_figure_t *list[64];
    uint8_t hash[SHA256_SIZE] = {1};
    uint8_t files[EVENT_MAX_EVIDENCE][SHA256_SIZE];
    ProtobufCBinaryData evidence[EVENT_MAX_EVIDENCE];
    for (unsigned i = 0; i < EVENT_MAX_EVIDENCE; i++) {
        memset(files[i], (int)(0x10 + i), SHA256_SIZE);
        evidence[i] = (ProtobufCBinaryData){SHA256_SIZE, files[i]};
    }
    u.code = T(unit->code);
    u.parent = T(unit->parent);
    u.name = T(unit->name);
    u.level = unit->level;
    reading.unit = &u;
    reading.period = T(period);
    reading.figures = list;
    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++) {
        list[i] = &parts[i];
        parts[i] = (event_figure_t)CHISO__V1__FIGURE__INIT;
        parts[i].id = T(figures[i].id);
        parts[i].value = T(figures[i].value);
        parts[i].source = T("dvc-766");
        parts[i].series = T("s");
        parts[i].fetched_at = figures[i].fetched_at != 0 ? figures[i].fetched_at : 1000;
        parts[i].revision = figures[i].revision != 0 ? figures[i].revision : 1;
        parts[i].raw_sha256 = (ProtobufCBinaryData){SHA256_SIZE, hash};
        parts[i].submitter = T(rig->submitter);
        parts[i].evidence = evidence;
        parts[i].n_evidence = rig->evidence;
    }
    reading.n_figures = n;
    /* as it comes over the bus */
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    event_in_t in;
    char reason[256];
    event_put_reading(&reading, &packed);
    if (event_decode(buffer_bytes(&packed), reason, &in) != 0) {
        fail_msg("%s", reason);
    }
    /* each reading has a trace of its own: named by its unit and its number */
    char name[64];
    snprintf(name, sizeof name, "%s/%u", reading.unit->code, rig->n_readings++);
    rig->score.cause = trace_of_name(name);
    score_reading(&rig->score, rig_txn(rig), in.event->reading);
    rig->score.cause = TRACE_NONE;
    event_release(&in);
    buffer_free(&packed);
}

/* ---- what came of it ---- */

static inline const event_score_t *rig_score(const rig_t *rig, const char *code, unsigned nth)
{
    for (size_t i = 0; i < rig->n_events; i++) {
        const event_t *e = rig->events[i].event;
        if (e->body_case == CHISO__V1__EVENT__BODY_SCORE &&
            strcmp(e->score->unit->code, code) == 0 && nth-- == 0) {
            return e->score;
        }
    }
    return NULL;
}

static inline const event_ranking_t *rig_ranking(const rig_t *rig, Chiso__V1__Level level,
                                                 const char *parent, unsigned nth)
{
    for (size_t i = 0; i < rig->n_events; i++) {
        const event_t *e = rig->events[i].event;
        if (e->body_case == CHISO__V1__EVENT__BODY_RANKING && e->ranking->level == level &&
            (parent == NULL) == (e->ranking->parent == NULL) &&
            (parent == NULL || strcmp(parent, e->ranking->parent) == 0) && nth-- == 0) {
            return e->ranking;
        }
    }
    return NULL;
}

static inline unsigned rig_scores(const rig_t *rig)
{
    unsigned n = 0;
    for (size_t i = 0; i < rig->n_events; i++) {
        n += rig->events[i].event->body_case == CHISO__V1__EVENT__BODY_SCORE ? 1 : 0;
    }
    return n;
}

/* Everything a result says, as bytes. `plain`: without how it came about. */
static inline void rig_bytes(const result_t *r, bool plain, buffer_t *out)
{
    result_t copy = *r;
    if (plain) {
        copy.revision = 1;
        copy.has_change = false;
        copy.previous_rank = 0;
    }
    state_put_score(&copy, true, out);
    assert_false(out->failed);
    event_in_t in;
    char reason[256];
    assert_int_equal(event_decode(buffer_bytes(out), reason, &in), 0);
    rig_same_as_packed(buffer_bytes(out), in.event);
    event_release(&in);
}

/* All results of `a` are in `b`, byte for byte, and no others; rankings too unless plain. */
static inline void rig_same(const state_t *a, const state_t *b, bool plain)
{
    buffer_t x = BUFFER_INIT(EVENT_MAX_BYTES);
    buffer_t y = BUFFER_INIT(EVENT_MAX_BYTES);
    assert_int_equal(a->n_results, b->n_results);
    for (size_t i = 0; i < a->n_results; i++) {
        const result_t *want = a->results[i];
        const result_t *have = state_find(b, want->index, want->period, want->code);
        assert_non_null(have);
        buffer_clear(&x);
        buffer_clear(&y);
        rig_bytes(want, plain, &x);
        rig_bytes(have, plain, &y);
        if (!bytes_equal(buffer_bytes(&x), buffer_bytes(&y))) {
            char p[DECIMAL_TEXT_SIZE];
            char q[DECIMAL_TEXT_SIZE];
            fail_msg("%s %s %s: points %s and %s, rank %u and %u, nation %u and %u, revision %u "
                     "and %u",
                     want->index->id, want->period, want->code, decimal_format(want->points, p),
                     decimal_format(have->points, q), want->rank, have->rank, want->nation_rank,
                     have->nation_rank, want->revision, have->revision);
        }
    }
    assert_int_equal(a->n_rankings, b->n_rankings);
    for (size_t i = 0; !plain && i < a->n_rankings; i++) {
        const ranking_t *want = a->rankings[i];
        const ranking_t *have = state_ranking((state_t *)(uintptr_t)b, want->index, want->period,
                                              want->level, want->parent);
        buffer_clear(&x);
        buffer_clear(&y);
        state_put_ranking(want, NULL, 0, &x);
        state_put_ranking(have, NULL, 0, &y);
        assert_true(bytes_equal(buffer_bytes(&x), buffer_bytes(&y)));
    }
    buffer_free(&x);
    buffer_free(&y);
}

#endif
