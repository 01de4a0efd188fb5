/* portal.c - chiso-portal: a province portal that receives results, in every dialect.
 *
 * It is the far end of the delivery tests: what is in its log was acknowledged (or its answer got
 * lost), so "every result arrived, in order, and took effect once" can be read off one file, also
 * after the portal itself was killed.
 */
#include "portal.h"

#include "base/error.h"
#include "common/server.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX ((size_t)64 * 1024)
#define RESULTS_MAX ((size_t)256 * 1024 * 1024)

static const char help[] =
    "usage: chiso-portal [--port N] [--log FILE] [--token TOKEN] [--sign-secret SECRET] [--package "
    "P]\n"
    "\n"
    "Receives results in each dialect that chiso speaks. Each record is written to the log and\n"
    "synced before it is answered; it takes effect once for each key. The log is read back at\n"
    "start.\n"
    "\n"
    "  --address ADDR    the numeric address to listen on (127.0.0.1)\n"
    "  --port N          the port to listen on; 0, the default, is any free one\n"
    "  --log FILE        append a JSON line for each record: received_ns, key, ce_id, ce_source,\n"
    "                    ce_type, ce_subject, ce_time, traceparent, ce_traceparent, duplicate,\n"
    "                    body; without it all is forgotten at the end\n"
    "  --token TOKEN     what /events, CKAN and NGSI-LD want as a token\n"
    "  --sign-secret S   want X-Chiso-Signature at /events, CKAN and NGSI-LD\n"
    "  --package P       the CKAN has an empty package P; without it each resource is there\n"
    "  --help            this text\n"
    "\n"
    "Prints \"portal listening on http://ADDR:PORT\" when it is ready; SIGTERM and SIGINT end it.\n"
    "\n"
    "POST /events                               CloudEvents 1.0, binary or structured\n"
    "POST /api/3/action/datastore_create|_upsert    CKAN\n"
    "POST /lgsp/token, /lgsp/results            LGSP, VNPT's way (AccessKey access, SecretKey "
    "secret)\n"
    "POST /opencps/token, /opencps/Statistic/UpdateStatistic    OpenCPS's (client, secret)\n"
    "POST /ngsi-ld/v1/entityOperations/upsert   NGSI-LD, tenant vinhlong\n"
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
    "     html     200 with a page; error500, unauthorized: that status\n"
    "     deny     200 with the dialect's own word for failure; odd: its other word for success\n"
    "     partial, partial_later   NGSI-LD: 207, failing what match names, for good or for now\n"
    "     forget   CKAN: 404, there is no such table\n"
    "     echo     422, and says the credentials that it was asked with\n"
    "POST /expire    the tokens that were given out are not good any more\n"
    "\n"
    "Exit codes: 0 ended by a signal, 2 wrong options, 4 the log cannot be read or written,\n"
    "5 anything else.\n";

static const char *const modes[] = {"normal",  "refuse",        "slow",         "reject", "drop",
                                    "html",    "error500",      "unauthorized", "deny",   "odd",
                                    "partial", "partial_later", "forget",       "echo",   NULL};

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
                           .traceparent = http_header_once(request, "traceparent"),
                           .ce_traceparent = http_header_once(request, "ce-traceparent"),
                           .body = http_body(request)};
    if (empty(out->key)) {
        return "Idempotency-Key is missing";
    }
    if (empty(out->id) || empty(out->source) || empty(out->type)) {
        return "ce-id, ce-source and ce-type must be there";
    }
    return is_json(out->body) ? NULL : "the body is not JSON";
}

void portal_answer(portal_t *p, http_request_t *request, int mode, const tests_mode_t *options,
                   int status, const char *body)
{
    (void)p;
    bytes_t bytes = body != NULL ? bytes_of_text(body) : bytes_of(NULL, 0);
    const char *type = body != NULL ? "application/json" : NULL;
    if (mode == MODE_DROP) {
        http_reply_badly(request, 0, NULL, bytes_of(NULL, 0), 0, 0);
    } else if (mode == MODE_SLOW) {
        http_reply_badly(request, status, type, bytes, options->delay_ms, SIZE_MAX);
    } else {
        http_reply(request, status, type, bytes);
    }
}

static void refuse(http_request_t *request, const tests_mode_t *mode)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)mode->retry_after);
    http_set_header(request, "Retry-After", seconds);
    http_reply_problem(request, 503, "the portal is told to refuse");
}

static void echo(http_request_t *request)
{
    const char *known = http_header(request, "Authorization");
    const char *access = http_header(request, "lgspaccesstoken");
    char body[2048];
    snprintf(body, sizeof body, "{\"authorization\":\"%s\",\"lgspaccesstoken\":\"%s\"}",
             known != NULL ? known : "", access != NULL ? access : "");
    http_reply(request, 422, "application/json", bytes_of_text(body));
}

bool portal_misbehaves(portal_t *p, http_request_t *request, int mode, const tests_mode_t *options)
{
    static const char page[] = "<!DOCTYPE html><html><head><title>Request Rejected</title></head>"
                               "<body>Your support ID is: 18446744073709551615</body></html>";
    switch (mode) {
    case MODE_REFUSE:
        refuse(request, options);
        break;
    case MODE_HTML:
        http_reply(request, 200, "text/html; charset=utf-8", bytes_of_text(page));
        break;
    case MODE_ERROR500:
        http_reply_problem(request, 500, "the portal is told to fail");
        break;
    case MODE_UNAUTHORIZED:
        http_reply_problem(request, 401, "the portal is told not to know you");
        break;
    case MODE_ECHO:
        echo(request);
        break;
    default:
        return false;
    }
    p->refused++;
    return true;
}

static void take(portal_t *p, http_request_t *request, const inbox_event_t *event)
{
    tests_mode_t options = p->mode;
    bool concerned = options.match[0] == '\0' ||
                     (event->subject != NULL && strstr(event->subject, options.match) != NULL);
    int mode = mode_take(&p->mode, concerned);
    if (portal_misbehaves(p, request, mode, &options)) {
        return;
    }
    if (mode == MODE_REJECT) {
        p->refused++;
        http_reply_problem(request, 422, "the portal is told to reject this subject");
        return;
    }
    int rc = inbox_take(p->inbox, event);
    if (rc == 0) {
        portal_answer(p, request, mode, &options, 204, NULL);
    } else if (rc == CHISO_E_SYNTAX) {
        p->refused++;
        http_reply_problem(request, 400, "a header is not UTF-8");
    } else {
        fprintf(stderr, "portal: the log cannot be written\n");
        http_reply_problem(request, 500, "the event could not be stored");
        server_quit(CHISO_EXIT_STORE);
    }
}

/* Structured mode: all of the event is the body. NULL, or why it is not one; `data` is the caller's
 * to free. */
static const char *read_structured(const http_request_t *request, json_t **event, char **data,
                                   inbox_event_t *out)
{
    bytes_t body = http_body(request);
    *event = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
    *data = json_dumps(json_object_get(*event, "data"), JSON_COMPACT | JSON_ENCODE_ANY);
    const char *version = json_string_value(json_object_get(*event, "specversion"));
    *out =
        (inbox_event_t){.key = http_header(request, "Idempotency-Key"),
                        .id = json_string_value(json_object_get(*event, "id")),
                        .source = json_string_value(json_object_get(*event, "source")),
                        .type = json_string_value(json_object_get(*event, "type")),
                        .subject = json_string_value(json_object_get(*event, "subject")),
                        .time = json_string_value(json_object_get(*event, "time")),
                        .traceparent = http_header_once(request, "traceparent"),
                        .ce_traceparent = json_string_value(json_object_get(*event, "traceparent")),
                        .body = bytes_of_text(*data != NULL ? *data : "")};
    if (version == NULL || strcmp(version, "1.0") != 0 || *data == NULL) {
        return "specversion 1.0 and data must be there";
    }
    return empty(out->key) || empty(out->id) || empty(out->source) || empty(out->type)
               ? "id, source, type and Idempotency-Key must be there"
               : NULL;
}

static void serve_event(portal_t *p, http_request_t *request)
{
    event_headers_t headers = {.text = BUFFER_INIT(HEADERS_MAX)};
    json_t *structured = NULL;
    char *data = NULL;
    inbox_event_t event;
    const char *type = http_header(request, "Content-Type");
    bool whole = type != NULL && strncmp(type, "application/cloudevents+json", 28) == 0;
    if (!door_open(p, request, true)) {
        return;
    }
    const char *wrong = whole ? read_structured(request, &structured, &data, &event)
                              : read_event(request, &headers, &event);
    if (wrong != NULL) {
        p->refused++;
        http_reply_problem(request, 400, "%s", wrong);
    } else {
        take(p, request, &event);
    }
    json_decref(structured);
    free(data);
    buffer_free(&headers.text);
}

/* The handshake of the CloudEvents webhook specification. */
static void serve_options(portal_t *p, http_request_t *request)
{
    if (door_open(p, request, true)) {
        http_set_header(request, "WebHook-Allowed-Origin", "chiso");
        http_set_header(request, "Allow", "POST");
        http_reply(request, 200, NULL, bytes_of(NULL, 0));
    }
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
    } else if (strcmp(path, "/events") == 0 && strcmp(http_method(request), "OPTIONS") == 0) {
        serve_options(p, request);
    } else if (dialects_serve(p, request)) {
        return;
    } else if (post && strcmp(path, "/expire") == 0) {
        p->valid_from = p->tokens + 1;
        http_reply(request, 204, NULL, bytes_of(NULL, 0));
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

static int run(const char *log_path, const door_t *door, server_options_t *options)
{
    portal_t p = {.mode = {.names = modes, .times = -1}, .door = *door};
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
        {"token", required_argument, NULL, 't'},
        {"sign-secret", required_argument, NULL, 's'},
        {"package", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    server_options_t o = {.name = "portal", .address = "127.0.0.1", .handler = handle};
    const char *log_path = NULL;
    door_t door = {0};
    int64_t port = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return CHISO_EXIT_OK;
        } else if (c == 'a') {
            o.address = optarg;
        } else if (c == 'l') {
            log_path = optarg;
        } else if (c == 't') {
            door.token = optarg;
        } else if (c == 's') {
            door.sign_secret = optarg;
        } else if (c == 'k') {
            door.package = optarg;
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
    return run(log_path, &door, &o);
}
