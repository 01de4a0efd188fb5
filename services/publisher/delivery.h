/* delivery.h - pushing notices to targets: in order, once in effect, for as long as it takes.
 *
 * Each target has its own position in the publisher's journal and one request under way, so that
 * its order is the journal's and its failure nobody else's. How it is told is its dialect's, see
 * targets/target.h. Every record has a deterministic key: what a crash makes us send again takes no
 * effect again. What is accepted goes to the ledger; what a target refuses for good goes to the
 * dead letters with its bytes and the reason, and the next one is sent.
 *
 * A target that is new, or whose position was trimmed away, is first brought up to date from the
 * read model, under the same keys.
 */
#ifndef CHISO_PUBLISHER_DELIVERY_H
#define CHISO_PUBLISHER_DELIVERY_H

#include "config.h"
#include "metrics/metrics.h"
#include "model.h"

typedef struct delivery delivery_t;

#define DELIVERY_LEDGER_LINES 100000 /* of each portal; the newest are kept */
#define DELIVERY_DEAD_LETTERS 10000

/* Starts its own HTTP client; `epoch` points at the scorer's current epoch; requests are counted in
 * `metrics` (NULL: nowhere). 0 or a negative code. */
int delivery_start(const publisher_config_t *config, model_t *model, const uint64_t *epoch,
                   metrics_t *metrics, delivery_t **out);
void delivery_stop(delivery_t **delivery);

int delivery_fd(const delivery_t *delivery);
/* Takes the answers that have come. 0, or the code of a commit that failed. */
int delivery_answers(delivery_t *delivery);
/* Sends what is due: after each commit, and on a timer. */
int delivery_pump(delivery_t *delivery);

/* Of a publisher that does not run: every target that it knows is to be told everything again, and
 * then what follows the record `head` of the journal. Within the transaction. */
void delivery_tell_again(store_txn_t *txn, uint64_t head);

/* How far each target is. */
void delivery_measure(delivery_t *delivery, metrics_t *metrics);

/* An operator's command, see control.h: {"command":"status|test|retry|resync","target":"ID"}. The
 * answer, lines of JSON, comes at once or, of a test, later. 0, or the code of a commit that
 * failed.
 */
typedef void (*delivery_answer_fn)(void *context, bytes_t lines);
int delivery_command(delivery_t *delivery, const char *line, delivery_answer_fn answer,
                     void *context);

#endif
