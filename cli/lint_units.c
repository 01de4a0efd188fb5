/* lint_units.c - see lint_units.h. What is wrong with a registry is said by loading it, as the
 * services do: a registry that lint calls good starts. Here stands what only Vietnam's real units
 * must have, so that a table program which takes zeros away is found out. */
#include "lint_units.h"

#include "base/clock.h"
#include "registry/registry.h"

#include <stdio.h>
#include <string.h>

#define PROVINCE 1 /* Chiso__V1__Level */
#define COMMUNE 3
#define DISTRICT 4
#define LEVELS 5

/* The statistical office's codes; a department has none. */
static const unsigned digits[LEVELS] = {[PROVINCE] = 2, [COMMUNE] = 5, [DISTRICT] = 3};

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
    static const char *const forms[LEVELS] = {
        [PROVINCE] = "two digits", [COMMUNE] = "five digits", [DISTRICT] = "three digits"};
    const registry_unit_t *u = registry_at(r, i);
    unsigned wanted = digits[u->level];
    unsigned errors = 0;
    if (wanted > 0 && (strspn(u->code, "0123456789") != wanted || u->code[wanted] != '\0')) {
        errors += say(r, i, "code", u->code, forms[u->level]);
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
           path, day, today[PROVINCE], today[COMMUNE], today[DISTRICT], today[2], ended);
    registry_destroy(&r);
    return errors == 0;
}
