/* catalogs.h - the catalogs that a command works on. */
#ifndef CHISO_CLI_CATALOGS_H
#define CHISO_CLI_CATALOGS_H

#include "catalog/catalog.h"

/* The folder `name` ("catalogs", "sources") of what is installed beside this program
 * (../share/chiso), or `built_from` when there is none. Valid until the next call. */
const char *catalogs_installed(const char *name, const char *built_from);

/* Finds the folder of the catalogs (`folder`, else $CHISO_CATALOGS, else the installed one or the
 * one built from) and loads the index `id`; or, when `id` has a slash or ends in .yaml, that file.
 * Returns an exit code after saying what is wrong. */
int catalogs_open(const char *folder, const char *id, catalog_t **catalog,
                  const catalog_index_t **index);

/* All index files of that folder, as config_list() gives them. NULL after saying why. */
char **catalogs_list(const char *folder, unsigned *n);

/* The unit registry of that folder, or NULL when it has none; free it. */
char *catalogs_units(const char *folder);

#endif
