/* asked.h - the rows that chiso source test was answered, and whether their periods add up. */
#ifndef CHISO_CLI_ASKED_H
#define CHISO_CLI_ASKED_H

#include "source/drift.h"

typedef struct asked asked_t;

asked_t *asked_new(void); /* NULL: no memory */
void asked_destroy(asked_t **asked);

/* Keeps the good rows; `source` lives longer. 0 or -ENOMEM. */
int asked_keep(asked_t *asked, const source_t *source, const reader_table_t *table);

/* Prints of each figure of the source that adds up over time what its parts make, for periods that
 * were over at `now`. How many do not add up. */
unsigned asked_compare(const asked_t *asked, const source_t *source, int64_t now);

#endif
