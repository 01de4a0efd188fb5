/* test_extract_field.c - numbers and dates as the sources write them, and never as they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "extract/field.h"

#include "base/error.h"

static void number(const char *text, field_number_t format, const char *expected)
{
    decimal_t value = decimal_of(-77);
    char got[DECIMAL_TEXT_SIZE];
    int rc = field_number(text, format, decimal_of(1), &value);
    if (expected == NULL) {
        if (rc != CHISO_E_SYNTAX) {
            fail_msg("\"%s\" in format %d: %d", text, (int)format, rc);
        }
        assert_int_equal(decimal_compare(value, decimal_of(-77)), 0); /* untouched */
    } else if (rc != 0 || strcmp(decimal_format(value, got), expected) != 0) {
        fail_msg("\"%s\" in format %d: %d, %s", text, (int)format, rc, rc == 0 ? got : "");
    }
}

static void test_trap_12_plain(void **state)
{
    (void)state;
    number("91.7", FIELD_PLAIN, "91.7");
    number("10", FIELD_PLAIN, "10");
    number("0", FIELD_PLAIN, "0"); /* trap 27: a genuine zero is a figure */
    number("-0.50", FIELD_PLAIN, "-0.5");
    number("85.5%", FIELD_PLAIN, "85.5");
    number(" 85.5 % ", FIELD_PLAIN, "85.5");
    number("1.0674E6", FIELD_PLAIN, "1067400");
    number("1.0E7", FIELD_PLAIN, "10000000");
    number("1.1546e+1", FIELD_PLAIN, "11.546");
    number("125E-2", FIELD_PLAIN, "1.25");
    number("125E-3", FIELD_PLAIN, "0.125");
    number("-125e-5", FIELD_PLAIN, "-0.00125");
    number("0E0", FIELD_PLAIN, "0");
    static const char *const bad[] = {"",      " ",     "%",     "-",   ".",         "91,7", "1.",
                                      ".5",    "1.2.3", "+1",    "--1", "1e",        "1e+",  "e5",
                                      "1e5.0", "0x10",  "1 000", "1-2", "91.7 điểm", "１"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        number(bad[i], FIELD_PLAIN, NULL);
    }
}

static void test_trap_13_decimal_comma(void **state)
{
    (void)state;
    number("91,7", FIELD_VIETNAMESE, "91.7");
    number("97,6%", FIELD_VIETNAMESE, "97.6");
    number("10.000.000.000", FIELD_VIETNAMESE, "10000000000");
    number("1.250", FIELD_VIETNAMESE, "1250");
    number("1250,75", FIELD_VIETNAMESE, "1250.75");
    number("-1.234.567,89", FIELD_VIETNAMESE, "-1234567.89");
    static const char *const bad[] = {"91.7",     "1.25", "1.2500",  "12.34.567",
                                      "1234.567", ".123", "1.123.",  "1,2,3",
                                      "1,",       ",5",   "1,250.5", "1..250"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        number(bad[i], FIELD_VIETNAMESE, NULL);
    }
    number("1,234.5", FIELD_ENGLISH, "1234.5");
    number("91.7", FIELD_ENGLISH, "91.7");
    number("91,7", FIELD_ENGLISH, NULL);
    number("1.234,5", FIELD_ENGLISH, NULL);
}

static void test_trap_13_raw_of_max(void **state)
{
    (void)state;
    number("17,5/18", FIELD_RAW_OF_MAX, "17.5");
    number("17.5 / 18", FIELD_RAW_OF_MAX, "17.5");
    number("0/18", FIELD_RAW_OF_MAX, "0");
    number("18/18", FIELD_RAW_OF_MAX, "18");
    number("1.250,5/2000", FIELD_RAW_OF_MAX, "1250.5");
    static const char *const bad[] = {"17,5", "/18",      "17/",        "17/0",   "a/18",
                                      "17/b", "17/18/19", "1.250/2000", "NaN/18", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        number(bad[i], FIELD_RAW_OF_MAX, NULL);
    }
}

static void test_trap_22_not_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"null", "NaN", "Infinity",  "-Infinity", "-",
                                      "..",   "N/A", "undefined", "None"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (int format = FIELD_PLAIN; format <= FIELD_YES_NO; format++) {
            number(bad[i], (field_number_t)format, NULL);
        }
    }
}

static void test_yes_and_no(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "TRUE", "1", "yes", "có", "Có", "CÓ"};
    static const char *const no[] = {"false", "0", "No", "không", "Không", "KHÔNG"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        number(yes[i], FIELD_YES_NO, "1");
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        number(no[i], FIELD_YES_NO, "0");
    }
    number("co", FIELD_YES_NO, NULL);
    number("2", FIELD_YES_NO, NULL);
    number("", FIELD_YES_NO, NULL);
}

static void test_scale_is_exact_or_refused(void **state)
{
    (void)state;
    decimal_t value, scale, out;
    char text[DECIMAL_TEXT_SIZE];
    assert_int_equal(decimal_parse("0.01", 4, &scale), 0);
    assert_int_equal(field_number("85,5%", FIELD_VIETNAMESE, scale, &value), 0);
    assert_string_equal(decimal_format(value, text), "0.855");
    assert_int_equal(field_number("0.7955", FIELD_PLAIN, decimal_of(100), &value), 0);
    assert_string_equal(decimal_format(value, text), "79.55");
    out = decimal_of(5);
    assert_int_equal(field_number("0.0001", FIELD_PLAIN, scale, &out), 0);
    assert_int_equal(decimal_parse("0.001", 5, &scale), 0);
    out = decimal_of(5);
    assert_int_equal(field_number("0.00001", FIELD_PLAIN, scale, &out), CHISO_E_RANGE);
    assert_int_equal(decimal_compare(out, decimal_of(5)), 0);
    static const char *const large[] = {"1234567890123456789", "1e18",      "1e61",
                                        "1e99999999999",       "0.0000001", "1e-7"};
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        assert_int_equal(field_number(large[i], FIELD_PLAIN, decimal_of(1), &out), CHISO_E_RANGE);
    }
    char endless[300];
    memset(endless, '9', sizeof endless);
    endless[299] = '\0';
    assert_int_equal(field_number(endless, FIELD_PLAIN, decimal_of(1), &out), CHISO_E_SYNTAX);
    endless[200] = '\0';
    assert_int_equal(field_number(endless, FIELD_PLAIN, decimal_of(1), &out), CHISO_E_RANGE);
}

static void test_names_of_formats(void **state)
{
    (void)state;
    assert_int_equal(field_number_of("plain"), FIELD_PLAIN);
    assert_int_equal(field_number_of("vietnamese"), FIELD_VIETNAMESE);
    assert_int_equal(field_number_of("english"), FIELD_ENGLISH);
    assert_int_equal(field_number_of("raw-of-max"), FIELD_RAW_OF_MAX);
    assert_int_equal(field_number_of("yes-no"), FIELD_YES_NO);
    assert_int_equal(field_number_of(""), 0);
    assert_int_equal(field_number_of("float"), 0);
}

#define BAD INT64_MIN

static void date(const char *text, const char *format, int64_t expected)
{
    int64_t ms = -1;
    int rc = field_date(text, format, &ms);
    if (expected == BAD ? rc != CHISO_E_SYNTAX || ms != -1 : rc != 0 || ms != expected) {
        fail_msg("\"%s\" as %s: %d, %lld", text, format, rc, (long long)ms);
    }
}

static void test_trap_14_dates(void **state)
{
    (void)state;
    date("09-12-2025", "dd-MM-yyyy", 1765213200000); /* the public-service portal */
    date("14/07/2021", "dd/MM/yyyy", 1626195600000); /* tinnhiemmang, the statistical office */
    date("2021-07-14", "yyyy-MM-dd", 1626195600000); /* filterObj */
    date("2025-10-11T00:00:00.000Z", "iso", 1760140800000); /* the one-stop back ends: both */
    date("2025-10-11T00:00:00.0Z", "iso", 1760140800000);
    date("2025-10-11T00:00:00Z", "iso", 1760140800000);
    date("2025-10-11T07:00:00.123456789+07:00", "iso", 1760140800123);
    date("2025-10-11 07:00+0700", "iso", 1760140800000);
    date("2025-10-11", "iso", 1760115600000);
    date("1760140800123", "epoch-ms", 1760140800123);
    date("1/7/2025", "d/M/yyyy", 1751302800000);
    date("01/07/2025", "d/M/yyyy", 1751302800000);
    date("11/10/2025 20:51:30", "dd/MM/yyyy HH:mm:ss", 1760190690000);
    date("2025-10-11T20:51", "yyyy-MM-ddTHH:mm", 1760190660000);
    date("29/02/2024", "dd/MM/yyyy", 1709139600000);
    date("01/01/1900", "dd/MM/yyyy", -2209014000000);
    date("31/12/2199", "dd/MM/yyyy", 7258006800000);
}

static void test_dates_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *format;
    } bad[] = {
        {"29/02/2025", "dd/MM/yyyy"},
        {"29/02/2100", "dd/MM/yyyy"},
        {"31/04/2025", "dd/MM/yyyy"},
        {"00/01/2025", "dd/MM/yyyy"},
        {"01/13/2025", "dd/MM/yyyy"},
        {"1/1/2025", "dd/MM/yyyy"},
        {"01-01-2025", "dd/MM/yyyy"},
        {"01/01/25", "dd/MM/yyyy"},
        {"01/01/20255", "dd/MM/yyyy"},
        {"01/01/1899", "dd/MM/yyyy"},
        {"", "dd/MM/yyyy"},
        {"null", "dd/MM/yyyy"},
        {"2025-10-11T00:00:00", "iso"},
        {"2025-10-11T00:00Z ", "iso"},
        {"2025-10-11T24:00Z", "iso"},
        {"2025-10-11T00:60Z", "iso"},
        {"2025-10-11T00:00:60Z", "iso"},
        {"2025-1-1", "iso"},
        {"2025-10-11T00:00:00.1234567890Z", "iso"},
        {"2025-10-11T", "iso"},
        {"2025-10-11Z", "iso"},
        {"2025-10-11T00:00+25:00", "iso"},
        {"2025", "iso"},
        {"2025-", "iso"},
        {"2025-10-", "iso"},
        {"", "iso"},
        {"", "epoch-ms"},
        {"-1", "epoch-ms"},
        {"1.7E12", "epoch-ms"},
        {"99999999999999", "epoch-ms"},
        {"99999999999999999999", "epoch-ms"},
        {"01/01/2025 24:00", "dd/MM/yyyy HH:mm"},
        {"01/01/2025", "dd/MM/yyyy HH:mm"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        date(bad[i].text, bad[i].format, BAD);
    }
}

static void test_formats_of_dates(void **state)
{
    (void)state;
    static const char *const good[] = {"iso",      "epoch-ms", "dd-MM-yyyy",
                                       "d.M.yyyy", "yyyyMMdd", "yyyy-MM-ddTHH:mm:ss"};
    static const char *const bad[] = {"",
                                      "dd-MM",
                                      "yyyy",
                                      "dd-MM-yy",
                                      "dd-MM-yyyy HH",
                                      "dd-MM-yyyy mm",
                                      "dd-MM-yyyy mm:ss",
                                      "dd/dd/yyyy",
                                      "dMyyyy",
                                      "DD-MM-yyyy",
                                      "%d-%m-%Y",
                                      "dd-MM-yyyy hh:mm",
                                      "ISO",
                                      "dd-MM-yyyy-dd"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(field_date_check(good[i]), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (field_date_check(bad[i]) != CHISO_E_SYNTAX) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    date("20251011", "yyyyMMdd", 1760115600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trap_12_plain),
        cmocka_unit_test(test_trap_13_decimal_comma),
        cmocka_unit_test(test_trap_13_raw_of_max),
        cmocka_unit_test(test_trap_22_not_numbers),
        cmocka_unit_test(test_yes_and_no),
        cmocka_unit_test(test_scale_is_exact_or_refused),
        cmocka_unit_test(test_names_of_formats),
        cmocka_unit_test(test_trap_14_dates),
        cmocka_unit_test(test_dates_that_are_none),
        cmocka_unit_test(test_formats_of_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
