/* store.c - see store.h.
 *
 * Why LMDB: a commit is one fsync'd page flip, readers never block the writer, and after kill -9
 * the file is as of the last commit without any recovery. Why a wrapper: the sticky transaction
 * keeps the services free of error ladders, and the soft limit, the reader check and the format
 * stamp have one place.
 */
#include "store/store.h"

#include "inner.h"
#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_MAP (64ULL << 30)
#define FORMAT_KEY "chiso.store.format"

static int open_failed(store_t **store, char *reason, const char *what, int rc)
{
    unsigned format = (*store)->format;
    bool newer = rc == MDB_VERSION_MISMATCH && format > STORE_FORMAT;
    if (reason != NULL && newer) {
        snprintf(reason, 256,
                 "%s: is of store format %u, this chiso (" CHISO_VERSION
                 ") knows formats up to %d: a newer one wrote it; install that again",
                 what, format, STORE_FORMAT);
    } else if (reason != NULL) {
        snprintf(reason, 256, "%s: %s", what,
                 rc == ESTALE ? "a restore into this folder was not finished: empty it and "
                                "restore again"
                              : mdb_strerror(rc));
    }
    store_close(store);
    return newer                                             ? CHISO_E_NEWER
           : rc > 0                                          ? -rc
           : rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH ? CHISO_E_CORRUPT
                                                             : CHISO_E_STORE;
}

/* LMDB lets two writers take turns; our caches of what is in the store would not. */
static int own_folder(store_t *store, const char *path)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s/" STORE_UNFINISHED, path) >= (int)sizeof name) {
        return ENAMETOOLONG;
    }
    if (access(name, F_OK) == 0) {
        return ESTALE;
    }
    snprintf(name, sizeof name, "%s/owner.lock", path);
    store->owner_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (store->owner_fd < 0) {
        return errno;
    }
    return flock(store->owner_fd, LOCK_EX | LOCK_NB) == 0 ? 0
           : errno == EWOULDBLOCK                         ? EBUSY
                                                          : errno;
}

static int check_format(store_t *store, MDB_txn *txn, bool read_only)
{
    MDB_val key = {sizeof FORMAT_KEY - 1, FORMAT_KEY};
    MDB_val value;
    int rc = mdb_get(txn, store->stamp, &key, &value);
    if (rc == 0) {
        store->format = value.mv_size == 1 ? *(uint8_t *)value.mv_data : 0;
        return store->format == STORE_FORMAT ? 0 : MDB_VERSION_MISMATCH;
    }
    if (rc != MDB_NOTFOUND || read_only) {
        return rc;
    }
    uint8_t format = STORE_FORMAT;
    value = (MDB_val){1, &format};
    return mdb_put(txn, store->stamp, &key, &value, 0);
}

static int open_tables(store_t *store, const store_options_t *options)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(store->env, NULL, options->read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0) {
        return rc;
    }
    rc = mdb_dbi_open(txn, NULL, 0, &store->stamp);
    if (rc == 0) {
        rc = check_format(store, txn, options->read_only);
    }
    for (; rc == 0 && options->tables[store->n_tables] != NULL; store->n_tables++) {
        if (store->n_tables == STORE_MAX_TABLES) {
            rc = MDB_DBS_FULL;
            break;
        }
        rc = mdb_dbi_open(txn, options->tables[store->n_tables],
                          options->read_only ? 0 : MDB_CREATE, &store->tables[store->n_tables]);
    }
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* LMDB does not say where its map is: the system does. */
static void find_map(store_t *store)
{
    mdb_filehandle_t fd;
    struct stat file;
    char line[4608];
    FILE *maps = fopen("/proc/self/maps", "re");
    bool known = mdb_env_get_fd(store->env, &fd) == 0 && fstat(fd, &file) == 0;
    while (maps != NULL && known && fgets(line, sizeof line, maps) != NULL) {
        /* FROM-TO rights offset device inode path */
        char *at = line;
        uintptr_t from = strtoul(at, &at, 16);
        uintptr_t to = *at == '-' ? strtoul(at + 1, &at, 16) : 0;
        for (int i = 0; i < 3 && at != NULL; i++) {
            at = strchr(at + 1, ' ');
        }
        if (at != NULL && to > from && strtoull(at, NULL, 10) == (uint64_t)file.st_ino &&
            strstr(at, "data.mdb") != NULL) {
            store->map = (void *)from;
            store->map_bytes = to - from;
            break;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

int store_open(const char *path, const store_options_t *options, char reason[256], store_t **out)
{
    store_t *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return -ENOMEM;
    }
    store->owner_fd = -1;
    uint64_t map = options->map_size != 0 ? options->map_size : DEFAULT_MAP;
    store->soft_limit = options->soft_limit != 0 ? options->soft_limit : map / 2;
    if (!options->read_only) {
        if (mkdir(path, 0750) != 0 && errno != EEXIST) {
            return open_failed(&store, reason, path, errno);
        }
        int rc = own_folder(store, path);
        if (rc != 0) {
            return open_failed(&store, reason, path, rc);
        }
    }
    int rc = mdb_env_create(&store->env);
    if (rc == 0) {
        rc = mdb_env_set_mapsize(store->env, (size_t)map);
    }
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(store->env, STORE_MAX_TABLES);
    }
    if (rc == 0) {
        unsigned flags =
            MDB_NOTLS | (options->read_only ? MDB_RDONLY : 0) | (options->no_sync ? MDB_NOSYNC : 0);
        rc = mdb_env_open(store->env, path, flags, 0640);
    }
    int dead;
    if (rc == 0) {
        rc = mdb_reader_check(store->env, &dead);
    }
    if (rc == 0) {
        rc = open_tables(store, options);
    }
    if (rc != 0) {
        return open_failed(&store, reason, path, rc);
    }
    MDB_stat stat;
    mdb_env_stat(store->env, &stat);
    store->page_size = stat.ms_psize;
    find_map(store);
    *out = store;
    return 0;
}

void store_close(store_t **store)
{
    if (store == NULL || *store == NULL) {
        return;
    }
    if ((*store)->env != NULL) {
        mdb_env_close((*store)->env);
    }
    if ((*store)->owner_fd >= 0) {
        close((*store)->owner_fd);
    }
    free(*store);
    *store = NULL;
}

/* Pages ever taken less those that are free again. The walk over the free list is short: it holds
 * one entry a transaction, merged as it is reused. */
static uint64_t used_bytes(store_t *store, MDB_txn *txn)
{
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    uint64_t pages = (uint64_t)info.me_last_pgno + 1;
    uint64_t near_limit = store->soft_limit / store->page_size;
    if (pages < near_limit) {
        return pages * store->page_size; /* an upper bound is enough far from the limit */
    }
    MDB_cursor *cursor;
    if (mdb_cursor_open(txn, 0 /* LMDB's list of free pages */, &cursor) != 0) {
        return pages * store->page_size;
    }
    MDB_val key;
    MDB_val value;
    uint64_t spare = 0;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        size_t count;
        memcpy(&count, value.mv_data, sizeof count);
        spare += count;
    }
    mdb_cursor_close(cursor);
    return (pages - (spare < pages ? spare : pages)) * store->page_size;
}

uint64_t store_used(store_t *store)
{
    MDB_txn *txn;
    if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0) {
        return 0;
    }
    uint64_t used = used_bytes(store, txn);
    mdb_txn_abort(txn);
    return used;
}

uint64_t store_soft_limit(const store_t *store)
{
    return store->soft_limit;
}

bool store_has_room(store_t *store)
{
    return store_used(store) < store->soft_limit;
}

void store_check_readers(store_t *store)
{
    int dead;
    mdb_reader_check(store->env, &dead);
}

/* mdb_reader_list() tells in text only: a line a reader, "PID THREAD TXN", the last "-" when it
 * reads nothing now. */
static int on_reader(const char *line, void *context)
{
    store_stat_t *stat = context;
    const char *last = strrchr(line, ' ');
    char *end;
    uint64_t txn = last != NULL ? strtoull(last + 1, &end, 10) : 0;
    if (txn > 0 && (*end == '\n' || *end == '\0')) {
        stat->readers++;
        stat->oldest_txn = stat->oldest_txn == 0 || txn < stat->oldest_txn ? txn : stat->oldest_txn;
    }
    return 0;
}

void store_stat(store_t *store, store_stat_t *out)
{
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    *out = (store_stat_t){.page_size = store->page_size,
                          .pages = (uint64_t)info.me_last_pgno + 1,
                          .map_pages = (uint64_t)info.me_mapsize / store->page_size};
    mdb_reader_list(store->env, on_reader, out);
    out->oldest_reader = out->oldest_txn != 0 && info.me_last_txnid > out->oldest_txn
                             ? (uint64_t)info.me_last_txnid - out->oldest_txn
                             : 0;
}

void store_release(const store_t *store)
{
    if (store->map != NULL) {
        madvise(store->map, store->map_bytes, MADV_DONTNEED);
    }
}

void store_on_commit(store_t *store, store_commit_fn told, void *context)
{
    store->told = told;
    store->context = context;
}
