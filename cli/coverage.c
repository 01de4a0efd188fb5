/* coverage.c - chiso coverage: what of each index machines can feed, by the sources that are
 * described. An indicator counts when every input of its rule is a figure of some source. */
#include "base/error.h"
#include "catalogs.h"
#include "commands.h"
#include "options.h"
#include "source/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SOURCES 256

typedef struct {
    source_t *list[MAX_SOURCES];
    unsigned n;
} sources_t;

static bool is_fed(const sources_t *sources, const char *figure)
{
    for (unsigned i = 0; i < sources->n; i++) {
        if (source_figure(sources->list[i], figure) >= 0) {
            return true;
        }
    }
    return false;
}

/* Every input that its rule reads comes from a machine; a parent's from its children. */
static bool indicator_is_fed(const sources_t *sources, const catalog_index_t *index, unsigned i)
{
    const catalog_indicator_t *in = &index->indicators[i];
    for (unsigned k = 0; k < in->n_inputs; k++) {
        if (!is_fed(sources, index->figures[in->inputs[k].figure]->id)) {
            return false;
        }
    }
    return in->n_inputs > 0;
}

static int print_index(const sources_t *sources, const catalog_index_t *index, bool all)
{
    decimal_t fed = DECIMAL_ZERO;
    decimal_t share = DECIMAL_ZERO;
    unsigned n_fed = 0;
    unsigned n = 0;
    char points[DECIMAL_TEXT_SIZE];
    char max[DECIMAL_TEXT_SIZE];
    char percent[DECIMAL_TEXT_SIZE];
    for (unsigned i = 0; i < index->n_indicators; i++) {
        if (index->indicators[i].rule.kind == RULE_CHILDREN) {
            continue;
        }
        n++;
        if (indicator_is_fed(sources, index, i)) {
            n_fed++;
            if (decimal_add(fed, index->indicators[i].max, &fed) != 0) {
                return CHISO_EXIT_FAILURE;
            }
            if (all) {
                printf("  %-8s %s\n", index->indicators[i].code, index->indicators[i].title);
            }
        }
    }
    if (decimal_muldiv(fed, decimal_of(100), index->max, DECIMAL_HALF_UP, &share) != 0) {
        return CHISO_EXIT_FAILURE;
    }
    printf("%-20s %3u of %3u indicators  %8s of %8s points  %6s%%\n", index->id, n_fed, n,
           decimal_format(fed, points), decimal_format(index->max, max),
           decimal_format_fixed(share, 2, DECIMAL_HALF_UP, percent));
    return CHISO_EXIT_OK;
}

static int load_sources(const char *folder, sources_t *sources)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    int code = n >= 0 ? CHISO_EXIT_OK : CHISO_EXIT_USAGE;
    if (n < 0) {
        fprintf(stderr, "chiso: cannot read the folder '%s': %s\n", folder, strerror(errno));
    }
    for (int i = 0; i < n; i++) {
        size_t len = strlen(entries[i]->d_name);
        bool description = len > 5 && strcmp(entries[i]->d_name + len - 5, ".yaml") == 0;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (description && sources->n < MAX_SOURCES) {
            if (source_load(path, stderr, &sources->list[sources->n]) == 0) {
                sources->n++;
            } else {
                code = CHISO_EXIT_CONFIG;
            }
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    return code;
}

static int cover_index(const char *file, const sources_t *sources, bool all)
{
    catalog_t *catalog;
    int code = CHISO_EXIT_CONFIG;
    if (catalog_load(&file, 1, stderr, &catalog) == 0) {
        code = print_index(sources, catalog_at(catalog, 0), all);
        catalog_destroy(&catalog);
    }
    return code;
}

int command_coverage(int argc, char **argv)
{
    const char *catalogs = NULL;
    const char *folder = CHISO_SOURCES;
    bool all = false;
    const option_spec_t specs[] = {{.name = "catalogs", .value = &catalogs},
                                   {.name = "sources", .value = &folder},
                                   {.name = "indicators", .flag = &all},
                                   {0}};
    int first;
    int code = options_read(argc, argv, specs, &first);
    if (code != 0) {
        return code;
    }
    if (argc != first) {
        fprintf(stderr, "chiso: coverage takes no arguments; see chiso --help\n");
        return CHISO_EXIT_USAGE;
    }
    sources_t sources = {.n = 0};
    code = load_sources(folder, &sources);
    unsigned n = 0;
    char **files = catalogs_list(catalogs, &n);
    code = files == NULL && code == 0 ? CHISO_EXIT_USAGE : code;
    for (unsigned i = 0; files != NULL && i < n; i++) {
        int one = code == 0 || code == CHISO_EXIT_CONFIG ? cover_index(files[i], &sources, all) : 0;
        code = code != 0 ? code : one;
        free(files[i]);
    }
    free(files);
    for (unsigned i = 0; i < sources.n; i++) {
        source_destroy(&sources.list[i]);
    }
    return code;
}
