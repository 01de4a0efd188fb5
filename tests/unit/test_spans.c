/* test_spans.c - which months are compared with their year: those that stood together at one time
 * after its end, wherever the source's series keep them. */
#include "base/error.h"
#include "folder.h"
#include "ingest/ledger.h"
#include "ingest/spans.h"

#define END 1735664400000 /* of 2024, in Vietnam */
#define HOUR 3600000

static char folder[FOLDER_SIZE];
static store_t *store;
static journal_t *journal;
static const uint8_t hash[SHA256_SIZE] = {1};
static source_figure_t count = {.id = "count"};
static unsigned first[] = {0};
static source_span_t adds_up = {.figures = first, .n_figures = 1, .parts_of = "months"};
static source_t years = {.id = "years",
                         .figures = &count,
                         .n_figures = 1,
                         .each = SOURCE_BY_CODE,
                         .period_column = -1,
                         .spans = &adds_up,
                         .n_spans = 1};
static source_t months = {
    .id = "months", .figures = &count, .n_figures = 1, .each = SOURCE_BY_CODE, .period_column = -1};
static ingest_source_t sources[2];
static const ingest_config_t config = {.sources = sources, .sources_count = 2};
static intake_t intake;
static series_t *year;

static const registry_unit_t hanoi = {.code = "01", .name = "A"};

static series_t *series_of(int source, period_t period)
{
    series_t *s = NULL;
    assert_int_equal(series_load(store, &sources[source], &hanoi, period, &s), 0);
    return s;
}

/* The source told the value first at `fetched`, and was read well until `good`. */
static void tell(series_t *s, const char *period, int64_t value, int64_t fetched, int64_t good)
{
    const reader_figure_t figure = {"count", decimal_of(value)};
    ledger_row_t row = {.source = s->source->id,
                        .series = s->name,
                        .period = period,
                        .figures = &figure,
                        .n_figures = 1,
                        .fetched_at = fetched,
                        .body_sha256 = hash};
    chiso__v1__unit__init(&row.unit);
    row.unit.code = (char *)(uintptr_t)hanoi.code;
    row.unit.name = (char *)(uintptr_t)hanoi.name;
    row.unit.level = CHISO__V1__LEVEL__PROVINCE;
    s->outcome = CHISO__V1__SOURCE_STATE__OUTCOME__GOOD;
    s->last_good = good;
    store_txn_t *txn = store_write(store);
    ledger_take(txn, journal, &row);
    series_store(s, txn);
    journal_seal(journal, txn);
    assert_int_equal(store_commit(&txn), 0);
    journal_settle(journal, true);
}

static void tell_month(int month, int64_t value, int64_t fetched, int64_t good)
{
    period_t period = {PERIOD_MONTH, 2024, month};
    char text[PERIOD_TEXT_SIZE];
    series_t *s = series_of(1, period);
    tell(s, period_format(period, text), value, fetched, good);
    series_destroy(&s);
}

static void tell_year(int64_t value, int64_t fetched, int64_t good)
{
    tell(year, "2024", value, fetched, good);
}

/* How many do not add up, and whether that is news. */
static size_t look(bool *news)
{
    bool changed;
    store_txn_t *txn = store_read(store);
    assert_int_equal(spans_check(&intake, year, txn, &changed), 0);
    store_abort(&txn);
    assert_false(year->spans_due);
    assert_int_equal(year->n_mismatches, year->mismatched);
    if (news != NULL) {
        *news = changed;
    }
    return year->mismatched;
}

/* Eleven months of 1 from long before, read until an hour after the year's end. */
static int setup(void **state)
{
    (void)state;
    folder_make(folder);
    store = folder_store(folder, ledger_tables);
    journal_options_t options = {.records = LEDGER_JOURNAL};
    assert_int_equal(journal_open(store, &options, &journal), 0);
    for (int i = 0; i < 2; i++) {
        sources[i] = (ingest_source_t){.id = (char *)(uintptr_t)(i == 0 ? "y" : "m"),
                                       .every_ms = HOUR,
                                       .stale_after_ms = HOUR,
                                       .source = i == 0 ? &years : &months};
    }
    intake = (intake_t){.store = store, .journal = journal, .config = &config};
    year = series_of(0, (period_t){PERIOD_YEAR, 2024, 0});
    assert_true(year->spans_due); /* nothing is known yet in this life */
    for (int month = 1; month < 12; month++) {
        tell_month(month, 1, END - 100 * HOUR, END + HOUR);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    series_destroy(&year);
    journal_close(&journal);
    store_close(&store);
    folder_remove(folder);
    return 0;
}

static void test_twelve(void **state)
{
    (void)state;
    bool news;
    tell_year(12, END - HOUR, END + HOUR);
    assert_int_equal(look(&news), 0); /* eleven months */
    assert_false(news);
    tell_month(12, 1, END - HOUR, END + HOUR);
    assert_int_equal(look(&news), 0); /* twelve, equal */
    assert_false(news);
    tell_month(12, 2, END + 10, END + HOUR);
    assert_int_equal(look(&news), 1); /* off by one */
    assert_true(news);
    const mismatch_t *m = &year->mismatches[0];
    assert_string_equal(m->unit, "01");
    assert_string_equal(m->period, "2024");
    assert_true(m->span.sum.micro == 13000000 && m->span.whole.micro == 12000000);
    char text[SPANS_TEXT_SIZE];
    assert_string_equal(spans_describe(year, text),
                        "01 2024 count: 12 months make 13, the year says 12");
    assert_int_equal(look(&news), 1);
    assert_false(news); /* still */
    tell_month(12, 3, END + 20, END + HOUR);
    assert_int_equal(look(&news), 1);
    assert_true(news); /* by another number */
    tell_year(14, END + 30, END + HOUR);
    assert_int_equal(look(&news), 0);
    assert_true(news);
    adds_up.within = (source_limit_t){.given = true, .most = decimal_of(1)};
    tell_year(15, END + 40, END + HOUR);
    assert_int_equal(look(NULL), 0);
    tell_year(16, END + 50, END + HOUR);
    assert_int_equal(look(NULL), 1);
    adds_up.within.given = false;
}

static void test_of_one_time(void **state)
{
    (void)state;
    struct {
        int64_t year_from, year_until, month_from, month_until;
        size_t differ;
    } cases[] = {
        {END - HOUR, END + HOUR, END - HOUR, END + HOUR, 1},
        {END - HOUR, END, END - HOUR, END, 1},            /* at the first moment after its end */
        {END - HOUR, END - 1, END - HOUR, END + HOUR, 0}, /* the year was open when it was read */
        {END - HOUR, END + HOUR, END - HOUR, END - 1, 0}, /* so was a month's year */
        {END + 10, END + HOUR, END - HOUR, END + 9, 0},   /* restated after the month was read */
        {END + 10, END + HOUR, END - HOUR, END + 10, 1},  /* read again since */
        {END - HOUR, END + 9, END + 10, END + HOUR, 0},   /* the month was, after the year */
        {END + HOUR + 1, END + 2 * HOUR, END, END + 2 * HOUR, 0}, /* the other eleven are older */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* a new value each time, so that it was first told when the case says */
        tell_year(50 + (int64_t)i, cases[i].year_from, cases[i].year_until);
        tell_month(12, 100 + (int64_t)i, cases[i].month_from, cases[i].month_until);
        if (look(NULL) != cases[i].differ) {
            fail_msg("case %zu", i);
        }
    }
}

/* A row that is refused stood until then; the series' own good reading says nothing of it. */
static void test_a_refused_row(void **state)
{
    (void)state;
    period_t december = {PERIOD_MONTH, 2024, 12};
    series_t *s = series_of(1, december);
    tell_year(50, END - HOUR, END + HOUR);
    series_add_bad(s, "01", "2024-12", "sum", END - 1);
    tell(s, "2024-12", 1, END - HOUR, END + HOUR);
    assert_int_equal(look(NULL), 0);
    series_remove_bad(s, "01", "2024-12");
    series_add_bad(s, "01", "2024-11", "sum", END - 1); /* another row */
    tell(s, "2024-12", 1, END - HOUR, END + HOUR);
    assert_int_equal(look(NULL), 1);
    series_destroy(&s);
    series_add_bad(year, "01", "2024", "sum", END - 1); /* the year's own */
    assert_int_equal(look(NULL), 0);
}

/* Rows that tell their own months, in a series of the year; and a source that tells both. */
static void test_where_rows_are(void **state)
{
    (void)state;
    tell_month(12, 1, END - HOUR, END + HOUR);
    tell_year(50, END - HOUR, END + HOUR);
    assert_int_equal(look(NULL), 1);
    adds_up.parts_of = "years"; /* itself: the other's months are not meant */
    assert_int_equal(look(NULL), 0);
    years.period_column = 0;
    for (int month = 1; month <= 12; month++) {
        char text[PERIOD_TEXT_SIZE];
        period_t period = {PERIOD_MONTH, 2024, month};
        tell(year, period_format(period, text), 1, END - HOUR, END + HOUR);
    }
    assert_int_equal(look(NULL), 1);
    tell_year(12, END - HOUR + 1, END + HOUR);
    assert_int_equal(look(NULL), 0);
    years.period_column = -1;
    adds_up.parts_of = "nobody";
    assert_int_equal(look(NULL), 0);
    adds_up.parts_of = "months";
}

static void test_concern(void **state)
{
    (void)state;
    series_t *month = series_of(1, (period_t){PERIOD_MONTH, 2024, 7});
    series_t *later = series_of(1, (period_t){PERIOD_MONTH, 2025, 7});
    assert_true(spans_concern(year, month));
    assert_false(spans_concern(year, later));
    assert_false(spans_concern(month, year));
    assert_false(spans_concern(year, year));
    static const registry_unit_t other = {.code = "91", .name = "B"};
    month->of = &other;
    assert_false(spans_concern(year, month));
    month->of = NULL; /* all units at once */
    assert_true(spans_concern(year, month));
    series_destroy(&month);
    series_destroy(&later);
}

/* What the state tells, as far as it goes, and that it is compared. */
static void test_telling(void **state)
{
    (void)state;
    event_source_state_t one = CHISO__V1__SOURCE_STATE__INIT;
    event_source_state_t two = CHISO__V1__SOURCE_STATE__INIT;
    void *memory[2];
    assert_int_equal(spans_tell(year, &one, &memory[0]), 0);
    assert_null(memory[0]);
    assert_true(spans_same(&one, &two));
    tell_month(12, 1, END - HOUR, END + HOUR);
    tell_year(50, END - HOUR, END + HOUR);
    assert_int_equal(look(NULL), 1);
    assert_int_equal(spans_tell(year, &one, &memory[0]), 0);
    assert_false(spans_same(&one, &two));
    assert_int_equal(one.n_mismatches, 1);
    assert_string_equal(one.mismatches[0]->sum, "12");
    assert_string_equal(one.mismatches[0]->whole, "50");
    assert_string_equal(one.mismatches[0]->parts, "month");
    year->mismatches[0].span.too_large = true;
    year->mismatched = 300; /* more than are listed */
    assert_int_equal(spans_tell(year, &two, &memory[1]), 0);
    assert_null(two.mismatches[0]->sum);
    assert_int_equal(two.mismatched, 300);
    assert_false(spans_same(&one, &two));
    char text[SPANS_TEXT_SIZE];
    assert_string_equal(
        spans_describe(year, text),
        "01 2024 count: 12 months make more than a number can be, the year says 50; "
        "and 299 more");
    free(memory[0]);
    free(memory[1]);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(test_twelve),        CASE(test_of_one_time),
                                       CASE(test_a_refused_row), CASE(test_where_rows_are),
                                       CASE(test_concern),       CASE(test_telling)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
