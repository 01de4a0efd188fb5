/* test_score_random.c - thousands of random readings: what was worked out step by step, and through
 * kills, is what a recomputation from nothing gives, bit for bit. */
#include "score_rig.h"

#include <sys/stat.h>

static const char *const catalogs[] = {TEST_ROOT "/catalogs/dvc-766.yaml",
                                       TEST_ROOT "/catalogs/vl-province-2025.yaml",
                                       TEST_ROOT "/catalogs/hp-par-2025.yaml"};
#define CATALOGS 3

/* A fixed sequence, whatever the libc. */
static uint64_t seed;

static uint32_t dice(uint32_t bound)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % bound;
}

/* ---- the world: units, figures, and what was last read of each ---- */

#define PROVINCES 12
#define COMMUNES 60
#define UNITS (PROVINCES + COMMUNES)
#define PERIODS 2
#define MAX_FIGURES 512

static char codes[UNITS][8];
static char names[UNITS][16];
static unit_t units[UNITS];
static const char *const periods[PERIODS] = {"2025", "2025-10"};
static const char *figures[MAX_FIGURES]; /* of all catalogs, the dictionary first */
static catalog_kind_t kinds[MAX_FIGURES];
static unsigned n_figures;

typedef struct {
    char value[DECIMAL_TEXT_SIZE];
    uint32_t revision;
    int64_t fetched_at;
} last_t;
static last_t last[UNITS][PERIODS][MAX_FIGURES];
static int64_t now_ms;

static void add_figure(const catalog_figure_t *figure)
{
    for (unsigned i = 0; i < n_figures; i++) {
        if (strcmp(figures[i], figure->id) == 0) {
            return;
        }
    }
    assert_true(n_figures < MAX_FIGURES);
    kinds[n_figures] = figure->kind;
    figures[n_figures++] = figure->id;
}

static void make_world(const catalog_t *catalog, uint64_t with_seed)
{
    seed = with_seed;
    now_ms = 1000;
    memset(last, 0, sizeof last);
    n_figures = 0;
    for (int own = 0; own < 2; own++) {
        for (unsigned c = 0; c < catalog_count(catalog); c++) {
            const catalog_index_t *index = catalog_at(catalog, c);
            for (unsigned k = 0; k < index->n_figures; k++) {
                if ((index->figures[k]->index != NULL) == (own == 1)) {
                    add_figure(index->figures[k]);
                }
            }
        }
    }
    assert_true(n_figures > 20);
    for (unsigned i = 0; i < UNITS; i++) {
        bool province = i < PROVINCES;
        snprintf(codes[i], sizeof codes[i], province ? "%02u" : "%05u", province ? i : 10000 + i);
        snprintf(names[i], sizeof names[i], "Đơn vị %u", i);
        units[i] = (unit_t){codes[i], province ? NULL : codes[i % 4], names[i],
                            province ? CHISO__V1__LEVEL__PROVINCE : CHISO__V1__LEVEL__COMMUNE};
    }
}

static void random_value(catalog_kind_t kind, char out[DECIMAL_TEXT_SIZE])
{
    if (kind == CATALOG_OPTION || kind == CATALOG_YES_NO) { /* now and then one that cannot be */
        snprintf(out, DECIMAL_TEXT_SIZE, "%u",
                 dice(kind == CATALOG_OPTION || dice(9) == 0 ? 5 : 2));
        return;
    }
    switch (dice(12)) {
    case 0:
        snprintf(out, DECIMAL_TEXT_SIZE, "0");
        break;
    case 1:
        snprintf(out, DECIMAL_TEXT_SIZE, "%u", 1 + dice(30)); /* many ties */
        break;
    case 2:
        snprintf(out, DECIMAL_TEXT_SIZE, "-%u.5", dice(3));
        break;
    case 3:
        snprintf(out, DECIMAL_TEXT_SIZE, "%u%09u.%06u", 1 + dice(99999999), dice(1000000000),
                 dice(1000000));
        break;
    default:
        snprintf(out, DECIMAL_TEXT_SIZE, "%u.%02u", dice(22), dice(100));
        break;
    }
}

/* One reading of some figures of a unit; canonical values, as ingest writes them. */
typedef struct {
    unsigned unit, period, n;
    unsigned figure[8];
    char value[8][DECIMAL_TEXT_SIZE];
    uint32_t revision[8];
    int64_t fetched_at;
} step_t;

static void random_step(step_t *s)
{
    *s = (step_t){.unit = dice(UNITS), .period = dice(PERIODS), .fetched_at = ++now_ms};
    unsigned want = 1 + dice(8);
    for (unsigned i = 0; i < want; i++) {
        /* near the start are the figures of the 766 board */
        unsigned f = dice(3) == 0 ? dice(n_figures) : dice(n_figures < 12 ? n_figures : 12);
        bool again = false;
        for (unsigned k = 0; k < s->n; k++) {
            again = again || s->figure[k] == f;
        }
        if (again) {
            continue;
        }
        last_t *l = &last[s->unit][s->period][f];
        char text[DECIMAL_TEXT_SIZE];
        decimal_t value;
        random_value(kinds[f], text);
        assert_int_equal(decimal_parse(text, strlen(text), &value), 0);
        s->figure[s->n] = f;
        decimal_format(value, s->value[s->n]);
        s->revision[s->n] = ++l->revision;
        memcpy(l->value, s->value[s->n], sizeof l->value);
        l->fetched_at = s->fetched_at;
        s->n++;
    }
}

static void take(rig_t *rig, const step_t *s)
{
    fig_t list[8];
    for (unsigned i = 0; i < s->n; i++) {
        list[i] = (fig_t){figures[s->figure[i]], s->value[i], s->revision[i], s->fetched_at};
    }
    rig_read(rig, &units[s->unit], periods[s->period], list, s->n);
}

/* ---- from nothing: the way of chiso verify ---- */

static void recompute(state_t *out, const catalog_t *catalog)
{
    uint8_t hash[SHA256_SIZE] = {1};
    state_init(out, catalog);
    for (unsigned u = 0; u < UNITS; u++) {
        event_unit_t unit = CHISO__V1__UNIT__INIT;
        unit.code = T(units[u].code);
        unit.parent = T(units[u].parent);
        unit.name = T(units[u].name);
        unit.level = units[u].level;
        for (unsigned p = 0; p < PERIODS; p++) {
            for (unsigned f = 0; f < n_figures; f++) {
                const last_t *l = &last[u][p][f];
                for (unsigned c = 0; l->revision > 0 && c < catalog_count(catalog); c++) {
                    const catalog_index_t *index = catalog_at(catalog, c);
                    if (!catalog_has_level(index, (int)unit.level) ||
                        !catalog_has_period(index, periods[p])) {
                        continue;
                    }
                    int slot = catalog_figure_place(index, figures[f]);
                    if (slot >= 0) {
                        result_t *r = state_result(out, index, periods[p], &unit);
                        event_figure_t from = CHISO__V1__FIGURE__INIT;
                        from.id = T(figures[f]);
                        from.value = T(l->value);
                        from.source = T("dvc-766");
                        from.series = T("s");
                        from.fetched_at = l->fetched_at;
                        from.revision = l->revision;
                        from.raw_sha256 = (ProtobufCBinaryData){SHA256_SIZE, hash};
                        assert_int_equal(state_take_figure(out, &from, r, (unsigned)slot), 0);
                        r->as_of = l->fetched_at > r->as_of ? l->fetched_at : r->as_of;
                    }
                }
            }
        }
    }
    for (size_t i = 0; i < out->n_results; i++) {
        score_evaluate(out->results[i], NULL);
    }
    for (size_t i = 0; i < out->n_rankings; i++) {
        ranking_t *ranking = out->rankings[i];
        uint32_t *ranks = calloc(ranking->n_members + 1, sizeof *ranks);
        rank_all(ranking, ranks);
        for (unsigned k = 0; k < ranking->n_members; k++) {
            result_t *r = ranking->members[k];
            r->rank = ranking == r->local ? ranks[k] : r->rank;
            r->nation_rank = ranking == r->nation ? ranks[k] : r->nation_rank;
        }
        free(ranks);
    }
}

static void compare_with_nothing(rig_t *rig)
{
    state_t computed;
    recompute(&computed, rig->catalog);
    rig_same(&computed, &rig->state, true);
    state_free(&computed);
}

#define STEPS 4000

static void test_incremental(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 2; round++) {
        rig_t *rig = rig_new(catalogs, CATALOGS);
        make_world(rig->catalog, round);
        for (unsigned i = 0; i < STEPS;) {
            for (unsigned batch = 1 + dice(64); batch > 0 && i < STEPS; batch--, i++) {
                step_t s;
                random_step(&s);
                take(rig, &s);
            }
            rig_commit(rig);
            if (dice(16) == 0) {
                compare_with_nothing(rig);
            }
        }
        compare_with_nothing(rig);
        assert_true(rig->state.n_results > UNITS);
        rig_free(rig);
    }
}

/* Any order of the units, each one's own readings in theirs. */
static void test_order(void **state)
{
    (void)state;
    enum { N = 1500 };
    step_t *steps = calloc(N, sizeof *steps);
    assert_non_null(steps);
    rig_t *rig = rig_new(catalogs, CATALOGS);
    make_world(rig->catalog, 77);
    for (unsigned i = 0; i < N; i++) {
        random_step(&steps[i]);
        take(rig, &steps[i]);
        if (dice(20) == 0) {
            rig_commit(rig);
        }
    }
    rig_commit(rig);
    rig_t *other = rig_new(catalogs, CATALOGS);
    for (unsigned u = UNITS; u-- > 0;) { /* the last unit first, all of its readings */
        for (unsigned i = 0; i < N; i++) {
            if (steps[i].unit == u) {
                take(other, &steps[i]);
            }
        }
        if (u % 7 == 0) {
            rig_commit(other);
        }
    }
    rig_commit(other);
    compare_with_nothing(other);
    /* the indexes are not the same objects: compare through one recomputation each */
    compare_with_nothing(rig);
    rig_free(rig);
    rig_free(other);
    free(steps);
}

/* ---- kills ---- */

/* Everything recover() must give, kept from before the kill. */
typedef struct {
    buffer_t *results, *rankings;
    size_t n_results, n_rankings;
} memory_t;

static int compare_buffers(const void *a, const void *b)
{
    const buffer_t *x = a;
    const buffer_t *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->data, y->data, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static void remember(const state_t *state, memory_t *out)
{
    out->n_results = state->n_results;
    out->n_rankings = state->n_rankings;
    out->results = calloc(state->n_results + 1, sizeof *out->results);
    out->rankings = calloc(state->n_rankings + 1, sizeof *out->rankings);
    for (size_t i = 0; i < state->n_results; i++) {
        out->results[i] = (buffer_t)BUFFER_INIT(EVENT_MAX_BYTES);
        rig_bytes(state->results[i], false, &out->results[i]);
    }
    for (size_t i = 0; i < state->n_rankings; i++) {
        out->rankings[i] = (buffer_t)BUFFER_INIT(EVENT_MAX_BYTES);
        state_put_ranking(state->rankings[i], NULL, 0, &out->rankings[i]);
    }
    qsort(out->results, out->n_results, sizeof *out->results, compare_buffers);
    qsort(out->rankings, out->n_rankings, sizeof *out->rankings, compare_buffers);
}

static void forget(memory_t *m)
{
    for (size_t i = 0; i < m->n_results; i++) {
        buffer_free(&m->results[i]);
    }
    for (size_t i = 0; i < m->n_rankings; i++) {
        buffer_free(&m->rankings[i]);
    }
    free(m->results);
    free(m->rankings);
}

static void expect(const state_t *state, const memory_t *want)
{
    memory_t have;
    remember(state, &have);
    assert_int_equal(have.n_results, want->n_results);
    assert_int_equal(have.n_rankings, want->n_rankings);
    for (size_t i = 0; i < have.n_results; i++) {
        assert_int_equal(compare_buffers(&have.results[i], &want->results[i]), 0);
    }
    for (size_t i = 0; i < have.n_rankings; i++) {
        assert_int_equal(compare_buffers(&have.rankings[i], &want->rankings[i]), 0);
    }
    forget(&have);
}

/* One commit with a slice of the checkpoint in it, as the service does. */
static bool checkpoint_slice(rig_t *rig, bool force)
{
    store_txn_t *txn = store_write(rig->store);
    bool more = checkpoint_step(rig->checkpoint, txn, force);
    journal_seal(rig->journal, txn);
    assert_int_equal(store_commit(&txn), 0);
    journal_settle(rig->journal, true);
    return more;
}

/* The stored records, key and value, as one hash. */
static void fingerprint(rig_t *rig, uint8_t out[SHA256_SIZE])
{
    static const store_table_t tables[] = {SCORER_RESULTS, SCORER_RANKINGS, SCORER_HISTORY};
    buffer_t all = BUFFER_INIT(256 << 20);
    store_txn_t *txn = store_read(rig->store);
    for (int t = 0; t < 3; t++) {
        store_cursor_t *c;
        bytes_t k;
        bytes_t v;
        bool more = store_seek(txn, tables[t], bytes_of(NULL, 0), &c, &k, &v);
        for (; more; more = store_next(c, &k, &v)) {
            buffer_append(&all, k.data, k.len);
            buffer_append(&all, v.data, v.len);
        }
        store_cursor_close(&c);
    }
    store_abort(&txn);
    assert_false(all.failed);
    assert_true(all.len > 10000);
    sha256(buffer_bytes(&all), out);
    buffer_free(&all);
}

/* Runs the same readings with kills of one kind or none, and gives what is stored in the end. */
static void run(unsigned one_kill_in, uint8_t out[SHA256_SIZE])
{
    enum { BATCHES = 160 };
    rig_t *rig = rig_new(catalogs, CATALOGS);
    make_world(rig->catalog, 4711);
    uint64_t kill_seed = 99;
    for (unsigned i = 0; i < BATCHES; i++) {
        step_t steps[12];
        unsigned n = 1 + dice(12);
        for (unsigned k = 0; k < n; k++) {
            random_step(&steps[k]);
        }
        kill_seed = kill_seed * 6364136223846793005ULL + 1;
        unsigned fate = one_kill_in > 0 ? (unsigned)(kill_seed >> 33) % one_kill_in : UINT32_MAX;
        if (fate == 0) { /* killed in mid-transaction: nothing of it was */
            memory_t before;
            remember(&rig->state, &before);
            for (unsigned k = 0; k < n; k++) {
                take(rig, &steps[k]);
            }
            score_settle(&rig->score, rig->txn);
            rig_abandon(rig);
            rig_open(rig);
            expect(&rig->state, &before);
            forget(&before);
        }
        for (unsigned k = 0; k < n; k++) {
            take(rig, &steps[k]);
        }
        rig_commit(rig);
        bool slices = i % 9 == 8;
        while (slices && checkpoint_slice(rig, true)) {
            if (fate == 1) {
                break; /* killed between two slices */
            }
        }
        if (fate <= 1 || fate == 2) {
            memory_t before;
            remember(&rig->state, &before);
            rig_abandon(rig);
            rig_open(rig);
            assert_false(rig->catalog_changed);
            expect(&rig->state, &before);
            forget(&before);
        }
    }
    compare_with_nothing(rig);
    while (checkpoint_slice(rig, true)) {
    }
    fingerprint(rig, out);
    rig_free(rig);
}

static void test_kills(void **state)
{
    (void)state;
    uint8_t calm[SHA256_SIZE];
    uint8_t always[SHA256_SIZE];
    uint8_t sometimes[SHA256_SIZE];
    run(0, calm);
    run(2, always); /* after every batch */
    run(7, sometimes);
    assert_memory_equal(calm, always, SHA256_SIZE);
    assert_memory_equal(calm, sometimes, SHA256_SIZE);
}

/* A checkpoint of several slices, killed after each of them while readings go on. */
static void test_slices(void **state)
{
    (void)state;
    static const char *const only[] = {TEST_ROOT "/catalogs/dvc-766.yaml"};
    for (unsigned kill_after = 0; kill_after < 6; kill_after++) {
        rig_t *rig = rig_new(only, 1);
        rig->no_step = true;
        enum { MANY = 3 * CHECKPOINT_SLICE + 10 };
        for (unsigned i = 0; i < MANY; i++) {
            char code[8];
            char value[16];
            snprintf(code, sizeof code, "%05u", i);
            snprintf(value, sizeof value, "%u.%u", i % 18, i % 10);
            unit_t u = {code, "91", "Xã", CHISO__V1__LEVEL__COMMUNE};
            rig_read(rig, &u, "2025", &(fig_t){"dvc-766.ckmb", value, 1, 1000}, 1);
        }
        rig_commit(rig);
        bool more = true;
        for (unsigned slice = 0; slice < kill_after && more; slice++) {
            more = checkpoint_slice(rig, true);
            char code[8];
            snprintf(code, sizeof code, "%05u", slice * 200); /* written already, or not yet */
            unit_t u = {code, "91", "Xã", CHISO__V1__LEVEL__COMMUNE};
            rig_read(rig, &u, "2025", &(fig_t){"dvc-766.ckmb", "17.5", 2, 2000 + slice}, 1);
            rig_commit(rig);
        }
        assert_int_equal(more, kill_after < 4);
        memory_t before;
        remember(&rig->state, &before);
        uint64_t floor = checkpoint_floor(rig->checkpoint);
        rig_abandon(rig);
        rig_open(rig);
        assert_int_equal(checkpoint_floor(rig->checkpoint), floor);
        assert_int_equal(floor > 1, kill_after >= 4);
        expect(&rig->state, &before);
        forget(&before);
        rig_free(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_incremental),
                                       cmocka_unit_test(test_order), cmocka_unit_test(test_kills),
                                       cmocka_unit_test(test_slices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
