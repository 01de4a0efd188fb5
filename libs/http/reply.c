/* reply.c - what a handler can read of a request, and the plain answers to it.
 *
 * Nothing here talks to the network: an answer is only decided; http.c queues it when the handler
 * has returned.
 */
#include "http/http_internal.h"

#include "base/clock.h"
#include "log/log.h"

#include <arpa/inet.h>
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

typedef struct {
    const char *name;
    unsigned n;
} count_t;

static enum MHD_Result count_name(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    (void)value;
    count_t *count = context;
    count->n += strcasecmp(name, count->name) == 0;
    return MHD_YES;
}

const char *http_header_once(const http_request_t *request, const char *name)
{
    count_t count = {.name = name};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_name, &count);
    return count.n == 1 ? http_header(request, name) : NULL;
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

typedef struct {
    const char *known, *beside;
} names_t;

static enum MHD_Result look_up(void *context, enum MHD_ValueKind kind, const char *name,
                               const char *value)
{
    (void)kind;
    (void)value;
    names_t *names = context;
    size_t len = strlen(name);
    const char *at = names->known;
    while (*at == ' ' && (strcspn(at + 1, " ") != len || strncmp(at + 1, name, len) != 0)) {
        at += 1 + strcspn(at + 1, " ");
    }
    names->beside = *at == ' ' || len == 0 ? NULL : name;
    return names->beside == NULL ? MHD_YES : MHD_NO;
}

const char *http_query_beside(const http_request_t *request, const char *known)
{
    names_t names = {.known = known};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, look_up, &names);
    return names.beside;
}

const char *http_peer(const http_request_t *request, char out[HTTP_ADDRESS_SIZE])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    *out = '\0';
    if (address != NULL && address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, out,
                  HTTP_ADDRESS_SIZE);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, out,
                  HTTP_ADDRESS_SIZE);
    }
    return out;
}

bytes_t http_body(const http_request_t *request)
{
    return buffer_bytes(&request->body);
}

void http_limit_body(http_request_t *request, size_t max)
{
    request->body.max = max < request->body.max ? max : request->body.max;
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
    buffer_t packed = http_compress(request, status, content_type, body);
    http_decide(request, status, content_type,
                response_of(status, packed.len > 0 ? buffer_bytes(&packed) : body));
    buffer_free(&packed);
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

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Yêu cầu không hợp lệ"},
        {401, "Chưa xác thực"},
        {403, "Không được phép"},
        {404, "Không tìm thấy"},
        {405, "Phương thức không được hỗ trợ"},
        {406, "Không có định dạng được yêu cầu"},
        {409, "Xung đột"},
        {410, "Không còn nữa"},
        {413, "Nội dung quá lớn"},
        {415, "Định dạng không được hỗ trợ"},
        {422, "Nội dung không xử lý được"},
        {429, "Quá nhiều yêu cầu"},
        {500, "Lỗi máy chủ"},
        {502, "Nguồn trả lời không hợp lệ"},
        {503, "Tạm thời không phục vụ được"},
        {504, "Nguồn không trả lời kịp"},
        {507, "Hết chỗ lưu trữ"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return MHD_get_reason_phrase_for((unsigned)status);
}

void http_reply_problem(http_request_t *request, int status, const char *format, ...)
{
    char detail[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    json_t *problem =
        json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title", title_of(status),
                  "status", status, "detail", json_of_detail(detail));
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
