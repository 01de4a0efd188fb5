/* store.h - an LMDB environment with sticky-error transactions.
 *
 * One process owns a store and writes it; others may read it (chiso verify). The map is large and
 * fixed, never resized live; a soft limit well below it keeps room, because a full map can refuse
 * even deletes. Reads and writes go through a transaction; after the first failure every call on it
 * is a no-op and store_commit() reports it, so that call sites stay straight. A read transaction
 * must not be held across a wait: one that is forgotten makes the file grow without end.
 *
 * A failed commit is final (CHISO_E_STORE): the process must stop, never acknowledge.
 */
#ifndef CHISO_STORE_STORE_H
#define CHISO_STORE_STORE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct store store_t;
typedef struct store_txn store_txn_t;
typedef struct store_cursor store_cursor_t;
typedef unsigned store_table_t; /* a named table, see store_open */

#define STORE_MAX_KEY 480 /* bytes; LMDB's own limit is 511 */
#define STORE_MAX_TABLES 24
#define STORE_FORMAT 1 /* of the files; a store of another format is refused */

typedef struct {
    uint64_t map_size;   /* 0: 64 GiB of address space, not of disk */
    uint64_t soft_limit; /* bytes used at which store_has_room() says no; 0: half the map */
    bool read_only;      /* beside its owner; the tables must exist */
    bool no_sync; /* benchmarks only: commits survive a crash of the process, not of the OS */
    const char *const *tables; /* NULL-terminated; a table's handle is its place in this list */
} store_options_t;

/* Opens or creates the folder `path` (its parent must exist). Clears readers that died. On failure
 * a reason in English is left in `reason` (may be NULL). 0, CHISO_E_STORE, CHISO_E_NEWER (a format
 * that this version does not know), CHISO_E_CORRUPT (no store), -errno; -EBUSY when another process
 * owns it, -ESTALE when a restore into it was not finished. */
int store_open(const char *path, const store_options_t *options, char reason[256], store_t **out);
void store_close(store_t **store);

/* Bytes in use and the soft limit. store_has_room() is asked before a unit of work is begun whose
 * effects outside the store could not be undone. */
uint64_t store_used(store_t *store);
uint64_t store_soft_limit(const store_t *store);
bool store_has_room(store_t *store);

/* How full it is, and who reads. */
typedef struct {
    uint64_t page_size, pages,
        map_pages;          /* pages: ever taken, the file's size; none is given back */
    unsigned readers;       /* read transactions open now, in any process */
    uint64_t oldest_reader; /* how many commits the oldest of them is behind; 0: none is */
    uint64_t oldest_txn;    /* the one it reads; 0: none */
} store_stat_t;
void store_stat(store_t *store, store_stat_t *out);

/* Told after each store_commit() of a write how long it took and how it ended (0 or a code). NULL:
 * nobody. Of a late one, which may be on another thread, whoever waits for it tells. */
typedef void (*store_commit_fn)(void *context, int64_t micros, int code);
void store_on_commit(store_t *store, store_commit_fn told, void *context);
void store_tell_commit(store_t *store, int64_t micros, int code);

/* Gives back the memory in which the file was looked at; what is wanted again is still in the
 * system's cache of files. Costs a few microseconds; without it a process seems to hold as much of
 * its file as it ever touched. Any thread. */
void store_release(const store_t *store);

/* Frees what readers that were killed still hold; they keep old pages from being used again. */
void store_check_readers(store_t *store);

/* Never NULL; when it could not begin, it is born failed. One writer at a time: begun and ended on
 * one thread. */
store_txn_t *store_write(store_t *store);
store_txn_t *store_read(store_t *store);
int store_status(const store_txn_t *txn);    /* 0, or the first failure */
void store_fail(store_txn_t *txn, int code); /* makes it fail from outside; keeps the first code */

/* A write that is only noted, in `notes`, which the caller keeps until it has ended. Nothing can be
 * read through it. Its commit carries it out, and may be called on another thread than that which
 * notes: while one thread commits, another can note the next. */
store_txn_t *store_note(store_t *store, buffer_t *notes);
bool store_is_noted(const store_txn_t *txn);
/* Ends a noted one by adding what it notes to another noted one: they are carried out together, in
 * that order, or not at all. */
void store_join(store_txn_t *into, store_txn_t **txn);

/* Ends the transaction: with fsync, or without effect. A write refused by the soft limit is
 * CHISO_E_FULL; everything else that fails is CHISO_E_STORE. */
int store_commit(store_txn_t **txn);
/* The same with one fsync instead of two: what it wrote holds after kill -9 at once, and after a
 * loss of power once the next commit, of either kind, or store_sync() has succeeded. Until then it
 * must not be acknowledged. (LMDB writes pages, then the page that makes them count; the latter is
 * what is not waited for. Should it be lost, the commit before it stands.) */
int store_commit_late(store_txn_t **txn);
int store_sync(store_t *store); /* 0 or CHISO_E_STORE */
void store_abort(store_txn_t **txn);

/* What LMDB or the system said about the last thing that failed; "" when nothing has. */
const char *store_reason(const store_t *store);

/* True when found; the value is valid until the next write or the end of the transaction. */
bool store_get(store_txn_t *txn, store_table_t table, bytes_t key, bytes_t *value);
void store_put(store_txn_t *txn, store_table_t table, bytes_t key, bytes_t value);
/* For keys that only grow: cheaper. A key that is not the largest fails the transaction. */
void store_append(store_txn_t *txn, store_table_t table, bytes_t key, bytes_t value);
/* True when it was there; false of a noted transaction, which does not know. */
bool store_delete(store_txn_t *txn, store_table_t table, bytes_t key);
void store_delete_below(store_txn_t *txn, store_table_t table, bytes_t key); /* all smaller keys */
uint64_t store_count(store_txn_t *txn, store_table_t table);

/* Walks the keys of a table in byte order:
 *   for (ok = store_seek(txn, table, from, &c, &k, &v); ok; ok = store_next(c, &k, &v)) …
 *   store_cursor_close(&c);
 * store_seek finds the first key >= from. Deleting through store_delete while walking is allowed in
 * a write transaction; key and value are then read again by store_next. */
bool store_seek(store_txn_t *txn, store_table_t table, bytes_t from, store_cursor_t **cursor,
                bytes_t *key, bytes_t *value);
bool store_next(store_cursor_t *cursor, bytes_t *key, bytes_t *value);
bool store_last(store_txn_t *txn, store_table_t table, bytes_t *key, bytes_t *value);
void store_cursor_close(store_cursor_t **cursor);

#endif
