/* source.h - a source of figures (nguồn số liệu) as data: how it is asked, what its answer means.
 *
 * One YAML file (sources/NAME.yaml) says the request, the paging, when an answer is a success,
 * where the rows stand, which unit a row is about, and which figure each cell is.
 * docs/add-a-source.md explains each key. Where and how often it is asked is the operator's, in
 * ingest's configuration. Everything here is owned by the source and constant.
 */
#ifndef CHISO_SOURCE_SOURCE_H
#define CHISO_SOURCE_SOURCE_H

#include "decimal/decimal.h"
#include "extract/extract.h"
#include "extract/field.h"
#include "fetch/auth.h"
#include "period/period.h"

#include <stdbool.h>
#include <stdio.h>

#define SOURCE_MAX_FIGURES 128
#define SOURCE_MAX_HEADERS 12
#define SOURCE_MAX_PAIRS 32
#define SOURCE_MAX_PAGES 1000
#define SOURCE_MAX_VALUES 8

typedef struct {
    const char *name, *value; /* a template */
} source_pair_t;

/* A text that others are made of: "${value:NAME}". */
typedef struct {
    const char *name, *value; /* a template */
    bool base64;
} source_value_t;

/* What is asked first: a request of its own whose JSON answer holds a token for the others. */
typedef struct {
    const char *path, *body;
    const char *const *headers;
    unsigned n_headers;
    source_pair_t *form;
    unsigned n_form;
    const char *token;   /* JSON Pointer */
    const char *expires; /* JSON Pointer of how many seconds it lasts, or NULL */
    int64_t lasts_ms;    /* where the answer does not say */
} source_login_t;

/* What an answer, or a row, must hold at a place: one of some texts; any at all when none is said.
 */
typedef struct {
    const char *at; /* JSON Pointer of the body, for success */
    int column;     /* of the row, for a figure's `when` */
    const char *const *is;
    unsigned n_is;
    const char *message; /* where the source says why not, or NULL */
} source_test_t;

/* Which register joins a row to a unit. */
typedef enum {
    SOURCE_BY_CODE = 1, /* code of the statistical office */
    SOURCE_BY_DVC,      /* agency id of the national public-service portal */
    SOURCE_BY_GEO,      /* its new geographic id */
    SOURCE_BY_AGENCY,   /* "H01", "H01.15" */
    SOURCE_BY_TABLE,    /* the description's own table */
    SOURCE_BY_SERIES    /* all rows are about the unit that was asked for */
} source_by_t;

typedef struct {
    const char *text, *unit; /* the unit's code */
} source_word_t;

typedef struct {
    const char *text;
    int level;
} source_level_t;

/* What several rows about one unit and period do with a figure. */
typedef enum {
    SOURCE_ONE,  /* they contradict */
    SOURCE_SUM,  /* it adds up */
    SOURCE_SAME, /* they complete each other, and must agree */
} source_combine_t;

/* How far two numbers may be apart: points, or percent of the one that stood before or is given. */
typedef struct {
    bool given, percent;
    decimal_t most;
} source_limit_t;

typedef struct {
    const char *id;
    int column; /* -1: `value` counts for each row */
    decimal_t value;
    field_number_t number;
    decimal_t scale;
    const char *date; /* or NULL: the cell is a date of this form, and the figure yyyymmdd */
    source_combine_t combine;
    bool has_min, has_max, optional;
    decimal_t min, max;
    bool has_absent; /* what stands for a unit that a complete answer does not name */
    decimal_t absent;
    source_limit_t jump; /* how far it may move at once */
    source_test_t *when;
    unsigned n_when;
    const char *confidence; /* "sample", "code", "doc", "inferred", or NULL */
    const char *note;
} source_figure_t;

/* The figures that must add up to another one, as places in `figures`. */
typedef struct {
    unsigned *sum;
    unsigned n_sum, equals;
} source_check_t;

/* Figures whose months add up to the quarter and the year, and quarters to the year: counts of what
 * happened, never rates, or what is pending at a moment. */
typedef struct {
    unsigned *figures;
    unsigned n_figures;
    const char
        *parts_of; /* id of the description that tells the shorter periods; may be this one */
    source_limit_t within; /* not given: exactly */
} source_span_t;

typedef struct {
    const char *id, *title, *provider, *file;
    const char *const *notes;
    unsigned n_notes;
    /* which series there are; without any of the three there is one, "all" */
    const char *nation;   /* ${of} of a series of all provinces, or NULL */
    source_by_t units_of; /* one for the units of each province the operator names; 0: none */
    source_by_t each;     /* one for each unit the operator names; 0: none */
    int only;             /* the period_kind_t that it may be asked for, or -1: all */
    const char *method, *path, *body, *prime;
    const char *csrf_cookie; /* whose value is ${csrf}, or NULL */
    const char *const *headers;
    unsigned n_headers;
    source_pair_t *query, *form;
    unsigned n_query, n_form;
    source_value_t *values;
    unsigned n_values;
    source_login_t *login; /* NULL: none */
    const char *sign_text, *sign_key,
        *sign_key_id; /* of fetch_signing_t; the key is a secret's name; NULL: none */
    const char *const *sign_headers;
    unsigned n_sign_headers;
    unsigned first_page, page_size, most_pages; /* page_size 0: there is one page */
    int total; /* column that states how many rows there are, or -1 */
    source_test_t *success;
    unsigned n_success;
    extract_spec_t rows;
    source_by_t by;
    int unit_column;
    bool skip_others; /* rows of units that cannot be joined are not ours, not bad */
    source_word_t *table;
    unsigned n_table;
    int level_column;
    source_level_t *levels;
    unsigned n_levels;
    int unknown_code, unknown_name; /* columns of a unit that is in no register, or -1 */
    int period_column;              /* or -1: the series' own */
    const char
        *period_date; /* as field_date(), or "period", "month", "quarter": a number of them */
    period_kind_t period_as;
    bool
        period_window; /* an answer has the latest periods only: older ones are over, not missing */
    source_figure_t *figures;
    unsigned n_figures;
    source_check_t *checks;
    unsigned n_checks;
    source_span_t *spans;
    unsigned n_spans;
} source_t;

/* Reads a description. Errors go to `errors` as FILE:LINE: …; CHISO_E_CONFIG after any. */
int source_load(const char *file, FILE *errors, source_t **out);
void source_destroy(source_t **source);

/* Place of a figure by its id, or -1. */
int source_figure(const source_t *source, const char *id);

#endif
