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
#include "declare.h"
#include "dictionary.h"
#include "form.h"
#include "text/text.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    config_t *file;
    form_index_t *form;
    catalog_index_t index;
    declare_t declare;
    bool maxima_known; /* each maximum is a decimal: the sums can be looked at, whatever else fails
                        */
} entry_t;

struct catalog {
    entry_t *entries;
    unsigned n_entries;
    dictionary_t dictionary;
    const catalog_figure_t **figures; /* all, sorted by id */
    size_t n_figures;
    uint8_t fingerprint[32];
};

/* ---- indicators and pillars ---- */

static int check_sum(entry_t *e, const char *path, decimal_t stated, decimal_t sum)
{
    if (e->maxima_known && decimal_compare(stated, sum) != 0) {
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

static int read_max(entry_t *e, const char *path, const char *text, decimal_t *out)
{
    int rc = compile_decimal(e->file, path, text, true, out);
    e->maxima_known = e->maxima_known && rc == 0;
    return rc;
}

/* Among those built so far: they are not sorted yet. */
static bool stands(const catalog_index_t *index, const char *code)
{
    for (unsigned i = 0; i < index->n_indicators; i++) {
        if (strcmp(index->indicators[i].code, code) == 0) {
            return true;
        }
    }
    return false;
}

/* A code must name one thing: whoever excludes a pillar does not mean an indicator elsewhere. */
static int check_codes(entry_t *e)
{
    int rc = 0;
    for (unsigned p = 0; p < e->index.n_pillars; p++) {
        const catalog_pillar_t *pillar = &e->index.pillars[p];
        bool only = pillar->count == 1 &&
                    strcmp(e->index.indicators[pillar->first].code, pillar->code) == 0;
        if (!only && stands(&e->index, pillar->code)) {
            char path[64];
            snprintf(path, sizeof path, "pillars[%u].code", p);
            rc = config_error(e->file, path,
                              "'%s' is the code of an indicator too; expected a code of its own",
                              pillar->code);
        }
    }
    return rc;
}

static int build_indicator(entry_t *e, const char *path, const form_indicator_t *from,
                           unsigned pillar, int parent, decimal_t *sum)
{
    catalog_index_t *index = &e->index;
    if (index->n_indicators == CATALOG_MAX_INDICATORS) {
        return config_error(e->file, path, "more than %d indicators", CATALOG_MAX_INDICATORS);
    }
    char at[192];
    int rc = 0;
    snprintf(at, sizeof at, "%s.code", path);
    if (stands(index, from->code) || !text_is_code(from->code)) {
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
    rc = keep(rc, read_max(e, at, from->max, &to->max));
    snprintf(at, sizeof at, "%s.rule", path);
    rc = keep(rc, compile_rule(e->file, at, &from->rule, to->max, &to->rule));
    if (rc == 0) {
        rc = declare_inputs(&e->declare, path, from, place);
        rc = keep(rc, declare_excluded(&e->declare, path, place));
    }
    decimal_add(*sum, to->max, sum);
    if ((to->rule.kind == RULE_CHILDREN) != (from->children_count > 0)) {
        rc =
            config_error(e->file, path, "expected children together with the rule {children: sum}");
    }
    decimal_t children = DECIMAL_ZERO;
    for (unsigned i = 0; i < from->children_count; i++) {
        snprintf(at, sizeof at, "%s.children[%u]", path, i);
        rc = keep(rc, build_indicator(e, at, &from->children[i], pillar, (int)place, &children));
    }
    if (from->children_count > 0) {
        snprintf(at, sizeof at, "%s.max", path);
        rc = keep(rc, check_sum(e, at, index->indicators[place].max, children));
    }
    return rc;
}

static int build_pillar(entry_t *e, unsigned p, decimal_t *total)
{
    const form_pillar_t *from = &e->form->pillars[p];
    catalog_pillar_t *to = &e->index.pillars[e->index.n_pillars++];
    char path[96];
    snprintf(path, sizeof path, "pillars[%u]", p);
    *to = (catalog_pillar_t){.code = from->code,
                             .title = from->title,
                             .first = e->index.n_indicators,
                             .stated = {from->stated.max, from->stated.indicators},
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
        rc = keep(rc, build_indicator(e, path, &from->indicators[i], p, -1, &sum));
    }
    to->count = e->index.n_indicators - to->first;
    snprintf(path, sizeof path, "pillars[%u].max", p);
    rc = keep(rc, read_max(e, path, from->max, &to->max));
    rc = keep(rc, check_sum(e, path, to->max, sum));
    return keep(rc, decimal_add(*total, to->max, total));
}

/* Of a plan that leaves its day open only the month is known. */
static int check_date(config_t *file, const char *date)
{
    period_t p;
    bool month = period_parse(date, &p) == 0 && p.kind == PERIOD_MONTH;
    return month || period_is_day(date)
               ? 0
               : config_error(file, "date",
                              "'%s'; expected a day, such as \"2025-01-15\", or a month, "
                              "\"2025-01\"",
                              date);
}

static int read_set(config_t *file, const char *key, const int *values, unsigned n, unsigned *set)
{
    int rc = 0;
    for (unsigned i = 0; i < n; i++) {
        if ((*set & 1U << values[i]) != 0) {
            char path[32];
            snprintf(path, sizeof path, "%s[%u]", key, i);
            rc = config_error(file, path, "stands twice; expected each once");
        }
        *set |= 1U << values[i];
    }
    return rc;
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
                               .stated = {form->stated.max, form->stated.indicators},
                               .partial = form->partial,
                               .notes = (const char *const *)form->notes,
                               .n_notes = form->notes_count,
                               .stated_total = -1};
    e->declare = (declare_t){e->file, &c->dictionary, index};
    e->maxima_known = true;
    if (strcmp(form->format, "1") != 0) {
        return config_error(e->file, "format", "'%s'; expected \"1\"", form->format);
    }
    if (!text_is_code(form->index)) {
        return config_error(e->file, "index", "'%s'; expected letters, digits, '.', '-', '_'",
                            form->index);
    }
    int rc = config_check_texts(e->file);
    rc = keep(rc, check_date(e->file, form->date));
    rc = keep(rc, read_set(e->file, "levels", form->levels, form->levels_count, &index->levels));
    rc =
        keep(rc, read_set(e->file, "periods", form->periods, form->periods_count, &index->periods));
    index->figures = calloc(CATALOG_MAX_FIGURES, sizeof *index->figures);
    index->pillars = calloc(form->pillars_count, sizeof *index->pillars);
    index->indicators = calloc(CATALOG_MAX_INDICATORS, sizeof *index->indicators);
    if (index->figures == NULL || index->pillars == NULL || index->indicators == NULL) {
        return -ENOMEM;
    }
    decimal_t total = DECIMAL_ZERO;
    for (unsigned p = 0; p < form->pillars_count; p++) {
        rc = keep(rc, build_pillar(e, p, &total));
    }
    rc = keep(rc, read_max(e, "max", form->max, &index->max));
    rc = keep(rc, check_sum(e, "max", index->max, total));
    rc = keep(rc, check_codes(e));
    if (form->stated_total != NULL) {
        index->stated_total = declare_use(&e->declare, form->stated_total);
        if (index->stated_total < 0) {
            rc = config_error(e->file, "stated_total", "'%s' is not in the figure dictionary",
                              form->stated_total);
        }
    }
    return keep(rc, declare_sort(index));
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
    dictionary_hash(hash, path);
    return rc;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(const catalog_figure_t *const *)a)->id,
                  (*(const catalog_figure_t *const *)b)->id);
}

/* All figures by id. Index a with a code b.1 would have those of index a.b with a code 1. */
static int sort_figures(catalog_t *c)
{
    size_t room = c->dictionary.n_figures;
    for (unsigned i = 0; i < c->n_entries; i++) {
        room += c->entries[i].index.n_figures;
    }
    c->figures = calloc(room + 1, sizeof *c->figures);
    if (c->figures == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < c->dictionary.n_figures; i++) {
        c->figures[c->n_figures++] = &c->dictionary.figures[i];
    }
    for (unsigned i = 0; i < c->n_entries; i++) {
        const catalog_index_t *index = &c->entries[i].index;
        for (unsigned k = 0; k < index->n_figures; k++) {
            if (index->figures[k]->index != NULL) {
                c->figures[c->n_figures++] = index->figures[k];
            }
        }
    }
    qsort(c->figures, c->n_figures, sizeof *c->figures, compare_ids);
    for (size_t i = 1; i < c->n_figures; i++) {
        const catalog_figure_t *f = c->figures[i];
        if (compare_ids(&c->figures[i - 1], &c->figures[i]) == 0) {
            const entry_t *e = c->entries;
            while (&e->index != f->index) {
                e++;
            }
            return config_error(e->file, "index",
                                "the figure '%s' is in another file too; expected another id",
                                f->id);
        }
    }
    return 0;
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
    int rc = n_files > 0 ? dictionary_load(&c->dictionary, files[0], errors, &hash) : 0;
    for (unsigned i = 0; i < n_files; i++) {
        rc = keep(rc, load_index(c, files[i], errors, &hash));
    }
    rc = keep(rc, sort_figures(c));
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
        declare_free(&e->index);
        free(e->index.pillars);
        free(e->index.indicators);
        config_free_data(&form_index_schema, e->form);
        config_destroy(&e->file);
    }
    dictionary_free(&c->dictionary);
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

bool catalog_has_period(const catalog_index_t *index, const char *period)
{
    period_t p;
    return period_parse(period, &p) == 0 &&
           (index->periods == 0 || (index->periods & 1U << p.kind) != 0);
}

int catalog_line(const catalog_index_t *index, const char *path)
{
    const entry_t *e =
        (const entry_t *)(const void *)((const char *)index - offsetof(entry_t, index));
    return config_line(e->file, path);
}

unsigned catalog_figures(const catalog_t *catalog)
{
    return catalog->dictionary.n_figures;
}

const catalog_figure_t *catalog_figure_at(const catalog_t *catalog, unsigned i)
{
    return &catalog->dictionary.figures[i];
}

const catalog_figure_t *catalog_figure(const catalog_t *catalog, const char *id)
{
    size_t low = 0;
    size_t high = catalog->n_figures;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(catalog->figures[middle]->id, id);
        if (order == 0) {
            return catalog->figures[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

void catalog_fingerprint(const catalog_t *catalog, unsigned char out[32])
{
    memcpy(out, catalog->fingerprint, 32);
}
