/* backfill.c - see backfill.h. How far each series is stands in one byte in memory and is worked
 * out again after a restart; only beginning and end are stored. */
#include "backfill.h"

#include "base/clock.h"
#include "base/error.h"
#include "ledger.h"
#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_MAX (4 * 1024 * 1024)
#define STEPS 500 /* series looked at in one go */

/* Of a series: how often it was tried so far, or how it ended. */
enum { GOOD = 0xF0, NOTHING, QUARANTINED, FAILED, STATES };
#define N_ENDS (STATES - GOOD)

typedef struct {
    uint64_t number;
    Chiso__V1__Backfill *record; /* unpacked; its counts are set at the end */
    wire_arena_t *arena;
    period_t first;
    size_t n_periods;
    uint8_t *states; /* of each period, of each unit; NULL once it has ended */
    size_t looked;   /* before it none is waiting */
    uint32_t ends[N_ENDS];
    char detail[256]; /* of the last failure, or why it waits */
} job_t;

struct backfills {
    store_t *store;
    job_t *jobs; /* by number */
    size_t n;
    bool hungry; /* there may be something to lend */
    int64_t feed_at;
};

__attribute__((format(printf, 2, 3))) static int refuse(char reason[BACKFILL_REASON_SIZE],
                                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, BACKFILL_REASON_SIZE, format, arguments);
    va_end(arguments);
    return CHISO_E_INVALID;
}

/* ---- what is stored ---- */

static void free_job(job_t *job)
{
    wire_free(&job->arena);
    free(job->states);
}

static int note_period(void *context, period_t period)
{
    job_t *job = context;
    job->first = job->n_periods == 0 ? period : job->first;
    job->n_periods++;
    return 0;
}

static int walk(const char *from, const char *to, ingest_period_fn each, void *context)
{
    char range[2 * PERIOD_TEXT_SIZE + 4];
    snprintf(range, sizeof range, "%.8s..%.8s", from, to);
    return ingest_periods(range, clock_wall_ms(), each, context);
}

/* A job of its record. */
static int read_job(uint64_t number, bytes_t packed, job_t *job)
{
    ProtobufCMessage *message;
    *job = (job_t){.number = number};
    int rc = wire_unpack(&chiso__v1__backfill__descriptor, packed, RECORD_MAX, NULL, &job->arena,
                         &message);
    if (rc != 0) {
        return rc == -ENOMEM ? rc : CHISO_E_CORRUPT;
    }
    job->record = (Chiso__V1__Backfill *)message;
    if (walk(job->record->from, job->record->to, note_period, job) != 0) {
        rc = CHISO_E_CORRUPT;
    } else if (!job->record->has_ended_at) {
        job->states = calloc(job->n_periods * job->record->n_units + 1, 1);
        rc = job->states != NULL ? 0 : -ENOMEM;
    }
    if (rc != 0) {
        free_job(job);
    }
    return rc;
}

static int keep_job(backfills_t *b, const job_t *job)
{
    job_t *grown = realloc(b->jobs, (b->n + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    b->jobs = grown;
    b->jobs[b->n++] = *job;
    return 0;
}

int backfills_open(store_t *store, backfills_t **out)
{
    backfills_t *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return -ENOMEM;
    }
    b->store = store;
    b->hungry = true;
    store_txn_t *txn = store_read(store);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int rc = 0;
    bool more = store_seek(txn, LEDGER_BACKFILLS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more && rc == 0; more = store_next(cursor, &key, &value)) {
        job_t job;
        rc = key.len == 8 ? read_job(be64_get(key.data), value, &job) : CHISO_E_CORRUPT;
        if (rc == 0 && (rc = keep_job(b, &job)) != 0) {
            free_job(&job);
        }
    }
    store_cursor_close(&cursor);
    rc = rc != 0 ? rc : store_status(txn);
    store_abort(&txn);
    if (rc != 0) {
        backfills_close(&b);
        return rc;
    }
    *out = b;
    return 0;
}

void backfills_close(backfills_t **backfills)
{
    backfills_t *b = *backfills;
    for (size_t i = 0; b != NULL && i < b->n; i++) {
        free_job(&b->jobs[i]);
    }
    if (b != NULL) {
        free(b->jobs);
    }
    free(b);
    *backfills = NULL;
}

/* The oldest that has ended makes room. */
static void drop_old(backfills_t *b, store_txn_t *txn)
{
    size_t ended = 0;
    uint8_t key[8];
    for (size_t i = 0; i < b->n; i++) {
        ended += b->jobs[i].states == NULL;
    }
    for (size_t i = 0; ended >= BACKFILL_KEPT && i < b->n; i++) {
        if (b->jobs[i].record->has_ended_at) {
            be64_put(key, b->jobs[i].number);
            store_delete(txn, LEDGER_BACKFILLS, bytes_of(key, sizeof key));
            free_job(&b->jobs[i]);
            memmove(&b->jobs[i], &b->jobs[i + 1], (--b->n - i) * sizeof *b->jobs);
            return;
        }
    }
}

static int store_record(backfills_t *b, uint64_t number, const Chiso__V1__Backfill *record,
                        bool fresh)
{
    uint8_t key[8];
    buffer_t packed = BUFFER_INIT(RECORD_MAX);
    be64_put(key, number);
    wire_pack(&record->base, &packed);
    store_txn_t *txn = store_write(b->store);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    } else if (fresh) {
        drop_old(b, txn);
    }
    if (fresh && !store_has_room(b->store)) {
        store_fail(txn, CHISO_E_FULL);
    }
    store_put(txn, LEDGER_BACKFILLS, bytes_of(key, sizeof key), buffer_bytes(&packed));
    int rc = store_commit(&txn);
    job_t job;
    if (rc == 0 && fresh && (rc = read_job(number, buffer_bytes(&packed), &job)) == 0 &&
        (rc = keep_job(b, &job)) != 0) {
        free_job(&job);
    }
    buffer_free(&packed);
    return rc;
}

/* ---- beginning ---- */

uint64_t backfills_newest(const backfills_t *b)
{
    return b->n > 0 ? b->jobs[b->n - 1].number : 0;
}

static const ingest_source_t *source_of(const ingest_config_t *config, const char *id)
{
    for (unsigned i = 0; i < config->sources_count; i++) {
        if (strcmp(config->sources[i].id, id) == 0) {
            return &config->sources[i];
        }
    }
    return NULL;
}

static int check_periods(const ingest_source_t *source, const backfill_wish_t *w, job_t *job,
                         char reason[BACKFILL_REASON_SIZE])
{
    static const char *const kinds[] = {"year", "quarter", "month"};
    period_t last;
    if (strlen(w->from) >= PERIOD_TEXT_SIZE || strlen(w->to) >= PERIOD_TEXT_SIZE ||
        period_parse(w->to, &last) != 0 || walk(w->from, w->to, note_period, job) != 0) {
        return refuse(reason,
                      "from '%.20s' to '%.20s'; expected two periods of one kind, such as 2024-01 "
                      "and 2024-12, the earlier first, at most %d",
                      w->from, w->to, INGEST_MAX_RANGE);
    }
    period_t now = period_at(last.kind, clock_wall_ms(), 0);
    if (last.year > now.year || (last.year == now.year && last.number > now.number)) {
        return refuse(reason, "to '%s' has not begun", w->to);
    }
    int only = source->source->only;
    if (only >= 0 && (int)last.kind != only) {
        return refuse(reason, "'%s'; expected a %s: the source has no others", w->to, kinds[only]);
    }
    return 0;
}

/* The codes of whom to ask for; "" for the nation, or all at once. */
static int check_units(const ingest_config_t *config, const ingest_source_t *source,
                       const backfill_wish_t *w, const char ***codes, size_t *n,
                       char reason[BACKFILL_REASON_SIZE])
{
    size_t room = w->n_units > 0 ? w->n_units : source->n_of;
    *codes = calloc(room + 1, sizeof **codes);
    *n = 0;
    if (*codes == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; w->n_units == 0 && i < source->n_of; i++) {
        (*codes)[(*n)++] = source->of[i] != NULL ? source->of[i]->code : "";
    }
    for (size_t i = 0; i < w->n_units; i++) {
        const registry_unit_t *unit = registry_by_code(config->units, w->units[i]);
        if (unit == NULL || !ingest_asks_for(source, unit)) {
            return refuse(reason,
                          "unit '%.40s'; expected the code of one that the source is asked "
                          "for by itself, or no units",
                          w->units[i]);
        }
        bool again = false;
        for (size_t k = 0; k < *n; k++) {
            again = again || strcmp((*codes)[k], unit->code) == 0;
        }
        if (!again) {
            (*codes)[(*n)++] = unit->code;
        }
    }
    return 0;
}

static bool same_wish(const Chiso__V1__Backfill *a, const Chiso__V1__Backfill *b)
{
    bool same = !a->has_ended_at && strcmp(a->source, b->source) == 0 &&
                strcmp(a->from, b->from) == 0 && strcmp(a->to, b->to) == 0 &&
                a->n_units == b->n_units;
    for (size_t i = 0; same && i < a->n_units; i++) {
        same = strcmp(a->units[i], b->units[i]) == 0;
    }
    return same;
}

static int begin(backfills_t *b, const Chiso__V1__Backfill *record, uint64_t *number)
{
    size_t under_way = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (same_wish(b->jobs[i].record, record)) {
            *number = b->jobs[i].number;
            return 0;
        }
        under_way += b->jobs[i].states != NULL;
    }
    if (under_way >= BACKFILL_AT_ONCE) {
        return -EBUSY;
    }
    uint64_t next = backfills_newest(b) + 1;
    int rc = store_record(b, next, record, true);
    if (rc == 0) {
        *number = next;
        b->hungry = true;
        log_info("backfill begun", "number", LOG_INT(next), "source", record->source, "from",
                 record->from, "to", record->to, "by", record->by, NULL);
    }
    return rc;
}

int backfills_begin(backfills_t *b, const ingest_config_t *config, const backfill_wish_t *w,
                    char reason[BACKFILL_REASON_SIZE], uint64_t *number)
{
    const ingest_source_t *source = source_of(config, w->source);
    job_t range = {0};
    const char **codes = NULL;
    size_t n = 0;
    if (source == NULL) {
        return CHISO_E_NOT_FOUND;
    }
    int rc = check_periods(source, w, &range, reason);
    rc = rc == 0 ? check_units(config, source, w, &codes, &n, reason) : rc;
    if (rc == 0 && range.n_periods * n > BACKFILL_MAX_SERIES) {
        rc = refuse(reason, "%zu periods of %zu units; expected at most %d requests",
                    range.n_periods, n, BACKFILL_MAX_SERIES);
    }
    if (rc == 0) {
        Chiso__V1__Backfill record = CHISO__V1__BACKFILL__INIT;
        record.source = source->id;
        record.from = (char *)(uintptr_t)w->from;
        record.to = (char *)(uintptr_t)w->to;
        record.by = (char *)(uintptr_t)w->by;
        record.at = clock_wall_ms();
        record.n_units = n;
        record.units = (char **)(uintptr_t)codes;
        rc = begin(b, &record, number);
    }
    free(codes);
    return rc;
}

/* ---- end ---- */

static int end(backfills_t *b, job_t *job, bool cancelled)
{
    Chiso__V1__Backfill *r = job->record;
    Chiso__V1__Backfill ended = *r;
    ended.has_ended_at = true;
    ended.ended_at = clock_wall_ms();
    ended.has_cancelled = ended.cancelled = cancelled;
    ended.has_good = ended.has_no_data = ended.has_quarantined = ended.has_failed = true;
    ended.good = job->ends[GOOD - GOOD];
    ended.no_data = job->ends[NOTHING - GOOD];
    ended.quarantined = job->ends[QUARANTINED - GOOD];
    ended.failed = job->ends[FAILED - GOOD];
    ended.detail = *job->detail != '\0' ? job->detail : NULL;
    int rc = store_record(b, job->number, &ended, false);
    if (rc == 0) {
        *r = ended; /* the detail is the job's own */
        r->detail = NULL;
        free(job->states);
        job->states = NULL;
        log_info(cancelled ? "backfill cancelled" : "backfill ended", "number",
                 LOG_INT(job->number), "source", r->source, "good", LOG_INT(r->good), "no_data",
                 LOG_INT(r->no_data), "quarantined", LOG_INT(r->quarantined), "failed",
                 LOG_INT(r->failed), NULL);
    }
    return rc;
}

static job_t *job_of(const backfills_t *b, uint64_t number)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->jobs[i].number == number) {
            return &b->jobs[i];
        }
    }
    return NULL;
}

int backfills_cancel(backfills_t *b, uint64_t number)
{
    job_t *job = job_of(b, number);
    b->hungry = true; /* what it was lent is taken back with the next step */
    return job == NULL || job->states == NULL ? CHISO_E_NOT_FOUND : end(b, job, true);
}

/* ---- on the way ---- */

static void settle(job_t *job, size_t i, unsigned how)
{
    job->states[i] = (uint8_t)how;
    job->ends[how - GOOD]++;
}

static void settle_by(job_t *job, size_t i, const series_t *series)
{
    settle(job, i,
           series->outcome == CHISO__V1__SOURCE_STATE__OUTCOME__GOOD      ? GOOD
           : series->outcome == CHISO__V1__SOURCE_STATE__OUTCOME__NO_DATA ? NOTHING
                                                                          : QUARANTINED);
}

static void fail(job_t *job, size_t i, const char *why)
{
    snprintf(job->detail, sizeof job->detail, "%.250s", why);
    settle(job, i, FAILED);
}

/* The p-th period of the job. */
static period_t period_of(const job_t *job, size_t p)
{
    period_t period = job->first;
    int per_year = period.kind == PERIOD_MONTH ? 12 : period.kind == PERIOD_QUARTER ? 4 : 1;
    int from_zero = (period.number > 0 ? period.number - 1 : 0) + (int)p;
    period.year += from_zero / per_year;
    period.number = period.kind == PERIOD_YEAR ? 0 : from_zero % per_year + 1;
    return period;
}

/* Lends the i-th series; true when it has to be waited for. */
static bool lend(job_t *job, size_t i, const ingest_config_t *config, const ingest_source_t *source,
                 schedule_t *schedule)
{
    const char *code = job->record->units[i % job->record->n_units];
    const registry_unit_t *of = *code != '\0' ? registry_by_code(config->units, code) : NULL;
    series_t *series;
    if (*code != '\0' && of == NULL) {
        fail(job, i, "a unit is no longer in the registry");
        return false;
    }
    int rc = schedule_lend(schedule, source, of, period_of(job, i / job->record->n_units), &series);
    if (rc != 0) {
        fail(job, i, chiso_strerror(rc));
        return false;
    }
    if (series->backfill >= job->number) {
        series->lent = false;
        settle_by(job, i, series);
        return false;
    }
    int64_t now = clock_wall_ms();
    if (series->failures == 0 && series->next_due > now) {
        series->next_due = now;
    }
    return true;
}

/* Returns whether something of it is still waited for. */
static bool feed(job_t *job, const ingest_config_t *config, schedule_t *schedule, size_t *steps)
{
    const ingest_source_t *source = source_of(config, job->record->source);
    size_t n = job->n_periods * job->record->n_units;
    size_t lent = 0;
    if (source == NULL) {
        snprintf(job->detail, sizeof job->detail, "no source of this id is configured");
        return true;
    }
    while (job->looked < n && job->states[job->looked] >= GOOD) {
        job->looked++;
    }
    for (size_t i = job->looked; i < n && lent < BACKFILL_WINDOW; i++) {
        if (job->states[i] >= GOOD) {
            continue;
        }
        if (*steps == 0) {
            return true;
        }
        --*steps;
        lent += lend(job, i, config, source, schedule);
    }
    return lent > 0;
}

int backfills_feed(backfills_t *b, const ingest_config_t *config, schedule_t *schedule)
{
    int64_t mono = clock_mono_ms();
    size_t steps = STEPS;
    int rc = 0;
    if (!b->hungry && mono < b->feed_at) {
        return 0;
    }
    b->hungry = false;
    b->feed_at = mono + 1000;
    schedule_take_back(schedule);
    for (size_t i = 0; i < b->n && rc == 0; i++) {
        job_t *job = &b->jobs[i];
        if (job->states != NULL && !feed(job, config, schedule, &steps)) {
            rc = end(b, job, false);
        }
    }
    b->hungry = steps == 0;
    schedule_sweep(schedule);
    return rc;
}

void backfills_heard(backfills_t *b, series_t *series)
{
    const char *code = series->of != NULL ? series->of->code : "";
    for (size_t k = 0; series->lent && k < b->n; k++) {
        job_t *job = &b->jobs[k];
        const Chiso__V1__Backfill *r = job->record;
        if (job->states == NULL || strcmp(r->source, series->source->id) != 0) {
            continue;
        }
        for (size_t i = job->looked; i < job->n_periods * r->n_units; i++) {
            period_t p = period_of(job, i / r->n_units);
            if (job->states[i] >= GOOD || strcmp(r->units[i % r->n_units], code) != 0 ||
                p.kind != series->period.kind || p.year != series->period.year ||
                p.number != series->period.number) {
                continue;
            }
            if (series->backfill >= job->number) {
                settle_by(job, i, series);
            } else if (++job->states[i] >= BACKFILL_TRIES) {
                fail(job, i, series->detail);
            } else {
                snprintf(job->detail, sizeof job->detail, "%s", series->detail);
            }
            b->hungry = true;
            break;
        }
    }
}

/* ---- told ---- */

static void put_job(const job_t *job, jw_t *j)
{
    const Chiso__V1__Backfill *r = job->record;
    bool ended = r->has_ended_at;
    size_t total = job->n_periods * r->n_units;
    uint32_t ends[N_ENDS] = {r->good, r->no_data, r->quarantined, r->failed};
    const char *detail = *job->detail != '\0' ? job->detail : r->detail;
    size_t waiting = total;
    jw_object(j);
    jw_put_number(j, "number", job->number);
    jw_put_text(j, "source", r->source);
    jw_put_text(j, "from", r->from);
    jw_put_text(j, "to", r->to);
    jw_put_number(j, "units", r->n_units);
    jw_put_text(j, "by", r->by);
    jw_put_time(j, "at", r->at);
    jw_put_text(j, "state", !ended ? "under way" : r->cancelled ? "cancelled" : "ended");
    if (ended) {
        jw_put_time(j, "ended_at", r->ended_at);
    } else {
        jw_put_text(j, "ended_at", NULL);
    }
    jw_put_number(j, "series", total);
    static const char *const names[N_ENDS] = {"good", "no_data", "quarantined", "failed"};
    for (size_t i = 0; i < N_ENDS; i++) {
        uint32_t count = ended ? ends[i] : job->ends[i];
        jw_put_number(j, names[i], count);
        waiting -= count;
    }
    jw_put_number(j, "waiting", waiting);
    jw_put_text(j, "detail", detail);
    jw_object_end(j);
}

bool backfills_put(const backfills_t *b, uint64_t number, jw_t *j)
{
    const job_t *job = number != 0 ? job_of(b, number) : NULL;
    if (job != NULL) {
        put_job(job, j);
    } else if (number == 0) {
        jw_array(j);
        for (size_t i = 0; i < b->n; i++) {
            put_job(&b->jobs[i], j);
        }
        jw_array_end(j);
    }
    return job != NULL || number == 0;
}
