/* asked.c - see asked.h. Ingest compares what stood in its store at one time
 * (services/ingest/spans.c); here everything was just asked. */
#include "asked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const source_t *source;
    char unit[EVENT_MAX_CODE + 1];
    period_t period;
    reader_figure_t *figures;
    size_t n_figures;
} row_t;

struct asked {
    row_t *rows;
    size_t n_rows;
};

asked_t *asked_new(void)
{
    return calloc(1, sizeof(asked_t));
}

void asked_destroy(asked_t **asked)
{
    if (*asked != NULL) {
        for (size_t i = 0; i < (*asked)->n_rows; i++) {
            free((*asked)->rows[i].figures);
        }
        free((*asked)->rows);
        free(*asked);
        *asked = NULL;
    }
}

int asked_keep(asked_t *a, const source_t *source, const reader_table_t *table)
{
    row_t *grown = realloc(a->rows, (a->n_rows + table->n_rows + 1) * sizeof *grown);
    if (grown == NULL) {
        return -ENOMEM;
    }
    a->rows = grown;
    for (size_t i = 0; i < table->n_rows; i++) {
        const reader_row_t *from = &table->rows[i];
        row_t *to = &a->rows[a->n_rows];
        *to = (row_t){.source = source, .n_figures = from->n_figures};
        if (from->rule != NULL || period_parse(from->period, &to->period) != 0) {
            continue;
        }
        to->figures = calloc(from->n_figures + 1, sizeof *to->figures);
        if (to->figures == NULL) {
            return -ENOMEM;
        }
        memcpy(to->figures, from->figures, from->n_figures * sizeof *to->figures);
        snprintf(to->unit, sizeof to->unit, "%s", from->unit.code);
        a->n_rows++;
    }
    return 0;
}

static bool same_period(period_t a, period_t b)
{
    return a.kind == b.kind && a.year == b.year && a.number == b.number;
}

typedef struct {
    const asked_t *asked;
    unsigned differ;
} compare_t;

static bool part_of(void *context, const source_span_t *span, const char *unit, period_t part,
                    const char *figure, decimal_t *value)
{
    const asked_t *a = ((compare_t *)context)->asked;
    for (size_t i = 0; i < a->n_rows; i++) {
        const row_t *row = &a->rows[i];
        if (strcmp(row->source->id, span->parts_of) != 0 || !same_period(row->period, part) ||
            strcmp(row->unit, unit) != 0) {
            continue;
        }
        for (size_t k = 0; k < row->n_figures; k++) {
            if (strcmp(row->figures[k].id, figure) == 0) {
                *value = row->figures[k].value;
                return true;
            }
        }
    }
    return false;
}

static void print_span(void *context, const drift_whole_t *w, const drift_span_t *s)
{
    compare_t *c = context;
    char period[PERIOD_TEXT_SIZE];
    char sum[DECIMAL_TEXT_SIZE] = "more than a number can be";
    char whole[DECIMAL_TEXT_SIZE];
    const char *kind = period_kind_name(s->parts);
    bool complete = s->n_present == s->n_parts;
    if (!s->too_large) {
        decimal_format(s->sum, sum);
    }
    printf("  %-17s %s %s %s: ",
           s->differs ? "DOES NOT ADD UP"
           : complete ? "adds up"
                      : "not compared",
           w->unit, period_format(w->period, period), s->figure);
    if (complete) {
        printf("%u %ss make %s, the %s says %s\n", s->n_parts, kind, sum,
               period_kind_name(w->period.kind), decimal_format(s->whole, whole));
    } else {
        printf("%u of %u %ss are there\n", s->n_present, s->n_parts, kind);
    }
    c->differ += s->differs;
}

unsigned asked_compare(const asked_t *a, const source_t *source, int64_t now)
{
    compare_t c = {a, 0};
    for (size_t i = 0; i < a->n_rows; i++) {
        const row_t *row = &a->rows[i];
        if (row->source == source && now >= period_end(row->period)) {
            drift_whole_t whole = {row->unit, row->period, row->figures, row->n_figures};
            drift_spans(source, &whole, part_of, print_span, &c);
        }
    }
    return c.differ;
}
