/* fixture.c - see fixture.h. Rows are copied for each answer, so that whatever an answer does to
 * them (overlays, faults) never reaches the recorded ones. */
#include "fixture.h"

#include "base/bytes.h"
#include "base/error.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_STEPS 1000
#define MAX_OVERLAYS 100000

typedef struct {
    char *name;
    json_t *series; /* name -> array of rows */
} step_t;

struct fixtures {
    step_t *steps;
    size_t count;
    size_t current;
    bool backwards;
    json_t *overlays; /* series -> object of "ID:FIELD" -> value */
    size_t overlay_count;
};

static const char *const pillars[] = {"TDGQ", "MDHL", "MDSH", "TTTT", "CLGQ", "CKMB", NULL};

int cents_parse(const char *text, int64_t *out)
{
    int64_t cents = 0;
    int whole = 0;
    int decimals = 0;
    for (; isdigit((unsigned char)*text) && whole < 12; text++, whole++) {
        cents = cents * 10 + (*text - '0');
    }
    if (whole > 0 && *text == '.') {
        for (text++; isdigit((unsigned char)*text) && decimals < 2; text++, decimals++) {
            cents = cents * 10 + (*text - '0');
        }
        if (decimals == 0) {
            return CHISO_E_SYNTAX;
        }
    }
    if (whole == 0 || *text != '\0') {
        return CHISO_E_SYNTAX;
    }
    for (; decimals < 2; decimals++) {
        cents *= 10;
    }
    *out = cents;
    return CHISO_OK;
}

const char *cents_format(int64_t cents, char out[CENTS_SIZE])
{
    const char *sign = cents < 0 ? "-" : "";
    cents = cents < 0 ? -cents : cents;
    long long whole = (long long)(cents / 100);
    int rest = (int)(cents % 100);
    if (rest == 0) {
        snprintf(out, CENTS_SIZE, "%s%lld", sign, whole);
    } else if (rest % 10 == 0) {
        snprintf(out, CENTS_SIZE, "%s%lld.%d", sign, whole, rest / 10);
    } else {
        snprintf(out, CENTS_SIZE, "%s%lld.%02d", sign, whole, rest);
    }
    return out;
}

static int complain(const char *path, const char *reason)
{
    fprintf(stderr, "replay: %s: %s\n", path, reason);
    return CHISO_E_CONFIG;
}

/* An array of flat objects with texts only, and an ID in each. */
static bool rows_are_sound(const json_t *rows)
{
    size_t i;
    const json_t *row;
    const char *key;
    json_t *value;
    if (!json_is_array(rows)) {
        return false;
    }
    json_array_foreach(rows, i, row)
    {
        if (!json_is_string(json_object_get(row, "ID"))) {
            return false;
        }
        json_object_foreach((json_t *)(uintptr_t)row, key, value)
        {
            if (!json_is_string(value)) {
                return false;
            }
        }
    }
    return true;
}

static int load_file(const char *folder, const char *file, json_t *series)
{
    const char *suffix = strrchr(file, '.');
    if (suffix == NULL || suffix == file || strcmp(suffix, ".json") != 0) {
        return CHISO_OK;
    }
    buffer_t path = BUFFER_INIT(PATH_MAX);
    buffer_printf(&path, "%s/%s", folder, file);
    const char *where = buffer_text(&path);
    json_error_t error = {.text = "the path is too long"};
    json_t *rows = where != NULL ? json_load_file(where, JSON_REJECT_DUPLICATES, &error) : NULL;
    const char *wrong = rows == NULL ? error.text : NULL;
    if (rows != NULL && !rows_are_sound(rows)) {
        wrong = "is not an array of flat objects of texts with an ID";
    }
    int rc = wrong != NULL ? complain(where != NULL ? where : folder, wrong) : CHISO_OK;
    buffer_free(&path);
    if (rc != 0) {
        json_decref(rows);
        return rc;
    }
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)(suffix - file), file);
    return json_object_set_new(series, name, rows) == 0 ? CHISO_OK : -ENOMEM;
}

static int load_step(const char *folder, const char *name, step_t *out)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return CHISO_E_NOT_FOUND;
    }
    struct dirent **files = NULL;
    int n = scandir(path, &files, NULL, alphasort);
    if (n < 0) {
        return complain(path, chiso_strerror(-errno));
    }
    step_t step = {.name = strdup(name), .series = json_object()};
    int rc = step.name != NULL && step.series != NULL ? CHISO_OK : -ENOMEM;
    for (int i = 0; i < n; i++) {
        rc = rc == 0 && files[i]->d_name[0] != '.' ? load_file(path, files[i]->d_name, step.series)
                                                   : rc;
        free(files[i]);
    }
    free(files);
    if (rc == 0 && json_object_size(step.series) == 0) {
        rc = CHISO_E_NOT_FOUND; /* a folder of something else */
    }
    if (rc != 0) {
        free(step.name);
        json_decref(step.series);
        return rc;
    }
    *out = step;
    return CHISO_OK;
}

static int load_steps(fixtures_t *f, const char *folder, struct dirent **entries, int n)
{
    f->overlays = json_object();
    f->steps = calloc((size_t)n + 1, sizeof *f->steps);
    if (f->overlays == NULL || f->steps == NULL) {
        return -ENOMEM;
    }
    for (int i = 0; i < n && f->count < MAX_STEPS; i++) {
        if (entries[i]->d_name[0] == '.') {
            continue;
        }
        int rc = load_step(folder, entries[i]->d_name, &f->steps[f->count]);
        f->count += rc == 0 ? 1 : 0;
        if (rc != 0 && rc != CHISO_E_NOT_FOUND) {
            return rc;
        }
    }
    return f->count > 0 ? CHISO_OK : complain(folder, "has no sub-folder with fixtures");
}

int fixtures_load(const char *folder, fixtures_t **out)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort);
    if (n < 0) {
        return complain(folder, chiso_strerror(-errno));
    }
    fixtures_t *f = calloc(1, sizeof *f);
    int rc = f != NULL ? load_steps(f, folder, entries, n) : -ENOMEM;
    for (int i = 0; i < n; i++) {
        free(entries[i]);
    }
    free(entries);
    if (rc != 0) {
        fixtures_destroy(&f);
        return rc;
    }
    *out = f;
    return CHISO_OK;
}

void fixtures_destroy(fixtures_t **fixtures)
{
    fixtures_t *f = *fixtures;
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        free(f->steps[i].name);
        json_decref(f->steps[i].series);
    }
    free(f->steps);
    json_decref(f->overlays);
    free(f);
    *fixtures = NULL;
}

size_t fixtures_count(const fixtures_t *fixtures)
{
    return fixtures->count;
}

const char *fixtures_name(const fixtures_t *fixtures, size_t step)
{
    return fixtures->steps[step].name;
}

size_t fixtures_current(const fixtures_t *fixtures)
{
    return fixtures->current;
}

void fixtures_next(fixtures_t *f)
{
    if (f->count < 2) {
        return;
    }
    if (f->current == 0) {
        f->backwards = false;
    } else if (f->current == f->count - 1) {
        f->backwards = true;
    }
    f->current = f->backwards ? f->current - 1 : f->current + 1;
}

int fixtures_go(fixtures_t *f, const char *where)
{
    if (strcmp(where, "next") == 0) {
        fixtures_next(f);
        return CHISO_OK;
    }
    for (size_t i = 0; i < f->count; i++) {
        char index[32];
        snprintf(index, sizeof index, "%zu", i);
        if (strcmp(f->steps[i].name, where) == 0 || strcmp(index, where) == 0) {
            f->current = i;
            return CHISO_OK;
        }
    }
    return CHISO_E_NOT_FOUND;
}

static bool is_pillar(const char *field)
{
    for (size_t i = 0; pillars[i] != NULL; i++) {
        if (strcmp(pillars[i], field) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *row_of(const json_t *rows, const char *id, size_t id_len)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        json_t *its = json_object_get(row, "ID");
        if (json_string_length(its) == id_len && memcmp(json_string_value(its), id, id_len) == 0) {
            return row;
        }
    }
    return NULL;
}

static void overlay(json_t *row, const char *field, const char *value)
{
    const char *old = json_string_value(json_object_get(row, field));
    const char *total = json_string_value(json_object_get(row, "TONG_SCORE"));
    int64_t was, is, sum;
    if (is_pillar(field) && old != NULL && total != NULL && cents_parse(old, &was) == 0 &&
        cents_parse(value, &is) == 0 && cents_parse(total, &sum) == 0) {
        char text[CENTS_SIZE];
        json_object_set_new(row, "TONG_SCORE", json_string(cents_format(sum - was + is, text)));
    }
    if (old != NULL) {
        json_object_set_new(row, field, json_string(value));
    }
}

json_t *fixtures_rows(const fixtures_t *f, const char *series)
{
    json_t *rows = json_deep_copy(json_object_get(f->steps[f->current].series, series));
    const char *place;
    json_t *value;
    if (rows == NULL) {
        return NULL;
    }
    json_object_foreach(json_object_get(f->overlays, series), place, value)
    {
        const char *field = strchr(place, ':');
        json_t *row = row_of(rows, place, (size_t)(field - place));
        if (row != NULL) {
            overlay(row, field + 1, json_string_value(value));
        }
    }
    return rows;
}

/* Splits "SERIES:ID:FIELD:VALUE" in place into series, "ID:FIELD" and value. */
static int split(char *text, char **place, char **value)
{
    char *first = strchr(text, ':');
    char *second = first != NULL ? strchr(first + 1, ':') : NULL;
    char *third = second != NULL ? strchr(second + 1, ':') : NULL;
    if (third == NULL) {
        return CHISO_E_SYNTAX;
    }
    *first = *third = '\0';
    *place = first + 1;
    *value = third + 1;
    return CHISO_OK;
}

static int set(fixtures_t *f, const char *series, const char *place, const char *value)
{
    const char *field = strchr(place, ':') + 1;
    const json_t *rows = json_object_get(f->steps[f->current].series, series);
    const json_t *row = row_of(rows, place, (size_t)(field - 1 - place));
    int64_t cents;
    if (json_object_get(row, field) == NULL) {
        return CHISO_E_NOT_FOUND;
    }
    if (is_pillar(field) && cents_parse(value, &cents) != 0) {
        return CHISO_E_SYNTAX;
    }
    json_t *of_series = json_object_get(f->overlays, series);
    if (of_series == NULL) {
        of_series = json_object();
        json_object_set_new(f->overlays, series, of_series);
    }
    bool fresh = json_object_get(of_series, place) == NULL;
    if (fresh && f->overlay_count == MAX_OVERLAYS) {
        return CHISO_E_FULL;
    }
    if (json_object_set_new(of_series, place, json_string(value)) != 0) {
        return CHISO_E_SYNTAX; /* not UTF-8 */
    }
    f->overlay_count += fresh ? 1 : 0;
    return CHISO_OK;
}

int fixtures_set(fixtures_t *fixtures, const char *text)
{
    char *copy = strdup(text);
    char *place = NULL;
    char *value = NULL;
    int rc = copy == NULL ? -ENOMEM : split(copy, &place, &value);
    rc = rc == 0 ? set(fixtures, copy, place, value) : rc;
    free(copy);
    return rc;
}

void fixtures_clear(fixtures_t *fixtures)
{
    json_object_clear(fixtures->overlays);
    fixtures->overlay_count = 0;
}

size_t fixtures_overlays(const fixtures_t *fixtures)
{
    return fixtures->overlay_count;
}
