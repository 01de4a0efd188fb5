/* test_store.c - the store's transactions: sticky, and whole or not at all. */
#include "store_rig.h"

static void test_put_get_delete(void **state)
{
    rig_t *rig = *state;
    bytes_t v;
    store_txn_t *txn = store_write(rig->store);
    store_put(txn, ONE, text("k"), text("first"));
    store_put(txn, ONE, text("k"), text("second")); /* replaces */
    store_put(txn, TWO, text("k"), text("other"));
    store_put(txn, ONE, text("empty"), bytes_of(NULL, 0));
    assert_true(store_get(txn, ONE, text("k"), &v));
    assert_true(bytes_equal(v, text("second")));
    assert_false(store_get(txn, ONE, text("nothing"), &v));
    assert_int_equal(store_count(txn, ONE), 2);
    assert_int_equal(store_status(txn), 0);
    assert_int_equal(store_commit(&txn), 0);
    assert_null(txn);
    assert_string_equal(value_of(rig->store, ONE, "k"), "second");
    assert_string_equal(value_of(rig->store, TWO, "k"), "other");
    assert_string_equal(value_of(rig->store, ONE, "empty"), "");

    txn = store_write(rig->store);
    assert_true(store_delete(txn, ONE, text("k")));
    assert_false(store_delete(txn, ONE, text("k")));
    assert_int_equal(store_status(txn), 0); /* what is not there is no failure */
    assert_int_equal(store_commit(&txn), 0);
    assert_null(value_of(rig->store, ONE, "k"));
    assert_string_equal(value_of(rig->store, TWO, "k"), "other");

    store_close(&rig->store);
    rig->store = folder_store(rig->path, tables);
    assert_string_equal(value_of(rig->store, TWO, "k"), "other");
    assert_null(value_of(rig->store, ONE, "k"));
}

static void test_key_size(void **state)
{
    rig_t *rig = *state;
    char longest[STORE_MAX_KEY + 1];
    memset(longest, 'x', sizeof longest);
    store_txn_t *txn = store_write(rig->store);
    store_put(txn, ONE, bytes_of(longest, STORE_MAX_KEY), text("v"));
    assert_int_equal(store_commit(&txn), 0);
    static const size_t bad[] = {0, STORE_MAX_KEY + 1};
    for (size_t i = 0; i < 2; i++) {
        txn = store_write(rig->store);
        store_put(txn, ONE, bytes_of(longest, bad[i]), text("v"));
        assert_int_equal(store_commit(&txn), CHISO_E_TOO_BIG);
    }
    txn = store_read(rig->store);
    assert_int_equal(store_count(txn, ONE), 1);
    store_abort(&txn);
}

static void test_walk(void **state)
{
    rig_t *rig = *state;
    static const char *const keys[] = {"a", "ab", "b", "ba", "c"};
    store_cursor_t *c;
    bytes_t k;
    bytes_t v;
    store_txn_t *txn = store_write(rig->store);
    assert_false(store_last(txn, ONE, &k, &v));
    assert_false(store_seek(txn, ONE, bytes_of(NULL, 0), &c, &k, &v));
    store_cursor_close(&c);
    for (int i = 4; i >= 0; i--) {
        store_put(txn, ONE, text(keys[i]), text(keys[i]));
    }
    assert_int_equal(store_commit(&txn), 0);

    txn = store_read(rig->store);
    int n = 0;
    bool more = store_seek(txn, ONE, bytes_of(NULL, 0), &c, &k, &v);
    for (; more; more = store_next(c, &k, &v)) {
        assert_true(bytes_equal(k, text(keys[n])));
        assert_true(bytes_equal(v, text(keys[n++])));
    }
    assert_int_equal(n, 5);
    store_cursor_close(&c);
    assert_null(c);
    assert_true(store_seek(txn, ONE, text("aa"), &c, &k, &v)); /* the next one */
    assert_true(bytes_equal(k, text("ab")));
    store_cursor_close(&c);
    assert_true(store_seek(txn, ONE, text("b"), &c, &k, &v)); /* itself */
    assert_true(bytes_equal(k, text("b")));
    store_cursor_close(&c);
    assert_false(store_seek(txn, ONE, text("d"), &c, &k, &v));
    store_cursor_close(&c);
    assert_true(store_last(txn, ONE, &k, &v));
    assert_true(bytes_equal(k, text("c")));
    assert_int_equal(store_status(txn), 0); /* ends are no failures */
    store_abort(&txn);
}

/* The walk sees every key once, whatever it deletes of what it stands on. */
static void test_delete_while_walking(void **state)
{
    rig_t *rig = *state;
    enum { N = 5000 };
    for (unsigned every = 1; every <= 3; every++) {
        store_txn_t *txn = store_write(rig->store);
        char fill[200];
        memset(fill, 'f', sizeof fill);
        for (uint64_t i = 0; i < N; i++) {
            store_put(txn, ONE, number(i), bytes_of(fill, i % sizeof fill));
        }
        assert_int_equal(store_commit(&txn), 0);
        txn = store_write(rig->store);
        store_cursor_t *c;
        bytes_t k;
        bytes_t v;
        uint64_t seen = 0;
        bool more = store_seek(txn, ONE, bytes_of(NULL, 0), &c, &k, &v);
        for (; more; more = store_next(c, &k, &v)) {
            assert_int_equal(be64_get(k.data), seen);
            assert_int_equal(v.len, seen % sizeof fill);
            if (seen++ % every == 0) {
                assert_true(store_delete(txn, ONE, number(seen - 1)));
            }
        }
        store_cursor_close(&c);
        assert_int_equal(seen, N);
        assert_int_equal(store_count(txn, ONE), N - (N + every - 1) / every);
        assert_int_equal(store_commit(&txn), 0);
        txn = store_write(rig->store);
        for (uint64_t i = 0; i < N; i++) {
            store_delete(txn, ONE, number(i));
        }
        assert_int_equal(store_commit(&txn), 0);
    }
}

static void test_append_order(void **state)
{
    rig_t *rig = *state;
    store_txn_t *txn = store_write(rig->store);
    store_append(txn, ONE, number(1), text("1"));
    store_append(txn, ONE, number(2), text("2"));
    store_append(txn, ONE, number(256), text("256"));
    assert_int_equal(store_commit(&txn), 0);
    static const uint64_t bad[] = {256, 255, 1};
    for (size_t i = 0; i < 3; i++) {
        txn = store_write(rig->store);
        store_put(txn, TWO, text("beside"), text("x"));
        store_append(txn, ONE, number(bad[i]), text("again"));
        assert_true(store_status(txn) != 0);
        assert_int_equal(store_commit(&txn), CHISO_E_STORE);
        assert_null(value_of(rig->store, TWO, "beside"));
    }
    txn = store_read(rig->store);
    assert_int_equal(store_count(txn, ONE), 3);
    store_abort(&txn);
}

static void test_sticky(void **state)
{
    rig_t *rig = *state;
    put_now(rig->store, ONE, "before", "b");
    bytes_t k;
    bytes_t v;
    store_cursor_t *c;
    store_txn_t *txn = store_write(rig->store);
    store_put(txn, ONE, text("early"), text("e"));
    assert_true(store_seek(txn, ONE, bytes_of(NULL, 0), &c, &k, &v));
    store_fail(txn, CHISO_E_TOO_BIG);
    store_fail(txn, CHISO_E_FULL); /* the first one stands */
    assert_int_equal(store_status(txn), CHISO_E_TOO_BIG);
    assert_false(store_next(c, &k, &v));
    store_cursor_close(&c);
    store_put(txn, ONE, text("late"), text("l"));
    store_append(txn, ONE, text("zzz"), text("l"));
    assert_false(store_delete(txn, ONE, text("before")));
    assert_false(store_get(txn, ONE, text("before"), &v));
    assert_false(store_seek(txn, ONE, bytes_of(NULL, 0), &c, &k, &v));
    store_cursor_close(&c);
    assert_false(store_last(txn, ONE, &k, &v));
    assert_int_equal(store_count(txn, ONE), 0);
    assert_int_equal(store_commit(&txn), CHISO_E_TOO_BIG);
    assert_null(txn);
    assert_string_equal(value_of(rig->store, ONE, "before"), "b");
    assert_null(value_of(rig->store, ONE, "early"));
    assert_null(value_of(rig->store, ONE, "late"));
    put_now(rig->store, ONE, "next", "n"); /* the next one is not concerned */

    txn = store_write(rig->store);
    store_put(txn, ONE, text("x"), text("y"));
    store_abort(&txn);
    store_abort(&txn); /* nothing */
    assert_null(value_of(rig->store, ONE, "x"));

    txn = store_read(rig->store); /* a read transaction cannot write */
    store_put(txn, ONE, text("x"), text("y"));
    assert_true(store_status(txn) != 0);
    store_abort(&txn);
    assert_null(value_of(rig->store, ONE, "x"));
}

int main(void)
{
    const struct CMUnitTest tests_[] = {
        cmocka_unit_test_setup_teardown(test_put_get_delete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_delete_while_walking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_append_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sticky, setup, teardown),
    };
    return cmocka_run_group_tests(tests_, NULL, NULL);
}
