/* test_fetch_auth.c - secrets from files, and the headers made of them. */
#include "fetch/auth.h"

#include "base/error.h"
#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[FOLDER_SIZE];
static char file[FOLDER_SIZE + 16];
static char reason[FETCH_REASON_SIZE];

static int set_up(void **state)
{
    (void)state;
    folder_make(folder);
    snprintf(file, sizeof file, "%s/secret", folder);
    reason[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

static void put_secret(const void *bytes, size_t len, mode_t mode)
{
    unlink(file);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
    assert_int_equal(chmod(file, mode), 0);
}

static void expect_read(const char *content, const char *text)
{
    fetch_secret_t secret = {0};
    put_secret(content, strlen(content), 0600);
    assert_int_equal(fetch_secret_read(file, 10, &secret, reason), 0);
    assert_string_equal(secret.text, text);
    assert_int_equal(secret.len, strlen(text));
    fetch_secret_free(&secret);
    assert_null(secret.text);
    fetch_secret_free(&secret);
}

static void expect_refused(int code, const char *why)
{
    fetch_secret_t secret = {.len = 7};
    assert_int_equal(fetch_secret_read(file, 10, &secret, reason), code);
    if (strstr(reason, why) == NULL || strstr(reason, "hush") != NULL) {
        fail_msg("'%s' instead of '%s'", reason, why);
    }
    assert_non_null(strstr(reason, file));
    assert_int_equal(secret.len, 7); /* untouched */
}

static void test_secret_read(void **state)
{
    (void)state;
    expect_read("hush", "hush");
    expect_read("hush\n", "hush");
    expect_read("hush\r\n", "hush");
    expect_read(" hush ", " hush ");
    expect_read("0123456789\r\n", "0123456789");
    expect_read("mật", "mật");
    put_secret("hush", 4, 0400);
    fetch_secret_t secret;
    assert_int_equal(fetch_secret_read(file, 10, &secret, reason), 0);
    fetch_secret_free(&secret);
}

static void test_secret_refused(void **state)
{
    (void)state;
    static const mode_t open_modes[] = {0640, 0604, 0620, 0644, 0666, 0610, 0601};
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        put_secret("hush", 4, open_modes[i]);
        expect_refused(CHISO_E_INVALID, "expected 0600 or tighter");
    }
    put_secret("", 0, 0600);
    expect_refused(CHISO_E_INVALID, "expected one line");
    put_secret("\n", 1, 0600);
    expect_refused(CHISO_E_INVALID, "expected one line");
    put_secret("hush\n\n", 6, 0600);
    expect_refused(CHISO_E_INVALID, "expected one line");
    put_secret("hush\nX: y", 9, 0600);
    expect_refused(CHISO_E_INVALID, "expected one line");
    put_secret("hush\0hush", 9, 0600);
    expect_refused(CHISO_E_INVALID, "expected one line");
    put_secret("hush0123456", 11, 0600);
    expect_refused(CHISO_E_TOO_BIG, "more than 10 bytes");
    unlink(file);
    expect_refused(-ENOENT, "No such file");
    assert_int_equal(mkfifo(file, 0600), 0);
    expect_refused(CHISO_E_INVALID, "not a regular file"); /* and does not wait for a writer */
    unlink(file);
    assert_int_equal(mkdir(file, 0700), 0);
    expect_refused(CHISO_E_INVALID, "not a regular file");
}

static fetch_secret_t secret_of(const char *text)
{
    fetch_secret_t secret;
    assert_int_equal(fetch_secret_copy(text, strlen(text), &secret), 0);
    return secret;
}

static void test_basic(void **state)
{
    (void)state;
    fetch_secret_t header;
    fetch_secret_t password = secret_of("open sesame"); /* RFC 7617, 2 */
    assert_int_equal(fetch_auth_basic("Aladdin", &password, &header), 0);
    assert_string_equal(header.text, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_int_equal(header.len, strlen(header.text));
    fetch_secret_free(&header);
    assert_int_equal(fetch_auth_basic("Ala:ddin", &password, &header), -EINVAL);
    assert_int_equal(fetch_auth_basic("Ala\ndin", &password, &header), -EINVAL);
    fetch_secret_free(&password);
    password = secret_of("123\xc2\xa3"); /* RFC 7617, 2.1 */
    assert_int_equal(fetch_auth_basic("test", &password, &header), 0);
    assert_string_equal(header.text, "Authorization: Basic dGVzdDoxMjPCow==");
    fetch_secret_free(&header);
    fetch_secret_free(&password);
    assert_int_equal(fetch_auth_basic("", &password, &header), 0);
    assert_string_equal(header.text, "Authorization: Basic Og==");
    fetch_secret_free(&header);
}

static void test_bearer(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a\r\nX: y", "mật", "a\t"};
    fetch_secret_t header;
    fetch_secret_t token = secret_of("mF_9.B5f-4.1JqM"); /* RFC 6750, 2.1 */
    assert_int_equal(fetch_auth_bearer(&token, &header), 0);
    assert_string_equal(header.text, "Authorization: Bearer mF_9.B5f-4.1JqM");
    assert_int_equal(header.len, strlen(header.text));
    fetch_secret_free(&header);
    fetch_secret_free(&token);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        token = secret_of(bad[i]);
        assert_int_equal(fetch_auth_bearer(&token, &header), -EINVAL);
        fetch_secret_free(&token);
    }
}

static void expect_hmac(const void *key, size_t key_len, const char *message, const char *hex)
{
    uint8_t out[HMAC_SHA256_SIZE];
    char text[SHA256_HEX_SIZE];
    hmac_sha256(bytes_of(key, key_len), bytes_of_text(message), out);
    assert_string_equal(sha256_hex(out, text), hex);
}

static void test_hmac(void **state)
{
    (void)state;
    uint8_t key[131]; /* RFC 4231, cases 1, 2 and 6 */
    memset(key, 0x0b, 20);
    expect_hmac(key, 20, "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect_hmac("Jefe", 4, "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    expect_hmac(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_sign(void **state)
{
    (void)state;
    fetch_secret_t key = secret_of("Jefe");
    fetch_secret_t headers[FETCH_SIGN_HEADERS];
    fetch_request_t request = {.method = "POST",
                               .url = "https://a.example:8443/v1/x%20y?b=2&a=1",
                               .body = bytes_of_text("what do ya want for nothing?")};
    fetch_signing_t s = {
        .to_sign = "{body}",
        .headers = {"X-Key: {key_id}", "X-Sign: v1={signature}", "X-Sign64: {signature_base64}"},
        .key_id = "one",
        .key = &key};
    assert_int_equal(fetch_sign(&s, &request, 0, NULL, headers), 0);
    assert_string_equal(headers[0].text, "X-Key: one");
    assert_string_equal(
        headers[1].text,
        "X-Sign: v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_string_equal(headers[2].text, "X-Sign64: W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    assert_null(headers[3].text);
    for (size_t i = 0; i < FETCH_SIGN_HEADERS; i++) {
        fetch_secret_free(&headers[i]);
    }
    fetch_secret_free(&key);
}

/* What was signed is the HMAC of this very text. */
static void expect_signed(const fetch_request_t *request, const char *template, const char *text)
{
    fetch_secret_t key = secret_of("k");
    fetch_secret_t headers[FETCH_SIGN_HEADERS];
    uint8_t mac[HMAC_SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    fetch_signing_t s = {.to_sign = template, .headers = {"S: {signature}"}, .key = &key};
    int64_t wall_ms = 1795357800123; /* 2026-11-22T14:30:00.123Z */
    assert_int_equal(fetch_sign(&s, request, wall_ms, "n0", headers), 0);
    hmac_sha256(bytes_of_text("k"), bytes_of_text(text), mac);
    assert_string_equal(headers[0].text + 3, sha256_hex(mac, hex));
    fetch_secret_free(&headers[0]);
    fetch_secret_free(&key);
}

static void test_sign_names(void **state)
{
    (void)state;
    static const fetch_request_t full = {.method = "POST",
                                         .url = "https://a.example:8443/v1/x%20y?b=2&a=1",
                                         .body = {(const uint8_t *)"{path}", 6}};
    static const fetch_request_t bare = {.method = "GET", .url = "https://a.example"};
    expect_signed(&full, "{method}\n{scheme}\n{host}\n{path}\n{query}\n{target}",
                  "POST\nhttps\na.example:8443\n/v1/x%20y\nb=2&a=1\n/v1/x%20y?b=2&a=1");
    expect_signed(&full, "{url} {nonce}{key_id}", "https://a.example:8443/v1/x%20y?b=2&a=1 n0");
    expect_signed(&full, "{body}}", "{path}}"); /* what was put in is not a template */
    expect_signed(&full, "{timestamp} {timestamp_ms} {date} {iso}",
                  "1795357800 1795357800123 Sun, 22 Nov 2026 14:30:00 GMT 2026-11-22T14:30:00Z");
    expect_signed(&bare, "{host}|{path}|{query}|{target}|{body}", "a.example|/||/|");
    expect_signed(&bare, "{body_sha256} {body_sha256_base64}",
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 "
                  "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

static void test_sign_nonce(void **state)
{
    (void)state;
    fetch_secret_t key = secret_of("k");
    fetch_secret_t one[FETCH_SIGN_HEADERS];
    fetch_secret_t two[FETCH_SIGN_HEADERS];
    fetch_request_t request = {.method = "GET", .url = "https://a.example/"};
    fetch_signing_t s = {
        .to_sign = "{nonce}", .headers = {"N: {nonce}", "S: {signature}"}, .key = &key};
    assert_int_equal(fetch_sign(&s, &request, 0, NULL, one), 0);
    assert_int_equal(fetch_sign(&s, &request, 0, NULL, two), 0);
    assert_int_equal(one[0].len, 3 + 32);
    assert_string_not_equal(one[0].text, two[0].text);
    assert_string_not_equal(one[1].text, two[1].text);
    for (size_t i = 0; i < 2; i++) {
        fetch_secret_free(&one[i]);
        fetch_secret_free(&two[i]);
    }
    fetch_secret_free(&key);
}

static void test_sign_check(void **state)
{
    (void)state;
    fetch_secret_t key = secret_of("k");
    fetch_secret_t headers[FETCH_SIGN_HEADERS];
    fetch_request_t request = {.method = "GET", .url = "https://a.example/"};
    const struct {
        fetch_signing_t signing;
        const char *why;
    } bad[] = {
        {{.headers = {"S: {signature}"}}, "to_sign: empty"},
        {{.to_sign = "", .headers = {"S: {signature}"}}, "to_sign: empty"},
        {{.to_sign = "{methods}", .headers = {"S: {signature}"}}, "to_sign: '{methods}'"},
        {{.to_sign = "x {", .headers = {"S: {signature}"}}, "to_sign: '{'"},
        {{.to_sign = "x {method", .headers = {"S: {signature}"}}, "to_sign: '{method'"},
        {{.to_sign = "{signature}", .headers = {"S: {signature}"}}, "to_sign: '{signature}'"},
        {{.to_sign = "{body}", .headers = {"S: {sig}"}}, "headers: '{sig}'"},
        {{.to_sign = "{body}", .headers = {"S {signature}"}}, "is no header"},
        {{.to_sign = "{body}", .headers = {"{method}: {signature}"}}, "is no header"},
        {{.to_sign = "{body}", .headers = {"S: {signature}\r\nX: y"}}, "is no header"},
        {{.to_sign = "{body}", .headers = {"S: {body}{signature}"}}, "would hold the body"},
        {{.to_sign = "{body}", .headers = {"S: {nonce}"}}, "none holds {signature}"},
        {{.to_sign = "{body}"}, "none holds {signature}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fetch_signing_t s = bad[i].signing;
        s.key = &key;
        assert_int_equal(fetch_sign_check(&s, reason), -EINVAL);
        if (strstr(reason, bad[i].why) == NULL) {
            fail_msg("'%s' instead of '%s'", reason, bad[i].why);
        }
        assert_int_equal(fetch_sign(&s, &request, 0, NULL, headers), -EINVAL);
    }
    fetch_signing_t s = {
        .to_sign = "{url}", .headers = {"U: {url}", "S: {signature}"}, .key = &key};
    assert_int_equal(fetch_sign_check(&s, reason), 0);
    static char url[FETCH_SIGN_HEADER_MAX + 100] = "https://a.example/";
    memset(url + 18, 'x', FETCH_SIGN_HEADER_MAX);
    request.url = url;
    assert_int_equal(fetch_sign(&s, &request, 0, NULL, headers), CHISO_E_TOO_BIG);
    request.url = "nonsense";
    assert_int_equal(fetch_sign(&s, &request, 0, NULL, headers), -EINVAL);
    fetch_secret_free(&key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_secret_read), TEST(test_secret_refused), TEST(test_basic),
        TEST(test_bearer),      TEST(test_hmac),           TEST(test_sign),
        TEST(test_sign_names),  TEST(test_sign_nonce),     TEST(test_sign_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
