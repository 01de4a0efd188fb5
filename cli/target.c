/* target.c - chiso target: asks the running publisher about its targets, or tells it what to do.
 * When it does not run, `status` is read from its store; nothing else is possible then, because
 * whoever changes the store must be alone with it, and what is sent is sent by the publisher. */
#include "base/error.h"
#include "chiso/v1/store.pb-c.h"
#include "commands.h"
#include "options.h"
#include "publisher/control.h"
#include "publisher/model.h"
#include "json/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: chiso target status --publisher DIR [TARGET]\n"
                            "       chiso target test --publisher DIR TARGET\n"
                            "       chiso target retry --publisher DIR TARGET\n"
                            "       chiso target resync --publisher DIR TARGET\n";

/* ---- the running publisher ---- */

/* Prints each line; CHISO_EXIT_FINDING when one is an error, a failed test or a failing target. */
static int print_lines(buffer_t *answer)
{
    int code = CHISO_EXIT_OK;
    const char *text = buffer_text(answer);
    while (text != NULL && *text != '\0') {
        size_t n = strcspn(text, "\n");
        json_t *line = json_loadb(text, n, 0, NULL);
        const char *error = json_string_value(json_object_get(line, "error"));
        if (error != NULL) {
            fprintf(stderr, "chiso: %s\n", error);
        } else {
            printf("%.*s\n", (int)n, text);
        }
        if (error != NULL || json_is_false(json_object_get(line, "good"))) {
            code = CHISO_EXIT_FINDING;
        }
        json_decref(line);
        text += n + (text[n] == '\n' ? 1 : 0);
    }
    return code;
}

static int ask(const char *publisher, const char *command, const char *target, buffer_t *answer)
{
    json_t *line = json_pack("{s:s, s:s*}", "command", command, "target", target);
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT) : NULL;
    int rc = text != NULL ? control_ask(publisher, text, answer) : -ENOMEM;
    free(text);
    json_decref(line);
    return rc;
}

/* ---- its store ---- */

static uint64_t count_letters(store_txn_t *txn, bytes_t name)
{
    buffer_t start = BUFFER_INIT(STORE_MAX_KEY);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    uint64_t n = 0;
    buffer_append(&start, name.data, name.len);
    buffer_append(&start, "", 1);
    bool more = store_seek(txn, MODEL_DEAD_LETTERS, buffer_bytes(&start), &cursor, &key, &value);
    for (; more && key.len == start.len + 8 && memcmp(key.data, start.data, start.len) == 0;
         more = store_next(cursor, &key, &value)) {
        n++;
    }
    store_cursor_close(&cursor);
    buffer_free(&start);
    return n;
}

static void print_record(store_txn_t *txn, bytes_t name, const Chiso__V1__Target *r, uint64_t head)
{
    char id[64];
    buffer_t line = BUFFER_INIT(8192);
    jw_t j = jw_to(&line);
    snprintf(id, sizeof id, "%.*s", (int)name.len, (const char *)name.data);
    jw_object(&j);
    jw_put_text(&j, "target", id);
    jw_put_text(&j, "state", "the publisher does not run");
    jw_put_number(&j, "behind", head >= r->next_seq ? head - r->next_seq + 1 : 0);
    jw_put_flag(&j, "being_brought_up_to_date", r->has_resync_cursor);
    jw_put_time(&j, "last_success", r->has_last_delivery ? r->last_delivery : 0);
    jw_put_number(&j, "delivered", r->delivered);
    jw_put_number(&j, "dead", count_letters(txn, name));
    jw_put_text(&j, "last_error", r->last_error);
    jw_object_end(&j);
    const char *text = buffer_text(&line);
    puts(text != NULL ? text : "{\"error\":\"larger than can be printed\"}");
    buffer_free(&line);
}

static int print_stored(store_t *store, uint64_t head, const char *target)
{
    store_txn_t *txn = store_read(store);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool found = target == NULL;
    bool more = store_seek(txn, MODEL_TARGETS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        wire_arena_t *arena;
        ProtobufCMessage *message;
        bool wanted = target == NULL || bytes_equal(key, bytes_of_text(target));
        if (wanted &&
            wire_unpack(&chiso__v1__target__descriptor, value, 8192, NULL, &arena, &message) == 0) {
            print_record(txn, key, (const Chiso__V1__Target *)message, head);
            wire_free(&arena);
            found = true;
        }
    }
    store_cursor_close(&cursor);
    int rc = store_status(txn);
    store_abort(&txn);
    if (rc == 0 && !found) {
        fprintf(stderr, "chiso: there is no target '%s'\n", target);
    }
    return rc != 0 ? CHISO_EXIT_STORE : found ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
}

static int stored_status(const char *publisher, const char *target)
{
    store_t *store = options_open(publisher, model_tables);
    journal_t *journal = NULL;
    if (store == NULL ||
        journal_open(store, &(journal_options_t){.records = MODEL_JOURNAL}, &journal) != 0) {
        store_close(&store);
        return CHISO_EXIT_STORE;
    }
    int code = print_stored(store, journal_head(journal), target);
    journal_close(&journal);
    store_close(&store);
    return code;
}

int command_target(int argc, char **argv)
{
    static const char *const commands[] = {"status", "test", "retry", "resync"};
    const char *publisher = NULL;
    const option_spec_t specs[] = {{.name = "publisher", .value = &publisher}, {0}};
    int first;
    bool good = options_read(argc, argv, specs, &first) == 0 && publisher != NULL && first < argc;
    const char *command = good ? argv[first] : "";
    const char *target = good && first + 1 < argc ? argv[first + 1] : NULL;
    bool known = false;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        known = known || strcmp(commands[i], command) == 0;
    }
    bool status = strcmp(command, "status") == 0;
    if (!known || first + 2 < argc || (target == NULL && !status)) {
        fputs(usage, stderr);
        return CHISO_EXIT_USAGE;
    }
    buffer_t answer = BUFFER_INIT(CONTROL_MAX_ANSWER);
    int rc = ask(publisher, command, target, &answer);
    int code = CHISO_EXIT_FAILURE;
    if (rc == 0 && answer.len > 0) {
        code = print_lines(&answer);
    } else if (status && (rc == -ENOENT || rc == -ECONNREFUSED)) {
        code = stored_status(publisher, target);
    } else {
        fprintf(stderr, "chiso: the publisher of '%s' does not answer: %s\n", publisher,
                rc != 0 ? chiso_strerror(rc) : "run this as the user that it runs as, or as root");
    }
    buffer_free(&answer);
    return code;
}
