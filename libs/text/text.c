/* text.c - see text.h.
 *
 * The tables are libutf8proc's; its one-call normaliser is not used, for two reasons. It orders
 * combining marks by swapping neighbours, which is quadratic in a run of marks, and what comes here
 * is what some web server sent: here a run is sorted. And squeezing white space and folding have to
 * happen between decomposition and composition, or a mark stripped from between two spaces would
 * leave both.
 *
 * Work is bounded by `max` and not only by the input: a canonical decomposition has at most 1.5
 * code points for each byte of the composed form (U+0390: three for two), so once there are more
 * than 2 * max the result cannot fit, and it is refused before it is sorted or composed.
 */
#include "text/text.h"

#include "base/bytes.h"
#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define UTF8_LONGEST 4
#define DECOMPOSED_LONGEST 8 /* canonically it is 4 */

typedef enum {
    FORM_PLAIN,     /* decomposed, nothing else */
    FORM_TIDY,      /* and white space squeezed */
    FORM_SEARCHABLE /* and without case and marks */
} form_t;

/* The length of the character at the head of the text, 0 when it is not well-formed. */
static size_t next_point(const char *text, size_t len, int32_t *point)
{
    size_t window = len < UTF8_LONGEST ? len : UTF8_LONGEST;
    utf8proc_ssize_t used =
        utf8proc_iterate((const uint8_t *)text, (utf8proc_ssize_t)window, point);
    return used > 0 ? (size_t)used : 0;
}

static bool is_break(int32_t point)
{
    return point == '\t' || point == '\n' || point == '\r';
}

static bool is_space(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return is_break(point) || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

static bool is_mark(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
           category == UTF8PROC_CATEGORY_ME;
}

size_t text_valid(const char *text, size_t len)
{
    size_t at = 0;
    size_t used = 1;
    for (; at < len && used > 0; at += used) {
        int32_t point;
        used = next_point(text + at, len - at, &point);
    }
    return at;
}

bool text_is_clean(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        int32_t point;
        size_t used = next_point(text + at, len - at, &point);
        if (used == 0) {
            return false;
        }
        /* NUL, C0, DEL and C1 are all of category Cc. */
        if (utf8proc_category(point) == UTF8PROC_CATEGORY_CC && !is_break(point)) {
            return false;
        }
        at += used;
    }
    return true;
}

static int put_point(buffer_t *points, int32_t point)
{
    if (points->max - points->len < sizeof(point)) {
        return CHISO_E_TOO_BIG;
    }
    buffer_append(points, &point, sizeof(point));
    return points->failed ? -ENOMEM : 0;
}

/* The stroke of đ is not a combining mark, so no decomposition takes it off. Ð (eth) and Ɖ (African
 * D) look the same as Đ, and texts converted from the old Vietnamese fonts are full of them. */
static int32_t fold_point(int32_t point)
{
    int32_t lower = utf8proc_tolower(point);
    return lower == 0x111 || lower == 0xF0 || lower == 0x256 ? 'd' : lower;
}

/* Appends one decomposed code point in the given form. `gap` is kept between calls: white space is
 * only written once something follows it. */
static int put_formed(buffer_t *points, int32_t point, form_t form, bool *gap)
{
    if (form == FORM_SEARCHABLE) {
        if (is_mark(point)) {
            return 0;
        }
        point = fold_point(point);
    }
    if (form != FORM_PLAIN && is_space(point)) {
        *gap = points->len > 0;
        return 0;
    }
    if (*gap) {
        *gap = false;
        int rc = put_point(points, ' ');
        if (rc < 0) {
            return rc;
        }
    }
    return put_point(points, point);
}

/* Appends the canonical decomposition of a clean text, marks not yet in order. */
static int decompose(const char *text, size_t len, form_t form, buffer_t *points)
{
    bool gap = false;
    size_t at = 0;
    while (at < len) {
        int32_t point;
        size_t used = next_point(text + at, len - at, &point);
        if (used == 0) {
            return CHISO_E_SYNTAX;
        }
        at += used;
        int32_t parts[DECOMPOSED_LONGEST];
        int boundary = 0; /* unused, but the library wants it */
        utf8proc_ssize_t count = utf8proc_decompose_char(
            point, parts, DECOMPOSED_LONGEST, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &boundary);
        if (count < 0 || count > DECOMPOSED_LONGEST) {
            return CHISO_E_SYNTAX;
        }
        for (utf8proc_ssize_t i = 0; i < count; i++) {
            int rc = put_formed(points, parts[i], form, &gap);
            if (rc < 0) {
                return rc;
            }
        }
    }
    return 0;
}

static uint8_t order_of(int32_t point)
{
    return (uint8_t)utf8proc_get_property(point)->combining_class;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Sorts one run of marks by combining class, stably: the key is class, position, code point. */
static int sort_run(int32_t *points, size_t count)
{
    uint64_t *keys = calloc(count, sizeof(*keys));
    if (keys == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = (uint64_t)order_of(points[i]) << 56 | (uint64_t)i << 21 | (uint64_t)points[i];
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 0; i < count; i++) {
        points[i] = (int32_t)(keys[i] & 0x1FFFFF);
    }
    free(keys);
    return 0;
}

static int sort_marks(int32_t *points, size_t count)
{
    size_t at = 0;
    while (at < count) {
        size_t end = at;
        bool sorted = true;
        while (end < count && order_of(points[end]) > 0) {
            sorted = sorted && (end == at || order_of(points[end - 1]) <= order_of(points[end]));
            end++;
        }
        if (!sorted) {
            int rc = sort_run(points + at, end - at);
            if (rc < 0) {
                return rc;
            }
        }
        at = end + 1;
    }
    return 0;
}

/* Turns the points into NFC as UTF-8 with a NUL, in the same memory: the library asks for four
 * bytes a point and one more, and that is what a buffer_t of points has. */
static int compose(buffer_t *points, size_t *len)
{
    if (buffer_text(points) == NULL) {
        return -ENOMEM;
    }
    int32_t *data = (int32_t *)(void *)points->data;
    size_t count = points->len / sizeof(*data);
    int rc = sort_marks(data, count);
    if (rc < 0) {
        return rc;
    }
    utf8proc_ssize_t used =
        utf8proc_reencode(data, (utf8proc_ssize_t)count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (used < 0) {
        return CHISO_E_SYNTAX;
    }
    *len = (size_t)used;
    return 0;
}

static size_t points_max(size_t max)
{
    const size_t most = SIZE_MAX / 16;
    return (max < most ? max : most) * 2 * sizeof(int32_t);
}

static int reform(const char *text, size_t len, size_t max, form_t form, char **out)
{
    if (!text_is_clean(text, len)) {
        return CHISO_E_SYNTAX;
    }
    buffer_t points = BUFFER_INIT(points_max(max));
    size_t used = 0;
    int rc = decompose(text, len, form, &points);
    if (rc == 0) {
        rc = compose(&points, &used);
    }
    if (rc == 0 && used > max) {
        rc = CHISO_E_TOO_BIG;
    }
    if (rc < 0) {
        buffer_free(&points);
        return rc;
    }
    char *shrunk = realloc(points.data, used + 1);
    *out = shrunk != NULL ? shrunk : (char *)points.data;
    return 0;
}

/* The length of a character of which it is known that it is clean, begins no mark and stays as it
 * is whatever stands beside it: printable ASCII, and the precomposed Latin letters, Vietnamese ones
 * among them (U+00A0 to U+02FF, U+1E00 to U+1EFF). 0 for every other. */
static size_t plain_letter(const uint8_t *at, size_t left)
{
    if (at[0] >= ' ' && at[0] < 0x7f) {
        return 1;
    }
    if (left >= 2 && (at[1] & 0xC0) == 0x80 &&
        ((at[0] == 0xC2 && at[1] >= 0xA0) || (at[0] >= 0xC3 && at[0] <= 0xCB))) {
        return 2;
    }
    return left >= 3 && at[0] == 0xE1 && at[1] >= 0xB8 && at[1] <= 0xBB && (at[2] & 0xC0) == 0x80
               ? 3
               : 0;
}

/* Nearly every text that the services pass around; each is looked at at every hop. */
static bool is_plain(const char *text, size_t len)
{
    size_t used = 1;
    for (size_t at = 0; at < len && used > 0; at += used) {
        used = plain_letter((const uint8_t *)text + at, len - at);
    }
    return used > 0;
}

bool text_is_nfc(const char *text, size_t len)
{
    if (is_plain(text, len)) {
        return true;
    }
    char *composed = NULL;
    if (reform(text, len, len, FORM_PLAIN, &composed) < 0) {
        return false;
    }
    /* A clean text has no NUL, so that strlen() is the length of the composed form. */
    bool same = strlen(composed) == len && (len == 0 || memcmp(composed, text, len) == 0);
    free(composed);
    return same;
}

int text_normalise(const char *text, size_t len, size_t max, char **out)
{
    return reform(text, len, max, FORM_TIDY, out);
}

int text_fold(const char *text, size_t len, size_t max, char **out)
{
    return reform(text, len, max, FORM_SEARCHABLE, out);
}

bool text_is_code(const char *text)
{
    size_t len = strnlen(text, 65);
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    c == '.' || c == '-' || c == '_';
        if (!good) {
            return false;
        }
    }
    return len > 0 && len <= 64;
}
