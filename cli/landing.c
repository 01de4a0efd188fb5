/* landing.c - see landing.h. */
#include "landing.h"

#include "base/error.h"
#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int say(const char *path, int rc)
{
    fprintf(stderr, "chiso: %s: %s\n", path, chiso_strerror(rc));
    return rc;
}

int landing_check(const char *path)
{
    int empty = tree_empty(path);
    if (empty == 0) {
        fprintf(stderr,
                "chiso: %s: is not empty; move away what is there, nothing is overwritten\n", path);
        return -ENOTEMPTY;
    }
    return empty == 1 || empty == -ENOENT ? 0 : say(path, empty);
}

int landing_begin(const char *path, char work[TREE_MAX_PATH], int *fd)
{
    if (snprintf(work, TREE_MAX_PATH, "%s/" STORE_UNFINISHED "/", path) >= TREE_MAX_PATH - 64) {
        return say(path, -ENAMETOOLONG);
    }
    int rc = tree_make_parents(AT_FDCWD, work);
    if (rc == 0) {
        *fd = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = *fd >= 0 ? 0 : -errno;
    }
    return rc == 0 ? 0 : say(path, rc);
}

/* Who restores is often root; who runs the service is not. */
static int give(const char *path)
{
    struct stat parent;
    char above[TREE_MAX_PATH];
    snprintf(above, sizeof above, "%s/..", path);
    if (geteuid() != 0) {
        return 0;
    }
    struct stat own;
    if (stat(path, &own) != 0 || stat(above, &parent) != 0) {
        return -errno;
    }
    /* a folder that we have made is root's: its parent says whose it is to be */
    const struct stat *whose = own.st_uid != 0 ? &own : &parent;
    return tree_give(path, whose->st_uid, whose->st_gid);
}

int landing_end(const char *path, int from)
{
    char work[TREE_MAX_PATH];
    snprintf(work, sizeof work, "%s/" STORE_UNFINISHED, path);
    int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = to >= 0 ? 0 : -errno;
    unlinkat(from, "lock.mdb", 0);
    unlinkat(from, "owner.lock", 0);
    rc = rc == 0 ? tree_sync(work) : rc;
    if (rc == 0 && renameat(from, "archive", to, "archive") != 0 && errno != ENOENT) {
        rc = -errno;
    }
    if (rc == 0 && renameat(from, "data.mdb", to, "data.mdb") != 0) {
        rc = -errno;
    }
    if (rc == 0) {
        rc = give(path);
    }
    if (rc == 0 &&
        (fsync(to) != 0 || unlinkat(to, STORE_UNFINISHED, AT_REMOVEDIR) != 0 || fsync(to) != 0)) {
        rc = -errno;
    }
    if (to >= 0) {
        close(to);
    }
    return rc == 0 ? 0 : say(path, rc);
}
