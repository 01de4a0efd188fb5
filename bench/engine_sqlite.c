/* engine_sqlite.c - SQLite in WAL mode with synchronous=FULL, in two layouts: a packed record per
 * unit, and a row for each figure, indicator and total. Both keep the nation in memory and write
 * only; ranks are counted for the units that changed, once a batch. */
#include "book.h"
#include "engine.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEGIN, COMMIT, RECORD, FIGURE, INDICATOR, TOTAL, OUTBOX, META, STATEMENTS };
static const char *const texts[STATEMENTS] = {
    "BEGIN",
    "COMMIT",
    "INSERT OR REPLACE INTO unit VALUES (?1, ?2)",
    "INSERT OR REPLACE INTO figure VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    "INSERT OR REPLACE INTO indicator VALUES (?1, ?2, ?3)",
    "INSERT OR REPLACE INTO total VALUES (?1, ?2, ?3)",
    "INSERT INTO outbox (body) VALUES (?1)",
    "INSERT OR REPLACE INTO meta VALUES (1, ?1)",
};
static const char schema[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-200000;"
    "CREATE TABLE unit (id INTEGER PRIMARY KEY, record BLOB);"
    "CREATE TABLE figure (unit INT, figure INT, value INT, at INT, revision INT, sha256 BLOB,"
    "  PRIMARY KEY (unit, figure)) WITHOUT ROWID;"
    "CREATE TABLE indicator (unit INT, indicator INT, points INT, PRIMARY KEY (unit, indicator))"
    "  WITHOUT ROWID;"
    "CREATE TABLE total (unit INTEGER PRIMARY KEY, points INT, rank INT);"
    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY, body BLOB);"
    "CREATE TABLE meta (id INTEGER PRIMARY KEY, position INT);";

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    book_t book;
    bool rows;
    int64_t position;
} lite_t;

static void run(lite_t *l, int which)
{
    sqlite3_stmt *s = l->statements[which];
    if (sqlite3_step(s) != SQLITE_DONE || sqlite3_reset(s) != SQLITE_OK) {
        give_up("sqlite: %s: %s", texts[which], sqlite3_errmsg(l->db));
    }
}

static void *open_layout(const char *folder, const nation_t *nation, bool rows)
{
    lite_t *l = calloc(1, sizeof *l);
    char path[512];
    char *error = NULL;
    snprintf(path, sizeof path, "%s.sqlite", folder);
    l->rows = rows;
    book_init(&l->book, nation);
    if (sqlite3_open(path, &l->db) != SQLITE_OK ||
        sqlite3_exec(l->db, schema, NULL, NULL, &error) != SQLITE_OK) {
        give_up("%s: %s", path, error != NULL ? error : sqlite3_errmsg(l->db));
    }
    for (int i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v2(l->db, texts[i], -1, &l->statements[i], NULL) != SQLITE_OK) {
            give_up("sqlite: %s: %s", texts[i], sqlite3_errmsg(l->db));
        }
    }
    return l;
}

static void put_indicator(void *context, uint32_t unit, unsigned indicator, int64_t points)
{
    lite_t *l = context;
    sqlite3_stmt *s = l->statements[INDICATOR];
    sqlite3_bind_int64(s, 1, unit);
    sqlite3_bind_int64(s, 2, indicator);
    sqlite3_bind_int64(s, 3, points);
    run(l, INDICATOR);
}

static void put_figure(lite_t *l, const change_t *c)
{
    sqlite3_stmt *s = l->statements[FIGURE];
    sqlite3_bind_int64(s, 1, c->unit);
    sqlite3_bind_int64(s, 2, c->figure);
    sqlite3_bind_int64(s, 3, c->value);
    sqlite3_bind_int64(s, 4, c->at);
    sqlite3_bind_int64(s, 5, c->revision);
    sqlite3_bind_blob(s, 6, l->book.pages[c->unit].sha256[c->figure], 32, SQLITE_STATIC);
    run(l, FIGURE);
}

/* The event: as many bytes as chiso's, of which the texts do not change. */
static void put_revision(lite_t *l, const change_t *c, size_t n, uint32_t rank)
{
    uint8_t body[4096] = {0};
    page_t *p = &l->book.pages[c->unit];
    p->unit_revision++;
    size_t len = 160;
    memcpy(body, &p->total, sizeof p->total);
    memcpy(body + 8, &rank, sizeof rank);
    memcpy(body + 12, &p->unit_revision, sizeof p->unit_revision);
    for (size_t i = 0; i < n; i++, len += 110) {
        memcpy(body + len, &c[i], sizeof c[i]);
    }
    sqlite3_stmt *s = l->statements[OUTBOX];
    sqlite3_bind_blob(s, 1, body, (int)len, SQLITE_TRANSIENT);
    run(l, OUTBOX);
    if (l->rows) {
        s = l->statements[TOTAL];
        sqlite3_bind_int64(s, 1, c->unit);
        sqlite3_bind_int64(s, 2, p->total);
        sqlite3_bind_int64(s, 3, rank);
        run(l, TOTAL);
        return;
    }
    s = l->statements[RECORD];
    sqlite3_bind_int64(s, 1, c->unit);
    sqlite3_bind_blob(s, 2, p, (int)sizeof *p, SQLITE_STATIC);
    run(l, RECORD);
}

static void batch(void *engine, unsigned turn, const change_t *changes, size_t n, int grouped)
{
    lite_t *l = engine;
    (void)turn;
    (void)grouped;
    run(l, BEGIN);
    for (size_t i = 0; i < n; i++) {
        book_apply(&l->book, &changes[i], l->rows ? put_indicator : NULL, l);
        if (l->rows) {
            put_figure(l, &changes[i]);
        }
    }
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && changes[end].at == changes[i].at && end - i < REPORT) {
            end++;
        }
        put_revision(l, changes + i, end - i, book_rank(&l->book, changes[i].unit));
        i = end;
    }
    l->position += (int64_t)n;
    sqlite3_bind_int64(l->statements[META], 1, l->position);
    run(l, META);
    run(l, COMMIT);
}

static void load(lite_t *l, const change_t *first, size_t n)
{
    for (size_t i = 0; i < n; i += FIGURES) {
        batch(l, 0, first + i, FIGURES, 1);
    }
}

static void *open_records(const char *folder, const nation_t *nation, const change_t *first,
                          size_t n)
{
    lite_t *l = open_layout(folder, nation, false);
    load(l, first, n);
    return l;
}

static void *open_rows(const char *folder, const nation_t *nation, const change_t *first, size_t n)
{
    lite_t *l = open_layout(folder, nation, true);
    load(l, first, n);
    return l;
}

static void totals(void *engine, int64_t *out)
{
    lite_t *l = engine;
    for (unsigned u = 0; u < l->book.nation->n; u++) {
        out[u] = l->book.pages[u].total;
    }
}

static void close_engine(void *engine)
{
    lite_t *l = engine;
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(l->statements[i]);
    }
    sqlite3_close(l->db);
    book_free(&l->book);
    free(l);
}

const engine_t engine_sqlite = {
    .name = "sqlite",
    .title = "SQLite, a record per unit",
    .open = open_records,
    .batch = batch,
    .totals = totals,
    .close = close_engine,
};
const engine_t engine_sqlite_rows = {
    .name = "sqlite-rows",
    .title = "SQLite, a row per figure and indicator",
    .open = open_rows,
    .batch = batch,
    .totals = totals,
    .close = close_engine,
};
