/* throughput.c - chiso-bench: what chiso's scorer does, and what a user would pick instead does, on
 * the same changes and at the same durability.
 *
 *     chiso-bench FOLDER [ROUNDS [MILLISECONDS]]
 *
 * First all take the same changes and their totals are compared; then they take turns, ROUNDS
 * times, each for so long in each size of batch. Prints the medians as tables, and the ratios.
 */
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const engine_t *const engines[] = {
    &engine_chiso,  &engine_postgres,    &engine_postgres_arrays, &engine_postgres_full,
    &engine_sqlite, &engine_sqlite_rows, &engine_python,          &engine_append,
};
#define ENGINES (sizeof engines / sizeof engines[0])
static const size_t sizes[] = {1, 16, 256, 1024};
#define SIZES (sizeof sizes / sizeof sizes[0])
#define LARGEST 1024
#define MAX_ROUNDS 15
#define CHECKED 2048 /* changes before the totals are compared */

void give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct {
    void *state[ENGINES];
    source_t source[ENGINES]; /* each has its own: all get the same changes */
    nation_t nation;
    double rate[2][SIZES][ENGINES][MAX_ROUNDS]; /* changes a second */
} bench_t;

static void open_all(bench_t *b, const char *folder)
{
    size_t n = (size_t)b->nation.n * FIGURES;
    change_t *first = calloc(n, sizeof *first);
    char path[512];
    for (size_t e = 0; e < ENGINES; e++) {
        source_init(&b->source[e], &b->nation);
        for (unsigned u = 0; u < b->nation.n; u++) {
            source_first(&b->source[e], u, first + (size_t)u * FIGURES);
        }
        snprintf(path, sizeof path, "%s/%s", folder, engines[e]->name);
        b->state[e] = engines[e]->open(path, &b->nation, first, n);
        fprintf(stderr, "%s: loaded\n", engines[e]->name);
    }
    free(first);
}

/* Up to `n` batches, until the time is up; returns the seconds, and how many were done. */
static double some_batches(bench_t *b, size_t e, size_t size, int grouped, double limit, size_t *n)
{
    static change_t changes[TURNS][LARGEST];
    const engine_t *engine = engines[e];
    size_t done = 0;
    for (unsigned i = 0; i < *n; i++) {
        source_next(&b->source[e], grouped, changes[i], size);
        if (engine->prepare != NULL) {
            engine->prepare(b->state[e], i, changes[i], size);
        }
    }
    double start = seconds();
    while (done < *n && (done == 0 || seconds() - start < limit)) {
        engine->batch(b->state[e], (unsigned)done, changes[done], size, grouped);
        done++;
    }
    if (engine->finish != NULL) {
        engine->finish(b->state[e]);
    }
    *n = done;
    return seconds() - start;
}

/* After the same changes every contestant must have the same totals. */
static void compare_totals(bench_t *b)
{
    int64_t *want = calloc(b->nation.n, sizeof *want);
    int64_t *have = calloc(b->nation.n, sizeof *have);
    for (size_t e = 0; e < ENGINES; e++) {
        for (size_t done = 0; done < CHECKED; done += 256) {
            size_t one = 1;
            some_batches(b, e, 256, done >= CHECKED / 2, 0, &one);
        }
        if (engines[e]->totals == NULL) {
            continue;
        }
        engines[e]->totals(b->state[e], e == 0 ? want : have);
        for (unsigned u = 0; e > 0 && u < b->nation.n; u++) {
            if (want[u] != have[u]) {
                give_up("%s: unit %u has %lld millionths, chiso %lld", engines[e]->name, u,
                        (long long)have[u], (long long)want[u]);
            }
        }
    }
    free(want);
    free(have);
    printf("After %u changes all have the same totals of %u units.\n\n", CHECKED, b->nation.n);
}

static double measure(bench_t *b, size_t e, size_t size, int grouped, double limit)
{
    double spent = 0;
    size_t done = 0;
    while (spent < limit) {
        size_t n = TURNS;
        spent += some_batches(b, e, size, grouped, limit - spent, &n);
        done += n * size;
    }
    return (double)done / spent;
}

static int compare_rates(const void *x, const void *y)
{
    const double *a = x;
    const double *b = y;
    return (*a > *b) - (*a < *b);
}

static double median(double *rates, int n)
{
    qsort(rates, (size_t)n, sizeof *rates, compare_rates);
    return n % 2 == 1 ? rates[n / 2] : (rates[n / 2 - 1] + rates[n / 2]) / 2;
}

static void print_table(bench_t *b, int grouped, int rounds)
{
    printf("%s, changes a second in batches of\n\n| |",
           grouped ? "Grouped by unit, 32 a report" : "At random");
    for (size_t s = 0; s < SIZES; s++) {
        printf(" %zu |", sizes[s]);
    }
    printf(" chiso at 256 |\n|---|");
    for (size_t s = 0; s <= SIZES; s++) {
        printf("---:|");
    }
    printf("\n");
    double own = median(b->rate[grouped][2][0], rounds);
    for (size_t e = 0; e < ENGINES; e++) {
        printf("| %s |", engines[e]->title);
        for (size_t s = 0; s < SIZES; s++) {
            if (engines[e]->only_batch != 0 && engines[e]->only_batch != sizes[s]) {
                printf(" – |");
            } else {
                printf(" %.0f |", median(b->rate[grouped][s][e], rounds));
            }
        }
        printf(" %.1fx |\n", own / median(b->rate[grouped][2][e], rounds));
    }
    printf("\n");
}

/* For bench/goals.py: how many times as fast chiso is in batches of 256, round by round: in a round
 * all had the same machine. */
static void print_ratios(bench_t *b, int rounds)
{
    for (int grouped = 0; grouped < 2; grouped++) {
        for (size_t e = 1; e < ENGINES; e++) {
            printf("ratio %s %s", grouped ? "grouped" : "random", engines[e]->name);
            for (int round = 0; round < rounds; round++) {
                printf(" %.2f", b->rate[grouped][2][0][round] / b->rate[grouped][2][e][round]);
            }
            printf("\n");
        }
    }
}

int main(int argc, char **argv)
{
    static bench_t b;
    if (argc < 2) {
        give_up("usage: chiso-bench FOLDER [ROUNDS [MILLISECONDS]]");
    }
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;
    double limit = (argc > 3 ? (double)strtol(argv[3], NULL, 10) : 500) / 1000;
    rounds = rounds < 1 ? 1 : rounds > MAX_ROUNDS ? MAX_ROUNDS : rounds;
    nation_make(1, &b.nation);
    open_all(&b, argv[1]);
    compare_totals(&b);
    for (int round = 0; round < rounds; round++) {
        for (int grouped = 0; grouped < 2; grouped++) {
            for (size_t s = 0; s < SIZES; s++) {
                for (size_t e = 0; e < ENGINES; e++) {
                    if (engines[e]->only_batch == 0 || engines[e]->only_batch == sizes[s]) {
                        b.rate[grouped][s][e][round] = measure(&b, e, sizes[s], grouped, limit);
                    }
                }
            }
        }
        fprintf(stderr, "round %d of %d\n", round + 1, rounds);
    }
    print_ratios(&b, rounds); /* before the tables, which sort the rounds */
    print_table(&b, 0, rounds);
    print_table(&b, 1, rounds);
    for (size_t e = 0; e < ENGINES; e++) {
        engines[e]->close(b.state[e]);
        source_free(&b.source[e]);
    }
    nation_free(&b.nation);
    return 0;
}
