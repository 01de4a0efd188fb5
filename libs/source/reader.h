/* reader.h - from the bodies of one asking to rows whose unit, period and figures are certain.
 *
 * Pure: knows the description and the unit registry, no network and no store. A row is read
 * completely or not at all; what is wrong with one does not touch the others. A zero is a figure,
 * an absent cell is not.
 */
#ifndef CHISO_SOURCE_READER_H
#define CHISO_SOURCE_READER_H

#include "event/event.h"
#include "registry/registry.h"
#include "source/source.h"

typedef struct {
    const source_t *source;
    const registry_t *units;
    const registry_unit_t *of; /* the province whose units, or the unit, that was asked for; NULL */
    const registry_unit_t *const *wanted; /* whom `absent` is for, when all are asked at once */
    size_t n_wanted;
    period_t period;
} reader_context_t;

typedef enum {
    READER_ROWS,
    READER_NO_DATA,   /* the right shape, and no row */
    READER_BLOCKED,   /* a page instead of data */
    READER_MALFORMED, /* data of another shape, or cut */
    READER_REFUSED    /* the source says itself that it failed */
} reader_kind_t;

typedef struct {
    const char *id; /* the source's */
    decimal_t value;
} reader_figure_t;

typedef struct {
    event_unit_t unit; /* code NULL: not known */
    char period[PERIOD_TEXT_SIZE];
    reader_figure_t *figures;
    size_t n_figures;
    size_t page;      /* which body it stands in */
    const char *raw;  /* the row as the source wrote it, "" for none */
    const char *rule; /* NULL: good; "schema", "number", "range", "sum", "duplicate", "unit" */
    char reason[160];
    char *name; /* of a unit that is in no register */
} reader_row_t;

typedef struct {
    reader_kind_t kind;
    char reason[256]; /* unless rows */
    size_t page;      /* that the reason is about */
    reader_row_t *rows;
    size_t n_rows;
    size_t n_skipped;  /* of units that are not ours */
    uint8_t shape[32]; /* of the first body; see extract_table_t */
    struct reader_memory *memory;
} reader_table_t;

/* Is this one body an answer at all, and how many rows has it? For paging; `rows` 0 ends it. */
int reader_count(const source_t *source, bytes_t body, reader_kind_t *kind, size_t *rows);

/* 0, -ENOMEM, or -errno when the HTML reader could not be run. Free with reader_free(). */
int reader_read(const reader_context_t *context, const bytes_t *pages, size_t n_pages,
                reader_table_t *out);
void reader_free(reader_table_t *table);

#endif
