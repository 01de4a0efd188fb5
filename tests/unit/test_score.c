/* test_score.c - what a reading changes, and what it does not; ranks; the events that tell it. */
#include "score_rig.h"

#include <sys/stat.h>

static const char *const catalogs[] = {TEST_ROOT "/catalogs/dvc-766.yaml"};

static int setup(void **state)
{
    *state = rig_new(catalogs, 1);
    return 0;
}

static int teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static const unit_t an_giang = {"91", NULL, "An Giang", CHISO__V1__LEVEL__PROVINCE};
static const unit_t ha_noi = {"01", NULL, "Hà Nội", CHISO__V1__LEVEL__PROVINCE};

#define READ(rig, unit, ...)                                                                       \
    rig_read(rig, unit, "2025", (const fig_t[]){__VA_ARGS__},                                      \
             sizeof((const fig_t[]){__VA_ARGS__}) / sizeof(fig_t))

static void ckmb(rig_t *rig, const char *code, const char *parent, const char *value)
{
    unit_t u = {code, parent, "Xã",
                parent != NULL ? CHISO__V1__LEVEL__COMMUNE : CHISO__V1__LEVEL__PROVINCE};
    READ(rig, &u, {"dvc-766.ckmb", value, 0, 0});
}

static void ranks(rig_t *rig, const char *code, uint32_t local, uint32_t nation)
{
    const result_t *r = state_find(&rig->state, catalog_at(rig->catalog, 0), "2025", code);
    assert_non_null(r);
    if (r->rank != local || r->nation_rank != nation) {
        fail_msg("%s: %u and %u, wanted %u and %u", code, r->rank, r->nation_rank, local, nation);
    }
}

static void test_competition_ranks(void **state)
{
    rig_t *rig = *state;
    static const struct {
        const char *code, *value;
        uint32_t rank;
    } units[] = {{"05", "10", 5},        {"04", "12", 2}, {"01", "17.5", 1},    {"02", "12", 2},
                 {"03", "12.000000", 2}, {"06", "0", 7},  {"07", "9.999999", 6}};
    for (size_t i = 0; i < 7; i++) {
        ckmb(rig, units[i].code, NULL, units[i].value);
    }
    rig_commit(rig);
    for (size_t i = 0; i < 7; i++) {
        ranks(rig, units[i].code, units[i].rank, units[i].rank);
        assert_int_equal(rig_score(rig, units[i].code, 0)->rank, units[i].rank);
    }
    /* members by rank, the tied by code */
    const ranking_t *ranking = rig->state.rankings[0];
    static const char *const order[] = {"01", "02", "03", "04", "05", "07", "06"};
    for (unsigned i = 0; i < 7; i++) {
        const result_t *member = order_member(&ranking->order, order_nth(&ranking->order, i));
        assert_string_equal(member->code, order[i]);
    }
    const event_ranking_t *event = rig_ranking(rig, CHISO__V1__LEVEL__PROVINCE, NULL, 0);
    assert_int_equal(event->n_standings, 7);
    assert_int_equal(event->revision, 1);
    assert_int_equal(event->as_of, 1000);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(event->standings[i]->unit, order[i]);
        assert_false(event->standings[i]->has_previous_rank);
    }
    /* only those that moved are told */
    unit_t u = {"06", NULL, "Xã", CHISO__V1__LEVEL__PROVINCE};
    READ(rig, &u, {"dvc-766.ckmb", "9.999999", 2, 2000});
    rig_commit(rig);
    event = rig_ranking(rig, CHISO__V1__LEVEL__PROVINCE, NULL, 0);
    assert_int_equal(event->n_standings, 1);
    assert_string_equal(event->standings[0]->unit, "06");
    assert_int_equal(event->standings[0]->rank, 6);
    assert_int_equal(event->standings[0]->previous_rank, 7);
    assert_int_equal(event->revision, 2);
    assert_int_equal(event->as_of, 2000);
    assert_int_equal(rig_scores(rig), 1);
    assert_int_equal(rig_score(rig, "06", 0)->previous_rank, 7);
}

static void test_national_and_local(void **state)
{
    rig_t *rig = *state;
    ckmb(rig, "30001", "91", "10");
    ckmb(rig, "30002", "91", "12");
    ckmb(rig, "10001", "01", "11");
    ckmb(rig, "10002", "01", "12");
    ckmb(rig, "91", NULL, "1"); /* another level, another ranking */
    rig_commit(rig);
    ranks(rig, "30001", 2, 4);
    ranks(rig, "30002", 1, 1);
    ranks(rig, "10001", 2, 3);
    ranks(rig, "10002", 1, 1);
    ranks(rig, "91", 1, 1);
    assert_non_null(rig_ranking(rig, CHISO__V1__LEVEL__COMMUNE, NULL, 0));
    assert_non_null(rig_ranking(rig, CHISO__V1__LEVEL__COMMUNE, "91", 0));
    assert_non_null(rig_ranking(rig, CHISO__V1__LEVEL__COMMUNE, "01", 0));
    assert_null(rig_ranking(rig, CHISO__V1__LEVEL__COMMUNE, "92", 0));
    /* other periods are other rankings */
    unit_t u = {"30003", "91", "Xã", CHISO__V1__LEVEL__COMMUNE};
    rig_read(rig, &u, "2025-10", &(fig_t){"dvc-766.ckmb", "1", 0, 0}, 1);
    rig_commit(rig);
    assert_int_equal(rig_score(rig, "30003", 0)->rank, 1);
    ranks(rig, "30001", 2, 4);
    /* a local move need not be a national one */
    u.code = "10001";
    READ(rig, &u, {"dvc-766.ckmb", "12", 2, 2000});
    rig_commit(rig);
    ranks(rig, "10001", 1, 1);
    ranks(rig, "30002", 1, 1);
    ranks(rig, "30001", 2, 4);
    assert_int_equal(rig_ranking(rig, CHISO__V1__LEVEL__COMMUNE, "01", 0)->n_standings, 1);
    assert_null(rig_ranking(rig, CHISO__V1__LEVEL__COMMUNE, "91", 0));
}

static const event_indicator_t *indicator(const event_score_t *s, const char *code)
{
    for (size_t i = 0; i < s->n_indicators; i++) {
        if (strcmp(s->indicators[i]->code, code) == 0) {
            return s->indicators[i];
        }
    }
    return NULL;
}

static void test_statuses(void **state)
{
    rig_t *rig = *state;
    READ(rig, &an_giang, {"dvc-766.ckmb", "0", 0, 0}, {"dvc-766.tdgq", "20.5", 0, 0},
         {"dvc-766.clgq", "7.25", 0, 0}, {"no-such-figure", "99", 0, 0});
    rig_commit(rig);
    const event_score_t *s = rig_score(rig, "91", 0);
    assert_int_equal(s->n_indicators, 6); /* the first time all are told */
    assert_int_equal(s->n_figures, 3);    /* those that are known */
    assert_int_equal(indicator(s, "ckmb")->status, CHISO__V1__STATUS__SCORED);
    assert_string_equal(indicator(s, "ckmb")->points, "0");
    assert_string_equal(indicator(s, "ckmb")->max, "18");
    assert_int_equal(indicator(s, "tdgq")->status, CHISO__V1__STATUS__INVALID);
    assert_string_equal(indicator(s, "tdgq")->points, "0");
    assert_int_equal(indicator(s, "clgq")->status, CHISO__V1__STATUS__SCORED);
    assert_int_equal(indicator(s, "mdsh")->status, CHISO__V1__STATUS__MISSING);
    assert_string_equal(s->points, "7.25");
    assert_string_equal(s->max, "100"); /* the maximum stays */
    assert_string_equal(s->percent, "7.250000");
    assert_null(s->change);
    assert_int_equal(s->revision, 1);
    assert_int_equal(s->nation_rank, 1);
    /* figures that nobody uses make no result */
    unit_t u = {"92", NULL, "X", CHISO__V1__LEVEL__PROVINCE};
    READ(rig, &u, {"no-such-figure", "1", 0, 0});
    rig_commit(rig);
    assert_int_equal(rig->n_events, 0);
    assert_null(state_find(&rig->state, catalog_at(rig->catalog, 0), "2025", "92"));
    /* nor does a level that the index is not for */
    u.level = (Chiso__V1__Level)4;
    READ(rig, &u, {"dvc-766.ckmb", "1", 0, 0});
    rig_commit(rig);
    assert_int_equal(rig->n_events, 0);
}

static void test_changes_only(void **state)
{
    rig_t *rig = *state;
    READ(rig, &an_giang, {"dvc-766.ckmb", "17.86", 1, 1000}, {"dvc-766.tdgq", "10", 1, 1000});
    rig_commit(rig);
    READ(rig, &an_giang, {"dvc-766.ckmb", "17.86", 1, 1000}); /* the same again */
    rig_commit(rig);
    assert_int_equal(rig->n_events, 0);
    READ(rig, &an_giang, {"dvc-766.tdgq", "9.5", 2, 2000}, {"dvc-766.ckmb", "17.86", 1, 1000});
    rig_commit(rig);
    const event_score_t *s = rig_score(rig, "91", 0);
    assert_int_equal(s->revision, 2);
    assert_string_equal(s->change, "-0.5");
    assert_string_equal(s->points, "27.36");
    assert_int_equal(s->n_indicators, 1);
    assert_string_equal(s->indicators[0]->code, "tdgq");
    assert_int_equal(s->n_figures, 1);
    assert_string_equal(s->figures[0]->id, "dvc-766.tdgq");
    assert_int_equal(s->figures[0]->revision, 2);
    assert_int_equal(s->as_of, 2000);
    READ(rig, &an_giang, {"dvc-766.tdgq", "3", 1, 1500}); /* older than what is known */
    rig_commit(rig);
    assert_int_equal(rig->n_events, 0);
    /* from invalid to invalid: the figure is news, the indicator is not */
    READ(rig, &an_giang, {"dvc-766.tdgq", "21", 3, 3000});
    rig_commit(rig);
    READ(rig, &an_giang, {"dvc-766.tdgq", "22", 4, 4000});
    rig_commit(rig);
    s = rig_score(rig, "91", 0);
    assert_int_equal(s->revision, 4);
    assert_string_equal(s->change, "0");
    assert_int_equal(s->n_indicators, 0);
    assert_int_equal(s->n_figures, 1);
    /* the stated total feeds no indicator, but is kept and told */
    READ(rig, &an_giang, {"dvc-766.tong_score", "17.86", 1, 5000});
    rig_commit(rig);
    s = rig_score(rig, "91", 0);
    assert_int_equal(s->n_indicators, 0);
    assert_string_equal(s->figures[0]->id, "dvc-766.tong_score");
    assert_string_equal(s->points, "17.86");
}

/* A portal that has seen a revision looks at it no more, so a new name is a new revision. */
static void test_renamed(void **state)
{
    rig_t *rig = *state;
    READ(rig, &an_giang, {"dvc-766.ckmb", "10", 1, 1000});
    rig_commit(rig);
    unit_t renamed = an_giang;
    renamed.name = "Tỉnh An Giang";
    READ(rig, &renamed, {"dvc-766.ckmb", "10", 1, 1000});
    rig_commit(rig);
    const event_score_t *s = rig_score(rig, "91", 0);
    assert_non_null(s);
    assert_string_equal(s->unit->name, "Tỉnh An Giang");
    assert_int_equal(s->revision, 2);
    assert_string_equal(s->change, "0");
    assert_int_equal(s->n_indicators, 0);
    assert_int_equal(s->n_figures, 0);
    READ(rig, &renamed, {"dvc-766.ckmb", "10", 1, 1000});
    rig_commit(rig);
    assert_int_equal(rig->n_events, 0);
}

static void check_trace(const event_t *event, const char *name)
{
    trace_t want = trace_of_name(name);
    trace_t is = event_trace(event);
    assert_memory_equal(is.id, want.id, sizeof is.id);
    assert_memory_not_equal(is.span, want.span, sizeof is.span);
}

/* A result has the trace of the reading that it tells, also when it is told later than another's;
 * a ranking that of the last. */
static void test_traces(void **state)
{
    rig_t *rig = *state;
    static const char *const want[] = {"91/1", "01/0", "91/2", "91/2"};
    READ(rig, &ha_noi, {"dvc-766.ckmb", "10", 1, 1000});
    READ(rig, &an_giang, {"dvc-766.ckmb", "5", 1, 1000});
    READ(rig, &an_giang, {"dvc-766.ckmb", "15", 2, 2000});
    rig_commit(rig);
    assert_int_equal(rig->n_events, 4);
    for (unsigned i = 0; i < 4; i++) {
        check_trace(rig->events[i].event, want[i]);
    }
    score_settle(&rig->score, rig_txn(rig)); /* nothing is left to tell */
    rig_commit(rig);
    assert_int_equal(rig->n_events, 0);
}

/* Twice in a batch: two events, each with the ranks of its moment. */
static void test_twice_in_a_batch(void **state)
{
    rig_t *rig = *state;
    READ(rig, &ha_noi, {"dvc-766.ckmb", "10", 1, 1000});
    READ(rig, &an_giang, {"dvc-766.ckmb", "5", 1, 1000});
    READ(rig, &an_giang, {"dvc-766.ckmb", "15", 2, 2000});
    READ(rig, &an_giang, {"dvc-766.tdgq", "1", 1, 2000});
    rig_commit(rig);
    assert_int_equal(rig_scores(rig), 4);
    static const struct {
        const char *points;
        uint32_t revision, rank, previous;
    } want[] = {{"5", 1, 2, 0}, {"15", 2, 1, 2}, {"16", 3, 1, 2}};
    for (unsigned i = 0; i < 3; i++) {
        const event_score_t *s = rig_score(rig, "91", i);
        assert_string_equal(s->points, want[i].points);
        assert_int_equal(s->revision, want[i].revision);
        assert_int_equal(s->rank, want[i].rank);
        assert_int_equal(s->previous_rank, want[i].previous);
    }
    /* the ranking tells once what became of both */
    const event_ranking_t *ranking = rig_ranking(rig, CHISO__V1__LEVEL__PROVINCE, NULL, 0);
    assert_null(rig_ranking(rig, CHISO__V1__LEVEL__PROVINCE, NULL, 1));
    assert_int_equal(ranking->n_standings, 2);
    assert_string_equal(ranking->standings[0]->unit, "91");
    assert_int_equal(ranking->standings[0]->rank, 1);
    assert_int_equal(ranking->standings[0]->previous_rank, 2);
    assert_string_equal(ranking->standings[1]->unit, "01");
    assert_int_equal(ranking->standings[1]->rank, 2);
    assert_false(ranking->standings[1]->has_previous_rank);
    ranks(rig, "01", 2, 2);
}

/* What failed leaves nothing in the journal. */
static void test_failed_batch(void **state)
{
    rig_t *rig = *state;
    READ(rig, &an_giang, {"dvc-766.ckmb", "5", 1, 1000});
    store_fail(rig_txn(rig), CHISO_E_FULL);
    score_settle(&rig->score, rig->txn);
    assert_int_equal(store_commit(&rig->txn), CHISO_E_FULL);
    journal_settle(rig->journal, false);
    assert_int_equal(journal_head(rig->journal), 0);
    rig_abandon(rig); /* memory is ahead: the process ends */
    rig_open(rig);
    assert_int_equal(rig->state.n_results, 0);
}

/* ---- another catalog ---- */

static void change_catalog(rig_t *rig, const char *max)
{
    char *source = NULL;
    char *folder = folder_file(rig->path, "catalogs");
    char *figures = folder_file(folder, "figures");
    buffer_t b = BUFFER_INIT(1 << 20);
    mkdir(folder, 0750);
    mkdir(figures, 0750);
    folder_read(TEST_ROOT "/catalogs/figures/dvc-766.yaml", &b);
    folder_write(figures, "dvc-766.yaml", buffer_bytes(&b));
    buffer_clear(&b);
    folder_read(catalogs[0], &b);
    assert_non_null(buffer_text(&b));
    source = strdup((const char *)b.data);
    buffer_clear(&b);
    /* CKMB counts otherwise, and so does the whole */
    char total[64];
    char one[64];
    snprintf(total, sizeof total, "max: \"%d\"", 100 - 18 + atoi(max));
    snprintf(one, sizeof one, "max: \"%s\"", max);
    for (char *at = source; *at != '\0';) {
        bool hundred = strncmp(at, "max: \"100\"", 10) == 0;
        bool first = strncmp(at, "max: \"18\"", 9) == 0 && strstr(at, "dvc-766.ckmb") != NULL;
        buffer_append_text(&b, hundred ? total : first ? one : "");
        size_t step = hundred ? 10 : first ? 9 : 1;
        if (!hundred && !first) {
            buffer_append(&b, at, 1);
        }
        at += step;
    }
    folder_write(folder, "dvc-766.yaml", buffer_bytes(&b));
    catalog_destroy(&rig->catalog);
    char *file = folder_file(folder, "dvc-766.yaml");
    const char *files[] = {file};
    rig->catalog = rig_catalog(files, 1);
    free(file);
    free(source);
    free(folder);
    free(figures);
    buffer_free(&b);
}

static void checkpoint(rig_t *rig)
{
    bool more = true;
    while (more) {
        store_txn_t *txn = store_write(rig->store);
        more = checkpoint_step(rig->checkpoint, txn, true);
        journal_seal(rig->journal, txn);
        assert_int_equal(store_commit(&txn), 0);
        journal_settle(rig->journal, true);
    }
}

static void test_other_maxima(void **state)
{
    rig_t *rig = *state;
    READ(rig, &an_giang, {"dvc-766.ckmb", "10", 1, 1000}, {"dvc-766.tdgq", "10", 1, 1000});
    READ(rig, &ha_noi, {"dvc-766.ckmb", "10", 1, 1000}, {"dvc-766.tdgq", "9", 1, 1000});
    rig_commit(rig);
    checkpoint(rig);
    rig_abandon(rig);
    change_catalog(rig, "28");
    rig_open(rig);
    assert_true(rig->catalog_changed);
    score_everything(&rig->score, rig_txn(rig));
    rig_commit(rig);
    /* the points are what they were, but not what they are out of */
    const event_score_t *s = rig_score(rig, "91", 0);
    assert_non_null(s);
    assert_string_equal(s->points, "20");
    assert_string_equal(s->max, "110");
    assert_string_equal(s->percent, "18.181818");
    assert_int_equal(s->revision, 2);
    assert_non_null(indicator(s, "ckmb"));
    assert_string_equal(indicator(s, "ckmb")->max, "28");
    /* and a start after that finds the same */
    state_t before = rig->state;
    rig->state = (state_t){0};
    rig_abandon(rig);
    rig_open(rig);
    rig_same(&before, &rig->state, false);
    state_free(&before);
}

/* Killed before its first checkpoint, and started with other catalogs: what is in the journal was
 * evaluated under the old ones. */
static void test_changed_before_the_first_checkpoint(void **state)
{
    rig_t *rig = *state;
    READ(rig, &an_giang, {"dvc-766.ckmb", "20", 1, 1000}); /* above 18, within 28 */
    rig_commit(rig);
    rig_abandon(rig);
    change_catalog(rig, "28");
    rig_open(rig);
    assert_true(rig->catalog_changed);
}

/* The result that a hint leads to, after as many looks as it takes; NULL: to none. */
static const result_t *foreseen(const rig_t *rig, bytes_t payload)
{
    uint8_t *exact = malloc(payload.len); /* a read past the end is seen */
    assert_non_null(exact);
    memcpy(exact, payload.data, payload.len);
    state_hint_t hint;
    state_foresee_reading(&rig->state, bytes_of(exact, payload.len), &hint);
    free(exact);
    state_approach(&rig->state, &hint);
    state_approach(&rig->state, &hint);
    return hint.step == STATE_HAS_RESULT ? hint.result : NULL;
}

/* What is known of a reading before it is decoded: bytes of any kind come by here first. */
static void test_foreseen(void **state)
{
    rig_t *rig = *state;
    event_unit_t unit = CHISO__V1__UNIT__INIT;
    event_reading_t reading = CHISO__V1__READING__INIT;
    buffer_t b = BUFFER_INIT(EVENT_MAX_BYTES);
    ckmb(rig, "01", NULL, "17.5");
    ckmb(rig, "91", NULL, "12");
    rig_commit(rig);
    unit.code = T("91");
    unit.name = T("An Giang");
    unit.level = CHISO__V1__LEVEL__PROVINCE;
    reading.unit = &unit;
    reading.period = T("2025");
    event_put_reading(&reading, &b);
    const result_t *known = state_find(&rig->state, catalog_at(rig->catalog, 0), "2025", "91");
    assert_ptr_equal(foreseen(rig, buffer_bytes(&b)), known);
    for (size_t len = 1; len < b.len; len++) {
        assert_null(foreseen(rig, bytes_of(b.data, len)));
    }
    unsigned missed = 0;
    for (size_t i = 0; i < b.len * 256; i++) {
        uint8_t was = b.data[i / 256];
        b.data[i / 256] = (uint8_t)i;
        missed += foreseen(rig, buffer_bytes(&b)) != known;
        b.data[i / 256] = was;
    }
    assert_true(missed > b.len * 64);
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_competition_ranks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_national_and_local, setup, teardown),
        cmocka_unit_test_setup_teardown(test_statuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renamed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_traces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_twice_in_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_maxima, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_before_the_first_checkpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreseen, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
