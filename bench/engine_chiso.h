/* engine_chiso.h - the scorer itself, in process, for bench.c and for nation.c. */
#ifndef CHISO_BENCH_ENGINE_CHISO_H
#define CHISO_BENCH_ENGINE_CHISO_H

#include "engine.h"
#include "journal/committer.h"
#include "scorer/batch.h"
#include "scorer/checkpoint.h"

typedef struct {
    char *folder;
    const nation_t *nation;
    catalog_t *catalog;
    store_t *store;
    journal_t *journal;
    committer_t *committer;
    state_t state;
    score_t score;
    checkpoint_t *checkpoint;
    bool more;           /* batches wait behind this one, as they do when all is measured */
    bool no_checkpoint;  /* to see what a long tail costs */
    uint64_t next_seq;   /* of the made-up ingest */
    bool checkpointing;  /* the last batch wrote a slice of one … */
    double checkpoint_s; /* … in so many seconds */
    struct {
        buffer_t packed; /* a batch as it comes over the bus */
        bytes_t *events;
        size_t n_events, cap_events;
    } turns[TURNS];
} scorer_bench_t;

/* Writes the catalog of the made-up index and opens the scorer's store in the folder, which may
 * hold one: what a start of chiso-scorer does. */
scorer_bench_t *scorer_bench_open(const char *folder, const nation_t *nation);
void scorer_bench_close(scorer_bench_t *b);
/* Packs the changes as ingest does, for scorer_bench_apply(); a unit's changes that stand together
 * are one Reading. */
void scorer_bench_pack(scorer_bench_t *b, unsigned turn, const change_t *changes, size_t n);
/* What chiso-scorer does with a batch from the bus: it is committed while the next is applied. */
void scorer_bench_apply(scorer_bench_t *b, unsigned turn);
/* A whole checkpoint, durable. */
void scorer_bench_checkpoint(scorer_bench_t *b);
/* Waits until all of it is durable. */
void scorer_bench_finish(scorer_bench_t *b);

#endif
