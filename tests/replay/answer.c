/* answer.c - see answer.h. A fault changes either the rows, before they become a text, or the way
 * the text is sent; so every mode is one line in one of two tables of cases. */
#include "answer.h"

#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define JSON_TYPE "application/json;charset=UTF-8"
#define HTML_TYPE "text/html; charset=utf-8"
#define HUGE_SIZE ((size_t)65 * 1024 * 1024)

const char *const answer_modes[] = {
    "normal",         "block",         "error503",      "slow",       "truncated",
    "truncated_json", "wrong_sum",     "changed_field", "huge",       "empty",
    "status500",      "html404",       "not_array",     "bad_number", "missing_row",
    "unknown_id",     "duplicate_row", "cloudflare",    "status401",  "status403",
    "status419",      "status429",     "busy503",       "redirect",   "mislabelled",
    "gzip",           "echo",          "echo401",       NULL,
};

int answer_block(http_request_t *request, int64_t support_id)
{
    buffer_t page = BUFFER_INIT(1024);
    buffer_printf(&page,
                  "<html><head><title>Request Rejected</title></head><body>The requested URL was "
                  "rejected. Please consult with your administrator.<br><br>Your support ID is: "
                  "%lld<br><br><a href='javascript:history.back();'>[Go Back]</a></body></html>",
                  (long long)support_id);
    http_set_header(request, "Cache-Control", "no-cache");
    http_reply(request, 200, HTML_TYPE, buffer_bytes(&page));
    buffer_free(&page);
    return 200;
}

static int html(http_request_t *request, int status, const char *title)
{
    buffer_t page = BUFFER_INIT(1024);
    buffer_printf(&page,
                  "<!DOCTYPE html>\n<html><head><title>%d %s</title></head>"
                  "<body><h1>%s</h1></body></html>\n",
                  status, title, title);
    http_reply(request, status, HTML_TYPE, buffer_bytes(&page));
    buffer_free(&page);
    return status;
}

/* Objects keep their order, so a renamed key keeps its place only if all are put in anew. */
static void rename_field(json_t *row, const char *from, const char *to)
{
    json_t *old = json_copy(row);
    const char *key;
    json_t *value;
    json_object_clear(row);
    json_object_foreach(old, key, value)
    {
        json_object_set(row, strcmp(key, from) == 0 ? to : key, value);
    }
    json_decref(old);
}

static void rename_everywhere(json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        rename_field(row, "TTTT", "TTTT2");
    }
}

static void spoil_sum(json_t *row)
{
    int64_t sum;
    char text[CENTS_SIZE];
    const char *total = json_string_value(json_object_get(row, "TONG_SCORE"));
    if (total != NULL && cents_parse(total, &sum) == 0) {
        json_object_set_new(row, "TONG_SCORE", json_string(cents_format(sum + 100, text)));
    }
}

static void spoil_rows(int mode, json_t *rows)
{
    json_t *first = json_array_get(rows, 0);
    if (mode == MODE_EMPTY) {
        json_array_clear(rows);
    }
    if (first == NULL) {
        return;
    }
    switch (mode) {
    case MODE_WRONG_SUM:
        spoil_sum(first);
        break;
    case MODE_CHANGED_FIELD:
        rename_everywhere(rows);
        break;
    case MODE_BAD_NUMBER:
        json_object_set_new(first, "MDHL", json_string("mười"));
        break;
    case MODE_MISSING_ROW:
        json_array_remove(rows, 0);
        break;
    case MODE_UNKNOWN_ID:
        json_object_set_new(first, "ID", json_string("999999"));
        json_object_set_new(first, "ID_COQUAN", json_string("999999"));
        break;
    case MODE_DUPLICATE_ROW:
        json_array_append_new(rows, json_deep_copy(first));
        break;
    default:
        break;
    }
}

/* The same rows again and again, until the array is that long. */
static void make_huge(buffer_t *out, const char *text, size_t len, size_t size)
{
    static const char row[] = "{\"ID\":\"1\",\"TEN\":\"-\"}";
    bytes_t one = len > 2 ? bytes_of(text + 1, len - 2) : bytes_of_text(row);
    buffer_append_text(out, "[");
    while (!out->failed && out->len + one.len + 2 <= size) {
        if (out->len > 1) {
            buffer_append_text(out, ",");
        }
        buffer_append(out, one.data, one.len);
    }
    /* white space up to the size: valid, and exactly as long as it was asked for */
    while (!out->failed && out->len + 1 < size) {
        buffer_append_text(out, "\n");
    }
    buffer_append_text(out, "]");
}

static int reply_huge(http_request_t *request, const tests_mode_t *options, bytes_t text)
{
    size_t size = options->size > 0 ? (size_t)options->size : HUGE_SIZE;
    buffer_t out = BUFFER_INIT(size + 16);
    make_huge(&out, (const char *)text.data, text.len, size);
    http_reply(request, 200, JSON_TYPE, buffer_bytes(&out));
    buffer_free(&out);
    return 200;
}

/* As a client says that it understands: a body half of which is no longer text. */
static int reply_gzip(http_request_t *request, const char *type, bytes_t text)
{
    z_stream z = {0};
    buffer_t out = BUFFER_INIT(text.len + 1024);
    uint8_t chunk[16384];
    int rc = deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (uint8_t *)(uintptr_t)text.data;
    z.avail_in = (uInt)text.len;
    while (rc == Z_OK) {
        z.next_out = chunk;
        z.avail_out = sizeof chunk;
        rc = deflate(&z, Z_FINISH);
        buffer_append(&out, chunk, sizeof chunk - z.avail_out);
    }
    deflateEnd(&z);
    http_set_header(request, "Content-Encoding", "gzip");
    http_reply(request, 200, type, buffer_bytes(&out));
    buffer_free(&out);
    return 200;
}

static int challenge(http_request_t *request)
{
    http_set_header(request, "cf-mitigated", "challenge");
    http_reply(request, 200, HTML_TYPE,
               bytes_of_text("<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment..."
                             "</title></head><body><noscript>Enable JavaScript and cookies to "
                             "continue</noscript></body></html>"));
    return 200;
}

static int redirect(http_request_t *request)
{
    http_set_header(request, "Location", http_path(request));
    http_reply(request, 307, HTML_TYPE, bytes_of_text(""));
    return 307;
}

static int reply_503(http_request_t *request, const tests_mode_t *options)
{
    buffer_t seconds = BUFFER_INIT(32);
    buffer_printf(&seconds, "%lld", (long long)options->retry_after);
    http_set_header(request, "Retry-After", buffer_text(&seconds));
    buffer_free(&seconds);
    return html(request, 503, "Service Unavailable");
}

/* As a debugging page does that somebody forgot to switch off. */
static int echo(http_request_t *request, int status, const char *type, bytes_t text)
{
    static const char *const headers[] = {"Authorization", "X-Api-Key"};
    buffer_t all = BUFFER_INIT(HUGE_SIZE);
    bytes_t asked = http_body(request);
    buffer_append(&all, text.data, text.len);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        const char *value = http_header(request, headers[i]);
        buffer_printf(&all, "\n%s: %s", headers[i], value != NULL ? value : "");
    }
    buffer_append_text(&all, "\n");
    buffer_append(&all, asked.data, asked.len);
    http_reply(request, status, type, buffer_bytes(&all));
    buffer_free(&all);
    return status;
}

int answer_body(http_request_t *request, int mode, const tests_mode_t *options, const char *type,
                bytes_t text, int64_t support_id)
{
    switch (mode) {
    case MODE_BLOCK:
        return answer_block(request, support_id);
    case MODE_CLOUDFLARE:
        return challenge(request);
    case MODE_ERROR503:
        return reply_503(request, options);
    case MODE_BUSY503:
        return html(request, 503, "Service Unavailable");
    case MODE_STATUS429:
        return html(request, 429, "Too Many Requests");
    case MODE_STATUS500:
        return html(request, 500, "Internal Server Error");
    case MODE_STATUS401:
        return html(request, 401, "Unauthorized");
    case MODE_STATUS403:
        return html(request, 403, "Forbidden");
    case MODE_STATUS419:
        return html(request, 419, "Page Expired");
    case MODE_HTML404:
        return html(request, 404, "Not Found");
    case MODE_REDIRECT:
        return redirect(request);
    case MODE_SLOW:
        http_reply_badly(request, 200, type, text, options->delay_ms, SIZE_MAX);
        return 200;
    case MODE_TRUNCATED:
        http_reply_badly(request, 200, type, text, 0, text.len / 2);
        return 200;
    case MODE_TRUNCATED_JSON:
        http_reply(request, 200, type, bytes_of(text.data, text.len / 2));
        return 200;
    case MODE_HUGE:
        return reply_huge(request, options, text);
    case MODE_MISLABELLED:
        http_reply(request, 200, "text/plain; charset=iso-8859-1", text);
        return 200;
    case MODE_GZIP:
        return reply_gzip(request, type, text);
    case MODE_ECHO:
        return echo(request, 200, type, text);
    case MODE_ECHO401:
        return echo(request, 401, type, text);
    case MODE_NOT_ARRAY:
        http_reply(request, 200, JSON_TYPE,
                   bytes_of_text("{\"message\":\"Hệ thống đang bận, vui lòng thử lại sau\"}"));
        return 200;
    default:
        http_reply(request, 200, type, text);
        return 200;
    }
}

int answer_rows(http_request_t *request, int mode, const tests_mode_t *options, json_t *rows,
                int64_t support_id)
{
    spoil_rows(mode, rows);
    char *text = json_dumps(rows, JSON_COMPACT);
    int status = text != NULL ? answer_body(request, mode, options, JSON_TYPE, bytes_of_text(text),
                                            support_id)
                              : html(request, 500, "Out of memory");
    free(text);
    json_decref(rows);
    return status;
}
