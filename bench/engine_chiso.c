/* engine_chiso.c - see engine_chiso.h. The path of chiso-scorer's on_batch(), with its checkpoints
 * and its trimming, without its sockets. */
#include "engine_chiso.h"

#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PERIOD "2025"
#define SOURCE "bench"
#define T(s) ((char *)(uintptr_t)(s))
#define MAX_BATCH_BYTES (1U << 30)

static void write_indicator(FILE *f, unsigned i)
{
    int a;
    int b;
    char id[16];
    indicator_inputs(i, &a, &b);
    figure_id((unsigned)a, id);
    fprintf(f, "      - {code: \"1.%u\", title: \"Chỉ số %u\", max: \"2\", ", i + 1, i + 1);
    if (b < 0) {
        fprintf(f, "rule: {points: given}, inputs: {points: %s}}\n", id);
        return;
    }
    fprintf(f, "rule: {ratio: {of: [\"a\"], over: [\"b\"]}}, inputs: {a: %s, ", id);
    figure_id((unsigned)b, id);
    fprintf(f, "b: %s}}\n", id);
}

static void write_catalog(const char *folder)
{
    char path[512];
    char id[16];
    snprintf(path, sizeof path, "%s/figures", folder);
    mkdir(path, 0750);
    snprintf(path, sizeof path, "%s/figures/bench.yaml", folder);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        give_up("%s: cannot write", path);
    }
    fprintf(f, "format: \"1\"\nfigures:\n");
    for (unsigned i = 0; i < FIGURES; i++) {
        figure_id(i, id);
        fprintf(f, "  - {id: %s, title: \"Số liệu %u\", unit: \"hồ sơ\", kind: count, ", id, i);
        fprintf(f, "provider: machine}\n");
    }
    fclose(f);
    snprintf(path, sizeof path, "%s/bench.yaml", folder);
    f = fopen(path, "w");
    if (f == NULL) {
        give_up("%s: cannot write", path);
    }
    fprintf(f, "format: \"1\"\nindex: bench\ntitle: \"Bộ chỉ số đo tốc độ\"\ndecision: \"0/QĐ\"\n"
               "date: \"2025-01-01\"\nissuer: \"chiso\"\nlevels: [province, department, commune]\n"
               "periods: [year]\nmax: \"100\"\npillars:\n  - code: \"1\"\n    title: \"Tất cả\"\n"
               "    max: \"100\"\n    indicators:\n");
    for (unsigned i = 0; i < INDICATORS; i++) {
        write_indicator(f, i);
    }
    fclose(f);
}

static void open_store(scorer_bench_t *b)
{
    char path[512];
    char reason[256] = "";
    bool changed;
    snprintf(path, sizeof path, "%s/store", b->folder);
    store_options_t options = {.tables = scorer_tables, .map_size = 24ULL << 30};
    journal_options_t journal = {.records = SCORER_JOURNAL};
    if (store_open(path, &options, reason, &b->store) != 0) {
        give_up("%s", reason);
    }
    state_init(&b->state, b->catalog);
    if (journal_open(b->store, &journal, &b->journal) != 0 ||
        checkpoint_new(b->store, b->journal, &b->state, &b->checkpoint) != 0 ||
        score_init(&b->score, &b->state, b->journal) != 0) {
        give_up("%s: cannot open the journal", path);
    }
    b->score.dirty_result = checkpoint_dirty_result;
    b->score.dirty_ranking = checkpoint_dirty_ranking;
    b->score.context = b->checkpoint;
    int rc = checkpoint_recover(b->checkpoint, &changed);
    if (rc == 0 && journal_head(b->journal) == 0) {
        rc = checkpoint_stamp(b->checkpoint);
    }
    if (rc == 0) {
        rc = committer_start(b->store, &b->committer);
    }
    if (rc != 0) {
        give_up("%s: %s", path, chiso_strerror(rc));
    }
}

scorer_bench_t *scorer_bench_open(const char *folder, const nation_t *nation)
{
    scorer_bench_t *b = calloc(1, sizeof *b);
    char path[512];
    if (b == NULL) {
        give_up("out of memory");
    }
    b->folder = strdup(folder);
    b->nation = nation;
    for (unsigned i = 0; i < TURNS; i++) {
        b->turns[i].packed = (buffer_t)BUFFER_INIT(MAX_BATCH_BYTES);
    }
    b->next_seq = 1;
    b->more = true;
    mkdir(folder, 0750);
    write_catalog(folder);
    snprintf(path, sizeof path, "%s/bench.yaml", folder);
    const char *file = path;
    if (catalog_load(&file, 1, stderr, &b->catalog) != 0) {
        give_up("%s: cannot be used", path);
    }
    open_store(b);
    return b;
}

void scorer_bench_close(scorer_bench_t *b)
{
    committer_stop(&b->committer);
    score_free(&b->score);
    checkpoint_destroy(&b->checkpoint);
    state_free(&b->state);
    journal_close(&b->journal);
    store_close(&b->store);
    catalog_destroy(&b->catalog);
    for (unsigned i = 0; i < TURNS; i++) {
        buffer_free(&b->turns[i].packed);
        free(b->turns[i].events);
    }
    free(b->folder);
    free(b);
}

/* ---- a batch ---- */

static void pack_reading(const scorer_bench_t *b, const change_t *c, size_t n, buffer_t *out)
{
    static uint8_t hash[SHA256_SIZE];
    event_figure_t figures[FIGURES];
    event_figure_t *list[FIGURES];
    char ids[FIGURES][16];
    char values[FIGURES][DECIMAL_TEXT_SIZE];
    const place_t *place = &b->nation->units[c->unit];
    event_unit_t unit = CHISO__V1__UNIT__INIT;
    event_reading_t reading = CHISO__V1__READING__INIT;
    unit.code = T(place->code);
    unit.parent = *place->parent != '\0' ? T(place->parent) : NULL;
    unit.name = T(place->name);
    unit.level = place->level == LEVEL_PROVINCE  ? CHISO__V1__LEVEL__PROVINCE
                 : place->level == LEVEL_COMMUNE ? CHISO__V1__LEVEL__COMMUNE
                                                 : CHISO__V1__LEVEL__DEPARTMENT;
    reading.unit = &unit;
    reading.period = T(PERIOD);
    reading.figures = list;
    reading.n_figures = n;
    be64_put(hash, (uint64_t)c->at); /* one body a report */
    for (size_t i = 0; i < n; i++) {
        list[i] = &figures[i];
        chiso__v1__figure__init(&figures[i]);
        figure_id(c[i].figure, ids[i]);
        figures[i].id = ids[i];
        figures[i].value = T(decimal_format((decimal_t){.micro = c[i].value}, values[i]));
        figures[i].source = T(SOURCE);
        figures[i].series = *place->parent != '\0' ? T(place->parent) : T("nation");
        figures[i].fetched_at = c[i].at;
        figures[i].revision = c[i].revision;
        figures[i].raw_sha256 = (ProtobufCBinaryData){SHA256_SIZE, hash};
    }
    event_put_reading(&reading, out);
}

void scorer_bench_pack(scorer_bench_t *b, unsigned turn, const change_t *changes, size_t n)
{
    buffer_t *packed = &b->turns[turn].packed;
    buffer_clear(packed);
    if (b->turns[turn].cap_events < n) {
        free(b->turns[turn].events);
        b->turns[turn].events = calloc(n, sizeof *b->turns[turn].events);
        b->turns[turn].cap_events = n;
    }
    bytes_t *events = b->turns[turn].events;
    size_t n_events = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && end - i < FIGURES && changes[end].at == changes[i].at) {
            end++;
        }
        size_t before = packed->len;
        pack_reading(b, changes + i, end - i, packed);
        /* the buffer may still move: lengths first */
        events[n_events++].len = packed->len - before;
        i = end;
    }
    if (packed->failed || events == NULL) {
        give_up("out of memory");
    }
    const uint8_t *at = packed->data;
    for (size_t i = 0; i < n_events; i++) {
        events[i].data = at;
        at += events[i].len;
    }
    b->turns[turn].n_events = n_events;
}

static void settle(scorer_bench_t *b, int rc, uint64_t durable)
{
    if (rc != 0) {
        give_up("the store failed: %s, %s", chiso_strerror(rc), store_reason(b->store));
    }
    if (durable > 0) {
        journal_settle_to(b->journal, durable);
    }
}

void scorer_bench_finish(scorer_bench_t *b)
{
    uint64_t durable;
    int rc = committer_drain(b->committer, &durable);
    settle(b, rc, durable);
}

/* To the committer, with what came of those before. */
static void give(scorer_bench_t *b, store_txn_t *txn)
{
    int rc = committer_give(b->committer, &txn, journal_seal(b->journal, txn));
    uint64_t durable = 0;
    int before = committer_poll(b->committer, &durable);
    settle(b, rc != 0 ? rc : before, durable);
}

void scorer_bench_apply(scorer_bench_t *b, unsigned turn)
{
    if (!store_has_room(b->store)) {
        give_up("the store is full");
    }
    size_t n = b->turns[turn].n_events;
    store_txn_t *txn = committer_note(b->committer);
    batch_apply(&b->score, txn, 1, b->next_seq, b->turns[turn].events, n, b->more);
    if (!b->no_checkpoint) {
        uint64_t floor = checkpoint_floor(b->checkpoint);
        double start = seconds();
        b->checkpointing =
            checkpoint_keep_up(b->checkpoint, txn) || checkpoint_floor(b->checkpoint) != floor;
        b->checkpoint_s = seconds() - start;
    }
    if (!b->no_checkpoint && journal_trim_due(b->journal)) {
        journal_trim(b->journal, txn, checkpoint_floor(b->checkpoint), BATCH_TRIM(n));
    }
    b->next_seq += n;
    give(b, txn);
}

void scorer_bench_checkpoint(scorer_bench_t *b)
{
    bool more = true;
    while (more) {
        store_txn_t *txn = committer_note(b->committer);
        more = checkpoint_step(b->checkpoint, txn, true);
        give(b, txn);
    }
    scorer_bench_finish(b);
}

/* ---- as a contestant ---- */

static void *open_engine(const char *folder, const nation_t *nation, const change_t *first,
                         size_t n)
{
    scorer_bench_t *b = scorer_bench_open(folder, nation);
    for (size_t i = 0; i < n; i += FIGURES) {
        scorer_bench_pack(b, 0, first + i, FIGURES);
        scorer_bench_apply(b, 0);
    }
    scorer_bench_finish(b);
    return b;
}

static void prepare(void *engine, unsigned turn, const change_t *changes, size_t n)
{
    scorer_bench_pack(engine, turn, changes, n);
}

static void batch(void *engine, unsigned turn, const change_t *changes, size_t n, int grouped)
{
    (void)changes;
    (void)n;
    (void)grouped;
    scorer_bench_apply(engine, turn);
}

static void finish(void *engine)
{
    scorer_bench_finish(engine);
}

static void totals(void *engine, int64_t *out)
{
    scorer_bench_t *b = engine;
    const catalog_index_t *index = catalog_at(b->catalog, 0);
    for (unsigned i = 0; i < b->nation->n; i++) {
        const result_t *r = state_find(&b->state, index, PERIOD, b->nation->units[i].code);
        out[i] = r != NULL ? (int64_t)r->points.micro : -1;
    }
}

static void close_engine(void *engine)
{
    scorer_bench_close(engine);
}

const engine_t engine_chiso = {
    .name = "chiso",
    .title = "chiso's scorer",
    .open = open_engine,
    .prepare = prepare,
    .batch = batch,
    .finish = finish,
    .totals = totals,
    .close = close_engine,
};
