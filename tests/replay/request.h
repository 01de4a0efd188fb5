/* request.h - the envelope of rest.jsp: which recorded answer a request asks for. */
#ifndef CHISO_TESTS_REPLAY_REQUEST_H
#define CHISO_TESTS_REPLAY_REQUEST_H

#include "http/http.h"

#define REQUEST_TEXT_MAX 128

typedef struct {
    char service[REQUEST_TEXT_MAX];
    bool board; /* the 766 board's service */
    char
        series[REQUEST_TEXT_MAX]; /* "0_2025-10"; empty when it asks for nothing that can be kept */
    int64_t page_index;           /* from 1 */
    int64_t page_size;            /* 0: all */
} rest_request_t;

/* 0; CHISO_E_PROTOCOL when the portal's firewall would block it (headers); CHISO_E_SYNTAX when the
 * form or the JSON in it is broken. */
int request_read(const http_request_t *request, rest_request_t *out);

#endif
