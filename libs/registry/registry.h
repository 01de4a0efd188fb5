/* registry.h - the unit registry (danh mục đơn vị): which unit an id of a source is.
 *
 * Read from catalogs/units.yaml. Units have the statistical office's codes; a unit that it does not
 * code, such as a department, has its source's own and is not in the registry.
 */
#ifndef CHISO_REGISTRY_REGISTRY_H
#define CHISO_REGISTRY_REGISTRY_H

#include <stdio.h>

typedef struct {
    const char *code;
    const char *parent; /* NULL for a province */
    const char *name;
    const char *dvc; /* id at the national public-service portal, or NULL */
    int level;       /* Chiso__V1__Level */
    const char *geo, *agency, *until;
} registry_unit_t;

typedef struct registry registry_t;

/* Errors go to `errors` as FILE:LINE: …; CHISO_E_CONFIG after any. */
int registry_load(const char *file, FILE *errors, registry_t **out);
void registry_destroy(registry_t **registry);

/* Both return NULL when there is none. */
const registry_unit_t *registry_by_code(const registry_t *registry, const char *code);
const registry_unit_t *registry_by_dvc(const registry_t *registry, const char *dvc_id);

const registry_unit_t *registry_by_geo(const registry_t *registry, const char *dvc_id);
const registry_unit_t *registry_by_agency(const registry_t *registry, const char *dvc_id);
unsigned registry_count(const registry_t *registry);
const registry_unit_t *registry_at(const registry_t *registry, unsigned i);

#endif
