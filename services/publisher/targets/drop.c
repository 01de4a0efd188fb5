/* drop.c - see drop.h. */
#include "drop.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MAX_MANIFEST ((size_t)64 * 1024 * 1024) /* of a day; only its end is read */
#define MAX_NAME 240

typedef struct {
    buffer_t lines;
    char **keys;
    size_t n;
    void *context;
} job_t;

struct drop {
    pthread_t thread;
    bool started;
    char *folder;
    bool batch;
    int event_fd;
    char last_manifest[64];

    pthread_mutex_t lock;
    pthread_cond_t wake;
    job_t *job;
    fetch_answer_t *answer;
    bool stopping;
};

static void free_job(job_t **job)
{
    if (*job == NULL) {
        return;
    }
    for (size_t i = 0; i < (*job)->n && (*job)->keys != NULL; i++) {
        free((*job)->keys[i]);
    }
    free((*job)->keys);
    buffer_free(&(*job)->lines);
    free(*job);
    *job = NULL;
}

/* ---- files ---- */

static int write_all(int fd, bytes_t bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            bytes = bytes_of(bytes.data + n, bytes.len - (size_t)n);
        }
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

/* Whole under its name, or not there at all. */
static int put_file(int folder, const char *name, bytes_t bytes)
{
    char temporary[MAX_NAME + 16];
    snprintf(temporary, sizeof temporary, ".%s.tmp", name);
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return -errno;
    }
    int rc = write_all(fd, bytes);
    if (close(fd) != 0 && rc == 0) {
        rc = -errno;
    }
    if (rc == 0 && renameat(folder, temporary, folder, name) != 0) {
        rc = -errno;
    }
    if (rc != 0) {
        unlinkat(folder, temporary, 0);
    }
    return rc == 0 && fsync(folder) != 0 ? -errno : rc;
}

/* A key as a name: no slash, and what is too long ends in its hash. */
static void name_of(const char *key, const char *suffix, char out[MAX_NAME])
{
    char plain[MAX_NAME];
    size_t n = 0;
    for (; key[n] != '\0' && n < 180; n++) {
        plain[n] = key[n] == '/' ? '_' : key[n];
    }
    plain[n] = '\0';
    if (key[n] != '\0') {
        uint8_t hash[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        sha256(bytes_of_text(key), hash);
        snprintf(out, MAX_NAME, "%.150s-%.16s%s", plain, sha256_hex(hash, hex), suffix);
    } else {
        snprintf(out, MAX_NAME, "%s%s", plain, suffix);
    }
}

/* ---- the manifest ---- */

static void manifest_name(char out[64])
{
    char iso[CLOCK_ISO_SIZE];
    snprintf(out, 64, "manifest-%.10s.jsonl", clock_iso(clock_wall_ms(), iso));
}

static void find_manifest(drop_t *d)
{
    DIR *folder = opendir(d->folder);
    const struct dirent *e;
    while (folder != NULL && (e = readdir(folder)) != NULL) {
        if (strncmp(e->d_name, "manifest-", 9) == 0 && strlen(e->d_name) < 64 &&
            strcmp(e->d_name, d->last_manifest) > 0) {
            snprintf(d->last_manifest, sizeof d->last_manifest, "%.63s", e->d_name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

/* The keys of the manifest's last line; half a line, which a kill left, is cut off first. */
static int last_keys(drop_t *d, int folder, json_t **out)
{
    *out = NULL;
    if (*d->last_manifest == '\0') {
        find_manifest(d);
    }
    int fd = *d->last_manifest != '\0' ? openat(folder, d->last_manifest, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) {
        return 0;
    }
    off_t size = lseek(fd, 0, SEEK_END);
    size_t want = size > 0 && (size_t)size < MAX_MANIFEST ? (size_t)size : MAX_MANIFEST;
    size_t tail = want < ((size_t)1 << 20) ? want : (size_t)1 << 20;
    char *text = malloc(tail + 1);
    ssize_t n = text != NULL ? pread(fd, text, tail, size - (off_t)tail) : -1;
    int rc = n == (ssize_t)tail ? 0 : -EIO;
    if (rc == 0) {
        const char *end = memrchr(text, '\n', tail);
        size_t whole = end != NULL ? (size_t)(end - text) : 0;
        if (end != NULL || tail == (size_t)size) {
            off_t keep = size - (off_t)tail + (off_t)(end != NULL ? whole + 1 : 0);
            rc = keep == size || ftruncate(fd, keep) == 0 ? 0 : -errno;
        }
        const char *start = whole > 0 ? memrchr(text, '\n', whole) : NULL;
        start = start != NULL ? start + 1 : text;
        json_t *line =
            whole > 0 ? json_loadb(start, (size_t)(text + whole - start), 0, NULL) : NULL;
        *out = json_incref(json_object_get(line, "keys"));
        json_decref(line);
    }
    free(text);
    close(fd);
    return rc;
}

static bool was_told(const json_t *keys, const char *key)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const char *told = json_string_value(json_array_get(keys, i));
        if (told != NULL && strcmp(told, key) == 0) {
            return true;
        }
    }
    return false;
}

static int append_manifest(drop_t *d, int folder, const char *name, bytes_t bytes,
                           char *const *keys, size_t n)
{
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    buffer_t line = BUFFER_INIT((size_t)1 << 20);
    jw_t j = jw_to(&line);
    sha256(bytes, hash);
    jw_object(&j);
    jw_put_text(&j, "file", name);
    jw_put_whole(&j, "bytes", (int64_t)bytes.len);
    jw_put_text(&j, "sha256", sha256_hex(hash, hex));
    jw_put_whole(&j, "records", (int64_t)n);
    jw_put_time(&j, "written_at", clock_wall_ms());
    jw_put_array(&j, "keys");
    for (size_t i = 0; i < n; i++) {
        jw_text(&j, keys[i]);
    }
    jw_array_end(&j);
    jw_object_end(&j);
    buffer_append(&line, "\n", 1);
    manifest_name(d->last_manifest);
    int fd = openat(folder, d->last_manifest, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    int rc = line.failed ? -E2BIG : fd < 0 ? -errno : write_all(fd, buffer_bytes(&line));
    if (fd >= 0) {
        close(fd);
    }
    buffer_free(&line);
    return rc == 0 && fsync(folder) != 0 ? -errno : rc;
}

/* ---- jobs ---- */

/* The i-th line, without its end. */
static bytes_t line_at(const buffer_t *lines, size_t i)
{
    const char *at = (const char *)lines->data;
    const char *end = at + lines->len;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    while (i-- > 0 && stop != NULL) {
        at = stop + 1;
        stop = memchr(at, '\n', (size_t)(end - at));
    }
    return bytes_of(at, stop != NULL ? (size_t)(stop - at) : 0);
}

static int put_each(drop_t *d, int folder, const job_t *job, size_t first)
{
    int rc = 0;
    for (size_t i = first; rc == 0 && i < job->n; i++) {
        char name[MAX_NAME];
        bytes_t line = line_at(&job->lines, i);
        name_of(job->keys[i], ".json", name);
        rc = put_file(folder, name, line);
        if (rc == 0) {
            rc = append_manifest(d, folder, name, line, &job->keys[i], 1);
        }
    }
    return rc;
}

/* The file of a batch is named after its first record. */
static int put_batch(drop_t *d, int folder, const job_t *job, size_t first)
{
    char name[MAX_NAME];
    if (first == job->n) {
        return 0;
    }
    const uint8_t *start = line_at(&job->lines, first).data;
    bytes_t all = bytes_of(start, job->lines.len - (size_t)(start - job->lines.data));
    name_of(job->keys[first], ".jsonl", name);
    int rc = put_file(folder, name, all);
    return rc == 0 ? append_manifest(d, folder, name, all, job->keys + first, job->n - first) : rc;
}

/* Can a file be made there? Leaves nothing behind. */
static int probe(int folder)
{
    static const char name[] = ".chiso-probe";
    int rc = put_file(folder, name, bytes_of_text("probe\n"));
    unlinkat(folder, name, 0);
    return rc;
}

static int do_job(drop_t *d, const job_t *job)
{
    int folder = open(d->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return -errno;
    }
    if (job->n == 0) {
        int rc = probe(folder);
        close(folder);
        return rc;
    }
    json_t *told;
    int rc = last_keys(d, folder, &told);
    size_t first = job->n;
    while (first > 0 && !was_told(told, job->keys[first - 1])) {
        first--; /* they are told in order: what stands before one that was told was told too */
    }
    if (rc == 0) {
        rc = d->batch ? put_batch(d, folder, job, first) : put_each(d, folder, job, first);
    }
    json_decref(told);
    close(folder);
    return rc;
}

static void give(drop_t *d, const job_t *job, int rc)
{
    fetch_answer_t *a = d->answer; /* made with the job, so that there always is one */
    a->result = rc == 0 ? FETCH_ANSWERED : FETCH_NO_ANSWER;
    a->answered_at = clock_wall_ms();
    a->context = job->context;
    if (rc != 0) {
        snprintf(a->reason, sizeof a->reason, "%s: %s", d->folder, strerror(-rc));
    }
}

static void *run(void *context)
{
    drop_t *d = context;
    pthread_mutex_lock(&d->lock);
    while (!d->stopping) {
        if (d->job == NULL || d->answer->answered_at != 0) {
            pthread_cond_wait(&d->wake, &d->lock);
            continue;
        }
        job_t *job = d->job;
        pthread_mutex_unlock(&d->lock);
        int rc = do_job(d, job);
        pthread_mutex_lock(&d->lock);
        give(d, job, rc);
        eventfd_write(d->event_fd, 1);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

int drop_put(drop_t *d, bytes_t lines, const char *const *keys, size_t n, void *context)
{
    job_t *job = calloc(1, sizeof *job);
    fetch_answer_t *answer = calloc(1, sizeof *answer);
    if (job != NULL) {
        *job = (job_t){.lines = BUFFER_INIT(TARGET_MAX_REQUEST), .n = n, .context = context};
        job->keys = calloc(n + 1, sizeof *job->keys);
        buffer_append(&job->lines, lines.data, lines.len);
    }
    bool good = job != NULL && answer != NULL && job->keys != NULL && !job->lines.failed;
    for (size_t i = 0; good && i < n; i++) {
        job->keys[i] = strdup(keys[i]);
        good = job->keys[i] != NULL;
    }
    if (!good) {
        free_job(&job);
        free(answer);
        return -ENOMEM;
    }
    answer->retry_after_ms = -1;
    answer->sent_at = clock_wall_ms();
    pthread_mutex_lock(&d->lock);
    d->job = job;
    d->answer = answer;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    return 0;
}

fetch_answer_t *drop_take(drop_t *d)
{
    pthread_mutex_lock(&d->lock);
    fetch_answer_t *a = d->answer;
    bool ready = a != NULL && a->answered_at != 0;
    if (ready) {
        free_job(&d->job);
        d->answer = NULL;
    }
    pthread_mutex_unlock(&d->lock);
    return ready ? a : NULL;
}

int drop_start(const char *folder, bool batch, int event_fd, drop_t **out)
{
    drop_t *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return -ENOMEM;
    }
    *d = (drop_t){.batch = batch, .event_fd = event_fd, .folder = strdup(folder)};
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = d->folder != NULL ? -pthread_create(&d->thread, NULL, run, d) : -ENOMEM;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    d->started = rc == 0;
    if (rc != 0) {
        drop_stop(&d);
        return rc;
    }
    *out = d;
    return 0;
}

void drop_stop(drop_t **drop)
{
    drop_t *d = *drop;
    *drop = NULL;
    if (d == NULL) {
        return;
    }
    if (d->started) {
        pthread_mutex_lock(&d->lock);
        d->stopping = true;
        pthread_cond_signal(&d->wake);
        pthread_mutex_unlock(&d->lock);
        pthread_join(d->thread, NULL);
    }
    free_job(&d->job);
    fetch_answer_free(&d->answer);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->lock);
    free(d->folder);
    free(d);
}
