/* tree.c - see tree.h. Hashes come from the bytes that are read, in the same pass as the copy. */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t)256 * 1024)

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Hashes what `from` holds, and writes it to `to` unless that is -1. */
static int pass(int from, int to, tree_file_t *out)
{
    uint8_t *block = malloc(BLOCK);
    if (block == NULL) {
        return -ENOMEM;
    }
    struct sha256_ctx sum;
    uint64_t size = 0;
    ssize_t n;
    int rc = 0;
    sha256_init(&sum);
    while (rc == 0 && ((n = read(from, block, BLOCK)) > 0 || (n < 0 && errno == EINTR))) {
        if (n > 0) {
            sha256_update(&sum, (size_t)n, block);
            size += (uint64_t)n;
            rc = to >= 0 ? write_all(to, block, (size_t)n) : 0;
        }
    }
    rc = rc == 0 && n < 0 ? -errno : rc;
    if (rc == 0 && to >= 0 && fsync(to) != 0) {
        rc = -errno;
    }
    free(block);
    if (rc == 0) {
        sha256_digest(&sum, SHA256_SIZE, out->hash);
        out->size = size;
    }
    return rc;
}

int tree_hash(int folder, const char *path, tree_file_t *out)
{
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return -errno;
    }
    int rc = pass(fd, -1, out);
    close(fd);
    return rc;
}

int tree_make_parents(int folder, const char *path)
{
    char part[TREE_MAX_PATH];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
        return -ENAMETOOLONG;
    }
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(folder, part, 0750) != 0 && errno != EEXIST) {
            return -errno;
        }
        *slash = '/';
    }
    return 0;
}

int tree_copy(int from_folder, const char *from, int to_folder, const char *to, unsigned mode,
              tree_file_t *out)
{
    int source = openat(from_folder, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (source < 0) {
        return -errno;
    }
    int rc = tree_make_parents(to_folder, to);
    int fd = -1;
    if (rc == 0) {
        fd = openat(to_folder, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        rc = fd >= 0 ? pass(source, fd, out) : -errno;
    }
    close(source);
    if (fd >= 0 && close(fd) != 0 && rc == 0) {
        rc = -errno;
    }
    return rc;
}

/* ---- whole folders ---- */

static FTS *open_tree(const char *path)
{
    char *roots[] = {(char *)(uintptr_t)path, NULL};
    return fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

typedef int (*entry_fn)(const FTSENT *e, void *context);

/* Each entry once; folders after what is in them. */
static int each_entry(const char *path, entry_fn each, void *context)
{
    FTS *tree = open_tree(path);
    if (tree == NULL) {
        return -errno;
    }
    int rc = 0;
    FTSENT *e;
    errno = 0;
    while (rc == 0 && (e = fts_read(tree)) != NULL) {
        if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS) {
            bool vanished = e->fts_errno == ENOENT && e->fts_level > 0;
            rc = vanished ? 0 : -e->fts_errno;
        } else if (e->fts_info != FTS_D) {
            rc = each(e, context);
        }
    }
    if (rc == 0 && e == NULL && errno != 0) {
        rc = -errno;
    }
    fts_close(tree);
    return rc;
}

static int sync_entry(const FTSENT *e, void *context)
{
    (void)context;
    return e->fts_info == FTS_DP ? sync_folder(e->fts_accpath) : 0;
}

int tree_sync(const char *path)
{
    return each_entry(path, sync_entry, NULL);
}

static int remove_entry(const FTSENT *e, void *context)
{
    (void)context;
    return remove(e->fts_accpath) == 0 || errno == ENOENT ? 0 : -errno;
}

int tree_remove(const char *path)
{
    int rc = each_entry(path, remove_entry, NULL);
    return rc == -ENOENT ? 0 : rc;
}

static int give_entry(const FTSENT *e, void *context)
{
    const unsigned *who = context;
    return lchown(e->fts_accpath, who[0], who[1]) == 0 ? 0 : -errno;
}

int tree_give(const char *path, unsigned uid, unsigned gid)
{
    unsigned who[2] = {uid, gid};
    return each_entry(path, give_entry, who);
}

int tree_empty(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return -errno;
    }
    int empty = 1;
    const struct dirent *e;
    while ((e = readdir(folder)) != NULL) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "lost+found") != 0) {
            empty = 0;
        }
    }
    closedir(folder);
    return empty;
}

typedef struct {
    tree_each_fn each;
    void *context;
    size_t skip; /* of the path: the root and its '/' */
} walk_t;

static int walk_entry(const FTSENT *e, void *context)
{
    const walk_t *w = context;
    return e->fts_info == FTS_F ? w->each(w->context, e->fts_path + w->skip) : 0;
}

int tree_walk(const char *path, tree_each_fn each, void *context)
{
    size_t len = strlen(path);
    walk_t walk = {each, context, len + (len > 0 && path[len - 1] == '/' ? 0 : 1)};
    return each_entry(path, walk_entry, &walk);
}
