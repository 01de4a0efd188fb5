/* test_journal_trim.c - what may go from a journal, and what may not. */
#include "journal_rig.h"

/* Everything that is left is whole, and the hash of the head is that of before the trim. */
static void whole(rig_t *rig, uint64_t first, uint64_t head)
{
    uint64_t bad = 0;
    char reason[256] = "";
    assert_int_equal(journal_first(rig->journal), first);
    assert_int_equal(journal_head(rig->journal), head);
    if (verify(rig, &bad, reason, NULL) != 0) {
        fail_msg("record %llu: %s", (unsigned long long)bad, reason);
    }
    assert_int_equal(read_from(rig, first, 0), head + 1 - first);
    uint64_t bytes = 0;
    for (uint64_t seq = first; seq <= head; seq++) {
        char room[128];
        bytes += payload_of(seq, room).len;
    }
    assert_int_equal(journal_bytes(rig->journal), bytes);
}

static void reopen(rig_t *rig, uint64_t keep_records, uint64_t max_bytes, int64_t ttl)
{
    rig->options.keep_records = keep_records;
    rig->options.max_bytes = max_bytes;
    rig->options.consumer_ttl_ms = ttl;
    assert_int_equal(rig_reopen(rig), 0);
}

static void test_keep_records(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 10, 0, 0);
    append(rig, 30);
    uint8_t before[SHA256_SIZE];
    uint8_t after[SHA256_SIZE];
    uint64_t bad;
    char reason[256];
    assert_int_equal(verify(rig, &bad, reason, before), 0);
    /* nobody is registered: only the number kept counts */
    assert_int_equal(journal_slowest(rig->journal), 31);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 20);
    whole(rig, 21, 30);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 0);
    assert_int_equal(verify(rig, &bad, reason, after), 0);
    assert_memory_equal(before, after, SHA256_SIZE);
    assert_int_equal(rig_reopen(rig), 0);
    whole(rig, 21, 30); /* the base hash was stored too */
    append(rig, 1);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 1);
    whole(rig, 22, 31);
    assert_int_equal(read_from(rig, 21, 0), CHISO_E_TRIMMED);
    assert_int_equal(read_from(rig, 32, 0), 0);
    assert_int_equal(read_from(rig, 33, 0), CHISO_E_TRIMMED);
}

static void test_consumers(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1, 0, 0);
    append(rig, 30);
    assert_int_equal(journal_acknowledge(rig->journal, "fast", 29), 0);
    assert_int_equal(journal_acknowledge(rig->journal, "slow", 5), 0);
    assert_int_equal(journal_slowest(rig->journal), 5);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 4); /* 1 to 4 */
    whole(rig, 5, 30);
    assert_int_equal(journal_acknowledge(rig->journal, "slow", 20), 0);
    assert_int_equal(trim(rig, 12, 1000), 7); /* the owner's own need */
    whole(rig, 12, 30);
    assert_int_equal(trim(rig, UINT64_MAX, 3), 3); /* the limit */
    whole(rig, 15, 30);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 5);
    whole(rig, 20, 30);
    /* acknowledgements outlive the process: the trim stored them */
    assert_int_equal(rig_reopen(rig), 0);
    assert_int_equal(journal_slowest(rig->journal), 20);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 0);
    assert_int_equal(journal_acknowledge(rig->journal, "slow", 31), 0);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 9); /* "fast" has 28 */
    whole(rig, 29, 30);
    assert_int_equal(journal_acknowledge(rig->journal, "fast", 31), 0);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 1); /* one is kept */
    whole(rig, 30, 30);
}

static void test_floor_is_never_passed(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1, 10, 0);
    append(rig, 30);
    assert_true(journal_bytes(rig->journal) > 100);
    assert_int_equal(trim(rig, 1, 1000), 0);
    assert_int_equal(trim(rig, 8, 1000), 7); /* though there is too much by far */
    whole(rig, 8, 30);
    assert_int_equal(trim(rig, 8, 1000), 0);
}

static void test_max_bytes_drops_unread(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1, 200, 0);
    append(rig, 30);
    assert_int_equal(journal_acknowledge(rig->journal, "dead", 1), 0);
    uint64_t bytes = journal_bytes(rig->journal);
    assert_true(bytes > 400);
    assert_true(trim(rig, UINT64_MAX, 1000) > 0);
    assert_true(journal_bytes(rig->journal) <= 200);
    /* and not one more than it takes */
    char room[128];
    uint64_t first = journal_first(rig->journal);
    assert_true(journal_bytes(rig->journal) + payload_of(first - 1, room).len > 200);
    whole(rig, first, 30);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 0);
}

/* The bound on the disk holds whatever is still wanted: also for records that everybody has read
 * and that keep_records would keep. */
static void test_max_bytes_drops_read(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1000, 200, 0);
    append(rig, 30);
    assert_true(journal_bytes(rig->journal) > 400);
    assert_int_equal(journal_acknowledge(rig->journal, "live", 31), 0);
    trim(rig, UINT64_MAX, 1000);
    assert_true(journal_bytes(rig->journal) <= 200);
    whole(rig, journal_first(rig->journal), 30);
}

/* A dead consumer that had read a little must not fill the disk either. */
static void test_max_bytes_behind_a_dead_consumer(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1000, 200, 0);
    append(rig, 30);
    assert_int_equal(journal_acknowledge(rig->journal, "dead", 3), 0);
    trim(rig, UINT64_MAX, 1000);
    assert_true(journal_bytes(rig->journal) <= 200);
    whole(rig, journal_first(rig->journal), 30);
}

static void test_ttl(void **state)
{
    rig_t *rig = *state;
    now_ms = 1000000;
    reopen(rig, 1, 0, 5000);
    append(rig, 10);
    assert_int_equal(journal_acknowledge(rig->journal, "gone", 2), 0);
    now_ms += 3000;
    assert_int_equal(journal_acknowledge(rig->journal, "live", 8), 0);
    assert_int_equal(journal_slowest(rig->journal), 2);
    now_ms += 2000; /* exactly its time */
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 1);
    whole(rig, 2, 10);
    now_ms += 1;
    assert_int_equal(journal_slowest(rig->journal), 8);
    assert_int_equal(trim(rig, UINT64_MAX, 1000), 6);
    whole(rig, 8, 10);
    assert_int_equal(rig_reopen(rig), 0); /* when it was seen is stored too */
    assert_int_equal(journal_slowest(rig->journal), 8);
    /* back again: it holds from where it says it is */
    assert_int_equal(journal_acknowledge(rig->journal, "gone", 8), 0);
    now_ms += 4000;
    assert_int_equal(journal_slowest(rig->journal), 8);
    now_ms += 2000;
    assert_int_equal(journal_slowest(rig->journal), 11);
}

static void test_aborted_trim(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1, 0, 0);
    append(rig, 10);
    store_txn_t *txn = store_write(rig->store);
    assert_int_equal(journal_trim(rig->journal, txn, UINT64_MAX, 5), 5);
    store_abort(&txn);
    journal_settle(rig->journal, false);
    whole(rig, 1, 10);
    txn = store_write(rig->store); /* a trim and an append in one */
    char room[128];
    assert_int_equal(journal_trim(rig->journal, txn, UINT64_MAX, 5), 5);
    assert_int_equal(journal_append(rig->journal, txn, payload_of(11, room)), 11);
    assert_int_equal(rig_commit(rig, &txn), 0);
    whole(rig, 6, 11);
    assert_int_equal(rig_reopen(rig), 0);
    whole(rig, 6, 11);
}

static void test_trim_to_nothing_left_to_give(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1, 1, 0);
    append(rig, 10);
    assert_true(trim(rig, UINT64_MAX, 1000) >= 9);
    uint64_t first = journal_first(rig->journal);
    assert_in_range(first, 10, 11);
    assert_int_equal(rig_reopen(rig), 0);
    assert_int_equal(journal_head(rig->journal), 10); /* numbers are never used again */
    whole(rig, first, 10);
    append(rig, 3);
    whole(rig, first, 13);
    assert_int_equal(rig_reopen(rig), 0);
    whole(rig, first, 13);
}

static void test_trim_finds_damage(void **state)
{
    rig_t *rig = *state;
    reopen(rig, 1, 0, 0);
    append(rig, 10);
    uint8_t key[8];
    be64_put(key, 3);
    store_txn_t *txn = store_write(rig->store);
    store_delete(txn, RECORDS, bytes_of(key, 8));
    assert_int_equal(store_commit(&txn), 0);
    txn = store_write(rig->store);
    journal_trim(rig->journal, txn, UINT64_MAX, 1000);
    assert_int_equal(rig_commit(rig, &txn), CHISO_E_CORRUPT);
    assert_int_equal(journal_first(rig->journal), 1); /* nothing was hidden by it */
}

static void test_names(void **state)
{
    rig_t *rig = *state;
    char name[65];
    memset(name, 'n', sizeof name);
    name[64] = '\0';
    append(rig, 5);
    assert_int_equal(journal_acknowledge(rig->journal, name, 1), CHISO_E_TOO_BIG);
    assert_int_equal(journal_acknowledge(rig->journal, "", 1), CHISO_E_TOO_BIG);
    assert_int_equal(journal_slowest(rig->journal), 6);
    name[63] = '\0';
    assert_int_equal(journal_acknowledge(rig->journal, name, 1), 0);
    int rc = 0;
    int n = 0;
    while (rc == 0 && n < 1000) { /* bounded, whatever a peer calls itself */
        char other[16];
        snprintf(other, sizeof other, "c%d", n++);
        rc = journal_acknowledge(rig->journal, other, 4);
    }
    assert_int_equal(rc, CHISO_E_TOO_BIG);
    assert_in_range(n, 64, 999);
    assert_int_equal(journal_acknowledge(rig->journal, name, 1), 0); /* a known one still */
    trim(rig, UINT64_MAX, 1000);
    assert_int_equal(rig_reopen(rig), 0);
    assert_int_equal(journal_slowest(rig->journal), 1);
    assert_int_equal(journal_acknowledge(rig->journal, name, 6), 0);
    assert_int_equal(journal_slowest(rig->journal), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keep_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_consumers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_floor_is_never_passed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_max_bytes_drops_unread, setup, teardown),
        cmocka_unit_test_setup_teardown(test_max_bytes_drops_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_max_bytes_behind_a_dead_consumer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ttl, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aborted_trim, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trim_to_nothing_left_to_give, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trim_finds_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
