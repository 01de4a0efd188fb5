/* test_reader.c - the recorded boards read to the last figure by their description, each kind of
 * damage named, and what the board does not use: sums over rows, tables, absent units, periods. */
#include "source/exchange.h"
#include "source/reader.h"

#include "base/error.h"
#include "board_rig.h"
#include "folder.h"
#include "text/text.h"

#include <jansson.h>

static reader_context_t context_of(const source_t *source, const char *of)
{
    return (reader_context_t){.source = source,
                              .units = units,
                              .of = of != NULL ? registry_by_code(units, of) : NULL,
                              .period = {PERIOD_YEAR, 2025, 0}};
}

static void test_recorded_boards(void **state)
{
    (void)state;
    static const char *const wire[] = {"CKMB", "TDGQ", "CLGQ",      "TTTT",
                                       "MDHL", "MDSH", "TONG_SCORE"};
    static const struct {
        const char *file, *of;
        size_t rows;
        int level;
    } files[] = {{"2025-10-11/0_2025.json", NULL, 34, 1},
                 {"2025-10-11/0_2025-10.json", NULL, 34, 1},
                 {"2025-10-11/398126_2025.json", "91", 102, 3},
                 {"2025-10-11/398126_2025-10.json", "91", 15, 2},
                 {"2025-10-15/0_2025.json", NULL, 34, 1},
                 {"2025-10-15/0_2025-10.json", NULL, 34, 1},
                 {"2025-10-15/398126_2025.json", "91", 102, 3},
                 {"2025-10-15/398126_2025-10.json", "91", 15, 2}};
    unsigned zeros = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[256];
        buffer_t body = BUFFER_INIT(1 << 20);
        reader_table_t table;
        snprintf(path, sizeof path, FIXTURES "%s", files[i].file);
        folder_read(path, &body);
        reader_context_t context = context_of(board, files[i].of);
        bytes_t page = buffer_bytes(&body);
        assert_int_equal(reader_read(&context, &page, 1, &table), 0);
        assert_int_equal(table.kind, READER_ROWS);
        assert_int_equal(table.n_rows, files[i].rows);
        json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);
        for (size_t r = 0; r < table.n_rows; r++) {
            const reader_row_t *row = &table.rows[r];
            const json_t *raw = json_array_get(json, r);
            assert_null(row->rule);
            assert_int_equal(row->unit.level, files[i].level);
            assert_string_equal(row->period, "2025");
            assert_true(text_is_nfc(row->unit.name, strlen(row->unit.name)));
            assert_int_equal(row->n_figures, 7);
            for (int f = 0; f < 7; f++) {
                const char *text = json_string_value(json_object_get(raw, wire[f]));
                decimal_t wanted;
                assert_int_equal(decimal_parse(text, strlen(text), &wanted), 0);
                assert_int_equal(decimal_compare(row->figures[f].value, wanted), 0);
                zeros += decimal_sign(wanted) == 0;
            }
        }
        json_decref(json);
        reader_free(&table);
        reader_free(&table); /* nothing */
        buffer_free(&body);
    }
    assert_true(zeros > 0); /* a zero is a figure */
}

/* ---- one row, changed key by key ---- */

typedef struct {
    const char *key, *value; /* JSON; NULL: left out */
} change_t;

static void row_text(buffer_t *b, const char *id, const char *agency, change_t change)
{
    const change_t good[] = {{"ID", id},
                             {"TEN", "\"S\u1edf A\""},
                             {"MA_COQUAN", agency},
                             {"LOAI_COQUAN", "\"2\""},
                             {"CKMB", "\"18\""},
                             {"TDGQ", "\"0\""},
                             {"CLGQ", "\"8.14\""},
                             {"TTTT", "\"9.29\""},
                             {"MDHL", "\"12\""},
                             {"MDSH", "\"0.57\""},
                             {"TONG_SCORE", "\"48\""}};
    bool first = true;
    buffer_append_text(b, "{");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        bool changed = change.key != NULL && strcmp(change.key, good[i].key) == 0;
        const char *value = changed ? change.value : good[i].value;
        if (value != NULL) {
            buffer_printf(b, "%s\"%s\":%s", first ? "" : ",", good[i].key, value);
            first = false;
        }
    }
    if (change.key != NULL && *change.key == '+') {
        buffer_printf(b, ",\"%s\":%s", change.key + 1, change.value);
    }
    buffer_append_text(b, "}");
}

static void read_text(const source_t *source, const char *of, const char *body,
                      reader_table_t *table)
{
    reader_context_t context = context_of(source, of);
    bytes_t page = bytes_of_text(body);
    assert_int_equal(reader_read(&context, &page, 1, table), 0);
}

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        change_t change;
        const char *rule, *reason;
    } cases[] = {
        {{NULL, NULL}, NULL, ""},
        {{"+MOI", "\"a new key\""}, NULL, ""},
        {{"+MOI", "{\"deep\":[1,2,{\"er\":null}]}"}, NULL, ""},
        {{"CLGQ", "\"8.140000\""}, NULL, ""}, /* trailing zeros say nothing new */
        {{"CLGQ", "8.14"}, NULL, ""},         /* a number has its digits too */
        {{"ID", NULL}, "schema", "ID is missing"},
        {{"TEN", NULL}, "schema", "TEN is missing"},
        {{"MA_COQUAN", NULL}, "schema", "MA_COQUAN is missing"},
        {{"LOAI_COQUAN", NULL}, "schema", "LOAI_COQUAN is missing"},
        {{"CKMB", NULL}, "schema", "CKMB is missing"},
        {{"TDGQ", "null"}, "schema", "TDGQ is missing"}, /* absent is not zero */
        {{"MA_COQUAN", "\"X01/15\""}, "schema", "MA_COQUAN is not a code"},
        {{"LOAI_COQUAN", "\"4\""}, "schema", "LOAI_COQUAN is not a level"},
        {{"LOAI_COQUAN", "\"1\""}, "unit", "a province among"},
        {{"CLGQ", "\"\""}, "schema", "CLGQ is missing or empty"},
        {{"CLGQ", "\"8,14\""}, "number", "CLGQ: '8,14' is not a number"},
        {{"CLGQ", "\"-8.14\""}, "range", "dvc-766.clgq of -8.14"},
        {{"CLGQ", "\"8.1e1\""}, "sum", "120.86"},
        {{"CLGQ", "\"NaN\""}, "number", "CLGQ"},
        {{"CLGQ", "\"80.59999999999999\""}, "number", "CLGQ"},
        {{"TONG_SCORE", "\"48.01\""}, "sum", "is not the sum of its parts, 48"},
        {{"MDSH", "\"0.58\""}, "sum", "is not the sum of its parts, 48.01"},
        {{"TONG_SCORE", "\"48.000001\""}, "sum", "is not the sum of its parts, 48"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_t b = BUFFER_INIT(65536);
        reader_table_t table;
        buffer_append_text(&b, "[");
        row_text(&b, "\"1\"", "\"X1\"", (change_t){NULL, NULL});
        buffer_append_text(&b, ",");
        row_text(&b, "\"2\"", "\"X2\"", cases[i].change);
        buffer_append_text(&b, "]");
        read_text(board, "91", buffer_text(&b), &table);
        assert_int_equal(table.kind, READER_ROWS);
        assert_int_equal(table.n_rows, 2);
        assert_null(table.rows[0].rule); /* its neighbour does not suffer */
        const reader_row_t *row = &table.rows[1];
        if (cases[i].rule == NULL) {
            assert_null(row->rule);
            assert_int_equal(decimal_sign(row->figures[1].value), 0);
        } else if (row->rule == NULL || strcmp(row->rule, cases[i].rule) != 0 ||
                   strstr(row->reason, cases[i].reason) == NULL) {
            fail_msg("%s=%s: %s '%s', wanted %s '%s'", cases[i].change.key, cases[i].change.value,
                     row->rule, row->reason, cases[i].rule, cases[i].reason);
        } else {
            json_t *kept = json_loads(row->raw, 0, NULL); /* with its bytes */
            assert_non_null(kept);
            json_decref(kept);
        }
        reader_free(&table);
        buffer_free(&b);
    }
}

static void test_two_rows_of_one_unit(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(65536);
    reader_table_t table;
    buffer_append_text(&b, "[");
    row_text(&b, "\"1\"", "\"X1\"", (change_t){0});
    buffer_append_text(&b, ",");
    row_text(&b, "\"2\"", "\"X2\"", (change_t){0});
    buffer_append_text(&b, ",");
    row_text(&b, "\"3\"", "\"X1\"", (change_t){"CKMB", "\"x\""});
    buffer_append_text(&b, "]");
    read_text(board, "91", buffer_text(&b), &table);
    assert_int_equal(table.n_rows, 3);
    assert_string_equal(table.rows[0].rule, "duplicate");
    assert_null(table.rows[1].rule);
    assert_string_equal(table.rows[2].rule, "number"); /* the first thing that is wrong */
    reader_free(&table);
    buffer_free(&b);
}

static void test_copies_across_pages(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(65536);
    reader_table_t table;
    reader_context_t context = context_of(board, "91");
    buffer_append_text(&b, "[");
    row_text(&b, "\"1\"", "\"X1\"", (change_t){0});
    buffer_append_text(&b, "]");
    bytes_t pages[] = {buffer_bytes(&b), buffer_bytes(&b)};
    assert_int_equal(reader_read(&context, pages, 2, &table), 0);
    assert_int_equal(table.n_rows, 1);
    assert_null(table.rows[0].rule);
    reader_free(&table);
    buffer_free(&b);
}

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        reader_kind_t kind;
    } cases[] = {{"[]", READER_NO_DATA},
                 {" [ ]\r\n", READER_NO_DATA},
                 {"", READER_BLOCKED},
                 {"<html>blocked</html>", READER_BLOCKED},
                 {"Request Rejected", READER_BLOCKED},
                 {"[", READER_MALFORMED},
                 {"[{\"ID\":\"1\"", READER_MALFORMED},
                 {"[] x", READER_MALFORMED},
                 {"[{\"ID\":\"1\",\"CKMB\":NaN}]", READER_MALFORMED},
                 {"[1]", READER_MALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reader_table_t table;
        read_text(board, NULL, cases[i].body, &table);
        if (table.kind != cases[i].kind) {
            fail_msg("'%s': kind %d '%s'", cases[i].body, table.kind, table.reason);
        }
        reader_free(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_boards),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_two_rows_of_one_unit),
        cmocka_unit_test(test_copies_across_pages),
        cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
