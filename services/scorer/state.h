/* state.h - the scorer's working set: every result of every index and period, in memory.
 *
 * The journal is the truth and the store's records are a checkpoint of it. A result keeps its
 * figures with their provenance, its indicators, its totals and ranks; a ranking keeps its members.
 */
#ifndef CHISO_SCORER_STATE_H
#define CHISO_SCORER_STATE_H

#include "base/bytes.h"
#include "catalog/catalog.h"
#include "chiso/v1/store.pb-c.h"
#include "decimal/decimal.h"
#include "event/event.h"
#include "keys.h"
#include "order.h"
#include "passed.h"
#include "period/period.h"
#include "rule/rule.h"

#include <uthash.h>

/* Where figures come from. Texts and lines are interned: many figures share one. */
typedef struct {
    const char *source, *series; /* NULL of a figure that is not known */
    const char *submitter;       /* NULL: a machine read it */
} figure_line_t;

/* What a figure that was handed in is proved by. */
typedef struct {
    uint8_t raw_sha256[SHA256_SIZE];
    size_t n_evidence;
    uint8_t evidence[]; /* so many hashes */
} figure_proof_t;

/* A nation keeps a quarter of a million of them: 72 bytes each. */
typedef struct {
    decimal_t value;
    const figure_line_t *line;
    int64_t fetched_at;
    uint32_t revision; /* 0: never known */
    bool withdrawn;    /* missing again, never a zero */
    bool proved;       /* it has evidence, and its hash stands with that */
    union {
        uint8_t raw_sha256[SHA256_SIZE];
        figure_proof_t *proof; /* owned */
    };
} figure_state_t;

typedef struct ranking ranking_t;
typedef struct best best_t;

/* What ranks are worked out from stands first, in one line of the processor's cache. */
#define RESULT_ALIGN 64
typedef struct result {
    decimal_t points, max;
    const char *code; /* of the unit; within the key */
    uint32_t rank, previous_rank, nation_rank;
    uint32_t nation_from; /* with nation_told: its rank when the batch began */
    bool local_ordered;   /* stands in its place there, see rank.h */
    bool nation_ordered;
    bool local_told; /* its Score has told a rank in this batch, the ranking has not */
    bool nation_told;
    bool pending;              /* has an event to be written in this batch */
    bool revised;              /* …with a new revision */
    bool has_change;           /* there was a revision before */
    ranking_t *local, *nation; /* the same one for a province */
    const catalog_index_t *index;
    char period[PERIOD_TEXT_SIZE];
    bool summed; /* the totals are those of the indicators: evaluated once in this life */
    Chiso__V1__Level level;
    char *parent, *name; /* parent NULL for a province */
    uint16_t *places;    /* by the index's figures: where it is in `figures`, + 1; 0: not known */
    figure_state_t *figures; /* those that are known */
    unsigned n_figures, cap_figures;
    void *arrays;              /* owned; the places, the indicators and the bits lie in it */
    rule_result_t *indicators; /* index->n_indicators; status 0: never evaluated */
    decimal_t change, scored_max,
        machine_max; /* of the maximum: scored; scored by machines alone */
    int64_t as_of;
    uint64_t *changed_figures; /* a bit each, as many words as bit_words() says */
    uint64_t *changed_indicators;
    uint64_t *machine_fed; /* a bit for each indicator, as far as evaluated */
    uint32_t revision;
    uint32_t cause; /* while pending: its place in score_t's list */
    uint32_t place; /* in state_t's list */
    uint16_t key_len;
    char key[]; /* index NUL period NUL code NUL NUL */
} result_t;

/* All units of one level of an index and period: under one parent, or in the nation (parent NULL).
 */
struct ranking {
    const catalog_index_t *index;
    char period[PERIOD_TEXT_SIZE];
    char *parent;
    Chiso__V1__Level level;
    result_t **members; /* as they came */
    unsigned n_members;
    order_t order;                     /* of the first of them, see rank.h */
    best_t *bests;                     /* by the indicators, see best.h; NULL: none is known */
    unsigned changed_from, changed_to; /* places, since the last walk; from > to: none */
    uint32_t revision;
    int64_t as_of;  /* as told */
    int64_t newest; /* of its members' */
    trace_t cause;  /* of the last change that is not told yet */
    bool dirty, touched;
    UT_hash_handle hh;
    char key[]; /* index NUL period NUL level digit NUL parent NUL */
};

/* A rank that is told; previous 0: none. */
typedef struct {
    const char *unit;
    uint32_t rank, previous;
} standing_t;

typedef struct interned interned_t;
typedef struct interned_line interned_line_t;

typedef struct {
    const catalog_t *catalog;
    keys_t keys; /* of results */
    result_t **results;
    size_t n_results;
    ranking_t *rankings_by_key;
    ranking_t **rankings;
    size_t n_rankings;
    interned_t *texts;
    interned_line_t *lines;
    const figure_line_t *last_line; /* most figures come from where the one before came from */
    passed_t *passed;               /* states of sources */
} state_t;

void state_init(state_t *state, const catalog_t *catalog);
void state_free(state_t *state);

/* NULL when there is none. */
result_t *state_find(const state_t *state, const catalog_index_t *index, const char *period,
                     const char *code);
/* The same by ranges of bytes; and the key alone, of which it returns the length, 0 when that does
 * not fit. */
#define STATE_MAX_KEY 256
size_t state_key(bytes_t index, bytes_t period, bytes_t code, char key[STATE_MAX_KEY]);
result_t *state_find_bytes(const state_t *state, bytes_t index, bytes_t period, bytes_t code);
/* Finds or makes it, as a member of its rankings. NULL: out of memory. */
result_t *state_result(state_t *state, const catalog_index_t *index, const char *period,
                       const event_unit_t *unit);
/* Follows a unit that was renamed. A unit's level and parent never change: a moved unit has another
 * code. Returns 1 when the name changed, 0, or -ENOMEM. */
int state_rename(result_t *result, const char *name);
ranking_t *state_ranking(state_t *state, const catalog_index_t *index, const char *period,
                         Chiso__V1__Level level, const char *parent);
/* NULL: out of memory. The submitter may be NULL. */
const figure_line_t *state_line(state_t *state, const char *source, const char *series,
                                const char *submitter);

/* Sets a figure to what an event says of it, with its provenance. 0 or -ENOMEM. */
int state_take_figure(state_t *state, const event_figure_t *from, result_t *result,
                      unsigned figure);

/* Makes room for so many more figures at once. Without memory there is room for less. */
void state_expect(result_t *result, size_t n_figures);
/* Where one of the index's figures is kept; a new place is empty. NULL: out of memory. Valid until
 * the next place is made. */
figure_state_t *state_place(result_t *result, unsigned figure);

/* What is known of one of the index's figures; revision 0 when nothing is. Valid until the next
 * figure of the result is taken. */
extern const figure_state_t state_unknown_figure;
static inline const figure_state_t *state_figure(const result_t *result, unsigned figure)
{
    unsigned place = result->places[figure];
    return place == 0 ? &state_unknown_figure : &result->figures[place - 1];
}

/* A replay is mostly waiting for memory, and so is a batch of a large nation. Each record is looked
 * at a few records before it is taken: first its key, then where its result lies, then what hangs
 * on that. Hints; nothing changes. */
typedef struct {
    uint32_t hash;
    const result_t *result;
    enum { STATE_NO_HINT, STATE_HAS_KEY, STATE_HAS_RESULT } step;
} state_hint_t;
void state_foresee(const state_t *state, bytes_t score, state_hint_t *hint);
void state_foresee_reading(const state_t *state, bytes_t reading, state_hint_t *hint);
void state_approach(const state_t *state, state_hint_t *hint);

/* Applies a Score (of the journal or a checkpoint) as it stands. 0; CHISO_E_NOT_FOUND when its
 * index is no longer in the catalog; -ENOMEM. */
int state_apply_score(state_t *state, const event_score_t *score);
int state_apply_ranking(state_t *state, const event_ranking_t *ranking);
/* The same for the bytes of a Score or Ranking of our own journal or checkpoint. NULL when it is
 * anything else, or differs in any way from how it is written, or somebody handed figures in: it
 * must then be decoded and applied, which sets again what was set. `each` is called for every
 * result that the ranking names. */
typedef void (*state_each_fn)(void *context, result_t *result);
result_t *state_take_score(state_t *state, bytes_t payload);
ranking_t *state_take_ranking(state_t *state, bytes_t payload, state_each_fn each, void *context);
void state_take_standing(const ranking_t *ranking, result_t *result, uint32_t rank,
                         uint32_t previous);

/* Packs the result as a Score event: complete, or only with what changed in this batch. */
void state_put_score(const result_t *result, bool complete, buffer_t *out);
void state_put_ranking(const ranking_t *ranking, const standing_t *moved, size_t n_moved,
                       buffer_t *out);

/* Packs the ranking with the standings of its members from place `from` on, at most
 * STATE_MAX_STANDINGS; returns the place after them. */
#define STATE_MAX_STANDINGS 4096 /* of the longest codes they fit EVENT_MAX_BYTES */
size_t state_put_standings(const ranking_t *ranking, unsigned from, buffer_t *out);

static inline size_t bit_words(unsigned n_bits)
{
    return (n_bits + 63) / 64;
}
static inline void bit_set(uint64_t *bits, unsigned i)
{
    bits[i / 64] |= 1ULL << (i % 64);
}
static inline void bit_put(uint64_t *bits, unsigned i, bool value)
{
    bits[i / 64] = (bits[i / 64] & ~(1ULL << (i % 64))) | (uint64_t)value << (i % 64);
}
static inline bool bit_get(const uint64_t *bits, unsigned i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}

#endif
