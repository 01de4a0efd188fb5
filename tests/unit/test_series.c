/* test_series.c - the rows of a series that were not taken: each unit and period by itself, over a
 * restart too. */
#include "base/clock.h"
#include "base/error.h"
#include "chiso/v1/store.pb-c.h"
#include "folder.h"
#include "ingest/ledger.h"
#include "ingest/series.h"

static char folder[FOLDER_SIZE];
static store_t *store;
static source_t description = {.nation = (char *)(uintptr_t) "0"};
static const ingest_source_t source = {.id = (char *)(uintptr_t) "board",
                                       .every_ms = 1000,
                                       .stale_after_ms = 60000,
                                       .source = &description};
static const period_t year = {PERIOD_YEAR, 2025, 0};

static series_t *load(void)
{
    series_t *s = NULL;
    assert_int_equal(series_load(store, &source, NULL, year, &s), 0);
    return s;
}

static void save(const series_t *s)
{
    store_txn_t *txn = store_write(store);
    series_store(s, txn);
    assert_int_equal(store_commit(&txn), 0);
}

static void test_rows_age_by_themselves(void **state)
{
    (void)state;
    int64_t now = clock_wall_ms();
    series_t *s = load();
    series_set_outcome(s, CHISO__V1__SOURCE_STATE__OUTCOME__QUARANTINED, "", now);
    s->last_good = now;
    assert_int_equal(series_add_bad(s, "24", "2025-09", "sum", now - 60001), 0);
    assert_int_equal(series_add_bad(s, "24", "2025-10", "sum", now - 60000), 0);
    assert_int_equal(series_add_bad(s, "01", "2025-09", "gone", now - 60001), 0);
    assert_int_equal(series_add_bad(s, "24", "2025-09", "another", now), 0); /* known: as it was */
    save(s);
    series_destroy(&s);
    s = load(); /* as after a restart */
    assert_int_equal(s->n_bad, 3);
    assert_true(series_row_is_stale(s, series_bad(s, "24", "2025-09"), now));
    assert_false(series_row_is_stale(s, series_bad(s, "24", "2025-10"), now));
    assert_true(series_row_is_stale(s, series_bad(s, "24", "2025-10"), now + 1));
    assert_true(series_row_is_stale(s, series_bad(s, "01", "2025-09"), now));
    assert_string_equal(series_bad(s, "24", "2025-09")->reason, "sum");
    assert_null(series_bad(s, "24", "2025"));
    assert_false(series_is_stale(s, now));
    series_remove_bad(s, "24", "2025-09");
    assert_null(series_bad(s, "24", "2025-09"));
    assert_non_null(series_bad(s, "24", "2025-10"));
    assert_non_null(series_bad(s, "01", "2025-09"));
    series_destroy(&s);
}

/* A record of before rows had periods: the row was of the series' own. */
static void test_without_a_period(void **state)
{
    (void)state;
    series_t *s = load();
    s->outcome = CHISO__V1__SOURCE_STATE__OUTCOME__GOOD;
    save(s);
    series_destroy(&s);
    Chiso__V1__Series r = CHISO__V1__SERIES__INIT;
    Chiso__V1__Series__BadUnit bad = CHISO__V1__SERIES__BAD_UNIT__INIT;
    Chiso__V1__Series__BadUnit *list[] = {&bad};
    char reason[] = "sum";
    char code[] = "24";
    r.outcome = CHISO__V1__SOURCE_STATE__OUTCOME__QUARANTINED;
    bad.code = code;
    bad.reason = reason;
    r.n_bad_units = 1;
    r.bad_units = list;
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t packed = BUFFER_INIT(4096);
    buffer_append_part(&key, "board");
    buffer_append_part(&key, "nation/2025");
    wire_pack(&r.base, &packed);
    store_txn_t *txn = store_write(store);
    store_put(txn, LEDGER_SERIES, buffer_bytes(&key), buffer_bytes(&packed));
    assert_int_equal(store_commit(&txn), 0);
    buffer_free(&key);
    buffer_free(&packed);
    s = load();
    assert_int_equal(s->n_bad, 1);
    assert_non_null(series_bad(s, "24", "2025"));
    series_destroy(&s);
}

static void test_the_list_has_an_end(void **state)
{
    (void)state;
    series_t *s = load();
    char code[16];
    for (int i = 0; i < SERIES_MAX_BAD; i++) {
        snprintf(code, sizeof code, "%05d", i / 2);
        int rc = series_add_bad(s, code, i % 2 == 0 ? "2025-09" : "2025-10", "sum", 1);
        assert_int_equal(rc, 0);
    }
    assert_int_equal(series_add_bad(s, "00000", "2025-10", "sum", 1), 0); /* it is there */
    assert_int_equal(series_add_bad(s, "00000", "2025-11", "sum", 1), CHISO_E_TOO_BIG);
    assert_int_equal(s->n_bad, SERIES_MAX_BAD);
    save(s); /* so many can be stored */
    series_destroy(&s);
}

static int setup(void **state)
{
    (void)state;
    folder_make(folder);
    store = folder_store(folder, ledger_tables);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    store_close(&store);
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_age_by_themselves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_period, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_list_has_an_end, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
