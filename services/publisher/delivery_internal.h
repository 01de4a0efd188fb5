/* delivery_internal.h - one target under way: where it is, what is being sent. For delivery*.c. */
#ifndef CHISO_PUBLISHER_DELIVERY_INTERNAL_H
#define CHISO_PUBLISHER_DELIVERY_INTERNAL_H

#include "delivery.h"
#include "targets/auth.h"
#include "targets/drop.h"

#define WALK_RESULTS 'u'
#define WALK_RANKINGS 'v'

/* How far a target is: in the dead letters that go out again, in a walk over the read model, in the
 * journal; in this order. */
typedef struct {
    uint64_t letter_next, letter_until; /* 0, 0: none */
    bool resyncing;
    uint8_t cursor[STORE_MAX_KEY + 1]; /* which table, and behind which key */
    size_t cursor_len;
    bool catching_up; /* since such a walk, the end of the journal was not reached yet */
    uint64_t next_seq;
} position_t;

/* A notice of a batch. */
typedef struct {
    event_in_t in;
    buffer_t packed; /* a dead letter needs the bytes */
    uint64_t seq;    /* 0: from the read model */
    trace_t trace;   /* of its cause; without a known one, made of its key */
} told_t;

/* What is under way to a target: kept until every record has been taken or buried. */
typedef struct {
    told_t *notices;
    size_t n_notices, room;
    record_list_t records; /* they point into the notices */
    uint64_t letter;       /* the dead letter that it is, or 0 */
} batch_t;

typedef enum { STEP_IDLE, STEP_TOKEN, STEP_SETUP, STEP_SEND, STEP_PROBE } step_t;

typedef struct probe probe_t;

typedef struct {
    struct delivery *delivery;
    const publisher_target_t *config;
    const target_dialect_t *dialect;
    drop_t *drop;             /* of a folder */
    Chiso__V1__Target record; /* only its numbers are used: the rest is below */
    char last_error[TARGET_REASON_SIZE];
    position_t at;    /* everything before it is settled */
    position_t ahead; /* behind the batch */
    uint64_t stored_seq;
    batch_t batch;
    bool rewound; /* `at` was set while a request was under way: its batch does not move it */
    bool singly;  /* one of the batch was refused: each record by itself, to find it */
    bool needs_setup, needs_house;
    step_t step;
    record_t *window[1024]; /* of the request under way */
    size_t n_window;
    uint32_t attempts;  /* of the first record that is not done */
    int64_t last_sent;  /* monotonic */
    int64_t wait_until; /* monotonic: what record.next_try is by the wall clock */
    trace_t trace;      /* of the request under way */
    auth_t auth;
} target_t;

struct delivery {
    const publisher_config_t *config;
    model_t *model;
    const uint64_t *epoch;
    metrics_t *metrics;
    fetch_t *fetch;
    int poll_fd, drop_fd;
    target_t *targets;
    unsigned n_targets;
    probe_t *probe;
};

/* ---- delivery_next.c ---- */

/* Fills the empty batch with what comes next; it may stay empty. 0 or the store's failure. */
int delivery_fill(target_t *t);
void delivery_clear(target_t *t);
/* Everything again, from the read model on. */
void delivery_rewind(target_t *t);

/* The records of the first result that the target wants; false when there is none. */
bool delivery_sample(target_t *t, told_t *told, record_list_t *records);
void delivery_free_sample(told_t *told, record_list_t *records);

/* ---- delivery_admin.c ---- */

int delivery_new_probe(struct delivery *d);
void delivery_free_probe(struct delivery *d);
/* Is this the context of a test's request? Then its answer goes to delivery_on_probe(). */
bool delivery_is_probe(const struct delivery *d, const void *context);
void delivery_on_probe(struct delivery *d, fetch_answer_t *answer);

/* ---- delivery_store.c ---- */

int delivery_load(target_t *t);
void delivery_put_record(target_t *t, store_txn_t *txn);
void delivery_put_ledger(target_t *t, store_txn_t *txn, const record_t *r, const fetch_answer_t *a);
void delivery_put_letter(target_t *t, store_txn_t *txn, const record_t *r, const fetch_answer_t *a,
                         const char *reason);
void delivery_drop_letter(target_t *t, store_txn_t *txn, uint64_t number);
/* The first dead letter of [from, until]; unpack it with wire_free(). False when there is none. */
bool delivery_letter(target_t *t, store_txn_t *txn, uint64_t from, uint64_t until, uint64_t *number,
                     const Chiso__V1__DeadLetter **out, wire_arena_t **arena);
unsigned delivery_count_letters(target_t *t, store_txn_t *txn);
int delivery_commit(struct delivery *d, store_txn_t **txn);

#endif
