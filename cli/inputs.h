/* inputs.h - the inputs of indicators as JSON, the way chiso evaluate and chiso explain take them.
 */
#ifndef CHISO_CLI_INPUTS_H
#define CHISO_CLI_INPUTS_H

#include "catalog/catalog.h"

#include <jansson.h>

/* Told of each mistake: where, and what was expected. */
typedef void (*inputs_mistake_fn)(void *context, const char *what, const char *expected);

/* Writes "WHERE WHAT; expected EXPECTED" to stderr. WHAT quotes the input: what is no UTF-8, or a
 * control character, is shown as '?'. */
void inputs_say_mistake(const char *where, const char *what, const char *expected);

/* Appends what `all` ({"a": "…"} or {"p1": {…}}) says about one indicator. 0 or -ENOMEM. */
int inputs_read(const catalog_indicator_t *indicator, json_t *all, rule_inputs_t *to,
                inputs_mistake_fn mistake, void *context);
/* Appends one number under `name` unless the indicator has an input of its own. */
int inputs_add_figure(rule_inputs_t *to, const char *name, const json_t *value);
void inputs_free(rule_inputs_t *inputs);

#endif
