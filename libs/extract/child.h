/* child.h - runs a program of ours over some bytes, and survives whatever it does.
 *
 * The program gets the bytes on standard input, an empty environment, no other open file, default
 * signals. It is killed at the time-out and when it writes too much.
 */
#ifndef CHISO_EXTRACT_CHILD_H
#define CHISO_EXTRACT_CHILD_H

#include "base/bytes.h"

typedef enum {
    CHILD_EXITED,    /* with `code` */
    CHILD_SIGNALLED, /* by signal `code` */
    CHILD_TIMED_OUT,
    CHILD_TOO_MUCH /* output: more than the buffer's maximum */
} child_end_t;

typedef struct {
    child_end_t end;
    int code;
} child_t;

/* argv[0] is the path; NULL ends argv. `output` is appended to. 0; -ENOMEM; -errno when it could
 * not be started. Waits up to `timeout_ms`. */
int child_run(const char *const *argv, bytes_t input, int timeout_ms, buffer_t *output,
              child_t *out);

#endif
