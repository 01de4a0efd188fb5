/* told_rig.h - the scorer's events made by hand, for the tests of the read model. */
#ifndef CHISO_TESTS_TOLD_RIG_H
#define CHISO_TESTS_TOLD_RIG_H

#include "model_rig.h"

#define T(s) ((char *)(uintptr_t)(s))

/* ---- events ---- */

typedef struct {
    const char *code, *parent;
    uint32_t revision, rank, nation_rank;
    const char *points, *change;
    const char *parts[2][2]; /* indicator, points; each with its figure */
    int64_t as_of;
    const char *series;
} told_score_t;

typedef struct {
    event_unit_t unit;
    event_indicator_t in[2];
    event_figure_t fig[2];
    event_indicator_t *ins[2];
    event_figure_t *figs[2];
    char ids[2][32];
    uint8_t hash[SHA256_SIZE];
    event_score_t score;
    event_t event;
} score_room_t;

static inline const event_t *score_of(const told_score_t *t, score_room_t *room)
{
    memset(room, 0, sizeof *room);
    room->unit = (event_unit_t)CHISO__V1__UNIT__INIT;
    room->unit.code = T(t->code);
    room->unit.name = T("Đơn vị");
    room->unit.parent = T(t->parent);
    room->unit.level = t->parent != NULL ? CHISO__V1__LEVEL__COMMUNE : CHISO__V1__LEVEL__PROVINCE;
    event_score_t *s = &room->score;
    *s = (event_score_t)CHISO__V1__SCORE__INIT;
    s->index = T("dvc-766");
    s->period = T("2025");
    s->unit = &room->unit;
    s->revision = t->revision;
    s->as_of = t->as_of != 0 ? t->as_of : 1000 * t->revision;
    s->points = T(t->points);
    s->max = T("100");
    s->percent = T("12.340000");
    s->change = T(t->change);
    s->has_rank = t->rank != 0;
    s->rank = t->rank;
    s->has_nation_rank = t->nation_rank != 0;
    s->nation_rank = t->nation_rank;
    s->indicators = room->ins;
    s->figures = room->figs;
    for (int i = 0; i < 2 && t->parts[i][0] != NULL; i++) {
        snprintf(room->ids[i], sizeof room->ids[i], "dvc-766.%s", t->parts[i][0]);
        room->in[i] = (event_indicator_t)CHISO__V1__INDICATOR__INIT;
        room->in[i].code = T(t->parts[i][0]);
        room->in[i].points = T(t->parts[i][1]);
        room->in[i].max = T("18");
        room->in[i].status = CHISO__V1__STATUS__SCORED;
        room->fig[i] = (event_figure_t)CHISO__V1__FIGURE__INIT;
        room->fig[i].id = room->ids[i];
        room->fig[i].value = T(t->parts[i][1]);
        room->fig[i].source = T("dvc-766");
        room->fig[i].series = T(t->series != NULL ? t->series : "nation/2025");
        room->fig[i].revision = t->revision;
        room->fig[i].fetched_at = s->as_of;
        room->fig[i].raw_sha256 = (ProtobufCBinaryData){SHA256_SIZE, room->hash};
        room->ins[s->n_indicators++] = &room->in[i];
        room->figs[s->n_figures++] = &room->fig[i];
    }
    room->event = (event_t)CHISO__V1__EVENT__INIT;
    room->event.body_case = CHISO__V1__EVENT__BODY_SCORE;
    room->event.score = s;
    return &room->event;
}

static inline void take_score(published_t *p, store_txn_t *txn, const told_score_t *t,
                              bool snapshot)
{
    score_room_t room;
    assert_int_equal(model_apply(&p->model, txn, MODEL_EPOCH, score_of(t, &room), snapshot), 0);
}

static inline void take_ranking(published_t *p, store_txn_t *txn, const char *parent,
                                Chiso__V1__Level level, uint32_t revision, const char *const *units,
                                const uint32_t *ranks, size_t n)
{
    event_standing_t standings[4];
    event_standing_t *list[4];
    event_ranking_t r = CHISO__V1__RANKING__INIT;
    event_t event = CHISO__V1__EVENT__INIT;
    for (size_t i = 0; i < n; i++) {
        standings[i] = (event_standing_t)CHISO__V1__STANDING__INIT;
        standings[i].unit = T(units[i]);
        standings[i].rank = ranks[i];
        standings[i].has_previous_rank = 1;
        standings[i].previous_rank = 9;
        list[i] = &standings[i];
    }
    r.index = T("dvc-766");
    r.period = T("2025");
    r.level = level;
    r.parent = T(parent);
    r.revision = revision;
    r.as_of = 500 * revision;
    r.n_standings = n;
    r.standings = list;
    event.body_case = CHISO__V1__EVENT__BODY_RANKING;
    event.ranking = &r;
    assert_int_equal(model_apply(&p->model, txn, MODEL_EPOCH, &event, false), 0);
}

/* `unit` and `period` of a row that is stale, or NULL; a unit without a period: all of them. */
static inline void take_row_state(published_t *p, store_txn_t *txn, const char *series, bool stale,
                                  const char *unit, const char *period)
{
    event_source_state_t s = CHISO__V1__SOURCE_STATE__INIT;
    event_t event = CHISO__V1__EVENT__INIT;
    char *units[1] = {T(unit)};
    char *periods[1] = {T(period)};
    s.source = T("dvc-766");
    s.series = T(series);
    s.outcome = CHISO__V1__SOURCE_STATE__OUTCOME__GOOD;
    s.since = 5;
    s.stale = stale;
    s.n_stale_units = unit != NULL ? 1 : 0;
    s.stale_units = units;
    s.n_stale_periods = period != NULL ? 1 : 0;
    s.stale_periods = periods;
    event.body_case = CHISO__V1__EVENT__BODY_SOURCE_STATE;
    event.source_state = &s;
    assert_int_equal(model_apply(&p->model, txn, MODEL_EPOCH, &event, false), 0);
}

static inline void take_state(published_t *p, store_txn_t *txn, const char *series, bool stale,
                              const char *unit)
{
    take_row_state(p, txn, series, stale, unit, NULL);
}

static inline void result(published_t *p, const char *code, event_in_t *out)
{
    store_txn_t *txn = store_read(p->store);
    assert_true(model_result(txn, "dvc-766", "2025", code, out));
    store_abort(&txn);
}

static const told_score_t first = {
    "91", NULL, 1, 2, 2, "20", NULL, {{"ckmb", "10"}, {"tdgq", "10"}}, 0, NULL};
static const told_score_t second = {"91", NULL, 2, 1, 1, "21.5", "1.5", {{"tdgq", "11.5"}},
                                    0,    NULL};

#endif
