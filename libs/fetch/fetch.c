/* fetch.c - see fetch.h.
 *
 * One thread owns every curl handle; the rest of the program meets it at two lists under one mutex.
 * A submit wakes the thread out of curl_multi_poll at once, an answer makes an eventfd readable.
 *
 * What waits does so here, in one list per host, and not inside curl: curl's own pending list lets
 * a slow host fill every slot, and counts the wait against the request's time-out. So a request is
 * handed to curl only when its host has a connection to spare (or was seen to speak HTTP/2, where
 * one connection carries many), and the hosts take turns: each that had one goes to the end of the
 * line. What waits is bounded by max_queued, what
 * runs by max_running, and nothing is begun while max_running answers wait to be taken, so that an
 * owner who stopped listening does not fill the memory.
 */
#include "fetch/fetch.h"

#include "base/clock.h"
#include "fetch/host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#ifndef CHISO_VERSION
#define CHISO_VERSION "dev"
#endif

#define DEFAULT_RUNNING 64
#define DEFAULT_PER_HOST 2
#define DEFAULT_QUEUED 4096
#define STREAMS_PER_CONNECTION 16 /* requests at once over one HTTP/2 connection */
#define POLL_MS 1000

/* A handle, and the request on it. The first n_running of them are under way. */
typedef struct {
    CURL *easy;
    transfer_t *transfer;
} slot_t;

struct fetch {
    pthread_t thread;
    int event_fd;
    unsigned max_running;
    unsigned max_per_host;
    unsigned max_queued;
    char *user_agent;
    CURLM *multi; /* only curl_multi_wakeup from outside the thread */

    pthread_mutex_t lock; /* guards from here ... */
    transfer_list_t submitted;
    unsigned n_queued; /* submitted, or waiting at a host */
    transfer_list_t answered;
    unsigned n_answered;
    bool stopping; /* ... to here */

    slot_t *slots;
    unsigned n_running;
    fetch_hosts_t hosts;
};

static void give_answer(fetch_t *f, transfer_t *t)
{
    pthread_mutex_lock(&f->lock);
    transfer_list_push(&f->answered, t);
    f->n_answered++;
    if (f->n_answered == 1) {
        eventfd_write(f->event_fd, 1);
    }
    pthread_mutex_unlock(&f->lock);
}

/* Moves what was submitted to the lines of its hosts. Returns how many more requests may begin, or
 * -1 to stop. */
static int take_in(fetch_t *f)
{
    pthread_mutex_lock(&f->lock);
    transfer_list_t taken = f->submitted;
    if (taken.head != NULL) {
        transfer_list_init(&f->submitted);
    }
    bool held = f->n_answered >= f->max_running; /* until the owner takes some */
    bool stopping = f->stopping;
    pthread_mutex_unlock(&f->lock);
    transfer_t *next;
    for (transfer_t *t = taken.head; t != NULL; t = next) {
        next = t->next;
        t->host = fetch_hosts_find(&f->hosts, t->request.origin);
        if (t->host != NULL) {
            transfer_list_push(&t->host->waiting, t);
            continue;
        }
        pthread_mutex_lock(&f->lock);
        f->n_queued--;
        pthread_mutex_unlock(&f->lock);
        transfer_fail(t, "out of memory");
        give_answer(f, t);
    }
    if (stopping) {
        return -1;
    }
    return held ? 0 : (int)(f->max_running - f->n_running);
}

static void begin(fetch_t *f, transfer_t *t)
{
    pthread_mutex_lock(&f->lock);
    f->n_queued--;
    pthread_mutex_unlock(&f->lock);
    slot_t *slot = &f->slots[f->n_running];
    t->answer->sent_at = clock_wall_ms();
    if (!transfer_is_allowed(t)) {
        give_answer(f, t);
        return;
    }
    if (slot->easy == NULL) {
        slot->easy = curl_easy_init();
    }
    if (slot->easy == NULL || !transfer_set_up(t, slot->easy, f->user_agent) ||
        curl_multi_add_handle(f->multi, slot->easy) != CURLM_OK) {
        if (slot->easy != NULL) {
            transfer_take_off(slot->easy);
        }
        transfer_fail(t, "out of memory");
        give_answer(f, t);
        return;
    }
    slot->transfer = t;
    t->host->running++;
    f->n_running++;
}

static bool host_may_begin(const fetch_t *f, const fetch_host_t *host)
{
    unsigned limit = f->max_per_host * (host->multiplexed ? STREAMS_PER_CONNECTION : 1);
    if (host->unreachable) {
        limit = 1; /* else several such hosts, each waiting to connect, are all that runs */
    }
    return host->running < limit;
}

/* The first host that may begin a request, moved to the end of the line; NULL when none may. */
static fetch_host_t *next_turn(fetch_t *f)
{
    for (fetch_host_t *host = f->hosts.first; host != NULL; host = host->next) {
        if (host->waiting.head != NULL && host_may_begin(f, host)) {
            fetch_hosts_to_end(&f->hosts, host);
            return host;
        }
    }
    return NULL;
}

/* Begins up to `room` waiting requests, one a host and turn. Returns whether more could begin at
 * once, since some were answered unsent. */
static bool begin_waiting(fetch_t *f, int room)
{
    fetch_host_t *host;
    bool any = false;
    while (room > 0 && (host = next_turn(f)) != NULL) {
        begin(f, transfer_list_pop(&host->waiting));
        any = true;
        room--;
    }
    return any && room == 0 && f->n_running < f->max_running;
}

static void finish(fetch_t *f, CURL *easy, CURLcode code)
{
    unsigned i = 0;
    while (f->slots[i].easy != easy) {
        i++;
    }
    slot_t done = f->slots[i];
    transfer_t *t = done.transfer;
    long version = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    if (version != 0) {
        t->host->multiplexed = version >= CURL_HTTP_VERSION_2_0;
    }
    t->host->unreachable = !transfer_finish(t, easy, code);
    curl_multi_remove_handle(f->multi, easy);
    transfer_take_off(easy); /* it must not point into the request any more */
    t->host->running--;
    t->host = NULL;
    f->n_running--;
    done.transfer = NULL;
    f->slots[i] = f->slots[f->n_running];
    f->slots[f->n_running] = done;
    give_answer(f, t);
}

/* Hands over what curl has finished. Returns whether that was anything. */
static bool collect(fetch_t *f)
{
    bool any = false;
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(f->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            finish(f, message->easy_handle, message->data.result);
            any = true;
        }
    }
    return any;
}

static void *run(void *context)
{
    fetch_t *f = context;
    int room;
    while ((room = take_in(f)) >= 0) {
        bool more = begin_waiting(f, room);
        int running;
        CURLMcode code = curl_multi_perform(f->multi, &running);
        if (collect(f) || more) {
            continue; /* there is room for others now */
        }
        if (code == CURLM_OK) {
            code = curl_multi_poll(f->multi, NULL, 0, POLL_MS, NULL);
        }
        if (code != CURLM_OK) {
            /* only memory can be short; do not spin until there is some */
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        }
    }
    return NULL;
}

static CURLcode global_code;

static void init_curl(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Everything but the thread. */
static void destroy(fetch_t *f)
{
    for (unsigned i = 0; f->slots != NULL && i < f->max_running; i++) {
        if (f->slots[i].transfer != NULL) {
            curl_multi_remove_handle(f->multi, f->slots[i].easy);
        }
        curl_easy_cleanup(f->slots[i].easy);
        transfer_destroy(&f->slots[i].transfer);
    }
    curl_multi_cleanup(f->multi);
    fetch_hosts_free(&f->hosts);
    transfer_list_free(&f->submitted);
    transfer_list_free(&f->answered);
    if (f->event_fd >= 0) {
        close(f->event_fd);
    }
    pthread_mutex_destroy(&f->lock);
    free(f->slots);
    free(f->user_agent);
    free(f);
}

static int make(const fetch_options_t *o, fetch_t *f)
{
    f->max_running = o->max_running > 0 ? o->max_running : DEFAULT_RUNNING;
    f->max_per_host = o->max_per_host > 0 ? o->max_per_host : DEFAULT_PER_HOST;
    f->max_queued = o->max_queued > 0 ? o->max_queued : DEFAULT_QUEUED;
    f->user_agent = strdup(o->user_agent != NULL ? o->user_agent : "chiso/" CHISO_VERSION);
    f->slots = calloc(f->max_running, sizeof *f->slots);
    f->multi = curl_multi_init();
    if (f->user_agent == NULL || f->slots == NULL || f->multi == NULL) {
        return -ENOMEM;
    }
    f->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (f->event_fd < 0) {
        return -errno;
    }
    curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)f->max_per_host);
    /* kept connections; curl's own default follows the number of handles, up and down */
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)f->max_running);
    return 0;
}

int fetch_start(const fetch_options_t *options, fetch_t **out)
{
    static const fetch_options_t defaults;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    fetch_t *f = global_code == CURLE_OK ? calloc(1, sizeof *f) : NULL;
    if (f == NULL) {
        return -ENOMEM;
    }
    f->event_fd = -1;
    pthread_mutex_init(&f->lock, NULL);
    transfer_list_init(&f->submitted);
    transfer_list_init(&f->answered);
    int rc = make(options != NULL ? options : &defaults, f);
    if (rc == 0) {
        /* signals belong to the program's signalfd; SIGPIPE, blocked, is an error code */
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        rc = -pthread_create(&f->thread, NULL, run, f);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (rc != 0) {
        destroy(f);
        return rc;
    }
    pthread_setname_np(f->thread, "fetch");
    *out = f;
    return 0;
}

void fetch_stop(fetch_t **fetch)
{
    fetch_t *f = *fetch;
    *fetch = NULL;
    if (f == NULL) {
        return;
    }
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    pthread_mutex_unlock(&f->lock);
    curl_multi_wakeup(f->multi);
    pthread_join(f->thread, NULL);
    destroy(f);
}

int fetch_submit(fetch_t *f, const fetch_request_t *request)
{
    transfer_t *t;
    int rc = transfer_new(request, &t);
    if (rc != 0) {
        return rc;
    }
    pthread_mutex_lock(&f->lock);
    bool room = f->n_queued < f->max_queued;
    if (room) {
        transfer_list_push(&f->submitted, t);
        f->n_queued++;
    }
    pthread_mutex_unlock(&f->lock);
    if (!room) {
        transfer_destroy(&t);
        return -EAGAIN;
    }
    curl_multi_wakeup(f->multi);
    return 0;
}

int fetch_fd(const fetch_t *f)
{
    return f->event_fd;
}

fetch_answer_t *fetch_take(fetch_t *f)
{
    pthread_mutex_lock(&f->lock);
    transfer_t *t = transfer_list_pop(&f->answered);
    bool was_full = t != NULL && f->n_answered == f->max_running;
    if (t != NULL) {
        f->n_answered--;
        if (f->n_answered == 0) {
            eventfd_t ignored;
            eventfd_read(f->event_fd, &ignored);
        }
    }
    pthread_mutex_unlock(&f->lock);
    if (was_full) {
        curl_multi_wakeup(f->multi);
    }
    if (t == NULL) {
        return NULL;
    }
    fetch_answer_t *answer = t->answer;
    t->answer = NULL;
    transfer_destroy(&t);
    return answer;
}

void fetch_answer_free(fetch_answer_t **answer)
{
    if (*answer == NULL) {
        return;
    }
    buffer_free(&(*answer)->body);
    buffer_free(&(*answer)->kept);
    free(*answer);
    *answer = NULL;
}
