/* engine_python.c - recompute.py as a child. */
#include "engine.h"

#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

typedef struct {
    pid_t child;
    FILE *to, *from;
    unsigned n_units;
} python_t;

static void start(python_t *p, const char *journal)
{
    int to[2];
    int from[2];
    posix_spawn_file_actions_t actions;
    char *argv[] = {(char *)(uintptr_t) "python3", (char *)(uintptr_t)BENCH_FOLDER "/recompute.py",
                    (char *)(uintptr_t)journal, NULL};
    if (pipe(to) != 0 || pipe(from) != 0) {
        give_up("no pipes");
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    posix_spawn_file_actions_addclose(&actions, to[1]);
    posix_spawn_file_actions_addclose(&actions, from[0]);
    if (posix_spawnp(&p->child, "python3", &actions, NULL, argv, environ) != 0) {
        give_up("python3 cannot be started");
    }
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    p->to = fdopen(to[1], "w");
    p->from = fdopen(from[0], "r");
}

static void batch(void *engine, unsigned turn, const change_t *changes, size_t n, int grouped)
{
    python_t *p = engine;
    char line[64];
    (void)turn;
    (void)grouped;
    for (size_t i = 0; i < n; i++) {
        fprintf(p->to, "%u %u %" PRId64 " %" PRId64 " %u\n", changes[i].unit, changes[i].figure,
                changes[i].value, changes[i].at, changes[i].revision);
    }
    fprintf(p->to, ".\n");
    fflush(p->to);
    if (fgets(line, sizeof line, p->from) == NULL || strcmp(line, "ok\n") != 0) {
        give_up("recompute.py failed");
    }
}

static void *open_engine(const char *folder, const nation_t *nation, const change_t *first,
                         size_t n)
{
    python_t *p = calloc(1, sizeof *p);
    char path[512];
    snprintf(path, sizeof path, "%s.python", folder);
    p->n_units = nation->n;
    start(p, path);
    fprintf(p->to, "%u\n", nation->n);
    for (unsigned u = 0; u < nation->n; u++) {
        fprintf(p->to, "%d\n", nation->units[u].level);
    }
    batch(p, 0, first, n, 1);
    return p;
}

static void totals(void *engine, int64_t *out)
{
    python_t *p = engine;
    char line[64];
    fprintf(p->to, "totals\n");
    fflush(p->to);
    for (unsigned u = 0; u < p->n_units && fgets(line, sizeof line, p->from) != NULL; u++) {
        out[u] = strtoll(line, NULL, 10);
    }
}

static void close_engine(void *engine)
{
    python_t *p = engine;
    fclose(p->to);
    fclose(p->from);
    waitpid(p->child, NULL, 0);
    free(p);
}

const engine_t engine_python = {
    .name = "python",
    .title = "Python Decimal, all again each batch",
    .only_batch = 256,
    .open = open_engine,
    .batch = batch,
    .totals = totals,
    .close = close_engine,
};
