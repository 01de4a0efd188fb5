/* test_ledger.c - figures that a row no longer tells, rows of several periods, a judge that says
 * no, the same data in quarantine, and the list of answers. */
#include "base/error.h"
#include "folder.h"
#include "ingest/answers.h"
#include "ingest/quarantine.h"

#include <stdlib.h>

typedef struct {
    char path[FOLDER_SIZE];
    store_t *store;
    journal_t *journal;
} rig_t;

static const uint8_t hash[SHA256_SIZE] = {1};

static int setup(void **state)
{
    rig_t *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    folder_make(rig->path);
    rig->store = folder_store(rig->path, ledger_tables);
    journal_options_t options = {.records = LEDGER_JOURNAL};
    assert_int_equal(journal_open(rig->store, &options, &rig->journal), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    rig_t *rig = *state;
    journal_close(&rig->journal);
    store_close(&rig->store);
    folder_remove(rig->path);
    free(rig);
    return 0;
}

static void commit(rig_t *rig, store_txn_t **txn)
{
    journal_seal(rig->journal, *txn);
    assert_int_equal(store_commit(txn), 0);
    journal_settle(rig->journal, true);
}

static ledger_row_t row_of(const char *period, const reader_figure_t *figures, size_t n)
{
    ledger_row_t row = {.source = "board",
                        .series = "nation/2025",
                        .period = period,
                        .figures = figures,
                        .n_figures = n,
                        .fetched_at = 1000,
                        .body_sha256 = hash};
    chiso__v1__unit__init(&row.unit);
    row.unit.code = "24";
    row.unit.name = "A";
    row.unit.level = CHISO__V1__LEVEL__PROVINCE;
    return row;
}

static int take(rig_t *rig, ledger_row_t row)
{
    store_txn_t *txn = store_write(rig->store);
    int changed = ledger_take(txn, rig->journal, &row);
    commit(rig, &txn);
    return changed;
}

/* "10" of the figure as it is known, or NULL. */
static const char *known(rig_t *rig, const char *period, const char *figure)
{
    static char value[64];
    const char *found = NULL;
    event_in_t in = {0};
    ledger_row_t row = row_of(period, NULL, 0);
    store_txn_t *txn = store_read(rig->store);
    if (ledger_known(txn, &row, &in)) {
        const event_reading_t *r = in.event->reading;
        for (size_t i = 0; i < r->n_figures; i++) {
            if (strcmp(r->figures[i]->id, figure) == 0) {
                snprintf(value, sizeof value, "%s", r->figures[i]->value);
                found = value;
            }
        }
    }
    event_release(&in);
    store_abort(&txn);
    return found;
}

static void count_row(void *context, const char *code, const char *period)
{
    int *rows = context;
    assert_string_equal(code, "24");
    assert_string_equal(period, *rows == 0 ? "2025-09" : "2025-10");
    ++*rows;
}

static void test_rows(void **state)
{
    rig_t *rig = *state;
    const reader_figure_t both[] = {{"a", decimal_of(10)}, {"b", decimal_of(0)}};
    const reader_figure_t first[] = {{"a", decimal_of(11)}};
    assert_int_equal(take(rig, row_of("2025-09", both, 2)), 2);
    assert_int_equal(take(rig, row_of("2025-10", both, 2)), 2); /* another row */
    assert_int_equal(take(rig, row_of("2025-09", both, 2)), LEDGER_SAME);
    /* what a row no longer tells stays; a zero is a figure */
    assert_int_equal(take(rig, row_of("2025-09", first, 1)), 1);
    assert_string_equal(known(rig, "2025-09", "a"), "11");
    assert_string_equal(known(rig, "2025-09", "b"), "0");
    assert_string_equal(known(rig, "2025-10", "a"), "10");
    assert_null(known(rig, "2025-11", "a"));
    assert_int_equal(journal_head(rig->journal), 3);
    int rows = 0;
    store_txn_t *txn = store_read(rig->store);
    ledger_rows(txn, "board", "nation/2025", count_row, &rows);
    store_abort(&txn);
    assert_int_equal(rows, 2);
}

static bool refuse_b(void *context, const ledger_row_t *row, const reader_figure_t *now,
                     const decimal_t *before)
{
    (void)row;
    *(int *)context += before != NULL;
    return strcmp(now->id, "b") != 0;
}

static void test_judge(void **state)
{
    rig_t *rig = *state;
    const reader_figure_t old[] = {{"a", decimal_of(1)}, {"b", decimal_of(2)}};
    const reader_figure_t new[] = {{"b", decimal_of(3)}, {"a", decimal_of(4)}};
    int compared = 0;
    assert_int_equal(take(rig, row_of("2025", old, 2)), 2);
    ledger_row_t row = row_of("2025", new, 2);
    row.judge = refuse_b;
    row.context = &compared;
    assert_int_equal(take(rig, row), LEDGER_REFUSED);
    assert_int_equal(compared, 2);                     /* each is asked for, after a no too */
    assert_string_equal(known(rig, "2025", "a"), "1"); /* a row is taken wholly or not at all */
    assert_string_equal(known(rig, "2025", "b"), "2");
    assert_int_equal(journal_head(rig->journal), 1);
}

static quarantine_news_t put(rig_t *rig, const char *rule, const char *raw, int64_t at)
{
    store_txn_t *txn = store_write(rig->store);
    quarantine_entry_t entry = {.source = "board",
                                .series = "nation/2025",
                                .rule = rule,
                                .reason = "because",
                                .at = at,
                                .body_sha256 = hash,
                                .bytes = bytes_of_text(raw)};
    quarantine_news_t news = quarantine_put(txn, &entry);
    commit(rig, &txn);
    return news;
}

static void rule(rig_t *rig, uint64_t number, Chiso__V1__Ruling__Verdict verdict)
{
    quarantine_in_t in;
    store_txn_t *txn = store_write(rig->store);
    assert_true(quarantine_get(txn, number, &in));
    quarantine_rule(txn, number, in.entry, verdict, 5, "me", "why");
    quarantine_free(&in);
    commit(rig, &txn);
}

static void test_quarantine(void **state)
{
    rig_t *rig = *state;
    quarantine_in_t in;
    assert_int_equal(put(rig, "sum", "{\"a\":1,\"b\":\"x\"}", 1), QUARANTINE_NEW);
    assert_int_equal(put(rig, "sum", "{ \"b\":\"x\",\n\"a\":1}", 2), QUARANTINE_KNOWN);
    assert_int_equal(put(rig, "jump", "{\"a\":1,\"b\":\"x\"}", 3), QUARANTINE_NEW);
    assert_int_equal(put(rig, "sum", "{\"a\":1,\"b\":\"y\"}", 3), QUARANTINE_NEW);
    assert_int_equal(put(rig, "blocked", "<p>1", 3), QUARANTINE_NEW);
    assert_int_equal(put(rig, "blocked", "<p>2", 4), QUARANTINE_KNOWN);
    store_txn_t *txn = store_read(rig->store);
    assert_true(quarantine_get(txn, 1, &in));
    assert_int_equal(in.entry->times, 2);
    assert_int_equal(in.entry->first_at, 1);
    assert_int_equal(in.entry->last_at, 2);
    assert_true(quarantine_is(in.entry, bytes_of_text("{\"b\":\"x\",\"a\":1}")));
    assert_false(quarantine_is(in.entry, bytes_of_text("{\"b\":\"x\"}")));
    quarantine_free(&in);
    store_abort(&txn);
    /* dropped: silent while it is repeated; released: a new entry when it comes again */
    rule(rig, 1, CHISO__V1__RULING__VERDICT__DROPPED);
    rule(rig, 2, CHISO__V1__RULING__VERDICT__RELEASED);
    rule(rig, 4, CHISO__V1__RULING__VERDICT__DROPPED); /* the newest: its number stays its own */
    assert_int_equal(put(rig, "sum", "{\"b\":\"x\",\"a\":1}", 6), QUARANTINE_DROPPED);
    assert_int_equal(put(rig, "jump", "{\"a\":1,\"b\":\"x\"}", 6), QUARANTINE_NEW);
    txn = store_read(rig->store);
    assert_true(quarantine_get(txn, 5, &in));
    assert_string_equal(in.entry->rule, "jump");
    quarantine_free(&in);
    assert_false(quarantine_get(txn, 1, &in));
    assert_int_equal(store_count(txn, LEDGER_RULINGS), 3);
    store_abort(&txn);
}

static void test_answers(void **state)
{
    rig_t *rig = *state;
    static const uint8_t pages[2][SHA256_SIZE] = {{1}, {2}};
    static int64_t times[ANSWERS_PER_SERIES];
    uint32_t count = 0;
    uint32_t other = 0;
    answers_in_t in;
    store_txn_t *txn = store_write(rig->store);
    for (int64_t at = 1; at <= ANSWERS_PER_SERIES + 5; at++) {
        answers_put(txn, "board", "nation/2025", at, pages, 2, &count);
    }
    answers_put(txn, "board", "nation/2025", 10, pages, 2, &count); /* once is once */
    answers_put(txn, "board", "nation/2025-10", 7, pages, 1, &other);
    commit(rig, &txn);
    assert_int_equal(count, ANSWERS_PER_SERIES);
    txn = store_read(rig->store);
    assert_int_equal(answers_times(txn, "board", "nation/2025", 0, times, ANSWERS_PER_SERIES),
                     ANSWERS_PER_SERIES);
    assert_int_equal(times[0], 6); /* the oldest went */
    assert_int_equal(answers_times(txn, "board", "nation/2025", 2000, times, 3), 3);
    assert_int_equal(answers_times(txn, "board", "nation/2025-10", 0, times, 3), 1);
    assert_int_equal(answers_times(txn, "board", "nation", 0, times, 3), 0);
    assert_true(answers_get(txn, "board", "nation/2025", 10, &in));
    assert_int_equal(in.answer->n_pages, 2);
    assert_memory_equal(in.answer->pages[1].data, pages[1], SHA256_SIZE);
    answers_free(&in);
    assert_false(answers_get(txn, "board", "nation/2025", 5, &in));
    store_abort(&txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_judge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quarantine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
