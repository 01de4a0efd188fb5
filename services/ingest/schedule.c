/* schedule.c - see schedule.h. A scan over all series at each tick: a few thousand at most, and the
 * order of a heap would be upset by hosts that have to wait. */
#include "schedule.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RUNNING_PER_HOST 2

struct host {
    const char *name; /* of a source */
    int64_t min_interval_ms;
    int64_t next_start; /* monotonic */
    unsigned running;
};

struct schedule {
    const ingest_config_t *config;
    store_t *store;
    struct host *hosts;
    size_t n_hosts;
    series_t **series;
    size_t n_series;
};

static struct host *host_of(schedule_t *s, const char *name)
{
    for (size_t i = 0; i < s->n_hosts; i++) {
        if (strcmp(s->hosts[i].name, name) == 0) {
            return &s->hosts[i];
        }
    }
    return NULL;
}

int schedule_new(const ingest_config_t *config, store_t *store, schedule_t **out)
{
    schedule_t *s = calloc(1, sizeof *s);
    if (s == NULL || (s->hosts = calloc(config->sources_count + 1, sizeof *s->hosts)) == NULL) {
        free(s);
        return -ENOMEM;
    }
    s->config = config;
    s->store = store;
    for (unsigned i = 0; i < config->sources_count; i++) {
        const ingest_source_t *source = &config->sources[i];
        struct host *host = host_of(s, source->host);
        if (host == NULL) {
            host = &s->hosts[s->n_hosts++];
            host->name = source->host;
        }
        if (host->min_interval_ms < source->min_interval_ms) {
            host->min_interval_ms = source->min_interval_ms;
        }
    }
    *out = s;
    return 0;
}

void schedule_destroy(schedule_t **schedule)
{
    if (schedule == NULL || *schedule == NULL) {
        return;
    }
    for (size_t i = 0; i < (*schedule)->n_series; i++) {
        series_destroy(&(*schedule)->series[i]);
    }
    free((*schedule)->series);
    free((*schedule)->hosts);
    free(*schedule);
    *schedule = NULL;
}

static series_t *find(schedule_t *s, const ingest_source_t *source, const registry_unit_t *of,
                      period_t period)
{
    for (size_t i = 0; i < s->n_series; i++) {
        series_t *known = s->series[i];
        if (known->source == source && known->of == of && known->period.kind == period.kind &&
            known->period.year == period.year && known->period.number == period.number) {
            return known;
        }
    }
    return NULL;
}

static int want(schedule_t *s, const ingest_source_t *source, const registry_unit_t *of,
                period_t period)
{
    series_t *series = find(s, source, of, period);
    if (series != NULL) {
        series->wanted = true;
        return 0;
    }
    series_t **grown = realloc(s->series, (s->n_series + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    s->series = grown;
    int rc = series_load(s->store, source, of, period, &series);
    if (rc == 0) {
        series->host = host_of(s, source->host);
        series->wanted = true;
        s->series[s->n_series++] = series;
    }
    return rc;
}

static void drop_unwanted(schedule_t *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_series; i++) {
        if (s->series[i]->wanted || s->series[i]->running || s->series[i]->exchange != NULL) {
            s->series[kept++] = s->series[i];
        } else {
            series_destroy(&s->series[i]);
        }
    }
    s->n_series = kept;
}

int schedule_refresh(schedule_t *s, int64_t wall_ms)
{
    for (size_t i = 0; i < s->n_series; i++) {
        s->series[i]->wanted = false;
    }
    int rc = 0;
    for (unsigned i = 0; i < s->config->sources_count && rc == 0; i++) {
        const ingest_source_t *source = &s->config->sources[i];
        for (unsigned p = 0; p < source->periods_count && rc == 0; p++) {
            period_t period;
            rc = ingest_period(source->periods[p], wall_ms, &period);
            for (unsigned u = 0; u < source->n_of && rc == 0; u++) {
                rc = want(s, source, source->of[u], period);
            }
        }
    }
    if (rc == 0) {
        drop_unwanted(s);
    }
    return rc;
}

/* What was begun is finished first: the pages of an answer should be of one moment. */
static bool comes_before(const series_t *a, const series_t *b)
{
    if ((a->exchange != NULL) != (b->exchange != NULL)) {
        return a->exchange != NULL;
    }
    return a->next_due < b->next_due;
}

series_t *schedule_next(schedule_t *s, int64_t wall_ms, int64_t mono_ms)
{
    series_t *best = NULL;
    for (size_t i = 0; i < s->n_series; i++) {
        series_t *one = s->series[i];
        bool due = one->exchange != NULL || one->next_due <= wall_ms;
        bool can = !one->running && due && one->host->next_start <= mono_ms &&
                   one->host->running < MAX_RUNNING_PER_HOST;
        if (can && (best == NULL || comes_before(one, best))) {
            best = one;
        }
    }
    if (best != NULL) {
        best->running = true;
        best->host->running++;
        best->host->next_start = mono_ms + best->host->min_interval_ms;
    }
    return best;
}

void schedule_pause(series_t *series, int64_t until_mono_ms)
{
    if (series->host->next_start < until_mono_ms) {
        series->host->next_start = until_mono_ms;
    }
}

void schedule_done(series_t *series)
{
    series->running = false;
    series->host->running--;
}

size_t schedule_count(const schedule_t *s)
{
    return s->n_series;
}

series_t *schedule_at(const schedule_t *s, size_t i)
{
    return s->series[i];
}
