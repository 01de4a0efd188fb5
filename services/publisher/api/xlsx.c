/* xlsx.c - a table as a workbook, see table.h. libxlsxwriter writes files only: the file is one in
 * memory, known to it by its name in /proc. */
#include "base/error.h"
#include "decimal/decimal.h"
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xlsxwriter.h>

#define MAX_PLACES 6

typedef struct {
    lxw_workbook *book;
    lxw_worksheet *sheet;
    lxw_format *head;
    lxw_format *places[MAX_PLACES + 1]; /* so many digits behind the point */
} book_t;

/* The cell's value when 15 significant digits hold it. Both operands of the division are whole and
 * below 2^53, so its result is the double nearest to the decimal, and Excel shows its digits. */
static bool as_number(const char *text, double *out, unsigned *places)
{
    static const double powers[MAX_PLACES + 1] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    const __int128 limit = 1000000000000000; /* 10^15 */
    decimal_t value;
    if (decimal_parse(text, strlen(text), &value) != 0) {
        return false;
    }
    __int128 digits = value.micro;
    unsigned n = MAX_PLACES;
    while (n > 0 && digits % 10 == 0) {
        digits /= 10;
        n--;
    }
    if (digits >= limit || digits <= -limit) {
        return false;
    }
    *out = (double)digits / powers[n];
    *places = n;
    return true;
}

static void put_text(const book_t *b, size_t row, size_t column, const char *text,
                     lxw_format *format)
{
    worksheet_write_string(b->sheet, (lxw_row_t)row, (lxw_col_t)column, text, format);
}

static void put_cell(const book_t *b, const table_t *t, size_t row, size_t column)
{
    const char *text = table_cell(t, row, column);
    double number;
    unsigned places;
    if (text == NULL) {
        return; /* what is not known is an empty cell, never 0 */
    }
    if (table_kind(t, column) != TABLE_TEXT && as_number(text, &number, &places)) {
        worksheet_write_number(b->sheet, (lxw_row_t)(row + 1), (lxw_col_t)column, number,
                               b->places[places]);
    } else {
        put_text(b, row + 1, column, text, NULL);
    }
}

static void make_formats(book_t *b)
{
    static const char *const forms[MAX_PLACES + 1] = {"0",      "0.0",     "0.00",    "0.000",
                                                      "0.0000", "0.00000", "0.000000"};
    b->head = workbook_add_format(b->book);
    format_set_bold(b->head);
    format_set_text_wrap(b->head);
    for (unsigned i = 0; i <= MAX_PLACES; i++) {
        b->places[i] = workbook_add_format(b->book);
        format_set_num_format(b->places[i], forms[i]);
    }
}

static int read_back(int fd, buffer_t *out)
{
    char block[16384];
    ssize_t n;
    off_t at = 0;
    while ((n = pread(fd, block, sizeof block, at)) > 0) {
        buffer_append(out, block, (size_t)n);
        at += n;
    }
    return n < 0 ? -errno : out->failed ? CHISO_E_TOO_BIG : 0;
}

static int write_book(const table_t *t, const char *name, const char *path)
{
    book_t b = {.book = workbook_new(path)};
    char sheet[32]; /* Excel's limit */
    snprintf(sheet, sizeof sheet, "%s", name);
    b.sheet = b.book != NULL ? workbook_add_worksheet(b.book, sheet) : NULL;
    if (b.sheet == NULL) {
        lxw_workbook_free(b.book);
        return -ENOMEM;
    }
    make_formats(&b);
    size_t n = table_columns(t);
    for (size_t c = 0; c < n; c++) {
        char title[TABLE_TITLE_SIZE];
        put_text(&b, 0, c, table_title(table_column(t, c), title), b.head);
    }
    for (size_t r = 0; r < table_rows(t); r++) {
        for (size_t c = 0; c < n; c++) {
            put_cell(&b, t, r, c);
        }
    }
    worksheet_freeze_panes(b.sheet, 1, 0);
    worksheet_autofilter(b.sheet, 0, 0, (lxw_row_t)table_rows(t), (lxw_col_t)(n > 0 ? n - 1 : 0));
    lxw_error rc = workbook_close(b.book); /* frees it */
    return rc == LXW_NO_ERROR ? 0 : rc == LXW_ERROR_MEMORY_MALLOC_FAILED ? -ENOMEM : -EIO;
}

int table_xlsx(const table_t *t, const char *sheet, buffer_t *out)
{
    int fd = memfd_create("chiso.xlsx", MFD_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = write_book(t, sheet, path);
    if (rc == 0) {
        rc = read_back(fd, out);
    }
    close(fd);
    return rc;
}
