/* engine_append.c - the limit: the events as they come in, appended to a file, and fdatasync. Keeps
 * no scores at all. */
#include "engine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENT_BYTES 128 /* about what a Reading of one figure has */

typedef struct {
    int fd;
    char *packed[TURNS];
    size_t cap[TURNS];
} append_t;

static void *open_engine(const char *folder, const nation_t *nation, const change_t *first,
                         size_t n)
{
    (void)nation;
    (void)first;
    (void)n;
    append_t *a = calloc(1, sizeof *a);
    char path[512];
    snprintf(path, sizeof path, "%s.journal", folder);
    a->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0640);
    if (a->fd < 0) {
        give_up("%s: cannot write", path);
    }
    return a;
}

static void prepare(void *engine, unsigned turn, const change_t *changes, size_t n)
{
    append_t *a = engine;
    if (a->cap[turn] < n) {
        free(a->packed[turn]);
        a->packed[turn] = calloc(n, EVENT_BYTES);
        a->cap[turn] = n;
    }
    for (size_t i = 0; i < n; i++) {
        memcpy(a->packed[turn] + i * EVENT_BYTES, &changes[i], sizeof changes[i]);
    }
}

static void batch(void *engine, unsigned turn, const change_t *changes, size_t n, int grouped)
{
    (void)changes;
    (void)grouped;
    append_t *a = engine;
    size_t len = n * EVENT_BYTES;
    if (write(a->fd, a->packed[turn], len) != (ssize_t)len || fdatasync(a->fd) != 0) {
        give_up("the journal cannot be written");
    }
}

static void close_engine(void *engine)
{
    append_t *a = engine;
    close(a->fd);
    for (unsigned i = 0; i < TURNS; i++) {
        free(a->packed[i]);
    }
    free(a);
}

const engine_t engine_append = {
    .name = "append",
    .title = "the limit: bytes appended, fdatasync",
    .open = open_engine,
    .prepare = prepare,
    .batch = batch,
    .close = close_engine,
};
