/* tree.h - files and folders, copied so that they last: hashed on the way, fsync'd. */
#ifndef CHISO_CLI_TREE_H
#define CHISO_CLI_TREE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define TREE_MAX_PATH 4096

typedef struct {
    uint8_t hash[SHA256_SIZE];
    uint64_t size;
} tree_file_t;

/* `folder` is a descriptor, paths are seen from it. 0 or -errno; outputs untouched on failure. */
int tree_hash(int folder, const char *path, tree_file_t *out);
/* Makes the new file `to` with the mode given and fsyncs it; the folders before it are made. */
int tree_copy(int from_folder, const char *from, int to_folder, const char *to, unsigned mode,
              tree_file_t *out);
/* Makes every folder before the last '/' of path. */
int tree_make_parents(int folder, const char *path);
/* fsyncs a folder and all folders in it, the innermost first. */
int tree_sync(const char *path);
/* Removes it with all that is in it; that it is not there is no failure. */
int tree_remove(const char *path);
/* Gives everything in it to another user. */
int tree_give(const char *path, unsigned uid, unsigned gid);
/* Is nothing in it but what a file system makes itself (lost+found)? 1, 0 or -errno. */
int tree_empty(const char *path);

/* Walks the files of a folder; `name` is seen from it. A code other than 0 ends the walk and is
 * returned. */
typedef int (*tree_each_fn)(void *context, const char *name);
int tree_walk(const char *path, tree_each_fn each, void *context);

#endif
