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
    const char *mark; /* in index.html; NULL: nothing is filled */
    pages_fill_fn fill;
    void *context;
};

/* "/app.js.gz" has the type of /app.js. */
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
    size_t len = strlen(name);
    len -= len > 3 && strcmp(name + len - 3, ".gz") == 0 ? 3 : 0;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t n = strlen(types[i].ending);
        if (len > n && strncmp(name + len - n, types[i].ending, n) == 0) {
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

static void put_etag(bytes_t bytes, char out[20])
{
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    sha256(bytes, hash);
    snprintf(out, 20, "\"%.16s\"", sha256_hex(hash, hex));
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
    put_etag(buffer_bytes(&file->bytes), file->etag);
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

void pages_fill(pages_t *pages, const char *mark, pages_fill_fn fill, void *context)
{
    pages->mark = mark;
    pages->fill = fill;
    pages->context = context;
}

static const page_t *find(const pages_t *pages, const char *name, const char *ending)
{
    char wanted[136];
    snprintf(wanted, sizeof wanted, "%.127s%s", name, ending);
    for (size_t i = 0; i < pages->n_files; i++) {
        if (strcmp(pages->files[i].name, wanted) == 0) {
            return &pages->files[i];
        }
    }
    return NULL;
}

/* "gzip", unless it stands there with q=0, which nobody sends but the standard allows. */
static bool takes_gzip(http_request_t *request)
{
    const char *accepted = http_header(request, "Accept-Encoding");
    const char *gzip = accepted != NULL ? strstr(accepted, "gzip") : NULL;
    return gzip != NULL && strncmp(gzip, "gzip;q=0", 8) != 0;
}

static void reply(http_request_t *request, const char *type, const char *etag, bytes_t bytes)
{
    const char *known = http_header(request, "If-None-Match");
    http_set_header(request, "ETag", etag);
    http_set_header(request, "Cache-Control", "no-cache");
    http_set_header(request, "Vary", "Accept-Encoding");
    http_set_header(request, "Content-Security-Policy",
                    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'");
    http_set_header(request, "X-Content-Type-Options", "nosniff");
    http_set_header(request, "Referrer-Policy", "no-referrer");
    if (known != NULL && strstr(known, etag) != NULL) {
        http_reply(request, 304, NULL, bytes_of(NULL, 0));
    } else {
        http_reply(request, 200, type, bytes);
    }
}

/* index.html with the mark replaced; false when it holds none. */
static bool reply_filled(const pages_t *pages, const page_t *file, http_request_t *request)
{
    bytes_t all = buffer_bytes(&file->bytes);
    const uint8_t *mark = memmem(all.data, all.len, pages->mark, strlen(pages->mark));
    if (mark == NULL) {
        return false;
    }
    char etag[20];
    buffer_t out = BUFFER_INIT(PAGES_MAX_BYTES);
    const uint8_t *rest = mark + strlen(pages->mark);
    buffer_append(&out, all.data, (size_t)(mark - all.data));
    pages->fill(pages->context, request, &out);
    buffer_append(&out, rest, (size_t)(all.data + all.len - rest));
    bool made = !out.failed;
    if (made) {
        put_etag(buffer_bytes(&out), etag);
        reply(request, file->type, etag, buffer_bytes(&out));
    }
    buffer_free(&out);
    return made;
}

bool pages_reply(const pages_t *pages, const char *path, http_request_t *request)
{
    bool index = strcmp(path, "/") == 0 || strcmp(path, "/index.html") == 0;
    const page_t *file = pages == NULL ? NULL : find(pages, index ? "/index.html" : path, "");
    if (file == NULL) {
        return false;
    }
    if (index && pages->mark != NULL && reply_filled(pages, file, request)) {
        return true;
    }
    const page_t *small = takes_gzip(request) ? find(pages, file->name, ".gz") : NULL;
    if (small != NULL) {
        http_set_header(request, "Content-Encoding", "gzip");
        file = small;
    }
    reply(request, file->type, file->etag, buffer_bytes(&file->bytes));
    return true;
}
