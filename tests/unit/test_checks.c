/* test_checks.c - the checks of a source description, and what is told of one that is none. */
#include "base/error.h"
#include "folder.h"
#include "source/source.h"

static char folder[FOLDER_SIZE];

/* A description with two figures and these checks; what is told of them. */
static int load(const char *checks, source_t **out, char told[1024])
{
    char path[FOLDER_SIZE + 16];
    snprintf(path, sizeof path, "%s/a.yaml", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "format: \"1\"\nsource: a\ntitle: \"A\"\nrequest: {path: \"/\"}\n"
            "rows: {format: json}\nunit: {by: series}\nask: {each: code}\n"
            "figures:\n  - {id: a.x, at: /x}\n  - {id: a.y, at: /y}\nchecks:\n%s",
            checks);
    assert_int_equal(fclose(file), 0);
    FILE *errors = fmemopen(told, 1024, "w");
    assert_non_null(errors);
    int rc = source_load(path, errors, out);
    fclose(errors);
    return rc;
}

static void test_good(void **state)
{
    (void)state;
    char told[1024] = "";
    source_t *s;
    assert_int_equal(load("  - {sum: [a.x], equals: a.y}\n"
                          "  - {over_time: [a.y, a.x]}\n"
                          "  - {over_time: [a.x], source: b, within: {most: \"1.5\", of: "
                          "percent}}\n",
                          &s, told),
                     0);
    assert_int_equal(s->n_checks, 1);
    assert_int_equal(s->checks[0].equals, 1);
    assert_int_equal(s->n_spans, 2);
    assert_int_equal(s->spans[0].n_figures, 2);
    assert_int_equal(s->spans[0].figures[0], 1);
    assert_string_equal(s->spans[0].parts_of, "a"); /* its own */
    assert_false(s->spans[0].within.given);
    assert_string_equal(s->spans[1].parts_of, "b");
    assert_true(s->spans[1].within.given && s->spans[1].within.percent);
    assert_true(s->spans[1].within.most.micro == 1500000);
    source_destroy(&s);
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *checks, *told;
    } cases[] = {
        {"  - {over_time: [a.z]}\n", "'a.z' is none of the figures"},
        {"  - {sum: [a.x], equals: a.z}\n", "'a.z' is none of the figures"},
        {"  - {sum: [a.x]}\n", "is not complete; expected sum and equals, or over_time"},
        {"  - {equals: a.x}\n", "is not complete; expected sum and equals, or over_time"},
        {"  - {source: b}\n", "is not complete; expected sum and equals, or over_time"},
        {"  - {sum: [a.x], equals: a.y, source: b}\n", "is not complete"},
        {"  - {sum: [a.x], equals: a.y, over_time: [a.x]}\n", "has both sum and over_time"},
        {"  - {over_time: [a.x], within: {most: \"x\", of: points}}\n", "expected a number"},
        {"  - {over_time: [a.x], within: {most: \"-1\", of: points}}\n",
         "'-1'; expected no less than 0"},
        {"  - {over_time: [a.x], within: {most: \"1\", of: parts}}\n",
         "'parts'; expected points or percent"},
        {"  - {over_time: [a.x], of: b}\n", "of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char told[1024] = "";
        source_t *s = NULL;
        assert_int_equal(load(cases[i].checks, &s, told), CHISO_E_CONFIG);
        assert_null(s);
        if (strstr(told, cases[i].told) == NULL || strstr(told, "a.yaml:") == NULL) {
            fail_msg("%s told: %s", cases[i].checks, told);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    folder_make(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
