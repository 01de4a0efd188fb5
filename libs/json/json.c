/* json.c - see json.h. jansson would build a tree of every ranking only to print it. */
#include "json/json.h"

#include "base/clock.h"

#include <assert.h>
#include <string.h>

json_out_t json_to(buffer_t *out)
{
    return (json_out_t){.out = out};
}

/* The comma before a value, unless it is the first or follows its key. */
static void before_value(json_out_t *j)
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

static void open_with(json_out_t *j, const char *bracket)
{
    before_value(j);
    assert(j->depth < JSON_MAX_DEPTH);
    j->has_items[j->depth++] = false;
    buffer_append(j->out, bracket, 1);
}

static void close_with(json_out_t *j, const char *bracket)
{
    assert(j->depth > 0);
    j->depth--;
    buffer_append(j->out, bracket, 1);
}

void json_object(json_out_t *j)
{
    open_with(j, "{");
}

void json_object_end(json_out_t *j)
{
    close_with(j, "}");
}

void json_array(json_out_t *j)
{
    open_with(j, "[");
}

void json_array_end(json_out_t *j)
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

void json_key(json_out_t *j, const char *key)
{
    before_value(j);
    quoted(j->out, key);
    buffer_append(j->out, ":", 1);
    j->after_key = true;
}

void json_text(json_out_t *j, const char *text)
{
    before_value(j);
    if (text == NULL) {
        buffer_append_text(j->out, "null");
    } else {
        quoted(j->out, text);
    }
}

void json_whole(json_out_t *j, int64_t value)
{
    before_value(j);
    buffer_printf(j->out, "%lld", (long long)value);
}

void json_flag(json_out_t *j, bool value)
{
    before_value(j);
    buffer_append_text(j->out, value ? "true" : "false");
}

void json_null(json_out_t *j)
{
    json_text(j, NULL);
}

void json_put_text(json_out_t *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

void json_put_whole(json_out_t *j, const char *key, int64_t value)
{
    json_key(j, key);
    json_whole(j, value);
}

void json_put_flag(json_out_t *j, const char *key, bool value)
{
    json_key(j, key);
    json_flag(j, value);
}

void json_put_time(json_out_t *j, const char *key, int64_t wall_ms)
{
    char text[CLOCK_ISO_SIZE];
    json_put_text(j, key, wall_ms != 0 ? clock_iso(wall_ms, text) : NULL);
}
