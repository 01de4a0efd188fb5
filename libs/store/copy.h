/* copy.h - whole copies of a store: of one that runs, and in place of one that does not. */
#ifndef CHISO_STORE_COPY_H
#define CHISO_STORE_COPY_H

#include <stdint.h>

/* In a data folder while `chiso restore` fills it; a store is not opened beside it. */
#define STORE_UNFINISHED "restore.unfinished"

/* Writes the store in the folder `path`, as of its last commit, into `fd` (an empty file), without
 * its free pages, and fsyncs it. Its owner may run and write on meanwhile; what it frees while the
 * copy takes cannot be used again until the end. 0, CHISO_E_STORE, -errno, with a reason. */
int store_copy(const char *path, int fd, char reason[256]);

typedef struct {
    uint64_t before, after; /* bytes of the file */
} store_compacted_t;

/* Puts a copy without free pages in the place of the store's file: written beside it, fsync'd,
 * renamed. Killed at any instant the folder holds the one or the other, whole. -EBUSY when the
 * store's owner runs or anybody else has it open; otherwise as store_copy. */
int store_compact(const char *path, store_compacted_t *out, char reason[256]);

#endif
