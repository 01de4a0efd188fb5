/* observe.c - see observe.h. The loop never waits for a scrape and a scrape never for the loop:
 * they share one copy of the text and of the checks under a lock that is held for a memcpy. */
#include "service/observe.h"

#include "base/clock.h"
#include "http/http.h"
#include "json/json.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_CONNECTIONS 64
#define MAX_BODY 1024

struct observe {
    const service_observe_config_t *config;
    const char *service;
    http_t *http;
    int stop_fd;
    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock; /* guards what follows */
    observe_state_t state;
    int64_t heard_at; /* monotonic; 0: not yet */
    buffer_t metrics;
    observe_check_t checks[OBSERVE_MAX_CHECKS];
    size_t n_checks;
};

/* What /live and /ready are answered from. */
typedef struct {
    observe_state_t state;
    int64_t age;
    observe_check_t checks[OBSERVE_MAX_CHECKS];
    size_t n_checks;
    bool live, ready;
} health_t;

static void read_health(observe_t *o, health_t *out)
{
    pthread_mutex_lock(&o->lock);
    out->state = o->state;
    out->age = o->heard_at != 0 ? clock_mono_ms() - o->heard_at : -1;
    out->n_checks = o->n_checks;
    memcpy(out->checks, o->checks, sizeof out->checks);
    pthread_mutex_unlock(&o->lock);
    /* opening a large store and closing one may take longer than a turn may */
    bool turning = out->age >= 0 && out->age <= o->config->heartbeat_ms;
    out->live = out->state != OBSERVE_RUNNING || turning;
    out->ready = out->state == OBSERVE_RUNNING && turning;
    for (size_t i = 0; i < out->n_checks; i++) {
        out->ready = out->ready && out->checks[i].good;
    }
}

static void answer_health(observe_t *o, http_request_t *request, bool readiness)
{
    static const char *const states[] = {"starting", "running", "draining"};
    health_t health;
    read_health(o, &health);
    bool good = readiness ? health.ready : health.live;
    buffer_t body = BUFFER_INIT(16 * 1024);
    jw_t j = jw_to(&body);
    jw_object(&j);
    jw_put_flag(&j, readiness ? "ready" : "live", good);
    jw_put_text(&j, "service", o->service);
    jw_put_text(&j, "version", CHISO_VERSION);
    jw_put_text(&j, "state", states[health.state]);
    jw_key(&j, "heartbeat_age_ms");
    if (health.age >= 0) {
        jw_whole(&j, health.age);
    } else {
        jw_null(&j);
    }
    if (readiness) {
        jw_put_array(&j, "checks");
        for (size_t i = 0; i < health.n_checks; i++) {
            jw_object(&j);
            jw_put_text(&j, "name", health.checks[i].name);
            jw_put_flag(&j, "good", health.checks[i].good);
            jw_put_text(&j, "detail", health.checks[i].detail);
            jw_object_end(&j);
        }
        jw_array_end(&j);
    }
    jw_object_end(&j);
    http_set_header(request, "Cache-Control", "no-store");
    http_reply(request, good ? 200 : 503, "application/json", buffer_bytes(&body));
    buffer_free(&body);
}

static void answer_metrics(observe_t *o, http_request_t *request)
{
    pthread_mutex_lock(&o->lock);
    http_reply(request, o->metrics.len > 0 ? 200 : 503, METRICS_CONTENT_TYPE,
               buffer_bytes(&o->metrics));
    pthread_mutex_unlock(&o->lock);
}

static void on_request(http_request_t *request, void *context)
{
    observe_t *o = context;
    const char *path = http_path(request);
    if (strcmp(http_method(request), "GET") != 0) {
        http_set_header(request, "Allow", "GET, HEAD");
        http_reply_problem(request, 405, "expected GET");
    } else if (strcmp(path, "/metrics") == 0) {
        answer_metrics(o, request);
    } else if (strcmp(path, "/live") == 0 || strcmp(path, "/ready") == 0) {
        answer_health(o, request, path[1] == 'r');
    } else {
        http_reply_problem(request, 404, "expected /metrics, /live or /ready");
    }
}

static void *serve(void *context)
{
    observe_t *o = context;
    struct pollfd fds[] = {{.fd = o->stop_fd, .events = POLLIN},
                           {.fd = http_fd(o->http), .events = POLLIN}};
    while (fds[0].revents == 0) {
        int wait = http_timeout_ms(o->http);
        if (poll(fds, 2, wait < 0 || wait > 1000 ? 1000 : wait) < 0 && errno != EINTR) {
            break;
        }
        http_run(o->http);
    }
    return NULL;
}

const char *observe_address(const service_observe_config_t *config)
{
    return config->address != NULL ? config->address : "127.0.0.1";
}

bool observe_url(const service_observe_config_t *config, char out[OBSERVE_URL_SIZE])
{
    if (config == NULL || config->port == 0) {
        return false;
    }
    const char *address = observe_address(config);
    if (strcmp(address, "0.0.0.0") == 0) {
        address = "127.0.0.1";
    } else if (strcmp(address, "::") == 0) {
        address = "::1";
    }
    bool v6 = strchr(address, ':') != NULL;
    snprintf(out, OBSERVE_URL_SIZE, "http://%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "",
             config->port);
    return true;
}

int observe_start(const service_observe_config_t *config, const char *service, observe_t **out)
{
    observe_t *o = calloc(1, sizeof *o);
    if (o == NULL) {
        return -ENOMEM;
    }
    o->config = config;
    o->service = service;
    o->metrics = (buffer_t)BUFFER_INIT(METRICS_TEXT_MAX);
    pthread_mutex_init(&o->lock, NULL);
    http_options_t options = {.address = observe_address(config),
                              .port = (uint16_t)config->port,
                              .max_body = MAX_BODY,
                              .max_connections = MAX_CONNECTIONS};
    o->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = o->stop_fd < 0 ? -errno : http_start(&options, on_request, o, &o->http);
    if (rc == 0) {
        rc = -pthread_create(&o->thread, NULL, serve, o);
        o->threaded = rc == 0;
    }
    if (rc != 0) {
        observe_stop(&o);
        return rc;
    }
    *out = o;
    return 0;
}

void observe_stop(observe_t **observe)
{
    observe_t *o = *observe;
    if (o == NULL) {
        return;
    }
    if (o->threaded) {
        eventfd_write(o->stop_fd, 1);
        pthread_join(o->thread, NULL);
    }
    http_stop(&o->http);
    if (o->stop_fd >= 0) {
        close(o->stop_fd);
    }
    pthread_mutex_destroy(&o->lock);
    buffer_free(&o->metrics);
    free(o);
    *observe = NULL;
}

uint16_t observe_port(const observe_t *observe)
{
    return http_port(observe->http);
}

void observe_tell(observe_t *observe, bytes_t metrics, const observe_check_t *checks, size_t n)
{
    pthread_mutex_lock(&observe->lock);
    observe->heard_at = clock_mono_ms();
    buffer_clear(&observe->metrics);
    buffer_append(&observe->metrics, metrics.data, metrics.len);
    observe->n_checks = n < OBSERVE_MAX_CHECKS ? n : OBSERVE_MAX_CHECKS;
    memcpy(observe->checks, checks, observe->n_checks * sizeof *checks);
    pthread_mutex_unlock(&observe->lock);
}

void observe_set_state(observe_t *observe, observe_state_t state)
{
    if (observe != NULL) {
        pthread_mutex_lock(&observe->lock);
        observe->state = state;
        pthread_mutex_unlock(&observe->lock);
    }
}
