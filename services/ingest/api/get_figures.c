/* get_figures.c - GET /api/v1/figures: what is known of a unit, from whatever source, with every
 * revision; the newest of a line last. */
#include "answers.h"

#include "base/error.h"
#include "event/show.h"
#include "event/wire.h"
#include "ingest/ledger.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX (32 * 1024 * 1024)
#define MAX_REVISIONS 20000

/* Unit, period and figure of a key of the history; false when it is none. */
static bool split_key(bytes_t key, const char *parts[3])
{
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *end = at < key.len ? memchr(key.data + at, '\0', key.len - at) : NULL;
        if (end == NULL) {
            return false;
        }
        parts[i] = (const char *)key.data + at;
        at = (size_t)(end - key.data) + 1;
    }
    return true;
}

static void put_revision(jw_t *j, store_txn_t *txn, bytes_t key, bytes_t record)
{
    wire_arena_t *arena;
    ProtobufCMessage *message;
    const char *parts[3];
    int rc = wire_unpack(&chiso__v1__figure__descriptor, record, EVENT_MAX_BYTES, NULL, &arena,
                         &message);
    if (rc != 0 || !split_key(key, parts)) {
        store_fail(txn, rc != 0 ? rc : CHISO_E_CORRUPT);
        return;
    }
    const event_figure_t *f = (const event_figure_t *)message;
    bytes_t note;
    jw_object(j);
    jw_put_text(j, "period", parts[1]);
    jw_put_text(j, "figure", f->id);
    event_show_figure(j, f);
    if (store_get(txn, LEDGER_NOTES, key, &note)) {
        char text[4096];
        snprintf(text, sizeof text, "%.*s", (int)note.len, (const char *)note.data);
        jw_put_text(j, "note", text);
    } else {
        jw_put_text(j, "note", NULL);
    }
    jw_object_end(j);
    wire_free(&arena);
}

/* False when there are more than are told. */
static bool put_revisions(jw_t *j, store_txn_t *txn, bytes_t prefix, const char *figure)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    unsigned left = MAX_REVISIONS;
    bool more = store_seek(txn, LEDGER_HISTORY, prefix, &cursor, &key, &value);
    while (more && left > 0 && bytes_start_with(key, prefix)) {
        const char *parts[3];
        if (figure == NULL || (split_key(key, parts) && strcmp(parts[2], figure) == 0)) {
            put_revision(j, txn, key, value);
            left--;
        }
        more = store_next(cursor, &key, &value);
    }
    store_cursor_close(&cursor);
    return left > 0;
}

static bool check_unit(const door_call_t *call, const char *code)
{
    if (code == NULL || *code == '\0') {
        http_reply_problem(call->request, 400, "expected ?unit=CODE");
        return false;
    }
    const registry_unit_t *unit = registry_by_code(call->in->config->units, code);
    bool writer = (call->token->role & (TOKEN_SUBMITTER | TOKEN_SCORER)) != 0;
    if (writer && (unit == NULL || !token_has_unit(call->token, unit))) {
        http_reply_problem(call->request, 403, "'%.64s' is not a unit of this token", code);
        return false;
    }
    return true;
}

void answer_get_figures(const door_call_t *call)
{
    const char *code = http_query(call->request, "unit");
    const char *period = http_query(call->request, "period");
    period_t parsed;
    if (!check_unit(call, code)) {
        return;
    }
    if (period != NULL && period_parse(period, &parsed) != 0) {
        http_reply_problem(call->request, 400,
                           "period '%.32s'; expected one such as 2025, 2025-Q3 or 2025-10", period);
        return;
    }
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    buffer_t body = BUFFER_INIT(ANSWER_MAX);
    jw_t j = jw_to(&body);
    buffer_append_part(&prefix, code);
    if (period != NULL) {
        buffer_append_part(&prefix, period);
    }
    store_txn_t *txn = store_read(call->in->store);
    jw_object(&j);
    jw_put_text(&j, "unit", code);
    jw_put_array(&j, "figures");
    bool all = prefix.failed ||
               put_revisions(&j, txn, buffer_bytes(&prefix), http_query(call->request, "figure"));
    jw_array_end(&j);
    jw_put_flag(&j, "more", !all);
    jw_object_end(&j);
    int rc = store_status(txn);
    store_abort(&txn);
    if (rc != 0 || body.failed) {
        http_reply_problem(call->request, 503, "the figures cannot be read; ask for one period");
    } else {
        http_set_header(call->request, "Cache-Control", "no-store");
        http_reply(call->request, 200, "application/json; charset=utf-8", buffer_bytes(&body));
    }
    buffer_free(&prefix);
    buffer_free(&body);
}
