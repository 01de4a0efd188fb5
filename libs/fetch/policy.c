/* policy.c - what can be known of a policy before the first request: fetch.h. */
#include "fetch/fetch_internal.h"
#include "fetch/network.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAY(...) snprintf(reason, FETCH_REASON_SIZE, __VA_ARGS__)
#define PIN_PREFIX "sha256//"
#define PIN_DIGITS 43 /* and one '=': 32 bytes in base64 */

const char *const fetch_anywhere[] = {"0.0.0.0/0", "::/0", NULL};

/* curl takes a text that does not begin so for the name of a file. */
static bool is_pin(const char *text)
{
    for (;;) {
        if (strncmp(text, PIN_PREFIX, strlen(PIN_PREFIX)) != 0) {
            return false;
        }
        text += strlen(PIN_PREFIX);
        for (unsigned i = 0; i < PIN_DIGITS; i++, text++) {
            if (!isalnum((unsigned char)*text) && *text != '+' && *text != '/') {
                return false;
            }
        }
        if (*text++ != '=') {
            return false;
        }
        if (*text == '\0') {
            return true;
        }
        if (*text++ != ';') {
            return false;
        }
    }
}

static bool is_timeout(int64_t ms)
{
    return ms >= 0 && ms <= INT32_MAX;
}

int fetch_policy_form(const fetch_policy_t *p, char reason[FETCH_REASON_SIZE])
{
    for (size_t i = 0; p->allow_networks != NULL && p->allow_networks[i] != NULL; i++) {
        if (network_check(p->allow_networks[i]) != 0) {
            SAY("allow_networks: '%.64s' is no network; expected ADDRESS/PREFIX with all host bits "
                "zero",
                p->allow_networks[i]);
            return -EINVAL;
        }
    }
    if (!is_timeout(p->connect_timeout_ms) || !is_timeout(p->timeout_ms) ||
        !is_timeout(p->stall_timeout_ms)) {
        SAY("timeout: expected 0 to %d ms", INT32_MAX);
        return -EINVAL;
    }
    if (p->pinned_key != NULL && !is_pin(p->pinned_key)) {
        SAY("pinned_key: expected sha256// and 44 characters of base64; several with ';' between");
        return -EINVAL;
    }
    if ((p->client_cert == NULL) != (p->client_key == NULL)) {
        SAY(p->client_key == NULL ? "client_key: missing beside client_cert"
                                  : "client_cert: missing beside client_key");
        return -EINVAL;
    }
    return 0;
}

static bool is_readable(const char *field, const char *file, char *reason)
{
    if (file == NULL || access(file, R_OK) == 0) {
        return true;
    }
    SAY("%s: '%.160s': %s", field, file, strerror(errno));
    return false;
}

int fetch_policy_check(const fetch_policy_t *p, char reason[FETCH_REASON_SIZE])
{
    char why[FETCH_REASON_SIZE];
    int rc = fetch_policy_form(p, reason);
    if (rc != 0) {
        return rc;
    }
    if (!is_readable("ca_file", p->ca_file, reason) ||
        !is_readable("client_cert", p->client_cert, reason)) {
        return -EINVAL;
    }
    int fd = p->client_key != NULL ? fetch_secret_open(p->client_key, why) : -1;
    if (fd >= 0) {
        close(fd);
    } else if (p->client_key != NULL) {
        SAY("client_key: %.240s", why);
        return -EINVAL;
    }
    return 0;
}
