/* fuzz_page.c - any bytes as an HTML page, in this process: what comes out is well-formed lines of
 * clean texts, and one last line. */
#include "page/page.h"

#include "text/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 20
#define MAX_CELL 512

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool collect(bytes_t part, void *context)
{
    buffer_t *out = context;
    buffer_append(out, part.data, part.len);
    return !out->failed;
}

static void check_row(const json_t *line, size_t n_columns)
{
    size_t i;
    json_t *cell;
    json_t *cells = json_object_get(line, "cells");
    require(json_array_size(cells) == n_columns);
    require(json_string_length(json_object_get(line, "raw")) <= PAGE_MAX_RAW);
    require(json_is_string(json_object_get(line, "raw")));
    json_array_foreach(cells, i, cell)
    {
        const char *text = json_string_value(cell);
        require(text != NULL || json_is_null(cell) || json_is_boolean(cell));
        require(text == NULL || (strlen(text) <= MAX_CELL && text_is_nfc(text, strlen(text))));
    }
}

static void check(const page_spec_t *spec, bytes_t body)
{
    buffer_t out = BUFFER_INIT(64 << 20);
    size_t rows = 0;
    bool ended = false;
    int rc = page_read(spec, body, MAX_ROWS, MAX_CELL, collect, &out);
    require(rc == 0);
    const char *at = (const char *)out.data, *end = at + out.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        require(stop != NULL && !ended);
        json_t *line = json_loadb(at, (size_t)(stop - at), JSON_REJECT_DUPLICATES, NULL);
        require(line != NULL);
        ended = json_object_get(line, "end") != NULL;
        if (!ended) {
            check_row(line, spec->n_columns);
            rows++;
        }
        json_decref(line);
        at = stop + 1;
    }
    require(ended && rows <= MAX_ROWS);
    buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const cells[] = {
        ".//a/span", "@data-coquan-id", "td[3]",
        "substring-after(.//*[contains(text(),'Tín nhiệm mạng:')], ':')", "count(*) div 2"};
    static const char *const whole[] = {"."};
    static const page_spec_t specs[] = {
        {"//li[.//a]", "//*[@id='obj-list']", cells, 5},
        {"//tr[td]", NULL, cells, 5},
        {"//text()|//@*|//comment()", NULL, whole, 1},
    };
    size = size < 65536 ? size : 65536;
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        check(&specs[i], bytes_of(data, size));
    }
    return 0;
}
