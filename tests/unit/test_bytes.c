/* test_bytes.c - buffers with their maximum, numbers, hashes; and the clock's one door. */
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_equal(void **state)
{
    (void)state;
    assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of("x", 0)));
    assert_true(bytes_equal(bytes_of("a\0b", 3), bytes_of("a\0b", 3)));
    assert_false(bytes_equal(bytes_of("a\0b", 3), bytes_of("a\0c", 3)));
    assert_false(bytes_equal(bytes_of("ab", 2), bytes_of("ab", 1)));
    assert_int_equal(bytes_of_text("đ").len, 2);
}

static void test_buffer_grows(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(1 << 20);
    assert_string_equal(buffer_text(&b), "");
    for (unsigned i = 0; i < 10000; i++) {
        uint8_t four[4];
        be32_put(four, i);
        buffer_append(&b, four, sizeof four);
    }
    assert_false(b.failed);
    assert_int_equal(buffer_bytes(&b).len, 40000);
    for (unsigned i = 0; i < 10000; i++) {
        assert_int_equal(be32_get(b.data + 4 * i), i);
    }
    buffer_clear(&b);
    assert_int_equal(b.len, 0);
    buffer_printf(&b, "%s-%03d", "x", 7);
    buffer_append_text(&b, "!");
    buffer_append(&b, NULL, 0);
    assert_string_equal(buffer_text(&b), "x-007!");
    assert_int_equal(b.len, 6); /* the NUL is not counted */
    buffer_free(&b);
    assert_null(b.data);
    assert_int_equal(b.max, 1 << 20); /* may be used again */
    buffer_append_text(&b, "again");
    assert_string_equal(buffer_text(&b), "again");
    buffer_free(&b);
}

static void test_buffer_max(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(8);
    buffer_append(&b, "12345678", 8);
    assert_false(b.failed);
    assert_string_equal(buffer_text(&b), "12345678"); /* the NUL does not count */
    buffer_append(&b, "", 0);
    assert_false(b.failed);
    buffer_append(&b, "9", 1);
    assert_true(b.failed);
    assert_null(buffer_text(&b));
    assert_int_equal(b.len, 8);

    buffer_clear(&b);
    assert_false(b.failed);
    buffer_append(&b, "1234", 4);
    buffer_append(&b, "12345", 5); /* too much */
    buffer_append(&b, "5", 1);     /* would fit, but a hole must not be hidden */
    buffer_append_text(&b, "5");
    buffer_printf(&b, "%d", 5);
    assert_true(b.failed);
    assert_int_equal(b.len, 4);
    assert_null(buffer_text(&b));

    buffer_clear(&b);
    buffer_printf(&b, "%s", "123456789");
    assert_true(b.failed);
    assert_int_equal(b.len, 0);
    buffer_clear(&b);
    buffer_printf(&b, "%s", "12345678");
    assert_string_equal(buffer_text(&b), "12345678");
    buffer_clear(&b);
    buffer_append(&b, "1", 1);
    buffer_append(&b, "x", SIZE_MAX); /* no overflow of the sum */
    assert_true(b.failed);
    assert_int_equal(b.len, 1);
    buffer_free(&b);
    assert_false(b.failed);

    buffer_t none = BUFFER_INIT(0);
    buffer_append(&none, "", 0);
    assert_false(none.failed);
    buffer_append(&none, "x", 1);
    assert_true(none.failed);
    buffer_free(&none);
}

static void test_big_endian(void **state)
{
    (void)state;
    uint8_t eight[8];
    static const uint8_t want8[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    be64_put(eight, 0x0102030405060708ULL);
    assert_memory_equal(eight, want8, 8);
    assert_true(be64_get(want8) == 0x0102030405060708ULL);
    be64_put(eight, UINT64_MAX);
    assert_true(be64_get(eight) == UINT64_MAX);
    uint8_t four[4];
    be32_put(four, 0xfedcba98U);
    static const uint8_t want4[4] = {0xfe, 0xdc, 0xba, 0x98};
    assert_memory_equal(four, want4, 4);
    assert_int_equal(be32_get(want4), 0xfedcba98U);
    /* byte order is number order: what keys rely on */
    uint8_t a[8];
    uint8_t b[8];
    be64_put(a, 255);
    be64_put(b, 256);
    assert_true(memcmp(a, b, 8) < 0);
}

static void test_crc32c(void **state)
{
    (void)state;
    uint8_t block[32];
    assert_int_equal(crc32c(0, bytes_of_text("123456789")), 0xe3069283U);
    assert_int_equal(crc32c(0, bytes_of(NULL, 0)), 0);
    /* RFC 3720, B.4 */
    memset(block, 0, sizeof block);
    assert_int_equal(crc32c(0, bytes_of(block, 32)), 0x8a9136aaU);
    memset(block, 0xff, sizeof block);
    assert_int_equal(crc32c(0, bytes_of(block, 32)), 0x62a8ab43U);
    for (unsigned i = 0; i < 32; i++) {
        block[i] = (uint8_t)i;
    }
    assert_int_equal(crc32c(0, bytes_of(block, 32)), 0x46dd794eU);
    for (size_t cut = 0; cut <= 32; cut++) {
        uint32_t part = crc32c(0, bytes_of(block, cut));
        assert_int_equal(crc32c(part, bytes_of(block + cut, 32 - cut)), 0x46dd794eU);
    }
    for (unsigned i = 0; i < 32; i++) {
        block[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(crc32c(0, bytes_of(block, 32)), 0x113fdb5cU);
}

static void test_sha256(void **state)
{
    (void)state;
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256(bytes_of_text("abc"), hash);
    assert_string_equal(sha256_hex(hash, hex),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(bytes_of(NULL, 0), hash);
    assert_string_equal(sha256_hex(hash, hex),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_iso(void **state)
{
    (void)state;
    char text[CLOCK_ISO_SIZE];
    assert_string_equal(clock_iso(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_iso(1, text), "1970-01-01T00:00:00.001Z");
    assert_string_equal(clock_iso(-1, text), "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_iso(-1000, text), "1969-12-31T23:59:59.000Z");
    assert_string_equal(clock_iso(-1001, text), "1969-12-31T23:59:58.999Z");
    assert_string_equal(clock_iso(1795357800123, text), "2026-11-22T14:30:00.123Z");
    assert_string_equal(clock_iso(951782400000, text), "2000-02-29T00:00:00.000Z");
    assert_string_equal(clock_iso(253402300799999, text), "9999-12-31T23:59:59.999Z");
    /* whatever is stored, nothing is written past the buffer */
    assert_true(strlen(clock_iso(INT64_MAX / 1000000, text)) < CLOCK_ISO_SIZE);
}

static int64_t fixed_wall(void)
{
    return 1234;
}

static int64_t fixed_mono(void)
{
    return 77;
}

static uint32_t fixed_random(uint32_t bound)
{
    return bound - 1;
}

static void test_source(void **state)
{
    (void)state;
    int64_t real = clock_wall_ms();
    assert_true(real > 1700000000000);
    clock_set_source(&(clock_source_t){fixed_wall, fixed_mono, fixed_random});
    assert_int_equal(clock_wall_ms(), 1234);
    assert_int_equal(clock_mono_ms(), 77);
    assert_int_equal(clock_random(10), 9);
    clock_set_source(NULL);
    assert_true(clock_wall_ms() >= real && clock_wall_ms() < real + 60000);
    int64_t before = clock_mono_ms();
    assert_true(clock_mono_ms() >= before);
    unsigned seen = 0;
    for (int i = 0; i < 200; i++) {
        uint32_t n = clock_random(3);
        assert_true(n < 3);
        seen |= 1U << n;
    }
    assert_int_equal(seen, 7);
    assert_true(clock_random64() != clock_random64());
}

static void test_errors(void **state)
{
    (void)state;
    assert_string_equal(chiso_strerror(0), "success");
    assert_string_equal(chiso_strerror(CHISO_E_SYNTAX), "malformed input");
    assert_string_equal(chiso_strerror(CHISO_E_INVALID), "breaks a rule");
    assert_string_equal(chiso_strerror(-1999), "unknown error");
    assert_string_equal(chiso_strerror(INT32_MIN), "unknown error");
    assert_string_equal(chiso_strerror(-2), strerror(2));
    assert_non_null(chiso_strerror(-999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),      cmocka_unit_test(test_buffer_grows),
        cmocka_unit_test(test_buffer_max), cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_crc32c),     cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_iso),        cmocka_unit_test(test_source),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
