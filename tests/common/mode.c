/* mode.c - see mode.h. */
#include "common/mode.h"

#include "common/server.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_DELAY_MS 60000
#define DEFAULT_RETRY_AFTER 1

static int index_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static void refuse(const tests_mode_t *mode, http_request_t *request)
{
    buffer_t all = BUFFER_INIT(512);
    for (int i = 0; mode->names[i] != NULL; i++) {
        buffer_printf(&all, " %s", mode->names[i]);
    }
    http_reply_problem(request, 400, "no such mode; there are:%s", buffer_text(&all));
    buffer_free(&all);
}

bool mode_control(tests_mode_t *mode, const char *match_name, http_request_t *request)
{
    const char *name = http_query(request, "mode");
    if (name == NULL) {
        return true;
    }
    tests_mode_t next = {.names = mode->names,
                         .current = index_of(mode->names, name),
                         .times = -1,
                         .delay_ms = DEFAULT_DELAY_MS,
                         .retry_after = DEFAULT_RETRY_AFTER};
    if (next.current < 0) {
        refuse(mode, request);
        return false;
    }
    const char *match = http_query(request, match_name);
    int rc = server_query_number(request, "times", 1000000000, &next.times);
    rc = rc != 0 ? rc : server_query_number(request, "delay_ms", 86400000, &next.delay_ms);
    rc = rc != 0 ? rc : server_query_number(request, "retry_after", 86400, &next.retry_after);
    rc = rc != 0 ? rc : server_query_number(request, "size", (int64_t)1 << 30, &next.size);
    if (rc != 0 || (match != NULL && strlen(match) >= MODE_TEXT_MAX)) {
        http_reply_problem(request, 400,
                           "times, delay_ms, retry_after and size are numbers, %s "
                           "has less than %d bytes",
                           match_name, MODE_TEXT_MAX);
        return false;
    }
    snprintf(next.match, sizeof next.match, "%s", match != NULL ? match : "");
    next.current = next.times == 0 ? 0 : next.current;
    *mode = next;
    return true;
}

int mode_take(tests_mode_t *mode, bool concerned)
{
    if (!concerned || mode->current == 0) {
        return 0;
    }
    int now = mode->current;
    if (mode->times > 0 && --mode->times == 0) {
        mode->current = 0;
        mode->match[0] = '\0';
    }
    return now;
}

void mode_describe(const tests_mode_t *mode, json_t *into)
{
    json_object_set_new(into, "mode", json_string(mode->names[mode->current]));
    bool endless = mode->current == 0 || mode->times < 0;
    json_object_set_new(into, "times", endless ? json_null() : json_integer(mode->times));
    json_object_set_new(into, "match", json_string(mode->match));
}
