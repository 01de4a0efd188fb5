/* schedule.c - see schedule.h. A scan over all series at each tick: a few thousand at most, and the
 * order of a heap would be upset by hosts that have to wait. */
#include "schedule.h"

#include "base/error.h"
#include "breaker/breaker.h"
#include "log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LEFT_ALONE_MS (3600 * 1000LL)

struct host {
    const char *name; /* of a source */
    int64_t min_interval_ms;
    int64_t next_start; /* monotonic */
    unsigned running, most_running;
    int64_t every_ms, retry_after_ms; /* the shortest of its sources */
    breaker_t breaker;
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

/* A host is left alone for a few of its sources' own waits, and never longer than until they would
 * be asked anyway. */
static breaker_t breaker_of(const struct host *host)
{
    int64_t first = 6 * host->retry_after_ms;
    breaker_options_t options = {
        .first_wait_ms = first, .longest_wait_ms = host->every_ms > first ? host->every_ms : first};
    if (options.longest_wait_ms > MAX_LEFT_ALONE_MS) {
        options.longest_wait_ms = MAX_LEFT_ALONE_MS;
    }
    return breaker_new(&options);
}

static void add_hosts(schedule_t *s)
{
    for (unsigned i = 0; i < s->config->sources_count; i++) {
        const ingest_source_t *source = &s->config->sources[i];
        struct host *host = host_of(s, source->host);
        if (host == NULL) {
            host = &s->hosts[s->n_hosts++];
            *host = (struct host){.name = source->host,
                                  .every_ms = source->every_ms,
                                  .retry_after_ms = source->retry_after_ms,
                                  .most_running = source->connections};
        }
#define SHORTEST(member, of) host->member = source->of < host->member ? source->of : host->member
        SHORTEST(every_ms, every_ms);
        SHORTEST(retry_after_ms, retry_after_ms);
        SHORTEST(most_running, connections);
#undef SHORTEST
        if (host->min_interval_ms < source->min_interval_ms) {
            host->min_interval_ms = source->min_interval_ms;
        }
    }
    for (size_t i = 0; i < s->n_hosts; i++) {
        s->hosts[i].breaker = breaker_of(&s->hosts[i]);
    }
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
    add_hosts(s);
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

/* The series, one that the store knows or a new one. */
static int obtain(schedule_t *s, const ingest_source_t *source, const registry_unit_t *of,
                  period_t period, series_t **out)
{
    *out = find(s, source, of, period);
    if (*out != NULL) {
        return 0;
    }
    series_t **grown = realloc(s->series, (s->n_series + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    s->series = grown;
    int rc = series_load(s->store, source, of, period, out);
    if (rc == 0) {
        (*out)->host = host_of(s, source->host);
        s->series[s->n_series++] = *out;
    }
    return rc;
}

static int want(schedule_t *s, const ingest_source_t *source, const registry_unit_t *of,
                period_t period)
{
    series_t *series;
    int rc = obtain(s, source, of, period, &series);
    if (rc == 0) {
        series->wanted = true;
    }
    return rc;
}

int schedule_lend(schedule_t *s, const ingest_source_t *source, const registry_unit_t *of,
                  period_t period, series_t **series)
{
    int rc = obtain(s, source, of, period, series);
    if (rc == 0) {
        (*series)->lent = true;
    }
    return rc;
}

void schedule_take_back(schedule_t *s)
{
    for (size_t i = 0; i < s->n_series; i++) {
        s->series[i]->lent = false;
    }
}

void schedule_sweep(schedule_t *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_series; i++) {
        const series_t *one = s->series[i];
        if (one->wanted || one->lent || one->running || one->exchange != NULL) {
            s->series[kept++] = s->series[i];
        } else {
            series_destroy(&s->series[i]);
        }
    }
    s->n_series = kept;
}

typedef struct {
    schedule_t *schedule;
    const ingest_source_t *source;
} wish_t;

static int want_period(void *context, period_t period)
{
    const wish_t *w = context;
    int rc = 0;
    for (unsigned u = 0; u < w->source->n_of && rc == 0; u++) {
        rc = want(w->schedule, w->source, w->source->of[u], period);
    }
    return rc;
}

int schedule_refresh(schedule_t *s, int64_t wall_ms)
{
    for (size_t i = 0; i < s->n_series; i++) {
        s->series[i]->wanted = false;
    }
    int rc = 0;
    for (unsigned i = 0; i < s->config->sources_count && rc == 0; i++) {
        const ingest_source_t *source = &s->config->sources[i];
        wish_t wish = {s, source};
        for (unsigned p = 0; p < source->periods_count && rc == 0; p++) {
            rc = ingest_periods(source->periods[p], wall_ms, want_period, &wish);
        }
    }
    if (rc == 0) {
        schedule_sweep(s);
    }
    return rc;
}

/* What was begun is finished first: the pages of an answer should be of one moment. What only a
 * backfill wants comes last. */
static bool comes_before(const series_t *a, const series_t *b)
{
    if ((a->exchange != NULL) != (b->exchange != NULL)) {
        return a->exchange != NULL;
    }
    if (a->wanted != b->wanted) {
        return a->wanted;
    }
    return a->next_due < b->next_due;
}

series_t *schedule_next(schedule_t *s, int64_t wall_ms, int64_t mono_ms)
{
    series_t *best = NULL;
    for (size_t i = 0; i < s->n_series; i++) {
        series_t *one = s->series[i];
        bool due =
            one->exchange != NULL || (one->next_due <= wall_ms && (one->wanted || one->lent));
        bool can = !one->running && due && one->host->next_start <= mono_ms &&
                   one->host->running < one->host->most_running &&
                   breaker_wait(&one->host->breaker, mono_ms) == 0;
        if (can && (best == NULL || comes_before(one, best))) {
            best = one;
        }
    }
    if (best != NULL && breaker_take(&best->host->breaker, mono_ms)) {
        best->running = true;
        best->host->running++;
        best->host->next_start = mono_ms + best->host->min_interval_ms;
        return best;
    }
    return NULL;
}

void schedule_heard(series_t *series, schedule_host_t how, int64_t mono_ms)
{
    breaker_t *b = &series->host->breaker;
    int64_t before = b->wait_ms;
    bool open = breaker_state(b, mono_ms) == BREAKER_OPEN;
    series->left_alone_ms = 0;
    if (how == SCHEDULE_WELL) {
        breaker_good(b);
        if (before > 0) {
            log_info("host answers again", "host", series->host->name, NULL);
        }
    } else if (how == SCHEDULE_BADLY) {
        breaker_bad(b, mono_ms, -1);
        if (!open && breaker_state(b, mono_ms) == BREAKER_OPEN) {
            series->left_alone_ms = b->wait_ms;
            log_warn("host is left alone", "host", series->host->name, "failures",
                     LOG_INT(b->failures), "ms", LOG_INT(b->wait_ms), NULL);
        }
    } else {
        breaker_unknown(b);
    }
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

/* "91/2025-10": whose figures, and the period. */
static int load_named(const schedule_t *s, const ingest_source_t *source, const char *name,
                      series_t **out)
{
    char whose[SERIES_NAME_SIZE];
    period_t period;
    const char *slash = strrchr(name, '/');
    if (slash == NULL || (size_t)(slash - name) >= sizeof whose ||
        period_parse(slash + 1, &period) != 0) {
        return CHISO_E_NOT_FOUND;
    }
    snprintf(whose, sizeof whose, "%.*s", (int)(slash - name), name);
    const registry_unit_t *of = registry_by_code(s->config->units, whose);
    int rc = series_load(s->store, source, of, period, out);
    if (rc == 0 && strcmp((*out)->name, name) != 0) {
        series_destroy(out);
        rc = CHISO_E_NOT_FOUND;
    }
    return rc;
}

int schedule_borrow(const schedule_t *s, const char *source, const char *name, series_t **series,
                    series_t **own)
{
    int rc = CHISO_E_NOT_FOUND;
    *own = NULL;
    for (size_t i = 0; i < s->n_series; i++) {
        if (strcmp(s->series[i]->name, name) == 0 &&
            strcmp(s->series[i]->source->id, source) == 0) {
            *series = s->series[i];
            return 0;
        }
    }
    for (unsigned i = 0; i < s->config->sources_count; i++) {
        if (strcmp(s->config->sources[i].id, source) == 0) {
            rc = load_named(s, &s->config->sources[i], name, own);
            *series = *own;
        }
    }
    return rc;
}
