/* log.c - see log.h.
 *
 * A record is built in a buffer of fixed size on the stack and leaves in one write(2): no lock, no
 * allocation, and lines of several threads or processes on one pipe do not mix (LOG_LINE_MAX is
 * PIPE_BUF). What is too long is rendered again with a smaller share for each value, so that one
 * overlong value is cut and does not push the others out.
 *
 * A number travels as text behind a mark that well-formed UTF-8 cannot hold. What follows the mark
 * is checked all the same: a value may be bytes from outside, and the most that they can forge is a
 * number.
 */
#include "log/log.h"

#include "base/clock.h"
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#define NUMBER_MARK "\xff\x01"
#define NUMBER_MARK_LEN 2
#define CUT_TEXT "…"
#define CUT_LEN (sizeof(CUT_TEXT) - 1)
#define UNKNOWN_TEXT "\xEF\xBF\xBD" /* U+FFFD */
#define ESCAPE_SIZE 8
#define SHARE_MIN 64

#define LEFT_OUT ",\"cut\":true"
#define LINE_END "}\n"
/* The pairs end here, so that what closes the line always has room. */
#define LINE_ROOM (LOG_LINE_MAX - (sizeof(LEFT_OUT) - 1) - (sizeof(LINE_END) - 1))

typedef struct {
    char text[LOG_LINE_MAX];
    size_t len;
    bool full; /* something did not fit; what is there must be taken back to a whole pair */
} line_t;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

static const char *log_service = "chiso";
static log_level_t log_level = LOG_AT_INFO;

void log_init(const char *service, log_level_t level)
{
    log_service = service;
    log_level = level;
}

log_level_t log_level_now(void)
{
    return log_level;
}

int log_level_of(const char *name, log_level_t *out)
{
    for (size_t i = 0; name != NULL && i < LEVEL_COUNT; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out = (log_level_t)i;
            return 0;
        }
    }
    return CHISO_E_SYNTAX;
}

const char *log_int(log_int_t *room, int64_t value)
{
    snprintf(room->text, sizeof(room->text), NUMBER_MARK "%" PRId64, value);
    return room->text;
}

/* The digits of a value made by log_int(), else NULL. */
static const char *number_of(const char *value)
{
    if (strncmp(value, NUMBER_MARK, NUMBER_MARK_LEN) != 0) {
        return NULL;
    }
    const char *number = value + NUMBER_MARK_LEN;
    const char *digits = number + (number[0] == '-' ? 1 : 0);
    size_t count = strspn(digits, "0123456789");
    bool canonical = count > 0 && count < 20 && (digits[0] != '0' || count == 1);
    return canonical && digits[count] == '\0' ? number : NULL;
}

static void put(line_t *line, const char *text, size_t len)
{
    if (line->full || len > LINE_ROOM - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_text(line_t *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Control characters of all kinds and the two line separators are escaped, not only those that JSON
 * forbids: a line is also read on a terminal. */
static bool needs_code(int32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x2028 || point == 0x2029;
}

/* The first character of `*at` as it stands inside a JSON string; steps over it. */
static size_t escape_next(const char **at, char out[ESCAPE_SIZE])
{
    int32_t point;
    utf8proc_ssize_t used =
        utf8proc_iterate((const uint8_t *)*at, (utf8proc_ssize_t)strnlen(*at, 4), &point);
    const char *from = *at;
    if (used <= 0) {
        *at += 1;
        memcpy(out, UNKNOWN_TEXT, sizeof(UNKNOWN_TEXT));
        return sizeof(UNKNOWN_TEXT) - 1;
    }
    *at += used;
    if (point == '"' || point == '\\') {
        return (size_t)snprintf(out, ESCAPE_SIZE, "\\%c", (char)point);
    }
    if (point == '\n' || point == '\t' || point == '\r') {
        return (size_t)snprintf(out, ESCAPE_SIZE, "\\%c",
                                point == '\n' ? 'n' : (point == '\t' ? 't' : 'r'));
    }
    if (needs_code(point)) {
        return (size_t)snprintf(out, ESCAPE_SIZE, "\\u%04x", (unsigned)point & 0xFFFF);
    }
    memcpy(out, from, (size_t)used);
    return (size_t)used;
}

/* A JSON string of at most `share` bytes between its quotes. */
static void put_string(line_t *line, const char *value, size_t share)
{
    put_text(line, "\"");
    size_t start = line->len;
    size_t fallback = start; /* the last place where the cut mark still fits the share */
    while (*value != '\0' && !line->full) {
        char escaped[ESCAPE_SIZE];
        size_t len = escape_next(&value, escaped);
        if (line->len - start + len > share) {
            line->len = fallback;
            put_text(line, CUT_TEXT);
            break;
        }
        put(line, escaped, len);
        if (line->len - start + CUT_LEN <= share) {
            fallback = line->len;
        }
    }
    put_text(line, "\"");
}

static void put_pair(line_t *line, const char *key, const char *value, size_t share)
{
    put_text(line, ",");
    put_string(line, key, share);
    put_text(line, ":");
    const char *number = value != NULL ? number_of(value) : NULL;
    if (value == NULL) {
        put_text(line, "null");
    } else if (number != NULL) {
        put_text(line, number);
    } else {
        put_string(line, value, share);
    }
}

/* Renders all of the line but its end. False when a pair was left out; the line is then whole, and
 * says so. */
static bool render(line_t *line, const char *head, const char *event, size_t share, va_list args)
{
    line->len = 0;
    line->full = false;
    put_text(line, head);
    put_pair(line, "service", log_service, share);
    put_pair(line, "event", event, share);
    /* A share of SHARE_MIN always gets here with room to spare. */
    size_t whole = line->len;
    const char *key = va_arg(args, const char *);
    while (key != NULL && !line->full) {
        put_pair(line, key, va_arg(args, const char *), share);
        if (!line->full) {
            whole = line->len;
            key = va_arg(args, const char *);
        }
    }
    if (!line->full) {
        return true;
    }
    line->len = whole;
    memcpy(line->text + line->len, LEFT_OUT, sizeof(LEFT_OUT) - 1);
    line->len += sizeof(LEFT_OUT) - 1;
    return false;
}

/* A log that cannot be written has nobody to be reported to. */
static void send_line(line_t *line)
{
    memcpy(line->text + line->len, LINE_END, sizeof(LINE_END) - 1);
    line->len += sizeof(LINE_END) - 1;
    ssize_t sent;
    do {
        sent = write(STDERR_FILENO, line->text, line->len);
    } while (sent < 0 && errno == EINTR);
}

void log_write(log_level_t level, const char *event, ...)
{
    assert((size_t)level < LEVEL_COUNT);
    if (level < log_level) {
        return;
    }
    int kept_errno = errno; /* callers log first and then return -errno */
    char when[CLOCK_ISO_SIZE];
    char head[96];
    snprintf(head, sizeof(head), "{\"time\":\"%s\",\"level\":\"%s\"",
             clock_iso(clock_wall_ms(), when), level_names[level]);

    line_t line;
    size_t share = LOG_LINE_MAX;
    bool whole = false;
    while (!whole && share >= SHARE_MIN) {
        va_list args;
        va_start(args, event);
        whole = render(&line, head, event, share, args);
        va_end(args);
        share -= share / 4;
    }
    send_line(&line);
    errno = kept_errno;
}
