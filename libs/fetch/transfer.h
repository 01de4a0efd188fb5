/* transfer.h - one request of fetch.c: its curl options and its answer.
 * Not for use outside libs/fetch. */
#ifndef CHISO_FETCH_TRANSFER_H
#define CHISO_FETCH_TRANSFER_H

#include "fetch/fetch.h"
#include "fetch/request.h"

#include <curl/curl.h>

typedef struct transfer {
    struct transfer *next;   /* for the queues of fetch.c */
    struct fetch_host *host; /* of fetch.c, while waiting or running */
    fetch_copy_t request;
    fetch_answer_t *answer;
    size_t header_bytes;
    unsigned header_lines;
    unsigned codings; /* of the content, those that change nothing aside */
    bool coding_unknown;
    bool begun;         /* the final answer has */
    curl_off_t arrived; /* bytes of the body, as sent */
    int64_t moved_at;   /* monotonic: when a byte of the answer came last */
    bool connecting;    /* the policy let at least one address through */
    bool refused;       /* and refused at least one */
    bool peer_refused;  /* refused a connection that stood already */
    bool too_big;
    bool stalled;
    bool no_memory;
    char refused_ip[64];
    char error[CURL_ERROR_SIZE];
} transfer_t;

/* A checked copy. 0, -EINVAL, -ENOMEM. May run in any thread. */
int transfer_new(const fetch_request_t *request, transfer_t **out);
void transfer_destroy(transfer_t **p);

/* False when the policy forbids it unsent; the answer then says so. */
bool transfer_is_allowed(transfer_t *t);
/* Puts the request on a fresh or reset handle. False when out of memory; the answer then says so.*/
bool transfer_set_up(transfer_t *t, CURL *easy, const char *user_agent);
/* Fills in the answer from how the handle ended. Returns whether the peer was reached, or nothing
 * is known about that. */
bool transfer_finish(transfer_t *t, CURL *easy, CURLcode code);
/* Takes all of the request off the handle. */
void transfer_take_off(CURL *easy);
/* Ends it as FETCH_NO_ANSWER for a reason of our own. */
void transfer_fail(transfer_t *t, const char *reason);

#endif
