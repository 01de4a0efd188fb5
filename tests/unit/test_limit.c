/* test_limit.c - token buckets: what is let through, what is told to wait, whose address counts. */
#include "publisher/api/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_bucket(void **state)
{
    (void)state;
    limit_t *l = limit_new(10, 5);
    int64_t now = 1000;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(limit_take(l, "192.0.2.1", 1, now), 0);
    }
    assert_int_equal(limit_take(l, "192.0.2.1", 1, now), 100);
    assert_int_equal(limit_take(l, "192.0.2.2", 1, now), 0); /* another address has its own */
    assert_int_equal(limit_take(l, "192.0.2.1", 1, now + 99), 1);
    assert_int_equal(limit_take(l, "192.0.2.1", 1, now + 100), 0);
    assert_int_equal(limit_take(l, "192.0.2.1", 1, now + 100), 100);
    /* never more than the burst, and a dear request is not for ever out of reach */
    assert_int_equal(limit_take(l, "192.0.2.1", 50, now + 100000), 0);
    assert_int_equal(limit_take(l, "192.0.2.1", 1, now + 100000), 100);
    /* a clock that goes back gives nothing */
    assert_int_equal(limit_take(l, "192.0.2.1", 1, now), 100);
    limit_destroy(&l);
    assert_null(l);
}

static void test_addresses(void **state)
{
    (void)state;
    limit_t *l = limit_new(1, 1);
    assert_int_equal(limit_take(l, "2001:db8:0:1::1", 1, 5), 0);
    assert_true(limit_take(l, "2001:db8:0:1:ffff::2", 1, 5) > 0); /* the same /64 */
    assert_int_equal(limit_take(l, "2001:db8:0:2::1", 1, 5), 0);
    assert_int_equal(limit_take(l, "nonsense", 1, 5), 0);
    assert_true(limit_take(l, "other nonsense", 1, 5) > 0);
    /* very many addresses: bounded, and those that come again and again are remembered */
    for (unsigned i = 0; i < 100000; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        assert_int_equal(limit_take(l, text, 1, 10), 0);
    }
    limit_destroy(&l);
}

static void test_client(void **state)
{
    (void)state;
    static const char *const proxies[] = {"127.0.0.0/8", "10.0.0.0/8", NULL};
    static const struct {
        const char *peer, *forwarded, *want;
    } cases[] = {
        {"192.0.2.1", "198.51.100.9", "192.0.2.1"}, /* not a proxy: not believed */
        {"127.0.0.1", NULL, "127.0.0.1"},
        {"127.0.0.1", "198.51.100.9", "198.51.100.9"},
        {"127.0.0.1", "1.2.3.4, 198.51.100.9", "198.51.100.9"}, /* the first is the client's word */
        {"127.0.0.1", "1.2.3.4,198.51.100.9 , 10.1.2.3", "198.51.100.9"},
        {"127.0.0.1", "10.1.2.3", "10.1.2.3"},
        {"127.0.0.1", "", "127.0.0.1"},
        {"127.0.0.1", "198.51.100.9,", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char room[LIMIT_ADDRESS_SIZE];
        assert_string_equal(limit_client(cases[i].peer, cases[i].forwarded, proxies, room),
                            cases[i].want);
    }
    char room[LIMIT_ADDRESS_SIZE];
    assert_string_equal(limit_client("127.0.0.1", "198.51.100.9", NULL, room), "127.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
