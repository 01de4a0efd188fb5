/* test_extract_csv.c - CSV bodies: exports of task-tracking systems, uploads from spreadsheets. */
#include "extract_rig.h"

#include "base/error.h"

static void test_trap_23_export_with_byte_order_mark(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "!unit", "Mã đơn vị", "given", "Nhiệm vụ được giao",
             "percent", "Đúng hạn (%)", "points", "Điểm", "note", "Ghi chú", "name", " Đơn  vị ",
             "no", "STT");
    rig.spec.delimiter = ';';
    assert_int_equal(rig_fixture(&rig, "task_tracking.csv"), EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, 3); /* the blank lines are none */
    assert_cell(&rig, 0, 0, "H01.15");     /* its heading is decomposed in the file */
    assert_cell(&rig, 0, 1, "1.250");
    assert_cell(&rig, 0, 6, "1"); /* the first heading stands behind the mark */
    extract_free(&rig.table);
}

static void test_trap_13_decimal_comma(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "!unit", "Mã đơn vị", "percent", "Đúng hạn (%)", "points",
             "Điểm");
    rig.spec.delimiter = ';';
    rig_fixture(&rig, "task_tracking.csv");
    assert_cell(&rig, 0, 1, "97,6");
    assert_cell(&rig, 0, 2, "17,5/18");
    assert_cell(&rig, 2, 1, "0"); /* a genuine zero */
    /* unquoted in a file of commas it moves what follows: the row is bad, not shifted */
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "unit", "unit", "a", "a", "b", "b");
    assert_int_equal(rig_body(&rig, "unit,a,b\nH01,17,5,3\nH02,\"17,5\",3\nH03,1\n"), EXTRACT_ROWS);
    assert_string_equal(rig.table.rows[0].fault, "4 fields; the headings are 3");
    assert_string_equal(rig.table.rows[0].raw, "H01,17,5,3");
    assert_null(rig_cell(&rig, 0, 0));
    assert_null(rig.table.rows[1].fault);
    assert_cell(&rig, 1, 1, "17,5");
    assert_string_equal(rig.table.rows[2].fault, "2 fields; the headings are 3");
    extract_free(&rig.table);
}

static void test_trap_15_cells_come_in_nfc(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "name", "Đơn vị");
    rig.spec.delimiter = ';';
    rig_fixture(&rig, "task_tracking.csv");
    assert_cell(&rig, 1, 0, "Sở Nội vụ"); /* decomposed, with two spaces */
    assert_cell(&rig, 2, 0, "Thanh tra \"tỉnh\"");
    extract_free(&rig.table);
}

static void test_lines_are_those_of_the_file(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "no", "STT", "note", "Ghi chú");
    rig.spec.delimiter = ';';
    rig_fixture(&rig, "task_tracking.csv");
    assert_int_equal(rig.table.rows[0].line, 2);
    assert_int_equal(rig.table.rows[1].line, 4); /* a note with a line break is before it */
    assert_int_equal(rig.table.rows[2].line, 7); /* and two blank lines */
    assert_cell(&rig, 0, 1, "Báo cáo quý III (bổ sung)");
    assert_cell(&rig, 2, 1, "a;b");
    assert_null(rig_cell(&rig, 1, 1)); /* empty is missing */
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "a", "a");
    static const char *const ends[] = {"\n\na\n\n1\n\n\n2\n", "\r\n\r\na\r\n\r\n1\r\n\r\n\r\n2",
                                       "\r\ra\r\r1\r\r\r2\r"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rig_body(&rig, ends[i]), EXTRACT_ROWS);
        assert_int_equal(rig.table.n_rows, 2);
        assert_int_equal(rig.table.rows[0].line, 5);
        assert_int_equal(rig.table.rows[1].line, 8);
        assert_string_equal(rig.table.rows[1].raw, "2");
    }
    extract_free(&rig.table);
}

static void test_what_is_no_csv(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        extract_kind_t kind;
        const char *reason;
    } cases[] = {
        {"", EXTRACT_BLOCKED, "empty"},
        {"\xef\xbb\xbf \n", EXTRACT_BLOCKED, "empty"},
        {"<html><title>Đăng nhập</title>", EXTRACT_BLOCKED, "a page instead of CSV: \"Đăng nhập\""},
        {"{\"error\":\"x\"}", EXTRACT_MALFORMED, "there is no heading \"unit\"; there is: {"},
        {"Unit,a\nH01,1\n", EXTRACT_MALFORMED, "there is no heading \"unit\"; there is: Unit, a"},
        {"unit,a,a \nH01,1,2\n", EXTRACT_MALFORMED, "line 1: the heading \"a\" comes twice"},
        {"unit,a\nH01,\"1", EXTRACT_MALFORMED, "cut: the quote that opens in line 2"},
        {"unit,a\n\"H01\"x,1", EXTRACT_MALFORMED, "line 2: text behind the closing quote"},
        {"unit,a\nH01,1\nS\xf4\xa4,2\n", EXTRACT_MALFORMED, "line 3: not UTF-8"},
        {"\xff\xfeu", EXTRACT_MALFORMED, "line 1: not UTF-8"},
        {"unit,a\n", EXTRACT_EMPTY, ""},
        {"unit,a\n,,\n\n", EXTRACT_EMPTY, ""},
        {"unit,a\n , \n", EXTRACT_EMPTY, ""},
    };
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "!unit", "unit", "a", "a");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(rig_body(&rig, cases[i].body), cases[i].kind);
        assert_reason(&rig, cases[i].reason);
    }
    assert_int_equal(rig_bytes(&rig, "unit,a\nH\0,1", 11), EXTRACT_MALFORMED);
    assert_reason(&rig, "line 2");
    rig.columns[0].required = false;
    rig.spec.proof = "Tổng";
    assert_int_equal(rig_body(&rig, "unit,a\nH01,1\n"), EXTRACT_MALFORMED);
    assert_reason(&rig, "there is no heading \"Tổng\"");
    rig.spec.proof = NULL;
    assert_int_equal(rig_body(&rig, "b,c\nH01,1\n"), EXTRACT_MALFORMED);
    assert_reason(&rig, "none of the 1 rows");
    extract_free(&rig.table);
}

static void test_trap_18_headings_are_not_corrected(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "before", "PreExtisting", "right", "PreExisting");
    rig_body(&rig, "PreExtisting\n5\n");
    assert_cell(&rig, 0, 0, "5");
    assert_null(rig_cell(&rig, 0, 1));
    extract_free(&rig.table);
}

static void test_limits(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    size_t n = 1000000;
    char *body = malloc(n + 8);
    assert_non_null(body);
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "a", "a");
    memset(body, ',', 2000);
    body[0] = 'a';
    body[2000] = '\0';
    assert_int_equal(rig_body(&rig, body), EXTRACT_MALFORMED);
    assert_reason(&rig, "more than 1024 headings");
    memcpy(body, "a,b\n", 4);
    memset(body + 4, ',', 2000);
    body[5] = '1';
    body[2004] = '\0';
    assert_int_equal(rig_body(&rig, body), EXTRACT_ROWS);
    assert_non_null(rig.table.rows[0].fault);
    memcpy(body, "a\n", 2);
    memset(body + 2, 'x', 70000);
    body[70002] = '\0';
    assert_int_equal(rig_body(&rig, body), EXTRACT_ROWS);
    assert_string_equal(rig.table.rows[0].fault, "column a is longer than 65536 bytes");
    for (size_t i = 1; i < n / 2; i++) {
        memcpy(body + 2 * i, "1\n", 2);
    }
    assert_int_equal(rig_bytes(&rig, body, n), EXTRACT_MALFORMED);
    assert_reason(&rig, "more than 100000 rows");
    assert_int_equal(rig_bytes(&rig, body, 2 + 2 * EXTRACT_MAX_ROWS), EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, EXTRACT_MAX_ROWS);
    extract_free(&rig.table);
    free(body);
}

static void test_shape_is_that_of_the_headings(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    uint8_t first[32];
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "a", "a");
    rig_body(&rig, "a,b\n1,2\n");
    memcpy(first, rig.table.shape, 32);
    rig_body(&rig, "b, a ,\n1,2,\n3,4,\n");
    assert_memory_equal(first, rig.table.shape, 32);
    rig_body(&rig, "a,b,c\n1,2,3\n");
    assert_memory_not_equal(first, rig.table.shape, 32);
    extract_free(&rig.table);
}

static void test_check(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    char reason[EXTRACT_REASON_SIZE];
    RIG_SPEC(&rig, EXTRACT_CSV, NULL, "a", "Điểm");
    assert_int_equal(extract_check(&rig.spec, reason), 0);
    rig.spec.delimiter = '"';
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    rig.spec.delimiter = '\t';
    assert_int_equal(extract_check(&rig.spec, reason), 0);
    rig.columns[0].path = " ";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    assert_string_equal(reason, "a: \" \" is not a heading");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trap_23_export_with_byte_order_mark),
        cmocka_unit_test(test_trap_13_decimal_comma),
        cmocka_unit_test(test_trap_15_cells_come_in_nfc),
        cmocka_unit_test(test_lines_are_those_of_the_file),
        cmocka_unit_test(test_what_is_no_csv),
        cmocka_unit_test(test_trap_18_headings_are_not_corrected),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_shape_is_that_of_the_headings),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
