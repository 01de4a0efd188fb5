/* dictionary.h - the figure dictionary as read from its files. Inside libs/catalog only. */
#ifndef CHISO_CATALOG_DICTIONARY_H
#define CHISO_CATALOG_DICTIONARY_H

#include "catalog/figure.h"
#include "config/config.h"
#include "form.h"

#include <sodium.h>

#define DICTIONARY_MAX 4096

typedef struct {
    struct {
        config_t *file;
        form_figures_t *form;
    } * files;
    unsigned n_files;
    catalog_figure_t *figures;
    unsigned n_figures;
} dictionary_t;

/* Reads figures/ beside the index file and adds the bytes to the hash; no folder, no figures.
 * Reports; 0, CHISO_E_CONFIG or -ENOMEM. */
int dictionary_load(dictionary_t *d, const char *index_file, FILE *errors,
                    crypto_hash_sha256_state *hash);
void dictionary_free(dictionary_t *d);

const catalog_figure_t *dictionary_find(const dictionary_t *d, const char *id); /* or NULL */

/* Adds a file's bytes; 0 or -errno. */
int dictionary_hash(crypto_hash_sha256_state *hash, const char *path);

#endif
