/* catalog.h - an index (bộ chỉ số) as data: one YAML file per decision.
 *
 * Loading checks what a score depends on: decimals, unique codes, known figures, and that the
 * maxima of indicators sum to their pillar's and those of the pillars to the index's. Every error
 * names file, line and what was expected. Everything is owned by the catalog and constant.
 */
#ifndef CHISO_CATALOG_CATALOG_H
#define CHISO_CATALOG_CATALOG_H

#include "decimal/decimal.h"

#include <stdbool.h>
#include <stdio.h>

#define CATALOG_MAX_INDICATORS 256
#define CATALOG_MAX_FIGURES 512

typedef struct {
    const char *id;    /* "dvc-766.ckmb"; the same id in two indexes is the same quantity */
    const char *title; /* Vietnamese */
    const char *unit;  /* of measure */
} catalog_figure_t;

typedef struct {
    const char *code;
    const char *title;
    const char *note; /* how the text is read, or NULL */
    decimal_t max;
    unsigned points; /* rule `points`: which of the index's figures gives them */
    unsigned pillar;
} catalog_indicator_t;

typedef struct {
    const char *code;
    const char *title;
    decimal_t max;
    unsigned first, count; /* its indicators */
} catalog_pillar_t;

typedef struct {
    const char *id;
    const char *title;
    const char *decision;
    const char *date; /* "2022-06-23" */
    const char *issuer;
    unsigned levels; /* bit 1 << Chiso__V1__Level for each level it applies to */
    decimal_t max;
    int stated_total; /* figure in which a source states its own total, or -1 */
    catalog_figure_t *figures;
    unsigned n_figures;
    catalog_pillar_t *pillars;
    unsigned n_pillars;
    catalog_indicator_t *indicators; /* in document order, pillar by pillar */
    unsigned n_indicators;
} catalog_index_t;

typedef struct catalog catalog_t;

/* Reads the index files. Errors go to `errors` as FILE:LINE: …; CHISO_E_CONFIG after any. */
int catalog_load(const char *const *files, unsigned n_files, FILE *errors, catalog_t **out);
void catalog_destroy(catalog_t **catalog);

unsigned catalog_count(const catalog_t *catalog);
const catalog_index_t *catalog_at(const catalog_t *catalog, unsigned i);
const catalog_index_t *catalog_find(const catalog_t *catalog, const char *id); /* or NULL */
bool catalog_has_level(const catalog_index_t *index, int level);

/* SHA-256 over the files' bytes: another one means that scores may differ. */
void catalog_fingerprint(const catalog_t *catalog, unsigned char out[32]);

#endif
