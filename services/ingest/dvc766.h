/* dvc766.h - the 766 board of the national public-service portal (Cổng Dịch vụ công quốc gia).
 *
 * POST rest.jsp, service report_tinh_766_service. The answer is a bare JSON array of flat objects
 * in which every value is a string. The portal has no contract: what is known of its form, and how
 * sure, is in docs/sources.md. This file knows the wire only; it neither fetches nor stores.
 */
#ifndef CHISO_INGEST_DVC766_H
#define CHISO_INGEST_DVC766_H

#include "base/bytes.h"
#include "decimal/decimal.h"
#include "period/period.h"

#include <stdbool.h>

/* The groups in the order of the decision: CKMB, TDGQ, CLGQ (online provision, in spite of its
 * name), TTTT, MDHL, MDSH; then the total that the portal states. */
#define DVC766_FIGURES 7
#define DVC766_TOTAL 6
extern const char *const dvc766_figure_ids[DVC766_FIGURES];

#define DVC766_MAX_ROWS 2000 /* no province has 400 units */

/* The form of a request: "params=" and the percent-encoded JSON. `dvc_id` is "0" for the provinces,
 * or the agency id of the province whose departments and communes are wanted. */
void dvc766_request(const char *dvc_id, period_t period, buffer_t *out);

typedef struct {
    char *id;     /* the portal's id: what rows are joined by */
    char *name;   /* NFC */
    char *agency; /* MA_COQUAN, "H01.15" */
    int level;    /* Chiso__V1__Level, from LOAI_COQUAN */
    decimal_t figures[DVC766_FIGURES];
    const char *rule; /* NULL when the row is good; "schema", "number", "sum", "duplicate" */
    char reason[160];
    char *bytes; /* the row as JSON, when it is not good */
} dvc766_row_t;

typedef enum {
    DVC766_ROWS,
    DVC766_NO_DATA,  /* exactly an empty array */
    DVC766_BLOCKED,  /* not JSON at all: a page, a challenge */
    DVC766_MALFORMED /* JSON of another shape, or cut */
} dvc766_kind_t;

typedef struct {
    dvc766_kind_t kind;
    char reason[160]; /* when blocked or malformed */
    dvc766_row_t *rows;
    size_t n_rows;
} dvc766_board_t;

/* 0 or -ENOMEM; what is wrong with the body is in the board. Free with dvc766_free(). */
int dvc766_parse(bytes_t body, dvc766_board_t *out);
void dvc766_free(dvc766_board_t *board);

#endif
