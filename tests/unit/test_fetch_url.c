/* test_fetch_url.c - URLs and policies as they are configured. */
#include "fetch/url.h"

#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void expect_good(const char *url, const fetch_policy_t *policy)
{
    char reason[FETCH_REASON_SIZE] = "untouched";
    if (fetch_url_check(url, policy, reason) != 0) {
        fail_msg("%s: %s", url, reason);
    }
    assert_string_equal(reason, "untouched");
}

static void expect_bad(const char *url, const fetch_policy_t *policy, const char *why)
{
    char reason[FETCH_REASON_SIZE] = "";
    assert_int_equal(fetch_url_check(url, policy, reason), -EINVAL);
    if (strstr(reason, why) == NULL) {
        fail_msg("%s: '%s' does not tell of '%s'", url, reason, why);
    }
    assert_null(strstr(reason, "topsecret"));
}

static void test_good(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "https://dichvucong.gov.vn/jsp/rest.jsp",
        "https://a.example:8443/x/y?z=1&b=%20",
        "https://a.example",
        "https://xn--tnmin-hsa0954c.vn/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "HTTPS://A.example/{page}",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        expect_good(urls[i], NULL);
    }
    expect_good("http://a.example/", &(fetch_policy_t){.allow_http = true});
}

/* "UpdateStatistic " and its like: copied with what stood behind them. */
static void trap_11_white_space(void **state)
{
    (void)state;
    expect_bad("https://a.example/topsecret/UpdateStatistic ", NULL,
               "a space at column 44, its end; remove it, or write %20");
    expect_good("https://a.example/UpdateStatistic%20", NULL);
    expect_bad("https://a.example/topsecret/Update Statistic", NULL, "a space at column 35;");
    expect_bad(" https://a.example/", NULL, "a space at column 1");
    expect_bad("https://a.example/\r\n", NULL, "a line break at column 19");
    expect_bad("https://a.example/\n", NULL, "a line break");
    expect_bad("https://a.example/x\r\nHost: b", NULL, "a line break");
    expect_bad("https://a.example/\t", NULL, "a tab");
    expect_bad("https://a.example/\x7f", NULL, "a control character");
    expect_bad("https://a.example/\x01", NULL, "a control character");
    expect_bad("https://a.example/%2", NULL, "two hex digits");
    expect_bad("https://a.example/%", NULL, "two hex digits");
    expect_bad("https://a.example/100%zz", NULL, "two hex digits");
    expect_bad("https://a.example/a\\b", NULL, "write %5C");
    expect_bad("https://a.example/\"", NULL, "write %22");
}

static void test_scheme(void **state)
{
    (void)state;
    const fetch_policy_t http = {.allow_http = true};
    expect_bad("http://a.example/topsecret", NULL, "is plain http; expected https://");
    expect_bad("a.example/topsecret", NULL, "has no scheme");
    expect_bad("//a.example/", &http, "has no scheme");
    expect_bad("ftp://a.example/", &http, "neither https nor http");
    expect_bad("file:///etc/topsecret", &http, "neither https nor http");
    expect_bad("javascript:alert(1)", &http, "");
    expect_bad("https:///topsecret", NULL, "has no host");
    expect_bad("https:/topsecret", NULL, "has no host");
    expect_bad("https:topsecret", NULL, "");
    expect_bad("", NULL, "is empty");
}

static void test_parts(void **state)
{
    (void)state;
    static char longest[FETCH_URL_MAX + 2] = "https://a.example/";
    expect_bad("https://me:topsecret@a.example/", NULL, "a user name in it");
    expect_bad("https://topsecret@a.example/", NULL, "a user name in it");
    expect_bad("https://a.example:0/", NULL, "port 0");
    expect_bad("https://a.example:65536/", NULL, "is no URL");
    expect_bad("https://a.example:https/", NULL, "is no URL");
    expect_bad("https://a.example/#part", NULL, "a '#'");
    expect_bad("https://a.example/#", NULL, "a '#'");
    expect_good("https://a.example/%23", NULL);
    memset(longest + 18, 'x', FETCH_URL_MAX - 18);
    expect_good(longest, NULL);
    longest[FETCH_URL_MAX] = 'x';
    expect_bad(longest, NULL, "longer than 8192 bytes");
}

static void test_outside_ascii(void **state)
{
    (void)state;
    expect_bad("https://tênmiền.vn/", NULL, "write its xn-- form");
    expect_bad("https://a.example/bảng", NULL, "write their UTF-8 bytes as %XX");
    expect_bad("https://a.example/?q=bảng", NULL, "write their UTF-8 bytes as %XX");
    expect_good("https://a.example/?q=b%E1%BA%A3ng", NULL);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const inward[] = {"127.0.0.1",
                                         "2130706433",
                                         "0x7f.1",
                                         "0177.0.0.1",
                                         "0.0.0.0",
                                         "10.1.2.3",
                                         "169.254.169.254",
                                         "[::1]",
                                         "[::]",
                                         "[fe80::1]",
                                         "[fe80::1%25eth0]",
                                         "[::ffff:127.0.0.1]",
                                         "[::ffff:a9fe:101]"};
    static const char *const networks[] = {"10.0.0.0/8", "fd00::/8", NULL};
    const fetch_policy_t policy = {.allow_networks = networks};
    char url[128];
    for (size_t i = 0; i < sizeof inward / sizeof inward[0]; i++) {
        snprintf(url, sizeof url, "https://%s:8443/topsecret", inward[i]);
        expect_bad(url, NULL, "is not public and not in allow_networks");
    }
    expect_bad("https://[64:ff9b::7f00:1]/", NULL, "is not public"); /* NAT64 of 127.0.0.1 */
    expect_good("https://[64:ff9b::808:808]/", NULL);
    expect_good("https://10.1.2.3/", &policy);
    expect_good("https://[::ffff:10.1.2.3]/", &policy);
    expect_good("https://[fd00::1]/", &policy);
    expect_bad("https://192.168.1.1/", &policy, "is not public");
}

static void expect_policy(const fetch_policy_t *policy, const char *why)
{
    char reason[FETCH_REASON_SIZE] = "";
    assert_int_equal(fetch_policy_check(policy, reason), why == NULL ? 0 : -EINVAL);
    if (why != NULL && strstr(reason, why) == NULL) {
        fail_msg("'%s' does not tell of '%s'", reason, why);
    }
}

static void put_file(const char *name, mode_t mode)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs("anything\n", f);
    fclose(f);
    assert_int_equal(chmod(name, mode), 0);
}

static void test_policy(void **state)
{
    (void)state;
    static const char *const networks[] = {"10.0.0.0/8", "10.1.2.3/8", NULL};
#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    char folder[FOLDER_SIZE];
    char cert[FOLDER_SIZE + 16];
    char key[FOLDER_SIZE + 16];
    folder_make(folder);
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    put_file(cert, 0644);
    put_file(key, 0600);
    expect_policy(&(fetch_policy_t){0}, NULL);
    expect_policy(&(fetch_policy_t){.allow_networks = networks}, "allow_networks: '10.1.2.3/8'");
    expect_policy(&(fetch_policy_t){.timeout_ms = -1}, "timeout");
    expect_policy(&(fetch_policy_t){.connect_timeout_ms = (int64_t)INT32_MAX + 1}, "timeout");
    expect_policy(&(fetch_policy_t){.stall_timeout_ms = -1}, "timeout");
    expect_policy(&(fetch_policy_t){.pinned_key = PIN}, NULL);
    expect_policy(&(fetch_policy_t){.pinned_key = PIN ";" PIN}, NULL);
    expect_policy(&(fetch_policy_t){.pinned_key = PIN ";"}, "pinned_key");
    expect_policy(&(fetch_policy_t){.pinned_key = "sha256//AAAA="}, "pinned_key");
    expect_policy(&(fetch_policy_t){.pinned_key = "/etc/key.pem"}, "pinned_key");
    expect_policy(&(fetch_policy_t){.pinned_key = ""}, "pinned_key");
    expect_policy(&(fetch_policy_t){.ca_file = cert}, NULL);
    expect_policy(&(fetch_policy_t){.ca_file = "/nowhere.pem"}, "ca_file: '/nowhere.pem': No such");
    expect_policy(&(fetch_policy_t){.client_cert = cert, .client_key = key}, NULL);
    expect_policy(&(fetch_policy_t){.client_cert = cert}, "client_key: missing");
    expect_policy(&(fetch_policy_t){.client_key = key}, "client_cert: missing");
    put_file(key, 0640);
    expect_policy(&(fetch_policy_t){.client_cert = cert, .client_key = key},
                  "has mode 0640; expected 0600 or tighter");
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(trap_11_white_space),
        cmocka_unit_test(test_scheme),        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_outside_ascii), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
