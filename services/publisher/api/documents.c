/* documents.c - the API's own description, built into the program: docs/api/openapi.json and
 * asyncapi.json. The raw body of a figure stands here too, as it is not ours either. */
#include "answers.h"
#include "publisher/relay.h"

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
    relay_get(call->api->relay, call->request, call->names[0]);
}
