/* verify.c - chiso verify: proves from the stores that journals, results and read model agree.
 *
 * The recomputation goes another way than the scorer: it takes ingest's last figures, evaluates
 * every indicator and ranks every ranking from nothing, and compares with what the scorer has come
 * to step by step.
 */
#include "base/error.h"
#include "bus/inbox.h"
#include "commands.h"
#include "ingest/ledger.h"
#include "options.h"
#include "publisher/model.h"
#include "scorer/checkpoint.h"
#include "scorer/rank.h"
#include "scorer/score.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOLD 20 /* differences that are printed */

typedef struct {
    const char *name;
    const char *folder;
    store_t *store;
    journal_t *journal;
} part_t;

typedef struct {
    part_t ingest, scorer, publisher;
    catalog_t *catalog;
    state_t live;     /* the scorer's */
    state_t computed; /* from nothing */
    unsigned findings;
} verify_t;

static void found(verify_t *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void found(verify_t *v, const char *format, ...)
{
    va_list args;
    if (++v->findings <= MAX_TOLD) {
        va_start(args, format);
        fputs("FOUND ", stdout);
        vprintf(format, args);
        fputc('\n', stdout);
        va_end(args);
    }
}

/* ---- journals ---- */

static int open_part(verify_t *v, part_t *part, const char *const *tables)
{
    if (part->folder == NULL) {
        return 0;
    }
    part->store = options_open(part->folder, tables);
    if (part->store == NULL) {
        return CHISO_EXIT_STORE;
    }
    int rc = journal_open(part->store, &(journal_options_t){.records = 0}, &part->journal);
    if (rc != 0) {
        found(v, "%s: the journal cannot be opened: %s", part->name, chiso_strerror(rc));
        return CHISO_EXIT_FINDING;
    }
    uint64_t bad = 0;
    char reason[256];
    char hex[SHA256_HEX_SIZE];
    uint8_t hash[SHA256_SIZE];
    store_txn_t *txn = store_read(part->store);
    rc = journal_verify(part->journal, txn, &bad, reason, hash);
    store_abort(&txn);
    if (rc != 0) {
        found(v, "%s: journal record %llu: %s", part->name, (unsigned long long)bad, reason);
        return CHISO_EXIT_FINDING;
    }
    printf("%s: journal %llu..%llu whole, head %s\n", part->name,
           (unsigned long long)journal_first(part->journal),
           (unsigned long long)journal_head(part->journal), sha256_hex(hash, hex));
    return 0;
}

/* Is the consumer at the producer's head? Otherwise there is nothing to compare. */
static bool caught_up(verify_t *v, const part_t *consumer, store_table_t inbox,
                      const part_t *producer)
{
    uint64_t epoch = 0;
    uint64_t next = 1;
    int rc = inbox_position(consumer->store, inbox, &epoch, &next);
    uint64_t head = journal_head(producer->journal);
    if (rc != 0 || (head > 0 && (epoch != journal_epoch(producer->journal) || next != head + 1))) {
        found(v, "%s has not applied all of %s: next is %llu, the head is %llu", consumer->name,
              producer->name, (unsigned long long)next, (unsigned long long)head);
        return false;
    }
    return true;
}

static void count_dead(verify_t *v, const part_t *part, store_table_t dead)
{
    store_txn_t *txn = store_read(part->store);
    uint64_t n = store_count(txn, dead);
    store_abort(&txn);
    if (n > 0) {
        found(v, "%s could not apply %llu events", part->name, (unsigned long long)n);
    }
}

/* ---- recomputation ---- */

static void take_figure(verify_t *v, const catalog_index_t *index, const event_reading_t *reading,
                        const event_figure_t *from)
{
    int place = catalog_figure_place(index, from->id);
    if (place < 0) {
        return;
    }
    result_t *r = state_result(&v->computed, index, reading->period, reading->unit);
    const figure_state_t *known = r != NULL ? state_figure(r, (unsigned)place) : NULL;
    bool any = known != NULL && known->revision != 0;
    bool known_by_machine = any && known->line->submitter == NULL;
    bool by_machine = from->submitter == NULL;
    /* a machine's word stands against one that was handed in; else the later one */
    if (any && (by_machine == known_by_machine ? from->fetched_at < known->fetched_at
                                               : known_by_machine)) {
        return; /* another source or series read it later */
    }
    if (r == NULL || state_take_figure(&v->computed, from, r, (unsigned)place) != 0) {
        found(v, "out of memory");
        return;
    }
    r->as_of = from->fetched_at > r->as_of ? from->fetched_at : r->as_of;
}

static void take_reading(verify_t *v, const event_reading_t *reading)
{
    for (unsigned i = 0; i < catalog_count(v->catalog); i++) {
        const catalog_index_t *index = catalog_at(v->catalog, i);
        if (!catalog_has_level(index, (int)reading->unit->level) ||
            !catalog_has_period(index, reading->period)) {
            continue;
        }
        for (size_t k = 0; k < reading->n_figures; k++) {
            take_figure(v, index, reading, reading->figures[k]);
        }
    }
}

static int compute(verify_t *v)
{
    store_txn_t *txn = store_read(v->ingest.store);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int rc = 0;
    bool more = store_seek(txn, LEDGER_ROWS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more && rc == 0; more = store_next(cursor, &key, &value)) {
        event_in_t in;
        char reason[256];
        rc = event_decode(value, reason, &in);
        if (rc == 0) {
            take_reading(v, in.event->reading);
            event_release(&in);
        }
    }
    store_cursor_close(&cursor);
    rc = rc != 0 ? rc : store_status(txn);
    store_abort(&txn);
    for (size_t i = 0; i < v->computed.n_results; i++) {
        score_evaluate(v->computed.results[i], NULL);
    }
    for (size_t i = 0; i < v->computed.n_rankings; i++) {
        rank_all(v->computed.rankings[i]);
    }
    return rc;
}

/* What two results say about the unit, as bytes: everything but the history of how it came about.
 */
static void facts(const result_t *r, buffer_t *out)
{
    result_t plain = *r;
    plain.revision = 1;
    plain.has_change = false;
    plain.previous_rank = 0;
    state_put_score(&plain, true, out);
}

static void compare_results(verify_t *v)
{
    buffer_t a = BUFFER_INIT(EVENT_MAX_BYTES);
    buffer_t b = BUFFER_INIT(EVENT_MAX_BYTES);
    for (size_t i = 0; i < v->computed.n_results; i++) {
        const result_t *want = v->computed.results[i];
        const result_t *have = state_find(&v->live, want->index, want->period, want->code);
        if (have == NULL) {
            found(v, "scorer: %s %s %s is missing", want->index->id, want->period, want->code);
            continue;
        }
        buffer_clear(&a);
        buffer_clear(&b);
        facts(want, &a);
        facts(have, &b);
        if (!bytes_equal(buffer_bytes(&a), buffer_bytes(&b))) {
            char x[DECIMAL_TEXT_SIZE];
            char y[DECIMAL_TEXT_SIZE];
            found(v, "scorer: %s %s %s: points %s, recomputed %s; rank %u, recomputed %u",
                  want->index->id, want->period, want->code, decimal_format(have->points, x),
                  decimal_format(want->points, y), have->rank, want->rank);
        }
        int total = want->index->stated_total;
        const figure_state_t *stated =
            total >= 0 ? state_figure(want, (unsigned)total) : &state_unknown_figure;
        if (stated->revision != 0 && decimal_compare(stated->value, want->points) != 0) {
            char x[DECIMAL_TEXT_SIZE];
            char y[DECIMAL_TEXT_SIZE];
            found(v, "%s %s %s: the source states a total of %s, the points are %s",
                  want->index->id, want->period, want->code, decimal_format(stated->value, x),
                  decimal_format(want->points, y));
        }
    }
    if (v->live.n_results != v->computed.n_results) {
        found(v, "scorer: %zu results, recomputed %zu", v->live.n_results, v->computed.n_results);
    }
    buffer_free(&a);
    buffer_free(&b);
    printf("scorer: %zu results compared with a full recomputation\n", v->computed.n_results);
}

static void verify_scorer(verify_t *v)
{
    count_dead(v, &v->scorer, SCORER_DEAD);
    checkpoint_t *checkpoint = NULL;
    bool changed;
    if (checkpoint_new(v->scorer.store, v->scorer.journal, &v->live, &checkpoint) != 0 ||
        checkpoint_recover(checkpoint, &changed) != 0) {
        found(v, "scorer: the state cannot be recovered");
    } else if (v->ingest.store != NULL && caught_up(v, &v->scorer, SCORER_INBOX, &v->ingest)) {
        if (compute(v) != 0) {
            found(v, "ingest: the rows cannot be read");
        } else {
            compare_results(v);
        }
    }
    checkpoint_destroy(&checkpoint);
}

/* ---- the read model ---- */

static int compare_ids(const void *a, const void *b)
{
    const event_figure_t *const *x = a;
    const event_figure_t *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

static int compare_codes(const void *a, const void *b)
{
    const event_indicator_t *const *x = a;
    const event_indicator_t *const *y = b;
    return strcmp((*x)->code, (*y)->code);
}

/* The scorer's complete Score in the order in which the publisher keeps one. */
static bool sorted_score(const result_t *r, buffer_t *out)
{
    buffer_t packed = BUFFER_INIT(EVENT_MAX_BYTES);
    event_in_t in;
    char reason[256];
    state_put_score(r, true, &packed);
    bool good = event_decode(buffer_bytes(&packed), reason, &in) == 0;
    if (good) {
        const event_score_t *s = in.event->score;
        qsort(s->figures, s->n_figures, sizeof *s->figures, compare_ids);
        qsort(s->indicators, s->n_indicators, sizeof *s->indicators, compare_codes);
        event_put_score(s, out);
        event_release(&in);
    }
    buffer_free(&packed);
    return good;
}

/* Results of the indexes that are verified, and of others: one that is taken out of the
 * configuration leaves its results behind, so that nothing is lost by a slip. */
static size_t count_results(const verify_t *v, store_txn_t *txn, size_t *others)
{
    size_t n = 0;
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, MODEL_RESULTS, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        bool named = memchr(key.data, '\0', key.len) != NULL; /* the index is the first part */
        bool given = named && catalog_find(v->catalog, (const char *)key.data) != NULL;
        n += given ? 1 : 0;
        *others += given ? 0 : 1;
    }
    store_cursor_close(&cursor);
    return n;
}

static void verify_publisher(verify_t *v)
{
    count_dead(v, &v->publisher, MODEL_DEAD);
    if (v->scorer.store == NULL || !caught_up(v, &v->publisher, MODEL_INBOX, &v->scorer)) {
        return;
    }
    store_txn_t *txn = store_read(v->publisher.store);
    for (size_t i = 0; i < v->live.n_results; i++) {
        const result_t *r = v->live.results[i];
        event_in_t in;
        if (!model_result(txn, r->index->id, r->period, r->code, &in)) {
            found(v, "publisher: %s %s %s is missing", r->index->id, r->period, r->code);
            continue;
        }
        buffer_t have = BUFFER_INIT(EVENT_MAX_BYTES);
        buffer_t want = BUFFER_INIT(EVENT_MAX_BYTES);
        event_put_score(in.event->score, &have);
        if (!sorted_score(r, &want) || !bytes_equal(buffer_bytes(&have), buffer_bytes(&want))) {
            found(v, "publisher: %s %s %s differs from the scorer's result", r->index->id,
                  r->period, r->code);
        }
        buffer_free(&have);
        buffer_free(&want);
        event_release(&in);
    }
    size_t others = 0;
    size_t n = count_results(v, txn, &others);
    if (n != v->live.n_results) {
        found(v, "publisher: %zu results, the scorer has %zu", n, v->live.n_results);
    }
    store_abort(&txn);
    printf("publisher: %zu results compared with the scorer's\n", v->live.n_results);
    if (others > 0) {
        printf("publisher: %zu results are of indexes that were not given with --index\n", others);
    }
}

static void close_part(part_t *part)
{
    journal_close(&part->journal);
    store_close(&part->store);
}

int command_verify(int argc, char **argv)
{
    verify_t v = {.ingest.name = "ingest", .scorer.name = "scorer", .publisher.name = "publisher"};
    const char *files[OPTIONS_MAX_REPEATED];
    unsigned n_files = 0;
    const option_spec_t specs[] = {{.name = "ingest", .value = &v.ingest.folder},
                                   {.name = "scorer", .value = &v.scorer.folder},
                                   {.name = "publisher", .value = &v.publisher.folder},
                                   {.name = "index", .values = files, .n_values = &n_files},
                                   {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0) {
        return CHISO_EXIT_USAGE;
    }
    bool any = v.ingest.folder != NULL || v.scorer.folder != NULL || v.publisher.folder != NULL;
    if (first < argc || !any || (v.scorer.folder != NULL && n_files == 0)) {
        fprintf(stderr, "usage: chiso verify [--ingest DIR] [--scorer DIR --index FILE...] "
                        "[--publisher DIR]\n");
        return CHISO_EXIT_USAGE;
    }
    if (catalog_load(files, n_files, stderr, &v.catalog) != 0) {
        return CHISO_EXIT_CONFIG;
    }
    state_init(&v.live, v.catalog);
    state_init(&v.computed, v.catalog);
    int code = open_part(&v, &v.ingest, ledger_tables);
    code = code != 0 ? code : open_part(&v, &v.scorer, scorer_tables);
    code = code != 0 ? code : open_part(&v, &v.publisher, model_tables);
    if (code == 0 && v.scorer.store != NULL) {
        verify_scorer(&v);
    }
    if (code == 0 && v.publisher.store != NULL) {
        verify_publisher(&v);
    }
    state_free(&v.live);
    state_free(&v.computed);
    close_part(&v.ingest);
    close_part(&v.scorer);
    close_part(&v.publisher);
    catalog_destroy(&v.catalog);
    if (code == 0) {
        printf("%u findings\n", v.findings);
        code = v.findings == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
    }
    return code;
}
