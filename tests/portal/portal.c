/* portal.c - chiso-portal: a province portal that receives results as CloudEvents.
 *
 * It is the far end of the delivery tests: what is in its log was acknowledged (or its answer got
 * lost), so "every result arrived, in order, and took effect once" can be read off one file, also
 * after the portal itself was killed.
 */
#include "inbox.h"

#include "base/error.h"
#include "common/mode.h"
#include "common/server.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX ((size_t)64 * 1024)
#define RESULTS_MAX ((size_t)256 * 1024 * 1024)

static const char help[] =
    "usage: chiso-portal [--port N] [--log FILE]\n"
    "\n"
    "Receives CloudEvents 1.0 in binary mode: POST /events with ce-specversion, ce-id, ce-source,\n"
    "ce-type and Idempotency-Key. Each is written to the log and synced before it is answered "
    "with\n"
    "204; it takes effect once for each Idempotency-Key. The log is read back at start.\n"
    "\n"
    "  --address ADDR    the numeric address to listen on (127.0.0.1)\n"
    "  --port N          the port to listen on; 0, the default, is any free one\n"
    "  --log FILE        append a JSON line for each event: received_ns, key, ce_id, ce_source,\n"
    "                    ce_type, ce_subject, ce_time, duplicate, body; without it all is\n"
    "                    forgotten at the end\n"
    "  --help            this text\n"
    "\n"
    "Prints \"portal listening on http://ADDR:PORT\" when it is ready; SIGTERM and SIGINT end it.\n"
    "\n"
    "GET  /results   the last body of each ce-subject, as one JSON object\n"
    "GET  /stats     {\"received\",\"effects\",\"duplicates\",\"refused\"}; received is effects "
    "and\n"
    "                duplicates, refused counts since the start what was not taken\n"
    "GET  /control   the mode, as JSON\n"
    "POST /control?mode=M[&times=N][&match=TEXT][&retry_after=S][&delay_ms=N]\n"
    "     for N answers (until mode=normal without times), for subjects that hold TEXT or for "
    "all:\n"
    "     refuse   503 with Retry-After (1 second)\n"
    "     slow     take it, and answer after delay_ms (60000)\n"
    "     reject   422\n"
    "     drop     take it, and close the connection without an answer\n"
    "\n"
    "Exit codes: 0 ended by a signal, 2 wrong options, 4 the log cannot be read or written,\n"
    "5 anything else.\n";

enum { MODE_NORMAL, MODE_REFUSE, MODE_SLOW, MODE_REJECT, MODE_DROP };
static const char *const modes[] = {"normal", "refuse", "slow", "reject", "drop", NULL};

typedef struct {
    inbox_t *inbox;
    tests_mode_t mode;
    int64_t refused;
} portal_t;

/* CloudEvents headers are percent-encoded; all of them decoded behind each other, by offset. */
typedef struct {
    buffer_t text;
    size_t at[5];
    bool present[5];
} event_headers_t;

static const char *const header_names[] = {"ce-id", "ce-source", "ce-type", "ce-subject",
                                           "ce-time"};

static int read_headers(const http_request_t *request, event_headers_t *out)
{
    for (size_t i = 0; i < 5; i++) {
        const char *value = http_header(request, header_names[i]);
        out->present[i] = value != NULL;
        out->at[i] = out->text.len;
        if (value != NULL && server_unescape(bytes_of_text(value), false, &out->text) != 0) {
            return CHISO_E_SYNTAX;
        }
        buffer_append(&out->text, "", 1);
    }
    return out->text.failed ? CHISO_E_TOO_BIG : CHISO_OK;
}

static const char *header_of(const event_headers_t *headers, size_t i)
{
    return headers->present[i] ? (const char *)headers->text.data + headers->at[i] : NULL;
}

static bool empty(const char *text)
{
    return text == NULL || *text == '\0';
}

static bool is_json(bytes_t body)
{
    json_t *json = json_loadb((const char *)body.data, body.len,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_decref(json);
    return json != NULL;
}

/* NULL, or why the event is not one. */
static const char *read_event(const http_request_t *request, event_headers_t *headers,
                              inbox_event_t *out)
{
    const char *version = http_header(request, "ce-specversion");
    if (version == NULL || strcmp(version, "1.0") != 0) {
        return "ce-specversion must be 1.0";
    }
    if (read_headers(request, headers) != 0) {
        return "a ce- header is not well percent-encoded";
    }
    *out = (inbox_event_t){.key = http_header(request, "Idempotency-Key"),
                           .id = header_of(headers, 0),
                           .source = header_of(headers, 1),
                           .type = header_of(headers, 2),
                           .subject = header_of(headers, 3),
                           .time = header_of(headers, 4),
                           .body = http_body(request)};
    if (empty(out->key)) {
        return "Idempotency-Key is missing";
    }
    if (empty(out->id) || empty(out->source) || empty(out->type)) {
        return "ce-id, ce-source and ce-type must be there";
    }
    return is_json(out->body) ? NULL : "the body is not JSON";
}

static void answer_taken(http_request_t *request, int mode, int64_t delay_ms)
{
    bytes_t nothing = bytes_of(NULL, 0);
    if (mode == MODE_DROP) {
        http_reply_badly(request, 0, NULL, nothing, 0, 0);
    } else if (mode == MODE_SLOW) {
        http_reply_badly(request, 204, NULL, nothing, delay_ms, SIZE_MAX);
    } else {
        http_reply(request, 204, NULL, nothing);
    }
}

static void refuse(portal_t *p, http_request_t *request, const tests_mode_t *mode)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)mode->retry_after);
    p->refused++;
    http_set_header(request, "Retry-After", seconds);
    http_reply_problem(request, 503, "the portal is told to refuse");
}

static void take(portal_t *p, http_request_t *request, const inbox_event_t *event)
{
    tests_mode_t options = p->mode;
    bool concerned = options.match[0] == '\0' ||
                     (event->subject != NULL && strstr(event->subject, options.match) != NULL);
    int mode = mode_take(&p->mode, concerned);
    if (mode == MODE_REFUSE) {
        refuse(p, request, &options);
        return;
    }
    if (mode == MODE_REJECT) {
        p->refused++;
        http_reply_problem(request, 422, "the portal is told to reject this subject");
        return;
    }
    int rc = inbox_take(p->inbox, event);
    if (rc == 0) {
        answer_taken(request, mode, options.delay_ms);
    } else if (rc == CHISO_E_SYNTAX) {
        p->refused++;
        http_reply_problem(request, 400, "a header is not UTF-8");
    } else {
        fprintf(stderr, "portal: the log cannot be written\n");
        http_reply_problem(request, 500, "the event could not be stored");
        server_quit(CHISO_EXIT_STORE);
    }
}

static void serve_event(portal_t *p, http_request_t *request)
{
    event_headers_t headers = {.text = BUFFER_INIT(HEADERS_MAX)};
    inbox_event_t event;
    const char *wrong = read_event(request, &headers, &event);
    if (wrong != NULL) {
        p->refused++;
        http_reply_problem(request, 400, "%s", wrong);
    } else {
        take(p, request, &event);
    }
    buffer_free(&headers.text);
}

static void serve_results(const portal_t *p, http_request_t *request)
{
    buffer_t out = BUFFER_INIT(RESULTS_MAX);
    inbox_results(p->inbox, &out);
    if (out.failed) {
        http_reply_problem(request, 500, "the results are too large");
    } else {
        http_reply(request, 200, "application/json", buffer_bytes(&out));
    }
    buffer_free(&out);
}

static void serve_stats(const portal_t *p, http_request_t *request)
{
    inbox_stats_t s = inbox_stats(p->inbox);
    server_reply_json(request,
                      json_pack("{s:I, s:I, s:I, s:I}", "received", (json_int_t)s.received,
                                "effects", (json_int_t)s.effects, "duplicates",
                                (json_int_t)s.duplicates, "refused", (json_int_t)p->refused));
}

static void describe(const portal_t *p, http_request_t *request)
{
    json_t *all = json_object();
    mode_describe(&p->mode, all);
    server_reply_json(request, all);
}

static void handle(http_request_t *request, void *context)
{
    portal_t *p = context;
    const char *path = http_path(request);
    bool post = strcmp(http_method(request), "POST") == 0;
    bool get = strcmp(http_method(request), "GET") == 0;
    if (post && strcmp(path, "/events") == 0) {
        serve_event(p, request);
    } else if (get && strcmp(path, "/results") == 0) {
        serve_results(p, request);
    } else if (get && strcmp(path, "/stats") == 0) {
        serve_stats(p, request);
    } else if (get && strcmp(path, "/control") == 0) {
        describe(p, request);
    } else if (post && strcmp(path, "/control") == 0 && http_query(request, "mode") == NULL) {
        http_reply_problem(request, 400, "mode is missing");
    } else if (post && strcmp(path, "/control") == 0) {
        if (mode_control(&p->mode, "match", request)) {
            describe(p, request);
        }
    } else {
        http_reply_problem(request, 404, "%s %s is not served here", http_method(request), path);
    }
}

static int usage(const char *reason)
{
    fprintf(stderr, "portal: %s; see chiso-portal --help\n", reason);
    return CHISO_EXIT_USAGE;
}

static int run(const char *log_path, server_options_t *options)
{
    portal_t p = {.mode = {.names = modes, .times = -1}};
    int rc = inbox_open(log_path, &p.inbox);
    if (rc != 0) {
        fprintf(stderr, "portal: %s: %s\n", log_path != NULL ? log_path : "inbox",
                chiso_strerror(rc));
        return CHISO_EXIT_STORE;
    }
    options->context = &p;
    rc = server_run(options);
    inbox_close(&p.inbox);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"address", required_argument, NULL, 'a'},
        {"port", required_argument, NULL, 'p'},
        {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    server_options_t o = {.name = "portal", .address = "127.0.0.1", .handler = handle};
    const char *log_path = NULL;
    int64_t port = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return CHISO_EXIT_OK;
        } else if (c == 'a') {
            o.address = optarg;
        } else if (c == 'l') {
            log_path = optarg;
        } else if (c == 'p' && server_number(optarg, 65535, &port) != 0) {
            return usage("--port is a number up to 65535");
        } else if (c == '?') {
            return usage("wrong options");
        }
    }
    if (optind != argc) {
        return usage("too many arguments");
    }
    o.port = (uint16_t)port;
    return run(log_path, &o);
}
