/* host.h - lists of transfers, and the line of waiting ones that each origin has.
 * Not for use outside libs/fetch; no locks inside. */
#ifndef CHISO_FETCH_HOST_H
#define CHISO_FETCH_HOST_H

#include "fetch/transfer.h"

/* First in, first out. Holds a pointer into itself: transfer_list_init it, and do not copy it to
 * use. */
typedef struct {
    transfer_t *head;
    transfer_t **tail;
} transfer_list_t;

void transfer_list_init(transfer_list_t *list);
void transfer_list_push(transfer_list_t *list, transfer_t *t);
transfer_t *transfer_list_pop(transfer_list_t *list); /* NULL when empty */
void transfer_list_free(transfer_list_t *list);       /* with what is in it */

typedef struct fetch_host {
    struct fetch_host *next;
    char *origin;
    transfer_list_t waiting;
    unsigned running;
    bool multiplexed; /* its last answer came over HTTP/2 */
    bool unreachable; /* the last request got no connection */
} fetch_host_t;

/* Zero-initialised when empty. */
typedef struct {
    fetch_host_t *first;
    unsigned count;
} fetch_hosts_t;

/* The host of that origin, made when new, behind all others (idle ones are forgotten when there are
 * many); NULL when out of memory. */
fetch_host_t *fetch_hosts_find(fetch_hosts_t *hosts, const char *origin);
/* Moves one that is in the list behind all others. */
void fetch_hosts_to_end(fetch_hosts_t *hosts, fetch_host_t *host);
void fetch_hosts_free(fetch_hosts_t *hosts);

#endif
