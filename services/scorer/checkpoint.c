/* checkpoint.c - see checkpoint.h. */
#include "checkpoint.h"

#include "base/error.h"
#include "bus/inbox.h"
#include "log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLOOR_KEY "checkpoint"
#define CATALOG_KEY "catalog"

const char *const scorer_tables[] = {JOURNAL_TABLES, INBOX_TABLES, "results", "rankings",
                                     "states",       "meta",       NULL};

/* A bit for each result, by its place in the state. */
typedef struct {
    uint64_t *words;
    size_t n;
} set_t;

struct checkpoint {
    store_t *store;
    journal_t *journal;
    state_t *state;
    set_t dirty;     /* differ from their records; since the running checkpoint began */
    set_t writing;   /* what is left of it */
    size_t n_words;  /* of either */
    size_t at;       /* the word of `writing` before which nothing is left */
    size_t total;    /* in it when it began */
    uint64_t floor;  /* stored */
    uint64_t target; /* floor of the running one; 0: none runs */
    bool told;       /* all figures of the present catalogs were asked for */
};

int checkpoint_new(store_t *store, journal_t *journal, state_t *state, checkpoint_t **out)
{
    checkpoint_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    c->store = store;
    c->journal = journal;
    c->state = state;
    c->floor = 1;
    *out = c;
    return 0;
}

void checkpoint_destroy(checkpoint_t **checkpoint)
{
    if (checkpoint != NULL && *checkpoint != NULL) {
        free((*checkpoint)->dirty.words);
        free((*checkpoint)->writing.words);
        free(*checkpoint);
        *checkpoint = NULL;
    }
}

static void widen(set_t *set, size_t from, size_t to)
{
    uint64_t *words = realloc(set->words, to * sizeof *words);
    if (words == NULL) {
        log_error("out of memory", NULL);
        abort(); /* a result left out of the checkpoint would be lost with the journal's trim */
    }
    memset(words + from, 0, (to - from) * sizeof *words);
    set->words = words;
}

void checkpoint_dirty_result(void *checkpoint, result_t *result)
{
    checkpoint_t *c = checkpoint;
    if (result->place / 64 >= c->n_words) {
        size_t wider = (result->place / 64 + 1) * 2;
        widen(&c->dirty, c->n_words, wider);
        widen(&c->writing, c->n_words, wider);
        c->n_words = wider;
    }
    if (!bit_get(c->dirty.words, result->place)) {
        bit_set(c->dirty.words, result->place);
        c->dirty.n++;
    }
}

void checkpoint_dirty_ranking(void *checkpoint, ranking_t *ranking)
{
    (void)checkpoint; /* they are few: each checkpoint writes those that are dirty */
    ranking->dirty = true;
}

/* ---- writing ---- */

static void write_result(store_txn_t *txn, result_t *r)
{
    buffer_t record = BUFFER_INIT(EVENT_MAX_BYTES);
    state_put_score(r, true, &record);
    if (record.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, SCORER_RESULTS, bytes_of(r->key, r->key_len), buffer_bytes(&record));
    buffer_free(&record);
}

static void write_rankings(checkpoint_t *c, store_txn_t *txn)
{
    for (size_t i = 0; i < c->state->n_rankings; i++) {
        ranking_t *r = c->state->rankings[i];
        if (!r->dirty) {
            continue;
        }
        buffer_t record = BUFFER_INIT(EVENT_MAX_BYTES);
        state_put_ranking(r, NULL, 0, &record);
        if (record.failed) {
            store_fail(txn, CHISO_E_TOO_BIG);
        }
        store_put(txn, SCORER_RANKINGS, bytes_of(r->key, r->hh.keylen), buffer_bytes(&record));
        buffer_free(&record);
        r->dirty = false;
    }
}

static void finish(checkpoint_t *c, store_txn_t *txn)
{
    uint8_t floor[8];
    uint8_t fingerprint[32];
    be64_put(floor, c->target);
    catalog_fingerprint(c->state->catalog, fingerprint);
    write_rankings(c, txn);
    store_put(txn, SCORER_META, bytes_of_text(FLOOR_KEY), bytes_of(floor, sizeof floor));
    if (c->told) {
        store_put(txn, SCORER_META, bytes_of_text(CATALOG_KEY), bytes_of(fingerprint, 32));
    }
    c->floor = c->target;
    c->target = 0;
}

/* Records of the journal after which one begins. */
static uint64_t due_after(const checkpoint_t *c)
{
    uint64_t due = c->state->n_results * CHECKPOINT_EVENTS_A_RESULT;
    return due < CHECKPOINT_EVENTS ? CHECKPOINT_EVENTS : due;
}

/* False when none runs. */
static bool begin(checkpoint_t *c, bool force)
{
    uint64_t head = journal_head(c->journal);
    if (c->target != 0) {
        return true;
    }
    if (head + 1 == c->floor || (!force && head + 1 - c->floor < due_after(c))) {
        return false;
    }
    set_t empty = c->writing;
    c->writing = c->dirty;
    c->dirty = empty; /* what changes from here on is for the next one */
    c->target = head + 1;
    c->total = c->writing.n;
    c->at = 0;
    return true;
}

/* In the order of their places, which is nearly that of their keys: those beside each other lie on
 * the same pages of the store. Returns true while there is more. */
static bool write_some(checkpoint_t *c, store_txn_t *txn, size_t n)
{
    for (size_t i = 0; i < n && c->writing.n > 0; i++, c->writing.n--) {
        while (c->writing.words[c->at] == 0) {
            c->at++;
        }
        uint64_t *word = &c->writing.words[c->at];
        write_result(txn, c->state->results[c->at * 64 + (size_t)__builtin_ctzll(*word)]);
        *word &= *word - 1;
    }
    if (c->writing.n == 0) {
        finish(c, txn);
    }
    return c->target != 0;
}

bool checkpoint_step(checkpoint_t *c, store_txn_t *txn, bool force)
{
    if (!begin(c, force)) {
        return false;
    }
    size_t n = c->total / CHECKPOINT_STEPS;
    return write_some(c, txn, n < CHECKPOINT_SLICE ? CHECKPOINT_SLICE : n);
}

bool checkpoint_keep_up(checkpoint_t *c, store_txn_t *txn)
{
    if (!begin(c, false)) {
        return false;
    }
    uint64_t half = due_after(c) / 2;
    uint64_t come = journal_head(c->journal) + 1 - c->target;
    size_t by_now = come < half ? (size_t)(c->total * come / half) : c->total;
    size_t written = c->total - c->writing.n;
    size_t n = by_now > written ? by_now - written : 0;
    return write_some(c, txn, n < CHECKPOINT_WITH_BATCH ? n : CHECKPOINT_WITH_BATCH);
}

void checkpoint_told(checkpoint_t *c)
{
    c->told = true;
}

int checkpoint_stamp(checkpoint_t *c)
{
    uint8_t fingerprint[32];
    catalog_fingerprint(c->state->catalog, fingerprint);
    store_txn_t *txn = store_write(c->store);
    store_put(txn, SCORER_META, bytes_of_text(CATALOG_KEY), bytes_of(fingerprint, 32));
    return store_commit(&txn);
}

uint64_t checkpoint_floor(const checkpoint_t *c)
{
    return c->floor;
}

/* ---- recovery ---- */

static int load_table(checkpoint_t *c, store_txn_t *txn, store_table_t table)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int rc = 0;
    bool more = store_seek(txn, table, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more && rc == 0; more = store_next(cursor, &key, &value)) {
        event_in_t in;
        char reason[256];
        if (state_take_score(c->state, value) != NULL) {
            continue;
        }
        rc = event_decode(value, reason, &in);
        if (rc != 0) {
            log_error("a checkpoint record is corrupt", "reason", reason, NULL);
            break;
        }
        if (in.event->body_case == CHISO__V1__EVENT__BODY_SCORE) {
            rc = state_apply_score(c->state, in.event->score);
        } else if (in.event->body_case == CHISO__V1__EVENT__BODY_RANKING) {
            rc = state_apply_ranking(c->state, in.event->ranking);
        }
        event_release(&in);
        if (rc == CHISO_E_NOT_FOUND) { /* of an index that is no longer scored here */
            rc = 0;
        }
    }
    store_cursor_close(&cursor);
    return rc != 0 ? rc : store_status(txn);
}

static int load_passed(checkpoint_t *c, store_txn_t *txn)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int rc = 0;
    bool more = store_seek(txn, SCORER_STATES, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more && rc >= 0; more = store_next(cursor, &key, &value)) {
        rc = passed_put(&c->state->passed, key, value);
    }
    store_cursor_close(&cursor);
    return rc < 0 ? rc : store_status(txn);
}

#define AHEAD 12 /* records, of the journal as it is mapped */
#define APPROACH 4

typedef struct {
    uint64_t seq;
    bytes_t payload;
    state_hint_t hint;
} ahead_t;

typedef struct {
    checkpoint_t *checkpoint;
    ahead_t ahead[AHEAD];
    uint64_t read, replayed;
    int rc;
} replay_t;

static bool replay_one(replay_t *replay, uint64_t seq, bytes_t payload)
{
    checkpoint_t *c = replay->checkpoint;
    event_in_t in;
    char reason[256];
    replay->replayed++;
    result_t *known = state_take_score(c->state, payload);
    if (known != NULL) {
        checkpoint_dirty_result(c, known);
        return true;
    }
    if (state_take_ranking(c->state, payload, checkpoint_dirty_result, c) != NULL) {
        return true;
    }
    replay->rc = event_decode(payload, reason, &in);
    if (replay->rc != 0) {
        log_error("a journal record is corrupt", "seq", LOG_INT(seq), "reason", reason, NULL);
        return false;
    }
    if (in.event->body_case == CHISO__V1__EVENT__BODY_SCORE) {
        const event_score_t *score = in.event->score;
        replay->rc = state_apply_score(c->state, score);
        const catalog_index_t *index = catalog_find(c->state->catalog, score->index);
        if (replay->rc == 0) {
            result_t *r = state_find(c->state, index, score->period, score->unit->code);
            checkpoint_dirty_result(c, r);
        }
    } else if (in.event->body_case == CHISO__V1__EVENT__BODY_RANKING) {
        const event_ranking_t *ranking = in.event->ranking;
        replay->rc = state_apply_ranking(c->state, ranking);
        for (size_t i = 0; replay->rc == 0 && i < ranking->n_standings; i++) {
            result_t *r = state_find(c->state, catalog_find(c->state->catalog, ranking->index),
                                     ranking->period, ranking->standings[i]->unit);
            if (r != NULL) {
                checkpoint_dirty_result(c, r);
            }
        }
    }
    event_release(&in);
    if (replay->rc == CHISO_E_NOT_FOUND) {
        replay->rc = 0;
    }
    return replay->rc == 0;
}

static bool take_oldest(replay_t *replay)
{
    const ahead_t *oldest = &replay->ahead[replay->replayed % AHEAD];
    return replay_one(replay, oldest->seq, oldest->payload);
}

/* Takes the record that was read AHEAD records ago, and has the caches warmed for those between. */
static bool read_one(void *context, uint64_t seq, bytes_t payload)
{
    replay_t *replay = context;
    const state_t *state = replay->checkpoint->state;
    if (replay->read - replay->replayed == AHEAD && !take_oldest(replay)) {
        return false;
    }
    ahead_t *newest = &replay->ahead[replay->read++ % AHEAD];
    *newest = (ahead_t){.seq = seq, .payload = payload};
    state_foresee(state, payload, &newest->hint);
    for (unsigned back = APPROACH; back < AHEAD && back < replay->read; back += APPROACH) {
        state_approach(state, &replay->ahead[(replay->read - 1 - back) % AHEAD].hint);
    }
    return true;
}

int checkpoint_recover(checkpoint_t *c, bool *catalog_changed)
{
    store_txn_t *txn = store_read(c->store);
    bytes_t value;
    uint8_t fingerprint[32];
    catalog_fingerprint(c->state->catalog, fingerprint);
    bool known = store_get(txn, SCORER_META, bytes_of_text(CATALOG_KEY), &value);
    bool is_new = !known && journal_head(c->journal) == 0;
    *catalog_changed = !is_new && !(known && bytes_equal(value, bytes_of(fingerprint, 32)));
    c->told = !*catalog_changed;
    if (store_get(txn, SCORER_META, bytes_of_text(FLOOR_KEY), &value) && value.len == 8) {
        c->floor = be64_get(value.data);
    }
    int rc = load_table(c, txn, SCORER_RESULTS);
    if (rc == 0) {
        rc = load_table(c, txn, SCORER_RANKINGS);
    }
    if (rc == 0) {
        rc = load_passed(c, txn);
    }
    replay_t replay = {.checkpoint = c};
    if (rc == 0) {
        rc = journal_read(c->journal, txn, c->floor, read_one, &replay);
        while (rc >= 0 && replay.rc == 0 && replay.replayed < replay.read) {
            take_oldest(&replay);
        }
        rc = rc < 0 ? rc : replay.rc;
    }
    if (rc == 0) {
        rc = store_status(txn);
    }
    store_abort(&txn);
    log_info("recovered", "results", LOG_INT(c->state->n_results), "replayed",
             LOG_INT(replay.replayed), "checkpoint", LOG_INT(c->floor), NULL);
    return rc;
}
