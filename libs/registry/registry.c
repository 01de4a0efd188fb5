/* registry.c - see registry.h. Two sorted arrays of pointers: 3,355 units, read once. */
#include "registry/registry.h"

#include "base/error.h"
#include "config/config.h"
#include "text/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *code, *parent, *name, *dvc;
    int level;
} file_unit_t;

typedef struct {
    char *format;
    file_unit_t *units;
    unsigned units_count;
} file_registry_t;

struct registry {
    config_t *file;
    file_registry_t *data;
    registry_unit_t *units;
    const registry_unit_t **by_code;
    const registry_unit_t **by_dvc;
    unsigned n_units, n_dvc;
};

static const cyaml_strval_t level_names[] = {{"province", 1}, {"department", 2}, {"commune", 3}};
static const cyaml_schema_field_t unit_fields[] = {
    CYAML_FIELD_STRING_PTR("code", CYAML_FLAG_POINTER, file_unit_t, code, 1, 64),
    CYAML_FIELD_ENUM("level", CYAML_FLAG_DEFAULT, file_unit_t, level, level_names, 3),
    CYAML_FIELD_STRING_PTR("parent", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, file_unit_t, parent,
                           1, 64),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, file_unit_t, name, 1, 512),
    CYAML_FIELD_STRING_PTR("dvc", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, file_unit_t, dvc, 1,
                           64),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t unit_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, file_unit_t, unit_fields),
};
static const cyaml_schema_field_t registry_fields[] = {
    CYAML_FIELD_STRING_PTR("format", CYAML_FLAG_POINTER, file_registry_t, format, 1, 8),
    CYAML_FIELD_SEQUENCE("units", CYAML_FLAG_POINTER, file_registry_t, units, &unit_schema, 1,
                         100000),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t registry_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, file_registry_t, registry_fields),
};

static int compare_codes(const void *a, const void *b)
{
    const registry_unit_t *const *x = a;
    const registry_unit_t *const *y = b;
    return strcmp((*x)->code, (*y)->code);
}

static int compare_dvc(const void *a, const void *b)
{
    const registry_unit_t *const *x = a;
    const registry_unit_t *const *y = b;
    return strcmp((*x)->dvc, (*y)->dvc);
}

static int twice(registry_t *r, const registry_unit_t *unit, const char *key, const char *value)
{
    char path[64];
    snprintf(path, sizeof path, "units[%u].%s", (unsigned)(unit - r->units), key);
    return config_error(r->file, path, "'%s' stands twice; expected each unit once", value);
}

static int sort_and_check(registry_t *r)
{
    int rc = 0;
    qsort(r->by_code, r->n_units, sizeof(void *), compare_codes);
    qsort(r->by_dvc, r->n_dvc, sizeof(void *), compare_dvc);
    for (unsigned i = 1; i < r->n_units; i++) {
        if (compare_codes(&r->by_code[i - 1], &r->by_code[i]) == 0) {
            rc = twice(r, r->by_code[i], "code", r->by_code[i]->code);
        }
    }
    for (unsigned i = 1; i < r->n_dvc; i++) {
        if (compare_dvc(&r->by_dvc[i - 1], &r->by_dvc[i]) == 0) {
            rc = twice(r, r->by_dvc[i], "dvc", r->by_dvc[i]->dvc);
        }
    }
    for (unsigned i = 0; i < r->n_units; i++) {
        const char *parent = r->units[i].parent;
        char path[64];
        if (!text_is_code(r->units[i].code)) {
            snprintf(path, sizeof path, "units[%u].code", i);
            rc = config_error(r->file, path, "'%s'; expected letters, digits, '.', '-', '_'",
                              r->units[i].code);
        }
        if (!text_is_nfc(r->units[i].name, strlen(r->units[i].name))) {
            snprintf(path, sizeof path, "units[%u].name", i);
            rc = config_error(r->file, path, "'%s' is not NFC; expected composed letters",
                              r->units[i].name);
        }
        if (parent != NULL && registry_by_code(r, parent) == NULL) {
            snprintf(path, sizeof path, "units[%u].parent", i);
            rc = config_error(r->file, path, "'%s'; expected the code of a unit in this file",
                              parent);
        }
    }
    return rc;
}

int registry_load(const char *path, FILE *errors, registry_t **out)
{
    registry_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return -ENOMEM;
    }
    int rc = config_load(path, &registry_schema, errors, (void **)&r->data, &r->file);
    if (rc == 0) {
        unsigned n = r->data->units_count;
        r->units = calloc(n, sizeof *r->units);
        r->by_code = calloc(n, sizeof(void *));
        r->by_dvc = calloc(n, sizeof(void *));
        rc = r->units != NULL && r->by_code != NULL && r->by_dvc != NULL ? 0 : -ENOMEM;
    }
    for (unsigned i = 0; rc == 0 && i < r->data->units_count; i++) {
        const file_unit_t *u = &r->data->units[i];
        r->units[i] = (registry_unit_t){.code = u->code,
                                        .parent = u->parent,
                                        .name = u->name,
                                        .dvc = u->dvc,
                                        .level = u->level};
        r->by_code[r->n_units++] = &r->units[i];
        if (u->dvc != NULL) {
            r->by_dvc[r->n_dvc++] = &r->units[i];
        }
    }
    if (rc == 0) {
        rc = sort_and_check(r);
    }
    if (rc != 0) {
        registry_destroy(&r);
        return rc;
    }
    *out = r;
    return 0;
}

void registry_destroy(registry_t **registry)
{
    if (registry == NULL || *registry == NULL) {
        return;
    }
    registry_t *r = *registry;
    free(r->units);
    free(r->by_code);
    free(r->by_dvc);
    config_free_data(&registry_schema, r->data);
    config_destroy(&r->file);
    free(r);
    *registry = NULL;
}

static const registry_unit_t *find(const registry_unit_t *const *sorted, unsigned n,
                                   const registry_unit_t *wanted,
                                   int (*compare)(const void *, const void *))
{
    const void *found = bsearch(&wanted, sorted, n, sizeof(void *), compare);
    return found != NULL ? *(const registry_unit_t *const *)found : NULL;
}

const registry_unit_t *registry_by_code(const registry_t *r, const char *code)
{
    return find(r->by_code, r->n_units, &(registry_unit_t){.code = code}, compare_codes);
}

const registry_unit_t *registry_by_dvc(const registry_t *r, const char *dvc_id)
{
    return find(r->by_dvc, r->n_dvc, &(registry_unit_t){.dvc = dvc_id}, compare_dvc);
}

unsigned registry_count(const registry_t *r)
{
    return r->n_units;
}

const registry_unit_t *registry_at(const registry_t *r, unsigned i)
{
    return &r->units[i];
}

const registry_unit_t *registry_by_geo(const registry_t *r, const char *id)
{
    (void)r;
    (void)id;
    return NULL;
}
const registry_unit_t *registry_by_agency(const registry_t *r, const char *id)
{
    (void)r;
    (void)id;
    return NULL;
}
