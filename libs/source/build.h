/* build.h - a source while it is made of its file; for source.c and checks.c alone. */
#ifndef CHISO_SOURCE_BUILD_H
#define CHISO_SOURCE_BUILD_H

#include "config/config.h"
#include "form.h"
#include "source.h"

typedef struct {
    source_t source; /* first: a source_t* is the whole */
    form_source_t *form;
    config_t *file;
    extract_column_t columns[EXTRACT_MAX_COLUMNS];
    void **owned;
    size_t n_owned;
    int rc; /* of the first failure */
} whole_t;

/* Tells an error of the file at `path`. */
__attribute__((format(printf, 3, 4))) void build_wrong(whole_t *w, const char *path,
                                                       const char *format, ...);
/* Zeroed memory that lives as long as the source; NULL after a failure. */
void *build_own(whole_t *w, size_t n, size_t size);
/* False when there is no text. */
bool build_number(whole_t *w, const char *path, const char *text, decimal_t *out);
/* `most` and `of` of a limit. */
void build_limit(whole_t *w, const char *at, const form_limit_t *from, source_limit_t *to);
void build_checks(whole_t *w);

#endif
