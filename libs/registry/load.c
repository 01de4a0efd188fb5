/* load.c - the files of the registry, see registry.h.
 *
 * Who is whose parent can depend on the day, and how long a unit is there on its parent: so parents
 * are settled first, by the days that the files give, and what nobody says is taken from the
 * parent. Only then can it be seen whether an id belongs to two units at once.
 */
#include "registry/registry_internal.h"

#include "base/error.h"
#include "text/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LEVEL_PROVINCE 1 /* Chiso__V1__Level */
#define LEVEL_DEPARTMENT 2

static const char *const key_names[REGISTRY_KEYS] = {"code", "dvc", "geo", "agency"};

static int wrong(const registry_t *r, const registry_unit_t *unit, const char *key,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

static int wrong(const registry_t *r, const registry_unit_t *unit, const char *key,
                 const char *format, ...)
{
    const registry_place_t *place = &r->places[unit - r->units];
    char path[64];
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(path, sizeof path, "units[%u]%s%s", place->at, key[0] != '\0' ? "." : "", key);
    return config_error(place->source->file, path, "%s", text);
}

static const char *or_open(const char *day)
{
    return day != NULL ? day : "…";
}

/* ---- one unit by itself ---- */

static int check_day(const registry_t *r, const registry_unit_t *u, const char *key,
                     const char *day)
{
    return day == NULL || period_is_day(day)
               ? 0
               : wrong(r, u, key, "'%s'; expected a day, such as \"2025-07-01\"", day);
}

static int check_earlier(const registry_t *r, const registry_unit_t *u)
{
    int rc = 0;
    char key[32];
    for (unsigned i = 0; i < u->n_earlier; i++) {
        const registry_name_t *name = &u->earlier[i];
        snprintf(key, sizeof key, "earlier[%u].until", i);
        int one = check_day(r, u, key, name->until);
        const char *after = i > 0 ? u->earlier[i - 1].until : u->from;
        if (one == 0 && ((after != NULL && strcmp(name->until, after) <= 0) ||
                         (u->until != NULL && strcmp(name->until, u->until) >= 0))) {
            one = wrong(r, u, key, "%s; expected a day after %s and before %s", name->until,
                        or_open(after), or_open(u->until));
        }
        rc = rc != 0 ? rc : one;
    }
    return rc;
}

static int check_unit(const registry_t *r, const registry_unit_t *u)
{
    int rc = 0;
    for (int key = 0; key < REGISTRY_KEYS; key++) {
        const char *value = registry_key(u, key);
        if (value != NULL && !text_is_code(value)) {
            rc =
                wrong(r, u, key_names[key], "'%s'; expected letters, digits, '.', '-', '_'", value);
        }
    }
    if (u->level == 0) {
        rc = wrong(r, u, "level", "is missing; expected it here or for the whole file");
    } else if (u->level == LEVEL_PROVINCE && u->parent != NULL) {
        rc = wrong(r, u, "parent", "'%s'; expected none of a province", u->parent);
    } else if (u->level != LEVEL_PROVINCE && u->parent == NULL) {
        rc = wrong(r, u, "parent", "is missing; expected the code of the unit above");
    }
    int from = check_day(r, u, "from", u->from);
    int until = check_day(r, u, "until", u->until);
    if (from == 0 && until == 0 && u->from != NULL && u->until != NULL &&
        strcmp(u->from, u->until) >= 0) {
        until = wrong(r, u, "until", "%s; expected a day after from, %s", u->until, u->from);
    }
    return rc != 0 || from != 0 || until != 0 ? CHISO_E_CONFIG : 0;
}

/* ---- one unit and the others ---- */

/* Whether [from, until) of the two have a day in common. */
static bool overlap(const registry_unit_t *a, const registry_unit_t *b)
{
    return (a->until == NULL || b->from == NULL || strcmp(a->until, b->from) > 0) &&
           (b->until == NULL || a->from == NULL || strcmp(b->until, a->from) > 0);
}

/* The last unit of the parent's code that is there at the same time, or at all. */
static registry_unit_t *above(const registry_t *r, const registry_unit_t *u)
{
    const registry_sorted_t *s = &r->by[REGISTRY_CODE];
    const registry_unit_t *found = registry_by_code(r, u->parent);
    for (unsigned i = registry_end(s, REGISTRY_CODE, u->parent);
         i > 0 && strcmp(s->units[i - 1]->code, u->parent) == 0; i--) {
        if (overlap(s->units[i - 1], u)) {
            found = s->units[i - 1];
            break;
        }
    }
    return found != NULL ? &r->units[found - r->units] : NULL;
}

/* Parent, and the days that the unit has from it. */
static int settle(registry_t *r, registry_unit_t *u)
{
    registry_place_t *place = &r->places[u - r->units];
    if (place->state == REGISTRY_SETTLED || u->parent == NULL) {
        place->state = REGISTRY_SETTLED;
        return 0;
    }
    if (place->state == REGISTRY_ASKED) {
        return wrong(r, u, "parent", "'%s' is below this unit; expected one above it", u->parent);
    }
    place->state = REGISTRY_ASKED;
    registry_unit_t *parent = above(r, u);
    if (parent == NULL) {
        return wrong(r, u, "parent", "'%s'; expected the code of a unit in this registry",
                     u->parent);
    }
    int rc = settle(r, parent);
    if (rc != 0) {
        return rc;
    }
    place->state = REGISTRY_SETTLED;
    u->parent_unit = parent;
    u->from = u->from != NULL ? u->from : parent->from;
    u->until = u->until != NULL ? u->until : parent->until;
    if ((parent->from != NULL && strcmp(u->from, parent->from) < 0) ||
        (parent->until != NULL && strcmp(u->until, parent->until) > 0)) {
        rc = wrong(r, u, "parent", "'%s' is there from %s until %s, this unit from %s until %s",
                   u->parent, or_open(parent->from), or_open(parent->until), or_open(u->from),
                   or_open(u->until));
    }
    size_t len = strlen(u->parent);
    if (u->level == LEVEL_DEPARTMENT && (u->agency == NULL || strcmp(u->code, u->agency) != 0) &&
        (strncmp(u->code, u->parent, len) != 0 || u->code[len] != '.')) {
        rc = wrong(r, u, "code", "'%s'; expected the agency code, or \"%s.\" and a name", u->code,
                   u->parent);
    }
    return rc;
}

static int check_successor(registry_t *r, registry_unit_t *u, const char *code)
{
    if (code == NULL) {
        return 0;
    }
    if (u->until == NULL) {
        return wrong(r, u, "successor", "'%s'; expected until beside it", code);
    }
    u->successor = registry_on(r, code, u->until);
    return u->successor != NULL && u->successor != u
               ? 0
               : wrong(r, u, "successor", "'%s'; expected the code of a unit that is there on %s",
                       code, u->until);
}

static int check_ids(const registry_t *r, int key)
{
    const registry_sorted_t *s = &r->by[key];
    int rc = 0;
    for (unsigned i = 1; i < s->n; i++) {
        const registry_unit_t *a = s->units[i - 1];
        const registry_unit_t *b = s->units[i];
        if (strcmp(registry_key(a, key), registry_key(b, key)) == 0 && overlap(a, b)) {
            int line;
            const char *file = registry_file_of(r, (unsigned)(a - r->units), &line);
            rc = wrong(r, b, key_names[key], "'%s' stands twice; %s:%d has it at the same time",
                       registry_key(b, key), file, line);
        }
    }
    return rc;
}

static int check_all(registry_t *r)
{
    int rc = 0;
    for (unsigned i = 0; i < r->n_units; i++) {
        int one = check_unit(r, &r->units[i]);
        rc = rc != 0 ? rc : one;
    }
    for (int key = 0; rc == 0 && key < REGISTRY_KEYS; key++) {
        rc = registry_sort(r, key);
    }
    if (rc != 0) {
        return rc;
    }
    for (unsigned i = 0; i < r->n_units; i++) {
        int one = settle(r, &r->units[i]);
        rc = rc != 0 ? rc : one;
        one = check_earlier(r, &r->units[i]);
        rc = rc != 0 ? rc : one;
    }
    for (int key = 0; rc == 0 && key < REGISTRY_KEYS; key++) {
        rc = registry_sort(r, key); /* the days are known now */
    }
    for (int key = 0; key < REGISTRY_KEYS; key++) {
        int one = check_ids(r, key);
        rc = rc != 0 ? rc : one;
    }
    for (unsigned i = 0; rc == 0 && i < r->n_units; i++) {
        const registry_place_t *place = &r->places[i];
        int one = check_successor(r, &r->units[i], place->source->data->units[place->at].successor);
        rc = rc != 0 ? rc : one;
    }
    return rc;
}

/* ---- files ---- */

static int read_file(registry_t *r, const char *path, FILE *errors)
{
    registry_source_t *s = &r->sources[r->n_sources];
    int rc = config_load(path, &form_units_schema, errors, (void **)&s->data, &s->file);
    if (rc != 0) {
        return rc;
    }
    r->n_sources++;
    r->n_units += s->data->units_count;
    rc = config_check_texts(s->file);
    return strcmp(s->data->format, "1") == 0
               ? rc
               : config_error(s->file, "format", "'%s'; expected \"1\"", s->data->format);
}

static int read_folder(registry_t *r, const char *folder, FILE *errors)
{
    char **files = NULL;
    int n = config_list(folder, &files);
    int rc = n < 0 ? n : 0;
    if (n == 0 || n > REGISTRY_MAX_FILES) {
        fprintf(errors, "%s: has %d files; expected 1 to %d *.yaml\n", folder, n,
                REGISTRY_MAX_FILES);
        rc = CHISO_E_CONFIG;
    }
    for (int i = 0; i < n && n <= REGISTRY_MAX_FILES; i++) {
        int one = read_file(r, files[i], errors);
        rc = rc != 0 ? rc : one;
    }
    config_list_free(&files);
    return rc;
}

static void take(registry_t *r)
{
    unsigned n = 0;
    unsigned n_names = 0;
    for (unsigned f = 0; f < r->n_sources; f++) {
        registry_source_t *source = &r->sources[f];
        const form_units_t *file = source->data;
        for (unsigned i = 0; i < file->units_count; i++, n++) {
            const form_unit_t *u = &file->units[i];
            registry_name_t *names = &r->names[n_names];
            for (unsigned k = 0; k < u->earlier_count; k++) {
                r->names[n_names++] = (registry_name_t){u->earlier[k].name, u->earlier[k].until};
            }
            r->places[n] = (registry_place_t){.source = source, .at = i};
            r->units[n] = (registry_unit_t){.code = u->code,
                                            .parent = u->parent,
                                            .name = u->name,
                                            .dvc = u->dvc,
                                            .level = u->level != 0 ? u->level : file->level,
                                            .geo = u->geo,
                                            .agency = u->agency,
                                            .from = u->from != NULL ? u->from : file->from,
                                            .until = u->until != NULL ? u->until : file->until,
                                            .earlier = names,
                                            .n_earlier = u->earlier_count};
        }
    }
}

static unsigned count_names(const registry_t *r)
{
    unsigned n = 0;
    for (unsigned f = 0; f < r->n_sources; f++) {
        for (unsigned i = 0; i < r->sources[f].data->units_count; i++) {
            n += r->sources[f].data->units[i].earlier_count;
        }
    }
    return n;
}

int registry_load(const char *path, FILE *errors, registry_t **out)
{
    registry_t *r = calloc(1, sizeof *r);
    struct stat st;
    if (r == NULL) {
        return -ENOMEM;
    }
    int rc = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? read_folder(r, path, errors)
                                                         : read_file(r, path, errors);
    if (rc == 0) {
        r->units = calloc(r->n_units, sizeof *r->units);
        r->places = calloc(r->n_units, sizeof *r->places);
        r->names = calloc(count_names(r) + 1, sizeof *r->names);
        rc = r->units != NULL && r->places != NULL && r->names != NULL ? 0 : -ENOMEM;
    }
    if (rc == 0) {
        take(r);
        rc = check_all(r);
    }
    if (rc != 0) {
        registry_destroy(&r);
        return rc;
    }
    *out = r;
    return 0;
}

const char *registry_file_of(const registry_t *r, unsigned i, int *line)
{
    const registry_place_t *place = &r->places[i];
    char path[32];
    snprintf(path, sizeof path, "units[%u]", place->at);
    *line = config_line(place->source->file, path);
    return config_file(place->source->file);
}

void registry_destroy(registry_t **registry)
{
    if (registry == NULL || *registry == NULL) {
        return;
    }
    registry_t *r = *registry;
    for (int key = 0; key < REGISTRY_KEYS; key++) {
        free(r->by[key].units);
    }
    free(r->units);
    free(r->places);
    free(r->names);
    for (unsigned f = 0; f < r->n_sources; f++) {
        config_free_data(&form_units_schema, r->sources[f].data);
        config_destroy(&r->sources[f].file);
    }
    free(r);
    *registry = NULL;
}
