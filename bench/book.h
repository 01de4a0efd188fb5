/* book.h - the nation in memory as plain arrays: what a contestant that works in C keeps beside its
 * database, so that it never reads before it writes.
 */
#ifndef CHISO_BENCH_BOOK_H
#define CHISO_BENCH_BOOK_H

#include "workload.h"

#include <stdbool.h>

typedef struct {
    int64_t value[FIGURES], at[FIGURES];
    uint32_t revision[FIGURES];
    uint8_t sha256[FIGURES][32];
    int64_t points[INDICATORS], total;
    uint32_t unit_revision;
} page_t;

typedef struct {
    const nation_t *nation;
    page_t *pages;
    int64_t *by_level[4]; /* totals, dense: what a rank is counted over */
    unsigned n_by_level[4];
    unsigned *place; /* of a unit among its level's */
} book_t;

void book_init(book_t *book, const nation_t *nation);
void book_free(book_t *book);
/* Takes the figure; `each` is called for every indicator whose points it changed. */
typedef void (*book_each_fn)(void *context, uint32_t unit, unsigned indicator, int64_t points);
void book_apply(book_t *book, const change_t *change, book_each_fn each, void *context);
uint32_t book_rank(const book_t *book, uint32_t unit);

#endif
