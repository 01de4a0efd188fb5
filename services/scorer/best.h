/* best.h - the best ratio of an indicator among the units of its index at one level, which rules of
 * kind `best` compare with.
 *
 * It is remembered in the ranking of the nation: looked for again only when the unit that had it
 * has another, so that a reading costs a look at its peers at most, and not one for each of them.
 */
#ifndef CHISO_SCORER_BEST_H
#define CHISO_SCORER_BEST_H

#include "state.h"

/* Not usable with fewer than two usable ones: alone there is no peer. */
rule_ratio_t best_of(const result_t *result, unsigned indicator);
/* The result's figures changed. True when the best is another one now: the peers are to be
 * evaluated too. */
bool best_renew(const result_t *result, unsigned indicator);
/* Figures were changed without a word. */
void best_forget(ranking_t *ranking);

#endif
