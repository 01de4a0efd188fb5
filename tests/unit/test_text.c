/* test_text.c - NFC is compared with libutf8proc's own normaliser, which text.c does not use as a
 * whole: for every code point, and for random heaps of marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include "base/error.h"
#include "text/text.h"

#define NBSP "\xC2\xA0"
#define IDEOGRAPHIC_SPACE "\xE3\x80\x80"
#define NARROW_NBSP "\xE2\x80\xAF"
#define LINE_SEPARATOR "\xE2\x80\xA8"
#define GRAVE "\xCC\x80"
#define ACUTE "\xCC\x81"
#define CIRCUMFLEX "\xCC\x82"
#define HORN "\xCC\x9B"
#define DOT_BELOW "\xCC\xA3"

#define LAST_POINT 0x10FFFF
#define PLENTY 4096

typedef int (*reform_t)(const char *text, size_t len, size_t max, char **out);

static void becomes(reform_t reform, const char *text, const char *expected)
{
    char *out = NULL;
    int rc = reform(text, strlen(text), PLENTY, &out);
    if (rc != 0) {
        fail_msg("\"%s\": %d", text, rc);
    }
    assert_string_equal(out, expected);
    assert_true(text_is_nfc(out, strlen(out)));
    char *again = NULL;
    assert_int_equal(reform(out, strlen(out), strlen(out), &again), 0);
    assert_string_equal(again, out);
    free(again);
    free(out);
}

static void refused(reform_t reform, const char *text, size_t len, size_t max, int code)
{
    char untouched = 'x';
    char *out = &untouched;
    assert_int_equal(reform(text, len, max, &out), code);
    assert_ptr_equal(out, &untouched);
}

static void test_clean(void **state)
{
    (void)state;
    static const char *const clean[] = {"",
                                        "Long Phú",
                                        "a\tb\r\nc",
                                        "đồng",
                                        "\xF4\x8F\xBF\xBF",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xEF\xBF\xBD",
                                        "\xF0\x9F\x98\x80",
                                        NBSP,
                                        "~"};
    static const char *const unclean[] = {
        "\xC0\xAF",         /* overlong / in two bytes */
        "\xC1\xBF",         /* overlong DEL */
        "\xE0\x80\xAF",     /* overlong / in three */
        "\xE0\x9F\xBF",     /* overlong U+07FF */
        "\xF0\x80\x80\xAF", /* overlong / in four */
        "\xF0\x8F\xBF\xBF", /* overlong U+FFFF */
        "\xED\xA0\x80",     /* surrogates */
        "\xED\xBF\xBF",
        "\xF4\x90\x80\x80", /* past U+10FFFF */
        "\xF5\x80\x80\x80",
        "\xF8\x88\x80\x80\x80",
        "\xFF",
        "\x80",
        "a\xC3",
        "\xE2\x82",
        "\xF0\x9F\x98",
        "\xC3(",
        "\xE2\x82(",
        "\x01",
        "a\x1B[31m",
        "\x7F",
        "\xC2\x80",
        "\xC2\x85", /* NEL: white space to Unicode, but a control character */
        "\xC2\x9B",
        "\x0B",
        "\x0C",
    };
    for (size_t i = 0; i < sizeof(clean) / sizeof(clean[0]); i++) {
        assert_true(text_is_clean(clean[i], strlen(clean[i])));
    }
    for (size_t i = 0; i < sizeof(unclean) / sizeof(unclean[0]); i++) {
        if (text_is_clean(unclean[i], strlen(unclean[i]))) {
            fail_msg("case %zu is taken for clean", i);
        }
        assert_false(text_is_nfc(unclean[i], strlen(unclean[i])));
        refused(text_normalise, unclean[i], strlen(unclean[i]), PLENTY, CHISO_E_SYNTAX);
        refused(text_fold, unclean[i], strlen(unclean[i]), PLENTY, CHISO_E_SYNTAX);
    }
    assert_false(text_is_clean("a\0b", 3));
    assert_false(text_is_clean("", 1));
    assert_true(text_is_clean(NULL, 0));
    assert_false(text_is_clean("Phú", 3)); /* the text ends inside ú */
}

static void test_is_nfc(void **state)
{
    (void)state;
    assert_true(text_is_nfc("Xã Long Phú", strlen("Xã Long Phú")));
    assert_true(text_is_nfc("", 0));
    assert_true(text_is_nfc(NULL, 0));
    assert_true(text_is_nfc("  two  spaces ", 14)); /* white space is no matter of NFC */
    assert_false(text_is_nfc("Phu" ACUTE, 5));
    assert_false(text_is_nfc("\xE2\x84\xAB", 3));      /* angstrom sign */
    assert_false(text_is_nfc("x" ACUTE DOT_BELOW, 5)); /* marks out of order */
    assert_true(text_is_nfc("x" DOT_BELOW ACUTE, 5));
    assert_true(text_is_nfc(ACUTE "a", 3)); /* a mark at the head has nothing to join */
}

static void test_normalise(void **state)
{
    (void)state;
    becomes(text_normalise, "Long Phu" ACUTE, "Long Phú");
    becomes(text_normalise, "Long Phú", "Long Phú");
    becomes(text_normalise, "e" CIRCUMFLEX ACUTE, "ế");
    becomes(text_normalise, "e" DOT_BELOW CIRCUMFLEX, "ệ");
    becomes(text_normalise, "e" CIRCUMFLEX DOT_BELOW, "ệ");
    becomes(text_normalise, "ê" DOT_BELOW, "ệ");
    becomes(text_normalise, "u" HORN GRAVE, "ừ");
    becomes(text_normalise, "U" GRAVE HORN, "Ừ");
    becomes(text_normalise, "\xE2\x84\xAB", "Å");
    becomes(text_normalise, "\xEA\xB0\x80", "\xEA\xB0\x80"); /* Hangul comes back together */
    becomes(text_normalise, "Đồng Tháp", "Đồng Tháp");
}

static void test_white_space(void **state)
{
    (void)state;
    becomes(text_normalise, "", "");
    becomes(text_normalise, " \t\r\n" NBSP, "");
    becomes(text_normalise, "Long  Phú", "Long Phú");
    becomes(text_normalise, "  Long Phú  ", "Long Phú");
    becomes(text_normalise, NBSP "Long" NBSP "Phú" NBSP, "Long Phú");
    becomes(text_normalise, "a" NBSP " " NARROW_NBSP IDEOGRAPHIC_SPACE LINE_SEPARATOR "b", "a b");
    becomes(text_normalise, "a\r\nb\tc", "a b c");
    becomes(text_normalise, " " ACUTE "a", ACUTE "a");
    becomes(text_normalise, "a " ACUTE "b", "a " ACUTE "b");
    /* U+200B is no white space to Unicode; it stays. */
    becomes(text_normalise,
            "a\xE2\x80\x8B"
            "b",
            "a\xE2\x80\x8B"
            "b");
}

static void test_fold(void **state)
{
    (void)state;
    becomes(text_fold, "Xã Long Phú", "xa long phu");
    becomes(text_fold, "ĐỒNG THÁP", "dong thap");
    becomes(text_fold, "đường Đ", "duong d");
    becomes(text_fold, "Ðà Nẵng", "da nang"); /* that is U+00D0, eth */
    becomes(text_fold, "Phu" ACUTE "  THỊ" NBSP, "phu thi");
    becomes(text_fold, "a " ACUTE " b", "a b");
    becomes(text_fold, ACUTE DOT_BELOW, "");
    becomes(text_fold, "Ưu Ơ Ă Â Ê Ô ỹ", "uu o a a e o y");
    becomes(text_fold, "1/2 (QĐ-TTg)", "1/2 (qd-ttg)");
    becomes(text_fold, "\xEA\xB0\x80", "\xEA\xB0\x80");
}

static void test_too_big(void **state)
{
    (void)state;
    char *out = NULL;
    refused(text_normalise, "Phu" ACUTE, 5, 3, CHISO_E_TOO_BIG);
    refused(text_normalise, "Phú", 4, 3, CHISO_E_TOO_BIG);
    refused(text_normalise, "a", 1, 0, CHISO_E_TOO_BIG);
    refused(text_fold, "abcd", 4, 3, CHISO_E_TOO_BIG);
    refused(text_fold, "abcdefghijklmnopqrstuvwxyz", 26, 3, CHISO_E_TOO_BIG);
    assert_int_equal(text_normalise("Phu" ACUTE, 5, 4, &out), 0);
    assert_string_equal(out, "Phú");
    free(out);
    /* What is dropped does not count, however long it is. */
    assert_int_equal(text_normalise("   \t\t\t a      b     \n\n", 21, 3, &out), 0);
    assert_string_equal(out, "a b");
    free(out);
    assert_int_equal(text_fold("a" ACUTE ACUTE ACUTE ACUTE ACUTE ACUTE, 13, 1, &out), 0);
    assert_string_equal(out, "a");
    free(out);
    assert_int_equal(text_normalise("Phú", 4, SIZE_MAX, &out), 0);
    assert_string_equal(out, "Phú");
    free(out);
    assert_int_equal(text_normalise(NULL, 0, 0, &out), 0);
    assert_string_equal(out, "");
    free(out);
}

static bool is_blank(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

/* Every code point but the empty planes: the same as the library's own NFC, taken at exactly its
 * length and refused one byte below (the bound of text.c on the decomposition must not refuse what
 * fits), and folding twice is folding once. */
static void test_every_code_point(void **state)
{
    (void)state;
    for (int32_t point = 0x20; point <= LAST_POINT; point++) {
        if (point == 0x30000) {
            point = 0xE0000;
        } else if (point == 0xE1000) {
            point = LAST_POINT - 1;
        }
        char text[5] = {0};
        size_t len = (size_t)utf8proc_encode_char(point, (uint8_t *)text);
        bool clean = !(point >= 0xD800 && point < 0xE000) &&
                     utf8proc_category(point) != UTF8PROC_CATEGORY_CC;
        assert_int_equal(text_is_clean(text, len), clean);
        if (!clean || is_blank(point)) {
            continue;
        }
        char *expected = (char *)utf8proc_NFC((const uint8_t *)text);
        assert_non_null(expected);
        char *out = NULL;
        assert_int_equal(text_normalise(text, len, strlen(expected), &out), 0);
        assert_string_equal(out, expected);
        refused(text_normalise, text, len, strlen(expected) - 1, CHISO_E_TOO_BIG);
        assert_int_equal(text_is_nfc(text, len), strcmp(text, expected) == 0);
        free(out);
        free(expected);

        char *folded = NULL;
        char *again = NULL;
        assert_int_equal(text_fold(text, len, PLENTY, &folded), 0);
        assert_int_equal(text_fold(folded, strlen(folded), strlen(folded), &again), 0);
        assert_string_equal(folded, again);
        assert_true(text_is_nfc(folded, strlen(folded)));
        free(folded);
        free(again);
    }
}

static uint64_t random_state = 20261122;

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void test_random_heaps_of_marks(void **state)
{
    (void)state;
    static const char *const parts[] = {"a",
                                        "e",
                                        "ê",
                                        "u",
                                        "Ơ",
                                        "đ",
                                        "x",
                                        GRAVE,
                                        ACUTE,
                                        CIRCUMFLEX,
                                        HORN,
                                        DOT_BELOW,
                                        "\xCC\x86",
                                        "\xCD\x84" /* U+0344, a mark that is two */,
                                        "\xE0\xBD\xB3" /* U+0F73, class 0, but two marks */,
                                        "\xE1\x84\x80",
                                        "\xE1\x85\xA1",
                                        "\xE1\x86\xA8" /* Hangul jamo */};
    for (int round = 0; round < 20000; round++) {
        char text[256] = "";
        size_t len = 0;
        uint64_t count = next_random() % 24;
        for (uint64_t i = 0; i < count; i++) {
            const char *part = parts[next_random() % (sizeof(parts) / sizeof(parts[0]))];
            memcpy(text + len, part, strlen(part) + 1);
            len += strlen(part);
        }
        char *expected = (char *)utf8proc_NFC((const uint8_t *)text);
        assert_int_equal(text_is_nfc(text, len), strcmp(text, expected) == 0);
        becomes(text_normalise, text, expected);
        free(expected);
    }
}

/* A megabyte of marks in the worst order takes the library's own normaliser many minutes. */
static void test_long_run_of_marks_is_not_quadratic(void **state)
{
    (void)state;
    size_t pairs = 250000;
    size_t len = 1 + 4 * pairs;
    char *text = malloc(len + 1);
    assert_non_null(text);
    text[0] = 'x';
    for (size_t i = 0; i < pairs; i++) {
        memcpy(text + 1 + 4 * i, ACUTE DOT_BELOW, 4);
    }
    char *out = NULL;
    clock_t start = clock(); /* processor time */
    assert_false(text_is_nfc(text, len));
    assert_int_equal(text_normalise(text, len, len, &out), 0);
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
    assert_int_equal(strlen(out), len);
    assert_memory_equal(out, "x" DOT_BELOW DOT_BELOW, 5);
    assert_memory_equal(out + len - 4, ACUTE ACUTE, 4);
    free(out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_is_nfc),
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_white_space),
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_random_heaps_of_marks),
        cmocka_unit_test(test_long_run_of_marks_is_not_quadratic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
