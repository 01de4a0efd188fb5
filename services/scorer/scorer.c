/* scorer.c - everything decided: the service around the working set.
 *
 *   bus ─▶ batch {readings} ─▶ score (indicators, totals, ranks) ─▶ journal, offset; one commit ─▶
 * bus
 *
 * What a batch changes is in memory and in the journal; the records follow as a checkpoint. A batch
 * is committed by another thread while the next is worked out: nothing is told downstream, and
 * nothing acknowledged upstream, before it is durable. Memory that ran ahead of a commit that
 * failed is worthless, so a failed commit ends the process.
 */
#include "base/clock.h"
#include "base/error.h"
#include "batch.h"
#include "bus/inbox.h"
#include "checkpoint.h"
#include "config.h"
#include "journal/committer.h"
#include "log/log.h"
#include "measure.h"
#include "score.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHECKPOINT_TICK_MS 100
#define CHECKPOINT_IDLE_MS 5000 /* a quiet scorer writes what is dirty after so long */
#define CHECKPOINT_TICK_STEPS 4
#define CHECKPOINT_STOP_STEPS 32
#define TRIM_MS 1000
#define TRIM_RECORDS 10000 /* a second, when all is quiet … */
#define CONSUMER_NAME "scorer"

typedef struct {
    service_t *service;
    const scorer_config_t *config;
    store_t *store;
    journal_t *journal;
    committer_t *committer;
    uint64_t next_seqs[JOURNAL_SEALS]; /* of ingest, by seals: what comes after them */
    uint64_t next_seq;    /* what comes after the last that was given to the committer … */
    uint64_t durable_seq; /* … and after what is durable */
    uint64_t settled;     /* seal */
    zmq_pollitem_t poll;
    bus_server_t *server;
    bus_client_t *client;
    state_t state;
    score_t score;
    checkpoint_t *checkpoint;
    bool checkpoint_running;
    bool busy;   /* more batches are coming, each with its part of a checkpoint */
    bool synced; /* ingest has told its state: before that there is nothing to give a snapshot of */
    bool failed; /* memory is ahead of the journal: worthless */
    uint64_t life;         /* a snapshot's cursor counts in this process's order only */
    int64_t checkpoint_at; /* monotonic */
} scorer_t;

static void stop_failed(scorer_t *s, int rc)
{
    if (!s->failed) {
        s->failed = true;
        log_error("the store failed: stopping", "reason", chiso_strerror(rc), "said",
                  store_reason(s->store), "folder", s->config->data_dir, NULL);
        service_quit(s->service, CHISO_EXIT_STORE);
    }
}

/* What has become durable is told downstream; the next FETCH acknowledges it upstream. */
static void settle(scorer_t *s, int rc, uint64_t durable)
{
    uint64_t head = journal_head(s->journal);
    if (durable > s->settled) {
        journal_settle_to(s->journal, durable);
        s->settled = durable;
        s->durable_seq = s->next_seqs[durable % JOURNAL_SEALS];
    }
    if (rc != 0) {
        stop_failed(s, rc);
    } else if (s->server != NULL && journal_head(s->journal) > head) {
        bus_server_announce(s->server);
    }
}

/* Waits until memory and disk say the same. */
static int drain(scorer_t *s)
{
    uint64_t durable;
    int rc = committer_drain(s->committer, &durable);
    settle(s, rc, durable);
    return rc;
}

static int on_durable(zloop_t *loop, zmq_pollitem_t *item, void *context)
{
    (void)loop;
    (void)item;
    scorer_t *s = context;
    uint64_t durable;
    int rc = committer_poll(s->committer, &durable);
    settle(s, rc, durable);
    return 0;
}

/* Gives the transaction away to be committed; everything but success stops the service. */
static int commit(scorer_t *s, store_txn_t **txn)
{
    uint64_t seal = journal_seal(s->journal, *txn);
    s->next_seqs[seal % JOURNAL_SEALS] = s->next_seq;
    int rc = committer_give(s->committer, txn, seal);
    uint64_t durable;
    int before = committer_poll(s->committer, &durable);
    settle(s, rc != 0 ? rc : before, durable);
    return rc != 0 ? rc : before;
}

/* Before and after the committer's time: a transaction of the ordinary kind. */
static int commit_now(scorer_t *s, store_txn_t **txn)
{
    uint64_t seal = journal_seal(s->journal, *txn);
    int rc = store_commit(txn);
    s->next_seqs[seal % JOURNAL_SEALS] = s->next_seq;
    settle(s, rc, rc == 0 ? seal : s->settled);
    return rc;
}

static int on_batch(void *context, uint64_t epoch, uint64_t first_seq, const bytes_t *events,
                    size_t n_events, uint64_t head_seq)
{
    scorer_t *s = context;
    if (!store_has_room(s->store)) {
        log_error("no room: waiting", "used", LOG_INT(store_used(s->store)), NULL);
        return CHISO_E_FULL;
    }
    bool more = head_seq >= first_seq + n_events;
    int64_t began = clock_mono_us();
    if (more) { /* a checkpoint that falls due by itself is cheaper */
        s->checkpoint_at = clock_mono_ms() + CHECKPOINT_IDLE_MS;
        s->busy = true;
    }
    store_txn_t *txn = committer_note(s->committer);
    batch_apply(&s->score, txn, epoch, first_seq, events, n_events, more);
    s->checkpoint_running = checkpoint_keep_up(s->checkpoint, txn);
    if (journal_trim_due(s->journal)) {
        journal_trim(s->journal, txn, checkpoint_floor(s->checkpoint), BATCH_TRIM(n_events));
    }
    s->synced = true;
    s->next_seq = first_seq + n_events;
    int rc = commit(s, &txn);
    metrics_observe(service_metrics(s->service), MEASURE_BATCH_SECONDS, clock_mono_us() - began);
    metrics_add(service_metrics(s->service), MEASURE_EVENTS, (int64_t)n_events, NULL, NULL);
    return rc == CHISO_E_FULL ? CHISO_E_STORE : rc;
}

static uint64_t durable_seq(void *context)
{
    const scorer_t *s = context;
    return s->durable_seq;
}

static int on_snapshot(void *context, uint64_t epoch, uint64_t tail_seq, const bytes_t *events,
                       size_t n_events)
{
    scorer_t *s = context;
    if (!store_has_room(s->store)) {
        return CHISO_E_FULL;
    }
    int rc = drain(s);
    if (rc != 0) {
        return rc;
    }
    metrics_add(service_metrics(s->service), MEASURE_SNAPSHOTS, 1, NULL, NULL);
    log_warn("took a snapshot of ingest", "events", LOG_INT(n_events), NULL);
    store_txn_t *txn = store_write(s->store);
    batch_apply_snapshot(&s->score, txn, epoch, tail_seq, events, n_events);
    checkpoint_told(s->checkpoint);
    s->synced = true;
    s->next_seq = tail_seq;
    rc = commit_now(s, &txn);
    return rc == CHISO_E_FULL ? CHISO_E_STORE : rc;
}

/* ---- the snapshot we give: results, rankings, states of sources ---- */

static int put_states(scorer_t *s, bus_page_t *page)
{
    store_txn_t *txn = store_read(s->store);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    bool more = store_seek(txn, SCORER_STATES, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        bus_page_add(page, value);
    }
    store_cursor_close(&cursor);
    int rc = store_status(txn);
    store_abort(&txn);
    return rc;
}

static int put_result(const result_t *r, bus_page_t *page)
{
    buffer_t event = BUFFER_INIT(EVENT_MAX_BYTES);
    state_put_score(r, true, &event);
    int rc = event.failed ? CHISO_E_TOO_BIG : 0;
    if (rc == 0) {
        bus_page_add(page, buffer_bytes(&event));
    }
    buffer_free(&event);
    return rc;
}

/* A ranking with all of its standings; a long one is several events. */
static int put_whole_ranking(const ranking_t *ranking, bus_page_t *page)
{
    buffer_t event = BUFFER_INIT(EVENT_MAX_BYTES);
    size_t from = 0;
    int rc = 0;
    do {
        buffer_clear(&event);
        from = state_put_standings(ranking, (unsigned)from, &event);
        rc = event.failed ? CHISO_E_TOO_BIG : 0;
        if (rc == 0) {
            bus_page_add(page, buffer_bytes(&event));
        }
    } while (rc == 0 && from < ranking->n_members);
    buffer_free(&event);
    return rc;
}

static int put_event(scorer_t *s, size_t i, bus_page_t *page)
{
    size_t n = s->state.n_results;
    return i < n ? put_result(s->state.results[i], page)
                 : put_whole_ranking(s->state.rankings[i - n], page);
}

static int give_snapshot(void *context, bytes_t cursor, bus_page_t *page)
{
    scorer_t *s = context;
    bool ours = cursor.len == 16 && be64_get(cursor.data) == s->life;
    size_t all = s->state.n_results + s->state.n_rankings;
    /* a scorer that lost its data must not empty the page: no answer until it has something to say
     */
    int rc = s->failed ? CHISO_E_STORE : s->synced ? drain(s) : CHISO_E_NOT_FOUND;
    for (size_t i = ours ? be64_get(cursor.data + 8) : 0; rc == 0 && i < all; i++) {
        if (bus_page_full(page)) {
            uint8_t next[16];
            be64_put(next, s->life);
            be64_put(next + 8, i);
            bus_page_continue(page, bytes_of(next, sizeof next));
            return 0;
        }
        rc = put_event(s, i, page);
    }
    return rc == 0 ? put_states(s, page) : rc;
}

/* The bus cannot read the journal: nobody downstream would ever hear from us again. */
static void on_bus_failed(void *context)
{
    scorer_t *s = context;
    log_error("the journal cannot be read: stopping", NULL);
    service_quit(s->service, CHISO_EXIT_STORE);
}

/* ---- housekeeping ---- */

static void write_checkpoint(scorer_t *s, bool force)
{
    if (s->failed) {
        return;
    }
    store_txn_t *txn = committer_note(s->committer);
    s->checkpoint_running = checkpoint_step(s->checkpoint, txn, force);
    for (int i = 1; s->checkpoint_running && i < CHECKPOINT_TICK_STEPS; i++) {
        s->checkpoint_running = checkpoint_step(s->checkpoint, txn, force);
    }
    commit(s, &txn);
}

static void on_checkpoint(void *context)
{
    scorer_t *s = context;
    int64_t now = clock_mono_ms();
    bool idle_due = now >= s->checkpoint_at;
    if (idle_due) {
        s->checkpoint_at = now + CHECKPOINT_IDLE_MS;
    }
    /* more was said to come, and did not */
    if (s->score.n_touched > 0 && !s->failed && batch_rankings_due(&s->score)) {
        store_txn_t *txn = committer_note(s->committer);
        score_settle(&s->score, txn);
        commit(s, &txn);
    }
    if ((s->checkpoint_running && !s->busy) ||
        (idle_due && checkpoint_floor(s->checkpoint) <= journal_head(s->journal))) {
        write_checkpoint(s, idle_due);
    }
    s->busy = false;
}

static void on_trim(void *context)
{
    scorer_t *s = context;
    if (s->failed || !journal_trim_due(s->journal)) {
        return;
    }
    store_check_readers(s->store);
    store_txn_t *txn = committer_note(s->committer);
    journal_trim(s->journal, txn, checkpoint_floor(s->checkpoint), TRIM_RECORDS);
    commit(s, &txn);
}

/* ---- start and stop ---- */

static int open_state(scorer_t *s, bool *catalog_changed)
{
    store_options_t options = s->config->store_options;
    options.tables = scorer_tables;
    if (service_open_store(s->config->data_dir, &options, &s->store) != 0) {
        return CHISO_E_STORE;
    }
    journal_options_t journal = s->config->journal_options;
    journal.records = SCORER_JOURNAL;
    int rc = journal_open(s->store, &journal, &s->journal);
    if (rc == 0) {
        rc = checkpoint_new(s->store, s->journal, &s->state, &s->checkpoint);
    }
    if (rc == 0) {
        rc = score_init(&s->score, &s->state, s->journal);
        s->score.dirty_result = checkpoint_dirty_result;
        s->score.dirty_ranking = checkpoint_dirty_ranking;
        s->score.context = s->checkpoint;
    }
    if (rc == 0) {
        rc = checkpoint_recover(s->checkpoint, catalog_changed);
    }
    if (rc == 0 && journal_head(s->journal) == 0) {
        rc = checkpoint_stamp(s->checkpoint);
    }
    if (rc == 0 && journal_head(s->journal) > 0) {
        store_txn_t *txn = store_write(s->store);
        score_untold(&s->score, txn);
        score_settle(&s->score, txn);
        rc = commit_now(s, &txn);
    }
    if (rc == 0 && *catalog_changed) {
        log_warn("the catalogs have changed: evaluating everything again", NULL);
        store_txn_t *txn = store_write(s->store);
        score_everything(&s->score, txn);
        rc = commit_now(s, &txn);
    }
    if (rc != 0) {
        log_error("cannot recover the state", "reason", chiso_strerror(rc), NULL);
    }
    return rc;
}

static int open_committer(scorer_t *s)
{
    int rc = committer_start(s->store, &s->committer);
    if (rc == 0) {
        s->poll = (zmq_pollitem_t){.fd = committer_fd(s->committer), .events = ZMQ_POLLIN};
        rc = zloop_poller(service_loop(s->service), &s->poll, on_durable, s);
    }
    if (rc != 0) {
        log_error("cannot start the thread that commits", "reason", chiso_strerror(rc), NULL);
    }
    return rc;
}

static uint64_t upstream_age(void *context)
{
    const scorer_t *s = context;
    return s->client != NULL ? bus_client_upstream_age(s->client) : UINT64_MAX;
}

static int open_bus(scorer_t *s, bool catalog_changed)
{
    char reason[256] = "";
    bus_server_options_t server = {.endpoint = s->config->bus.endpoint,
                                   .curve = service_curve(&s->config->bus),
                                   .store = s->store,
                                   .journal = s->journal,
                                   .snapshot = give_snapshot,
                                   .failed = on_bus_failed,
                                   .upstream_age = upstream_age,
                                   .context = s};
    /* new catalogs may use figures that were not kept: have them all told again */
    bus_client_options_t client = {.endpoint = s->config->upstream.endpoint,
                                   .curve = service_curve(&s->config->upstream),
                                   .consumer = CONSUMER_NAME,
                                   .fresh_snapshot = catalog_changed};
    bus_handler_t handler = {on_batch, on_snapshot, s, durable_seq};
    int rc = inbox_position(s->store, SCORER_INBOX, &client.epoch, &client.next_seq);
    s->synced = client.epoch != 0;
    s->next_seq = s->durable_seq = client.next_seq;
    if (rc == 0) {
        rc = bus_server_start(service_loop(s->service), &server, reason, &s->server);
    }
    if (rc == 0) {
        rc = bus_client_start(service_loop(s->service), &client, &handler, reason, &s->client);
    }
    if (rc != 0) {
        log_error("cannot join the bus", "reason", *reason != '\0' ? reason : chiso_strerror(rc),
                  NULL);
        return rc;
    }
    log_info("listening", "bus", bus_server_endpoint(s->server), NULL);
    return 0;
}

static void measure(void *context, metrics_t *metrics)
{
    const scorer_t *s = context;
    measure_state(metrics, &s->state, s->store);
}

static int start(service_t *service, void *config, config_t *file, void **state)
{
    (void)file;
    scorer_t *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return CHISO_EXIT_FAILURE;
    }
    *state = s;
    s->service = service;
    s->config = config;
    s->life = clock_random64();
    state_init(&s->state, s->config->catalog);
    bool catalog_changed = false;
    if (open_state(s, &catalog_changed) != 0) {
        return CHISO_EXIT_STORE;
    }
    int rc = open_committer(s);
    if (rc == 0) {
        rc = open_bus(s, catalog_changed);
    }
    if (rc != 0) {
        return rc == CHISO_E_CONFIG ? CHISO_EXIT_CONFIG : CHISO_EXIT_FAILURE;
    }
    s->checkpoint_at = clock_mono_ms() + CHECKPOINT_IDLE_MS;
    rc = service_every(service, CHECKPOINT_TICK_MS, on_checkpoint, s);
    if (rc == 0) {
        rc = service_every(service, TRIM_MS, on_trim, s);
    }
    service_parts(service, &(service_parts_t){s->config->data_dir, s->store, s->journal, s->client,
                                              s->server});
    return rc == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FAILURE;
}

/* The keys of the bus: catalogs want a restart, which evaluates everything again. */
static int reload(void *state, void *config)
{
    scorer_t *s = state;
    const scorer_config_t *c = config;
    service_needs_restart("data_dir", s->config->data_dir, c->data_dir);
    int rc = service_rekey_bus(s->service, s->server, &s->config->bus, &c->bus);
    return rc == 0 ? service_rekey_upstream(s->client, &s->config->upstream, &c->upstream) : rc;
}

static void stop(void *state)
{
    scorer_t *s = state;
    if (s == NULL) {
        return;
    }
    bool whole = s->client != NULL && !s->failed;
    if (s->committer != NULL) {
        zloop_poller_end(service_loop(s->service), &s->poll);
        whole = drain(s) == 0 && whole;
    }
    bus_client_stop(&s->client);
    bus_server_stop(&s->server);
    committer_stop(&s->committer);
    /* a clean end leaves nothing to replay; a failed store is left alone */
    for (int i = 0;
         whole && i < 1000000 && checkpoint_floor(s->checkpoint) <= journal_head(s->journal); i++) {
        store_txn_t *txn = store_write(s->store);
        for (int k = 0; k < CHECKPOINT_STOP_STEPS && checkpoint_step(s->checkpoint, txn, k == 0);
             k++) {
        }
        if (commit_now(s, &txn) != 0) {
            break;
        }
    }
    score_free(&s->score);
    checkpoint_destroy(&s->checkpoint);
    state_free(&s->state);
    journal_close(&s->journal);
    store_close(&s->store);
    free(s);
}

static const char help[] =
    "NAME\n"
    "    chiso-scorer - turns figures into points, totals and ranks by the official rules\n"
    "\n"
    "SYNOPSIS\n"
    "    chiso-scorer --config FILE [--check-config | --healthcheck]\n"
    "    chiso-scorer --help | --version\n"
    "\n"
    "DESCRIPTION\n"
    "    Reads the journal of chiso-ingest, recomputes what each reading affects, in exact "
    "decimals,\n"
    "    and writes the new results and ranks into its own journal, from which chiso-publisher\n"
    "    reads. State, results and the position in ingest's journal are one commit.\n"
    "\n" SERVICE_HELP_OPTIONS
    "    SIGTERM, SIGINT  write a checkpoint and exit. SIGKILL at any instant loses nothing that "
    "was\n"
    "                     acknowledged: the tail of the journal is replayed at the next start.\n"
    "\n" SERVICE_HELP_EXIT "\n"
    "FILES\n"
    "    DATA_DIR/data.mdb  journal, checkpoint and history (LMDB)\n";

int main(int argc, char **argv)
{
    static const service_definition_t definition = {
        .name = "scorer",
        .help = help,
        .schema = &scorer_schema,
        .check = scorer_check,
        .release = scorer_release,
        .start = start,
        .stop = stop,
        .reload = reload,
        .observe_at = offsetof(scorer_config_t, observe),
        .metrics = measure_specs,
        .n_metrics = MEASURE_COUNT,
        .measure = measure,
    };
    return service_run(&definition, argc, argv);
}
