/* measure.h - the publisher's own metrics; docs/operate.md explains each. */
#ifndef CHISO_PUBLISHER_MEASURE_H
#define CHISO_PUBLISHER_MEASURE_H

#include "fetch/fetch.h"
#include "metrics/metrics.h"
#include "store/store.h"

enum {
    MEASURE_EVENTS,
    MEASURE_SNAPSHOTS,
    MEASURE_SOURCE_TO_PAGE,
    MEASURE_RESULTS,
    MEASURE_BURIED,
    MEASURE_SSE_CLIENTS,
    MEASURE_DELIVERIES,
    MEASURE_TARGET_BEHIND,
    MEASURE_TARGET_FAILURES,
    MEASURE_TARGET_LAST,
    MEASURE_TARGET_DEAD,
    MEASURE_DEAD_LETTERS,
    MEASURE_LINE_CUT,
    MEASURE_COUNT
};
extern const metric_spec_t measure_specs[MEASURE_COUNT];

/* Scores that are on the page from now on: when the newest figure of each was fetched. */
void measure_scores(metrics_t *metrics, const int64_t *as_of, size_t n);
/* A request to a target: its code is the HTTP status, or timeout, no_answer, too_big, refused. */
void measure_delivery(metrics_t *metrics, const char *target, const fetch_answer_t *answer);
void measure_tables(metrics_t *metrics, store_t *store);

#endif
