/* table.h - a table under construction: what the readers of JSON, CSV and HTML share.
 *
 * Sticky: after -ENOMEM or a verdict on the whole body every call is a no-op; table_end() tells.
 */
#ifndef CHISO_EXTRACT_TABLE_H
#define CHISO_EXTRACT_TABLE_H

#include "extract/extract.h"

#include <jansson.h>

typedef struct {
    extract_table_t *out;
    const extract_spec_t *spec;
    json_t *names; /* the keys are the names of the shape */
    size_t room;
    bool decided; /* a verdict on the whole body was given */
    int rc;
} table_t;

table_t table_begin(const extract_spec_t *spec, extract_table_t *out);

/* The rest of the body says nothing any more. `reason` is printf's; what cannot be shown in it is
 * shown as "?". Keeps the first verdict. */
void table_decide(table_t *t, extract_kind_t kind, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));
bool table_done(const table_t *t); /* decided, or out of memory */

/* A new row with its bytes; false when there is none any more (too many, no memory). The others
 * concern the row that was begun last. */
bool table_row(table_t *t, size_t line, bytes_t raw);
/* Normalised; what is not clean text or too long is a fault of the row. */
void table_cell(table_t *t, size_t column, bytes_t text);
void table_fault(table_t *t, const char *reason, ...) __attribute__((format(printf, 2, 3)));
/* A name that the shape has; any number of times. */
void table_name(table_t *t, const char *name);

/* Required columns, verdict, shape. 0 or -ENOMEM, with the table freed. */
int table_end(table_t *t);

/* Decides BLOCKED, quoting the page's title and the firewall's support id if there are such. */
void table_page(table_t *t, bytes_t body, const char *expected);

#endif
