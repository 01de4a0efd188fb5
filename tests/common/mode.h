/* mode.h - how a program of tests/ misbehaves: a mode, for a number of answers or until told. */
#ifndef CHISO_TESTS_COMMON_MODE_H
#define CHISO_TESTS_COMMON_MODE_H

#include "http/http.h"

#include <jansson.h>

#define MODE_TEXT_MAX 64

typedef struct {
    const char *const *names;  /* ended by NULL; the first one is "normal" */
    int current;               /* index into names */
    int64_t times;             /* answers left in this mode; -1: no end */
    char match[MODE_TEXT_MAX]; /* whom it concerns; empty: everybody */
    int64_t delay_ms;
    int64_t retry_after;
    int64_t size;
} tests_mode_t;

/* Reads mode, times, delay_ms, retry_after, size and the parameter called `match_name` of a control
 * request. False after answering it with a 400. Nothing changes when there is no mode in it. */
bool mode_control(tests_mode_t *mode, const char *match_name, http_request_t *request);
/* The mode for one answer, counted; `concerned` false: 0, and not counted. */
int mode_take(tests_mode_t *mode, bool concerned);
/* Members mode, times, match for a control answer. */
void mode_describe(const tests_mode_t *mode, json_t *into);

#endif
