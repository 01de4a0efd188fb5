/* catalog.h - an index (bộ chỉ số) as data: one YAML file per decision.
 *
 * Loading checks what a score depends on: decimals, unique codes, known figures, rules of one kind,
 * and that maxima of parts, children, indicators and pillars sum to what stands above them. Every
 * error names file, line and what was expected. Everything is owned by the catalog and constant.
 *
 * The figure dictionary (từ điển số liệu) is read from the folder figures/ beside the index files:
 * one id for one quantity, whatever the indexes that use it. Other inputs of an indicator become
 * figures of its own, see figure.h.
 */
#ifndef CHISO_CATALOG_CATALOG_H
#define CHISO_CATALOG_CATALOG_H

#include "catalog/figure.h"
#include "decimal/decimal.h"
#include "period/period.h"
#include "rule/rule.h"

#include <stdbool.h>
#include <stdio.h>

#define CATALOG_MAX_INDICATORS 256
#define CATALOG_MAX_FIGURES 2048 /* of an index */
#define CATALOG_MAX_INPUTS 64    /* that a rule reads; a checklist is one */

/* Which figure of the index feeds an input of a rule, in the order of the rule. A checklist has one
 * for each item, one after the other, all with the name of the list. */
typedef struct {
    char name[12]; /* "a", "p1.a", "points", "option", "has", "items" */
    rule_input_kind_t kind;
    unsigned item; /* of a checklist, from 0 */
    unsigned figure;
} catalog_input_t;

typedef struct {
    const char *code;
    const char *title;
    decimal_t max;
    rule_t rule;
    catalog_input_t *inputs;
    unsigned n_inputs;
    bool excluded;        /* by default */
    unsigned excluded_by; /* the figure that says otherwise for a unit */
    unsigned pillar;
    int parent; /* place of the indicator that it is a child of, or -1 */
    /* texts of the decision, NULL when it has none */
    const char *text, *note, *scorer, *lead, *coordinators, *work, *frequency, *basis, *evidence;
    const char *replaces; /* code in the catalog of the year before */
    int line;
} catalog_indicator_t;

/* What the document says of the index or of a pillar, each or NULL. */
typedef struct {
    const char *max, *indicators;
} catalog_stated_t;

typedef struct {
    const char *code;
    const char *title;
    decimal_t max;
    unsigned first, count; /* its indicators, children included */
    catalog_stated_t stated;
    int line;
} catalog_pillar_t;

/* A figure's id or an indicator's code, to be searched by. */
typedef struct {
    uint64_t begin; /* its first eight bytes, as a number */
    unsigned place;
} catalog_name_t;

struct catalog_index {
    const char *id;
    const char *title;
    const char *decision;
    const char *date; /* "2022-06-23", or "2025-11" */
    const char *issuer;
    const char *file;
    unsigned levels;  /* bit 1 << Chiso__V1__Level for each level it applies to */
    unsigned periods; /* bit 1 << period_kind_t for each kind of period it is scored for */
    decimal_t max;
    catalog_stated_t stated;
    bool partial;     /* only some of the document's criteria are known */
    int stated_total; /* figure in which a source states its own total, or -1 */
    const char *const *notes;
    unsigned n_notes;
    const catalog_figure_t **figures; /* those that its indicators use: a figure's place here is
                                       * what inputs and results mean by it */
    catalog_name_t *figures_by_id;    /* sorted */
    unsigned n_figures;
    catalog_pillar_t *pillars;
    unsigned n_pillars;
    catalog_indicator_t *indicators;    /* in document order, a parent before its children */
    catalog_name_t *indicators_by_code; /* sorted */
    unsigned n_indicators;
};

typedef struct catalog catalog_t;

/* Reads the index files, and the dictionary beside the first. Errors go to `errors` as FILE:LINE:
 * …; CHISO_E_CONFIG after any. */
int catalog_load(const char *const *files, unsigned n_files, FILE *errors, catalog_t **out);
void catalog_destroy(catalog_t **catalog);

unsigned catalog_count(const catalog_t *catalog);
const catalog_index_t *catalog_at(const catalog_t *catalog, unsigned i);
const catalog_index_t *catalog_find(const catalog_t *catalog, const char *id); /* or NULL */
bool catalog_has_level(const catalog_index_t *index, int level);
bool catalog_has_period(const catalog_index_t *index, const char *period); /* "2025-Q3" */
/* Place of an indicator by its code, or -1. */
int catalog_indicator(const catalog_index_t *index, const char *code);
/* Line of the index's file at which something stands, such as "stated.max" or "notes[2]". */
int catalog_line(const catalog_index_t *index, const char *path);

/* The figures of the dictionary. */
unsigned catalog_figures(const catalog_t *catalog);
const catalog_figure_t *catalog_figure_at(const catalog_t *catalog, unsigned i);
/* A figure of the dictionary or of an index by its id, or NULL. */
const catalog_figure_t *catalog_figure(const catalog_t *catalog, const char *id);
/* Place of a figure among those that the index uses, or -1. */
int catalog_figure_place(const catalog_index_t *index, const char *id);

/* SHA-256 over the files' bytes: another one means that scores may differ. */
void catalog_fingerprint(const catalog_t *catalog, unsigned char out[32]);

#endif
