/* test_network.c - CIDR texts and the ranges that are not public. */
#include "fetch/network.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static network_address_t address_of(const char *text)
{
    network_address_t address = {{0}};
    assert_true(network_of_text(text, &address));
    return address;
}

static void test_check(void **state)
{
    (void)state;
    static const char *const good[] = {
        "127.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0",     "fd00::/8",
        "::1/128",     "::/0",        "2001:db8::/32", "::ffff:10.0.0.0/104"};
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1/8",
                                      "127.0.0.0/33",
                                      "127.0.0.0/",
                                      "/8",
                                      "127.0.0/8",
                                      "127.0.0.0/08",
                                      "10.0.0.0/ 8",
                                      "10.0.0.0/+8",
                                      "fd00::/129",
                                      "fd00::1/8",
                                      "fd00:::/8",
                                      "localhost/8",
                                      "::ffff:0:0/95",
                                      "10.0.0.0/8/8",
                                      "10.0.0.0/8 ",
                                      "10.0.0.0/0x8",
                                      "fe80::%lo/10",
                                      "10.0.0.0/99999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(network_check(good[i]), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(network_check(bad[i]), CHISO_E_SYNTAX);
    }
}

static void test_public(void **state)
{
    (void)state;
    static const char *const is[] = {
        "1.1.1.1",         "9.255.255.255",   "11.0.0.0",         "100.63.255.255",
        "100.128.0.0",     "126.0.0.1",       "128.0.0.1",        "172.15.255.255",
        "172.32.0.0",      "192.167.255.255", "192.169.0.0",      "223.255.255.255",
        "2606:4700::1111", "::ffff:1.1.1.1",  "64:ff9b::1.1.1.1", "2a00::1"};
    static const char *const is_not[] = {"0.0.0.0",
                                         "0.1.2.3",
                                         "10.0.0.1",
                                         "100.64.0.1",
                                         "100.127.255.255",
                                         "127.0.0.1",
                                         "127.255.255.255",
                                         "169.254.169.254",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.0.0.1",
                                         "192.0.2.1",
                                         "192.168.1.1",
                                         "198.18.0.1",
                                         "198.19.255.255",
                                         "198.51.100.1",
                                         "203.0.113.1",
                                         "224.0.0.1",
                                         "239.255.255.255",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "::127.0.0.1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.0.0.1",
                                         "::ffff:0:127.0.0.1",
                                         "64:ff9b::127.0.0.1",
                                         "64:ff9b:1::1",
                                         "100::1",
                                         "2001::1",
                                         "2001:db8::1",
                                         "2002:7f00:1::",
                                         "3fff::1",
                                         "fc00::1",
                                         "fd12::1",
                                         "fe80::1",
                                         "fec0::1",
                                         "ff02::1",
                                         "4000::1"};
    for (size_t i = 0; i < sizeof is / sizeof is[0]; i++) {
        network_address_t address = address_of(is[i]);
        assert_true(network_is_public(&address));
    }
    for (size_t i = 0; i < sizeof is_not / sizeof is_not[0]; i++) {
        network_address_t address = address_of(is_not[i]);
        assert_false(network_is_public(&address));
    }
}

static void test_allows(void **state)
{
    (void)state;
    static const char *const networks[] = {"127.0.0.0/8", "fd00:1::/33", NULL};
    network_address_t a = address_of("127.9.9.9");
    assert_true(network_allows(networks, &a));
    assert_false(network_allows(NULL, &a));
    a = address_of("::ffff:127.0.0.1"); /* the same peer, spelt otherwise */
    assert_true(network_allows(networks, &a));
    a = address_of("fd00:1:7fff::1");
    assert_true(network_allows(networks, &a));
    a = address_of("fd00:1:8000::1");
    assert_false(network_allows(networks, &a));
    a = address_of("10.0.0.1");
    assert_false(network_allows(networks, &a));
    a = address_of("8.8.8.8");
    assert_true(network_allows(networks, &a));
}

static void test_holds(void **state)
{
    (void)state;
    network_address_t v4 = address_of("10.0.0.1");
    network_address_t v6 = address_of("fd00::1");
    assert_true(network_holds("0.0.0.0/0", &v4));
    assert_false(network_holds("0.0.0.0/0", &v6));
    assert_true(network_holds("::/0", &v6));
    assert_false(network_holds("::/0", &v4));
    assert_false(network_holds("nonsense", &v4));
    assert_true(network_holds("10.0.0.1/32", &v4));
    assert_true(network_holds("::ffff:10.0.0.0/104", &v4));
}

static void test_forms(void **state)
{
    (void)state;
    char text[NETWORK_TEXT_SIZE];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct sockaddr local = {.sa_family = AF_UNIX};
    network_address_t a;
    assert_true(network_of_sockaddr((struct sockaddr *)&v4, &a));
    assert_string_equal(network_text(&a, text), "127.0.0.1");
    assert_true(network_of_sockaddr((struct sockaddr *)&v6, &a));
    assert_string_equal(network_text(&a, text), "::1");
    assert_false(network_of_sockaddr(&local, &a));
    assert_false(network_of_text("localhost", &a));
    assert_false(network_of_text("127.1", &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check), cmocka_unit_test(test_public), cmocka_unit_test(test_allows),
        cmocka_unit_test(test_holds), cmocka_unit_test(test_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
