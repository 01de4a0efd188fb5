/* folder.h - a scratch folder of a test, and a store in it. */
#ifndef CHISO_TESTS_FOLDER_H
#define CHISO_TESTS_FOLDER_H

#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_SIZE 64
#define FOLDER_MAP (64ULL << 20)

static inline int folder_remove_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s;
    (void)type;
    (void)f;
    return remove(path);
}

static inline void folder_make(char out[FOLDER_SIZE])
{
    snprintf(out, FOLDER_SIZE, "/tmp/chiso-unit-XXXXXX");
    assert_non_null(mkdtemp(out));
}

static inline void folder_remove(const char *path)
{
    assert_int_equal(nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* "PATH/NAME"; the caller frees it. */
static inline char *folder_file(const char *path, const char *name)
{
    char *out = NULL;
    assert_true(asprintf(&out, "%s/%s", path, name) > 0);
    return out;
}

static inline void folder_write(const char *path, const char *name, bytes_t body)
{
    char *file = folder_file(path, name);
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(body.data, 1, body.len, f), body.len);
    assert_int_equal(fclose(f), 0);
    free(file);
}

static inline void folder_read(const char *file, buffer_t *out)
{
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        buffer_append(out, block, n);
    }
    fclose(f);
    assert_false(out->failed);
}

/* Opens PATH/store, or fails the test with the reason. */
static inline store_t *folder_store(const char *path, const char *const *tables)
{
    char reason[256] = "";
    store_t *store = NULL;
    char *name = folder_file(path, "store");
    store_options_t options = {.map_size = FOLDER_MAP, .tables = tables};
    if (store_open(name, &options, reason, &store) != 0) {
        fail_msg("%s", reason);
    }
    free(name);
    return store;
}

#endif
