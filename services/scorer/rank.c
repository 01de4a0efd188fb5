/* rank.c - see rank.h.
 *
 * A member stands in the order (order.h) by the number of its percentage, which decides nearly
 * always; where two have the same number, their exact percentages and then their codes decide.
 */
#include "rank.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BITS 40 /* of a percentage; |micro| < 2^80, so that the product fits 128 */

typedef struct {
    const result_t *self; /* stands where its values were */
    decimal_t points, max;
    const char *code;
} place_t;

static place_t place_of(const result_t *r)
{
    return (place_t){r, r->points, r->max, r->code};
}

/* Lower for a higher percentage, and the same for those that are nearly the same; the highest for
 * none. Above 100% and below 0 they are all the same. */
static uint64_t number_of(decimal_t points, decimal_t max)
{
    const uint64_t top = 1ULL << NUMBER_BITS;
    if (decimal_sign(max) <= 0) {
        return top + 1;
    }
    if (decimal_sign(points) <= 0) {
        return top;
    }
    return points.micro >= max.micro
               ? 0
               : top - (uint64_t)(((unsigned __int128)points.micro << NUMBER_BITS) /
                                  (unsigned __int128)max.micro);
}

/* Highest percentage first: below 0 when a stands before b. Without a maximum there is no
 * percentage. */
static int compare_percent(const place_t *a, const place_t *b)
{
    int a_has = decimal_sign(a->max) > 0;
    int b_has = decimal_sign(b->max) > 0;
    if (!a_has || !b_has) {
        return b_has - a_has;
    }
    return decimal_compare(a->max, b->max) == 0
               ? decimal_compare(b->points, a->points)
               : decimal_compare_ratio(b->points, b->max, a->points, a->max);
}

static int compare_places(const place_t *a, const place_t *b)
{
    int order = compare_percent(a, b);
    return order != 0 ? order : strcmp(a->code, b->code);
}

/* For order_search(): the member's place against the one that is sought. */
static int compare_member(const void *sought, const result_t *member)
{
    const place_t *place = sought;
    place_t other = place_of(member);
    return member == place->self ? 0 : compare_places(&other, place);
}

static int compare_entries(const void *x, const void *y)
{
    const order_entry_t *a = x;
    const order_entry_t *b = y;
    if (a->number != b->number) {
        return a->number < b->number ? -1 : 1;
    }
    place_t left = place_of(a->member);
    place_t right = place_of(b->member);
    return compare_places(&left, &right);
}

static order_place_t find(const ranking_t *k, const place_t *place)
{
    return order_search(&k->order, number_of(place->points, place->max), compare_member, place);
}

static bool tied(const result_t *x, const result_t *y)
{
    place_t a = place_of(x);
    place_t b = place_of(y);
    return compare_percent(&a, &b) == 0;
}

/* A province's only ranking is its local one. */
static bool *in_order(const ranking_t *k, result_t *r)
{
    return k == r->local ? &r->local_ordered : &r->nation_ordered;
}

static void note_change(ranking_t *k, unsigned from, unsigned to)
{
    k->changed_from = from < k->changed_from ? from : k->changed_from;
    k->changed_to = to > k->changed_to ? to : k->changed_to;
}

/* Returns how many stand before it. */
static unsigned insert(ranking_t *k, result_t *r)
{
    place_t place = place_of(r);
    order_entry_t entry = {number_of(r->points, r->max), r};
    place.self = NULL;
    return order_insert(&k->order, find(k, &place), entry);
}

static bool order_all(ranking_t *k)
{
    order_entry_t *all = malloc(k->n_members * sizeof *all);
    if (all == NULL) {
        return false;
    }
    for (unsigned i = 0; i < k->n_members; i++) {
        result_t *r = k->members[i];
        all[i] = (order_entry_t){number_of(r->points, r->max), r};
    }
    qsort(all, k->n_members, sizeof *all, compare_entries);
    order_fill(&k->order, all, k->n_members);
    free(all);
    return true;
}

void rank_order(ranking_t *k)
{
    unsigned known = k->order.n;
    unsigned from = 0;
    if (known == k->n_members) {
        return;
    }
    /* many are sorted in one go, a few find their places among those that are there */
    if (k->n_members - known < known / 4 || !order_all(k)) {
        from = k->n_members;
        for (unsigned i = known; i < k->n_members; i++) {
            unsigned before = insert(k, k->members[i]);
            from = before < from ? before : from;
        }
    }
    for (unsigned i = known; i < k->n_members; i++) {
        *in_order(k, k->members[i]) = true;
    }
    note_change(k, from, k->n_members - 1);
}

void rank_disorder(ranking_t *k)
{
    for (unsigned i = 0; i < k->order.n; i++) {
        *in_order(k, k->members[i]) = false;
    }
    order_free(&k->order);
}

void rank_changed(ranking_t *k, result_t *r, decimal_t points_before, decimal_t max_before)
{
    if (!*in_order(k, r)) {
        return;
    }
    place_t before = {r, points_before, max_before, r->code};
    place_t now = place_of(r);
    int order = compare_percent(&now, &before);
    if (order == 0) {
        return;
    }
    order_place_t place = find(k, &before);
    assert(order_member(&k->order, place) == r);
    unsigned from = order_before(&k->order, place);
    order_remove(&k->order, place);
    unsigned to = insert(k, r);
    if (order < 0) { /* those that were tied with it, and stood behind it, have one more before */
        note_change(k, to, from + 1);
    } else {
        note_change(k, from, to);
    }
}

uint32_t rank_of(ranking_t *k, const result_t *r)
{
    if (decimal_sign(r->max) <= 0) {
        return 0;
    }
    rank_order(k);
    place_t first = {NULL, r->points, r->max, ""}; /* before all that are tied with it */
    return order_before(&k->order, find(k, &first)) + 1;
}

void rank_walk(ranking_t *k, rank_each_fn each, void *context)
{
    rank_order(k);
    unsigned i = k->changed_from;
    unsigned to = k->changed_to;
    k->changed_from = UINT32_MAX;
    k->changed_to = 0;
    if (i >= k->n_members) {
        return;
    }
    order_place_t place = order_nth(&k->order, i > 0 ? i - 1 : 0);
    const result_t *before = NULL;
    uint32_t rank = 0;
    if (i > 0) {
        before = order_member(&k->order, place);
        rank = rank_of(k, before);
        place = order_next(&k->order, place);
    }
    result_t *r;
    for (; (r = order_member(&k->order, place)) != NULL; i++) {
        bool same = before != NULL && tied(before, r);
        if (i > to && !same) {
            return; /* as many as before stand before this one, and before all behind it */
        }
        rank = decimal_sign(r->max) <= 0 ? 0 : same ? rank : i + 1;
        each(context, r, rank);
        before = r;
        place = order_next(&k->order, place);
    }
}

static void take_rank(void *context, result_t *r, uint32_t rank)
{
    const ranking_t *k = context;
    r->rank = k == r->local ? rank : r->rank;
    r->nation_rank = k == r->nation ? rank : r->nation_rank;
}

void rank_all(ranking_t *k)
{
    rank_disorder(k);
    rank_walk(k, take_rank, k);
}
