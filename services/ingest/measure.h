/* measure.h - ingest's own metrics; docs/operate.md explains each. */
#ifndef CHISO_INGEST_MEASURE_H
#define CHISO_INGEST_MEASURE_H

#include "fetch/fetch.h"
#include "metrics/metrics.h"
#include "schedule.h"

enum {
    MEASURE_FETCHES,
    MEASURE_FETCH_SECONDS,
    MEASURE_SERIES_AGE,
    MEASURE_SOURCE_AGE,
    MEASURE_SOURCE_LIMIT,
    MEASURE_SERIES,
    MEASURE_STALE,
    MEASURE_STALE_ROWS,
    MEASURE_MISMATCHES,
    MEASURE_NEVER,
    MEASURE_OUTCOMES,
    MEASURE_QUARANTINE,
    MEASURE_COUNT
};
extern const metric_spec_t measure_specs[MEASURE_COUNT];

/* An answer and what became of it (event_outcome_name()). */
void measure_answer(metrics_t *metrics, const char *source, const fetch_answer_t *answer,
                    const char *result);
void measure_sources(metrics_t *metrics, const ingest_config_t *config, const schedule_t *schedule,
                     store_t *store);

#endif
