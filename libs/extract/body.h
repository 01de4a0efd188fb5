/* body.h - the three readers behind extract(). Each gives rows, or a verdict, to the table. */
#ifndef CHISO_EXTRACT_BODY_H
#define CHISO_EXTRACT_BODY_H

#include "extract/table.h"

void body_json(table_t *t, bytes_t body);
void body_csv(table_t *t, bytes_t body);
/* -errno when the child could not be run; everything else is in the table. */
int body_html(table_t *t, bytes_t body);

/* Does the child find the XPaths of the specification well-formed? 0; CHISO_E_SYNTAX with the
 * reason; -errno as above. */
int body_html_check(const extract_spec_t *spec, char reason[EXTRACT_REASON_SIZE]);

#endif
