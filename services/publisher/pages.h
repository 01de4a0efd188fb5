/* pages.h - the live page's files, read once at start, and the places in them that are filled at
 * each request. */
#ifndef CHISO_PUBLISHER_PAGES_H
#define CHISO_PUBLISHER_PAGES_H

#include "http/http.h"

typedef struct pages pages_t;

#define PAGES_MAX_FILES 256
#define PAGES_MAX_BYTES (8 * 1024 * 1024)

/* Reads the files of a folder (not of folders in it) whose type is known. "app.js.gz" is app.js for
 * who takes gzip. 0, -errno, CHISO_E_TOO_BIG. */
int pages_load(const char *folder, pages_t **out);
void pages_free(pages_t **pages);

/* Appends what stands in the place of `mark` in index.html at a request. Mark and context are
 * borrowed. */
typedef void (*pages_fill_fn)(void *context, http_request_t *request, buffer_t *out);
void pages_fill(pages_t *pages, const char *mark, pages_fill_fn fill, void *context);

/* Answers when `path` is one of them ("/" is index.html); false when it is not. */
bool pages_reply(const pages_t *pages, const char *path, http_request_t *request);

#endif
