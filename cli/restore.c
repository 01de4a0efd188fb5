/* restore.c - chiso restore: a backup becomes data folders again.
 *
 * What was made after the backup is lost here, but not elsewhere: portals hold results, clients of
 * the stream hold cursors, and a service that was not restored holds an offset, all of a life that
 * is no longer known. If the restored journals kept their epoch, their next records would have the
 * numbers, and the notices the keys, of other ones of that lost life, and be taken for them. So
 * every restored journal gets a new epoch, the restored consumers are told it, and with scorer and
 * publisher each target is told everything once more, under the keys of the new epoch. With
 * --continue nothing of this is done: for an installation that was stopped, backed up, and goes on
 * elsewhere.
 */
#include "base/error.h"
#include "bundle.h"
#include "bus/inbox.h"
#include "commands.h"
#include "ingest/ledger.h"
#include "journal/journal.h"
#include "landing.h"
#include "options.h"
#include "publisher/delivery.h"
#include "publisher/model.h"
#include "scorer/checkpoint.h"
#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: chiso restore --from BACKUP [--continue] [--publisher DIR] [--scorer DIR] "
    "[--ingest DIR]\n";

typedef struct {
    const char *from;
    const char *to[BUNDLE_SERVICES];
    bool goes_on;
    bundle_t bundle;
    int folder;                       /* the backup's */
    int targets[BUNDLE_SERVICES];     /* STORE_UNFINISHED of each */
    uint64_t epochs[BUNDLE_SERVICES]; /* the new ones */
    uint64_t files[BUNDLE_SERVICES];
} restore_t;

static int say(const char *path, int rc)
{
    fprintf(stderr, "chiso: %s: %s\n", path, chiso_strerror(rc));
    return rc;
}

/* ---- before anything is written ---- */

static int check(restore_t *r)
{
    int rc = bundle_read(r->from, &r->bundle);
    if (rc == 0 && r->goes_on && r->bundle.running) {
        fprintf(stderr,
                "chiso: %s: services were running when it was made, so they may have told others "
                "what is not in it; --continue is for a backup of all three, stopped\n",
                r->from);
        rc = CHISO_E_INVALID;
    }
    for (int i = 0; i < BUNDLE_SERVICES && rc == 0; i++) {
        if (r->to[i] != NULL && !r->bundle.services[i].there) {
            fprintf(stderr, "chiso: %s: holds no %s\n", r->from, bundle_names[i]);
            rc = CHISO_E_NOT_FOUND;
        } else if (r->to[i] != NULL) {
            rc = landing_check(r->to[i]);
        }
    }
    if (rc != 0) {
        return rc;
    }
    bool wanted[BUNDLE_SERVICES];
    for (int i = 0; i < BUNDLE_SERVICES; i++) {
        wanted[i] = r->to[i] != NULL;
    }
    rc = bundle_check(r->from, &r->bundle, wanted);
    if (rc != 0) {
        fprintf(stderr, "chiso: %s: is damaged; nothing was restored\n", r->from);
        return rc > 0 ? CHISO_E_CORRUPT : rc;
    }
    return 0;
}

/* ---- files ---- */

static int open_target(restore_t *r, int service)
{
    char work[TREE_MAX_PATH];
    return landing_begin(r->to[service], work, &r->targets[service]);
}

static int put_file(void *context, const char *path, const uint8_t hash[SHA256_SIZE])
{
    restore_t *r = context;
    int service = bundle_service_of(path);
    if (service < 0 || r->to[service] == NULL) {
        return 0;
    }
    tree_file_t file;
    const char *name = path + strlen(bundle_names[service]) + 1;
    unsigned mode = strcmp(name, "data.mdb") == 0 ? 0640 : 0440;
    int rc = tree_copy(r->folder, path, r->targets[service], name, mode, &file);
    if (rc == 0 && memcmp(file.hash, hash, SHA256_SIZE) != 0) {
        rc = CHISO_E_CORRUPT; /* between the check and now */
    }
    r->files[service]++;
    return rc == 0 ? 0 : say(path, rc);
}

/* ---- another life ---- */

/* The consumer goes on in the new life of what was restored with it. */
static int lead_on(restore_t *r, int service, store_t *store, store_txn_t *txn, journal_t *journal)
{
    uint64_t epoch = 0;
    uint64_t next = 1;
    int rc = 0;
    if (service != BUNDLE_INGEST) {
        const bundle_service_t *producer = &r->bundle.services[service + 1];
        rc = inbox_position(store, MODEL_INBOX, &epoch, &next);
        if (rc == 0 && r->to[service + 1] != NULL && epoch == producer->epoch) {
            inbox_advance(txn, MODEL_INBOX, r->epochs[service + 1], next);
        }
    }
    /* beside a scorer that was not restored the keys of what is told are the old ones */
    if (rc == 0 && service == BUNDLE_PUBLISHER && r->to[BUNDLE_SCORER] != NULL) {
        delivery_tell_again(txn, journal_head(journal));
    }
    return rc;
}

static int renew(restore_t *r, int service)
{
    static const char *const *const tables[] = {model_tables, scorer_tables, ledger_tables};
    _Static_assert((int)MODEL_INBOX == (int)SCORER_INBOX, "one place for both inboxes");
    char path[TREE_MAX_PATH];
    char reason[256];
    store_t *store = NULL;
    journal_t *journal = NULL;
    snprintf(path, sizeof path, "%s/" STORE_UNFINISHED, r->to[service]);
    int rc = store_open(path, &(store_options_t){.tables = tables[service]}, reason, &store);
    if (rc != 0) {
        fprintf(stderr, "chiso: cannot open the store: %s\n", reason);
        return rc;
    }
    rc = journal_open(store, &(journal_options_t){.records = 0}, &journal);
    if (rc == 0) {
        store_txn_t *txn = store_write(store);
        r->epochs[service] = journal_renew(journal, txn);
        rc = lead_on(r, service, store, txn, journal);
        if (rc != 0) {
            store_fail(txn, rc);
        }
        rc = store_commit(&txn);
    }
    journal_close(&journal);
    store_close(&store);
    return rc == 0 ? 0 : say(path, rc);
}

/* ---- the end ---- */

static int settle(restore_t *r, int service)
{
    return landing_end(r->to[service], r->targets[service]);
}

static int each_service(restore_t *r, int (*step)(restore_t *r, int service))
{
    int rc = 0;
    for (int i = BUNDLE_SERVICES - 1; i >= 0 && rc == 0; i--) { /* a producer before its consumer */
        rc = r->to[i] != NULL ? step(r, i) : 0;
    }
    return rc;
}

static void tell(const restore_t *r)
{
    for (int i = 0; i < BUNDLE_SERVICES; i++) {
        const bundle_service_t *s = &r->bundle.services[i];
        if (r->to[i] != NULL) {
            printf(
                "%s: restored %s, journal %" PRIu64 "..%" PRIu64 ", %" PRIu64 " files, as of %s\n",
                r->to[i], bundle_names[i], s->first, s->head, r->files[i], r->bundle.finished_at);
        }
    }
    if (!r->goes_on && r->to[BUNDLE_PUBLISHER] != NULL && r->to[BUNDLE_SCORER] != NULL) {
        printf("the journals have new epochs, and each target will be told everything again\n");
    } else if (!r->goes_on) {
        printf("the journals have new epochs\n");
    }
}

int command_restore(int argc, char **argv)
{
    restore_t r = {.folder = -1, .targets = {-1, -1, -1}};
    const option_spec_t specs[] = {{.name = "from", .value = &r.from},
                                   {.name = "publisher", .value = &r.to[BUNDLE_PUBLISHER]},
                                   {.name = "scorer", .value = &r.to[BUNDLE_SCORER]},
                                   {.name = "ingest", .value = &r.to[BUNDLE_INGEST]},
                                   {.name = "continue", .flag = &r.goes_on},
                                   {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || first < argc || r.from == NULL ||
        (r.to[0] == NULL && r.to[1] == NULL && r.to[2] == NULL)) {
        fputs(usage, stderr);
        return CHISO_EXIT_USAGE;
    }
    int rc = check(&r);
    if (rc != 0) {
        return CHISO_EXIT_FINDING;
    }
    r.folder = open(r.from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = r.folder >= 0 ? each_service(&r, open_target) : say(r.from, -errno);
    if (rc == 0) {
        rc = bundle_each(r.from, &r.bundle, put_file, &r);
    }
    if (rc == 0 && !r.goes_on) {
        rc = each_service(&r, renew);
    }
    if (rc == 0) {
        rc = each_service(&r, settle);
    }
    int fds[] = {r.folder, r.targets[0], r.targets[1], r.targets[2]};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    if (rc != 0) {
        return CHISO_EXIT_STORE;
    }
    tell(&r);
    return CHISO_EXIT_OK;
}
