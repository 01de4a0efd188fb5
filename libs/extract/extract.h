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
#define EXTRACT_REASON_SIZE 160
#define EXTRACT_MAX_BODY (64 * 1024 * 1024)
#define EXTRACT_MAX_PAGE (8 * 1024 * 1024) /* a body that is HTML */
#define EXTRACT_MAX_DEPTH 32               /* of JSON */
#define EXTRACT_MAX_VALUES 2000000         /* of JSON: members and elements, all levels together */
#define EXTRACT_MAX_POINTER 512            /* bytes of a pointer, heading or XPath */
/* What reading one HTML body may take: of a processor and of memory, the same verdict on any
 * machine (with sanitizers ten times as much, and any); and how long the caller waits at most, who
 * does nothing else meanwhile, on a machine that is too busy. 8 MiB of <p> take 2 s and 480 MB. */
#define EXTRACT_PAGE_CPU_S 3
#define EXTRACT_PAGE_MEMORY (512ULL << 20)
#define EXTRACT_PAGE_MS 10000

typedef enum { EXTRACT_JSON = 1, EXTRACT_CSV, EXTRACT_HTML } extract_format_t;

/* `path` is
 * - JSON: a JSON Pointer (RFC 6901) relative to the row ("/TONG_SCORE", "" the row itself); from
 * the body's root when it begins with "^" ("^/total"); from the place N levels above the row when
 * it begins with a number N ("3/key": the arrays count as levels too);
 * - CSV: the heading of a column, compared in NFC with white space folded;
 * - HTML: an XPath 1.0 expression relative to the row; of several nodes the first counts. */
typedef struct {
    const char *name;
    const char *path;
    bool required; /* a row without it is bad, not merely lacking a figure */
} extract_column_t;

typedef struct {
    extract_format_t format;
    /* JSON: the pointer to the array of rows, or to an object that is the only row ("" the body
     * itself); a token "-" on the way stands for every element of an array. HTML: XPath of the
     * rows. CSV: NULL. */
    const char *rows;
    /* What shows that this is the expected answer at all, or NULL: a JSON Pointer or CSV heading
     * that must exist (else MALFORMED), an XPath that must be true (else BLOCKED). Without it a
     * page that is something else, and holds none of the rows, reads as EMPTY. */
    const char *proof;
    /* HTML: where a body that is JSON holds the page ("/html"); NULL: such a body is MALFORMED. */
    const char *wrapped;
    const extract_column_t *columns;
    size_t n_columns;
    char delimiter;        /* CSV; 0: "," */
    const char *html_path; /* of the chiso-html program; NULL: beside the running one */
    int page_ms;           /* HTML: how long reading it may take; 0: EXTRACT_PAGE_MS */
} extract_spec_t;

typedef enum {
    EXTRACT_ROWS,
    EXTRACT_EMPTY,    /* the right shape, and no row */
    EXTRACT_BLOCKED,  /* not of the format at all: a page, a challenge */
    EXTRACT_MALFORMED /* of the format, but another shape, or cut */
} extract_kind_t;

typedef struct {
    const char **cells; /* by column, NFC, white space folded; NULL: absent, null or empty (never a
                         * zero). JSON numbers keep their digits, true and false are such */
    const char *raw;    /* the row in its own format, for quarantine (HTML: its first 16 KiB) */
    size_t line;        /* CSV: line of the body, from 1; else place of the row, from 1 */
    const char *fault;  /* NULL, or why the row is bad ("column X is missing") */
} extract_row_t;

typedef struct {
    extract_kind_t kind;
    char reason[EXTRACT_REASON_SIZE]; /* when blocked or malformed; clean UTF-8 */
    extract_row_t *rows;
    size_t n_rows;
    uint8_t shape[32]; /* SHA-256 over the sorted names of what a row holds (JSON keys, CSV
                        * headings), nested ones by pointer with "-" for elements: another one
                        * means another schema. HTML: over the columns that some row fills. Zeros
                        * without rows */
    struct extract_memory *memory; /* everything above lives here */
} extract_table_t;

/* 0; -ENOMEM; -errno when the child could not be run (nothing is known of the body then); what is
 * wrong with the body is in the table. Free with extract_free(). Rows of which none has any of the
 * columns are MALFORMED. The charset of a header is not asked: a body is UTF-8 or MALFORMED; a
 * byte-order mark is taken off CSV and HTML and refused in JSON. Thread-safe. */
int extract(const extract_spec_t *spec, bytes_t body, extract_table_t *out);
void extract_free(extract_table_t *table);

/* Is the specification itself usable (pointers, XPaths, headings)? 0; CHISO_E_SYNTAX; for HTML
 * -errno when chiso-html cannot be run. The last two with a reason. */
int extract_check(const extract_spec_t *spec, char reason[EXTRACT_REASON_SIZE]);

/* The text at a JSON Pointer of a body ("/error_code"), numbers by their digits, true/false as
 * such; for tests of success that are not about rows. 1 found, 0 not there, CHISO_E_SYNTAX when the
 * body is not JSON. `out` is appended to. */
int extract_json_text(bytes_t body, const char *pointer, buffer_t *out);

#endif
