/* order.h - a ranking's members in their order, where one more, one less or one moved costs the
 * same in a province and in a hundred nations.
 *
 * Blocks of entries, as the leaves of a tree of two levels. An entry has a number that says most of
 * where it stands, so that a search reads entries that lie side by side and no member; members of
 * the same number are told apart by whoever searches.
 */
#ifndef CHISO_SCORER_ORDER_H
#define CHISO_SCORER_ORDER_H

#include <stdint.h>

#define ORDER_BLOCK 512 /* entries, at most */

struct result;

typedef struct {
    uint64_t number; /* lower ones first */
    struct result *member;
} order_entry_t;

typedef struct {
    order_entry_t *entries; /* never empty */
    unsigned n, cap;
} order_block_t;

typedef struct {
    order_block_t *blocks;
    unsigned n_blocks, cap_blocks;
    unsigned n; /* entries in all */
} order_t;

/* A place: an entry, or the end. Good until the order changes. */
typedef struct {
    unsigned block, at;
} order_place_t;

void order_free(order_t *order);
/* Holds these, which are sorted, and nothing else. Out of memory ends the process, here and below:
 * an order that lacks a member would rank wrongly. */
void order_fill(order_t *order, const order_entry_t *sorted, unsigned n);
/* Puts it before the place; returns how many stand before it. */
unsigned order_insert(order_t *order, order_place_t place, order_entry_t entry);
void order_remove(order_t *order, order_place_t place);

/* Compares a member, whose number is that of what is sought, with it: below 0 when the member
 * stands before it. */
typedef int (*order_tie_fn)(const void *sought, const struct result *member);
/* The first entry that does not stand before what is sought. */
order_place_t order_search(const order_t *order, uint64_t number, order_tie_fn tie,
                           const void *sought);

/* How many stand before the place, and the place that so many stand before. */
unsigned order_before(const order_t *order, order_place_t place);
order_place_t order_nth(const order_t *order, unsigned before);

/* NULL at the end. */
static inline struct result *order_member(const order_t *order, order_place_t place)
{
    return place.block < order->n_blocks ? order->blocks[place.block].entries[place.at].member
                                         : (struct result *)0;
}
static inline order_place_t order_next(const order_t *order, order_place_t place)
{
    place.at++;
    return place.at < order->blocks[place.block].n ? place : (order_place_t){place.block + 1, 0};
}

#endif
