/* rank.c - see rank.h.
 *
 * Why a sorted array that is mended, and no tree: a figure moves a unit a few hundred places at
 * most, which is one memmove of pointers, while the ranks in between all change and have to be told
 * anyway. New members are merged in one go, so that loading a nation is no quadratic work.
 */
#include "rank.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    decimal_t points, max;
    const char *code;
} place_t;

static place_t place_of(const result_t *r)
{
    return (place_t){r->points, r->max, r->code};
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

static int compare_members(const void *x, const void *y)
{
    const result_t *const *a = x;
    const result_t *const *b = y;
    place_t left = place_of(*a);
    place_t right = place_of(*b);
    return compare_places(&left, &right);
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

static void sort(ranking_t *k)
{
    qsort(k->members, k->n_members, sizeof *k->members, compare_members);
}

/* The ordered ones and the sorted new ones into one, from the back. */
static bool merge(ranking_t *k, unsigned n_new)
{
    result_t **new = malloc(n_new * sizeof *new);
    if (new == NULL) {
        return false;
    }
    memcpy(new, k->members + k->n_ordered, n_new * sizeof *new);
    unsigned at = k->n_members;
    unsigned old = k->n_ordered;
    while (n_new > 0) {
        bool take_old = old > 0 && compare_members(&k->members[old - 1], &new[n_new - 1]) > 0;
        k->members[--at] = take_old ? k->members[--old] : new[--n_new];
    }
    free(new);
    return true;
}

void rank_order(ranking_t *k)
{
    unsigned n_new = k->n_members - k->n_ordered;
    if (n_new == 0) {
        return;
    }
    for (unsigned i = k->n_ordered; i < k->n_members; i++) {
        *in_order(k, k->members[i]) = true;
    }
    qsort(k->members + k->n_ordered, n_new, sizeof *k->members, compare_members);
    if (!merge(k, n_new)) {
        sort(k);
    }
    k->n_ordered = k->n_members;
    note_change(k, 0, k->n_members - 1);
}

void rank_disorder(ranking_t *k)
{
    for (unsigned i = 0; i < k->n_ordered; i++) {
        *in_order(k, k->members[i]) = false;
    }
    k->n_ordered = 0;
}

/* The first of the members from..to that does not stand before the place; `self`, whose own values
 * are not what it stands by, is where it is looked for. */
static unsigned search(const ranking_t *k, const result_t *self, const place_t *place,
                       unsigned from, unsigned to)
{
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        const result_t *m = k->members[middle];
        if (m == self) {
            return middle;
        }
        place_t other = place_of(m);
        if (compare_places(&other, place) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

void rank_changed(ranking_t *k, result_t *r, decimal_t points_before, decimal_t max_before)
{
    if (!*in_order(k, r)) {
        return;
    }
    place_t before = {points_before, max_before, r->code};
    place_t now = place_of(r);
    int order = compare_percent(&now, &before);
    if (order == 0) {
        return;
    }
    unsigned at = search(k, r, &before, 0, k->n_ordered);
    assert(at < k->n_ordered && k->members[at] == r);
    unsigned to;
    if (order < 0) {
        to = search(k, r, &now, 0, at);
        memmove(k->members + to + 1, k->members + to, (at - to) * sizeof *k->members);
        /* those that were tied with it, and stand behind it, have one less before them */
        note_change(k, to, at + 1);
    } else {
        to = search(k, r, &now, at + 1, k->n_ordered) - 1;
        memmove(k->members + at, k->members + at + 1, (to - at) * sizeof *k->members);
    }
    k->members[to] = r;
    note_change(k, to < at ? to : at, to);
}

uint32_t rank_of(ranking_t *k, const result_t *r)
{
    if (decimal_sign(r->max) <= 0) {
        return 0;
    }
    rank_order(k);
    place_t first = place_of(r);
    first.code = ""; /* before all that are tied with it */
    return search(k, NULL, &first, 0, k->n_members) + 1;
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
    uint32_t rank = i > 0 ? rank_of(k, k->members[i - 1]) : 0;
    for (; i < k->n_members; i++) {
        result_t *r = k->members[i];
        bool same = i > 0 && tied(k->members[i - 1], r);
        if (i > to && !same) {
            return; /* as many as before stand before this one, and before all behind it */
        }
        rank = decimal_sign(r->max) <= 0 ? 0 : same ? rank : i + 1;
        each(context, r, rank);
    }
}

void rank_all(ranking_t *k, uint32_t *ranks)
{
    rank_disorder(k);
    rank_order(k);
    for (unsigned i = 0; i < k->n_members; i++) {
        bool ranked = decimal_sign(k->members[i]->max) > 0;
        bool same = i > 0 && tied(k->members[i - 1], k->members[i]);
        ranks[i] = !ranked ? 0 : same ? ranks[i - 1] : i + 1;
    }
}
