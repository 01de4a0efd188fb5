/* registry.h - the unit registry (danh mục đơn vị): which unit an id of a source is, and when.
 *
 * Read from catalogs/units/, a folder with a file for each level; catalogs/README.md says what each
 * key means. Provinces, communes and the districts of before 2025-07-01 have the statistical
 * office's codes; a department has none, and has the portal's agency code or its parent's code with
 * its name behind it ("01.so-tai-chinh").
 *
 * A code can belong to one unit after another (91 was Kiên Giang's until 2025-06-30 and is An
 * Giang's since), never to two at once: code and day, or code and period, name a unit. The same
 * holds for the portal's ids.
 */
#ifndef CHISO_REGISTRY_REGISTRY_H
#define CHISO_REGISTRY_REGISTRY_H

#include "period/period.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct {
    const char *name;
    const char *until; /* the first day of the next name */
} registry_name_t;

typedef struct registry_unit {
    const char *code;
    const char *parent; /* code; NULL for a province */
    const char *name;   /* the last one */
    const char *dvc;    /* id at the national public-service portal (mã cơ quan), or NULL */
    int level;          /* Chiso__V1__Level */
    const char *geo;    /* the portal's geographic id since the merger, "13464", or NULL */
    const char *agency; /* agency code as the portal writes it, "H01", "000.00.00.H37", or NULL */
    /* Days, "2025-07-01". The unit is there from `from` up to the day before `until`; what it does
     * not say itself it has from its parent. NULL: not known, or still there. */
    const char *from, *until;
    const struct registry_unit *parent_unit; /* NULL for a province */
    const struct registry_unit *successor;   /* what it became part of, or NULL */
    const registry_name_t *earlier;          /* earlier names, the oldest first */
    unsigned n_earlier;
} registry_unit_t;

typedef struct registry registry_t;

/* `path` is a folder, of which every *.yaml is read, or one file. Errors go to `errors` as
 * FILE:LINE: …; CHISO_E_CONFIG after any. Refused are two units that have a code or an id at the
 * same time, unknown parents and successors, days that are none or in the wrong order, units that
 * outlive their parent. */
int registry_load(const char *path, FILE *errors, registry_t **out);
void registry_destroy(registry_t **registry);

/* All return NULL when there is none. Of several units in a row the last. */
const registry_unit_t *registry_by_code(const registry_t *registry, const char *code);
const registry_unit_t *registry_by_dvc(const registry_t *registry, const char *dvc_id);
const registry_unit_t *registry_by_geo(const registry_t *registry, const char *geo_id);
/* "H37" and "000.00.00.H37" are the same. */
const registry_unit_t *registry_by_agency(const registry_t *registry, const char *agency);

/* The unit that had the code on a day ("2025-07-01"); or when the period ended. */
const registry_unit_t *registry_on(const registry_t *registry, const char *code, const char *day);
const registry_unit_t *registry_in(const registry_t *registry, const char *code, period_t period);

/* Whether the unit was there on a day; on the last day of a period, for it is then that a period is
 * assessed: of 2025 Hải Dương is not, of 2024 it is. */
bool registry_valid_on(const registry_unit_t *unit, const char *day);
bool registry_valid(const registry_unit_t *unit, period_t period);

/* Its name on a day. */
const char *registry_name_on(const registry_unit_t *unit, const char *day);

/* In the order of the files. */
unsigned registry_count(const registry_t *registry);
const registry_unit_t *registry_at(const registry_t *registry, unsigned i);
/* The file that it stands in, and the line. */
const char *registry_file_of(const registry_t *registry, unsigned i, int *line);

#endif
