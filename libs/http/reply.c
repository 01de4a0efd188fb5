/* reply.c - what a handler can read of a request, and the plain answers to it.
 *
 * Nothing here talks to the network: an answer is only decided; http.c queues it when the handler
 * has returned.
 */
#include "http/http_internal.h"

#include "base/clock.h"
#include "log/log.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUT_BLOCK 8192

const char *http_method(const http_request_t *request)
{
    return request->method;
}

const char *http_path(const http_request_t *request)
{
    return request->path;
}

const char *http_header(const http_request_t *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_query(const http_request_t *request, const char *name)
{
    const char *value = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, &len) != MHD_YES ||
        value == NULL) {
        return NULL;
    }
    /* a %00 would let the handler see something else than was sent */
    return strlen(value) == len ? value : NULL;
}

bytes_t http_body(const http_request_t *request)
{
    return buffer_bytes(&request->body);
}

void http_set_header(http_request_t *request, const char *name, const char *value)
{
    http_header_t *h = calloc(1, sizeof *h);
    char *name_copy = strdup(name);
    char *value_copy = strdup(value);
    if (h == NULL || name_copy == NULL || value_copy == NULL) {
        free(h);
        free(name_copy);
        free(value_copy);
        return;
    }
    h->name = name_copy;
    h->value = value_copy;
    h->next = request->headers;
    request->headers = h;
}

void http_drop_headers(http_request_t *request)
{
    while (request->headers != NULL) {
        http_header_t *h = request->headers;
        request->headers = h->next;
        free(h->name);
        free(h->value);
        free(h);
    }
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (MHD_add_response_header(response, name, value) != MHD_YES) {
        log_debug("http header refused", "name", name, NULL); /* a line break in it */
    }
}

void http_decide(http_request_t *request, int status, const char *content_type,
                 struct MHD_Response *response)
{
    assert(!request->answered);
    if (request->answered) { /* without assertions the first answer stands */
        if (response != NULL) {
            MHD_destroy_response(response);
        }
        return;
    }
    request->answered = true;
    request->status = status;
    request->response = response;
    if (response == NULL) {
        return;
    }
    if (content_type != NULL) {
        add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    }
    for (const http_header_t *h = request->headers; h != NULL; h = h->next) {
        add_header(response, h->name, h->value);
    }
}

static struct MHD_Response *response_of(int status, bytes_t body)
{
    bool bodyless = status == MHD_HTTP_NO_CONTENT || status == MHD_HTTP_NOT_MODIFIED;
    /* MHD copies; the const is lost only in its signature */
    return MHD_create_response_from_buffer(bodyless ? 0 : body.len, (void *)(uintptr_t)body.data,
                                           MHD_RESPMEM_MUST_COPY);
}

void http_reply(http_request_t *request, int status, const char *content_type, bytes_t body)
{
    http_decide(request, status, content_type, response_of(status, body));
}

/* The detail may quote what a client sent, which need not be UTF-8. */
static json_t *json_of_detail(char *detail)
{
    json_t *json = json_string(detail);
    if (json == NULL) {
        for (char *c = detail; *c != '\0'; c++) {
            *c = (*c & 0x80) != 0 ? '?' : *c;
        }
        json = json_string(detail);
    }
    return json;
}

void http_reply_problem(http_request_t *request, int status, const char *format, ...)
{
    char detail[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    json_t *problem = json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title",
                                MHD_get_reason_phrase_for((unsigned)status), "status", status,
                                "detail", json_of_detail(detail));
    char *text = problem != NULL ? json_dumps(problem, JSON_COMPACT) : NULL;
    json_decref(problem);
    http_reply(request, status, "application/problem+json",
               bytes_of_text(text != NULL ? text : "{}"));
    free(text);
}

/* A body of which the client gets only the beginning. */
typedef struct {
    size_t cut;
    uint8_t data[];
} cut_body_t;

static ssize_t read_cut(void *context, uint64_t pos, char *out, size_t max)
{
    const cut_body_t *body = context;
    if (pos >= body->cut) {
        return MHD_CONTENT_READER_END_WITH_ERROR; /* MHD then closes the connection */
    }
    size_t left = body->cut - (size_t)pos;
    size_t n = left < max ? left : max;
    memcpy(out, body->data + pos, n);
    return (ssize_t)n;
}

static struct MHD_Response *cut_response(bytes_t body, size_t cut)
{
    cut_body_t *copy = malloc(sizeof *copy + cut);
    if (copy == NULL) {
        return NULL;
    }
    copy->cut = cut;
    if (cut > 0) {
        memcpy(copy->data, body.data, cut);
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(body.len, CUT_BLOCK, read_cut, copy, free);
    if (response == NULL) {
        free(copy);
    }
    return response;
}

void http_reply_badly(http_request_t *request, int status, const char *content_type, bytes_t body,
                      int64_t delay_ms, size_t cut)
{
    if (status == 0) {
        http_decide(request, status, NULL, NULL);
        return;
    }
    request->due = delay_ms > 0 ? clock_mono_ms() + delay_ms : 0;
    http_decide(request, status, content_type,
                cut < body.len ? cut_response(body, cut) : response_of(status, body));
}
