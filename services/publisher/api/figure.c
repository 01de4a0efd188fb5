/* figure.c - one figure of a unit: every value it had, from where, and what is computed from it. */
#include "answers.h"
#include "event/show.h"
#include "publisher/render.h"

#include <string.h>

#define MAX_REVISIONS 1000 /* of one period, the newest */

typedef struct {
    jw_t *j;
    unsigned left;
    bool more;
} values_t;

static bool put_value(void *context, const event_figure_t *f)
{
    values_t *v = context;
    if (v->left == 0) {
        v->more = true;
        return false;
    }
    v->left--;
    jw_object(v->j);
    event_show_figure(v->j, f);
    jw_object_end(v->j);
    return true;
}

static bool any_value(void *context, const event_figure_t *f)
{
    (void)f;
    *(bool *)context = true;
    return false;
}

/* The values of one period, when there are any. */
static bool put_period(jw_t *j, const call_t *call, store_txn_t *txn, const char *period)
{
    const char *code = call->names[0];
    const char *id = call->names[1];
    values_t values = {.j = j, .left = MAX_REVISIONS};
    bool any = false;
    model_figures(txn, code, period, id, call->at, any_value, &any);
    if (!any) {
        return false;
    }
    jw_object(j);
    jw_put_text(j, "period", period);
    jw_put_array(j, "revisions");
    model_figures(txn, code, period, id, call->at, put_value, &values);
    jw_array_end(j);
    jw_put_flag(j, "older_left_out", values.more);
    jw_object_end(j);
    return true;
}

static bool is_first_period(const model_t *m, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (strcmp(m->groups[k].period, m->groups[i].period) == 0) {
            return false;
        }
    }
    return true;
}

static void put_use(jw_t *j, const catalog_index_t *index, const char *id)
{
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *indicator = &index->indicators[i];
        for (unsigned k = 0; k < indicator->n_inputs; k++) {
            if (strcmp(index->figures[indicator->inputs[k].figure]->id, id) == 0) {
                jw_object(j);
                jw_put_text(j, "index", index->id);
                jw_put_text(j, "indicator", indicator->code);
                jw_put_text(j, "title", indicator->title);
                jw_put_text(j, "input", indicator->inputs[k].name);
                jw_object_end(j);
            }
        }
    }
}

static void put_meaning(jw_t *j, const call_t *call, const char *id)
{
    const catalog_figure_t *known = NULL;
    for (unsigned i = 0; i < catalog_figures(call->api->catalog) && known == NULL; i++) {
        const catalog_figure_t *f = catalog_figure_at(call->api->catalog, i);
        known = strcmp(f->id, id) == 0 ? f : NULL;
    }
    jw_put_object(j, "figure");
    jw_put_text(j, "id", id);
    jw_put_text(j, "title", known != NULL ? known->title : NULL);
    jw_put_text(j, "unit", known != NULL ? known->unit : NULL);
    jw_object_end(j);
    jw_put_array(j, "used_by");
    for (unsigned i = 0; i < catalog_count(call->api->catalog); i++) {
        put_use(j, catalog_at(call->api->catalog, i), id);
    }
    jw_array_end(j);
}

void answer_figure(const call_t *call)
{
    const model_t *model = call->api->model;
    const char *wanted = http_query(call->request, "period");
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    bool known = false;
    store_txn_t *txn = store_read(model->store);
    jw_object(&j);
    jw_put_text(&j, "unit", call->names[0]);
    call_put_at(call, &j);
    put_meaning(&j, call, call->names[1]);
    jw_put_array(&j, "periods");
    for (size_t i = 0; i < model->n_groups; i++) {
        const char *period = model->groups[i].period;
        if (is_first_period(model, i) && (wanted == NULL || strcmp(wanted, period) == 0)) {
            known = put_period(&j, call, txn, period) || known;
        }
    }
    jw_array_end(&j);
    jw_object_end(&j);
    if (!known) {
        call_missing(call, &txn, "unit '%.64s' has no figure '%.64s'", call->names[0],
                     call->names[1]);
    } else if (call_end(call, &txn)) {
        call_answer_json(call, &body);
    }
    buffer_free(&body);
}
