/* once.c - see once.h. */
#include "fetch/once.h"

#include <errno.h>
#include <poll.h>

static size_t take(fetch_t *fetch)
{
    struct pollfd fd = {.fd = fetch_fd(fetch), .events = POLLIN};
    if (poll(&fd, 1, 1000) < 0 && errno != EINTR) {
        return 0;
    }
    size_t n = 0;
    for (fetch_answer_t *a; (a = fetch_take(fetch)) != NULL; n++) {
        *(fetch_answer_t **)a->context = a;
    }
    return n;
}

int fetch_once(const fetch_request_t *requests, size_t n, fetch_answer_t **answers)
{
    fetch_t *fetch = NULL;
    int rc = fetch_start(&(fetch_options_t){0}, &fetch);
    size_t waiting = 0;
    for (size_t i = 0; i < n; i++) {
        answers[i] = NULL;
        fetch_request_t request = requests[i];
        request.context = &answers[i];
        int one = rc == 0 ? fetch_submit(fetch, &request) : 0;
        waiting += rc == 0 && one == 0;
        rc = rc == 0 ? one : rc;
    }
    while (waiting > 0) { /* each ends by its own time-outs */
        waiting -= take(fetch);
    }
    if (fetch != NULL) {
        fetch_stop(&fetch);
    }
    return rc;
}
