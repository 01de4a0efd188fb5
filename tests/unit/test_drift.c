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
                                  .has_jump = true,
                                  .jump_percent = cases[i].percent,
                                  .jump_most = number(cases[i].most)};
        char reason[160] = "";
        bool jumps = drift_jumps(&figure, number(cases[i].before), number(cases[i].now), reason);
        if (jumps != cases[i].jumps) {
            fail_msg("case %zu: %s to %s", i, cases[i].before, cases[i].now);
        }
        assert_int_equal(*reason != '\0', jumps);
        figure.has_jump = false;
        assert_false(drift_jumps(&figure, number(cases[i].before), number(cases[i].now), reason));
    }
    source_figure_t figure = {.id = "a.b", .has_jump = true, .jump_most = number("30")};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_nothing),
        cmocka_unit_test(test_jumps),
        cmocka_unit_test(test_alike),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
