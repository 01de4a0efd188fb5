/* secret.h - a text that must be in no log: read from a file of its own, wiped when freed. */
#ifndef CHISO_FETCH_SECRET_H
#define CHISO_FETCH_SECRET_H

#include "fetch/fetch.h"

/* Zero-initialised when there is none. */
typedef struct {
    char *text; /* NUL-terminated */
    size_t len; /* without the NUL */
} fetch_secret_t;

/* Reads one line of 1 to `max` bytes without control characters; one line end (LF or CR LF) at its
 * end is dropped. The file must be a regular one that only its owner may read (0600 or tighter; of
 * a file of root's also its group, 0640, unless we are root; through a link: what it points to). 0;
 * -errno, CHISO_E_INVALID or CHISO_E_TOO_BIG and what is wrong, naming the file and never its
 * content. The caller frees it. */
int fetch_secret_read(const char *file, size_t max, fetch_secret_t *out,
                      char reason[FETCH_REASON_SIZE]);
/* A copy. 0, -ENOMEM. */
int fetch_secret_copy(const char *text, size_t len, fetch_secret_t *out);
/* Wipes it; it is zero-initialised then. */
void fetch_secret_free(fetch_secret_t *secret);

#endif
