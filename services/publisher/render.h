/* render.h - results as JSON, for the API, the stream and the portals alike. */
#ifndef CHISO_PUBLISHER_RENDER_H
#define CHISO_PUBLISHER_RENDER_H

#include "catalog/catalog.h"
#include "event/event.h"
#include "json/json.h"

/* Body of a score notice: the complete result. */
void render_score(const catalog_index_t *index, const event_score_t *score, buffer_t *out);
/* Body of a ranking notice: who moved. */
void render_ranking(const event_ranking_t *ranking, buffer_t *out);
/* Body of a source notice. */
void render_source(const event_source_state_t *state, buffer_t *out);

/* Parts, into an object that is open. */
void render_unit(jw_t *j, const event_unit_t *unit);
/* A rank, or null. */
void render_rank(jw_t *j, const char *key, bool has, uint32_t rank);
/* points, max, lost, percent, coverage, machine_coverage, change, rank, previous_rank, nation_rank,
 * revision, as_of */
void render_totals(jw_t *j, const event_score_t *score);
/* {"code","title","points","max","lost","status"[,"indicators"]} of a pillar, and of each for an
 * open array; indicators with their figures, or with the whole criterion as well. `lost` is points
 * missing to the maximum that applies to the unit. */
typedef enum { RENDER_PILLARS, RENDER_INDICATORS, RENDER_CRITERIA } render_depth_t;
void render_pillars(jw_t *j, const catalog_index_t *index, const event_score_t *score,
                    render_depth_t depth);
void render_pillar(jw_t *j, const catalog_index_t *index, const catalog_pillar_t *pillar,
                   const event_score_t *score, render_depth_t depth);
/* Points and applicable maximum of a pillar. */
void render_pillar_sum(const catalog_index_t *index, const catalog_pillar_t *pillar,
                       const event_score_t *score, char points[DECIMAL_TEXT_SIZE],
                       char max[DECIMAL_TEXT_SIZE]);
void render_indicator(jw_t *j, const catalog_index_t *index, const catalog_indicator_t *indicator,
                      const event_score_t *score, render_depth_t depth);
/* What the decision says about an indicator, into an object that is open: title, maximum, formula,
 * official text, notes, who scores it, which figures it reads. */
void render_criterion(jw_t *j, const catalog_index_t *index, const catalog_indicator_t *indicator);
void render_figure(jw_t *j, const catalog_index_t *index, const event_figure_t *figure);
void render_state(jw_t *j, const event_source_state_t *state);

/* The deterministic key of a revision of a result. It names the scorer's journal too: revisions of
 * another life of the scorer are other revisions. */
#define RENDER_KEY_SIZE 512
#define RENDER_SUBJECT_SIZE 320
const char *render_score_subject(const event_score_t *score, char out[RENDER_SUBJECT_SIZE]);
const char *render_ranking_subject(const event_ranking_t *ranking, char out[RENDER_SUBJECT_SIZE]);
const char *render_ranking_key(const event_ranking_t *ranking, uint64_t epoch,
                               char out[RENDER_KEY_SIZE]);
const char *render_score_key(const event_score_t *score, uint64_t epoch, char out[RENDER_KEY_SIZE]);

#endif
