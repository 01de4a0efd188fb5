/* bundle.c - see bundle.h. The sums are a file of their own, so that a backup can be checked where
 * there is no chiso (`sha256sum -c SHA256SUMS`), and a million raw bodies do not make a JSON text
 * of 150 MB. The manifest is among the files summed, and says how many lines there are: a sum that
 * is wrong, or gone, is found as well. */
#include "bundle.h"

#include "base/error.h"
#include "store/store.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TOLD 20

const char *const bundle_names[BUNDLE_SERVICES] = {"publisher", "scorer", "ingest"};

void bundle_put_sum(FILE *sums, const char *path, const tree_file_t *file)
{
    char hex[SHA256_HEX_SIZE];
    fprintf(sums, "%s  %s\n", sha256_hex(file->hash, hex), path);
}

/* ---- the manifest ---- */

static void put_epoch(jw_t *j, const char *key, uint64_t epoch)
{
    char hex[17];
    snprintf(hex, sizeof hex, "%016" PRIx64, epoch);
    jw_put_text(j, key, hex);
}

static void put_service(jw_t *j, const bundle_service_t *s)
{
    char hex[SHA256_HEX_SIZE];
    jw_object(j);
    jw_put_whole(j, "store_format", STORE_FORMAT);
    jw_put_number(j, "data_bytes", s->data_bytes);
    jw_put_object(j, "journal");
    put_epoch(j, "epoch", s->epoch);
    jw_put_number(j, "first", s->first);
    jw_put_number(j, "head", s->head);
    jw_put_text(j, "head_sha256", sha256_hex(s->head_hash, hex));
    jw_object_end(j);
    if (s->reads) {
        jw_put_object(j, "reads");
        put_epoch(j, "epoch", s->from_epoch);
        jw_put_number(j, "next", s->next);
        jw_object_end(j);
    }
    jw_object_end(j);
}

void bundle_write(const bundle_t *b, int64_t began_at, int64_t finished_at, buffer_t *out)
{
    jw_t j = jw_to(out);
    jw_object(&j);
    jw_put_text(&j, "kind", "chiso backup");
    jw_put_whole(&j, "format", BUNDLE_FORMAT);
    jw_put_text(&j, "version", CHISO_VERSION);
    jw_put_time(&j, "began_at", began_at);
    jw_put_time(&j, "finished_at", finished_at);
    jw_put_flag(&j, "running", b->running);
    jw_put_number(&j, "files", b->files);
    jw_put_object(&j, "services");
    for (int i = 0; i < BUNDLE_SERVICES; i++) {
        if (b->services[i].there) {
            jw_key(&j, bundle_names[i]);
            put_service(&j, &b->services[i]);
        }
    }
    jw_object_end(&j);
    jw_object_end(&j);
    buffer_append(out, "\n", 1);
}

static bool take_number(const json_t *o, const char *key, int base, uint64_t *out)
{
    const char *text = json_string_value(json_object_get(o, key));
    char *end = NULL;
    errno = 0;
    uint64_t value = text != NULL ? strtoull(text, &end, base) : 0;
    bool good = text != NULL && *text != '\0' && *text != '-' && *end == '\0' && errno == 0;
    if (good) {
        *out = value;
    }
    return good;
}

static bool take_hash(const json_t *o, const char *key, uint8_t out[SHA256_SIZE])
{
    const char *hex = json_string_value(json_object_get(o, key));
    size_t n = 0;
    return hex != NULL && strlen(hex) == 64 &&
           sodium_hex2bin(out, SHA256_SIZE, hex, 64, NULL, &n, NULL) == 0 && n == SHA256_SIZE;
}

static bool take_service(const json_t *o, bundle_service_t *s)
{
    const json_t *journal = json_object_get(o, "journal");
    const json_t *reads = json_object_get(o, "reads");
    s->there = true;
    s->reads = reads != NULL;
    return take_number(o, "data_bytes", 10, &s->data_bytes) &&
           take_number(journal, "epoch", 16, &s->epoch) &&
           take_number(journal, "first", 10, &s->first) &&
           take_number(journal, "head", 10, &s->head) &&
           take_hash(journal, "head_sha256", s->head_hash) &&
           (reads == NULL || (take_number(reads, "epoch", 16, &s->from_epoch) &&
                              take_number(reads, "next", 10, &s->next)));
}

static int take(const json_t *root, const char *path, bundle_t *b)
{
    const char *kind = json_string_value(json_object_get(root, "kind"));
    const char *version = json_string_value(json_object_get(root, "version"));
    const char *at = json_string_value(json_object_get(root, "finished_at"));
    json_int_t format = json_integer_value(json_object_get(root, "format"));
    const json_t *services = json_object_get(root, "services");
    if (kind == NULL || strcmp(kind, "chiso backup") != 0 || version == NULL || at == NULL) {
        return CHISO_E_CORRUPT;
    }
    if (format > BUNDLE_FORMAT) {
        fprintf(
            stderr,
            "chiso: %s: is of backup format %lld, made by chiso %s; this is chiso " CHISO_VERSION
            " and knows formats up to %d\n",
            path, (long long)format, version, BUNDLE_FORMAT);
        return CHISO_E_NEWER;
    }
    snprintf(b->version, sizeof b->version, "%s", version);
    snprintf(b->finished_at, sizeof b->finished_at, "%s", at);
    b->running = !json_is_false(json_object_get(root, "running"));
    bool good = format == BUNDLE_FORMAT && take_number(root, "files", 10, &b->files);
    for (int i = 0; i < BUNDLE_SERVICES && good; i++) {
        const json_t *o = json_object_get(services, bundle_names[i]);
        good = o == NULL || take_service(o, &b->services[i]);
    }
    return good ? 0 : CHISO_E_CORRUPT;
}

int bundle_read(const char *path, bundle_t *out)
{
    char name[TREE_MAX_PATH];
    char sums[TREE_MAX_PATH];
    size_t len = strlen(path);
    snprintf(name, sizeof name, "%s/" BUNDLE_MANIFEST, path);
    snprintf(sums, sizeof sums, "%s/" BUNDLE_SUMS, path);
    bool half = len > 11 && strcmp(path + len - 11, ".unfinished") == 0;
    if (half || access(name, R_OK) != 0 || access(sums, R_OK) != 0) {
        fprintf(stderr, "chiso: %s: is not a whole backup: %s\n", path,
                half                      ? "it was not finished"
                : access(name, R_OK) != 0 ? BUNDLE_MANIFEST " cannot be read"
                                          : BUNDLE_SUMS " cannot be read");
        return CHISO_E_NOT_FOUND;
    }
    bundle_t b = {0};
    json_error_t error;
    json_t *root = json_load_file(name, JSON_REJECT_DUPLICATES, &error);
    int rc = root != NULL ? take(root, path, &b) : CHISO_E_CORRUPT;
    json_decref(root);
    if (rc == CHISO_E_CORRUPT) {
        fprintf(stderr, "chiso: %s: is damaged, or not the manifest of a backup\n", name);
    }
    if (rc == 0) {
        *out = b;
    }
    return rc;
}

/* ---- the sums ---- */

/* Nothing of ours has such a name; a list that was made up must not reach outside. */
static bool is_safe(const char *path)
{
    return *path != '\0' && *path != '/' && strstr(path, "..") == NULL &&
           strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") ==
               strlen(path);
}

/* "HEX  PATH\n" */
static int read_line(char *line, size_t len, uint8_t hash[SHA256_SIZE], const char **path)
{
    size_t n = 0;
    if (len < 68 || line[len - 1] != '\n' || line[64] != ' ' || line[65] != ' ' ||
        sodium_hex2bin(hash, SHA256_SIZE, line, 64, NULL, &n, NULL) != 0 || n != SHA256_SIZE) {
        return CHISO_E_CORRUPT;
    }
    line[len - 1] = '\0';
    *path = line + 66;
    return is_safe(*path) ? 0 : CHISO_E_CORRUPT;
}

int bundle_each(const char *path, const bundle_t *b, bundle_each_fn each, void *context)
{
    char name[TREE_MAX_PATH];
    char line[TREE_MAX_PATH];
    snprintf(name, sizeof name, "%s/" BUNDLE_SUMS, path);
    FILE *sums = fopen(name, "re");
    if (sums == NULL) {
        return -errno;
    }
    uint64_t n = 0;
    int rc = 0;
    while (rc == 0 && fgets(line, sizeof line, sums) != NULL) {
        uint8_t hash[SHA256_SIZE];
        const char *file;
        n++;
        rc = read_line(line, strlen(line), hash, &file);
        if (rc != 0) {
            fprintf(stderr,
                    "chiso: %s:%" PRIu64 ": is damaged; expected SHA-256, two spaces, a "
                    "file's name\n",
                    name, n);
        } else {
            rc = each(context, file, hash);
        }
    }
    if (rc == 0 && ferror(sums)) {
        rc = -EIO;
    }
    fclose(sums);
    if (rc == 0 && n != b->files) {
        fprintf(stderr, "chiso: %s: has %" PRIu64 " lines, the manifest says %" PRIu64 "\n", name,
                n, b->files);
        rc = CHISO_E_CORRUPT;
    }
    return rc;
}

int bundle_service_of(const char *path)
{
    for (int i = 0; i < BUNDLE_SERVICES; i++) {
        size_t len = strlen(bundle_names[i]);
        if (strncmp(path, bundle_names[i], len) == 0 && path[len] == '/') {
            return i;
        }
    }
    return -1;
}

typedef struct {
    int folder, bad;
    const char *path;
    const bool *wanted;
} check_t;

static int check_file(void *context, const char *path, const uint8_t hash[SHA256_SIZE])
{
    check_t *c = context;
    tree_file_t file;
    int service = bundle_service_of(path);
    if (service >= 0 && c->wanted != NULL && !c->wanted[service]) {
        return 0;
    }
    int rc = tree_hash(c->folder, path, &file);
    bool same = rc == 0 && memcmp(file.hash, hash, SHA256_SIZE) == 0;
    if (!same && ++c->bad <= MAX_TOLD) {
        printf("FOUND %s/%s: %s\n", c->path, path,
               rc == 0         ? "is damaged: its SHA-256 is another one"
               : rc == -ENOENT ? "is missing"
                               : chiso_strerror(rc));
    }
    return 0;
}

int bundle_check(const char *path, const bundle_t *b, const bool wanted[BUNDLE_SERVICES])
{
    check_t check = {
        .folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), .path = path, .wanted = wanted};
    if (check.folder < 0) {
        return -errno;
    }
    int rc = bundle_each(path, b, check_file, &check);
    close(check.folder);
    return rc < 0 ? rc : check.bad;
}
