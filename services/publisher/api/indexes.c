/* indexes.c - the indexes that there are, and each as its decision has it. */
#include "answers.h"
#include "publisher/render.h"

#include <stdlib.h>
#include <string.h>

static int compare_groups(const void *a, const void *b)
{
    const model_group_t *const *x = a;
    const model_group_t *const *y = b;
    int order = strcmp((*x)->period, (*y)->period);
    order = order != 0 ? order : (int)(*x)->level - (int)(*y)->level;
    return order != 0 ? order
                      : strcmp((*x)->parent != NULL ? (*x)->parent : "",
                               (*y)->parent != NULL ? (*y)->parent : "");
}

/* The groups of one index, in order; the caller frees the array. */
static const model_group_t **groups_of(const model_t *m, const char *index, size_t *n)
{
    const model_group_t **list = calloc(m->n_groups + 1, sizeof(void *));
    *n = 0;
    for (size_t i = 0; list != NULL && i < m->n_groups; i++) {
        if (strcmp(m->groups[i].index, index) == 0 && m->groups[i].units > 0) {
            list[(*n)++] = &m->groups[i];
        }
    }
    if (list != NULL) {
        qsort(list, *n, sizeof(void *), compare_groups);
    }
    return list;
}

/* Its code when the name is not known. */
static void put_name(jw_t *j, const api_t *api, store_txn_t *txn, const model_group_t *group)
{
    if (group->parent == NULL) {
        jw_put_text(j, "parent_name", NULL);
        return;
    }
    event_in_t in;
    bool found = model_parent(api->model, txn, group, &in);
    jw_put_text(j, "parent_name", found ? in.event->score->unit->name : group->parent);
    if (found) {
        event_release(&in);
    }
}

static void put_head(jw_t *j, const catalog_index_t *index)
{
    char max[DECIMAL_TEXT_SIZE];
    jw_put_text(j, "id", index->id);
    jw_put_text(j, "title", index->title);
    jw_put_text(j, "decision", index->decision);
    jw_put_text(j, "date", index->date);
    jw_put_text(j, "issuer", index->issuer);
    jw_put_text(j, "max", decimal_format(index->max, max));
}

static void put_index(jw_t *j, const api_t *api, store_txn_t *txn, const catalog_index_t *index)
{
    char max[DECIMAL_TEXT_SIZE];
    size_t n;
    const model_group_t **groups = groups_of(api->model, index->id, &n);
    jw_object(j);
    put_head(j, index);
    jw_put_array(j, "periods");
    for (size_t i = 0; groups != NULL && i < n; i++) {
        if (i == 0 || strcmp(groups[i - 1]->period, groups[i]->period) != 0) {
            jw_text(j, groups[i]->period);
        }
    }
    jw_array_end(j);
    jw_put_array(j, "levels");
    for (size_t i = 0; groups != NULL && i < n; i++) {
        jw_object(j);
        jw_put_text(j, "period", groups[i]->period);
        jw_put_text(j, "level", event_level_name(groups[i]->level));
        jw_put_text(j, "parent", groups[i]->parent);
        put_name(j, api, txn, groups[i]);
        jw_put_number(j, "units", groups[i]->units);
        jw_object_end(j);
    }
    jw_array_end(j);
    jw_put_array(j, "pillars");
    for (unsigned i = 0; i < index->n_pillars; i++) {
        jw_object(j);
        jw_put_text(j, "code", index->pillars[i].code);
        jw_put_text(j, "title", index->pillars[i].title);
        jw_put_text(j, "max", decimal_format(index->pillars[i].max, max));
        jw_object_end(j);
    }
    jw_array_end(j);
    jw_object_end(j);
    free(groups);
}

/* The levels and kinds of period that the decision is for, with results or without. */
static void put_scope(jw_t *j, const catalog_index_t *index)
{
    jw_put_object(j, "applies_to");
    jw_put_array(j, "levels");
    for (int level = 1; level < 32; level++) {
        if (catalog_has_level(index, level)) {
            jw_text(j, event_level_name((Chiso__V1__Level)level));
        }
    }
    jw_array_end(j);
    jw_put_array(j, "periods");
    for (unsigned i = PERIOD_YEAR; i <= PERIOD_MONTH; i++) {
        if (index->periods == 0 || (index->periods & 1U << i) != 0) {
            jw_text(j, period_kind_name((period_kind_t)i));
        }
    }
    jw_array_end(j);
    jw_object_end(j);
}

static void put_stated(jw_t *j, const catalog_stated_t *stated)
{
    jw_put_text(j, "stated_max", stated->max);
    jw_put_text(j, "stated_indicators", stated->indicators);
}

/* The index as the decision has it: every pillar and criterion. */
void answer_index(const call_t *call)
{
    const catalog_index_t *index = call->index;
    char max[DECIMAL_TEXT_SIZE];
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    jw_object(&j);
    put_head(&j, index);
    put_scope(&j, index);
    put_stated(&j, &index->stated);
    jw_put_flag(&j, "partial", index->partial);
    jw_put_array(&j, "notes");
    for (unsigned i = 0; i < index->n_notes; i++) {
        jw_text(&j, index->notes[i]);
    }
    jw_array_end(&j);
    jw_put_array(&j, "pillars");
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        jw_object(&j);
        jw_put_text(&j, "code", pillar->code);
        jw_put_text(&j, "title", pillar->title);
        jw_put_text(&j, "max", decimal_format(pillar->max, max));
        put_stated(&j, &pillar->stated);
        jw_put_array(&j, "indicators");
        for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
            jw_object(&j);
            render_criterion(&j, index, &index->indicators[i]);
            jw_object_end(&j);
        }
        jw_array_end(&j);
        jw_object_end(&j);
    }
    jw_array_end(&j);
    jw_object_end(&j);
    call_answer_json(call, &body);
}

void answer_indexes(const call_t *call)
{
    const api_t *api = call->api;
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    store_txn_t *txn = store_read(api->model->store);
    jw_object(&j);
    jw_put_array(&j, "indexes");
    for (unsigned i = 0; i < catalog_count(api->catalog); i++) {
        put_index(&j, api, txn, catalog_at(api->catalog, i));
    }
    jw_array_end(&j);
    jw_object_end(&j);
    if (call_end(call, &txn)) {
        call_answer_json(call, &body);
    }
    buffer_free(&body);
}
