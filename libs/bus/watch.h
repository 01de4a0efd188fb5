/* watch.h - how the handshakes of a socket go. Inside libs/bus only.
 *
 * ZeroMQ refuses a peer without a word to either side; its monitor tells.
 */
#ifndef CHISO_BUS_WATCH_H
#define CHISO_BUS_WATCH_H

#include "bus/bus.h"

typedef struct {
    zloop_t *loop;
    zsock_t *events; /* NULL: not watching */
    bus_refusals_t refusals;
    bool shaken; /* the last that happened is a handshake that succeeded */
    bool server;
} watch_t;

/* Joins the loop; `watch` stays where it is until watch_stop(). 0 or -errno. */
int watch_start(watch_t *watch, zloop_t *loop, zsock_t *socket, bool server);
/* Before the socket is destroyed. What was counted stays. */
void watch_stop(watch_t *watch, zsock_t *socket);

#endif
