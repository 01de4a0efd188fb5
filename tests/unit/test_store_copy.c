/* store/copy.h: a copy beside a writer is one commit's state, bit for bit; compaction survives a
 * kill at any instant. */
#include "store_rig.h"

#include "store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The state at commit n, known from n alone: ONE holds n and the last 50 records, TWO each tenth
 * record of all. */
static void commit_number(store_t *store, uint64_t n)
{
    store_txn_t *txn = store_write(store);
    char value[256];
    memset(value, 'a' + (int)(n % 26), sizeof value);
    store_put(txn, ONE, text("n"), number(n));
    store_put(txn, ONE, number(n), bytes_of(value, sizeof value));
    if (n > 50) {
        store_delete(txn, ONE, number(n - 50));
    }
    if (n % 10 == 0) {
        store_put(txn, TWO, number(n), bytes_of(value, (size_t)(n % 200)));
    }
    assert_int_equal(store_commit(&txn), 0);
}

/* Returns n. */
static uint64_t check_state(store_t *store)
{
    store_txn_t *txn = store_read(store);
    bytes_t value;
    assert_true(store_get(txn, ONE, text("n"), &value));
    uint64_t n = be64_get(value.data);
    assert_int_equal(store_count(txn, ONE), 1 + (n < 50 ? n : 50));
    assert_int_equal(store_count(txn, TWO), n / 10);
    for (uint64_t i = n > 50 ? n - 49 : 1; i <= n; i++) {
        char wanted[256];
        memset(wanted, 'a' + (int)(i % 26), sizeof wanted);
        assert_true(store_get(txn, ONE, number(i), &value));
        assert_true(bytes_equal(value, bytes_of(wanted, sizeof wanted)));
    }
    for (uint64_t i = 10; i <= n; i += 10) {
        assert_true(store_get(txn, TWO, number(i), &value));
        assert_int_equal(value.len, i % 200);
    }
    assert_int_equal(store_status(txn), 0);
    store_abort(&txn);
    return n;
}

static void open_again(rig_t *rig)
{
    store_close(&rig->store);
    rig->store = folder_store(rig->path, tables);
}

static uint64_t size_of(const char *file)
{
    struct stat s;
    assert_int_equal(stat(file, &s), 0);
    return (uint64_t)s.st_size;
}

static void test_beside_a_writer(void **state)
{
    rig_t *rig = *state;
    char reason[256];
    char *source = folder_file(rig->path, "store");
    commit_number(rig->store, 1);
    store_close(&rig->store);
    pid_t writer = fork();
    if (writer == 0) {
        store_t *store = folder_store(rig->path, tables);
        for (uint64_t n = 2;; n++) {
            commit_number(store, n);
        }
    }
    uint64_t last = 0;
    unsigned moved = 0;
    for (int i = 0; i < 2000 && moved < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "copy%d", i);
        char *folder = folder_file(rig->path, name);
        char *file = folder_file(folder, "data.mdb");
        assert_int_equal(mkdir(folder, 0700), 0);
        int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(store_copy(source, fd, reason), 0);
        close(fd);
        store_t *copy = NULL;
        store_options_t options = {.map_size = FOLDER_MAP, .tables = tables};
        assert_int_equal(store_open(folder, &options, reason, &copy), 0);
        uint64_t n = check_state(copy);
        assert_true(n >= last);
        if (n > last) {
            moved++;
        } else {
            usleep(100000); /* the machine stood still, or this end was quicker */
        }
        last = n;
        store_close(&copy);
        free(file);
        free(folder);
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    assert_int_equal(moved, 10); /* it did write meanwhile */
    open_again(rig);
    assert_true(check_state(rig->store) >= last);
    free(source);
}

static void test_nothing_to_copy(void **state)
{
    rig_t *rig = *state;
    char reason[256] = "";
    assert_int_equal(store_copy(rig->path, 1, reason), -ENOENT);
    assert_non_null(strstr(reason, "data.mdb: No such file"));
    store_compacted_t sizes;
    assert_int_equal(store_compact("/nowhere", &sizes, reason), -ENOENT);
}

static void test_compact(void **state)
{
    rig_t *rig = *state;
    char reason[256] = "";
    char *folder = folder_file(rig->path, "store");
    char *file = folder_file(folder, "data.mdb");
    store_compacted_t sizes = {0};
    for (uint64_t n = 1; n <= 20; n++) {
        commit_number(rig->store, n);
    }
    store_txn_t *txn = store_write(rig->store);
    static char big[1 << 20];
    for (int i = 0; i < 16; i++) {
        char key[8];
        snprintf(key, sizeof key, "big%d", i);
        store_put(txn, TWO, text(key), bytes_of(big, sizeof big));
    }
    assert_int_equal(store_commit(&txn), 0);
    txn = store_write(rig->store);
    for (int i = 0; i < 16; i++) {
        char key[8];
        snprintf(key, sizeof key, "big%d", i);
        assert_true(store_delete(txn, TWO, text(key)));
    }
    assert_int_equal(store_commit(&txn), 0);

    assert_int_equal(store_compact(folder, &sizes, reason), -EBUSY); /* its owner is here */
    store_close(&rig->store);
    uint64_t before = size_of(file);
    assert_int_equal(store_compact(folder, &sizes, reason), 0);
    assert_int_equal(sizes.before, before);
    assert_int_equal(sizes.after, size_of(file));
    assert_true(sizes.before > 16 * sizeof big && sizes.after < sizeof big);
    open_again(rig);
    assert_int_equal(check_state(rig->store), 20);
    commit_number(rig->store, 21);
    open_again(rig);
    assert_int_equal(check_state(rig->store), 21);
    free(file);
    free(folder);
}

/* Somebody who only reads would go on with the old file's pages. */
static void test_not_below_a_reader(void **state)
{
    rig_t *rig = *state;
    char reason[256] = "";
    char *folder = folder_file(rig->path, "store");
    store_compacted_t sizes;
    commit_number(rig->store, 1);
    store_close(&rig->store);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t reader = fork();
    if (reader == 0) {
        store_t *store = NULL;
        store_options_t options = {.read_only = true, .tables = tables};
        ssize_t told =
            store_open(folder, &options, reason, &store) == 0 ? write(ready[1], "x", 1) : 0;
        pause();
        _exit((int)told);
    }
    char x;
    assert_int_equal(read(ready[0], &x, 1), 1);
    assert_int_equal(store_compact(folder, &sizes, reason), -EBUSY);
    kill(reader, SIGKILL);
    waitpid(reader, NULL, 0);
    assert_int_equal(store_compact(folder, &sizes, reason), 0);
    close(ready[0]);
    close(ready[1]);
    open_again(rig);
    assert_int_equal(check_state(rig->store), 1);
    free(folder);
}

static void test_compact_killed(void **state)
{
    rig_t *rig = *state;
    char *folder = folder_file(rig->path, "store");
    uint64_t n = 0;
    for (int round = 0; round < 25; round++) {
        for (int i = 0; i < 20; i++) {
            commit_number(rig->store, ++n);
        }
        store_close(&rig->store);
        pid_t child = fork();
        if (child == 0) {
            char reason[256];
            store_compacted_t sizes;
            for (;;) {
                if (store_compact(folder, &sizes, reason) != 0) {
                    _exit(1);
                }
            }
        }
        usleep((useconds_t)(rand() % 20000));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status)); /* it had not failed */
        rig->store = folder_store(rig->path, tables);
        assert_int_equal(check_state(rig->store), n);
    }
    free(folder);
}

static void test_unfinished_restore(void **state)
{
    rig_t *rig = *state;
    char reason[256] = "";
    char *folder = folder_file(rig->path, "store");
    char *mark = folder_file(folder, STORE_UNFINISHED);
    store_close(&rig->store);
    assert_int_equal(mkdir(mark, 0700), 0);
    store_t *store = NULL;
    store_options_t options = {.tables = tables};
    assert_int_equal(store_open(folder, &options, reason, &store), -ESTALE);
    assert_non_null(strstr(reason, "was not finished"));
    free(mark);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_beside_a_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compact, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_below_a_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compact_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unfinished_restore, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
