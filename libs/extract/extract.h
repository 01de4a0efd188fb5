/* extract.h - from a fetched body to rows of named texts, whatever its format.
 *
 * JSON (jansson), CSV and HTML (libxml2, in a child process with limits) come out alike: a table
 * whose columns are those of the specification. What a cell means (a number, a date, a unit) is
 * said by field.h; which figure it is, by ingest. Bodies have no contract: a page instead of data
 * is BLOCKED, never empty; a shape that is not the expected one is MALFORMED, with what was
 * expected.
 */
#ifndef CHISO_EXTRACT_EXTRACT_H
#define CHISO_EXTRACT_EXTRACT_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXTRACT_MAX_COLUMNS 64
#define EXTRACT_MAX_ROWS 100000
#define EXTRACT_MAX_CELL (64 * 1024)

typedef enum { EXTRACT_JSON = 1, EXTRACT_CSV, EXTRACT_HTML } extract_format_t;

/* `path` is a JSON Pointer relative to the row ("/TONG_SCORE"; a pointer that begins with "^"
 * counts from the body's root, "^/total"), the heading of a CSV column, or an XPath relative to the
 * row. */
typedef struct {
    const char *name;
    const char *path;
    bool required; /* a row without it is bad, not merely lacking a figure */
} extract_column_t;

typedef struct {
    extract_format_t format;
    const char *rows; /* JSON Pointer to the array of rows, or to an object that is the only row
                       * ("" the body itself); XPath of the rows; NULL for CSV */
    const extract_column_t *columns;
    size_t n_columns;
    char delimiter;        /* CSV; 0: "," */
    const char *html_path; /* of the chiso-html program; NULL: beside the running one */
} extract_spec_t;

typedef enum {
    EXTRACT_ROWS,
    EXTRACT_EMPTY,    /* the right shape, and no row */
    EXTRACT_BLOCKED,  /* not of the format at all: a page, a challenge */
    EXTRACT_MALFORMED /* of the format, but another shape, or cut */
} extract_kind_t;

typedef struct {
    const char **cells; /* by column, NFC; NULL: absent or null. JSON numbers keep their digits */
    const char *raw;    /* the row in its own format, for quarantine */
    size_t line;        /* CSV: line of the body, from 1; else place of the row, from 1 */
    const char *fault;  /* NULL, or why the row is bad ("column X is missing") */
} extract_row_t;

typedef struct {
    extract_kind_t kind;
    char reason[160]; /* when blocked or malformed */
    extract_row_t *rows;
    size_t n_rows;
    uint8_t shape[32]; /* SHA-256 over the sorted names of what a row holds (JSON keys, CSV
                        * headings), nested ones by pointer: another one means another schema */
    struct extract_memory *memory; /* everything above lives here */
} extract_table_t;

/* 0 or -ENOMEM, -errno when the child could not be run; what is wrong with the body is in the
 * table. Free with extract_free(). Numbers in JSON come with the digits they were written with. */
int extract(const extract_spec_t *spec, bytes_t body, extract_table_t *out);
void extract_free(extract_table_t *table);

/* Is the specification itself usable (pointers, XPaths, headings)? 0 or CHISO_E_SYNTAX with a
 * reason. */
int extract_check(const extract_spec_t *spec, char reason[160]);

/* The text at a JSON Pointer of a body ("/error_code"), numbers by their digits, true/false as
 * such; for tests of success that are not about rows. 1 found, 0 not there, CHISO_E_SYNTAX when the
 * body is not JSON. `out` is appended to. */
int extract_json_text(bytes_t body, const char *pointer, buffer_t *out);

#endif
