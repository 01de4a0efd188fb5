/* measure.c - see measure.h. */
#include "measure.h"

#include "base/clock.h"
#include "model.h"

#include <stdio.h>

static const int64_t page_bounds[] = {10,   25,   50,    100,   250,   500,    1000,
                                      2500, 5000, 10000, 30000, 60000, 300000, 3600000};

const metric_spec_t measure_specs[MEASURE_COUNT] = {
    [MEASURE_EVENTS] = {"events_total", "Events of the scorer that were applied.", METRIC_COUNTER},
    [MEASURE_SNAPSHOTS] = {"snapshots_total", "Snapshots of the scorer that were taken.",
                           METRIC_COUNTER},
    [MEASURE_SOURCE_TO_PAGE] = {"source_to_page_seconds",
                                "From the fetch of a result's newest figure until the page and the "
                                "API have the result.",
                                METRIC_HISTOGRAM, .digits = 3, .bounds = page_bounds,
                                .n_bounds = sizeof page_bounds / sizeof page_bounds[0]},
    [MEASURE_RESULTS] = {"results", "Results in the read model.", METRIC_GAUGE},
    [MEASURE_BURIED] = {"buried_events", "Events that could not be applied and were put aside.",
                        METRIC_GAUGE},
    [MEASURE_SSE_CLIENTS] = {"sse_clients", "Open event streams.", METRIC_GAUGE},
    [MEASURE_DELIVERIES] = {"deliveries_total", "Requests to targets, by how they were answered.",
                            METRIC_COUNTER, .labels = {"target", "code"}, .max_series = 4096},
    [MEASURE_TARGET_BEHIND] = {"target_behind_notices",
                               "Notices of the journal that a target has not had yet.",
                               METRIC_GAUGE, .labels = {"target"}},
    [MEASURE_TARGET_FAILURES] = {"target_failures", "Failed requests to a target in a row.",
                                 METRIC_GAUGE, .labels = {"target"}},
    [MEASURE_TARGET_LAST] = {"target_last_delivery_timestamp_seconds",
                             "When a target last took something, since the Unix epoch.",
                             METRIC_GAUGE, .digits = 3, .labels = {"target"}},
    [MEASURE_TARGET_DEAD] = {"target_dead_letters_total", "What a target has refused for good.",
                             METRIC_COUNTER, .labels = {"target"}},
    [MEASURE_DEAD_LETTERS] = {"dead_letters", "Dead letters that are kept, of all targets.",
                              METRIC_GAUGE},
    [MEASURE_LINE_CUT] = {"line_cut", "1 when nothing is heard of ingest, through the scorer.",
                          METRIC_GAUGE},
};

void measure_scores(metrics_t *metrics, const int64_t *as_of, size_t n)
{
    int64_t now = clock_wall_ms();
    for (size_t i = 0; i < n; i++) {
        metrics_observe(metrics, MEASURE_SOURCE_TO_PAGE, now > as_of[i] ? now - as_of[i] : 0);
    }
}

void measure_delivery(metrics_t *metrics, const char *target, const fetch_answer_t *answer)
{
    static const char *const words[] = {[FETCH_TIMED_OUT] = "timeout",
                                        [FETCH_NO_ANSWER] = "no_answer",
                                        [FETCH_TOO_BIG] = "too_big",
                                        [FETCH_REFUSED] = "refused"};
    char status[16];
    snprintf(status, sizeof status, "%ld", answer->status);
    metrics_add(metrics, MEASURE_DELIVERIES, 1, target,
                answer->result == FETCH_ANSWERED ? status : words[answer->result]);
}

void measure_tables(metrics_t *metrics, store_t *store)
{
    store_txn_t *txn = store_read(store);
    int64_t results = (int64_t)store_count(txn, MODEL_RESULTS);
    int64_t buried = (int64_t)store_count(txn, MODEL_DEAD);
    int64_t letters = (int64_t)store_count(txn, MODEL_DEAD_LETTERS);
    if (store_status(txn) == 0) {
        metrics_set(metrics, MEASURE_RESULTS, results, NULL, NULL);
        metrics_set(metrics, MEASURE_BURIED, buried, NULL, NULL);
        metrics_set(metrics, MEASURE_DEAD_LETTERS, letters, NULL, NULL);
    }
    store_abort(&txn);
}
