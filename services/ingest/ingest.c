/* ingest.c - everything in: the service around the schedule, the fetches and the intake.
 *
 *   schedule ─▶ fetch (own thread) ─▶ intake (judge, store, journal; one commit) ─▶ bus
 *
 * One thread owns the store and does everything but the network's waiting. A commit that fails ends
 * the process: what was not committed was not acknowledged, and is asked for again.
 */
#include "api/door.h"
#include "backfill.h"
#include "base/clock.h"
#include "base/error.h"
#include "config.h"
#include "intake.h"
#include "ledger.h"
#include "log/log.h"
#include "measure.h"
#include "schedule.h"
#include "spans.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_MS 50
#define REPLAY_MS 20 /* of each */
#define REFRESH_MS 60000
#define CLOCK_SLACK_MS 2000 /* between two ticks; beyond, somebody has set the clock */
#define TRIM_MS 1000
#define TRIM_RECORDS 10000
#define DOOR_MS 1000
#define MAX_PAUSE_MS (3600 * 1000LL)

typedef struct {
    service_t *service;
    const ingest_config_t *config;
    const ingest_config_t *asked; /* whose sources are asked: the last reloaded */
    const tokens_t *tokens;       /* who is let in: of the last reloaded */
    store_t *store;
    journal_t *journal;
    archive_t *archive;
    fetch_t *fetch;
    bus_server_t *bus;
    schedule_t *schedule;
    door_t *door; /* NULL without http */
    intake_t intake;
    replay_t *replay; /* NULL: none */
    backfills_t *backfills;
    int64_t refresh_at, age_at;   /* monotonic */
    int64_t wall_seen, mono_seen; /* at the last tick */
    int64_t quiet_until;          /* a full store is told every ten seconds, not at each answer */
} ingest_t;

/* Room can come back; a broken store cannot. */
static void after_commit(ingest_t *in, int rc, bool appended)
{
    if (appended) {
        bus_server_announce(in->bus);
    }
    if (rc == CHISO_E_FULL || rc == -ENOSPC || rc == -EDQUOT) {
        if (clock_mono_ms() < in->quiet_until) {
            return;
        }
        in->quiet_until = clock_mono_ms() + 10000;
        log_error("no room: nothing was taken in", "reason", chiso_strerror(rc), "used",
                  LOG_INT(store_used(in->store)), "soft_limit",
                  LOG_INT(store_soft_limit(in->store)), NULL);
    } else if (rc != 0) {
        log_error("the store failed: stopping", "reason", chiso_strerror(rc), "said",
                  store_reason(in->store), "folder", in->config->data_dir, NULL);
        service_quit(in->service, CHISO_EXIT_STORE);
    }
}

static void pause_host(series_t *series, const fetch_answer_t *answer)
{
    if (answer->retry_after_ms > 0 && (answer->status == 429 || answer->status == 503)) {
        int64_t pause =
            answer->retry_after_ms < MAX_PAUSE_MS ? answer->retry_after_ms : MAX_PAUSE_MS;
        schedule_pause(series, clock_mono_ms() + pause);
    }
}

/* A host that says 429 or 503 with a time is alive: it is paused, not left alone. */
static schedule_host_t judge_host(const fetch_answer_t *answer)
{
    if (answer->result == FETCH_REFUSED) {
        return SCHEDULE_UNKNOWN;
    }
    if (answer->result != FETCH_ANSWERED && answer->result != FETCH_TOO_BIG) {
        return SCHEDULE_BADLY;
    }
    return answer->status >= 500 && answer->retry_after_ms < 0 ? SCHEDULE_BADLY : SCHEDULE_WELL;
}

/* What was just read may be a part of what others tell. */
static void mark_wholes(const ingest_t *in, const series_t *part)
{
    for (size_t i = 0; i < schedule_count(in->schedule); i++) {
        series_t *whole = schedule_at(in->schedule, i);
        whole->spans_due = whole->spans_due || spans_concern(whole, part);
    }
}

static void on_answer(void *context)
{
    ingest_t *in = context;
    fetch_answer_t *answer;
    while ((answer = fetch_take(in->fetch)) != NULL) {
        series_t *series = answer->context;
        bool appended = false;
        int rc = 0;
        schedule_heard(series, judge_host(answer), clock_mono_ms());
        if (exchange_take(series->exchange, answer) != EXCHANGE_MORE) {
            in->intake.backfill = backfills_newest(in->backfills);
            rc = intake_answer(&in->intake, series, answer, &appended);
            const char *outcome = event_outcome_name(series->outcome);
            measure_answer(service_metrics(in->service), series->source->id, answer,
                           rc == 0 && outcome != NULL ? outcome : "no_room");
            exchange_destroy(&series->exchange);
            if (rc == 0) {
                backfills_heard(in->backfills, series);
                mark_wholes(in, series);
            }
        }
        pause_host(series, answer);
        schedule_done(series);
        fetch_answer_free(&answer);
        after_commit(in, rc, appended);
    }
}

/* Begins to ask, or goes on. */
static void ask(ingest_t *in, series_t *series)
{
    const ingest_source_t *source = series->source;
    int rc = 0;
    if (series->exchange == NULL) {
        rc = exchange_new(&source->setup, series->of, series->period, &series->exchange);
    }
    if (rc == 0) {
        rc = exchange_send(series->exchange, in->fetch, series);
    }
    if (rc != 0) {
        trace_t trace = series->exchange != NULL ? *exchange_trace(series->exchange) : TRACE_NONE;
        log_error("cannot ask", "source", source->id, "series", series->name, "reason",
                  chiso_strerror(rc), TRACE_LOG(&trace), NULL);
        exchange_destroy(&series->exchange);
        series->next_due = clock_wall_ms() + source->retry_after_ms;
        schedule_heard(series, SCHEDULE_UNKNOWN, clock_mono_ms());
        schedule_done(series);
    }
}

static void age_all(ingest_t *in, int64_t wall)
{
    for (size_t i = 0; i < schedule_count(in->schedule); i++) {
        bool appended;
        int rc = intake_age(&in->intake, schedule_at(in->schedule, i), wall, &appended);
        if (rc != 0 || appended) {
            after_commit(in, rc, appended);
        }
    }
}

/* For a part of each tick, so that sources are asked and read meanwhile. */
static void go_on_replaying(ingest_t *in)
{
    int64_t until = clock_mono_ms() + REPLAY_MS;
    while (in->replay != NULL && clock_mono_ms() < until) {
        int rc;
        bool appended;
        bool ended = replay_step(in->replay, &rc, &appended);
        if (rc != 0 || appended) {
            after_commit(in, rc, appended);
        }
        if (ended) {
            replay_destroy(&in->replay);
        }
    }
}

/* Times are kept by the wall clock, since they outlive the process; the monotonic one tells when it
 * was set. Ahead, as after a machine was suspended, everything is due, and that is right. */
static void watch_clock(ingest_t *in, int64_t wall, int64_t mono)
{
    int64_t set = (wall - in->wall_seen) - (mono - in->mono_seen);
    bool first = in->mono_seen == 0;
    in->wall_seen = wall;
    in->mono_seen = mono;
    if (first || (set < CLOCK_SLACK_MS && set > -CLOCK_SLACK_MS)) {
        return;
    }
    log_warn("the wall clock was set", "ms", LOG_INT(set), NULL);
    in->refresh_at = mono; /* another month, perhaps */
    for (size_t i = 0; set < 0 && i < schedule_count(in->schedule); i++) {
        series_clock_set_back(schedule_at(in->schedule, i), wall, -set);
    }
}

static void on_tick(void *context)
{
    ingest_t *in = context;
    int64_t wall, mono;
    do { /* of one moment: a process that stands still between the two would see a set clock */
        mono = clock_mono_ms();
        wall = clock_wall_ms();
    } while (clock_mono_ms() - mono > CLOCK_SLACK_MS / 2);
    watch_clock(in, wall, mono);
    if (mono >= in->refresh_at) {
        in->refresh_at = mono + REFRESH_MS;
        int rc = schedule_refresh(in->schedule, wall);
        if (rc != 0) {
            after_commit(in, rc, false);
            return;
        }
    }
    if (mono >= in->age_at) {
        in->age_at = mono + 500;
        age_all(in, wall);
    }
    go_on_replaying(in);
    int rc = backfills_feed(in->backfills, in->asked, in->schedule);
    if (rc != 0) {
        after_commit(in, rc, false);
    }
    series_t *series;
    while ((series = schedule_next(in->schedule, wall, mono)) != NULL) {
        ask(in, series);
    }
}

static void on_trim(void *context)
{
    ingest_t *in = context;
    if (!journal_trim_due(in->journal)) {
        return;
    }
    store_check_readers(in->store);
    store_txn_t *txn = store_write(in->store);
    journal_trim(in->journal, txn, UINT64_MAX, TRIM_RECORDS);
    journal_seal(in->journal, txn);
    int rc = store_commit(&txn);
    journal_settle(in->journal, rc == 0);
    if (rc != 0) {
        after_commit(in, rc, false);
    }
}

static void on_door(void *context)
{
    ingest_t *in = context;
    door_serve(in->door);
}

static void on_door_commit(void *context, int rc, bool appended)
{
    after_commit(context, rc, appended);
}

/* The bus cannot read the journal: nobody downstream would ever hear from us again. */
static void on_bus_failed(void *context)
{
    ingest_t *in = context;
    log_error("the journal cannot be read: stopping", NULL);
    service_quit(in->service, CHISO_EXIT_STORE);
}

static int open_store(ingest_t *in)
{
    const ingest_config_t *c = in->config;
    store_options_t options = c->store_options;
    options.tables = ledger_tables;
    if (service_open_store(c->data_dir, &options, &in->store) != 0) {
        return CHISO_EXIT_STORE;
    }
    journal_options_t journal = c->journal_options;
    journal.records = LEDGER_JOURNAL;
    int rc = journal_open(in->store, &journal, &in->journal);
    if (rc == 0) {
        char folder[4200];
        snprintf(folder, sizeof folder, "%s/archive", c->data_dir);
        rc = archive_open(folder, &in->archive);
    }
    if (rc == 0) {
        rc = backfills_open(in->store, &in->backfills);
    }
    if (rc != 0) {
        log_error("cannot open the journal, the archive or the backfills", "folder", c->data_dir,
                  "reason", chiso_strerror(rc), NULL);
        return CHISO_EXIT_STORE;
    }
    return CHISO_EXIT_OK;
}

static int snapshot(void *context, bytes_t cursor, bus_page_t *page)
{
    ingest_t *in = context;
    return ledger_snapshot(in->store, cursor, page);
}

static int open_network(ingest_t *in)
{
    char reason[256] = "";
    bus_server_options_t bus = {.endpoint = in->config->bus.endpoint,
                                .curve = service_curve(&in->config->bus),
                                .store = in->store,
                                .journal = in->journal,
                                .snapshot = snapshot,
                                .failed = on_bus_failed,
                                .context = in};
    int rc = bus_server_start(service_loop(in->service), &bus, reason, &in->bus);
    if (rc == 0) {
        rc = fetch_start(&(fetch_options_t){.max_per_host = INGEST_MAX_CONNECTIONS}, &in->fetch);
    }
    if (rc != 0) {
        log_error("cannot open the network", "reason",
                  *reason != '\0' ? reason : chiso_strerror(rc), NULL);
        return rc == CHISO_E_CONFIG ? CHISO_EXIT_CONFIG : CHISO_EXIT_FAILURE;
    }
    log_info("listening", "bus", bus_server_endpoint(in->bus), NULL);
    return CHISO_EXIT_OK;
}

static int open_door(ingest_t *in)
{
    if (in->config->http == NULL) {
        return 0;
    }
    door_setup_t setup = {.config = in->config,
                          .store = in->store,
                          .journal = in->journal,
                          .archive = in->archive,
                          .intake = &in->intake,
                          .schedule = &in->schedule,
                          .replay = &in->replay,
                          .asked = &in->asked,
                          .backfills = in->backfills,
                          .tokens = &in->tokens,
                          .committed = on_door_commit,
                          .context = in};
    int rc = door_open(&setup, &in->door);
    if (rc == 0) {
        rc = service_watch(in->service, door_fd(in->door), on_door, in);
    }
    return rc == 0 ? service_every(in->service, DOOR_MS, on_door, in) : rc;
}

static void measure(void *context, metrics_t *metrics)
{
    const ingest_t *in = context;
    measure_sources(metrics, in->asked, in->schedule, in->store);
}

static int start(service_t *service, void *config, config_t *file, void **state)
{
    (void)file;
    ingest_t *in = calloc(1, sizeof *in);
    if (in == NULL) {
        return CHISO_EXIT_FAILURE;
    }
    *state = in;
    in->service = service;
    in->config = config;
    in->asked = config;
    in->tokens = in->config->tokens;
    int code = open_store(in);
    if (code == CHISO_EXIT_OK) {
        in->intake =
            (intake_t){in->store, in->journal, in->archive, in->config->units, in->config, 0};
        code = open_network(in);
    }
    if (code != CHISO_EXIT_OK) {
        return code;
    }
    int rc = schedule_new(in->config, in->store, &in->schedule);
    if (rc == 0) {
        rc = service_watch(service, fetch_fd(in->fetch), on_answer, in);
    }
    if (rc == 0) {
        rc = service_every(service, TICK_MS, on_tick, in);
    }
    if (rc == 0) {
        rc = service_every(service, TRIM_MS, on_trim, in);
    }
    if (rc == 0) {
        rc = open_door(in);
    }
    service_parts(service, &(service_parts_t){.data_dir = in->config->data_dir,
                                              .store = in->store,
                                              .journal = in->journal,
                                              .bus = in->bus});
    return rc == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FAILURE;
}

/* The sources: what is under way is dropped and asked again, what is known of a series is in the
 * store. The tokens: from the next request on, and for one whose body is still on its way. */
static int reload(void *state, void *config)
{
    ingest_t *in = state;
    const ingest_config_t *c = config;
    schedule_t *schedule = NULL;
    fetch_t *fetch = NULL;
    int rc = schedule_new(c, in->store, &schedule);
    rc = rc == 0 ? fetch_start(&(fetch_options_t){.max_per_host = INGEST_MAX_CONNECTIONS}, &fetch)
                 : rc;
    if (rc != 0) {
        schedule_destroy(&schedule);
        return rc;
    }
    service_needs_restart("data_dir", in->config->data_dir, c->data_dir);
    service_needs_restart("registry", in->config->registry, c->registry);
    service_unwatch(in->service, fetch_fd(in->fetch));
    fetch_stop(&in->fetch); /* first: its answers point at series */
    schedule_destroy(&in->schedule);
    in->fetch = fetch;
    in->schedule = schedule;
    in->asked = c;
    in->refresh_at = 0; /* fills the new schedule at once */
    in->intake.units = c->units;
    in->intake.config = c;
    in->tokens = c->tokens; /* NULL where http was taken out: then nobody is let in */
    if (service_watch(in->service, fetch_fd(fetch), on_answer, in) != 0) {
        service_quit(in->service, CHISO_EXIT_FAILURE);
    }
    service_rekey_bus(in->service, in->bus, &in->config->bus, &c->bus);
    return 0; /* what was taken over points into `config` */
}

static void stop(void *state)
{
    ingest_t *in = state;
    if (in == NULL) {
        return;
    }
    fetch_stop(&in->fetch); /* first: its answers point at series */
    replay_destroy(&in->replay);
    door_close(&in->door);
    bus_server_stop(&in->bus);
    schedule_destroy(&in->schedule);
    backfills_close(&in->backfills);
    archive_close(&in->archive);
    journal_close(&in->journal);
    store_close(&in->store);
    free(in);
}

static const char help[] =
    "NAME\n"
    "    chiso-ingest - pulls figures from their sources and journals what changed\n"
    "\n"
    "SYNOPSIS\n"
    "    chiso-ingest --config FILE [--check-config | --healthcheck]\n"
    "    chiso-ingest --help | --version\n"
    "\n"
    "DESCRIPTION\n"
    "    Asks each source at its own cadence, archives the raw bodies, compares every row with "
    "what\n"
    "    is known and writes an event for each row that changed into its journal, from which\n"
    "    chiso-scorer reads. What does not fit goes to quarantine with its bytes and the reason; "
    "the\n"
    "    last good figures stay and are marked stale after the source's limit. With http "
    "configured,\n"
    "    units hand in figures and evidence, see docs/submit.md.\n"
    "\n" SERVICE_HELP_OPTIONS
    "    SIGTERM, SIGINT  finish the current step and exit. SIGKILL at any instant loses nothing\n"
    "                     that was acknowledged.\n"
    "\n" SERVICE_HELP_EXIT "\n"
    "FILES\n"
    "    DATA_DIR/data.mdb  journal and state (LMDB)     DATA_DIR/archive/  raw bodies by "
    "SHA-256\n";

int main(int argc, char **argv)
{
    static const service_definition_t definition = {
        .name = "ingest",
        .help = help,
        .schema = &ingest_schema,
        .check = ingest_check,
        .release = ingest_release,
        .start = start,
        .stop = stop,
        .reload = reload,
        .observe_at = offsetof(ingest_config_t, observe),
        .metrics = measure_specs,
        .n_metrics = MEASURE_COUNT,
        .measure = measure,
    };
    return service_run(&definition, argc, argv);
}
