/* unit.c - one unit: its result in an index and period, how that came about, all of its results,
 * and its figures with where they come from. */
#include "answers.h"
#include "members.h"
#include "period/moment.h"
#include "publisher/render.h"

#include <stdlib.h>
#include <string.h>

/* ---- a result ---- */

static void put_sources(jw_t *j, const api_t *api, const event_score_t *s)
{
    jw_put_array(j, "sources");
    for (size_t i = 0; i < s->n_figures; i++) {
        const event_figure_t *f = s->figures[i];
        bool told = false;
        for (size_t k = 0; k < i && !told; k++) {
            told = strcmp(s->figures[k]->source, f->source) == 0 &&
                   strcmp(s->figures[k]->series, f->series) == 0;
        }
        const event_source_state_t *state = model_state(api->model, f->source, f->series);
        if (!told && state != NULL) {
            render_state(j, state);
        }
    }
    jw_array_end(j);
}

static void put_result(jw_t *j, const call_t *call, const event_score_t *s)
{
    const catalog_index_t *index = call->index;
    jw_object(j);
    jw_put_text(j, "index", s->index);
    jw_put_text(j, "period", s->period);
    call_put_at(call, j);
    jw_put_object(j, "unit");
    render_unit(j, s->unit);
    jw_object_end(j);
    render_totals(j, s);
    members_put_stale(j, call, s);
    jw_put_array(j, "pillars");
    render_pillars(j, index, s, RENDER_CRITERIA);
    jw_array_end(j);
    jw_put_text(j, "stated_total_figure",
                index->stated_total >= 0 ? index->figures[index->stated_total]->id : NULL);
    jw_put_array(j, "figures");
    for (size_t i = 0; i < s->n_figures; i++) {
        render_figure(j, index, s->figures[i]);
    }
    jw_array_end(j);
    put_sources(j, call->api, s);
    jw_object_end(j);
}

/* The ranks of then are not in the result: others may have moved since its revision began. */
static int rank_then(const call_t *call, store_txn_t *txn, event_score_t *s)
{
    call_scope_t scope = {s->unit->level, s->unit->parent};
    members_t members;
    int rc = members_load(call, txn, &scope, call->at, &members);
    const event_score_t *ranked = rc == 0 ? members_find(&members, s->unit->code) : NULL;
    if (ranked != NULL) {
        s->has_rank = ranked->has_rank;
        s->rank = ranked->rank;
        s->has_nation_rank = ranked->has_nation_rank;
        s->nation_rank = ranked->nation_rank;
    }
    s->has_previous_rank = false;
    members_free(&members);
    return rc;
}

void answer_result(const call_t *call)
{
    event_in_t in;
    const char *code = call->names[0];
    bool past = call->at != CALL_NOW;
    store_txn_t *txn = store_read(call->api->model->store);
    bool found = past ? model_result_at(txn, call->index->id, call->period, code, call->at, &in)
                      : model_result(txn, call->index->id, call->period, code, &in);
    if (!found) {
        call_missing(call, &txn,
                     past ? "no result of unit '%.64s' of %s for %s is known of that moment"
                          : "unit '%.64s' has no result of %s for %s",
                     code, call->index->id, call->period);
        return;
    }
    event_score_t score = *in.event->score;
    int rc = past ? rank_then(call, txn, &score) : 0;
    if (rc != 0) {
        store_fail(txn, rc);
    }
    if (call_end(call, &txn)) {
        buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
        jw_t j = jw_to(&body);
        put_result(&j, call, &score);
        call_answer_json(call, &body);
    }
    event_release(&in);
}

/* ---- how it came about ---- */

#define MAX_REVISIONS 10000

typedef struct {
    const call_t *call;
    store_txn_t *txn;
    jw_t *j;
    int64_t since, until;
    uint64_t left;
    bool by_day, pillars;
    int64_t told_day, last; /* of the last that was told */
    bool more;
} past_t;

static void put_pillars(past_t *p, const Chiso__V1__Revision *r)
{
    event_in_t in;
    char reason[256];
    if (!r->has_result || event_decode(bytes_of(r->result.data, r->result.len), reason, &in) != 0) {
        jw_put_text(p->j, "pillars", NULL);
        return;
    }
    jw_put_array(p->j, "pillars");
    render_pillars(p->j, p->call->index, in.event->score, RENDER_PILLARS);
    jw_array_end(p->j);
    event_release(&in);
}

static bool put_revision(void *context, const Chiso__V1__Revision *r)
{
    past_t *p = context;
    jw_t *j = p->j;
    char epoch[16];
    int64_t day = (r->since + MOMENT_ZONE_MS) / MOMENT_DAY_MS;
    if (r->since < p->since) {
        return false;
    }
    if (p->by_day && day == p->told_day) {
        return true;
    }
    if (p->left == 0 || j->out->len > CALL_MAX_BODY / 2) {
        p->more = true;
        return false;
    }
    p->left--;
    p->told_day = day;
    p->last = r->since;
    snprintf(epoch, sizeof epoch, "%08x", (unsigned)(r->epoch & 0xffffffffU));
    jw_object(j);
    jw_put_number(j, "revision", r->revision);
    jw_put_text(j, "epoch", epoch);
    jw_put_time(j, "since", r->since);
    jw_put_time(j, "as_of", r->as_of);
    jw_put_flag(j, "removed", !r->has_result);
    jw_put_text(j, "points", r->has_result ? r->points : NULL);
    jw_put_text(j, "max", r->has_result ? r->max : NULL);
    jw_put_text(j, "percent", r->has_result ? r->percent : NULL);
    render_rank(j, "rank", r->has_result && r->has_rank, r->rank);
    render_rank(j, "nation_rank", r->has_result && r->has_nation_rank, r->nation_rank);
    if (p->pillars) {
        put_pillars(p, r);
    }
    jw_object_end(j);
    return true;
}

/* Which part of the past; false after answering 400. */
static bool read_past(const call_t *call, past_t *p)
{
    const char *step = http_query(call->request, "step");
    *p = (past_t){.call = call, .told_day = INT64_MIN};
    if (step != NULL && strcmp(step, "day") != 0 && strcmp(step, "revision") != 0) {
        http_reply_problem(call->request, 400, "step '%.40s'; expected revision or day", step);
        return false;
    }
    p->by_day = step != NULL && strcmp(step, "day") == 0;
    return call_flag(call, "pillars", &p->pillars) && call_moment(call, "since", 0, &p->since) &&
           call_moment(call, "until", call->at, &p->until) &&
           call_number(call, "limit", MAX_REVISIONS, 1, MAX_REVISIONS, &p->left);
}

void answer_history(const call_t *call)
{
    past_t p;
    if (!read_past(call, &p)) {
        return;
    }
    const char *code = call->names[0];
    event_in_t in;
    store_txn_t *txn = store_read(call->api->model->store);
    if (!model_result(txn, call->index->id, call->period, code, &in)) {
        call_missing(call, &txn, "unit '%.64s' has no result of %s for %s", code, call->index->id,
                     call->period);
        return;
    }
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    p.j = &j;
    p.txn = txn;
    jw_object(&j);
    jw_put_text(&j, "index", call->index->id);
    jw_put_text(&j, "period", call->period);
    jw_put_object(&j, "unit");
    render_unit(&j, in.event->score->unit);
    jw_object_end(&j);
    event_release(&in);
    jw_put_array(&j, "revisions");
    model_history_before(txn, call->index->id, call->period, code, p.until, put_revision, &p);
    jw_array_end(&j);
    jw_put_time(&j, "next", p.more ? p.last - 1 : 0);
    jw_object_end(&j);
    if (call_end(call, &txn)) {
        call_answer_json(call, &body);
    }
    buffer_free(&body);
}

/* ---- all results of a unit ---- */

static bool is_first_of_pair(const model_t *m, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(m->groups[k].index, m->groups[i].index) == 0 &&
            strcmp(m->groups[k].period, m->groups[i].period) == 0) {
            return false;
        }
    }
    return true;
}

static void put_line(jw_t *j, const call_t *call, const event_score_t *s)
{
    const catalog_index_t *index = catalog_find(call->api->catalog, s->index);
    jw_object(j);
    jw_put_text(j, "index", s->index);
    jw_put_text(j, "title", index != NULL ? index->title : NULL);
    jw_put_text(j, "period", s->period);
    render_totals(j, s);
    members_put_stale(j, call, s);
    jw_object_end(j);
}

void answer_unit(const call_t *call)
{
    const model_t *model = call->api->model;
    const char *code = call->names[0];
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    bool known = false;
    store_txn_t *txn = store_read(model->store);
    jw_object(&j);
    call_put_at(call, &j);
    for (size_t i = 0; i < model->n_groups; i++) {
        const model_group_t *g = &model->groups[i];
        event_in_t in;
        if (!is_first_of_pair(model, i) ||
            !(call->at == CALL_NOW
                  ? model_result(txn, g->index, g->period, code, &in)
                  : model_result_at(txn, g->index, g->period, code, call->at, &in))) {
            continue;
        }
        if (!known) {
            jw_put_object(&j, "unit");
            render_unit(&j, in.event->score->unit);
            jw_object_end(&j);
            jw_put_array(&j, "results");
        }
        known = true;
        put_line(&j, call, in.event->score);
        event_release(&in);
    }
    if (!known) {
        call_missing(call, &txn, "unit '%.64s' has no result", code);
    } else if (call_end(call, &txn)) {
        jw_array_end(&j);
        jw_object_end(&j);
        call_answer_json(call, &body);
    }
    buffer_free(&body);
}
