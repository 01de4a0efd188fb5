/* release.c - see release.h. The body is read again as a whole, because only whole does a row mean
 * what it meant; and nothing is taken that the source itself has said otherwise since. */
#include "release.h"

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "quarantine.h"
#include "take.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    take_t take;
    const Chiso__V1__Quarantined *entry;
    take_pages_t pages;
    char *reason;
} release_t;

__attribute__((format(printf, 2, 3))) static int refuse(char reason[RELEASE_REASON_SIZE],
                                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, RELEASE_REASON_SIZE, format, arguments);
    va_end(arguments);
    return CHISO_E_INVALID;
}

/* ---- the rows ---- */

static int take_one(release_t *r, const reader_row_t *row)
{
    take_t *t = &r->take;
    if (row->rule != NULL) {
        return refuse(r->reason, "by today's description it is still bad: %.160s", row->reason);
    }
    ledger_row_t taken = take_row_of(t, row);
    ledger_take(t->txn, t->in->journal, &taken);
    series_remove_bad(t->series, row->unit.code, row->period);
    return 0;
}

static bool is_page(const release_t *r)
{
    bytes_t kept = bytes_of(r->entry->bytes.data, r->entry->bytes.len);
    for (size_t i = 0; i < r->take.n_pages; i++) {
        if (bytes_start_with(r->take.pages[i], kept)) {
            return true;
        }
    }
    return false;
}

static int take_table(release_t *r, const reader_table_t *table)
{
    char detail[256];
    bool found = false;
    int rc = 0;
    if (table->kind != READER_ROWS) {
        return refuse(r->reason, "today's description cannot read it: %.180s",
                      *table->reason != '\0' ? table->reason : "it has no rows");
    }
    for (size_t i = 0; i < table->n_rows && rc == 0; i++) {
        if (quarantine_is(r->entry, bytes_of_text(table->rows[i].raw))) {
            found = true;
            rc = take_one(r, &table->rows[i]);
        }
    }
    if (!found && is_page(r)) {
        take_rows(&r->take, table, detail);
        take_end(&r->take);
    } else if (!found) {
        rc = refuse(r->reason, "the row is no longer found in its body");
    }
    return rc;
}

static int take_entry(release_t *r)
{
    const Chiso__V1__Quarantined *e = r->entry;
    if (strcmp(e->rule, "blocked") == 0 || strcmp(e->rule, "size") == 0) {
        return refuse(r->reason, "what was %s holds no figures", e->rule);
    }
    if (r->take.series->last_good > e->last_at) {
        return refuse(r->reason, "the source has said otherwise since: its newer figures stand");
    }
    int rc = take_old_pages(&r->take, e->first_at, &e->body_sha256, &r->pages);
    if (rc != 0) {
        return refuse(r->reason, "its body cannot be read from the archive: %s",
                      chiso_strerror(rc));
    }
    rc = take_begin(&r->take);
    if (rc == 0) {
        reader_table_t table;
        rc = take_read(&r->take, &table);
        if (rc == 0) {
            rc = take_table(r, &table);
            reader_free(&table);
        }
    }
    return rc;
}

/* ---- */

int release_entry(intake_t *in, const schedule_t *schedule, uint64_t number, const char *by,
                  char reason[RELEASE_REASON_SIZE], bool *appended)
{
    release_t r = {.take = {.in = in, .trace = trace_new()}, .reason = reason};
    series_t *own = NULL;
    quarantine_in_t found;
    *appended = false;
    store_txn_t *txn = store_read(in->store);
    bool known = quarantine_get(txn, number, &found);
    store_abort(&txn);
    if (!known) {
        return CHISO_E_NOT_FOUND;
    }
    r.entry = found.entry;
    int rc =
        schedule_borrow(schedule, found.entry->source, found.entry->series, &r.take.series, &own);
    if (rc == CHISO_E_NOT_FOUND) {
        rc = refuse(reason, "no source '%.60s' is configured that has the series",
                    found.entry->source);
    }
    if (rc == 0) {
        r.take.now = found.entry->first_at;
        r.take.txn = store_write(in->store);
        rc = take_entry(&r);
        if (rc == 0) {
            r.take.now = clock_wall_ms();
            quarantine_rule(r.take.txn, number, found.entry, CHISO__V1__RULING__VERDICT__RELEASED,
                            r.take.now, by, NULL);
            series_forget_answer(r.take.series);
            r.take.series->next_due = r.take.now; /* what does the source say today? */
            intake_write_state(&r.take);
            rc = intake_finish(&r.take, appended);
        } else {
            store_abort(&r.take.txn);
            journal_settle(in->journal, false);
        }
        if (rc != 0) {
            intake_undo(r.take.series, in->store, rc);
        } else {
            log_info("released", "source", found.entry->source, "series", found.entry->series,
                     "number", LOG_INT(number), "by", by, TRACE_LOG(&r.take.trace), NULL);
        }
    }
    take_pages_free(&r.pages);
    take_free(&r.take);
    series_destroy(&own);
    quarantine_free(&found);
    return rc;
}

int release_drop(intake_t *in, uint64_t number, const char *by, const char *why)
{
    quarantine_in_t found;
    store_txn_t *txn = store_write(in->store);
    if (!quarantine_get(txn, number, &found)) {
        int rc = store_status(txn);
        store_abort(&txn);
        return rc != 0 ? rc : CHISO_E_NOT_FOUND;
    }
    quarantine_rule(txn, number, found.entry, CHISO__V1__RULING__VERDICT__DROPPED, clock_wall_ms(),
                    by, why);
    int rc = store_commit(&txn);
    if (rc == 0) {
        log_info("dropped", "source", found.entry->source, "series", found.entry->series, "number",
                 LOG_INT(number), "by", by, "reason", why, NULL);
    }
    quarantine_free(&found);
    return rc;
}
