/* copy.c - see copy.h.
 *
 * LMDB's own copy is a read transaction that walks the tree, so a running owner is neither stopped
 * nor asked, and what is copied is one commit's state. It is always the compacting one: a copy is
 * as small as its contents, and has the same bytes whatever the file has been through.
 */
#include "store/copy.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TABLES 32
#define MAX_PATH 4096

static int failed(const char *path, int rc, char reason[256])
{
    snprintf(reason, 256, "%s: %s", path, mdb_strerror(rc));
    return rc > 0 ? -rc : CHISO_E_STORE;
}

int store_copy(const char *path, int fd, char reason[256])
{
    MDB_env *env = NULL;
    struct stat file;
    char data[MAX_PATH];
    /* LMDB would say "no such file" of a missing lock.mdb as well, and make one */
    if (snprintf(data, sizeof data, "%s/data.mdb", path) >= (int)sizeof data) {
        return failed(path, ENAMETOOLONG, reason);
    }
    if (stat(data, &file) != 0) {
        return failed(data, errno, reason);
    }
    int dead;
    int rc = mdb_env_create(&env);
    if (rc == 0) {
        rc = mdb_env_set_maxdbs(env, MAX_TABLES);
    }
    if (rc == 0) {
        rc = mdb_env_open(env, path, MDB_RDONLY, 0640);
    }
    if (rc == 0) {
        rc = mdb_reader_check(env, &dead);
    }
    if (rc == 0) {
        rc = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
    }
    if (env != NULL) {
        mdb_env_close(env);
    }
    if (rc == 0 && fsync(fd) != 0) {
        rc = errno;
    }
    return rc == 0 ? 0 : failed(path, rc, reason);
}

/* ---- compaction ---- */

typedef struct {
    int folder, owner, users;
    char copy[MAX_PATH], data[MAX_PATH];
} compaction_t;

static int lock_owner(compaction_t *c)
{
    c->owner = openat(c->folder, "owner.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (c->owner < 0) {
        return errno;
    }
    return flock(c->owner, LOCK_EX | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? EBUSY : errno;
}

/* Every process that has the store open holds a shared lock on the first byte of lock.mdb. Whoever
 * had it open across the exchange would mix the old file's readers with the new file's pages. */
static int lock_users(compaction_t *c)
{
    c->users = openat(c->folder, "lock.mdb", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    if (c->users < 0) {
        return errno;
    }
    if (fcntl(c->users, F_SETLK, &all) == 0) {
        return 0;
    }
    return errno == EACCES || errno == EAGAIN ? EBUSY : errno;
}

static int write_copy(compaction_t *c, const char *path, store_compacted_t *out, char reason[256])
{
    struct stat file;
    int rc = fstatat(c->folder, "data.mdb", &file, 0) == 0 ? 0 : failed(c->data, errno, reason);
    if (rc != 0) {
        return rc;
    }
    out->before = (uint64_t)file.st_size;
    unlinkat(c->folder, "data.mdb.compact", 0); /* of one that was killed */
    int fd = openat(c->folder, "data.mdb.compact", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                    file.st_mode & 07777);
    if (fd < 0) {
        return failed(c->copy, errno, reason);
    }
    rc = store_copy(path, fd, reason);
    if (rc == 0 && geteuid() == 0 && fchown(fd, file.st_uid, file.st_gid) != 0) {
        rc = failed(c->copy, errno, reason);
    }
    if (rc == 0 && fstat(fd, &file) == 0) {
        out->after = (uint64_t)file.st_size;
    }
    close(fd);
    return rc;
}

/* The lock file goes with the file that it was of: its counter of transactions is the old one's. */
static int exchange(compaction_t *c, char reason[256])
{
    int rc = lock_users(c);
    if (rc == 0 && renameat(c->folder, "data.mdb.compact", c->folder, "data.mdb") != 0) {
        rc = errno;
    }
    if (rc == 0 && unlinkat(c->folder, "lock.mdb", 0) != 0) {
        rc = errno;
    }
    if (rc == 0 && fsync(c->folder) != 0) {
        rc = errno;
    }
    return rc == 0 ? 0 : failed(c->data, rc, reason);
}

static int replace(compaction_t *c, const char *path, store_compacted_t *out, char reason[256])
{
    int rc = lock_users(c);
    if (rc != 0) {
        return failed(path, rc, reason);
    }
    /* the copy opens lock.mdb itself, and closing it lets go of every lock that we have on it */
    close(c->users);
    c->users = -1;
    rc = write_copy(c, path, out, reason);
    return rc == 0 ? exchange(c, reason) : rc;
}

int store_compact(const char *path, store_compacted_t *out, char reason[256])
{
    compaction_t c = {.owner = -1, .users = -1};
    store_compacted_t sizes = {0};
    snprintf(c.data, sizeof c.data, "%s/data.mdb", path);
    snprintf(c.copy, sizeof c.copy, "%s/data.mdb.compact", path);
    c.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c.folder < 0) {
        return failed(path, errno, reason);
    }
    int rc = lock_owner(&c);
    if (rc != 0) {
        rc = failed(path, rc, reason);
    } else {
        rc = replace(&c, path, &sizes, reason);
        if (rc != 0) {
            unlinkat(c.folder, "data.mdb.compact", 0);
        }
    }
    int fds[] = {c.users, c.owner, c.folder};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (rc == 0) {
        *out = sizes;
    }
    return rc;
}
