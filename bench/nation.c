/* nation.c - chiso-bench-nation: what the scorer alone does at 1, 10 and 100 times the nation.
 *
 *     chiso-bench-nation FOLDER SCALE [CHANGES [TAIL]]
 *
 * Loads every figure of every unit, then makes CHANGES (a million) at random in batches of 256 with
 * checkpoints, then TAIL (a million) without one, forgets all and starts again. Prints a line a
 * figure.
 */
#include "engine_chiso.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define LOAD_READINGS 256 /* a batch */

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

static long resident_kib(const char *field)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    long kib = -1;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            kib = strtol(line + strlen(field) + 1, NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kib;
}

static int compare_times(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

/* Processor time of this process, seconds: what is left of a measurement on a machine that others
 * use too. `own` is the program's, without the system's for it. */
typedef struct {
    double all, own;
} cpu_t;

static cpu_t cpu(void)
{
    struct timespec t;
    struct rusage usage;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    getrusage(RUSAGE_SELF, &usage);
    return (cpu_t){
        .all = (double)t.tv_sec + (double)t.tv_nsec / 1e9,
        .own = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
    };
}

static void add_since(cpu_t *spent, cpu_t start)
{
    cpu_t now = cpu();
    spent->all += now.all - start.all;
    spent->own += now.own - start.own;
}

static void load(scorer_bench_t *b, source_t *source)
{
    change_t *changes = calloc((size_t)LOAD_READINGS * FIGURES, sizeof *changes);
    double spent = 0;
    cpu_t worked = {0, 0};
    for (unsigned u = 0; u < b->nation->n;) {
        unsigned n = 0;
        for (; n < LOAD_READINGS && u < b->nation->n; n++, u++) {
            source_first(source, u, changes + (size_t)n * FIGURES);
        }
        scorer_bench_pack(b, 0, changes, (size_t)n * FIGURES);
        b->more = u < b->nation->n; /* loaded is when all ranks are told */
        double start = seconds();
        cpu_t start_cpu = cpu();
        scorer_bench_apply(b, 0);
        if (!b->more) {
            scorer_bench_finish(b);
        }
        spent += seconds() - start;
        add_since(&worked, start_cpu);
    }
    free(changes);
    b->more = true;
    printf("load_s %.3f\nload_cpu_s %.3f\nload_own_s %.3f\n", spent, worked.all, worked.own);
}

/* None fell due: what a whole one takes, shared by the changes after which one does. */
static void checkpoint_share(scorer_bench_t *b)
{
    cpu_t worked = {0, 0};
    cpu_t start_cpu = cpu();
    scorer_bench_checkpoint(b);
    add_since(&worked, start_cpu);
    double share = 1e6 / b->nation->n / CHECKPOINT_EVENTS_A_RESULT;
    printf("checkpoint_cpu_us_per_change %.2f\ncheckpoint_own_us_per_change %.2f\n",
           worked.all * share, worked.own * share);
}

/* How long the line stood still for each batch, with the checkpoints that fell due. TURNS of them
 * are packed before the clock runs, and what is under way at the end is waited for. */
static void change(scorer_bench_t *b, source_t *source, size_t n, const char *prefix)
{
    uint64_t floor = checkpoint_floor(b->checkpoint);
    change_t changes[BATCH];
    size_t batches = n / BATCH;
    double *times = calloc(batches, sizeof *times);
    double *resident = calloc(batches, sizeof *resident); /* of each turn */
    size_t n_resident = 0;
    double spent = 0;
    cpu_t worked = {0, 0};
    double longest[2] = {0, 0}; /* without and with a slice of a checkpoint */
    double longest_slice = 0;
    for (size_t i = 0; i < batches;) {
        unsigned turns = batches - i < TURNS ? (unsigned)(batches - i) : TURNS;
        for (unsigned t = 0; t < turns; t++) {
            source_next(source, 0, changes, BATCH);
            scorer_bench_pack(b, t, changes, BATCH);
        }
        double start = seconds();
        cpu_t start_cpu = cpu();
        for (unsigned t = 0; t < turns; t++, i++) {
            double began = seconds();
            scorer_bench_apply(b, t);
            times[i] = seconds() - began;
            double *of = &longest[b->checkpointing];
            *of = times[i] > *of ? times[i] : *of;
            longest_slice = b->checkpoint_s > longest_slice ? b->checkpoint_s : longest_slice;
        }
        scorer_bench_finish(b);
        add_since(&worked, start_cpu);
        spent += seconds() - start;
        resident[n_resident++] = (double)resident_kib("VmRSS:") / 1024;
    }
    qsort(resident, n_resident, sizeof *resident, compare_times);
    qsort(times, batches, sizeof *times, compare_times);
    printf("%schanges_per_s %.0f\n", prefix, (double)(batches * BATCH) / spent);
    printf("%scpu_us_per_change %.2f\n%sown_us_per_change %.2f\n", prefix,
           worked.all * 1e6 / (double)(batches * BATCH), prefix,
           worked.own * 1e6 / (double)(batches * BATCH));
    printf("%sbatch_ms_p50 %.3f\n%sbatch_ms_p99 %.3f\n%sbatch_ms_max %.3f\n", prefix,
           times[batches / 2] * 1e3, prefix, times[batches - 1 - batches / 100] * 1e3, prefix,
           times[batches - 1] * 1e3);
    printf("%schecked_ms_max %.3f\n%sunchecked_ms_max %.3f\n", prefix, longest[1] * 1e3, prefix,
           longest[0] * 1e3);
    printf("%scheckpoint_ms_max %.3f\n", prefix, longest_slice * 1e3);
    printf("%sresident_mib_p50 %.1f\n%sresident_mib_max %.1f\n", prefix, resident[n_resident / 2],
           prefix, resident[n_resident - 1]);
    free(times);
    free(resident);
    if (!b->no_checkpoint && floor == checkpoint_floor(b->checkpoint)) {
        checkpoint_share(b);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        give_up("usage: chiso-bench-nation FOLDER SCALE [CHANGES [TAIL]]");
    }
    size_t events = argc > 3 ? (size_t)strtoul(argv[3], NULL, 10) : 1000000;
    size_t tail = argc > 4 ? (size_t)strtoul(argv[4], NULL, 10) : 1000000;
    nation_t nation;
    source_t source;
    nation_make((unsigned)strtoul(argv[2], NULL, 10), &nation);
    source_init(&source, &nation);
    printf("units %u\n", nation.n);
    scorer_bench_t *b = scorer_bench_open(argv[1], &nation);
    load(b, &source);
    change(b, &source, events, "");
    printf("anonymous_mib %.1f\n", (double)resident_kib("RssAnon:") / 1024);
    if (tail > 0) {
        b->no_checkpoint = true;
        change(b, &source, tail, "tail_");
        scorer_bench_close(b);
        double start = seconds();
        cpu_t worked = {0, 0};
        cpu_t start_cpu = cpu();
        b = scorer_bench_open(argv[1], &nation);
        add_since(&worked, start_cpu);
        printf("restart_s %.3f\nrestart_cpu_s %.3f\n", seconds() - start, worked.all);
    }
    scorer_bench_close(b);
    source_free(&source);
    nation_free(&nation);
    return 0;
}
