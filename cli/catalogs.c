/* catalogs.c - see catalogs.h. An index is in the file of its id: no other file is looked into. */
#include "catalogs.h"

#include "base/error.h"
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *catalogs_installed(const char *name, const char *built_from)
{
    static char path[4096];
    char program[4000];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n < 0) {
        return built_from;
    }
    program[n] = '\0';
    for (int up = 0; up < 2; up++) { /* PREFIX/bin/chiso */
        char *slash = strrchr(program, '/');
        if (slash == NULL) {
            return built_from;
        }
        *slash = '\0';
    }
    snprintf(path, sizeof path, "%s/share/chiso/%s", program, name);
    return access(path, R_OK) == 0 ? path : built_from;
}

static const char *folder_of(const char *folder)
{
    const char *from_environment = getenv("CHISO_CATALOGS");
    return folder != NULL             ? folder
           : from_environment != NULL ? from_environment
                                      : catalogs_installed("catalogs", CHISO_CATALOGS);
}

char **catalogs_list(const char *folder, unsigned *n)
{
    char **files = NULL;
    folder = folder_of(folder);
    int count = config_list(folder, &files);
    if (count < 0) {
        fprintf(stderr, "chiso: %s: %s; expected a folder of catalogs (--catalogs DIR)\n", folder,
                chiso_strerror(count));
        return NULL;
    }
    *n = (unsigned)count;
    return files;
}

char *catalogs_units(const char *folder)
{
    char *path = NULL;
    if (asprintf(&path, "%s/units", folder_of(folder)) >= 0 && access(path, F_OK) == 0) {
        return path;
    }
    free(path);
    return NULL;
}

int catalogs_open(const char *folder, const char *id, catalog_t **catalog,
                  const catalog_index_t **index)
{
    char *path = NULL;
    size_t len = strlen(id);
    bool is_file = strchr(id, '/') != NULL || (len > 5 && strcmp(id + len - 5, ".yaml") == 0);
    int n =
        is_file ? asprintf(&path, "%s", id) : asprintf(&path, "%s/%s.yaml", folder_of(folder), id);
    if (n < 0) {
        return CHISO_EXIT_FAILURE;
    }
    if (!is_file && access(path, R_OK) != 0) {
        fprintf(stderr, "chiso: there is no index '%s': %s: %s\n", id, path, strerror(errno));
        free(path);
        return CHISO_EXIT_CONFIG;
    }
    const char *files[] = {path};
    int rc = catalog_load(files, 1, stderr, catalog);
    free(path);
    if (rc != 0) {
        return CHISO_EXIT_CONFIG;
    }
    *index = catalog_at(*catalog, 0);
    if (!is_file && strcmp((*index)->id, id) != 0) {
        fprintf(stderr, "%s:%d: index: '%s'; expected '%s', as the file is named\n", (*index)->file,
                catalog_line(*index, "index"), (*index)->id, id);
        catalog_destroy(catalog);
        return CHISO_EXIT_CONFIG;
    }
    return CHISO_EXIT_OK;
}
