/* test_model_thin.c - how long the past is kept: all of it first, then one a day, then nothing but
 * what stood. */
#include "model_rig.h"
#include "period/moment.h"

#define HOUR 3600000LL
#define DAY (24 * HOUR)
#define NOW 1760000000000LL /* 2025-10-09 */

static uint32_t revision;

static void tell(published_t *p, store_txn_t *txn, const char *code, int64_t at)
{
    uint8_t hash[SHA256_SIZE] = {1};
    event_unit_t unit = CHISO__V1__UNIT__INIT;
    event_figure_t figure = CHISO__V1__FIGURE__INIT;
    event_figure_t *figures[] = {&figure};
    event_score_t score = CHISO__V1__SCORE__INIT;
    unit.code = (char *)(uintptr_t)code;
    unit.level = CHISO__V1__LEVEL__PROVINCE;
    unit.name = (char *)(uintptr_t) "Tỉnh";
    figure.id = (char *)(uintptr_t) "dvc-766.ckmb";
    figure.value = score.points = (char *)(uintptr_t) "1";
    figure.source = figure.series = (char *)(uintptr_t) "s";
    figure.raw_sha256 = (ProtobufCBinaryData){sizeof hash, hash};
    score.index = (char *)(uintptr_t) "dvc-766";
    score.period = (char *)(uintptr_t) "2025";
    score.max = (char *)(uintptr_t) "100";
    score.unit = &unit;
    figure.fetched_at = score.as_of = at;
    figure.revision = score.revision = ++revision;
    score.figures = figures;
    score.n_figures = 1;
    event_t event = CHISO__V1__EVENT__INIT;
    event.body_case = CHISO__V1__EVENT__BODY_SCORE;
    event.score = &score;
    assert_int_equal(model_apply(&p->model, txn, MODEL_EPOCH, &event, false), 0);
}

typedef struct {
    int64_t at[64];
    size_t n;
} past_t;

static bool note(void *context, const Chiso__V1__Revision *r)
{
    past_t *past = context;
    past->at[past->n++] = r->since;
    return true;
}

static bool note_figure(void *context, const event_figure_t *f)
{
    past_t *past = context;
    past->at[past->n++] = f->fetched_at;
    return true;
}

static void check_past(published_t *p, const char *code, const int64_t *want, size_t n)
{
    past_t results = {.n = 0};
    past_t figures = {.n = 0};
    store_txn_t *txn = store_read(p->store);
    model_history(txn, "dvc-766", "2025", code, note, &results);
    model_figures(txn, code, "2025", "dvc-766.ckmb", INT64_MAX, note_figure, &figures);
    store_abort(&txn);
    assert_int_equal(results.n, n);
    assert_int_equal(figures.n, n);
    assert_memory_equal(results.at, want, n * sizeof *want);
    assert_memory_equal(figures.at, want, n * sizeof *want);
}

/* Walks once over everything, `step` records at a time. */
static unsigned walk(published_t *p, unsigned step)
{
    unsigned dropped = 0;
    p->model.thin.done = false;
    while (!p->model.thin.done) {
        store_txn_t *txn = NULL;
        unsigned n = model_thin(&p->model, NOW, step, &txn);
        if (n > 0) {
            assert_int_equal(store_commit(&txn), 0);
        }
        dropped += n;
    }
    return dropped;
}

static void test_thin(void **state)
{
    (void)state;
    static const int64_t told[] = {
        NOW - 40 * DAY, NOW - 31 * DAY,        /* past the kept time: the last of them stood */
        NOW - 20 * DAY, NOW - 20 * DAY + HOUR, /* one day */
        NOW - 15 * DAY, NOW - 15 * DAY + HOUR, NOW - 15 * DAY + 2 * HOUR,
        NOW - 5 * DAY,  NOW - 5 * DAY + HOUR, /* all are kept */
        NOW - HOUR,
    };
    static const int64_t want[] = {
        NOW - HOUR,
        NOW - 5 * DAY + HOUR,
        NOW - 5 * DAY,
        NOW - 15 * DAY + 2 * HOUR,
        NOW - 20 * DAY + HOUR,
        NOW - 31 * DAY,
    };
    static const int64_t old[] = {NOW - 300 * DAY};
    published_t *p = published_new(group_catalog);
    p->model.thin.options = (model_keep_t){10 * DAY, 30 * DAY};
    store_txn_t *txn = store_write(p->store);
    static const char *const codes[] = {"01", "011", "02"};
    for (size_t c = 0; c < 3; c++) {
        for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
            tell(p, txn, codes[c], told[i]);
        }
    }
    tell(p, txn, "03", old[0]);
    published_commit(p, &txn);
    /* 4 of each unit and table; a record that two steps part is none the worse for it */
    assert_int_equal(walk(p, 3), 24);
    assert_int_equal(walk(p, 5000), 0);
    for (size_t c = 0; c < 3; c++) {
        check_past(p, codes[c], want, sizeof want / sizeof want[0]);
    }
    check_past(p, "03", old, 1); /* what stands now stays, however old */
    published_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_thin)};
    return cmocka_run_group_tests(tests, group_load, group_unload);
}
