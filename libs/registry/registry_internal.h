/* registry_internal.h - what registry.c and load.c share. Inside libs/registry only. */
#ifndef CHISO_REGISTRY_INTERNAL_H
#define CHISO_REGISTRY_INTERNAL_H

#include "config/config.h"
#include "registry/form.h"
#include "registry/registry.h"

#define REGISTRY_MAX_FILES 32

enum { REGISTRY_CODE, REGISTRY_DVC, REGISTRY_GEO, REGISTRY_AGENCY, REGISTRY_KEYS };

typedef struct {
    const registry_unit_t **units;
    unsigned n;
} registry_sorted_t;

typedef struct {
    config_t *file;
    form_units_t *data;
} registry_source_t;

/* Where a unit was read. */
typedef struct {
    registry_source_t *source;
    unsigned at;
    enum { REGISTRY_FRESH, REGISTRY_ASKED, REGISTRY_SETTLED } state;
} registry_place_t;

struct registry {
    registry_source_t sources[REGISTRY_MAX_FILES];
    unsigned n_sources;
    registry_unit_t *units;
    registry_place_t *places; /* of each unit */
    registry_name_t *names;   /* the earlier ones of all units */
    unsigned n_units;
    registry_sorted_t by[REGISTRY_KEYS];
};

/* A unit's id of a kind, or NULL; of an agency code without the zeros of the long form. */
const char *registry_key(const registry_unit_t *unit, int key);

/* Puts the units that have an id of the kind in order, again when their days have changed. 0 or
 * -ENOMEM. */
int registry_sort(registry_t *registry, int key);

/* How many of the sorted units stand before the last one of the value, that one included. */
unsigned registry_end(const registry_sorted_t *sorted, int key, const char *value);

#endif
