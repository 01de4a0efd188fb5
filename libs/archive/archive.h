/* archive.h - raw bodies as files named by their SHA-256, each stored once.
 *
 * FOLDER/ab/abcdef…: written beside, fsync'd, renamed, the folder fsync'd; so a name that exists
 * has its whole content. A crash can leave a file that nothing refers to, never the reverse.
 */
#ifndef CHISO_ARCHIVE_ARCHIVE_H
#define CHISO_ARCHIVE_ARCHIVE_H

#include "base/bytes.h"

typedef struct archive archive_t;

/* Creates the folder when it is missing. 0 or -errno. */
int archive_open(const char *folder, archive_t **out);
void archive_close(archive_t **archive);

/* Keeps `body`, durable when it returns 0; `hash` is its SHA-256. -errno (-ENOSPC, …) otherwise. */
int archive_keep(archive_t *archive, bytes_t body, const uint8_t hash[SHA256_SIZE]);

/* Appends the body to `out`. 0; CHISO_E_NOT_FOUND; CHISO_E_CORRUPT when its bytes are no longer
 * those of the hash; -errno. */
int archive_read(archive_t *archive, const uint8_t hash[SHA256_SIZE], buffer_t *out);

#endif
