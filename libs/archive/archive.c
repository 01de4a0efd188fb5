/* archive.c - see archive.h. Files and not the store: bodies are large, never change, are read
 * seldom, and an operator can check them with sha256sum and prune them with find. */
#include "archive/archive.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct archive {
    int folder;
};

int archive_open(const char *folder, archive_t **out)
{
    if (mkdir(folder, 0750) != 0 && errno != EEXIST) {
        return -errno;
    }
    archive_t *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->folder < 0) {
        int rc = -errno;
        free(a);
        return rc;
    }
    *out = a;
    return 0;
}

void archive_close(archive_t **archive)
{
    if (archive != NULL && *archive != NULL) {
        close((*archive)->folder);
        free(*archive);
        *archive = NULL;
    }
}

/* "ab" and "ab/abcdef…" */
static void names_of(const uint8_t hash[SHA256_SIZE], char sub[3], char name[SHA256_HEX_SIZE + 3])
{
    char hex[SHA256_HEX_SIZE];
    sha256_hex(hash, hex);
    snprintf(sub, 3, "%.2s", hex);
    snprintf(name, SHA256_HEX_SIZE + 3, "%s/%s", sub, hex);
}

static int write_all(int fd, bytes_t body)
{
    while (body.len > 0) {
        ssize_t n = write(fd, body.data, body.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -errno : -EIO;
        }
        body.data += n;
        body.len -= (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

static int sync_folder(archive_t *a, const char *sub)
{
    int fd = openat(a->folder, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int rc = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return rc;
}

int archive_keep(archive_t *a, bytes_t body, const uint8_t hash[SHA256_SIZE])
{
    char sub[3];
    char name[SHA256_HEX_SIZE + 3];
    names_of(hash, sub, name);
    struct stat found;
    if (fstatat(a->folder, name, &found, 0) == 0 && (size_t)found.st_size == body.len) {
        return 0;
    }
    if (mkdirat(a->folder, sub, 0750) == 0) {
        if (fsync(a->folder) != 0) {
            return -errno;
        }
    } else if (errno != EEXIST) {
        return -errno;
    }
    char beside[SHA256_HEX_SIZE + 8];
    snprintf(beside, sizeof beside, "%s.new", name);
    int fd = openat(a->folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0440);
    if (fd < 0 && errno == EACCES) { /* left by a crash, and we are not root */
        unlinkat(a->folder, beside, 0);
        fd = openat(a->folder, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0440);
    }
    if (fd < 0) {
        return -errno;
    }
    int rc = write_all(fd, body);
    if (close(fd) != 0 && rc == 0) {
        rc = -errno;
    }
    if (rc == 0 && renameat(a->folder, beside, a->folder, name) != 0) {
        rc = -errno;
    }
    if (rc != 0) {
        unlinkat(a->folder, beside, 0);
        return rc;
    }
    return sync_folder(a, sub);
}

int archive_read(archive_t *a, const uint8_t hash[SHA256_SIZE], buffer_t *out)
{
    char sub[3];
    char name[SHA256_HEX_SIZE + 3];
    names_of(hash, sub, name);
    int fd = openat(a->folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? CHISO_E_NOT_FOUND : -errno;
    }
    size_t start = out->len;
    uint8_t block[16384];
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0) {
        buffer_append(out, block, (size_t)n);
    }
    int rc = n < 0 ? -errno : out->failed ? CHISO_E_TOO_BIG : 0;
    close(fd);
    uint8_t own[SHA256_SIZE];
    if (rc == 0) {
        sha256(bytes_of(out->data + start, out->len - start), own);
        rc = memcmp(own, hash, SHA256_SIZE) == 0 ? 0 : CHISO_E_CORRUPT;
    }
    return rc;
}
