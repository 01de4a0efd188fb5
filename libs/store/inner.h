/* inner.h - what store.c and txn.c share; within libs/store only. */
#ifndef CHISO_STORE_INNER_H
#define CHISO_STORE_INNER_H

#include "base/error.h"
#include "store/store.h"

#include <lmdb.h>

struct store {
    MDB_env *env;
    MDB_dbi tables[STORE_MAX_TABLES];
    unsigned n_tables;
    MDB_dbi stamp; /* LMDB's unnamed table: the format, and the names of the others */
    uint64_t soft_limit;
    unsigned page_size;
    unsigned format; /* that was found */
    void *map;       /* NULL: not known */
    size_t map_bytes;
    int last_failure; /* LMDB's code or an errno */
    store_commit_fn told;
    void *context;
    int owner_fd; /* flock'd by the one process that writes; -1 for readers */
};

/* The table for LMDB's codes: what a full map is, and that the rest means the store is broken. */
static inline int code_of(store_t *store, int rc)
{
    store->last_failure = rc;
    return rc == MDB_MAP_FULL ? CHISO_E_FULL : CHISO_E_STORE;
}

#endif
