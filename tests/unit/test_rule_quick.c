/* test_rule_quick.c - the quick way of a rule gives what the rationals give, to the last digit, or
 * says that it does not know. */
#include "rule/quick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t seed = 7;

static uint64_t dice(uint64_t bound)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (seed >> 31) % bound;
}

/* Small and huge, whole and broken, zero and now and then negative. */
static decimal_t number(void)
{
    static const uint64_t bounds[] = {3, 50, 1000, 1000000, 1000000000, 1000000000000};
    __int128 micro = (__int128)dice(bounds[dice(6)]);
    switch (dice(4)) {
    case 0:
        micro = micro * 1000000000000 + (__int128)dice(1000000);
        break;
    case 1:
        micro += 1;
        break;
    default:
        micro *= 1000000;
        break;
    }
    return (decimal_t){.micro = dice(40) == 0 ? -micro : micro};
}

static rule_t random_rule(rule_term_t terms[4])
{
    rule_t rule = {.kind = dice(8) == 0 ? RULE_POINTS : RULE_RATIO, .of = terms, .over = terms + 2};
    static const char *const names[] = {"a", "c", "b", "d"};
    for (unsigned i = 0; i < 4; i++) {
        terms[i] = (rule_term_t){names[i], {1, dice(30) == 0 ? 2 : 1}};
    }
    rule.n_of = 1 + (unsigned)dice(2);
    rule.n_over = (unsigned)dice(3);
    rule.constant = rule.n_over == 0 ? decimal_of(1 + (int64_t)dice(10)) : DECIMAL_ZERO;
    rule.subset = dice(2) == 0;
    rule.has_target = dice(2) == 0;
    rule.target = (decimal_t){.micro = 1 + (__int128)dice(1000000)};
    rule.below = rule.has_target ? (rule_below_t)(RULE_BELOW_ZERO + dice(3)) : RULE_BELOW_NONE;
    rule.has_floor = dice(4) == 0;
    rule.floor = (decimal_t){.micro = (__int128)dice(1000000)};
    return rule;
}

static void test_same(void **state)
{
    (void)state;
    unsigned known = 0;
    for (unsigned i = 0; i < 300000; i++) {
        rule_term_t terms[4];
        rule_t rule = random_rule(terms);
        rule_input_t list[5];
        size_t n = 0;
        static const char *const names[] = {"points", "a", "b", "c", "d"};
        for (unsigned k = 0; k < 5; k++) {
            if (dice(40) != 0) {
                list[n++] = (rule_input_t){.name = names[k],
                                           .kind = dice(60) == 0 ? RULE_UNREADABLE : RULE_NUMBER,
                                           .number = number()};
            }
        }
        if (dice(4) == 0 && n > 2) { /* exactly at the threshold */
            list[1].number = (decimal_t){.micro = rule.target.micro * 7};
            list[2].number = decimal_of(7);
        }
        decimal_t max = dice(3) == 0 ? number() : decimal_of(1 + (int64_t)dice(100));
        max.micro = max.micro < 0 ? -max.micro : max.micro;
        rule_result_t quick;
        if (!quick_evaluate(&rule, max, (rule_inputs_t){list, n}, &quick)) {
            continue;
        }
        known++;
        rule_result_t slow = rule_evaluate_slowly(&rule, max, (rule_inputs_t){list, n}, NULL);
        assert_int_equal(quick.status, slow.status);
        assert_int_equal(quick.flags, slow.flags);
        assert_true(quick.points.micro == slow.points.micro);
    }
    assert_true(known > 150000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
