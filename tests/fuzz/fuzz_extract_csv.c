/* fuzz_extract_csv.c - any bytes as a CSV body, in two delimiters. Each row's bytes stand in the
 * body, in the line it says, and give the same cells when they are read alone. */
#include "extract/extract.h"

#include "text/text.h"

#include <stdlib.h>
#include <string.h>

static const extract_column_t columns[] = {{"a", "a", true}, {"b", "Điểm", false}};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* The headings are what is before the first row; they may be of several lines. */
static void check_alone(const extract_spec_t *spec, bytes_t head, const extract_row_t *row)
{
    buffer_t body = BUFFER_INIT(head.len + strlen(row->raw) + 16);
    extract_table_t table;
    buffer_append(&body, head.data, head.len);
    buffer_append_text(&body, row->raw);
    require(!body.failed && extract(spec, buffer_bytes(&body), &table) == 0);
    if (table.kind == EXTRACT_MALFORMED) { /* a lone row without any column is another shape */
        require(row->cells[0] == NULL && row->cells[1] == NULL);
        extract_free(&table);
        buffer_free(&body);
        return;
    }
    require(table.kind == EXTRACT_ROWS && table.n_rows == 1);
    require((table.rows[0].fault == NULL) == (row->fault == NULL));
    for (size_t i = 0; i < 2; i++) {
        const char *a = row->cells[i], *b = table.rows[0].cells[i];
        require(a == b || (a != NULL && b != NULL && strcmp(a, b) == 0));
    }
    extract_free(&table);
    buffer_free(&body);
}

/* Where the `line`th line begins. */
static const uint8_t *line_at(bytes_t body, size_t line)
{
    const uint8_t *at = body.data, *end = body.data + body.len;
    for (; at < end && line > 1; at++) {
        bool pair = *at == '\r' && at + 1 < end && at[1] == '\n';
        line -= *at == '\n' || (*at == '\r' && !pair) ? 1 : 0;
    }
    return at;
}

static void check(char delimiter, bytes_t body)
{
    const extract_spec_t spec = {
        .format = EXTRACT_CSV, .columns = columns, .n_columns = 2, .delimiter = delimiter};
    extract_table_t table;
    require(extract(&spec, body, &table) == 0);
    require((table.kind == EXTRACT_ROWS) == (table.n_rows > 0));
    require((table.kind == EXTRACT_BLOCKED || table.kind == EXTRACT_MALFORMED) ==
            (table.reason[0] != '\0'));
    require(text_is_clean(table.reason, strlen(table.reason)));
    size_t line = 0;
    for (size_t i = 0; i < table.n_rows && i < 50; i++) {
        const extract_row_t *row = &table.rows[i];
        const uint8_t *at = line_at(body, row->line);
        size_t len = strlen(row->raw);
        require(row->line > line);
        line = row->line;
        require(len <= (size_t)(body.data + body.len - at) && memcmp(at, row->raw, len) == 0);
        for (size_t c = 0; c < 2; c++) {
            const char *cell = row->cells[c];
            require(cell == NULL || (*cell != '\0' && text_is_nfc(cell, strlen(cell))));
        }
        check_alone(&spec,
                    bytes_of(body.data, (size_t)(line_at(body, table.rows[0].line) - body.data)),
                    row);
    }
    extract_free(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];
    check(',', bytes_of(size > 0 ? data : nothing, size));
    check(';', bytes_of(size > 0 ? data : nothing, size));
    return 0;
}
