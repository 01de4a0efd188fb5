/* committer.c - see committer.h.
 *
 * Three things hide the price of fsync. The thread: a batch is worked out while the one before is
 * written. Those that are worked out meanwhile are one commit. And LMDB's second fsync, of the page
 * that makes a commit count: the first fsync of the next commit does it too, so that it is waited
 * for only when nothing follows (store.h). What is durable therefore lags one commit behind what is
 * written, and both are known here only.
 */
#include "journal/committer.h"

#include "base/clock.h"
#include "journal/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define ROOMS 3 /* noted, waiting, being committed */
#define ROOM_KEPT (1U << 20)
#define TIMES 8 /* more than can be under way */
#define RELEASE_BYTES (128U << 10)

_Static_assert(COMMITTER_AHEAD < JOURNAL_SEALS, "the journal forgets seals that are under way");

struct committer {
    store_t *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t given, taken; /* something to do; something was done */
    int fd;
    /* of the owner */
    buffer_t rooms[ROOMS];
    unsigned room;
    uint64_t n_told; /* commits the store was told of */
    /* under the lock */
    store_txn_t *waiting;
    uint64_t waiting_seal, given_seal;
    unsigned n_joined;         /* in the one that waits */
    size_t unreleased;         /* bytes of notes, since what the commits looked at was given back */
    uint64_t written, durable; /* seals */
    int64_t micros[TIMES];     /* of the commits, by their number */
    uint64_t n_written;
    int failed;
    bool quit;
};

static void tell(committer_t *c)
{
    uint64_t one = 1;
    pthread_cond_broadcast(&c->taken);
    if (write(c->fd, &one, sizeof one) < 0) {
        /* its counter is full, so that it is readable anyway */
    }
}

/* One commit, with the lock released meanwhile. */
static void commit_one(committer_t *c)
{
    store_txn_t *txn = c->waiting;
    uint64_t seal = c->waiting_seal;
    bool release = c->unreleased >= RELEASE_BYTES;
    c->unreleased = release ? 0 : c->unreleased;
    c->waiting = NULL;
    pthread_cond_broadcast(&c->taken);
    pthread_mutex_unlock(&c->lock);
    int64_t before = clock_mono_us();
    int rc = store_commit_late(&txn);
    int64_t micros = clock_mono_us() - before;
    if (release) { /* what commits look at lies all over the file */
        store_release(c->store);
    }
    pthread_mutex_lock(&c->lock);
    if (rc == 0) {
        c->durable = c->written; /* the one before, by this one's fsync */
        c->written = seal;
    }
    c->micros[c->n_written++ % TIMES] = micros;
    c->failed = rc;
    tell(c);
}

/* Nothing follows: what was written is fsync'd for itself. */
static void sync_written(committer_t *c)
{
    pthread_mutex_unlock(&c->lock);
    int rc = store_sync(c->store);
    pthread_mutex_lock(&c->lock);
    c->durable = rc == 0 ? c->written : c->durable;
    c->failed = rc;
    tell(c);
}

static void *run(void *context)
{
    committer_t *c = context;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        if (c->failed != 0) {
            store_abort(&c->waiting);
        }
        if (c->waiting != NULL) {
            commit_one(c);
        } else if (c->durable != c->written && c->failed == 0) {
            sync_written(c);
        } else if (c->quit) {
            break;
        } else {
            pthread_cond_wait(&c->given, &c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int committer_start(store_t *store, committer_t **out)
{
    committer_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return -ENOMEM;
    }
    c->store = store;
    for (unsigned i = 0; i < ROOMS; i++) {
        c->rooms[i] = (buffer_t)BUFFER_INIT(COMMITTER_MAX_NOTES);
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->given, NULL);
    pthread_cond_init(&c->taken, NULL);
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = c->fd >= 0 ? -pthread_create(&c->thread, NULL, run, c) : -errno;
    if (rc != 0) {
        if (c->fd >= 0) {
            close(c->fd);
        }
        free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void committer_stop(committer_t **committer)
{
    if (committer == NULL || *committer == NULL) {
        return;
    }
    committer_t *c = *committer;
    *committer = NULL;
    pthread_mutex_lock(&c->lock);
    c->quit = true;
    pthread_cond_signal(&c->given);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    for (unsigned i = 0; i < ROOMS; i++) {
        buffer_free(&c->rooms[i]);
    }
    pthread_cond_destroy(&c->given);
    pthread_cond_destroy(&c->taken);
    pthread_mutex_destroy(&c->lock);
    close(c->fd);
    free(c);
}

store_txn_t *committer_note(committer_t *c)
{
    buffer_t *room = &c->rooms[c->room++ % ROOMS];
    if (room->cap > ROOM_KEPT) {
        buffer_free(room);
    }
    return store_note(c->store, room);
}

static bool can_join(const committer_t *c, size_t bytes)
{
    return c->waiting != NULL && c->n_joined < COMMITTER_JOINED &&
           c->rooms[(c->room - 2) % ROOMS].len + bytes <= COMMITTER_JOINED_BYTES;
}

int committer_give(committer_t *c, store_txn_t **txn, uint64_t seal)
{
    size_t bytes = c->rooms[(c->room - 1) % ROOMS].len;
    pthread_mutex_lock(&c->lock);
    while (c->waiting != NULL && !can_join(c, bytes) && c->failed == 0) {
        pthread_cond_wait(&c->taken, &c->lock);
    }
    int rc = c->failed;
    if (rc == 0 && c->waiting != NULL) {
        store_join(c->waiting, txn);
        c->n_joined++;
        c->room--; /* its notes were copied */
    } else if (rc == 0) {
        c->waiting = *txn;
        c->n_joined = 1;
        *txn = NULL;
        pthread_cond_signal(&c->given);
    }
    if (rc == 0) {
        c->waiting_seal = c->given_seal = seal;
        c->unreleased += bytes;
    }
    pthread_mutex_unlock(&c->lock);
    if (rc != 0) {
        store_abort(txn);
    }
    return rc;
}

static int answer(committer_t *c, uint64_t *durable)
{
    for (; c->n_told < c->n_written; c->n_told++) {
        bool last = c->n_told + 1 == c->n_written;
        store_tell_commit(c->store, c->micros[c->n_told % TIMES], last ? c->failed : 0);
    }
    *durable = c->durable;
    int rc = c->failed;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int committer_poll(committer_t *c, uint64_t *durable)
{
    uint64_t count;
    if (read(c->fd, &count, sizeof count) < 0) {
        /* nothing new: asked for all the same */
    }
    pthread_mutex_lock(&c->lock);
    return answer(c, durable);
}

int committer_drain(committer_t *c, uint64_t *durable)
{
    pthread_mutex_lock(&c->lock);
    while (c->durable != c->given_seal && c->failed == 0) {
        pthread_cond_wait(&c->taken, &c->lock);
    }
    return answer(c, durable);
}

int committer_fd(const committer_t *c)
{
    return c->fd;
}
