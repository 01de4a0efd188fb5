/* test_committer.c - noted transactions, and the thread that commits them: what it says is durable
 * is there after kill -9.
 */
#include "folder.h"
#include "journal/committer.h"
#include "journal/journal.h"

#include "base/error.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

static const char *const tables[] = {"other", JOURNAL_TABLES, NULL};
enum { OTHER, RECORDS };

static bytes_t text(const char *t)
{
    return bytes_of_text(t);
}

static bool has(store_t *store, const char *key, const char *value)
{
    store_txn_t *txn = store_read(store);
    bytes_t found;
    bool is = store_get(txn, OTHER, text(key), &found) && bytes_equal(found, text(value));
    assert_int_equal(store_status(txn), 0);
    store_abort(&txn);
    return is;
}

static void test_noted(void **state)
{
    (void)state;
    char path[FOLDER_SIZE];
    folder_make(path);
    store_t *store = folder_store(path, tables);
    buffer_t notes = BUFFER_INIT(1 << 20);
    store_txn_t *txn = store_write(store);
    for (char c = 'a'; c <= 'f'; c++) {
        store_put(txn, OTHER, bytes_of(&c, 1), text("old"));
    }
    assert_int_equal(store_commit(&txn), 0);

    txn = store_note(store, &notes);
    assert_true(store_is_noted(txn));
    store_delete_below(txn, OTHER, text("c"));
    store_put(txn, OTHER, text("d"), text("new"));
    store_delete(txn, OTHER, text("e"));
    store_append(txn, OTHER, text("z"), text(""));
    assert_true(has(store, "a", "old")); /* nothing has happened yet */
    assert_true(has(store, "d", "old"));
    assert_int_equal(store_commit(&txn), 0);
    assert_false(has(store, "a", "old"));
    assert_false(has(store, "b", "old"));
    assert_true(has(store, "c", "old"));
    assert_true(has(store, "d", "new"));
    assert_false(has(store, "e", "old"));
    assert_true(has(store, "f", "old"));
    assert_true(has(store, "z", ""));

    txn = store_note(store, &notes); /* given up: no effect */
    store_put(txn, OTHER, text("c"), text("new"));
    store_abort(&txn);
    assert_true(has(store, "c", "old"));

    bytes_t value;
    txn = store_note(store, &notes); /* nothing can be read through it */
    store_put(txn, OTHER, text("c"), text("new"));
    assert_false(store_get(txn, OTHER, text("c"), &value));
    assert_int_not_equal(store_commit(&txn), 0);
    assert_true(has(store, "c", "old"));

    txn = store_note(store, &notes); /* a key that is not the largest: found when carried out */
    store_append(txn, OTHER, text("b"), text("new"));
    assert_int_equal(store_status(txn), 0);
    assert_int_not_equal(store_commit(&txn), 0);

    buffer_t more_notes = BUFFER_INIT(1 << 20);
    txn = store_note(store, &notes); /* two as one, in that order */
    store_txn_t *more = store_note(store, &more_notes);
    store_put(txn, OTHER, text("c"), text("first"));
    store_put(txn, OTHER, text("d"), text("first"));
    store_put(more, OTHER, text("d"), text("second"));
    store_join(txn, &more);
    assert_null(more);
    assert_true(has(store, "c", "old"));
    assert_int_equal(store_commit(&txn), 0);
    assert_true(has(store, "c", "first"));
    assert_true(has(store, "d", "second"));

    txn = store_note(store, &notes); /* neither, when one has failed */
    more = store_note(store, &more_notes);
    store_put(txn, OTHER, text("c"), text("third"));
    store_fail(more, CHISO_E_CORRUPT);
    store_join(txn, &more);
    assert_int_equal(store_commit(&txn), CHISO_E_CORRUPT);
    assert_true(has(store, "c", "first"));

    buffer_t small = BUFFER_INIT(16);
    txn = store_note(store, &small);
    store_put(txn, OTHER, text("c"), text("longer than there is room for"));
    assert_int_equal(store_commit(&txn), CHISO_E_TOO_BIG);
    assert_true(has(store, "c", "first"));
    buffer_free(&small);
    buffer_free(&more_notes);
    buffer_free(&notes);
    store_close(&store);
    folder_remove(path);
}

typedef struct {
    store_t *store;
    journal_t *journal;
    committer_t *committer;
} line_t;

static void line_open(line_t *l, const char *path, uint64_t keep_records)
{
    journal_options_t options = {.records = RECORDS, .keep_records = keep_records};
    l->store = folder_store(path, tables);
    assert_int_equal(journal_open(l->store, &options, &l->journal), 0);
    assert_int_equal(committer_start(l->store, &l->committer), 0);
}

static void line_close(line_t *l)
{
    committer_stop(&l->committer);
    journal_close(&l->journal);
    store_close(&l->store);
}

static void check(line_t *l)
{
    uint64_t bad = 0;
    char reason[256] = "";
    store_txn_t *txn = store_read(l->store);
    if (journal_verify(l->journal, txn, &bad, reason, NULL) != 0) {
        fail_msg("record %llu: %s", (unsigned long long)bad, reason);
    }
    store_abort(&txn);
}

/* One batch of three records, the number of the last of which stands in the other table too. */
static int give(line_t *l, uint64_t number, bool trim)
{
    char value[32];
    store_txn_t *txn = committer_note(l->committer);
    for (int i = 0; i < 3; i++) {
        assert_true(journal_append(l->journal, txn, text("a record")) > 0);
    }
    snprintf(value, sizeof value, "%llu", (unsigned long long)number * 3);
    store_put(txn, OTHER, text("head"), text(value));
    if (trim) {
        journal_trim(l->journal, txn, UINT64_MAX, 5);
    }
    return committer_give(l->committer, &txn, journal_seal(l->journal, txn));
}

static void test_in_order(void **state)
{
    (void)state;
    enum { BATCHES = 200, KEPT = 60 };
    char path[FOLDER_SIZE];
    line_t l;
    uint64_t durable = 0;
    uint64_t before = 0;
    folder_make(path);
    line_open(&l, path, KEPT);
    for (uint64_t n = 1; n <= BATCHES; n++) {
        assert_int_equal(give(&l, n, true), 0);
        assert_int_equal(committer_poll(l.committer, &durable), 0);
        assert_true(durable >= before && durable <= n);
        assert_true(n - durable <= COMMITTER_AHEAD);
        if (durable > 0) {
            journal_settle_to(l.journal, durable);
        }
        assert_int_equal(journal_head(l.journal), durable * 3);
        before = durable;
    }
    /* without another batch it becomes durable by itself, and says so */
    struct pollfd fd = {.fd = committer_fd(l.committer), .events = POLLIN};
    while (durable < BATCHES) {
        assert_true(poll(&fd, 1, 60000) == 1);
        assert_int_equal(committer_poll(l.committer, &durable), 0);
    }
    assert_int_equal(committer_drain(l.committer, &durable), 0);
    assert_int_equal(durable, BATCHES);
    journal_settle_to(l.journal, durable);
    assert_int_equal(journal_head(l.journal), 3 * BATCHES);
    assert_true(journal_first(l.journal) > 3 * BATCHES - 2 * KEPT);
    check(&l);
    line_close(&l);
    line_open(&l, path, KEPT);
    assert_int_equal(journal_head(l.journal), 3 * BATCHES);
    assert_true(has(l.store, "head", "600"));
    check(&l);
    line_close(&l);
    folder_remove(path);
}

static void count_commit(void *context, int64_t micros, int code)
{
    (void)micros;
    assert_int_equal(code, 0);
    ++*(int *)context;
}

/* What is given while a commit waits for the disk is one commit. */
static void test_join(void **state)
{
    (void)state;
    enum { BATCHES = 1 + COMMITTER_JOINED };
    char path[FOLDER_SIZE];
    line_t l;
    uint64_t durable = 0;
    int commits = 0;
    folder_make(path);
    line_open(&l, path, 0);
    store_txn_t *other = store_write(l.store); /* LMDB has one writer: the committer waits for it */
    for (uint64_t n = 1; n <= BATCHES; n++) {
        assert_int_equal(give(&l, n, false), 0);
    }
    store_abort(&other);
    store_on_commit(l.store, count_commit, &commits);
    assert_int_equal(committer_drain(l.committer, &durable), 0);
    assert_int_equal(durable, BATCHES);
    assert_true(commits == 1 || commits == 2); /* was the first one taken before the second came? */
    journal_settle_to(l.journal, durable);
    assert_int_equal(journal_head(l.journal), 3 * BATCHES);
    assert_true(has(l.store, "head", "27"));
    check(&l);
    line_close(&l);
    folder_remove(path);
}

static void test_failure_is_final(void **state)
{
    (void)state;
    char path[FOLDER_SIZE];
    line_t l;
    uint64_t durable = 7;
    folder_make(path);
    line_open(&l, path, 0);
    assert_int_equal(give(&l, 1, false), 0);
    assert_int_equal(committer_drain(l.committer, &durable), 0);
    assert_int_equal(durable, 1);
    store_txn_t *txn = committer_note(l.committer);
    store_fail(txn, CHISO_E_CORRUPT);
    assert_int_equal(committer_give(l.committer, &txn, journal_seal(l.journal, txn)), 0);
    assert_int_equal(committer_drain(l.committer, &durable), CHISO_E_CORRUPT);
    assert_int_equal(durable, 1);
    assert_int_equal(give(&l, 2, false), CHISO_E_CORRUPT);
    line_close(&l);
    line_open(&l, path, 0);
    assert_int_equal(journal_head(l.journal), 3);
    line_close(&l);
    folder_remove(path);
}

/* In a process of its own: tells each batch that is durable, until it is killed. */
__attribute__((noreturn)) static void run_until_killed(const char *path, int to)
{
    line_t l;
    uint64_t durable;
    line_open(&l, path, 0);
    uint64_t told = journal_head(l.journal) / 3;
    uint64_t start = told;
    for (uint64_t n = told + 1;; n++) {
        if (give(&l, n, false) != 0 || committer_poll(l.committer, &durable) != 0) {
            _exit(1);
        }
        if (durable > 0 && start + durable > told) {
            told = start + durable;
            if (write(to, &told, sizeof told) != sizeof told) {
                _exit(1);
            }
        }
    }
}

static void test_kill(void **state)
{
    (void)state;
    char path[FOLDER_SIZE];
    folder_make(path);
    uint64_t head = 0;
    for (int round = 0; round < 8; round++) {
        int pipes[2];
        uint64_t told = 0;
        uint64_t last = 0;
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            run_until_killed(path, pipes[1]);
        }
        close(pipes[1]);
        for (int i = 0; i < 5 + 3 * round; i++) {
            assert_int_equal(read(pipes[0], &told, sizeof told), sizeof told);
            last = told;
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(pipes[0], &told, sizeof told) == sizeof told) {
            last = told;
        }
        close(pipes[0]);
        line_t l;
        line_open(&l, path, 0);
        assert_true(journal_head(l.journal) >= last * 3);
        assert_true(journal_head(l.journal) > head);
        assert_int_equal(journal_head(l.journal) % 3, 0); /* whole batches */
        head = journal_head(l.journal);
        char value[32];
        snprintf(value, sizeof value, "%llu", (unsigned long long)head);
        assert_true(has(l.store, "head", value));
        check(&l);
        line_close(&l);
    }
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noted), cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_join),  cmocka_unit_test(test_failure_is_final),
        cmocka_unit_test(test_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
