/* workload.h - the data that every contestant gets: the nation, its figures, and how they change.
 *
 * One made-up index of 50 indicators, 2 points each: 40 ratios a/b (each denominator is shared by
 * four of them) and 10 that are given as points; 60 figures a unit. Values are whole millionths.
 * The same seed gives the same changes, whatever the contestant.
 */
#ifndef CHISO_BENCH_WORKLOAD_H
#define CHISO_BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#define RATIOS 40
#define PER_DENOMINATOR 4
#define DENOMINATORS (RATIOS / PER_DENOMINATOR)
#define GIVEN 10
#define INDICATORS (RATIOS + GIVEN)
#define FIGURES (RATIOS + DENOMINATORS + GIVEN) /* numerators, denominators, points */
#define MICRO 1000000
#define INDICATOR_MAX (2 * MICRO)
#define REPORT 32 /* figures of one unit that come together */

enum { LEVEL_PROVINCE = 1, LEVEL_DEPARTMENT = 2, LEVEL_COMMUNE = 3 };

typedef struct {
    char code[12], parent[12]; /* parent "" of a province */
    char name[64];
    int level;
} place_t;

typedef struct {
    place_t *units;
    unsigned n;
} nation_t;

typedef struct {
    uint32_t unit, figure;
    int64_t value, at; /* at: when it was fetched, ms; larger from change to change */
    uint32_t revision; /* of this figure of this unit */
} change_t;

/* `scale` nations: 34 provinces, 3,321 communes and 700 departments each. */
void nation_make(unsigned scale, nation_t *out);
void nation_free(nation_t *nation);

typedef struct {
    uint64_t seed;
    int64_t at;
    unsigned n_units;
    uint32_t *revisions; /* n_units * FIGURES */
} source_t;

void source_init(source_t *source, const nation_t *nation);
void source_free(source_t *source);
/* The first value of every figure of a unit: FIGURES changes. */
void source_first(source_t *source, unsigned unit, change_t *out);
/* `n` changes; grouped: each REPORT of them are different figures of one unit. */
void source_next(source_t *source, int grouped, change_t *out, size_t n);

/* What an indicator is worth, as every contestant must work it out. figures: FIGURES values. */
int64_t indicator_points(const int64_t *figures, unsigned indicator);
/* Which figures an indicator reads; b is -1 for points that are given. */
void indicator_inputs(unsigned indicator, int *a, int *b);
void figure_id(unsigned figure, char out[16]);

#endif
