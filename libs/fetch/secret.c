/* secret.c - see secret.h.
 *
 * The mode is taken of the file that was opened, not of its name, so that a link that is turned
 * between the two shows nothing else. A pipe is opened without waiting for its writer, and refused.
 */
#include "fetch/secret.h"

#include "base/error.h"
#include "fetch/fetch_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A Secret's volume and root's own files belong to root, and a service reads them by its group. */
static bool only_its_own(const struct stat *st)
{
    bool roots = st->st_uid == 0 && geteuid() != 0 && (st->st_mode & (S_IWGRP | S_IXGRP)) == 0;
    return (st->st_mode & ((roots ? 0U : S_IRWXG) | S_IRWXO)) == 0;
}

int fetch_secret_open(const char *file, char reason[FETCH_REASON_SIZE])
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = -errno;
        snprintf(reason, FETCH_REASON_SIZE, "'%s': %s", file, strerror(-rc));
        if (fd >= 0) {
            close(fd);
        }
        return rc;
    }
    if (S_ISREG(st.st_mode) && only_its_own(&st)) {
        return fd;
    }
    close(fd);
    if (S_ISREG(st.st_mode)) {
        snprintf(reason, FETCH_REASON_SIZE,
                 "'%s' has mode %04o; expected 0600 or tighter: others must not read a secret",
                 file, (unsigned)(st.st_mode & 07777));
    } else {
        snprintf(reason, FETCH_REASON_SIZE, "'%s' is not a regular file", file);
    }
    return CHISO_E_INVALID;
}

/* At most `size` bytes. The count, or -errno. */
static ssize_t read_all(int fd, char *out, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, out + len, size - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static int take_line(const char *file, const char *text, size_t len, size_t max,
                     fetch_secret_t *out, char reason[FETCH_REASON_SIZE])
{
    if (len > 0 && text[len - 1] == '\n') {
        len--;
        len -= len > 0 && text[len - 1] == '\r';
    }
    if (len > max) {
        snprintf(reason, FETCH_REASON_SIZE, "'%s' holds more than %zu bytes", file, max);
        return CHISO_E_TOO_BIG;
    }
    bool plain = len > 0;
    for (size_t i = 0; i < len; i++) {
        plain = plain && (unsigned char)text[i] >= 0x20 && text[i] != 0x7f;
    }
    if (!plain) {
        snprintf(reason, FETCH_REASON_SIZE,
                 "'%s' is empty, of several lines or not text; expected one line", file);
        return CHISO_E_INVALID;
    }
    int rc = fetch_secret_copy(text, len, out);
    if (rc != 0) {
        snprintf(reason, FETCH_REASON_SIZE, "out of memory");
    }
    return rc;
}

int fetch_secret_read(const char *file, size_t max, fetch_secret_t *out,
                      char reason[FETCH_REASON_SIZE])
{
    int fd = fetch_secret_open(file, reason);
    if (fd < 0) {
        return fd;
    }
    size_t size = max + 3; /* a line end, and one to see that there is more */
    char *text = malloc(size);
    ssize_t n = text != NULL ? read_all(fd, text, size) : -ENOMEM;
    close(fd);
    int rc = (int)n;
    if (n >= 0) {
        rc = take_line(file, text, (size_t)n, max, out, reason);
    } else {
        snprintf(reason, FETCH_REASON_SIZE, "'%s': %s", file, strerror((int)-n));
    }
    if (text != NULL) {
        sodium_memzero(text, size);
    }
    free(text);
    return rc;
}

int fetch_secret_copy(const char *text, size_t len, fetch_secret_t *out)
{
    char *copy = malloc(len + 1);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    *out = (fetch_secret_t){.text = copy, .len = len};
    return 0;
}

void fetch_secret_free(fetch_secret_t *secret)
{
    if (secret->text != NULL) {
        sodium_memzero(secret->text, secret->len);
    }
    free(secret->text);
    *secret = (fetch_secret_t){0};
}
