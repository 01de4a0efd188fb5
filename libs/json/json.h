/* json.h - writing JSON onto a buffer: commas and escapes, nothing else. Reading is jansson's.
 *
 * Numbers of scores are written as strings, so there is no function for anything but whole numbers.
 * A missing value is null, never 0 or "".
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
} json_out_t;

json_out_t json_to(buffer_t *out);

void json_object(json_out_t *j);
void json_object_end(json_out_t *j);
void json_array(json_out_t *j);
void json_array_end(json_out_t *j);
void json_key(json_out_t *j, const char *key);
void json_text(json_out_t *j, const char *text); /* NULL: null. UTF-8, as it is */
void json_whole(json_out_t *j, int64_t value);
void json_flag(json_out_t *j, bool value);
void json_null(json_out_t *j);

/* Key and value at once. */
void json_put_text(json_out_t *j, const char *key, const char *text);
void json_put_whole(json_out_t *j, const char *key, int64_t value);
void json_put_flag(json_out_t *j, const char *key, bool value);
/* A time as ISO 8601 UTC; 0: null. */
void json_put_time(json_out_t *j, const char *key, int64_t wall_ms);

#endif
