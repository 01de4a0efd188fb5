/* test_breaker.c - a breaker through its whole life, on a clock of the test's own. */
#include "breaker/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const breaker_options_t options = {
    .failures_to_open = 3, .first_wait_ms = 100, .longest_wait_ms = 350};

static breaker_t opened_at(int64_t now)
{
    breaker_t b = breaker_new(&options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(breaker_state(&b, now), BREAKER_CLOSED);
        assert_true(breaker_take(&b, now));
        breaker_bad(&b, now, -1);
    }
    assert_int_equal(breaker_state(&b, now), BREAKER_OPEN);
    return b;
}

static void test_defaults(void **state)
{
    (void)state;
    breaker_t b = breaker_new(NULL);
    assert_int_equal(b.options.failures_to_open, 5);
    assert_int_equal(b.options.first_wait_ms, 30000);
    assert_int_equal(b.options.longest_wait_ms, 3600000);
    b = breaker_new(&(breaker_options_t){.first_wait_ms = 10, .longest_wait_ms = 5});
    assert_int_equal(b.options.longest_wait_ms, 10);
}

static void test_only_failures_in_a_row(void **state)
{
    (void)state;
    breaker_t b = breaker_new(&options);
    for (int i = 0; i < 20; i++) {
        assert_true(breaker_take(&b, i));
        if (i % 3 == 2) {
            breaker_good(&b);
        } else {
            breaker_bad(&b, i, -1);
        }
    }
    assert_int_equal(breaker_state(&b, 20), BREAKER_CLOSED);
    assert_int_equal(breaker_wait(&b, 20), 0);
}

static void test_one_probe(void **state)
{
    (void)state;
    breaker_t b = opened_at(1000);
    assert_false(breaker_take(&b, 1000));
    assert_int_equal(breaker_wait(&b, 1040), 60);
    assert_false(breaker_take(&b, 1099));
    assert_int_equal(breaker_state(&b, 1100), BREAKER_HALF_OPEN);
    assert_int_equal(breaker_wait(&b, 1100), 0);
    assert_true(breaker_take(&b, 1100));
    assert_false(breaker_take(&b, 1100)); /* until the first has ended */
    assert_false(breaker_take(&b, 999999));
    assert_true(breaker_wait(&b, 1100) == INT64_MAX);
    breaker_unknown(&b);
    assert_true(breaker_take(&b, 1101)); /* another instead of it */
    breaker_good(&b);
    assert_int_equal(breaker_state(&b, 1101), BREAKER_CLOSED);
    assert_true(breaker_take(&b, 1101));
    assert_true(breaker_take(&b, 1101));
    breaker_bad(&b, 1101, -1); /* counts from 0 again */
    assert_int_equal(breaker_state(&b, 1101), BREAKER_CLOSED);
}

static void test_growing_waits(void **state)
{
    (void)state;
    static const int64_t waits[] = {200, 350, 350, 350};
    breaker_t b = opened_at(0);
    int64_t now = 100;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_true(breaker_take(&b, now));
        breaker_bad(&b, now, -1);
        assert_int_equal(breaker_wait(&b, now), waits[i]);
        now += waits[i];
    }
    assert_true(breaker_take(&b, now));
    breaker_good(&b);
    for (int i = 0; i < 3; i++) {
        breaker_bad(&b, now, -1);
    }
    assert_int_equal(breaker_wait(&b, now), 100); /* the next opening begins small again */
}

static void test_late_failures(void **state)
{
    (void)state;
    breaker_t b = opened_at(0);
    breaker_bad(&b, 50, -1); /* begun while it was closed */
    assert_int_equal(breaker_wait(&b, 50), 50);
    breaker_bad(&b, 100, -1); /* half-open, but no probe */
    assert_int_equal(breaker_state(&b, 100), BREAKER_HALF_OPEN);
    assert_true(breaker_take(&b, 100));
}

static void test_told(void **state)
{
    (void)state;
    breaker_t b = breaker_new(&options);
    breaker_bad(&b, 0, 70); /* Retry-After: at the first failure */
    assert_int_equal(breaker_wait(&b, 0), 70);
    assert_true(breaker_take(&b, 70));
    breaker_bad(&b, 70, 300); /* longer than the doubled wait */
    assert_int_equal(breaker_wait(&b, 70), 300);
    assert_true(breaker_take(&b, 370));
    breaker_bad(&b, 370, 1000000);
    assert_int_equal(breaker_wait(&b, 370), 350); /* never longer than the longest */
    b = breaker_new(&options);
    breaker_bad(&b, 0, 0);
    assert_int_equal(breaker_state(&b, 0), BREAKER_CLOSED);
}

static void test_clock_set_back(void **state)
{
    (void)state;
    breaker_t b = opened_at(1000000);
    assert_int_equal(breaker_wait(&b, 5000), 100); /* not 995,100 */
    assert_false(breaker_take(&b, 5000));
    assert_false(breaker_take(&b, 5099));
    assert_true(breaker_take(&b, 5100));
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(breaker_state_text(BREAKER_CLOSED), "closed");
    assert_string_equal(breaker_state_text(BREAKER_OPEN), "open");
    assert_string_equal(breaker_state_text(BREAKER_HALF_OPEN), "half-open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_only_failures_in_a_row),
        cmocka_unit_test(test_one_probe),      cmocka_unit_test(test_growing_waits),
        cmocka_unit_test(test_late_failures),  cmocka_unit_test(test_told),
        cmocka_unit_test(test_clock_set_back), cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
