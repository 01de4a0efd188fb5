/* test_rule.c - each kind of rule and each policy of docs/readings.md, exact to the millionth. */
#include "rule/rule.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static decimal_t decimal(const char *text)
{
    decimal_t out = DECIMAL_ZERO;
    assert_int_equal(decimal_parse(text, strlen(text), &out), 0);
    return out;
}

/* Inputs as "a=1 b=2.5 has=yes items=5 c=?": yes/no a flag, items a bit set, ? unreadable. */
typedef struct {
    char text[200];
    rule_input_t list[16];
    rule_inputs_t inputs;
} given_t;

static void give(given_t *g, const char *text)
{
    *g = (given_t){.inputs = {g->list, 0}};
    snprintf(g->text, sizeof g->text, "%s", text);
    for (char *save = NULL, *at = strtok_r(g->text, " ", &save); at != NULL;
         at = strtok_r(NULL, " ", &save)) {
        rule_input_t *in = &g->list[g->inputs.n++];
        char *value = strchr(at, '=');
        assert_non_null(value);
        *value++ = '\0';
        in->name = at;
        if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0) {
            in->kind = RULE_FLAG;
            in->flag = *value == 'y';
        } else if (strcmp(value, "?") == 0) {
            in->kind = RULE_UNREADABLE;
        } else if (strcmp(at, "items") == 0) {
            in->kind = RULE_ITEMS;
            in->items = strtoull(value, NULL, 2);
        } else {
            in->kind = RULE_NUMBER;
            in->number = decimal(value);
        }
    }
}

typedef struct {
    const char *inputs;
    rule_status_t status;
    const char *points;
    unsigned flags;
} case_t;

static void run(const rule_t *rule, const char *max, const case_t *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        given_t g;
        char text[DECIMAL_TEXT_SIZE];
        give(&g, cases[i].inputs);
        rule_result_t r = rule_evaluate(rule, decimal(max), g.inputs, NULL);
        decimal_format(r.points, text);
        if (r.status != cases[i].status || strcmp(text, cases[i].points) != 0 ||
            r.flags != cases[i].flags) {
            fail_msg("'%s': status %d points %s flags %u; wanted %d %s %u", cases[i].inputs,
                     r.status, text, r.flags, cases[i].status, cases[i].points, cases[i].flags);
        }
    }
}
#define RUN(rule, max, cases) run(rule, max, cases, sizeof(cases) / sizeof(cases)[0])

#define OK RULE_SCORED
#define MISS RULE_MISSING
#define BAD RULE_INVALID
#define UNDEF RULE_UNDEFINED
#define ZERO RULE_ZERO_DENOMINATOR
#define GT1 RULE_RATIO_GT_1

static void test_points(void **state)
{
    (void)state;
    const rule_t rule = {.kind = RULE_POINTS};
    static const case_t cases[] = {
        {"", MISS, "0", 0},
        {"points=0", OK, "0", 0}, /* a figure, not a gap */
        {"points=18", OK, "18", 0},
        {"points=17.999999", OK, "17.999999", 0},
        {"points=18.000001", BAD, "0", 0},
        {"points=-0.000001", BAD, "0", 0},
        {"points=?", BAD, "0", 0},
        {"points=yes", BAD, "0", 0},
        {"point=5", MISS, "0", 0},
        {"points=999999999999999999.999999", BAD, "0", 0},
    };
    RUN(&rule, "18", cases);
    static const case_t large[] = {
        {"points=999999999999999999.999999", OK, "999999999999999999.999999", 0},
        {"points=700000000000000000", OK, "700000000000000000", 0},
        {"points=0.000001", OK, "0.000001", 0},
    };
    RUN(&rule, "999999999999999999.999999", large);
}

static void test_options_and_checklist(void **state)
{
    (void)state;
    rule_fraction_t shares[] = {{1, 1}, {1, 2}, {1, 3}, {0, 1}};
    const rule_t options = {.kind = RULE_OPTIONS, .shares = shares, .n_shares = 4};
    static const case_t of_options[] = {
        {"option=1", OK, "2", 0},
        {"option=2", OK, "1", 0},
        {"option=3", OK, "0.666667", 0},
        {"option=4", OK, "0", 0},
        {"option=5", BAD, "0", 0},
        {"option=0", BAD, "0", 0},
        {"option=1.5", BAD, "0", 0},
        {"option=-1", BAD, "0", 0},
        {"", MISS, "0", 0},
        {"option=1.000000", OK, "2", 0},
    };
    RUN(&options, "2", of_options);
    rule_fraction_t thirds[] = {{1, 3}, {1, 3}, {1, 3}};
    const rule_t checklist = {.kind = RULE_CHECKLIST, .shares = thirds, .n_shares = 3};
    static const case_t of_checklist[] = {
        {"items=000", OK, "0", 0},        {"items=001", OK, "0.333333", 0},
        {"items=101", OK, "0.666667", 0}, {"items=111", OK, "1", 0}, /* never 0.999999 */
        {"items=1000", BAD, "0", 0},      {"", MISS, "0", 0},
        {"items=?", BAD, "0", 0},
    };
    RUN(&checklist, "1", of_checklist);
}

static void test_percent_and_count(void **state)
{
    (void)state;
    const rule_t percent = {.kind = RULE_PERCENT};
    static const case_t of_percent[] = {
        {"p=0", OK, "0", 0},        {"p=50", OK, "1.5", 0}, {"p=100", OK, "3", 0},
        {"p=100.01", OK, "3", GT1}, {"p=-1", BAD, "0", 0},  {"p=33.333333", OK, "1", 0},
        {"", MISS, "0", 0},
    };
    RUN(&percent, "3", of_percent);
    const rule_t half = {.kind = RULE_COUNT,
                         .target = decimal("4"),
                         .below = RULE_BELOW_SHARE,
                         .below_share = {1, 2}};
    static const case_t of_half[] = {
        {"has=yes n=4", OK, "2", 0}, {"has=yes n=3", OK, "1", 0},   {"has=yes n=0", OK, "1", 0},
        {"has=no n=9", OK, "0", 0},  {"has=no", OK, "0", 0},        {"has=yes", MISS, "0", 0},
        {"n=9", MISS, "0", 0},       {"has=yes n=-1", BAD, "0", 0}, {"has=1 n=4", BAD, "0", 0},
    };
    RUN(&half, "2", of_half);
    const rule_t prorated = {
        .kind = RULE_COUNT, .target = decimal("3"), .below = RULE_BELOW_PRORATED};
    static const case_t of_prorated[] = {{"has=yes n=1", OK, "0.666667", 0},
                                         {"has=yes n=3", OK, "2", 0},
                                         {"has=yes n=7", OK, "2", 0}};
    RUN(&prorated, "2", of_prorated);
}

static void test_ratio(void **state)
{
    (void)state;
    rule_term_t b[] = {{"b", {1, 1}}};
    rule_term_t a[] = {{"a", {1, 1}}};
    rule_t rule = {.kind = RULE_RATIO, .of = b, .n_of = 1, .over = a, .n_over = 1};
    static const case_t plain[] = {
        {"a=3 b=1", OK, "0.333333", 0},
        {"a=3 b=2", OK, "0.666667", 0}, /* half up, once */
        {"a=3 b=3", OK, "1", 0},
        {"a=3 b=4", OK, "1", GT1},
        {"a=3 b=0", OK, "0", 0},
        {"a=0 b=0", UNDEF, "0", ZERO},
        {"a=0 b=5", UNDEF, "0", ZERO},
        {"a=3", MISS, "0", 0},
        {"b=3", MISS, "0", 0},
        {"a=-3 b=1", BAD, "0", 0},
        {"a=? b=1", BAD, "0", 0},
        {"a=-1", BAD, "0", 0}, /* invalid outweighs missing */
        {"a=0", MISS, "0", 0}, /* and missing undefined */
        {"a=999999999999999999.999999 b=999999999999999999.999998", OK, "1", 0},
        {"a=999999999999999999 b=0.000001", OK, "0", 0},
    };
    RUN(&rule, "1", plain);
    rule.subset = true;
    static const case_t subset[] = {{"a=3 b=4", OK, "1", GT1 | RULE_INCONSISTENT},
                                    {"a=3 b=3", OK, "1", 0}};
    RUN(&rule, "1", subset);
    rule.when_zero = RULE_ZERO_FULL;
    static const case_t full[] = {{"a=0 b=0", OK, "1", ZERO}, {"a=0", MISS, "0", 0}};
    RUN(&rule, "1", full);
    rule.when_zero = RULE_ZERO_FULL_IF;
    rule.full_if[0] = "c";
    rule.full_if[1] = "d";
    static const case_t full_if[] = {
        {"a=0 b=0 c=2 d=2", OK, "1", ZERO},
        {"a=0 b=0 c=1 d=2", OK, "0", ZERO},
        {"a=0 b=0 c=0 d=0", UNDEF, "0", ZERO},
        {"a=0 b=0 c=1", MISS, "0", ZERO},
        {"a=2 b=1", OK, "0.5", 0},
    };
    RUN(&rule, "1", full_if);
}

static void test_weights(void **state)
{
    (void)state;
    /* 1.2 of 003: a/c*max + b/c*max/2, capped */
    rule_term_t of[] = {{"a", {1, 1}}, {"b", {1, 2}}};
    rule_term_t over[] = {{"c", {1, 1}}};
    rule_t rule = {.kind = RULE_RATIO, .of = of, .n_of = 2, .over = over, .n_over = 1};
    static const case_t cases[] = {{"a=1 b=1 c=2", OK, "1.5", 0},
                                   {"a=0 b=1 c=3", OK, "0.333333", 0},
                                   {"a=2 b=1 c=2", OK, "2", GT1},
                                   {"a=2 c=2", MISS, "0", 0}};
    RUN(&rule, "2", cases);
    rule.n_over = 0;
    rule.constant = decimal("7");
    static const case_t constant[] = {{"a=7 b=0", OK, "2", 0}, {"a=1 b=1", OK, "0.428571", 0}};
    RUN(&rule, "2", constant);
}

static void test_limits(void **state)
{
    (void)state;
    rule_term_t b[] = {{"b", {1, 1}}};
    rule_term_t a[] = {{"a", {1, 1}}};
    rule_t rule = {.kind = RULE_RATIO, .of = b, .n_of = 1, .over = a, .n_over = 1};
    rule.has_target = true;
    rule.target = decimal("0.6");
    rule.below = RULE_BELOW_ZERO;
    static const case_t zero[] = {{"a=5 b=3", OK, "2", 0}, /* inclusive, and exact */
                                  {"a=1000000000000 b=599999999999", OK, "0", 0},
                                  {"a=100 b=60", OK, "2", 0}};
    RUN(&rule, "2", zero);
    rule.below = RULE_BELOW_PRORATED;
    static const case_t prorated[] = {
        {"a=10 b=3", OK, "1", 0}, {"a=10 b=6", OK, "2", 0}, {"a=10 b=1", OK, "0.333333", 0}};
    RUN(&rule, "2", prorated);
    rule.below = RULE_BELOW_LITERAL;
    static const case_t literal[] = {{"a=10 b=3", OK, "0.6", 0}, {"a=10 b=6", OK, "2", 0}};
    RUN(&rule, "2", literal);
    rule.has_target = false;
    rule.has_floor = true;
    rule.floor = decimal("0.9");
    static const case_t floor[] = {
        {"a=10 b=9", OK, "1.8", 0}, {"a=1000 b=899", OK, "0", 0}, {"a=10 b=10", OK, "2", 0}};
    RUN(&rule, "2", floor);
    rule.has_floor = false;
    rule_band_t bands[] = {
        {decimal("0.007"), {1, 1}}, {decimal("0.004"), {1, 2}}, {decimal("0.002"), {1, 4}}};
    rule.bands = bands;
    rule.n_bands = 3;
    static const case_t ladder[] = {{"a=1000 b=7", OK, "2", 0}, {"a=1000000 b=6999", OK, "1", 0},
                                    {"a=1000 b=4", OK, "1", 0}, {"a=1000 b=2", OK, "0.5", 0},
                                    {"a=1000 b=1", OK, "0", 0}, {"a=1000 b=2000", OK, "2", GT1}};
    RUN(&rule, "2", ladder);
}

static void test_parts(void **state)
{
    (void)state;
    rule_term_t b[] = {{"b", {1, 1}}};
    rule_term_t a[] = {{"a", {1, 1}}};
    rule_t parts[] = {
        {.kind = RULE_RATIO, .max = decimal("0.5"), .of = b, .n_of = 1, .over = a, .n_over = 1},
        {.kind = RULE_POINTS, .max = decimal("0.25")},
        {.kind = RULE_PERCENT, .max = decimal("0.25")}};
    const rule_t rule = {.kind = RULE_PARTS, .parts = parts, .n_parts = 3};
    static const case_t cases[] = {
        {"p1.a=3 p1.b=1 p2.points=0.25 p3.p=100", OK, "0.666667", 0},
        {"p1.a=3 p1.b=1 p2.points=0.25", MISS, "0", 0},
        {"p1.a=3 p1.b=1 p2.points=0.26 p3.p=1", BAD, "0", 0}, /* above the part's maximum */
        {"p1.a=0 p1.b=1 p2.points=0.1 p3.p=1", UNDEF, "0", ZERO},
        {"p1.a=0 p1.b=1 p2.points=0.1", MISS, "0", ZERO},
        {"p1.a=0 p1.b=1 p2.points=1", BAD, "0", ZERO},
        {"p1.a=1 p1.b=2 p2.points=0.25 p3.p=200", OK, "1", GT1},
        {"a=3 b=1 points=0.2 p=1", MISS, "0", 0},
    };
    RUN(&rule, "1", cases);
    /* rounded once: three times 1/3 of 1/3 are 1/3, not 0.111111 * 3 */
    rule_t thirds[3];
    for (int i = 0; i < 3; i++) {
        thirds[i] = parts[0];
        thirds[i].max = decimal("0.333333");
    }
    const rule_t sum = {.kind = RULE_PARTS, .parts = thirds, .n_parts = 3};
    static const case_t once[] = {
        {"p1.a=2 p1.b=1 p2.a=2 p2.b=1 p3.a=2 p3.b=1", OK, "0.5", 0}}; /* 0.4999995, half up */
    RUN(&sum, "1", once);
}

static void test_best(void **state)
{
    (void)state;
    rule_term_t b[] = {{"b", {1, 1}}};
    rule_term_t a[] = {{"a", {1, 1}}};
    const rule_t rule = {.kind = RULE_BEST, .of = b, .n_of = 1, .over = a, .n_over = 1};
    given_t one;
    given_t two;
    given_t none;
    give(&one, "a=3 b=2");
    give(&two, "a=2 b=3");
    give(&none, "a=0 b=3");
    rule_ratio_t r1 = rule_ratio(&rule, one.inputs);
    rule_ratio_t r2 = rule_ratio(&rule, two.inputs);
    rule_ratio_t r0 = rule_ratio(&rule, none.inputs);
    assert_true(r1.usable && r2.usable);
    assert_false(r0.usable);
    assert_true(rule_ratio_better(&r2, &r1));
    assert_false(rule_ratio_better(&r1, &r2));
    assert_false(rule_ratio_better(&r1, &r1));
    assert_true(rule_ratio_better(&r1, &r0));
    assert_false(rule_ratio_better(&r0, &r0));
    char text[DECIMAL_TEXT_SIZE];
    rule_result_t r = rule_evaluate(&rule, decimal("1"), one.inputs, &r2);
    assert_string_equal(decimal_format(r.points, text), "0.444444"); /* (2/3) / (3/2) */
    r = rule_evaluate(&rule, decimal("1"), two.inputs, &r2);
    assert_string_equal(decimal_format(r.points, text), "1");
    assert_int_equal(r.flags, 0); /* above 1, but not above the best */
    r = rule_evaluate(&rule, decimal("1"), one.inputs, NULL);
    assert_int_equal(r.status, RULE_UNDEFINED);
    assert_int_equal(r.flags, RULE_NO_PEER);
    r2.num = DECIMAL_ZERO;
    r = rule_evaluate(&rule, decimal("1"), one.inputs, &r2);
    assert_int_equal(r.status, RULE_UNDEFINED);
    r = rule_evaluate(&rule, decimal("1"), none.inputs, &r1);
    assert_int_equal(r.status, RULE_UNDEFINED);
    assert_int_equal(r.flags, RULE_ZERO_DENOMINATOR);
}

/* Figures come from outside: the largest that are let in, summed and weighted, must not end the
 * process. In a child, because an assertion would take the other tests along. */
static void test_best_of_large_figures(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        rule_term_t of[] = {{"a", {1, 1}}, {"b", {999999999, 1}}};
        rule_term_t over[] = {{"c", {1, 1}}, {"d", {1, 1}}};
        const rule_t rule = {.kind = RULE_BEST, .of = of, .n_of = 2, .over = over, .n_over = 2};
        given_t g;
        give(&g, "a=999999999999999999 b=999999999999999999 c=999999999999999999 "
                 "d=999999999999999999");
        rule_ratio_t best = rule_ratio(&rule, g.inputs);
        bool better = rule_ratio_better(&best, &best);
        rule_result_t r = rule_evaluate(&rule, decimal("1"), g.inputs, &best);
        bool good = !better && (r.status == RULE_SCORED || !best.usable);
        _exit(good ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_fractions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t num, den;
    } good[] = {
        {"0", 0, 1}, {"1", 1, 1}, {"1/2", 1, 2}, {"999999999/999999999", 999999999, 999999999}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        rule_fraction_t f;
        assert_int_equal(rule_fraction_parse(good[i].text, &f), 0);
        assert_int_equal(f.num, good[i].num);
        assert_int_equal(f.den, good[i].den);
    }
    static const char *const bad[] = {"",    "/",    "1/",   "/2",    "1/0",        "-1",
                                      "0.5", "1/-2", "1 /2", "1/2/3", "1000000000", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rule_fraction_t f = {7, 7};
        assert_int_equal(rule_fraction_parse(bad[i], &f), CHISO_E_SYNTAX);
        assert_int_equal(f.num, 7);
    }
}

static void add_name(void *context, const char *name, bool quantity)
{
    char *out = context;
    size_t len = strlen(out);
    snprintf(out + len, 200 - len, "%s%s ", name, quantity ? "#" : "");
}

static void test_names(void **state)
{
    (void)state;
    rule_term_t of[] = {{"a", {1, 1}}};
    rule_term_t over[] = {{"b", {1, 1}}};
    rule_t parts[] = {{.kind = RULE_COUNT},
                      {.kind = RULE_RATIO,
                       .of = of,
                       .n_of = 1,
                       .over = over,
                       .n_over = 1,
                       .when_zero = RULE_ZERO_FULL_IF,
                       .full_if = {"c", "d"}}};
    const rule_t rule = {.kind = RULE_PARTS, .parts = parts, .n_parts = 2};
    char names[200] = "";
    rule_names(&rule, add_name, names);
    assert_string_equal(names, "p1.has p1.n# p2.a# p2.b# p2.c# p2.d# ");
    static const struct {
        rule_kind_t kind;
        const char *want;
    } single[] = {{RULE_POINTS, "points "},
                  {RULE_OPTIONS, "option "},
                  {RULE_CHECKLIST, "items "},
                  {RULE_PERCENT, "p# "},
                  {RULE_CHILDREN, ""}};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        const rule_t one = {.kind = single[i].kind};
        names[0] = '\0';
        rule_names(&one, add_name, names);
        assert_string_equal(names, single[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_options_and_checklist),
        cmocka_unit_test(test_percent_and_count),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_best_of_large_figures),
        cmocka_unit_test(test_fractions),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
