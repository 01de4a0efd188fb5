/* test_api_routes.c - every address that the server has is in docs/api/openapi.json, and none but
 * those. */
#include "publisher/api/api.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void test_routes(void **state)
{
    (void)state;
    json_error_t error;
    json_t *document =
        json_load_file(TEST_ROOT "/docs/api/openapi.json", JSON_REJECT_DUPLICATES, &error);
    assert_non_null(document);
    json_t *paths = json_object_get(document, "paths");
    for (size_t i = 0; i < api_routes(); i++) {
        if (json_object_get(paths, api_route(i)) == NULL) {
            fail_msg("%s is not in the document", api_route(i));
        }
    }
    assert_int_equal(json_object_size(paths), api_routes());
    assert_null(api_route(api_routes()));
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_routes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
