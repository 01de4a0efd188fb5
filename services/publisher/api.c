/* api.c - see api.h. Every answer is made from one read transaction, so that it is of one moment.
 */
#include "api.h"

#include "base/clock.h"
#include "base/error.h"
#include "period/period.h"
#include "render.h"
#include "stream.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BODY (64 * 1024 * 1024)
#define MAX_PARTS 8
#define MAX_PATH 512

/* A path's parts between slashes, percent-decoded already. */
typedef struct {
    char room[MAX_PATH];
    const char *parts[MAX_PARTS];
    unsigned n;
} path_t;

static bool split_path(const char *text, path_t *out)
{
    size_t len = strlen(text);
    if (len >= sizeof out->room) {
        return false;
    }
    memcpy(out->room, text, len + 1);
    out->n = 0;
    char *at = out->room;
    while (*at == '/') {
        *at++ = '\0';
        if (*at == '\0' || out->n == MAX_PARTS) {
            return out->n > 0 && *at == '\0';
        }
        out->parts[out->n++] = at;
        at += strcspn(at, "/");
    }
    return *at == '\0';
}

static void reply_json(http_request_t *request, buffer_t *body)
{
    if (body->failed) {
        http_reply_problem(request, 503, "the answer is larger than this server makes");
        return;
    }
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    char etag[40];
    sha256(buffer_bytes(body), hash);
    snprintf(etag, sizeof etag, "\"%.32s\"", sha256_hex(hash, hex));
    const char *known = http_header(request, "If-None-Match");
    http_set_header(request, "ETag", etag);
    http_set_header(request, "Cache-Control", "no-cache");
    http_set_header(request, "X-Content-Type-Options", "nosniff");
    if (known != NULL && (strstr(known, etag) != NULL || strcmp(known, "*") == 0)) {
        http_reply(request, 304, NULL, bytes_of(NULL, 0));
    } else {
        http_reply(request, 200, "application/json; charset=utf-8", buffer_bytes(body));
    }
}

/* ---- the list of indexes ---- */

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

/* Name of a unit in any period of the index; its code when it is not known. */
static void put_name(jw_t *j, const api_t *api, store_txn_t *txn, const model_group_t *group)
{
    if (group->parent == NULL) {
        jw_put_text(j, "parent_name", NULL);
        return;
    }
    event_in_t in;
    bool found = model_result(txn, group->index, group->period, group->parent, &in);
    for (size_t i = 0; !found && i < api->model->n_groups; i++) {
        const model_group_t *other = &api->model->groups[i];
        found = strcmp(other->index, group->index) == 0 &&
                model_result(txn, other->index, other->period, group->parent, &in);
    }
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
    jw_key(j, "periods");
    jw_array(j);
    for (size_t i = 0; groups != NULL && i < n; i++) {
        if (i == 0 || strcmp(groups[i - 1]->period, groups[i]->period) != 0) {
            jw_text(j, groups[i]->period);
        }
    }
    jw_array_end(j);
    jw_key(j, "levels");
    jw_array(j);
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
    jw_key(j, "pillars");
    jw_array(j);
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

/* The index as the decision has it: every pillar and criterion. */
static void get_index(http_request_t *request, const catalog_index_t *index)
{
    char max[DECIMAL_TEXT_SIZE];
    buffer_t body = BUFFER_INIT(MAX_BODY);
    jw_t j = jw_to(&body);
    jw_object(&j);
    put_head(&j, index);
    jw_put_text(&j, "stated_max", index->stated_max);
    jw_put_flag(&j, "partial", index->partial);
    jw_key(&j, "notes");
    jw_array(&j);
    for (unsigned i = 0; i < index->n_notes; i++) {
        jw_text(&j, index->notes[i]);
    }
    jw_array_end(&j);
    jw_key(&j, "pillars");
    jw_array(&j);
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        jw_object(&j);
        jw_put_text(&j, "code", pillar->code);
        jw_put_text(&j, "title", pillar->title);
        jw_put_text(&j, "max", decimal_format(pillar->max, max));
        jw_key(&j, "indicators");
        jw_array(&j);
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
    reply_json(request, &body);
    buffer_free(&body);
}

static void get_indexes(const api_t *api, http_request_t *request)
{
    buffer_t body = BUFFER_INIT(MAX_BODY);
    jw_t j = jw_to(&body);
    store_txn_t *txn = store_read(api->model->store);
    jw_object(&j);
    jw_key(&j, "indexes");
    jw_array(&j);
    for (unsigned i = 0; i < catalog_count(api->catalog); i++) {
        put_index(&j, api, txn, catalog_at(api->catalog, i));
    }
    jw_array_end(&j);
    jw_object_end(&j);
    store_abort(&txn);
    reply_json(request, &body);
    buffer_free(&body);
}

/* ---- a ranking ---- */

typedef struct {
    event_in_t *scores;
    size_t n, cap;
    bool nation, failed;
} members_t;

static void collect(void *context, event_in_t *score)
{
    members_t *m = context;
    if (m->n == m->cap) {
        size_t cap = m->cap == 0 ? 64 : m->cap * 2;
        event_in_t *grown = realloc(m->scores, cap * sizeof *grown);
        if (grown == NULL) {
            m->failed = true;
            event_release(score);
            return;
        }
        m->scores = grown;
        m->cap = cap;
    }
    m->scores[m->n++] = *score;
}

/* Units without a rank stand last. */
static uint32_t rank_of(const event_score_t *s, bool nation)
{
    bool has = nation ? s->has_nation_rank : s->has_rank;
    return !has ? UINT32_MAX : nation ? s->nation_rank : s->rank;
}

static int compare_members(const void *a, const void *b, void *context)
{
    const members_t *m = context;
    const event_score_t *x = ((const event_in_t *)a)->event->score;
    const event_score_t *y = ((const event_in_t *)b)->event->score;
    uint32_t p = rank_of(x, m->nation);
    uint32_t q = rank_of(y, m->nation);
    return p != q ? (p > q) - (p < q) : strcmp(x->unit->code, y->unit->code);
}

static void put_member(jw_t *j, const api_t *api, const catalog_index_t *index,
                       const event_score_t *score, bool nation)
{
    event_score_t shown = *score;
    if (nation) { /* the rank that belongs to this list */
        shown.has_rank = score->has_nation_rank;
        shown.rank = score->nation_rank;
        shown.has_previous_rank = shown.has_previous_rank && score->unit->parent == NULL;
    }
    jw_object(j);
    render_unit(j, score->unit);
    render_totals(j, &shown);
    jw_put_flag(j, "stale", model_is_stale(api->model, score));
    jw_key(j, "pillars");
    jw_array(j);
    render_pillars(j, index, score, RENDER_PILLARS);
    jw_array_end(j);
    jw_object_end(j);
}

static void put_ranking(jw_t *j, const api_t *api, const catalog_index_t *index, const char *period,
                        Chiso__V1__Level level, const char *parent, members_t *m, int64_t as_of,
                        uint32_t revision)
{
    bool stale = false;
    qsort_r(m->scores, m->n, sizeof *m->scores, compare_members, m);
    for (size_t i = 0; i < m->n; i++) {
        const event_score_t *s = m->scores[i].event->score;
        as_of = s->as_of > as_of ? s->as_of : as_of;
        stale = stale || model_is_stale(api->model, s);
    }
    jw_object(j);
    jw_put_text(j, "index", index->id);
    jw_put_text(j, "period", period);
    jw_put_text(j, "level", event_level_name(level));
    jw_put_text(j, "parent", parent);
    jw_put_time(j, "as_of", as_of);
    jw_put_number(j, "revision", revision);
    jw_put_flag(j, "stale", stale);
    jw_key(j, "units");
    jw_array(j);
    for (size_t i = 0; i < m->n; i++) {
        put_member(j, api, index, m->scores[i].event->score, m->nation);
    }
    jw_array_end(j);
    jw_object_end(j);
}

/* Which ranking is asked for; false after answering that it cannot be. */
static bool read_scope(http_request_t *request, Chiso__V1__Level *level, const char **parent)
{
    const char *name = http_query(request, "level");
    *level = name == NULL ? CHISO__V1__LEVEL__PROVINCE : event_level_of(name);
    *parent = http_query(request, "parent");
    if (*parent != NULL && **parent == '\0') {
        *parent = NULL;
    }
    if ((int)*level == 0) {
        http_reply_problem(request, 400, "level '%.40s'; expected province, department or commune",
                           name);
        return false;
    }
    if (*parent != NULL &&
        (*level == CHISO__V1__LEVEL__PROVINCE || strlen(*parent) > EVENT_MAX_CODE)) {
        http_reply_problem(
            request, 400,
            "parent '%.64s'; expected the code of a province, with level department or "
            "commune",
            *parent);
        return false;
    }
    return true;
}

static void get_ranking(const api_t *api, http_request_t *request, const catalog_index_t *index,
                        const char *period)
{
    Chiso__V1__Level level;
    const char *parent;
    if (!read_scope(request, &level, &parent)) {
        return;
    }
    members_t members = {.nation = parent == NULL && level != CHISO__V1__LEVEL__PROVINCE};
    int64_t as_of;
    uint32_t revision;
    store_txn_t *txn = store_read(api->model->store);
    model_walk(txn, index->id, period, level, parent, collect, &members);
    model_ranking(txn, index->id, period, level, parent, &as_of, &revision);
    bool good = store_status(txn) == 0 && !members.failed;
    store_abort(&txn);
    if (!good) {
        http_reply_problem(request, 503, "the store cannot be read");
    } else if (members.n == 0) {
        http_reply_problem(request, 404, "there are no results of %s for %s at this level",
                           index->id, period);
    } else {
        buffer_t body = BUFFER_INIT(MAX_BODY);
        jw_t j = jw_to(&body);
        put_ranking(&j, api, index, period, level, parent, &members, as_of, revision);
        reply_json(request, &body);
        buffer_free(&body);
    }
    for (size_t i = 0; i < members.n; i++) {
        event_release(&members.scores[i]);
    }
    free(members.scores);
}

/* ---- a unit ---- */

static void put_sources(jw_t *j, const api_t *api, const event_score_t *s)
{
    jw_key(j, "sources");
    jw_array(j);
    for (size_t i = 0; i < s->n_figures; i++) {
        const event_figure_t *f = s->figures[i];
        bool told = false;
        for (size_t k = 0; k < i && !told; k++) {
            told = strcmp(s->figures[k]->source, f->source) == 0 &&
                   strcmp(s->figures[k]->series, f->series) == 0;
        }
        const event_source_state_t *state = model_state(api->model, f->source, f->series);
        if (!told && state != NULL) {
            render_state(j, state);
        }
    }
    jw_array_end(j);
}

static void put_unit(jw_t *j, const api_t *api, const catalog_index_t *index,
                     const event_score_t *s)
{
    jw_object(j);
    jw_put_text(j, "index", s->index);
    jw_put_text(j, "period", s->period);
    jw_key(j, "unit");
    jw_object(j);
    render_unit(j, s->unit);
    jw_object_end(j);
    render_totals(j, s);
    jw_put_flag(j, "stale", model_is_stale(api->model, s));
    jw_key(j, "pillars");
    jw_array(j);
    render_pillars(j, index, s, RENDER_CRITERIA);
    jw_array_end(j);
    jw_put_text(j, "stated_total_figure",
                index->stated_total >= 0 ? index->figures[index->stated_total]->id : NULL);
    jw_key(j, "figures");
    jw_array(j);
    for (size_t i = 0; i < s->n_figures; i++) {
        render_figure(j, index, s->figures[i]);
    }
    jw_array_end(j);
    put_sources(j, api, s);
    jw_object_end(j);
}

static bool put_revision(void *context, const Chiso__V1__Revision *r)
{
    jw_t *j = context;
    jw_object(j);
    jw_put_number(j, "revision", r->revision);
    jw_put_time(j, "as_of", r->as_of);
    jw_put_text(j, "points", r->points);
    jw_put_text(j, "max", r->max);
    if (r->has_rank) {
        jw_put_number(j, "rank", r->rank);
    } else {
        jw_put_text(j, "rank", NULL);
    }
    jw_object_end(j);
    return j->out->len < MAX_BODY / 2;
}

static void get_unit(const api_t *api, http_request_t *request, const catalog_index_t *index,
                     const char *period, const char *code, bool history)
{
    event_in_t in;
    store_txn_t *txn = store_read(api->model->store);
    if (!model_result(txn, index->id, period, code, &in)) {
        int rc = store_status(txn);
        store_abort(&txn);
        if (rc != 0) {
            http_reply_problem(request, 503, "the store cannot be read");
            return;
        }
        http_reply_problem(request, 404, "unit '%.64s' has no result of %s for %s", code, index->id,
                           period);
        return;
    }
    buffer_t body = BUFFER_INIT(MAX_BODY);
    jw_t j = jw_to(&body);
    if (history) {
        jw_object(&j);
        jw_key(&j, "revisions");
        jw_array(&j);
        model_history(txn, index->id, period, code, put_revision, &j);
        jw_array_end(&j);
        jw_object_end(&j);
    } else {
        put_unit(&j, api, index, in.event->score);
    }
    store_abort(&txn);
    event_release(&in);
    reply_json(request, &body);
    buffer_free(&body);
}

/* ---- sources, health ---- */

static void get_sources(const api_t *api, http_request_t *request)
{
    buffer_t body = BUFFER_INIT(MAX_BODY);
    jw_t j = jw_to(&body);
    jw_object(&j);
    jw_key(&j, "sources");
    jw_array(&j);
    for (size_t i = 0; i < api->model->n_states; i++) {
        render_state(&j, api->model->states[i].event->source_state);
    }
    jw_array_end(&j);
    jw_object_end(&j);
    reply_json(request, &body);
    buffer_free(&body);
}

static void get_health(const api_t *api, http_request_t *request)
{
    buffer_t body = BUFFER_INIT(4096);
    jw_t j = jw_to(&body);
    jw_object(&j);
    uint64_t lag = 0;
    bool connected = api->connected(api->context, &lag);
    bool whole = connected && !model_line_is_cut(api->model);
    jw_put_text(&j, "status", whole ? "ok" : "degraded");
    jw_put_flag(&j, "scorer_connected", connected);
    jw_put_flag(&j, "ingest_heard", !model_line_is_cut(api->model));
    jw_put_number(&j, "lag", lag);
    jw_put_text(&j, "version", CHISO_VERSION);
    jw_put_number(&j, "journal_head", journal_head(api->model->journal));
    jw_object_end(&j);
    reply_json(request, &body);
    buffer_free(&body);
}

/* ---- routes ---- */

static void route_index(const api_t *api, http_request_t *request, const path_t *path)
{
    /* api v1 indexes {index} {period} ranking | units {code} [history] */
    const catalog_index_t *index = catalog_find(api->catalog, path->parts[3]);
    const char *what = path->n > 5 ? path->parts[5] : "";
    bool ranking = path->n == 6 && strcmp(what, "ranking") == 0;
    bool unit = path->n >= 7 && path->n <= 8 && strcmp(what, "units") == 0;
    bool history = path->n == 8 && strcmp(path->parts[7], "history") == 0;
    period_t period;
    if (index == NULL) {
        http_reply_problem(request, 404, "there is no index '%.64s'", path->parts[3]);
    } else if (path->n == 4) {
        get_index(request, index);
    } else if ((!ranking && !unit) || (path->n == 8 && !history)) {
        http_reply_problem(request, 404, "there is nothing at this address");
    } else if (period_parse(path->parts[4], &period) != 0) {
        http_reply_problem(request, 400,
                           "period '%.32s'; expected one such as 2025, 2025-Q3 or 2025-10",
                           path->parts[4]);
    } else if (ranking) {
        get_ranking(api, request, index, path->parts[4]);
    } else {
        get_unit(api, request, index, path->parts[4], path->parts[6], history);
    }
}

static void route_api(const api_t *api, http_request_t *request, const path_t *path)
{
    const char *what = path->n > 2 ? path->parts[2] : "";
    if (path->n < 3 || strcmp(path->parts[1], "v1") != 0) {
        http_reply_problem(request, 404, "there is nothing at this address");
    } else if (path->n == 3 && strcmp(what, "indexes") == 0) {
        get_indexes(api, request);
    } else if (path->n == 3 && strcmp(what, "sources") == 0) {
        get_sources(api, request);
    } else if (path->n == 3 && strcmp(what, "events") == 0) {
        stream_open(api->model, request);
    } else if (path->n >= 4 && strcmp(what, "indexes") == 0) {
        route_index(api, request, path);
    } else {
        http_reply_problem(request, 404, "there is nothing at this address");
    }
}

void api_handle(http_request_t *request, void *context)
{
    const api_t *api = context;
    path_t path;
    if (strncmp(http_path(request), "/api/", 5) == 0) {
        http_set_header(request, "Access-Control-Allow-Origin", "*"); /* everybody may read */
        http_set_header(request, "Access-Control-Expose-Headers", "ETag");
    }
    if (strcmp(http_method(request), "OPTIONS") == 0) {
        http_set_header(request, "Access-Control-Allow-Methods", "GET, HEAD");
        http_set_header(request, "Access-Control-Allow-Headers", "If-None-Match, Last-Event-ID");
        http_set_header(request, "Access-Control-Max-Age", "86400");
        http_reply(request, 204, NULL, bytes_of(NULL, 0));
    } else if (strcmp(http_method(request), "GET") != 0) {
        http_set_header(request, "Allow", "GET, HEAD");
        http_reply_problem(request, 405, "only GET and HEAD are answered here");
    } else if (pages_reply(api->pages, http_path(request), request)) {
        return;
    } else if (!split_path(http_path(request), &path) || path.n == 0) {
        http_reply_problem(request, 404, "there is nothing at this address");
    } else if (path.n == 1 && strcmp(path.parts[0], "healthz") == 0) {
        get_health(api, request);
    } else if (strcmp(path.parts[0], "api") == 0) {
        route_api(api, request, &path);
    } else {
        http_reply_problem(request, 404, "there is nothing at this address");
    }
}
