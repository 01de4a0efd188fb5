/* replay.c - chiso-replay: the national portal's 766 report, played from recordings.
 *
 * It stands in for a host that must not be called from tests, that changes its figures every day
 * and sometimes its shape, and answers a block page with 200. Everything it does can be driven over
 * /control, and what it answered is written down, so that a test can compare the two ends.
 */
#include "answer.h"
#include "dialect.h"
#include "fixture.h"
#include "request.h"

#include "base/error.h"
#include "common/server.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUPPORT_ID_BASE 1870000000000000000

static const char help[] =
    "usage: chiso-replay --fixtures DIR [--dialects DIR] [--port N] [--every SECONDS] [--log "
    "FILE]\n"
    "\n"
    "Answers POST /jsp/rest.jsp as the national public-service portal does, from recordings.\n"
    "\n"
    "  --fixtures DIR    its sub-folders, sorted, are the steps; DIR/STEP/SERIES.json the "
    "answers,\n"
    "                    SERIES being p_tinh_id_period, such as 0_2025 or 398126_2025-10\n"
    "  --dialects DIR    the answers of the other sources, played as well: a directory of HTML\n"
    "                    pages, gateways with tokens and sessions, Elasticsearch, CKAN, tasks, "
    "CSV\n"
    "  --address ADDR    the numeric address to listen on (127.0.0.1)\n"
    "  --port N          the port to listen on; 0, the default, is any free one\n"
    "  --every SECONDS   go a step on by a timer, back and forth; 0, the default: only when told\n"
    "  --log FILE        append a JSON line for each answer:\n"
    "                    ns (wall clock), host, service, request, step, mode, status, rows\n"
    "  --help            this text\n"
    "\n"
    "Prints \"replay listening on http://ADDR:PORT\" when it is ready; SIGTERM and SIGINT end it.\n"
    "\n"
    "GET  /control                        where it stands, as JSON\n"
    "POST /control?step=next|NAME|INDEX   go to a step\n"
    "POST /control?mode=M[&times=N][&series=0_2025][&delay_ms=N][&retry_after=S][&size=BYTES]\n"
    "     misbehave for N answers (until mode=normal without times), for one series or for all:\n"
    "     block error503 slow truncated truncated_json wrong_sum changed_field huge empty\n"
    "     status500 html404 not_array bad_number missing_row unknown_id duplicate_row\n"
    "     cloudflare status401 status403 status419 status429 busy503 redirect mislabelled gzip\n"
    "POST /control?expire=1               tokens, sessions and cookies that were given are void\n"
    "POST /control?expires_in=SECONDS     how long tokens last from now on (3600)\n"
    "POST /control?set=SERIES:ID:FIELD:VALUE   lay a value over the recorded one, in all steps;\n"
    "                                     TONG_SCORE follows the six pillars exactly\n"
    "POST /control?clear=1                forget the values laid over\n"
    "\n"
    "Exit codes: 0 ended by a signal, 2 wrong options, 3 wrong fixtures, 4 the log cannot be\n"
    "written, 5 anything else.\n";

typedef struct {
    fixtures_t *fixtures;
    dialects_t dialects;
    tests_mode_t mode;
    int64_t requests;
    int log_fd; /* -1: none */
} replay_t;

static void log_answer(replay_t *r, const http_request_t *request, const char *service,
                       const char *series, int mode, int status, size_t rows)
{
    if (r->log_fd < 0) {
        return;
    }
    const char *host = http_header(request, "Host");
    json_t *line = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s?}", "ns",
                             (json_int_t)server_wall_ns(), "host", host != NULL ? host : "",
                             "service", service, "request", series, "step",
                             fixtures_name(r->fixtures, fixtures_current(r->fixtures)), "mode",
                             answer_modes[mode], "status", status, "rows", (json_int_t)rows,
                             "traceparent", http_header_once(request, "traceparent"));
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    buffer_t out = BUFFER_INIT(4096);
    buffer_printf(&out, "%s\n", text != NULL ? text : "{}");
    if (server_append_line(r->log_fd, buffer_bytes(&out)) != 0) {
        fprintf(stderr, "replay: the log cannot be written\n");
        server_quit(CHISO_EXIT_STORE);
    }
    buffer_free(&out);
    free(text);
    json_decref(line);
}

/* Only the rows of the page that was asked for. */
static json_t *page_of(json_t *rows, const rest_request_t *rest)
{
    if (rows == NULL || rest->page_size == 0) {
        return rows != NULL ? rows : json_array();
    }
    json_t *page = json_array();
    int64_t n = (int64_t)json_array_size(rows);
    for (int64_t i = 0; i < n; i++) {
        if (i / rest->page_size + 1 == rest->page_index) {
            json_array_append(page, json_array_get(rows, (size_t)i));
        }
    }
    json_decref(rows);
    return page;
}

static void serve_rest(replay_t *r, http_request_t *request)
{
    rest_request_t rest;
    r->requests++;
    int rc = request_read(request, &rest);
    if (rc != 0) {
        answer_block(request, SUPPORT_ID_BASE + r->requests);
        log_answer(r, request, rest.service, rest.series, MODE_BLOCK, 200, 0);
        return;
    }
    dialect_answer_t answer;
    if (dialect_service(&r->dialects, &r->mode, request, rest.service, rest.series,
                        SUPPORT_ID_BASE + r->requests, &answer)) {
        log_answer(r, request, rest.service, answer.name, answer.mode, answer.status, 0);
        return;
    }
    if (!rest.board) {
        *rest.series = '\0'; /* no rows are kept of others */
    }
    json_t *rows = page_of(fixtures_rows(r->fixtures, rest.series), &rest);
    size_t count = json_array_size(rows);
    tests_mode_t options = r->mode;
    bool concerned = options.match[0] == '\0' || strcmp(options.match, rest.series) == 0;
    int mode = mode_take(&r->mode, concerned);
    int status = answer_rows(request, mode, &options, rows, SUPPORT_ID_BASE + r->requests);
    log_answer(r, request, rest.service, rest.series, mode, status, count);
}

static void describe(const replay_t *r, http_request_t *request)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < fixtures_count(r->fixtures); i++) {
        json_array_append_new(steps, json_string(fixtures_name(r->fixtures, i)));
    }
    size_t current = fixtures_current(r->fixtures);
    json_t *all = json_pack(
        "{s:s, s:I, s:o, s:I, s:I, s:I}", "step", fixtures_name(r->fixtures, current), "index",
        (json_int_t)current, "steps", steps, "requests", (json_int_t)r->requests, "overlays",
        (json_int_t)fixtures_overlays(r->fixtures), "logins", (json_int_t)r->dialects.logins);
    if (all != NULL) {
        mode_describe(&r->mode, all);
    }
    server_reply_json(request, all);
}

static void control(replay_t *r, http_request_t *request)
{
    const char *step = http_query(request, "step");
    const char *set = http_query(request, "set");
    const char *clear = http_query(request, "clear");
    const char *expire = http_query(request, "expire");
    int64_t expires_s = 0;
    if (server_query_number(request, "expires_in", 1000000, &expires_s) != 0) {
        http_reply_problem(request, 400, "expires_in is a whole number of seconds");
        return;
    }
    if (step == NULL && set == NULL && clear == NULL && expire == NULL && expires_s == 0 &&
        http_query(request, "mode") == NULL) {
        http_reply_problem(request, 400, "nothing to do: step, mode, set, clear … is needed");
        return;
    }
    if (step != NULL && fixtures_go(r->fixtures, step) != 0) {
        http_reply_problem(request, 404, "there is no step \"%s\"", step);
        return;
    }
    if (clear != NULL) {
        fixtures_clear(r->fixtures);
    }
    if (expire != NULL) {
        dialect_expire(&r->dialects);
    }
    r->dialects.expires_s = expires_s > 0 ? expires_s : r->dialects.expires_s;
    int rc = set != NULL ? fixtures_set(r->fixtures, set) : 0;
    if (rc != 0) {
        http_reply_problem(request, rc == CHISO_E_NOT_FOUND ? 404 : 400, "set=%s: %s", set,
                           chiso_strerror(rc));
        return;
    }
    if (mode_control(&r->mode, "series", request)) {
        describe(r, request);
    }
}

static void handle(http_request_t *request, void *context)
{
    replay_t *r = context;
    bool post = strcmp(http_method(request), "POST") == 0;
    bool get = strcmp(http_method(request), "GET") == 0;
    dialect_answer_t answer;
    if (post && strcmp(http_path(request), "/jsp/rest.jsp") == 0) {
        serve_rest(r, request);
    } else if (post && strcmp(http_path(request), "/control") == 0) {
        control(r, request);
    } else if (get && strcmp(http_path(request), "/control") == 0) {
        describe(r, request);
    } else if (dialect_serve(&r->dialects, &r->mode, request, SUPPORT_ID_BASE + r->requests + 1,
                             &answer)) {
        r->requests++;
        log_answer(r, request, http_path(request), answer.name, answer.mode, answer.status, 0);
    } else {
        http_reply_problem(request, 404, "%s %s is not served here", http_method(request),
                           http_path(request));
    }
}

static void tick(void *context)
{
    replay_t *r = context;
    fixtures_next(r->fixtures);
}

static int usage(const char *reason)
{
    fprintf(stderr, "replay: %s; see chiso-replay --help\n", reason);
    return CHISO_EXIT_USAGE;
}

static int run(const char *folder, const char *dialects, const char *log_path,
               server_options_t *options)
{
    replay_t r = {.mode = {.names = answer_modes, .times = -1},
                  .log_fd = -1,
                  .dialects = {.folder = dialects, .given = 1, .expires_s = 3600}};
    int rc = fixtures_load(folder, &r.fixtures);
    if (rc != 0) {
        return rc == CHISO_E_CONFIG ? CHISO_EXIT_CONFIG : CHISO_EXIT_FAILURE;
    }
    if (log_path != NULL) {
        r.log_fd = server_open_lines(log_path);
        if (r.log_fd < 0) {
            fprintf(stderr, "replay: %s: %s\n", log_path, chiso_strerror(r.log_fd));
            fixtures_destroy(&r.fixtures);
            return CHISO_EXIT_STORE;
        }
    }
    options->context = &r;
    rc = server_run(options);
    if (r.log_fd >= 0) {
        close(r.log_fd);
    }
    fixtures_destroy(&r.fixtures);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"fixtures", required_argument, NULL, 'f'}, {"dialects", required_argument, NULL, 'd'},
        {"address", required_argument, NULL, 'a'},  {"port", required_argument, NULL, 'p'},
        {"every", required_argument, NULL, 'e'},    {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
    };
    server_options_t o = {
        .name = "replay", .address = "127.0.0.1", .tick = tick, .handler = handle};
    const char *fixtures = NULL;
    const char *log_path = NULL;
    const char *dialects = NULL;
    int64_t port = 0;
    int64_t every = 0;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return CHISO_EXIT_OK;
        } else if (c == 'f') {
            fixtures = optarg;
        } else if (c == 'd') {
            dialects = optarg;
        } else if (c == 'a') {
            o.address = optarg;
        } else if (c == 'l') {
            log_path = optarg;
        } else if (c == 'p' && server_number(optarg, 65535, &port) != 0) {
            return usage("--port is a number up to 65535");
        } else if (c == 'e' && server_number(optarg, 1000000, &every) != 0) {
            return usage("--every is a whole number of seconds");
        } else if (c == '?') {
            return usage("wrong options");
        }
    }
    if (optind != argc || fixtures == NULL) {
        return usage(fixtures == NULL ? "--fixtures is missing" : "too many arguments");
    }
    o.port = (uint16_t)port;
    o.every_ms = every * 1000;
    return run(fixtures, dialects, log_path, &o);
}
