/* answers.h - what stands behind each address; door.c says which. Each answers the request before
 * it returns. */
#ifndef CHISO_INGEST_API_ANSWERS_H
#define CHISO_INGEST_API_ANSWERS_H

#include "door.h"

/* raw.c */
void answer_raw(const door_call_t *call); /* {sha256} */

#endif
