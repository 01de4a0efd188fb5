/* compress.c - answers as gzip, for clients that say they take it. Level 4: most of the gain for a
 * third of the time, which is the loop's. */
#include "http/http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define LEVEL 4
#define GZIP_WINDOW (15 + 16)
#define LEAST 1024

static bool is_text(const char *type)
{
    return type != NULL &&
           (strncmp(type, "text/", 5) == 0 || strncmp(type, "application/json", 16) == 0 ||
            strncmp(type, "application/manifest+json", 25) == 0 ||
            strncmp(type, "image/svg+xml", 13) == 0);
}

/* "gzip", "gzip;q=0.8", "*", among others; ";q=0" means no. */
static bool takes_gzip(const char *accepted)
{
    while (accepted != NULL && *accepted != '\0') {
        accepted += strspn(accepted, " ,\t");
        size_t len = strcspn(accepted, ",");
        size_t name = strcspn(accepted, ",; \t");
        bool gzip =
            (name == 4 && strncasecmp(accepted, "gzip", 4) == 0) || (name == 1 && *accepted == '*');
        const char *q = memmem(accepted, len, "q=0", 3);
        bool refused = q != NULL && strspn(q + 2, "0.") == strcspn(q + 2, ", \t;");
        if (gzip) {
            return !refused;
        }
        accepted += len;
    }
    return false;
}

/* The owner has done it, or decided otherwise. */
static bool is_encoded(const http_request_t *request)
{
    for (const http_header_t *h = request->headers; h != NULL; h = h->next) {
        if (strcasecmp(h->name, MHD_HTTP_HEADER_CONTENT_ENCODING) == 0) {
            return true;
        }
    }
    return false;
}

static void weaken_etag(http_request_t *request)
{
    for (http_header_t *h = request->headers; h != NULL; h = h->next) {
        if (strcasecmp(h->name, MHD_HTTP_HEADER_ETAG) == 0 && *h->value == '"') {
            char weak[128];
            snprintf(weak, sizeof weak, "W/%s", h->value);
            free(h->value);
            h->value = strdup(weak);
        }
    }
}

static bool deflate_all(z_stream *z, bytes_t in, buffer_t *out)
{
    uint8_t block[16384];
    int rc;
    z->next_in = (Bytef *)(uintptr_t)in.data;
    z->avail_in = (uInt)in.len;
    do {
        z->next_out = block;
        z->avail_out = sizeof block;
        rc = deflate(z, Z_FINISH);
        buffer_append(out, block, sizeof block - z->avail_out);
    } while (rc == Z_OK && !out->failed);
    return rc == Z_STREAM_END && !out->failed;
}

buffer_t http_compress(http_request_t *request, int status, const char *content_type, bytes_t in)
{
    buffer_t out = BUFFER_INIT(in.len);
    if (!request->http->options.compress || status != MHD_HTTP_OK || in.len < LEAST ||
        in.len > UINT32_MAX || !is_text(content_type) || is_encoded(request)) {
        return out;
    }
    http_set_header(request, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    z_stream z = {0};
    if (!takes_gzip(http_header(request, MHD_HTTP_HEADER_ACCEPT_ENCODING)) ||
        deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return out;
    }
    if (deflate_all(&z, in, &out)) {
        http_set_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
        weaken_etag(request);
    } else {
        buffer_free(&out); /* no smaller: as it is */
    }
    deflateEnd(&z);
    return out;
}
