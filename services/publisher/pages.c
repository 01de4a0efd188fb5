/* pages.c - see pages.h. */
#include "pages.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char name[128]; /* "/app.js" */
    const char *type;
    char etag[20];
    buffer_t bytes;
} page_t;

struct pages {
    page_t *files;
    size_t n_files;
};

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".json", "application/json"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".webmanifest", "application/manifest+json"},
        {".woff2", "font/woff2"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(dot, types[i].ending) == 0) {
            return types[i].type;
        }
    }
    return NULL;
}

static int read_file(const char *path, buffer_t *out)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return -errno;
    }
    char block[16384];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        buffer_append(out, block, n);
    }
    int rc = ferror(f) ? -EIO : out->failed ? CHISO_E_TOO_BIG : 0;
    fclose(f);
    return rc;
}

static int add_file(pages_t *p, const char *folder, const char *name)
{
    const char *type = type_of(name);
    if (type == NULL || *name == '.' || strlen(name) > 120) {
        return 0;
    }
    if (p->n_files == PAGES_MAX_FILES) {
        return CHISO_E_TOO_BIG;
    }
    page_t *grown = realloc(p->files, (p->n_files + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    p->files = grown;
    page_t *file = &p->files[p->n_files++];
    *file = (page_t){.type = type, .bytes = BUFFER_INIT(PAGES_MAX_BYTES)};
    snprintf(file->name, sizeof file->name, "/%s", name);
    char path[4400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int rc = read_file(path, &file->bytes);
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256(buffer_bytes(&file->bytes), hash);
    snprintf(file->etag, sizeof file->etag, "\"%.16s\"", sha256_hex(hash, hex));
    return rc;
}

int pages_load(const char *folder, pages_t **out)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return -errno;
    }
    pages_t *p = calloc(1, sizeof *p);
    int rc = p == NULL ? -ENOMEM : 0;
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(dir)) != NULL) {
        if (entry->d_type != DT_DIR) {
            rc = add_file(p, folder, entry->d_name);
        }
    }
    closedir(dir);
    if (rc != 0) {
        pages_free(&p);
        return rc;
    }
    *out = p;
    return 0;
}

void pages_free(pages_t **pages)
{
    if (pages == NULL || *pages == NULL) {
        return;
    }
    for (size_t i = 0; i < (*pages)->n_files; i++) {
        buffer_free(&(*pages)->files[i].bytes);
    }
    free((*pages)->files);
    free(*pages);
    *pages = NULL;
}

bool pages_reply(const pages_t *pages, const char *path, http_request_t *request)
{
    const char *wanted = strcmp(path, "/") == 0 ? "/index.html" : path;
    for (size_t i = 0; pages != NULL && i < pages->n_files; i++) {
        const page_t *file = &pages->files[i];
        if (strcmp(file->name, wanted) != 0) {
            continue;
        }
        const char *known = http_header(request, "If-None-Match");
        http_set_header(request, "ETag", file->etag);
        http_set_header(request, "Cache-Control", "no-cache");
        http_set_header(request, "Content-Security-Policy",
                        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'");
        http_set_header(request, "X-Content-Type-Options", "nosniff");
        http_set_header(request, "Referrer-Policy", "no-referrer");
        if (known != NULL && strstr(known, file->etag) != NULL) {
            http_reply(request, 304, NULL, bytes_of(NULL, 0));
        } else {
            http_reply(request, 200, file->type, buffer_bytes(&file->bytes));
        }
        return true;
    }
    return false;
}
