/* coverage.c - chiso coverage: what of each index machines can feed, by the sources that are
 * described, and which source feeds what. An indicator counts when every input of its rule is a
 * figure of some source. */
#include "base/error.h"
#include "catalogs.h"
#include "commands.h"
#include "config/config.h"
#include "options.h"
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    source_t **list;
    unsigned n;
} sources_t;

/* The first source that has the figure, or -1. */
static int feeder(const sources_t *sources, const char *figure)
{
    for (unsigned i = 0; i < sources->n; i++) {
        if (source_figure(sources->list[i], figure) >= 0) {
            return (int)i;
        }
    }
    return -1;
}

typedef enum { FED_NOT, FED_IN_PART, FED } fed_t;

/* Does every input that its rule reads come from a machine? A parent's come by its children. */
static fed_t indicator_is_fed(const sources_t *sources, const catalog_index_t *index, unsigned i)
{
    const catalog_indicator_t *in = &index->indicators[i];
    unsigned n = 0;
    for (unsigned k = 0; k < in->n_inputs; k++) {
        n += feeder(sources, index->figures[in->inputs[k].figure]->id) >= 0;
    }
    return n == 0 ? FED_NOT : n < in->n_inputs ? FED_IN_PART : FED;
}

/* "  6.1  title" and which figure comes from where. */
static void print_indicator(const sources_t *sources, const catalog_index_t *index, unsigned i)
{
    const catalog_indicator_t *in = &index->indicators[i];
    printf("  %-8s %s\n", in->code, in->title);
    for (unsigned k = 0; k < in->n_inputs; k++) {
        const char *figure = index->figures[in->inputs[k].figure]->id;
        int from = feeder(sources, figure);
        printf("           %-46s %s\n", figure, from >= 0 ? sources->list[from]->id : "-");
    }
}

/* In the order of the sources: "  SOURCE  indicators that it feeds, alone or with others". */
static void print_sources(const sources_t *sources, const catalog_index_t *index)
{
    for (unsigned s = 0; s < sources->n; s++) {
        bool any = false;
        for (unsigned i = 0; i < index->n_indicators; i++) {
            const catalog_indicator_t *in = &index->indicators[i];
            bool here = false;
            for (unsigned k = 0; k < in->n_inputs; k++) {
                here |= feeder(sources, index->figures[in->inputs[k].figure]->id) == (int)s;
            }
            if (here) {
                if (!any) {
                    printf("  %-24s", sources->list[s]->id);
                }
                printf(" %s%s", in->code,
                       indicator_is_fed(sources, index, i) == FED_IN_PART ? " (in part)" : "");
                any = true;
            }
        }
        if (any) {
            printf("\n");
        }
    }
}

static int print_index(const sources_t *sources, const catalog_index_t *index, bool all)
{
    decimal_t fed = DECIMAL_ZERO;
    decimal_t share = DECIMAL_ZERO;
    unsigned n[FED + 1] = {0};
    unsigned total = 0;
    char points[DECIMAL_TEXT_SIZE];
    char max[DECIMAL_TEXT_SIZE];
    char percent[DECIMAL_TEXT_SIZE];
    for (unsigned i = 0; i < index->n_indicators; i++) {
        if (index->indicators[i].rule.kind == RULE_CHILDREN) {
            continue;
        }
        fed_t how = indicator_is_fed(sources, index, i);
        n[how]++;
        total++;
        if (how == FED && decimal_add(fed, index->indicators[i].max, &fed) != 0) {
            return CHISO_EXIT_FAILURE;
        }
    }
    if (decimal_muldiv(fed, decimal_of(100), index->max, DECIMAL_HALF_UP, &share) != 0) {
        return CHISO_EXIT_FAILURE;
    }
    printf("%-20s %3u of %3u indicators, %2u in part  %8s of %8s points  %6s%%\n", index->id,
           n[FED], total, n[FED_IN_PART], decimal_format(fed, points),
           decimal_format(index->max, max),
           decimal_format_fixed(share, 2, DECIMAL_HALF_UP, percent));
    print_sources(sources, index);
    for (unsigned i = 0; all && i < index->n_indicators; i++) {
        if (index->indicators[i].rule.kind != RULE_CHILDREN &&
            indicator_is_fed(sources, index, i) != FED_NOT) {
            print_indicator(sources, index, i);
        }
    }
    return CHISO_EXIT_OK;
}

static int load_sources(const char *folder, sources_t *sources)
{
    char **files = NULL;
    int n = config_list(folder, &files);
    if (n < 0) {
        fprintf(stderr, "chiso: cannot read the folder '%s': %s\n", folder, chiso_strerror(n));
        return CHISO_EXIT_USAGE;
    }
    source_t **grown = realloc(sources->list, (sources->n + (size_t)n + 1) * sizeof(source_t *));
    int code = grown != NULL ? CHISO_EXIT_OK : CHISO_EXIT_FAILURE;
    sources->list = grown != NULL ? grown : sources->list;
    for (int i = 0; i < n && grown != NULL; i++) {
        if (source_load(files[i], stderr, &sources->list[sources->n]) == 0) {
            sources->n++;
        } else {
            code = CHISO_EXIT_CONFIG;
        }
    }
    config_list_free(&files);
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
    const char *folders[OPTIONS_MAX_REPEATED] = {catalogs_installed("sources", CHISO_SOURCES)};
    unsigned n_folders = 0;
    bool all = false;
    const option_spec_t specs[] = {{.name = "catalogs", .value = &catalogs},
                                   {.name = "sources", .values = folders, .n_values = &n_folders},
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
    for (unsigned i = 0; i < (n_folders > 0 ? n_folders : 1); i++) {
        int one = load_sources(folders[i], &sources);
        code = code != 0 ? code : one;
    }
    unsigned n = 0;
    char **files = catalogs_list(catalogs, &n);
    code = files == NULL && code == 0 ? CHISO_EXIT_USAGE : code;
    for (unsigned i = 0; files != NULL && i < n; i++) {
        int one = code == 0 || code == CHISO_EXIT_CONFIG ? cover_index(files[i], &sources, all) : 0;
        code = code != 0 ? code : one;
    }
    config_list_free(&files);
    for (unsigned i = 0; i < sources.n; i++) {
        source_destroy(&sources.list[i]);
    }
    free(sources.list);
    return code;
}
