/* trace.h - which fetch or submission something comes from: W3C Trace Context, level 1.
 *
 * A trace id is made once, where something comes in; it stays the same through the journals to the
 * last delivery of what it led to. A span id names one step on the way: each service, and each
 * request to a portal, has its own. A trace is for people who look for a cause: nothing is ever
 * decided by it, and what has none works the same.
 */
#ifndef CHISO_TRACE_TRACE_H
#define CHISO_TRACE_TRACE_H

#include "base/bytes.h"

#include <stdbool.h>

#define TRACE_ID_SIZE 16
#define TRACE_SPAN_SIZE 8
#define TRACE_SIZE (TRACE_ID_SIZE + TRACE_SPAN_SIZE + 1) /* packed */
#define TRACE_SAMPLED 1

typedef struct {
    uint8_t id[TRACE_ID_SIZE]; /* all zero: there is no trace */
    uint8_t span[TRACE_SPAN_SIZE];
    uint8_t flags; /* TRACE_SAMPLED or 0: level 1 knows no other */
} trace_t;

#define TRACE_NONE ((trace_t){{0}, {0}, 0})

bool trace_is_set(const trace_t *trace);
/* A new trace, sampled. */
trace_t trace_new(void);
/* The same trace, a new span; of none: none. Asks the system for nothing. */
trace_t trace_next(const trace_t *trace);
/* The trace of what has no known cause but a name of its own: the same each time. */
trace_t trace_of_name(const char *name);

/* A traceparent header's value. CHISO_E_SYNTAX for one that must be ignored: by the specification
 * the caller then begins a new trace. */
int trace_parse(const char *text, trace_t *out);

/* "00-ID-SPAN-FLAGS", and its parts, in lower-case hex. */
#define TRACE_TEXT_SIZE 56
#define TRACE_ID_TEXT_SIZE (2 * TRACE_ID_SIZE + 1)
#define TRACE_SPAN_TEXT_SIZE (2 * TRACE_SPAN_SIZE + 1)
const char *trace_format(const trace_t *trace, char out[TRACE_TEXT_SIZE]);

/* As it stands in an event: id, span, flags. trace_unpack() gives CHISO_E_PROTOCOL for bytes that
 * are no trace. */
void trace_pack(const trace_t *trace, uint8_t out[TRACE_SIZE]);
int trace_unpack(bytes_t in, trace_t *out);

/* Two pairs for a log line, named as OpenTelemetry names them; null without a trace.
 *   log_info("fetched", "source", id, TRACE_LOG(&trace), NULL) */
const char *trace_id_text(const trace_t *trace, char out[TRACE_ID_TEXT_SIZE]);
const char *trace_span_text(const trace_t *trace, char out[TRACE_SPAN_TEXT_SIZE]);
#define TRACE_LOG(trace)                                                                           \
    "trace_id", trace_id_text(trace, (char[TRACE_ID_TEXT_SIZE]){0}), "span_id",                    \
        trace_span_text(trace, (char[TRACE_SPAN_TEXT_SIZE]){0})

#endif
