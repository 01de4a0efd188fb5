/* drift.c - see drift.h. The middle move stands for all, so that a few units that touch a maximum,
 * or were corrected in the same night, do not hide that the rule changed. */
#include "drift.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONTENT (256u * 1024 * 1024)

typedef struct {
    decimal_t *moves; /* zeros too */
    size_t n, room;
} moves_t;

struct drift {
    const source_t *source;
    moves_t figures[SOURCE_MAX_FIGURES];
};

/* ---- content ---- */

static int compare_rows(const void *x, const void *y)
{
    const reader_row_t *a = *(const reader_row_t *const *)x;
    const reader_row_t *b = *(const reader_row_t *const *)y;
    int order = strcmp(a->unit.code, b->unit.code);
    return order != 0 ? order : strcmp(a->period, b->period);
}

static void append_row(buffer_t *all, const reader_row_t *row)
{
    char text[DECIMAL_TEXT_SIZE];
    uint8_t level = (uint8_t)row->unit.level;
    buffer_append_part(all, row->unit.code);
    buffer_append_part(all, row->period);
    buffer_append(all, &level, 1);
    buffer_append_part(all, row->unit.parent != NULL ? row->unit.parent : "");
    buffer_append_part(all, row->unit.name);
    for (size_t i = 0; i < row->n_figures; i++) {
        buffer_append_part(all, row->figures[i].id);
        buffer_append_part(all, decimal_format(row->figures[i].value, text));
    }
    buffer_append_part(all, "");
}

bool drift_content(const reader_table_t *table, uint8_t out[32])
{
    const reader_row_t **sorted = calloc(table->n_rows + 1, sizeof *sorted);
    buffer_t all = BUFFER_INIT(MAX_CONTENT);
    bool good = sorted != NULL;
    for (size_t i = 0; good && i < table->n_rows; i++) {
        sorted[i] = &table->rows[i];
        good = sorted[i]->rule == NULL && sorted[i]->unit.code != NULL;
    }
    if (good) {
        qsort(sorted, table->n_rows, sizeof *sorted, compare_rows);
        for (size_t i = 0; i < table->n_rows; i++) {
            append_row(&all, sorted[i]);
        }
        good = !all.failed;
    }
    if (good) {
        sha256(buffer_bytes(&all), out);
    }
    free(sorted);
    buffer_free(&all);
    return good;
}

/* ---- jumps ---- */

static decimal_t size_of(decimal_t value)
{
    value.micro = value.micro < 0 ? -value.micro : value.micro;
    return value;
}

/* Further apart than the limit allows? Numbers whose difference no decimal holds are. */
static bool is_far(const source_limit_t *limit, decimal_t from, decimal_t to)
{
    decimal_t move;
    decimal_t most = limit->given ? limit->most : DECIMAL_ZERO;
    bool far = decimal_subtract(to, from, &move) != 0;
    if (!far && limit->percent) {
        far = decimal_muldiv(most, size_of(from), decimal_of(100), DECIMAL_DOWN, &most) != 0;
    }
    return far || decimal_compare(size_of(move), most) > 0;
}

bool drift_jumps(const source_figure_t *figure, decimal_t before, decimal_t now, char reason[160])
{
    char was[DECIMAL_TEXT_SIZE];
    char is[DECIMAL_TEXT_SIZE];
    if (!figure->jump.given || (figure->jump.percent && decimal_sign(before) == 0)) {
        return false; /* there is no percentage of nothing */
    }
    if (!is_far(&figure->jump, before, now)) {
        return false;
    }
    snprintf(reason, 160, "%.40s went from %s to %s, further than it should at once", figure->id,
             decimal_format(before, was), decimal_format(now, is));
    return true;
}

/* ---- periods that add up ---- */

/* The parts that are there; `sum` is only of use when all are. */
static unsigned add_parts(const drift_whole_t *w, const source_span_t *span, drift_span_t *found,
                          drift_part_fn part_of, void *context)
{
    unsigned present = 0;
    found->sum = DECIMAL_ZERO;
    found->too_large = false;
    for (unsigned i = 0; i < found->n_parts; i++) {
        decimal_t value;
        period_t part = period_part(w->period, found->parts, i);
        if (part_of(context, span, w->unit, part, found->figure, &value)) {
            present++;
            found->too_large = decimal_add(found->sum, value, &found->sum) != 0 || found->too_large;
        }
    }
    return present;
}

static void compare_parts(const drift_whole_t *w, const source_span_t *span, drift_span_t *found,
                          drift_part_fn part_of, drift_span_fn each, void *context)
{
    for (int kind = PERIOD_QUARTER; kind <= PERIOD_MONTH; kind++) {
        found->parts = (period_kind_t)kind;
        found->n_parts = period_parts(w->period, found->parts);
        found->n_present = add_parts(w, span, found, part_of, context);
        if (found->n_present > 0) {
            found->differs = found->n_present == found->n_parts &&
                             (found->too_large || is_far(&span->within, found->whole, found->sum));
            each(context, w, found);
        }
    }
}

void drift_spans(const source_t *source, const drift_whole_t *w, drift_part_fn part_of,
                 drift_span_fn each, void *context)
{
    for (unsigned i = 0; i < source->n_spans; i++) {
        const source_span_t *span = &source->spans[i];
        for (unsigned k = 0; k < span->n_figures; k++) {
            drift_span_t found = {.figure = source->figures[span->figures[k]].id};
            for (size_t f = 0; f < w->n_figures; f++) {
                if (strcmp(w->figures[f].id, found.figure) == 0) {
                    found.whole = w->figures[f].value;
                    compare_parts(w, span, &found, part_of, each, context);
                }
            }
        }
    }
}

/* ---- all units alike ---- */

int drift_new(const source_t *source, drift_t **out)
{
    drift_t *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return -ENOMEM;
    }
    d->source = source;
    *out = d;
    return 0;
}

void drift_destroy(drift_t **drift)
{
    if (drift != NULL && *drift != NULL) {
        for (size_t i = 0; i < SOURCE_MAX_FIGURES; i++) {
            free((*drift)->figures[i].moves);
        }
        free(*drift);
        *drift = NULL;
    }
}

void drift_add(drift_t *d, const char *figure, decimal_t before, decimal_t now)
{
    int at = source_figure(d->source, figure);
    decimal_t move;
    if (at < 0 || decimal_subtract(now, before, &move) != 0) {
        return;
    }
    moves_t *m = &d->figures[at];
    if (m->n == m->room) {
        size_t room = m->room > 0 ? 2 * m->room : 64;
        decimal_t *grown = realloc(m->moves, room * sizeof *grown);
        if (grown == NULL) {
            return;
        }
        m->moves = grown;
        m->room = room;
    }
    m->moves[m->n++] = move;
}

static int compare_moves(const void *a, const void *b)
{
    return decimal_compare(*(const decimal_t *)a, *(const decimal_t *)b);
}

/* The range of the moves that are near the middle one, or false when too few are. */
static bool find_alike(moves_t *m, size_t *first, size_t *last)
{
    if (m->n < DRIFT_ALIKE_UNITS) {
        return false;
    }
    qsort(m->moves, m->n, sizeof *m->moves, compare_moves);
    __int128 middle = m->moves[m->n / 2].micro;
    __int128 near = (middle < 0 ? -middle : middle) / 10;
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        __int128 off = m->moves[i].micro - middle;
        if (off >= -near && off <= near) {
            *first = n == 0 ? i : *first;
            *last = i;
            n++;
        }
    }
    return middle != 0 && n >= DRIFT_ALIKE_UNITS && n * 10 >= m->n * 9;
}

bool drift_alike(drift_t *d, char notice[DRIFT_NOTICE_SIZE])
{
    size_t len = 0;
    for (unsigned i = 0; i < d->source->n_figures && len < DRIFT_NOTICE_SIZE - 160; i++) {
        moves_t *m = &d->figures[i];
        size_t first = 0;
        size_t last = 0;
        char low[DECIMAL_TEXT_SIZE];
        char high[DECIMAL_TEXT_SIZE];
        if (find_alike(m, &first, &last)) {
            len += (size_t)snprintf(notice + len, DRIFT_NOTICE_SIZE - len,
                                    "%s%s of %zu of %zu units moved alike, by %s to %s",
                                    len > 0 ? "; " : "has the rule changed? ",
                                    d->source->figures[i].id, last - first + 1, m->n,
                                    decimal_format(m->moves[first], low),
                                    decimal_format(m->moves[last], high));
        }
    }
    return len > 0;
}
