/* members.c - see members.h. Of the past only points and maxima are kept; the ranks are worked out
 * from them as the scorer does, on the exact percentage. */
#include "members.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    members_t *members;
    const call_scope_t *scope;
    bool past;
} collect_t;

static void collect(void *context, event_in_t *in)
{
    collect_t *c = context;
    members_t *m = c->members;
    if (m->rc == 0 && m->n == m->cap) {
        size_t cap = m->cap == 0 ? 64 : m->cap * 2;
        member_t *grown = m->n < MEMBERS_MAX ? realloc(m->list, cap * sizeof *grown) : NULL;
        m->rc = grown != NULL ? 0 : m->n < MEMBERS_MAX ? -ENOMEM : CHISO_E_TOO_BIG;
        if (grown != NULL) {
            m->list = grown;
            m->cap = cap;
        }
    }
    if (m->rc != 0 || (c->past && in->event->score->unit->level != c->scope->level)) {
        event_release(in);
        return;
    }
    m->list[m->n++] = (member_t){*in, *in->event->score};
}

/* Highest percentage first; without a maximum there is no percentage. */
static int compare_percent(const event_score_t *a, const event_score_t *b)
{
    decimal_t p = event_decimal(a->max);
    decimal_t q = event_decimal(b->max);
    int a_has = decimal_sign(p) > 0;
    int b_has = decimal_sign(q) > 0;
    return !a_has || !b_has
               ? b_has - a_has
               : decimal_compare_ratio(event_decimal(b->points), q, event_decimal(a->points), p);
}

static int compare_past(const void *a, const void *b)
{
    const member_t *x = a;
    const member_t *y = b;
    int order = compare_percent(&x->score, &y->score);
    return order != 0 ? order : strcmp(x->score.unit->code, y->score.unit->code);
}

static uint32_t rank_of(const event_score_t *s)
{
    return s->has_rank ? s->rank : UINT32_MAX;
}

static int compare_present(const void *a, const void *b)
{
    const event_score_t *x = &((const member_t *)a)->score;
    const event_score_t *y = &((const member_t *)b)->score;
    uint32_t p = rank_of(x);
    uint32_t q = rank_of(y);
    return p != q ? (p > q) - (p < q) : strcmp(x->unit->code, y->unit->code);
}

static void rank_past(members_t *m, bool nation)
{
    for (size_t i = 0; i < m->n; i++) {
        event_score_t *s = &m->list[i].score;
        const event_score_t *before = i > 0 ? &m->list[i - 1].score : NULL;
        bool tied = i > 0 && compare_percent(before, s) == 0;
        s->has_rank = decimal_sign(event_decimal(s->max)) > 0;
        s->rank = !s->has_rank ? 0 : tied ? before->rank : (uint32_t)i + 1;
        s->has_previous_rank = false; /* not known any more */
        if (nation) {
            s->has_nation_rank = s->has_rank;
            s->nation_rank = s->rank;
        }
    }
}

static bool is_under(const event_score_t *s, const char *parent)
{
    return s->unit->parent != NULL && strcmp(s->unit->parent, parent) == 0;
}

/* All of the level were collected: they give the nation's ranks, then those under the parent stay.
 */
static void settle_past(members_t *m, const call_scope_t *scope)
{
    if (m->n > 1) {
        qsort(m->list, m->n, sizeof *m->list, compare_past);
    }
    rank_past(m, true);
    if (scope->parent == NULL) {
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (is_under(&m->list[i].score, scope->parent)) {
            m->list[kept++] = m->list[i];
        } else {
            event_release(&m->list[i].in);
        }
    }
    m->n = kept;
    rank_past(m, false);
}

static void settle_present(members_t *m, const call_scope_t *scope)
{
    bool nation = scope->parent == NULL && scope->level != CHISO__V1__LEVEL__PROVINCE;
    for (size_t i = 0; nation && i < m->n; i++) {
        event_score_t *s = &m->list[i].score;
        s->has_rank = s->has_nation_rank;
        s->rank = s->nation_rank;
        s->has_previous_rank = s->has_previous_rank && s->unit->parent == NULL;
    }
    if (m->n > 1) {
        qsort(m->list, m->n, sizeof *m->list, compare_present);
    }
}

int members_load(const call_t *call, store_txn_t *txn, const call_scope_t *scope, int64_t at,
                 members_t *out)
{
    collect_t c = {.members = out, .scope = scope, .past = at != CALL_NOW};
    *out = (members_t){0};
    if (c.past) {
        model_walk_at(txn, call->index->id, call->period, at, collect, &c);
        settle_past(out, scope);
    } else {
        model_walk(txn, call->index->id, call->period, scope->level, scope->parent, collect, &c);
        model_ranking(txn, call->index->id, call->period, scope->level, scope->parent, &out->as_of,
                      &out->revision);
        settle_present(out, scope);
    }
    for (size_t i = 0; i < out->n; i++) {
        const event_score_t *s = &out->list[i].score;
        out->as_of = s->as_of > out->as_of ? s->as_of : out->as_of;
    }
    return out->rc;
}

void members_free(members_t *m)
{
    for (size_t i = 0; i < m->n; i++) {
        event_release(&m->list[i].in);
    }
    free(m->list);
    free(m->by_code);
    *m = (members_t){0};
}

static int compare_codes(const void *a, const void *b)
{
    const member_t *const *x = a;
    const member_t *const *y = b;
    return strcmp((*x)->score.unit->code, (*y)->score.unit->code);
}

const event_score_t *members_find(members_t *m, const char *code)
{
    if (m->by_code == NULL) {
        m->by_code = calloc(m->n + 1, sizeof *m->by_code);
        for (size_t i = 0; m->by_code != NULL && i < m->n; i++) {
            m->by_code[i] = &m->list[i];
        }
        if (m->by_code != NULL && m->n > 1) {
            qsort(m->by_code, m->n, sizeof *m->by_code, compare_codes);
        }
    }
    event_unit_t unit = {.code = (char *)(uintptr_t)code};
    const member_t wanted = {.score = {.unit = &unit}};
    const member_t *key = &wanted;
    const member_t **found =
        m->by_code != NULL && m->n > 0
            ? bsearch(&key, m->by_code, m->n, sizeof *m->by_code, compare_codes)
            : NULL;
    return found != NULL ? &(*found)->score : NULL;
}

bool members_ask(const call_t *call, const call_scope_t *scope, members_t *out)
{
    store_txn_t *txn = store_read(call->api->model->store);
    int rc = members_load(call, txn, scope, call->at, out);
    if (rc != 0) {
        store_fail(txn, rc);
    }
    bool good = call_end(call, &txn);
    if (good && out->n > 0) {
        return true;
    }
    if (good) {
        http_reply_problem(call->request, 404,
                           call->at == CALL_NOW
                               ? "there are no results of %s for %s at this level"
                               : "no results of %s for %s at this level are known of that moment",
                           call->index->id, call->period);
    }
    members_free(out);
    return false;
}

bool members_window(const call_t *call, const members_t *m, const call_page_t *page, size_t *first,
                    size_t *end)
{
    size_t from = 0;
    if (page->after != NULL) {
        while (from < m->n && strcmp(m->list[from].score.unit->code, page->after) != 0) {
            from++;
        }
        if (from == m->n) {
            http_reply_problem(call->request, 400,
                               "after '%.64s'; expected what the page before gave as next",
                               page->after);
            return false;
        }
        from++;
    }
    *first = from;
    *end = page->limit < m->n - from ? from + page->limit : m->n;
    return true;
}

void members_put_next(jw_t *j, const members_t *m, size_t end)
{
    jw_put_number(j, "total", m->n);
    jw_put_text(j, "next", end > 0 && end < m->n ? m->list[end - 1].score.unit->code : NULL);
}

void members_put_stale(jw_t *j, const call_t *call, const event_score_t *score)
{
    if (call->at == CALL_NOW) {
        jw_put_flag(j, "stale", model_is_stale(call->api->model, score));
    } else {
        jw_put_text(j, "stale", NULL); /* what was fresh then is not kept */
    }
}

void members_put_head(jw_t *j, const call_t *call, const call_scope_t *scope, const members_t *m)
{
    bool stale = false;
    for (size_t i = 0; call->at == CALL_NOW && i < m->n && !stale; i++) {
        stale = model_is_stale(call->api->model, &m->list[i].score);
    }
    jw_put_text(j, "index", call->index->id);
    jw_put_text(j, "period", call->period);
    jw_put_text(j, "level", event_level_name(scope->level));
    jw_put_text(j, "parent", scope->parent);
    call_put_at(call, j);
    jw_put_time(j, "as_of", m->as_of);
    if (call->at == CALL_NOW) {
        jw_put_number(j, "revision", m->revision);
        jw_put_flag(j, "stale", stale);
    } else {
        jw_put_text(j, "revision", NULL);
        jw_put_text(j, "stale", NULL);
    }
}
