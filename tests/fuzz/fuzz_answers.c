/* fuzz_answers.c - any bytes as the answer of each described source that speaks JSON or CSV; the
 * first byte says which. A good row has a unit, a period and figures within their limits; nothing
 * is taken of an answer that is refused, blocked or malformed. */
#include "source/reader.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *file, *of; /* of: the unit that is asked for */
} described[] = {
    {"/sources/dvc-counters-year.yaml", "91"},   {"/sources/dvc-trend.yaml", "91"},
    {"/sources/open-data.yaml", "31"},           {"/sources/local/e-documents.yaml", NULL},
    {"/sources/local/task-tracking.yaml", NULL}, {"/sources/local/one-stop-lgsp.yaml", NULL},
    {"/sources/local/dossiers-wso2.yaml", "96"}, {"/sources/local/procedures-xroad.yaml", "96"},
    {"/sources/local/lgsp-usage.yaml", "96"},    {"/sources/local/ckan-datastore.yaml", "80"},
};
#define N (sizeof described / sizeof described[0])

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_row(const source_t *source, const reader_row_t *row)
{
    period_t period;
    require(row->raw != NULL);
    if (row->rule != NULL) {
        require(row->reason[0] != '\0');
        return;
    }
    require(row->unit.code != NULL && *row->unit.code != '\0');
    require(period_parse(row->period, &period) == 0);
    require(row->n_figures <= source->n_figures);
    for (size_t i = 0; i < row->n_figures; i++) {
        int figure = source_figure(source, row->figures[i].id);
        require(figure >= 0);
        const source_figure_t *f = &source->figures[figure];
        require(!f->has_min || decimal_compare(row->figures[i].value, f->min) >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static source_t *sources[N];
    static registry_t *units;
    if (units == NULL) {
        require(registry_load(TEST_ROOT "/catalogs/units", stderr, &units) == 0);
        for (size_t i = 0; i < N; i++) {
            char path[512];
            snprintf(path, sizeof path, "%s%s", TEST_ROOT, described[i].file);
            require(source_load(path, stderr, &sources[i]) == 0);
        }
    }
    if (size == 0) {
        return 0;
    }
    size_t which = (size_t)(data[0] - (uint8_t)'0') % N;
    const char *of = described[which].of;
    reader_context_t context = {.source = sources[which],
                                .units = units,
                                .of = of != NULL ? registry_by_code(units, of) : NULL,
                                .period = {PERIOD_YEAR, 2025, 0}};
    reader_table_t table;
    bytes_t page = bytes_of(data + 1, size - 1);
    require(reader_read(&context, &page, 1, &table) == 0);
    require(table.kind == READER_ROWS || table.n_rows == 0);
    require(table.kind <= READER_NO_DATA || table.reason[0] != '\0');
    for (size_t i = 0; i < table.n_rows; i++) {
        check_row(sources[which], &table.rows[i]);
    }
    reader_free(&table);
    return 0;
}
