/* score_world.h - a made-up country for the scorer: units, figures, random readings, what was last
 * read of each, and the results worked out from nothing.
 */
#ifndef CHISO_TESTS_SCORE_WORLD_H
#define CHISO_TESTS_SCORE_WORLD_H

#include "score_rig.h"

/* A fixed sequence, whatever the libc. */
static uint64_t seed;

static inline uint32_t dice(uint32_t bound)
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
static char names[UNITS][32];
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
static char read_names[UNITS][PERIODS][32]; /* of the last reading */
static int64_t now_ms;

static inline void add_figure(const catalog_figure_t *figure)
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

static inline void make_world(const catalog_t *catalog, uint64_t with_seed)
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

static inline void random_value(catalog_kind_t kind, char out[DECIMAL_TEXT_SIZE])
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
#define STEP_MOST 32
typedef struct {
    unsigned unit, period, n;
    unsigned figure[STEP_MOST];
    char value[STEP_MOST][DECIMAL_TEXT_SIZE];
    uint32_t revision[STEP_MOST];
    int64_t fetched_at;
} step_t;

static inline void random_step_of(step_t *s, unsigned most)
{
    *s = (step_t){.unit = dice(UNITS), .period = dice(PERIODS), .fetched_at = ++now_ms};
    unsigned want = 1 + dice(most);
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

static inline void random_step(step_t *s)
{
    random_step_of(s, 8);
}

static inline void take(rig_t *rig, const step_t *s)
{
    fig_t list[STEP_MOST];
    memcpy(read_names[s->unit][s->period], names[s->unit], sizeof names[s->unit]);
    for (unsigned i = 0; i < s->n; i++) {
        list[i] = (fig_t){figures[s->figure[i]], s->value[i], s->revision[i], s->fetched_at};
    }
    rig_read(rig, &units[s->unit], periods[s->period], list, s->n);
}

/* ---- from nothing: the way of chiso verify ---- */

static inline void recompute(state_t *out, const catalog_t *catalog)
{
    uint8_t hash[SHA256_SIZE] = {1};
    state_init(out, catalog);
    for (unsigned u = 0; u < UNITS; u++) {
        event_unit_t unit = CHISO__V1__UNIT__INIT;
        unit.code = T(units[u].code);
        unit.parent = T(units[u].parent);
        unit.level = units[u].level;
        for (unsigned p = 0; p < PERIODS; p++) {
            unit.name = read_names[u][p];
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
        rank_all(out->rankings[i]);
    }
}

static inline void compare_with_nothing(rig_t *rig)
{
    state_t computed;
    recompute(&computed, rig->catalog);
    rig_same(&computed, &rig->state, true);
    state_free(&computed);
}

/* ---- before and after ---- */

/* Everything recover() must give, kept from before the kill. */
typedef struct {
    buffer_t *results, *rankings;
    size_t n_results, n_rankings;
} memory_t;

static inline int compare_buffers(const void *a, const void *b)
{
    const buffer_t *x = a;
    const buffer_t *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->data, y->data, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static inline void remember(const state_t *state, memory_t *out)
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

static inline void forget(memory_t *m)
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

static inline void expect(const state_t *state, const memory_t *want)
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

#endif
