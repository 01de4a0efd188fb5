/* declare.h - the inputs of an indicator as figures: of the dictionary where the index names them,
 * declared here otherwise. Inside libs/catalog only. */
#ifndef CHISO_CATALOG_DECLARE_H
#define CHISO_CATALOG_DECLARE_H

#include "catalog/catalog.h"
#include "config/config.h"
#include "dictionary.h"
#include "form.h"

typedef struct {
    config_t *file;
    const dictionary_t *dictionary;
    catalog_index_t *index;
} declare_t;

/* The place of a figure of the dictionary among the index's, added on first use; -1 when there is
 * none. */
int declare_use(const declare_t *d, const char *id);

/* Fills the inputs of an indicator whose rule is compiled; `path` is its place in the file.
 * Reports; 0, CHISO_E_CONFIG or -ENOMEM. */
int declare_inputs(const declare_t *d, const char *path, const form_indicator_t *from, unsigned i);
/* Declares what says for a unit that the indicator is not assessed. */
int declare_excluded(const declare_t *d, const char *path, unsigned i);

/* Sorts the index's figures for catalog_figure_place(). 0 or -ENOMEM. */
int declare_sort(catalog_index_t *index);
void declare_free(catalog_index_t *index);

#endif
