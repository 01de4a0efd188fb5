/* test_score_figures.c - indicators that people answer for: options, sections, checklists, points,
 * what is not assessed, and what of a maximum is scored and by whom. Expected values are worked out
 * by hand from the decisions. */
#include "score_rig.h"

static const char *const catalogs[] = {
    TEST_ROOT "/catalogs/dvc-766.yaml",          TEST_ROOT "/catalogs/hd-department-2024.yaml",
    TEST_ROOT "/catalogs/hd-district-2024.yaml", TEST_ROOT "/catalogs/hn-commune-2025.yaml",
    TEST_ROOT "/catalogs/hp-par-2025.yaml",      TEST_ROOT "/catalogs/vl-province-2025.yaml"};

#define DEPARTMENT "hd-department-2024"
#define DISTRICT "hd-district-2024"
#define COMMUNE "hn-commune-2025"
#define PAR "hp-par-2025"
#define PROVINCE "vl-province-2025"

static const unit_t department = {"H23.1", "31", "Sở Nội vụ", CHISO__V1__LEVEL__DEPARTMENT};
static const unit_t district = {"288", "30", "Thành phố Hải Dương", CHISO__V1__LEVEL__DISTRICT};
static const unit_t commune = {"00004", "01", "Phường Ba Đình", CHISO__V1__LEVEL__COMMUNE};
static const unit_t province = {"86", NULL, "Tỉnh Vĩnh Long", CHISO__V1__LEVEL__PROVINCE};
static const unit_t other = {"31", NULL, "Thành phố Hải Phòng", CHISO__V1__LEVEL__PROVINCE};

static int setup(void **state)
{
    *state = rig_new(catalogs, sizeof catalogs / sizeof catalogs[0]);
    return 0;
}

static int teardown(void **state)
{
    rig_free(*state);
    return 0;
}

/* One figure more, each later than the last. */
static void take(rig_t *rig, const unit_t *unit, const char *id, const char *value)
{
    static int64_t now = 1000;
    now++;
    rig_read(rig, unit, "2025", &(fig_t){id, value, (uint32_t)now, now}, 1);
    rig_commit(rig);
}

static result_t *result(rig_t *rig, const char *index, const unit_t *unit)
{
    return state_find(&rig->state, catalog_find(rig->catalog, index), "2025", unit->code);
}

static void expect(rig_t *rig, const char *index, const unit_t *unit, const char *code,
                   rule_status_t status, const char *points)
{
    const result_t *r = result(rig, index, unit);
    char text[DECIMAL_TEXT_SIZE];
    assert_non_null(r);
    int place = catalog_indicator(r->index, code);
    assert_true(place >= 0);
    const rule_result_t *have = &r->indicators[place];
    decimal_format(have->points, text);
    if (have->status != status || strcmp(text, points) != 0) {
        fail_msg("%s %s: status %d, %s points; wanted %d, %s", index, code, (int)have->status, text,
                 (int)status, points);
    }
}

static void same(decimal_t have, const char *want)
{
    char text[DECIMAL_TEXT_SIZE];
    assert_string_equal(decimal_format(have, text), want);
}

static void test_options(void **state)
{
    rig_t *rig = *state;
    static const struct {
        const char *value;
        rule_status_t status;
        const char *points;
    } steps[] = {{"1", RULE_SCORED, "20"},  {"2", RULE_SCORED, "10"}, {"3", RULE_SCORED, "0"},
                 {"4", RULE_INVALID, "0"},  {"0", RULE_INVALID, "0"}, {"1.5", RULE_INVALID, "0"},
                 {"-1", RULE_INVALID, "0"}, {"1", RULE_SCORED, "20"}};
    take(rig, &department, DEPARTMENT ".2.1.option", "1"); /* makes the result */
    expect(rig, DEPARTMENT, &department, "1.1", RULE_MISSING, "0");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        take(rig, &department, DEPARTMENT ".1.1.option", steps[i].value);
        expect(rig, DEPARTMENT, &department, "1.1", steps[i].status, steps[i].points);
    }
    /* of two parts: 0.5, 0.25, 0 and 0.5, 0 */
    take(rig, &province, PAR ".7.3.3.p1.option", "2");
    expect(rig, PAR, &province, "7.3.3", RULE_MISSING, "0");
    take(rig, &province, PAR ".7.3.3.p2.option", "1");
    expect(rig, PAR, &province, "7.3.3", RULE_SCORED, "0.75");
    take(rig, &province, PAR ".7.3.3.p2.option", "3"); /* of two */
    expect(rig, PAR, &province, "7.3.3", RULE_INVALID, "0");
}

/* 1.3: with a section, n of 10 items of 10 points; the number alone is not enough. */
static void test_section(void **state)
{
    rig_t *rig = *state;
    take(rig, &department, "dx-news-items", "7");
    expect(rig, DEPARTMENT, &department, "1.3", RULE_MISSING, "0");
    take(rig, &department, DEPARTMENT ".1.3.has", "1");
    expect(rig, DEPARTMENT, &department, "1.3", RULE_SCORED, "7");
    take(rig, &department, DEPARTMENT ".1.3.has", "0");
    expect(rig, DEPARTMENT, &department, "1.3", RULE_SCORED, "0");
    take(rig, &department, DEPARTMENT ".1.3.has", "2");
    expect(rig, DEPARTMENT, &department, "1.3", RULE_INVALID, "0");
    take(rig, &department, DEPARTMENT ".1.3.has", "1");
    take(rig, &department, "dx-news-items", "12");
    expect(rig, DEPARTMENT, &department, "1.3", RULE_SCORED, "10");
}

/* 1.4: two halves of 10 points. An item that nobody answered is not a no. */
static void test_checklist(void **state)
{
    rig_t *rig = *state;
    take(rig, &department, DEPARTMENT ".1.4.items.2", "1");
    expect(rig, DEPARTMENT, &department, "1.4", RULE_MISSING, "0");
    take(rig, &department, DEPARTMENT ".1.4.items.1", "0");
    expect(rig, DEPARTMENT, &department, "1.4", RULE_SCORED, "5");
    take(rig, &department, DEPARTMENT ".1.4.items.1", "1");
    expect(rig, DEPARTMENT, &department, "1.4", RULE_SCORED, "10");
    take(rig, &department, DEPARTMENT ".1.4.items.2", "0.5");
    expect(rig, DEPARTMENT, &department, "1.4", RULE_INVALID, "0");
    take(rig, &department, DEPARTMENT ".1.4.items.2", "0");
    take(rig, &department, DEPARTMENT ".1.4.items.1", "0");
    expect(rig, DEPARTMENT, &department, "1.4", RULE_SCORED, "0");
    /* a mistake is told though the rest is missing */
    take(rig, &province, PROVINCE ".6.1.items.3", "7");
    expect(rig, PROVINCE, &province, "6.1", RULE_INVALID, "0");
    take(rig, &province, PROVINCE ".6.1.items.3", "1");
    expect(rig, PROVINCE, &province, "6.1", RULE_MISSING, "0");
}

static void test_points(void **state)
{
    rig_t *rig = *state;
    take(rig, &commune, COMMUNE ".1.1.points", "1.25");
    expect(rig, COMMUNE, &commune, "1.1", RULE_SCORED, "1.25");
    expect(rig, COMMUNE, &commune, "1.2", RULE_MISSING, "0");
    take(rig, &commune, COMMUNE ".1.1.points", "1000");
    expect(rig, COMMUNE, &commune, "1.1", RULE_INVALID, "0");
    take(rig, &commune, COMMUNE ".1.1.points", "0");
    expect(rig, COMMUNE, &commune, "1.1", RULE_SCORED, "0");
}

/* The catalog's default holds until the unit's figure says otherwise, either way. */
static void test_excluded(void **state)
{
    rig_t *rig = *state;
    const catalog_index_t *index = catalog_find(rig->catalog, COMMUNE);
    unsigned by_default = 0;
    char id[96];
    char points[96];
    while (!index->indicators[by_default].excluded) {
        by_default++;
    }
    const char *code = index->indicators[by_default].code;
    snprintf(id, sizeof id, COMMUNE ".%s.excluded", code);
    snprintf(points, sizeof points, COMMUNE ".%s.points", code);
    take(rig, &commune, COMMUNE ".1.1.points", "1");
    take(rig, &commune, points, "1");
    expect(rig, COMMUNE, &commune, code, RULE_EXCLUDED, "0");
    decimal_t max = result(rig, COMMUNE, &commune)->max;
    take(rig, &commune, id, "0");
    expect(rig, COMMUNE, &commune, code, RULE_SCORED, "1");
    decimal_t more;
    assert_int_equal(decimal_add(max, index->indicators[by_default].max, &more), 0);
    assert_int_equal(decimal_compare(result(rig, COMMUNE, &commune)->max, more), 0);
    take(rig, &commune, id, "7"); /* says nothing that can be understood */
    expect(rig, COMMUNE, &commune, code, RULE_EXCLUDED, "0");
    take(rig, &commune, COMMUNE ".1.1.excluded", "1");
    expect(rig, COMMUNE, &commune, "1.1", RULE_EXCLUDED, "0");
    take(rig, &commune, COMMUNE ".1.1.excluded", "0");
    expect(rig, COMMUNE, &commune, "1.1", RULE_SCORED, "1");
}

/* 3.6 is the sum of 3.6.1 and 3.6.2: what is said of it holds for them, unless they say otherwise.
 */
static void test_excluded_parent(void **state)
{
    rig_t *rig = *state;
    take(rig, &district, DISTRICT ".3.6.excluded", "1");
    expect(rig, DISTRICT, &district, "3.6", RULE_EXCLUDED, "0");
    expect(rig, DISTRICT, &district, "3.6.1", RULE_EXCLUDED, "0");
    expect(rig, DISTRICT, &district, "3.6.2", RULE_EXCLUDED, "0");
    take(rig, &district, DISTRICT ".3.6.2.excluded", "0");
    expect(rig, DISTRICT, &district, "3.6", RULE_MISSING, "0");
    expect(rig, DISTRICT, &district, "3.6.1", RULE_EXCLUDED, "0");
    expect(rig, DISTRICT, &district, "3.6.2", RULE_MISSING, "0");
    take(rig, &district, DISTRICT ".3.6.excluded", "0");
    expect(rig, DISTRICT, &district, "3.6.1", RULE_MISSING, "0");
    take(rig, &district, DISTRICT ".3.6.1.excluded", "1");
    take(rig, &district, DISTRICT ".3.6.2.excluded", "1");
    expect(rig, DISTRICT, &district, "3.6", RULE_EXCLUDED, "0");
}

/* The first with a rule of kind `best`, and its two figures. */
static const catalog_indicator_t *best_indicator(const rig_t *rig, const char **a, const char **b)
{
    const catalog_index_t *index = catalog_find(rig->catalog, PROVINCE);
    const catalog_indicator_t *best = index->indicators;
    while (best->rule.kind != RULE_BEST) {
        best++;
    }
    *a = index->figures[best->inputs[0].figure]->id;
    *b = index->figures[best->inputs[1].figure]->id;
    return best;
}

/* A peer that is not assessed is no peer. */
static void test_excluded_peer(void **state)
{
    rig_t *rig = *state;
    const char *a;
    const char *b;
    const catalog_indicator_t *best = best_indicator(rig, &a, &b);
    char id[96];
    char half[DECIMAL_TEXT_SIZE];
    char max[DECIMAL_TEXT_SIZE];
    decimal_t points;
    decimal_muldiv(best->max, decimal_of(1), decimal_of(2), DECIMAL_HALF_UP, &points);
    decimal_format(points, half);
    decimal_format(best->max, max);
    snprintf(id, sizeof id, PROVINCE ".%s.excluded", best->code);
    take(rig, &province, a, "1");
    take(rig, &province, b, "4");
    expect(rig, PROVINCE, &province, best->code, RULE_UNDEFINED, "0"); /* alone */
    take(rig, &other, a, "2");
    take(rig, &other, b, "4");
    expect(rig, PROVINCE, &province, best->code, RULE_SCORED, half);
    expect(rig, PROVINCE, &other, best->code, RULE_SCORED, max);
    take(rig, &other, id, "1");
    expect(rig, PROVINCE, &province, best->code, RULE_UNDEFINED, "0");
    expect(rig, PROVINCE, &other, best->code, RULE_EXCLUDED, "0");
    take(rig, &other, id, "0");
    expect(rig, PROVINCE, &province, best->code, RULE_SCORED, half);
}

/* Who has the best ratio loses it, somebody else takes it, two share it: each time all peers have
 * the points that the best of the moment leaves them. Maximum times own ratio / best ratio. */
static void test_best_moves(void **state)
{
    rig_t *rig = *state;
    static const unit_t three[] = {{"86", NULL, "A", CHISO__V1__LEVEL__PROVINCE},
                                   {"31", NULL, "B", CHISO__V1__LEVEL__PROVINCE},
                                   {"01", NULL, "C", CHISO__V1__LEVEL__PROVINCE}};
    static const struct {
        unsigned unit;
        const char *a; /* of 12 */
        unsigned quarters[3];
    } steps[] = {{2, "8", {2, 4, 4}},  /* C shares the best with B */
                 {1, "4", {2, 2, 4}},  /* B, which held it, falls: C has it */
                 {2, "2", {4, 4, 2}},  /* C falls: A and B share it */
                 {2, "16", {1, 1, 4}}, /* C passes them: 16/12 stands above 4/12 */
                 {0, "8", {2, 1, 4}},  /* not the best, nobody else moves */
                 {2, "8", {4, 2, 4}}};
    const char *a;
    const char *b;
    const catalog_indicator_t *best = best_indicator(rig, &a, &b);
    for (unsigned u = 0; u < 3; u++) {
        take(rig, &three[u], b, "12");
    }
    take(rig, &three[0], a, "4");
    take(rig, &three[1], a, "8");
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        take(rig, &three[steps[s].unit], a, steps[s].a);
        for (unsigned u = 0; u < 3; u++) {
            char want[DECIMAL_TEXT_SIZE];
            decimal_t points;
            decimal_muldiv(best->max, decimal_of(steps[s].quarters[u]), decimal_of(4),
                           DECIMAL_HALF_UP, &points);
            expect(rig, PROVINCE, &three[u], best->code, RULE_SCORED, decimal_format(points, want));
        }
    }
}

/* ---- who said it ---- */

static const event_figure_t *figure(const event_score_t *s, const char *id)
{
    for (size_t i = 0; i < s->n_figures; i++) {
        if (strcmp(s->figures[i]->id, id) == 0) {
            return s->figures[i];
        }
    }
    return NULL;
}

static const figure_state_t *figure_state(const result_t *r, const char *id)
{
    int place = catalog_figure_place(r->index, id);
    assert_true(place >= 0);
    return state_figure(r, (unsigned)place);
}

static void test_machines(void **state)
{
    rig_t *rig = *state;
    take(rig, &province, "dvc-766.ckmb", "17");
    const result_t *r = result(rig, "dvc-766", &province);
    same(r->scored_max, "18");
    same(r->machine_max, "18");
    rig->submitter = "unit:86";
    rig->evidence = 2;
    take(rig, &province, "dvc-766.tdgq", "19");
    same(r->scored_max, "38");
    same(r->machine_max, "18");
    const event_score_t *s = rig_score(rig, "86", 0);
    assert_string_equal(s->scored_max, "38");
    assert_string_equal(s->machine_max, "18");
    const event_figure_t *f = figure(s, "dvc-766.tdgq");
    assert_string_equal(f->submitter, "unit:86");
    assert_int_equal(f->n_evidence, 2);
    assert_int_equal(f->evidence[0].data[31], 0x10);
    assert_int_equal(f->evidence[1].data[0], 0x11);
    /* the same through a kill and the replay, and through the records of a checkpoint */
    for (int i = 0; i < 2; i++) {
        if (i == 1) {
            rig->txn = store_write(rig->store);
            while (checkpoint_step(rig->checkpoint, rig_txn(rig), true)) {
            }
            rig_commit(rig);
        }
        rig_abandon(rig);
        rig_open(rig);
        r = result(rig, "dvc-766", &province);
        same(r->scored_max, "38");
        same(r->machine_max, "18");
        const figure_state_t *kept = figure_state(r, "dvc-766.tdgq");
        assert_string_equal(kept->line->submitter, "unit:86");
        assert_int_equal(kept->proof->n_evidence, 2);
        assert_int_equal(kept->proof->evidence[SHA256_SIZE + 31], 0x11);
        assert_null(figure_state(r, "dvc-766.ckmb")->line->submitter);
    }
    /* a machine's word later, of the same value: who says it is news */
    rig->submitter = NULL;
    rig->evidence = 0;
    take(rig, &province, "dvc-766.tdgq", "19");
    same(r->machine_max, "38");
    assert_null(figure(rig_score(rig, "86", 0), "dvc-766.tdgq")->submitter);
    /* and it stands, whatever is handed in later */
    rig->submitter = "unit:86";
    take(rig, &province, "dvc-766.tdgq", "3");
    same(figure_state(result(rig, "dvc-766", &province), "dvc-766.tdgq")->value, "19");
    rig->submitter = NULL;
    /* a ratio of a machine's figure and a unit's */
    take(rig, &department, "dx-news-items", "10");
    rig->submitter = "unit:H23.1";
    take(rig, &department, DEPARTMENT ".1.3.has", "1");
    same(result(rig, DEPARTMENT, &department)->scored_max, "10");
    same(result(rig, DEPARTMENT, &department)->machine_max, "0");
}

/* ---- periods and levels ---- */

static void test_periods(void **state)
{
    rig_t *rig = *state;
    static const char *const periods[] = {"2025-Q4", "2025-11", "2025"};
    const catalog_index_t *par = catalog_find(rig->catalog, PAR);
    const catalog_index_t *dvc = catalog_find(rig->catalog, "dvc-766");
    for (int i = 0; i < 3; i++) {
        const fig_t both[] = {{PAR ".7.2.1.option", "1", 1, 1000}, {"dvc-766.ckmb", "1", 1, 1000}};
        rig_read(rig, &province, periods[i], both, 2);
        rig_commit(rig);
        assert_non_null(state_find(&rig->state, dvc, periods[i], "86"));
        assert_int_equal(state_find(&rig->state, par, periods[i], "86") != NULL, i == 2);
    }
    /* a figure of another index does not make a result */
    assert_null(result(rig, PROVINCE, &province));
    /* one that excludes does: something is known of the unit */
    take(rig, &province, PROVINCE ".1.1.excluded", "1");
    assert_non_null(result(rig, PROVINCE, &province));
    /* of a level that the index is not for */
    take(rig, &commune, PAR ".7.2.1.option", "1");
    assert_null(result(rig, PAR, &commune));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_options),       TEST(test_section),
                                       TEST(test_checklist),     TEST(test_points),
                                       TEST(test_excluded),      TEST(test_excluded_parent),
                                       TEST(test_excluded_peer), TEST(test_best_moves),
                                       TEST(test_machines),      TEST(test_periods)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
