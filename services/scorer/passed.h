/* passed.h - the states of sources as they were passed on: in memory, so that a batch never reads
 * the store.
 */
#ifndef CHISO_SCORER_PASSED_H
#define CHISO_SCORER_PASSED_H

#include "base/bytes.h"

typedef struct passed passed_t; /* NULL: none yet */

/* Remembers the event under its key. 1 when it is another than before, 0 when it is the same,
 * -ENOMEM. */
int passed_put(passed_t **passed, bytes_t key, bytes_t event);
void passed_free(passed_t **passed);

#endif
