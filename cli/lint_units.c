/* lint_units.c - see lint_units.h. What is wrong with a registry is said by loading it, as the
 * services do: a registry that lint calls good starts. Here stands what only Vietnam's real units
 * must have, so that a table program which takes zeros away is found out. */
#include "lint_units.h"

#include "base/clock.h"
#include "event/event.h"
#include "registry/registry.h"

#include <stdio.h>
#include <string.h>

#define PROVINCE CHISO__V1__LEVEL__PROVINCE
#define DEPARTMENT CHISO__V1__LEVEL__DEPARTMENT
#define COMMUNE CHISO__V1__LEVEL__COMMUNE
#define DISTRICT CHISO__V1__LEVEL__DISTRICT
#define LEVELS (DISTRICT + 1)

/* The statistical office's codes; a department has none. */
static const struct {
    unsigned digits;
    const char *said;
} codes[LEVELS] = {[PROVINCE] = {2, "two digits"},
                   [DEPARTMENT] = {0, NULL},
                   [COMMUNE] = {5, "five digits"},
                   [DISTRICT] = {3, "three digits"}};

static unsigned say(const registry_t *r, unsigned i, const char *what, const char *value,
                    const char *expected)
{
    int line;
    const char *file = registry_file_of(r, i, &line);
    printf("ERROR %s:%d: %s '%s'; expected %s\n", file, line, what, value, expected);
    return 1;
}

static unsigned check(const registry_t *r, unsigned i)
{
    const registry_unit_t *u = registry_at(r, i);
    unsigned wanted = codes[u->level].digits;
    unsigned errors = 0;
    if (wanted > 0 && (strspn(u->code, "0123456789") != wanted || u->code[wanted] != '\0')) {
        errors += say(r, i, "code", u->code, codes[u->level].said);
    }
    int above = u->parent_unit != NULL ? u->parent_unit->level : 0;
    if ((u->level == COMMUNE && above != PROVINCE && above != DISTRICT) ||
        (u->level == DISTRICT && above != PROVINCE)) {
        errors += say(r, i, "parent", u->parent,
                      u->level == COMMUNE ? "a province or district" : "a province");
    }
    return errors;
}

bool lint_units(const char *path)
{
    registry_t *r = NULL;
    unsigned today[LEVELS] = {0};
    unsigned ended = 0;
    unsigned errors = 0;
    char day[PERIOD_DAY_SIZE];
    if (registry_load(path, stdout, &r) != 0) {
        printf("ERROR %s: the unit registry cannot be used\n", path);
        return false;
    }
    period_day_at(clock_wall_ms(), day);
    for (unsigned i = 0; i < registry_count(r); i++) {
        const registry_unit_t *u = registry_at(r, i);
        errors += check(r, i);
        today[u->level] += registry_valid_on(u, day);
        ended += u->until != NULL && !registry_valid_on(u, day);
    }
    printf("%s: on %s %u provinces, %u communes, %u districts, %u departments; %u units that ended "
           "before\n",
           path, day, today[PROVINCE], today[COMMUNE], today[DISTRICT], today[DEPARTMENT], ended);
    registry_destroy(&r);
    return errors == 0;
}
