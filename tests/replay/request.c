/* request.c - see request.h. The public clients of the portal spell numbers now as JSON numbers,
 * now as texts; both are taken. */
#include "request.h"

#include "base/error.h"
#include "common/server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

static bool headers_are_right(const http_request_t *request)
{
    const char *type = http_header(request, "Content-Type");
    const char *with = http_header(request, "X-Requested-With");
    size_t len = strlen(FORM_TYPE);
    return type != NULL && strncasecmp(type, FORM_TYPE, len) == 0 &&
           (type[len] == '\0' || type[len] == ';' || type[len] == ' ') && with != NULL &&
           strcmp(with, "XMLHttpRequest") == 0;
}

/* The decoded value of the form field `params`. */
static int params_of(bytes_t body, buffer_t *out)
{
    static const char name[] = "params=";
    size_t begin = 0;
    while (begin < body.len) {
        const uint8_t *end = memchr(body.data + begin, '&', body.len - begin);
        size_t len = end != NULL ? (size_t)(end - body.data) - begin : body.len - begin;
        size_t skip = sizeof name - 1;
        if (len >= skip && memcmp(body.data + begin, name, skip) == 0) {
            return server_unescape(bytes_of(body.data + begin + skip, len - skip), true, out);
        }
        begin += len + 1;
    }
    return CHISO_E_SYNTAX;
}

/* A whole number that may be a text; absent and "" are 0. */
static int number_of(const json_t *params, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(params, key);
    const char *text = json_string_value(value);
    *out = 0;
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return *out >= 0 ? CHISO_OK : CHISO_E_SYNTAX;
    }
    if (value == NULL || (text != NULL && *text == '\0')) {
        return CHISO_OK;
    }
    return text != NULL ? server_number(text, 1000000000, out) : CHISO_E_SYNTAX;
}

static void series_of(const json_t *params, rest_request_t *out)
{
    int64_t unit, year, half, quarter, month;
    if (number_of(params, "p_tinh_id", &unit) != 0 || number_of(params, "p_nam", &year) != 0 ||
        number_of(params, "p_6thang", &half) != 0 || number_of(params, "p_quy", &quarter) != 0 ||
        number_of(params, "p_thang", &month) != 0) {
        return;
    }
    bool one = (half != 0) + (quarter != 0) + (month != 0) <= 1;
    if (!one || half > 2 || quarter > 4 || month > 12) {
        return;
    }
    char period[32] = "";
    if (half != 0) {
        snprintf(period, sizeof period, "-H%d", (int)half);
    } else if (quarter != 0) {
        snprintf(period, sizeof period, "-Q%d", (int)quarter);
    } else if (month != 0) {
        snprintf(period, sizeof period, "-%02d", (int)month);
    }
    snprintf(out->series, sizeof out->series, "%lld_%lld%s", (long long)unit, (long long)year,
             period);
}

int request_read(const http_request_t *request, rest_request_t *out)
{
    memset(out, 0, sizeof *out);
    if (!headers_are_right(request)) {
        return CHISO_E_PROTOCOL;
    }
    buffer_t text = BUFFER_INIT(64 * 1024);
    int rc = params_of(http_body(request), &text);
    json_t *params = rc == 0 ? json_loadb((const char *)text.data, text.len, 0, NULL) : NULL;
    buffer_free(&text);
    const char *service = json_string_value(json_object_get(params, "service"));
    if (service == NULL) {
        json_decref(params);
        return CHISO_E_SYNTAX;
    }
    snprintf(out->service, sizeof out->service, "%s", service);
    out->board = strcmp(service, "report_tinh_766_service") == 0;
    series_of(params, out);
    if (number_of(params, "pageIndex", &out->page_index) != 0 || out->page_index == 0) {
        out->page_index = 1;
    }
    if (number_of(params, "pageSize", &out->page_size) != 0) {
        out->page_size = 0;
    }
    json_decref(params);
    return CHISO_OK;
}
