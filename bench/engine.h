/* engine.h - one contestant: a way to keep the nation's scores right and durable.
 *
 * batch() takes changes of figures and works out what follows from them: the figure with its
 * provenance, the points of the affected indicators, the unit's total and rank, an event for
 * whoever reads on and keeps the history, and how far the input was read. All of it is on disk when
 * batch() returns, or, of a contestant that has finish(), when that returns; each batch is a commit
 * of its own. A failure ends the program with a message.
 */
#ifndef CHISO_BENCH_ENGINE_H
#define CHISO_BENCH_ENGINE_H

#include "workload.h"

typedef struct {
    const char *name, *title;
    unsigned only_batch; /* measured in batches of this alone; 0: all sizes */
    /* Creates its data in the folder and loads the first figures, `n` in order of units. */
    void *(*open)(const char *folder, const nation_t *nation, const change_t *first, size_t n);
    /* Not measured: brings the changes of the next batches, one after the other, into the form in
     * which they would arrive. May be NULL. */
    void (*prepare)(void *engine, unsigned turn, const change_t *changes, size_t n);
    void (*batch)(void *engine, unsigned turn, const change_t *changes, size_t n, int grouped);
    void (*finish)(void *engine); /* waits until all of the batches are on disk; may be NULL */
    /* The total of every unit, millionths; NULL for a contestant that keeps none. */
    void (*totals)(void *engine, int64_t *out);
    void (*close)(void *engine);
} engine_t;

#define TURNS 16 /* batches that are prepared together, and measured together */

extern const engine_t engine_chiso, engine_append, engine_sqlite, engine_sqlite_rows,
    engine_postgres, engine_postgres_arrays, engine_postgres_full, engine_python;

__attribute__((noreturn, format(printf, 1, 2))) void give_up(const char *format, ...);
double seconds(void); /* monotonic */

#endif
