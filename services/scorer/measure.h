/* measure.h - the scorer's own metrics; docs/operate.md explains each. */
#ifndef CHISO_SCORER_MEASURE_H
#define CHISO_SCORER_MEASURE_H

#include "metrics/metrics.h"
#include "state.h"
#include "store/store.h"

enum {
    MEASURE_EVENTS,
    MEASURE_SNAPSHOTS,
    MEASURE_BATCH_SECONDS,
    MEASURE_RESULTS,
    MEASURE_RANKINGS,
    MEASURE_BURIED,
    MEASURE_COUNT
};
extern const metric_spec_t measure_specs[MEASURE_COUNT];

void measure_state(metrics_t *metrics, const state_t *state, store_t *store);

#endif
