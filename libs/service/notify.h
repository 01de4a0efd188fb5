/* notify.h - what systemd is told of a service's life (Type=notify, WatchdogSec=); see
 * sd_notify(3). Nothing happens where nobody listens: without NOTIFY_SOCKET. */
#ifndef CHISO_SERVICE_NOTIFY_H
#define CHISO_SERVICE_NOTIFY_H

#include <stdbool.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1". Never waits, and never fails: a manager that does not
 * hear it acts by its own limits. */
void notify(const char *state);
/* Does anybody listen? */
bool notify_wanted(void);

#endif
