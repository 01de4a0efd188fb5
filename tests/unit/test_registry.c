/* test_registry.c - the shipped unit registry is complete and consistent; mistakes have a line. */
#include "registry/registry.h"

#include "base/error.h"
#include "event/event.h"
#include "folder.h"
#include "text/text.h"

#define SHIPPED TEST_ROOT "/catalogs/units.yaml"

static void test_shipped(void **state)
{
    (void)state;
    registry_t *r = NULL;
    assert_int_equal(registry_load(SHIPPED, stderr, &r), 0);
    assert_int_equal(registry_count(r), 34 + 3321);
    unsigned levels[4] = {0};
    unsigned with_dvc[4] = {0};
    for (unsigned i = 0; i < registry_count(r); i++) {
        const registry_unit_t *u = registry_at(r, i);
        assert_in_range(u->level, CHISO__V1__LEVEL__PROVINCE, CHISO__V1__LEVEL__COMMUNE);
        levels[u->level]++;
        assert_ptr_equal(registry_by_code(r, u->code), u);
        if (u->dvc != NULL) {
            with_dvc[u->level]++;
            assert_ptr_equal(registry_by_dvc(r, u->dvc), u);
        }
        if (u->level == CHISO__V1__LEVEL__PROVINCE) {
            assert_null(u->parent);
            assert_int_equal(strlen(u->code), 2);
        } else {
            const registry_unit_t *parent = registry_by_code(r, u->parent);
            assert_non_null(parent);
            assert_int_equal(parent->level, CHISO__V1__LEVEL__PROVINCE);
            assert_int_equal(strlen(u->code), 5);
        }
        assert_true(text_is_nfc(u->name, strlen(u->name)));
        assert_in_range(strlen(u->name), 1, EVENT_MAX_NAME);
        assert_true(strspn(u->code, "0123456789") == strlen(u->code));
    }
    assert_int_equal(levels[1], 34);
    assert_int_equal(levels[2], 0);
    assert_int_equal(levels[3], 3321);
    assert_int_equal(with_dvc[1], 34);
    assert_int_equal(with_dvc[3], 102); /* An Giang's */
    assert_string_equal(registry_by_dvc(r, "398126")->code, "91");
    assert_string_equal(registry_by_dvc(r, "389181")->name, "Thành phố Hà Nội");
    assert_string_equal(registry_by_dvc(r, "470152")->parent, "91");
    assert_null(registry_by_code(r, "90000"));
    assert_null(registry_by_code(r, ""));
    assert_null(registry_by_dvc(r, "0"));
    registry_destroy(&r);
    assert_null(r);
    registry_destroy(&r);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const char head[] = "format: \"1\"\nunits:\n"
                               "  - {code: \"01\", level: province, name: \"A\", dvc: \"7\"}\n"
                               "  - {code: \"02\", level: province, name: \"B\"}\n";
    static const struct {
        const char *more; /* from line 5 on */
        const char
            *wants[2]; /* either is right: of two, which one is the second is a matter of taste */
    } cases[] = {
        {"", {"", ""}},
        {"  - {code: \"03\", level: commune, parent: \"01\", name: \"C\"}\n", {"", ""}},
        {"  - {code: \"02\", level: commune, parent: \"01\", name: \"C\"}\n",
         {":5: units[2].code: '02' stands twice", ":4: units[1].code: '02' stands twice"}},
        {"  - {code: \"03\", level: commune, parent: \"01\", name: \"C\", dvc: \"7\"}\n",
         {":5: units[2].dvc: '7' stands twice", ":3: units[0].dvc: '7' stands twice"}},
        {"  - {code: \"03\", level: commune, parent: \"09\", name: \"C\"}\n",
         {":5: units[2].parent: '09'; expected the code of a unit in this file", NULL}},
        {"  - {code: \"03\", level: ward, parent: \"01\", name: \"C\"}\n", {":5: ", NULL}},
        {"  - {code: \"03\", level: commune, parent: \"01\"}\n", {":5: ", NULL}},
        {"  - {code: \"03\", level: commune, parent: \"01\", name: \"\"}\n", {":5: ", NULL}},
        {"  - {code: \"03\", level: commune, parent: \"01\", name: \"C\", x: 1}\n", {":5: ", NULL}},
    };
    char path[FOLDER_SIZE];
    folder_make(path);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_t b = BUFFER_INIT(65536);
        buffer_append_text(&b, head);
        buffer_append_text(&b, cases[i].more);
        folder_write(path, "units.yaml", buffer_bytes(&b));
        buffer_free(&b);
        char *file = folder_file(path, "units.yaml");
        char *errors = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&errors, &len);
        registry_t *r = NULL;
        int rc = registry_load(file, f, &r);
        fclose(f);
        bool good = cases[i].wants[0][0] == '\0';
        assert_int_equal(rc, good ? 0 : CHISO_E_CONFIG);
        assert_true((r != NULL) == good);
        bool told = strstr(errors, cases[i].wants[0]) != NULL ||
                    (cases[i].wants[1] != NULL && strstr(errors, cases[i].wants[1]) != NULL);
        if (!told || good != (len == 0) || (!good && strncmp(errors, file, strlen(file)) != 0)) {
            fail_msg("%swanted %s, got %s", cases[i].more, cases[i].wants[0], errors);
        }
        registry_destroy(&r);
        free(errors);
        free(file);
    }
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped),
                                       cmocka_unit_test(test_mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
