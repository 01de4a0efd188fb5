/* test_table.c - answers as tables: nesting, quoting, formulas, which digits a workbook can hold.
 */
#include "base/error.h"
#include "publisher/api/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *json, const char *path, bool bom, const char *want)
{
    table_t *t = NULL;
    buffer_t out = BUFFER_INIT(65536);
    assert_int_equal(table_from_json(bytes_of_text(json), path, &t), 0);
    table_csv(t, bom, &out);
    assert_string_equal(buffer_text(&out), want);
    buffer_free(&out);
    table_free(&t);
}

static void test_shapes(void **state)
{
    (void)state;
    check("{\"units\":[{\"code\":\"01\",\"points\":\"1.50\",\"rank\":null,\"stale\":false},"
          "{\"code\":\"02\",\"rank\":\"2\",\"flags\":[\"a\",\"b\"]}]}",
          "units", false, "code,points,rank,stale,flags\r\n01,1.50,,false,\r\n02,,2,,a b\r\n");
    check("{\"units\":[{\"code\":\"01\",\"pillars\":[{\"code\":\"x\",\"title\":\"X\",\"points\":"
          "\"1\"},"
          "{\"code\":\"y\",\"points\":\"2\"}],\"pillar\":{\"code\":\"x\",\"points\":\"3\"}}]}",
          "units", false, "code,pillars.x.points,pillars.y.points,pillar.points\r\n01,1,2,3\r\n");
    check(
        "{\"pillars\":[{\"code\":\"x\",\"max\":\"9\",\"indicators\":[{\"code\":\"x1\",\"figures\":"
        "[{\"id\":\"f\",\"value\":\"1\"}]},{\"code\":\"x2\"}]},{\"code\":\"y\"}]}",
        "pillars.indicators", false, "pillars.code,pillars.max,code\r\nx,9,x1\r\nx,9,x2\r\n");
    check("{\"days\":[\"2025-01-01\",\"2025-01-02\"],\"units\":[{\"code\":\"01\",\"percent\":"
          "[null,\"5\"]}]}",
          "units", false, "code,percent.2025-01-01,percent.2025-01-02\r\n01,,5\r\n");
    check("{\"units\":[]}", "units", true, "\xef\xbb\xbf\r\n");
}

static void test_quoting(void **state)
{
    (void)state;
    check(
        "{\"units\":[{\"name\":\"a,b\"},{\"name\":\"say \\\"no\\\"\"},{\"name\":\"two\\nlines\"},"
        "{\"name\":\"=1+1\"},{\"name\":\"@x\"},{\"name\":\"\"}]}",
        "units", false,
        "name\r\n\"a,b\"\r\n\"say \"\"no\"\"\"\r\n\"two\nlines\"\r\n\"'=1+1\"\r\n\"'@x\"\r\n\r\n");
    /* a negative number is no formula */
    check("{\"units\":[{\"change\":\"-0.05\"}]}", "units", false, "change\r\n-0.05\r\n");
}

static void test_refused(void **state)
{
    (void)state;
    table_t *t = NULL;
    assert_int_equal(table_from_json(bytes_of_text("{\"units\":{}}"), "units", &t),
                     CHISO_E_NOT_FOUND);
    assert_null(t);
}

static void test_kinds(void **state)
{
    (void)state;
    table_t *t = NULL;
    char title[TABLE_TITLE_SIZE];
    const char *json = "{\"units\":[{\"code\":\"01\",\"points\":\"1\",\"rank\":\"1\",\"pillars\":"
                       "[{\"code\":\"x\",\"points\":\"1\"}]}]}";
    assert_int_equal(table_from_json(bytes_of_text(json), "units", &t), 0);
    static const table_kind_t kinds[] = {TABLE_TEXT, TABLE_NUMBER, TABLE_WHOLE, TABLE_NUMBER};
    assert_int_equal(table_columns(t), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(table_kind(t, i), kinds[i]);
    }
    assert_string_equal(table_title(table_column(t, 1), title), "Điểm");
    assert_string_equal(table_title(table_column(t, 3), title), "Nhóm x: Điểm");
    table_free(&t);
}

static void test_book(void **state)
{
    (void)state;
    table_t *t = NULL;
    buffer_t out = BUFFER_INIT(1024 * 1024);
    const char *json =
        "{\"units\":[{\"value\":\"123456789012345\"},{\"value\":\"1234567890123456\"},"
        "{\"value\":\"123456789.123456\"},{\"value\":\"1234567890.123456\"}]}";
    assert_int_equal(table_from_json(bytes_of_text(json), "units", &t), 0);
    assert_int_equal(table_xlsx(t, "a name that is longer than Excel takes", &out), 0);
    assert_true(out.len > 1000);
    assert_memory_equal(out.data, "PK", 2);
    buffer_free(&out);
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),  cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
