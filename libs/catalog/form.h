/* form.h - the form of a catalog file, as libcyaml fills it. Inside libs/catalog only. */
#ifndef CHISO_CATALOG_FORM_H
#define CHISO_CATALOG_FORM_H

#include <cyaml/cyaml.h>

#include <stdbool.h>

typedef struct {
    char *from, *share;
} form_band_t;

typedef struct {
    char **of, **over;
    unsigned of_count, over_count;
    char *constant, *target, *below, *floor, *when_zero;
    form_band_t *bands;
    unsigned bands_count;
    bool subset;
    char **when_zero_full_if;
    unsigned when_zero_full_if_count;
} form_ratio_t;

typedef struct {
    char *target, *below;
} form_count_t;

/* A rule, or a part of one; exactly one of the kinds is set. */
typedef struct form_rule {
    char *max; /* of a part only */
    char *points, *percent, *children;
    char **options, **checklist, **texts;
    unsigned options_count, checklist_count, texts_count;
    form_count_t *count;
    form_ratio_t *ratio, *best;
    struct form_rule *parts;
    unsigned parts_count;
} form_rule_t;

#define FORM_INPUTS 80 /* 8 of the indicator and of each of its parts, at most 9 */
extern const char *const form_input_names[FORM_INPUTS]; /* "a", …, "p9.points" */

typedef struct {
    char *figure[FORM_INPUTS]; /* by form_input_names */
} form_inputs_t;

typedef struct form_indicator {
    char *code, *title, *max, *text, *note, *scorer, *lead, *coordinators, *work, *frequency;
    char *basis, *evidence, *replaces;
    bool excluded;
    form_rule_t rule;
    form_inputs_t inputs;
    struct form_indicator *children;
    unsigned children_count;
} form_indicator_t;

typedef struct {
    char *max, *indicators;
} form_stated_t;

typedef struct {
    char *code, *title, *max;
    form_stated_t stated;
    form_indicator_t *indicators;
    unsigned indicators_count;
} form_pillar_t;

typedef struct {
    char *id, *title, *unit;
    int kind, provider;
} form_figure_t;

typedef struct {
    char *format, *index, *title, *decision, *date, *issuer, *max, *stated_total;
    int *levels, *periods;
    unsigned levels_count, periods_count;
    form_stated_t stated;
    bool partial;
    char **notes;
    unsigned notes_count;
    form_pillar_t *pillars;
    unsigned pillars_count;
} form_index_t;

typedef struct {
    char *format;
    form_figure_t *figures;
    unsigned figures_count;
} form_figures_t;

extern const cyaml_schema_value_t form_index_schema;
extern const cyaml_schema_value_t form_figures_schema;

#endif
