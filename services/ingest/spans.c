/* spans.c - see spans.h. Rows are looked up where the source's series keep them, also of periods
 * that are no longer asked for: their last good reading says until when they are known to have
 * stood, and that of a row that is refused, until when it was taken. */
#include "spans.h"

#include "base/error.h"
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMES 6

typedef struct {
    const intake_t *in;
    series_t *series;
    store_txn_t *txn;
    /* of the row at hand */
    const event_reading_t *row;
    int64_t from, until;      /* between which its parts stood together */
    int64_t after, row_until; /* the end of its period; until when it stood itself */
    mismatch_t *found;        /* room for SERIES_MAX_MISMATCHES */
    size_t n_found, n_all;
} look_t;

/* ---- a part ---- */

/* Until when the row is known to have stood as it is in the ledger; 0: not known. */
static int64_t stood_until(const look_t *l, const char *source, const char *name, const char *code,
                           const char *period)
{
    const series_t *own = l->series;
    if (strcmp(own->source->id, source) != 0 || strcmp(own->name, name) != 0) {
        return series_stored_good(l->txn, source, name, code, period);
    }
    const bad_row_t *bad = series_bad(own, code, period);
    return bad != NULL ? bad->last_good : own->last_good;
}

/* The series of the source that can have a row about the unit and period. */
static unsigned names_of(const look_t *l, const source_t *s, period_t part,
                         char names[MAX_NAMES][SERIES_NAME_SIZE])
{
    const event_unit_t *unit = l->row->unit;
    const char *whose[2] = {s->each != 0        ? unit->code
                            : s->nation != NULL ? "nation"
                            : s->units_of == 0  ? "all"
                                                : NULL,
                            s->units_of != 0 ? unit->parent : NULL};
    unsigned n = 0;
    for (int kind = PERIOD_YEAR; kind <= PERIOD_MONTH; kind++) {
        char text[PERIOD_TEXT_SIZE];
        period_t asked = {(period_kind_t)kind, part.year, part.number};
        bool longer = period_parts(asked, part.kind) > 0;
        if ((!longer || s->period_column < 0) && asked.kind != part.kind) {
            continue;
        }
        if (longer) {
            asked.number = kind == PERIOD_QUARTER ? (part.number + 2) / 3 : 0;
        }
        period_format(asked, text);
        for (int i = 0; i < 2; i++) {
            if (whose[i] != NULL) {
                snprintf(names[n++], SERIES_NAME_SIZE, "%s/%s", whose[i], text);
            }
        }
    }
    return n;
}

/* Takes the figure of a row, and narrows the time in which all stood. */
static bool take_figure(look_t *l, const ledger_row_t *row, const char *figure, decimal_t *value)
{
    event_in_t in;
    bool found = false;
    if (!ledger_known(l->txn, row, &in)) {
        return false;
    }
    const event_reading_t *reading = in.event->reading;
    for (size_t i = 0; i < reading->n_figures && !found; i++) {
        const event_figure_t *f = reading->figures[i];
        found = strcmp(f->id, figure) == 0 && !f->withdrawn;
        if (found) {
            int64_t until = stood_until(l, row->source, row->series, row->unit.code, row->period);
            *value = event_decimal(f->value);
            l->from = f->fetched_at > l->from ? f->fetched_at : l->from;
            l->until = until < l->until ? until : l->until;
        }
    }
    event_release(&in);
    return found;
}

static bool part_of(void *context, const source_span_t *span, const char *unit, period_t part,
                    const char *figure, decimal_t *value)
{
    look_t *l = context;
    const ingest_config_t *c = l->in->config;
    char names[MAX_NAMES][SERIES_NAME_SIZE];
    char period[PERIOD_TEXT_SIZE];
    (void)unit;
    period_format(part, period);
    for (unsigned i = 0; i < c->sources_count; i++) {
        const ingest_source_t *source = &c->sources[i];
        bool ours = strcmp(source->source->id, span->parts_of) == 0;
        unsigned n = ours ? names_of(l, source->source, part, names) : 0;
        for (unsigned k = 0; k < n; k++) {
            ledger_row_t row = {
                .source = source->id, .series = names[k], .period = period, .unit = *l->row->unit};
            if (take_figure(l, &row, figure, value)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- the longer periods ---- */

static void begin_time(look_t *l)
{
    l->from = l->after;
    l->until = l->row_until;
}

static void each_span(void *context, const drift_whole_t *w, const drift_span_t *span)
{
    look_t *l = context;
    for (size_t i = 0; i < l->row->n_figures; i++) {
        const event_figure_t *f = l->row->figures[i];
        if (strcmp(f->id, span->figure) == 0 && f->fetched_at > l->from) {
            l->from = f->fetched_at;
        }
    }
    if (span->differs && l->from <= l->until) {
        if (l->n_found < SERIES_MAX_MISMATCHES) {
            mismatch_t *m = &l->found[l->n_found++];
            *m = (mismatch_t){.span = *span};
            snprintf(m->unit, sizeof m->unit, "%s", w->unit);
            snprintf(m->period, sizeof m->period, "%s", l->row->period);
        }
        l->n_all++;
    }
    begin_time(l);
}

static void look_at_row(look_t *l, const event_reading_t *row, period_t period)
{
    reader_figure_t figures[SOURCE_MAX_FIGURES];
    drift_whole_t whole = {.unit = row->unit->code, .period = period, .figures = figures};
    for (size_t i = 0; i < row->n_figures && whole.n_figures < SOURCE_MAX_FIGURES; i++) {
        const event_figure_t *f = row->figures[i];
        if (!f->withdrawn) {
            figures[whole.n_figures++] = (reader_figure_t){f->id, event_decimal(f->value)};
        }
    }
    l->row = row;
    begin_time(l);
    drift_spans(l->series->source->source, &whole, part_of, each_span, l);
}

static void each_row(void *context, const char *code, const char *period_text)
{
    look_t *l = context;
    const series_t *s = l->series;
    period_t period;
    if (period_parse(period_text, &period) != 0 || period.kind == PERIOD_MONTH) {
        return;
    }
    l->after = period_end(period);
    l->row_until = stood_until(l, s->source->id, s->name, code, period_text);
    ledger_row_t row = {.source = s->source->id, .series = s->name, .period = period_text};
    event_in_t in;
    row.unit.code = (char *)(uintptr_t)code;
    if (l->row_until >= l->after && ledger_known(l->txn, &row, &in)) {
        look_at_row(l, in.event->reading, period);
        event_release(&in);
    }
}

static bool same_mismatch(const mismatch_t *a, const mismatch_t *b)
{
    return strcmp(a->unit, b->unit) == 0 && strcmp(a->period, b->period) == 0 &&
           strcmp(a->span.figure, b->span.figure) == 0 && a->span.parts == b->span.parts &&
           a->span.too_large == b->span.too_large &&
           decimal_compare(a->span.sum, b->span.sum) == 0 &&
           decimal_compare(a->span.whole, b->span.whole) == 0;
}

int spans_check(const intake_t *in, series_t *s, store_txn_t *txn, bool *changed)
{
    *changed = false;
    s->spans_due = false;
    if (s->source->source->n_spans == 0) {
        return 0;
    }
    look_t l = {.in = in, .series = s, .txn = txn};
    l.found = calloc(SERIES_MAX_MISMATCHES, sizeof *l.found);
    if (l.found == NULL) {
        store_fail(txn, -ENOMEM);
        return -ENOMEM;
    }
    ledger_rows(txn, s->source->id, s->name, each_row, &l);
    bool same = l.n_all == s->mismatched && l.n_found == s->n_mismatches;
    for (size_t i = 0; same && i < l.n_found; i++) {
        same = same_mismatch(&l.found[i], &s->mismatches[i]);
    }
    free(s->mismatches);
    s->mismatches = l.n_found > 0 ? l.found : NULL;
    if (l.n_found == 0) {
        free(l.found);
    }
    s->n_mismatches = l.n_found;
    s->mismatched = l.n_all;
    *changed = !same;
    return store_status(txn);
}

bool spans_concern(const series_t *whole, const series_t *part)
{
    const source_t *s = whole->source->source;
    bool told = false;
    for (unsigned i = 0; i < s->n_spans && !told; i++) {
        told = strcmp(s->spans[i].parts_of, part->source->source->id) == 0;
    }
    bool rows_tell = s->period_column >= 0 || part->source->source->period_column >= 0;
    return told && (rows_tell || whole->period.year == part->period.year) &&
           (whole->of == NULL || part->of == NULL || whole->of == part->of);
}

/* ---- telling ---- */

typedef struct {
    Chiso__V1__Mismatch messages[SERIES_MAX_MISMATCHES];
    Chiso__V1__Mismatch *list[SERIES_MAX_MISMATCHES];
    char sums[SERIES_MAX_MISMATCHES][DECIMAL_TEXT_SIZE];
    char wholes[SERIES_MAX_MISMATCHES][DECIMAL_TEXT_SIZE];
} told_t;

#define TEXT(s) ((char *)(uintptr_t)(s))

int spans_tell(const series_t *s, event_source_state_t *state, void **memory)
{
    *memory = NULL;
    if (s->n_mismatches == 0) {
        return 0;
    }
    told_t *told = calloc(1, sizeof *told);
    if (told == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < s->n_mismatches; i++) {
        const mismatch_t *from = &s->mismatches[i];
        Chiso__V1__Mismatch *m = told->list[i] = &told->messages[i];
        chiso__v1__mismatch__init(m);
        m->unit = TEXT(from->unit);
        m->period = TEXT(from->period);
        m->figure = TEXT(from->span.figure);
        m->parts = TEXT(period_kind_name(from->span.parts));
        m->sum = from->span.too_large ? NULL : TEXT(decimal_format(from->span.sum, told->sums[i]));
        m->whole = TEXT(decimal_format(from->span.whole, told->wholes[i]));
    }
    state->mismatches = told->list;
    state->n_mismatches = s->n_mismatches;
    state->has_mismatched = true;
    state->mismatched = (uint32_t)s->mismatched;
    *memory = told;
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool spans_same(const event_source_state_t *a, const event_source_state_t *b)
{
    bool same = a->n_mismatches == b->n_mismatches && a->mismatched == b->mismatched;
    for (size_t i = 0; same && i < a->n_mismatches; i++) {
        const Chiso__V1__Mismatch *x = a->mismatches[i];
        const Chiso__V1__Mismatch *y = b->mismatches[i];
        same = strcmp(x->unit, y->unit) == 0 && strcmp(x->period, y->period) == 0 &&
               strcmp(x->figure, y->figure) == 0 && strcmp(x->parts, y->parts) == 0 &&
               same_text(x->sum, y->sum) && strcmp(x->whole, y->whole) == 0;
    }
    return same;
}

const char *spans_describe(const series_t *s, char out[SPANS_TEXT_SIZE])
{
    const mismatch_t *m = &s->mismatches[0];
    char sum[DECIMAL_TEXT_SIZE];
    char whole[DECIMAL_TEXT_SIZE];
    period_t period;
    int rc = period_parse(m->period, &period);
    snprintf(out, SPANS_TEXT_SIZE, "%s %s %s: %u %ss make %s, the %s says %s", m->unit, m->period,
             m->span.figure, m->span.n_parts, period_kind_name(m->span.parts),
             m->span.too_large ? "more than a number can be" : decimal_format(m->span.sum, sum),
             rc == 0 ? period_kind_name(period.kind) : "period",
             decimal_format(m->span.whole, whole));
    size_t len = strlen(out);
    if (s->mismatched > 1) {
        snprintf(out + len, SPANS_TEXT_SIZE - len, "; and %zu more", s->mismatched - 1);
    }
    return out;
}
