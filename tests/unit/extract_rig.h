/* extract_rig.h - what the tests of extract share: a body in, cells out. */
#ifndef TESTS_EXTRACT_RIG_H
#define TESTS_EXTRACT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "extract/extract.h"

typedef struct {
    extract_spec_t spec;
    extract_column_t columns[8];
    extract_table_t table;
} extract_rig_t;

/* The rig is zeroed before the first use. Columns are "name path" pairs, ended by NULL; a "!"
 * before the name makes one required. */
static inline void rig_spec(extract_rig_t *rig, extract_format_t format, const char *rows,
                            const char *const *columns)
{
    extract_free(&rig->table);
    memset(rig, 0, sizeof *rig);
    rig->spec.format = format;
    rig->spec.rows = rows;
    rig->spec.columns = rig->columns;
    rig->spec.page_ms = 600000; /* a machine may stand still */
    for (; *columns != NULL; columns += 2) {
        bool required = columns[0][0] == '!';
        rig->columns[rig->spec.n_columns++] =
            (extract_column_t){columns[0] + required, columns[1], required};
    }
}
#define RIG_SPEC(rig, format, rows, ...)                                                           \
    rig_spec(rig, format, rows, (const char *const[]){__VA_ARGS__, NULL})

static inline extract_kind_t rig_bytes(extract_rig_t *rig, const void *body, size_t len)
{
    extract_free(&rig->table);
    uint8_t *copy = malloc(len + 1); /* so that a read past the end is seen */
    assert_non_null(copy);
    memcpy(copy, body, len);
    copy = realloc(copy, len > 0 ? len : 1);
    assert_int_equal(extract(&rig->spec, bytes_of(copy, len), &rig->table), 0);
    free(copy);
    return rig->table.kind;
}

static inline extract_kind_t rig_body(extract_rig_t *rig, const char *body)
{
    return rig_bytes(rig, body, strlen(body));
}

static inline char *rig_file(const char *name, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, TEST_ROOT "/tests/fixtures/extract/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *len = fread(text, 1, (1 << 20) - 1, f);
    fclose(f);
    text[*len] = '\0';
    return text;
}

static inline extract_kind_t rig_fixture(extract_rig_t *rig, const char *name)
{
    size_t len;
    char *text = rig_file(name, &len);
    extract_kind_t kind = rig_bytes(rig, text, len);
    free(text);
    return kind;
}

static inline const char *rig_cell(const extract_rig_t *rig, size_t row, size_t column)
{
    assert_true(row < rig->table.n_rows);
    return rig->table.rows[row].cells[column];
}
#define assert_cell(rig, row, column, text)                                                        \
    do {                                                                                           \
        const char *cell_ = rig_cell(rig, row, column);                                            \
        assert_non_null(cell_);                                                                    \
        assert_string_equal(cell_, text);                                                          \
    } while (0)

#define assert_reason(rig, part)                                                                   \
    do {                                                                                           \
        if (strstr((rig)->table.reason, part) == NULL) {                                           \
            fail_msg("reason \"%s\" lacks \"%s\"", (rig)->table.reason, part);                     \
        }                                                                                          \
    } while (0)

#endif
