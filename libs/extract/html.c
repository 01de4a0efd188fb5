/* html.c - rows of an HTML body, read by chiso-html in a process of its own.
 *
 * What the child says is taken as that of a stranger too, since a page may have taken it over: its
 * lines are parsed strictly and its texts normalised again.
 */
#include "base/error.h"
#include "extract/body.h"
#include "extract/child.h"
#include "extract/document.h"
#include "text/text.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "chiso-html"
#define MAX_OUTPUT (64 * 1024 * 1024)
#define FIXED_ARGUMENTS 8

/* The program's path: the given one, or beside the running program. */
static const char *program(const extract_spec_t *spec, char path[PATH_MAX])
{
    if (spec->html_path != NULL) {
        return spec->html_path;
    }
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof PROGRAM - 1);
    if (n <= 0) {
        return PROGRAM;
    }
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    memcpy(slash != NULL ? slash + 1 : path, PROGRAM, sizeof PROGRAM);
    return path;
}

static int run(const extract_spec_t *spec, bool check, bytes_t page, buffer_t *output,
               child_t *child)
{
    char path[PATH_MAX];
    const char *argv[FIXED_ARGUMENTS + EXTRACT_MAX_COLUMNS + 1];
    size_t n = 0;
    argv[n++] = program(spec, path);
    argv[n++] = "--rows";
    argv[n++] = spec->rows;
    if (spec->proof != NULL) {
        argv[n++] = "--proof";
        argv[n++] = spec->proof;
    }
    if (check) {
        argv[n++] = "--check";
    }
    argv[n++] = "--";
    for (size_t i = 0; i < spec->n_columns && i < EXTRACT_MAX_COLUMNS; i++) {
        argv[n++] = spec->columns[i].path;
    }
    argv[n] = NULL;
    int timeout = spec->page_ms > 0 ? spec->page_ms : EXTRACT_PAGE_MS;
    int rc = child_run(argv, page, timeout, output, child);
    if (rc == 0 && child->end == CHILD_EXITED && child->code != 0) {
        rc = child->code == CHISO_EXIT_FAILURE ? -EPERM : rc;
    }
    return rc;
}

/* ---- what the child said ---- */

static bool take_row(table_t *t, const json_t *line)
{
    const json_t *cells = json_object_get(line, "cells");
    const char *raw = json_string_value(json_object_get(line, "raw"));
    if (raw == NULL || json_array_size(cells) != t->spec->n_columns ||
        !table_row(t, t->out->n_rows + 1, bytes_of_text(raw))) {
        return false;
    }
    for (size_t i = 0; i < t->spec->n_columns; i++) {
        const json_t *cell = json_array_get(cells, i);
        const char *name = t->spec->columns[i].name;
        if (json_is_string(cell)) {
            table_cell(t, i, bytes_of(json_string_value(cell), json_string_length(cell)));
            table_name(t, name);
        } else if (json_is_true(cell)) {
            table_fault(t, "column %s is longer than %d bytes", name, EXTRACT_MAX_CELL);
        } else if (json_is_false(cell)) {
            table_fault(t, "column %s is no clean text and no whole number", name);
        }
    }
    return true;
}

/* 1 at the last line, 0 at others, -1 when it is none of the known. */
static int take_line(table_t *t, bytes_t page, bytes_t line)
{
    json_t *json = json_loadb((const char *)line.data, line.len, JSON_REJECT_DUPLICATES, NULL);
    const char *end = json_string_value(json_object_get(json, "end"));
    const char *reason = json_string_value(json_object_get(json, "reason"));
    int rc = end != NULL ? 1 : -1;
    if (end == NULL) {
        rc = json != NULL && take_row(t, json) ? 0 : -1;
    } else if (strcmp(end, "blocked") == 0) {
        table_page(t, page, "the expected one");
    } else if (strcmp(end, "malformed") == 0 && reason != NULL) {
        table_decide(t, EXTRACT_MALFORMED, "%s", reason);
    } else if (strcmp(end, "rows") != 0) {
        rc = -1;
    }
    json_decref(json);
    return rc;
}

static int take_lines(table_t *t, bytes_t page, bytes_t output)
{
    int rc = 0;
    while (rc == 0 && output.len > 0) {
        const uint8_t *stop = memchr(output.data, '\n', output.len);
        if (stop == NULL) {
            return -1;
        }
        size_t len = (size_t)(stop - output.data);
        rc = take_line(t, page, bytes_of(output.data, len));
        output = bytes_of(stop + 1, output.len - len - 1);
    }
    return rc == 1 && output.len == 0 ? 1 : -1;
}

static void judge(table_t *t, bytes_t page, const buffer_t *output, const child_t *child)
{
    int timeout = t->spec->page_ms > 0 ? t->spec->page_ms : EXTRACT_PAGE_MS;
    switch (child->end) {
    case CHILD_TIMED_OUT:
        table_decide(t, EXTRACT_MALFORMED, "the page took longer than %d ms to read", timeout);
        break;
    case CHILD_TOO_MUCH:
        table_decide(t, EXTRACT_MALFORMED, "the page gave more than %d bytes of rows", MAX_OUTPUT);
        break;
    case CHILD_SIGNALLED:
        if (child->code == SIGXCPU) {
            table_decide(t, EXTRACT_MALFORMED,
                         "the page takes more than %d s of processor time to read",
                         EXTRACT_PAGE_CPU_S);
            break;
        }
        table_decide(t, EXTRACT_MALFORMED, "reading the page ended " PROGRAM " by signal %d (%s)",
                     child->code, strsignal(child->code));
        break;
    case CHILD_EXITED:
        if (child->code == CHISO_EXIT_FINDING) {
            table_decide(t, EXTRACT_MALFORMED,
                         "the page could not be read within the limits of " PROGRAM);
        } else if (child->code != 0) {
            table_decide(t, EXTRACT_MALFORMED, "reading the page ended " PROGRAM " with code %d",
                         child->code);
        } else if (take_lines(t, page, buffer_bytes(output)) != 1) {
            table_decide(t, EXTRACT_MALFORMED, "what " PROGRAM " said of the page is cut");
        }
        break;
    }
}

/* ---- the body ---- */

static int read_page(table_t *t, bytes_t page)
{
    if (page.len >= 3 && memcmp(page.data, "\xef\xbb\xbf", 3) == 0) {
        page = bytes_of(page.data + 3, page.len - 3);
    }
    if (page.len == 0 || memchr(page.data, '<', page.len) == NULL) {
        table_decide(t, EXTRACT_BLOCKED,
                     page.len == 0 ? "the body is empty; expected a page"
                                   : "no page: it has no tags");
        return 0;
    }
    if (page.len > EXTRACT_MAX_PAGE) {
        table_decide(t, EXTRACT_MALFORMED, "a page larger than %d bytes", EXTRACT_MAX_PAGE);
        return 0;
    }
    size_t good = text_valid((const char *)page.data, page.len);
    if (good < page.len) {
        table_decide(t, EXTRACT_MALFORMED, "not UTF-8 from byte %zu on", good);
        return 0;
    }
    buffer_t output = BUFFER_INIT(MAX_OUTPUT);
    child_t child;
    int rc = run(t->spec, false, page, &output, &child);
    if (rc == 0) {
        judge(t, page, &output, &child);
    }
    buffer_free(&output);
    return rc;
}

static int read_wrapped(table_t *t, bytes_t body)
{
    char reason[EXTRACT_REASON_SIZE];
    json_t *json = NULL;
    if (t->spec->wrapped == NULL) {
        table_decide(t, EXTRACT_MALFORMED, "JSON instead of a page");
        return 0;
    }
    int rc = document_parse(body, reason, &json);
    if (rc == CHISO_E_SYNTAX) {
        table_decide(t, EXTRACT_MALFORMED, "%s", reason);
        return 0;
    }
    if (rc == 0) {
        const json_t *html = pointer_get(json, t->spec->wrapped);
        if (json_is_string(html)) {
            rc = read_page(t, document_text(html));
        } else {
            table_decide(t, EXTRACT_MALFORMED, "there is no page at %s in the body",
                         t->spec->wrapped);
        }
        json_decref(json);
    }
    return rc;
}

int body_html(table_t *t, bytes_t body)
{
    size_t i = 0;
    while (i < body.len && body.data[i] != '\0' && strchr(" \t\r\n", body.data[i]) != NULL) {
        i++;
    }
    bool json = i < body.len && (body.data[i] == '{' || body.data[i] == '[');
    return json ? read_wrapped(t, body) : read_page(t, body);
}

int body_html_check(const extract_spec_t *spec, char reason[EXTRACT_REASON_SIZE])
{
    buffer_t output = BUFFER_INIT(64 * 1024);
    child_t child;
    int rc = run(spec, true, bytes_of(NULL, 0), &output, &child);
    if (rc != 0) {
        snprintf(reason, EXTRACT_REASON_SIZE, PROGRAM " cannot be run: %s", chiso_strerror(rc));
    } else {
        extract_table_t table;
        table_t t = table_begin(spec, &table);
        judge(&t, bytes_of(NULL, 0), &output, &child);
        rc = table_end(&t);
        if (rc == 0 && table.kind != EXTRACT_EMPTY) {
            snprintf(reason, EXTRACT_REASON_SIZE, "%s", table.reason);
            rc = CHISO_E_SYNTAX;
        }
        extract_free(&table);
    }
    buffer_free(&output);
    return rc;
}
