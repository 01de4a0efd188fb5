/* model_keys.h - how the read model's tables are keyed. Inside the model only. */
#ifndef CHISO_PUBLISHER_MODEL_KEYS_H
#define CHISO_PUBLISHER_MODEL_KEYS_H

#include "event/event.h"
#include "store/store.h"

/* index, period, level, parent; a unit's code behind it makes the key of a result. */
void model_group_key(buffer_t *key, const char *index, const char *period, Chiso__V1__Level level,
                     const char *parent);
void model_place_key(buffer_t *key, const char *index, const char *period, const char *code);

/* Writing the history that model_history() walks: what stands from now on, or that nothing does. */
void model_history_keep(store_txn_t *txn, uint64_t epoch, const event_score_t *score, bool gone);
/* Every figure of `news` that is not known yet. */
void model_figures_keep(store_txn_t *txn, const event_score_t *news);

/* Decodes what the store holds; damage there fails the transaction. */
bool model_decode(store_txn_t *txn, bytes_t value, event_in_t *out);

#endif
