/* test_schedule.c - who is asked when, on a clock of the test's own: the waits of a host that
 * fails, one question that decides, other hosts meanwhile; and series lent by a backfill. */
#include "folder.h"
#include "ingest/ledger.h"
#include "ingest/schedule.h"

static char folder[FOLDER_SIZE];
static store_t *store;
static source_t description = {.nation = (char *)(uintptr_t) "0"};
static const registry_unit_t *whose[] = {NULL};
static char *three[] = {(char *)(uintptr_t) "2025-07..2025-09"};
static char *one[] = {(char *)(uintptr_t) "2025-10"};

/* Two sources on host a, one on host b. */
static void describe(ingest_source_t sources[3])
{
    static const char *const ids[] = {"first", "second", "other"};
    for (int i = 0; i < 3; i++) {
        sources[i] = (ingest_source_t){.id = (char *)(uintptr_t)ids[i],
                                       .every_ms = 60000,
                                       .retry_after_ms = i == 0 ? 2000 : 1000,
                                       .connections = i == 1 ? 8 : 2,
                                       .source = &description,
                                       .of = whose,
                                       .n_of = 1,
                                       .periods = i == 0 ? three : one,
                                       .periods_count = 1};
        snprintf(sources[i].host, sizeof sources[i].host, "https://%s", i < 2 ? "a" : "b");
    }
}

static schedule_t *start(const ingest_config_t *config)
{
    schedule_t *schedule = NULL;
    assert_int_equal(schedule_new(config, store, &schedule), 0);
    assert_int_equal(schedule_refresh(schedule, 1000), 0);
    return schedule;
}

/* The next one of a host, by its source; NULL when nobody is to be asked now. */
static series_t *next(schedule_t *schedule, int64_t mono)
{
    return schedule_next(schedule, 1000, mono);
}

static void fails(series_t *series, int64_t mono)
{
    schedule_heard(series, SCHEDULE_BADLY, mono);
    schedule_done(series);
}

static void ends(series_t *series, int64_t mono, schedule_host_t how)
{
    series->next_due = 2000;
    schedule_heard(series, how, mono);
    schedule_done(series);
}

static bool on_a(const series_t *series)
{
    return strcmp(series->source->host, "https://a") == 0;
}

/* Answers everything that may be asked of host b now; returns what of a came on the way. */
static series_t *next_of_a(schedule_t *schedule, int64_t mono)
{
    series_t *series = next(schedule, mono);
    while (series != NULL && !on_a(series)) {
        ends(series, mono, SCHEDULE_WELL);
        series = next(schedule, mono);
    }
    return series;
}

static void test_a_host_is_left_alone(void **state)
{
    (void)state;
    ingest_source_t sources[3];
    ingest_config_t config = {.sources = sources, .sources_count = 3};
    describe(sources);
    schedule_t *schedule = start(&config);
    assert_int_equal(schedule_count(schedule), 5);
    int64_t left_alone = 0;
    for (int i = 0; i < 5; i++) { /* whatever the series is */
        series_t *series = next_of_a(schedule, i);
        assert_non_null(series);
        assert_int_equal(left_alone, 0);
        schedule_heard(series, SCHEDULE_BADLY, i);
        left_alone = series->left_alone_ms;
        schedule_done(series);
    }
    assert_int_equal(left_alone, 6 * 1000); /* six waits of the shortest of its sources */
    assert_null(next_of_a(schedule, 4 + 5999));
    /* another host goes on */
    for (size_t i = 0; i < schedule_count(schedule); i++) {
        series_t *series = schedule_at(schedule, i);
        series->next_due = on_a(series) ? series->next_due : 0;
    }
    series_t *other = next(schedule, 4 + 5999);
    assert_non_null(other);
    assert_false(on_a(other));
    ends(other, 4 + 5999, SCHEDULE_WELL);
    /* one question, while four series are due and two connections are free */
    series_t *probe = next_of_a(schedule, 4 + 6000);
    assert_non_null(probe);
    assert_null(next_of_a(schedule, 4 + 6000));
    assert_null(next_of_a(schedule, 4 + 60000));
    fails(probe, 10000);
    assert_int_equal(probe->left_alone_ms, 12000); /* doubled */
    assert_null(next_of_a(schedule, 21999));
    /* one that was not asked after all decides nothing */
    probe = next_of_a(schedule, 22000);
    assert_non_null(probe);
    ends(probe, 22000, SCHEDULE_UNKNOWN);
    int64_t now = 22000;
    static const int64_t waits[] = {24000, 48000, 60000, 60000}; /* never longer than `every` */
    for (size_t i = 0; i < 4; i++) {
        probe = next_of_a(schedule, now);
        assert_non_null(probe);
        fails(probe, now);
        assert_int_equal(probe->left_alone_ms, waits[i]);
        assert_null(next_of_a(schedule, now + waits[i] - 1));
        now += waits[i];
    }
    /* it answers: as many as its connections allow at once */
    probe = next_of_a(schedule, now);
    ends(probe, now, SCHEDULE_WELL);
    assert_int_equal(probe->left_alone_ms, 0);
    series_t *first = next_of_a(schedule, now);
    series_t *second = next_of_a(schedule, now);
    assert_non_null(first);
    assert_non_null(second);
    assert_null(next_of_a(schedule, now)); /* 2, the fewest of its sources */
    fails(first, now);                     /* and it counts from the start again */
    assert_int_equal(first->left_alone_ms, 0);
    ends(second, now, SCHEDULE_WELL);
    schedule_destroy(&schedule);
}

static void test_manners(void **state)
{
    (void)state;
    ingest_source_t sources[3];
    ingest_config_t config = {.sources = sources, .sources_count = 3};
    describe(sources);
    sources[1].min_interval_ms = 500; /* the longest of a host's sources */
    schedule_t *schedule = start(&config);
    series_t *a = next_of_a(schedule, 0);
    assert_non_null(a);
    assert_null(next_of_a(schedule, 499));
    series_t *b = next_of_a(schedule, 500);
    assert_non_null(b);
    schedule_pause(b, 5000); /* 429 */
    ends(a, 600, SCHEDULE_WELL);
    ends(b, 600, SCHEDULE_WELL);
    assert_null(next_of_a(schedule, 4999));
    a = next_of_a(schedule, 5000);
    assert_non_null(a);
    ends(a, 5000, SCHEDULE_WELL);
    schedule_destroy(&schedule);
}

static void test_lent(void **state)
{
    (void)state;
    ingest_source_t sources[3];
    ingest_config_t config = {.sources = sources, .sources_count = 3};
    describe(sources);
    schedule_t *schedule = start(&config);
    series_t *past = NULL;
    period_t month = {PERIOD_MONTH, 2024, 1};
    assert_int_equal(schedule_lend(schedule, &sources[2], NULL, month, &past), 0);
    assert_string_equal(past->name, "nation/2024-01");
    assert_int_equal(schedule_count(schedule), 6);
    for (int i = 0; i < 5; i++) { /* what is wanted anyway goes first */
        series_t *series = next(schedule, i);
        assert_non_null(series);
        assert_ptr_not_equal(series, past);
        ends(series, i, SCHEDULE_WELL);
    }
    assert_ptr_equal(next(schedule, 10), past);
    assert_null(next(schedule, 10));
    schedule_take_back(schedule);
    schedule_sweep(schedule); /* not while it runs */
    assert_int_equal(schedule_count(schedule), 6);
    schedule_heard(past, SCHEDULE_WELL, 10);
    schedule_done(past);
    assert_null(next(schedule, 20)); /* due, and nobody wants it */
    schedule_sweep(schedule);
    assert_int_equal(schedule_count(schedule), 5);
    schedule_destroy(&schedule);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_host_is_left_alone),
                                       cmocka_unit_test(test_manners), cmocka_unit_test(test_lent)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
