/* drift.h - what a reading says against the one before: the same, a jump, all units alike; and
 * against others of its time: months that do not add up to their year.
 *
 * Pure: the owner knows the other values. A comparison is always within one unit and figure, and
 * within one period, but for figures that a description says add up over time: scores of months,
 * quarters and years have nothing to do with each other, and the units before 1 July 2025 are
 * others than those after.
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

/* A row of a longer period. */
typedef struct {
    const char *unit; /* code */
    period_t period;
    const reader_figure_t *figures;
    size_t n_figures;
} drift_whole_t;

/* One of its figures against the shorter periods of one kind. */
typedef struct {
    const char *figure;
    period_kind_t parts;
    unsigned n_parts, n_present; /* only with all present is anything compared */
    decimal_t sum, whole;
    bool differs;
    bool too_large; /* no decimal holds the sum */
} drift_span_t;

/* The figure of a part that may be compared. False: there is none; it is not zero. */
typedef bool (*drift_part_fn)(void *context, const source_span_t *span, const char *unit,
                              period_t part, const char *figure, decimal_t *value);
typedef void (*drift_span_fn)(void *context, const drift_whole_t *whole, const drift_span_t *span);
/* Compares what the description says adds up over time; tells of each figure and kind of part that
 * has any part. That the periods are over, and were told at one time, is for `part_of` to know. */
void drift_spans(const source_t *source, const drift_whole_t *whole, drift_part_fn part_of,
                 drift_span_fn each, void *context);

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
