/* compare.c - several units beside each other, and every unit of a level over time. */
#include "answers.h"
#include "base/clock.h"
#include "base/error.h"
#include "members.h"
#include "period/moment.h"
#include "publisher/render.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_UNITS 12

typedef struct {
    event_in_t in[MAX_UNITS];
    event_score_t scores[MAX_UNITS];
    size_t n;
} compared_t;

static void release(compared_t *c)
{
    for (size_t i = 0; i < c->n; i++) {
        event_release(&c->in[i]);
    }
}

static bool is_known(const compared_t *c, const char *code)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->scores[i].unit->code, code) == 0) {
            return true;
        }
    }
    return false;
}

/* The units of ?units=24,01,91; false after answering that they cannot be. */
static bool read_units(const call_t *call, store_txn_t **txn, compared_t *out)
{
    const char *list = http_query(call->request, "units");
    char room[MAX_UNITS * (EVENT_MAX_CODE + 1) + 1];
    if (list == NULL || *list == '\0' || strlen(list) >= sizeof room) {
        http_reply_problem(call->request, 400,
                           "units is missing or too long; expected 1 to %d codes, as in "
                           "units=01,24",
                           MAX_UNITS);
        return false;
    }
    memcpy(room, list, strlen(list) + 1);
    char *rest = room;
    char *code;
    while ((code = strsep(&rest, ",")) != NULL) {
        if (out->n == MAX_UNITS || is_known(out, code)) {
            http_reply_problem(call->request, 400,
                               "units '%.80s'; expected 1 to %d codes, each once", list, MAX_UNITS);
            return false;
        }
        bool past = call->at != CALL_NOW;
        event_in_t *in = &out->in[out->n];
        if (past ? !model_result_at(*txn, call->index->id, call->period, code, call->at, in)
                 : !model_result(*txn, call->index->id, call->period, code, in)) {
            call_missing(call, txn, "unit '%.64s' has no result of %s for %s", code,
                         call->index->id, call->period);
            return false;
        }
        out->scores[out->n] = *in->event->score;
        if (past) { /* ranks of then are in rankings of then */
            out->scores[out->n].has_rank = false;
            out->scores[out->n].has_nation_rank = false;
            out->scores[out->n].has_previous_rank = false;
        }
        out->n++;
    }
    return true;
}

static void put_compared(jw_t *j, const call_t *call, const compared_t *c)
{
    const catalog_index_t *index = call->index;
    char text[DECIMAL_TEXT_SIZE];
    jw_put_array(j, "pillars");
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        jw_object(j);
        jw_put_text(j, "code", pillar->code);
        jw_put_text(j, "title", pillar->title);
        jw_put_text(j, "max", decimal_format(pillar->max, text));
        jw_put_array(j, "units"); /* in the order of `units` */
        for (size_t i = 0; i < c->n; i++) {
            jw_object(j);
            jw_put_text(j, "code", c->scores[i].unit->code);
            jw_key(j, "pillar");
            render_pillar(j, index, pillar, &c->scores[i], RENDER_PILLARS);
            jw_object_end(j);
        }
        jw_array_end(j);
        jw_put_array(j, "indicators");
        for (unsigned k = pillar->first; k < pillar->first + pillar->count; k++) {
            jw_object(j);
            jw_put_text(j, "code", index->indicators[k].code);
            jw_put_text(j, "title", index->indicators[k].title);
            jw_put_text(j, "max", decimal_format(index->indicators[k].max, text));
            jw_put_array(j, "units");
            for (size_t i = 0; i < c->n; i++) {
                jw_object(j);
                jw_put_text(j, "code", c->scores[i].unit->code);
                jw_key(j, "indicator");
                render_indicator(j, index, &index->indicators[k], &c->scores[i], RENDER_INDICATORS);
                jw_object_end(j);
            }
            jw_array_end(j);
            jw_object_end(j);
        }
        jw_array_end(j);
        jw_object_end(j);
    }
    jw_array_end(j);
}

void answer_compare(const call_t *call)
{
    compared_t c = {.n = 0};
    store_txn_t *txn = store_read(call->api->model->store);
    if (!read_units(call, &txn, &c)) {
        store_abort(&txn);
        release(&c);
        return;
    }
    if (call_end(call, &txn)) {
        buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
        jw_t j = jw_to(&body);
        jw_object(&j);
        jw_put_text(&j, "index", call->index->id);
        jw_put_text(&j, "period", call->period);
        call_put_at(call, &j);
        jw_put_array(&j, "units");
        for (size_t i = 0; i < c.n; i++) {
            jw_object(&j);
            render_unit(&j, c.scores[i].unit);
            render_totals(&j, &c.scores[i]);
            members_put_stale(&j, call, &c.scores[i]);
            jw_object_end(&j);
        }
        jw_array_end(&j);
        put_compared(&j, call, &c);
        jw_object_end(&j);
        call_answer_json(call, &body);
    }
    release(&c);
}

/* ---- every unit over time ---- */

#define MAX_DAYS 400
#define MAX_CELLS 200000 /* days times units */

/* What stood at the end of each day; walked newest first. */
typedef struct {
    char (*percent)[DECIMAL_TEXT_SIZE]; /* by day, "" where nothing stood */
    int64_t last;                       /* end of the last day */
    unsigned days, filled;              /* filled: from the newest on */
} days_t;

static bool fill_day(void *context, const Chiso__V1__Revision *r)
{
    days_t *d = context;
    while (d->filled < d->days && r->since <= d->last - d->filled * MOMENT_DAY_MS) {
        char *cell = d->percent[d->days - 1 - d->filled];
        const char *text = r->has_result && r->percent != NULL ? r->percent : "";
        snprintf(cell, DECIMAL_TEXT_SIZE, "%s", text);
        d->filled++;
    }
    return d->filled < d->days;
}

static void put_days(jw_t *j, const days_t *d)
{
    char day[MOMENT_DAY_SIZE];
    jw_put_array(j, "days");
    for (unsigned i = 0; i < d->days; i++) {
        jw_text(j, moment_day(d->last - (int64_t)(d->days - 1 - i) * MOMENT_DAY_MS, day));
    }
    jw_array_end(j);
}

static void put_trend(jw_t *j, const call_t *call, store_txn_t *txn, days_t *d, const char *code)
{
    for (unsigned i = 0; i < d->days; i++) {
        d->percent[i][0] = '\0';
    }
    d->filled = 0;
    model_history_before(txn, call->index->id, call->period, code, d->last, fill_day, d);
    jw_object(j);
    jw_put_text(j, "code", code);
    jw_put_array(j, "percent");
    for (unsigned i = 0; i < d->days; i++) {
        jw_text(j, d->percent[i][0] != '\0' ? d->percent[i] : NULL);
    }
    jw_array_end(j);
    jw_object_end(j);
}

void answer_trend(const call_t *call)
{
    call_scope_t scope;
    call_page_t page;
    uint64_t days;
    size_t first = 0;
    size_t end = 0;
    members_t members;
    if (!call_scope(call, &scope) || !call_page(call, MEMBERS_MAX, MEMBERS_MAX, &page) ||
        !call_number(call, "days", 30, 1, MAX_DAYS, &days) ||
        !members_ask(call, &scope, &members)) {
        return;
    }
    if (!members_window(call, &members, &page, &first, &end)) {
        members_free(&members);
        return;
    }
    end = (end - first) * days > MAX_CELLS ? first + MAX_CELLS / days : end;
    int64_t at = call->at == CALL_NOW ? clock_wall_ms() : call->at;
    int64_t today = (at + MOMENT_ZONE_MS) / MOMENT_DAY_MS;
    days_t d = {.percent = calloc(days, DECIMAL_TEXT_SIZE),
                .last = (today + 1) * MOMENT_DAY_MS - MOMENT_ZONE_MS - 1,
                .days = (unsigned)days};
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    store_txn_t *txn = store_read(call->api->model->store);
    jw_object(&j);
    members_put_head(&j, call, &scope, &members);
    members_put_next(&j, &members, end);
    put_days(&j, &d);
    jw_put_array(&j, "units");
    for (size_t i = first; d.percent != NULL && i < end; i++) {
        put_trend(&j, call, txn, &d, members.list[i].score.unit->code);
    }
    jw_array_end(&j);
    jw_object_end(&j);
    if (d.percent == NULL) {
        store_fail(txn, -ENOMEM);
    }
    if (call_end(call, &txn)) {
        call_answer_json(call, &body);
    }
    buffer_free(&body);
    free(d.percent);
    members_free(&members);
}
