/* workload.c - see workload.h. */
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROVINCES 34
#define COMMUNES 3321
#define DEPARTMENTS 700
#define START 1760000000000

static void put_unit(nation_t *nation, int level, unsigned number, unsigned province)
{
    place_t *p = &nation->units[nation->n++];
    p->level = level;
    if (level == LEVEL_PROVINCE) {
        snprintf(p->code, sizeof p->code, "%02u", province);
        snprintf(p->name, sizeof p->name, "Tỉnh Thử Nghiệm %u", province);
        return;
    }
    snprintf(p->parent, sizeof p->parent, "%02u", province);
    if (level == LEVEL_COMMUNE) {
        snprintf(p->code, sizeof p->code, "%05u", number);
        snprintf(p->name, sizeof p->name, "Xã Tân Phú Đông %u", number);
    } else {
        snprintf(p->code, sizeof p->code, "H%02u.%u", province, number);
        snprintf(p->name, sizeof p->name, "Sở Khoa học và Công nghệ %u", number);
    }
}

void nation_make(unsigned scale, nation_t *out)
{
    unsigned all = (PROVINCES + COMMUNES + DEPARTMENTS) * scale;
    *out = (nation_t){.units = calloc(all, sizeof *out->units)};
    if (out->units == NULL) {
        abort();
    }
    for (unsigned i = 0; i < PROVINCES * scale; i++) {
        put_unit(out, LEVEL_PROVINCE, 0, 1 + i);
    }
    for (unsigned i = 0; i < COMMUNES * scale; i++) {
        put_unit(out, LEVEL_COMMUNE, 1 + i, 1 + i % (PROVINCES * scale));
    }
    for (unsigned i = 0; i < DEPARTMENTS * scale; i++) {
        put_unit(out, LEVEL_DEPARTMENT, 1 + i, 1 + i % (PROVINCES * scale));
    }
}

void nation_free(nation_t *nation)
{
    free(nation->units);
    nation->units = NULL;
}

void source_init(source_t *s, const nation_t *nation)
{
    *s = (source_t){.seed = 20251122, .at = START, .n_units = nation->n};
    s->revisions = calloc((size_t)nation->n * FIGURES, sizeof *s->revisions);
    if (s->revisions == NULL) {
        abort();
    }
}

void source_free(source_t *s)
{
    free(s->revisions);
    s->revisions = NULL;
}

static uint32_t dice(source_t *s, uint32_t bound)
{
    s->seed = s->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(s->seed >> 33) % bound;
}

static void put_change(source_t *s, uint32_t unit, uint32_t figure, change_t *out)
{
    int64_t value = figure < RATIOS                  ? (int64_t)dice(s, 1001) * MICRO
                    : figure < RATIOS + DENOMINATORS ? (500 + (int64_t)dice(s, 1001)) * MICRO
                                                     : (int64_t)dice(s, 201) * (MICRO / 100);
    *out = (change_t){unit, figure, value, s->at, ++s->revisions[unit * FIGURES + figure]};
}

void source_first(source_t *s, unsigned unit, change_t *out)
{
    s->at++;
    for (unsigned f = 0; f < FIGURES; f++) {
        put_change(s, unit, f, &out[f]);
    }
}

void source_next(source_t *s, int grouped, change_t *out, size_t n)
{
    uint32_t unit = 0;
    uint32_t first = 0;
    for (size_t i = 0; i < n; i++) {
        if (!grouped || i % REPORT == 0) {
            unit = dice(s, s->n_units);
            first = dice(s, FIGURES);
            s->at++;
        }
        put_change(s, unit, (first + (grouped ? (uint32_t)(i % REPORT) : 0)) % FIGURES, &out[i]);
    }
}

void indicator_inputs(unsigned i, int *a, int *b)
{
    *a = (int)(i < RATIOS ? i : i + DENOMINATORS);
    *b = i < RATIOS ? (int)(RATIOS + i / PER_DENOMINATOR) : -1;
}

int64_t indicator_points(const int64_t *figures, unsigned i)
{
    int a;
    int b;
    indicator_inputs(i, &a, &b);
    if (b < 0) {
        return figures[a];
    }
    if (figures[a] >= figures[b]) {
        return INDICATOR_MAX;
    }
    __int128 twice = (__int128)INDICATOR_MAX * figures[a] * 2 + figures[b];
    return (int64_t)(twice / ((__int128)figures[b] * 2)); /* half up, once */
}

void figure_id(unsigned f, char out[16])
{
    snprintf(out, 16, "bench.%c%02u",
             f < RATIOS                  ? 'n'
             : f < RATIOS + DENOMINATORS ? 'd'
                                         : 'p',
             f % 100);
}
