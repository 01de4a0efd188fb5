/* drift.h - what a reading says against the one before: the same, a jump, all units alike.
 *
 * Pure: the owner knows the values that stood before. A comparison is always within one unit,
 * figure and period of one series: months, quarters and years of a source disagree, and the units
 * before 1 July 2025 are others than those after, so no such pair is ever compared.
 */
#ifndef CHISO_SOURCE_DRIFT_H
#define CHISO_SOURCE_DRIFT_H

#include "source/reader.h"

#define DRIFT_ALIKE_UNITS 10 /* so many units must have moved before it means anything */
#define DRIFT_NOTICE_SIZE 512

/* SHA-256 over what the rows say, whatever order rows and keys came in and however they were
 * written. False when a row is bad: then the answer has no content to compare. -ENOMEM is false
 * too. */
bool drift_content(const reader_table_t *table, uint8_t out[32]);

/* Did the figure move by more than its description allows? Then `reason` says so. */
bool drift_jumps(const source_figure_t *figure, decimal_t before, decimal_t now, char reason[160]);

/* The moves of one reading. */
typedef struct drift drift_t;

int drift_new(const source_t *source, drift_t **out); /* 0 or -ENOMEM */
void drift_destroy(drift_t **drift);
/* A unit that had a value before, whether it moved or not; `figure` is the source's own id text.
 * What there is no memory for is not counted. */
void drift_add(drift_t *drift, const char *figure, decimal_t before, decimal_t now);
/* Of each figure: did at least DRIFT_ALIKE_UNITS units, and nine tenths of those that could be
 * compared, move the same way by amounts within a tenth of the middle one? Real: the satisfaction
 * points of month 10 of 2025 rose by 6.00 to 6.08 for all 34 provinces in one night. Writes the
 * notice and returns true, or leaves it. */
bool drift_alike(drift_t *drift, char notice[DRIFT_NOTICE_SIZE]);

#endif
