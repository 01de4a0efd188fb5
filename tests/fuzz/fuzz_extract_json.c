/* fuzz_extract_json.c - any bytes as a JSON body. jansson on the bytes themselves is the judge of
 * what is JSON; what we read is written back and read again, and must be the same. */
#include "extract/document.h"

#include "base/error.h"
#include "text/text.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_row(const extract_spec_t *spec, const extract_row_t *row, bool exact)
{
    json_error_t error;
    json_t *raw =
        json_loads(row->raw, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
    require(raw != NULL || !exact || json_error_code(&error) == json_error_numeric_overflow);
    json_decref(raw);
    require(row->line > 0);
    require(row->fault == NULL || text_is_clean(row->fault, strlen(row->fault)));
    for (size_t i = 0; i < spec->n_columns; i++) {
        const char *cell = row->cells[i];
        require(cell == NULL || (*cell != '\0' && strlen(cell) <= EXTRACT_MAX_CELL &&
                                 text_is_nfc(cell, strlen(cell))));
        require(cell != NULL || row->fault != NULL || !spec->columns[i].required);
    }
}

static void check_rows(const char *rows, bytes_t body)
{
    static const extract_column_t columns[] = {
        {"a", "/ID", true},      {"b", "/key", false},      {"c", "3/key", false},
        {"d", "^/total", false}, {"e", "/values/0", false}, {"f", "", false},
    };
    const extract_spec_t spec = {
        .format = EXTRACT_JSON, .rows = rows, .columns = columns, .n_columns = 6};
    extract_table_t table;
    char reason[EXTRACT_REASON_SIZE];
    require(extract_check(&spec, reason) == 0);
    require(extract(&spec, body, &table) == 0);
    require((table.kind == EXTRACT_ROWS) == (table.n_rows > 0));
    require((table.kind == EXTRACT_BLOCKED || table.kind == EXTRACT_MALFORMED) ==
            (table.reason[0] != '\0'));
    require(text_is_clean(table.reason, strlen(table.reason)));
    for (size_t i = 0; i < table.n_rows; i++) {
        check_row(&spec, &table.rows[i], i < 20);
    }
    extract_free(&table);
}

/* Whether jansson takes the body as it is; -1 when it cannot say, since its numbers overflow. */
static int jansson_takes(bytes_t body)
{
    json_error_t error;
    json_t *json =
        json_loadb((const char *)body.data, body.len,
                   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    bool overflow = json == NULL && json_error_code(&error) == json_error_numeric_overflow;
    int takes = overflow ? -1 : json != NULL;
    json_decref(json);
    return takes;
}

static void check_tree(bytes_t body)
{
    char reason[EXTRACT_REASON_SIZE] = "";
    json_t *json = NULL, *again = NULL;
    int rc = document_parse(body, reason, &json);
    /* a NUL has no place in JSON; jansson swallows one right after a number or a word */
    int takes = memchr(body.data, '\0', body.len) != NULL ? 0 : jansson_takes(body);
    require(rc == 0 || rc == CHISO_E_SYNTAX);
    if (rc != 0) {
        require(reason[0] != '\0');
        bool limit = strstr(reason, "too deeply") != NULL || strstr(reason, "the limit") != NULL;
        require(takes != 1 || limit);
        return;
    }
    require(takes != 0);
    buffer_t written = BUFFER_INIT(body.len * 6 + 16);
    document_write(json, &written);
    require(!written.failed);
    require(document_parse(buffer_bytes(&written), reason, &again) == 0);
    require(json_equal(json, again));
    buffer_free(&written);
    json_decref(json);
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[1];
    bytes_t body = bytes_of(size > 0 ? data : nothing, size);
    check_tree(body);
    check_rows("", body);
    check_rows("/result/records", body);
    check_rows("/aggregations/by_api/buckets/-/count_by_month/buckets", body);
    return 0;
}
