/* status.c - chiso status and chiso top: the whole system on one screen, from the /metrics of the
 * services. Nothing but those is asked, so it works from any machine that may scrape them. Where
 * they are is said by addresses, or by the services' own configurations. */
#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "fetch/once.h"
#include "ingest/config.h"
#include "options.h"
#include "publisher/config.h"
#include "scorer/config.h"
#include "service/observe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define TOP_SECONDS 2
#define MAX_LINES 40 /* of one metric */

#define N_SERVICES 3
static const struct {
    const char *name;
    const cyaml_schema_value_t *schema;
    size_t observe_at; /* in its configuration */
} services[N_SERVICES] = {
    {"ingest", &ingest_schema, offsetof(ingest_config_t, observe)},
    {"scorer", &scorer_schema, offsetof(scorer_config_t, observe)},
    {"publisher", &publisher_schema, offsetof(publisher_config_t, observe)},
};

/* The text between a metric's name and its value, from line to line: NULL when there is no more.
 * *labels is "" or "{a=\"b\"}". */
static const char *next_sample(const char *text, const char *name, const char **labels, int *n,
                               const char **value, int *n_value)
{
    size_t len = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';
         line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL) {
        size_t whole = strcspn(line, "\n");
        if (strncmp(line, name, len) != 0 || (line[len] != ' ' && line[len] != '{')) {
            continue;
        }
        size_t space = whole;
        while (space > len && line[space - 1] != ' ') {
            space--;
        }
        *labels = line + len;
        *n = (int)(space - 1 - len);
        *value = line + space;
        *n_value = (int)(whole - space);
        return line + whole;
    }
    return NULL;
}

static void print_one(const char *text, const char *service, const char *noun, const char *title)
{
    char name[96];
    const char *labels;
    const char *value;
    int n;
    int n_value;
    snprintf(name, sizeof name, "chiso_%s_%s", service, noun);
    if (next_sample(text, name, &labels, &n, &value, &n_value) != NULL) {
        printf("  %s %.*s", title, n_value, value);
    }
}

static void print_all(const char *text, const char *name, const char *title)
{
    const char *labels;
    const char *value;
    int n;
    int n_value;
    int lines = 0;
    for (const char *at = text; lines < MAX_LINES; lines++) {
        at = next_sample(at, name, &labels, &n, &value, &n_value);
        if (at == NULL) {
            break;
        }
        printf("    %-28s %.*s  %.*s\n", title, n, labels, n_value, value);
        at += *at == '\n' ? 1 : 0;
    }
}

static void print_details(const char *text, const char *service)
{
    static const char *const rows[][3] = {
        {"ingest", "chiso_ingest_source_age_seconds", "oldest series, s"},
        {"ingest", "chiso_ingest_source_stale_series", "stale series"},
        {"ingest", "chiso_ingest_source_unread_series", "series never read"},
        {"ingest", "chiso_ingest_source_outcome_series", "series by outcome"},
        {"ingest", "chiso_ingest_quarantine_entries", "in quarantine"},
        {"scorer", "chiso_scorer_results", "results"},
        {"scorer", "chiso_scorer_buried_events", "events put aside"},
        {"publisher", "chiso_publisher_results", "results"},
        {"publisher", "chiso_publisher_sse_clients", "event streams"},
        {"publisher", "chiso_publisher_line_cut", "cut off from ingest"},
        {"publisher", "chiso_publisher_target_behind_notices", "target behind, notices"},
        {"publisher", "chiso_publisher_target_failures", "target failures in a row"},
        {"publisher", "chiso_publisher_deliveries_total", "deliveries"},
        {"publisher", "chiso_publisher_dead_letters", "dead letters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], service) == 0) {
            print_all(text, rows[i][1], rows[i][2]);
        }
    }
}

/* True when it is ready. */
static bool print_service(const char *service, const fetch_answer_t *answer)
{
    bool told = answer != NULL && answer->result == FETCH_ANSWERED && answer->status == 200;
    if (!told) {
        printf("%-10s does not answer%s%s\n", service, answer != NULL ? ": " : "",
               answer != NULL ? answer->reason : "");
        return false;
    }
    buffer_t copy = BUFFER_INIT(16 * 1024 * 1024);
    buffer_append(&copy, answer->body.data, answer->body.len);
    const char *text = buffer_text(&copy);
    char name[96];
    snprintf(name, sizeof name, "\nchiso_%s_ready 1\n", service);
    bool ready = text != NULL && strstr(text, name) != NULL;
    printf("%-10s %s", service, ready ? "ready    " : "NOT READY");
    if (text != NULL) {
        print_one(text, service, "journal_head", "journal");
        print_one(text, service, "upstream_lag_events", "behind");
        print_one(text, service, "upstream_lag_seconds", "for s");
        print_one(text, service, "store_used_bytes", "store");
        print_one(text, service, "store_limit_bytes", "of");
        printf("\n");
        print_details(text, service);
    }
    buffer_free(&copy);
    return ready;
}

static int show(const char *const urls[N_SERVICES])
{
    static const fetch_policy_t policy = {
        .allow_http = true, .allow_networks = fetch_anywhere, .timeout_ms = 5000};
    fetch_request_t requests[N_SERVICES] = {0};
    fetch_answer_t *answers[N_SERVICES] = {0};
    const char *names[N_SERVICES];
    char url[N_SERVICES][512];
    size_t n = 0;
    for (size_t i = 0; i < N_SERVICES; i++) {
        if (urls[i] != NULL) {
            snprintf(url[n], sizeof url[n], "%s/metrics", urls[i]);
            names[n] = services[i].name;
            requests[n] = (fetch_request_t){.method = "GET", .url = url[n], .policy = &policy};
            n++;
        }
    }
    int rc = fetch_once(requests, n, answers);
    int code = CHISO_EXIT_OK;
    for (size_t i = 0; i < n; i++) {
        code = print_service(names[i], answers[i]) ? code : CHISO_EXIT_FINDING;
        fetch_answer_free(&answers[i]);
    }
    if (rc != 0) {
        fprintf(stderr, "chiso: cannot ask: %s\n", chiso_strerror(rc));
        return CHISO_EXIT_USAGE;
    }
    return code;
}

/* ---- where to ask ---- */

typedef struct {
    const char *url[N_SERVICES];
    char found[N_SERVICES][OBSERVE_URL_SIZE]; /* room for those of configurations */
} places_t;

/* Of the file as the configuration of one service; what is wrong with it goes to `errors`. */
static int read_as(size_t service, const char *path, FILE *errors, char url[OBSERVE_URL_SIZE])
{
    void *data;
    config_t *file;
    int rc = config_load(path, services[service].schema, errors, &data, &file);
    if (rc != 0) {
        return rc;
    }
    const void *at = (const char *)data + services[service].observe_at;
    if (!observe_url(*(const service_observe_config_t *const *)at, url)) {
        rc = config_error(file, "observe", "says no port; expected the one where to ask");
    }
    config_free_data(services[service].schema, data);
    config_destroy(&file);
    return rc;
}

static unsigned count_lines(const char *text)
{
    unsigned n = 0;
    for (; text != NULL && *text != '\0'; text++) {
        n += *text == '\n';
    }
    return n;
}

/* A configuration does not say whose it is: it is the service's whose schema it fits. When it fits
 * none, what is told is what the nearest found wrong. */
static bool read_config(const char *path, places_t *places)
{
    char *said[N_SERVICES] = {NULL};
    size_t nearest = 0;
    bool found = false;
    for (size_t i = 0; i < N_SERVICES && !found; i++) {
        char url[OBSERVE_URL_SIZE];
        size_t size;
        FILE *errors = open_memstream(&said[i], &size);
        if (errors == NULL) {
            break;
        }
        found = read_as(i, path, errors, url) == 0;
        fclose(errors);
        if (found && places->url[i] == NULL) {
            memcpy(places->found[i], url, sizeof url);
            places->url[i] = places->found[i];
        }
        nearest = count_lines(said[i]) < count_lines(said[nearest]) ? i : nearest;
    }
    if (!found) {
        fputs(said[nearest] != NULL ? said[nearest] : "chiso: out of memory\n", stderr);
    }
    for (size_t i = 0; i < N_SERVICES; i++) {
        free(said[i]);
    }
    return found;
}

static int read_places(int argc, char **argv, places_t *out)
{
    const char *configs[OPTIONS_MAX_REPEATED];
    unsigned n = 0;
    const option_spec_t specs[] = {{.name = services[0].name, .value = &out->url[0]},
                                   {.name = services[1].name, .value = &out->url[1]},
                                   {.name = services[2].name, .value = &out->url[2]},
                                   {.name = "config", .values = configs, .n_values = &n},
                                   {0}};
    int first;
    int code = options_read(argc, argv, specs, &first);
    for (unsigned i = 0; code == 0 && i < n; i++) {
        code = read_config(configs[i], out) ? 0 : CHISO_EXIT_CONFIG;
    }
    if (code == 0 &&
        (first < argc || (out->url[0] == NULL && out->url[1] == NULL && out->url[2] == NULL))) {
        fprintf(stderr,
                "usage: chiso %s [--config FILE]... [--ingest URL] [--scorer URL] [--publisher "
                "URL]\n",
                argv[0]);
        code = CHISO_EXIT_USAGE;
    }
    return code;
}

int command_status(int argc, char **argv)
{
    places_t places = {0};
    int code = read_places(argc, argv, &places);
    return code != 0 ? code : show(places.url);
}

/* ---- top: the screen of the terminal, which is given back as it was ---- */

static struct termios terminal_before;
static bool on_terminal;

/* The other screen, no cursor, and keys as they are pressed. */
static void take_terminal(void)
{
    on_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
                  tcgetattr(STDIN_FILENO, &terminal_before) == 0;
    if (on_terminal) {
        struct termios raw = terminal_before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        printf("\033[?1049h\033[?25l");
    }
}

static void give_terminal_back(void)
{
    if (on_terminal) {
        printf("\033[?25h\033[?1049l");
        fflush(stdout);
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
    }
}

/* True when the time is over; false: a signal, or q. */
static bool wait_for_next(int signals)
{
    struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
                           {.fd = on_terminal ? STDIN_FILENO : -1, .events = POLLIN}};
    int64_t end = clock_mono_ms() + TOP_SECONDS * 1000;
    int64_t left;
    while ((left = end - clock_mono_ms()) > 0) {
        if (poll(fds, 2, (int)left) > 0) {
            char key = 'q'; /* a terminal that is gone ends it as well */
            if (fds[0].revents != 0 || read(STDIN_FILENO, &key, 1) <= 0 || key == 'q') {
                return false;
            }
        }
    }
    return true;
}

int command_top(int argc, char **argv)
{
    places_t places = {0};
    int code = read_places(argc, argv, &places);
    if (code != 0) {
        return code;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals < 0) {
        fprintf(stderr, "chiso: %s\n", strerror(errno));
        return CHISO_EXIT_FAILURE;
    }
    take_terminal();
    do {
        char now[CLOCK_ISO_SIZE];
        printf("%s%s\n", on_terminal ? "\033[H\033[2J" : "", clock_iso(clock_wall_ms(), now));
        if (show(places.url) == CHISO_EXIT_USAGE || fflush(stdout) != 0) {
            code = CHISO_EXIT_FAILURE;
        }
    } while (code == 0 && wait_for_next(signals));
    give_terminal_back();
    close(signals);
    return code;
}
