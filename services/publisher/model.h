/* model.h - the read model: what the API, the stream and the portals tell, in the publisher's
 * store.
 *
 * Results are kept under index, period, level, parent, unit, so that a ranking is one walk; each is
 * the complete Score. What a Score or Ranking changes becomes a notice in the publisher's own
 * journal, in the same transaction: the journal is the outbox of every portal and the memory of the
 * stream.
 */
#ifndef CHISO_PUBLISHER_MODEL_H
#define CHISO_PUBLISHER_MODEL_H

#include "catalog/catalog.h"
#include "chiso/v1/store.pb-c.h"
#include "event/event.h"
#include "journal/journal.h"
#include "store/store.h"

enum {
    MODEL_JOURNAL, /* and its two */
    MODEL_INBOX = MODEL_JOURNAL + 3,
    MODEL_DEAD,
    MODEL_RESULTS,
    MODEL_PLACES, /* (index, period, unit) → key in MODEL_RESULTS */
    MODEL_RANKINGS,
    MODEL_STATES,
    MODEL_HISTORY, /* of results */
    MODEL_FIGURES, /* and of figures */
    MODEL_BODIES,  /* SHA-256 of what machines read figures from: what may be shown to all */
    MODEL_TARGETS,
    MODEL_LEDGER,
    MODEL_DEAD_LETTERS
};
extern const char *const model_tables[];

#define NOTICE_SCORE "vn.chiso.score.v1"
#define NOTICE_RANKING "vn.chiso.ranking.v1"
#define NOTICE_SOURCE "vn.chiso.source.v1"

/* All units of a level under one parent in an index and period. */
typedef struct {
    char *index, *period, *parent; /* parent NULL for provinces */
    Chiso__V1__Level level;
    unsigned units;
} model_group_t;

/* How long the past is kept: every revision for full_ms, then the last of each day in Vietnam,
 * until keep_ms; and of one result or figure never more than MODEL_MAX_REVISIONS. What stands now,
 * and what stood when that time begins, always stays. */
#define MODEL_MAX_REVISIONS 10000
typedef struct {
    int64_t full_ms, keep_ms;
} model_keep_t;

/* Where the walk of model_thin() is. */
typedef struct {
    model_keep_t options;
    store_table_t table;
    uint8_t key[STORE_MAX_KEY]; /* the last that was looked at */
    size_t len, prefix_len;
    int64_t newer; /* the time of the record before, of the same prefix */
    unsigned count;
    bool done; /* a whole walk ended */
} model_thin_t;

typedef struct {
    store_t *store;
    journal_t *journal;
    const catalog_t *catalog;
    model_group_t *groups;
    size_t n_groups;
    event_in_t *states; /* SourceStates, decoded */
    size_t n_states;
    uint64_t
        epoch; /* of the scorer's journal that the stored results come from; set by the owner */
    model_thin_t thin;
    trace_t cause; /* of the event at hand */
} model_t;

/* Reads what the store holds about groups and sources. */
int model_open(model_t *model, store_t *store, journal_t *journal, const catalog_t *catalog);
void model_close(model_t *model);

/* Applies one event of the tail, or of a snapshot. Returns CHISO_E_PROTOCOL for an event that is
 * not one of the scorer's; other failures stick to the transaction. `epoch` is the scorer's. */
int model_apply(model_t *model, store_txn_t *txn, uint64_t epoch, const event_t *event,
                bool snapshot);
/* The line from the sources is cut, or whole again: nothing is known to be fresh while it is cut. A
 * state of a source named "chiso" says so, as a change of any source does. */
void model_line(model_t *model, store_txn_t *txn, bool cut);
bool model_line_is_cut(const model_t *model);

/* After all events of a snapshot: removes the results that were not among them. */
void model_sweep(model_t *model, store_txn_t *txn, const event_in_t *events, size_t n_events);

/* The complete Score of a unit; release it with event_release(). False when there is none. */
bool model_result(store_txn_t *txn, const char *index, const char *period, const char *code,
                  event_in_t *out);
/* The same of a group's parent, in its period or else in any of its index. */
bool model_parent(const model_t *model, store_txn_t *txn, const model_group_t *group,
                  event_in_t *out);
/* Walks a ranking: parent NULL with a level below the province means the whole nation. `each` owns
 * the event and must release it. */
typedef void (*model_each_fn)(void *context, event_in_t *score);
void model_walk(store_txn_t *txn, const char *index, const char *period, Chiso__V1__Level level,
                const char *parent, model_each_fn each, void *context);
/* As-of time and revision of a ranking; zeros when there is none. */
void model_ranking(store_txn_t *txn, const char *index, const char *period, Chiso__V1__Level level,
                   const char *parent, int64_t *as_of, uint32_t *revision);
/* Walks the revisions of a result, newest first: all, or those that stood at `at` or earlier. One
 * without `result` says that the result was removed. `each` returns false to stop. */
typedef bool (*model_revision_fn)(void *context, const Chiso__V1__Revision *revision);
void model_history(store_txn_t *txn, const char *index, const char *period, const char *code,
                   model_revision_fn each, void *context);
void model_history_before(store_txn_t *txn, const char *index, const char *period, const char *code,
                          int64_t at, model_revision_fn each, void *context);
/* The complete Score that stood at a moment, with the ranks that its revision began with; and that
 * of every unit of an index and period, by code. False when nothing is known of then. */
bool model_result_at(store_txn_t *txn, const char *index, const char *period, const char *code,
                     int64_t at, event_in_t *out);
void model_walk_at(store_txn_t *txn, const char *index, const char *period, int64_t at,
                   model_each_fn each, void *context);
/* Walks the revisions of a figure of a unit, of every source and series, newest first. */
typedef bool (*model_figure_fn)(void *context, const event_figure_t *figure);
void model_figures(store_txn_t *txn, const char *code, const char *period, const char *id,
                   int64_t at, model_figure_fn each, void *context);

/* Was a figure read from this body by a machine? What units hand in is not for everybody. */
bool model_body_is_public(store_txn_t *txn, const uint8_t hash[SHA256_SIZE]);

/* Looks at the next `limit` records of the past and drops those that are not to be kept: how many;
 * then *write is the transaction to commit. */
unsigned model_thin(model_t *model, int64_t now, unsigned limit, store_txn_t **write);

/* Are any of the figures of the result stale, or its row at a source? */
bool model_is_stale(const model_t *model, const event_score_t *score);
const event_source_state_t *model_state(const model_t *model, const char *source,
                                        const char *series); /* or NULL */

/* The next ranking behind `key`, with the standings of all its units, and the number of its last
 * notice; free it with model_ranking_free(). */
bool model_ranking_after(store_txn_t *txn, bytes_t key, bytes_t *found_key, uint64_t *notice_seq,
                         event_in_t *out);
/* The same of one ranking. */
bool model_ranking_whole(store_txn_t *txn, const char *index, const char *period,
                         Chiso__V1__Level level, const char *parent, uint64_t *notice_seq,
                         event_in_t *out);
void model_ranking_free(event_in_t *in);

/* The next result behind `key` (empty: the first) and the number of its last notice, for bringing a
 * portal up to date. */
bool model_after(store_txn_t *txn, bytes_t key, bytes_t *found_key, uint64_t *notice_seq,
                 event_in_t *out);

#endif
