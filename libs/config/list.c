/* list.c - the YAML files of a folder, see config.h. */
#include "config/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_yaml(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

/* By bytes: alphasort() would go by the locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int config_list(const char *folder, char ***files)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_yaml, compare);
    if (n < 0) {
        return -errno;
    }
    char **paths = calloc((size_t)n + 1, sizeof *paths);
    bool made = paths != NULL;
    for (int i = 0; i < n; i++) {
        if (made && asprintf(&paths[i], "%s/%s", folder, entries[i]->d_name) < 0) {
            paths[i] = NULL;
            made = false;
        }
        free(entries[i]);
    }
    free(entries);
    if (!made) {
        config_list_free(&paths);
        return -ENOMEM;
    }
    *files = paths;
    return n;
}

void config_list_free(char ***files)
{
    for (size_t i = 0; *files != NULL && (*files)[i] != NULL; i++) {
        free((*files)[i]);
    }
    free(*files);
    *files = NULL;
}
