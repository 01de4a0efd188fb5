/* log.h - structured logs: one JSON object a line on stderr.
 *
 *   log_info("fetched", "source", source_id, "bytes", LOG_INT(n), NULL)
 *   {"time":"2026-11-22T14:30:00.123Z","level":"info","service":"ingest","event":"fetched",...}
 *
 * Each record is one write(2), at most LOG_LINE_MAX bytes; longer values are cut and end in "…".
 * Pairs that still find no room are left out from the end, and "cut":true stands in their place.
 * Invalid UTF-8 in a value is replaced by U+FFFD. Never log a secret: pass its file's name.
 */
#ifndef CHISO_LOG_LOG_H
#define CHISO_LOG_LOG_H

#include <stdint.h>

#define LOG_LINE_MAX 4096

typedef enum { LOG_AT_DEBUG, LOG_AT_INFO, LOG_AT_WARN, LOG_AT_ERROR } log_level_t;

/* Once, at start. `service` is borrowed for the life of the process. Level from "debug", "info",
 * "warn", "error". */
void log_init(const char *service, log_level_t level);
log_level_t log_level_now(void);
int log_level_of(const char *name, log_level_t *out); /* 0, or CHISO_E_SYNTAX */

/* Pairs of key and value, both const char *, ended by NULL. A value of NULL is written as null, so
 * keys end the list and values do not. Use LOG_INT for numbers: it is written unquoted. */
void log_write(log_level_t level, const char *event, ...) __attribute__((sentinel));

#define log_debug(...) log_write(LOG_AT_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_AT_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_AT_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_AT_ERROR, __VA_ARGS__)

/* A number as a log value; lives until the enclosing block ends. The text carries a mark that only
 * log_write() understands: it is for nothing else. */
typedef struct {
    char text[32];
} log_int_t;
const char *log_int(log_int_t *room, int64_t value);
#define LOG_INT(value) log_int(&(log_int_t){{0}}, (int64_t)(value))

#endif
