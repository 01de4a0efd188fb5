/* portal.h - one portal, and what it is told to do wrong. */
#ifndef CHISO_TESTS_PORTAL_PORTAL_H
#define CHISO_TESTS_PORTAL_PORTAL_H

#include "common/mode.h"
#include "inbox.h"

enum {
    MODE_NORMAL,
    MODE_REFUSE,
    MODE_SLOW,
    MODE_REJECT,
    MODE_DROP,
    MODE_HTML,
    MODE_ERROR500,
    MODE_UNAUTHORIZED,
    MODE_DENY, /* the dialect's own word for failure, inside HTTP 200 */
    MODE_ODD,  /* the dialect's other word for success */
    MODE_PARTIAL,
    MODE_PARTIAL_LATER,
    MODE_FORGET,
    MODE_ECHO
};

typedef struct {
    const char *token;       /* NULL: whoever comes */
    const char *sign_secret; /* NULL: no signature is asked for */
    const char
        *package; /* of CKAN, in which no resource stands yet; NULL: each resource is there */
} door_t;

typedef struct {
    inbox_t *inbox;
    tests_mode_t mode;
    int64_t refused;
    door_t door;
    int64_t tokens, valid_from; /* numbers of the tokens that were given out; the oldest good one */
} portal_t;

/* Is the sender let in? `bearer` and the value of Authorization; answers with 401 if not. */
bool door_open(portal_t *p, http_request_t *request, bool bearer);
/* Like it, with a token that was given out here. */
bool door_open_issued(portal_t *p, http_request_t *request);
/* Gives out a token; the form's or the header's credentials must be the expected ones. */
void door_issue(portal_t *p, http_request_t *request, bool vnpt);

/* Answers a request of CKAN, an LGSP or NGSI-LD, or returns false: none of its addresses. */
bool dialects_serve(portal_t *p, http_request_t *request);

/* An answer by the mode for what was taken, 2xx with the body; counts what was refused. */
void portal_answer(portal_t *p, http_request_t *request, int mode, const tests_mode_t *options,
                   int status, const char *body);
/* True when the mode alone says the answer, before anything is taken. */
bool portal_misbehaves(portal_t *p, http_request_t *request, int mode, const tests_mode_t *options);

#endif
