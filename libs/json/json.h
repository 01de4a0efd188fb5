/* json.h - writing JSON onto a buffer: commas and escapes, nothing else. Reading is jansson's.
 *
 * Numbers are written as strings wherever the API promises that (jw_put_number); jw_whole is for
 * what is read by our own tools. A missing value is null, never 0 or "".
 */
#ifndef CHISO_JSON_JSON_H
#define CHISO_JSON_JSON_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_MAX_DEPTH 16

typedef struct {
    buffer_t *out; /* sticky failure there */
    int depth;
    bool has_items[JSON_MAX_DEPTH];
    bool after_key;
} jw_t;

jw_t jw_to(buffer_t *out);

void jw_object(jw_t *j);
void jw_object_end(jw_t *j);
void jw_array(jw_t *j);
void jw_array_end(jw_t *j);
void jw_key(jw_t *j, const char *key);
void jw_text(jw_t *j, const char *text); /* NULL: null. UTF-8, as it is */
void jw_whole(jw_t *j, int64_t value);
void jw_flag(jw_t *j, bool value);
void jw_null(jw_t *j);
/* A value that is JSON already: a decimal's text, or what jansson wrote. */
void jw_raw(jw_t *j, const char *json);
void jw_raw_bytes(jw_t *j, bytes_t json);

/* Key and value at once; an array or object is open then. */
void jw_put_array(jw_t *j, const char *key);
void jw_put_object(jw_t *j, const char *key);
void jw_put_text(jw_t *j, const char *key, const char *text);
void jw_put_whole(jw_t *j, const char *key, int64_t value);
/* "12": a whole number as a string. */
void jw_put_number(jw_t *j, const char *key, uint64_t value);
void jw_put_flag(jw_t *j, const char *key, bool value);
/* A time as ISO 8601 UTC; 0: null. */
void jw_put_time(jw_t *j, const char *key, int64_t wall_ms);

#endif
