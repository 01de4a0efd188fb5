/* json.c - see json.h. jansson would build a tree of every ranking only to print it. */
#include "json/json.h"

#include "base/clock.h"

#include <assert.h>
#include <string.h>

jw_t jw_to(buffer_t *out)
{
    return (jw_t){.out = out};
}

/* The comma before a value, unless it is the first or follows its key. */
static void before_value(jw_t *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->depth > 0 && j->has_items[j->depth - 1]) {
        buffer_append(j->out, ",", 1);
    }
    if (j->depth > 0) {
        j->has_items[j->depth - 1] = true;
    }
}

static void open_with(jw_t *j, const char *bracket)
{
    before_value(j);
    assert(j->depth < JSON_MAX_DEPTH);
    j->has_items[j->depth++] = false;
    buffer_append(j->out, bracket, 1);
}

static void close_with(jw_t *j, const char *bracket)
{
    assert(j->depth > 0);
    j->depth--;
    buffer_append(j->out, bracket, 1);
}

void jw_raw_bytes(jw_t *j, bytes_t json)
{
    before_value(j);
    buffer_append(j->out, json.data, json.len);
}

void jw_object(jw_t *j)
{
    open_with(j, "{");
}

void jw_object_end(jw_t *j)
{
    close_with(j, "}");
}

void jw_array(jw_t *j)
{
    open_with(j, "[");
}

void jw_array_end(jw_t *j)
{
    close_with(j, "]");
}

static void quoted(buffer_t *out, const char *text)
{
    buffer_append(out, "\"", 1);
    const char *plain = text; /* start of a run that needs no escape */
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= ' ' && c != '"' && c != '\\') {
            continue;
        }
        buffer_append(out, plain, (size_t)(text - plain));
        plain = text + 1;
        if (c >= ' ') {
            buffer_printf(out, "\\%c", c);
        } else {
            buffer_printf(out, "\\u%04x", c);
        }
    }
    buffer_append(out, plain, (size_t)(text - plain));
    buffer_append(out, "\"", 1);
}

void jw_key(jw_t *j, const char *key)
{
    before_value(j);
    quoted(j->out, key);
    buffer_append(j->out, ":", 1);
    j->after_key = true;
}

void jw_text(jw_t *j, const char *text)
{
    before_value(j);
    if (text == NULL) {
        buffer_append_text(j->out, "null");
    } else {
        quoted(j->out, text);
    }
}

void jw_whole(jw_t *j, int64_t value)
{
    before_value(j);
    buffer_printf(j->out, "%lld", (long long)value);
}

void jw_flag(jw_t *j, bool value)
{
    before_value(j);
    buffer_append_text(j->out, value ? "true" : "false");
}

void jw_raw(jw_t *j, const char *json)
{
    before_value(j);
    buffer_append_text(j->out, json);
}

void jw_null(jw_t *j)
{
    jw_text(j, NULL);
}

void jw_put_array(jw_t *j, const char *key)
{
    jw_key(j, key);
    jw_array(j);
}

void jw_put_object(jw_t *j, const char *key)
{
    jw_key(j, key);
    jw_object(j);
}

void jw_put_text(jw_t *j, const char *key, const char *text)
{
    jw_key(j, key);
    jw_text(j, text);
}

void jw_put_whole(jw_t *j, const char *key, int64_t value)
{
    jw_key(j, key);
    jw_whole(j, value);
}

void jw_put_number(jw_t *j, const char *key, uint64_t value)
{
    jw_key(j, key);
    before_value(j);
    buffer_printf(j->out, "\"%llu\"", (unsigned long long)value);
}

void jw_put_flag(jw_t *j, const char *key, bool value)
{
    jw_key(j, key);
    jw_flag(j, value);
}

void jw_put_time(jw_t *j, const char *key, int64_t wall_ms)
{
    char text[CLOCK_ISO_SIZE];
    jw_put_text(j, key, wall_ms != 0 ? clock_iso(wall_ms, text) : NULL);
}
