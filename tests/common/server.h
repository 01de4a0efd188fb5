/* server.h - the frame of the two programs that play the outside world: loop, signals, JSON, lines.
 */
#ifndef CHISO_TESTS_COMMON_SERVER_H
#define CHISO_TESTS_COMMON_SERVER_H

#include "http/http.h"

#include <jansson.h>

typedef struct {
    const char *name; /* begins the ready line and the error messages */
    const char *address;
    uint16_t port;    /* 0: any free one */
    int64_t every_ms; /* 0: no timer */
    void (*tick)(void *context);
    http_handler_fn handler;
    void *context;
} server_options_t;

/* Serves until SIGTERM or SIGINT, or server_quit(); returns an exit code of base/error.h. Prints
 * "NAME listening on http://ADDRESS:PORT" on stdout when it is ready. */
int server_run(const server_options_t *options);
/* Ends the loop after the current handler. */
void server_quit(int exit_code);

/* A decimal integer in [0, max], nothing else in the text. 0 or CHISO_E_SYNTAX. */
int server_number(const char *text, int64_t max, int64_t *out);
/* The query parameter as such a number; CHISO_OK and *out untouched when it is absent. */
int server_query_number(const http_request_t *request, const char *name, int64_t max, int64_t *out);

/* Appends the text with %XX decoded, and + as a space when `form`. 0, or CHISO_E_SYNTAX for a
 * broken escape or a NUL. */
int server_unescape(bytes_t text, bool form, buffer_t *out);

/* 200 with the JSON; takes it. */
void server_reply_json(http_request_t *request, json_t *json);

int64_t server_wall_ns(void);

/* A file of lines: opened for appending and created; writes a whole line or fails with -errno. */
int server_open_lines(const char *path);
int server_append_line(int fd, bytes_t line);

#endif
