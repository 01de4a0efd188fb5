/* quarantine.c - chiso quarantine: what ingest did not take, and an operator's word over it; chiso
 * replay: the archive read again. The store is read beside the running ingest; whatever changes it
 * goes through ingest. */
#include "api.h"
#include "base/error.h"
#include "chiso/v1/store.pb-c.h"
#include "commands.h"
#include "event/event.h"
#include "ingest/ledger.h"
#include "options.h"
#include "print.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE (4 * 1024 * 1024)

static const char usage[] =
    "usage: chiso quarantine list --ingest DIR\n"
    "       chiso quarantine show --ingest DIR N\n"
    "       chiso quarantine rulings --ingest DIR\n"
    "       chiso quarantine release --api URL --token-file FILE N\n"
    "       chiso quarantine drop --api URL --token-file FILE --reason TEXT N\n";

static void print_quarantined(uint64_t number, const Chiso__V1__Quarantined *q, bool whole)
{
    buffer_t line = BUFFER_INIT(MAX_LINE);
    jw_t j = jw_to(&line);
    jw_object(&j);
    jw_put_whole(&j, "number", (int64_t)number);
    jw_put_text(&j, "source", q->source);
    jw_put_text(&j, "series", q->series);
    jw_put_text(&j, "rule", q->rule);
    jw_put_text(&j, "reason", q->reason);
    jw_put_text(&j, "unit", q->unit);
    jw_put_text(&j, "period", q->period);
    jw_put_whole(&j, "times", q->times);
    jw_put_time(&j, "first_at", q->first_at);
    jw_put_time(&j, "last_at", q->last_at);
    if (whole) {
        jw_key(&j, "entry");
        print_message(&j, &q->base);
    }
    jw_object_end(&j);
    const char *text = buffer_text(&line);
    puts(text != NULL ? text : "{\"error\":\"larger than can be printed\"}");
    buffer_free(&line);
}

/* All entries, or the one of `wanted`. Returns how many. */
static int walk_quarantine(store_txn_t *txn, uint64_t wanted)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int n = 0;
    bool more = store_seek(txn, LEDGER_QUARANTINE, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        uint64_t number = key.len == 8 ? be64_get(key.data) : 0;
        wire_arena_t *arena;
        ProtobufCMessage *message;
        if ((wanted != 0 && wanted != number) ||
            wire_unpack(&chiso__v1__quarantined__descriptor, value, EVENT_MAX_BYTES, NULL, &arena,
                        &message) != 0) {
            continue;
        }
        print_quarantined(number, (const Chiso__V1__Quarantined *)message, wanted != 0);
        wire_free(&arena);
        n++;
    }
    store_cursor_close(&cursor);
    return n;
}

/* What became of entries that are gone. */
static int walk_rulings(store_txn_t *txn)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, LEDGER_RULINGS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        wire_arena_t *arena;
        ProtobufCMessage *message;
        if (wire_unpack(&chiso__v1__ruling__descriptor, value, 2 * EVENT_MAX_BYTES, NULL, &arena,
                        &message) != 0) {
            continue;
        }
        buffer_t line = BUFFER_INIT(MAX_LINE);
        jw_t j = jw_to(&line);
        print_message(&j, message);
        const char *text = buffer_text(&line);
        puts(text != NULL ? text : "{\"error\":\"larger than can be printed\"}");
        buffer_free(&line);
        wire_free(&arena);
    }
    store_cursor_close(&cursor);
    return 0;
}

static int read_store(const char *ingest, bool rulings, uint64_t number)
{
    store_t *store = options_open(ingest, ledger_tables);
    if (store == NULL) {
        return CHISO_EXIT_STORE;
    }
    store_txn_t *txn = store_read(store);
    int n = rulings ? walk_rulings(txn) : walk_quarantine(txn, number);
    store_abort(&txn);
    store_close(&store);
    if (number > 0 && n == 0) {
        fprintf(stderr, "chiso: there is no entry %llu\n", (unsigned long long)number);
        return CHISO_EXIT_FINDING;
    }
    return CHISO_EXIT_OK;
}

static int post(const api_t *api, const char *path, const char *body)
{
    buffer_t answer = BUFFER_INIT(API_MAX_ANSWER);
    long status = api_call(api, "POST", path, "application/json", bytes_of_text(body), &answer);
    int code = api_print(status, &answer);
    buffer_free(&answer);
    return code;
}

static int rule(const api_t *api, const char *verdict, uint64_t number, const char *reason)
{
    char path[128];
    snprintf(path, sizeof path, "/api/v1/admin/quarantine/%llu/%s", (unsigned long long)number,
             verdict);
    json_t *json = json_pack("{s:s*}", "reason", reason);
    char *body = json_dumps(json, JSON_COMPACT);
    int code = body != NULL ? post(api, path, body) : CHISO_EXIT_FAILURE;
    free(body);
    json_decref(json);
    return code;
}

int command_quarantine(int argc, char **argv)
{
    const char *ingest = NULL;
    const char *reason = NULL;
    api_t api = {0};
    const option_spec_t specs[] = {{.name = "ingest", .value = &ingest},
                                   {.name = "api", .value = &api.url},
                                   {.name = "token-file", .value = &api.token_file},
                                   {.name = "reason", .value = &reason},
                                   {0}};
    int first;
    uint64_t number = 0;
    if (options_read(argc, argv, specs, &first) != 0 || first >= argc) {
        fputs(usage, stderr);
        return CHISO_EXIT_USAGE;
    }
    const char *verb = argv[first];
    bool numbered =
        first + 2 == argc && options_number(argv[first + 1], &number) == 0 && number > 0;
    bool reached = api.url != NULL && api.token_file != NULL && numbered;
    bool bare = ingest != NULL && first + 1 == argc;
    if (strcmp(verb, "list") == 0 && bare) {
        return read_store(ingest, false, 0);
    }
    if (strcmp(verb, "rulings") == 0 && bare) {
        return read_store(ingest, true, 0);
    }
    if (strcmp(verb, "show") == 0 && ingest != NULL && numbered) {
        return read_store(ingest, false, number);
    }
    if (strcmp(verb, "release") == 0 && reached && reason == NULL) {
        return rule(&api, verb, number, NULL);
    }
    if (strcmp(verb, "drop") == 0 && reached && reason != NULL) {
        return rule(&api, verb, number, reason);
    }
    fputs(usage, stderr);
    return CHISO_EXIT_USAGE;
}

int command_replay(int argc, char **argv)
{
    const char *source = NULL;
    const char *from = NULL;
    bool apply = false;
    api_t api = {0};
    const option_spec_t specs[] = {
        {.name = "api", .value = &api.url},   {.name = "token-file", .value = &api.token_file},
        {.name = "source", .value = &source}, {.name = "from", .value = &from},
        {.name = "apply", .flag = &apply},    {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || first < argc || api.url == NULL ||
        api.token_file == NULL || source == NULL) {
        fprintf(stderr, "usage: chiso replay --api URL --token-file FILE --source NAME "
                        "[--from DAY] [--apply]\n");
        return CHISO_EXIT_USAGE;
    }
    buffer_t path = BUFFER_INIT(4096);
    buffer_append_text(&path, "/api/v1/admin/replay");
    api_query(&path, "source", source);
    if (from != NULL) {
        api_query(&path, "from", from);
    }
    api_query(&path, "apply", apply ? "yes" : "no");
    int code = post(&api, buffer_text(&path), "");
    buffer_free(&path);
    return code;
}
