/* healthcheck.h - a running service asked by its own program, so that an image needs no curl. */
#ifndef CHISO_SERVICE_HEALTHCHECK_H
#define CHISO_SERVICE_HEALTHCHECK_H

#include "service/service.h"

/* Asks /ready at the address of the configuration (over loopback when that is "any"), waits at most
 * HEALTHCHECK_MS and prints the answer. 0 when it is ready, otherwise 1: what a container engine
 * expects. */
#define HEALTHCHECK_MS 5000
int healthcheck(const service_observe_config_t *config);

#endif
