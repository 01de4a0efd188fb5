/* once.h - one request, waited for: for programs that have nothing else to do meanwhile. */
#ifndef CHISO_FETCH_ONCE_H
#define CHISO_FETCH_ONCE_H

#include "fetch/fetch.h"

/* Sends the requests at once and waits until all are answered, as their time-outs say; answers[i]
 * (the caller frees it) is that of requests[i], or NULL when it could not be sent. 0, or the first
 * code of fetch_start() or fetch_submit(). */
int fetch_once(const fetch_request_t *requests, size_t n, fetch_answer_t **answers);

#endif
