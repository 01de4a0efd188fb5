/* test_join.c - several rows about one thing, numbers of months, days as figures, ids by the
 * description's own table, and what a description may not say of them. */
#include "source/exchange.h"
#include "source/reader.h"

#include "base/error.h"
#include "folder.h"

static registry_t *units;
static char folder[FOLDER_SIZE];

static int open_all(void **state)
{
    (void)state;
    folder_make(folder);
    return registry_load(TEST_ROOT "/catalogs/units", stderr, &units);
}

static int close_all(void **state)
{
    (void)state;
    registry_destroy(&units);
    folder_remove(folder);
    return 0;
}

#define HEAD "format: \"1\"\nsource: x\ntitle: X\nrequest: {}\nrows: {format: json}\n"
#define BY_TABLE                                                                                   \
    "unit: {by: table, at: /site, others: skip, table: [{text: a.vn, is: \"91\"},"                 \
    " {text: b.vn, is: \"86\"}, {text: old-b.vn, is: \"86\"}]}\n"

static int load(const char *text, source_t **out, buffer_t *said)
{
    char *errors = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&errors, &len);
    folder_write(folder, "x.yaml", bytes_of_text(text));
    char *path = folder_file(folder, "x.yaml");
    int rc = source_load(path, to, out);
    fclose(to);
    buffer_append(said, errors, len);
    free(errors);
    free(path);
    return rc;
}

static void read_body(const source_t *source, const char *of, const char *body,
                      reader_table_t *table)
{
    reader_context_t context = {.source = source,
                                .units = units,
                                .of = of != NULL ? registry_by_code(units, of) : NULL,
                                .period = {PERIOD_YEAR, 2025, 0}};
    bytes_t page = bytes_of_text(body);
    assert_int_equal(reader_read(&context, &page, 1, table), 0);
    assert_int_equal(table->kind, READER_ROWS);
}

static void assert_figure(const reader_row_t *row, size_t i, const char *id, const char *value)
{
    char text[DECIMAL_TEXT_SIZE];
    assert_true(i < row->n_figures);
    assert_string_equal(row->figures[i].id, id);
    assert_string_equal(decimal_format(row->figures[i].value, text), value);
}

static void test_rows_complete_each_other(void **state)
{
    (void)state;
    source_t *s = NULL;
    buffer_t said = BUFFER_INIT(4096);
    reader_table_t table;
    assert_int_equal(load(HEAD BY_TABLE
                          "figures:\n"
                          "  - {id: yes, value: \"1\", combine: same, when: [{at: /owner, is: "
                          "[ours]}]}\n"
                          "  - {id: day, at: /day, date: dd/MM/yyyy, combine: same, optional: "
                          "true}\n",
                          &s, &said),
                     0);
    /* of another owner it says nothing; a copy is no contradiction */
    read_body(s, NULL,
              "[{\"site\":\"a.vn\",\"owner\":\"theirs\"},"
              "{\"site\":\"a.vn\",\"owner\":\"ours\",\"day\":\"01/02/2025\"},"
              "{\"site\":\"a.vn\",\"owner\":\"ours\",\"day\":\"01/02/2025\"},"
              "{\"site\":\"else.vn\",\"owner\":\"ours\"},"
              "{\"site\":\"b.vn\",\"owner\":\"ours\",\"day\":\"31/12/2024\"},"
              "{\"site\":\"old-b.vn\",\"owner\":\"ours\",\"day\":\"30/12/2024\"}]",
              &table);
    assert_int_equal(table.n_skipped, 1);
    assert_int_equal(table.n_rows, 3);
    assert_null(table.rows[0].rule);
    assert_int_equal(table.rows[0].n_figures, 2);
    assert_figure(&table.rows[0], 0, "yes", "1");
    assert_figure(&table.rows[0], 1, "day", "20250201");
    assert_string_equal(table.rows[1].rule, "duplicate"); /* two days: neither is taken */
    assert_string_equal(table.rows[2].rule, "duplicate");
    reader_free(&table);
    read_body(s, NULL, "[{\"site\":\"a.vn\",\"day\":\"2025-02-01\"}]", &table);
    assert_string_equal(table.rows[0].rule, "number");
    reader_free(&table);
    source_destroy(&s);
    buffer_free(&said);
}

static void test_absent_only_where_it_was_looked_for(void **state)
{
    (void)state;
    source_t *s = NULL;
    buffer_t said = BUFFER_INIT(4096);
    reader_table_t table;
    assert_int_equal(
        load(HEAD BY_TABLE "figures: [{id: yes, value: \"1\", absent: \"0\"}]\n", &s, &said), 0);
    const registry_unit_t *wanted[] = {registry_by_code(units, "91"), registry_by_code(units, "86"),
                                       registry_by_code(units, "37")};
    reader_context_t context = {.source = s,
                                .units = units,
                                .wanted = wanted,
                                .n_wanted = 3,
                                .period = {PERIOD_YEAR, 2025, 0}};
    bytes_t page = bytes_of_text("[{\"site\":\"a.vn\"}]");
    assert_int_equal(reader_read(&context, &page, 1, &table), 0);
    assert_int_equal(table.n_rows, 2); /* nothing of 37: the table does not know it */
    assert_string_equal(table.rows[1].unit.code, "86");
    assert_figure(&table.rows[1], 0, "yes", "0");
    reader_free(&table);
    page = bytes_of_text("<html>blocked</html>");
    assert_int_equal(reader_read(&context, &page, 1, &table), 0);
    assert_int_equal(table.n_rows, 0); /* not read is not absent */
    reader_free(&table);
    source_destroy(&s);
    buffer_free(&said);
}

static void test_months_by_number_add_up(void **state)
{
    (void)state;
    source_t *s = NULL;
    buffer_t said = BUFFER_INIT(4096);
    reader_table_t table;
    assert_int_equal(load(HEAD "ask: {each: table}\nunit: {by: series, table: [{text: \"11358\", "
                               "is: \"91\"}]}\nperiod: {at: /key, date: month, as: month}\n"
                               "figures: [{id: n, at: /n, combine: sum}]\n",
                          &s, &said),
                     0);
    assert_string_equal(exchange_id_of(s, s->each, registry_by_code(units, "91")), "11358");
    assert_null(exchange_id_of(s, s->each, registry_by_code(units, "86")));
    read_body(s, "91",
              "[{\"key\":10,\"n\":1},{\"key\":\"8\",\"n\":2},{\"key\":10,\"n\":3},"
              "{\"key\":13,\"n\":4},{\"key\":0,\"n\":5},{\"key\":\"1.0\",\"n\":6}]",
              &table);
    assert_int_equal(table.n_rows, 5);
    assert_string_equal(table.rows[0].period, "2025-10");
    assert_figure(&table.rows[0], 0, "n", "4");
    assert_string_equal(table.rows[1].period, "2025-08");
    for (size_t i = 2; i < 5; i++) {
        assert_string_equal(table.rows[i].rule, "schema");
    }
    reader_free(&table);
    source_destroy(&s);
    buffer_free(&said);
}

static void test_descriptions_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {HEAD BY_TABLE "figures: [{id: n, at: /n, combine: twice}]\n", "expected sum or same"},
        {HEAD BY_TABLE "figures: [{id: n, at: /n, date: yyyy/QQ}]\n", "expected a date such as"},
        {HEAD BY_TABLE "ask: {period: week}\nfigures: [{id: n, at: /n}]\n",
         "expected year, quarter or month"},
        {HEAD BY_TABLE "period: {at: /k, date: month, as: year}\nfigures: [{id: n, at: /n}]\n",
         "as period.date says"},
        {HEAD "ask: {each: table}\nunit: {by: series}\nfigures: [{id: n, at: /n}]\n",
         "expected it where `table` joins"},
        {HEAD "ask: {each: name}\nunit: {by: series}\nfigures: [{id: n, at: /n}]\n",
         "expected code, dvc, geo, agency or table"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        source_t *s = NULL;
        buffer_t said = BUFFER_INIT(4096);
        assert_int_equal(load(cases[i].text, &s, &said), CHISO_E_CONFIG);
        assert_null(s);
        if (strstr(buffer_text(&said), cases[i].reason) == NULL) {
            fail_msg("%zu: %s", i, buffer_text(&said));
        }
        buffer_free(&said);
    }
}

/* One row about a unit and month; the rule that keeps it out, or NULL, and who it is. */
static void assert_whose(const char *unit, const char *text, const char *month, const char *rule,
                         const char *name)
{
    char yaml[1024];
    char body[256];
    source_t *s = NULL;
    buffer_t said = BUFFER_INIT(4096);
    reader_table_t table;
    snprintf(yaml, sizeof yaml,
             HEAD "unit: {%s}\nperiod: {at: /p, date: period, as: month}\n"
                  "figures:\n  - {id: n, at: /n}\n",
             unit);
    snprintf(body, sizeof body, "[{\"u\":\"%s\",\"p\":\"%s\",\"n\":\"7\"}]", text, month);
    if (load(yaml, &s, &said) != 0) {
        fail_msg("%s", buffer_text(&said));
    }
    read_body(s, NULL, body, &table);
    assert_int_equal(table.n_rows, 1);
    assert_string_equal(table.rows[0].period, month);
    if (rule == NULL) {
        assert_null(table.rows[0].rule);
        assert_string_equal(table.rows[0].unit.name, name);
    } else {
        assert_string_equal(table.rows[0].rule, rule);
        assert_string_equal(table.rows[0].reason, name);
    }
    reader_free(&table);
    source_destroy(&s);
    buffer_free(&said);
}

/* On 1 July 2025 63 provinces became 34, and some codes went to other provinces: 91 was Kiên
 * Giang's. What an id of today says of a month before is not that province's. */
static void trap_26_the_series_breaks_where_units_end(void **state)
{
    (void)state;
    static const char code[] = "by: code, at: /u";
    static const char dvc[] = "by: dvc, at: /u";
    static const char table[] = "by: table, at: /u, table: [{text: x, is: \"91\"}]";
    assert_whose(code, "91", "2025-07", NULL, "Tỉnh An Giang");
    assert_whose(code, "91", "2025-06", NULL, "Tỉnh Kiên Giang");
    assert_whose(code, "30", "2025-06", NULL, "Tỉnh Hải Dương"); /* ended, and is still read */
    assert_whose(code, "30", "2025-07", "unit", "Tỉnh Hải Dương was not there in 2025-07");
    assert_whose(code, "89", "2024-12", NULL, "Tỉnh An Giang");
    assert_whose(dvc, "398126", "2025-07", NULL, "Tỉnh An Giang");
    assert_whose(dvc, "398126", "2025-06", "unit", "Tỉnh An Giang was not there in 2025-06");
    assert_whose(dvc, "408562", "2025-06", NULL, "Tỉnh Cà Mau"); /* the same name then */
    assert_whose(table, "x", "2025-07", NULL, "Tỉnh An Giang");
    assert_whose(table, "x", "2025-06", "unit", "Tỉnh An Giang was not there in 2025-06");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trap_26_the_series_breaks_where_units_end),
        cmocka_unit_test(test_rows_complete_each_other),
        cmocka_unit_test(test_absent_only_where_it_was_looked_for),
        cmocka_unit_test(test_months_by_number_add_up),
        cmocka_unit_test(test_descriptions_that_are_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
