/* metrics.h - counters, gauges and histograms, and their text for Prometheus.
 *
 * A registry is made from a table of specs; a metric is named by its place in that table. Values
 * are whole numbers; `digits` says how many of them stand behind the point, so that 1500 with 3
 * digits is written as 1.500. Nothing here is floating point, and nothing is locked: a registry
 * belongs to one thread.
 *
 * Names follow Prometheus: PREFIX_noun_unit, counters end in _total, base units (seconds, bytes).
 * A counter or histogram without labels is there from the start; a gauge, and whatever has labels,
 * from the first value on: no value is not 0.
 *
 * Text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
#ifndef CHISO_METRICS_METRICS_H
#define CHISO_METRICS_METRICS_H

#include "base/bytes.h"

#define METRICS_TEXT_MAX (8 * 1024 * 1024)
#define METRICS_SERIES 1024 /* of one metric, unless its spec says otherwise */
#define METRICS_LABEL_MAX 256
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct metrics metrics_t;

typedef enum { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } metric_kind_t;

typedef struct {
    const char *name; /* behind the prefix: "fetches_total" */
    const char *help;
    metric_kind_t kind;
    unsigned digits;       /* behind the point */
    const char *labels[2]; /* names; a histogram has none */
    const int64_t *bounds; /* of a histogram: upper bounds, rising, as many digits */
    size_t n_bounds;
    unsigned max_series; /* 0: METRICS_SERIES; what comes past it is dropped and counted */
} metric_spec_t;

/* The specs are borrowed for the life of the registry. 0 or -ENOMEM. */
int metrics_new(const char *prefix, const metric_spec_t *specs, size_t n, metrics_t **out);
void metrics_destroy(metrics_t **metrics);

/* Label values stand in the order of the spec; NULL where it has none. They are copied; what is
 * longer than METRICS_LABEL_MAX is cut. All three accept a registry of NULL. */
void metrics_add(metrics_t *metrics, unsigned metric, int64_t by, const char *a, const char *b);
void metrics_set(metrics_t *metrics, unsigned metric, int64_t value, const char *a, const char *b);
void metrics_observe(metrics_t *metrics, unsigned metric, int64_t value);

/* Around a measurement of all gauges: one that is not set in between is no longer there. */
void metrics_begin(metrics_t *metrics);
void metrics_end(metrics_t *metrics);

/* How many label sets found no room since the start. */
uint64_t metrics_dropped(const metrics_t *metrics);

void metrics_write(const metrics_t *metrics, buffer_t *out);

#endif
