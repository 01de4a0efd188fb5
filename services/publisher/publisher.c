/* publisher.c - everything out: the service around the read model.
 *
 *   bus ─▶ batch {scores, rankings} ─▶ model and journal of notices; one commit ─▶ portals, stream,
 * API
 */
#include "api/api.h"
#include "base/clock.h"
#include "base/error.h"
#include "bus/inbox.h"
#include "config.h"
#include "control.h"
#include "delivery.h"
#include "log/log.h"
#include "measure.h"
#include "model.h"
#include "plain.h"
#include "stream.h"

#include <errno.h>
#include <stdlib.h>

#define PUMP_MS 100
#define HTTP_TICK_MS 1000
#define HTTP_TURNS 64
#define KEEP_ALIVE_MS 15000
#define TRIM_MS 1000
#define TRIM_RECORDS 10000
#define LINE_TICK_MS 500
#define THIN_RECORDS 5000
#define THIN_REST_MS 600000
#define LINE_LIMIT_MS 10000
#define CONSUMER_NAME "publisher"

typedef struct {
    service_t *service;
    const publisher_config_t *config;
    const publisher_config_t *told; /* whose targets are told: the last reloaded */
    store_t *store;
    journal_t *journal;
    model_t model;
    bool model_open;
    bus_client_t *client;
    uint64_t epoch; /* the scorer's, as of the last commit */
    delivery_t *delivery;
    control_t *control;
    http_t *http;
    pages_t *pages;
    relay_t *relay;
    limit_t *limit;
    api_t api;
    int64_t started_at; /* monotonic */
    int64_t thin_at;    /* monotonic */
} publisher_t;

static void check(publisher_t *p, int rc)
{
    if (rc != 0) {
        log_error("the store failed: stopping", "reason", chiso_strerror(rc), "said",
                  store_reason(p->store), "folder", p->config->data_dir, NULL);
        service_quit(p->service, CHISO_EXIT_STORE);
    }
}

static int commit(publisher_t *p, store_txn_t **txn)
{
    journal_seal(p->journal, *txn);
    int rc = store_commit(txn);
    journal_settle(p->journal, rc == 0);
    check(p, rc);
    return rc == CHISO_E_FULL ? CHISO_E_STORE : rc;
}

/* Serves HTTP until nothing is ready any more: a client that catches up is given one buffer a turn.
 * The bound lets the other work have its turn. */
static void serve(publisher_t *p)
{
    int turns = 0;
    do {
        http_run(p->http);
    } while (++turns < HTTP_TURNS && http_timeout_ms(p->http) == 0);
}

/* Portals first: they are what the clock runs for. */
static void tell(publisher_t *p)
{
    check(p, delivery_pump(p->delivery));
    http_wake_streams(p->http);
    serve(p);
}

/* Keeps an event that cannot be taken, and goes on. */
static void bury(store_txn_t *txn, uint64_t epoch, uint64_t seq, bytes_t event, const char *reason,
                 trace_t trace)
{
    log_error("an event cannot be applied", "seq", LOG_INT(seq), "reason", reason,
              TRACE_LOG(&trace), NULL);
    inbox_bury(txn, MODEL_INBOX, epoch, seq, event, reason);
}

static int on_batch(void *context, uint64_t epoch, uint64_t first_seq, const bytes_t *events,
                    size_t n_events, uint64_t head_seq)
{
    (void)head_seq;
    publisher_t *p = context;
    if (!store_has_room(p->store)) {
        log_error("no room: waiting", "used", LOG_INT(store_used(p->store)), NULL);
        return CHISO_E_FULL;
    }
    int64_t as_of[BUS_BATCH_EVENTS];
    size_t n_scores = 0;
    store_txn_t *txn = store_write(p->store);
    for (size_t i = 0; i < n_events; i++) {
        event_in_t in;
        char reason[256] = "an event that the publisher does not take";
        int rc = event_decode(events[i], reason, &in);
        trace_t trace = rc == 0 ? event_trace(in.event) : TRACE_NONE;
        if (rc == 0) {
            if (in.event->body_case == CHISO__V1__EVENT__BODY_SCORE &&
                n_scores < BUS_BATCH_EVENTS) {
                as_of[n_scores++] = in.event->score->as_of;
            }
            rc = model_apply(&p->model, txn, epoch, in.event, false);
            event_release(&in);
        }
        if (rc == -ENOMEM) {
            store_fail(txn, rc);
        } else if (rc != 0) {
            bury(txn, epoch, first_seq + i, events[i], reason, trace);
        }
    }
    inbox_advance(txn, MODEL_INBOX, epoch, first_seq + n_events);
    int rc = commit(p, &txn);
    if (rc == 0) {
        p->epoch = epoch;
        p->model.epoch = epoch;
        tell(p);
        metrics_add(service_metrics(p->service), MEASURE_EVENTS, (int64_t)n_events, NULL, NULL);
        measure_scores(service_metrics(p->service), as_of, n_scores);
    }
    return rc;
}

static int on_snapshot(void *context, uint64_t epoch, uint64_t tail_seq, const bytes_t *events,
                       size_t n_events)
{
    publisher_t *p = context;
    event_in_t *decoded = calloc(n_events + 1, sizeof *decoded);
    if (!store_has_room(p->store) || decoded == NULL) {
        free(decoded);
        return CHISO_E_FULL;
    }
    metrics_add(service_metrics(p->service), MEASURE_SNAPSHOTS, 1, NULL, NULL);
    log_warn("took a snapshot of the scorer", "events", LOG_INT(n_events), NULL);
    store_txn_t *txn = store_write(p->store);
    size_t n = 0;
    for (size_t i = 0; i < n_events; i++) {
        char reason[256] = "";
        if (event_decode(events[i], reason, &decoded[n]) == 0) {
            model_apply(&p->model, txn, epoch, decoded[n++].event, true);
        } else {
            bury(txn, epoch, i, events[i], reason, TRACE_NONE);
        }
    }
    model_sweep(&p->model, txn, decoded, n);
    inbox_advance(txn, MODEL_INBOX, epoch, tail_seq);
    for (size_t i = 0; i < n; i++) {
        event_release(&decoded[i]);
    }
    free(decoded);
    int rc = commit(p, &txn);
    if (rc == 0) {
        p->epoch = epoch;
        p->model.epoch = epoch;
        tell(p);
    }
    return rc;
}

/* ---- timers and descriptors ---- */

static void on_delivery(void *context)
{
    publisher_t *p = context;
    check(p, delivery_answers(p->delivery));
}

static void answer_operator(void *context, bytes_t lines)
{
    const publisher_t *p = context;
    control_answer(p->control, lines);
}

static void on_control(void *context)
{
    publisher_t *p = context;
    const char *command = control_take(p->control);
    if (command != NULL) {
        check(p, delivery_command(p->delivery, command, answer_operator, p));
    }
}

static void on_pump(void *context)
{
    publisher_t *p = context;
    check(p, delivery_pump(p->delivery));
    if (http_timeout_ms(p->http) == 0) {
        serve(p);
    }
}

/* Staleness is told by ingest; when ingest itself is gone somebody else must say so. */
static void on_line(void *context)
{
    publisher_t *p = context;
    bool cut = bus_client_upstream_age(p->client) > LINE_LIMIT_MS;
    bool first = clock_mono_ms() - p->started_at < LINE_LIMIT_MS; /* the bus needs its time */
    if (cut != model_line_is_cut(&p->model) && !(cut && first)) {
        log_warn(cut ? "nothing is heard of ingest: all figures count as stale"
                     : "ingest is heard again",
                 NULL);
        store_txn_t *txn = store_write(p->store);
        model_line(&p->model, txn, cut);
        if (commit(p, &txn) == 0) {
            tell(p);
        }
    }
}

static void on_http(void *context)
{
    publisher_t *p = context;
    serve(p);
}

static void on_relay(void *context)
{
    publisher_t *p = context;
    relay_answers(p->relay);
    serve(p);
}

static void on_keep_alive(void *context)
{
    publisher_t *p = context;
    stream_keep_alive();
    http_wake_streams(p->http);
    serve(p);
}

/* A walk over all of the past, then a rest. */
static void on_thin(void *context)
{
    publisher_t *p = context;
    store_txn_t *txn = NULL;
    if (p->thin_at > clock_mono_ms()) {
        return;
    }
    if (model_thin(&p->model, clock_wall_ms(), THIN_RECORDS, &txn) > 0) {
        commit(p, &txn);
    }
    if (p->model.thin.done) {
        p->model.thin.done = false;
        p->thin_at = clock_mono_ms() + THIN_REST_MS;
    }
}

static void on_trim(void *context)
{
    publisher_t *p = context;
    if (!journal_trim_due(p->journal)) {
        return;
    }
    store_check_readers(p->store);
    store_txn_t *txn = store_write(p->store);
    journal_trim(p->journal, txn, UINT64_MAX, TRIM_RECORDS);
    commit(p, &txn);
}

/* ---- start and stop ---- */

static int open_model(publisher_t *p)
{
    store_options_t options = p->config->store_options;
    options.tables = model_tables;
    if (service_open_store(p->config->data_dir, &options, &p->store) != 0) {
        return CHISO_E_STORE;
    }
    journal_options_t journal = p->config->journal_options;
    journal.records = MODEL_JOURNAL;
    int rc = journal_open(p->store, &journal, &p->journal);
    if (rc == 0) {
        rc = model_open(&p->model, p->store, p->journal, p->config->catalog);
        p->model_open = true;
        p->model.thin.options = p->config->keep;
    }
    if (rc != 0) {
        log_error("cannot open the read model", "reason", chiso_strerror(rc), NULL);
    }
    return rc;
}

static bool connected(void *context, uint64_t *lag)
{
    const publisher_t *p = context;
    *lag = p->client != NULL ? bus_client_lag(p->client) : 0;
    return p->client != NULL && bus_client_connected(p->client);
}

static int open_out(publisher_t *p)
{
    const publisher_http_t *c = &p->config->http;
    int rc = 0;
    if (c->web != NULL) {
        rc = pages_load(c->web, &p->pages);
        if (rc != 0) {
            log_error("cannot read the page's files", "folder", c->web, "reason",
                      chiso_strerror(rc), NULL);
            return rc;
        }
        pages_fill(p->pages, PLAIN_MARK, plain_ranking, &p->model);
    }
    p->limit = limit_new(c->rate, c->burst);
    rc = p->limit == NULL ? -ENOMEM
         : p->config->ingest_api != NULL
             ? relay_start(p->config->ingest_api, p->config->ingest_token, &p->relay)
             : 0;
    if (rc != 0) {
        log_error("cannot serve", "reason", chiso_strerror(rc), NULL);
        return rc;
    }
    p->api = (api_t){.model = &p->model,
                     .catalog = p->config->catalog,
                     .pages = p->pages,
                     .connected = connected,
                     .context = p,
                     .relay = p->relay,
                     .limit = p->limit,
                     .proxies = c->proxy_networks};
    http_options_t http = {.address = c->address,
                           .port = (uint16_t)c->port,
                           .max_body = 64 * 1024,
                           .max_connections = c->max_connections,
                           .max_streams = c->max_streams,
                           .max_per_address = c->max_per_address,
                           .compress = true};
    rc = http_start(&http, api_handle, &p->api, &p->http);
    if (rc != 0) {
        log_error("cannot listen", "address", c->address, "port", LOG_INT(c->port), "reason",
                  chiso_strerror(rc), NULL);
        return rc;
    }
    rc = delivery_start(p->config, &p->model, &p->epoch, service_metrics(p->service), &p->delivery);
    if (rc != 0) {
        log_error("cannot start the deliveries", "reason", chiso_strerror(rc), NULL);
        return rc;
    }
    rc = control_start(p->config->data_dir, &p->control);
    if (rc != 0) {
        log_error("cannot listen for commands", "folder", p->config->data_dir, "reason",
                  chiso_strerror(rc), NULL);
        return rc;
    }
    log_info("listening", "address", c->address, "port", LOG_INT(http_port(p->http)), NULL);
    return rc;
}

static int open_bus(publisher_t *p)
{
    char reason[256] = "";
    bus_client_options_t client = {.endpoint = p->config->upstream.endpoint,
                                   .curve = service_curve(&p->config->upstream),
                                   .consumer = CONSUMER_NAME};
    bus_handler_t handler = {on_batch, on_snapshot, p, NULL};
    int rc = inbox_position(p->store, MODEL_INBOX, &client.epoch, &client.next_seq);
    if (rc == 0) {
        p->epoch = client.epoch;
        p->model.epoch = client.epoch;
        rc = bus_client_start(service_loop(p->service), &client, &handler, reason, &p->client);
    }
    if (rc != 0) {
        log_error("cannot join the bus", "reason", *reason != '\0' ? reason : chiso_strerror(rc),
                  NULL);
    }
    return rc;
}

static void measure(void *context, metrics_t *metrics)
{
    const publisher_t *p = context;
    measure_tables(metrics, p->store);
    metrics_set(metrics, MEASURE_SSE_CLIENTS, http_streams(p->http), NULL, NULL);
    metrics_set(metrics, MEASURE_LINE_CUT, model_line_is_cut(&p->model), NULL, NULL);
    delivery_measure(p->delivery, metrics);
}

static int start(service_t *service, void *config, config_t *file, void **state)
{
    (void)file;
    publisher_t *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return CHISO_EXIT_FAILURE;
    }
    *state = p;
    p->service = service;
    p->config = config;
    p->told = config;
    p->started_at = clock_mono_ms();
    if (open_model(p) != 0) {
        return CHISO_EXIT_STORE;
    }
    int rc = open_out(p);
    if (rc == 0) {
        rc = open_bus(p);
    }
    if (rc != 0) {
        return rc == CHISO_E_CONFIG ? CHISO_EXIT_CONFIG : CHISO_EXIT_FAILURE;
    }
    bool joined =
        service_watch(service, delivery_fd(p->delivery), on_delivery, p) == 0 &&
        service_watch(service, control_fd(p->control), on_control, p) == 0 &&
        service_watch(service, http_fd(p->http), on_http, p) == 0 &&
        service_every(service, PUMP_MS, on_pump, p) == 0 &&
        service_every(service, HTTP_TICK_MS, on_http, p) == 0 &&
        service_every(service, KEEP_ALIVE_MS, on_keep_alive, p) == 0 &&
        service_every(service, LINE_TICK_MS, on_line, p) == 0 &&
        service_every(service, TRIM_MS, on_trim, p) == 0 &&
        service_every(service, TRIM_MS, on_thin, p) == 0 &&
        (p->relay == NULL || service_watch(service, relay_fd(p->relay), on_relay, p) == 0);
    /* a portal that is new here is brought up to date before anything is new */
    check(p, delivery_pump(p->delivery));
    service_parts(service,
                  &(service_parts_t){p->config->data_dir, p->store, p->journal, p->client, NULL});
    return joined ? CHISO_EXIT_OK : CHISO_EXIT_FAILURE;
}

static int open_delivery(publisher_t *p, const publisher_config_t *config)
{
    int rc =
        delivery_start(config, &p->model, &p->epoch, service_metrics(p->service), &p->delivery);
    return rc == 0 ? service_watch(p->service, delivery_fd(p->delivery), on_delivery, p) : rc;
}

/* The targets: a request under way is repeated under the same key, as after a crash. */
static int reload(void *state, void *config)
{
    publisher_t *p = state;
    const publisher_config_t *c = config;
    service_needs_restart("data_dir", p->config->data_dir, c->data_dir);
    service_needs_restart("http.address", p->config->http.address, c->http.address);
    service_unwatch(p->service, delivery_fd(p->delivery));
    delivery_stop(&p->delivery);
    int rc = open_delivery(p, c);
    if (rc == 0) {
        p->told = c;
        service_rekey_upstream(p->client, &p->config->upstream, &c->upstream);
        if (p->relay != NULL && relay_use_token(p->relay, c->ingest_token) != 0) {
            log_error("the token for ingest was not taken", "reason", chiso_strerror(-ENOMEM),
                      NULL);
        }
        return 0;
    }
    delivery_stop(&p->delivery);
    if (open_delivery(p, p->told) != 0) {
        service_quit(p->service, CHISO_EXIT_FAILURE);
    }
    return rc;
}

static void stop(void *state)
{
    publisher_t *p = state;
    if (p == NULL) {
        return;
    }
    bus_client_stop(&p->client);
    control_stop(&p->control);
    delivery_stop(&p->delivery);
    relay_stop(&p->relay); /* first: it holds requests of it */
    http_stop(&p->http);
    limit_destroy(&p->limit);
    pages_free(&p->pages);
    if (p->model_open) {
        model_close(&p->model);
    }
    journal_close(&p->journal);
    store_close(&p->store);
    free(p);
}

static const char help[] =
    "NAME\n"
    "    chiso-publisher - pushes results to portals, serves the API, the event stream and the "
    "page\n"
    "\n"
    "SYNOPSIS\n"
    "    chiso-publisher --config FILE [--check-config | --healthcheck]\n"
    "    chiso-publisher --help | --version\n"
    "\n"
    "DESCRIPTION\n"
    "    Reads the journal of chiso-scorer into a read model. Every change is told to each\n"
    "    configured target in its own way (CloudEvents, CKAN, LGSP, NGSI-LD, files), in order and\n"
    "    under a deterministic key, until it is taken; what is refused for good is kept with the\n"
    "    reason. The read API, the event stream and the live page are served over HTTP; see\n"
    "    docs/api.md and docs/connect-a-portal.md.\n"
    "\n" SERVICE_HELP_OPTIONS
    "    SIGTERM, SIGINT  close and exit. SIGKILL at any instant loses nothing that was "
    "acknowledged;\n"
    "                     a push that was under way is repeated under the same key.\n"
    "\n" SERVICE_HELP_EXIT "\n"
    "FILES\n"
    "    DATA_DIR/data.mdb      read model, outbox, ledger and dead letters (LMDB)\n"
    "    DATA_DIR/control.sock  for chiso target; its own user and root only\n";

int main(int argc, char **argv)
{
    static const service_definition_t definition = {
        .name = "publisher",
        .help = help,
        .schema = &publisher_schema,
        .check = publisher_check,
        .release = publisher_release,
        .start = start,
        .stop = stop,
        .reload = reload,
        .observe_at = offsetof(publisher_config_t, observe),
        .metrics = measure_specs,
        .n_metrics = MEASURE_COUNT,
        .measure = measure,
    };
    return service_run(&definition, argc, argv);
}
