/* rank.h - the order of a ranking's members, kept while results change, and their ranks.
 *
 * Members stand by their exact percentage, highest first, ties by code. The first order.n of
 * ranking_t's members are in that order; new ones wait until somebody asks. Ranks are competition
 * ranks (1, 2, 2, 4) of the percentage; a member without a maximum has none: 0.
 */
#ifndef CHISO_SCORER_RANK_H
#define CHISO_SCORER_RANK_H

#include "state.h"

/* The member's points or maximum were these and are now others: puts it where it belongs. */
void rank_changed(ranking_t *ranking, result_t *member, decimal_t points_before,
                  decimal_t max_before);
/* The member's rank at this moment. */
uint32_t rank_of(ranking_t *ranking, const result_t *member);
/* Brings new members into order. */
void rank_order(ranking_t *ranking);
/* Members were changed without a word: none is in order any more. */
void rank_disorder(ranking_t *ranking);

/* Calls `each` with every member whose rank may have changed since the last walk, and its rank. */
typedef void (*rank_each_fn)(void *context, result_t *member, uint32_t rank);
void rank_walk(ranking_t *ranking, rank_each_fn each, void *context);

/* From nothing: every member has its rank afterwards. */
void rank_all(ranking_t *ranking);

#endif
