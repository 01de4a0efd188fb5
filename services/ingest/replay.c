/* replay.c - see replay.h. From the newest answer to the oldest, so that the first to tell a figure
 * is the one that counts, and none is written only to be written over. */
#include "replay.h"

#include "answers.h"
#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "take.h"
#include "json/json.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SERIES 20000
#define MAX_SEEN 2000000 /* figures */

struct replay {
    intake_t *in;
    schedule_t *const *schedule;
    char source[EVENT_MAX_CODE + 1];
    replay_options_t options;
    char **series;
    size_t n_series, at; /* the one under way is at - 1 */
    int64_t *times;
    size_t n_times;
    void *seen; /* tsearch: "unit period figure" */
    size_t n_seen;
    buffer_t lines;
    uint64_t answers, unreadable, figures, held;
    trace_t trace; /* one for all that it changes */
    bool ended;
};

/* One answer under way. */
typedef struct {
    replay_t *replay;
    take_t take;
    buffer_t lines;
    unsigned differ, changed;
    char jump[160];
} step_t;

/* ---- what there is ---- */

static int add_series(replay_t *r, const char *name)
{
    char **grown = realloc(r->series, (r->n_series + 1) * sizeof *grown);
    char *copy = strdup(name);
    if (grown != NULL) {
        r->series = grown;
    }
    if (grown == NULL || copy == NULL) {
        free(copy);
        return -ENOMEM;
    }
    r->series[r->n_series++] = copy;
    return 0;
}

static int find_series(replay_t *r)
{
    buffer_t prefix = BUFFER_INIT(STORE_MAX_KEY);
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    buffer_append_part(&prefix, r->source);
    store_txn_t *txn = store_read(r->in->store);
    bool more = store_seek(txn, LEDGER_SERIES, buffer_bytes(&prefix), &cursor, &key, &value);
    int rc = 0;
    while (rc == 0 && more && bytes_start_with(key, buffer_bytes(&prefix)) &&
           r->n_series < MAX_SERIES) {
        rc = add_series(r, (const char *)key.data + prefix.len);
        more = store_next(cursor, &key, &value);
    }
    store_cursor_close(&cursor);
    rc = rc != 0 ? rc : store_status(txn);
    store_abort(&txn);
    buffer_free(&prefix);
    return rc != 0 ? rc : r->n_series > 0 ? 0 : CHISO_E_NOT_FOUND;
}

int replay_new(intake_t *in, schedule_t *const *schedule, const replay_options_t *options,
               replay_t **out)
{
    replay_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return -ENOMEM;
    }
    r->in = in;
    r->schedule = schedule;
    r->options = *options;
    r->trace = trace_new();
    r->lines = (buffer_t)BUFFER_INIT(REPLAY_MAX_ANSWER);
    snprintf(r->source, sizeof r->source, "%s", options->source);
    r->times = calloc(ANSWERS_PER_SERIES, sizeof *r->times);
    int rc = r->times == NULL ? -ENOMEM : find_series(r);
    if (rc != 0) {
        r->ended = true;
        replay_destroy(&r);
        return rc;
    }
    *out = r;
    return 0;
}

static void end(replay_t *r, int rc)
{
    jw_t j = jw_to(&r->lines);
    jw_object(&j);
    jw_put_number(&j, "answers", r->answers);
    jw_put_number(&j, "unreadable", r->unreadable);
    jw_put_number(&j, "figures", r->figures);
    jw_put_number(&j, "rows_held", r->held);
    jw_put_flag(&j, "applied", r->options.apply);
    jw_object_end(&j);
    buffer_append_text(&r->lines, "\n");
    r->ended = true;
    log_info("replayed", "source", r->source, "answers", LOG_INT(r->answers), "figures",
             LOG_INT(r->figures), "applied", r->options.apply ? "yes" : "no", TRACE_LOG(&r->trace),
             NULL);
    r->options.done(r->options.context, rc, buffer_bytes(&r->lines));
}

void replay_destroy(replay_t **replay)
{
    replay_t *r = *replay;
    *replay = NULL;
    if (r == NULL) {
        return;
    }
    if (!r->ended) {
        r->options.done(r->options.context, -ECANCELED, bytes_of(NULL, 0));
    }
    for (size_t i = 0; i < r->n_series; i++) {
        free(r->series[i]);
    }
    tdestroy(r->seen, free);
    free(r->series);
    free(r->times);
    buffer_free(&r->lines);
    free(r);
}

/* ---- rows ---- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Has a newer answer told it? Then it is nothing new; else it is from now on. Past the limit a
 * figure counts as told: it is left as it is. */
static bool is_told(replay_t *r, const reader_row_t *row, const char *figure)
{
    char text[3 * EVENT_MAX_CODE + PERIOD_TEXT_SIZE];
    snprintf(text, sizeof text, "%s %s %s", row->unit.code, row->period, figure);
    if (tfind(text, &r->seen, compare_texts) != NULL || r->n_seen == MAX_SEEN) {
        return true;
    }
    char *copy = strdup(text);
    if (copy == NULL || tsearch(copy, &r->seen, compare_texts) == NULL) {
        free(copy);
        return true;
    }
    r->n_seen++;
    return false;
}

static void begin_line(jw_t *j, const step_t *s, const char *unit, const char *period)
{
    jw_object(j);
    jw_put_text(j, "series", s->take.series->name);
    jw_put_text(j, "unit", unit);
    jw_put_text(j, "period", period);
    jw_put_time(j, "fetched_at", s->take.now);
}

static bool judge(void *context, const ledger_row_t *row, const reader_figure_t *now,
                  const decimal_t *before)
{
    step_t *s = context;
    const source_t *source = s->take.series->source->source;
    char text[DECIMAL_TEXT_SIZE];
    int at = source_figure(source, now->id);
    if (before == NULL || decimal_compare(*before, now->value) != 0) {
        jw_t j = jw_to(&s->lines);
        begin_line(&j, s, row->unit.code, row->period);
        jw_put_text(&j, "figure", now->id);
        jw_put_text(&j, "was", before != NULL ? decimal_format(*before, text) : NULL);
        jw_put_text(&j, "is", decimal_format(now->value, text));
        jw_object_end(&j);
        buffer_append_text(&s->lines, "\n");
        s->differ++;
    }
    if (before != NULL && at >= 0 && *s->jump == '\0') {
        drift_jumps(&source->figures[at], *before, now->value, s->jump);
    }
    return s->replay->options.apply && *s->jump == '\0';
}

static void tell(replay_t *r, bytes_t lines)
{
    if (r->lines.len + lines.len < REPLAY_MAX_ANSWER - 1024) {
        buffer_append(&r->lines, lines.data, lines.len);
    }
}

static void replay_row(step_t *s, const reader_row_t *row)
{
    replay_t *r = s->replay;
    reader_figure_t figures[SOURCE_MAX_FIGURES];
    ledger_row_t taken = take_row_of(&s->take, row);
    taken.figures = figures;
    taken.n_figures = 0;
    for (size_t i = 0; i < row->n_figures && row->rule == NULL; i++) {
        if (!is_told(r, row, row->figures[i].id)) {
            figures[taken.n_figures++] = row->figures[i];
        }
    }
    if (taken.n_figures == 0) {
        return;
    }
    taken.judge = judge;
    taken.context = s;
    s->differ = 0;
    *s->jump = '\0';
    buffer_clear(&s->lines);
    s->changed += ledger_take(s->take.txn, r->in->journal, &taken) > 0;
    if (*s->jump != '\0') {
        jw_t j = jw_to(&s->lines);
        buffer_clear(&s->lines);
        begin_line(&j, s, row->unit.code, row->period);
        jw_put_text(&j, "held", s->jump);
        jw_object_end(&j);
        buffer_append_text(&s->lines, "\n");
        r->held++;
    } else {
        r->figures += s->differ;
    }
    tell(r, buffer_bytes(&s->lines));
}

/* ---- answers ---- */

static void replay_pages(step_t *s)
{
    reader_table_t table;
    if (take_begin(&s->take) != 0 || take_read(&s->take, &table) != 0) {
        store_fail(s->take.txn, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < table.n_rows; i++) {
        replay_row(s, &table.rows[i]);
    }
    s->replay->unreadable += table.kind > READER_NO_DATA;
    reader_free(&table);
}

/* Ends the answer's transaction, and keeps what it changed. */
static int finish(step_t *s, bool *appended)
{
    replay_t *r = s->replay;
    series_t *series = s->take.series;
    int rc = store_status(s->take.txn);
    if (s->changed == 0 || rc != 0) {
        store_abort(&s->take.txn);
        if (r->options.apply) {
            journal_settle(r->in->journal, false);
        }
        return rc;
    }
    s->take.now = clock_wall_ms();
    series_forget_answer(series);
    intake_write_state(&s->take);
    rc = intake_finish(&s->take, appended);
    return rc == 0 ? 0 : intake_undo(series, r->in->store, rc);
}

static int replay_answer(replay_t *r, series_t *series, int64_t at, bool *appended)
{
    step_t s = {.replay = r,
                .take = {.in = r->in, .series = series, .now = at, .trace = r->trace},
                .lines = BUFFER_INIT(REPLAY_MAX_ANSWER)};
    take_pages_t pages = {0};
    s.take.txn = r->options.apply ? store_write(r->in->store) : store_read(r->in->store);
    r->answers++;
    if (take_old_pages(&s.take, at, NULL, &pages) == 0) {
        replay_pages(&s);
    } else {
        r->unreadable++;
    }
    int rc = finish(&s, appended);
    take_free(&s.take);
    take_pages_free(&pages);
    buffer_free(&s.lines);
    return rc;
}

static void next_series(replay_t *r)
{
    store_txn_t *txn = store_read(r->in->store);
    r->n_times = answers_times(txn, r->source, r->series[r->at++], r->options.from, r->times,
                               ANSWERS_PER_SERIES);
    store_abort(&txn);
}

bool replay_step(replay_t *r, int *rc, bool *appended)
{
    series_t *series;
    series_t *own;
    *rc = 0;
    *appended = false;
    while (r->n_times == 0 && r->at < r->n_series) {
        next_series(r);
    }
    if (r->n_times == 0) {
        end(r, 0);
        return true;
    }
    int64_t at = r->times[--r->n_times];
    if (schedule_borrow(*r->schedule, r->source, r->series[r->at - 1], &series, &own) != 0) {
        r->n_times = 0; /* of a unit or a source that the configuration no longer has */
        return false;
    }
    *rc = replay_answer(r, series, at, appended);
    series_destroy(&own);
    if (*rc != 0) {
        end(r, *rc);
        return true;
    }
    return false;
}
