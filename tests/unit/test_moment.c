/* test_moment.c - days and moments of addresses, in Vietnam's time. */
#include "period/moment.h"

#include "base/clock.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text, *utc;
    } good[] = {
        {"2025-10-12", "2025-10-12T16:59:59.999Z"},
        {"2024-02-29", "2024-02-29T16:59:59.999Z"},
        {"1990-01-01", "1990-01-01T16:59:59.999Z"},
        {"2199-12-31", "2199-12-31T16:59:59.999Z"},
        {"2100-03-01", "2100-03-01T16:59:59.999Z"},
        {"2025-10-12T00:00", "2025-10-11T17:00:00.000Z"},
        {"2025-10-12T08:30:05", "2025-10-12T01:30:05.000Z"},
        {"2025-10-12T08:30:05Z", "2025-10-12T08:30:05.000Z"},
        {"2025-10-12T08:30:05.2Z", "2025-10-12T08:30:05.200Z"},
        {"2025-10-12T08:30:05.257Z", "2025-10-12T08:30:05.257Z"},
        {"2025-10-12T08:30:05.2579Z", "2025-10-12T08:30:05.257Z"},
        {"2025-10-12T08:30+07:00", "2025-10-12T01:30:00.000Z"},
        {"2025-10-12T08:30 07:00", "2025-10-12T01:30:00.000Z"},
        {"2025-10-12T23:30:00-04:30", "2025-10-13T04:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t at = 0;
        char text[CLOCK_ISO_SIZE];
        assert_int_equal(moment_parse(good[i].text, &at), 0);
        assert_string_equal(clock_iso(at, text), good[i].utc);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2025",
        "2025-10",
        "2025-13-01",
        "2025-00-01",
        "2025-02-29",
        "2100-02-29",
        "2025-04-31",
        "1989-12-31",
        "2200-01-01",
        "2025-10-12T",
        "2025-10-12T8:30",
        "2025-10-12T24:00",
        "2025-10-12T08:60",
        "2025-10-12T08:30:60",
        "2025-10-12T08:30:05.",
        "2025-10-12T08:30:05.x",
        "2025-10-12T08:30z",
        "2025-10-12T08:30+7",
        "2025-10-12T08:30+0700",
        "2025-10-12T08:30+15:00",
        "2025-10-12 08:30",
        " 2025-10-12",
        "2025-10-12 ",
        "12/10/2025",
        "2025-1O-12",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t at = 7;
        assert_int_equal(moment_parse(bad[i], &at), CHISO_E_SYNTAX);
        assert_int_equal(at, 7);
    }
}

static void test_days(void **state)
{
    (void)state;
    char text[MOMENT_DAY_SIZE];
    int64_t at;
    assert_int_equal(moment_parse("2025-10-11T16:59:59.999Z", &at), 0);
    assert_string_equal(moment_day(at, text), "2025-10-11");
    assert_string_equal(moment_day(at + 1, text), "2025-10-12");
    assert_string_equal(moment_day_vi(at + 1, text), "12/10/2025");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
