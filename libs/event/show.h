/* show.h - what an API tells of an event, the same in every service. */
#ifndef CHISO_EVENT_SHOW_H
#define CHISO_EVENT_SHOW_H

#include "event/event.h"
#include "json/json.h"

/* Value of a figure and where it comes from, into an object that is open: value (null when it was
 * withdrawn), withdrawn, source, series, submitter, fetched_at, revision, raw_sha256, evidence. */
void event_show_figure(jw_t *j, const event_figure_t *figure);

#endif
