/* spans.h - do the shorter periods that a source tells add up to the longer ones? What does not is
 * told with both numbers as long as it is so; the figures stay as the source gave them.
 *
 * Compared is only what stood at one time: there was a moment after the longer period's end at
 * which the source, as far as it was read, told it and all of its parts. So a current period, a
 * part that is missing, and one that was last read before the rest was restated prove nothing.
 */
#ifndef CHISO_INGEST_SPANS_H
#define CHISO_INGEST_SPANS_H

#include "intake.h"

/* Looks at all longer periods of the series; *changed when the list of what does not add up is
 * another than before. 0; -ENOMEM and failures of the store, which stick to the transaction too. */
int spans_check(const intake_t *in, series_t *series, store_txn_t *txn, bool *changed);

/* Can an answer of `part` change what spans_check() finds of `whole`? */
bool spans_concern(const series_t *whole, const series_t *part);

/* Puts the list into a state, which borrows from *memory; the caller frees that. 0 or -ENOMEM. */
int spans_tell(const series_t *series, event_source_state_t *state, void **memory);
/* Do two states tell the same of it? */
bool spans_same(const event_source_state_t *a, const event_source_state_t *b);
/* "91 2024 payments: 12 months make 51231, the year says 51230", and how many more. */
#define SPANS_TEXT_SIZE 512
const char *spans_describe(const series_t *series, char out[SPANS_TEXT_SIZE]);

#endif
