/* schedule.h - which series is asked when: cadence, jitter, and manners towards hosts. */
#ifndef CHISO_INGEST_SCHEDULE_H
#define CHISO_INGEST_SCHEDULE_H

#include "series.h"

typedef struct schedule schedule_t;

int schedule_new(const ingest_config_t *config, store_t *store, schedule_t **out);
void schedule_destroy(schedule_t **schedule);

/* Makes the series what the configuration wants at this moment: "month" moves on. */
int schedule_refresh(schedule_t *schedule, int64_t wall_ms);

/* A series that a backfill wants asked, whatever the configuration says; until it is taken back.
 * 0; as series_load(). */
int schedule_lend(schedule_t *schedule, const ingest_source_t *source, const registry_unit_t *of,
                  period_t period, series_t **series);
/* Takes back all that were lent, which stay where they are until schedule_sweep(). */
void schedule_take_back(schedule_t *schedule);
void schedule_sweep(schedule_t *schedule);

/* The next series to be asked now, marked as running; NULL when there is none. A host is asked at
 * most once in the longest min_interval of its sources, and has at most `connections` requests
 * under way. One that fails again and again, whatever the series, is left alone for a growing time;
 * then a single request decides. */
series_t *schedule_next(schedule_t *schedule, int64_t wall_ms, int64_t mono_ms);
/* The host asked for a pause (429, 503): nothing of it is asked before then. */
void schedule_pause(series_t *series, int64_t until_mono_ms);
/* How the host did; asked of each request, before schedule_done(). Sets series->left_alone_ms. */
typedef enum {
    SCHEDULE_WELL,    /* it answered, whatever it said */
    SCHEDULE_BADLY,   /* no answer, or 5xx */
    SCHEDULE_UNKNOWN, /* it was not asked */
} schedule_host_t;
void schedule_heard(series_t *series, schedule_host_t how, int64_t mono_ms);
/* Its answer was dealt with. */
void schedule_done(series_t *series);

size_t schedule_count(const schedule_t *schedule);
series_t *schedule_at(const schedule_t *schedule, size_t i);
/* The series of that name; where it is not asked for at present, one of the caller's own, made of
 * what the store knows, which it destroys. 0; CHISO_E_NOT_FOUND when no source has it; as
 * series_load(). */
int schedule_borrow(const schedule_t *schedule, const char *source, const char *name,
                    series_t **series, series_t **own);

#endif
