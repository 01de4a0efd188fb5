/* source.c - chiso source test: asks a source once and shows what ingest would take of it, and
 * whether its periods add up. Nothing is stored or sent on. */
#include "asked.h"
#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "ingest/config.h"
#include "options.h"
#include "source/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static const ingest_source_t *source_named(const ingest_config_t *c, const char *name)
{
    for (unsigned i = 0; i < c->sources_count; i++) {
        if (strcmp(c->sources[i].id, name) == 0) {
            return &c->sources[i];
        }
    }
    return NULL;
}

static void print_row(const reader_row_t *row)
{
    char text[DECIMAL_TEXT_SIZE];
    if (row->rule != NULL) {
        printf("  would quarantine  %s: %s\n    %.300s\n", row->rule, row->reason, row->raw);
        return;
    }
    printf("  would take        %s %s %s\n", row->unit.code, row->period, row->unit.name);
    for (size_t i = 0; i < row->n_figures; i++) {
        printf("    %-32s %s\n", row->figures[i].id, decimal_format(row->figures[i].value, text));
    }
}

typedef struct {
    const ingest_config_t *config;
    const ingest_source_t *source;
    fetch_t *fetch;
    asked_t *asked;
    int code;
} test_t;

static int print_table(const test_t *t, const registry_unit_t *of, period_t period,
                       const exchange_t *exchange)
{
    const ingest_source_t *source = t->source;
    static const char *const kinds[] = {"rows", "no data", "blocked", "malformed", "refused"};
    reader_context_t context = {.source = source->source,
                                .units = t->config->units,
                                .of = of,
                                .wanted = source->wanted,
                                .n_wanted = source->n_wanted,
                                .period = period};
    reader_table_t table;
    int rc = reader_read(&context, exchange_pages(exchange), exchange_count(exchange), &table);
    if (rc != 0) {
        fprintf(stderr, "chiso: the answer cannot be read: %s\n", chiso_strerror(rc));
        return CHISO_EXIT_FAILURE;
    }
    printf("  %s%s%s; %zu page(s), %zu row(s), %zu of other units\n", kinds[table.kind],
           *table.reason != '\0' ? ": " : "", table.reason, exchange_count(exchange), table.n_rows,
           table.n_skipped);
    size_t bad = 0;
    size_t page;
    if (exchange_echoes(exchange, &page) > 0) {
        printf("  would quarantine  secret: page %zu gives our credentials back\n", page + 1);
        bad++;
    }
    for (size_t i = 0; i < table.n_rows; i++) {
        bad += table.rows[i].rule != NULL;
        print_row(&table.rows[i]);
    }
    bool good = table.kind <= READER_NO_DATA && bad == 0;
    if (table.kind == READER_ROWS && asked_keep(t->asked, source->source, &table) != 0) {
        fprintf(stderr, "chiso: out of memory\n");
        good = false;
    }
    reader_free(&table);
    return good ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
}

/* One answer of the fetch thread; it ends by its own time-outs. */
static fetch_answer_t *wait_answer(fetch_t *fetch)
{
    struct pollfd fd = {.fd = fetch_fd(fetch), .events = POLLIN};
    fetch_answer_t *answer = NULL;
    while (answer == NULL && (poll(&fd, 1, -1) >= 0 || errno == EINTR)) {
        answer = fetch_take(fetch);
    }
    return answer;
}

static int test_series(const test_t *t, const registry_unit_t *of, period_t period)
{
    const ingest_source_t *source = t->source;
    char text[PERIOD_TEXT_SIZE];
    exchange_t *exchange;
    exchange_step_t step = EXCHANGE_MORE;
    int code = CHISO_EXIT_FAILURE;
    printf("%s %s %s\n", source->id, of != NULL ? of->code : "-", period_format(period, text));
    if (exchange_new(&source->setup, of, period, &exchange) != 0) {
        return code;
    }
    while (step == EXCHANGE_MORE) {
        int rc = exchange_send(exchange, t->fetch, exchange);
        if (rc != 0) {
            printf("  cannot be asked: %s\n", chiso_strerror(rc));
            break;
        }
        fetch_answer_t *answer = wait_answer(t->fetch);
        step = exchange_take(exchange, answer);
        printf("  asked: %s %ld %s\n", answer->result == FETCH_ANSWERED ? "HTTP" : answer->reason,
               answer->status, answer->content_type);
        if (step == EXCHANGE_FAILED) {
            const char *fault = exchange_fault(exchange);
            printf("  failed%s%s\n", fault != NULL ? ": " : "", fault != NULL ? fault : "");
            code = CHISO_EXIT_FINDING;
        }
        fetch_answer_free(&answer);
        struct timespec pause = {.tv_nsec = 0, .tv_sec = step == EXCHANGE_MORE ? 1 : 0};
        nanosleep(&pause, NULL); /* manners: a request a second */
    }
    if (step == EXCHANGE_COMPLETE) {
        code = print_table(t, of, period, exchange);
    }
    exchange_destroy(&exchange);
    return code;
}

static int test_period(void *context, period_t period)
{
    test_t *t = context;
    for (unsigned i = 0; i < t->source->n_of; i++) {
        int one = test_series(t, t->source->of[i], period);
        t->code = t->code != CHISO_EXIT_OK ? t->code : one;
    }
    return 0;
}

static void test_periods(test_t *t, const ingest_source_t *source)
{
    t->source = source;
    for (unsigned p = 0; p < source->periods_count; p++) {
        ingest_periods(source->periods[p], clock_wall_ms(), test_period, t);
    }
}

/* Does the source have to add up to what this one, its description, tells? */
static bool has_parts_of(const source_t *whole, const source_t *source)
{
    bool found = false;
    for (unsigned i = 0; i < whole->n_spans; i++) {
        found = found || strcmp(whole->spans[i].parts_of, source->id) == 0;
    }
    return found;
}

/* Asks the sources that tell the shorter periods too, as far as the configuration has them. */
static void test_spans(test_t *t, const ingest_source_t *source)
{
    bool told = has_parts_of(source->source, source->source);
    if (source->source->n_spans == 0) {
        return;
    }
    for (unsigned i = 0; i < t->config->sources_count; i++) {
        const ingest_source_t *other = &t->config->sources[i];
        if (other != source && has_parts_of(source->source, other->source)) {
            test_periods(t, other);
            told = true;
        }
    }
    printf("%s: figures that add up over time\n", source->id);
    if (!told) {
        printf("  not compared      no source of the configuration tells the shorter periods\n");
    }
    if (asked_compare(t->asked, source->source, clock_wall_ms()) > 0) {
        t->code = t->code != CHISO_EXIT_OK ? t->code : CHISO_EXIT_FINDING;
    }
}

static int test_source(const ingest_config_t *config, const ingest_source_t *source)
{
    fetch_t *fetch;
    test_t test = {.config = config, .code = CHISO_EXIT_OK, .asked = asked_new()};
    if (test.asked == NULL || fetch_start(&(fetch_options_t){0}, &fetch) != 0) {
        asked_destroy(&test.asked);
        return CHISO_EXIT_FAILURE;
    }
    test.fetch = fetch;
    test_periods(&test, source);
    test_spans(&test, source);
    fetch_stop(&fetch);
    asked_destroy(&test.asked);
    return test.code;
}

int command_source(int argc, char **argv)
{
    const char *path = NULL;
    const option_spec_t specs[] = {{.name = "config", .value = &path}, {0}};
    int first;
    int code = options_read(argc, argv, specs, &first);
    if (code != 0) {
        return code;
    }
    if (argc - first != 2 || strcmp(argv[first], "test") != 0 || path == NULL) {
        fprintf(stderr, "chiso: expected: chiso source test --config INGEST_CONFIG NAME\n");
        return CHISO_EXIT_USAGE;
    }
    ingest_config_t *config;
    config_t *file;
    if (config_load(path, &ingest_schema, stderr, (void **)&config, &file) != 0) {
        return CHISO_EXIT_CONFIG;
    }
    code = CHISO_EXIT_CONFIG;
    if (ingest_check(config, file) == 0) {
        const ingest_source_t *source = source_named(config, argv[first + 1]);
        if (source == NULL) {
            fprintf(stderr, "chiso: %s: no source has the id '%s'\n", path, argv[first + 1]);
            code = CHISO_EXIT_USAGE;
        } else {
            code = test_source(config, source);
        }
    }
    ingest_release(config);
    config_free_data(&ingest_schema, config);
    config_destroy(&file);
    return code;
}
