/* measure.c - see measure.h. */
#include "measure.h"

#include "checkpoint.h"

static const int64_t batch_bounds[] = {250,   500,    1000,   2500,   5000,   10000,
                                       25000, 100000, 250000, 500000, 1000000};

const metric_spec_t measure_specs[MEASURE_COUNT] = {
    [MEASURE_EVENTS] = {"events_total", "Events of ingest that were applied.", METRIC_COUNTER},
    [MEASURE_SNAPSHOTS] = {"snapshots_total", "Snapshots of ingest that were taken.",
                           METRIC_COUNTER},
    [MEASURE_BATCH_SECONDS] = {"batch_seconds", "A batch, from its arrival to its commit.",
                               METRIC_HISTOGRAM, .digits = 6, .bounds = batch_bounds,
                               .n_bounds = sizeof batch_bounds / sizeof batch_bounds[0]},
    [MEASURE_RESULTS] = {"results", "Results in the working set.", METRIC_GAUGE},
    [MEASURE_RANKINGS] = {"rankings", "Rankings in the working set.", METRIC_GAUGE},
    [MEASURE_BURIED] = {"buried_events", "Events that could not be applied and were put aside.",
                        METRIC_GAUGE},
};

void measure_state(metrics_t *metrics, const state_t *state, store_t *store)
{
    metrics_set(metrics, MEASURE_RESULTS, (int64_t)state->n_results, NULL, NULL);
    metrics_set(metrics, MEASURE_RANKINGS, (int64_t)state->n_rankings, NULL, NULL);
    store_txn_t *txn = store_read(store);
    uint64_t buried = store_count(txn, SCORER_DEAD);
    if (store_status(txn) == 0) {
        metrics_set(metrics, MEASURE_BURIED, (int64_t)buried, NULL, NULL);
    }
    store_abort(&txn);
}
