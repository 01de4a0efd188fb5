/* health.c - how the sources and this service do, and the event stream. */
#include "answers.h"
#include "publisher/cursor.h"
#include "publisher/render.h"
#include "publisher/stream.h"

void answer_sources(const call_t *call)
{
    const model_t *model = call->api->model;
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    jw_object(&j);
    jw_put_array(&j, "sources");
    for (size_t i = 0; i < model->n_states; i++) {
        render_state(&j, model->states[i].event->source_state);
    }
    jw_array_end(&j);
    jw_object_end(&j);
    call_answer_json(call, &body);
}

void answer_health(const call_t *call)
{
    const api_t *api = call->api;
    const journal_t *journal = api->model->journal;
    buffer_t body = BUFFER_INIT(4096);
    char cursor[CURSOR_SIZE];
    uint64_t lag = 0;
    bool connected = api->connected(api->context, &lag);
    bool whole = connected && !model_line_is_cut(api->model);
    jw_t j = jw_to(&body);
    jw_object(&j);
    jw_put_text(&j, "status", whole ? "ok" : "degraded");
    jw_put_flag(&j, "scorer_connected", connected);
    jw_put_flag(&j, "ingest_heard", !model_line_is_cut(api->model));
    jw_put_number(&j, "lag", lag);
    jw_put_text(&j, "version", CHISO_VERSION);
    jw_put_number(&j, "journal_head", journal_head(journal));
    jw_put_text(&j, "cursor", cursor_write(journal, journal_head(journal), cursor));
    jw_object_end(&j);
    call_answer_json(call, &body);
}

void answer_events(const call_t *call)
{
    stream_open(call->api->model, call->request);
}
