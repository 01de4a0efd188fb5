/* lint_units.c - see lint_units.h. What is wrong with a registry is said by loading it, as the
 * services do: a registry that lint calls good starts. */
#include "lint_units.h"

#include "base/clock.h"
#include "registry/registry.h"

#include <stdio.h>

#define LEVELS 5 /* Chiso__V1__Level from 1 on */

bool lint_units(const char *path)
{
    registry_t *r = NULL;
    unsigned today[LEVELS] = {0};
    unsigned ended = 0;
    char day[PERIOD_DAY_SIZE];
    if (registry_load(path, stdout, &r) != 0) {
        printf("ERROR %s: the unit registry cannot be used\n", path);
        return false;
    }
    period_day_at(clock_wall_ms(), day);
    for (unsigned i = 0; i < registry_count(r); i++) {
        const registry_unit_t *u = registry_at(r, i);
        today[u->level] += registry_valid_on(u, day);
        ended += u->until != NULL && !registry_valid_on(u, day);
    }
    printf("%s: on %s %u provinces, %u communes, %u districts, %u departments; %u units that ended "
           "before\n",
           path, day, today[1], today[3], today[4], today[2], ended);
    registry_destroy(&r);
    return true;
}
