/* source.c - chiso source test: asks a source once and shows what ingest would take of it. Nothing
 * is stored or sent on. */
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

static int print_table(const ingest_source_t *source, const registry_t *units,
                       const registry_unit_t *of, period_t period, const exchange_t *exchange)
{
    static const char *const kinds[] = {"rows", "no data", "blocked", "malformed", "refused"};
    reader_context_t context = {.source = source->source,
                                .units = units,
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
    for (size_t i = 0; i < table.n_rows; i++) {
        bad += table.rows[i].rule != NULL;
        print_row(&table.rows[i]);
    }
    bool good = table.kind <= READER_NO_DATA && bad == 0;
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

static int test_series(const ingest_source_t *source, const registry_t *units,
                       const registry_unit_t *of, period_t period, fetch_t *fetch)
{
    char text[PERIOD_TEXT_SIZE];
    exchange_t *exchange;
    exchange_step_t step = EXCHANGE_MORE;
    int code = CHISO_EXIT_FAILURE;
    printf("%s %s %s\n", source->id, of != NULL ? of->code : "-", period_format(period, text));
    if (exchange_new(&source->setup, of, period, &exchange) != 0) {
        return code;
    }
    while (step == EXCHANGE_MORE) {
        int rc = exchange_send(exchange, fetch, exchange);
        if (rc != 0) {
            printf("  cannot be asked: %s\n", chiso_strerror(rc));
            break;
        }
        fetch_answer_t *answer = wait_answer(fetch);
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
        code = print_table(source, units, of, period, exchange);
    }
    exchange_destroy(&exchange);
    return code;
}

typedef struct {
    const ingest_config_t *config;
    const ingest_source_t *source;
    fetch_t *fetch;
    int code;
} test_t;

static int test_period(void *context, period_t period)
{
    test_t *t = context;
    for (unsigned i = 0; i < t->source->n_of; i++) {
        int one = test_series(t->source, t->config->units, t->source->of[i], period, t->fetch);
        t->code = t->code != CHISO_EXIT_OK ? t->code : one;
    }
    return 0;
}

static int test_source(const ingest_config_t *config, const ingest_source_t *source)
{
    fetch_t *fetch;
    if (fetch_start(&(fetch_options_t){0}, &fetch) != 0) {
        return CHISO_EXIT_FAILURE;
    }
    test_t test = {config, source, fetch, CHISO_EXIT_OK};
    for (unsigned p = 0; p < source->periods_count; p++) {
        ingest_periods(source->periods[p], clock_wall_ms(), test_period, &test);
    }
    fetch_stop(&fetch);
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
