/* test_formula_worked.c - a formula with its figures, for each kind of rule and each of its lines.
 */
#include "base/error.h"
#include "formula/formula.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static decimal_t dec(const char *text)
{
    decimal_t value = DECIMAL_ZERO;
    assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
    return value;
}

static rule_input_t number(const char *name, const char *value)
{
    return (rule_input_t){.name = name, .kind = RULE_NUMBER, .number = dec(value)};
}

/* What the rule gives with these inputs must be the last number of what is told. */
static void worked(const rule_t *rule, const char *max, const rule_input_t *inputs, size_t n,
                   const char *vietnamese, const char *english)
{
    rule_inputs_t in = {inputs, n};
    const char *const want[] = {english, vietnamese};
    rule_result_t r = rule_evaluate(rule, dec(max), in, NULL);
    assert_int_equal(r.status, RULE_SCORED);
    for (int vi = 0; vi < 2; vi++) {
        buffer_t out = BUFFER_INIT(4096);
        assert_true(formula_worked(rule, dec(max), in, r.points,
                                   vi ? FORMULA_VIETNAMESE : FORMULA_ENGLISH, &out));
        assert_string_equal(buffer_text(&out), want[vi]);
        buffer_free(&out);
    }
}

#define WORKED(rule, max, vietnamese, english, ...)                                                \
    worked(rule, max, (const rule_input_t[]){__VA_ARGS__},                                         \
           sizeof((const rule_input_t[]){__VA_ARGS__}) / sizeof(rule_input_t), vietnamese,         \
           english)

static rule_term_t a[] = {{"a", {1, 1}}};
static rule_term_t b[] = {{"b", {1, 1}}};
static rule_term_t ab[] = {{"a", {1, 1}}, {"b", {1, 2}}};
static rule_term_t c[] = {{"c", {1, 1}}};
static rule_fraction_t halves[] = {{1, 1}, {1, 2}, {0, 1}};

static void test_ratio(void **state)
{
    (void)state;
    rule_t r = {.kind = RULE_RATIO, .of = a, .n_of = 1, .over = b, .n_over = 1};
    WORKED(&r, "2", "min(1; 3.421 / 3.500) × 2 = 1,954857", "min(1, 3421 / 3500) * 2 = 1.954857",
           number("a", "3421"), number("b", "3500"));
    WORKED(&r, "2", "min(1; 1.234.567,5 / 100) × 2 = 2", "min(1, 1234567.5 / 100) * 2 = 2",
           number("a", "1234567.5"), number("b", "100"));
    rule_t sums = {.kind = RULE_RATIO, .of = ab, .n_of = 2, .over = c, .n_over = 1};
    WORKED(&sums, "10", "min(1; (3 + 4 × 1/2) / 10) × 10 = 5",
           "min(1, (3 + 4 * 1/2) / 10) * 10 = 5", number("a", "3"), number("b", "4"),
           number("c", "10"));
    rule_t constant = {.kind = RULE_RATIO, .of = a, .n_of = 1, .constant = dec("7")};
    WORKED(&constant, "7", "min(1; 3 / 7) × 7 = 3", "min(1, 3 / 7) * 7 = 3", number("a", "3"));
    r.when_zero = RULE_ZERO_FULL;
    WORKED(&r, "2", "mẫu số bằng 0: 2 = 2", "denominator 0: 2 = 2", number("a", "0"),
           number("b", "0"));
}

static void test_limits(void **state)
{
    (void)state;
    rule_t r = {.kind = RULE_RATIO,
                .of = a,
                .n_of = 1,
                .over = b,
                .n_over = 1,
                .has_target = true,
                .target = dec("0.8"),
                .below = RULE_BELOW_PRORATED};
    WORKED(&r, "2", "min(1; 3 / 6) = 0,5 < 0,8: 3 / 6 / 0,8 × 2 = 1,25",
           "min(1, 3 / 6) = 0.5 < 0.8: 3 / 6 / 0.8 * 2 = 1.25", number("a", "3"), number("b", "6"));
    WORKED(&r, "2", "min(1; 4 / 5) = 0,8 >= 0,8: 2 = 2", "min(1, 4 / 5) = 0.8 >= 0.8: 2 = 2",
           number("a", "4"), number("b", "5"));
    /* a hair below: what is shown is rounded, what is decided is not */
    WORKED(&r, "2",
           "min(1; 7.999.999 / 10.000.000) ≈ 0,8 < 0,8: 7.999.999 / 10.000.000 / 0,8 × 2 = 2",
           "min(1, 7999999 / 10000000) ≈ 0.8 < 0.8: 7999999 / 10000000 / 0.8 * 2 = 2",
           number("a", "7999999"), number("b", "10000000"));
    r.below = RULE_BELOW_LITERAL;
    WORKED(&r, "2", "min(1; 3 / 6) = 0,5 < 0,8: 3 / 6 × 2 = 1",
           "min(1, 3 / 6) = 0.5 < 0.8: 3 / 6 * 2 = 1", number("a", "3"), number("b", "6"));
    r.below = RULE_BELOW_ZERO;
    WORKED(&r, "2", "min(1; 3 / 6) = 0,5 < 0,8: 0 = 0", "min(1, 3 / 6) = 0.5 < 0.8: 0 = 0",
           number("a", "3"), number("b", "6"));
    rule_band_t bands[] = {{dec("0.9"), {1, 1}}, {dec("0.7"), {1, 2}}};
    rule_t banded = {.kind = RULE_RATIO,
                     .of = a,
                     .n_of = 1,
                     .over = b,
                     .n_over = 1,
                     .bands = bands,
                     .n_bands = 2};
    WORKED(&banded, "3", "min(1; 3 / 4) = 0,75; >= 0,7: 1/2 × 3 = 1,5",
           "min(1, 3 / 4) = 0.75; >= 0.7: 1/2 * 3 = 1.5", number("a", "3"), number("b", "4"));
    WORKED(&banded, "3", "min(1; 1 / 4) = 0,25; thấp hơn mọi mức: 0 = 0",
           "min(1, 1 / 4) = 0.25; below all: 0 = 0", number("a", "1"), number("b", "4"));
}

static void test_others(void **state)
{
    (void)state;
    rule_t option = {.kind = RULE_OPTIONS, .shares = halves, .n_shares = 3};
    WORKED(&option, "20", "1/2 × 20 = 10", "1/2 * 20 = 10", number("option", "2"));
    rule_t list = {.kind = RULE_CHECKLIST, .shares = halves, .n_shares = 3};
    WORKED(&list, "4", "1/2 × 4 = 2", "1/2 * 4 = 2",
           (rule_input_t){.name = "items", .kind = RULE_ITEMS, .items = 2});
    WORKED(&list, "4", "0 = 0", "0 = 0",
           (rule_input_t){.name = "items", .kind = RULE_ITEMS, .items = 0});
    rule_t percent = {.kind = RULE_PERCENT};
    WORKED(&percent, "5", "87,5 / 100 × 5 = 4,375", "87.5 / 100 * 5 = 4.375", number("p", "87.5"));
    WORKED(&percent, "5", "min(1; 250 / 100) × 5 = 5", "min(1, 250 / 100) * 5 = 5",
           number("p", "250"));
    rule_t count = {.kind = RULE_COUNT, .target = dec("12"), .below = RULE_BELOW_PRORATED};
    const rule_input_t has = {.name = "has", .kind = RULE_FLAG, .flag = true};
    const rule_input_t none = {.name = "has", .kind = RULE_FLAG};
    WORKED(&count, "6", "3 / 12 × 6 = 1,5", "3 / 12 * 6 = 1.5", has, number("n", "3"));
    WORKED(&count, "6", "15 >= 12: 6 = 6", "15 >= 12: 6 = 6", has, number("n", "15"));
    WORKED(&count, "6", "chưa có: 0 = 0", "without it: 0 = 0", none);
    rule_t both[] = {
        {.kind = RULE_RATIO, .max = dec("1"), .of = a, .n_of = 1, .over = b, .n_over = 1},
        {.kind = RULE_PERCENT, .max = dec("2")}};
    rule_t parts = {.kind = RULE_PARTS, .parts = both, .n_parts = 2};
    WORKED(&parts, "3", "[min(1; 1 / 2) × 1] + [50 / 100 × 2] = 1,5",
           "[min(1, 1 / 2) * 1] + [50 / 100 * 2] = 1.5", number("p1.a", "1"), number("p1.b", "2"),
           number("p2.p", "50"));
    both[1].kind = RULE_POINTS; /* given points are told as they are beside what is worked out */
    WORKED(&parts, "3", "[min(1; 1 / 2) × 1] + [1,25] = 1,75",
           "[min(1, 1 / 2) * 1] + [1.25] = 1.75", number("p1.a", "1"), number("p1.b", "2"),
           number("p2.points", "1.25"));
}

/* Nothing is told where nothing is worked out, or something is missing: never a zero. */
static void test_nothing(void **state)
{
    (void)state;
    const rule_input_t one = number("a", "1");
    rule_t rules[] = {{.kind = RULE_POINTS},
                      {.kind = RULE_CHILDREN},
                      {.kind = RULE_PERCENT},
                      {.kind = RULE_COUNT, .target = dec("1")},
                      {.kind = RULE_CHECKLIST, .shares = halves, .n_shares = 3},
                      {.kind = RULE_OPTIONS, .shares = halves, .n_shares = 3},
                      {.kind = RULE_RATIO, .of = a, .n_of = 1, .over = b, .n_over = 1}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        buffer_t out = BUFFER_INIT(4096);
        buffer_append_text(&out, "before");
        assert_false(formula_worked(&rules[i], dec("1"), (rule_inputs_t){&one, 1}, dec("1"),
                                    FORMULA_ENGLISH, &out));
        assert_string_equal(buffer_text(&out), "before");
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ratio), cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_others),
                                       cmocka_unit_test(test_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
