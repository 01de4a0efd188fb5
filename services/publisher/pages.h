/* pages.h - the live page's files, read once at start. */
#ifndef CHISO_PUBLISHER_PAGES_H
#define CHISO_PUBLISHER_PAGES_H

#include "http/http.h"

typedef struct pages pages_t;

#define PAGES_MAX_FILES 256
#define PAGES_MAX_BYTES (8 * 1024 * 1024)

/* Reads the files of a folder (not of folders in it) whose type is known. 0, -errno,
 * CHISO_E_TOO_BIG. */
int pages_load(const char *folder, pages_t **out);
void pages_free(pages_t **pages);

/* Answers when `path` is one of them ("/" is index.html); false when it is not. */
bool pages_reply(const pages_t *pages, const char *path, http_request_t *request);

#endif
