/* documents.c - the API's own description, built into the program: docs/api/openapi.json and
 * asyncapi.json. The raw body of a figure stands here too, as it is not ours either. */
#include "answers.h"
#include "publisher/relay.h"

#include <sodium.h>
#include <string.h>

/* The file's bytes between two labels. */
#define FILE_AS(name, path)                                                                        \
    __asm__(".section .rodata\n.global " #name "\n.global " #name "_end\n" #name                   \
            ":\n.incbin \"" path "\"\n" #name "_end:\n.previous\n");                               \
    extern const uint8_t name[];                                                                   \
    extern const uint8_t name##_end[]

FILE_AS(api_openapi_json, CHISO_API_DOCS "/openapi.json");
FILE_AS(api_asyncapi_json, CHISO_API_DOCS "/asyncapi.json");

static void answer_document(const call_t *call, const uint8_t *from, const uint8_t *to)
{
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    buffer_append(&body, from, (size_t)(to - from));
    call_answer_json(call, &body);
}

void answer_openapi(const call_t *call)
{
    answer_document(call, api_openapi_json, api_openapi_json_end);
}

void answer_asyncapi(const call_t *call)
{
    answer_document(call, api_asyncapi_json, api_asyncapi_json_end);
}

void answer_raw(const call_t *call)
{
    uint8_t hash[SHA256_SIZE];
    const char *text = call->names[0];
    size_t len = 0;
    if (strlen(text) != SHA256_HEX_SIZE - 1 ||
        strspn(text, "0123456789abcdef") != SHA256_HEX_SIZE - 1 ||
        sodium_hex2bin(hash, sizeof hash, text, strlen(text), NULL, &len, NULL) != 0) {
        http_reply_problem(call->request, 400, "'%.80s'; expected a SHA-256 in 64 small hex digits",
                           text);
        return;
    }
    store_txn_t *txn = store_read(call->api->model->store);
    bool is_public = model_body_is_public(txn, hash);
    if (!call_end(call, &txn)) {
        return;
    }
    if (is_public) {
        relay_get(call->api->relay, call->request, hash);
    } else {
        http_reply_problem(call->request, 404,
                           "no figure here was read by a machine from a body with that SHA-256; "
                           "what units hand in is not public");
    }
}
