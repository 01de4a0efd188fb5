/* lint_units.h - chiso lint over the unit registry. */
#ifndef CHISO_CLI_LINT_UNITS_H
#define CHISO_CLI_LINT_UNITS_H

#include <stdbool.h>

/* Loads the registry, a folder or a file, and prints what is wrong, else how many units there are
 * today. True when it is good. */
bool lint_units(const char *path);

#endif
