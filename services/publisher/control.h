/* control.h - how an operator speaks to the running publisher: a unix socket in its data folder.
 *
 * Only the service's own user and root may connect: by the socket's mode (0600) and by the peer's
 * credentials. A command is one line of JSON, the answer one JSON object a line, then the end. One
 * command at a time. A socket, and not HTTP on the loopback: there every user of the machine, and
 * every page in a browser on it, could knock.
 */
#ifndef CHISO_PUBLISHER_CONTROL_H
#define CHISO_PUBLISHER_CONTROL_H

#include "base/bytes.h"

#define CONTROL_SOCKET "control.sock"
#define CONTROL_MAX_COMMAND 4096
#define CONTROL_MAX_ANSWER ((size_t)16 * 1024 * 1024)
#define CONTROL_TIMEOUT_MS 120000 /* from command to answer */

typedef struct control control_t;

/* Listens in `data_dir`, which this process owns. 0 or -errno. */
int control_start(const char *data_dir, control_t **out);
void control_stop(control_t **control);

/* Readable when a command waits. */
int control_fd(const control_t *control);
/* The command, once; NULL when there is none. Borrowed until it is answered. */
const char *control_take(control_t *control);
/* Answers it, now or later. An answer that nobody waits for any more is dropped. */
void control_answer(control_t *control, bytes_t lines);

/* For the other side. Sends the line and reads the answer: 0; -errno (-ENOENT, -ECONNREFUSED: it
 * does not run). */
int control_ask(const char *data_dir, const char *command, buffer_t *answer);

#endif
