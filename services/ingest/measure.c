/* measure.c - see measure.h. A series that was never read has no age: it is counted apart. */
#include "measure.h"

#include "base/clock.h"
#include "ledger.h"

#include <stdlib.h>

static const int64_t fetch_bounds[] = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

const metric_spec_t measure_specs[MEASURE_COUNT] = {
    [MEASURE_FETCHES] = {"fetches_total", "Answers of sources, by what became of them.",
                         METRIC_COUNTER, .labels = {"source", "result"}, .max_series = 4096},
    [MEASURE_FETCH_SECONDS] = {"fetch_seconds", "From a request to its whole answer.",
                               METRIC_HISTOGRAM, .digits = 3, .bounds = fetch_bounds,
                               .n_bounds = sizeof fetch_bounds / sizeof fetch_bounds[0]},
    [MEASURE_SERIES_AGE] = {"series_age_seconds", "Since the last good reading of a series.",
                            METRIC_GAUGE, .digits = 3, .labels = {"source", "series"},
                            .max_series = 2000},
    [MEASURE_SOURCE_AGE] = {"source_age_seconds", "Of the source's oldest series.", METRIC_GAUGE,
                            .digits = 3, .labels = {"source"}},
    [MEASURE_SOURCE_LIMIT] = {"source_stale_after_seconds",
                              "The age at which figures of the source count as stale.",
                              METRIC_GAUGE, .digits = 3, .labels = {"source"}},
    [MEASURE_SERIES] = {"source_series", "Series that are asked for.", METRIC_GAUGE,
                        .labels = {"source"}},
    [MEASURE_STALE] = {"source_stale_series", "Series whose figures are stale.", METRIC_GAUGE,
                       .labels = {"source"}},
    [MEASURE_STALE_ROWS] = {"source_stale_rows",
                            "Units and periods that are stale while others of their series are "
                            "fresh.",
                            METRIC_GAUGE, .labels = {"source"}},
    [MEASURE_MISMATCHES] = {"source_mismatches",
                            "Figures of a longer period that the shorter ones do not add up to.",
                            METRIC_GAUGE, .labels = {"source"}},
    [MEASURE_NEVER] = {"source_unread_series", "Series without any good reading yet.", METRIC_GAUGE,
                       .labels = {"source"}},
    [MEASURE_OUTCOMES] = {"source_outcome_series", "Series by how their last answer ended.",
                          METRIC_GAUGE, .labels = {"source", "outcome"}, .max_series = 4096},
    [MEASURE_QUARANTINE] = {"quarantine_entries", "Bodies and rows in quarantine.", METRIC_GAUGE},
};

void measure_answer(metrics_t *metrics, const char *source, const fetch_answer_t *answer,
                    const char *result)
{
    metrics_add(metrics, MEASURE_FETCHES, 1, source, result);
    if (answer->answered_at > answer->sent_at && answer->sent_at > 0) {
        metrics_observe(metrics, MEASURE_FETCH_SECONDS, answer->answered_at - answer->sent_at);
    }
}

/* What is added up over the series of a source. */
typedef struct {
    int64_t n, stale, stale_rows, mismatches, never, oldest;
    int64_t outcomes[8];
} sums_t;

static void add_series(metrics_t *metrics, const series_t *s, int64_t now, sums_t *sums)
{
    sums->n++;
    sums->stale += s->stale;
    sums->stale_rows += (int64_t)s->stale_told;
    sums->mismatches += (int64_t)s->mismatched;
    sums->never += s->last_good == 0;
    if ((unsigned)s->outcome < sizeof sums->outcomes / sizeof sums->outcomes[0]) {
        sums->outcomes[s->outcome]++;
    }
    if (s->last_good != 0) {
        int64_t age = now > s->last_good ? now - s->last_good : 0;
        metrics_set(metrics, MEASURE_SERIES_AGE, age, s->source->id, s->name);
        sums->oldest = age > sums->oldest ? age : sums->oldest;
    }
}

static void set_source(metrics_t *metrics, const ingest_source_t *source, const sums_t *sums)
{
    metrics_set(metrics, MEASURE_SERIES, sums->n, source->id, NULL);
    metrics_set(metrics, MEASURE_STALE, sums->stale, source->id, NULL);
    metrics_set(metrics, MEASURE_STALE_ROWS, sums->stale_rows, source->id, NULL);
    metrics_set(metrics, MEASURE_MISMATCHES, sums->mismatches, source->id, NULL);
    metrics_set(metrics, MEASURE_NEVER, sums->never, source->id, NULL);
    metrics_set(metrics, MEASURE_SOURCE_LIMIT, source->stale_after_ms, source->id, NULL);
    for (unsigned k = 1; k < sizeof sums->outcomes / sizeof sums->outcomes[0]; k++) {
        if (sums->outcomes[k] > 0) {
            metrics_set(metrics, MEASURE_OUTCOMES, sums->outcomes[k], source->id,
                        event_outcome_name((outcome_t)k));
        }
    }
    if (sums->n > sums->never) {
        metrics_set(metrics, MEASURE_SOURCE_AGE, sums->oldest, source->id, NULL);
    }
}

void measure_sources(metrics_t *metrics, const ingest_config_t *config, const schedule_t *schedule,
                     store_t *store)
{
    int64_t now = clock_wall_ms();
    sums_t *sums = calloc(config->sources_count + 1, sizeof *sums);
    for (size_t i = 0; sums != NULL && i < schedule_count(schedule); i++) {
        const series_t *s = schedule_at(schedule, i);
        if (s->wanted) {
            add_series(metrics, s, now, &sums[s->source - config->sources]);
        }
    }
    for (unsigned i = 0; sums != NULL && i < config->sources_count; i++) {
        set_source(metrics, &config->sources[i], &sums[i]);
    }
    free(sums);
    store_txn_t *txn = store_read(store);
    int64_t entries = (int64_t)store_count(txn, LEDGER_QUARANTINE);
    if (store_status(txn) == 0) {
        metrics_set(metrics, MEASURE_QUARANTINE, entries, NULL, NULL);
    }
    store_abort(&txn);
}
