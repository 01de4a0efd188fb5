/* book.c - see book.h. */
#include "book.h"

#include <stdlib.h>
#include <string.h>

void book_init(book_t *b, const nation_t *nation)
{
    *b = (book_t){.nation = nation};
    b->pages = calloc(nation->n, sizeof *b->pages);
    b->place = calloc(nation->n, sizeof *b->place);
    for (int level = 1; level < 4; level++) {
        b->by_level[level] = calloc(nation->n, sizeof *b->by_level[level]);
        if (b->by_level[level] == NULL) {
            abort();
        }
    }
    if (b->pages == NULL || b->place == NULL) {
        abort();
    }
    for (unsigned u = 0; u < nation->n; u++) {
        b->place[u] = b->n_by_level[nation->units[u].level]++;
    }
}

void book_free(book_t *b)
{
    for (int level = 1; level < 4; level++) {
        free(b->by_level[level]);
    }
    free(b->pages);
    free(b->place);
}

void book_apply(book_t *b, const change_t *c, book_each_fn each, void *context)
{
    page_t *p = &b->pages[c->unit];
    if (c->revision <= p->revision[c->figure]) {
        return;
    }
    p->value[c->figure] = c->value;
    p->at[c->figure] = c->at;
    p->revision[c->figure] = c->revision;
    memcpy(p->sha256[c->figure], &c->at, sizeof c->at);
    for (unsigned i = 0; i < INDICATORS; i++) {
        int x;
        int y;
        indicator_inputs(i, &x, &y);
        bool reads = x == (int)c->figure || y == (int)c->figure;
        if (!reads || p->revision[x] == 0 || (y >= 0 && p->revision[y] == 0)) {
            continue;
        }
        int64_t now = indicator_points(p->value, i);
        p->total += now - p->points[i];
        p->points[i] = now;
        if (each != NULL) {
            each(context, c->unit, i, now);
        }
    }
    b->by_level[b->nation->units[c->unit].level][b->place[c->unit]] = p->total;
}

uint32_t book_rank(const book_t *b, uint32_t unit)
{
    int level = b->nation->units[unit].level;
    const int64_t *totals = b->by_level[level];
    int64_t own = b->pages[unit].total;
    uint32_t better = 0;
    for (unsigned i = 0; i < b->n_by_level[level]; i++) {
        better += totals[i] > own;
    }
    return better + 1;
}
