/* test_drift.c - the same answer in another order, jumps, and the night in which all provinces rose
 * by six points. */
#include "source/drift.h"

#include "base/error.h"
#include "board_rig.h"
#include "folder.h"

#include <jansson.h>

static decimal_t number(const char *text)
{
    decimal_t value;
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    return value;
}

/* ---- content ---- */

static json_t *recorded(void)
{
    buffer_t body = BUFFER_INIT(1 << 20);
    folder_read(FIXTURES "2025-10-15/0_2025.json", &body);
    json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);
    buffer_free(&body);
    assert_int_equal(json_array_size(json), 34);
    return json;
}

/* Reads what the JSON says and frees it. */
static bool content_of(json_t *json, size_t flags, uint8_t out[32])
{
    reader_table_t table;
    reader_context_t context = {.source = board, .units = units, .period = {PERIOD_YEAR, 2025, 0}};
    char *text = json_dumps(json, flags);
    bytes_t page = bytes_of_text(text);
    assert_int_equal(reader_read(&context, &page, 1, &table), 0);
    assert_int_equal(table.kind, READER_ROWS);
    bool good = drift_content(&table, out);
    reader_free(&table);
    free(text);
    json_decref(json);
    return good;
}

static void test_order_is_nothing(void **state)
{
    (void)state;
    uint8_t first[32];
    uint8_t other[32];
    assert_true(content_of(recorded(), JSON_COMPACT, first));
    assert_true(content_of(recorded(), JSON_INDENT(3) | JSON_SORT_KEYS, other));
    assert_memory_equal(first, other, 32);
    json_t *backwards = json_array();
    json_t *json = recorded();
    for (size_t i = 34; i > 0; i--) {
        json_array_append(backwards, json_array_get(json, i - 1));
    }
    json_decref(json);
    assert_true(content_of(backwards, JSON_INDENT(1), other));
    assert_memory_equal(first, other, 32);
    /* what counts is what it says: a number's form does not, its value does */
    json = recorded();
    json_object_set_new(json_array_get(json, 3), "ROW_STT", json_string("99"));
    assert_true(content_of(json, JSON_COMPACT, other));
    assert_memory_equal(first, other, 32);
    json = recorded();
    json_array_remove(json, 5);
    assert_true(content_of(json, JSON_COMPACT, other));
    assert_memory_not_equal(first, other, 32);
    /* two rows that change places with their figures are not the same */
    json = recorded();
    json_t *id = json_incref(json_object_get(json_array_get(json, 0), "ID"));
    json_object_set(json_array_get(json, 0), "ID", json_object_get(json_array_get(json, 1), "ID"));
    json_object_set_new(json_array_get(json, 1), "ID", id);
    assert_true(content_of(json, JSON_COMPACT, other));
    assert_memory_not_equal(first, other, 32);
    /* with a bad row there is nothing to compare */
    json = recorded();
    json_object_set_new(json_array_get(json, 3), "MDHL", json_string("1,5"));
    assert_false(content_of(json, JSON_COMPACT, other));
}

/* ---- jumps ---- */

static void test_jumps(void **state)
{
    (void)state;
    static const struct {
        const char *most, *before, *now;
        bool percent, jumps;
    } cases[] = {
        {"30", "10", "40", false, false},
        {"30", "10", "40.01", false, true},
        {"30", "40", "10", false, false},
        {"30", "40.01", "10", false, true},
        {"30", "0", "30", false, false},
        {"0", "1", "1", false, false},
        {"0", "1", "1.000001", false, true},
        {"50", "200", "300", true, false},
        {"50", "200", "300.01", true, true},
        {"50", "200", "99.99", true, true},
        {"50", "-200", "-100", true, false},
        {"50", "0", "1000", true, false}, /* there is no percentage of nothing */
        {"30", "-999999999999999999", "999999999999999999", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        source_figure_t figure = {.id = "a.b",
                                  .jump = {true, cases[i].percent, number(cases[i].most)}};
        char reason[160] = "";
        bool jumps = drift_jumps(&figure, number(cases[i].before), number(cases[i].now), reason);
        if (jumps != cases[i].jumps) {
            fail_msg("case %zu: %s to %s", i, cases[i].before, cases[i].now);
        }
        assert_int_equal(*reason != '\0', jumps);
        figure.jump.given = false;
        assert_false(drift_jumps(&figure, number(cases[i].before), number(cases[i].now), reason));
    }
    source_figure_t figure = {.id = "a.b", .jump = {true, false, number("30")}};
    char reason[160];
    assert_true(drift_jumps(&figure, number("10"), number("90"), reason));
    assert_string_equal(reason, "a.b went from 10 to 90, further than it should at once");
}

/* ---- alike ---- */

/* `moves` of one figure, as text; the others stand still. */
static bool alike(const char *const *moves, size_t n, char notice[DRIFT_NOTICE_SIZE])
{
    drift_t *drift;
    assert_int_equal(drift_new(board, &drift), 0);
    for (size_t i = 0; i < n; i++) {
        decimal_t now;
        assert_int_equal(decimal_add(number("12"), number(moves[i]), &now), 0);
        drift_add(drift, "dvc-766.mdhl", number("12"), now);
        drift_add(drift, "dvc-766.tttt", number("9"), number("9"));
        drift_add(drift, "of-nobody", number("9"), number("19"));
    }
    bool told = drift_alike(drift, notice);
    drift_destroy(&drift);
    drift_destroy(&drift); /* nothing */
    return told;
}

static void test_alike(void **state)
{
    (void)state;
    char notice[DRIFT_NOTICE_SIZE] = "as before";
    const char *night[34]; /* 16 October 2025 */
    for (int i = 0; i < 34; i++) {
        static const char *const seen[] = {"6", "6.01", "6.03", "6.08", "6.04"};
        night[i] = seen[i % 5];
    }
    assert_true(alike(night, 34, notice));
    assert_string_equal(notice, "has the rule changed? dvc-766.mdhl of 34 of 34 units moved alike, "
                                "by 6 to 6.08");
    night[3] = night[17] = "0"; /* at the maximum already */
    night[20] = "-2";           /* and one that has news of its own */
    assert_true(alike(night, 34, notice));
    assert_non_null(strstr(notice, "31 of 34 units"));
    night[5] = "1";
    snprintf(notice, sizeof notice, "as before");
    assert_false(alike(night, 34, notice));
    assert_string_equal(notice, "as before");
    /* a few units may do the same by chance */
    assert_false(
        alike((const char *const[]){"1", "1", "1", "1", "1", "1", "1", "1", "1"}, 9, notice));
    assert_true(
        alike((const char *const[]){"-1", "-1", "-1", "-1", "-1", "-1", "-1", "-1", "-1", "-1"}, 10,
              notice));
    /* progress is not alike */
    assert_false(
        alike((const char *const[]){"1", "2", "1.5", "0.2", "3", "0.7", "1", "0", "2", "1", "4"},
              11, notice));
    /* and nothing is no move */
    assert_false(alike((const char *const[]){"0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0"},
                       11, notice));
    assert_string_equal(strrchr(notice, 'y'), "y -1 to -1");
}

/* ---- months that add up to their year ---- */

#define PAYMENTS "dvc-counters.payments"

/* What is known of the parts, "1".."12" for months, and what was said of the whole. */
typedef struct {
    const char *months[12], *quarters[4]; /* NULL: missing */
    unsigned calls, differ;
    drift_span_t last;
} told_t;

static bool part_of(void *context, const source_span_t *span, const char *unit, period_t part,
                    const char *figure, decimal_t *value)
{
    const told_t *told = context;
    assert_string_equal(span->parts_of, "dvc-counters-month");
    assert_string_equal(unit, "91");
    const char *text = strcmp(figure, PAYMENTS) != 0 ? NULL
                       : part.kind == PERIOD_MONTH   ? told->months[part.number - 1]
                                                     : told->quarters[part.number - 1];
    assert_int_equal(part.year, 2024);
    if (text != NULL) {
        *value = number(text);
    }
    return text != NULL;
}

static void heard(void *context, const drift_whole_t *whole, const drift_span_t *span)
{
    told_t *told = context;
    assert_string_equal(whole->unit, "91");
    assert_string_equal(span->figure, PAYMENTS);
    told->calls++;
    told->differ += span->differs;
    told->last = *span;
}

static void compare(const source_t *year, period_t period, const char *whole, told_t *told)
{
    const reader_figure_t figures[] = {{"dvc-counters.in-progress-overdue", number("7")},
                                       {PAYMENTS, number(whole)}};
    const drift_whole_t row = {.unit = "91", .period = period, .figures = figures, .n_figures = 2};
    told->calls = told->differ = 0;
    drift_spans(year, &row, part_of, heard, told);
}

static void test_spans(void **state)
{
    (void)state;
    source_t *year;
    assert_int_equal(source_load(TEST_ROOT "/sources/dvc-counters-year.yaml", stderr, &year), 0);
    assert_int_equal(year->n_spans, 1);
    assert_string_equal(year->spans[0].parts_of, "dvc-counters-month");
    const period_t all = {PERIOD_YEAR, 2024, 0};
    told_t told = {.months = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}};
    compare(year, all, "78", &told); /* twelve, and equal */
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.last.n_present, 12);
    assert_false(told.last.differs);
    static const char *const off[] = {"77", "79", "77.999999", "0", "-78"};
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        compare(year, all, off[i], &told);
        assert_int_equal(told.differ, 1);
        assert_true(decimal_compare(told.last.sum, number("78")) == 0);
        assert_true(decimal_compare(told.last.whole, number(off[i])) == 0);
    }
    /* eleven prove nothing: what is missing is not zero, also where the others make the whole */
    told.months[1] = NULL;
    static const char *const wholes[] = {"78", "76", "5"};
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++) {
        compare(year, all, wholes[i], &told);
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.last.n_present, 11);
        assert_false(told.last.differs);
    }
    told.months[1] = "0"; /* and a zero that is told is one */
    compare(year, all, "76", &told);
    assert_int_equal(told.last.n_present, 12);
    assert_false(told.last.differs);
    compare(year, all, "78", &told);
    assert_true(told.last.differs);
    /* quarters of the year, and months of a quarter */
    told.quarters[0] = told.quarters[1] = told.quarters[2] = told.quarters[3] = "20";
    compare(year, all, "76", &told);
    assert_int_equal(told.calls, 2);
    assert_int_equal(told.differ, 1); /* the quarters do not, the months do */
    compare(year, (period_t){PERIOD_QUARTER, 2024, 3}, "24", &told); /* 7 + 8 + 9 */
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.last.n_parts, 3);
    assert_false(told.last.differs);
    compare(year, (period_t){PERIOD_QUARTER, 2024, 4}, "32", &told);
    assert_int_equal(told.differ, 1);
    compare(year, (period_t){PERIOD_MONTH, 2024, 4}, "4", &told); /* has no parts */
    assert_int_equal(told.calls, 0);
    told = (told_t){0}; /* none is known */
    compare(year, all, "78", &told);
    assert_int_equal(told.calls, 0);
    source_destroy(&year);
}

static void test_spans_within(void **state)
{
    (void)state;
    source_t *year;
    assert_int_equal(source_load(TEST_ROOT "/sources/dvc-counters-year.yaml", stderr, &year), 0);
    told_t told = {
        {"10", "10", "10", "10", "10", "10", "10", "10", "10", "10", "0", "0"}, {0}, 0, 0, {0}};
    static const struct {
        const char *most;
        bool percent;
        const char *whole;
        bool differs;
    } cases[] = {
        {"0", false, "100", false},  {"0", false, "100.000001", true}, {"2", false, "98", false},
        {"2", false, "102", false},  {"2", false, "97.99", true},      {"2", false, "102.01", true},
        {"5", true, "105", false}, /* of the whole: 5.25 */
        {"5", true, "105.27", true}, {"5", true, "95.23", true},       {"5", true, "95.24", false},
        {"50", true, "0", true}, /* of nothing there is no percentage */
        {"0", true, "100", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        year->spans[0].within = (source_limit_t){true, cases[i].percent, number(cases[i].most)};
        compare(year, (period_t){PERIOD_YEAR, 2024, 0}, cases[i].whole, &told);
        if (told.last.differs != cases[i].differs) {
            fail_msg("case %zu: 100 and %s", i, cases[i].whole);
        }
    }
    /* more than a number can be is not what was told */
    for (size_t i = 0; i < 12; i++) {
        told.months[i] = "999999999999999999";
    }
    compare(year, (period_t){PERIOD_YEAR, 2024, 0}, "999999999999999999", &told);
    assert_true(told.last.differs);
    source_destroy(&year);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_nothing),
        cmocka_unit_test(test_jumps),
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_spans_within),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
