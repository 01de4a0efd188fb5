/* registry.c - see registry.h. A sorted array of pointers for each kind of id, in which the units
 * that have an id one after another stand in the order of time. Reading the files is load.c's. */
#include "registry/registry_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- days ---- */

static bool begins_before(const char *from, const char *day)
{
    return from == NULL || strcmp(from, day) <= 0;
}

static bool ends_after(const char *until, const char *day)
{
    return until == NULL || strcmp(until, day) > 0;
}

/* ---- finding ---- */

/* The agency code without the leading zeros of the long form. */
static const char *short_agency(const char *agency)
{
    static const char zeros[] = "000.00.00.";
    return strncmp(agency, zeros, strlen(zeros)) == 0 ? agency + strlen(zeros) : agency;
}

const char *registry_key(const registry_unit_t *u, int key)
{
    return key == REGISTRY_CODE  ? u->code
           : key == REGISTRY_DVC ? u->dvc
           : key == REGISTRY_GEO ? u->geo
           : u->agency == NULL   ? NULL
                                 : short_agency(u->agency);
}

/* qsort has no context: one comparison for each key. */
static int by_key_and_time(const void *a, const void *b, int key)
{
    const registry_unit_t *x = *(const registry_unit_t *const *)a;
    const registry_unit_t *y = *(const registry_unit_t *const *)b;
    int order = strcmp(registry_key(x, key), registry_key(y, key));
    if (order != 0) {
        return order;
    }
    order = strcmp(x->from != NULL ? x->from : "", y->from != NULL ? y->from : "");
    return order != 0 ? order : x < y ? -1 : x > y;
}

static int by_code(const void *a, const void *b)
{
    return by_key_and_time(a, b, REGISTRY_CODE);
}

static int by_dvc(const void *a, const void *b)
{
    return by_key_and_time(a, b, REGISTRY_DVC);
}

static int by_geo(const void *a, const void *b)
{
    return by_key_and_time(a, b, REGISTRY_GEO);
}

static int by_agency(const void *a, const void *b)
{
    return by_key_and_time(a, b, REGISTRY_AGENCY);
}

static int (*const compare[REGISTRY_KEYS])(const void *, const void *) = {by_code, by_dvc, by_geo,
                                                                          by_agency};

int registry_sort(registry_t *r, int key)
{
    registry_sorted_t *s = &r->by[key];
    if (s->units == NULL && (s->units = calloc(r->n_units, sizeof(void *))) == NULL) {
        return -ENOMEM;
    }
    s->n = 0;
    for (unsigned i = 0; i < r->n_units; i++) {
        if (registry_key(&r->units[i], key) != NULL) {
            s->units[s->n++] = &r->units[i];
        }
    }
    qsort(s->units, s->n, sizeof(void *), compare[key]);
    return 0;
}

unsigned registry_end(const registry_sorted_t *s, int key, const char *value)
{
    unsigned low = 0;
    unsigned high = s->n;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (strcmp(registry_key(s->units[middle], key), value) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const registry_unit_t *last(const registry_t *r, int key, const char *value)
{
    unsigned end = registry_end(&r->by[key], key, value);
    const registry_unit_t *u = end > 0 ? r->by[key].units[end - 1] : NULL;
    return u != NULL && strcmp(registry_key(u, key), value) == 0 ? u : NULL;
}

const registry_unit_t *registry_by_code(const registry_t *r, const char *code)
{
    return last(r, REGISTRY_CODE, code);
}

const registry_unit_t *registry_by_dvc(const registry_t *r, const char *dvc_id)
{
    return last(r, REGISTRY_DVC, dvc_id);
}

const registry_unit_t *registry_by_geo(const registry_t *r, const char *geo_id)
{
    return last(r, REGISTRY_GEO, geo_id);
}

const registry_unit_t *registry_by_agency(const registry_t *r, const char *agency)
{
    return last(r, REGISTRY_AGENCY, short_agency(agency));
}

const registry_unit_t *registry_on(const registry_t *r, const char *code, const char *day)
{
    const registry_sorted_t *s = &r->by[REGISTRY_CODE];
    for (unsigned i = registry_end(s, REGISTRY_CODE, code);
         i > 0 && strcmp(s->units[i - 1]->code, code) == 0; i--) {
        if (registry_valid_on(s->units[i - 1], day)) {
            return s->units[i - 1];
        }
    }
    return NULL;
}

const registry_unit_t *registry_in(const registry_t *r, const char *code, period_t period)
{
    char day[PERIOD_DAY_SIZE];
    return registry_on(r, code, period_last_day(period, day));
}

bool registry_valid_on(const registry_unit_t *unit, const char *day)
{
    return begins_before(unit->from, day) && ends_after(unit->until, day);
}

bool registry_valid(const registry_unit_t *unit, period_t period)
{
    char day[PERIOD_DAY_SIZE];
    return registry_valid_on(unit, period_last_day(period, day));
}

const char *registry_name_on(const registry_unit_t *unit, const char *day)
{
    for (unsigned i = 0; i < unit->n_earlier; i++) {
        if (ends_after(unit->earlier[i].until, day)) {
            return unit->earlier[i].name;
        }
    }
    return unit->name;
}

unsigned registry_count(const registry_t *r)
{
    return r->n_units;
}

const registry_unit_t *registry_at(const registry_t *r, unsigned i)
{
    return &r->units[i];
}
