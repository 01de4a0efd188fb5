/* template.h - "${year}" and the like in what a source is asked.
 *
 *   ${of}                     whose figures: the unit's id as the source wants it
 *   ${year} ${quarter} ${month} ${month2} ${period}    0 where the period is of another kind
 *   ${from} ${to}             first and last day, yyyy-mm-dd
 *   ${page} ${size} ${offset} of a source that answers in pages
 *   ${token} ${csrf}          what the source gave before
 *   ${traceparent}            of this asking, see libs/trace: for a source that wants it
 *   ${value:NAME}             a text that the description makes of others
 *   ${secret:NAME}            from a file that the operator names; never in a URL
 */
#ifndef CHISO_SOURCE_TEMPLATE_H
#define CHISO_SOURCE_TEMPLATE_H

#include "base/bytes.h"
#include "period/period.h"

typedef struct {
    const char *name, *value;
} template_secret_t;

typedef struct template_vars {
    const char *of; /* NULL: "" */
    period_t period;
    unsigned page, size, offset;
    const char *token, *csrf, *traceparent; /* NULL: "" */
    const template_secret_t *secrets;
    unsigned n_secrets;
    /* Appends the value of that name, false when there is none; NULL: there are none. */
    bool (*value)(const void *context, const struct template_vars *vars, const char *name,
                  size_t len, buffer_t *out);
    const void *context;
} template_vars_t;

typedef enum { TEMPLATE_PLAIN, TEMPLATE_URL, TEMPLATE_JSON } template_escape_t;

/* Appends the text with its variables, each escaped so that it cannot leave its place. Sticky
 * failure in `out` for a name that is none. */
void template_expand(const char *text, const template_vars_t *vars, template_escape_t escape,
                     buffer_t *out);
/* Percent-encodes everything but unreserved characters. */
void template_percent(bytes_t text, buffer_t *out);

/* Does every variable exist? Else 0 or the length of the name at *name. `secrets` says whether
 * ${secret:…} may stand there. */
int template_check(const char *text, bool secrets, const char **name);

#endif
