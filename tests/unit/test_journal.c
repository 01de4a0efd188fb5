/* test_journal.c - appending, reading, and finding what was changed behind the journal's back. */
#include "journal_rig.h"

static void test_append_and_read(void **state)
{
    rig_t *rig = *state;
    assert_int_equal(journal_head(rig->journal), 0);
    assert_int_equal(journal_first(rig->journal), 1);
    assert_int_equal(journal_bytes(rig->journal), 0);
    assert_int_equal(read_from(rig, 1, 0), 0); /* the end is a place to be */
    append(rig, 10);
    append(rig, 1);
    append(rig, 0);
    assert_int_equal(journal_head(rig->journal), 11);
    assert_int_equal(journal_first(rig->journal), 1);
    uint64_t bytes = 0;
    for (uint64_t seq = 1; seq <= 11; seq++) {
        char room[128];
        bytes += payload_of(seq, room).len;
    }
    assert_int_equal(journal_bytes(rig->journal), bytes);
    assert_int_equal(read_from(rig, 1, 0), 11);
    assert_int_equal(read_from(rig, 1, 4), 4);
    assert_int_equal(read_from(rig, 7, 0), 5);
    assert_int_equal(read_from(rig, 11, 0), 1);
    assert_int_equal(read_from(rig, 12, 0), 0);
    assert_int_equal(read_from(rig, 13, 0), CHISO_E_TRIMMED);
    assert_int_equal(read_from(rig, 0, 0), CHISO_E_TRIMMED);
    assert_int_equal(read_from(rig, UINT64_MAX, 0), CHISO_E_TRIMMED);
    uint64_t bad;
    char reason[256];
    assert_int_equal(verify(rig, &bad, reason, NULL), 0);
}

static void test_settle(void **state)
{
    rig_t *rig = *state;
    append(rig, 3);
    char room[128];
    store_txn_t *txn = store_write(rig->store);
    assert_int_equal(journal_append(rig->journal, txn, payload_of(4, room)), 4);
    assert_int_equal(journal_head(rig->journal), 3); /* not yet */
    assert_int_equal(journal_append(rig->journal, txn, payload_of(5, room)), 5);
    store_abort(&txn);
    journal_settle(rig->journal, false);
    assert_int_equal(journal_head(rig->journal), 3);
    assert_int_equal(read_from(rig, 1, 0), 3);

    txn = store_write(rig->store); /* failed in between */
    assert_int_equal(journal_append(rig->journal, txn, payload_of(4, room)), 4);
    store_fail(txn, CHISO_E_TOO_BIG);
    assert_int_equal(journal_append(rig->journal, txn, payload_of(5, room)), 0);
    assert_int_equal(rig_commit(rig, &txn), CHISO_E_TOO_BIG);
    append(rig, 2); /* 4 and 5: no gaps, and the chain goes on from 3 */
    uint64_t bad;
    char reason[256];
    assert_int_equal(read_from(rig, 1, 0), 5);
    assert_int_equal(verify(rig, &bad, reason, NULL), 0);
    assert_int_equal(rig_reopen(rig), 0);
    assert_int_equal(journal_head(rig->journal), 5);
    assert_int_equal(verify(rig, &bad, reason, NULL), 0);
}

/* The state that an event tells of and the event are one transaction. */
static void test_with_state(void **state)
{
    rig_t *rig = *state;
    bytes_t v;
    for (int round = 0; round < 2; round++) {
        store_txn_t *txn = store_write(rig->store);
        store_put(txn, OTHER, bytes_of_text("state"), bytes_of_text("x"));
        journal_append(rig->journal, txn, bytes_of_text(""));
        if (round == 0) {
            store_fail(txn, CHISO_E_INVALID);
        }
        assert_int_equal(rig_commit(rig, &txn), round == 0 ? CHISO_E_INVALID : 0);
        txn = store_read(rig->store);
        assert_int_equal(store_get(txn, OTHER, bytes_of_text("state"), &v), round);
        assert_int_equal(store_count(txn, RECORDS), round);
        store_abort(&txn);
        assert_int_equal(journal_head(rig->journal), round);
    }
}

static void test_sizes(void **state)
{
    rig_t *rig = *state;
    uint8_t *big = calloc(1, JOURNAL_MAX_RECORD + 1);
    assert_non_null(big);
    store_txn_t *txn = store_write(rig->store);
    assert_int_equal(journal_append(rig->journal, txn, bytes_of(big, JOURNAL_MAX_RECORD)), 1);
    assert_int_equal(journal_append(rig->journal, txn, bytes_of(big, 4096)), 2);
    assert_int_equal(journal_append(rig->journal, txn, bytes_of(big, 4096 - 37)), 3);
    assert_int_equal(journal_append(rig->journal, txn, bytes_of(big, 4096 - 36)), 4);
    assert_int_equal(rig_commit(rig, &txn), 0);
    txn = store_write(rig->store);
    assert_int_equal(journal_append(rig->journal, txn, bytes_of(big, JOURNAL_MAX_RECORD + 1)), 0);
    assert_int_equal(rig_commit(rig, &txn), CHISO_E_TOO_BIG);
    free(big);
    assert_int_equal(journal_head(rig->journal), 4);
    uint64_t bad;
    char reason[256];
    assert_int_equal(verify(rig, &bad, reason, NULL), 0);
}

static void test_epochs(void **state)
{
    rig_t *rig = *state;
    uint64_t epoch = journal_epoch(rig->journal);
    assert_true(epoch != 0);
    append(rig, 1);
    assert_int_equal(rig_reopen(rig), 0);
    assert_true(journal_epoch(rig->journal) == epoch); /* the same journal */
    store_txn_t *txn = store_write(rig->store);
    uint8_t one[8];
    be64_put(one, 1);
    store_delete(txn, META, bytes_of_text("head"));
    store_delete(txn, RECORDS, bytes_of(one, 8));
    assert_int_equal(store_commit(&txn), 0);
    assert_int_equal(rig_reopen(rig), 0);
    assert_true(journal_epoch(rig->journal) != epoch);
    assert_int_equal(journal_head(rig->journal), 0);
}

/* Records of a transaction under way are not given before it is settled. */
static void test_read_under_way(void **state)
{
    rig_t *rig = *state;
    append(rig, 2);
    char room[128];
    store_txn_t *txn = store_write(rig->store);
    journal_append(rig->journal, txn, payload_of(3, room));
    reading_t r = {.next = 1};
    assert_int_equal(journal_read(rig->journal, txn, 1, rig_each, &r), 2);
    assert_int_equal(rig_commit(rig, &txn), 0);
    assert_int_equal(read_from(rig, 1, 0), 3);
}

/* ---- tampering ---- */

static bytes_t key_of(uint64_t seq)
{
    static uint8_t room[2][8];
    static unsigned at;
    uint8_t *r = room[at++ % 2];
    be64_put(r, seq);
    return bytes_of(r, 8);
}

/* Flips a byte of a stored record, at `at` from its start or (negative) its end. */
static void flip(rig_t *rig, uint64_t seq, int at)
{
    uint8_t copy[256];
    bytes_t v;
    store_txn_t *txn = store_write(rig->store);
    assert_true(store_get(txn, RECORDS, key_of(seq), &v));
    assert_true(v.len <= sizeof copy);
    size_t len = v.len;
    memcpy(copy, v.data, len);
    copy[at >= 0 ? (size_t)at : len - (size_t)-at] ^= 0x20;
    store_put(txn, RECORDS, key_of(seq), bytes_of(copy, len));
    assert_int_equal(store_commit(&txn), 0);
}

static void damaged(rig_t *rig, uint64_t want_bad, const char *want_reason)
{
    uint64_t bad = 0;
    char reason[256] = "";
    uint8_t hash[SHA256_SIZE];
    memset(hash, 0x5a, sizeof hash);
    assert_int_equal(verify(rig, &bad, reason, hash), CHISO_E_CORRUPT);
    assert_int_equal(bad, want_bad);
    assert_string_equal(reason, want_reason);
    for (size_t i = 0; i < sizeof hash; i++) {
        assert_int_equal(hash[i], 0x5a); /* untouched */
    }
}

static void test_changed_bytes(void **state)
{
    rig_t *rig = *state;
    append(rig, 20);
    /* version, CRC, predecessor's hash (first and last byte), payload (first and last byte) */
    static const int places[] = {0, 1, 4, 5, 36, 37, -1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        flip(rig, 9, places[i]);
        damaged(rig, 9, "the checksum does not fit the record");
        assert_int_equal(read_from(rig, 1, 8), 8); /* before it, nothing is wrong */
        assert_int_equal(read_from(rig, 1, 0), CHISO_E_CORRUPT);
        assert_int_equal(read_from(rig, 9, 0), CHISO_E_CORRUPT);
        assert_int_equal(read_from(rig, 10, 0), 11);
        flip(rig, 9, places[i]);
        uint64_t bad;
        char reason[256];
        assert_int_equal(verify(rig, &bad, reason, NULL), 0);
    }
    /* the head is checked at start */
    flip(rig, 20, 37);
    damaged(rig, 20, "the checksum does not fit the record");
    assert_int_equal(rig_reopen(rig), CHISO_E_CORRUPT);
    assert_null(rig->journal);
    flip(rig, 20, 37);
    assert_int_equal(rig_reopen(rig), 0);
    /* a record cut to less than its header */
    store_txn_t *txn = store_write(rig->store);
    store_put(txn, RECORDS, key_of(3), bytes_of("\x01shrt", 5));
    assert_int_equal(store_commit(&txn), 0);
    damaged(rig, 3, "the checksum does not fit the record");
    assert_int_equal(read_from(rig, 3, 0), CHISO_E_CORRUPT);
}

static void test_swapped(void **state)
{
    rig_t *rig = *state;
    append(rig, 9);
    uint8_t a[256];
    uint8_t b[256];
    bytes_t v;
    store_txn_t *txn = store_write(rig->store);
    assert_true(store_get(txn, RECORDS, key_of(4), &v));
    size_t a_len = v.len;
    memcpy(a, v.data, a_len);
    assert_true(store_get(txn, RECORDS, key_of(5), &v));
    size_t b_len = v.len;
    memcpy(b, v.data, b_len);
    store_put(txn, RECORDS, key_of(4), bytes_of(b, b_len));
    store_put(txn, RECORDS, key_of(5), bytes_of(a, a_len));
    assert_int_equal(store_commit(&txn), 0);
    damaged(rig, 4, "the checksum does not fit the record");
    assert_int_equal(read_from(rig, 4, 0), CHISO_E_CORRUPT);
}

/* A forger who makes the record's CRC fit is found by the chain, at the record behind. */
static void test_forged(void **state)
{
    rig_t *rig = *state;
    append(rig, 9);
    uint8_t record[256];
    bytes_t v;
    store_txn_t *txn = store_write(rig->store);
    assert_true(store_get(txn, RECORDS, key_of(4), &v));
    size_t len = v.len;
    memcpy(record, v.data, len);
    record[len - 1] ^= 1;
    uint32_t crc = crc32c(0, key_of(4));
    crc = crc32c(crc, bytes_of(record + 5, len - 5));
    be32_put(record + 1, crc);
    store_put(txn, RECORDS, key_of(4), bytes_of(record, len));
    assert_int_equal(store_commit(&txn), 0);
    damaged(rig, 5, "the record does not continue the hash chain");
}

static void test_removed(void **state)
{
    rig_t *rig = *state;
    append(rig, 9);
    store_txn_t *txn = store_write(rig->store);
    assert_true(store_delete(txn, RECORDS, key_of(4)));
    assert_int_equal(store_commit(&txn), 0);
    damaged(rig, 4, "a record is missing");
    assert_int_equal(read_from(rig, 1, 3), 3);
    assert_int_equal(read_from(rig, 1, 0), CHISO_E_CORRUPT);
    assert_int_equal(read_from(rig, 4, 0), CHISO_E_CORRUPT);
    assert_int_equal(read_from(rig, 5, 0), 5);
}

static void test_removed_at_the_end(void **state)
{
    rig_t *rig = *state;
    append(rig, 9);
    store_txn_t *txn = store_write(rig->store);
    assert_true(store_delete(txn, RECORDS, key_of(8)));
    assert_true(store_delete(txn, RECORDS, key_of(9)));
    assert_int_equal(store_commit(&txn), 0);
    damaged(rig, 8, "the journal ends before its head");
    /* fewer than were committed is not "that is all": a consumer would ask again for ever */
    assert_int_equal(read_from(rig, 9, 0), CHISO_E_CORRUPT);
    assert_int_equal(read_from(rig, 1, 0), CHISO_E_CORRUPT);
}

static void test_removed_before_start(void **state)
{
    rig_t *rig = *state;
    append(rig, 9);
    store_txn_t *txn = store_write(rig->store);
    assert_true(store_delete(txn, RECORDS, key_of(9)));
    assert_int_equal(store_commit(&txn), 0);
    assert_int_equal(rig_reopen(rig), CHISO_E_CORRUPT);
}

/* The meta record: u8 version, epoch, head, first, bytes, head's hash, base's hash. */
static void test_wrong_meta(void **state)
{
    rig_t *rig = *state;
    append(rig, 9);
    static const struct {
        size_t at;
        int opens; /* what journal_open says; the base is only proved by a walk */
    } places[] = {{0, CHISO_E_NEWER},
                  {16, CHISO_E_CORRUPT},
                  {33, CHISO_E_CORRUPT},
                  {64, CHISO_E_CORRUPT},
                  {65, 0}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint8_t meta[97];
        for (int round = 0; round < 2; round++) {
            bytes_t v;
            store_txn_t *txn = store_write(rig->store);
            assert_true(store_get(txn, META, bytes_of_text("head"), &v));
            assert_int_equal(v.len, sizeof meta);
            memcpy(meta, v.data, sizeof meta);
            meta[places[i].at] ^= 0x40;
            store_put(txn, META, bytes_of_text("head"), bytes_of(meta, sizeof meta));
            assert_int_equal(store_commit(&txn), 0);
            assert_int_equal(rig_reopen(rig), round == 0 ? places[i].opens : 0);
            if (round == 0 && places[i].opens == 0) {
                damaged(rig, 1, "the record does not continue the hash chain");
            }
        }
    }
    uint64_t bad;
    char reason[256];
    assert_int_equal(verify(rig, &bad, reason, NULL), 0);
}

static void test_wrong_head_hash(void **state)
{
    rig_t *rig = *state;
    append(rig, 9);
    /* the last record replaced by another that is whole and continues the chain */
    uint8_t record[256];
    bytes_t v;
    store_txn_t *txn = store_write(rig->store);
    assert_true(store_get(txn, RECORDS, key_of(9), &v));
    size_t len = v.len;
    memcpy(record, v.data, len);
    record[len - 1] ^= 1;
    be32_put(record + 1, crc32c(crc32c(0, key_of(9)), bytes_of(record + 5, len - 5)));
    store_put(txn, RECORDS, key_of(9), bytes_of(record, len));
    assert_int_equal(store_commit(&txn), 0);
    damaged(rig, 10, "the hash of the head is another one"); /* all records are whole */
    assert_int_equal(rig_reopen(rig), CHISO_E_CORRUPT);
}

static bool copy_one(void *context, uint64_t seq, bytes_t payload)
{
    rig_t *to = context;
    store_txn_t *txn = store_write(to->store);
    assert_int_equal(journal_append(to->journal, txn, payload), seq);
    assert_int_equal(rig_commit(to, &txn), 0);
    return true;
}

/* What is appended again from the same origin has the same numbers and hashes, trimmed or not. */
static void test_same_origin(void **state)
{
    rig_t *rig = *state;
    rig->options.keep_records = 4;
    assert_int_equal(rig_reopen(rig), 0);
    for (int round = 0; round < 2; round++) {
        append(rig, 9);
        journal_origin_t origin;
        journal_origin(rig->journal, &origin);
        assert_int_equal(origin.first, round == 0 ? 1 : 6);
        rig_t other = {.options = rig->options};
        folder_make(other.path);
        other.store = folder_store(other.path, tables);
        assert_int_equal(journal_open_from(other.store, &other.options, &origin, &other.journal),
                         0);
        store_txn_t *txn = store_read(rig->store);
        assert_true(journal_read(rig->journal, txn, origin.first, copy_one, &other) > 0);
        store_abort(&txn);
        uint8_t wanted[SHA256_SIZE];
        uint8_t have[SHA256_SIZE];
        journal_head_hash(rig->journal, wanted);
        journal_head_hash(other.journal, have);
        assert_memory_equal(wanted, have, SHA256_SIZE);
        assert_int_equal(journal_epoch(other.journal), journal_epoch(rig->journal));
        uint64_t bad;
        char reason[256];
        assert_int_equal(verify(&other, &bad, reason, have), 0);
        journal_close(&other.journal);
        store_close(&other.store);
        folder_remove(other.path);
        assert_int_equal(trim(rig, UINT64_MAX, 100), round == 0 ? 5 : 9);
    }
}

/* Another epoch, and everything else as it was. */
static void test_renew(void **state)
{
    rig_t *rig = *state;
    append(rig, 5);
    uint64_t before = journal_epoch(rig->journal);
    store_txn_t *txn = store_write(rig->store);
    uint64_t renewed = journal_renew(rig->journal, txn);
    assert_int_equal(rig_commit(rig, &txn), 0);
    assert_true(renewed != before && renewed != 0);
    assert_int_equal(rig_reopen(rig), 0);
    assert_int_equal(journal_epoch(rig->journal), renewed);
    append(rig, 5);
    uint64_t bad;
    char reason[256];
    uint8_t hash[SHA256_SIZE];
    assert_int_equal(verify(rig, &bad, reason, hash), 0);
    assert_int_equal(read_from(rig, 1, 0), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_append_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_with_state, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epochs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changed_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_swapped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_removed_before_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_meta, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_head_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_origin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_renew, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
