/* admin.c - what an operator may do to the running ingest: rule over the quarantine, and have the
 * archive read again. A replay is answered when it is through; there is one at a time. */
#include "answers.h"

#include "base/error.h"
#include "extract/field.h"
#include "ingest/release.h"
#include "json/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WHY 500

bool answers_number(const door_call_t *call, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(call->name, &end, 10);
    if (errno != 0 || *end != '\0' || *call->name < '1' || *call->name > '9') {
        http_reply_problem(call->request, 400, "'%.40s'; expected the number of an entry",
                           call->name);
        return false;
    }
    *number = value;
    return true;
}

static void reply(const door_call_t *call, uint64_t number, const char *what)
{
    buffer_t body = BUFFER_INIT(1024);
    jw_t j = jw_to(&body);
    jw_object(&j);
    jw_put_number(&j, "number", number);
    jw_put_text(&j, "done", what);
    jw_object_end(&j);
    http_reply(call->request, 200, "application/json", buffer_bytes(&body));
    buffer_free(&body);
}

static void answer_entry(const door_call_t *call, uint64_t number, int rc, const char *reason,
                         const char *done)
{
    if (rc == 0) {
        reply(call, number, done);
    } else if (rc == CHISO_E_NOT_FOUND) {
        http_reply_problem(call->request, 404, "there is no entry %llu in quarantine",
                           (unsigned long long)number);
    } else if (rc == CHISO_E_INVALID) {
        http_reply_problem(call->request, 409, "%s", reason);
    } else {
        door_refuse_store(call, rc);
    }
}

void answer_release(const door_call_t *call)
{
    char reason[RELEASE_REASON_SIZE] = "";
    uint64_t number;
    bool appended;
    if (answers_number(call, &number)) {
        int rc = release_entry(call->in->intake, *call->in->schedule, number, call->token->id,
                               reason, &appended);
        answer_entry(call, number, rc, reason, "released");
        if (rc != CHISO_E_NOT_FOUND && rc != CHISO_E_INVALID) {
            call->in->committed(call->in->context, rc, appended);
        }
    }
}

void answer_drop(const door_call_t *call)
{
    uint64_t number;
    bytes_t body = http_body(call->request);
    json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);
    const char *why = json_string_value(json_object_get(json, "reason"));
    if (why == NULL || *why == '\0' || strlen(why) > MAX_WHY) {
        http_reply_problem(call->request, 400, "expected {\"reason\":\"…\"}, of at most %d bytes",
                           MAX_WHY);
    } else if (answers_number(call, &number)) {
        int rc = release_drop(call->in->intake, number, call->token->id, why);
        answer_entry(call, number, rc, NULL, "dropped");
        if (rc != CHISO_E_NOT_FOUND) {
            call->in->committed(call->in->context, rc, false);
        }
    }
    json_decref(json);
}

static void on_replayed(void *context, int rc, bytes_t lines)
{
    http_request_t *request = context;
    if (rc == 0) {
        http_reply(request, 200, "application/x-ndjson", lines);
    } else {
        http_reply_problem(request, 503, "the replay ended early: %s", chiso_strerror(rc));
    }
    http_release(request);
}

void answer_replay(const door_call_t *call)
{
    http_request_t *request = call->request;
    const char *source = http_query(request, "source");
    const char *from = http_query(request, "from");
    const char *apply = http_query(request, "apply");
    replay_options_t options = {.source = source,
                                .apply = apply != NULL && strcmp(apply, "yes") == 0,
                                .done = on_replayed,
                                .context = request};
    if (source == NULL || strlen(source) > EVENT_MAX_CODE) {
        http_reply_problem(request, 400, "source is missing");
    } else if (from != NULL && field_date(from, "yyyy-MM-dd", &options.from) != 0) {
        http_reply_problem(request, 400, "from '%.40s'; expected a day such as 2025-07-01", from);
    } else if (apply != NULL && !options.apply && strcmp(apply, "no") != 0) {
        http_reply_problem(request, 400, "apply '%.40s'; expected yes or no", apply);
    } else if (*call->in->replay != NULL) {
        http_set_header(request, "Retry-After", "10");
        http_reply_problem(request, 409, "another replay is under way");
    } else {
        int rc = replay_new(call->in->intake, call->in->schedule, &options, call->in->replay);
        if (rc == 0) {
            http_hold(request);
        } else if (rc == CHISO_E_NOT_FOUND) {
            http_reply_problem(request, 404, "nothing is known of a source '%.60s'", source);
        } else {
            door_refuse_store(call, rc);
        }
    }
}
