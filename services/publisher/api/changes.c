/* changes.c - what changed: between two moments, unit by unit; and notice by notice from a place in
 * the publisher's journal. */
#include "answers.h"
#include "base/clock.h"
#include "base/error.h"
#include "members.h"
#include "publisher/cursor.h"
#include "publisher/render.h"
#include "publisher/stream.h"

#include <string.h>

/* ---- between two moments ---- */

static const event_indicator_t *indicator_of(const event_score_t *s, const char *code)
{
    for (size_t i = 0; s != NULL && i < s->n_indicators; i++) {
        if (strcmp(s->indicators[i]->code, code) == 0) {
            return s->indicators[i];
        }
    }
    return NULL;
}

static void put_difference(jw_t *j, const char *before, const char *after)
{
    char text[DECIMAL_TEXT_SIZE];
    decimal_t change = DECIMAL_ZERO;
    bool both = before != NULL && after != NULL;
    if (both) {
        both = decimal_subtract(event_decimal(after), event_decimal(before), &change) == 0;
    }
    jw_put_text(j, "change", both ? decimal_format(change, text) : NULL);
}

static void put_side(jw_t *j, const char *key, const event_score_t *s)
{
    jw_key(j, key);
    if (s == NULL) {
        jw_null(j);
        return;
    }
    jw_object(j);
    jw_put_text(j, "points", s->points);
    jw_put_text(j, "max", s->max);
    jw_put_text(j, "percent", s->percent);
    render_rank(j, "rank", s->has_rank, s->rank);
    render_rank(j, "nation_rank", s->has_nation_rank, s->nation_rank);
    jw_put_number(j, "revision", s->revision);
    jw_put_time(j, "as_of", s->as_of);
    jw_object_end(j);
}

static void put_indicator_side(jw_t *j, const char *key, const event_indicator_t *s)
{
    jw_key(j, key);
    if (s == NULL) {
        jw_null(j);
        return;
    }
    jw_object(j);
    jw_put_text(j, "status", event_status_name(s->status));
    jw_put_text(j, "points", s->points);
    jw_put_text(j, "max", s->max);
    jw_object_end(j);
}

static bool is_same_indicator(const event_indicator_t *a, const event_indicator_t *b)
{
    return a == NULL || b == NULL ? a == b
                                  : a->status == b->status && strcmp(a->points, b->points) == 0 &&
                                        strcmp(a->max, b->max) == 0;
}

static void put_indicators(jw_t *j, const catalog_index_t *index, const event_score_t *before,
                           const event_score_t *after)
{
    jw_put_array(j, "indicators");
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *indicator = &index->indicators[i];
        const event_indicator_t *a = indicator_of(before, indicator->code);
        const event_indicator_t *b = indicator_of(after, indicator->code);
        if (is_same_indicator(a, b)) {
            continue;
        }
        jw_object(j);
        jw_put_text(j, "code", indicator->code);
        jw_put_text(j, "title", indicator->title);
        jw_put_text(j, "pillar", index->pillars[indicator->pillar].code);
        put_indicator_side(j, "before", a);
        put_indicator_side(j, "after", b);
        put_difference(j, a != NULL ? a->points : NULL, b != NULL ? b->points : NULL);
        jw_object_end(j);
    }
    jw_array_end(j);
}

static bool is_same(const catalog_index_t *index, const event_score_t *a, const event_score_t *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    bool same = strcmp(a->points, b->points) == 0 && strcmp(a->max, b->max) == 0 &&
                a->has_rank == b->has_rank && a->rank == b->rank;
    for (unsigned i = 0; same && i < index->n_indicators; i++) {
        const char *code = index->indicators[i].code;
        same = is_same_indicator(indicator_of(a, code), indicator_of(b, code));
    }
    return same;
}

static bool put_unit(jw_t *j, const catalog_index_t *index, const event_score_t *before,
                     const event_score_t *after)
{
    if (is_same(index, before, after)) {
        return false;
    }
    jw_object(j);
    render_unit(j, (after != NULL ? after : before)->unit);
    put_side(j, "before", before);
    put_side(j, "after", after);
    put_difference(j, before != NULL ? before->points : NULL, after != NULL ? after->points : NULL);
    put_indicators(j, index, before, after);
    jw_object_end(j);
    return true;
}

static void put_changed(jw_t *j, const call_t *call, members_t *before, members_t *after)
{
    uint64_t n = 0;
    jw_put_array(j, "units");
    for (size_t i = 0; i < after->n; i++) {
        const event_score_t *s = &after->list[i].score;
        n += put_unit(j, call->index, members_find(before, s->unit->code), s) ? 1 : 0;
    }
    for (size_t i = 0; i < before->n; i++) {
        const event_score_t *s = &before->list[i].score;
        if (members_find(after, s->unit->code) == NULL) {
            n += put_unit(j, call->index, s, NULL) ? 1 : 0;
        }
    }
    jw_array_end(j);
    jw_put_number(j, "changed", n);
    jw_put_number(j, "total", after->n);
}

void answer_changes(const call_t *call)
{
    call_scope_t scope;
    int64_t since;
    int64_t until;
    if (!call_scope(call, &scope) || !call_moment(call, "since", CALL_NOW, &since) ||
        !call_moment(call, "until", CALL_NOW, &until)) {
        return;
    }
    until = until < clock_wall_ms() ? until : CALL_NOW;
    if (since > (until == CALL_NOW ? clock_wall_ms() : until)) {
        http_reply_problem(call->request, 400,
                           "since is missing or later than until; expected a day such as "
                           "2025-10-12 (its end) or a moment");
        return;
    }
    members_t before = {0};
    members_t after = {0};
    store_txn_t *txn = store_read(call->api->model->store);
    int rc = members_load(call, txn, &scope, since, &before);
    rc = rc != 0 ? rc : members_load(call, txn, &scope, until, &after);
    if (rc != 0) {
        store_fail(txn, rc);
    }
    if (before.n + after.n == 0) {
        call_missing(call, &txn, "there are no results of %s for %s at this level", call->index->id,
                     call->period);
    } else if (call_end(call, &txn)) {
        buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
        jw_t j = jw_to(&body);
        jw_object(&j);
        jw_put_text(&j, "index", call->index->id);
        jw_put_text(&j, "period", call->period);
        jw_put_text(&j, "level", event_level_name(scope.level));
        jw_put_text(&j, "parent", scope.parent);
        jw_put_time(&j, "since", since);
        jw_put_time(&j, "until", until == CALL_NOW ? 0 : until);
        jw_put_flag(&j, "known_since", before.n > 0); /* false: what stood then is not kept */
        jw_put_time(&j, "as_of", after.as_of);
        put_changed(&j, call, &before, &after);
        jw_object_end(&j);
        call_answer_json(call, &body);
    }
    members_free(&before);
    members_free(&after);
}

/* ---- notice by notice ---- */

#define FEED_DEFAULT 100
#define FEED_MAX 1000
#define FEED_BYTES (4 * 1024 * 1024)
#define FEED_LOOKED_AT 10000 /* notices of one request, those of other kinds included */

typedef struct {
    const journal_t *journal;
    jw_t *j;
    const char *type; /* "score", or NULL */
    uint64_t left, looked_at, last;
    bool more;
} feed_t;

static bool put_notice(void *context, uint64_t seq, bytes_t payload)
{
    feed_t *f = context;
    event_in_t in;
    char reason[256];
    char id[CURSOR_SIZE];
    if (f->left == 0 || f->looked_at == FEED_LOOKED_AT || f->j->out->len > FEED_BYTES) {
        f->more = true;
        return false;
    }
    f->looked_at++;
    f->last = seq;
    if (event_decode(payload, reason, &in) != 0) {
        return true;
    }
    const event_notice_t *n = in.event->notice;
    const char *type = stream_event_name(n->type);
    if (f->type == NULL || strcmp(f->type, type) == 0) {
        f->left--;
        jw_object(f->j);
        jw_put_text(f->j, "id", cursor_write(f->journal, seq, id));
        jw_put_text(f->j, "type", type);
        jw_put_time(f->j, "time", n->time);
        jw_put_text(f->j, "subject", n->subject);
        jw_key(f->j, "data");
        jw_raw_bytes(f->j, bytes_of(n->body.data, n->body.len));
        jw_object_end(f->j);
    }
    event_release(&in);
    return true;
}

static bool take_time(void *context, uint64_t seq, bytes_t payload)
{
    int64_t *time = context;
    event_in_t in;
    char reason[256];
    (void)seq;
    if (event_decode(payload, reason, &in) == 0) {
        *time = in.event->notice->time;
        event_release(&in);
    }
    return false;
}

/* The number of the last notice at or before a moment, between what is held. */
static uint64_t last_before(const model_t *m, store_txn_t *txn, int64_t at)
{
    uint64_t low = journal_first(m->journal) - 1; /* known to be before */
    uint64_t high = journal_head(m->journal) + 1; /* known to be behind */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        int64_t time = 0;
        int rc = journal_read(m->journal, txn, middle, take_time, &time);
        if (rc < 0) {
            store_fail(txn, rc);
            break;
        }
        if (time <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Behind which notice the feed begins; false after answering that it cannot. */
static bool read_start(const call_t *call, store_txn_t *txn, uint64_t *out)
{
    const journal_t *journal = call->api->model->journal;
    const char *after = http_query(call->request, "after");
    int64_t since;
    if (after != NULL && *after != '\0') {
        int rc = cursor_read(journal, after, out);
        if (rc == CHISO_E_SYNTAX) {
            http_reply_problem(
                call->request, 400,
                "after '%.60s'; expected what an earlier answer gave as next, or the "
                "id of an event",
                after);
        } else if (rc != 0) {
            http_reply_problem(call->request, 410,
                               "what came after '%.60s' is no longer here; read the results again",
                               after);
        }
        return rc == 0;
    }
    if (!call_moment(call, "since", CALL_NOW, &since)) {
        return false;
    }
    *out =
        since != CALL_NOW ? last_before(call->api->model, txn, since) : journal_first(journal) - 1;
    if (since != CALL_NOW && *out + 1 == journal_first(journal) && *out > 0) {
        http_reply_problem(call->request, 410,
                           "changes since then are no longer here one by one; compare the moments "
                           "at /api/v1/indexes/{index}/{period}/changes");
        return false;
    }
    return true;
}

void answer_feed(const call_t *call)
{
    const model_t *m = call->api->model;
    const char *type = http_query(call->request, "type");
    feed_t feed = {.journal = m->journal, .type = type};
    if (type != NULL && strcmp(type, "score") != 0 && strcmp(type, "ranking") != 0 &&
        strcmp(type, "source") != 0) {
        http_reply_problem(call->request, 400, "type '%.40s'; expected score, ranking or source",
                           type);
        return;
    }
    store_txn_t *txn = store_read(m->store);
    if (!call_number(call, "limit", FEED_DEFAULT, 1, FEED_MAX, &feed.left) ||
        !read_start(call, txn, &feed.last)) {
        store_abort(&txn);
        return;
    }
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    jw_t j = jw_to(&body);
    char next[CURSOR_SIZE];
    feed.j = &j;
    jw_object(&j);
    jw_put_array(&j, "changes");
    if (feed.last < journal_head(m->journal)) {
        int rc = journal_read(m->journal, txn, feed.last + 1, put_notice, &feed);
        if (rc < 0) {
            store_fail(txn, rc);
        }
    }
    jw_array_end(&j);
    jw_put_text(&j, "next", cursor_write(m->journal, feed.last, next));
    jw_put_flag(&j, "more", feed.more);
    jw_object_end(&j);
    if (call_end(call, &txn)) {
        call_answer_json(call, &body);
    }
    buffer_free(&body);
}
