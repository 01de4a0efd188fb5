/* auth.h - headers that say who asks. Each ends in a fetch_secret_t that holds "Name: value", for
 * fetch_request_t.headers; the caller frees it. Token caches are the caller's.
 *
 * Signing is by template, since each counterpart has its own text to sign. In a template stand
 *   {method} {url} {scheme} {host} (with the port when the URL has one) {path} (without query)
 *   {query} (without '?', empty when none) {target} (path and query, as sent)
 *   {timestamp} (s) {timestamp_ms} {date} ("Sun, 22 Nov 2026 14:30:00 GMT")
 *   {iso} ("2026-11-22T14:30:00Z") {nonce} (32 hex digits) {key_id} {body}
 *   {body_sha256} (hex) {body_sha256_base64}
 * and in the headers besides
 *   {signature} (hex) {signature_base64}
 * of HMAC-SHA256 (RFC 2104) over the text to sign. All else stands for itself; there is no way to
 * write a '{' that opens no name.
 */
#ifndef CHISO_FETCH_AUTH_H
#define CHISO_FETCH_AUTH_H

#include "fetch/secret.h"

/* RFC 7617, UTF-8. -EINVAL: a ':' in the user, or control characters; -ENOMEM. */
int fetch_auth_basic(const char *user, const fetch_secret_t *password, fetch_secret_t *header);
/* RFC 6750. -EINVAL: not printable ASCII without spaces; -ENOMEM. */
int fetch_auth_bearer(const fetch_secret_t *token, fetch_secret_t *header);

#define FETCH_SIGN_HEADERS 4
#define FETCH_SIGN_HEADER_MAX 4096

typedef struct {
    const char *to_sign;                     /* "{method}\n{target}\n{timestamp}\n{body_sha256}" */
    const char *headers[FETCH_SIGN_HEADERS]; /* "X-Signature: {signature}", NULL ends */
    const char *key_id;                      /* NULL: "" */
    const fetch_secret_t *key;
} fetch_signing_t;

/* For configuration time: names that are not known, a header that is none, no {signature} in any. 0
 * or -EINVAL and what is wrong. */
int fetch_sign_check(const fetch_signing_t *signing, char reason[FETCH_REASON_SIZE]);
/* Makes as many headers as there are templates, the rest zero. `wall_ms` is the time to state; a
 * NULL nonce is drawn at random. 0; -EINVAL; CHISO_E_TOO_BIG; -ENOMEM. */
int fetch_sign(const fetch_signing_t *signing, const fetch_request_t *request, int64_t wall_ms,
               const char *nonce, fetch_secret_t headers[FETCH_SIGN_HEADERS]);

#define HMAC_SHA256_SIZE 32
void hmac_sha256(bytes_t key, bytes_t message, uint8_t out[HMAC_SHA256_SIZE]);

#endif
