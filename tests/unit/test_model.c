/* test_model.c - the read model: merging, ranks, snapshots, staleness, history. */
#include "told_rig.h"

static void test_merge(void **state)
{
    published_t *p = *state;
    event_in_t in;
    store_txn_t *txn = store_write(p->store);
    take_score(p, txn, &first, false);
    published_commit(p, &txn);
    assert_int_equal(p->n_notices, 1);
    assert_string_equal(notice(p, 0)->type, NOTICE_SCORE);
    assert_string_equal(notice(p, 0)->subject, "dvc-766/2025/91");
    assert_string_equal(notice(p, 0)->key, "score/dvc-766/2025/91/1@55667788");
    assert_false(notice(p, 0)->internal);
    txn = store_write(p->store);
    take_score(p, txn, &second, false);
    published_commit(p, &txn);
    assert_int_equal(p->n_notices, 1);
    assert_string_equal(notice(p, 0)->key, "score/dvc-766/2025/91/2@55667788");
    result(p, "91", &in);
    const event_score_t *s = in.event->score;
    assert_string_equal(s->points, "21.5");
    assert_int_equal(s->n_indicators, 2); /* the changed one, and the one known before */
    assert_string_equal(s->indicators[0]->code, "ckmb");
    assert_string_equal(s->indicators[0]->points, "10");
    assert_string_equal(s->indicators[1]->points, "11.5");
    assert_string_equal(s->figures[0]->value, "10");
    assert_int_equal(s->figures[0]->revision, 1);
    assert_string_equal(s->figures[1]->value, "11.5");
    assert_int_equal(s->figures[1]->revision, 2);
    event_release(&in);
    txn = store_read(p->store);
    assert_false(model_result(txn, "dvc-766", "2025", "92", &in));
    assert_false(model_result(txn, "dvc-766", "2025-10", "91", &in));
    assert_int_equal(store_status(txn), 0);
    store_abort(&txn);
    assert_int_equal(p->model.n_groups, 1);
    assert_int_equal(p->model.groups[0].units, 1);
}

static void test_repeated_tail(void **state)
{
    published_t *p = *state;
    event_in_t in;
    static const char *const moved[] = {"91"};
    static const uint32_t ranks[] = {3};
    store_txn_t *txn = store_write(p->store);
    take_score(p, txn, &first, false);
    take_score(p, txn, &second, false);
    take_ranking(p, txn, NULL, CHISO__V1__LEVEL__PROVINCE, 4, moved, ranks, 1);
    published_commit(p, &txn);
    assert_int_equal(p->n_notices, 3);
    txn = store_write(p->store); /* all of it once more, as behind a snapshot */
    take_score(p, txn, &first, false);
    published_commit(p, &txn);
    assert_int_equal(p->n_notices, 0);
    txn = store_write(p->store);
    take_score(p, txn, &second, false);
    take_ranking(p, txn, NULL, CHISO__V1__LEVEL__PROVINCE, 4, moved, ranks, 1);
    published_commit(p, &txn);
    result(p, "91", &in);
    assert_string_equal(in.event->score->points, "21.5");
    assert_int_equal(in.event->score->rank, 3);
    event_release(&in);
    for (size_t i = 0; i < p->n_notices; i++) {
        print_error("told again: %s\n", notice(p, i)->key);
    }
    assert_int_equal(p->n_notices, 0);
}

static void count_one(void *context, event_in_t *score)
{
    char *out = context;
    size_t len = strlen(out);
    const event_score_t *s = score->event->score;
    snprintf(out + len, 200 - len, "%s:%u/%u ", s->unit->code, s->rank, s->nation_rank);
    event_release(score);
}

static const char *walk(published_t *p, const char *parent)
{
    static char out[200];
    out[0] = '\0';
    store_txn_t *txn = store_read(p->store);
    model_walk(txn, "dvc-766", "2025", CHISO__V1__LEVEL__COMMUNE, parent, count_one, out);
    assert_int_equal(store_status(txn), 0);
    store_abort(&txn);
    return out;
}

static void test_rankings(void **state)
{
    published_t *p = *state;
    static const told_score_t communes[] = {
        {"30001", "91", 1, 1, 2, "20", NULL, {{NULL}}, 0, NULL},
        {"30002", "91", 1, 2, 3, "19", NULL, {{NULL}}, 0, NULL},
        {"10001", "01", 1, 1, 1, "21", NULL, {{NULL}}, 0, NULL}};
    static const char *const local[] = {"30001", "30002", "nobody"};
    static const uint32_t local_ranks[] = {2, 1, 7};
    static const char *const nation[] = {"30002", "10001"};
    static const uint32_t nation_ranks[] = {1, 3};
    store_txn_t *txn = store_write(p->store);
    for (int i = 0; i < 3; i++) {
        take_score(p, txn, &communes[i], false);
    }
    published_commit(p, &txn);
    assert_string_equal(walk(p, "91"), "30001:1/2 30002:2/3 ");
    assert_string_equal(walk(p, NULL), "10001:1/1 30001:1/2 30002:2/3 ");
    assert_string_equal(walk(p, "9"), ""); /* no prefix of a code is one */
    txn = store_write(p->store);
    take_ranking(p, txn, "91", CHISO__V1__LEVEL__COMMUNE, 2, local, local_ranks, 3);
    take_ranking(p, txn, NULL, CHISO__V1__LEVEL__COMMUNE, 3, nation, nation_ranks, 2);
    published_commit(p, &txn);
    assert_string_equal(walk(p, NULL), "10001:1/3 30001:2/2 30002:1/1 ");
    assert_int_equal(p->n_notices, 2);
    assert_string_equal(notice(p, 0)->type, NOTICE_RANKING);
    assert_string_equal(notice(p, 0)->subject, "dvc-766/2025/commune/91");
    assert_string_equal(notice(p, 0)->key, "ranking/dvc-766/2025/commune/91/2@55667788");
    assert_string_equal(notice(p, 1)->key, "ranking/dvc-766/2025/commune/3@55667788");
    int64_t as_of;
    uint32_t revision;
    txn = store_read(p->store);
    model_ranking(txn, "dvc-766", "2025", CHISO__V1__LEVEL__COMMUNE, "91", &as_of, &revision);
    assert_int_equal(as_of, 1000);
    assert_int_equal(revision, 2);
    model_ranking(txn, "dvc-766", "2025", CHISO__V1__LEVEL__COMMUNE, "92", &as_of, &revision);
    assert_int_equal(as_of, 0);
    assert_int_equal(revision, 0);
    store_abort(&txn);
    /* a newer as-of time without a move is kept, but nobody is told */
    txn = store_write(p->store);
    take_ranking(p, txn, "91", CHISO__V1__LEVEL__COMMUNE, 6, NULL, NULL, 0);
    published_commit(p, &txn);
    assert_int_equal(p->n_notices, 0);
    /* groups: two provinces' communes; found again at the next start */
    for (int round = 0; round < 2; round++) {
        assert_int_equal(p->model.n_groups, 2);
        for (int i = 0; i < 2; i++) {
            const model_group_t *g = &p->model.groups[i];
            assert_int_equal(g->units, strcmp(g->parent, "91") == 0 ? 2 : 1);
            assert_int_equal(g->level, CHISO__V1__LEVEL__COMMUNE);
        }
        published_close(p);
        published_open(p);
    }
}

/* Gives the events as a snapshot, with the sweep behind them. */
static void take_snapshot(published_t *p, const told_score_t *told, size_t n)
{
    event_in_t events[8] = {{0}};
    score_room_t *rooms = calloc(n + 1, sizeof *rooms);
    store_txn_t *txn = store_write(p->store);
    for (size_t i = 0; i < n; i++) {
        take_score(p, txn, &told[i], true);
        events[i].event = score_of(&told[i], &rooms[i]);
    }
    model_sweep(&p->model, txn, events, n);
    published_commit(p, &txn);
    free(rooms);
}

static void test_snapshots(void **state)
{
    published_t *p = *state;
    event_in_t in;
    told_score_t a = first;
    told_score_t b = first;
    told_score_t both[2];
    b.code = "01";
    store_txn_t *txn = store_write(p->store);
    take_score(p, txn, &a, false);
    take_score(p, txn, &b, false);
    published_commit(p, &txn);
    assert_int_equal(p->n_notices, 2);
    both[0] = b;
    both[1] = a;
    take_snapshot(p, both, 2); /* equal */
    assert_int_equal(p->n_notices, 0);
    both[1].revision = 7; /* another life of the scorer counts otherwise, but says the same */
    both[1].change = "3";
    both[1].as_of = 1000;
    take_snapshot(p, both, 2);
    /* the figures' revisions are those of ingest, which lives on: so here they differ */
    assert_int_equal(p->n_notices, 1);
    take_snapshot(p, both, 2);
    assert_int_equal(p->n_notices, 0);
    both[0].points = "20.5"; /* different */
    take_snapshot(p, both, 2);
    assert_int_equal(p->n_notices, 1);
    assert_string_equal(notice(p, 0)->subject, "dvc-766/2025/01");
    /* a snapshot is complete: what it does not name is gone, within a result too */
    both[0].parts[1][0] = NULL;
    take_snapshot(p, both, 2);
    result(p, "01", &in);
    assert_int_equal(in.event->score->n_indicators, 1);
    event_release(&in);
    assert_int_equal(p->model.groups[0].units, 2);
    take_snapshot(p, &both[1], 1);
    txn = store_read(p->store);
    assert_false(model_result(txn, "dvc-766", "2025", "01", &in));
    assert_int_equal(store_count(txn, MODEL_RESULTS), 1);
    assert_int_equal(store_count(txn, MODEL_PLACES), 1);
    store_abort(&txn);
    assert_int_equal(p->model.groups[0].units, 1);
    published_close(p);
    published_open(p);
    assert_int_equal(p->model.groups[0].units, 1);
}

static void test_stale(void **state)
{
    published_t *p = *state;
    event_in_t in;
    store_txn_t *txn = store_write(p->store);
    take_score(p, txn, &first, false);
    take_state(p, txn, "91/2025", true, NULL); /* of other figures */
    published_commit(p, &txn);
    result(p, "91", &in);
    assert_false(model_is_stale(&p->model, in.event->score));
    static const struct {
        bool stale;
        const char *unit, *period;
        bool want;
    } cases[] = {
        {false, NULL, NULL, false},      {true, NULL, NULL, true},   {false, "01", "2025", false},
        {false, "91", "2025", true},     {false, NULL, NULL, false}, {true, "01", "2025", true},
        {false, "91", "2024", false}, /* another period of the same series */
        {false, "91", "2025-10", false}, {false, "91", NULL, true},  {false, "91", "2024", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        txn = store_write(p->store);
        take_row_state(p, txn, "nation/2025", cases[i].stale, cases[i].unit, cases[i].period);
        published_commit(p, &txn);
        assert_int_equal(p->n_notices, 1);
        assert_string_equal(notice(p, 0)->type, NOTICE_SOURCE);
        assert_true(notice(p, 0)->internal); /* not for the portals */
        assert_int_equal(model_is_stale(&p->model, in.event->score), cases[i].want);
        published_close(p);
        published_open(p); /* remembered */
        assert_int_equal(model_is_stale(&p->model, in.event->score), cases[i].want);
        assert_int_equal(p->model.n_states, 2);
    }
    event_release(&in);
    assert_non_null(model_state(&p->model, "dvc-766", "91/2025"));
    assert_null(model_state(&p->model, "dvc-766", "92/2025"));
    assert_null(model_state(&p->model, "dvc", "91/2025"));
}

static bool revision(void *context, const Chiso__V1__Revision *r)
{
    char *out = context;
    size_t len = strlen(out);
    snprintf(out + len, 200 - len, "%u=%s@%lld#%u ", r->revision, r->points, (long long)r->as_of,
             r->rank);
    return r->revision != 2;
}

static void test_history(void **state)
{
    published_t *p = *state;
    char out[200] = "";
    told_score_t t = first;
    store_txn_t *txn = store_write(p->store);
    static const uint32_t revisions[] = {1, 255, 256, 3, 2};
    for (int i = 0; i < 3; i++) {
        t.revision = revisions[i];
        take_score(p, txn, &t, false);
    }
    t.code = "911"; /* another unit, of which this one's code is a prefix */
    take_score(p, txn, &t, false);
    model_history(txn, "dvc-766", "2025", "91", revision, out);
    published_commit(p, &txn);
    assert_string_equal(out, "256=20@256000#2 255=20@255000#2 1=20@1000#2 ");
    out[0] = '\0';
    txn = store_read(p->store);
    model_history(txn, "dvc-766", "2025", "90", revision, out);
    assert_string_equal(out, "");
    store_abort(&txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_merge, group_setup, group_teardown),
        cmocka_unit_test_setup_teardown(test_repeated_tail, group_setup, group_teardown),
        cmocka_unit_test_setup_teardown(test_rankings, group_setup, group_teardown),
        cmocka_unit_test_setup_teardown(test_snapshots, group_setup, group_teardown),
        cmocka_unit_test_setup_teardown(test_stale, group_setup, group_teardown),
        cmocka_unit_test_setup_teardown(test_history, group_setup, group_teardown),
    };
    return cmocka_run_group_tests(tests, group_load, group_unload);
}
