/* release.h - an operator's word over an entry of the quarantine. */
#ifndef CHISO_INGEST_RELEASE_H
#define CHISO_INGEST_RELEASE_H

#include "intake.h"
#include "schedule.h"

#define RELEASE_REASON_SIZE 256

/* Reads what the entry holds again, by the description of today, and takes it as if it had just
 * been fetched, with the time at which it was; a jump is taken as it is. `by` is who says so.
 * 0; CHISO_E_NOT_FOUND; CHISO_E_INVALID with the reason why it cannot be; as intake_answer(). */
int release_entry(intake_t *in, const schedule_t *schedule, uint64_t number, const char *by,
                  char reason[RELEASE_REASON_SIZE], bool *appended);

/* Removes it; the record of that stays, with `why`. 0; CHISO_E_NOT_FOUND; as intake_answer(). */
int release_drop(intake_t *in, uint64_t number, const char *by, const char *why);

#endif
