/* call.c - see call.h. */
#include "call.h"

#include "base/error.h"
#include "period/moment.h"
#include "publisher/cursor.h"
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool call_scope(const call_t *c, call_scope_t *out)
{
    const char *name = http_query(c->request, "level");
    const char *parent = http_query(c->request, "parent");
    Chiso__V1__Level level = name == NULL ? CHISO__V1__LEVEL__PROVINCE : event_level_of(name);
    if (parent != NULL && *parent == '\0') {
        parent = NULL;
    }
    if ((int)level == 0) {
        http_reply_problem(c->request, 400,
                           "level '%.40s'; expected province, department or commune", name);
        return false;
    }
    if (parent != NULL &&
        (level == CHISO__V1__LEVEL__PROVINCE || strlen(parent) > EVENT_MAX_CODE)) {
        http_reply_problem(
            c->request, 400,
            "parent '%.64s'; expected the code of a province, with level department or "
            "commune",
            parent);
        return false;
    }
    *out = (call_scope_t){level, parent};
    return true;
}

bool call_number(const call_t *c, const char *name, uint64_t otherwise, uint64_t min, uint64_t max,
                 uint64_t *out)
{
    const char *text = http_query(c->request, name);
    uint64_t value = 0;
    size_t len = text != NULL ? strlen(text) : 0;
    bool good = text == NULL || (len > 0 && len <= 9);
    for (size_t i = 0; good && i < len; i++) {
        good = text[i] >= '0' && text[i] <= '9';
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (!good || (text != NULL && (value < min || value > max))) {
        http_reply_problem(c->request, 400, "%s '%.40s'; expected a whole number from %llu to %llu",
                           name, text, (unsigned long long)min, (unsigned long long)max);
        return false;
    }
    *out = text != NULL ? value : otherwise;
    return true;
}

bool call_page(const call_t *c, uint64_t otherwise, uint64_t max, call_page_t *out)
{
    out->after = http_query(c->request, "after");
    if (out->after != NULL && *out->after == '\0') {
        out->after = NULL;
    }
    return call_number(c, "limit", otherwise, 1, max, &out->limit);
}

bool call_moment(const call_t *c, const char *name, int64_t otherwise, int64_t *out)
{
    const char *text = http_query(c->request, name);
    if (text == NULL || *text == '\0') {
        *out = otherwise;
        return true;
    }
    if (moment_parse(text, out) != 0) {
        http_reply_problem(c->request, 400,
                           "%s '%.40s'; expected a day such as 2025-10-12 or a moment such as "
                           "2025-10-12T08:30:00Z",
                           name, text);
        return false;
    }
    return true;
}

bool call_flag(const call_t *c, const char *name, bool *out)
{
    const char *text = http_query(c->request, name);
    if (text != NULL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        http_reply_problem(c->request, 400, "%s '%.40s'; expected true or false", name, text);
        return false;
    }
    *out = text != NULL && strcmp(text, "true") == 0;
    return true;
}

bool call_format(call_t *c)
{
    static const char *const names[] = {"json", "csv", "xlsx"};
    const char *text = http_query(c->request, "format");
    size_t i = 0;
    while (text != NULL && i < 3 && strcmp(text, names[i]) != 0) {
        i++;
    }
    if (i == 3 || (i > 0 && c->table == NULL)) {
        http_reply_problem(c->request, 400, "format '%.40s'; expected %s", text,
                           c->table != NULL ? "json, csv or xlsx" : "json: this is not a table");
        return false;
    }
    c->format = (call_format_t)i;
    return call_flag(c, "bom", &c->bom);
}

/* The answer's headers; the ETag is of what it was made from, in the format that was asked for. */
static bool set_headers(const call_t *c, const buffer_t *made_from)
{
    uint8_t hash[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];
    char etag[48];
    char cursor[CURSOR_SIZE];
    sha256(buffer_bytes(made_from), hash);
    snprintf(etag, sizeof etag, "\"%.32s%s\"", sha256_hex(hash, hex),
             c->format == CALL_JSON   ? ""
             : c->format == CALL_XLSX ? "-xlsx"
             : c->bom                 ? "-bom"
                                      : "-csv");
    const journal_t *journal = c->api->model->journal;
    http_set_header(c->request, "Chiso-Cursor",
                    cursor_write(journal, journal_head(journal), cursor));
    http_set_header(c->request, "ETag", etag);
    http_set_header(c->request, "Cache-Control", "no-cache");
    http_set_header(c->request, "X-Content-Type-Options", "nosniff");
    const char *known = http_header(c->request, "If-None-Match");
    return known == NULL || (strstr(known, etag) == NULL && strcmp(known, "*") != 0);
}

static void refuse_size(const call_t *c)
{
    http_reply_problem(c->request, 503,
                       "the answer is larger than this server makes; ask for a part with limit");
}

void call_answer(const call_t *c, const char *type, buffer_t *body)
{
    if (body->failed) {
        refuse_size(c);
    } else if (set_headers(c, body)) {
        http_reply(c->request, 200, type, buffer_bytes(body));
    } else {
        http_reply(c->request, 304, NULL, bytes_of(NULL, 0));
    }
    buffer_free(body);
}

/* "indexes-dvc-766-2025-ranking.csv", after the address. */
static void name_file(const call_t *c, const char *ending)
{
    char name[256];
    size_t n = 0;
    for (const char *p = http_path(c->request) + strlen("/api/v1/"); *p != '\0' && n < 200; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                     (*p >= 'A' && *p <= 'Z') || *p == '.';
        name[n++] = plain ? *p : '-';
    }
    name[n] = '\0';
    char value[320];
    snprintf(value, sizeof value, "attachment; filename=\"%s.%s\"", name, ending);
    http_set_header(c->request, "Content-Disposition", value);
}

static void answer_table(const call_t *c, const buffer_t *json)
{
    table_t *table = NULL;
    buffer_t out = BUFFER_INIT(CALL_MAX_BODY);
    int rc = table_from_json(buffer_bytes(json), c->table, &table);
    if (rc == 0 && c->format == CALL_CSV) {
        table_csv(table, c->bom, &out);
    } else if (rc == 0) {
        rc = table_xlsx(table, c->index != NULL ? c->index->id : "chiso", &out);
    }
    if (rc != 0 || out.failed) {
        refuse_size(c);
    } else if (set_headers(c, json)) {
        name_file(c, c->format == CALL_CSV ? "csv" : "xlsx");
        http_reply(c->request, 200,
                   c->format == CALL_CSV
                       ? "text/csv; charset=utf-8"
                       : "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                   buffer_bytes(&out));
    } else {
        http_reply(c->request, 304, NULL, bytes_of(NULL, 0));
    }
    table_free(&table);
    buffer_free(&out);
}

void call_answer_json(const call_t *c, buffer_t *body)
{
    if (c->format == CALL_JSON || body->failed) {
        call_answer(c, "application/json; charset=utf-8", body);
    } else {
        answer_table(c, body);
        buffer_free(body);
    }
}

bool call_end(const call_t *c, store_txn_t **txn)
{
    int rc = store_status(*txn);
    store_abort(txn);
    if (rc != 0) {
        http_reply_problem(c->request, 503, "the store cannot be read");
    }
    return rc == 0;
}

void call_missing(const call_t *c, store_txn_t **txn, const char *format, ...)
{
    char detail[512];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (call_end(c, txn)) {
        http_reply_problem(c->request, 404, "%s", detail);
    }
}

void call_put_at(const call_t *c, jw_t *j)
{
    jw_put_time(j, "at", c->at == CALL_NOW ? 0 : c->at);
}
