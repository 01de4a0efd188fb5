/* auth.c - see auth.h: basic and bearer. */
#include "fetch/auth.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASIC "Authorization: Basic "
#define BEARER "Authorization: Bearer "

void hmac_sha256(bytes_t key, bytes_t message, uint8_t out[HMAC_SHA256_SIZE])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.data, key.len);
    crypto_auth_hmacsha256_update(&state, message.data, message.len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

static bool has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

int fetch_auth_basic(const char *user, const fetch_secret_t *password, fetch_secret_t *header)
{
    size_t user_len = strlen(user);
    if (strchr(user, ':') != NULL || has_control(user, user_len) ||
        has_control(password->text, password->len)) {
        return -EINVAL;
    }
    size_t pair_len = user_len + 1 + password->len;
    size_t coded = sodium_base64_encoded_len(pair_len, sodium_base64_VARIANT_ORIGINAL);
    char *pair = malloc(pair_len);
    char *line = malloc(sizeof BASIC + coded);
    if (pair == NULL || line == NULL) {
        free(pair);
        free(line);
        return -ENOMEM;
    }
    memcpy(pair, user, user_len);
    pair[user_len] = ':';
    if (password->len > 0) {
        memcpy(pair + user_len + 1, password->text, password->len);
    }
    memcpy(line, BASIC, sizeof BASIC);
    sodium_bin2base64(line + sizeof BASIC - 1, coded, (const uint8_t *)pair, pair_len,
                      sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(pair, pair_len);
    free(pair);
    *header = (fetch_secret_t){.text = line, .len = strlen(line)};
    return 0;
}

int fetch_auth_bearer(const fetch_secret_t *token, fetch_secret_t *header)
{
    for (size_t i = 0; i < token->len; i++) {
        if (token->text[i] <= ' ' || token->text[i] > '~') {
            return -EINVAL;
        }
    }
    char *line = token->len > 0 ? malloc(sizeof BEARER + token->len) : NULL;
    if (line == NULL) {
        return token->len > 0 ? -ENOMEM : -EINVAL;
    }
    memcpy(line, BEARER, sizeof BEARER - 1);
    memcpy(line + sizeof BEARER - 1, token->text, token->len + 1);
    *header = (fetch_secret_t){.text = line, .len = sizeof BEARER - 1 + token->len};
    return 0;
}
