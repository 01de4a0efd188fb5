/* test_drop.c - files that are taken by somebody else: what a kill can leave behind, and that no
 * record is told twice. */
#include "publisher/targets/drop.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

typedef struct {
    char folder[FOLDER_SIZE];
    int fd;
    drop_t *drop;
} rig_t;

static int set_up(void **state)
{
    static rig_t r;
    folder_make(r.folder);
    r.fd = eventfd(0, EFD_CLOEXEC);
    assert_true(r.fd >= 0);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    rig_t *r = *state;
    drop_stop(&r->drop);
    close(r->fd);
    folder_remove(r->folder);
    return 0;
}

static void put_text(const rig_t *r, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* The file's text, or NULL. */
static char *text_of(const rig_t *r, const char *name)
{
    static char text[65536];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return NULL;
    }
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    return text;
}

/* All manifest lines behind each other. */
static char *manifests(const rig_t *r)
{
    static char all[65536];
    *all = '\0';
    DIR *d = opendir(r->folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, "manifest-", 9) == 0) {
            char *text = text_of(r, e->d_name);
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s", text);
        }
    }
    closedir(d);
    return all;
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        n++;
    }
    return n;
}

static fetch_result_t put(rig_t *r, const char *lines, const char *const *keys, size_t n)
{
    int context;
    assert_int_equal(drop_put(r->drop, bytes_of_text(lines), keys, n, &context), 0);
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 120000), 1);
    eventfd_t ignored;
    eventfd_read(r->fd, &ignored);
    fetch_answer_t *a = drop_take(r->drop);
    assert_non_null(a);
    assert_ptr_equal(a->context, &context);
    fetch_result_t result = a->result;
    fetch_answer_free(&a);
    assert_null(drop_take(r->drop));
    return result;
}

static void test_each(void **state)
{
    rig_t *r = *state;
    const char *keys[] = {"score/i/2025/01/1@0a", "score/i/2025/02/1@0a"};
    assert_int_equal(drop_start(r->folder, false, r->fd, &r->drop), 0);
    assert_int_equal(put(r, "{\"a\":1}\n{\"b\":2}\n", keys, 2), FETCH_ANSWERED);
    assert_string_equal(text_of(r, "score_i_2025_01_1@0a.json"), "{\"a\":1}");
    assert_string_equal(text_of(r, "score_i_2025_02_1@0a.json"), "{\"b\":2}");
    assert_int_equal(count(manifests(r), "\n"), 2);
    /* told again, as after a kill before our commit: nothing new */
    assert_int_equal(put(r, "{\"a\":1}\n{\"b\":2}\n", keys, 2), FETCH_ANSWERED);
    assert_int_equal(count(manifests(r), "\n"), 2);
}

static void test_goes_on_behind_a_kill(void **state)
{
    rig_t *r = *state;
    const char *keys[] = {"k/1@0a", "k/2@0a", "k/3@0a"};
    /* killed in a file, and in a line of the manifest; the whole line tells how far it came */
    put_text(r, ".k_3@0a.jsonl.tmp", "{\"c\"");
    put_text(r, "manifest-2025-01-01.jsonl", "{\"file\":\"x\",\"keys\":[\"k/9@0a\"]}\n");
    put_text(r, "manifest-2025-01-02.jsonl",
             "{\"file\":\"k_1@0a.jsonl\",\"keys\":[\"k/1@0a\",\"k/2@0a\"]}\n{\"file\":\"k_3");
    assert_int_equal(drop_start(r->folder, true, r->fd, &r->drop), 0);
    assert_int_equal(put(r, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", keys, 3), FETCH_ANSWERED);
    assert_null(text_of(r, "k_1@0a.jsonl")); /* taken by the reader, not put back */
    assert_string_equal(text_of(r, "k_3@0a.jsonl"), "{\"c\":3}\n");
    char *all = manifests(r);
    assert_int_equal(count(all, "k/1@0a"), 1);
    assert_int_equal(count(all, "k/2@0a"), 1);
    assert_int_equal(count(all, "k/3@0a"), 1);
    assert_int_equal(count(all, "\n"), 3);
    assert_null(text_of(r, ".k_3@0a.jsonl.tmp"));
}

static void test_no_folder(void **state)
{
    rig_t *r = *state;
    const char *keys[] = {"k/1@0a"};
    assert_int_equal(drop_start("/nowhere/at/all", false, r->fd, &r->drop), 0);
    assert_int_equal(put(r, "{}\n", keys, 1), FETCH_NO_ANSWER);
    assert_int_equal(put(r, "", NULL, 0), FETCH_NO_ANSWER); /* a test */
}

static void test_a_long_key(void **state)
{
    rig_t *r = *state;
    char key[600];
    const char *keys[] = {key};
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    assert_int_equal(drop_start(r->folder, false, r->fd, &r->drop), 0);
    assert_int_equal(put(r, "{}\n", keys, 1), FETCH_ANSWERED);
    assert_int_equal(count(manifests(r), "\n"), 1);
    assert_int_equal(put(r, "", NULL, 0), FETCH_ANSWERED);
    assert_null(text_of(r, ".chiso-probe"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_goes_on_behind_a_kill, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_key, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
