/* observe.h - the address where a service tells how it does.
 *
 *   GET /metrics  Prometheus text, as of the last turn of the loop (at most a second ago)
 *   GET /live     200 while the loop turns: heard of within `heartbeat`; otherwise 503
 *   GET /ready    200 when open, connected, not behind, with room, and not draining; otherwise 503
 *
 * The last two with JSON that says why. All is served by a thread of its own, from what the loop
 * told last, so that a loop that stands still can be told from one that has ended.
 */
#ifndef CHISO_SERVICE_OBSERVE_H
#define CHISO_SERVICE_OBSERVE_H

#include "service/service.h"

#define OBSERVE_MAX_CHECKS 8

typedef struct observe observe_t;

typedef enum { OBSERVE_STARTING, OBSERVE_RUNNING, OBSERVE_DRAINING } observe_state_t;

typedef struct {
    const char *name; /* "store"; a constant */
    bool good;
    char detail[160];
} observe_check_t;

/* `service` and `config` are borrowed. 0 or -errno (-EADDRINUSE, …). */
int observe_start(const service_observe_config_t *config, const char *service, observe_t **out);
void observe_stop(observe_t **observe);
const char *observe_address(const service_observe_config_t *config);
/* "http://ADDRESS:PORT" where a program on the same machine asks it: over loopback when it listens
 * on any address. False when that is not known: no configuration (NULL), or any port. */
#define OBSERVE_URL_SIZE 96
bool observe_url(const service_observe_config_t *config, char out[OBSERVE_URL_SIZE]);
uint16_t observe_port(const observe_t *observe);

/* From the loop: its heartbeat, with the numbers (copied) and what readiness depends on. */
void observe_tell(observe_t *observe, bytes_t metrics, const observe_check_t *checks, size_t n);
void observe_set_state(observe_t *observe, observe_state_t state);

#endif
