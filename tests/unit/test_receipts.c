/* test_receipts.c - keys of clients: the same, another, and what is forgotten; and what files are
 * by their bytes. */
#include "folder.h"
#include "ingest/evidence.h"
#include "ingest/ledger.h"
#include "ingest/receipts.h"

static char folder[FOLDER_SIZE];
static const uint8_t one[SHA256_SIZE] = {1}, two[SHA256_SIZE] = {2};

static store_t *open_store(void)
{
    char reason[256] = "";
    store_t *store = NULL;
    char *name = folder_file(folder, "store");
    store_options_t options = {.map_size = 512ULL << 20, .no_sync = true, .tables = ledger_tables};
    if (store_open(name, &options, reason, &store) != 0) {
        fail_msg("%s", reason);
    }
    free(name);
    return store;
}

static receipt_t find(store_txn_t *txn, const char *owner, const char *key, const uint8_t *request)
{
    bytes_t answer;
    receipt_t found = receipts_find(txn, owner, key, request, &answer);
    if (found == RECEIPT_SAME && answer.len < 100) {
        assert_true(bytes_equal(answer, bytes_of_text(key)));
    }
    return found;
}

static void test_keys(void **state)
{
    (void)state;
    store_t *store = open_store();
    store_txn_t *txn = store_write(store);
    receipts_keep(txn, "a", "k", one, bytes_of_text("k"));
    assert_int_equal(find(txn, "a", "k", one), RECEIPT_SAME);
    assert_int_equal(find(txn, "a", "k", two), RECEIPT_OTHER);
    assert_int_equal(find(txn, "b", "k", one), RECEIPT_NONE);
    assert_int_equal(find(txn, "a", "kk", one), RECEIPT_NONE);
    assert_int_equal(store_commit(&txn), 0);
    store_close(&store);
    store = open_store();
    txn = store_read(store);
    assert_int_equal(find(txn, "a", "k", one), RECEIPT_SAME);
    store_abort(&txn);
    store_close(&store);
}

/* The oldest go: by number, and by bytes. */
static void test_bounds(void **state)
{
    (void)state;
    char key[32];
    store_t *store = open_store();
    store_txn_t *txn = store_write(store);
    for (int i = 0; i < RECEIPTS_MAX + 5; i++) {
        snprintf(key, sizeof key, "n%d", i);
        receipts_keep(txn, "a", key, one, bytes_of_text(key));
    }
    assert_int_equal(store_count(txn, LEDGER_RECEIPTS), RECEIPTS_MAX);
    assert_int_equal(store_count(txn, LEDGER_RECEIPT_KEYS), RECEIPTS_MAX);
    assert_int_equal(find(txn, "a", "n4", one), RECEIPT_NONE);
    assert_int_equal(find(txn, "a", "n5", one), RECEIPT_SAME);
    size_t len = 8 << 20;
    char *large = calloc(1, len);
    assert_non_null(large);
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "b%d", i);
        receipts_keep(txn, "a", key, one, bytes_of(large, len));
    }
    free(large);
    assert_int_equal(store_status(txn), 0);
    assert_int_equal(find(txn, "a", "n10004", one), RECEIPT_NONE);
    assert_int_equal(find(txn, "a", "b0", one), RECEIPT_NONE);
    assert_int_equal(find(txn, "a", "b9", one), RECEIPT_SAME);
    uint64_t left = store_count(txn, LEDGER_RECEIPTS);
    assert_true(left >= RECEIPTS_MAX_BYTES / len && left <= RECEIPTS_MAX_BYTES / len + 1);
    assert_int_equal(store_count(txn, LEDGER_RECEIPT_KEYS), left);
    assert_int_equal(store_commit(&txn), 0);
    store_close(&store);
}

static void test_types(void **state)
{
    (void)state;
#define ODF(type)                                                                                  \
    "PK\x03\x04__________________________mimetypeapplication/vnd.oasis.opendocument." type
#define OOXML(parts) "PK\x03\x04 [Content_Types].xml " parts
    static const struct {
        const char *bytes, *name;
    } files[] = {
        {"%PDF-1.4", "pdf"},
        {"\x89PNG\r\n\x1a\n", "png"},
        {"\xFF\xD8\xFF\xE0", "jpeg"},
        {OOXML("word/document.xml"), "docx"},
        {OOXML("xl/workbook.xml"), "xlsx"},
        {OOXML("ppt/presentation.xml"), "pptx"},
        {ODF("text") "PK", "odt"},
        {ODF("spreadsheet") "PK", "ods"},
        {ODF("presentation") "PK", "odp"},
        {ODF("text-template") "PK", NULL},
        {ODF("text"), NULL}, /* cut */
        {OOXML("xl/workbook.xml xl/vbaProject.bin"), NULL},
        {OOXML("other.xml"), NULL},
        {"PK\x03\x04", NULL},
        {"<html>", NULL},
        {"%PDF", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const evidence_type_t *type = evidence_sniff(bytes_of_text(files[i].bytes));
        const char *name = type != NULL ? type->name : "none";
        assert_string_equal(name, files[i].name != NULL ? files[i].name : "none");
        if (type != NULL) {
            assert_true(evidence_declared(type, NULL));
            assert_true(evidence_declared(type, type->media_type));
            assert_true(evidence_declared(type, "Application/Octet-Stream; x=1"));
            assert_false(evidence_declared(type, "text/html"));
            assert_string_equal(evidence_media_type(name), type->media_type);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    folder_make(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test(test_types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
