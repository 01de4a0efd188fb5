/* backup.c - chiso backup: a consistent copy of an installation while it runs, and whether one is
 * whole.
 *
 * Each store is copied as of one commit, and the consumer before its producer: publisher, scorer,
 * ingest. So the copy of a producer has at least what the copy of its consumer has read, and after
 * a restore every service goes on where its copy stands. The other order would leave a consumer
 * that has read records which its producer's copy has not made yet. Raw bodies come last: they are
 * written before anything refers to them, and never change.
 */
#include "base/clock.h"
#include "base/error.h"
#include "bundle.h"
#include "bus/inbox.h"
#include "commands.h"
#include "journal/journal.h"
#include "options.h"
#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: chiso backup [--publisher DIR] [--scorer DIR] [--ingest DIR] --to NEW\n"
    "       chiso backup verify BACKUP\n";

typedef struct {
    const char *from[BUNDLE_SERVICES];
    const char *to;
    char work[TREE_MAX_PATH]; /* its name until it is finished */
    int folder;               /* of that */
    int owners[BUNDLE_SERVICES];
    FILE *sums;
    bundle_t bundle;
    unsigned findings;
    uint64_t bodies;
} backup_t;

static int say(const char *path, int rc)
{
    fprintf(stderr, "chiso: %s: %s\n", path, chiso_strerror(rc));
    return rc;
}

static void put_sum(backup_t *b, const char *path, const tree_file_t *file)
{
    bundle_put_sum(b->sums, path, file);
    b->bundle.files++;
}

/* ---- a store ---- */

static const char *const producer_tables[] = {JOURNAL_TABLES, NULL};
static const char *const consumer_tables[] = {JOURNAL_TABLES, INBOX_TABLES, NULL};

/* What is told is read from the copy itself, after walking all of its journal. */
static int look(backup_t *b, int service, const char *folder)
{
    bundle_service_t *s = &b->bundle.services[service];
    bool reads = service != BUNDLE_INGEST;
    store_t *store = options_open(folder, reads ? consumer_tables : producer_tables);
    journal_t *journal = NULL;
    uint64_t bad;
    char reason[256];
    if (store == NULL) {
        return CHISO_E_STORE;
    }
    int rc = journal_open(store, &(journal_options_t){.records = 0}, &journal);
    if (rc != 0) {
        say(b->from[service], rc);
    } else {
        journal_origin_t origin;
        journal_origin(journal, &origin);
        s->epoch = origin.epoch;
        s->first = origin.first;
        s->head = journal_head(journal);
        store_txn_t *txn = store_read(store);
        rc = journal_verify(journal, txn, &bad, reason, s->head_hash);
        store_abort(&txn);
        if (rc != 0) {
            fprintf(stderr, "chiso: %s: journal record %" PRIu64 ": %s\n", b->from[service], bad,
                    reason);
        }
    }
    if (rc == 0 && reads) {
        rc = inbox_position(store, 3, &s->from_epoch, &s->next);
        s->reads = s->from_epoch != 0;
    }
    journal_close(&journal);
    store_close(&store);
    return rc;
}

static int copy_store(backup_t *b, int service)
{
    char path[64];
    char folder[TREE_MAX_PATH + 16];
    char reason[256];
    tree_file_t file;
    snprintf(path, sizeof path, "%s/data.mdb", bundle_names[service]);
    snprintf(folder, sizeof folder, "%s/%s", b->work, bundle_names[service]);
    int rc = tree_make_parents(b->folder, path);
    int fd = rc == 0 ? openat(b->folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640) : -1;
    if (fd < 0) {
        return say(folder, rc != 0 ? rc : -errno);
    }
    rc = store_copy(b->from[service], fd, reason);
    close(fd);
    if (rc != 0) {
        fprintf(stderr, "chiso: cannot copy the store: %s\n", reason);
        return rc;
    }
    rc = look(b, service, folder);
    snprintf(folder, sizeof folder, "%s/lock.mdb", bundle_names[service]);
    unlinkat(b->folder, folder, 0); /* of having looked */
    if (rc == 0) {
        rc = tree_hash(b->folder, path, &file);
    }
    if (rc == 0) {
        b->bundle.services[service].there = true;
        b->bundle.services[service].data_bytes = file.size;
        put_sum(b, path, &file);
    }
    return rc;
}

/* ---- raw bodies ---- */

typedef struct {
    backup_t *backup;
    int folder;
    const char *path;
} archive_copy_t;

static int copy_body(void *context, const char *name)
{
    archive_copy_t *a = context;
    backup_t *b = a->backup;
    char to[TREE_MAX_PATH];
    char hex[SHA256_HEX_SIZE];
    tree_file_t file;
    size_t len = strlen(name);
    if (len != 67 || name[2] != '/') {
        return 0; /* one that is being written (.new), or nothing of ours */
    }
    snprintf(to, sizeof to, "ingest/archive/%s", name);
    int rc = tree_copy(a->folder, name, b->folder, to, 0440, &file);
    if (rc == -ENOENT) {
        return 0; /* pruned while we walked */
    }
    if (rc != 0) {
        fprintf(stderr, "chiso: %s/%s: %s\n", a->path, name, chiso_strerror(rc));
        return rc;
    }
    if (strcmp(name + 3, sha256_hex(file.hash, hex)) != 0) {
        /* no reason to be without a backup; it is as it is there */
        b->findings++;
        printf("FOUND %s/%s: is damaged: its SHA-256 is %s\n", a->path, name, hex);
    }
    b->bodies++;
    put_sum(b, to, &file);
    return 0;
}

static int copy_archive(backup_t *b)
{
    char path[TREE_MAX_PATH];
    snprintf(path, sizeof path, "%s/archive", b->from[BUNDLE_INGEST]);
    archive_copy_t a = {b, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path};
    if (a.folder < 0) {
        return errno == ENOENT ? 0 : say(path, -errno);
    }
    int rc = tree_walk(path, copy_body, &a);
    close(a.folder);
    return rc;
}

/* ---- all of it ---- */

/* A service that runs holds its folder; without any the copies are the last word. */
static void hold_owners(backup_t *b)
{
    for (int i = 0; i < BUNDLE_SERVICES; i++) {
        char name[TREE_MAX_PATH];
        if (b->from[i] == NULL) {
            continue;
        }
        snprintf(name, sizeof name, "%s/owner.lock", b->from[i]);
        b->owners[i] = open(name, O_RDWR | O_CLOEXEC);
        if (b->owners[i] < 0 || flock(b->owners[i], LOCK_EX | LOCK_NB) != 0) {
            b->bundle.running = true;
        }
    }
    if (b->from[0] == NULL || b->from[1] == NULL || b->from[2] == NULL) {
        b->bundle.running = true; /* what is not in it may be running */
    }
    for (int i = 0; i < BUNDLE_SERVICES && b->bundle.running; i++) {
        if (b->owners[i] >= 0) { /* nobody is kept from starting meanwhile */
            close(b->owners[i]);
            b->owners[i] = -1;
        }
    }
}

static int begin(backup_t *b)
{
    struct stat found;
    if (lstat(b->to, &found) == 0) {
        return say(b->to, -EEXIST);
    }
    size_t len = strlen(b->to);
    len -= len > 1 && b->to[len - 1] == '/';
    if (snprintf(b->work, sizeof b->work, "%.*s.unfinished", (int)len, b->to) >=
        TREE_MAX_PATH - 64) {
        return say(b->to, -ENAMETOOLONG);
    }
    int old = open(b->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (old >= 0 && flock(old, LOCK_EX | LOCK_NB) != 0) {
        close(old);
        return say(b->work, -EBUSY); /* another one is at it */
    }
    int rc = old >= 0 ? tree_remove(b->work) : 0; /* of one that was killed */
    if (old >= 0) {
        close(old);
    }
    if (rc == 0 && mkdir(b->work, 0750) != 0) {
        rc = -errno;
    }
    if (rc == 0) {
        b->folder = open(b->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = b->folder >= 0 && flock(b->folder, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
    }
    if (rc == 0) {
        int fd = openat(b->folder, BUNDLE_SUMS, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        b->sums = fd >= 0 ? fdopen(fd, "w") : NULL;
        rc = b->sums != NULL ? 0 : -errno;
    }
    return rc == 0 ? 0 : say(b->work, rc);
}

static int write_manifest(backup_t *b, int64_t began_at)
{
    buffer_t text = BUFFER_INIT((size_t)64 * 1024);
    tree_file_t file;
    b->bundle.files++; /* its own line */
    bundle_write(&b->bundle, began_at, clock_wall_ms(), &text);
    int fd = openat(b->folder, BUNDLE_MANIFEST, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    int rc = text.failed ? -ENOMEM : fd < 0 ? -errno : 0;
    if (rc == 0 && write(fd, text.data, text.len) != (ssize_t)text.len) {
        rc = -EIO;
    }
    if (rc == 0 && fsync(fd) != 0) {
        rc = -errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc == 0) {
        rc = tree_hash(b->folder, BUNDLE_MANIFEST, &file);
    }
    if (rc == 0) {
        bundle_put_sum(b->sums, BUNDLE_MANIFEST, &file);
    }
    buffer_free(&text);
    return rc;
}

/* The name comes last, and after everything that it stands for is on the disk. */
static int finish(backup_t *b, int64_t began_at)
{
    int rc = write_manifest(b, began_at);
    if (rc == 0 && (fflush(b->sums) != 0 || ferror(b->sums) || fsync(fileno(b->sums)) != 0)) {
        rc = errno != 0 ? -errno : -EIO;
    }
    if (rc == 0) {
        rc = tree_sync(b->work);
    }
    if (rc == 0 && renameat2(AT_FDCWD, b->work, AT_FDCWD, b->to, RENAME_NOREPLACE) != 0) {
        rc = -errno;
    }
    int parent = rc == 0 ? openat(b->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (rc == 0 && (parent < 0 || fsync(parent) != 0)) {
        rc = -errno;
    }
    if (parent >= 0) {
        close(parent);
    }
    return rc == 0 ? 0 : say(b->work, rc);
}

/* A folder of another installation is noticed now, and not after a restore. */
static int check_line(const backup_t *b)
{
    for (int i = BUNDLE_PUBLISHER; i < BUNDLE_INGEST; i++) {
        const bundle_service_t *consumer = &b->bundle.services[i];
        const bundle_service_t *producer = &b->bundle.services[i + 1];
        if (!consumer->there || !producer->there || !consumer->reads) {
            continue;
        }
        if (consumer->from_epoch != producer->epoch) {
            fprintf(stderr,
                    "chiso: note: the %s has read another journal than that of this %s; "
                    "it will take a snapshot\n",
                    bundle_names[i], bundle_names[i + 1]);
        } else if (consumer->next > producer->head + 1) {
            fprintf(stderr,
                    "chiso: the %s is ahead of the %s: record %" PRIu64 " of %" PRIu64
                    "; are these folders of one installation?\n",
                    bundle_names[i], bundle_names[i + 1], consumer->next - 1, producer->head);
            return CHISO_E_INVALID;
        }
    }
    return 0;
}

static void tell(const backup_t *b)
{
    for (int i = 0; i < BUNDLE_SERVICES; i++) {
        const bundle_service_t *s = &b->bundle.services[i];
        if (s->there) {
            printf("%s: journal %" PRIu64 "..%" PRIu64 ", store %" PRIu64 " bytes\n",
                   bundle_names[i], s->first, s->head, s->data_bytes);
        }
    }
    printf("%s: %" PRIu64 " files, %" PRIu64 " of them raw bodies%s\n", b->to, b->bundle.files,
           b->bodies, b->bundle.running ? "" : ", no service running");
}

static int take_backup(backup_t *b)
{
    int64_t began_at = clock_wall_ms();
    int rc = begin(b);
    if (rc != 0) {
        return rc;
    }
    hold_owners(b);
    for (int i = 0; i < BUNDLE_SERVICES && rc == 0; i++) {
        rc = b->from[i] != NULL ? copy_store(b, i) : 0;
    }
    if (rc == 0 && b->from[BUNDLE_INGEST] != NULL) {
        rc = copy_archive(b);
    }
    if (rc == 0) {
        rc = check_line(b);
    }
    if (rc == 0) {
        rc = finish(b, began_at);
    }
    if (rc == 0) {
        tell(b);
    } else {
        tree_remove(b->work);
    }
    return rc;
}

static int verify(const char *path)
{
    bundle_t bundle;
    int rc = bundle_read(path, &bundle);
    if (rc == 0) {
        rc = bundle_check(path, &bundle, NULL);
    }
    if (rc == 0) {
        printf("%s: %" PRIu64 " files as they were at %s, by chiso %s\n", path, bundle.files,
               bundle.finished_at, bundle.version);
    } else if (rc < 0 && rc > -1000) {
        say(path, rc);
    }
    return rc == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
}

int command_backup(int argc, char **argv)
{
    backup_t b = {.folder = -1, .owners = {-1, -1, -1}};
    const option_spec_t specs[] = {{.name = "publisher", .value = &b.from[BUNDLE_PUBLISHER]},
                                   {.name = "scorer", .value = &b.from[BUNDLE_SCORER]},
                                   {.name = "ingest", .value = &b.from[BUNDLE_INGEST]},
                                   {.name = "to", .value = &b.to},
                                   {0}};
    int first;
    bool good = options_read(argc, argv, specs, &first) == 0;
    bool any = b.from[0] != NULL || b.from[1] != NULL || b.from[2] != NULL;
    if (good && b.to == NULL && !any && first + 2 == argc && strcmp(argv[first], "verify") == 0) {
        return verify(argv[first + 1]);
    }
    if (!good || b.to == NULL || *b.to == '\0' || !any || first < argc) {
        fputs(usage, stderr);
        return CHISO_EXIT_USAGE;
    }
    int rc = take_backup(&b);
    if (b.sums != NULL) {
        fclose(b.sums);
    }
    int fds[] = {b.folder, b.owners[0], b.owners[1], b.owners[2]};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return rc != 0 ? CHISO_EXIT_STORE : b.findings > 0 ? CHISO_EXIT_FINDING : CHISO_EXIT_OK;
}
