/* test_inbox.c - how far a consumer is, and what it could not take. */
#include "bus/inbox.h"

#include "base/error.h"
#include "folder.h"

static const char *const tables[] = {"before", INBOX_TABLES, NULL};
enum { BEFORE, INBOX, DEAD };

static void position(store_t *store, uint64_t want_epoch, uint64_t want_next)
{
    uint64_t epoch = 99;
    uint64_t next = 99;
    assert_int_equal(inbox_position(store, INBOX, &epoch, &next), 0);
    assert_true(epoch == want_epoch);
    assert_true(next == want_next);
}

static void test_inbox(void **state)
{
    (void)state;
    char path[FOLDER_SIZE];
    folder_make(path);
    store_t *store = folder_store(path, tables);
    position(store, 0, 1);
    store_txn_t *txn = store_write(store);
    inbox_advance(txn, INBOX, UINT64_MAX, 42);
    store_abort(&txn);
    position(store, 0, 1); /* not before the commit */
    txn = store_write(store);
    inbox_advance(txn, INBOX, UINT64_MAX, 42);
    assert_int_equal(store_commit(&txn), 0);
    position(store, UINT64_MAX, 42);

    txn = store_write(store);
    inbox_bury(txn, INBOX, 7, 41, bytes_of("a\0b", 3), "figure.value is not a decimal");
    inbox_bury(txn, INBOX, 7, 42, bytes_of(NULL, 0), "empty");
    inbox_bury(txn, INBOX, 8, 41, bytes_of_text("of another life"), "x");
    inbox_advance(txn, INBOX, 7, 43);
    assert_int_equal(store_commit(&txn), 0);
    store_close(&store);
    store = folder_store(path, tables);
    position(store, 7, 43);
    uint8_t key[16];
    bytes_t value;
    be64_put(key, 7);
    be64_put(key + 8, 41);
    txn = store_read(store);
    assert_int_equal(store_count(txn, DEAD), 3);
    assert_true(store_get(txn, DEAD, bytes_of(key, 16), &value));
    assert_true(bytes_equal(value, bytes_of("figure.value is not a decimal\0a\0b", 33)));
    be64_put(key + 8, 42);
    assert_true(store_get(txn, DEAD, bytes_of(key, 16), &value));
    assert_true(bytes_equal(value, bytes_of("empty", 6)));
    store_abort(&txn);

    txn = store_write(store); /* a position that is none */
    store_put(txn, INBOX, bytes_of_text("position"), bytes_of("short", 5));
    assert_int_equal(store_commit(&txn), 0);
    uint64_t epoch = 1;
    uint64_t next = 2;
    assert_int_equal(inbox_position(store, INBOX, &epoch, &next), CHISO_E_CORRUPT);
    assert_true(epoch == 1 && next == 2);
    store_close(&store);
    folder_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inbox)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
