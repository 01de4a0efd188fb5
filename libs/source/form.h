/* form.h - the form of a source description, as libcyaml fills it. Inside libs/source only. */
#ifndef CHISO_SOURCE_FORM_H
#define CHISO_SOURCE_FORM_H

#include <cyaml/cyaml.h>

#include <stdbool.h>

typedef struct {
    char *name, *value;
} form_pair_t;

typedef struct {
    char *nation, *units_of, *each, *period;
} form_ask_t;

typedef struct {
    char *method, *path, *body, *prime, *csrf_cookie;
    char **headers;
    form_pair_t *query, *form;
    unsigned headers_count, query_count, form_count;
} form_request_t;

typedef struct {
    char *name, *value, *as;
} form_value_t;

typedef struct {
    char *path, *body, *token, *expires, *lasts;
    char **headers;
    form_pair_t *form;
    unsigned headers_count, form_count;
} form_login_t;

typedef struct {
    char *text, *key, *key_id;
    char **headers;
    unsigned headers_count;
} form_sign_t;

typedef struct {
    char *first, *size, *most, *total;
} form_pages_t;

typedef struct {
    char *at;
    char **is;
    unsigned is_count;
    char *message;
} form_test_t;

typedef struct {
    char *format, *at, *proof, *wrapped, *delimiter;
} form_rows_t;

typedef struct {
    char *text, *is;
} form_word_t;

typedef struct {
    char *code, *name;
} form_unknown_t;

typedef struct {
    char *at;
    form_word_t *words;
    unsigned words_count;
} form_level_t;

typedef struct {
    char *by, *at, *others;
    form_word_t *table;
    unsigned table_count;
    form_level_t *level;
    form_unknown_t *unknown;
} form_unit_t;

typedef struct {
    char *at, *date, *as;
    bool window;
} form_period_t;

typedef struct {
    char *most, *of;
} form_limit_t;

typedef struct {
    char *id, *at, *value, *number, *date, *scale, *min, *max, *combine, *absent, *confidence,
        *note;
    bool optional;
    form_limit_t *jump;
    form_test_t *when;
    unsigned when_count;
} form_figure_t;

typedef struct {
    char **sum;
    unsigned sum_count;
    char *equals;
    char **over_time;
    unsigned over_time_count;
    char *source;
    form_limit_t *within;
} form_check_t;

typedef struct {
    char *format, *source, *title, *provider;
    char **notes;
    unsigned notes_count;
    form_ask_t *ask;
    form_request_t request;
    form_value_t *values;
    unsigned values_count;
    form_login_t *login;
    form_sign_t *sign;
    form_pages_t *pages;
    form_test_t *success;
    unsigned success_count;
    form_rows_t rows;
    form_unit_t unit;
    form_period_t *period;
    form_figure_t *figures;
    unsigned figures_count;
    form_check_t *checks;
    unsigned checks_count;
} form_source_t;

extern const cyaml_schema_value_t form_source_schema;

#endif
