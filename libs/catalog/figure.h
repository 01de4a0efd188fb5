/* figure.h - a figure (số liệu): everything that feeds a rule, with a decimal value.
 *
 * Most figures are quantities of the dictionary, shared by the indicators and indexes that name
 * them. What is left of an indicator's inputs is its own, and the catalog declares it by itself
 * with the id INDEX.CODE.INPUT (the part's prefix kept):
 *
 *   hd-department-2024.1.1.option      position of the level that holds, from 1
 *   hd-department-2024.1.3.has         1 or 0
 *   hd-department-2024.1.4.items.2     1 or 0; the checklist is complete when all are known
 *   hn-city-2025.1.1.points            points given by the scoring unit
 *   hp-par-2025.7.2.2.p1.option        of the first part
 *   hd-department-2024.1.1.excluded    1: not assessed (không đánh giá), 0: assessed; unknown: as
 *                                      the catalog says. Of a parent: its children too, unless they
 *                                      say otherwise
 *
 * and letters, `n` and `p` for which the index names no figure of the dictionary.
 */
#ifndef CHISO_CATALOG_FIGURE_H
#define CHISO_CATALOG_FIGURE_H

#include "decimal/decimal.h"

#include <stdbool.h>

typedef enum { CATALOG_MACHINE = 1, CATALOG_STATISTICS, CATALOG_UNIT } catalog_provider_t;

typedef enum {
    CATALOG_COUNT = 1,  /* of things: whole, from 0 */
    CATALOG_AMOUNT,     /* from 0 */
    CATALOG_PERCENTAGE, /* 0 to 100 */
    CATALOG_POINTS,     /* from 0; of an indicator or part, to its maximum */
    CATALOG_OPTION,     /* one of exclusive levels: 1 to how many there are */
    CATALOG_YES_NO      /* 1 or 0 */
} catalog_kind_t;

typedef struct catalog_index catalog_index_t;

typedef struct {
    const char *id;    /* "population" */
    const char *title; /* Vietnamese */
    const char *unit;  /* of measure */
    catalog_provider_t provider;
    catalog_kind_t kind;
    bool has_most;
    decimal_t least, most;        /* the values that it may have */
    const catalog_index_t *index; /* that declares it; NULL: of the dictionary */
    unsigned indicator;           /* of that index */
    const char *input;            /* "p1.option", "items.2", "excluded"; NULL: of the dictionary */
    const char *const *texts;     /* of an option's levels, first to last; NULL: not known */
    const char *file;             /* of the dictionary: where it stands; else NULL */
    int line;
} catalog_figure_t;

/* "count", "amount", "percentage", "points", "option", "yes_no". */
const char *catalog_kind_name(catalog_kind_t kind);
/* "machine", "statistics", "unit". */
const char *catalog_provider_name(catalog_provider_t provider);

/* May the figure have this value? When not, `reason` says what was expected. */
#define CATALOG_REASON_SIZE 160
bool catalog_figure_accepts(const catalog_figure_t *figure, decimal_t value,
                            char reason[CATALOG_REASON_SIZE]);

/* What the level of an option that has this value says; NULL when the catalog does not tell. */
const char *catalog_figure_text(const catalog_figure_t *figure, decimal_t value);

#endif
