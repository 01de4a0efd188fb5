/* drop.h - files for somebody else to take: whole or not at all, and never a record twice.
 *
 * A file is written beside its name, synced, and renamed into place; then the folder is synced;
 * then a line with its name, size, hash and keys goes to the day's manifest-YYYY-MM-DD.jsonl and is
 * synced. Only then is it done. After a kill in between, the manifest's last line says which of the
 * records have been told already.
 *
 * One thread a folder: a share that hangs holds nobody else up.
 */
#ifndef CHISO_PUBLISHER_TARGETS_DROP_H
#define CHISO_PUBLISHER_TARGETS_DROP_H

#include "service/service.h"
#include "target.h"

typedef struct drop drop_t;

/* `event_fd` (an eventfd, borrowed) becomes readable when an answer waits. 0 or -errno. */
int drop_start(const char *folder, bool batch, int event_fd, drop_t **out);
/* Waits for the write that is under way. */
void drop_stop(drop_t **drop);

/* Hands over lines, one for each of n keys; one job at a time. Both are copied. No key
 * at all only tries whether a file can be made. 0 or -ENOMEM. */
int drop_put(drop_t *drop, bytes_t lines, const char *const *keys, size_t n, void *context);
/* The answer of the job, or NULL: FETCH_ANSWERED when all of it is in place. Free it with
 * fetch_answer_free(). */
fetch_answer_t *drop_take(drop_t *drop);

#endif
