/* document.c - see document.h.
 *
 * The scan knows just enough of JSON to tell strings from what stands between them; what it does
 * not understand it copies, so that jansson is the one that refuses. It also counts, because a tree
 * takes up to a hundred times the bytes of "[{},{},…" and the limit must come before the memory.
 *
 * A number becomes "\u0001N1.50". A string that itself begins with \u0001 (never yet seen) gets
 * "\u0001S" in front, so nothing a source sends can pass for a number.
 */
#include "extract/document.h"

#include "base/error.h"
#include "text/text.h"
#include "json/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MARK_SIZE 2

typedef struct {
    const uint8_t *at, *end;
    buffer_t *out;
    char *reason;
    size_t line, depth, values;
    bool number; /* the last token was one */
} scan_t;

static int refuse(scan_t *s, const char *what)
{
    snprintf(s->reason, EXTRACT_REASON_SIZE, "line %zu: %s", s->line, what);
    return CHISO_E_SYNTAX;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

/* The length of the JSON number at the head of the text, 0 when there is none. */
static size_t number_length(const uint8_t *text, size_t len)
{
    size_t i = len > 0 && text[0] == '-' ? 1 : 0;
    size_t from = i;
    while (i < len && is_digit(text[i])) {
        i++;
    }
    if (i == from || (text[from] == '0' && i > from + 1)) {
        return 0;
    }
    if (i < len && text[i] == '.') {
        from = ++i;
        while (i < len && is_digit(text[i])) {
            i++;
        }
        if (i == from) {
            return 0;
        }
    }
    if (i < len && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        i += i < len && (text[i] == '+' || text[i] == '-') ? 1 : 0;
        from = i;
        while (i < len && is_digit(text[i])) {
            i++;
        }
        if (i == from) {
            return 0;
        }
    }
    return i;
}

static void scan_string(scan_t *s)
{
    const uint8_t *from = s->at++;
    while (s->at < s->end && *s->at != '"') {
        s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
    }
    s->at = s->at < s->end ? s->at + 1 : s->end;
    size_t len = (size_t)(s->at - from);
    if (len > 7 && memcmp(from, "\"\\u0001", 7) == 0) {
        buffer_append_text(s->out, "\"\\u0001S");
        buffer_append(s->out, from + 1, len - 1);
    } else {
        buffer_append(s->out, from, len);
    }
}

static int scan_bare(scan_t *s)
{
    static const char *const others[] = {"NaN", "Infinity", "-Infinity", "-NaN", "undefined"};
    size_t left = (size_t)(s->end - s->at);
    size_t len = number_length(s->at, left);
    if (len > 0) {
        buffer_append_text(s->out, "\"\\u0001N");
        buffer_append(s->out, s->at, len);
        buffer_append_text(s->out, "\"");
        s->at += len;
        s->number = true;
        return 0;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        len = strlen(others[i]);
        if (left >= len && memcmp(s->at, others[i], len) == 0) {
            char text[64];
            snprintf(text, sizeof text, "%s is not a JSON value", others[i]);
            return refuse(s, text);
        }
    }
    do { /* the word whole: a digit inside it begins no number */
        buffer_append(s->out, s->at++, 1);
    } while (s->at < s->end &&
             (is_digit(*s->at) || (*s->at >= 'a' && *s->at <= 'z') ||
              (*s->at >= 'A' && *s->at <= 'Z') || strchr("+-._", *s->at)) &&
             *s->at != '\0');
    return 0;
}

static int scan_one(scan_t *s)
{
    uint8_t c = *s->at;
    bool number = s->number;
    s->number = number && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
    switch (c) {
    case '"':
        scan_string(s);
        return 0;
    case '[':
    case '{':
        s->values += 1; /* an empty one is a value too, and the most costly */
        if (++s->depth > EXTRACT_MAX_DEPTH) {
            return refuse(s, "nested too deeply");
        }
        break;
    case ']':
    case '}':
        s->depth -= s->depth > 0 ? 1 : 0;
        break;
    case ',':
        s->values++;
        break;
    case '\n':
        s->line++;
        break;
    case ' ':
    case '\t':
    case '\r':
        break;
    case ':':
        if (number) { /* a string by now, so jansson would take it */
            return refuse(s, "a number as a key");
        }
        break;
    default:
        return scan_bare(s);
    }
    buffer_append(s->out, s->at++, 1);
    return s->values <= EXTRACT_MAX_VALUES ? 0 : refuse(s, "more values than the limit");
}

static int explain(const json_error_t *error, bytes_t body, char reason[EXTRACT_REASON_SIZE])
{
    enum json_error_code code = json_error_code(error);
    /* what jansson quotes is the rewritten text, cut anywhere */
    const char *near = strstr(error->text, " near ");
    int len = near != NULL ? (int)(near - error->text) : (int)strlen(error->text);
    if (code == json_error_out_of_memory) {
        return -ENOMEM;
    }
    if (code == json_error_premature_end_of_input) {
        snprintf(reason, EXTRACT_REASON_SIZE, "the body is cut: it ends after %zu bytes, line %d",
                 body.len, error->line);
    } else {
        snprintf(reason, EXTRACT_REASON_SIZE, "line %d: %.*s", error->line, len < 120 ? len : 120,
                 error->text);
    }
    for (char *c = reason; *c != '\0'; c++) {
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
    }
    return CHISO_E_SYNTAX;
}

/* Is what is not UTF-8 the beginning of a character whose rest is missing? */
static bool is_cut(bytes_t body, size_t good)
{
    uint8_t lead = body.data[good];
    size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    for (size_t i = good + 1; i < body.len; i++) {
        need = (body.data[i] & 0xC0) == 0x80 ? need : 0;
    }
    return body.len - good < need;
}

int document_parse(bytes_t body, char reason[EXTRACT_REASON_SIZE], json_t **out)
{
    if (body.len > EXTRACT_MAX_BODY) {
        snprintf(reason, EXTRACT_REASON_SIZE, "larger than %d bytes", EXTRACT_MAX_BODY);
        return CHISO_E_SYNTAX;
    }
    if (body.len >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0) {
        snprintf(reason, EXTRACT_REASON_SIZE, "a byte-order mark, which JSON does not have");
        return CHISO_E_SYNTAX;
    }
    size_t good = body.len > 0 ? text_valid((const char *)body.data, body.len) : 0;
    if (good < body.len) {
        snprintf(reason, EXTRACT_REASON_SIZE,
                 is_cut(body, good) ? "the body is cut: it ends after %zu bytes, inside a character"
                                    : "not UTF-8 from byte %zu on",
                 good);
        return CHISO_E_SYNTAX;
    }
    /* jansson swallows one behind a word or a number */
    const uint8_t *nul = body.len > 0 ? memchr(body.data, '\0', body.len) : NULL;
    if (nul != NULL) {
        snprintf(reason, EXTRACT_REASON_SIZE, "a NUL as byte %zu, which JSON does not have",
                 (size_t)(nul - body.data));
        return CHISO_E_SYNTAX;
    }
    buffer_t text = BUFFER_INIT(body.len + 16 + (size_t)EXTRACT_MAX_VALUES * 16);
    scan_t s = {body.data, body.len > 0 ? body.data + body.len : body.data, &text, reason, 1, 0, 0,
                false};
    int rc = 0;
    while (rc == 0 && s.at < s.end) {
        rc = scan_one(&s);
    }
    json_t *json = NULL;
    if (rc == 0 && text.failed) {
        rc = -ENOMEM;
    } else if (rc == 0) {
        json_error_t error;
        json = json_loadb(text.data != NULL ? (const char *)text.data : "", text.len,
                          JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        rc = json != NULL ? 0 : explain(&error, body, reason);
    }
    buffer_free(&text);
    if (rc == 0) {
        *out = json;
    }
    return rc;
}

bytes_t document_text(const json_t *value)
{
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        size_t len = json_string_length(value);
        size_t mark = len >= MARK_SIZE && text[0] == '\x01' ? MARK_SIZE : 0;
        return bytes_of(text + mark, len - mark);
    }
    return json_is_true(value)    ? bytes_of_text("true")
           : json_is_false(value) ? bytes_of_text("false")
                                  : bytes_of(NULL, 0);
}

/* A string with its escapes; NUL, which jw_text cannot hold, included. */
static void write_string(bytes_t text, buffer_t *out)
{
    static const char hex[] = "0123456789abcdef";
    buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\') {
            buffer_append(out, "\\", 1);
            buffer_append(out, &c, 1);
        } else if (c < ' ') {
            char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            buffer_append(out, escape, sizeof escape);
        } else {
            buffer_append(out, &c, 1);
        }
    }
    buffer_append(out, "\"", 1);
}

static void write_object(const json_t *object, buffer_t *out)
{
    const char *key;
    json_t *value;
    const char *before = "{";
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t mark = key[0] == '\x01' && key[1] != '\0' ? MARK_SIZE : 0;
        buffer_append_text(out, before);
        write_string(bytes_of_text(key + mark), out);
        buffer_append(out, ":", 1);
        document_write(value, out);
        before = ",";
    }
    buffer_append_text(out, *before == '{' ? "{}" : "}");
}

void document_write(const json_t *value, buffer_t *out)
{
    bytes_t text = document_text(value);
    size_t i;
    json_t *element;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(value, out);
        break;
    case JSON_ARRAY:
        buffer_append(out, "[", 1);
        json_array_foreach(value, i, element)
        {
            buffer_append(out, ",", i > 0 ? 1 : 0);
            document_write(element, out);
        }
        buffer_append(out, "]", 1);
        break;
    case JSON_STRING:
        if (text.data != (const uint8_t *)json_string_value(value) &&
            json_string_value(value)[1] == 'N') {
            buffer_append(out, text.data, text.len);
        } else {
            write_string(text, out);
        }
        break;
    default:
        buffer_append_text(out, json_is_null(value) ? "null" : (const char *)text.data);
        break;
    }
}

/* ---- pointers ---- */

bool pointer_is_good(const char *pointer)
{
    if (strlen(pointer) > EXTRACT_MAX_POINTER || (*pointer != '\0' && *pointer != '/')) {
        return false;
    }
    for (const char *c = pointer; *c != '\0'; c++) {
        if (*c == '~' && c[1] != '0' && c[1] != '1') {
            return false;
        }
    }
    return true;
}

bool pointer_is_every(const char *pointer)
{
    return pointer[0] == '/' && pointer[1] == '-' && (pointer[2] == '\0' || pointer[2] == '/');
}

static json_t *element_of(const json_t *array, const char *token, size_t len)
{
    size_t index = 0;
    if (len == 0 || len > 9 || (token[0] == '0' && len > 1)) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(token[i])) {
            return NULL;
        }
        index = index * 10 + (size_t)(token[i] - '0');
    }
    return json_array_get(array, index);
}

json_t *pointer_step(const json_t *from, const char *pointer, const char **rest)
{
    char key[EXTRACT_MAX_POINTER + 1];
    size_t len = 0;
    const char *c = pointer + 1;
    for (; *c != '\0' && *c != '/' && len < EXTRACT_MAX_POINTER; c++) {
        if (*c == '~' && (c[1] == '0' || c[1] == '1')) {
            c++;
            key[len++] = *c == '0' ? '~' : '/';
        } else {
            key[len++] = *c;
        }
    }
    key[len] = '\0';
    *rest = c;
    return json_is_array(from) ? element_of(from, key, len) : json_object_get(from, key);
}

json_t *pointer_get(json_t *from, const char *pointer)
{
    while (from != NULL && *pointer != '\0') {
        from = pointer_step(from, pointer, &pointer);
    }
    return from;
}
