/* dvc766.c - see dvc766.h.
 *
 * Unknown keys are accepted (the portal adds them), a missing or differently typed known one is
 * not: a row that cannot be read completely is never read in part. A zero is a figure; an absent
 * value is not.
 */
#include "dvc766.h"

#include "base/error.h"
#include "text/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const dvc766_figure_ids[DVC766_FIGURES] = {
    "dvc-766.ckmb", "dvc-766.tdgq", "dvc-766.clgq",       "dvc-766.tttt",
    "dvc-766.mdhl", "dvc-766.mdsh", "dvc-766.tong_score",
};

static const char *const wire_names[DVC766_FIGURES] = {"CKMB", "TDGQ", "CLGQ",      "TTTT",
                                                       "MDHL", "MDSH", "TONG_SCORE"};

static void percent_encode(buffer_t *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            buffer_append(out, text, 1);
        } else {
            buffer_printf(out, "%%%02X", c);
        }
    }
}

void dvc766_request(const char *dvc_id, period_t period, buffer_t *out)
{
    buffer_t json = BUFFER_INIT(1024);
    /* p_nam and p_tinh_id are strings, the others numbers: as the portal's own page sends them */
    buffer_printf(&json,
                  "{\"type\":\"ref\",\"p_nam\":\"%d\",\"p_tinh_id\":\"%s\",\"p_huyen_id\":\"\","
                  "\"service\":\"report_tinh_766_service\",\"p_6thang\":0,\"pageIndex\":1,"
                  "\"pageSize\":1000,\"p_loaidonvi\":1,\"loaichitieu\":0,\"p_quy\":%d,"
                  "\"p_thang\":%d}",
                  period.year, dvc_id, period.kind == PERIOD_QUARTER ? period.number : 0,
                  period.kind == PERIOD_MONTH ? period.number : 0);
    buffer_append_text(out, "params=");
    const char *text = buffer_text(&json);
    if (text == NULL) {
        out->failed = true;
    } else {
        percent_encode(out, text);
    }
    buffer_free(&json);
}

/* ---- rows ---- */

/* Only the first thing that is wrong is told. */
static void reject(dvc766_row_t *row, const char *rule, const char *subject, const char *wrong)
{
    if (row->rule == NULL) {
        row->rule = rule;
        snprintf(row->reason, sizeof row->reason, "%s %s", subject, wrong);
    }
}

/* The string under `key`, or NULL after rejecting the row. */
static const char *string_of(const json_t *object, const char *key, dvc766_row_t *row)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        reject(row, "schema", key, "is missing");
    } else if (!json_is_string(value)) {
        reject(row, "schema", key, "is not a string");
    }
    return json_string_value(value);
}

static void read_figures(const json_t *object, dvc766_row_t *row)
{
    decimal_t sum = DECIMAL_ZERO;
    for (int i = 0; i < DVC766_FIGURES; i++) {
        const char *text = string_of(object, wire_names[i], row);
        if (text == NULL) {
            return;
        }
        if (decimal_parse(text, strlen(text), &row->figures[i]) != 0 ||
            decimal_sign(row->figures[i]) < 0) {
            reject(row, "number", wire_names[i], "is not a number of the form 12.34");
            return;
        }
        if (i != DVC766_TOTAL && decimal_add(sum, row->figures[i], &sum) != 0) {
            reject(row, "number", wire_names[i], "is too large");
            return;
        }
    }
    if (decimal_compare(sum, row->figures[DVC766_TOTAL]) != 0) {
        char text[DECIMAL_TEXT_SIZE];
        reject(row, "sum", "TONG_SCORE is not the sum of the six groups,",
               decimal_format(sum, text));
    }
}

static char *clean(const char *text, size_t max)
{
    char *out = NULL;
    return text != NULL && text_normalise(text, strlen(text), max, &out) == 0 ? out : NULL;
}

static void read_row(const json_t *object, dvc766_row_t *row)
{
    if (!json_is_object(object)) {
        reject(row, "schema", "a row", "is not an object");
    } else {
        const char *level = string_of(object, "LOAI_COQUAN", row);
        if (level != NULL && strlen(level) == 1 && *level >= '1' && *level <= '3') {
            row->level = *level - '0';
        } else {
            reject(row, "schema", "LOAI_COQUAN", "is not 1, 2 or 3");
        }
        row->id = clean(string_of(object, "ID", row), 40);
        row->name = clean(string_of(object, "TEN", row), 500);
        row->agency = clean(string_of(object, "MA_COQUAN", row), 40);
        if (row->id == NULL || !text_is_code(row->id)) {
            reject(row, "schema", "ID", "is not a code");
        }
        if (row->agency == NULL || !text_is_code(row->agency)) {
            reject(row, "schema", "MA_COQUAN", "is not a code");
        }
        if (row->name == NULL || *row->name == '\0') {
            reject(row, "schema", "TEN", "is empty or not UTF-8");
        }
        read_figures(object, row);
    }
}

static const char *id_of(const dvc766_row_t *row)
{
    return row->id;
}

static const char *agency_of(const dvc766_row_t *row)
{
    return row->agency;
}

typedef const char *(*code_fn)(const dvc766_row_t *row);

static int compare_codes(const void *a, const void *b, void *context)
{
    code_fn code_of = *(code_fn *)context;
    return strcmp(code_of(*(dvc766_row_t *const *)a), code_of(*(dvc766_row_t *const *)b));
}

/* Which of two rows of one id or code is right cannot be known: neither is taken. A row that is
 * damaged besides is a twin all the same. */
static int reject_duplicates(dvc766_board_t *board, code_fn code_of, const char *field)
{
    dvc766_row_t **sorted = calloc(board->n_rows + 1, sizeof *sorted);
    if (sorted == NULL) {
        return -ENOMEM;
    }
    size_t n = 0;
    for (size_t i = 0; i < board->n_rows; i++) {
        if (code_of(&board->rows[i]) != NULL) {
            sorted[n++] = &board->rows[i];
        }
    }
    qsort_r(sorted, n, sizeof *sorted, compare_codes, &code_of);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(code_of(sorted[i - 1]), code_of(sorted[i])) == 0) {
            reject(sorted[i - 1], "duplicate", field, "is that of several rows");
            reject(sorted[i], "duplicate", field, "is that of several rows");
        }
    }
    free(sorted);
    return 0;
}

static int read_rows(const json_t *array, dvc766_board_t *board)
{
    board->rows = calloc(json_array_size(array), sizeof *board->rows);
    if (board->rows == NULL) {
        return -ENOMEM;
    }
    board->n_rows = json_array_size(array);
    for (size_t i = 0; i < board->n_rows; i++) {
        read_row(json_array_get(array, i), &board->rows[i]);
    }
    int rc = reject_duplicates(board, id_of, "ID");
    if (rc == 0) {
        rc = reject_duplicates(board, agency_of, "MA_COQUAN");
    }
    for (size_t i = 0; rc == 0 && i < board->n_rows; i++) {
        if (board->rows[i].rule != NULL) {
            board->rows[i].bytes =
                json_dumps(json_array_get(array, i), JSON_COMPACT | JSON_ENCODE_ANY);
            rc = board->rows[i].bytes != NULL ? 0 : -ENOMEM;
        }
    }
    return rc;
}

/* ---- body ---- */

static int whole(dvc766_board_t *board, dvc766_kind_t kind, const char *reason)
{
    board->kind = kind;
    snprintf(board->reason, sizeof board->reason, "%s", reason);
    for (char *c = board->reason; *c != '\0'; c++) {
        *c = *c >= ' ' && *c <= '~' ? *c : '?'; /* jansson quotes the body, cut anywhere */
    }
    return 0;
}

/* Without a byte-order mark: exports have one, the wire has not. */
static bytes_t without_mark(bytes_t body)
{
    bool marked = body.len >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0;
    return marked ? bytes_of(body.data + 3, body.len - 3) : body;
}

/* The first byte that is not white space. */
static int first_byte(bytes_t body)
{
    size_t i = 0;
    while (i < body.len && strchr(" \t\r\n", body.data[i]) != NULL && body.data[i] != '\0') {
        i++;
    }
    return i < body.len ? body.data[i] : -1;
}

int dvc766_parse(bytes_t body, dvc766_board_t *out)
{
    *out = (dvc766_board_t){0};
    body = without_mark(body);
    int first = first_byte(body);
    if (first != '[' && first != '{') {
        return whole(out, DVC766_BLOCKED,
                     first < 0      ? "the body is empty; expected a JSON array"
                     : first == '<' ? "a page instead of data; expected a JSON array"
                                    : "not JSON; expected a JSON array");
    }
    json_error_t error;
    json_t *json = json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, &error);
    int rc;
    if (json == NULL) {
        char reason[160];
        snprintf(reason, sizeof reason, "line %d: %.120s", error.line, error.text);
        rc = whole(out, DVC766_MALFORMED, reason);
    } else if (!json_is_array(json)) {
        rc = whole(out, DVC766_MALFORMED, "an object instead of an array of rows");
    } else if (json_array_size(json) == 0) {
        rc = whole(out, DVC766_NO_DATA, "");
    } else if (json_array_size(json) > DVC766_MAX_ROWS) {
        rc = whole(out, DVC766_MALFORMED, "more rows than there are units");
    } else {
        rc = read_rows(json, out);
    }
    json_decref(json);
    if (rc != 0) {
        dvc766_free(out);
    }
    return rc;
}

void dvc766_free(dvc766_board_t *board)
{
    for (size_t i = 0; i < board->n_rows; i++) {
        free(board->rows[i].id);
        free(board->rows[i].name);
        free(board->rows[i].agency);
        free(board->rows[i].bytes);
    }
    free(board->rows);
    board->rows = NULL;
    board->n_rows = 0;
}
