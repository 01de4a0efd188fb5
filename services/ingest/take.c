/* take.c - see take.h. A row that jumps is held back as a whole, like any bad row: figures of a row
 * belong together. That all units moved alike only raises an alarm: the figures are what the source
 * says, whatever rule it counts by. */
#include "take.h"

#include "answers.h"
#include "base/error.h"
#include "log/log.h"
#include "quarantine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int take_begin(take_t *t)
{
    t->hashes = calloc(t->n_pages + 1, sizeof *t->hashes);
    t->kept = calloc(t->n_pages + 1, sizeof *t->kept);
    if (t->hashes == NULL || t->kept == NULL ||
        drift_new(t->series->source->source, &t->drift) != 0) {
        store_fail(t->txn, -ENOMEM);
        return -ENOMEM;
    }
    for (size_t i = 0; i < t->n_pages; i++) {
        sha256(t->pages[i], t->hashes[i]);
    }
    if (t->n_pages == 1) {
        memcpy(t->hash, t->hashes[0], SHA256_SIZE);
    } else {
        sha256(bytes_of(t->hashes, t->n_pages * SHA256_SIZE), t->hash);
    }
    return 0;
}

void take_free(take_t *t)
{
    free(t->hashes);
    free(t->kept);
    drift_destroy(&t->drift);
}

/* The body is in the archive before the transaction that refers to it commits. */
static void keep_page(take_t *t, size_t page)
{
    if (!t->kept[page]) {
        int rc = archive_keep(t->in->archive, t->pages[page], t->hashes[page]);
        if (rc != 0) {
            store_fail(t->txn, rc);
        }
        t->kept[page] = true;
    }
}

static void notice(take_t *t, const char *text)
{
    series_t *s = t->series;
    if (strstr(s->notice, text) != NULL) {
        return; /* told already; as long as it stands */
    }
    bool joins = s->noticed_at == t->now && *s->notice != '\0';
    char before[SERIES_NOTICE_SIZE] = "";
    if (joins) {
        memcpy(before, s->notice, sizeof before);
    }
    snprintf(s->notice, sizeof s->notice, "%.500s%s%.500s", before, joins ? "; " : "", text);
    s->noticed_at = t->now;
    log_warn("source drift", "source", s->source->id, "series", s->name, "notice", text,
             TRACE_LOG(&t->trace), NULL);
}

void take_end(take_t *t)
{
    char alike[DRIFT_NOTICE_SIZE];
    bool any = false;
    if (drift_alike(t->drift, alike)) {
        notice(t, alike);
    }
    for (size_t i = 0; i < t->n_pages; i++) {
        any = any || t->kept[i];
    }
    if (!any) {
        return;
    }
    for (size_t i = 0; i < t->n_pages; i++) {
        keep_page(t, i);
    }
    answers_put(t->txn, t->series->source->id, t->series->name, t->now,
                (const uint8_t(*)[SHA256_SIZE])t->hashes, t->n_pages, &t->series->answers);
}

void take_pages_free(take_pages_t *p)
{
    for (size_t i = 0; i < p->n; i++) {
        buffer_free(&p->bodies[i]);
    }
    free(p->bodies);
    free(p->pages);
    *p = (take_pages_t){0};
}

static int read_pages(archive_t *archive, const ProtobufCBinaryData *hashes, size_t n,
                      take_pages_t *out)
{
    int rc = 0;
    out->bodies = calloc(n + 1, sizeof *out->bodies);
    out->pages = calloc(n + 1, sizeof *out->pages);
    if (out->bodies == NULL || out->pages == NULL) {
        return -ENOMEM;
    }
    for (; rc == 0 && out->n < n; out->n++) {
        buffer_t *body = &out->bodies[out->n];
        *body = (buffer_t)BUFFER_INIT(EXTRACT_MAX_BODY);
        rc = hashes[out->n].len == SHA256_SIZE ? archive_read(archive, hashes[out->n].data, body)
                                               : CHISO_E_NOT_FOUND;
        out->pages[out->n] = buffer_bytes(body);
    }
    return rc;
}

int take_old_pages(take_t *t, int64_t at, const ProtobufCBinaryData *hash, take_pages_t *out)
{
    answers_in_t in;
    int rc = CHISO_E_NOT_FOUND;
    if (answers_get(t->txn, t->series->source->id, t->series->name, at, &in)) {
        rc = read_pages(t->in->archive, in.answer->pages, in.answer->n_pages, out);
        answers_free(&in);
    } else if (hash != NULL) {
        rc = read_pages(t->in->archive, hash, 1, out);
    }
    if (rc == 0) {
        t->pages = out->pages;
        t->n_pages = out->n;
    }
    return rc;
}

int take_read(const take_t *t, reader_table_t *out)
{
    const ingest_source_t *source = t->series->source;
    reader_context_t context = {.source = source->source,
                                .units = t->in->units,
                                .of = t->series->of,
                                .wanted = source->wanted,
                                .n_wanted = source->n_wanted,
                                .period = t->series->period};
    return reader_read(&context, t->pages, t->n_pages, out);
}

void take_shape(take_t *t, const reader_table_t *table)
{
    static const uint8_t none[SHA256_SIZE];
    series_t *s = t->series;
    if (memcmp(table->shape, none, SHA256_SIZE) == 0) {
        return;
    }
    if (s->has_shape && memcmp(s->shape, table->shape, SHA256_SIZE) != 0) {
        keep_page(t, 0);
        notice(t,
               "the answer has another shape than before: fields were added, renamed or removed");
    }
    memcpy(s->shape, table->shape, SHA256_SIZE);
    s->has_shape = true;
}

/* ---- what is held back ---- */

/* The body that an entry was first seen in is kept; later ones that hold the same are not. */
static void quarantine(take_t *t, const quarantine_entry_t *entry, size_t page)
{
    quarantine_news_t news = quarantine_put(t->txn, entry);
    bool archived = strcmp(entry->rule, "blocked") != 0 && strcmp(entry->rule, "size") != 0;
    if (news == QUARANTINE_NEW && archived) {
        keep_page(t, page);
    }
    if (news != QUARANTINE_DROPPED) {
        log_warn("quarantined", "source", entry->source, "series", entry->series, "rule",
                 entry->rule, "reason", entry->reason, TRACE_LOG(&t->trace), NULL);
    }
}

void take_whole(take_t *t, size_t page, const char *rule, const char *reason)
{
    quarantine_entry_t entry = {.source = t->series->source->id,
                                .series = t->series->name,
                                .rule = rule,
                                .reason = reason,
                                .at = t->now,
                                .body_sha256 = t->hashes[page],
                                .bytes = t->pages[page]};
    quarantine(t, &entry, page);
}

/* A row was last taken when it became bad, if it was bad already, else at the series' last good
 * time. True: it was not bad before. */
static bool add_bad(take_t *t, const char *code, const char *period, const char *reason)
{
    int64_t last_good = t->series->last_good;
    bool news = true;
    for (size_t i = 0; i < t->n_before && news; i++) {
        const bad_row_t *b = &t->before[i];
        if (strcmp(b->code, code) == 0 && strcmp(b->period, period) == 0) {
            last_good = b->last_good;
            news = false;
        }
    }
    int rc = series_add_bad(t->series, code, period, reason, last_good);
    if (rc == -ENOMEM) {
        store_fail(t->txn, rc);
    }
    t->too_many_bad = t->too_many_bad || rc == CHISO_E_TOO_BIG;
    return news;
}

static void bad_row(take_t *t, const reader_row_t *row, const char *rule, const char *reason)
{
    quarantine_entry_t entry = {.source = t->series->source->id,
                                .series = t->series->name,
                                .rule = rule,
                                .reason = reason,
                                .unit = row->unit.code,
                                .period = row->period,
                                .at = t->now,
                                .body_sha256 = t->hashes[row->page],
                                .bytes = bytes_of_text(row->raw)};
    t->bad_rows++;
    quarantine(t, &entry, row->page);
    if (row->unit.code != NULL) {
        add_bad(t, row->unit.code, row->period, reason);
    }
}

/* ---- rows ---- */

static bool judge(void *context, const ledger_row_t *row, const reader_figure_t *now,
                  const decimal_t *before)
{
    take_t *t = context;
    (void)row;
    if (before == NULL) {
        return true;
    }
    const source_t *source = t->series->source->source;
    int at = source_figure(source, now->id);
    drift_add(t->drift, now->id, *before, now->value);
    return at < 0 || *t->jump != '\0' ||
           !drift_jumps(&source->figures[at], *before, now->value, t->jump);
}

ledger_row_t take_row_of(const take_t *t, const reader_row_t *row)
{
    return (ledger_row_t){.source = t->series->source->id,
                          .series = t->series->name,
                          .period = row->period,
                          .unit = row->unit,
                          .figures = row->figures,
                          .n_figures = row->n_figures,
                          .fetched_at = t->now,
                          .body_sha256 = t->hashes[row->page],
                          .trace = &t->trace};
}

static void take_row(take_t *t, const reader_row_t *row)
{
    if (row->rule != NULL) {
        bad_row(t, row, row->rule, row->reason);
        return;
    }
    ledger_row_t taken = take_row_of(t, row);
    taken.judge = judge;
    taken.context = t;
    *t->jump = '\0';
    int changed = ledger_take(t->txn, t->in->journal, &taken);
    if (changed == LEDGER_REFUSED) {
        bad_row(t, row, "jump", t->jump);
    } else if (changed >= 0) {
        keep_page(t, row->page);
        t->changed_rows++;
        t->changed_figures += (unsigned)changed;
    }
}

/* ---- rows that were there and are no longer ---- */

typedef struct {
    take_t *take;
    const reader_row_t **good; /* by unit and period */
    size_t n_good;
    const char *oldest; /* period; NULL: one that is older is missing too */
} absent_t;

static int compare_rows(const void *x, const void *y)
{
    const reader_row_t *a = *(const reader_row_t *const *)x;
    const reader_row_t *b = *(const reader_row_t *const *)y;
    int order = strcmp(a->unit.code, b->unit.code);
    return order != 0 ? order : strcmp(a->period, b->period);
}

static void check_absent(void *context, const char *code, const char *period)
{
    absent_t *a = context;
    series_t *s = a->take->series;
    reader_row_t wanted = {.unit.code = (char *)(uintptr_t)code};
    const reader_row_t *key = &wanted;
    snprintf(wanted.period, sizeof wanted.period, "%s", period);
    if (a->oldest != NULL && strcmp(period, a->oldest) < 0) {
        return; /* of one kind, periods compare as texts */
    }
    if (bsearch(&key, a->good, a->n_good, sizeof *a->good, compare_rows) != NULL ||
        series_bad(s, code, period) != NULL) {
        return;
    }
    if (add_bad(a->take, code, period, "its row is missing from the answer")) {
        log_warn("a row is no longer in the answer", "source", s->source->id, "series", s->name,
                 "unit", code, "period", period, TRACE_LOG(&a->take->trace), NULL);
    }
}

static void find_absent(take_t *t, const reader_table_t *table)
{
    bool window = t->series->source->source->period_window;
    absent_t a = {.take = t, .good = calloc(table->n_rows + 1, sizeof *a.good)};
    if (a.good == NULL) {
        store_fail(t->txn, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < table->n_rows; i++) {
        if (table->rows[i].rule == NULL) {
            const char *period = table->rows[i].period;
            bool older = window && (a.oldest == NULL || strcmp(period, a.oldest) < 0);
            a.oldest = older ? period : a.oldest;
            a.good[a.n_good++] = &table->rows[i];
        }
    }
    qsort(a.good, a.n_good, sizeof *a.good, compare_rows);
    ledger_rows(t->txn, t->series->source->id, t->series->name, check_absent, &a);
    free(a.good);
}

outcome_t take_rows(take_t *t, const reader_table_t *table, char detail[256])
{
    series_t *s = t->series;
    t->before = s->bad;
    t->n_before = s->n_bad;
    s->bad = NULL;
    s->n_bad = 0;
    for (size_t i = 0; i < table->n_rows; i++) {
        take_row(t, &table->rows[i]);
    }
    find_absent(t, table);
    free(t->before);
    t->before = NULL;
    t->n_before = 0;
    if (t->bad_rows == 0 && s->n_bad == 0) {
        return CHISO__V1__SOURCE_STATE__OUTCOME__GOOD;
    }
    snprintf(detail, 256, "%u of %zu rows are in quarantine, %zu have no good figures", t->bad_rows,
             table->n_rows, s->n_bad);
    return CHISO__V1__SOURCE_STATE__OUTCOME__QUARANTINED;
}
