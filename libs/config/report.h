/* report.h - one line per error: FILE:LINE: PATH: what is wrong; expected what. Private to config.
 */
#ifndef CHISO_CONFIG_REPORT_H
#define CHISO_CONFIG_REPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* Reading a file stops after this many lines; what follows is mostly the echo of the first. */
#define REPORT_MAX 20

typedef struct {
    const char *file; /* as the operator gave it */
    FILE *out;
    int count; /* lines written so far */
} report_t;

/* `path` NULL or "" is the file's top level; `line` 0 leaves both out (no such file). Control
 * characters are shown as '?', so that one error is one line whatever the file holds; a very long
 * line is cut. */
void report_at(report_t *r, int line, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void report_at_va(report_t *r, int line, const char *path, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

/* 'text' in quotes for use in a message, cut at a character's edge when long. */
#define REPORT_QUOTE_SIZE 64
const char *report_quote(const char *text, char out[REPORT_QUOTE_SIZE]);

#endif
