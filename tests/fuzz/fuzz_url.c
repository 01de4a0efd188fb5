/* fuzz_url.c - a URL, a NUL, a template to sign: what is accepted holds nothing that could become a
 * second line or another host, and can be signed; what is not gets a reason. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fetch/auth.h"
#include "fetch/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool check(const char *url, const fetch_policy_t *policy)
{
    char reason[FETCH_REASON_SIZE];
    memset(reason, 'x', sizeof reason);
    if (fetch_url_check(url, policy, reason) != 0) {
        require(memchr(reason, '\0', sizeof reason) != NULL && reason[0] != '\0');
        return false;
    }
    for (const char *at = url; *at != '\0'; at++) {
        require(*at > ' ' && *at <= '~');
    }
    require(strncasecmp(url, "https://", 8) == 0 ||
            (policy != NULL && policy->allow_http && strncasecmp(url, "http://", 7) == 0));
    const char *host = strstr(url, "://") + 3;
    require(memchr(host, '@', strcspn(host, "/?")) == NULL);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char key_text[] = "key";
    const fetch_secret_t key = {.text = key_text, .len = 3};
    char reason[FETCH_REASON_SIZE];
    fetch_secret_t headers[FETCH_SIGN_HEADERS];
    char *text = malloc(size + 2);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = text[size + 1] = '\0';
    const char *template = text + strlen(text) + 1; /* at most the second NUL */
    const fetch_policy_t lax = {.allow_http = true, .allow_networks = fetch_anywhere};
    bool strictly = check(text, NULL);
    bool laxly = check(text, &lax);
    require(laxly || !strictly);
    fetch_signing_t s = {.to_sign = template, .headers = {"S: {signature}"}, .key = &key};
    bool signs = fetch_sign_check(&s, reason) == 0;
    fetch_request_t request = {.method = "GET", .url = text};
    int rc = fetch_sign(&s, &request, 0, "nonce", headers);
    require(rc != 0 || signs);
    require(rc == 0 || !signs || !laxly);
    if (rc == 0) {
        require(headers[0].len == 3 + 64 && headers[1].text == NULL);
        fetch_secret_free(&headers[0]);
    }
    free(text);
    return 0;
}
