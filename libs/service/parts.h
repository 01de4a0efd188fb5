/* parts.h - the numbers that all services have, and what readiness depends on. */
#ifndef CHISO_SERVICE_PARTS_H
#define CHISO_SERVICE_PARTS_H

#include "service/observe.h"

typedef struct parts parts_t;

/* 0 or -ENOMEM; `service` is "ingest". */
int parts_new(const char *service, parts_t **out);
void parts_destroy(parts_t **parts);

/* From now on; its commits are timed. */
void parts_set(parts_t *parts, const service_parts_t *of);
void parts_count_reload(parts_t *parts, bool good);
/* Once a second: logs who is refused at the bus, at most once a minute, and gives back the memory
 * in which the store's file was looked at. */
void parts_tend(parts_t *parts);

/* Sets every gauge and judges; the checks are those of observe.h. Returns how many. `own` is asked
 * for what it had to drop. */
size_t parts_measure(parts_t *parts, const service_observe_config_t *limits, const metrics_t *own,
                     observe_check_t checks[OBSERVE_MAX_CHECKS]);
void parts_write(const parts_t *parts, buffer_t *out);

#endif
