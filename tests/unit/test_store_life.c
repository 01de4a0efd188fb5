/* test_store_life.c - one owner, readers beside it, kill -9, foreign files, limits. */
#include "store_rig.h"

#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/wait.h>

static void test_one_owner(void **state)
{
    rig_t *rig = *state;
    char reason[256] = "";
    char *name = folder_file(rig->path, "store");
    store_t *second = (store_t *)(uintptr_t)1;
    store_options_t options = {.map_size = FOLDER_MAP, .tables = tables};
    assert_int_equal(store_open(name, &options, reason, &second), -EBUSY);
    assert_ptr_equal(second, (void *)(uintptr_t)1); /* untouched */
    assert_non_null(strstr(reason, name));
    assert_int_equal(store_open(name, &options, NULL, &second), -EBUSY);
    put_now(rig->store, ONE, "k", "still mine");
    store_close(&rig->store);
    assert_int_equal(store_open(name, &options, reason, &rig->store), 0);
    assert_string_equal(value_of(rig->store, ONE, "k"), "still mine");
    free(name);
}

/* ---- other processes ---- */

static void tell(int fd, char c)
{
    if (write(fd, &c, 1) != 1) {
        _exit(9);
    }
}

static char hear(int fd)
{
    char c = 0;
    return read(fd, &c, 1) == 1 ? c : '\0';
}

/* LMDB forbids two environments of one file in one process: the owner is a child. */
static void test_reader_beside_owner(void **state)
{
    rig_t *rig = *state;
    store_close(&rig->store);
    int up[2];
    int down[2];
    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
    pid_t owner = fork();
    if (owner == 0) {
        store_t *store = folder_store(rig->path, tables);
        put_now(store, ONE, "k", "first");
        tell(up[1], '1');
        hear(down[0]);
        put_now(store, ONE, "k", "second");
        tell(up[1], '2');
        hear(down[0]);
        _exit(0);
    }
    assert_int_equal(hear(up[0]), '1');
    char *name = folder_file(rig->path, "store");
    char reason[256] = "";
    store_t *reader = NULL;
    store_options_t options = {.map_size = FOLDER_MAP, .read_only = true, .tables = tables};
    assert_int_equal(store_open(name, &options, reason, &reader), 0);
    store_txn_t *old = store_read(reader);
    bytes_t v;
    assert_true(store_get(old, ONE, text("k"), &v));
    tell(down[1], 'x');
    assert_int_equal(hear(up[0]), '2');
    assert_true(store_get(old, ONE, text("k"), &v)); /* as of its beginning */
    assert_true(bytes_equal(v, text("first")));
    store_abort(&old);
    assert_string_equal(value_of(reader, ONE, "k"), "second");
    store_txn_t *txn = store_write(reader);
    store_put(txn, ONE, text("k"), text("third"));
    assert_true(store_status(txn) != 0);
    assert_true(store_commit(&txn) != 0);
    assert_string_equal(value_of(reader, ONE, "k"), "second");
    store_close(&reader);

    static const char *const more[] = {"one", "two", "three", NULL};
    options.tables = more; /* a reader makes none */
    assert_true(store_open(name, &options, reason, &reader) < 0);
    assert_null(reader);
    free(name);
    options.tables = tables;
    name = folder_file(rig->path, "nothing");
    assert_int_equal(store_open(name, &options, reason, &reader), -ENOENT);
    assert_int_not_equal(access(name, F_OK), 0);
    free(name);
    tell(down[1], 'x');
    int status;
    assert_int_equal(waitpid(owner, &status, 0), owner);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(up[i]);
        close(down[i]);
    }
    rig->store = folder_store(rig->path, tables);
}

/* Commits 1, 2, 3, … in both tables, telling each; half of the time it is killed with a transaction
 * open, otherwise wherever it is. */
static void victim(const char *path, int fd, bool in_transaction, uint64_t from)
{
    store_t *store = folder_store(path, tables);
    for (uint64_t i = from;; i++) {
        store_txn_t *txn = store_write(store);
        store_append(txn, ONE, number(i), text("x"));
        store_put(txn, TWO, text("last"), number(i));
        if (in_transaction && i == from + 5) {
            tell(fd, 't');
            pause();
        }
        if (store_commit(&txn) != 0) {
            _exit(9);
        }
        tell(fd, 'c');
    }
}

static void test_killed(void **state)
{
    rig_t *rig = *state;
    store_close(&rig->store);
    uint64_t told = 0;
    for (int round = 0; round < 20; round++) {
        int fd[2];
        assert_int_equal(pipe(fd), 0);
        pid_t pid = fork();
        if (pid == 0) {
            victim(rig->path, fd[1], round % 2 == 0, told + 1);
        }
        close(fd[1]);
        char c = 0;
        for (int i = 0; i < 5 || (round % 2 == 0 && c != 't'); i++) {
            c = hear(fd[0]);
            assert_true(c == 'c' || c == 't');
            told += c == 'c' ? 1 : 0;
        }
        kill(pid, SIGKILL); /* right after a commit was told, or in mid-transaction */
        while ((c = hear(fd[0])) != '\0') {
            told += c == 'c' ? 1 : 0;
        }
        close(fd[0]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);

        store_t *store = folder_store(rig->path, tables);
        store_txn_t *txn = store_read(store);
        bytes_t v;
        uint64_t count = store_count(txn, ONE);
        assert_true(store_get(txn, TWO, text("last"), &v));
        assert_int_equal(be64_get(v.data), count); /* both tables, or none */
        /* one commit may have been done but not told any more */
        assert_in_range(count, told, round % 2 == 0 ? told : told + 1);
        told = count;
        store_abort(&txn);
        store_close(&store);
    }
    rig->store = folder_store(rig->path, tables);
}

/* ---- files that are not ours ---- */

static void test_format(void **state)
{
    rig_t *rig = *state;
    char *name = folder_file(rig->path, "store");
    char reason[256] = "";
    store_options_t options = {.map_size = FOLDER_MAP, .tables = tables};
    store_close(&rig->store);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, name, 0, 0640), 0);
    for (int round = 0; round < 3; round++) {
        char bytes[2] = {round == 0 ? STORE_FORMAT + 1 : STORE_FORMAT, 0};
        MDB_val k = {strlen("chiso.store.format"), (char *)(uintptr_t) "chiso.store.format"};
        MDB_val v = {round == 1 ? 2 : 1, bytes};
        if (env == NULL) {
            assert_int_equal(mdb_env_create(&env), 0);
            assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
            assert_int_equal(mdb_env_open(env, name, 0, 0640), 0);
        }
        assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
        assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
        assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        mdb_env_close(env);
        env = NULL;
        int rc = store_open(name, &options, reason, &rig->store);
        assert_int_equal(rc, round == 0 ? CHISO_E_NEWER : round == 1 ? CHISO_E_CORRUPT : 0);
        assert_true(round != 0 || strstr(reason, "is of store format 2, this chiso") != NULL);
        assert_true((rig->store == NULL) == (round < 2));
    }
    assert_non_null(strstr(reason, name));
    store_close(&rig->store);
    char noise[8192];
    memset(noise, 'n', sizeof noise);
    folder_write(name, "data.mdb", bytes_of(noise, sizeof noise));
    assert_int_equal(store_open(name, &options, reason, &rig->store), CHISO_E_CORRUPT);
    assert_null(rig->store);
    free(name);
}

/* ---- limits ---- */

static void fill(store_t *store, uint64_t from, uint64_t to)
{
    static char block[64 * 1024];
    store_txn_t *txn = store_write(store);
    for (uint64_t i = from; i < to; i++) {
        store_put(txn, ONE, number(i), bytes_of(block, sizeof block));
    }
    assert_int_equal(store_commit(&txn), 0);
}

static void test_limits(void **state)
{
    rig_t *rig = *state;
    store_close(&rig->store);
    char *name = folder_file(rig->path, "small");
    store_options_t options = {.map_size = 8 << 20, .soft_limit = 4 << 20, .tables = tables};
    assert_int_equal(store_open(name, &options, NULL, &rig->store), 0);
    free(name);
    assert_int_equal(store_soft_limit(rig->store), 4 << 20);
    assert_true(store_has_room(rig->store));
    fill(rig->store, 0, 32); /* 2 MiB */
    uint64_t half = store_used(rig->store);
    assert_in_range(half, 2 << 20, 3 << 20);
    assert_true(store_has_room(rig->store));
    fill(rig->store, 32, 80); /* 5 MiB */
    uint64_t most = store_used(rig->store);
    assert_true(most > 5 << 20);
    assert_false(store_has_room(rig->store));

    /* past the map: the transaction fails as a whole, and the store lives on */
    static char block[1 << 20];
    store_txn_t *txn = store_write(rig->store);
    for (uint64_t i = 100; i < 110; i++) {
        store_put(txn, ONE, number(i), bytes_of(block, sizeof block));
    }
    assert_int_equal(store_commit(&txn), CHISO_E_FULL);
    txn = store_read(rig->store);
    assert_int_equal(store_count(txn, ONE), 80);
    store_abort(&txn);
    assert_true(store_used(rig->store) <= most);

    txn = store_write(rig->store);
    for (uint64_t i = 10; i < 80; i++) {
        assert_true(store_delete(txn, ONE, number(i)));
    }
    assert_int_equal(store_commit(&txn), 0);
    assert_true(store_used(rig->store) < half);
    assert_true(store_has_room(rig->store));
    for (int i = 0; i < 50; i++) { /* freed pages are used again, not only counted */
        fill(rig->store, 10, 40);
    }
    assert_true(store_has_room(rig->store));
}

int main(void)
{
    const struct CMUnitTest tests_[] = {
        cmocka_unit_test_setup_teardown(test_one_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_beside_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_format, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
    };
    return cmocka_run_group_tests(tests_, NULL, NULL);
}
