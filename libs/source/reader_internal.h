/* reader_internal.h - what the parts of the reader share. Inside libs/source only. */
#ifndef CHISO_SOURCE_READER_INTERNAL_H
#define CHISO_SOURCE_READER_INTERNAL_H

#include "reader.h"

/* What the description's table calls the unit, first of several; NULL when it has it not. */
const char *reader_table_id(const source_t *source, const char *code);
/* Only the first thing that is wrong is told. */
void reader_reject(reader_row_t *row, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The row's value of a figure, by the source's own id text; NULL when it has none. */
const decimal_t *reader_value(const reader_row_t *row, const char *id);
/* Copies across pages become one row, sums are added, what contradicts itself is rejected. 0 or
 * -ENOMEM. */
int reader_join(const source_t *source, reader_table_t *table);
/* Does the source say itself that it failed? Then kind and reason are set. A body that is not JSON
 * is left to extract(). */
bool reader_refused(const source_t *source, bytes_t body, reader_table_t *out);

#endif
