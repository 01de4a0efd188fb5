/* stream.h - the event stream: the publisher's journal as server-sent events.
 *
 * An event's id is its place in the journal, see cursor.h, so that Last-Event-ID replays what a
 * client missed. A client that asks for what was trimmed, or for what never was, gets an event
 * `reset`: read again.
 */
#ifndef CHISO_PUBLISHER_STREAM_H
#define CHISO_PUBLISHER_STREAM_H

#include "http/http.h"
#include "model.h"

/* Answers GET /api/v1/events. */
void stream_open(model_t *model, http_request_t *request);
/* "score", "ranking" or "source" of a notice's type. */
const char *stream_event_name(const char *type);
/* Makes every stream send a comment at its next turn; then http_wake_streams(). */
void stream_keep_alive(void);

#endif
