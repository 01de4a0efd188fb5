/* check.h - a tree of values against a libcyaml schema, every difference reported. Private to
 * config. */
#ifndef CHISO_CONFIG_CHECK_H
#define CHISO_CONFIG_CHECK_H

#include "config/lines.h"
#include "config/report.h"

#include <cyaml/cyaml.h>

/* 0, or CHISO_E_CONFIG after at least one line (and at most REPORT_MAX of all). */
int check_tree(const lines_t *tree, const cyaml_schema_value_t *schema, report_t *report);

#endif
