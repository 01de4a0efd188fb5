/* backfills.c - what an operator may do with backfills: begin one, see how far they are, end one.
 */
#include "answers.h"

#include "base/error.h"
#include "json/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (1024 * 1024)
#define MAX_UNITS 5000

static void reply(const door_call_t *call, int status, uint64_t number)
{
    buffer_t body = BUFFER_INIT(ANSWER_MAX);
    jw_t j = jw_to(&body);
    if (number == 0) {
        jw_object(&j);
        jw_key(&j, "backfills");
    }
    bool known = backfills_put(call->in->backfills, number, &j);
    if (number == 0) {
        jw_object_end(&j);
    }
    if (known) {
        http_set_header(call->request, "Cache-Control", "no-store");
        http_reply(call->request, status, "application/json", buffer_bytes(&body));
    } else {
        http_reply_problem(call->request, 404, "there is no backfill %llu",
                           (unsigned long long)number);
    }
    buffer_free(&body);
}

void answer_get_backfills(const door_call_t *call)
{
    reply(call, 200, 0);
}

void answer_get_backfill(const door_call_t *call)
{
    uint64_t number;
    if (answers_number(call, &number)) {
        reply(call, 200, number);
    }
}

static void tell_outcome(const door_call_t *call, int rc, const char *reason, const char *source,
                         uint64_t number)
{
    if (rc == 0) {
        reply(call, 202, number);
    } else if (rc == CHISO_E_NOT_FOUND) {
        http_reply_problem(call->request, 404, "no source '%.60s' is configured", source);
    } else if (rc == CHISO_E_INVALID) {
        http_reply_problem(call->request, 400, "%s", reason);
    } else if (rc == -EBUSY) {
        http_set_header(call->request, "Retry-After", "60");
        http_reply_problem(call->request, 409, "%d backfills are under way; there may be no more",
                           BACKFILL_AT_ONCE);
    } else {
        door_refuse_store(call, rc);
        call->in->committed(call->in->context, rc, false);
    }
}

/* The codes of a list of texts, to be freed; NULL when it is none. */
static const char **codes_of(const json_t *list, size_t *n)
{
    *n = json_array_size(list);
    bool good = (list == NULL || json_is_array(list)) && *n <= MAX_UNITS;
    const char **codes = good ? calloc(*n + 1, sizeof *codes) : NULL;
    for (size_t i = 0; codes != NULL && i < *n; i++) {
        codes[i] = json_string_value(json_array_get(list, i));
        if (codes[i] == NULL) {
            free(codes);
            return NULL;
        }
    }
    return codes;
}

void answer_post_backfill(const door_call_t *call)
{
    char reason[BACKFILL_REASON_SIZE] = "";
    bytes_t body = http_body(call->request);
    json_t *json = json_loadb((const char *)body.data, body.len, 0, NULL);
    backfill_wish_t wish = {.source = json_string_value(json_object_get(json, "source")),
                            .from = json_string_value(json_object_get(json, "from")),
                            .to = json_string_value(json_object_get(json, "to")),
                            .by = call->token->id};
    const json_t *units = json_object_get(json, "units");
    const char **codes = codes_of(units, &wish.n_units);
    size_t members = 3 + (units != NULL);
    uint64_t number = 0;
    wish.units = codes;
    if (wish.source == NULL || wish.from == NULL || wish.to == NULL || codes == NULL ||
        json_object_size(json) != members) {
        http_reply_problem(
            call->request, 400,
            "expected {\"source\":\"…\",\"from\":\"2024-01\",\"to\":\"2024-12\"}, and "
            "\"units\", a list of codes, if not all");
    } else {
        int rc = backfills_begin(call->in->backfills, *call->in->asked, &wish, reason, &number);
        tell_outcome(call, rc, reason, wish.source, number);
    }
    free(codes);
    json_decref(json);
}

void answer_cancel_backfill(const door_call_t *call)
{
    uint64_t number;
    if (!answers_number(call, &number)) {
        return;
    }
    int rc = backfills_cancel(call->in->backfills, number);
    if (rc == CHISO_E_NOT_FOUND) {
        http_reply_problem(call->request, 404, "no backfill %llu is under way",
                           (unsigned long long)number);
    } else {
        tell_outcome(call, rc, NULL, NULL, number);
    }
}
