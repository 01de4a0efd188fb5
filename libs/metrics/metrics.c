/* metrics.c - see metrics.h. No client library for C is in Debian 12; what the three services need
 * of one is the text format and a bound on label sets. A metric's series are a plain array: they
 * are set in the same order at each measurement, so looking from where the last one was found finds
 * the next at once. */
#include "metrics/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LABELS 2

typedef struct {
    char *labels[LABELS];
    int64_t value;
    bool seen; /* since metrics_begin() */
} series_t;

typedef struct {
    series_t *series;
    size_t n, room;
    size_t last;      /* the one that was found last */
    uint64_t *counts; /* of a histogram: one a bound, not cumulated, and one beyond */
    int64_t sum;
} metric_t;

struct metrics {
    const char *prefix;
    const metric_spec_t *specs;
    size_t n;
    metric_t *metrics;
    uint64_t dropped;
};

static unsigned label_count(const metric_spec_t *spec)
{
    return spec->labels[0] == NULL ? 0 : spec->labels[1] == NULL ? 1 : 2;
}

int metrics_new(const char *prefix, const metric_spec_t *specs, size_t n, metrics_t **out)
{
    metrics_t *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return -ENOMEM;
    }
    *m = (metrics_t){.prefix = prefix, .specs = specs, .n = n};
    m->metrics = calloc(n + 1, sizeof *m->metrics);
    bool good = m->metrics != NULL;
    for (size_t i = 0; good && i < n; i++) {
        if (specs[i].kind == METRIC_HISTOGRAM) {
            m->metrics[i].counts = calloc(specs[i].n_bounds + 1, sizeof(uint64_t));
            good = m->metrics[i].counts != NULL;
        } else if (specs[i].kind == METRIC_COUNTER && label_count(&specs[i]) == 0) {
            metrics_add(m, (unsigned)i, 0, NULL, NULL);
        }
    }
    if (!good) {
        metrics_destroy(&m);
        return -ENOMEM;
    }
    *out = m;
    return 0;
}

static void free_series(series_t *s)
{
    for (unsigned i = 0; i < LABELS; i++) {
        free(s->labels[i]);
    }
}

void metrics_destroy(metrics_t **metrics)
{
    if (metrics == NULL || *metrics == NULL) {
        return;
    }
    metrics_t *m = *metrics;
    for (size_t i = 0; m->metrics != NULL && i < m->n; i++) {
        for (size_t k = 0; k < m->metrics[i].n; k++) {
            free_series(&m->metrics[i].series[k]);
        }
        free(m->metrics[i].series);
        free(m->metrics[i].counts);
    }
    free(m->metrics);
    free(m);
    *metrics = NULL;
}

static bool same(const char *stored, const char *given)
{
    return given == NULL ? stored == NULL
                         : stored != NULL && strncmp(stored, given, METRICS_LABEL_MAX) == 0;
}

static series_t *add_series(metrics_t *m, unsigned id, const char *a, const char *b)
{
    metric_t *metric = &m->metrics[id];
    unsigned most = m->specs[id].max_series != 0 ? m->specs[id].max_series : METRICS_SERIES;
    if (metric->n >= most) {
        m->dropped++;
        return NULL;
    }
    if (metric->n == metric->room) {
        size_t room = metric->room == 0 ? 4 : metric->room * 2;
        series_t *grown = realloc(metric->series, room * sizeof *grown);
        if (grown == NULL) {
            m->dropped++;
            return NULL;
        }
        metric->series = grown;
        metric->room = room;
    }
    series_t s = {.labels = {a != NULL ? strndup(a, METRICS_LABEL_MAX) : NULL,
                             b != NULL ? strndup(b, METRICS_LABEL_MAX) : NULL}};
    if ((a != NULL && s.labels[0] == NULL) || (b != NULL && s.labels[1] == NULL)) {
        free_series(&s);
        m->dropped++;
        return NULL;
    }
    metric->last = metric->n;
    metric->series[metric->n] = s;
    return &metric->series[metric->n++];
}

static series_t *series_of(metrics_t *m, unsigned id, const char *a, const char *b)
{
    if (m == NULL || id >= m->n) {
        return NULL;
    }
    metric_t *metric = &m->metrics[id];
    for (size_t step = 1; step <= metric->n; step++) {
        size_t i = (metric->last + step) % metric->n;
        if (same(metric->series[i].labels[0], a) && same(metric->series[i].labels[1], b)) {
            metric->last = i;
            return &metric->series[i];
        }
    }
    return add_series(m, id, a, b);
}

void metrics_add(metrics_t *metrics, unsigned metric, int64_t by, const char *a, const char *b)
{
    series_t *s = series_of(metrics, metric, a, b);
    if (s != NULL) {
        s->value += by;
    }
}

void metrics_set(metrics_t *metrics, unsigned metric, int64_t value, const char *a, const char *b)
{
    series_t *s = series_of(metrics, metric, a, b);
    if (s != NULL) {
        s->value = value;
        s->seen = true;
    }
}

void metrics_observe(metrics_t *metrics, unsigned metric, int64_t value)
{
    if (metrics == NULL || metric >= metrics->n || metrics->metrics[metric].counts == NULL) {
        return;
    }
    const metric_spec_t *spec = &metrics->specs[metric];
    size_t i = 0;
    while (i < spec->n_bounds && value > spec->bounds[i]) {
        i++;
    }
    metrics->metrics[metric].counts[i]++;
    metrics->metrics[metric].sum += value;
}

void metrics_begin(metrics_t *metrics)
{
    for (size_t i = 0; i < metrics->n; i++) {
        for (size_t k = 0; k < metrics->metrics[i].n; k++) {
            metrics->metrics[i].series[k].seen = false;
        }
    }
}

void metrics_end(metrics_t *metrics)
{
    for (size_t i = 0; i < metrics->n; i++) {
        metric_t *metric = &metrics->metrics[i];
        size_t kept = 0;
        for (size_t k = 0; metrics->specs[i].kind == METRIC_GAUGE && k < metric->n; k++) {
            if (metric->series[k].seen) {
                metric->series[kept++] = metric->series[k];
            } else {
                free_series(&metric->series[k]);
            }
        }
        metric->n = metrics->specs[i].kind == METRIC_GAUGE ? kept : metric->n;
        metric->last = metric->n > 0 ? metric->n - 1 : 0;
    }
}

uint64_t metrics_dropped(const metrics_t *metrics)
{
    return metrics->dropped;
}

/* ---- text ---- */

static void write_escaped(buffer_t *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || (quotes && *text == '"')) {
            buffer_printf(out, "\\%c", *text);
        } else if (*text == '\n') {
            buffer_append_text(out, "\\n");
        } else {
            buffer_append(out, text, 1);
        }
    }
}

static void write_value(buffer_t *out, int64_t value, unsigned digits)
{
    uint64_t one = 1;
    for (unsigned i = 0; i < digits; i++) {
        one *= 10;
    }
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    buffer_printf(out, "%s%" PRIu64, value < 0 ? "-" : "", size / one);
    if (digits > 0) {
        buffer_printf(out, ".%0*" PRIu64, (int)digits, size % one);
    }
}

static void write_series(const metrics_t *m, const metric_spec_t *spec, const series_t *s,
                         buffer_t *out)
{
    buffer_printf(out, "%s_%s", m->prefix, spec->name);
    for (unsigned i = 0; i < label_count(spec); i++) {
        buffer_printf(out, "%s%s=\"", i == 0 ? "{" : ",", spec->labels[i]);
        write_escaped(out, s->labels[i] != NULL ? s->labels[i] : "", true);
        buffer_append_text(out, "\"");
    }
    buffer_append_text(out, label_count(spec) > 0 ? "} " : " ");
    write_value(out, s->value, spec->digits);
    buffer_append_text(out, "\n");
}

static void write_histogram(const metrics_t *m, const metric_spec_t *spec, const metric_t *metric,
                            buffer_t *out)
{
    uint64_t count = 0;
    for (size_t i = 0; i < spec->n_bounds; i++) {
        count += metric->counts[i];
        buffer_printf(out, "%s_%s_bucket{le=\"", m->prefix, spec->name);
        write_value(out, spec->bounds[i], spec->digits);
        buffer_printf(out, "\"} %" PRIu64 "\n", count);
    }
    count += metric->counts[spec->n_bounds];
    buffer_printf(out, "%s_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_%s_sum ", m->prefix, spec->name,
                  count, m->prefix, spec->name);
    write_value(out, metric->sum, spec->digits);
    buffer_printf(out, "\n%s_%s_count %" PRIu64 "\n", m->prefix, spec->name, count);
}

void metrics_write(const metrics_t *metrics, buffer_t *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (size_t i = 0; i < metrics->n; i++) {
        const metric_spec_t *spec = &metrics->specs[i];
        const metric_t *metric = &metrics->metrics[i];
        if (metric->n == 0 && metric->counts == NULL) {
            continue;
        }
        buffer_printf(out, "# HELP %s_%s ", metrics->prefix, spec->name);
        write_escaped(out, spec->help, false);
        buffer_printf(out, "\n# TYPE %s_%s %s\n", metrics->prefix, spec->name, kinds[spec->kind]);
        if (metric->counts != NULL) {
            write_histogram(metrics, spec, metric, out);
        }
        for (size_t k = 0; k < metric->n; k++) {
            write_series(metrics, spec, &metric->series[k], out);
        }
    }
}
