/* catalog.c - see catalog.h.
 *
 * libcyaml fills the structs of the file's form (file_*_t); build() checks them and lays out the
 * constant form that the scorer walks. The file's structs are kept: the texts live there.
 */
#include "catalog/catalog.h"

#include "base/bytes.h"
#include "base/error.h"
#include "config/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *code, *title, *max, *points, *note;
} file_indicator_t;

typedef struct {
    char *code, *title, *max;
    file_indicator_t *indicators;
    unsigned indicators_count;
} file_pillar_t;

typedef struct {
    char *id, *title, *unit;
} file_figure_t;

typedef struct {
    char *format, *index, *title, *decision, *date, *issuer, *max, *stated_total;
    int *levels;
    unsigned levels_count;
    file_figure_t *figures;
    unsigned figures_count;
    file_pillar_t *pillars;
    unsigned pillars_count;
} file_index_t;

typedef struct {
    config_t *file;
    file_index_t *data;
    catalog_index_t index;
} entry_t;

struct catalog {
    entry_t *entries;
    unsigned n_entries;
    uint8_t fingerprint[32];
};

#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, 4096)
#define CODE(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, 64)
#define OPTIONAL(key, type, member)                                                                \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 4096)

static const cyaml_schema_field_t indicator_fields[] = {
    CODE("code", file_indicator_t, code),     TEXT("title", file_indicator_t, title),
    CODE("max", file_indicator_t, max),       CODE("points", file_indicator_t, points),
    OPTIONAL("note", file_indicator_t, note), CYAML_FIELD_END,
};
static const cyaml_schema_value_t indicator_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, file_indicator_t, indicator_fields),
};
static const cyaml_schema_field_t pillar_fields[] = {
    CODE("code", file_pillar_t, code),
    TEXT("title", file_pillar_t, title),
    CODE("max", file_pillar_t, max),
    CYAML_FIELD_SEQUENCE("indicators", CYAML_FLAG_POINTER, file_pillar_t, indicators,
                         &indicator_schema, 1, CATALOG_MAX_INDICATORS),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t pillar_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, file_pillar_t, pillar_fields),
};
static const cyaml_schema_field_t figure_fields[] = {
    CODE("id", file_figure_t, id),
    TEXT("title", file_figure_t, title),
    TEXT("unit", file_figure_t, unit),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t figure_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, file_figure_t, figure_fields),
};
static const cyaml_strval_t level_names[] = {{"province", 1}, {"department", 2}, {"commune", 3}};
static const cyaml_schema_value_t level_schema = {
    CYAML_VALUE_ENUM(CYAML_FLAG_DEFAULT, int, level_names, 3),
};
static const cyaml_schema_field_t index_fields[] = {
    CODE("format", file_index_t, format),
    CODE("index", file_index_t, index),
    TEXT("title", file_index_t, title),
    TEXT("decision", file_index_t, decision),
    CODE("date", file_index_t, date),
    TEXT("issuer", file_index_t, issuer),
    CYAML_FIELD_SEQUENCE("levels", CYAML_FLAG_POINTER, file_index_t, levels, &level_schema, 1, 3),
    CODE("max", file_index_t, max),
    OPTIONAL("stated_total", file_index_t, stated_total),
    CYAML_FIELD_SEQUENCE("figures", CYAML_FLAG_POINTER, file_index_t, figures, &figure_schema, 1,
                         CATALOG_MAX_FIGURES),
    CYAML_FIELD_SEQUENCE("pillars", CYAML_FLAG_POINTER, file_index_t, pillars, &pillar_schema, 1,
                         64),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t index_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, file_index_t, index_fields),
};

static int read_max(config_t *file, const char *path, const char *text, decimal_t *out)
{
    if (decimal_parse(text, strlen(text), out) != 0 || decimal_sign(*out) <= 0) {
        return config_error(file, path,
                            "'%s'; expected a decimal above 0, such as \"18\" or \"0.5\"", text);
    }
    return 0;
}

static int find_figure(const catalog_index_t *index, const char *id)
{
    for (unsigned i = 0; i < index->n_figures; i++) {
        if (strcmp(index->figures[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int build_figures(entry_t *e)
{
    catalog_index_t *index = &e->index;
    index->figures = calloc(e->data->figures_count, sizeof *index->figures);
    if (index->figures == NULL) {
        return -ENOMEM;
    }
    int rc = 0;
    for (unsigned i = 0; i < e->data->figures_count; i++) {
        const file_figure_t *f = &e->data->figures[i];
        if (find_figure(index, f->id) >= 0) {
            char path[64];
            snprintf(path, sizeof path, "figures[%u].id", i);
            rc = config_error(e->file, path, "'%s' stands twice; expected each figure once", f->id);
        }
        index->figures[index->n_figures++] = (catalog_figure_t){f->id, f->title, f->unit};
    }
    return rc;
}

static int build_indicator(entry_t *e, unsigned p, unsigned i, decimal_t *sum)
{
    catalog_index_t *index = &e->index;
    const file_indicator_t *from = &e->data->pillars[p].indicators[i];
    catalog_indicator_t to = {
        .code = from->code, .title = from->title, .note = from->note, .pillar = p};
    char path[96];
    snprintf(path, sizeof path, "pillars[%u].indicators[%u].max", p, i);
    int rc = read_max(e->file, path, from->max, &to.max);
    int figure = find_figure(index, from->points);
    if (figure < 0) {
        snprintf(path, sizeof path, "pillars[%u].indicators[%u].points", p, i);
        rc = config_error(e->file, path, "'%s' is not declared; expected an id of 'figures'",
                          from->points);
    }
    for (unsigned k = 0; k < index->n_indicators; k++) {
        if (strcmp(index->indicators[k].code, to.code) == 0) {
            snprintf(path, sizeof path, "pillars[%u].indicators[%u].code", p, i);
            rc = config_error(e->file, path, "'%s' stands twice; expected a code of its own",
                              to.code);
        }
    }
    to.points = (unsigned)figure;
    index->indicators[index->n_indicators++] = to;
    if (rc == 0) {
        rc = decimal_add(*sum, to.max, sum);
    }
    return rc;
}

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

static int build_pillar(entry_t *e, unsigned p, decimal_t *total)
{
    const file_pillar_t *from = &e->data->pillars[p];
    catalog_pillar_t *to = &e->index.pillars[e->index.n_pillars++];
    *to = (catalog_pillar_t){.code = from->code,
                             .title = from->title,
                             .first = e->index.n_indicators,
                             .count = from->indicators_count};
    decimal_t sum = DECIMAL_ZERO;
    int rc = 0;
    for (unsigned i = 0; i < from->indicators_count; i++) {
        int one = build_indicator(e, p, i, &sum);
        rc = rc != 0 ? rc : one;
    }
    char path[64];
    snprintf(path, sizeof path, "pillars[%u].max", p);
    if (read_max(e->file, path, from->max, &to->max) != 0) {
        return CHISO_E_CONFIG;
    }
    if (rc == 0) {
        rc = check_sum(e, path, to->max, sum);
    }
    return rc != 0 ? rc : decimal_add(*total, to->max, total);
}

static int build(entry_t *e)
{
    const file_index_t *data = e->data;
    catalog_index_t *index = &e->index;
    *index = (catalog_index_t){.id = data->index,
                               .title = data->title,
                               .decision = data->decision,
                               .date = data->date,
                               .issuer = data->issuer,
                               .stated_total = -1};
    if (strcmp(data->format, "1") != 0) {
        return config_error(e->file, "format", "'%s'; expected \"1\"", data->format);
    }
    for (unsigned i = 0; i < data->levels_count; i++) {
        index->levels |= 1U << data->levels[i];
    }
    unsigned n_indicators = 0;
    for (unsigned p = 0; p < data->pillars_count; p++) {
        n_indicators += data->pillars[p].indicators_count;
    }
    if (n_indicators > CATALOG_MAX_INDICATORS) {
        return config_error(e->file, "pillars", "%u indicators; expected at most %d", n_indicators,
                            CATALOG_MAX_INDICATORS);
    }
    index->pillars = calloc(data->pillars_count, sizeof *index->pillars);
    index->indicators = calloc(n_indicators, sizeof *index->indicators);
    if (index->pillars == NULL || index->indicators == NULL) {
        return -ENOMEM;
    }
    int rc = build_figures(e);
    decimal_t total = DECIMAL_ZERO;
    for (unsigned p = 0; p < data->pillars_count; p++) {
        int one = build_pillar(e, p, &total);
        rc = rc != 0 ? rc : one;
    }
    if (read_max(e->file, "max", data->max, &index->max) != 0) {
        rc = CHISO_E_CONFIG;
    } else if (rc == 0) {
        rc = check_sum(e, "max", index->max, total);
    }
    if (data->stated_total != NULL) {
        index->stated_total = find_figure(index, data->stated_total);
        if (index->stated_total < 0) {
            rc = config_error(e->file, "stated_total",
                              "'%s' is not declared; expected an id of 'figures'",
                              data->stated_total);
        }
    }
    return rc;
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

int catalog_load(const char *const *files, unsigned n_files, FILE *errors, catalog_t **out)
{
    catalog_t *c = calloc(1, sizeof *c);
    if (c == NULL || (c->entries = calloc(n_files + 1, sizeof *c->entries)) == NULL) {
        free(c);
        return -ENOMEM;
    }
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    int rc = 0;
    for (unsigned i = 0; i < n_files; i++) {
        entry_t *e = &c->entries[c->n_entries];
        int one = config_load(files[i], &index_schema, errors, (void **)&e->data, &e->file);
        if (one == 0) {
            c->n_entries++;
            one = build(e);
            if (one == 0 && catalog_find(c, e->index.id) != &e->index) {
                one = config_error(e->file, "index", "'%s' is in another file too", e->index.id);
            }
            hash_file(&state, files[i]);
        }
        rc = rc != 0 ? rc : one;
    }
    crypto_hash_sha256_final(&state, c->fingerprint);
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
        free(e->index.figures);
        free(e->index.pillars);
        free(e->index.indicators);
        config_free_data(&index_schema, e->data);
        config_destroy(&e->file);
    }
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

void catalog_fingerprint(const catalog_t *catalog, unsigned char out[32])
{
    memcpy(out, catalog->fingerprint, 32);
}
