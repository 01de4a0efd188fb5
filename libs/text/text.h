/* text.h - Vietnamese text at the door: strict UTF-8, NFC once, then never again. */
#ifndef CHISO_TEXT_TEXT_H
#define CHISO_TEXT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* True when `len` bytes are well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF)
 * without NUL and without control characters other than tab, line feed and carriage return. */
bool text_is_clean(const char *text, size_t len);

/* How many bytes from the beginning are well-formed UTF-8, of any characters: `len`, or where the
 * first fault is. */
size_t text_valid(const char *text, size_t len);

/* True when the text is clean and already in NFC. */
bool text_is_nfc(const char *text, size_t len);

/* True for 1 to 64 bytes of [A-Za-z0-9._-]: what may be part of keys, paths and headers. */
bool text_is_code(const char *text);

/* A new NUL-terminated NFC form with runs of white space (U+00A0 and the like included) folded to
 * one space and none at either end; the caller frees it. `max` bounds the result in bytes. 0;
 * CHISO_E_SYNTAX when the bytes are not clean UTF-8; CHISO_E_TOO_BIG; -ENOMEM. */
int text_normalise(const char *text, size_t len, size_t max, char **out);

/* The same folded for search: lower case, no diacritics, đ as d. */
int text_fold(const char *text, size_t len, size_t max, char **out);

#endif
