/* join.c - several rows about one unit and period; see reader.c. */
#include "reader_internal.h"

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void reader_reject(reader_row_t *row, const char *rule, const char *format, ...)
{
    if (row->rule == NULL) {
        va_list arguments;
        row->rule = rule;
        va_start(arguments, format);
        vsnprintf(row->reason, sizeof row->reason, format, arguments);
        va_end(arguments);
    }
}

const decimal_t *reader_value(const reader_row_t *row, const char *id)
{
    for (size_t i = 0; i < row->n_figures; i++) {
        if (row->figures[i].id == id) {
            return &row->figures[i].value;
        }
    }
    return NULL;
}

static int compare_rows(const void *x, const void *y)
{
    const reader_row_t *a = *(reader_row_t *const *)x;
    const reader_row_t *b = *(reader_row_t *const *)y;
    int order = strcmp(a->unit.code, b->unit.code);
    order = order != 0 ? order : strcmp(a->period, b->period);
    return order != 0 ? order : a < b ? -1 : a > b;
}

static bool same_thing(const reader_row_t *a, const reader_row_t *b)
{
    return strcmp(a->unit.code, b->unit.code) == 0 && strcmp(a->period, b->period) == 0;
}

/* Joins what may be joined; false when the two cannot both be true. */
static bool add_up(const source_t *s, reader_row_t *into, const reader_row_t *from)
{
    bool good = into->rule == NULL && from->rule == NULL;
    for (unsigned i = 0; i < s->n_figures; i++) {
        good = good && s->figures[i].combine != SOURCE_ONE;
    }
    for (size_t i = 0; good && i < from->n_figures; i++) {
        decimal_t *value = (decimal_t *)(uintptr_t)reader_value(into, from->figures[i].id);
        int figure = source_figure(s, from->figures[i].id);
        if (value == NULL) {
            into->figures[into->n_figures++] = from->figures[i];
        } else if (s->figures[figure].combine == SOURCE_SUM) {
            good = decimal_add(*value, from->figures[i].value, value) == 0;
        } else {
            good = decimal_compare(*value, from->figures[i].value) == 0;
        }
    }
    return good;
}

static void drop(reader_row_t *row)
{
    free(row->name);
    row->name = NULL;
    row->raw = NULL; /* what remove_dropped() knows it by */
}

/* Rows of one unit and period: copies across pages are one row, sums are added, others contradict.
 */
static void join_rows(const source_t *source, reader_row_t **sorted, size_t n)
{
    bool sums = false;
    for (unsigned i = 0; i < source->n_figures; i++) {
        sums = sums || source->figures[i].combine == SOURCE_SUM;
    }
    for (size_t i = 1; i < n; i++) {
        reader_row_t *first = sorted[i - 1];
        reader_row_t *row = sorted[i];
        if (!same_thing(first, row)) {
            continue;
        }
        bool copy = !sums && first->page != row->page && strcmp(first->raw, row->raw) == 0;
        if (copy || add_up(source, first, row)) {
            drop(row);
            sorted[i] = first;
        } else {
            reader_reject(first, "duplicate", "its unit is that of several rows");
            reader_reject(row, "duplicate", "its unit is that of several rows");
        }
    }
}

static void remove_dropped(reader_table_t *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        if (table->rows[i].raw != NULL) {
            table->rows[kept++] = table->rows[i];
        }
    }
    table->n_rows = kept;
}

int reader_join(const source_t *source, reader_table_t *table)
{
    reader_row_t **sorted = calloc(table->n_rows + 1, sizeof *sorted);
    size_t n = 0;
    if (sorted == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < table->n_rows; i++) {
        if (table->rows[i].unit.code != NULL) {
            sorted[n++] = &table->rows[i];
        }
    }
    qsort(sorted, n, sizeof *sorted, compare_rows);
    join_rows(source, sorted, n);
    free(sorted);
    remove_dropped(table);
    return 0;
}
