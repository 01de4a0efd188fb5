/* bundle.h - a backup as it lies on disk, see docs/operate.md.
 *
 *   manifest.json             which program made it, when, and where each service stood
 *   SHA256SUMS                a line for every other file, as sha256sum writes it
 *   SERVICE/data.mdb          the store, without free pages
 *   ingest/archive/ab/abcd…   raw bodies
 *
 * It is written as NAME.unfinished and gets its name when everything in it is durable; so what has
 * a name is whole, and what was killed has no manifest.
 */
#ifndef CHISO_CLI_BUNDLE_H
#define CHISO_CLI_BUNDLE_H

#include "base/bytes.h"
#include "tree.h"

#include <stdbool.h>
#include <stdio.h>

#define BUNDLE_FORMAT 1
#define BUNDLE_SUMS "SHA256SUMS"
#define BUNDLE_MANIFEST "manifest.json"

/* In the order in which they are copied: a consumer before its producer, so that no copy of a
 * consumer is ahead of the copy that it would go on from. */
enum { BUNDLE_PUBLISHER, BUNDLE_SCORER, BUNDLE_INGEST, BUNDLE_SERVICES };
extern const char *const bundle_names[BUNDLE_SERVICES];

/* Where the copy of a service stands. */
typedef struct {
    bool there;
    bool reads; /* it has a producer, and has heard of it */
    uint64_t epoch, first, head;
    uint8_t head_hash[SHA256_SIZE];
    uint64_t from_epoch, next; /* in the producer's journal */
    uint64_t data_bytes;
} bundle_service_t;

typedef struct {
    bundle_service_t services[BUNDLE_SERVICES];
    bool running;   /* a service was at work meanwhile */
    uint64_t files; /* lines of SHA256SUMS */
    char version[32];
    char finished_at[40];
} bundle_t;

/* One line of SHA256SUMS. */
void bundle_put_sum(FILE *sums, const char *path, const tree_file_t *file);
/* The manifest as text. */
void bundle_write(const bundle_t *bundle, int64_t began_at, int64_t finished_at, buffer_t *out);

/* Reads the manifest of a whole backup, and says on stderr what is wrong with it. 0,
 * CHISO_E_NOT_FOUND (half a backup, or none), CHISO_E_NEWER, CHISO_E_CORRUPT, -errno. */
int bundle_read(const char *path, bundle_t *out);
/* Each file that the backup holds. A code other than 0 ends it. 0, CHISO_E_CORRUPT, -errno. */
typedef int (*bundle_each_fn)(void *context, const char *path, const uint8_t hash[SHA256_SIZE]);
int bundle_each(const char *path, const bundle_t *bundle, bundle_each_fn each, void *context);
/* Which service's a file is; -1: none's. */
int bundle_service_of(const char *path);
/* Reads every byte of the wanted services (NULL: of all) and of the manifest; tells each file that
 * is not what it was. Returns how many are not, or a negative code. */
int bundle_check(const char *path, const bundle_t *bundle, const bool wanted[BUNDLE_SERVICES]);

#endif
