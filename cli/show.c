/* show.c - chiso journal and dead: what the stores hold, as JSON lines. */
#include "base/error.h"
#include "chiso/v1/store.pb-c.h"
#include "commands.h"
#include "event/event.h"
#include "options.h"
#include "print.h"
#include "publisher/model.h"
#include "text/text.h"

#include <stdio.h>
#include <string.h>

#define MAX_LINE (4 * 1024 * 1024)

/* Any service's journal can be opened by these alone: they come first in each. */
static const char *const journal_tables[] = {JOURNAL_TABLES, NULL};

static void print_line(buffer_t *line)
{
    const char *text = buffer_text(line);
    puts(text != NULL ? text : "{\"error\":\"larger than can be printed\"}");
}

typedef struct {
    uint64_t left;
    const char *trace; /* only what has this id; NULL: all */
} listing_t;

static void put_event(jw_t *j, const event_t *event)
{
    char id[TRACE_ID_TEXT_SIZE];
    char span[TRACE_SPAN_TEXT_SIZE];
    trace_t trace = event_trace(event);
    event_t plain = *event;
    plain.has_trace = false; /* told in the words of the logs */
    if (trace_is_set(&trace)) {
        jw_put_text(j, "trace_id", trace_id_text(&trace, id));
        jw_put_text(j, "span_id", trace_span_text(&trace, span));
    }
    jw_key(j, "event");
    print_message(j, &plain.base);
}

static bool is_wanted(const listing_t *l, const event_t *event)
{
    char id[TRACE_ID_TEXT_SIZE];
    trace_t trace = event_trace(event);
    return l->trace == NULL ||
           (trace_is_set(&trace) && strcmp(trace_id_text(&trace, id), l->trace) == 0);
}

static bool print_record(void *context, uint64_t seq, bytes_t payload)
{
    listing_t *l = context;
    event_in_t in = {0};
    char reason[256];
    bool good = event_decode(payload, reason, &in) == 0;
    if (good ? !is_wanted(l, in.event) : l->trace != NULL) {
        event_release(&in);
        return true;
    }
    buffer_t line = BUFFER_INIT(MAX_LINE);
    jw_t j = jw_to(&line);
    jw_object(&j);
    jw_put_whole(&j, "seq", (int64_t)seq);
    if (good) {
        put_event(&j, in.event);
        event_release(&in);
    } else {
        jw_put_text(&j, "error", reason);
    }
    jw_object_end(&j);
    print_line(&line);
    buffer_free(&line);
    return --l->left > 0;
}

int command_journal(int argc, char **argv)
{
    const char *data = NULL;
    const char *from_text = NULL;
    const char *count_text = "18446744073709551";
    listing_t listing = {0};
    const option_spec_t specs[] = {{.name = "data", .value = &data},
                                   {.name = "from", .value = &from_text},
                                   {.name = "count", .value = &count_text},
                                   {.name = "trace", .value = &listing.trace},
                                   {0}};
    int first;
    uint64_t from = 0;
    if (options_read(argc, argv, specs, &first) != 0 || data == NULL || first < argc ||
        (from_text != NULL && options_number(from_text, &from) != 0) ||
        options_number(count_text, &listing.left) != 0 || listing.left == 0) {
        fprintf(stderr, "usage: chiso journal --data DIR [--from N] [--count N] [--trace ID]\n");
        return CHISO_EXIT_USAGE;
    }
    store_t *store = options_open(data, journal_tables);
    journal_t *journal = NULL;
    int rc = store == NULL ? CHISO_E_STORE
                           : journal_open(store, &(journal_options_t){.records = 0}, &journal);
    if (rc == 0) {
        store_txn_t *txn = store_read(store);
        rc = journal_read(journal, txn, from != 0 ? from : journal_first(journal), print_record,
                          &listing);
        store_abort(&txn);
    }
    if (rc < 0) {
        fprintf(stderr, "chiso: %s: %s\n", data, chiso_strerror(rc));
    }
    journal_close(&journal);
    store_close(&store);
    return rc < 0 ? CHISO_EXIT_STORE : CHISO_EXIT_OK;
}

/* ---- dead letters ---- */

static void print_letter(bytes_t key, const Chiso__V1__DeadLetter *letter, bool whole)
{
    buffer_t line = BUFFER_INIT(MAX_LINE);
    jw_t j = jw_to(&line);
    event_in_t in;
    char reason[256];
    jw_object(&j);
    jw_put_text(&j, "target", (const char *)key.data); /* its part ends in NUL */
    jw_put_text(&j, "key", letter->key);
    jw_put_time(&j, "at", letter->at);
    jw_put_whole(&j, "status", letter->status);
    jw_put_text(&j, "reason", letter->reason);
    if (whole &&
        event_decode(bytes_of(letter->notice.data, letter->notice.len), reason, &in) == 0) {
        jw_key(&j, "notice");
        print_message(&j, &in.event->notice->base);
        event_release(&in);
    }
    if (whole && letter->has_sent) {
        buffer_t sent = BUFFER_INIT(MAX_LINE);
        buffer_append(&sent, letter->sent.data, letter->sent.len);
        const char *text = buffer_text(&sent);
        bool clean = text != NULL && text_is_clean(text, sent.len);
        jw_put_text(&j, "sent", clean ? text : "(cut: not a whole text)");
        buffer_free(&sent);
    }
    jw_object_end(&j);
    print_line(&line);
    buffer_free(&line);
}

static int walk_letters(store_txn_t *txn, const char *target, const char *name)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int n = 0;
    bool more = store_seek(txn, MODEL_DEAD_LETTERS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        wire_arena_t *arena;
        ProtobufCMessage *message;
        if (memchr(key.data, '\0', key.len) == NULL ||
            wire_unpack(&chiso__v1__dead_letter__descriptor, value, 2 * EVENT_MAX_BYTES, NULL,
                        &arena, &message) != 0) {
            continue;
        }
        const Chiso__V1__DeadLetter *letter = (const Chiso__V1__DeadLetter *)message;
        if (target == NULL ||
            (strcmp((const char *)key.data, target) == 0 && strcmp(letter->key, name) == 0)) {
            print_letter(key, letter, target != NULL);
            n++;
        }
        wire_free(&arena);
    }
    store_cursor_close(&cursor);
    return n;
}

int command_dead(int argc, char **argv)
{
    const char *publisher = NULL;
    const option_spec_t specs[] = {{.name = "publisher", .value = &publisher}, {0}};
    int first;
    bool good = options_read(argc, argv, specs, &first) == 0 && publisher != NULL && first < argc;
    bool list = good && strcmp(argv[first], "list") == 0 && first + 1 == argc;
    bool show = good && strcmp(argv[first], "show") == 0 && first + 3 == argc;
    if (!list && !show) {
        fprintf(stderr, "usage: chiso dead list --publisher DIR\n"
                        "       chiso dead show --publisher DIR TARGET KEY\n");
        return CHISO_EXIT_USAGE;
    }
    store_t *store = options_open(publisher, model_tables);
    if (store == NULL) {
        return CHISO_EXIT_STORE;
    }
    store_txn_t *txn = store_read(store);
    int n = walk_letters(txn, show ? argv[first + 1] : NULL, show ? argv[first + 2] : NULL);
    store_abort(&txn);
    store_close(&store);
    return show && n == 0 ? CHISO_EXIT_FINDING : CHISO_EXIT_OK;
}
