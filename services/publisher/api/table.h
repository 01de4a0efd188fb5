/* table.h - an answer's list as a flat table, for spreadsheets.
 *
 * It is made from the JSON of the answer, so that no table can say something else than its answer.
 * A row is an element of the list; what is nested in it becomes columns: "pillar.points" of an
 * object, "pillars.ckmb.points" of a list whose elements have a code (or id). `path` names the
 * list: "units", or "pillars.indicators" for the elements of a list in each element of another,
 * whose scalars then stand before theirs ("pillars.code").
 */
#ifndef CHISO_PUBLISHER_API_TABLE_H
#define CHISO_PUBLISHER_API_TABLE_H

#include "base/bytes.h"

typedef struct table table_t;

#define TABLE_MAX_JSON (16 * 1024 * 1024)
#define TABLE_MAX_COLUMNS 4096
#define TABLE_TITLE_SIZE 1024

/* Which of three things a column holds, by its name. */
typedef enum { TABLE_TEXT, TABLE_NUMBER, TABLE_WHOLE } table_kind_t;

/* 0; CHISO_E_TOO_BIG; CHISO_E_NOT_FOUND when the answer has no such list; -ENOMEM. */
int table_from_json(bytes_t json, const char *path, table_t **out);
void table_free(table_t **table);

size_t table_rows(const table_t *table);
size_t table_columns(const table_t *table);
const char *table_column(const table_t *table, size_t column); /* "pillars.ckmb.points" */
table_kind_t table_kind(const table_t *table, size_t column);
/* In Vietnamese: "Nhóm ckmb: Điểm". A name has at most 255 bytes; all that it says fits. */
const char *table_title(const char *column, char out[TABLE_TITLE_SIZE]);
const char *table_cell(const table_t *table, size_t row, size_t column); /* NULL: none */

/* RFC 4180: CRLF, UTF-8, a header line of column names. `bom` begins with U+FEFF, by which Excel
 * knows UTF-8. A text that a spreadsheet would take for a formula gets an apostrophe before it. */
void table_csv(const table_t *table, bool bom, buffer_t *out);

/* An XLSX workbook of one sheet. Excel computes in binary floating point with 15 significant
 * digits: a decimal of at most 15 is a number cell, which then shows exactly its digits; a longer
 * one is a text cell, so that nothing is rounded. Codes are always text. 0, CHISO_E_TOO_BIG,
 * -errno. */
int table_xlsx(const table_t *table, const char *sheet, buffer_t *out);

#endif
