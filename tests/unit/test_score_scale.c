/* test_score_scale.c - two million random figures, over several indexes and periods, with renamed
 * units, excluded indicators and a `best` rule, and a scorer that is killed again and again: what
 * was worked out step by step is what a recomputation from nothing gives, bit for bit. And what
 * must hold whatever the figures are. */
#include "score_world.h"

static const char *const catalogs[] = {TEST_ROOT "/catalogs/dvc-766.yaml",
                                       TEST_ROOT "/catalogs/vl-province-2025.yaml",
                                       TEST_ROOT "/catalogs/hp-par-2025.yaml"};
#define CATALOGS 3
#define FIGURES_CHANGED 2000000
#define KILLS 12

static void commit(rig_t *rig, bool tell, bool trim)
{
    store_txn_t *txn = rig_txn(rig);
    rig->txn = NULL;
    if (tell) {
        score_settle(&rig->score, txn);
    } else {
        score_settle_results(&rig->score, txn);
    }
    if (dice(40) == 0) {
        checkpoint_step(rig->checkpoint, txn, true);
    } else {
        checkpoint_keep_up(rig->checkpoint, txn);
    }
    if (trim) {
        journal_trim(rig->journal, txn, checkpoint_floor(rig->checkpoint), 100000);
    }
    journal_seal(rig->journal, txn);
    assert_int_equal(store_commit(&txn), 0);
    journal_settle(rig->journal, true);
}

/* A kill at this moment, and a start: the same working set, to the last byte; then what the end of
 * the journal left untold is told. */
static void kill_and_start(rig_t *rig, bool in_mid_transaction)
{
    memory_t before;
    if (!in_mid_transaction) {
        remember(&rig->state, &before);
    }
    rig_abandon(rig);
    rig_open(rig);
    assert_false(rig->catalog_changed);
    if (!in_mid_transaction) {
        expect(&rig->state, &before);
        forget(&before);
    }
    score_untold(&rig->score, rig_txn(rig));
    commit(rig, true, false);
}

static void rename_one(void)
{
    unsigned u = dice(UNITS);
    snprintf(names[u], sizeof names[u], "Đơn vị %u (%u)", u, dice(1000));
}

static void test_two_million(void **state)
{
    (void)state;
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->path);
    rig->keep_records = 500;
    rig->catalog = rig_catalog(catalogs, CATALOGS);
    rig_open(rig);
    make_world(rig->catalog, 20251122);
    size_t done = 0;
    unsigned kills = 0;
    while (done < FIGURES_CHANGED) {
        static step_t steps[48];
        unsigned n = 1 + dice(48);
        for (unsigned i = 0; i < n; i++) {
            random_step_of(&steps[i], STEP_MOST);
            done += steps[i].n;
        }
        if (dice(4) == 0) {
            rename_one();
        }
        bool fate = done >= (size_t)FIGURES_CHANGED / KILLS * (kills + 1);
        if (fate && kills % 3 == 0) { /* killed with the batch in memory: nothing of it was */
            take(rig, &steps[0]);
            kill_and_start(rig, true);
        }
        for (unsigned i = 0; i < n; i++) {
            take(rig, &steps[i]);
        }
        commit(rig, dice(3) == 0, dice(8) == 0);
        if (fate) {
            kill_and_start(rig, false);
            compare_with_nothing(rig);
            kills++;
        }
    }
    commit(rig, true, true);
    compare_with_nothing(rig);
    assert_int_equal(kills, KILLS);
    assert_true(rig->state.n_results > UNITS);
    rig_free(rig);
}

/* ---- what must hold whatever the figures are ---- */

static const unit_t province = {"91", NULL, "An Giang", CHISO__V1__LEVEL__PROVINCE};

static const result_t *an_giang(const rig_t *rig, const char *index)
{
    const result_t *r =
        state_find(&rig->state, catalog_find(rig->catalog, index), "2025", province.code);
    assert_non_null(r);
    return r;
}

/* More of a numerator, or of what counts as points, never lowers the score. */
static void test_more_never_lowers(void **state)
{
    (void)state;
    rig_t *rig = rig_new(catalogs, CATALOGS);
    const catalog_index_t *index = catalog_find(rig->catalog, "vl-province-2025");
    make_world(rig->catalog, 5);
    unsigned raised = 0;
    uint32_t revision = 0;
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *in = &index->indicators[i];
        if (in->rule.kind != RULE_RATIO || in->rule.n_over == 0 || in->n_inputs != 2) {
            continue;
        }
        const char *of = index->figures[in->inputs[0].figure]->id;
        const char *over = index->figures[in->inputs[1].figure]->id;
        decimal_t before = {.micro = -1};
        for (unsigned value = 0; value < 130; value += 1 + dice(3)) {
            char text[16];
            snprintf(text, sizeof text, "%u", value);
            revision++;
            rig_read(rig, &province, "2025",
                     (const fig_t[]){{of, text, revision, 1000 + revision},
                                     {over, "100", revision, 1000 + revision}},
                     2);
            decimal_t now = an_giang(rig, index->id)->indicators[i].points;
            assert_true(decimal_compare(now, before) >= 0);
            before = now;
            raised++;
        }
        assert_true(decimal_sign(before) > 0);
        rig_commit(rig);
    }
    assert_true(raised > 500);
    rig_free(rig);
}

/* Whatever is read of an excluded indicator: points and maximum stay as they are. */
static void test_excluded_counts_for_nothing(void **state)
{
    (void)state;
    rig_t *rig = rig_new(catalogs, CATALOGS);
    const catalog_index_t *index = catalog_find(rig->catalog, "vl-province-2025");
    make_world(rig->catalog, 6);
    uint32_t revision = 0;
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *in = &index->indicators[i];
        if (in->rule.kind != RULE_RATIO || in->n_inputs == 0) {
            continue;
        }
        const char *out = index->figures[in->excluded_by]->id;
        for (unsigned k = 0; k < 6; k++) {
            revision++;
            if (k == 0) {
                rig_read(rig, &province, "2025", &(fig_t){out, "1", revision, 1000 + revision}, 1);
            }
            const result_t *r = an_giang(rig, index->id);
            bool shared = false;
            decimal_t points = r->points;
            decimal_t max = r->max;
            /* only figures that no other indicator reads */
            const char *id = index->figures[in->inputs[k % in->n_inputs].figure]->id;
            for (unsigned o = 0; o < index->n_indicators; o++) {
                for (unsigned x = 0; x < index->indicators[o].n_inputs && o != i; x++) {
                    if (index->indicators[o].inputs[x].figure ==
                        in->inputs[k % in->n_inputs].figure) {
                        shared = true;
                    }
                }
            }
            char text[DECIMAL_TEXT_SIZE];
            random_value(CATALOG_COUNT, text);
            if (shared) {
                continue;
            }
            rig_read(rig, &province, "2025", &(fig_t){id, text, revision, 2000 + revision}, 1);
            r = an_giang(rig, index->id);
            assert_int_equal(r->indicators[i].status, RULE_EXCLUDED);
            assert_int_equal(decimal_compare(r->points, points), 0);
            assert_int_equal(decimal_compare(r->max, max), 0);
        }
        rig_commit(rig);
    }
    assert_true(revision > 100);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_million),
                                       cmocka_unit_test(test_more_never_lowers),
                                       cmocka_unit_test(test_excluded_counts_for_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
