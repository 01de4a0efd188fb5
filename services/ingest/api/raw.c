/* raw.c - bodies out of the archive: what sources answered, and files that were handed in.
 *
 * They are other people's bytes: a page among them must not run as ours. So they are told as
 * attachments, of a type that was seen in the bytes or none, and sandboxed should a browser show
 * them all the same.
 */
#include "answers.h"

#include "base/error.h"
#include "ingest/evidence.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define RAW_MAX (64 * 1024 * 1024) /* the largest max_body of a source */

static bool read_hash(const char *text, uint8_t out[SHA256_SIZE])
{
    size_t len = 0;
    const char *end = text;
    return strlen(text) == SHA256_HEX_SIZE - 1 &&
           sodium_hex2bin(out, SHA256_SIZE, text, strlen(text), NULL, &len, &end) == 0 &&
           len == SHA256_SIZE && *end == '\0';
}

/* What was handed in is for those who work with it (a reader may be a publisher, that tells
 * everybody what it reads); what sources answered is for all but submitters. Whether there is such
 * a body, who may not read it is not told. */
static bool may_read(const door_call_t *call, const uint8_t hash[SHA256_SIZE],
                     const char **media_type)
{
    evidence_known_t known;
    store_txn_t *txn = store_read(call->in->store);
    bool handed_in = evidence_find(txn, hash, &known);
    bool open = handed_in ? evidence_open_to(txn, hash, call->token, call->in->config->units)
                          : call->token == NULL || call->token->role != TOKEN_SUBMITTER;
    store_abort(&txn);
    if (handed_in && !known.rows) {
        *media_type = evidence_media_type(known.type);
    }
    return open;
}

static void set_headers(http_request_t *request, const uint8_t hash[SHA256_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    char value[160];
    sha256_hex(hash, hex);
    snprintf(value, sizeof value, "attachment; filename=\"%s\"", hex);
    http_set_header(request, "Content-Disposition", value);
    snprintf(value, sizeof value, "\"%s\"", hex);
    http_set_header(request, "ETag", value);
    http_set_header(request, "X-Content-Type-Options", "nosniff");
    http_set_header(request, "Content-Security-Policy", "default-src 'none'; sandbox");
    http_set_header(request, "Cache-Control", "private, max-age=31536000, immutable");
}

void answer_raw(const door_call_t *call)
{
    uint8_t hash[SHA256_SIZE];
    buffer_t body = BUFFER_INIT(RAW_MAX);
    if (!read_hash(call->name, hash)) {
        http_reply_problem(call->request, 400, "'%.80s'; expected the 64 hex digits of a SHA-256",
                           call->name);
        return;
    }
    const char *media_type = "application/octet-stream";
    int rc = may_read(call, hash, &media_type) ? archive_read(call->in->archive, hash, &body)
                                               : CHISO_E_NOT_FOUND;
    if (rc == 0) {
        set_headers(call->request, hash);
        http_reply(call->request, 200, media_type, buffer_bytes(&body));
    } else if (rc == CHISO_E_NOT_FOUND) {
        http_reply_problem(call->request, 404,
                           "there is no body with this SHA-256, or none for this token");
    } else {
        http_reply_problem(call->request, 500, "the body cannot be read: %s", chiso_strerror(rc));
    }
    buffer_free(&body);
}
