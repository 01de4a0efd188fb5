/* feed.c - stands in ingest's place: readings from a file of JSON lines into a journal on the bus.
 *
 *   {"unit":"86","level":"province","name":"Tỉnh Vĩnh Long","period":"2025","at":1000,
 *    "submitter":"unit:86","figures":{"population":"1500000","vl-province-2025.1.1.option":"1"}}
 *
 * A line is a reading; `parent` and `submitter` may be absent. The file is followed: what is
 * appended to it later is told as well. Everything is told with real parts, the journal and the
 * bus; only where the figures come from is made up.
 */
#include "base/error.h"
#include "event/event.h"
#include "service/service.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 20
#define MAX_FIGURES 2048

typedef struct {
    char *data_dir, *file;
    service_bus_config_t bus;
    service_observe_config_t *observe;
} config_of_feed_t;

typedef struct {
    service_t *service;
    store_t *store;
    journal_t *journal;
    bus_server_t *server;
    FILE *lines;
    uint32_t n_lines;
    store_txn_t *txn;
} feed_t;

static const char *const tables[] = {JOURNAL_TABLES, NULL};

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("data_dir", CYAML_FLAG_POINTER, config_of_feed_t, data_dir, 1, 4096),
    CYAML_FIELD_STRING_PTR("file", CYAML_FLAG_POINTER, config_of_feed_t, file, 1, 4096),
    CYAML_FIELD_MAPPING("bus", CYAML_FLAG_DEFAULT, config_of_feed_t, bus, service_bus_fields),
    SERVICE_OBSERVE_FIELD(config_of_feed_t),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, config_of_feed_t, fields),
};

static char *text_of(const json_t *json, const char *key)
{
    return (char *)(uintptr_t)json_string_value(json_object_get(json, key));
}

/* The line as a reading; false when it is none. */
static bool tell(feed_t *f, json_t *json)
{
    static event_figure_t figures[MAX_FIGURES];
    static event_figure_t *list[MAX_FIGURES];
    static uint8_t hash[SHA256_SIZE];
    const char *id;
    json_t *value;
    event_unit_t unit = CHISO__V1__UNIT__INIT;
    event_reading_t reading = CHISO__V1__READING__INIT;
    unit.code = text_of(json, "unit");
    unit.name = text_of(json, "name");
    unit.parent = text_of(json, "parent");
    reading.period = text_of(json, "period");
    const char *level = text_of(json, "level");
    if (unit.code == NULL || unit.name == NULL || reading.period == NULL || level == NULL) {
        return false;
    }
    unit.level = event_level_of(level);
    reading.unit = &unit;
    reading.figures = list;
    json_object_foreach(json_object_get(json, "figures"), id, value)
    {
        event_figure_t *to = &figures[reading.n_figures];
        if (reading.n_figures == MAX_FIGURES || !json_is_string(value)) {
            return false;
        }
        *to = (event_figure_t)CHISO__V1__FIGURE__INIT;
        to->id = (char *)(uintptr_t)id;
        to->value = (char *)(uintptr_t)json_string_value(value);
        to->source = (char *)(uintptr_t) "feed";
        to->series = (char *)(uintptr_t) "feed";
        to->submitter = text_of(json, "submitter");
        to->fetched_at = json_integer_value(json_object_get(json, "at"));
        to->revision = f->n_lines;
        to->raw_sha256 = (ProtobufCBinaryData){SHA256_SIZE, hash};
        list[reading.n_figures++] = to;
    }
    buffer_t event = BUFFER_INIT(EVENT_MAX_BYTES);
    event_put_reading(&reading, &event);
    bool good = !event.failed;
    if (good) {
        journal_append(f->journal, f->txn, buffer_bytes(&event));
    }
    buffer_free(&event);
    return good;
}

static void take_line(feed_t *f, const char *line, size_t len)
{
    json_error_t error;
    json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
    f->n_lines++;
    if (f->txn == NULL) {
        f->txn = store_write(f->store);
    }
    if (!tell(f, json)) {
        fprintf(stderr, "feed:%u: no reading; expected unit, level, name, period, figures\n",
                f->n_lines);
        service_quit(f->service, CHISO_EXIT_USAGE);
    }
    json_decref(json);
}

/* Tells what the file holds by now; a line without its end is for the next time. */
static void follow(void *context)
{
    feed_t *f = context;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    long at = ftell(f->lines);
    clearerr(f->lines);
    while ((len = getline(&line, &room, f->lines)) > 0 && line[len - 1] == '\n') {
        take_line(f, line, (size_t)len);
        at = ftell(f->lines);
    }
    free(line);
    if (fseek(f->lines, at, SEEK_SET) != 0) {
        service_quit(f->service, CHISO_EXIT_FAILURE);
    }
    if (f->txn == NULL) {
        return;
    }
    journal_seal(f->journal, f->txn);
    int rc = store_commit(&f->txn);
    journal_settle(f->journal, rc == 0);
    if (rc != 0) {
        service_quit(f->service, CHISO_EXIT_STORE);
    } else if (f->server != NULL) {
        bus_server_announce(f->server);
    }
}

/* ---- the snapshot: everything that was told ---- */

static bool give(void *context, uint64_t seq, bytes_t payload)
{
    bus_page_t *page = context;
    uint8_t cursor[8];
    if (bus_page_full(page)) {
        be64_put(cursor, seq);
        bus_page_continue(page, bytes_of(cursor, sizeof cursor));
        return false;
    }
    bus_page_add(page, payload);
    return true;
}

static int give_snapshot(void *context, bytes_t cursor, bus_page_t *page)
{
    feed_t *f = context;
    store_txn_t *txn = store_read(f->store);
    int rc = journal_read(f->journal, txn, cursor.len == 8 ? be64_get(cursor.data) : 1, give, page);
    store_abort(&txn);
    return rc < 0 ? rc : 0;
}

static void on_failed(void *context)
{
    feed_t *f = context;
    service_quit(f->service, CHISO_EXIT_STORE);
}

static int start(service_t *service, void *config, config_t *file, void **state)
{
    (void)file;
    const config_of_feed_t *c = config;
    char reason[256] = "";
    feed_t *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return CHISO_EXIT_FAILURE;
    }
    *state = f;
    f->service = service;
    f->lines = fopen(c->file, "re");
    store_options_t options = {.tables = tables};
    if (f->lines == NULL || service_open_store(c->data_dir, &options, &f->store) != 0 ||
        journal_open(f->store, &(journal_options_t){.records = 0}, &f->journal) != 0) {
        return CHISO_EXIT_STORE;
    }
    bus_server_options_t server = {.endpoint = c->bus.endpoint,
                                   .store = f->store,
                                   .journal = f->journal,
                                   .snapshot = give_snapshot,
                                   .failed = on_failed,
                                   .context = f};
    if (bus_server_start(service_loop(service), &server, reason, &f->server) != 0) {
        fprintf(stderr, "feed: %s\n", reason);
        return CHISO_EXIT_FAILURE;
    }
    return service_every(service, TICK_MS, follow, f) == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FAILURE;
}

static void stop(void *state)
{
    feed_t *f = state;
    if (f == NULL) {
        return;
    }
    bus_server_stop(&f->server);
    store_abort(&f->txn);
    journal_close(&f->journal);
    store_close(&f->store);
    if (f->lines != NULL) {
        fclose(f->lines);
    }
    free(f);
}

static int check(void *config, config_t *file)
{
    config_of_feed_t *c = config;
    service_check_bus(&c->bus, file, "bus", true);
    return config_errors(file) == 0 ? 0 : CHISO_E_CONFIG;
}

static void release(void *config)
{
    (void)config;
}

int main(int argc, char **argv)
{
    static const service_definition_t definition = {
        .name = "feed",
        .help = "chiso-feed --config FILE: readings from JSON lines, for the tests\n",
        .schema = &schema,
        .check = check,
        .release = release,
        .start = start,
        .stop = stop,
        .observe_at = offsetof(config_of_feed_t, observe),
    };
    return service_run(&definition, argc, argv);
}
