/* answers.h - what stands behind each address; door.c says which. Each answers the request before
 * it returns. */
#ifndef CHISO_INGEST_API_ANSWERS_H
#define CHISO_INGEST_API_ANSWERS_H

#include "door.h"

/* post_figures.c: rows in, a result for each row out, after the commit. */
void answer_post_figures(const door_call_t *call); /* ?dry_run=1&atomic=1 */
/* get_figures.c: everything that is known of a unit, with its revisions. */
void answer_get_figures(const door_call_t *call); /* ?unit=&period=&figure= */
/* files.c: evidence in, by its bytes. */
void answer_post_evidence(const door_call_t *call);
/* raw.c */
void answer_raw(const door_call_t *call); /* {sha256} */

/* admin.c */
void answer_release(const door_call_t *call); /* number of an entry of the quarantine */
void answer_drop(const door_call_t *call);
void answer_replay(const door_call_t *call);

/* backfills.c */
void answer_post_backfill(const door_call_t *call);
void answer_get_backfills(const door_call_t *call);
void answer_get_backfill(const door_call_t *call); /* {number} */
void answer_cancel_backfill(const door_call_t *call);

/* Reads the {number} of the address; false after answering. */
bool answers_number(const door_call_t *call, uint64_t *number);

#endif
