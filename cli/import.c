/* import.c - chiso import: hands a file of rows in at ingest and says what became of each row.
 *
 * A submission whose answer was lost is sent again under the same key, so that it counts once. */
#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "fetch/fetch.h"
#include "fetch/secret.h"
#include "options.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE (4 * 1024 * 1024) /* as ingest takes it */
#define MAX_ANSWER (16 * 1024 * 1024)
#define TRIES 6
#define TRY_AGAIN_MS 500

static const char usage[] =
    "usage: chiso import --api URL --token-file FILE [--dry-run] [--atomic] ROWS.csv|ROWS.json\n";

typedef struct {
    const char *file;
    char url[2200];
    bool json;
    fetch_secret_t token;
    buffer_t body;
    char key[40];
} import_t;

static int read_file(const char *name, buffer_t *out)
{
    char block[65536];
    size_t n;
    FILE *f = fopen(name, "rb");
    if (f == NULL) {
        return -errno;
    }
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        buffer_append(out, block, n);
    }
    int rc = ferror(f) ? -EIO : out->failed ? CHISO_E_TOO_BIG : 0;
    fclose(f);
    return rc;
}

/* A token must not go over the network in the clear. */
static bool is_loopback(const char *url)
{
    return strncmp(url, "http://127.", 11) == 0 || strncmp(url, "http://[::1]", 12) == 0 ||
           strncmp(url, "http://localhost:", 17) == 0;
}

/* ---- asking ---- */

static fetch_answer_t *ask_once(const import_t *m, fetch_t *fetch)
{
    static const char *const networks[] = {
        "127.0.0.0/8",    "::1/128",  "10.0.0.0/8", "172.16.0.0/12",
        "192.168.0.0/16", "fc00::/7", NULL};
    fetch_policy_t policy = {.allow_http = is_loopback(m->url),
                             .allow_networks = networks,
                             .timeout_ms = 120000,
                             .max_body = MAX_ANSWER};
    char authorization[4200];
    char key[64];
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", m->token.text);
    snprintf(key, sizeof key, "Idempotency-Key: %s", m->key);
    fetch_request_t request = {.method = "POST",
                               .url = m->url,
                               .headers = {authorization, key,
                                           m->json ? "Content-Type: application/json"
                                                   : "Content-Type: text/csv; charset=utf-8"},
                               .body = buffer_bytes(&m->body),
                               .policy = &policy};
    int rc = fetch_submit(fetch, &request);
    explicit_bzero(authorization, sizeof authorization);
    if (rc != 0) {
        fprintf(stderr, "chiso: cannot ask %s: %s\n", m->url, chiso_strerror(rc));
        return NULL;
    }
    struct pollfd fd = {.fd = fetch_fd(fetch), .events = POLLIN};
    fetch_answer_t *answer = NULL;
    while (answer == NULL && (poll(&fd, 1, -1) >= 0 || errno == EINTR)) {
        answer = fetch_take(fetch);
    }
    return answer;
}

static fetch_answer_t *ask(const import_t *m)
{
    fetch_t *fetch;
    fetch_answer_t *answer = NULL;
    if (fetch_start(&(fetch_options_t){0}, &fetch) != 0) {
        fprintf(stderr, "chiso: cannot start a request\n");
        return NULL;
    }
    for (int i = 0; i < TRIES; i++) {
        fetch_answer_free(&answer);
        answer = ask_once(m, fetch);
        bool again = answer != NULL &&
                     (answer->result == FETCH_TIMED_OUT || answer->result == FETCH_NO_ANSWER ||
                      (answer->result == FETCH_ANSWERED && answer->status == 503));
        if (!again) {
            break;
        }
        fprintf(stderr, "chiso: no answer yet (%s)\n",
                answer->result == FETCH_ANSWERED ? "503" : answer->reason);
        usleep((useconds_t)(TRY_AGAIN_MS << i) * 1000);
    }
    fetch_stop(&fetch);
    return answer;
}

/* ---- telling ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "-";
}

static void print_row(const json_t *row)
{
    const char *line = json_string_value(json_object_get(row, "line"));
    const char *field = json_string_value(json_object_get(row, "field"));
    printf("%s %s: %s", line != NULL ? "line" : "row", line != NULL ? line : text_of(row, "row"),
           text_of(row, "outcome"));
    if (field != NULL) {
        printf(": %s: %s\n", field, text_of(row, "reason"));
    } else {
        printf(" (revision %s) %s %s %s\n", text_of(row, "revision"), text_of(row, "unit"),
               text_of(row, "period"), text_of(row, "figure"));
    }
}

static int tell(const import_t *m, const fetch_answer_t *answer)
{
    if (answer->result != FETCH_ANSWERED) {
        fprintf(stderr, "chiso: %s: %s\n", m->url, answer->reason);
        return CHISO_EXIT_FAILURE;
    }
    json_t *said = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    const json_t *rows = json_object_get(said, "rows");
    if ((answer->status != 200 && answer->status != 422) || !json_is_array(rows)) {
        fprintf(stderr, "chiso: %s: refused with %ld: %s\n", m->file, answer->status,
                said != NULL ? text_of(said, "detail") : "no answer of ingest's");
        json_decref(said);
        return answer->status == 507 ? CHISO_EXIT_STORE : CHISO_EXIT_FAILURE;
    }
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        print_row(row);
    }
    bool applied = json_is_true(json_object_get(said, "applied"));
    bool dry = json_is_true(json_object_get(said, "dry_run"));
    const char *rejected = text_of(said, "rejected");
    printf("%s accepted, %s unchanged, %s rejected%s\n",
           applied || dry ? text_of(said, "accepted") : "0", text_of(said, "unchanged"), rejected,
           applied ? ""
           : dry   ? "; a try-out: nothing was stored"
                   : "; nothing was stored");
    int code = strcmp(rejected, "0") == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
    json_decref(said);
    return code;
}

static int run(import_t *m, const char *token_file)
{
    char reason[FETCH_REASON_SIZE];
    int rc = fetch_secret_read(token_file, 4096, &m->token, reason);
    if (rc != 0) {
        fprintf(stderr, "chiso: %s\n", reason);
        return CHISO_EXIT_USAGE;
    }
    rc = read_file(m->file, &m->body);
    if (rc != 0) {
        fprintf(stderr, "chiso: %s: %s\n", m->file, chiso_strerror(rc));
        return CHISO_EXIT_USAGE;
    }
    fetch_answer_t *answer = ask(m);
    int code = answer != NULL ? tell(m, answer) : CHISO_EXIT_FAILURE;
    fetch_answer_free(&answer);
    return code;
}

int command_import(int argc, char **argv)
{
    const char *api = NULL;
    const char *token_file = NULL;
    bool dry = false;
    bool atomic = false;
    const option_spec_t specs[] = {{.name = "api", .value = &api},
                                   {.name = "token-file", .value = &token_file},
                                   {.name = "dry-run", .flag = &dry},
                                   {.name = "atomic", .flag = &atomic},
                                   {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || first + 1 != argc || api == NULL ||
        token_file == NULL || strlen(api) > 2048) {
        fputs(usage, stderr);
        return CHISO_EXIT_USAGE;
    }
    if (strncmp(api, "https://", 8) != 0 && !is_loopback(api)) {
        fprintf(stderr, "chiso: --api '%s'; expected https://… (http:// on this machine only)\n",
                api);
        return CHISO_EXIT_USAGE;
    }
    size_t len = strlen(argv[first]);
    import_t m = {.file = argv[first],
                  .json = len > 5 && strcmp(argv[first] + len - 5, ".json") == 0,
                  .body = BUFFER_INIT(MAX_FILE)};
    size_t end = strlen(api);
    end -= api[end - 1] == '/' ? 1 : 0;
    snprintf(m.url, sizeof m.url, "%.*s/api/v1/figures?dry_run=%d&atomic=%d", (int)end, api, dry,
             atomic);
    snprintf(m.key, sizeof m.key, "import-%016llx%016llx", (unsigned long long)clock_random64(),
             (unsigned long long)clock_random64());
    int code = run(&m, token_file);
    fetch_secret_free(&m.token);
    buffer_free(&m.body);
    return code;
}
