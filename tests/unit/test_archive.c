/* test_archive.c - bodies under their hashes, each once, each whole. */
#include "archive/archive.h"

#include "base/error.h"
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

typedef struct {
    char path[FOLDER_SIZE];
    char *folder;
    archive_t *archive;
} rig_t;

static int setup(void **state)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->path);
    rig->folder = folder_file(rig->path, "raw");
    assert_int_equal(archive_open(rig->folder, &rig->archive), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_t *rig = *state;
    archive_close(&rig->archive);
    archive_close(&rig->archive); /* nothing */
    folder_remove(rig->path);
    free(rig->folder);
    free(rig);
    return 0;
}

static char *file_of(rig_t *rig, const uint8_t hash[SHA256_SIZE])
{
    char hex[SHA256_HEX_SIZE];
    char *out = NULL;
    sha256_hex(hash, hex);
    assert_true(asprintf(&out, "%s/%.2s/%s", rig->folder, hex, hex) > 0);
    return out;
}

static unsigned files, others;

static int count_one(const char *path, const struct stat *s, int type, struct FTW *f)
{
    (void)s;
    if (type == FTW_F) {
        files++;
        others += strlen(path + f->base) != 64 ? 1 : 0;
    }
    return 0;
}

static void count(rig_t *rig, unsigned want)
{
    files = others = 0;
    assert_int_equal(nftw(rig->folder, count_one, 16, FTW_PHYS), 0);
    assert_int_equal(files, want);
    assert_int_equal(others, 0); /* nothing half-written is left */
}

static int read_back(rig_t *rig, const uint8_t hash[SHA256_SIZE], bytes_t want)
{
    buffer_t out = BUFFER_INIT(1 << 20);
    buffer_append_text(&out, "before");
    int rc = archive_read(rig->archive, hash, &out);
    if (rc == 0) {
        assert_int_equal(out.len, want.len + 6); /* appended */
        assert_memory_equal(out.data, "before", 6);
        assert_true(bytes_equal(bytes_of(out.data + 6, out.len - 6), want));
    }
    buffer_free(&out);
    return rc;
}

static void test_keep_and_read(void **state)
{
    rig_t *rig = *state;
    static uint8_t big[300000];
    for (size_t i = 0; i < sizeof big; i++) {
        big[i] = (uint8_t)(i * i >> 7);
    }
    const bytes_t bodies[] = {bytes_of_text("[]"), bytes_of("", 0), bytes_of(big, sizeof big),
                              bytes_of("a\0b", 3)};
    uint8_t hash[4][SHA256_SIZE];
    for (int i = 0; i < 4; i++) {
        sha256(bodies[i], hash[i]);
        assert_int_equal(read_back(rig, hash[i], bodies[i]), CHISO_E_NOT_FOUND);
        assert_int_equal(archive_keep(rig->archive, bodies[i], hash[i]), 0);
        assert_int_equal(archive_keep(rig->archive, bodies[i], hash[i]), 0); /* once */
        count(rig, (unsigned)i + 1);
    }
    archive_close(&rig->archive);
    assert_int_equal(archive_open(rig->folder, &rig->archive), 0); /* it is there already */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(read_back(rig, hash[i], bodies[i]), 0);
    }
    /* under the name that sha256sum would find it by */
    char *name = file_of(rig, hash[0]);
    assert_non_null(
        strstr(name, "/4f/4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"));
    struct stat s;
    assert_int_equal(stat(name, &s), 0);
    assert_int_equal(s.st_mode & 0222, 0); /* never written again */
    assert_int_equal(s.st_size, 2);
    free(name);
}

static void test_corrupt(void **state)
{
    rig_t *rig = *state;
    bytes_t body = bytes_of_text("{\"a\":1}");
    uint8_t hash[SHA256_SIZE];
    sha256(body, hash);
    assert_int_equal(archive_keep(rig->archive, body, hash), 0);
    char *name = file_of(rig, hash);
    assert_int_equal(chmod(name, 0640), 0);
    static const char *const damages[] = {"{\"a\":2}", "{\"a\":1", "{\"a\":1} ", ""};
    for (size_t i = 0; i < 4; i++) {
        FILE *f = fopen(name, "wb");
        assert_non_null(f);
        fputs(damages[i], f);
        fclose(f);
        assert_int_equal(read_back(rig, hash, body), CHISO_E_CORRUPT);
    }
    /* one that was cut is written again when the body comes in again */
    assert_int_equal(archive_keep(rig->archive, body, hash), 0);
    assert_int_equal(read_back(rig, hash, body), 0);
    buffer_t small = BUFFER_INIT(3);
    assert_int_equal(archive_read(rig->archive, hash, &small), CHISO_E_TOO_BIG);
    buffer_free(&small);
    free(name);
}

/* A crash left the file that is written beside; it is in nobody's way. */
static void test_left_by_a_crash(void **state)
{
    rig_t *rig = *state;
    bytes_t body = bytes_of_text("body");
    uint8_t hash[SHA256_SIZE];
    sha256(body, hash);
    assert_int_equal(archive_keep(rig->archive, body, hash), 0);
    char *name = file_of(rig, hash);
    char *beside = NULL;
    assert_true(asprintf(&beside, "%s.new", name) > 0);
    assert_int_equal(rename(name, beside), 0);
    assert_int_equal(read_back(rig, hash, body), CHISO_E_NOT_FOUND);
    assert_int_equal(archive_keep(rig->archive, body, hash), 0);
    assert_int_equal(read_back(rig, hash, body), 0);
    count(rig, 1);
    free(beside);
    free(name);
}

static void test_refused(void **state)
{
    rig_t *rig = *state;
    archive_t *other = NULL;
    char *name = folder_file(rig->path, "no/such");
    assert_int_equal(archive_open(name, &other), -ENOENT);
    assert_null(other);
    free(name);
    folder_write(rig->path, "file", bytes_of_text("x"));
    name = folder_file(rig->path, "file");
    assert_int_equal(archive_open(name, &other), -ENOTDIR);
    free(name);
    /* a file where the folder of the hash should be */
    bytes_t body = bytes_of_text("[]");
    uint8_t hash[SHA256_SIZE];
    sha256(body, hash);
    folder_write(rig->folder, "4f", bytes_of_text("x"));
    assert_int_equal(archive_keep(rig->archive, body, hash), -ENOTDIR);
    assert_true(archive_read(rig->archive, hash, &(buffer_t)BUFFER_INIT(100)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keep_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_left_by_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
