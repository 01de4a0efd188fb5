/* catalog.c - see catalog.h.
 *
 * libcyaml fills the structs of the file's form (form.h); here they are checked and laid out as the
 * constant form that the scorer walks. The form is kept: the texts live there.
 */
#include "catalog/catalog.h"

#include "base/bytes.h"
#include "base/error.h"
#include "compile.h"
#include "config/config.h"
#include "form.h"
#include "text/text.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DICTIONARY_FILES 64
#define MAX_DICTIONARY 4096

typedef struct {
    config_t *file;
    form_index_t *form;
    catalog_index_t index;
} entry_t;

typedef struct {
    config_t *file;
    form_figures_t *form;
} dictionary_t;

struct catalog {
    entry_t *entries;
    unsigned n_entries;
    dictionary_t dictionaries[MAX_DICTIONARY_FILES];
    unsigned n_dictionaries;
    catalog_figure_t *figures;
    unsigned n_figures;
    uint8_t fingerprint[32];
};

/* ---- the dictionary ---- */

static const catalog_figure_t *dictionary_find(const catalog_t *c, const char *id)
{
    for (unsigned i = 0; i < c->n_figures; i++) {
        if (strcmp(c->figures[i].id, id) == 0) {
            return &c->figures[i];
        }
    }
    return NULL;
}

static int add_figures(catalog_t *c, const dictionary_t *d)
{
    if (strcmp(d->form->format, "1") != 0) {
        return config_error(d->file, "format", "'%s'; expected \"1\"", d->form->format);
    }
    int rc = 0;
    for (unsigned i = 0; i < d->form->figures_count; i++) {
        const form_figure_t *f = &d->form->figures[i];
        char path[64];
        snprintf(path, sizeof path, "figures[%u].id", i);
        if (dictionary_find(c, f->id) != NULL) {
            rc = config_error(d->file, path,
                              "'%s' stands twice in the dictionary; expected each "
                              "figure once",
                              f->id);
        } else if (c->n_figures == MAX_DICTIONARY || !text_is_code(f->id)) {
            rc = config_error(
                d->file, path,
                "'%s'; expected 1 to 64 letters, digits, '.', '-', '_', and at most %d "
                "figures",
                f->id, MAX_DICTIONARY);
        } else {
            c->figures[c->n_figures++] =
                (catalog_figure_t){f->id, f->title, f->unit, (catalog_provider_t)f->provider};
        }
    }
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the YAML files of a folder, sorted; a folder that is not there has none. */
static int list_files(const char *folder, char **names, unsigned *n)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    *n = 0;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0 && *n < MAX_DICTIONARY_FILES) {
            if (asprintf(&names[*n], "%s/%s", folder, entry->d_name) < 0) {
                closedir(dir);
                return -ENOMEM;
            }
            ++*n;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    qsort(names, *n, sizeof *names, compare_names);
    return 0;
}

static int hash_file(crypto_hash_sha256_state *state, const char *path)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return -errno;
    }
    unsigned char block[8192];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        crypto_hash_sha256_update(state, block, n);
    }
    fclose(f);
    return 0;
}

static int load_dictionary(catalog_t *c, const char *index_file, FILE *errors,
                           crypto_hash_sha256_state *hash)
{
    char *copy = strdup(index_file);
    char *folder = NULL;
    char *names[MAX_DICTIONARY_FILES] = {NULL};
    unsigned n = 0;
    c->figures = calloc(MAX_DICTIONARY, sizeof *c->figures);
    int rc =
        copy == NULL || c->figures == NULL || asprintf(&folder, "%s/figures", dirname(copy)) < 0
            ? -ENOMEM
            : list_files(folder, names, &n);
    for (unsigned i = 0; i < n; i++) {
        dictionary_t *d = &c->dictionaries[c->n_dictionaries];
        int one = config_load(names[i], &form_figures_schema, errors, (void **)&d->form, &d->file);
        if (one == 0) {
            c->n_dictionaries++;
            one = add_figures(c, d);
            hash_file(hash, names[i]);
        }
        rc = rc != 0 ? rc : one;
        free(names[i]);
    }
    free(copy);
    free(folder);
    return rc;
}

/* ---- figures of one index ---- */

/* The place of a figure among the index's, added on first use; -1 when it is not in the dictionary.
 */
static int use_figure(const catalog_t *c, catalog_index_t *index, const char *id)
{
    for (unsigned i = 0; i < index->n_figures; i++) {
        if (strcmp(index->figures[i]->id, id) == 0) {
            return (int)i;
        }
    }
    const catalog_figure_t *figure = dictionary_find(c, id);
    if (figure == NULL || index->n_figures == CATALOG_MAX_FIGURES) {
        return -1;
    }
    index->figures[index->n_figures] = figure;
    return (int)index->n_figures++;
}

typedef struct {
    const char *name;
    bool found;
} wanted_t;

static void match_name(void *context, const char *name, bool quantity)
{
    wanted_t *wanted = context;
    (void)quantity;
    wanted->found = wanted->found || strcmp(name, wanted->name) == 0;
}

static int build_inputs(const catalog_t *c, entry_t *e, const char *path,
                        const form_indicator_t *from, catalog_indicator_t *to)
{
    int rc = 0;
    to->inputs = calloc(FORM_INPUTS, sizeof *to->inputs);
    if (to->inputs == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < FORM_INPUTS; i++) {
        const char *id = from->inputs.figure[i];
        if (id == NULL) {
            continue;
        }
        char at[192];
        snprintf(at, sizeof at, "%s.inputs.%s", path, form_input_names[i]);
        wanted_t wanted = {.name = form_input_names[i]};
        rule_names(&to->rule, match_name, &wanted);
        int figure = use_figure(c, &e->index, id);
        if (!wanted.found) {
            rc = config_error(e->file, at,
                              "the rule does not read '%s'; expected an input that it "
                              "names",
                              form_input_names[i]);
        } else if (figure < 0) {
            rc = config_error(e->file, at,
                              "'%s' is not in the figure dictionary; expected an id of "
                              "figures/*.yaml",
                              id);
        } else {
            to->inputs[to->n_inputs++] = (catalog_input_t){form_input_names[i], (unsigned)figure};
        }
    }
    return rc;
}

/* ---- indicators and pillars ---- */

static int check_sum(entry_t *e, const char *path, decimal_t stated, decimal_t sum)
{
    if (decimal_compare(stated, sum) != 0) {
        char a[DECIMAL_TEXT_SIZE];
        char b[DECIMAL_TEXT_SIZE];
        return config_error(e->file, path, "is %s; expected the sum of its parts, %s",
                            decimal_format(stated, a), decimal_format(sum, b));
    }
    return 0;
}

static int keep(int so_far, int now)
{
    return so_far != 0 ? so_far : now;
}

static int build_indicator(const catalog_t *c, entry_t *e, const char *path,
                           const form_indicator_t *from, unsigned pillar, int parent,
                           decimal_t *sum)
{
    catalog_index_t *index = &e->index;
    if (index->n_indicators == CATALOG_MAX_INDICATORS) {
        return config_error(e->file, path, "more than %d indicators", CATALOG_MAX_INDICATORS);
    }
    char at[192];
    int rc = 0;
    snprintf(at, sizeof at, "%s.code", path);
    if (catalog_indicator(index, from->code) >= 0 || !text_is_code(from->code)) {
        rc = config_error(e->file, at,
                          "'%s' stands twice or is no code; expected a code "
                          "of its own",
                          from->code);
    }
    unsigned place = index->n_indicators++;
    catalog_indicator_t *to = &index->indicators[place];
    *to = (catalog_indicator_t){.code = from->code,
                                .title = from->title,
                                .pillar = pillar,
                                .parent = parent,
                                .excluded = from->excluded ||
                                            (parent >= 0 && index->indicators[parent].excluded),
                                .text = from->text,
                                .note = from->note,
                                .scorer = from->scorer,
                                .lead = from->lead,
                                .coordinators = from->coordinators,
                                .work = from->work,
                                .frequency = from->frequency,
                                .basis = from->basis,
                                .evidence = from->evidence,
                                .replaces = from->replaces,
                                .line = config_line(e->file, path)};
    snprintf(at, sizeof at, "%s.max", path);
    rc = keep(rc, compile_decimal(e->file, at, from->max, true, &to->max));
    snprintf(at, sizeof at, "%s.rule", path);
    rc = keep(rc, compile_rule(e->file, at, &from->rule, to->max, &to->rule));
    rc = keep(rc, build_inputs(c, e, path, from, to));
    decimal_add(*sum, to->max, sum);
    if ((to->rule.kind == RULE_CHILDREN) != (from->children_count > 0)) {
        rc =
            config_error(e->file, path, "expected children together with the rule {children: sum}");
    }
    decimal_t children = DECIMAL_ZERO;
    for (unsigned i = 0; i < from->children_count; i++) {
        snprintf(at, sizeof at, "%s.children[%u]", path, i);
        rc = keep(rc, build_indicator(c, e, at, &from->children[i], pillar, (int)place, &children));
    }
    if (rc == 0 && from->children_count > 0) {
        snprintf(at, sizeof at, "%s.max", path);
        rc = check_sum(e, at, index->indicators[place].max, children);
    }
    return rc;
}

static int build_pillar(const catalog_t *c, entry_t *e, unsigned p, decimal_t *total)
{
    const form_pillar_t *from = &e->form->pillars[p];
    catalog_pillar_t *to = &e->index.pillars[e->index.n_pillars++];
    char path[96];
    snprintf(path, sizeof path, "pillars[%u]", p);
    *to = (catalog_pillar_t){.code = from->code,
                             .title = from->title,
                             .first = e->index.n_indicators,
                             .stated_indicators = from->stated_indicators,
                             .line = config_line(e->file, path)};
    decimal_t sum = DECIMAL_ZERO;
    int rc = 0;
    snprintf(path, sizeof path, "pillars[%u].code", p);
    for (unsigned i = 0; i < p; i++) {
        if (strcmp(e->index.pillars[i].code, from->code) == 0) {
            rc = config_error(e->file, path, "'%s' stands twice; expected a code of its own",
                              from->code);
        }
    }
    for (unsigned i = 0; i < from->indicators_count; i++) {
        snprintf(path, sizeof path, "pillars[%u].indicators[%u]", p, i);
        rc = keep(rc, build_indicator(c, e, path, &from->indicators[i], p, -1, &sum));
    }
    to->count = e->index.n_indicators - to->first;
    snprintf(path, sizeof path, "pillars[%u].max", p);
    rc = keep(rc, compile_decimal(e->file, path, from->max, true, &to->max));
    if (rc == 0) {
        rc = check_sum(e, path, to->max, sum);
    }
    return keep(rc, decimal_add(*total, to->max, total));
}

static int build(const catalog_t *c, entry_t *e)
{
    const form_index_t *form = e->form;
    catalog_index_t *index = &e->index;
    *index = (catalog_index_t){.id = form->index,
                               .title = form->title,
                               .decision = form->decision,
                               .date = form->date,
                               .issuer = form->issuer,
                               .file = config_file(e->file),
                               .stated_max = form->stated.max,
                               .stated_indicators = form->stated.indicators,
                               .partial = form->partial,
                               .notes = (const char *const *)form->notes,
                               .n_notes = form->notes_count,
                               .stated_total = -1};
    if (strcmp(form->format, "1") != 0) {
        return config_error(e->file, "format", "'%s'; expected \"1\"", form->format);
    }
    if (!text_is_code(form->index)) {
        return config_error(e->file, "index", "'%s'; expected letters, digits, '.', '-', '_'",
                            form->index);
    }
    for (unsigned i = 0; i < form->levels_count; i++) {
        index->levels |= 1U << form->levels[i];
    }
    index->figures = calloc(CATALOG_MAX_FIGURES, sizeof *index->figures);
    index->pillars = calloc(form->pillars_count, sizeof *index->pillars);
    index->indicators = calloc(CATALOG_MAX_INDICATORS, sizeof *index->indicators);
    if (index->figures == NULL || index->pillars == NULL || index->indicators == NULL) {
        return -ENOMEM;
    }
    int rc = 0;
    decimal_t total = DECIMAL_ZERO;
    for (unsigned p = 0; p < form->pillars_count; p++) {
        rc = keep(rc, build_pillar(c, e, p, &total));
    }
    rc = keep(rc, compile_decimal(e->file, "max", form->max, true, &index->max));
    if (rc == 0) {
        rc = check_sum(e, "max", index->max, total);
    }
    if (form->stated_total != NULL) {
        index->stated_total = use_figure(c, index, form->stated_total);
        if (index->stated_total < 0) {
            rc = config_error(e->file, "stated_total", "'%s' is not in the figure dictionary",
                              form->stated_total);
        }
    }
    return rc;
}

/* ---- the whole ---- */

static int load_index(catalog_t *c, const char *path, FILE *errors, crypto_hash_sha256_state *hash)
{
    entry_t *e = &c->entries[c->n_entries];
    int rc = config_load(path, &form_index_schema, errors, (void **)&e->form, &e->file);
    if (rc != 0) {
        return rc;
    }
    c->n_entries++;
    rc = build(c, e);
    if (rc == 0 && catalog_find(c, e->index.id) != &e->index) {
        rc = config_error(e->file, "index", "'%s' is in another file too", e->index.id);
    }
    hash_file(hash, path);
    return rc;
}

int catalog_load(const char *const *files, unsigned n_files, FILE *errors, catalog_t **out)
{
    catalog_t *c = calloc(1, sizeof *c);
    if (c == NULL || (c->entries = calloc(n_files + 1, sizeof *c->entries)) == NULL) {
        free(c);
        return -ENOMEM;
    }
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    int rc = n_files > 0 ? load_dictionary(c, files[0], errors, &hash) : 0;
    for (unsigned i = 0; i < n_files; i++) {
        rc = keep(rc, load_index(c, files[i], errors, &hash));
    }
    crypto_hash_sha256_final(&hash, c->fingerprint);
    if (rc != 0) {
        catalog_destroy(&c);
        return rc;
    }
    *out = c;
    return 0;
}

void catalog_destroy(catalog_t **catalog)
{
    if (catalog == NULL || *catalog == NULL) {
        return;
    }
    catalog_t *c = *catalog;
    for (unsigned i = 0; i < c->n_entries; i++) {
        entry_t *e = &c->entries[i];
        for (unsigned k = 0; k < e->index.n_indicators; k++) {
            compile_free(&e->index.indicators[k].rule);
            free(e->index.indicators[k].inputs);
        }
        free(e->index.figures);
        free(e->index.pillars);
        free(e->index.indicators);
        config_free_data(&form_index_schema, e->form);
        config_destroy(&e->file);
    }
    for (unsigned i = 0; i < c->n_dictionaries; i++) {
        config_free_data(&form_figures_schema, c->dictionaries[i].form);
        config_destroy(&c->dictionaries[i].file);
    }
    free(c->figures);
    free(c->entries);
    free(c);
    *catalog = NULL;
}

unsigned catalog_count(const catalog_t *catalog)
{
    return catalog->n_entries;
}

const catalog_index_t *catalog_at(const catalog_t *catalog, unsigned i)
{
    return &catalog->entries[i].index;
}

const catalog_index_t *catalog_find(const catalog_t *catalog, const char *id)
{
    for (unsigned i = 0; i < catalog->n_entries; i++) {
        if (strcmp(catalog->entries[i].index.id, id) == 0) {
            return &catalog->entries[i].index;
        }
    }
    return NULL;
}

bool catalog_has_level(const catalog_index_t *index, int level)
{
    return level > 0 && level < 32 && (index->levels & 1U << level) != 0;
}

int catalog_indicator(const catalog_index_t *index, const char *code)
{
    for (unsigned i = 0; i < index->n_indicators; i++) {
        if (strcmp(index->indicators[i].code, code) == 0) {
            return (int)i;
        }
    }
    return -1;
}

unsigned catalog_figures(const catalog_t *catalog)
{
    return catalog->n_figures;
}

const catalog_figure_t *catalog_figure_at(const catalog_t *catalog, unsigned i)
{
    return &catalog->figures[i];
}

void catalog_fingerprint(const catalog_t *catalog, unsigned char out[32])
{
    memcpy(out, catalog->fingerprint, 32);
}
