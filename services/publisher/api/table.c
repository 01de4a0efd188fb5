/* table.c - see table.h. */
#include "table.h"

#include "base/error.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct table {
    json_t *root;
    json_t *columns; /* list of names */
    json_t *seen;    /* the same as an object, to look up */
    json_t *rows;    /* list of flat objects */
    bool nested;     /* rows are of a list in a list: figures there would be a column each */
    bool failed;
};

#define MAX_NAME 256

/* ---- flattening ---- */

static void put_cell(table_t *t, json_t *row, const char *name, json_t *value)
{
    if (json_object_get(t->seen, name) == NULL) {
        t->failed = t->failed || json_array_size(t->columns) >= TABLE_MAX_COLUMNS ||
                    json_object_set_new(t->seen, name, json_true()) != 0 ||
                    json_array_append_new(t->columns, json_string(name)) != 0;
    }
    json_t *cell = json_is_true(value)    ? json_string("true")
                   : json_is_false(value) ? json_string("false")
                                          : json_incref(value);
    t->failed = t->failed || json_object_set_new(row, name, cell) != 0;
}

static const char *name_of(const json_t *element)
{
    const char *name = json_string_value(json_object_get(element, "code"));
    return name != NULL ? name : json_string_value(json_object_get(element, "id"));
}

static void flatten(table_t *t, json_t *row, const char *prefix, json_t *value);

/* A list in a row: by code; scalars that stand beside the root's days; other scalars in one cell.
 */
static void flatten_list(table_t *t, json_t *row, const char *prefix, json_t *list)
{
    json_t *days = json_object_get(t->root, "days");
    char name[MAX_NAME];
    char joined[2048] = "";
    size_t len = 0;
    size_t i;
    json_t *element;
    json_array_foreach(list, i, element)
    {
        const char *day = json_string_value(json_array_get(days, i));
        if (json_is_object(element)) {
            const char *code = name_of(element);
            if (code != NULL) {
                snprintf(name, sizeof name, "%s%s.", prefix, code);
                flatten(t, row, name, element);
            }
        } else if (day != NULL) {
            snprintf(name, sizeof name, "%s%s", prefix, day);
            put_cell(t, row, name, element);
        } else if (json_is_string(element) && len < sizeof joined) {
            len += (size_t)snprintf(joined + len, sizeof joined - len, "%s%s", len > 0 ? " " : "",
                                    json_string_value(element));
        }
    }
    if (len > 0) {
        snprintf(name, sizeof name, "%.*s", (int)strlen(prefix) - 1, prefix);
        json_t *text = json_string(joined);
        put_cell(t, row, name, text);
        json_decref(text);
    }
}

/* What an element repeats of its place, which the column's name says already. */
static bool is_repeated(const char *prefix, const char *key, bool by_code)
{
    return by_code && *prefix != '\0' &&
           (strcmp(key, "code") == 0 || strcmp(key, "id") == 0 || strcmp(key, "title") == 0);
}

static void flatten(table_t *t, json_t *row, const char *prefix, json_t *object)
{
    const char *key;
    json_t *value;
    char name[MAX_NAME];
    bool by_code = name_of(object) != NULL;
    json_object_foreach(object, key, value)
    {
        bool left_out = t->nested && strcmp(key, "figures") == 0;
        if (left_out || is_repeated(prefix, key, by_code)) {
            continue;
        }
        if (json_is_object(value)) {
            snprintf(name, sizeof name, "%s%s.", prefix, key);
            flatten(t, row, name, value);
        } else if (json_is_array(value)) {
            snprintf(name, sizeof name, "%s%s.", prefix, key);
            flatten_list(t, row, name, value);
        } else {
            snprintf(name, sizeof name, "%s%s", prefix, key);
            put_cell(t, row, name, value);
        }
    }
}

static void put_row(table_t *t, const char *outer_name, json_t *outer, json_t *element)
{
    json_t *row = json_object();
    const char *key;
    json_t *value;
    char name[MAX_NAME];
    json_object_foreach(outer, key, value)
    {
        if (!json_is_object(value) && !json_is_array(value)) {
            snprintf(name, sizeof name, "%s.%s", outer_name, key);
            put_cell(t, row, name, value);
        }
    }
    flatten(t, row, "", element);
    t->failed = json_array_append_new(t->rows, row) != 0 || t->failed;
}

static int fill(table_t *t, const char *path)
{
    const char *dot = strchr(path, '.');
    char first[64];
    snprintf(first, sizeof first, "%.*s", dot != NULL ? (int)(dot - path) : 63, path);
    t->nested = dot != NULL;
    json_t *list = json_object_get(t->root, first);
    if (!json_is_array(list)) {
        return CHISO_E_NOT_FOUND;
    }
    size_t i;
    size_t k;
    json_t *outer;
    json_t *element;
    json_array_foreach(list, i, outer)
    {
        if (dot == NULL) {
            put_row(t, "", NULL, outer);
            continue;
        }
        json_array_foreach(json_object_get(outer, dot + 1), k, element)
        {
            put_row(t, first, outer, element);
        }
    }
    return t->failed ? CHISO_E_TOO_BIG : 0;
}

int table_from_json(bytes_t json, const char *path, table_t **out)
{
    if (json.len > TABLE_MAX_JSON) {
        return CHISO_E_TOO_BIG;
    }
    table_t *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return -ENOMEM;
    }
    json_error_t error;
    t->root = json_loadb((const char *)json.data, json.len, 0, &error);
    t->columns = json_array();
    t->seen = json_object();
    t->rows = json_array();
    int rc = t->root != NULL && t->columns != NULL && t->seen != NULL && t->rows != NULL
                 ? fill(t, path)
                 : -ENOMEM;
    if (rc != 0) {
        table_free(&t);
        return rc;
    }
    *out = t;
    return 0;
}

void table_free(table_t **table)
{
    if (table == NULL || *table == NULL) {
        return;
    }
    json_decref((*table)->root);
    json_decref((*table)->columns);
    json_decref((*table)->seen);
    json_decref((*table)->rows);
    free(*table);
    *table = NULL;
}

/* ---- reading ---- */

size_t table_rows(const table_t *t)
{
    return json_array_size(t->rows);
}

size_t table_columns(const table_t *t)
{
    return json_array_size(t->columns);
}

const char *table_column(const table_t *t, size_t column)
{
    return json_string_value(json_array_get(t->columns, column));
}

const char *table_cell(const table_t *t, size_t row, size_t column)
{
    return json_string_value(
        json_object_get(json_array_get(t->rows, row), table_column(t, column)));
}

/* What the last part of a column's name means; a trend's end in a day, others are texts. */
static const struct {
    const char *key;
    table_kind_t kind;
    const char *title;
} meanings[] = {
    {"points", TABLE_NUMBER, "Điểm"},
    {"max", TABLE_NUMBER, "Điểm tối đa"},
    {"lost", TABLE_NUMBER, "Điểm chưa đạt"},
    {"percent", TABLE_NUMBER, "Tỷ lệ (%)"},
    {"coverage", TABLE_NUMBER, "Tỷ lệ đã chấm"},
    {"machine_coverage", TABLE_NUMBER, "Tỷ lệ chấm từ dữ liệu máy"},
    {"change", TABLE_NUMBER, "Thay đổi"},
    {"value", TABLE_NUMBER, "Giá trị"},
    {"rank", TABLE_WHOLE, "Thứ hạng"},
    {"previous_rank", TABLE_WHOLE, "Thứ hạng trước"},
    {"nation_rank", TABLE_WHOLE, "Thứ hạng toàn quốc"},
    {"revision", TABLE_WHOLE, "Lần sửa đổi"},
    {"code", TABLE_TEXT, "Mã"},
    {"name", TABLE_TEXT, "Tên"},
    {"title", TABLE_TEXT, "Tên"},
    {"level", TABLE_TEXT, "Cấp"},
    {"parent", TABLE_TEXT, "Thuộc"},
    {"index", TABLE_TEXT, "Bộ chỉ số"},
    {"period", TABLE_TEXT, "Kỳ"},
    {"as_of", TABLE_TEXT, "Số liệu đến"},
    {"since", TABLE_TEXT, "Từ lúc"},
    {"stale", TABLE_TEXT, "Số liệu cũ"},
    {"status", TABLE_TEXT, "Trạng thái"},
    {"formula", TABLE_TEXT, "Cách tính"},
    {"text", TABLE_TEXT, "Nội dung"},
    {"note", TABLE_TEXT, "Ghi chú"},
    {"scorer", TABLE_TEXT, "Đơn vị chấm điểm"},
    {"lead", TABLE_TEXT, "Cơ quan chủ trì"},
    {"coordinators", TABLE_TEXT, "Cơ quan phối hợp"},
    {"work", TABLE_TEXT, "Nội dung thực hiện"},
    {"frequency", TABLE_TEXT, "Tần suất"},
    {"basis", TABLE_TEXT, "Căn cứ"},
    {"evidence", TABLE_TEXT, "Tài liệu kiểm chứng"},
    {"source", TABLE_TEXT, "Nguồn"},
    {"series", TABLE_TEXT, "Chuỗi số liệu"},
    {"fetched_at", TABLE_TEXT, "Lấy lúc"},
    {"raw_sha256", TABLE_TEXT, "SHA-256 của bản gốc"},
    {"submitter", TABLE_TEXT, "Người nộp"},
    {"unit", TABLE_TEXT, "Đơn vị tính"},
    {"decision", TABLE_TEXT, "Quyết định"},
    {"date", TABLE_TEXT, "Ngày"},
    {"issuer", TABLE_TEXT, "Cơ quan ban hành"},
    {"stated_max", TABLE_NUMBER, "Điểm tối đa văn bản ghi"},
    {"stated_indicators", TABLE_WHOLE, "Số chỉ số văn bản ghi"},
    {"partial", TABLE_TEXT, "Danh mục chưa đầy đủ"},
    {"excluded", TABLE_TEXT, "Không đánh giá"},
    {"excluded_by", TABLE_TEXT, "Số liệu quyết định không đánh giá"},
    {"replaces", TABLE_TEXT, "Thay cho tiêu chí"},
    {"worked", TABLE_TEXT, "Cách tính với số liệu"},
    {"flags", TABLE_TEXT, "Cảnh báo"},
    {"kind", TABLE_TEXT, "Loại số liệu"},
    {"withdrawn", TABLE_TEXT, "Đã rút lại"},
    {"removed", TABLE_TEXT, "Đã gỡ bỏ"},
    {"until", TABLE_TEXT, "Đến lúc"},
    {"older_left_out", TABLE_TEXT, "Đã bỏ bớt các lần cũ hơn"},
    {"epoch", TABLE_TEXT, "Đợt vận hành"},
    {"pillar", TABLE_TEXT, "Nhóm"},
    {"before", TABLE_TEXT, "Trước"},
    {"after", TABLE_TEXT, "Sau"},
    {"levels", TABLE_TEXT, "Các cấp"},
    {"periods", TABLE_TEXT, "Các kỳ"},
    {"outcome", TABLE_TEXT, "Kết quả đọc"},
    {"last_good", TABLE_TEXT, "Lần đọc tốt gần nhất"},
    {"detail", TABLE_TEXT, "Chi tiết"},
    {"notice", TABLE_TEXT, "Lưu ý"},
    {"noticed_at", TABLE_TEXT, "Lưu ý từ lúc"},
    {"mismatched", TABLE_WHOLE, "Số chỗ không khớp"},
    {"id", TABLE_TEXT, "Mã"},
    {"type", TABLE_TEXT, "Loại tin"},
    {"time", TABLE_TEXT, "Thời điểm"},
    {"subject", TABLE_TEXT, "Đối tượng"},
};

/* What the parts before it mean; all others are codes, ids and days. */
static const struct {
    const char *key;
    const char *title;
} places[] = {
    {"pillars", "Nhóm"},       {"pillar", "Nhóm"},     {"indicators", "Tiêu chí"},
    {"indicator", "Tiêu chí"}, {"figures", "Số liệu"}, {"units", "Đơn vị"},
    {"unit", "Đơn vị"},        {"before", "Trước"},    {"after", "Sau"},
    {"percent", "Tỷ lệ (%)"},  {"data", "Kết quả"},    {"applies_to", "Áp dụng cho"},
    {"periods", "Kỳ số liệu"},
};

static int meaning_of(const char *column)
{
    const char *dot = strrchr(column, '.');
    const char *key = dot != NULL ? dot + 1 : column;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (strcmp(key, meanings[i].key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

table_kind_t table_kind(const table_t *t, size_t column)
{
    const char *name = table_column(t, column);
    int meaning = meaning_of(name);
    /* a trend's days */
    return meaning >= 0                           ? meanings[meaning].kind
           : strncmp(name, "percent.20", 10) == 0 ? TABLE_NUMBER
                                                  : TABLE_TEXT;
}

static const char *place_of(const char *part, size_t len)
{
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strlen(places[i].key) == len && memcmp(part, places[i].key, len) == 0) {
            return places[i].title;
        }
    }
    return NULL;
}

const char *table_title(const char *column, char out[TABLE_TITLE_SIZE])
{
    int meaning = meaning_of(column);
    const char *dot = strrchr(column, '.');
    const char *end = meaning < 0 ? column + strlen(column) : dot != NULL ? dot : column;
    const char *between = ""; /* the part before and a code */
    size_t n = 0;
    out[0] = '\0';
    for (const char *part = column; part < end && n < TABLE_TITLE_SIZE;) {
        size_t len =
            (size_t)(end - part) < strcspn(part, ".") ? (size_t)(end - part) : strcspn(part, ".");
        const char *place = place_of(part, len);
        n += (size_t)(place != NULL ? snprintf(out + n, TABLE_TITLE_SIZE - n, "%s%s",
                                               part > column ? " – " : "", place)
                                    : snprintf(out + n, TABLE_TITLE_SIZE - n, "%s%.*s", between,
                                               (int)len, part));
        between = place != NULL ? " " : ".";
        part += len + 1;
    }
    if (meaning >= 0 && n < TABLE_TITLE_SIZE) {
        snprintf(out + n, TABLE_TITLE_SIZE - n, "%s%s", n > 0 ? ": " : "", meanings[meaning].title);
    }
    return out;
}

/* ---- CSV ---- */

static void put_csv(buffer_t *out, const char *text, bool is_text)
{
    if (text == NULL) {
        return;
    }
    bool formula = is_text && strchr("=+-@\t\r", *text) != NULL && *text != '\0';
    bool quoted = strpbrk(text, ",\"\r\n") != NULL || formula;
    if (!quoted) {
        buffer_append_text(out, text);
        return;
    }
    buffer_append_text(out, formula ? "\"'" : "\"");
    for (const char *c = text; *c != '\0'; c++) {
        buffer_append(out, "\"\"", *c == '"' ? 2 : 0);
        if (*c != '"') {
            buffer_append(out, c, 1);
        }
    }
    buffer_append_text(out, "\"");
}

void table_csv(const table_t *t, bool bom, buffer_t *out)
{
    size_t n = table_columns(t);
    buffer_append_text(out, bom ? "\xef\xbb\xbf" : "");
    for (size_t c = 0; c < n; c++) {
        buffer_append_text(out, c > 0 ? "," : "");
        put_csv(out, table_column(t, c), false);
    }
    buffer_append_text(out, "\r\n");
    for (size_t r = 0; r < table_rows(t); r++) {
        for (size_t c = 0; c < n; c++) {
            buffer_append_text(out, c > 0 ? "," : "");
            put_csv(out, table_cell(t, r, c), table_kind(t, c) == TABLE_TEXT);
        }
        buffer_append_text(out, "\r\n");
    }
}
