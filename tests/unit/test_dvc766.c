/* test_dvc766.c - the recorded boards read to the last figure, and each kind of damage named. */
#include "ingest/dvc766.h"

#include "base/error.h"
#include "folder.h"
#include "text/text.h"

#include <jansson.h>

#define FIXTURES TEST_ROOT "/tests/fixtures/dvc766/"

static const char *const wire[DVC766_FIGURES] = {"CKMB", "TDGQ", "CLGQ",      "TTTT",
                                                 "MDHL", "MDSH", "TONG_SCORE"};

static decimal_t decimal(const char *text)
{
    decimal_t out = DECIMAL_ZERO;
    assert_int_equal(decimal_parse(text, strlen(text), &out), 0);
    return out;
}

static void test_fixtures(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t rows;
        int level;
    } files[] = {
        {"2025-10-11/0_2025.json", 34, 1},       {"2025-10-11/0_2025-10.json", 34, 1},
        {"2025-10-11/398126_2025.json", 102, 3}, {"2025-10-11/398126_2025-10.json", 15, 2},
        {"2025-10-15/0_2025.json", 34, 1},       {"2025-10-15/0_2025-10.json", 34, 1},
        {"2025-10-15/398126_2025.json", 102, 3}, {"2025-10-15/398126_2025-10.json", 15, 2}};
    unsigned zeros = 0;
    unsigned renamed = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[256];
        buffer_t body = BUFFER_INIT(1 << 20);
        dvc766_board_t board;
        snprintf(path, sizeof path, FIXTURES "%s", files[i].file);
        folder_read(path, &body);
        assert_int_equal(dvc766_parse(buffer_bytes(&body), &board), 0);
        assert_int_equal(board.kind, DVC766_ROWS);
        assert_int_equal(board.n_rows, files[i].rows);
        json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);
        assert_non_null(json);
        for (size_t r = 0; r < board.n_rows; r++) {
            const dvc766_row_t *row = &board.rows[r];
            const json_t *raw = json_array_get(json, r);
            const char *name = json_string_value(json_object_get(raw, "TEN"));
            assert_null(row->rule);
            assert_null(row->bytes);
            assert_int_equal(row->level, files[i].level);
            assert_string_equal(row->id, json_string_value(json_object_get(raw, "ID")));
            assert_string_equal(row->agency, json_string_value(json_object_get(raw, "MA_COQUAN")));
            assert_true(text_is_nfc(row->name, strlen(row->name)));
            renamed += strcmp(row->name, name) != 0 ? 1 : 0;
            if (strcmp(row->id, "470152") == 0) { /* stored in NFD at the source */
                assert_string_equal(row->name, "UBND phường Long Phú - tỉnh An Giang");
            }
            decimal_t sum = DECIMAL_ZERO;
            for (int f = 0; f < DVC766_FIGURES; f++) {
                const char *text = json_string_value(json_object_get(raw, wire[f]));
                assert_int_equal(decimal_compare(row->figures[f], decimal(text)), 0);
                zeros += f != DVC766_TOTAL && decimal_sign(row->figures[f]) == 0 ? 1 : 0;
                if (f != DVC766_TOTAL) {
                    assert_int_equal(decimal_add(sum, row->figures[f], &sum), 0);
                }
            }
            assert_int_equal(decimal_compare(sum, row->figures[DVC766_TOTAL]), 0);
        }
        json_decref(json);
        dvc766_free(&board);
        dvc766_free(&board); /* nothing */
        buffer_free(&body);
    }
    assert_true(zeros > 0);
    assert_int_equal(renamed, 2); /* id 470152, on both days */
}

/* ---- one row, changed key by key ---- */

typedef struct {
    const char *key, *value; /* JSON; NULL: left out */
} change_t;

static void row_text(buffer_t *b, const char *id, const char *agency, change_t change)
{
    const change_t good[] = {{"ID", id},
                             {"TEN", "\"UBND x\u00e3 A\""},
                             {"MA_COQUAN", agency},
                             {"LOAI_COQUAN", "\"3\""},
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
    if (change.key != NULL && strchr(change.key, '+') == change.key) {
        buffer_printf(b, ",\"%s\":%s", change.key + 1, change.value);
    }
    buffer_append_text(b, "}");
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
        {{"+ROW_STT", "7"}, NULL, ""},
        {{"CLGQ", "\"8.140000\""}, NULL, ""}, /* trailing zeros say nothing new */
        {{"ID", NULL}, "schema", "ID is missing"},
        {{"TEN", NULL}, "schema", "TEN is missing"},
        {{"MA_COQUAN", NULL}, "schema", "MA_COQUAN is missing"},
        {{"LOAI_COQUAN", NULL}, "schema", "LOAI_COQUAN is missing"},
        {{"CKMB", NULL}, "schema", "CKMB is missing"},
        {{"TONG_SCORE", NULL}, "schema", "TONG_SCORE is missing"},
        {{"ID", "398161"}, "schema", "ID is not a string"},
        {{"TDGQ", "0"}, "schema", "TDGQ is not a string"},
        {{"TDGQ", "null"}, "schema", "TDGQ is not a string"}, /* absent is not zero */
        {{"TEN", "[\"x\"]"}, "schema", "TEN is not a string"},
        {{"ID", "\"\""}, "schema", "ID is not a code"},
        {{"ID", "\"39 8\""}, "schema", "ID is not a code"},
        {{"ID", "\"../x\""}, "schema", "ID is not a code"},
        {{"ID", "\"39|8\""}, "schema", "ID is not a code"},
        {{"MA_COQUAN", "\"H01/15\""}, "schema", "MA_COQUAN is not a code"},
        {{"TEN", "\"\""}, "schema", "TEN is empty or not UTF-8"},
        {{"TEN", "\" \\t \""}, "schema", "TEN is empty or not UTF-8"},
        {{"LOAI_COQUAN", "\"4\""}, "schema", "LOAI_COQUAN is not 1, 2 or 3"},
        {{"LOAI_COQUAN", "\"0\""}, "schema", "LOAI_COQUAN is not 1, 2 or 3"},
        {{"LOAI_COQUAN", "\"33\""}, "schema", "LOAI_COQUAN is not 1, 2 or 3"},
        {{"LOAI_COQUAN", "\"\""}, "schema", "LOAI_COQUAN is not 1, 2 or 3"},
        {{"CLGQ", "\"\""}, "number", "CLGQ is not a number of the form 12.34"},
        {{"CLGQ", "\"8,14\""}, "number", "CLGQ is not a number of the form 12.34"},
        {{"CLGQ", "\"-8.14\""}, "number", "CLGQ is not a number of the form 12.34"},
        {{"CLGQ", "\"8.14 \""}, "number", "CLGQ is not a number of the form 12.34"},
        {{"CLGQ", "\"8.1e1\""}, "number", "CLGQ is not a number of the form 12.34"},
        {{"CLGQ", "\"80.59999999999999\""}, "number", "CLGQ is not a number of the form 12.34"},
        {{"MDSH", "\"1000000000000000000\""}, "number", "MDSH is not a number of the form 12.34"},
        {{"MDSH", "\"999999999999999999.999999\""}, "number", "MDSH is too large"},
        {{"TONG_SCORE", "\"48.01\""}, "sum", "TONG_SCORE is not the sum of the six groups, 48"},
        {{"MDSH", "\"0.58\""}, "sum", "TONG_SCORE is not the sum of the six groups, 48.01"},
        {{"TONG_SCORE", "\"48.000001\""}, "sum", "TONG_SCORE is not the sum of the six groups, 48"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_t b = BUFFER_INIT(65536);
        dvc766_board_t board;
        buffer_append_text(&b, "[");
        row_text(&b, "\"1\"", "\"H1\"", (change_t){NULL, NULL});
        buffer_append_text(&b, ",");
        row_text(&b, "\"2\"", "\"H2\"", cases[i].change);
        buffer_append_text(&b, "]");
        assert_int_equal(dvc766_parse(buffer_bytes(&b), &board), 0);
        assert_int_equal(board.kind, DVC766_ROWS);
        assert_int_equal(board.n_rows, 2);
        assert_null(board.rows[0].rule); /* its neighbour does not suffer */
        const dvc766_row_t *row = &board.rows[1];
        if (cases[i].rule == NULL) {
            assert_null(row->rule);
            assert_null(row->bytes);
            assert_int_equal(decimal_sign(row->figures[1]), 0);
        } else if (row->rule == NULL || strcmp(row->rule, cases[i].rule) != 0 ||
                   strcmp(row->reason, cases[i].reason) != 0) {
            fail_msg("%s=%s: %s '%s', wanted %s '%s'", cases[i].change.key, cases[i].change.value,
                     row->rule, row->reason, cases[i].rule, cases[i].reason);
        } else {
            json_t *kept = json_loads(row->bytes, 0, NULL); /* with its bytes */
            assert_non_null(kept);
            json_decref(kept);
        }
        dvc766_free(&board);
        buffer_free(&b);
    }
}

static const char *rule_of(const dvc766_board_t *board, size_t i)
{
    return board->rows[i].rule != NULL ? board->rows[i].rule : "good";
}

static void test_duplicates(void **state)
{
    (void)state;
    static const struct {
        const char *id[3], *agency[3];
        change_t last; /* of the third */
        const char *rules[3];
    } cases[] = {
        {{"\"1\"", "\"2\"", "\"3\""}, {"\"A\"", "\"B\"", "\"C\""}, {0}, {"good", "good", "good"}},
        {{"\"1\"", "\"2\"", "\"1\""},
         {"\"A\"", "\"B\"", "\"C\""},
         {0},
         {"duplicate", "good", "duplicate"}},
        {{"\"1\"", "\"1\"", "\"1\""},
         {"\"A\"", "\"B\"", "\"C\""},
         {0},
         {"duplicate", "duplicate", "duplicate"}},
        /* the portal's white space hides nothing */
        {{"\"1\"", "\"2\"", "\" 1 \""},
         {"\"A\"", "\"B\"", "\"C\""},
         {0},
         {"duplicate", "good", "duplicate"}},
        /* a twin that is damaged besides is a twin all the same */
        {{"\"1\"", "\"2\"", "\"1\""},
         {"\"A\"", "\"B\"", "\"C\""},
         {"CKMB", "\"x\""},
         {"duplicate", "good", "number"}},
        {{"\"1\"", "\"2\"", "\"1\""},
         {"\"A\"", "\"B\"", "\"C\""},
         {"MA_COQUAN", NULL},
         {"duplicate", "good", "schema"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_t b = BUFFER_INIT(65536);
        dvc766_board_t board;
        for (int r = 0; r < 3; r++) {
            buffer_append_text(&b, r == 0 ? "[" : ",");
            row_text(&b, cases[i].id[r], cases[i].agency[r],
                     r == 2 ? cases[i].last : (change_t){0});
        }
        buffer_append_text(&b, "]");
        assert_int_equal(dvc766_parse(buffer_bytes(&b), &board), 0);
        for (size_t r = 0; r < 3; r++) {
            if (strcmp(rule_of(&board, r), cases[i].rules[r]) != 0) {
                fail_msg("case %zu row %zu: %s, wanted %s", i, r, rule_of(&board, r),
                         cases[i].rules[r]);
            }
        }
        dvc766_free(&board);
        buffer_free(&b);
    }
}

/* ---- whole bodies ---- */

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        dvc766_kind_t kind;
        const char *reason; /* part of it */
    } cases[] = {
        {"[]", DVC766_NO_DATA, ""},
        {" [ ]\r\n", DVC766_NO_DATA, ""},
        {"", DVC766_BLOCKED, "the body is empty"},
        {" \r\n\t", DVC766_BLOCKED, "the body is empty"},
        {"<html>blocked</html>", DVC766_BLOCKED, "a page instead of data"},
        {"\n <!DOCTYPE html>", DVC766_BLOCKED, "a page instead of data"},
        {"\xef\xbb\xbf<html>", DVC766_BLOCKED, "a page instead of data"},
        {"Request Rejected", DVC766_BLOCKED, "not JSON"},
        {"null", DVC766_BLOCKED, "not JSON"},
        {"\"[]\"", DVC766_BLOCKED, "not JSON"},
        {"{}", DVC766_MALFORMED, "an object instead of an array"},
        {"{\"data\":[]}", DVC766_MALFORMED, "an object instead of an array"},
        {"[", DVC766_MALFORMED, "line 1"},
        {"[]]", DVC766_MALFORMED, "line 1"},
        {"[] x", DVC766_MALFORMED, "line 1"},
        {"[{\"ID\":\"1\"", DVC766_MALFORMED, "line 1"},
        {"[{\"ID\":\"1\",\"ID\":\"2\"}]", DVC766_MALFORMED, "line 1"},
        {"[{\"ID\":\"\xff\xfe\"}]", DVC766_MALFORMED, "line 1"},
        {"[{\"ID\":\"a\\u0000b\"}]", DVC766_MALFORMED, "line 1"},
        {"[1]", DVC766_ROWS, ""},
        {"[[]]", DVC766_ROWS, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dvc766_board_t board;
        assert_int_equal(dvc766_parse(bytes_of_text(cases[i].body), &board), 0);
        if (board.kind != cases[i].kind || strstr(board.reason, cases[i].reason) == NULL) {
            fail_msg("'%s': kind %d '%s'", cases[i].body, board.kind, board.reason);
        }
        assert_int_equal(board.n_rows, cases[i].kind == DVC766_ROWS ? 1 : 0);
        if (board.n_rows == 1) {
            assert_string_equal(rule_of(&board, 0), "schema");
            assert_string_equal(board.rows[0].reason, "a row is not an object");
            assert_non_null(board.rows[0].bytes);
        }
        for (const char *c = board.reason; *c != '\0'; c++) {
            assert_in_range(*c, ' ', '~'); /* nothing of the body reaches a log as it was */
        }
        dvc766_free(&board);
    }
}

/* A byte-order mark in front of good rows. */
static void test_byte_order_mark(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(65536);
    dvc766_board_t board;
    buffer_append_text(&b, "\xef\xbb\xbf[");
    row_text(&b, "\"1\"", "\"H1\"", (change_t){0});
    buffer_append_text(&b, "]");
    assert_int_equal(dvc766_parse(buffer_bytes(&b), &board), 0);
    if (board.kind != DVC766_ROWS) {
        fail_msg("kind %d '%s'", board.kind, board.reason);
    }
    assert_int_equal(board.n_rows, 1);
    assert_string_equal(rule_of(&board, 0), "good");
    dvc766_free(&board);
    buffer_free(&b);
}

static void test_too_many_rows(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        buffer_t b = BUFFER_INIT(1 << 20);
        dvc766_board_t board;
        for (int i = 0; i < DVC766_MAX_ROWS + more; i++) {
            buffer_append_text(&b, i == 0 ? "[0" : ",0");
        }
        buffer_append_text(&b, "]");
        assert_int_equal(dvc766_parse(buffer_bytes(&b), &board), 0);
        assert_int_equal(board.kind, more == 0 ? DVC766_ROWS : DVC766_MALFORMED);
        assert_int_equal(board.n_rows, more == 0 ? DVC766_MAX_ROWS : 0);
        dvc766_free(&board);
        buffer_free(&b);
    }
}

/* ---- the request ---- */

static void test_request(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        period_t period;
        const char *json;
    } cases[] = {
        {"0",
         {PERIOD_YEAR, 2025, 0},
         "{\"type\":\"ref\",\"p_nam\":\"2025\",\"p_tinh_id\":\"0\",\"p_huyen_id\":\"\","
         "\"service\":\"report_tinh_766_service\",\"p_6thang\":0,\"pageIndex\":1,"
         "\"pageSize\":1000,\"p_loaidonvi\":1,\"loaichitieu\":0,\"p_quy\":0,\"p_thang\":0}"},
        {"398126",
         {PERIOD_QUARTER, 2025, 3},
         "{\"type\":\"ref\",\"p_nam\":\"2025\",\"p_tinh_id\":\"398126\",\"p_huyen_id\":\"\","
         "\"service\":\"report_tinh_766_service\",\"p_6thang\":0,\"pageIndex\":1,"
         "\"pageSize\":1000,\"p_loaidonvi\":1,\"loaichitieu\":0,\"p_quy\":3,\"p_thang\":0}"},
        {"398126",
         {PERIOD_MONTH, 2026, 10},
         "{\"type\":\"ref\",\"p_nam\":\"2026\",\"p_tinh_id\":\"398126\",\"p_huyen_id\":\"\","
         "\"service\":\"report_tinh_766_service\",\"p_6thang\":0,\"pageIndex\":1,"
         "\"pageSize\":1000,\"p_loaidonvi\":1,\"loaichitieu\":0,\"p_quy\":0,\"p_thang\":10}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_t b = BUFFER_INIT(4096);
        char decoded[1024];
        size_t n = 0;
        dvc766_request(cases[i].id, cases[i].period, &b);
        const char *text = buffer_text(&b);
        assert_non_null(text);
        assert_int_equal(strncmp(text, "params=", 7), 0);
        for (text += 7; *text != '\0'; text++) {
            unsigned byte = (unsigned char)*text;
            if (*text == '%') {
                assert_int_equal(sscanf(text, "%%%2X", &byte), 1);
                text += 2;
            } else { /* what may stand in a form as it is */
                assert_true(strchr("{}\":,+&= ", *text) == NULL);
            }
            decoded[n++] = (char)byte;
        }
        decoded[n] = '\0';
        assert_string_equal(decoded, cases[i].json);
        buffer_free(&b);
    }
    buffer_t small = BUFFER_INIT(20);
    dvc766_request("0", cases[0].period, &small);
    assert_true(small.failed);
    buffer_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_duplicates),      cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_byte_order_mark), cmocka_unit_test(test_too_many_rows),
        cmocka_unit_test(test_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
