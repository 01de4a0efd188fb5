/* target.c - what dialects have in common, see target.h. */
#include "target.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const target_dialect_t *const dialects[] = {&target_cloudevents, &target_ckan,
                                                   &target_lgsp_vnpt,   &target_lgsp_opencps,
                                                   &target_ngsi_ld,     &target_file};
#define N_DIALECTS (sizeof dialects / sizeof dialects[0])

const target_dialect_t *target_dialect(const char *name)
{
    for (size_t i = 0; i < N_DIALECTS; i++) {
        if (strcmp(dialects[i]->name, name) == 0) {
            return dialects[i];
        }
    }
    return NULL;
}

const char *target_names(void)
{
    return "cloudevents, ckan, lgsp-vnpt, lgsp-opencps, ngsi-ld or file";
}

/* ---- requests ---- */

void outgoing_begin(outgoing_t *out, const char *method, const char *url)
{
    *out = (outgoing_t){
        .method = method, .url = BUFFER_INIT(8192), .body = BUFFER_INIT(TARGET_MAX_REQUEST)};
    buffer_append_text(&out->url, url);
}

void outgoing_header(outgoing_t *out, const char *format, ...)
{
    char line[8192];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof line || out->n_headers == FETCH_MAX_HEADERS) {
        out->failed = true;
        return;
    }
    buffer_t *header = &out->headers[out->n_headers++];
    *header = (buffer_t)BUFFER_INIT(sizeof line);
    buffer_append_text(header, line);
    out->failed = out->failed || buffer_text(header) == NULL;
}

int outgoing_status(const outgoing_t *out)
{
    return out->failed || out->url.failed || out->body.failed ? CHISO_E_TOO_BIG : 0;
}

void outgoing_free(outgoing_t *out)
{
    buffer_free(&out->url);
    buffer_free(&out->body);
    for (size_t i = 0; i < out->n_headers; i++) {
        buffer_free(&out->headers[i]);
    }
    *out = (outgoing_t){0};
}

void target_append_path(buffer_t *url, const char *path)
{
    while (url->len > 0 && url->data[url->len - 1] == '/') {
        url->len--;
    }
    buffer_append_text(url, path);
}

/* ---- answers ---- */

void target_reason(const fetch_answer_t *a, const char *prefix, char out[TARGET_REASON_SIZE])
{
    if (a->result != FETCH_ANSWERED) {
        snprintf(out, TARGET_REASON_SIZE, "%.250s", a->reason);
        return;
    }
    char said[160];
    size_t n = 0;
    for (size_t i = 0; i < a->body.len && n < sizeof said - 1; i++) {
        char c = (char)a->body.data[i];
        said[n++] = c >= ' ' && c <= '~' ? c : '?';
    }
    said[n] = '\0';
    snprintf(out, TARGET_REASON_SIZE, "%s%s%s", prefix, n > 0 ? ": " : "", said);
}

static bool holds(const fetch_answer_t *a, const char *tag)
{
    size_t n = strlen(tag);
    size_t most = a->body.len < 4096 ? a->body.len : 4096;
    for (size_t i = 0; i + n <= most; i++) {
        if (strncasecmp((const char *)a->body.data + i, tag, n) == 0) {
            return true;
        }
    }
    return false;
}

/* By its bytes: many a server calls an empty answer, or JSON, text/html. */
bool target_is_page(const fetch_answer_t *a)
{
    size_t i = 0;
    while (i < a->body.len &&
           (strchr(" \t\r\n", a->body.data[i]) != NULL || a->body.data[i] == 0xEF ||
            a->body.data[i] == 0xBB || a->body.data[i] == 0xBF)) {
        i++;
    }
    bool html = strncasecmp(a->content_type, "text/html", 9) == 0;
    return (i < a->body.len && a->body.data[i] == '<') ||
           (html && (holds(a, "<html") || holds(a, "<body")));
}

json_t *target_json(const fetch_answer_t *a)
{
    return json_loadb((const char *)a->body.data, a->body.len, JSON_DECODE_ANY, NULL);
}

/* What may pass later is tried again: trouble, overload, 409 (the first request with this key is
 * still under way there), and what an operator can put right (credentials, address). */
static bool is_final(long status)
{
    static const long never[] = {400, 405, 406, 410, 411, 412, 413, 414,
                                 415, 416, 417, 422, 424, 428, 431, 451};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (status == never[i]) {
            return true;
        }
    }
    return false;
}

void target_judge_http(const fetch_answer_t *a, judgement_t *out)
{
    char prefix[64];
    *out = (judgement_t){.verdict = CHISO_RETRY};
    bool answered = a->result == FETCH_ANSWERED || a->result == FETCH_TOO_BIG;
    bool good = answered && a->status >= 200 && a->status < 300;
    snprintf(prefix, sizeof prefix, "HTTP status %ld", a->status);
    if (good && target_is_page(a)) {
        snprintf(out->reason, sizeof out->reason, "a page instead of an answer, HTTP status %ld",
                 a->status);
    } else if (good) {
        out->verdict = CHISO_ACCEPT;
    } else {
        out->verdict = answered && is_final(a->status) ? CHISO_REJECT : CHISO_RETRY;
        target_reason(a, prefix, out->reason);
    }
}
