/* engine_postgres.c - PostgreSQL over libpq, in three ways: prepared statements for each change,
 * pipelined, one transaction a batch; the batch as arrays, a few statements for all of it; and
 * everything worked out again by one query. The server is started by bench/run. Ranks are worked
 * out once a batch, for the units that changed. */
#include "engine.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { EACH, ARRAYS, FULL } way_t;

typedef struct {
    PGconn *db;
    way_t way;
    unsigned n_units;
    int64_t position;
    char *arrays[5]; /* unit, figure, value, at, revision as array texts */
    size_t cap;
} postgres_t;

#define POINTS                                                                                     \
    "CASE WHEN d.b IS NULL THEN fa.value WHEN fb.value IS NULL OR fb.value = 0 THEN 0 "            \
    "ELSE round(2 * least(fa.value, fb.value) / fb.value, 6) END"

static const char tables[] =
    "CREATE TABLE def (indicator int PRIMARY KEY, a int, b int);"
    "CREATE TABLE uses (figure int, indicator int, PRIMARY KEY (figure, indicator));"
    "CREATE TABLE unit (unit int PRIMARY KEY, level int);"
    "CREATE TABLE figure (unit int, figure int, value numeric, at bigint, revision int,"
    "  sha256 bytea, PRIMARY KEY (unit, figure)) WITH (fillfactor = 70);"
    "CREATE TABLE indicator (unit int, indicator int, points numeric,"
    "  PRIMARY KEY (unit, indicator)) WITH (fillfactor = 70);"
    "CREATE TABLE total (unit int PRIMARY KEY, level int, points numeric) WITH (fillfactor = 50);"
    "CREATE TABLE outbox (seq bigserial PRIMARY KEY, body text);"
    "CREATE TABLE meta (id int PRIMARY KEY, position bigint); INSERT INTO meta VALUES (1, 0);";

/* An indicator's change goes into the total as a difference. */
#define APPLY_TOUCHED                                                                              \
    "new AS (SELECT t.unit, t.indicator, " POINTS " AS points, i.points AS old FROM touched t "    \
    "  JOIN def d USING (indicator) JOIN figure fa ON fa.unit = t.unit AND fa.figure = d.a "       \
    "  LEFT JOIN figure fb ON fb.unit = t.unit AND fb.figure = d.b "                               \
    "  JOIN indicator i ON i.unit = t.unit AND i.indicator = t.indicator), "                       \
    "put AS (UPDATE indicator i SET points = n.points FROM new n "                                 \
    "  WHERE i.unit = n.unit AND i.indicator = n.indicator) "                                      \
    "UPDATE total s SET points = s.points + n.step "                                               \
    "  FROM (SELECT unit, sum(points - old) AS step FROM new GROUP BY unit) n "                    \
    "  WHERE s.unit = n.unit"

#define TELL                                                                                       \
    "ranked AS (SELECT unit, points, rank() OVER (PARTITION BY level ORDER BY points DESC) AS "    \
    "rank"                                                                                         \
    "  FROM total) "                                                                               \
    "INSERT INTO outbox (body) SELECT concat_ws(' ', r.unit, c.at, r.points, r.rank, "             \
    "  repeat('x', 160)) FROM changed c JOIN ranked r USING (unit)"

static const char *const statements[][2] = {
    {"figure", "INSERT INTO figure VALUES ($1::int, $2::int, $3::numeric / 1000000, $4::bigint, "
               "$5::int, decode(repeat('ab', 32), 'hex')) ON CONFLICT (unit, figure) DO UPDATE "
               "SET value = excluded.value, at = excluded.at, revision = excluded.revision, "
               "sha256 = excluded.sha256 WHERE figure.at < excluded.at"},
    {"touched", "WITH touched AS (SELECT $1::int AS unit, indicator FROM uses WHERE figure = "
                "$2::int), " APPLY_TOUCHED},
    {"figures", "INSERT INTO figure SELECT DISTINCT ON (u, f) u, f, v / 1000000, a, r, "
                "decode(repeat('ab', 32), 'hex') FROM unnest($1::int[], $2::int[], $3::numeric[], "
                "$4::bigint[], $5::int[]) AS x(u, f, v, a, r) ORDER BY u, f, a DESC "
                "ON CONFLICT (unit, figure) DO UPDATE SET value = excluded.value, "
                "at = excluded.at, revision = excluded.revision, sha256 = excluded.sha256 "
                "WHERE figure.at < excluded.at"},
    {"all_touched",
     "WITH touched AS (SELECT DISTINCT u AS unit, indicator FROM "
     "unnest($1::int[], $2::int[]) AS x(u, f) JOIN uses ON figure = f), " APPLY_TOUCHED},
    {"tell", "WITH changed AS (SELECT DISTINCT u AS unit, a AS at FROM "
             "unnest($1::int[], $2::bigint[]) AS x(u, a)), " TELL},
    {"position", "UPDATE meta SET position = $1::bigint"},
    {"full",
     "WITH scores AS (SELECT fa.unit, sum(" POINTS ") AS points FROM def d "
     "JOIN figure fa ON fa.figure = d.a LEFT JOIN figure fb ON fb.unit = fa.unit "
     "AND fb.figure = d.b GROUP BY fa.unit), "
     "ranked AS (SELECT unit, level, s.points, rank() OVER (PARTITION BY level "
     "ORDER BY s.points DESC) AS rank FROM scores s JOIN unit USING (unit)), "
     "moved AS (SELECT r.*, t.points AS old FROM ranked r JOIN total t USING (unit) "
     "WHERE r.points <> t.points), "
     "told AS (INSERT INTO outbox (body) SELECT concat_ws(' ', unit, $1::bigint, points, rank, "
     "repeat('x', 160)) FROM moved) "
     "UPDATE total t SET points = m.points FROM moved m WHERE m.unit = t.unit"},
};
#define N_STATEMENTS (sizeof statements / sizeof statements[0])

static void check(postgres_t *p, PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC) {
        give_up("postgresql: %s", r != NULL ? PQresultErrorMessage(r) : PQerrorMessage(p->db));
    }
    PQclear(r);
}

static void run(postgres_t *p, const char *sql)
{
    check(p, PQexec(p->db, sql));
}

static void send(postgres_t *p, const char *name, int n, const char *const *values)
{
    int ok = PQsendQueryPrepared(p->db, name, n, values, NULL, NULL, 0);
    if (ok != 1) {
        give_up("postgresql: %s", PQerrorMessage(p->db));
    }
}

/* One change each: the figure, then what it touches. */
static void send_changes(postgres_t *p, const change_t *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char unit[16];
        char figure[16];
        char value[24];
        char at[24];
        char revision[16];
        const char *values[] = {unit, figure, value, at, revision};
        snprintf(unit, sizeof unit, "%u", c[i].unit);
        snprintf(figure, sizeof figure, "%u", c[i].figure);
        snprintf(value, sizeof value, "%" PRId64, c[i].value);
        snprintf(at, sizeof at, "%" PRId64, c[i].at);
        snprintf(revision, sizeof revision, "%u", c[i].revision);
        send(p, "figure", 5, values);
        send(p, "touched", 2, values);
    }
}

static void make_arrays(postgres_t *p, const change_t *c, size_t n)
{
    if (p->cap < n) {
        for (int k = 0; k < 5; k++) {
            p->arrays[k] = realloc(p->arrays[k], n * 24 + 3);
        }
        p->cap = n;
    }
    size_t at[5] = {0};
    for (size_t i = 0; i < n; i++) {
        int64_t values[5] = {c[i].unit, c[i].figure, c[i].value, c[i].at, c[i].revision};
        for (int k = 0; k < 5; k++) {
            at[k] += (size_t)snprintf(p->arrays[k] + at[k], 24, "%c%" PRId64, i == 0 ? '{' : ',',
                                      values[k]);
        }
    }
    for (int k = 0; k < 5; k++) {
        memcpy(p->arrays[k] + at[k], "}", 2);
    }
}

static void finish_pipeline(postgres_t *p)
{
    if (PQpipelineSync(p->db) != 1) {
        give_up("postgresql: %s", PQerrorMessage(p->db));
    }
    for (bool synced = false; !synced;) {
        PGresult *r = PQgetResult(p->db);
        if (r == NULL) {
            continue; /* between two statements' results */
        }
        synced = PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        check(p, r);
    }
}

/* All statements up to the sync are one transaction. */
static void batch(void *engine, unsigned turn, const change_t *changes, size_t n, int grouped)
{
    postgres_t *p = engine;
    char position[24];
    char at[24];
    (void)turn;
    (void)grouped;
    make_arrays(p, changes, n);
    p->position += (int64_t)n;
    snprintf(position, sizeof position, "%" PRId64, p->position);
    snprintf(at, sizeof at, "%" PRId64, changes[n - 1].at);
    const char *const all[] = {p->arrays[0], p->arrays[1], p->arrays[2], p->arrays[3],
                               p->arrays[4]};
    const char *const changed[] = {p->arrays[0], p->arrays[3]};
    if (p->way == EACH) {
        send_changes(p, changes, n);
    } else {
        send(p, "figures", 5, all);
    }
    if (p->way == ARRAYS) {
        send(p, "all_touched", 2, all);
    }
    if (p->way == FULL) {
        send(p, "full", 1, (const char *const[]){at});
    } else {
        send(p, "tell", 2, changed);
    }
    send(p, "position", 1, (const char *const[]){position});
    finish_pipeline(p);
}

static void load(postgres_t *p, const nation_t *nation, const change_t *first, size_t n)
{
    char sql[256];
    for (unsigned i = 0; i < INDICATORS; i++) {
        int a;
        int b;
        indicator_inputs(i, &a, &b);
        if (b < 0) {
            snprintf(sql, sizeof sql, "INSERT INTO def VALUES (%u, %d, NULL)", i, a);
        } else {
            snprintf(sql, sizeof sql, "INSERT INTO def VALUES (%u, %d, %d)", i, a, b);
        }
        run(p, sql);
    }
    run(p, "INSERT INTO uses SELECT a, indicator FROM def UNION "
           "SELECT b, indicator FROM def WHERE b IS NOT NULL");
    run(p, "BEGIN");
    for (unsigned u = 0; u < nation->n; u++) {
        snprintf(sql, sizeof sql, "INSERT INTO unit VALUES (%u, %d)", u, nation->units[u].level);
        run(p, sql);
    }
    for (size_t i = 0; i < n; i += 4096) {
        size_t some = n - i < 4096 ? n - i : 4096;
        make_arrays(p, first + i, some);
        check(p,
              PQexecPrepared(p->db, "figures", 5, (const char *const *)p->arrays, NULL, NULL, 0));
    }
    run(p, "INSERT INTO indicator SELECT fa.unit, d.indicator, " POINTS " FROM def d "
           "JOIN figure fa ON fa.figure = d.a "
           "LEFT JOIN figure fb ON fb.unit = fa.unit AND fb.figure = d.b");
    run(p, "INSERT INTO total SELECT unit, level, sum(points) FROM indicator JOIN unit USING (unit)"
           " GROUP BY unit, level");
    run(p, "COMMIT");
    run(p, "ANALYZE");
}

static void *open_way(const char *name, way_t way, const nation_t *nation, const change_t *first,
                      size_t n)
{
    postgres_t *p = calloc(1, sizeof *p);
    char sql[128];
    p->way = way;
    p->n_units = nation->n;
    p->db = PQconnectdb("dbname=postgres"); /* the rest by PGHOST, PGUSER */
    if (PQstatus(p->db) != CONNECTION_OK) {
        give_up("postgresql: %s", PQerrorMessage(p->db));
    }
    run(p, "SET client_min_messages = warning");
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s; SET search_path = %s", name, name);
    run(p, sql);
    run(p, tables);
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        check(p, PQprepare(p->db, statements[i][0], statements[i][1], 0, NULL));
    }
    load(p, nation, first, n);
    if (PQenterPipelineMode(p->db) != 1) {
        give_up("postgresql: no pipeline");
    }
    return p;
}

static void *open_each(const char *folder, const nation_t *nation, const change_t *first, size_t n)
{
    (void)folder;
    return open_way("each", EACH, nation, first, n);
}

static void *open_arrays(const char *folder, const nation_t *nation, const change_t *first,
                         size_t n)
{
    (void)folder;
    return open_way("arrays", ARRAYS, nation, first, n);
}

static void *open_full(const char *folder, const nation_t *nation, const change_t *first, size_t n)
{
    (void)folder;
    return open_way("full_query", FULL, nation, first, n);
}

static void totals(void *engine, int64_t *out)
{
    postgres_t *p = engine;
    PQexitPipelineMode(p->db);
    PGresult *r = PQexec(p->db, "SELECT unit, (points * 1000000)::bigint FROM total");
    for (int i = 0; i < PQntuples(r); i++) {
        unsigned unit = (unsigned)strtoul(PQgetvalue(r, i, 0), NULL, 10);
        if (unit < p->n_units) {
            out[unit] = strtoll(PQgetvalue(r, i, 1), NULL, 10);
        }
    }
    check(p, r);
    PQenterPipelineMode(p->db);
}

static void close_engine(void *engine)
{
    postgres_t *p = engine;
    PQfinish(p->db);
    for (int k = 0; k < 5; k++) {
        free(p->arrays[k]);
    }
    free(p);
}

const engine_t engine_postgres = {
    .name = "postgres",
    .title = "PostgreSQL, each change, pipelined",
    .open = open_each,
    .batch = batch,
    .totals = totals,
    .close = close_engine,
};
const engine_t engine_postgres_arrays = {
    .name = "postgres-arrays",
    .title = "PostgreSQL, the batch as arrays",
    .open = open_arrays,
    .batch = batch,
    .totals = totals,
    .close = close_engine,
};
const engine_t engine_postgres_full = {
    .name = "postgres-full",
    .title = "PostgreSQL, all again each batch",
    .only_batch = 256,
    .open = open_full,
    .batch = batch,
    .totals = totals,
    .close = close_engine,
};
