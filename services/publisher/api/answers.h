/* answers.h - what stands behind each address of the API; api.c says which. Each answers the
 * request before it returns. */
#ifndef CHISO_PUBLISHER_API_ANSWERS_H
#define CHISO_PUBLISHER_API_ANSWERS_H

#include "call.h"

/* indexes.c */
void answer_indexes(const call_t *call);
void answer_index(const call_t *call);
/* ranking.c */
void answer_ranking(const call_t *call);
void answer_pillar(const call_t *call);    /* {pillar} */
void answer_indicator(const call_t *call); /* {indicator} */
/* unit.c */
void answer_result(const call_t *call);  /* {unit} */
void answer_history(const call_t *call); /* {unit} */
void answer_unit(const call_t *call);    /* {unit} */

/* figure.c */
void answer_figure(const call_t *call); /* {unit}, {figure} */
/* form.c */
void answer_form(const call_t *call); /* {unit} */
/* embed.c */
void answer_badge(const call_t *call); /* {unit} */
void answer_embed(const call_t *call);
/* documents.c */
void answer_openapi(const call_t *call);
void answer_asyncapi(const call_t *call);
void answer_raw(const call_t *call); /* {sha256} */
/* compare.c */
void answer_compare(const call_t *call);
void answer_trend(const call_t *call);
/* changes.c */
void answer_changes(const call_t *call);
void answer_feed(const call_t *call);
/* health.c */
void answer_sources(const call_t *call);
void answer_health(const call_t *call);
void answer_events(const call_t *call);

#endif
