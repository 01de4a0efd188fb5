/* answer.h - how the replay answers: as the portal does, or in one of the ways sources fail. */
#ifndef CHISO_TESTS_REPLAY_ANSWER_H
#define CHISO_TESTS_REPLAY_ANSWER_H

#include "common/mode.h"
#include "http/http.h"

#include <jansson.h>

enum {
    MODE_NORMAL,
    MODE_BLOCK,
    MODE_ERROR503,
    MODE_SLOW,
    MODE_TRUNCATED,
    MODE_TRUNCATED_JSON,
    MODE_WRONG_SUM,
    MODE_CHANGED_FIELD,
    MODE_HUGE,
    MODE_EMPTY,
    MODE_STATUS500,
    MODE_HTML404,
    MODE_NOT_ARRAY,
    MODE_BAD_NUMBER,
    MODE_MISSING_ROW,
    MODE_UNKNOWN_ID,
    MODE_DUPLICATE_ROW,
    MODE_CLOUDFLARE,
    MODE_STATUS401,
    MODE_STATUS403,
    MODE_STATUS419,
    MODE_STATUS429,
    MODE_BUSY503,
    MODE_REDIRECT, /* to itself */
    MODE_MISLABELLED,
    MODE_GZIP,
    MODE_ECHO, /* the answer, and what was asked behind it */
    MODE_ECHO401,
};

/* In the order of the enum, ended by NULL. */
extern const char *const answer_modes[];

/* Answers in the mode; takes the rows (an array, perhaps empty). The options are those of `mode`.
 * `support_id` is the number on a block page. Returns the HTTP status. */
int answer_rows(http_request_t *request, int mode, const tests_mode_t *options, json_t *rows,
                int64_t support_id);
/* The same for a body as it is, of that content type. */
int answer_body(http_request_t *request, int mode, const tests_mode_t *options, const char *type,
                bytes_t text, int64_t support_id);
/* What the portal's firewall says, with 200. */
int answer_block(http_request_t *request, int64_t support_id);

#endif
