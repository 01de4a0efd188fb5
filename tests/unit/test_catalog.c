/* test_catalog.c - the shipped index, and each mistake that a file can have, with its line. */
#include "catalog/catalog.h"

#include "base/error.h"
#include "folder.h"

#include <sys/stat.h>

#define SHIPPED TEST_ROOT "/catalogs/dvc-766.yaml"

static void test_shipped(void **state)
{
    (void)state;
    static const char *const files[] = {SHIPPED};
    catalog_t *c = NULL;
    assert_int_equal(catalog_load(files, 1, stderr, &c), 0);
    assert_int_equal(catalog_count(c), 1);
    const catalog_index_t *index = catalog_find(c, "dvc-766");
    assert_ptr_equal(index, catalog_at(c, 0));
    assert_null(catalog_find(c, "dvc-767"));
    assert_string_equal(index->decision, "766/QĐ-TTg");
    assert_string_equal(index->date, "2022-06-23");
    static const struct {
        const char *code;
        int max;
    } want[] = {{"ckmb", 18}, {"tdgq", 20}, {"clgq", 12}, {"tttt", 10}, {"mdhl", 18}, {"mdsh", 22}};
    assert_int_equal(index->n_pillars, 6);
    assert_int_equal(index->n_indicators, 6);
    assert_int_equal(index->n_figures, 13); /* six, what excludes each, the stated total */
    decimal_t sum = DECIMAL_ZERO;
    for (unsigned i = 0; i < 6; i++) {
        char figure[32];
        const catalog_indicator_t *indicator = &index->indicators[i];
        assert_string_equal(indicator->code, want[i].code);
        assert_int_equal(decimal_compare(indicator->max, decimal_of(want[i].max)), 0);
        assert_int_equal(indicator->pillar, i);
        assert_string_equal(index->pillars[i].code, want[i].code);
        assert_int_equal(decimal_compare(index->pillars[i].max, decimal_of(want[i].max)), 0);
        assert_int_equal(index->pillars[i].first, i);
        assert_int_equal(index->pillars[i].count, 1);
        snprintf(figure, sizeof figure, "dvc-766.%s", want[i].code);
        assert_int_equal(indicator->rule.kind, RULE_POINTS);
        assert_int_equal(indicator->n_inputs, 1);
        assert_string_equal(indicator->inputs[0].name, "points");
        assert_string_equal(index->figures[indicator->inputs[0].figure]->id, figure);
        assert_int_equal(catalog_indicator(index, want[i].code), (int)i);
        assert_int_equal(decimal_add(sum, indicator->max, &sum), 0);
    }
    assert_int_equal(decimal_compare(sum, decimal_of(100)), 0);
    assert_int_equal(decimal_compare(index->max, sum), 0);
    assert_string_equal(index->figures[index->stated_total]->id, "dvc-766.tong_score");
    for (int level = 1; level <= 3; level++) {
        assert_true(catalog_has_level(index, level));
    }
    assert_false(catalog_has_level(index, 0));
    assert_false(catalog_has_level(index, 4));
    assert_int_equal(catalog_indicator(index, "none"), -1);
    assert_false(catalog_has_level(index, -1));
    assert_false(catalog_has_level(index, 33));
    assert_non_null(index->indicators[2].note);
    assert_null(index->indicators[0].note);
    catalog_destroy(&c);
    assert_null(c);
    catalog_destroy(&c);
}

/* Every index that is shipped loads, all at once, on the one dictionary. */
static void test_all_shipped(void **state)
{
    (void)state;
    static const char *const files[] = {SHIPPED,
                                        TEST_ROOT "/catalogs/hd-department-2024.yaml",
                                        TEST_ROOT "/catalogs/hd-district-2024.yaml",
                                        TEST_ROOT "/catalogs/hn-city-2025.yaml",
                                        TEST_ROOT "/catalogs/hn-commune-2025.yaml",
                                        TEST_ROOT "/catalogs/hp-par-2024.yaml",
                                        TEST_ROOT "/catalogs/hp-par-2025.yaml",
                                        TEST_ROOT "/catalogs/vl-province-2025.yaml"};
    enum { N = sizeof files / sizeof files[0] };
    catalog_t *c = NULL;
    assert_int_equal(catalog_load(files, N, stderr, &c), 0);
    assert_int_equal(catalog_count(c), N);
    for (unsigned i = 0; i < N; i++) {
        const catalog_index_t *index = catalog_at(c, i);
        decimal_t sum = DECIMAL_ZERO;
        unsigned seen = 0;
        for (unsigned p = 0; p < index->n_pillars; p++) {
            assert_int_equal(index->pillars[p].first, seen);
            seen += index->pillars[p].count;
            assert_int_equal(decimal_add(sum, index->pillars[p].max, &sum), 0);
        }
        assert_int_equal(seen, index->n_indicators);
        assert_int_equal(decimal_compare(sum, index->max), 0);
        for (unsigned k = 0; k < index->n_indicators; k++) {
            const catalog_indicator_t *in = &index->indicators[k];
            assert_true(in->parent < (int)k);
            assert_true(in->line > 0);
            assert_int_equal(catalog_indicator(index, in->code), (int)k);
            for (unsigned m = 0; m < in->n_inputs; m++) {
                assert_true(in->inputs[m].figure < index->n_figures);
            }
        }
    }
    catalog_destroy(&c);
}

/* ---- a small index, changed line by line ---- */

static const char dictionary[] = "format: \"1\"\n"
                                 "figures:\n"
                                 "  - {id: f.a, title: A, unit: x, kind: count, provider: unit}\n"
                                 "  - {id: f.b, title: B, unit: x, kind: count, provider: unit}\n";

static const char *const lines[] = {
    "format: \"1\"",                                                           /* 1 */
    "index: small",                                                            /* 2 */
    "title: \"Nhỏ\"",                                                          /* 3 */
    "decision: \"1/QĐ\"",                                                      /* 4 */
    "date: \"2025-01-01\"",                                                    /* 5 */
    "issuer: \"Bộ\"",                                                          /* 6 */
    "levels: [commune]",                                                       /* 7 */
    "max: \"10\"",                                                             /* 8 */
    "pillars:",                                                                /* 9 */
    "  - code: p1",                                                            /* 10 */
    "    title: \"Một\"",                                                      /* 11 */
    "    max: \"6\"",                                                          /* 12 */
    "    indicators:",                                                         /* 13 */
    "      - {code: \"1.1\", title: a, max: \"2.5\", rule: {percent: given}}", /* 14 */
    "      - {code: \"1.2\", title: b, max: \"3.5\", rule: {points: given}}",  /* 15 */
    "  - code: p2",                                                            /* 16 */
    "    title: \"Hai\"",                                                      /* 17 */
    "    max: \"4\"",                                                          /* 18 */
    "    indicators:",                                                         /* 19 */
    /* 20 */ "      - {code: \"2.1\", title: c, max: \"4\", rule: {percent: given}}",
};
#define LINES (sizeof lines / sizeof lines[0])
#define I11(code, max, rest) "      - {code: \"" code "\", title: a, max: \"" max "\", " rest "}"

/* Loads the small index with up to two lines replaced; `said` gets what was reported. */
static int load(const char *path, int line, const char *text, int line2, const char *text2,
                buffer_t *said, catalog_t **out)
{
    buffer_t b = BUFFER_INIT(65536);
    for (size_t i = 0; i < LINES; i++) {
        bool first = (int)i + 1 == line;
        bool second = (int)i + 1 == line2;
        buffer_printf(&b, "%s\n", first ? text : second ? text2 : lines[i]);
    }
    folder_write(path, "small.yaml", buffer_bytes(&b));
    buffer_free(&b);
    char *figures = folder_file(path, "figures");
    mkdir(figures, 0750);
    folder_write(figures, "small.yaml", bytes_of_text(dictionary));
    free(figures);
    char *file = folder_file(path, "small.yaml");
    const char *files[] = {file};
    char *errors = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&errors, &len);
    int rc = catalog_load(files, 1, f, out);
    fclose(f);
    buffer_clear(said);
    buffer_append(said, errors, len);
    free(errors);
    free(file);
    return rc;
}

typedef struct {
    int line;
    const char *text;
    int line2;
    const char *text2;
    int want_line;
    const char *want; /* part of what is said */
} mistake_t;

static const mistake_t mistakes[] = {
    /* sums */
    {8, "max: \"11\"", 0, "", 8, "max: is 11; expected the sum of its parts, 10"},
    {12, "    max: \"6.5\"", 0, "", 12, "pillars[0].max: is 6.5; expected the sum of its parts, 6"},
    {14, I11("1.1", "2", "rule: {points: given}"), 0, "", 12,
     "pillars[0].max: is 6; expected the sum of its parts, 5.5"},
    /* codes that stand twice */
    {15, I11("1.1", "3.5", "rule: {points: given}"), 0, "", 15,
     "pillars[0].indicators[1].code: '1.1' stands twice"},
    {20, I11("1.2", "4", "rule: {points: given}"), 0, "", 20,
     "pillars[1].indicators[0].code: '1.2' stands twice"},
    {16, "  - code: p1", 0, "", 16, "pillars[1].code: 'p1' stands twice"},
    /* figures and inputs */
    {14, I11("1.1", "2.5", "rule: {points: given}, inputs: {points: f.z}"), 0, "", 14,
     "pillars[0].indicators[0].inputs.points: 'f.z' is not in the figure dictionary"},
    {14, I11("1.1", "2.5", "rule: {points: given}, inputs: {a: f.a}"), 0, "", 14,
     "pillars[0].indicators[0].inputs.a: the rule does not read 'a'"},
    {8, "max: \"10\"\nstated_total: f.z", 0, "", 9, "stated_total: 'f.z' is not in the figure"},
    /* decimals */
    {12, "    max: \"6,0\"", 0, "", 12, "pillars[0].max: '6,0'; expected a decimal above 0"},
    {12, "    max: \"0\"", 0, "", 12, "pillars[0].max: '0'; expected a decimal above 0"},
    {14, I11("1.1", "-2.5", "rule: {points: given}"), 0, "", 14,
     "pillars[0].indicators[0].max: '-2.5'; expected a decimal above 0"},
    {8, "max: \"1e1\"", 0, "", 8, "max: '1e1'; expected a decimal above 0"},
    /* rules */
    {14, I11("1.1", "2.5", "rule: {}"), 0, "", 14, "names 0 kinds of rule; expected exactly one"},
    {14, I11("1.1", "2.5", "rule: {points: given, percent: given}"), 0, "", 14,
     "names 2 kinds of rule; expected exactly one"},
    {14, I11("1.1", "2.5", "rule: {points: taken}"), 0, "", 14, "'taken'; expected given"},
    {14, I11("1.1", "2.5", "rule: {options: [\"1\", \"3/2\"]}"), 0, "", 14,
     "'3/2'; expected a share of at most 1"},
    {14, I11("1.1", "2.5", "rule: {options: [\"0.5\"]}"), 0, "", 14, "'0.5'; expected a fraction"},
    {14, I11("1.1", "2.5", "rule: {checklist: [\"1/2\", \"1/3\"]}"), 0, "", 14,
     "the shares sum to 5/6; expected 1"},
    {14, I11("1.1", "2.5", "rule: {options: [\"1\", \"0\"], texts: [Có]}"), 0, "", 14,
     "texts: has 1 texts; expected one for each of the options or items"},
    {14, I11("1.1", "2.5", "rule: {percent: given, texts: [Có]}"), 0, "", 14,
     "texts: has 1 texts; expected one for each of the options or items"},
    {14, I11("1.1", "2.5", "rule: {ratio: {of: [x], over: [b]}}"), 0, "", 14,
     "'x'; expected a letter a to e"},
    {14, I11("1.1", "2.5", "rule: {ratio: {of: [a]}}"), 0, "", 14,
     "expected over or constant as its denominator"},
    {14, I11("1.1", "2.5", "rule: {ratio: {of: [a], over: [b], constant: \"7\"}}"), 0, "", 14,
     "expected over or constant as its denominator"},
    {14, I11("1.1", "2.5", "rule: {ratio: {of: [a], over: [b], below: zero}}"), 0, "", 14,
     "has below without target"},
    {14, I11("1.1", "2.5", "rule: {ratio: {of: [a], over: [b], target: \"0.6\"}}"), 0, "", 14,
     "expected zero, prorated or literal"},
    {14,
     I11("1.1", "2.5",
         "rule: {ratio: {of: [a], over: [b], bands: [{from: \"0.1\", share: \"1\"}, {from: "
         "\"0.1\", share: \"1/2\"}]}}"),
     0, "", 14, "'0.1' is never reached; expected less than the band above"},
    {14, I11("1.1", "2.5", "rule: {best: {of: [\"a*1/2\"], over: [b]}}"), 0, "", 14,
     "expected only of and over, with whole weights"},
    {14,
     I11("1.1", "2.5", "rule: {parts: [{max: \"1\", points: given}, {max: \"1\", points: given}]}"),
     0, "", 14, "the parts sum to 2; expected the maximum, 2.5"},
    {14, I11("1.1", "2.5", "rule: {children: sum}"), 0, "", 14, "expected children together with"},
    /* the form */
    {1, "format: \"2\"", 0, "", 1, "format: '2'; expected \"1\""},
    {6, "issuer: \"Bộ\"\nissued: x", 0, "", 7, "issued"},
    {17, "    name: \"Hai\"", 0, "", 17, "name"},
    {3, "# no title", 0, "", 1, "title"},
    {7, "levels: [ward]", 0, "", 7, "ward"},
    {7, "levels: []", 0, "", 7, "levels"},
    {2, "index: \"\"", 0, "", 2, "index"},
    /* both are told at once */
    {8, "max: \"x\"", 18, "    max: \"y\"", 18, "pillars[1].max: 'y'"},
    {8, "max: \"x\"", 18, "    max: \"y\"", 8, "max: 'x'"},
    /* what the events could not carry: the scorer could not read its own journal again */
    {2, "index: \"small one\"", 0, "", 2, "index: 'small one'"},
    {2, "index: \"a|b\"", 0, "", 2, "index: 'a|b'"},
    {2, "index: \"e\xcc\x81\"", 0, "", 2, "index: "},
    {2, "index: a1234567890123456789012345678901234567890123456789012345678901234", 0, "", 2,
     "index: "},
    {14, I11("1 1", "2.5", "rule: {points: given}"), 0, "", 14,
     "pillars[0].indicators[0].code: '1 1'"},
};

static void test_mistakes(void **state)
{
    (void)state;
    char path[FOLDER_SIZE];
    unsigned wrong = 0;
    buffer_t said = BUFFER_INIT(65536);
    folder_make(path);
    catalog_t *c = NULL;
    int first = load(path, 0, "", 0, "", &said, &c);
    assert_string_equal(buffer_text(&said), "");
    assert_int_equal(first, 0);
    catalog_destroy(&c);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        const mistake_t *m = &mistakes[i];
        char place[128];
        int rc = load(path, m->line, m->text, m->line2, m->text2, &said, &c);
        snprintf(place, sizeof place, "%s/small.yaml:%d: ", path, m->want_line);
        const char *text = buffer_text(&said);
        const char *at = strstr(text, place);
        if (rc != CHISO_E_CONFIG || at == NULL || strstr(text, m->want) == NULL) {
            print_error("'%s': %d, wanted line %d '%s', got: %s\n", m->text, rc, m->want_line,
                        m->want, text);
            wrong++;
        }
        assert_true((rc == 0) == (c != NULL));
        catalog_destroy(&c);
    }
    buffer_free(&said);
    folder_remove(path);
    assert_int_equal(wrong, 0);
}

/* Mistakes of the dictionary are told at their line there. */
static void test_dictionary(void **state)
{
    (void)state;
    static const struct {
        const char *line; /* 5 */
        const char *want;
    } cases[] = {
        {"  - {id: f.c, title: C, unit: x, kind: count, provider: machine}", NULL},
        {"  - {id: f.a, title: C, unit: x, kind: count, provider: unit}",
         ":5: figures[2].id: 'f.a'"},
        {"  - {id: f.c, title: C, unit: x, kind: heap, provider: unit}", ":5: "},
        {"  - {id: f.c, title: C, unit: x, kind: count}", ":5: "},
        {"  - {id: \"f c\", title: C, unit: x, kind: count, provider: unit}",
         ":5: figures[2].id: "},
    };
    char path[FOLDER_SIZE];
    buffer_t said = BUFFER_INIT(65536);
    folder_make(path);
    char *figures = folder_file(path, "figures");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        catalog_t *c = NULL;
        buffer_t b = BUFFER_INIT(65536);
        buffer_printf(&b,
                      "format: \"1\"\nfigures:\n"
                      "  - {id: f.a, title: A, unit: x, kind: count, provider: unit}\n"
                      "  - {id: f.b, title: A, unit: x, kind: count, provider: unit}\n%s\n",
                      cases[i].line);
        (void)load(path, 0, "", 0, "", &said, &c); /* makes the folder */
        catalog_destroy(&c);
        folder_write(figures, "small.yaml", buffer_bytes(&b));
        buffer_free(&b);
        char *file = folder_file(path, "small.yaml");
        const char *files[] = {file};
        char *errors = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&errors, &len);
        int rc = catalog_load(files, 1, f, &c);
        fclose(f);
        bool good = cases[i].want == NULL;
        if (rc != (good ? 0 : CHISO_E_CONFIG) || good != (len == 0) ||
            (!good && (strstr(errors, cases[i].want) == NULL ||
                       strncmp(errors, figures, strlen(figures)) != 0))) {
            print_error("%s: %d, wanted '%s', got: %s\n", cases[i].line, rc,
                        good ? "" : cases[i].want, errors);
            catalog_destroy(&c);
            fail();
        }
        catalog_destroy(&c);
        free(errors);
        free(file);
    }
    free(figures);
    buffer_free(&said);
    folder_remove(path);
}

static void test_files(void **state)
{
    (void)state;
    catalog_t *c = NULL;
    char *errors = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&errors, &len);
    static const char *const twice[] = {SHIPPED, SHIPPED};
    assert_int_equal(catalog_load(twice, 2, f, &c), CHISO_E_CONFIG);
    fflush(f);
    assert_non_null(strstr(errors, "dvc-766.yaml:5: index: 'dvc-766' is in another file too"));
    static const char *const missing[] = {TEST_ROOT "/catalogs/none.yaml"};
    assert_true(catalog_load(missing, 1, f, &c) < 0);
    fflush(f);
    assert_non_null(strstr(errors, "none.yaml: "));
    assert_null(c);
    assert_int_equal(catalog_load(NULL, 0, f, &c), 0);
    assert_int_equal(catalog_count(c), 0);
    catalog_destroy(&c);
    fclose(f);
    free(errors);
}

/* Another byte, another fingerprint; the same bytes elsewhere, the same. */
static void test_fingerprint(void **state)
{
    (void)state;
    char path[FOLDER_SIZE];
    uint8_t prints[3][32];
    buffer_t said = BUFFER_INIT(4096);
    folder_make(path);
    static const char *const titles[] = {"title: \"Nhỏ\"", "title: \"Nhỏ.\"", "title: \"Nhỏ\""};
    for (int i = 0; i < 3; i++) {
        catalog_t *c = NULL;
        assert_int_equal(load(path, 3, titles[i], 0, "", &said, &c), 0);
        catalog_fingerprint(c, prints[i]);
        catalog_destroy(&c);
    }
    assert_memory_equal(prints[0], prints[2], 32);
    assert_memory_not_equal(prints[0], prints[1], 32);
    buffer_free(&said);
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped),  cmocka_unit_test(test_all_shipped),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_dictionary),
        cmocka_unit_test(test_files),    cmocka_unit_test(test_fingerprint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
