/* fuzz_reader.c - any bytes as the answer of the 766 board, read by its description: each row that
 * is good is whole and adds up; each that is not says why and keeps its bytes. */
#include "source/reader.h"

#include "text/text.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_good(const reader_row_t *row)
{
    decimal_t sum = DECIMAL_ZERO;
    require(row->unit.code != NULL && *row->unit.code != '\0' && row->n_figures == 7);
    require(text_is_nfc(row->unit.name, strlen(row->unit.name)) && *row->unit.name != '\0');
    require(row->unit.level >= 1 && row->unit.level <= 3 && *row->raw != '\0');
    for (int i = 0; i < 6; i++) {
        require(decimal_sign(row->figures[i].value) >= 0);
        require(decimal_add(sum, row->figures[i].value, &sum) == 0);
    }
    require(decimal_compare(sum, row->figures[6].value) == 0);
}

static void check_bad(const reader_row_t *row)
{
    static const char *const rules[] = {"schema", "number", "range", "sum", "duplicate", "unit"};
    bool known = false;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        known = known || strcmp(row->rule, rules[i]) == 0;
    }
    require(known && row->reason[0] != '\0' && *row->raw != '\0');
    require(memchr(row->reason, '\0', sizeof row->reason) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static source_t *source;
    static registry_t *units;
    if (source == NULL) {
        require(source_load(TEST_ROOT "/sources/dvc-766.yaml", stderr, &source) == 0);
        require(registry_load(TEST_ROOT "/catalogs/units", stderr, &units) == 0);
    }
    reader_context_t context = {.source = source,
                                .units = units,
                                .of = registry_by_code(units, "91"),
                                .period = {PERIOD_YEAR, 2025, 0}};
    reader_table_t table;
    bytes_t page = bytes_of(data, size);
    require(reader_read(&context, &page, 1, &table) == 0);
    require(table.kind == READER_ROWS || table.n_rows == 0);
    require(table.kind == READER_ROWS || table.kind == READER_NO_DATA || table.reason[0] != '\0');
    for (size_t i = 0; i < table.n_rows; i++) {
        if (table.rows[i].rule == NULL) {
            check_good(&table.rows[i]);
        } else {
            check_bad(&table.rows[i]);
        }
        for (size_t k = 0; k < i && i < 50; k++) { /* no two good rows of one unit */
            require(table.rows[i].rule != NULL || table.rows[k].rule != NULL ||
                    strcmp(table.rows[i].unit.code, table.rows[k].unit.code) != 0);
        }
    }
    reader_free(&table);
    return 0;
}
