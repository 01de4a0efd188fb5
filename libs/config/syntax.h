/* syntax.h - libyaml's own complaints as lines of the report. Private to config. */
#ifndef CHISO_CONFIG_SYNTAX_H
#define CHISO_CONFIG_SYNTAX_H

#include "base/bytes.h"
#include "config/report.h"

#include <yaml.h>

/* Reports why yaml_parser_parse failed on `input` while the value at `path` was open.
 * CHISO_E_CONFIG, or -ENOMEM (not reported). */
int syntax_report(const yaml_parser_t *yaml, bytes_t input, const char *path, report_t *report);

#endif
