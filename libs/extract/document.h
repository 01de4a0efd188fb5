/* document.h - a JSON body as a tree in which numbers keep their digits, and pointers into it.
 *
 * jansson turns reals into doubles, and 0.1 into something else. So a scan before it rewrites every
 * number to a string with a mark in front; document_text() takes the mark off again.
 */
#ifndef CHISO_EXTRACT_DOCUMENT_H
#define CHISO_EXTRACT_DOCUMENT_H

#include "extract/extract.h"

#include <jansson.h>

/* Strict: duplicate keys, NaN, a byte-order mark, more than the limits of extract.h are refused. 0;
 * -ENOMEM; CHISO_E_SYNTAX with a reason ("line 3: …"). Free with json_decref(). */
int document_parse(bytes_t body, char reason[EXTRACT_REASON_SIZE], json_t **out);

/* The text of a string, number, true or false of such a tree; without data for anything else. Lives
 * as long as the tree. */
bytes_t document_text(const json_t *value);

/* The value as compact JSON, as it came: numbers are numbers again. */
void document_write(const json_t *value, buffer_t *out);

/* RFC 6901: well-formed, and not too long? */
bool pointer_is_good(const char *pointer);
/* One step: the child that the pointer's first token names, or NULL. `rest` is the pointer behind
 * that token. Not for "". */
json_t *pointer_step(const json_t *from, const char *pointer, const char **rest);
/* Is the first token a lone "-"? On an array it names no element. */
bool pointer_is_every(const char *pointer);
/* All steps; NULL when there is no such place. */
json_t *pointer_get(json_t *from, const char *pointer);

#endif
