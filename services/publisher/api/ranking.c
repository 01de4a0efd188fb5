/* ranking.c - the units of a level beside each other: in a whole index, in a pillar, in an
 * indicator. */
#include "answers.h"
#include "members.h"
#include "publisher/render.h"

#include <stdlib.h>
#include <string.h>

/* A list that is being told: its units are loaded, its head is written. */
typedef struct {
    const call_t *call;
    members_t members;
    size_t first, end;
    buffer_t body;
    jw_t j;
} listing_t;

/* False after answering that it cannot be. */
static bool open_listing(listing_t *l, const call_t *call)
{
    call_scope_t scope;
    call_page_t page;
    *l = (listing_t){.call = call, .body = BUFFER_INIT(CALL_MAX_BODY)};
    if (!call_scope(call, &scope) || !call_page(call, MEMBERS_MAX, MEMBERS_MAX, &page) ||
        !members_ask(call, &scope, &l->members)) {
        return false;
    }
    if (!members_window(call, &l->members, &page, &l->first, &l->end)) {
        members_free(&l->members);
        return false;
    }
    l->j = jw_to(&l->body);
    jw_object(&l->j);
    members_put_head(&l->j, call, &scope, &l->members);
    members_put_next(&l->j, &l->members, l->end);
    return true;
}

static void close_listing(listing_t *l)
{
    jw_object_end(&l->j);
    members_free(&l->members);
    call_answer_json(l->call, &l->body);
}

void answer_ranking(const call_t *call)
{
    listing_t l;
    if (!open_listing(&l, call)) {
        return;
    }
    jw_t *j = &l.j;
    jw_put_array(j, "units");
    for (size_t i = l.first; i < l.end; i++) {
        const event_score_t *s = &l.members.list[i].score;
        jw_object(j);
        render_unit(j, s->unit);
        render_totals(j, s);
        members_put_stale(j, call, s);
        jw_put_array(j, "pillars");
        render_pillars(j, call->index, s, RENDER_PILLARS);
        jw_array_end(j);
        jw_object_end(j);
    }
    jw_array_end(j);
    close_listing(&l);
}

/* Closes the listing with each unit's place in it and what it has in one pillar or indicator. */
static void list_part(listing_t *l, const catalog_pillar_t *pillar,
                      const catalog_indicator_t *indicator)
{
    const catalog_index_t *index = l->call->index;
    jw_t *j = &l->j;
    jw_put_array(j, "units");
    for (size_t i = l->first; i < l->end; i++) {
        const event_score_t *s = &l->members.list[i].score;
        jw_object(j);
        render_unit(j, s->unit);
        render_rank(j, "rank", s->has_rank, s->rank);
        members_put_stale(j, l->call, s);
        if (pillar != NULL) {
            jw_key(j, "pillar");
            render_pillar(j, index, pillar, s, RENDER_INDICATORS);
        } else {
            jw_key(j, "indicator");
            render_indicator(j, index, indicator, s, RENDER_INDICATORS);
        }
        jw_object_end(j);
    }
    jw_array_end(j);
    close_listing(l);
}

void answer_pillar(const call_t *call)
{
    const catalog_index_t *index = call->index;
    char text[DECIMAL_TEXT_SIZE];
    unsigned p = 0;
    while (p < index->n_pillars && strcmp(index->pillars[p].code, call->names[0]) != 0) {
        p++;
    }
    if (p == index->n_pillars) {
        http_reply_problem(call->request, 404, "there is no pillar '%.64s' in %s", call->names[0],
                           index->id);
        return;
    }
    const catalog_pillar_t *pillar = &index->pillars[p];
    listing_t l;
    if (!open_listing(&l, call)) {
        return;
    }
    jw_t *j = &l.j;
    jw_put_object(j, "pillar");
    jw_put_text(j, "code", pillar->code);
    jw_put_text(j, "title", pillar->title);
    jw_put_text(j, "max", decimal_format(pillar->max, text));
    jw_object_end(j);
    list_part(&l, pillar, NULL);
}

void answer_indicator(const call_t *call)
{
    const catalog_index_t *index = call->index;
    int at = catalog_indicator(index, call->names[0]);
    if (at < 0) {
        http_reply_problem(call->request, 404, "there is no indicator '%.64s' in %s",
                           call->names[0], index->id);
        return;
    }
    const catalog_indicator_t *indicator = &index->indicators[at];
    listing_t l;
    if (!open_listing(&l, call)) {
        return;
    }
    jw_t *j = &l.j;
    jw_put_text(j, "pillar", index->pillars[indicator->pillar].code);
    jw_put_object(j, "indicator");
    render_criterion(j, index, indicator);
    jw_object_end(j);
    list_part(&l, NULL, indicator);
}
