/* test_json.c - what is written is JSON, and says exactly what it was given. */
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void test_commas(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(4096);
    jw_t j = jw_to(&b);
    jw_object(&j);
    jw_put_text(&j, "a", "x");
    jw_put_whole(&j, "b", -1);
    jw_put_array(&j, "c");
    jw_array_end(&j);
    jw_put_array(&j, "d");
    jw_text(&j, "1");
    jw_whole(&j, INT64_MIN);
    jw_flag(&j, true);
    jw_null(&j);
    jw_object(&j);
    jw_object_end(&j);
    jw_array(&j);
    jw_whole(&j, 1);
    jw_array_end(&j);
    jw_array_end(&j);
    jw_put_flag(&j, "e", false);
    jw_put_text(&j, "f", NULL);
    jw_put_time(&j, "g", 0);
    jw_put_time(&j, "h", 1);
    jw_put_object(&j, "i");
    jw_put_text(&j, "", "");
    jw_object_end(&j);
    jw_object_end(&j);
    assert_string_equal(buffer_text(&b),
                        "{\"a\":\"x\",\"b\":-1,\"c\":[],"
                        "\"d\":[\"1\",-9223372036854775808,true,null,{},[1]],\"e\":false,"
                        "\"f\":null,\"g\":null,\"h\":\"1970-01-01T00:00:00.001Z\","
                        "\"i\":{\"\":\"\"}}");
    buffer_free(&b);
}

/* Any text comes back from jansson byte for byte, as key and as value. */
static void test_texts(void **state)
{
    (void)state;
    char every[128 * 2];
    size_t n = 0;
    for (int c = 1; c < 128; c++) {
        every[n++] = (char)c;
        if (c == 'a') {
            every[n++] = '\\';
        }
    }
    every[n] = '\0';
    const char *const texts[] = {"",
                                 "\"",
                                 "\\",
                                 "\\\"",
                                 "a\"b\\c/d",
                                 "UBND phường Long Phú – tỉnh An Giang",
                                 "\n\t\r\b\f\x01\x1f\x7f",
                                 "</script>",
                                 "\xe2\x80\xa8 \xf0\x9f\x87\xbb",
                                 every};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buffer_t b = BUFFER_INIT(4096);
        jw_t j = jw_to(&b);
        jw_object(&j);
        jw_put_text(&j, texts[i], texts[i]);
        jw_object_end(&j);
        json_error_t error;
        json_t *root = json_loadb((const char *)b.data, b.len, JSON_REJECT_DUPLICATES, &error);
        if (root == NULL) {
            fail_msg("text %zu: %s", i, error.text);
        }
        assert_int_equal(json_object_size(root), 1);
        assert_string_equal(json_string_value(json_object_get(root, texts[i])), texts[i]);
        json_decref(root);
        buffer_free(&b);
    }
}

static void test_depth_and_room(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(4096);
    jw_t j = jw_to(&b);
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        jw_array(&j);
    }
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        jw_array_end(&j);
    }
    json_t *root = json_loads(buffer_text(&b), 0, NULL);
    assert_non_null(root);
    json_decref(root);
    buffer_free(&b);

    buffer_t small = BUFFER_INIT(10);
    j = jw_to(&small);
    jw_object(&j);
    jw_put_text(&j, "key", "value");
    jw_object_end(&j);
    assert_true(small.failed); /* never half an object that looks whole */
    assert_null(buffer_text(&small));
    buffer_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_commas), cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_depth_and_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
