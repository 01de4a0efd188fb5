/* test_period.c - the three canonical forms, and which period a moment in Vietnam lies in. */
#include "period/period.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        period_t want;
    } good[] = {
        {"2025", {PERIOD_YEAR, 2025, 0}},       {"1990", {PERIOD_YEAR, 1990, 0}},
        {"2199", {PERIOD_YEAR, 2199, 0}},       {"2025-Q1", {PERIOD_QUARTER, 2025, 1}},
        {"2025-Q4", {PERIOD_QUARTER, 2025, 4}}, {"2025-01", {PERIOD_MONTH, 2025, 1}},
        {"2025-10", {PERIOD_MONTH, 2025, 10}},  {"2025-12", {PERIOD_MONTH, 2025, 12}},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        period_t p;
        char text[PERIOD_TEXT_SIZE];
        assert_int_equal(period_parse(good[i].text, &p), 0);
        assert_int_equal(p.kind, good[i].want.kind);
        assert_int_equal(p.year, good[i].want.year);
        assert_int_equal(p.number, good[i].want.number);
        assert_string_equal(period_format(p, text), good[i].text);
    }
    static const char *const bad[] = {
        "",        "2",       "202",      "20255",   "1989",      "2200",     "2025-",
        "2025-1",  "2025-00", "2025-13",  "2025-1 ", "2025-001",  "2025-Q",   "2025-Q0",
        "2025-Q5", "2025-q1", "2025-Q12", "2025-QQ", "2025Q1",    "2025/10",  "25-10",
        " 2025",   "2025 ",   "-2025",    "+2025",   "2025-10-1", "2025-1O",  "2025-Q1 ",
        "2025--1", "2025-+1", "２０２５", "2025-0x", "2025.10",   "2025-10\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        period_t p = {PERIOD_MONTH, 7, 7};
        if (period_parse(bad[i], &p) != CHISO_E_SYNTAX) {
            fail_msg("'%s' was taken", bad[i]);
        }
        assert_int_equal(p.year, 7); /* untouched */
    }
}

#define HOUR 3600000LL

static void at(period_kind_t kind, int64_t ms, int back, const char *want)
{
    char text[PERIOD_TEXT_SIZE];
    assert_string_equal(period_format(period_at(kind, ms, back), text), want);
}

static void test_at(void **state)
{
    (void)state;
    int64_t new_year = 1767200400000; /* 2026-01-01T00:00:00+07:00 */
    at(PERIOD_YEAR, new_year, 0, "2026");
    at(PERIOD_YEAR, new_year - 1, 0, "2025"); /* though UTC is at 17:00 of the day before */
    at(PERIOD_MONTH, new_year, 0, "2026-01");
    at(PERIOD_MONTH, new_year - 1, 0, "2025-12");
    at(PERIOD_QUARTER, new_year, 0, "2026-Q1");
    at(PERIOD_QUARTER, new_year - 1, 0, "2025-Q4");
    at(PERIOD_YEAR, new_year + 7 * HOUR - 1, 0, "2026");
    at(PERIOD_MONTH, new_year, 1, "2025-12");
    at(PERIOD_MONTH, new_year, 12, "2025-01");
    at(PERIOD_MONTH, new_year, 13, "2024-12");
    at(PERIOD_QUARTER, new_year, 1, "2025-Q4");
    at(PERIOD_QUARTER, new_year, 4, "2025-Q1");
    at(PERIOD_QUARTER, new_year, 5, "2024-Q4");
    at(PERIOD_YEAR, new_year, 3, "2023");
    at(PERIOD_MONTH, new_year, -1, "2026-02"); /* ahead */
}

/* Every month of ten years, at its first and last millisecond. */
static void test_every_month(void **state)
{
    (void)state;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t ms = 1577811600000; /* 2020-01-01T00:00:00+07:00 */
    for (int year = 2020; year < 2030; year++) {
        for (int month = 1; month <= 12; month++) {
            char want[PERIOD_TEXT_SIZE * 2];
            int n = days[month - 1] + (month == 2 && year % 4 == 0 ? 1 : 0);
            int64_t last = ms + n * 24 * HOUR - 1;
            snprintf(want, sizeof want, "%d-%02d", year, month);
            at(PERIOD_MONTH, ms, 0, want);
            at(PERIOD_MONTH, last, 0, want);
            snprintf(want, sizeof want, "%d-Q%d", year, (month + 2) / 3);
            at(PERIOD_QUARTER, ms, 0, want);
            at(PERIOD_QUARTER, last, 0, want);
            snprintf(want, sizeof want, "%d", year);
            at(PERIOD_YEAR, ms, 0, want);
            ms = last + 1;
        }
    }
}

static void test_days(void **state)
{
    (void)state;
    static const char *const good[] = {"2025-07-01", "2024-02-29", "2000-02-29", "2025-12-31",
                                       "1990-01-01"};
    static const char *const bad[] = {"",           "2025",        "2025-07",    "2025-02-29",
                                      "2100-02-29", "2025-04-31",  "2025-00-01", "2025-13-01",
                                      "2025-07-00", "2025-07-32",  "2025-7-01",  "2025-07-1",
                                      "2025/07/01", "2025-07-01 ", "2025-07-0x", "2025-Q3-01",
                                      "01-07-2025", "2025-07-011", "1989-01-01", "2025-07/01"};
    static const char *const last[][2] = {
        {"2025", "2025-12-31"},    {"2025-Q1", "2025-03-31"}, {"2025-Q2", "2025-06-30"},
        {"2025-Q4", "2025-12-31"}, {"2024-02", "2024-02-29"}, {"2025-02", "2025-02-28"},
        {"2100-02", "2100-02-28"}, {"2000-02", "2000-02-29"}, {"2025-11", "2025-11-30"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(period_is_day(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(period_is_day(bad[i]));
    }
    for (size_t i = 0; i < sizeof last / sizeof last[0]; i++) {
        period_t p;
        char day[PERIOD_DAY_SIZE];
        assert_int_equal(period_parse(last[i][0], &p), 0);
        assert_string_equal(period_last_day(p, day), last[i][1]);
        assert_true(period_is_day(day));
    }
    char day[PERIOD_DAY_SIZE];
    assert_string_equal(period_day_at(1751302799999, day), "2025-06-30"); /* 23:59:59.999 */
    assert_string_equal(period_day_at(1751302800000, day), "2025-07-01"); /* at midnight there */
}

static void test_parts(void **state)
{
    (void)state;
    static const struct {
        const char *whole;
        period_kind_t kind;
        unsigned n;
        const char *first, *last;
    } cases[] = {
        {"2024", PERIOD_MONTH, 12, "2024-01", "2024-12"},
        {"2024", PERIOD_QUARTER, 4, "2024-Q1", "2024-Q4"},
        {"2024-Q1", PERIOD_MONTH, 3, "2024-01", "2024-03"},
        {"2024-Q4", PERIOD_MONTH, 3, "2024-10", "2024-12"},
        {"2024", PERIOD_YEAR, 0, NULL, NULL},
        {"2024-Q1", PERIOD_QUARTER, 0, NULL, NULL},
        {"2024-Q1", PERIOD_YEAR, 0, NULL, NULL},
        {"2024-05", PERIOD_MONTH, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        period_t whole;
        char text[PERIOD_TEXT_SIZE];
        assert_int_equal(period_parse(cases[i].whole, &whole), 0);
        unsigned n = period_parts(whole, cases[i].kind);
        assert_int_equal(n, cases[i].n);
        if (n > 0) {
            period_format(period_part(whole, cases[i].kind, 0), text);
            assert_string_equal(text, cases[i].first);
            period_format(period_part(whole, cases[i].kind, n - 1), text);
            assert_string_equal(text, cases[i].last);
        }
    }
}

static void test_end(void **state)
{
    (void)state;
    static const struct {
        const char *period, *kind;
        int64_t end;
    } cases[] = {{"2024", "year", 1735664400000}, /* 1 January 2025, 00:00 in Vietnam */
                 {"2024-12", "month", 1735664400000},
                 {"2024-Q4", "quarter", 1735664400000},
                 {"2024-02", "month", 1709226000000}, /* 29 days */
                 {"2024-Q1", "quarter", 1711904400000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        period_t p;
        assert_int_equal(period_parse(cases[i].period, &p), 0);
        assert_true(period_end(p) == cases[i].end);
        assert_string_equal(period_kind_name(p.kind), cases[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),       cmocka_unit_test(test_at),
        cmocka_unit_test(test_every_month), cmocka_unit_test(test_days),
        cmocka_unit_test(test_parts),       cmocka_unit_test(test_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
