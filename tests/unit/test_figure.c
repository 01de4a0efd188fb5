/* test_figure.c - what an index declares as figures beside the dictionary, and which values a
 * figure may have. */
#include "catalog/catalog.h"

#include "base/error.h"
#include "folder.h"

#include <sys/stat.h>

#define FILE_OF(index) TEST_ROOT "/catalogs/" index ".yaml"

static const char *const shipped[] = {FILE_OF("dvc-766"),          FILE_OF("hd-department-2024"),
                                      FILE_OF("hd-district-2024"), FILE_OF("hn-city-2025"),
                                      FILE_OF("hn-commune-2025"),  FILE_OF("hp-par-2024"),
                                      FILE_OF("hp-par-2025"),      FILE_OF("vl-province-2025")};
#define SHIPPED (sizeof shipped / sizeof shipped[0])

static int load_shipped(void **state)
{
    catalog_t *c = NULL;
    assert_int_equal(catalog_load(shipped, SHIPPED, stderr, &c), 0);
    *state = c;
    return 0;
}

static int unload(void **state)
{
    catalog_t *c = *state;
    catalog_destroy(&c);
    return 0;
}

static decimal_t decimal(const char *text)
{
    decimal_t value;
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    return value;
}

/* Of each kind one, as the decisions have them. */
static void test_declared(void **state)
{
    static const struct {
        const char *id, *title_end, *input;
        catalog_kind_t kind;
        const char *least, *most; /* NULL: none */
    } want[] = {
        {"hd-department-2024.1.1.option", " – mức đạt được", "option", CATALOG_OPTION, "1", "3"},
        {"hd-department-2024.1.3.has", " – có hay không", "has", CATALOG_YES_NO, "0", "1"},
        {"hd-department-2024.1.4.items.1",
         " – nội dung đạt 1: Có đầy đủ các chuyên mục theo quy định", "items.1", CATALOG_YES_NO,
         "0", "1"},
        {"hd-department-2024.1.4.items.2",
         " – nội dung đạt 2: Các chuyên mục có tin/bài, thông tin đầy đủ", "items.2",
         CATALOG_YES_NO, "0", "1"},
        {"hd-department-2024.1.1.excluded", " – không đánh giá", "excluded", CATALOG_YES_NO, "0",
         "1"},
        {"hd-district-2024.3.6.excluded", " – không đánh giá", "excluded", CATALOG_YES_NO, "0",
         "1"}, /* of a parent */
        {"hp-par-2025.7.2.2.p1.option", " – phần 1 – mức đạt được", "p1.option", CATALOG_OPTION,
         "1", "3"},
        {"hp-par-2025.7.3.3.p2.option", " – phần 2 – mức đạt được", "p2.option", CATALOG_OPTION,
         "1", "2"},
        {"vl-province-2025.3.7.items.3", " – nội dung đạt 3: Có ứng dụng AI nâng cao khác",
         "items.3", CATALOG_YES_NO, "0", "1"},
        {"population", "Tổng dân số", NULL, CATALOG_COUNT, "0", NULL},
        {"online-payment-rate", "", NULL, CATALOG_PERCENTAGE, "0", "100"},
        {"grdp", "", NULL, CATALOG_AMOUNT, "0", NULL},
        {"dvc-766.ckmb", "", NULL, CATALOG_POINTS, "0", NULL},
    };
    const catalog_t *c = *state;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const catalog_figure_t *f = catalog_figure(c, want[i].id);
        if (f == NULL) {
            fail_msg("%s is not there", want[i].id);
        }
        size_t len = strlen(f->title);
        size_t end = strlen(want[i].title_end);
        assert_string_equal(f->id, want[i].id);
        assert_int_equal(f->kind, want[i].kind);
        assert_true(len >= end && strcmp(f->title + len - end, want[i].title_end) == 0);
        assert_int_equal(decimal_compare(f->least, decimal(want[i].least)), 0);
        assert_int_equal(f->has_most, want[i].most != NULL);
        assert_true(!f->has_most || decimal_compare(f->most, decimal(want[i].most)) == 0);
        assert_true(f->unit[0] != '\0');
        if (want[i].input == NULL) {
            assert_null(f->index);
            assert_null(f->input);
            continue;
        }
        assert_int_equal(f->provider, CATALOG_UNIT);
        assert_string_equal(f->input, want[i].input);
        const catalog_indicator_t *of = &f->index->indicators[f->indicator];
        assert_true(strncmp(f->title, of->title, strlen(of->title)) == 0);
        int place = catalog_figure_place(f->index, f->id);
        assert_true(place >= 0 && f->index->figures[place] == f);
    }
    /* what the dictionary feeds is not declared too */
    static const char *const none[] = {"hd-department-2024.1.3.n",
                                       "hd-department-2024.6.4.p",
                                       "vl-province-2025.1.2.a",
                                       "hd-department-2024.1.4.items",
                                       "hd-department-2024.1.1.option.",
                                       "",
                                       "populatio"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_null(catalog_figure(c, none[i]));
    }
    assert_int_equal(catalog_figure_place(catalog_find(c, "dvc-766"), "population"), -1);
}

/* Every input of every indicator has its figure, in the order of the rule, and one to exclude it.
 */
static void test_complete(void **state)
{
    const catalog_t *c = *state;
    unsigned rows = 0;
    for (unsigned n = 0; n < catalog_count(c); n++) {
        const catalog_index_t *index = catalog_at(c, n);
        for (unsigned i = 0; i < index->n_indicators; i++) {
            const catalog_indicator_t *in = &index->indicators[i];
            const catalog_figure_t *by = index->figures[in->excluded_by];
            char id[256];
            snprintf(id, sizeof id, "%s.%s.excluded", index->id, in->code);
            assert_string_equal(by->id, id);
            assert_ptr_equal(catalog_figure(c, id), by);
            assert_true((in->n_inputs == 0) == (in->rule.kind == RULE_CHILDREN));
            if (in->rule.kind == RULE_CHECKLIST) {
                assert_int_equal(in->n_inputs, in->rule.n_shares);
            }
            for (unsigned k = 0; k < in->n_inputs; k++) {
                const catalog_figure_t *f = index->figures[in->inputs[k].figure];
                assert_true(f->index == NULL || (f->index == index && f->indicator == i));
                assert_ptr_equal(catalog_figure(c, f->id), f);
                assert_int_equal(catalog_figure_place(index, f->id), in->inputs[k].figure);
                assert_int_equal(in->inputs[k].item,
                                 in->inputs[k].kind == RULE_ITEMS && k > 0 &&
                                         strcmp(in->inputs[k].name, in->inputs[k - 1].name) == 0
                                     ? in->inputs[k - 1].item + 1
                                     : 0);
                rows++;
            }
        }
    }
    assert_true(rows > 300);
}

/* Points go to the maximum of the indicator or part; an unnamed quantity is an amount. */
static void test_small(void **state)
{
    (void)state;
    static const char text[] =
        "format: \"1\"\nindex: s\ntitle: \"S\"\ndecision: \"1\"\ndate: \"2025-01-01\"\n"
        "issuer: \"B\"\nlevels: [commune]\nperiods: [quarter, year]\nmax: \"10\"\npillars:\n"
        "  - code: \"1\"\n    title: \"T\"\n    max: \"10\"\n    indicators:\n"
        "      - {code: \"1.1\", title: \"Tên\", max: \"2.5\", rule: {points: given}}\n"
        "      - code: \"1.2\"\n        title: \"Khác\"\n        max: \"7.5\"\n"
        "        rule:\n          parts:\n"
        "            - {max: \"1.5\", points: given}\n"
        "            - {max: \"1\", percent: given}\n"
        "            - {max: \"2\", count: {target: \"3\", below: prorated}}\n"
        "            - {max: \"3\", ratio: {of: [a, \"b*2\"], over: [c, a]}}\n";
    static const struct {
        const char *id, *title, *good, *bad, *reason;
        catalog_kind_t kind;
    } want[] = {
        {"s.1.1.points", "Tên – điểm được chấm", "2.5", "2.500001",
         "'2.500001'; expected a number from 0 to 2.5", CATALOG_POINTS},
        {"s.1.2.p1.points", "Khác – phần 1 – điểm được chấm", "0", "1.6",
         "'1.6'; expected a number from 0 to 1.5", CATALOG_POINTS},
        {"s.1.2.p2.p", "Khác – phần 2 – tỷ lệ", "99.9", "100.1",
         "'100.1'; expected a number from 0 to 100", CATALOG_PERCENTAGE},
        {"s.1.2.p3.has", "Khác – phần 3 – có hay không", "1", "0.5",
         "'0.5'; expected 1 (yes) or 0 (no)", CATALOG_YES_NO},
        {"s.1.2.p3.n", "Khác – phần 3 – số lượng", "12", "1.5",
         "'1.5'; expected a whole number of at least 0", CATALOG_COUNT},
        {"s.1.2.p4.a", "Khác – phần 4 – số liệu a", "1.5", "-0.000001",
         "'-0.000001'; expected a number of at least 0", CATALOG_AMOUNT},
        {"s.1.2.p4.c", "Khác – phần 4 – số liệu c", "0", "-1",
         "'-1'; expected a number of at least 0", CATALOG_AMOUNT},
    };
    char path[FOLDER_SIZE];
    folder_make(path);
    folder_write(path, "s.yaml", bytes_of_text(text));
    char *file = folder_file(path, "s.yaml");
    const char *files[] = {file};
    catalog_t *c = NULL;
    assert_int_equal(catalog_load(files, 1, stderr, &c), 0);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        char reason[CATALOG_REASON_SIZE] = "";
        const catalog_figure_t *f = catalog_figure(c, want[i].id);
        assert_non_null(f);
        assert_int_equal(f->kind, want[i].kind);
        assert_string_equal(f->title, want[i].title);
        assert_true(catalog_figure_accepts(f, decimal(want[i].good), reason));
        assert_string_equal(reason, "");
        assert_false(catalog_figure_accepts(f, decimal(want[i].bad), reason));
        assert_string_equal(reason, want[i].reason);
    }
    const catalog_index_t *index = catalog_at(c, 0);
    assert_int_equal(index->n_figures, 2 + 7 + 1); /* two to exclude, b beside those above */
    assert_int_equal(index->indicators[1].n_inputs, 7);
    assert_true(catalog_has_period(index, "2025"));
    assert_true(catalog_has_period(index, "2025-Q4"));
    assert_false(catalog_has_period(index, "2025-11"));
    assert_false(catalog_has_period(index, "2025-Q5"));
    catalog_destroy(&c);
    free(file);
    folder_remove(path);
}

static void test_options(void **state)
{
    const catalog_t *c = *state;
    char reason[CATALOG_REASON_SIZE];
    const catalog_figure_t *f = catalog_figure(c, "hd-department-2024.1.1.option");
    static const char *const bad[] = {"0", "4", "1.5", "-1"};
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(catalog_figure_accepts(f, decimal_of(i), reason));
    }
    for (size_t i = 0; i < 4; i++) {
        assert_false(catalog_figure_accepts(f, decimal(bad[i]), reason));
        assert_non_null(strstr(reason, "expected a whole number from 1 to 3"));
    }
    assert_string_equal(catalog_figure_text(f, decimal_of(2)),
                        "Trưởng ban/Tổ trưởng là Phó giám đốc cơ quan, đơn vị");
    assert_null(catalog_figure_text(f, decimal_of(0)));
    assert_null(catalog_figure_text(f, decimal_of(4)));
    f = catalog_figure(c, "hp-par-2025.7.3.3.p2.option");
    assert_string_equal(catalog_figure_text(f, decimal_of(1)),
                        "Cung cấp thông tin, dữ liệu đầy đủ, kịp thời theo yêu cầu");
    assert_null(catalog_figure_text(catalog_figure(c, "population"), decimal_of(1)));
    f = catalog_figure(c, "hd-department-2024.1.4.items.2");
    assert_true(catalog_figure_accepts(f, decimal_of(0), reason));
    assert_true(catalog_figure_accepts(f, decimal_of(1), reason));
    assert_false(catalog_figure_accepts(f, decimal_of(2), reason));
    f = catalog_figure(c, "population");
    assert_true(catalog_figure_accepts(f, decimal("1000000000"), reason));
    assert_false(catalog_figure_accepts(f, decimal("0.5"), reason));
}

/* Ids that would be the same, or longer than an id may be. */
static void test_mistakes(void **state)
{
    (void)state;
    static const char form[] =
        "format: \"1\"\nindex: %s\ntitle: \"S\"\ndecision: \"1\"\ndate: \"2025-01-01\"\n"
        "issuer: \"B\"\nlevels: [commune]\nmax: \"1\"\npillars:\n"
        "  - code: \"1\"\n    title: \"T\"\n    max: \"1\"\n    indicators:\n"
        "      - {code: \"%s\", title: \"T\", max: \"1\", rule: {options: [\"1\", \"0\"]}}\n";
    static const struct {
        const char *index[2], *code[2], *want;
    } cases[] = {
        {{"a", "b"}, {"1.1", "1.1"}, NULL},
        {{"a", "a.b"}, {"b.1", "1"}, ".yaml:2: index: the figure 'a.b.1.excluded' is in another"},
        {{"a", "f"},
         {"1", "a"},
         ":14: pillars[0].indicators[0]: its input makes the figure "
         "'f.a.option', which is there already"},
        {{"a", "i234567890123456789012345678901234567890"},
         {"1", "c2345678901234567890"},
         "which has more than 64 letters"},
    };
    char path[FOLDER_SIZE];
    folder_make(path);
    char *figures = folder_file(path, "figures");
    mkdir(figures, 0750);
    folder_write(figures, "f.yaml",
                 bytes_of_text("format: \"1\"\nfigures:\n  - {id: f.a.option, title: A, unit: x, "
                               "kind: count, provider: unit}\n"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *files[2];
        for (int k = 0; k < 2; k++) {
            char name[16];
            buffer_t b = BUFFER_INIT(4096);
            snprintf(name, sizeof name, "%d.yaml", k);
            buffer_printf(&b, form, cases[i].index[k], cases[i].code[k]);
            folder_write(path, name, buffer_bytes(&b));
            files[k] = folder_file(path, name);
            buffer_free(&b);
        }
        char *said = NULL;
        size_t len = 0;
        FILE *errors = open_memstream(&said, &len);
        catalog_t *c = NULL;
        int rc = catalog_load((const char *const *)files, 2, errors, &c);
        fclose(errors);
        bool good = cases[i].want == NULL;
        if (rc != (good ? 0 : CHISO_E_CONFIG) || (!good && strstr(said, cases[i].want) == NULL)) {
            fail_msg("%zu: %d, said: %s", i, rc, said);
        }
        catalog_destroy(&c);
        free(said);
        free(files[0]);
        free(files[1]);
    }
    free(figures);
    folder_remove(path);
}

/* 35 checklists of 60 items: more figures than an index may have. */
static void test_too_many(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(1 << 20);
    buffer_printf(&b, "format: \"1\"\nindex: s\ntitle: \"S\"\ndecision: \"1\"\n"
                      "date: \"2025-01-01\"\nissuer: \"B\"\nlevels: [commune]\nmax: \"35\"\n"
                      "pillars:\n  - code: \"1\"\n    title: \"T\"\n    max: \"35\"\n"
                      "    indicators:\n");
    for (int i = 1; i <= 35; i++) {
        buffer_printf(&b, "      - {code: \"1.%d\", title: \"T\", max: \"1\", rule: {checklist: [",
                      i);
        for (int k = 0; k < 60; k++) {
            buffer_printf(&b, "%s\"1/60\"", k > 0 ? ", " : "");
        }
        buffer_printf(&b, "]}}\n");
    }
    assert_false(b.failed);
    char path[FOLDER_SIZE];
    folder_make(path);
    folder_write(path, "s.yaml", buffer_bytes(&b));
    buffer_free(&b);
    char *file = folder_file(path, "s.yaml");
    const char *files[] = {file};
    char *said = NULL;
    size_t len = 0;
    FILE *errors = open_memstream(&said, &len);
    catalog_t *c = NULL;
    assert_int_equal(catalog_load(files, 1, errors, &c), CHISO_E_CONFIG);
    fclose(errors);
    /* 61 each: there is room for 33 */
    assert_non_null(strstr(said, "s.yaml:47: pillars[0].indicators[33]: more than 2048 figures"));
    assert_null(c);
    free(said);
    free(file);
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_declared, load_shipped, unload),
        cmocka_unit_test_setup_teardown(test_complete, load_shipped, unload),
        cmocka_unit_test_setup_teardown(test_options, load_shipped, unload),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
