/* parts.c - see parts.h. Memory, descriptors and processor time have the names that every
 * Prometheus client gives them (process_…); the rest is chiso_SERVICE_…, so that a name says whose
 * number it is even where labels are dropped. */
#include "service/parts.h"

#include "base/clock.h"
#include "log/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    BUILD_INFO,
    READY,
    JOURNAL_HEAD,
    JOURNAL_RECORDS,
    JOURNAL_BYTES,
    JOURNAL_UNREAD,
    UPSTREAM_CONNECTED,
    UPSTREAM_LAG_EVENTS,
    UPSTREAM_LAG_SECONDS,
    UPSTREAM_REFUSED,
    BUS_REFUSED,
    STORE_USED_BYTES,
    STORE_LIMIT_BYTES,
    STORE_USED_PAGES,
    STORE_MAP_PAGES,
    STORE_READERS,
    STORE_READER_SECONDS,
    STORE_READER_COMMITS,
    COMMIT_SECONDS,
    COMMIT_FAILURES,
    DISK_FREE_BYTES,
    RELOADS,
    DROPPED
};

static const int64_t commit_bounds[] = {100,   250,   500,    1000,   2500,   5000,   10000,
                                        25000, 50000, 100000, 250000, 500000, 1000000};

static const metric_spec_t specs[] = {
    [BUILD_INFO] = {"build_info", "Always 1; the version is the label.", METRIC_GAUGE,
                    .labels = {"version"}},
    [READY] = {"ready", "1 when /ready says yes.", METRIC_GAUGE},
    [JOURNAL_HEAD] = {"journal_head", "Number of the newest record of the service's own journal.",
                      METRIC_GAUGE},
    [JOURNAL_RECORDS] = {"journal_records", "Records that the journal holds.", METRIC_GAUGE},
    [JOURNAL_BYTES] = {"journal_bytes", "Payload that the journal holds.", METRIC_GAUGE},
    [JOURNAL_UNREAD] = {"journal_unread_records",
                        "Records that the slowest consumer of the journal has not acknowledged.",
                        METRIC_GAUGE},
    [UPSTREAM_CONNECTED] = {"upstream_connected", "1 when the producer answered within 2 s.",
                            METRIC_GAUGE},
    [UPSTREAM_LAG_EVENTS] = {"upstream_lag_events", "Events behind the producer's head.",
                             METRIC_GAUGE},
    [UPSTREAM_LAG_SECONDS] = {"upstream_lag_seconds",
                              "How long it has been behind the producer, or cut off from it.",
                              METRIC_GAUGE, .digits = 3},
    [UPSTREAM_REFUSED] = {"upstream_refused_total",
                          "Connections that the producer refused, or that have the wrong key.",
                          METRIC_COUNTER},
    [BUS_REFUSED] =
        {"bus_refused_total",
         "Connections of consumers that were refused: no key, or one that is not known.",
         METRIC_COUNTER},
    [STORE_USED_BYTES] = {"store_used_bytes", "Bytes of the store in use.", METRIC_GAUGE},
    [STORE_LIMIT_BYTES] = {"store_limit_bytes",
                           "Soft limit of the store, at which nothing more is taken in.",
                           METRIC_GAUGE},
    [STORE_USED_PAGES] = {"store_pages", "LMDB pages ever taken: the size of the file.",
                          METRIC_GAUGE},
    [STORE_MAP_PAGES] = {"store_map_pages", "LMDB pages that the map has room for.", METRIC_GAUGE},
    [STORE_READERS] = {"store_readers", "Read transactions that are open now.", METRIC_GAUGE},
    [STORE_READER_SECONDS] = {"store_oldest_reader_seconds",
                              "For how long the oldest read transaction is known to be open.",
                              METRIC_GAUGE, .digits = 3},
    [STORE_READER_COMMITS] = {"store_oldest_reader_commits",
                              "How many commits the oldest read transaction is behind.",
                              METRIC_GAUGE},
    [COMMIT_SECONDS] = {"store_commit_seconds", "Time of a commit, with its fsync.",
                        METRIC_HISTOGRAM, .digits = 6, .bounds = commit_bounds,
                        .n_bounds = sizeof commit_bounds / sizeof commit_bounds[0]},
    [COMMIT_FAILURES] = {"store_commit_failures_total", "Commits that failed.", METRIC_COUNTER},
    [DISK_FREE_BYTES] = {"disk_free_bytes", "Free bytes of the file system of the data folder.",
                         METRIC_GAUGE},
    [RELOADS] = {"config_reloads_total", "Reloads of the configuration, by their result.",
                 METRIC_COUNTER, .labels = {"result"}},
    [DROPPED] = {"metrics_dropped_series", "Label sets that found no room in a metric.",
                 METRIC_GAUGE},
};

enum { MEMORY, OPEN_FDS, MAX_FDS, CPU_SECONDS, START_TIME };
static const metric_spec_t process_specs[] = {
    [MEMORY] = {"resident_memory_bytes", "Resident memory.", METRIC_GAUGE},
    [OPEN_FDS] = {"open_fds", "Open file descriptors.", METRIC_GAUGE},
    [MAX_FDS] = {"max_fds", "Limit on open file descriptors.", METRIC_GAUGE},
    [CPU_SECONDS] = {"cpu_seconds_total", "Processor time of user and system.", METRIC_COUNTER,
                     .digits = 6},
    [START_TIME] = {"start_time_seconds", "Start, since the Unix epoch.", METRIC_GAUGE,
                    .digits = 3},
};

#define TELL_AGAIN_MS (60 * 1000)

/* How many refusals were told, and when. */
typedef struct {
    uint64_t told;
    int64_t told_at; /* monotonic; 0: never */
} refused_t;

struct parts {
    service_parts_t of;
    metrics_t *own, *process;
    char prefix[32];
    int64_t started_at; /* wall */
    int64_t cpu_micros;
    int64_t level_at; /* monotonic: when it was last not behind; 0: never yet */
    refused_t at_bus, at_upstream;
    uint64_t counted_bus, counted_upstream; /* refusals, in the metrics */
    bool told_ended;
    uint64_t oldest_txn;
    int64_t oldest_since; /* monotonic */
};

int parts_new(const char *service, parts_t **out)
{
    parts_t *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return -ENOMEM;
    }
    snprintf(p->prefix, sizeof p->prefix, "chiso_%s", service);
    p->started_at = clock_wall_ms();
    if (metrics_new(p->prefix, specs, sizeof specs / sizeof specs[0], &p->own) != 0 ||
        metrics_new("process", process_specs, sizeof process_specs / sizeof process_specs[0],
                    &p->process) != 0) {
        parts_destroy(&p);
        return -ENOMEM;
    }
    metrics_add(p->own, RELOADS, 0, "good", NULL);
    metrics_add(p->own, RELOADS, 0, "refused", NULL);
    *out = p;
    return 0;
}

void parts_destroy(parts_t **parts)
{
    if (*parts != NULL) {
        metrics_destroy(&(*parts)->own);
        metrics_destroy(&(*parts)->process);
        free(*parts);
        *parts = NULL;
    }
}

static void on_commit(void *context, int64_t micros, int code)
{
    parts_t *p = context;
    metrics_observe(p->own, COMMIT_SECONDS, micros);
    if (code != 0) {
        metrics_add(p->own, COMMIT_FAILURES, 1, NULL, NULL);
    }
}

void parts_set(parts_t *p, const service_parts_t *of)
{
    p->of = *of;
    if (of->store != NULL) {
        store_on_commit(of->store, on_commit, p);
    }
}

void parts_count_reload(parts_t *p, bool good)
{
    metrics_add(p->own, RELOADS, 1, good ? "good" : "refused", NULL);
}

static observe_check_t *new_check(observe_check_t *checks, size_t *n, const char *name, bool good)
{
    observe_check_t *c = &checks[(*n)++];
    *c = (observe_check_t){.name = name, .good = good};
    return c;
}

static void set(parts_t *p, unsigned metric, uint64_t value)
{
    metrics_set(p->own, metric, value < INT64_MAX ? (int64_t)value : INT64_MAX, NULL, NULL);
}

/* ---- what is measured ---- */

static void measure_store(parts_t *p, observe_check_t *checks, size_t *n)
{
    store_t *store = p->of.store;
    uint64_t used = store_used(store);
    uint64_t limit = store_soft_limit(store);
    store_stat_t stat;
    store_stat(store, &stat);
    int64_t now = clock_mono_ms();
    if (stat.oldest_txn != p->oldest_txn) {
        p->oldest_txn = stat.oldest_txn;
        p->oldest_since = now;
    }
    set(p, STORE_USED_BYTES, used);
    set(p, STORE_LIMIT_BYTES, limit);
    set(p, STORE_USED_PAGES, stat.pages);
    set(p, STORE_MAP_PAGES, stat.map_pages);
    set(p, STORE_READERS, stat.readers);
    set(p, STORE_READER_COMMITS, stat.oldest_reader);
    set(p, STORE_READER_SECONDS, stat.oldest_txn != 0 ? (uint64_t)(now - p->oldest_since) : 0);
    observe_check_t *c = new_check(checks, n, "store", used < limit);
    snprintf(c->detail, sizeof c->detail, "%" PRIu64 " of %" PRIu64 " bytes in use", used, limit);
}

static void measure_disk(parts_t *p, uint64_t min_free, observe_check_t *checks, size_t *n)
{
    struct statvfs fs;
    if (statvfs(p->of.data_dir, &fs) != 0) {
        return;
    }
    uint64_t bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
    set(p, DISK_FREE_BYTES, bytes);
    observe_check_t *c = new_check(checks, n, "disk", bytes >= min_free);
    snprintf(c->detail, sizeof c->detail, "%" PRIu64 " bytes free; at least %" PRIu64, bytes,
             min_free);
}

static void tell(refused_t *r, bus_refusals_t now, const char *event)
{
    int64_t at = clock_mono_ms();
    if (now.times != r->told && (r->told_at == 0 || at - r->told_at >= TELL_AGAIN_MS)) {
        log_warn(event, "times", LOG_INT((int64_t)(now.times - r->told)), "reason", now.why, NULL);
        *r = (refused_t){now.times, at};
    }
}

static void tell_refusals(parts_t *p)
{
    if (p->of.upstream != NULL) {
        tell(&p->at_upstream, bus_client_refusals(p->of.upstream), "refused by the producer");
    }
    if (p->of.bus != NULL) {
        tell(&p->at_bus, bus_server_refusals(p->of.bus), "a consumer was refused");
        if (!bus_server_guarded(p->of.bus) && !p->told_ended) {
            p->told_ended = true;
            log_error("the authenticator has ended: no consumer is let in any more", NULL);
        }
    }
}

void parts_tend(parts_t *p)
{
    tell_refusals(p);
    if (p->of.store != NULL) {
        store_release(p->of.store);
    }
}

static void measure_bus(parts_t *p, observe_check_t *checks, size_t *n)
{
    bus_refusals_t refused = bus_server_refusals(p->of.bus);
    metrics_add(p->own, BUS_REFUSED, (int64_t)(refused.times - p->counted_bus), NULL, NULL);
    p->counted_bus = refused.times;
    observe_check_t *c = new_check(checks, n, "bus", bus_server_guarded(p->of.bus));
    snprintf(c->detail, sizeof c->detail, "%s%" PRIu64 " connections refused%s%s",
             c->good ? "" : "the authenticator has ended; ", refused.times,
             refused.why != NULL ? ": " : "", refused.why != NULL ? refused.why : "");
}

static void measure_journal(parts_t *p)
{
    const journal_t *journal = p->of.journal;
    uint64_t head = journal_head(journal);
    set(p, JOURNAL_HEAD, head);
    set(p, JOURNAL_RECORDS, head + 1 - journal_first(journal));
    set(p, JOURNAL_BYTES, journal_bytes(journal));
    set(p, JOURNAL_UNREAD, head + 1 - journal_slowest(journal));
}

/* A producer that restarts must not take its consumers out of service with it: cut off or behind,
 * they are not ready only after max_behind. */
static void measure_upstream(parts_t *p, int64_t max_behind, observe_check_t *checks, size_t *n)
{
    bool connected = bus_client_connected(p->of.upstream);
    uint64_t lag = bus_client_lag(p->of.upstream);
    int64_t now = clock_mono_ms();
    bool ever = p->level_at != 0 || connected;
    if (connected && lag == 0) {
        p->level_at = now;
    } else if (connected && p->level_at == 0) {
        p->level_at = now - 1; /* behind since it was first heard of */
    }
    int64_t behind = p->level_at != 0 ? now - p->level_at : 0;
    set(p, UPSTREAM_CONNECTED, connected);
    if (ever) {
        set(p, UPSTREAM_LAG_EVENTS, lag);
        set(p, UPSTREAM_LAG_SECONDS, (uint64_t)behind);
    }
    bus_refusals_t refused = bus_client_refusals(p->of.upstream);
    metrics_add(p->own, UPSTREAM_REFUSED, (int64_t)(refused.times - p->counted_upstream), NULL,
                NULL);
    p->counted_upstream = refused.times;
    observe_check_t *c = new_check(checks, n, "upstream", ever && behind <= max_behind);
    if (!connected && refused.times > 0) {
        snprintf(c->detail, sizeof c->detail, "cut off; refused %" PRIu64 " times: %s",
                 refused.times, refused.why);
    } else if (!ever) {
        snprintf(c->detail, sizeof c->detail, "not connected yet");
    } else {
        snprintf(c->detail, sizeof c->detail, "%s, %" PRIu64 " events behind, for %" PRId64 " ms",
                 connected ? "connected" : "cut off", lag, behind);
    }
}

static unsigned open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;
    while (folder != NULL && readdir(folder) != NULL) {
        n++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return n > 3 ? n - 3 : 0; /* ".", ".." and the folder's own */
}

/* The second number of statm is resident pages. */
static int64_t resident_bytes(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    const char *second = got > 0 ? strchr(text, ' ') : NULL;
    return second != NULL ? strtoll(second + 1, NULL, 10) * sysconf(_SC_PAGESIZE) : -1;
}

static void measure_process(parts_t *p)
{
    struct rlimit limit;
    struct rusage usage;
    int64_t resident = resident_bytes();
    if (resident >= 0) {
        metrics_set(p->process, MEMORY, resident, NULL, NULL);
    }
    metrics_set(p->process, OPEN_FDS, open_descriptors(), NULL, NULL);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= INT64_MAX) {
        metrics_set(p->process, MAX_FDS, (int64_t)limit.rlim_cur, NULL, NULL);
    }
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        int64_t micros = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
                         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
        metrics_add(p->process, CPU_SECONDS, micros - p->cpu_micros, NULL, NULL);
        p->cpu_micros = micros;
    }
    metrics_set(p->process, START_TIME, p->started_at, NULL, NULL);
}

size_t parts_measure(parts_t *p, const service_observe_config_t *limits, const metrics_t *own,
                     observe_check_t checks[OBSERVE_MAX_CHECKS])
{
    size_t n = 0;
    metrics_begin(p->own);
    metrics_set(p->own, BUILD_INFO, 1, CHISO_VERSION, NULL);
    if (p->of.store != NULL) {
        measure_store(p, checks, &n);
    }
    if (p->of.data_dir != NULL) {
        measure_disk(p, limits->min_free_bytes, checks, &n);
    }
    if (p->of.journal != NULL) {
        measure_journal(p);
    }
    if (p->of.upstream != NULL) {
        measure_upstream(p, limits->max_behind_ms, checks, &n);
    }
    if (p->of.bus != NULL) {
        measure_bus(p, checks, &n);
    }
    set(p, DROPPED, metrics_dropped(own) + metrics_dropped(p->own));
    bool ready = n > 0;
    for (size_t i = 0; i < n; i++) {
        ready = ready && checks[i].good;
    }
    set(p, READY, ready);
    measure_process(p);
    metrics_end(p->own);
    return n;
}

void parts_write(const parts_t *p, buffer_t *out)
{
    metrics_write(p->own, out);
    metrics_write(p->process, out);
}
