/* event.h - the events of proto/chiso/v1/events.proto, checked when they come in.
 *
 * The generated structs are used as they are; only their making and reading from bytes goes through
 * here. After event_decode() every decimal parses, every period and hash has its form, every text
 * is clean NFC within its length, and exactly one body is set.
 */
#ifndef CHISO_EVENT_EVENT_H
#define CHISO_EVENT_EVENT_H

#include "base/bytes.h"
#include "chiso/v1/events.pb-c.h"
#include "decimal/decimal.h"
#include "event/wire.h"
#include "trace/trace.h"

#define EVENT_MAX_BYTES (512 * 1024)
#define EVENT_MAX_CODE 64    /* bytes of a unit, index, indicator, figure or source id */
#define EVENT_MAX_NAME 512   /* bytes of a unit's name */
#define EVENT_MAX_TEXT 2048  /* bytes of a detail */
#define EVENT_MAX_EVIDENCE 8 /* files handed in with one figure */

typedef Chiso__V1__Event event_t;
typedef Chiso__V1__Unit event_unit_t;
typedef Chiso__V1__Figure event_figure_t;
typedef Chiso__V1__Reading event_reading_t;
typedef Chiso__V1__SourceState event_source_state_t;
typedef Chiso__V1__Indicator event_indicator_t;
typedef Chiso__V1__Score event_score_t;
typedef Chiso__V1__Standing event_standing_t;
typedef Chiso__V1__Ranking event_ranking_t;
typedef Chiso__V1__Notice event_notice_t;

/* A decoded event and the memory it lives in. */
typedef struct {
    const event_t *event;
    wire_arena_t *arena;
} event_in_t;

/* 0; CHISO_E_PROTOCOL or CHISO_E_TOO_BIG with a reason; -ENOMEM. */
int event_decode(bytes_t in, char reason[256], event_in_t *out);
void event_release(event_in_t *in);

/* Each packs an event of one body, appended to `out` (sticky failure there). */
void event_put_reading(const event_reading_t *reading, buffer_t *out);
void event_put_source_state(const event_source_state_t *state, buffer_t *out);
void event_put_score(const event_score_t *score, buffer_t *out);
void event_put_ranking(const event_ranking_t *ranking, buffer_t *out);
void event_put_notice(const event_notice_t *notice, buffer_t *out);
/* Behind an event that was put last: where it comes from. Nothing for no trace. The trace is in no
 * body, so that what is stored and compared without it says the same after each fetch. */
void event_put_trace(const trace_t *trace, buffer_t *out);
#define EVENT_TRACE_BYTES (TRACE_SIZE + 2)
/* Of an event that was decoded; TRACE_NONE when it has none. */
trace_t event_trace(const event_t *event);

/* Names as the API, the catalogs and the logs write them: "province", "scored", "blocked". NULL for
 * a value that is none. event_level_of returns 0 for an unknown name. */
const char *event_level_name(Chiso__V1__Level level);
Chiso__V1__Level event_level_of(const char *name);
const char *event_status_name(Chiso__V1__Status status);
const char *event_outcome_name(Chiso__V1__SourceState__Outcome outcome);

/* A decimal of an event that was decoded, so known to parse. */
decimal_t event_decimal(const char *text);

#endif
