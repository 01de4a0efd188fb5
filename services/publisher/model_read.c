/* model_read.c - walks of the read model, see model.h. */
#include "base/error.h"
#include "log/log.h"
#include "model.h"
#include "model_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void model_group_key(buffer_t *key, const char *index, const char *period, Chiso__V1__Level level,
                     const char *parent)
{
    buffer_append_part(key, index);
    buffer_append_part(key, period);
    buffer_append_part(key, event_level_name(level));
    buffer_append_part(key, parent != NULL ? parent : "");
}

void model_place_key(buffer_t *key, const char *index, const char *period, const char *code)
{
    buffer_append_part(key, index);
    buffer_append_part(key, period);
    buffer_append_part(key, code);
}

bool model_decode(store_txn_t *txn, bytes_t value, event_in_t *out)
{
    char reason[256];
    int rc = event_decode(value, reason, out);
    if (rc != 0) {
        log_error("a stored record is corrupt", "reason", reason, NULL);
        store_fail(txn, rc == -ENOMEM ? rc : CHISO_E_CORRUPT);
    }
    return rc == 0;
}

bool model_result(store_txn_t *txn, const char *index, const char *period, const char *code,
                  event_in_t *out)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t place;
    bytes_t value;
    model_place_key(&key, index, period, code);
    bool found = !key.failed && store_get(txn, MODEL_PLACES, buffer_bytes(&key), &place) &&
                 place.len > 8 &&
                 store_get(txn, MODEL_RESULTS, bytes_of(place.data + 8, place.len - 8), &value) &&
                 model_decode(txn, value, out);
    buffer_free(&key);
    return found;
}

bool model_parent(const model_t *model, store_txn_t *txn, const model_group_t *group,
                  event_in_t *out)
{
    bool found = model_result(txn, group->index, group->period, group->parent, out);
    for (size_t i = 0; !found && i < model->n_groups; i++) {
        const model_group_t *other = &model->groups[i];
        found = strcmp(other->index, group->index) == 0 &&
                model_result(txn, other->index, other->period, group->parent, out);
    }
    return found;
}

void model_walk(store_txn_t *txn, const char *index, const char *period, Chiso__V1__Level level,
                const char *parent, model_each_fn each, void *context)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    buffer_append_part(&prefix, index);
    buffer_append_part(&prefix, period);
    buffer_append_part(&prefix, event_level_name(level));
    if (parent != NULL) {
        buffer_append_part(&prefix, parent);
    }
    store_cursor_t *cursor = NULL;
    bytes_t key;
    bytes_t value;
    bool more = !prefix.failed &&
                store_seek(txn, MODEL_RESULTS, buffer_bytes(&prefix), &cursor, &key, &value);
    for (; more && bytes_start_with(key, buffer_bytes(&prefix));
         more = store_next(cursor, &key, &value)) {
        event_in_t in;
        if (model_decode(txn, value, &in)) {
            each(context, &in);
        }
    }
    store_cursor_close(&cursor);
    buffer_free(&prefix);
}

void model_ranking(store_txn_t *txn, const char *index, const char *period, Chiso__V1__Level level,
                   const char *parent, int64_t *as_of, uint32_t *revision)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t value;
    event_in_t in;
    *as_of = 0;
    *revision = 0;
    model_group_key(&key, index, period, level, parent);
    if (!key.failed && store_get(txn, MODEL_RANKINGS, buffer_bytes(&key), &value) &&
        model_decode(txn, value, &in)) {
        *as_of = in.event->ranking->as_of;
        *revision = in.event->ranking->revision;
        event_release(&in);
    }
    buffer_free(&key);
}

bool model_after(store_txn_t *txn, bytes_t key, bytes_t *found_key, uint64_t *notice_seq,
                 event_in_t *out)
{
    store_cursor_t *cursor;
    bytes_t value;
    bytes_t place = {0};
    bool found = store_seek(txn, MODEL_RESULTS, key, &cursor, found_key, &value);
    if (found && bytes_equal(key, *found_key)) {
        found = store_next(cursor, found_key, &value);
    }
    found = found && model_decode(txn, value, out);
    store_cursor_close(&cursor);
    if (found) {
        const event_score_t *s = out->event->score;
        buffer_t name = BUFFER_INIT(STORE_MAX_KEY);
        model_place_key(&name, s->index, s->period, s->unit->code);
        bool placed = store_get(txn, MODEL_PLACES, buffer_bytes(&name), &place) && place.len > 8;
        *notice_seq = placed ? be64_get(place.data) : 0;
        buffer_free(&name);
    }
    return found;
}

/* ---- a ranking with all of its standings ---- */

static bool append_standing(event_ranking_t *r, const event_score_t *score)
{
    bool local = r->parent != NULL || score->unit->parent == NULL;
    bool has = local ? score->has_rank : score->has_nation_rank;
    if (!has) {
        return true;
    }
    event_standing_t **grown = realloc(r->standings, (r->n_standings + 1) * sizeof *grown);
    event_standing_t *s = calloc(1, sizeof *s);
    if (grown != NULL) {
        r->standings = grown;
    }
    if (grown == NULL || s == NULL || (s->unit = strdup(score->unit->code)) == NULL) {
        free(s);
        return false;
    }
    ProtobufCMessage base = {.descriptor = &chiso__v1__standing__descriptor};
    s->base = base;
    s->rank = local ? score->rank : score->nation_rank;
    s->has_previous_rank = local && score->has_previous_rank;
    s->previous_rank = local ? score->previous_rank : 0;
    r->standings[r->n_standings++] = s;
    return true;
}

typedef struct {
    event_ranking_t *ranking;
    bool failed;
} gathering_t;

static void gather(void *context, event_in_t *score)
{
    gathering_t *g = context;
    g->failed = g->failed || !append_standing(g->ranking, score->event->score);
    event_release(score);
}

bool model_ranking_after(store_txn_t *txn, bytes_t key, bytes_t *found_key, uint64_t *notice_seq,
                         event_in_t *out)
{
    store_cursor_t *cursor;
    bytes_t value;
    bytes_t seq;
    bool found = store_seek(txn, MODEL_RANKINGS, key, &cursor, found_key, &value);
    if (found && bytes_equal(key, *found_key)) {
        found = store_next(cursor, found_key, &value);
    }
    found = found && model_decode(txn, value, out);
    store_cursor_close(&cursor);
    if (found) {
        event_ranking_t *r = out->event->ranking; /* ours: it was decoded just now */
        gathering_t g = {.ranking = r};
        bool told = store_get(txn, MODEL_PLACES, *found_key, &seq) && seq.len == 8;
        *notice_seq = told ? be64_get(seq.data) : 0;
        model_walk(txn, r->index, r->period, r->level, r->parent, gather, &g);
        if (g.failed) {
            store_fail(txn, -ENOMEM);
        }
    }
    return found;
}

bool model_ranking_whole(store_txn_t *txn, const char *index, const char *period,
                         Chiso__V1__Level level, const char *parent, uint64_t *notice_seq,
                         event_in_t *out)
{
    buffer_t key = BUFFER_INIT(STORE_MAX_KEY);
    bytes_t found_key;
    model_group_key(&key, index, period, level, parent);
    /* behind the key without its last byte, a NUL, comes the key itself */
    bytes_t before = bytes_of(key.data, key.len - 1);
    bool found = !key.failed && model_ranking_after(txn, before, &found_key, notice_seq, out);
    if (found && !bytes_equal(found_key, buffer_bytes(&key))) {
        model_ranking_free(out);
        found = false;
    }
    buffer_free(&key);
    return found;
}

void model_ranking_free(event_in_t *in)
{
    const event_ranking_t *r = in->event->ranking;
    for (size_t i = 0; i < r->n_standings; i++) {
        free(r->standings[i]->unit);
        free(r->standings[i]);
    }
    free(r->standings);
    event_release(in);
}
