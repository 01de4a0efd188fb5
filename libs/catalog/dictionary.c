/* dictionary.c - see dictionary.h. */
#include "dictionary.h"

#include "base/error.h"
#include "text/text.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const catalog_figure_t *dictionary_find(const dictionary_t *d, const char *id)
{
    for (unsigned i = 0; i < d->n_figures; i++) {
        if (strcmp(d->figures[i].id, id) == 0) {
            return &d->figures[i];
        }
    }
    return NULL;
}

/* kind and provider are numbered as in figure.h */
static catalog_figure_t read_figure(const form_figure_t *f)
{
    return (catalog_figure_t){.id = f->id,
                              .title = f->title,
                              .unit = f->unit,
                              .provider = (catalog_provider_t)f->provider,
                              .kind = (catalog_kind_t)f->kind,
                              .has_most = f->kind == CATALOG_PERCENTAGE,
                              .most = decimal_of(f->kind == CATALOG_PERCENTAGE ? 100 : 0)};
}

static int add_figures(dictionary_t *d, config_t *file, const form_figures_t *form)
{
    if (strcmp(form->format, "1") != 0) {
        return config_error(file, "format", "'%s'; expected \"1\"", form->format);
    }
    int rc = config_check_texts(file);
    for (unsigned i = 0; i < form->figures_count; i++) {
        const form_figure_t *f = &form->figures[i];
        char path[64];
        snprintf(path, sizeof path, "figures[%u].id", i);
        if (dictionary_find(d, f->id) != NULL) {
            rc = config_error(file, path,
                              "'%s' stands twice in the dictionary; expected each figure once",
                              f->id);
        } else if (d->n_figures == DICTIONARY_MAX || !text_is_code(f->id)) {
            rc = config_error(file, path,
                              "'%s'; expected 1 to 64 letters, digits, '.', '-', '_', and at most "
                              "%d figures",
                              f->id, DICTIONARY_MAX);
        } else {
            d->figures[d->n_figures] = read_figure(f);
            d->figures[d->n_figures].file = config_file(file);
            d->figures[d->n_figures++].line = config_line(file, path);
        }
    }
    return rc;
}

int dictionary_hash(crypto_hash_sha256_state *hash, const char *path)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return -errno;
    }
    unsigned char block[8192];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        crypto_hash_sha256_update(hash, block, n);
    }
    fclose(f);
    return 0;
}

int dictionary_load(dictionary_t *d, const char *index_file, FILE *errors,
                    crypto_hash_sha256_state *hash)
{
    char *copy = strdup(index_file);
    char *folder = NULL;
    char **names = NULL;
    if (copy == NULL || asprintf(&folder, "%s/figures", dirname(copy)) < 0) {
        free(copy);
        return -ENOMEM;
    }
    int n = config_list(folder, &names);
    int rc = n >= 0 || n == -ENOENT ? 0 : n;
    if (rc != 0) {
        fprintf(errors, "%s: cannot be read: %s; expected a folder of figures\n", folder,
                chiso_strerror(rc));
    }
    d->figures = calloc(DICTIONARY_MAX, sizeof *d->figures);
    d->files = calloc(n > 0 ? (size_t)n : 1, sizeof *d->files);
    rc = d->figures == NULL || d->files == NULL ? -ENOMEM : rc;
    for (int i = 0; i < n && rc != -ENOMEM; i++) {
        form_figures_t *form = NULL;
        config_t *file = NULL;
        int one = config_load(names[i], &form_figures_schema, errors, (void **)&form, &file);
        if (one == 0) {
            d->files[d->n_files].form = form;
            d->files[d->n_files++].file = file;
            one = add_figures(d, file, form);
            dictionary_hash(hash, names[i]);
        }
        rc = rc != 0 ? rc : one;
    }
    config_list_free(&names);
    free(copy);
    free(folder);
    return rc;
}

void dictionary_free(dictionary_t *d)
{
    for (unsigned i = 0; i < d->n_files; i++) {
        config_free_data(&form_figures_schema, d->files[i].form);
        config_destroy(&d->files[i].file);
    }
    free(d->files);
    free(d->figures);
}
