/* test_registry.c - the shipped unit registry is complete and consistent; mistakes have a line. */
#include "registry/registry.h"

#include "base/error.h"
#include "event/event.h"
#include "folder.h"
#include "text/text.h"

#include <errno.h>

#define SHIPPED TEST_ROOT "/catalogs/units"
#define MERGER "2025-07-01"

enum { PROVINCE = 1, DEPARTMENT, COMMUNE, DISTRICT, LEVELS };

static registry_t *shipped(void)
{
    registry_t *r = NULL;
    assert_int_equal(registry_load(SHIPPED, stderr, &r), 0);
    return r;
}

static period_t period(const char *text)
{
    period_t p;
    assert_int_equal(period_parse(text, &p), 0);
    return p;
}

static void check_unit(const registry_t *r, const registry_unit_t *u)
{
    static const size_t digits[LEVELS] = {0, 2, 0, 5, 3};
    assert_in_range(u->level, PROVINCE, DISTRICT);
    assert_true(text_is_code(u->code));
    assert_true(text_is_nfc(u->name, strlen(u->name)));
    assert_in_range(strlen(u->name), 1, EVENT_MAX_NAME);
    if (digits[u->level] > 0) {
        assert_int_equal(strlen(u->code), digits[u->level]);
        assert_int_equal(strspn(u->code, "0123456789"), digits[u->level]);
    }
    assert_true((u->parent == NULL) == (u->level == PROVINCE));
    assert_true((u->parent == NULL) == (u->parent_unit == NULL));
    if (u->parent != NULL) {
        assert_int_equal(u->parent_unit->level, PROVINCE);
        assert_string_equal(u->parent_unit->code, u->parent);
    }
    assert_true(u->from == NULL || period_is_day(u->from));
    assert_true(u->until == NULL || strcmp(u->until, MERGER) == 0);
    assert_ptr_equal(registry_on(r, u->code, u->until == NULL ? "2026-11-22" : "2025-06-30"), u);
    if (u->until == NULL) {
        assert_ptr_equal(registry_by_code(r, u->code), u);
        assert_null(u->successor);
    } else if (u->level == PROVINCE) {
        assert_int_equal(u->successor->level, PROVINCE);
        assert_string_equal(u->successor->from, MERGER);
    } else {
        assert_null(u->successor);
    }
    if (u->dvc != NULL) {
        assert_ptr_equal(registry_by_dvc(r, u->dvc), u);
        assert_non_null(u->agency);
    }
    if (u->geo != NULL) {
        assert_ptr_equal(registry_by_geo(r, u->geo), u);
    }
    if (u->agency != NULL) {
        assert_ptr_equal(registry_by_agency(r, u->agency), u);
    }
}

static void test_shipped(void **state)
{
    (void)state;
    registry_t *r = shipped();
    unsigned today[LEVELS] = {0};
    unsigned before[LEVELS] = {0};
    unsigned in_2024[LEVELS] = {0};
    unsigned with_dvc[LEVELS] = {0};
    unsigned with_geo = 0;
    for (unsigned i = 0; i < registry_count(r); i++) {
        const registry_unit_t *u = registry_at(r, i);
        check_unit(r, u);
        today[u->level] += registry_valid_on(u, "2026-11-22");
        before[u->level] += registry_valid_on(u, "2025-06-30");
        in_2024[u->level] += registry_valid(u, period("2024"));
        with_dvc[u->level] += u->dvc != NULL;
        with_geo += u->geo != NULL;
    }
    assert_int_equal(registry_count(r), 34 + 52 + 12 + 54 + 3321);
    assert_int_equal(today[PROVINCE], 34);
    assert_int_equal(before[PROVINCE], 63);
    assert_int_equal(in_2024[PROVINCE], 63);
    assert_int_equal(today[COMMUNE], 3321);
    assert_int_equal(before[COMMUNE], 0); /* the list of then is not known */
    assert_int_equal(today[DISTRICT], 0);
    assert_int_equal(before[DISTRICT], 12);
    assert_int_equal(today[DEPARTMENT], 9 + 12 + 15);
    assert_int_equal(in_2024[DEPARTMENT], 9 + 18); /* An Giang and Vĩnh Long of now are not yet */
    assert_int_equal(with_dvc[PROVINCE], 34);
    assert_int_equal(with_geo, 34);
    assert_int_equal(with_dvc[COMMUNE], 102); /* An Giang's */
    assert_int_equal(with_dvc[DEPARTMENT], 15);
    registry_destroy(&r);
    assert_null(r);
    registry_destroy(&r);
}

static void test_finding(void **state)
{
    (void)state;
    registry_t *r = shipped();
    assert_string_equal(registry_by_dvc(r, "398126")->code, "91");
    assert_string_equal(registry_by_dvc(r, "389181")->name, "Thành phố Hà Nội");
    assert_string_equal(registry_by_dvc(r, "470152")->parent, "91");
    assert_string_equal(registry_by_dvc(r, "398161")->code, "H01.15");
    assert_string_equal(registry_by_geo(r, "13464")->code, "91");
    assert_string_equal(registry_by_geo(r, "13433")->code, "01");
    assert_string_equal(registry_by_agency(r, "H01")->code, "91");
    assert_string_equal(registry_by_agency(r, "H37")->code, "20");
    assert_string_equal(registry_by_agency(r, "000.00.00.H37")->code, "20");
    assert_string_equal(registry_by_agency(r, "000.00.00.H26")->code, "01");
    assert_string_equal(registry_by_agency(r, "H01.15")->name, "Sở Du lịch");
    assert_string_equal(registry_by_agency(r, "H01.113")->name, "Phường Long Phú");
    assert_null(registry_by_code(r, "90000"));
    assert_null(registry_by_code(r, ""));
    assert_null(registry_by_dvc(r, "0"));
    assert_null(registry_by_dvc(r, "999999999"));
    assert_null(registry_by_geo(r, "11358")); /* of before the merger */
    assert_null(registry_by_agency(r, "H99"));
    assert_null(registry_by_agency(r, "000.00.00."));
    registry_destroy(&r);
}

static void test_time(void **state)
{
    (void)state;
    registry_t *r = shipped();
    /* a number that went to another province */
    const registry_unit_t *kien_giang = registry_on(r, "91", "2025-06-30");
    const registry_unit_t *an_giang = registry_on(r, "91", MERGER);
    assert_string_equal(kien_giang->name, "Tỉnh Kiên Giang");
    assert_string_equal(an_giang->name, "Tỉnh An Giang");
    assert_ptr_equal(kien_giang->successor, an_giang);
    assert_ptr_equal(registry_on(r, "89", "2024-01-01")->successor, an_giang);
    assert_null(registry_on(r, "89", MERGER));
    assert_ptr_equal(registry_in(r, "91", period("2024")), kien_giang);
    assert_ptr_equal(registry_in(r, "91", period("2025")), an_giang);
    assert_ptr_equal(registry_in(r, "91", period("2025-Q2")), kien_giang);
    assert_ptr_equal(registry_in(r, "91", period("2025-Q3")), an_giang);
    assert_ptr_equal(registry_in(r, "91", period("2025-06")), kien_giang);
    assert_ptr_equal(registry_in(r, "91", period("2025-07")), an_giang);
    assert_null(registry_in(r, "30", period("2025")));
    /* what a unit does not say it has from its parent */
    const registry_unit_t *department = registry_by_code(r, "30.so-tai-chinh");
    assert_string_equal(department->until, MERGER);
    assert_true(registry_valid(department, period("2024")));
    assert_false(registry_valid(department, period("2025")));
    assert_string_equal(registry_by_code(r, "H01.01")->from, MERGER);
    assert_ptr_equal(registry_by_code(r, "H01.01")->parent_unit, an_giang);
    assert_null(registry_by_code(r, "01.so-tai-chinh")->from);
    assert_false(registry_valid(registry_by_code(r, "288"), period("2025-07")));
    /* names */
    const registry_unit_t *dong_nai = registry_by_code(r, "75");
    assert_string_equal(registry_name_on(dong_nai, "2026-04-29"), "Tỉnh Đồng Nai");
    assert_string_equal(registry_name_on(dong_nai, "2026-04-30"), "Thành phố Đồng Nai");
    const registry_unit_t *hue = registry_by_code(r, "46");
    assert_string_equal(registry_name_on(hue, "2024-12-31"), "Tỉnh Thừa Thiên Huế");
    assert_string_equal(registry_name_on(hue, "2025-01-01"), "Thành phố Huế");
    registry_destroy(&r);
}

/* Loads a folder of one or two files; what was said, or "" when it was good. */
static char *load(const char *path, registry_t **r)
{
    char *errors = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&errors, &len);
    *r = NULL;
    int rc = registry_load(path, f, r);
    fclose(f);
    assert_true((rc == 0) == (*r != NULL));
    assert_true((rc == 0) == (len == 0));
    assert_true(rc == 0 || rc == CHISO_E_CONFIG);
    return errors;
}

#define UNIT(fields) "  - {" fields "}\n"
#define NAMED ", name: \"C\""

static void test_mistakes(void **state)
{
    (void)state;
    static const char head[] = "format: \"1\"\nunits:\n" /* 1, 2 */
        UNIT("code: \"01\", level: province, name: \"A\", dvc: \"7\", geo: \"8\", agency: \"H1\"")
            UNIT("code: \"02\", level: province, name: \"B\", until: \"2020-01-01\"")
                UNIT("code: \"02\", level: province, name: \"D\", from: \"2020-01-01\"");
    static const struct {
        const char *more, *wants; /* from line 6 on; "" is good */
    } cases[] = {
        {"", ""},
        {UNIT("code: \"03\", level: commune, parent: \"01\"" NAMED), ""},
        {UNIT("code: \"03\", level: district, parent: \"02\", until: \"2019-01-01\"" NAMED), ""},
        {UNIT("code: \"01.x\", level: department, parent: \"01\"" NAMED), ""},
        {UNIT("code: \"H1.2\", level: department, parent: \"01\", agency: \"H1.2\"" NAMED), ""},
        {UNIT("code: \"04\", level: province, until: \"2021-01-01\", successor: \"02\"" NAMED), ""},
        {UNIT("code: \"04\", level: province, earlier: [{name: \"X\", until: \"2001-01-01\"}, "
              "{name: \"Y\", until: \"2002-01-01\"}]" NAMED),
         ""},
        /* twice, at the same time */
        {UNIT("code: \"01\", level: commune, parent: \"02\"" NAMED), "code: '01' stands twice"},
        {UNIT("code: \"02\", level: province, from: \"2019-12-31\", until: \"2020-01-02\"" NAMED),
         "code: '02' stands twice"},
        {UNIT("code: \"03\", level: commune, parent: \"01\", dvc: \"7\"" NAMED),
         "dvc: '7' stands twice"},
        {UNIT("code: \"03\", level: commune, parent: \"01\", geo: \"8\"" NAMED),
         "geo: '8' stands twice"},
        {UNIT("code: \"03\", level: commune, parent: \"01\", agency: \"000.00.00.H1\"" NAMED),
         "agency: 'H1' stands twice"},
        /* parents */
        {UNIT("code: \"03\", level: commune, parent: \"09\"" NAMED),
         ":6: units[3].parent: '09'; expected the code of a unit in this registry"},
        {UNIT("code: \"03\", level: commune" NAMED), ":6: units[3].parent: is missing"},
        {UNIT("code: \"03\", level: province, parent: \"01\"" NAMED),
         ":6: units[3].parent: '01'; expected none of a province"},
        {UNIT("code: \"03\", level: commune, parent: \"03\"" NAMED),
         ":6: units[3].parent: '03' is below this unit"},
        {UNIT("code: \"03\", level: commune, parent: \"02\", from: \"2019-01-01\"" NAMED),
         ":6: units[3].parent: '02' is there from 2020-01-01 until …, this unit from 2019-01-01"},
        {UNIT("code: \"03\", level: commune, parent: \"02\", until: \"2020-01-02\", "
              "from: \"2019-01-01\"" NAMED),
         ":6: units[3].parent: '02' is there from 2020-01-01"},
        {UNIT("code: \"x\", level: department, parent: \"01\"" NAMED),
         ":6: units[3].code: 'x'; expected the agency code, or \"01.\" and a name"},
        /* days */
        {UNIT("code: \"04\", level: province, from: \"2025-02-30\"" NAMED),
         ":6: units[3].from: '2025-02-30'; expected a day"},
        {UNIT("code: \"04\", level: province, until: \"2025-7-1\"" NAMED),
         ":6: units[3].until: '2025-7-1'; expected a day"},
        {UNIT("code: \"04\", level: province, from: \"2025-01-01\", until: \"2025-01-01\"" NAMED),
         ":6: units[3].until: 2025-01-01; expected a day after from"},
        {UNIT("code: \"04\", level: province, earlier: [{name: \"X\", until: \"2001\"}]" NAMED),
         ":6: units[3].earlier[0].until: '2001'; expected a day"},
        {UNIT("code: \"04\", level: province, earlier: [{name: \"X\", until: \"2002-01-01\"}, "
              "{name: \"Y\", until: \"2001-01-01\"}]" NAMED),
         ":6: units[3].earlier[1].until: 2001-01-01; expected a day after 2002-01-01"},
        /* successors */
        {UNIT("code: \"04\", level: province, successor: \"01\"" NAMED),
         ":6: units[3].successor: '01'; expected until beside it"},
        {UNIT("code: \"04\", level: province, until: \"2021-01-01\", successor: \"09\"" NAMED),
         ":6: units[3].successor: '09'; expected the code of a unit that is there on 2021-01-01"},
        /* form */
        {UNIT("code: \"03\", parent: \"01\"" NAMED), ":6: units[3].level: is missing"},
        {UNIT("code: \"0 3\", level: commune, parent: \"01\"" NAMED),
         ":6: units[3].code: '0 3'; expected letters"},
        {UNIT("code: \"03\", level: ward, parent: \"01\"" NAMED), ":6: "},
        {UNIT("code: \"03\", level: commune, parent: \"01\""), ":6: "},
        {UNIT("code: \"03\", level: commune, parent: \"01\", name: \"\""), ":6: "},
        {UNIT("code: \"03\", level: commune, parent: \"01\", name: \"e\xcc\x81\""),
         ":6: units[3].name: "},
        {UNIT("code: \"03\", level: commune, parent: \"01\", x: 1" NAMED), ":6: "},
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
        registry_t *r;
        char *errors = load(file, &r);
        bool good = cases[i].wants[0] == '\0';
        if (good != (r != NULL) || strstr(errors, cases[i].wants) == NULL ||
            (!good && strncmp(errors, file, strlen(file)) != 0)) {
            fail_msg("%swanted %s, got %s", cases[i].more, cases[i].wants, errors);
        }
        registry_destroy(&r);
        free(errors);
        free(file);
    }
    folder_remove(path);
}

/* A folder is one registry, and an error names the file of its line. */
static void test_folder(void **state)
{
    (void)state;
    static const char provinces[] = "format: \"1\"\nlevel: province\nunits:\n"
                                    "  - {code: \"01\", name: \"A\", from: \"2025-07-01\"}\n";
    static const char communes[] = "format: \"1\"\nlevel: commune\nuntil: \"2026-01-01\"\nunits:\n"
                                   "  - {code: \"00001\", parent: \"01\", name: \"B\"}\n"
                                   "  - {code: \"00002\", parent: \"01\", name: \"C\", "
                                   "until: \"2027-01-01\"}\n";
    static const char twice[] = "format: \"1\"\nlevel: commune\nunits:\n"
                                "  - {code: \"00002\", parent: \"01\", name: \"D\"}\n";
    char path[FOLDER_SIZE];
    registry_t *r;
    folder_make(path);
    char *errors = load(path, &r);
    assert_non_null(strstr(errors, "has 0 files; expected 1 to 32 *.yaml"));
    free(errors);
    folder_write(path, "b.yaml", bytes_of_text(communes));
    folder_write(path, "provinces.yaml", bytes_of_text(provinces));
    folder_write(path, "notes.txt", bytes_of_text("not read"));
    errors = load(path, &r);
    assert_string_equal(errors, "");
    assert_int_equal(registry_count(r), 3);
    const registry_unit_t *b = registry_by_code(r, "00001");
    assert_int_equal(b->level, COMMUNE);
    assert_string_equal(b->from, "2025-07-01");
    assert_string_equal(b->until, "2026-01-01");
    assert_string_equal(registry_by_code(r, "00002")->until, "2027-01-01");
    registry_destroy(&r);
    free(errors);
    folder_write(path, "c.yaml", bytes_of_text(twice));
    errors = load(path, &r);
    assert_non_null(strstr(errors, "/c.yaml:4: units[0].code: '00002' stands twice; "));
    assert_non_null(strstr(errors, "/b.yaml:6 has it at the same time"));
    free(errors);
    folder_remove(path);
    assert_int_equal(registry_load("/nowhere/units", stderr, &r), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped), cmocka_unit_test(test_finding), cmocka_unit_test(test_time),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
