/* test_event.c - every body there and back, and every rule of event.c broken once. */
#include "event/event.h"

#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T(s) ((char *)(uintptr_t)(s))

/* One good event of each kind, all in one place so that a case changes a single field. */
typedef struct {
    event_unit_t unit;
    event_figure_t figure, second;
    event_figure_t *figures[2];
    event_reading_t reading;
    event_source_state_t state;
    char *stale[2], *periods[2];
    event_indicator_t indicator;
    event_indicator_t *indicators[1];
    char *flags[1];
    event_score_t score;
    event_standing_t standing;
    event_standing_t *standings[1];
    event_ranking_t ranking;
    event_notice_t notice;
    uint8_t hash[SHA256_SIZE];
} good_t;

static void make(good_t *g)
{
    memset(g, 0, sizeof *g);
    memset(g->hash, 0xa5, sizeof g->hash);
    g->unit = (event_unit_t)CHISO__V1__UNIT__INIT;
    g->unit.code = T("H01.15");
    g->unit.level = CHISO__V1__LEVEL__DEPARTMENT;
    g->unit.parent = T("91");
    g->unit.name = T("Sở Du lịch – tỉnh An Giang");
    g->figure = (event_figure_t)CHISO__V1__FIGURE__INIT;
    g->figure.id = T("dvc-766.ckmb");
    g->figure.value = T("17.86");
    g->figure.source = T("dvc-766");
    g->figure.series = T("91/2025-10");
    g->figure.fetched_at = 1795357800123;
    g->figure.revision = 1;
    g->figure.raw_sha256 = (ProtobufCBinaryData){SHA256_SIZE, g->hash};
    g->second = g->figure;
    g->second.id = T("dvc-766.tdgq");
    g->second.value = T("-0.5");
    g->figures[0] = &g->figure;
    g->figures[1] = &g->second;
    g->reading = (event_reading_t)CHISO__V1__READING__INIT;
    g->reading.unit = &g->unit;
    g->reading.period = T("2025-10");
    g->reading.n_figures = 2;
    g->reading.figures = g->figures;
    g->state = (event_source_state_t)CHISO__V1__SOURCE_STATE__INIT;
    g->state.source = T("dvc-766");
    g->state.series = T("nation/2025");
    g->state.outcome = CHISO__V1__SOURCE_STATE__OUTCOME__QUARANTINED;
    g->state.since = 5;
    g->state.has_last_good = 1;
    g->state.last_good = 4;
    g->state.stale = 1;
    g->state.detail = T("2 rows: sum");
    g->stale[0] = T("91");
    g->stale[1] = T("89");
    g->state.n_stale_units = 2;
    g->state.stale_units = g->stale;
    g->periods[0] = T("2025-09");
    g->periods[1] = T("2025-Q4");
    g->state.n_stale_periods = 2;
    g->state.stale_periods = g->periods;
    g->indicator = (event_indicator_t)CHISO__V1__INDICATOR__INIT;
    g->indicator.code = T("ckmb");
    g->indicator.status = CHISO__V1__STATUS__SCORED;
    g->indicator.points = T("17.86");
    g->indicator.max = T("18");
    g->flags[0] = T("stale");
    g->indicator.n_flags = 1;
    g->indicator.flags = g->flags;
    g->indicators[0] = &g->indicator;
    g->score = (event_score_t)CHISO__V1__SCORE__INIT;
    g->score.index = T("dvc-766");
    g->score.period = T("2025-Q4");
    g->score.unit = &g->unit;
    g->score.revision = 3;
    g->score.as_of = 1;
    g->score.points = T("91.64");
    g->score.max = T("100");
    g->score.percent = T("91.640000");
    g->score.change = T("-0.1");
    g->score.has_rank = g->score.has_previous_rank = g->score.has_nation_rank = 1;
    g->score.rank = 2;
    g->score.previous_rank = 1;
    g->score.nation_rank = 1000;
    g->score.n_indicators = 1;
    g->score.indicators = g->indicators;
    g->score.n_figures = 2;
    g->score.figures = g->figures;
    g->standing = (event_standing_t)CHISO__V1__STANDING__INIT;
    g->standing.unit = T("91");
    g->standing.rank = 1;
    g->standings[0] = &g->standing;
    g->ranking = (event_ranking_t)CHISO__V1__RANKING__INIT;
    g->ranking.index = T("dvc-766");
    g->ranking.period = T("2025");
    g->ranking.level = CHISO__V1__LEVEL__COMMUNE;
    g->ranking.parent = T("91");
    g->ranking.revision = 9;
    g->ranking.as_of = 7;
    g->ranking.n_standings = 1;
    g->ranking.standings = g->standings;
    g->notice = (event_notice_t)CHISO__V1__NOTICE__INIT;
    g->notice.type = T("vn.chiso.score.v1");
    g->notice.subject = T("dvc-766/2025/91");
    g->notice.key = T("score/dvc-766/2025/91/3@00000001");
    g->notice.body = (ProtobufCBinaryData){2, (uint8_t *)T("{}")};
    g->notice.has_internal = 1;
    g->notice.internal = 1;
}

enum { READING, SOURCE_STATE, SCORE, RANKING, NOTICE, BODIES };

static void put(const good_t *g, int body, buffer_t *out)
{
    switch (body) {
    case READING:
        event_put_reading(&g->reading, out);
        break;
    case SOURCE_STATE:
        event_put_source_state(&g->state, out);
        break;
    case SCORE:
        event_put_score(&g->score, out);
        break;
    case RANKING:
        event_put_ranking(&g->ranking, out);
        break;
    default:
        event_put_notice(&g->notice, out);
        break;
    }
    assert_false(out->failed);
}

/* Packs, decodes; 0 or the code, with the reason. */
static int try(const good_t *g, int body, char reason[256])
{
    buffer_t out = BUFFER_INIT(EVENT_MAX_BYTES + 4096);
    event_in_t in = {0};
    put(g, body, &out);
    reason[0] = '\0';
    int rc = event_decode(buffer_bytes(&out), reason, &in);
    if (rc == 0) {
        event_release(&in);
    } else {
        assert_null(in.arena); /* untouched */
        assert_true(strlen(reason) > 0);
    }
    buffer_free(&out);
    return rc;
}

static void test_round_trip(void **state)
{
    (void)state;
    good_t g;
    make(&g);
    for (int body = 0; body < BODIES; body++) {
        buffer_t out = BUFFER_INIT(EVENT_MAX_BYTES);
        buffer_t again = BUFFER_INIT(EVENT_MAX_BYTES);
        put(&g, body, &out);
        char reason[256] = "";
        event_in_t in;
        if (event_decode(buffer_bytes(&out), reason, &in) != 0) {
            fail_msg("body %d: %s", body, reason);
        }
        assert_int_equal(in.event->body_case, body + CHISO__V1__EVENT__BODY_READING);
        good_t copy = g; /* what was decoded, packed again, is the same */
        switch (body) {
        case READING:
            copy.reading = *in.event->reading;
            break;
        case SOURCE_STATE:
            copy.state = *in.event->source_state;
            break;
        case SCORE:
            copy.score = *in.event->score;
            break;
        case RANKING:
            copy.ranking = *in.event->ranking;
            break;
        default:
            copy.notice = *in.event->notice;
            break;
        }
        put(&copy, body, &again);
        assert_true(bytes_equal(buffer_bytes(&out), buffer_bytes(&again)));
        event_release(&in);
        assert_null(in.event);
        assert_null(in.arena);
        buffer_free(&out);
        buffer_free(&again);
    }
}

static void test_fields(void **state)
{
    (void)state;
    good_t g;
    make(&g);
    buffer_t out = BUFFER_INIT(EVENT_MAX_BYTES);
    char reason[256];
    event_in_t in;
    put(&g, SCORE, &out);
    assert_int_equal(event_decode(buffer_bytes(&out), reason, &in), 0);
    const event_score_t *s = in.event->score;
    assert_string_equal(s->unit->name, "Sở Du lịch – tỉnh An Giang");
    assert_int_equal(s->unit->level, CHISO__V1__LEVEL__DEPARTMENT);
    assert_string_equal(s->unit->parent, "91");
    assert_int_equal(s->nation_rank, 1000);
    assert_int_equal(s->n_figures, 2);
    assert_string_equal(s->figures[1]->value, "-0.5");
    assert_true(s->figures[0]->fetched_at == 1795357800123);
    assert_memory_equal(s->figures[0]->raw_sha256.data, g.hash, SHA256_SIZE);
    assert_string_equal(s->indicators[0]->flags[0], "stale");
    assert_true(decimal_compare(event_decimal(s->figures[1]->value), (decimal_t){-500000}) == 0);
    event_release(&in);
    buffer_free(&out);
    /* what is absent stays absent: never 0 or "" */
    g.score.percent = g.score.change = NULL;
    g.score.has_rank = 0;
    out = (buffer_t)BUFFER_INIT(EVENT_MAX_BYTES);
    put(&g, SCORE, &out);
    assert_int_equal(event_decode(buffer_bytes(&out), reason, &in), 0);
    assert_null(in.event->score->percent);
    assert_false(in.event->score->has_rank);
    event_release(&in);
    buffer_free(&out);
}

/* Each line breaks one rule of one body. */
static char long65[66], long193[194], long513[514], long2049[2050];

typedef struct {
    int body;
    const char *reason;
    size_t at;         /* of a text of good_t */
    const char *value; /* put there */
} text_case_t;

#define AT(member) offsetof(good_t, member)

static const text_case_t text_cases[] = {
    {READING, "unit.code is empty", AT(unit.code), ""},
    {READING, "unit.code is too long", AT(unit.code), long65},
    {READING, "unit.code has a space or a bar", AT(unit.code), "H 1"},
    {READING, "unit.code has a space or a bar", AT(unit.code), "H|1"},
    {READING, "unit.code has a space or a bar", AT(unit.code), "H1\n"},
    {READING, "unit.name is empty", AT(unit.name), ""},
    {READING, "unit.name is too long", AT(unit.name), long513},
    {READING, "unit.parent is empty", AT(unit.parent), ""},
    {READING, "unit.parent has a space or a bar", AT(unit.parent), "9|1"},
    {READING, "period is not a period", AT(reading.period), "2025-13"},
    {READING, "period is not a period", AT(reading.period), ""},
    {READING, "period is not a period", AT(reading.period), "2025-1"},
    {READING, "figure.id is empty", AT(second.id), ""},
    {READING, "figure.value is not a decimal", AT(second.value), ""},
    {READING, "figure.value is not a decimal", AT(second.value), "1,5"},
    {READING, "figure.value is not a decimal", AT(second.value), "1e3"},
    {READING, "figure.value is not a decimal", AT(second.value), "1234567890123456789"},
    {READING, "figure.value is not a decimal", AT(second.value), "nan"},
    {READING, "figure.source has a space or a bar", AT(second.source), "a b"},
    {READING, "figure.series is empty", AT(second.series), ""},
    {READING, "figure.series is too long", AT(second.series), long193},
    {SOURCE_STATE, "source is empty", AT(state.source), ""},
    {SOURCE_STATE, "series is empty", AT(state.series), ""},
    {SOURCE_STATE, "series is too long", AT(state.series), long193},
    {SOURCE_STATE, "detail is too long", AT(state.detail), long2049},
    {SOURCE_STATE, "stale_units has a space or a bar", AT(stale[1]), "9 1"},
    {SOURCE_STATE, "stale_periods is not a period", AT(periods[1]), "2025-9"},
    {SCORE, "index is empty", AT(score.index), ""},
    {SCORE, "index is too long", AT(score.index), long65},
    {SCORE, "period is not a period", AT(score.period), "2025-Q5"},
    {SCORE, "unit.code is empty", AT(unit.code), ""},
    {SCORE, "points is not a decimal", AT(score.points), "x"},
    {SCORE, "max is not a decimal", AT(score.max), "100."},
    {SCORE, "percent is not a decimal", AT(score.percent), "91%"},
    {SCORE, "change is not a decimal", AT(score.change), "+1"},
    {SCORE, "indicator.code has a space or a bar", AT(indicator.code), "ck mb"},
    {SCORE, "indicator.points is not a decimal", AT(indicator.points), " 1"},
    {SCORE, "indicator.max is not a decimal", AT(indicator.max), ".5"},
    {SCORE, "figure.value is not a decimal", AT(figure.value), "--1"},
    {RANKING, "index has a space or a bar", AT(ranking.index), "a|b"},
    {RANKING, "period is not a period", AT(ranking.period), "1989"},
    {RANKING, "parent is empty", AT(ranking.parent), ""},
    {RANKING, "standing.unit is empty", AT(standing.unit), ""},
    {NOTICE, "type is empty", AT(notice.type), ""},
    {NOTICE, "subject is empty", AT(notice.subject), ""},
    {NOTICE, "subject is too long", AT(notice.subject), long513},
    {NOTICE, "key is empty", AT(notice.key), ""},
    {NOTICE, "key is too long", AT(notice.key), long513},
};

static void test_texts_refused(void **state)
{
    (void)state;
    memset(long65, 'x', 65);
    memset(long193, 'x', 193);
    memset(long513, 'x', 513);
    memset(long2049, 'x', 2049);
    for (size_t i = 0; i < sizeof text_cases / sizeof text_cases[0]; i++) {
        const text_case_t *c = &text_cases[i];
        good_t g;
        char reason[256];
        make(&g);
        memcpy((char *)&g + c->at, &c->value, sizeof c->value);
        int rc = try(&g, c->body, reason);
        if (rc != CHISO_E_PROTOCOL || strcmp(reason, c->reason) != 0) {
            fail_msg("'%s': %d, wanted '%s', got '%s'", c->value, rc, c->reason, reason);
        }
    }
    /* and the longest that are allowed */
    good_t g;
    char reason[256];
    make(&g);
    g.unit.code = long65 + 1;
    g.unit.name = long513 + 1;
    g.figure.series = long193 + 1;
    assert_int_equal(try(&g, SCORE, reason), 0);
    g.state.detail = long2049 + 1;
    assert_int_equal(try(&g, SOURCE_STATE, reason), 0);
}

/* Each number out of its range. */
static void test_numbers_refused(void **state)
{
    (void)state;
    static const struct {
        int body;
        const char *reason;
        size_t at;
        int values[3];
    } cases[] = {
        {READING, "unit.level is unknown", AT(unit.level), {9, 0, -1}},
        {SCORE, "unit.level is unknown", AT(unit.level), {5, 0, -2147483647}},
        {READING, "figure.revision is zero", AT(second.revision), {0, 0, 0}},
        {SOURCE_STATE, "outcome is unknown", AT(state.outcome), {6, 0, -1}},
        {SOURCE_STATE,
         "stale_periods are not one for each unit",
         AT(state.n_stale_periods),
         {1, 1, 1}},
        {SCORE, "revision is zero", AT(score.revision), {0, 0, 0}},
        {SCORE, "indicator.status is unknown", AT(indicator.status), {6, 0, -1}},
        {RANKING, "level is unknown", AT(ranking.level), {5, 0, -1}},
        {RANKING, "standing.rank is zero", AT(standing.rank), {0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int k = 0; k < 3; k++) {
            good_t g;
            char reason[256];
            make(&g);
            memcpy((char *)&g + cases[i].at, &cases[i].values[k], sizeof(int));
            assert_int_equal(try(&g, cases[i].body, reason), CHISO_E_PROTOCOL);
            assert_string_equal(reason, cases[i].reason);
        }
    }
    static const size_t sizes[] = {0, 31, 33};
    for (size_t i = 0; i < 3; i++) {
        uint8_t hash[33] = {0};
        good_t g;
        char reason[256];
        make(&g);
        g.second.raw_sha256 = (ProtobufCBinaryData){sizes[i], hash};
        assert_int_equal(try(&g, READING, reason), CHISO_E_PROTOCOL);
        assert_string_equal(reason, "figure.raw_sha256 is not 32 bytes");
        assert_int_equal(try(&g, SCORE, reason), CHISO_E_PROTOCOL);
    }
}

static void test_unclean_text(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\xcc\x80",           /* NFD */
        "\xc0\xaf",            /* overlong */
        "\xe0\x80\xaf",        /* overlong */
        "\xed\xa0\x80",        /* a surrogate */
        "\xf4\x90\x80\x80",    /* past U+10FFFF */
        "\xff",                /* no UTF-8 at all */
        "x\xe1\xba",           /* cut */
        "x\x01",               /* a control character */
        "Long Phu\xcc\x81\x61" /* NFD in the middle */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        good_t g;
        char reason[256];
        make(&g);
        g.unit.name = T(bad[i]);
        assert_int_equal(try(&g, READING, reason), CHISO_E_PROTOCOL);
        assert_string_equal(reason, "a text is not clean UTF-8 in NFC");
        make(&g);
        g.flags[0] = T(bad[i]);
        assert_int_equal(try(&g, SCORE, reason), CHISO_E_PROTOCOL);
    }
}

static void test_trace(void **state)
{
    (void)state;
    good_t g;
    make(&g);
    for (int body = 0; body < BODIES; body++) {
        for (unsigned len = 0; len <= TRACE_SIZE + 1; len++) {
            buffer_t out = BUFFER_INIT(EVENT_MAX_BYTES);
            uint8_t bytes[TRACE_SIZE + 1] = {0};
            trace_t trace = trace_new();
            char reason[256];
            event_in_t in;
            put(&g, body, &out);
            trace_pack(&trace, bytes);
            buffer_append(&out, (uint8_t[]){6 << 3 | 2, (uint8_t)len}, 2);
            buffer_append(&out, bytes, len);
            if (len == TRACE_SIZE) {
                assert_int_equal(event_decode(buffer_bytes(&out), reason, &in), 0);
                trace_t read = event_trace(in.event);
                assert_memory_equal(&read, &trace, sizeof read);
                event_release(&in);
            } else {
                assert_int_equal(event_decode(buffer_bytes(&out), reason, &in), CHISO_E_PROTOCOL);
                assert_string_equal(reason, "trace is none");
            }
            buffer_free(&out);
        }
    }
}

static void test_no_body(void **state)
{
    (void)state;
    char reason[256];
    event_in_t in;
    assert_int_equal(event_decode(bytes_of(NULL, 0), reason, &in), CHISO_E_PROTOCOL);
    assert_string_equal(reason, "event has no body that is known here");
    /* field 15, of a version to come */
    assert_int_equal(event_decode(bytes_of("\x7a\x01x", 3), reason, &in), CHISO_E_PROTOCOL);
    assert_string_equal(reason, "event has no body that is known here");
    static uint8_t big[EVENT_MAX_BYTES + 1];
    assert_int_equal(event_decode(bytes_of(big, sizeof big), reason, &in), CHISO_E_TOO_BIG);
}

/* The largest ranking that Vietnam can have goes through. */
static void test_large_ranking(void **state)
{
    (void)state;
    enum { UNITS = 4055 };
    good_t g;
    make(&g);
    event_standing_t **list = calloc(UNITS, sizeof *list);
    event_standing_t *all = calloc(UNITS, sizeof *all);
    char(*codes)[8] = calloc(UNITS, sizeof *codes);
    assert_true(list != NULL && all != NULL && codes != NULL);
    for (unsigned i = 0; i < UNITS; i++) {
        snprintf(codes[i], sizeof codes[i], "%05u", i);
        all[i] = g.standing;
        all[i].unit = codes[i];
        all[i].rank = i + 1;
        all[i].has_previous_rank = 1;
        all[i].previous_rank = UNITS - i;
        list[i] = &all[i];
    }
    g.ranking.n_standings = UNITS;
    g.ranking.standings = list;
    char reason[256];
    assert_int_equal(try(&g, RANKING, reason), 0);
    free(list);
    free(all);
    free(codes);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(event_level_name(CHISO__V1__LEVEL__COMMUNE), "commune");
    assert_null(event_level_name((Chiso__V1__Level)0));
    assert_string_equal(event_level_name((Chiso__V1__Level)4), "district");
    assert_null(event_level_name((Chiso__V1__Level)5));
    assert_int_equal(event_level_of("province"), CHISO__V1__LEVEL__PROVINCE);
    assert_int_equal(event_level_of("Province"), 0);
    assert_int_equal(event_level_of(""), 0);
    assert_string_equal(event_status_name(CHISO__V1__STATUS__EXCLUDED), "excluded");
    assert_null(event_status_name((Chiso__V1__Status)6));
    assert_string_equal(event_outcome_name(CHISO__V1__SOURCE_STATE__OUTCOME__GOOD), "good");
    assert_null(event_outcome_name((Chiso__V1__SourceState__Outcome)-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_fields),
        cmocka_unit_test(test_texts_refused), cmocka_unit_test(test_numbers_refused),
        cmocka_unit_test(test_unclean_text),  cmocka_unit_test(test_no_body),
        cmocka_unit_test(test_trace),         cmocka_unit_test(test_large_ranking),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
