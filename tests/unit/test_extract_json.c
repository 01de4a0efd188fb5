/* test_extract_json.c - JSON bodies as the sources send them, and as they should not. */
#include "extract_rig.h"

#include "base/error.h"
#include "text/text.h"

static const char big[] = "123456789012345678901234567890.1234567890";

static void test_numbers_keep_their_digits(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "a", "/a", "b", "/b", "c", "/c", "d", "/d", "e", "/e");
    assert_int_equal(rig_body(&rig, "[{\"a\":0.10,\"b\":-0,\"c\":1.0E7,\"d\":91.700,\"e\":"
                                    "123456789012345678901234567890.1234567890}]"),
                     EXTRACT_ROWS);
    assert_cell(&rig, 0, 0, "0.10");
    assert_cell(&rig, 0, 1, "-0");
    assert_cell(&rig, 0, 2, "1.0E7");
    assert_cell(&rig, 0, 3, "91.700");
    assert_cell(&rig, 0, 4, big);
    assert_string_equal(rig.table.rows[0].raw,
                        "{\"a\":0.10,\"b\":-0,\"c\":1.0E7,\"d\":91.700,\"e\":"
                        "123456789012345678901234567890.1234567890}");
    extract_free(&rig.table);
}

static void test_a_text_cannot_pass_for_a_number(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "a", "/a", "b", "/b");
    rig_body(&rig, "[{\"a\":\"\\u0001N5\",\"b\":\"x\"}]");
    assert_string_equal(rig.table.rows[0].raw, "{\"a\":\"\\u0001N5\",\"b\":\"x\"}");
    assert_non_null(rig.table.rows[0].fault); /* a control character is no text */
    assert_null(rig_cell(&rig, 0, 0));
    rig_body(&rig, "[{\"a\":\"1\\u00002\",\"b\":\"x\"}]");
    assert_non_null(rig.table.rows[0].fault);
    assert_string_equal(rig.table.rows[0].raw, "{\"a\":\"1\\u00002\",\"b\":\"x\"}");
    extract_free(&rig.table);
}

static void test_trap_01_page_with_status_200_is_blocked(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "id", "/ID");
    assert_int_equal(rig_fixture(&rig, "f5_rejected.html"), EXTRACT_BLOCKED);
    assert_string_equal(rig.table.reason, "a page instead of JSON: \"Request Rejected\"; Your "
                                          "support ID is: 12649813365416847931");
    assert_int_equal(rig_fixture(&rig, "cloudflare_challenge.html"), EXTRACT_BLOCKED);
    assert_reason(&rig, "\"Just a moment...\"");
    assert_int_equal(rig_body(&rig, " \r\n\t<!doctype html><TITLE\nid=x> Không  tìm thấy"),
                     EXTRACT_BLOCKED);
    assert_reason(&rig, "\"Không tìm thấy\"");
    assert_int_equal(rig_body(&rig, ""), EXTRACT_BLOCKED);
    assert_reason(&rig, "empty");
    assert_int_equal(rig_body(&rig, "  \n"), EXTRACT_BLOCKED);
    assert_int_equal(rig_body(&rig, "Bad Gateway"), EXTRACT_BLOCKED);
    assert_reason(&rig, "Bad Gateway");
    assert_int_equal(rig_body(&rig, "<title>\xff\xfe broken"), EXTRACT_BLOCKED);
    extract_free(&rig.table);
}

static void test_trap_02_empty_array_is_no_row(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    static const uint8_t zeros[32];
    RIG_SPEC(&rig, EXTRACT_JSON, "", "id", "/ID");
    assert_int_equal(rig_body(&rig, "[]"), EXTRACT_EMPTY);
    assert_int_equal(rig.table.n_rows, 0);
    assert_memory_equal(rig.table.shape, zeros, 32);
    RIG_SPEC(&rig, EXTRACT_JSON, "/result/records", "id", "/ID");
    assert_int_equal(rig_body(&rig, "{\"result\":{\"records\":[]}}"), EXTRACT_EMPTY);
    extract_free(&rig.table);
}

static void test_another_shape_is_malformed_not_empty(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "/result/records", "id", "/ID");
    assert_int_equal(rig_body(&rig, "{\"success\":false,\"error\":{\"__type\":\"Not Found\"}}"),
                     EXTRACT_MALFORMED);
    assert_string_equal(rig.table.reason, "there is no /result/records in the body");
    assert_int_equal(rig_body(&rig, "{\"result\":{\"records\":null}}"), EXTRACT_MALFORMED);
    RIG_SPEC(&rig, EXTRACT_JSON, "", "id", "/ID", "score", "/TONG_SCORE");
    assert_int_equal(rig_body(&rig, "{\"error_code\":-1,\"message\":\"x\"}"), EXTRACT_MALFORMED);
    assert_reason(&rig, "none of the 1 rows has any of the columns, as /ID");
    rig.spec.proof = "/0/TONG_SCORE";
    assert_int_equal(rig_body(&rig, "[{\"ID\":\"1\"}]"), EXTRACT_MALFORMED);
    assert_reason(&rig, "no /0/TONG_SCORE");
    assert_int_equal(rig_body(&rig, "[{\"ID\":\"1\",\"TONG_SCORE\":null}]"), EXTRACT_ROWS);
    extract_free(&rig.table);
}

static void test_cut_and_broken_bodies_are_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *body, *reason;
    } cases[] = {
        {"[{\"ID\":\"1\"},", "the body is cut: it ends after 12 bytes"},
        {"[{\"ID\":\"Ph", "the body is cut"},
        {"[{\"ID\":\"Ph\xc6", "inside a character"},
        {"[{\"ID\":1.", "line 1"},
        {"[{\"ID\":\"1\"}]]", "line 1"},
        {"[{\"ID\":01}]", "line 1"},
        {"[{\"ID\":1 2}]", "line 1"},
        {"[{1:\"x\"}]", "line 1: a number as a key"},
        {"[{1 \n:\"x\"}]", "line 2: a number as a key"},
        {"[{\"ID\":\"1\",\n\"ID\":\"2\"}]", "line 2: duplicate object key"},
        {"[{\"ID\":\"caf\xe9\"}]", "not UTF-8 from byte 11 on"},
        {"[{\"ID\":'1'}]", "line 1"},
        {"[{\"ID\":\"1\",}]", "line 1"},
        {"\xef\xbb\xbf[{\"ID\":\"1\"}]", "a byte-order mark"},
    };
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "id", "/ID");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(rig_body(&rig, cases[i].body), EXTRACT_MALFORMED);
        assert_reason(&rig, cases[i].reason);
        assert_int_equal(rig.table.n_rows, 0);
    }
    extract_free(&rig.table);
}

static void test_trap_21_huge_bodies_stop_at_limits(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    size_t n = 3 * (size_t)EXTRACT_MAX_VALUES;
    char *body = malloc(n + 4);
    assert_non_null(body);
    RIG_SPEC(&rig, EXTRACT_JSON, "", "id", "/ID", "geo", "/GEO_JSON");
    memset(body, '[', 200);
    assert_int_equal(rig_bytes(&rig, body, 200), EXTRACT_MALFORMED);
    assert_reason(&rig, "nested too deeply");
    body[0] = '[';
    for (size_t i = 0; i < n / 3; i++) {
        memcpy(body + 1 + 3 * i, "{},", 3);
    }
    assert_int_equal(rig_bytes(&rig, body, n), EXTRACT_MALFORMED);
    assert_reason(&rig, "more values than the limit");

    /* a map's outline of megabytes beside the figures harms nobody, unless it is asked for */
    int len = snprintf(body, n, "[{\"ID\":\"1\",\"GEO_JSON\":\"");
    memset(body + len, 'x', 2000000);
    snprintf(body + len + 2000000, 8, "\"}]");
    assert_int_equal(rig_body(&rig, body), EXTRACT_ROWS);
    assert_string_equal(rig.table.rows[0].fault, "column geo is longer than 65536 bytes");
    rig.spec.n_columns = 1;
    assert_int_equal(rig_body(&rig, body), EXTRACT_ROWS);
    assert_null(rig.table.rows[0].fault);
    assert_cell(&rig, 0, 0, "1");
    extract_free(&rig.table);
    free(body);
}

static void test_trap_22_nan_infinity_and_the_text_null(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "percent", "/SolvedInTimePercent", "total", "/Total");
    assert_int_equal(rig_body(&rig, "{\"Total\":0,\n\"SolvedInTimePercent\":NaN}"),
                     EXTRACT_MALFORMED);
    assert_string_equal(rig.table.reason, "line 2: NaN is not a JSON value");
    assert_int_equal(rig_body(&rig, "{\"SolvedInTimePercent\":-Infinity}"), EXTRACT_MALFORMED);
    assert_reason(&rig, "-Infinity is not a JSON value");
    assert_int_equal(
        rig_body(&rig, "{\"SolvedInTimePercent\":\"null\",\"Total\":null,\"x\":\"NaN\"}"),
        EXTRACT_ROWS);
    assert_cell(&rig, 0, 0, "null"); /* a text: field_number() refuses it */
    assert_null(rig_cell(&rig, 0, 1));
    extract_free(&rig.table);
}

static void test_trap_22_gateway_months(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "/aggregations/by_api/buckets/-/count_by_month/buckets", "api",
             "3/key", "month", "/key", "calls", "/doc_count");
    assert_int_equal(rig_fixture(&rig, "lgsp_by_month.json"), EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, 6); /* 2 and 3 had no traffic and are absent, not zero */
    static const char *const months[] = {"1", "4", "5", "6", "7", "8"};
    for (size_t i = 0; i < 6; i++) {
        assert_cell(&rig, i, 0, "PHANANH_CAMAU");
        assert_cell(&rig, i, 1, months[i]);
    }
    assert_cell(&rig, 0, 2, "9694");
    /* two levels of "every"; the capped total is there only for who asks for it */
    RIG_SPEC(&rig, EXTRACT_JSON,
             "/aggregations/by_api/buckets/-/count_by_month/buckets/-/by_application_name/buckets",
             "app", "/key", "month", "3/key", "api", "6/key", "relation", "^/hits/total/relation",
             "above", "30/key");
    assert_int_equal(rig_fixture(&rig, "lgsp_by_month.json"), EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, 10);
    assert_cell(&rig, 1, 0, "T3H");
    assert_cell(&rig, 1, 1, "1");
    assert_cell(&rig, 1, 2, "PHANANH_CAMAU");
    assert_cell(&rig, 1, 3, "gte");
    assert_null(rig_cell(&rig, 1, 4));
    extract_free(&rig.table);
}

static void test_trap_12_numbers_as_strings(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "!unit", "/ID", "ckmb", "/CKMB", "tttt", "/TTTT", "total",
             "/TONG_SCORE");
    assert_int_equal(rig_fixture(&rig, "dvc766_provinces.json"), EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, 5);
    assert_cell(&rig, 0, 0, "401621");
    assert_cell(&rig, 0, 1, "15.64");
    assert_cell(&rig, 0, 2, "10");
    assert_cell(&rig, 0, 3, "91.64");
    assert_non_null(strstr(rig.table.rows[0].raw, "\"TEN\":\"UBND tỉnh Bắc Ninh\""));
    assert_int_equal(rig.table.rows[4].line, 5);
    extract_free(&rig.table);
}

static void test_trap_15_names_come_in_nfc(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "id", "/ID", "name", "/TEN");
    assert_int_equal(rig_fixture(&rig, "dvc766_communes.json"), EXTRACT_ROWS);
    assert_cell(&rig, 0, 0, "470152");
    assert_cell(&rig, 0, 1, "UBND phường Long Phú - tỉnh An Giang");
    const char *raw = rig.table.rows[0].raw; /* as it came */
    assert_false(text_is_nfc(raw, strlen(raw)));
    RIG_SPEC(&rig, EXTRACT_JSON, "", "name", "/AGENCY_NAME", "code", "/CODE");
    assert_int_equal(rig_fixture(&rig, "dvc_agencies.json"), EXTRACT_ROWS);
    assert_cell(&rig, 4, 0, "Bộ Khoa học và Công nghệ"); /* two double spaces on the wire */
    extract_free(&rig.table);
}

static void test_trap_16_names_keep_their_suffix(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "id", "/ID", "name", "/TEN");
    rig_body(&rig, "[{\"ID\":\"1\",\"TEN\":\"Thanh tra tỉnh - tỉnh An Giang \"}]");
    assert_cell(&rig, 0, 1, "Thanh tra tỉnh - tỉnh An Giang"); /* ids join, names never do */
    extract_free(&rig.table);
}

static void test_trap_19_codes_are_texts(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "name", "/NAME", "code", "/CODE");
    rig_fixture(&rig, "dvc_agencies.json");
    assert_cell(&rig, 0, 1, "000.00.00.G01");
    assert_cell(&rig, 3, 1, "G03");
    rig_body(&rig, "[{\"CODE\":\"01\"},{\"CODE\":\"00004\"},{\"CODE\":13433}]");
    assert_cell(&rig, 0, 1, "01");
    assert_cell(&rig, 1, 1, "00004");
    assert_cell(&rig, 2, 1, "13433");
    extract_free(&rig.table);
}

static void test_trap_20_number_or_string_alike(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "province", "/p_tinh_id", "month", "/MONTH");
    rig_body(&rig, "[{\"p_tinh_id\":0,\"MONTH\":10},{\"p_tinh_id\":\"0\",\"MONTH\":\"10\"}]");
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(rig_cell(&rig, 0, i), rig_cell(&rig, 1, i));
    }
    extract_free(&rig.table);
}

static void test_trap_17_totals_repeated_and_renamed(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "code", "/TTHC_MA", "total", "^/0/TOTAL_RECORDS");
    assert_int_equal(rig_fixture(&rig, "dvc_procedures.json"), EXTRACT_ROWS);
    assert_int_equal(rig.table.n_rows, 6);
    assert_cell(&rig, 0, 0, "3.000323");
    assert_cell(&rig, 5, 1, "2507");
    extract_free(&rig.table);
}

static void test_ckan_rows(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "/result/records", "id", "/_id", "capital", "/Von dieu le", "lat",
             "/Latitude", "long", "/Longitude", "note", "/Ghi chu", "name", "/Ten doanh nghiep",
             "total", "^/result/total");
    rig.spec.proof = "/success";
    assert_int_equal(rig_fixture(&rig, "ckan_datastore.json"), EXTRACT_ROWS);
    assert_cell(&rig, 0, 0, "1");
    assert_cell(&rig, 0, 1, "10.000.000.000");
    assert_cell(&rig, 0, 3, "11.310200");
    assert_null(rig_cell(&rig, 0, 4));
    assert_cell(&rig, 0, 5, "Công ty TNHH An Phú");
    assert_cell(&rig, 1, 2, "106.0");
    assert_cell(&rig, 1, 3, "1.1546E+1");
    assert_cell(&rig, 1, 4, "null");
    assert_cell(&rig, 1, 6, "198");
    extract_free(&rig.table);
}

static void test_pxweb_rows_are_arrays(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "/data", "area", "/key/0", "year", "/key/1", "value", "/values/0",
             "key", "/key");
    assert_int_equal(rig_fixture(&rig, "pxweb_table.json"), EXTRACT_ROWS);
    assert_cell(&rig, 1, 1, "2022");
    assert_cell(&rig, 1, 2, "99467.93");
    assert_cell(&rig, 2, 2, ".."); /* the statistical office's "not available": no number */
    assert_string_equal(rig.table.rows[0].fault, "column key is an array, not a text or number");
    extract_free(&rig.table);
}

static void test_rows_without_what_is_required_are_bad(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    RIG_SPEC(&rig, EXTRACT_JSON, "", "!unit", "/ID", "score", "/S");
    rig_body(&rig, "[{\"ID\":\"\",\"S\":1},{\"S\":2},{\"ID\":null},{\"ID\":\"5\"},7,"
                   "{\"ID\":true,\"S\":false}]");
    assert_int_equal(rig.table.n_rows, 6);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rig.table.rows[i].fault, "column unit is missing or empty");
    }
    assert_null(rig.table.rows[3].fault);
    assert_null(rig_cell(&rig, 3, 1));
    assert_non_null(rig.table.rows[4].fault);
    assert_string_equal(rig.table.rows[4].raw, "7");
    assert_cell(&rig, 5, 0, "true");
    assert_cell(&rig, 5, 1, "false");
    extract_free(&rig.table);
}

static void shape_of(extract_rig_t *rig, const char *body, uint8_t out[32])
{
    assert_int_equal(rig_body(rig, body), EXTRACT_ROWS);
    memcpy(out, rig->table.shape, 32);
}

static void test_shape_is_that_of_the_names(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    uint8_t a[32], b[32];
    RIG_SPEC(&rig, EXTRACT_JSON, "", "a", "/a");
    shape_of(&rig, "[{\"a\":1,\"b\":{\"c\":[1,2,3]}},{\"a\":1}]", a);
    shape_of(&rig, "[{\"b\":{\"c\":[]}, \"a\":\"x\"}]", b);
    assert_memory_equal(a, b, 32);
    shape_of(&rig, "[{\"a\":1,\"b/c\":[1]}]", b);
    assert_memory_not_equal(a, b, 32);
    shape_of(&rig, "[{\"a\":1,\"b\":{\"c\":[{\"d\":1}]}}]", b);
    assert_memory_not_equal(a, b, 32);
    extract_free(&rig.table);
}

static void test_pointers_of_rfc_6901(void **state)
{
    (void)state;
    static const char body[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,"
                               "\"g|h\":4,\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,\"-\":9}";
    static const struct {
        const char *pointer, *text; /* NULL: not there */
    } cases[] = {
        {"/foo/0", "bar"},  {"/", "0"},
        {"/a~1b", "1"},     {"/c%d", "2"},
        {"/e^f", "3"},      {"/g|h", "4"},
        {"/i\\j", "5"},     {"/k\"l", "6"},
        {"/ ", "7"},        {"/m~0n", "8"},
        {"/-", "9"},        {"/foo", NULL},
        {"", NULL},         {"/foo/2", NULL},
        {"/foo/00", NULL},  {"/foo/-", NULL},
        {"/foo/", NULL},    {"/bar", NULL},
        {"foo", NULL},      {"/m~2n", NULL},
        {"/foo/0/x", NULL}, {"/foo/4294967296", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_t out = BUFFER_INIT(100);
        int rc = extract_json_text(bytes_of_text(body), cases[i].pointer, &out);
        assert_int_equal(rc, cases[i].text != NULL);
        assert_string_equal(buffer_text(&out), cases[i].text != NULL ? cases[i].text : "");
        buffer_free(&out);
    }
}

static void test_trap_03_success_is_asked_by_pointer(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer, *text;
    } cases[] = {
        {"{\"session\":\"s\",\"error_code\":0}", "/error_code", "0"},
        {"{\"error_code\":\"1\",\"message\":\"\"}", "/error_code", "1"},
        {"{\"error_code\":\"SUCCESSFUL\"}", "/error_code", "SUCCESSFUL"},
        {"{\"success\":false}", "/success", "false"},
        {"{\"Status\":200,\"Message\":\"OK\"}", "/Status", "200"},
    };
    buffer_t out = BUFFER_INIT(100);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_clear(&out);
        assert_int_equal(extract_json_text(bytes_of_text(cases[i].body), cases[i].pointer, &out),
                         1);
        assert_string_equal(buffer_text(&out), cases[i].text);
    }
    assert_int_equal(extract_json_text(bytes_of_text("<html>"), "/a", &out), CHISO_E_SYNTAX);
    buffer_free(&out);
}

static void test_check_names_what_is_wrong(void **state)
{
    (void)state;
    extract_rig_t rig = {0};
    char reason[EXTRACT_REASON_SIZE];
    RIG_SPEC(&rig, EXTRACT_JSON, "/a/-/b", "unit", "^/a", "up", "3/key", "row", "");
    assert_int_equal(extract_check(&rig.spec, reason), 0);
    rig.columns[0].path = "ID";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    assert_string_equal(reason, "unit: \"ID\" is not a JSON Pointer");
    rig.columns[0].path = "007/ID";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    rig.columns[0].path = "/ID";
    rig.spec.rows = NULL;
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    rig.spec.rows = "/~";
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
    rig.spec.rows = "";
    rig.spec.n_columns = 0;
    assert_int_equal(extract_check(&rig.spec, reason), CHISO_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_keep_their_digits),
        cmocka_unit_test(test_a_text_cannot_pass_for_a_number),
        cmocka_unit_test(test_trap_01_page_with_status_200_is_blocked),
        cmocka_unit_test(test_trap_02_empty_array_is_no_row),
        cmocka_unit_test(test_another_shape_is_malformed_not_empty),
        cmocka_unit_test(test_cut_and_broken_bodies_are_malformed),
        cmocka_unit_test(test_trap_21_huge_bodies_stop_at_limits),
        cmocka_unit_test(test_trap_22_nan_infinity_and_the_text_null),
        cmocka_unit_test(test_trap_22_gateway_months),
        cmocka_unit_test(test_trap_12_numbers_as_strings),
        cmocka_unit_test(test_trap_15_names_come_in_nfc),
        cmocka_unit_test(test_trap_16_names_keep_their_suffix),
        cmocka_unit_test(test_trap_19_codes_are_texts),
        cmocka_unit_test(test_trap_20_number_or_string_alike),
        cmocka_unit_test(test_trap_17_totals_repeated_and_renamed),
        cmocka_unit_test(test_ckan_rows),
        cmocka_unit_test(test_pxweb_rows_are_arrays),
        cmocka_unit_test(test_rows_without_what_is_required_are_bad),
        cmocka_unit_test(test_shape_is_that_of_the_names),
        cmocka_unit_test(test_pointers_of_rfc_6901),
        cmocka_unit_test(test_trap_03_success_is_asked_by_pointer),
        cmocka_unit_test(test_check_names_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
