/* post_figures.c - POST /api/v1/figures: one submission, one transaction, one answer.
 *
 * The answer is made before the commit, because it is kept under the client's key in the same
 * transaction, and sent after it. A try-out (?dry_run=1) goes the same way and ends without commit.
 */
#include "answers.h"

#include "base/clock.h"
#include "base/error.h"
#include "ingest/evidence.h"
#include "ingest/receipts.h"
#include "ingest/submit.h"
#include "log/log.h"
#include "json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MAX (8 * 1024 * 1024)
#define JSON_TYPE "application/json; charset=utf-8"

typedef struct {
    const door_call_t *call;
    submission_format_t format;
    submission_t rows;
    submit_result_t *results;
    const char *key; /* the client's, or NULL */
    bool dry, atomic, applied;
    size_t counts[3]; /* by submit_outcome_t */
    uint8_t body[SHA256_SIZE], request[SHA256_SIZE];
    trace_t trace;
} post_t;

/* ---- what is asked for ---- */

static bool read_flag(const door_call_t *call, const char *name, bool *out)
{
    const char *text = http_query(call->request, name);
    *out = text != NULL && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
    if (text != NULL && !*out && strcmp(text, "0") != 0 && strcmp(text, "false") != 0) {
        http_reply_problem(call->request, 400, "%s '%.40s'; expected 1 or 0", name, text);
        return false;
    }
    return true;
}

static bool read_format(const door_call_t *call, submission_format_t *out)
{
    const char *type = http_header(call->request, "Content-Type");
    size_t len = type != NULL ? strcspn(type, "; \t") : 0;
    const char *charset = type != NULL ? strcasestr(type, "charset=") : NULL;
    bool json = len == 16 && strncasecmp(type, "application/json", len) == 0;
    bool csv = len == 8 && strncasecmp(type, "text/csv", len) == 0;
    bool utf8 = charset == NULL || strncasecmp(charset + 8, "utf-8", 5) == 0 ||
                strncasecmp(charset + 8, "\"utf-8\"", 7) == 0;
    if ((!json && !csv) || !utf8) {
        http_reply_problem(call->request, 415,
                           "the type is '%.80s'; expected application/json or text/csv, in UTF-8",
                           type != NULL ? type : "");
        return false;
    }
    *out = json ? SUBMISSION_JSON : SUBMISSION_CSV;
    return true;
}

/* The key of the header or of the body; both must be the same. */
static bool read_key(post_t *p)
{
    const char *header = http_header(p->call->request, "Idempotency-Key");
    p->key = p->rows.key != NULL ? p->rows.key : header;
    if (header != NULL && (!submission_is_key(header) || strcmp(p->key, header) != 0)) {
        http_reply_problem(p->call->request, 400,
                           "Idempotency-Key: expected 1 to %d printable ASCII characters, and the "
                           "body's key when it has one",
                           SUBMISSION_MAX_KEY);
        return false;
    }
    return true;
}

static bool read_rows(post_t *p)
{
    char reason[SUBMISSION_REASON_SIZE] = "";
    bytes_t body = http_body(p->call->request);
    int rc = submission_read(p->format, body, reason, &p->rows);
    if (rc != 0) {
        http_reply_problem(p->call->request, rc == CHISO_E_SYNTAX ? 400 : 503, "%s",
                           rc == CHISO_E_SYNTAX ? reason : "the body cannot be read now");
        return false;
    }
    p->atomic = p->atomic || p->rows.atomic;
    char how[2] = {(char)('0' + p->format), p->atomic ? '1' : '0'};
    bytes_t parts[] = {bytes_of(how, sizeof how), body};
    sha256(body, p->body);
    sha256_parts(parts, 2, p->request);
    return read_key(p);
}

/* ---- the answer ---- */

static const char *outcome_name(const post_t *p, submit_outcome_t outcome)
{
    static const char *const names[] = {"accepted", "unchanged", "rejected"};
    /* good, but not taken because of the others */
    return outcome == SUBMIT_ACCEPTED && !p->applied && !p->dry ? "held" : names[outcome];
}

static void put_row(const post_t *p, jw_t *j, size_t i)
{
    const submission_row_t *row = &p->rows.rows[i];
    const submit_result_t *result = &p->results[i];
    jw_object(j);
    jw_put_number(j, "row", i + 1);
    if (p->format == SUBMISSION_CSV) {
        jw_put_number(j, "line", row->line);
    }
    jw_put_text(j, "unit", row->unit);
    jw_put_text(j, "period", row->period);
    jw_put_text(j, "figure", row->figure);
    jw_put_text(j, "outcome", outcome_name(p, result->outcome));
    if (result->outcome == SUBMIT_REJECTED) {
        jw_put_text(j, "field", row->field);
        jw_put_text(j, "reason", row->reason);
    } else {
        jw_put_number(j, "revision", result->revision);
    }
    jw_object_end(j);
}

static void put_answer(const post_t *p, buffer_t *out)
{
    char hex[SHA256_HEX_SIZE];
    jw_t j = jw_to(out);
    jw_object(&j);
    jw_put_flag(&j, "applied", p->applied);
    jw_put_flag(&j, "dry_run", p->dry);
    jw_put_text(&j, "sha256", sha256_hex(p->body, hex));
    jw_put_number(&j, p->applied || p->dry ? "accepted" : "held", p->counts[SUBMIT_ACCEPTED]);
    jw_put_number(&j, "unchanged", p->counts[SUBMIT_UNCHANGED]);
    jw_put_number(&j, "rejected", p->counts[SUBMIT_REJECTED]);
    jw_put_array(&j, "rows");
    for (size_t i = 0; i < p->rows.n_rows; i++) {
        put_row(p, &j, i);
    }
    jw_array_end(&j);
    jw_object_end(&j);
}

static void reply(const post_t *p, int status, bytes_t answer)
{
    http_set_header(p->call->request, "Cache-Control", "no-store");
    http_reply(p->call->request, status, JSON_TYPE, answer);
}

/* ---- the transaction ---- */

/* True when the key was used before: then it is answered. */
static bool answer_again(const post_t *p, store_txn_t *txn)
{
    bytes_t answer;
    receipt_t found = RECEIPT_NONE;
    if (p->key != NULL && !p->dry) {
        found = receipts_find(txn, p->call->token->id, p->key, p->request, &answer);
    }
    if (found == RECEIPT_SAME) {
        http_set_header(p->call->request, "Idempotent-Replay", "true");
        reply(p, 200, answer);
    } else if (found == RECEIPT_OTHER) {
        http_reply_problem(p->call->request, 409,
                           "the key '%.128s' was used for another submission", p->key);
    }
    return found != RECEIPT_NONE;
}

/* The body, as something that these units handed in. */
static void keep_body(const post_t *p, store_txn_t *txn, int64_t now)
{
    bytes_t body = http_body(p->call->request);
    const char **units = calloc(p->rows.n_rows, sizeof *units);
    size_t n = 0;
    if (units == NULL) {
        store_fail(txn, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < p->rows.n_rows; i++) {
        const char *unit = p->rows.rows[i].unit;
        bool again = n > 0 && unit != NULL && strcmp(units[n - 1], unit) == 0;
        if (unit != NULL && !again) {
            units[n++] = unit;
        }
    }
    evidence_add(txn, p->body, EVIDENCE_ROWS, body.len, p->call->token->id, now);
    evidence_used(txn, p->body, units, n);
    free(units);
    int rc = archive_keep(p->call->in->archive, body, p->body);
    if (rc != 0) {
        store_fail(txn, rc);
    }
}

/* What goes with the figures: the body they were read from, and the receipt. */
static void keep(post_t *p, store_txn_t *txn, int64_t now, buffer_t *answer)
{
    if (p->counts[SUBMIT_ACCEPTED] > 0) {
        keep_body(p, txn, now);
    }
    p->applied = true;
    put_answer(p, answer);
    if (answer->failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    if (p->key != NULL) {
        receipts_keep(txn, p->call->token->id, p->key, p->request, buffer_bytes(answer));
    }
}

static void log_withdrawals(const post_t *p)
{
    for (size_t i = 0; i < p->rows.n_rows; i++) {
        const submission_row_t *row = &p->rows.rows[i];
        if (row->withdraw && p->results[i].outcome == SUBMIT_ACCEPTED) {
            log_info("figure withdrawn", "unit", row->unit, "period", row->period, "figure",
                     row->figure, "revision", LOG_INT(p->results[i].revision), "token",
                     p->call->token->id, NULL);
        }
    }
}

static void commit(post_t *p, store_txn_t **txn, buffer_t *answer)
{
    const door_setup_t *in = p->call->in;
    uint64_t head = journal_head(in->journal);
    int64_t now = clock_wall_ms();
    keep(p, *txn, now, answer);
    journal_seal(in->journal, *txn);
    if (!store_has_room(in->store)) {
        store_fail(*txn, CHISO_E_FULL);
    }
    int rc = store_commit(txn);
    journal_settle(in->journal, rc == 0);
    if (rc == 0) {
        reply(p, 200, buffer_bytes(answer));
        log_info("submission", "token", p->call->token->id, "accepted",
                 LOG_INT(p->counts[SUBMIT_ACCEPTED]), "unchanged",
                 LOG_INT(p->counts[SUBMIT_UNCHANGED]), "rejected",
                 LOG_INT(p->counts[SUBMIT_REJECTED]), TRACE_LOG(&p->trace), NULL);
        log_withdrawals(p);
    } else {
        door_refuse_store(p->call, rc);
    }
    in->committed(in->context, rc, journal_head(in->journal) > head);
}

/* Nothing of it stays. */
static void answer_only(post_t *p, store_txn_t **txn, buffer_t *answer)
{
    int rc = store_status(*txn);
    store_abort(txn);
    journal_settle(p->call->in->journal, false);
    if (rc == 0) {
        put_answer(p, answer);
        rc = answer->failed ? CHISO_E_TOO_BIG : 0;
    }
    if (rc == 0) {
        reply(p, p->dry ? 200 : 422, buffer_bytes(answer));
    } else {
        door_refuse_store(p->call, rc);
        p->call->in->committed(p->call->in->context, rc, false);
    }
}

static void take(post_t *p)
{
    const door_setup_t *in = p->call->in;
    buffer_t answer = BUFFER_INIT(ANSWER_MAX);
    submit_context_t context = {.units = in->config->units,
                                .catalog = in->config->catalog,
                                .token = p->call->token,
                                .body_sha256 = p->body,
                                .now = clock_wall_ms(),
                                .trace = p->trace};
    store_txn_t *txn = store_write(in->store);
    if (answer_again(p, txn)) {
        store_abort(&txn);
        return;
    }
    submit_rows(&context, txn, in->journal, &p->rows, p->results);
    for (size_t i = 0; i < p->rows.n_rows; i++) {
        p->counts[p->results[i].outcome]++;
    }
    if (p->dry || (p->atomic && p->counts[SUBMIT_REJECTED] > 0)) {
        answer_only(p, &txn, &answer);
    } else {
        commit(p, &txn, &answer);
    }
    buffer_free(&answer);
}

/* The caller's own trace goes on, when it is told by the rules. */
static trace_t trace_of(const door_call_t *call)
{
    trace_t theirs;
    const char *told = http_header_once(call->request, "traceparent");
    return told != NULL && trace_parse(told, &theirs) == 0 ? trace_next(&theirs) : trace_new();
}

void answer_post_figures(const door_call_t *call)
{
    post_t p = {.call = call, .trace = trace_of(call)};
    if (!read_flag(call, "dry_run", &p.dry) || !read_flag(call, "atomic", &p.atomic) ||
        !read_format(call, &p.format)) {
        return;
    }
    if (read_rows(&p)) {
        p.results = calloc(p.rows.n_rows, sizeof *p.results);
        if (p.results != NULL) {
            take(&p);
        } else {
            door_refuse_store(call, -ENOMEM);
        }
    }
    free(p.results);
    submission_free(&p.rows);
}
