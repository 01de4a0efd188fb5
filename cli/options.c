/* options.c - see options.h. */
#include "options.h"

#include "base/error.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define MAX_SPECS 8

int options_read(int argc, char **argv, const option_spec_t *specs, int *first)
{
    struct option known[MAX_SPECS + 1] = {{0}};
    for (int i = 0; specs[i].name != NULL && i < MAX_SPECS; i++) {
        known[i] = (struct option){
            specs[i].name, specs[i].flag != NULL ? no_argument : required_argument, NULL, i};
    }
    int i;
    optind = 1;
    while ((i = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (i == '?') {
            fprintf(stderr, "try 'chiso --help'\n");
            return CHISO_EXIT_USAGE;
        }
        if (specs[i].flag != NULL) {
            *specs[i].flag = true;
        } else if (specs[i].value != NULL) {
            *specs[i].value = optarg;
        } else if (*specs[i].n_values < OPTIONS_MAX_REPEATED) {
            specs[i].values[(*specs[i].n_values)++] = optarg;
        }
    }
    *first = optind;
    return 0;
}

int options_number(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || i >= 18) {
            return CHISO_E_SYNTAX;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return len > 0 ? 0 : CHISO_E_SYNTAX;
}

store_t *options_open(const char *folder, const char *const *tables)
{
    store_t *store = NULL;
    char reason[256];
    store_options_t options = {.read_only = true, .tables = tables};
    if (store_open(folder, &options, reason, &store) != 0) {
        fprintf(stderr, "chiso: cannot read the store: %s\n", reason);
        return NULL;
    }
    return store;
}
