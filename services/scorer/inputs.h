/* inputs.h - the figures of a result as what a rule reads: numbers, yes or no, checklists. */
#ifndef CHISO_SCORER_INPUTS_H
#define CHISO_SCORER_INPUTS_H

#include "state.h"

/* The inputs of an indicator as far as its figures are known. An unknown one is missing, never 0;
 * a checklist is there when every item is known. A yes/no figure that is neither 1 nor 0 makes its
 * input unreadable. */
rule_inputs_t inputs_of(const result_t *result, unsigned indicator,
                        rule_input_t room[CATALOG_MAX_INPUTS]);

/* Is it not assessed for this unit ("không đánh giá")? Its own figure decides, else that of its
 * parent, else the catalog; anything but 1 and 0 decides nothing. */
bool inputs_excluded(const result_t *result, unsigned indicator);

/* Were all of its known inputs read by machines? */
bool inputs_of_machines(const result_t *result, unsigned indicator);

#endif
