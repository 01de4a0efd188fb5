/* test_model_random.c - the read model behind a real scorer: whether it followed the journal, or
 * took a snapshot and then a tail that overlaps it, it says what the scorer says. */
#include "model_rig.h"
#include "score_rig.h"

static uint64_t seed = 7;

static uint32_t dice(uint32_t bound)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % bound;
}

static const char *const catalogs[] = {TEST_ROOT "/catalogs/dvc-766.yaml"};
static const char *const ids[] = {"dvc-766.ckmb", "dvc-766.tdgq", "dvc-766.clgq", "dvc-766.tttt"};

static void random_reading(rig_t *rig, uint32_t revision)
{
    char code[8];
    char value[16];
    unsigned i = dice(24);
    snprintf(code, sizeof code, i < 6 ? "%02u" : "%05u", i);
    snprintf(value, sizeof value, "%u.%u", dice(19), dice(3));
    static const char *const parents[] = {"00", "01", "02"};
    unit_t u = {code, i < 6 ? NULL : parents[i % 3], dice(40) == 0 ? "Tên mới" : "Tên",
                i < 6 ? CHISO__V1__LEVEL__PROVINCE : CHISO__V1__LEVEL__COMMUNE};
    rig_read(rig, &u, dice(4) == 0 ? "2025-10" : "2025",
             &(fig_t){ids[dice(4)], value, revision, 1000 + revision}, 1);
}

/* The scorer's result in the order in which the publisher keeps one. */
static int by_id(const void *a, const void *b)
{
    const event_figure_t *const *x = a;
    const event_figure_t *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

static int by_code(const void *a, const void *b)
{
    const event_indicator_t *const *x = a;
    const event_indicator_t *const *y = b;
    return strcmp((*x)->code, (*y)->code);
}

static void says_the_same(const rig_t *rig, published_t *p)
{
    store_txn_t *txn = store_read(p->store);
    assert_int_equal(store_count(txn, MODEL_RESULTS), rig->state.n_results);
    for (size_t i = 0; i < rig->state.n_results; i++) {
        const result_t *r = rig->state.results[i];
        event_in_t have;
        event_in_t want;
        char reason[256];
        buffer_t x = BUFFER_INIT(EVENT_MAX_BYTES);
        buffer_t y = BUFFER_INIT(EVENT_MAX_BYTES);
        assert_true(model_result(txn, r->index->id, r->period, r->code, &have));
        rig_bytes(r, false, &x);
        assert_int_equal(event_decode(buffer_bytes(&x), reason, &want), 0);
        qsort(want.event->score->figures, want.event->score->n_figures, sizeof(void *), by_id);
        qsort(want.event->score->indicators, want.event->score->n_indicators, sizeof(void *),
              by_code);
        buffer_clear(&x);
        event_put_score(want.event->score, &x);
        event_put_score(have.event->score, &y);
        if (!bytes_equal(buffer_bytes(&x), buffer_bytes(&y))) {
            const event_score_t *a = want.event->score;
            const event_score_t *b = have.event->score;
            fail_msg("%s %s: revision %u and %u, rank %u and %u, nation %u and %u, points %s and "
                     "%s",
                     r->period, r->code, a->revision, b->revision, a->rank, b->rank, a->nation_rank,
                     b->nation_rank, a->points, b->points);
        }
        event_release(&want);
        event_release(&have);
        buffer_free(&x);
        buffer_free(&y);
    }
    store_abort(&txn);
}

/* The scorer's journal from `from` on, in batches. */
typedef struct {
    published_t *to;
    store_txn_t *txn;
    unsigned n;
} feed_t;

static bool feed_one(void *context, uint64_t seq, bytes_t payload)
{
    (void)seq;
    feed_t *f = context;
    event_in_t in;
    char reason[256];
    assert_int_equal(event_decode(payload, reason, &in), 0);
    if (f->txn == NULL) {
        f->txn = store_write(f->to->store);
    }
    assert_int_equal(model_apply(&f->to->model, f->txn, MODEL_EPOCH, in.event, false), 0);
    event_release(&in);
    return true;
}

static void feed(rig_t *rig, published_t *to, uint64_t from)
{
    feed_t f = {.to = to};
    store_txn_t *txn = store_read(rig->store);
    assert_true(journal_read(rig->journal, txn, from, feed_one, &f) >= 0);
    store_abort(&txn);
    if (f.txn != NULL) {
        published_commit(to, &f.txn);
    }
}

/* What the scorer gives as a snapshot: results, then rankings with all standings. */
static void give_snapshot(rig_t *rig, published_t *to)
{
    size_t n = rig->state.n_results;
    event_in_t *events = calloc(n + 1, sizeof *events);
    store_txn_t *txn = store_write(to->store);
    for (size_t i = 0; i < n; i++) {
        char reason[256];
        buffer_t b = BUFFER_INIT(EVENT_MAX_BYTES);
        rig_bytes(rig->state.results[i], false, &b);
        assert_int_equal(event_decode(buffer_bytes(&b), reason, &events[i]), 0);
        buffer_free(&b);
        assert_int_equal(model_apply(&to->model, txn, MODEL_EPOCH, events[i].event, true), 0);
    }
    for (size_t i = 0; i < rig->state.n_rankings; i++) {
        const ranking_t *ranking = rig->state.rankings[i];
        buffer_t b = BUFFER_INIT(EVENT_MAX_BYTES);
        char reason[256];
        event_in_t in;
        assert_int_equal(state_put_standings(ranking, 0, &b), ranking->n_members);
        assert_int_equal(event_decode(buffer_bytes(&b), reason, &in), 0);
        assert_int_equal(model_apply(&to->model, txn, MODEL_EPOCH, in.event, true), 0);
        event_release(&in);
        buffer_free(&b);
    }
    model_sweep(&to->model, txn, events, n);
    published_commit(to, &txn);
    for (size_t i = 0; i < n; i++) {
        event_release(&events[i]);
    }
    free(events);
}

static void grow(rig_t *rig, unsigned batches, uint32_t *revision)
{
    for (unsigned i = 0; i < batches; i++) {
        for (unsigned k = 1 + dice(4); k > 0; k--) {
            random_reading(rig, ++*revision);
        }
        rig_commit(rig);
    }
}

static void test_tail(void **state)
{
    (void)state;
    rig_t *rig = rig_new(catalogs, 1);
    published_t *p = published_new(rig->catalog);
    uint32_t revision = 0;
    for (int round = 0; round < 40; round++) {
        uint64_t from = journal_head(rig->journal) + 1;
        grow(rig, 5, &revision);
        feed(rig, p, from);
        says_the_same(rig, p);
    }
    published_free(p);
    rig_free(rig);
}

/* A page may already hold changes that the tail repeats. */
static void test_snapshot_and_overlapping_tail(void **state)
{
    (void)state;
    rig_t *rig = rig_new(catalogs, 1);
    uint32_t revision = 0;
    unsigned told_again = 0;
    grow(rig, 30, &revision);
    for (int round = 0; round < 12; round++) {
        published_t *p = published_new(rig->catalog);
        uint64_t tail = journal_head(rig->journal) + 1; /* as the first page names it */
        grow(rig, 1 + dice(6), &revision);
        give_snapshot(rig, p);
        says_the_same(rig, p);
        give_snapshot(rig, p); /* the same again is no news */
        assert_int_equal(p->n_notices, 0);
        feed(rig, p, tail);
        says_the_same(rig, p);
        told_again += (unsigned)p->n_notices;
        /* and on from there */
        tail = journal_head(rig->journal) + 1;
        grow(rig, 3, &revision);
        feed(rig, p, tail);
        says_the_same(rig, p);
        published_free(p);
    }
    rig_free(rig);
    assert_int_equal(told_again, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tail),
                                       cmocka_unit_test(test_snapshot_and_overlapping_tail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
