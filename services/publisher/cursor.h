/* cursor.h - places in the publisher's journal as clients hold them: ids of the event stream, and
 * cursors of the list of changes.
 *
 * "EPOCH-NUMBER", the journal's epoch in 16 hex digits: so that a place in the journal of another
 * life of this publisher is known as such, and never taken for one of this.
 */
#ifndef CHISO_PUBLISHER_CURSOR_H
#define CHISO_PUBLISHER_CURSOR_H

#include "journal/journal.h"

#define CURSOR_SIZE 40
const char *cursor_write(const journal_t *journal, uint64_t seq, char out[CURSOR_SIZE]);

/* The number of the newest thing that the client has. 0; CHISO_E_SYNTAX; CHISO_E_TRIMMED: what
 * comes next is no longer here, or was never. */
int cursor_read(const journal_t *journal, const char *text, uint64_t *out);

#endif
