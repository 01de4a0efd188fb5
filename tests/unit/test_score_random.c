/* test_score_random.c - thousands of random readings: what was worked out step by step, and through
 * kills, is what a recomputation from nothing gives, bit for bit. */
#include "score_world.h"

#include <sys/stat.h>

static const char *const catalogs[] = {TEST_ROOT "/catalogs/dvc-766.yaml",
                                       TEST_ROOT "/catalogs/vl-province-2025.yaml",
                                       TEST_ROOT "/catalogs/hp-par-2025.yaml"};
#define CATALOGS 3

#define STEPS 4000

static void test_incremental(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 2; round++) {
        rig_t *rig = rig_new(catalogs, CATALOGS);
        make_world(rig->catalog, round);
        for (unsigned i = 0; i < STEPS;) {
            for (unsigned batch = 1 + dice(64); batch > 0 && i < STEPS; batch--, i++) {
                step_t s;
                random_step(&s);
                take(rig, &s);
            }
            rig_commit(rig);
            if (dice(16) == 0) {
                compare_with_nothing(rig);
            }
        }
        compare_with_nothing(rig);
        assert_true(rig->state.n_results > UNITS);
        rig_free(rig);
    }
}

/* Any order of the units, each one's own readings in theirs. */
static void test_order(void **state)
{
    (void)state;
    enum { N = 1500 };
    step_t *steps = calloc(N, sizeof *steps);
    assert_non_null(steps);
    rig_t *rig = rig_new(catalogs, CATALOGS);
    make_world(rig->catalog, 77);
    for (unsigned i = 0; i < N; i++) {
        random_step(&steps[i]);
        take(rig, &steps[i]);
        if (dice(20) == 0) {
            rig_commit(rig);
        }
    }
    rig_commit(rig);
    rig_t *other = rig_new(catalogs, CATALOGS);
    for (unsigned u = UNITS; u-- > 0;) { /* the last unit first, all of its readings */
        for (unsigned i = 0; i < N; i++) {
            if (steps[i].unit == u) {
                take(other, &steps[i]);
            }
        }
        if (u % 7 == 0) {
            rig_commit(other);
        }
    }
    rig_commit(other);
    compare_with_nothing(other);
    /* the indexes are not the same objects: compare through one recomputation each */
    compare_with_nothing(rig);
    rig_free(rig);
    rig_free(other);
    free(steps);
}

/* ---- kills ---- */

/* One commit with a slice of the checkpoint in it, as the service does. */
static bool checkpoint_slice(rig_t *rig, bool force)
{
    store_txn_t *txn = store_write(rig->store);
    bool more = checkpoint_step(rig->checkpoint, txn, force);
    journal_seal(rig->journal, txn);
    assert_int_equal(store_commit(&txn), 0);
    journal_settle(rig->journal, true);
    return more;
}

/* The stored records, key and value, as one hash. */
static void fingerprint(rig_t *rig, uint8_t out[SHA256_SIZE])
{
    static const store_table_t tables[] = {SCORER_RESULTS, SCORER_RANKINGS};
    buffer_t all = BUFFER_INIT(256 << 20);
    store_txn_t *txn = store_read(rig->store);
    for (int t = 0; t < 2; t++) {
        store_cursor_t *c;
        bytes_t k;
        bytes_t v;
        bool more = store_seek(txn, tables[t], bytes_of(NULL, 0), &c, &k, &v);
        for (; more; more = store_next(c, &k, &v)) {
            buffer_append(&all, k.data, k.len);
            buffer_append(&all, v.data, v.len);
        }
        store_cursor_close(&c);
    }
    store_abort(&txn);
    assert_false(all.failed);
    assert_true(all.len > 10000);
    sha256(buffer_bytes(&all), out);
    buffer_free(&all);
}

/* Runs the same readings with kills of one kind or none, and gives what is stored in the end. */
static void run(unsigned one_kill_in, uint8_t out[SHA256_SIZE])
{
    enum { BATCHES = 160 };
    rig_t *rig = rig_new(catalogs, CATALOGS);
    make_world(rig->catalog, 4711);
    uint64_t kill_seed = 99;
    for (unsigned i = 0; i < BATCHES; i++) {
        step_t steps[12];
        unsigned n = 1 + dice(12);
        for (unsigned k = 0; k < n; k++) {
            random_step(&steps[k]);
        }
        kill_seed = kill_seed * 6364136223846793005ULL + 1;
        unsigned fate = one_kill_in > 0 ? (unsigned)(kill_seed >> 33) % one_kill_in : UINT32_MAX;
        if (fate == 0) { /* killed in mid-transaction: nothing of it was */
            memory_t before;
            remember(&rig->state, &before);
            for (unsigned k = 0; k < n; k++) {
                take(rig, &steps[k]);
            }
            score_settle(&rig->score, rig->txn);
            rig_abandon(rig);
            rig_open(rig);
            expect(&rig->state, &before);
            forget(&before);
        }
        for (unsigned k = 0; k < n; k++) {
            take(rig, &steps[k]);
        }
        rig_commit(rig);
        bool slices = i % 9 == 8;
        while (slices && checkpoint_slice(rig, true)) {
            if (fate == 1) {
                break; /* killed between two slices */
            }
        }
        if (fate <= 1 || fate == 2) {
            memory_t before;
            remember(&rig->state, &before);
            rig_abandon(rig);
            rig_open(rig);
            assert_false(rig->catalog_changed);
            expect(&rig->state, &before);
            forget(&before);
        }
    }
    compare_with_nothing(rig);
    while (checkpoint_slice(rig, true)) {
    }
    fingerprint(rig, out);
    rig_free(rig);
}

static void test_kills(void **state)
{
    (void)state;
    uint8_t calm[SHA256_SIZE];
    uint8_t always[SHA256_SIZE];
    uint8_t sometimes[SHA256_SIZE];
    run(0, calm);
    run(2, always); /* after every batch */
    run(7, sometimes);
    assert_memory_equal(calm, always, SHA256_SIZE);
    assert_memory_equal(calm, sometimes, SHA256_SIZE);
}

/* So many results, none of which has a record yet. */
enum { MANY = 3 * CHECKPOINT_SLICE + 10 };

static rig_t *rig_with_many(void)
{
    static const char *const only[] = {TEST_ROOT "/catalogs/dvc-766.yaml"};
    rig_t *rig = rig_new(only, 1);
    rig->no_step = true;
    for (unsigned i = 0; i < MANY; i++) {
        char code[8];
        char value[16];
        snprintf(code, sizeof code, "%05u", i);
        snprintf(value, sizeof value, "%u.%u", i % 18, i % 10);
        unit_t u = {code, "91", "Xã", CHISO__V1__LEVEL__COMMUNE};
        rig_read(rig, &u, "2025", &(fig_t){"dvc-766.ckmb", value, 1, 1000}, 1);
    }
    rig_commit(rig);
    return rig;
}

/* A checkpoint of several slices, killed after each of them while readings go on. */
static void test_slices(void **state)
{
    (void)state;
    for (unsigned kill_after = 0; kill_after < 6; kill_after++) {
        rig_t *rig = rig_with_many();
        bool more = true;
        for (unsigned slice = 0; slice < kill_after && more; slice++) {
            more = checkpoint_slice(rig, true);
            char code[8];
            snprintf(code, sizeof code, "%05u", slice * 200); /* written already, or not yet */
            unit_t u = {code, "91", "Xã", CHISO__V1__LEVEL__COMMUNE};
            rig_read(rig, &u, "2025", &(fig_t){"dvc-766.ckmb", "17.5", 2, 2000 + slice}, 1);
            rig_commit(rig);
        }
        assert_int_equal(more, kill_after < 4);
        memory_t before;
        remember(&rig->state, &before);
        uint64_t floor = checkpoint_floor(rig->checkpoint);
        rig_abandon(rig);
        rig_open(rig);
        assert_int_equal(checkpoint_floor(rig->checkpoint), floor);
        assert_int_equal(floor > 1, kill_after >= 4);
        expect(&rig->state, &before);
        forget(&before);
        rig_free(rig);
    }
}

/* How many results have a record after so many more in the journal, and what came with them. */
static uint64_t after_more(rig_t *rig, unsigned more)
{
    store_txn_t *txn = store_write(rig->store);
    for (unsigned i = 0; i < more; i++) {
        journal_append(rig->journal, txn, bytes_of_text("of no meaning"));
    }
    journal_seal(rig->journal, txn);
    assert_int_equal(store_commit(&txn), 0);
    journal_settle(rig->journal, true);
    txn = store_write(rig->store);
    checkpoint_keep_up(rig->checkpoint, txn);
    uint64_t written = store_count(txn, SCORER_RESULTS);
    assert_int_equal(store_commit(&txn), 0);
    return written;
}

/* Beside batches a checkpoint goes as fast as the journal and no faster, in order of the places. */
static void test_keep_up(void **state)
{
    (void)state;
    enum { HALF = CHECKPOINT_EVENTS / 2 };
    rig_t *rig = rig_with_many();
    assert_int_equal(after_more(rig, CHECKPOINT_EVENTS / 4), 0); /* none is due */
    uint64_t begun_at = journal_head(rig->journal) + 1;
    assert_true(checkpoint_slice(rig, true));
    assert_int_equal(after_more(rig, HALF / 8), CHECKPOINT_SLICE); /* ahead of it */
    assert_int_equal(after_more(rig, HALF / 2 - HALF / 8), MANY / 2);
    result_t *written = rig->state.results[0];
    result_t *waiting = rig->state.results[MANY - 1];
    store_txn_t *txn = store_read(rig->store);
    bytes_t record;
    assert_true(store_get(txn, SCORER_RESULTS, bytes_of(written->key, written->key_len), &record));
    assert_false(store_get(txn, SCORER_RESULTS, bytes_of(waiting->key, waiting->key_len), &record));
    store_abort(&txn);
    assert_int_equal(checkpoint_floor(rig->checkpoint), 1);
    assert_int_equal(after_more(rig, HALF / 2), MANY);
    assert_int_equal(checkpoint_floor(rig->checkpoint), begun_at);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_incremental),
                                       cmocka_unit_test(test_order), cmocka_unit_test(test_kills),
                                       cmocka_unit_test(test_slices),
                                       cmocka_unit_test(test_keep_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
