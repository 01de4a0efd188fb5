/* order.c - see order.h. */
#include "order.h"

#include "log/log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 8U

static void *must_grow(void *array, size_t bytes)
{
    void *grown = realloc(array, bytes);
    if (grown == NULL) {
        log_error("out of memory", NULL);
        abort();
    }
    return grown;
}

static void make_room(order_block_t *block, unsigned n)
{
    if (n > block->cap) {
        unsigned cap = block->cap == 0 ? LEAST_ROOM : block->cap;
        while (cap < n) {
            cap *= 2;
        }
        block->entries = must_grow(block->entries, cap * sizeof *block->entries);
        block->cap = cap;
    }
}

/* An empty block before the one that is there. */
static order_block_t *add_block(order_t *o, unsigned before)
{
    if (o->n_blocks == o->cap_blocks) {
        o->cap_blocks = o->cap_blocks == 0 ? 1 : o->cap_blocks * 2;
        o->blocks = must_grow(o->blocks, o->cap_blocks * sizeof *o->blocks);
    }
    order_block_t *block = &o->blocks[before];
    memmove(block + 1, block, (o->n_blocks - before) * sizeof *block);
    o->n_blocks++;
    *block = (order_block_t){0};
    return block;
}

void order_free(order_t *o)
{
    for (unsigned i = 0; i < o->n_blocks; i++) {
        free(o->blocks[i].entries);
    }
    free(o->blocks);
    *o = (order_t){0};
}

void order_fill(order_t *o, const order_entry_t *sorted, unsigned n)
{
    order_free(o);
    for (unsigned i = 0; i < n;) {
        /* half full, so that the next ones find room */
        unsigned take = n - i < ORDER_BLOCK ? n - i : ORDER_BLOCK / 2;
        order_block_t *block = add_block(o, o->n_blocks);
        make_room(block, take);
        memcpy(block->entries, sorted + i, take * sizeof *sorted);
        block->n = take;
        i += take;
    }
    o->n = n;
}

/* The upper half of a full block becomes a block of its own; the place goes along. */
static void split(order_t *o, order_place_t *place)
{
    order_block_t *upper = add_block(o, place->block + 1);
    order_block_t *lower = &o->blocks[place->block];
    upper->n = lower->n / 2;
    lower->n -= upper->n;
    make_room(upper, upper->n);
    memcpy(upper->entries, lower->entries + lower->n, upper->n * sizeof *upper->entries);
    if (place->at > lower->n) {
        place->at -= lower->n;
        place->block++;
    }
}

unsigned order_insert(order_t *o, order_place_t place, order_entry_t entry)
{
    if (place.block == o->n_blocks) { /* the end is the end of the last block */
        if (o->n_blocks == 0) {
            add_block(o, 0);
        }
        place.block = o->n_blocks - 1;
        place.at = o->blocks[place.block].n;
    }
    if (o->blocks[place.block].n == ORDER_BLOCK) {
        split(o, &place);
    }
    order_block_t *block = &o->blocks[place.block];
    make_room(block, block->n + 1);
    order_entry_t *at = block->entries + place.at;
    memmove(at + 1, at, (block->n - place.at) * sizeof *at);
    *at = entry;
    block->n++;
    o->n++;
    return order_before(o, place);
}

void order_remove(order_t *o, order_place_t place)
{
    order_block_t *block = &o->blocks[place.block];
    order_entry_t *at = block->entries + place.at;
    block->n--;
    o->n--;
    memmove(at, at + 1, (block->n - place.at) * sizeof *at);
    if (block->n == 0) {
        free(block->entries);
        o->n_blocks--;
        memmove(block, block + 1, (o->n_blocks - place.block) * sizeof *block);
    }
}

static bool stands_before(const order_entry_t *e, uint64_t number, order_tie_fn tie,
                          const void *sought)
{
    return e->number < number || (e->number == number && tie(sought, e->member) < 0);
}

order_place_t order_search(const order_t *o, uint64_t number, order_tie_fn tie, const void *sought)
{
    /* the last block that begins before what is sought, then within it */
    unsigned from = 0;
    unsigned to = o->n_blocks;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        const order_entry_t *e = &o->blocks[middle].entries[0];
        if (stands_before(e, number, tie, sought)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    if (from == 0) {
        return (order_place_t){0, 0};
    }
    order_place_t place = {from - 1, 0};
    const order_block_t *block = &o->blocks[place.block];
    from = 1;
    to = block->n;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        const order_entry_t *e = &block->entries[middle];
        if (stands_before(e, number, tie, sought)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    place.at = from;
    return from < block->n ? place : (order_place_t){place.block + 1, 0};
}

unsigned order_before(const order_t *o, order_place_t place)
{
    unsigned before = place.at;
    for (unsigned i = 0; i < place.block; i++) {
        before += o->blocks[i].n;
    }
    return before;
}

order_place_t order_nth(const order_t *o, unsigned before)
{
    order_place_t place = {0, before};
    while (place.block < o->n_blocks && place.at >= o->blocks[place.block].n) {
        place.at -= o->blocks[place.block++].n;
    }
    return place;
}
