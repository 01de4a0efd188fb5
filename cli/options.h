/* options.h - long options with a value, for all subcommands alike. */
#ifndef CHISO_CLI_OPTIONS_H
#define CHISO_CLI_OPTIONS_H

#include "store/store.h"

#define OPTIONS_MAX_REPEATED 64

typedef struct {
    const char *name;    /* "ingest" */
    const char **value;  /* last one given; or NULL */
    const char **values; /* room for OPTIONS_MAX_REPEATED, or NULL */
    unsigned *n_values;
    bool *flag; /* an option without a value, or NULL */
} option_spec_t;

/* Reads argv; what is no option is left in argv[*first…]. 0, or CHISO_EXIT_USAGE after saying why.
 */
int options_read(int argc, char **argv, const option_spec_t *specs, int *first);

/* A whole number of the command line. 0 or CHISO_E_SYNTAX. */
int options_number(const char *text, uint64_t *out);

/* Opens a service's store for reading; NULL after saying why. */
store_t *options_open(const char *folder, const char *const *tables);

#endif
