/* report.c - see report.h. Keys and values of a wrong file end up on terminals and in journals, so
 * the one place that prints them is also the one place that defuses and cuts them. */
#include "config/report.h"

#include <stdbool.h>
#include <string.h>

#define MESSAGE_SIZE 1024
#define QUOTE_BYTES 40

/* The largest length of at most `max` bytes that does not end inside a UTF-8 character. */
static size_t cut(const char *text, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80) {
        max--;
    }
    return max;
}

/* Writes text with the C0 and C1 control characters replaced. */
static void put_clean(FILE *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        bool c1 = p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F;
        if (c1) {
            p++;
        }
        fputc(c1 || *p < 0x20 || *p == 0x7F ? '?' : *p, out);
    }
}

void report_at_va(report_t *r, int line, const char *path, const char *format, va_list args)
{
    char message[MESSAGE_SIZE + 4];
    int len = vsnprintf(message, sizeof(message), format, args);
    if (len >= (int)sizeof(message)) {
        message[cut(message, sizeof(message) - 1, MESSAGE_SIZE)] = '\0';
    }
    fputs(r->file, r->out);
    if (line > 0) {
        fprintf(r->out, ":%d: ", line);
        put_clean(r->out, path == NULL || path[0] == '\0' ? "top level" : path);
    }
    fputs(": ", r->out);
    put_clean(r->out, len < 0 ? "is wrong" : message);
    fputc('\n', r->out);
    r->count++;
}

void report_at(report_t *r, int line, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_at_va(r, line, path, format, args);
    va_end(args);
}

const char *report_quote(const char *text, char out[REPORT_QUOTE_SIZE])
{
    size_t len = strlen(text);
    size_t shown = cut(text, len, QUOTE_BYTES);
    snprintf(out, REPORT_QUOTE_SIZE, "'%.*s%s'", (int)shown, text, shown < len ? "..." : "");
    return out;
}
