/* event.c - see event.h. The checks are spelled out per message: they are the contract between the
 * services, and a reader should see it in one place. */
#include "event/event.h"

#include "base/error.h"
#include "period/period.h"
#include "quick.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The first thing that is wrong with an event; NULL while all is well. */
typedef struct {
    const char *wrong;
    const char *field;
} check_t;

static void require(check_t *c, bool holds, const char *field, const char *wrong)
{
    if (c->wrong == NULL && !holds) {
        c->field = field;
        c->wrong = wrong;
    }
}

static void check_text(check_t *c, const char *field, const char *text, size_t max)
{
    require(c, *text != '\0', field, "is empty");
    require(c, strlen(text) <= max, field, "is too long");
}

static void check_code(check_t *c, const char *field, const char *text)
{
    check_text(c, field, text, EVENT_MAX_CODE);
    for (; *text != '\0'; text++) {
        require(c, (unsigned char)*text > ' ' && *text != '|', field, "has a space or a bar");
    }
}

static void check_decimal(check_t *c, const char *field, const char *text)
{
    decimal_t value;
    require(c, text == NULL || decimal_parse(text, strlen(text), &value) == 0, field,
            "is not a decimal");
}

static void check_period(check_t *c, const char *field, const char *text)
{
    period_t period;
    require(c, period_parse(text, &period) == 0, field, "is not a period");
}

static void check_unit(check_t *c, const event_unit_t *u)
{
    check_code(c, "unit.code", u->code);
    check_text(c, "unit.name", u->name, EVENT_MAX_NAME);
    require(c, event_level_name(u->level) != NULL, "unit.level", "is unknown");
    if (u->parent != NULL) {
        check_code(c, "unit.parent", u->parent);
    }
}

static void check_figures(check_t *c, event_figure_t *const *figures, size_t n)
{
    for (size_t i = 0; i < n && c->wrong == NULL; i++) {
        const event_figure_t *f = figures[i];
        check_code(c, "figure.id", f->id);
        if (f->withdrawn) {
            require(c, *f->value == '\0' && f->submitter != NULL, "figure.withdrawn",
                    "has a value, or was not handed in");
        } else {
            check_decimal(c, "figure.value", f->value);
        }
        check_code(c, "figure.source", f->source);
        check_text(c, "figure.series", f->series, 3 * EVENT_MAX_CODE);
        require(c, f->revision > 0, "figure.revision", "is zero");
        require(c, f->raw_sha256.len == SHA256_SIZE, "figure.raw_sha256", "is not 32 bytes");
        if (f->submitter != NULL) {
            check_code(c, "figure.submitter", f->submitter);
        }
        require(c, f->n_evidence <= EVENT_MAX_EVIDENCE, "figure.evidence", "has too many files");
        for (size_t k = 0; k < f->n_evidence && c->wrong == NULL; k++) {
            require(c, f->evidence[k].len == SHA256_SIZE, "figure.evidence", "is not 32 bytes");
        }
    }
}

static void check_reading(check_t *c, const event_reading_t *r)
{
    check_unit(c, r->unit);
    check_period(c, "period", r->period);
    check_figures(c, r->figures, r->n_figures);
}

static void check_mismatches(check_t *c, Chiso__V1__Mismatch *const *list, size_t n)
{
    for (size_t i = 0; i < n && c->wrong == NULL; i++) {
        check_code(c, "mismatch.unit", list[i]->unit);
        check_period(c, "mismatch.period", list[i]->period);
        check_code(c, "mismatch.parts", list[i]->parts);
        check_code(c, "mismatch.figure", list[i]->figure);
        check_decimal(c, "mismatch.sum", list[i]->sum);
        check_decimal(c, "mismatch.whole", list[i]->whole);
    }
}

static void check_source_state(check_t *c, const event_source_state_t *s)
{
    check_code(c, "source", s->source);
    check_text(c, "series", s->series, 3 * EVENT_MAX_CODE);
    require(c, event_outcome_name(s->outcome) != NULL, "outcome", "is unknown");
    require(c, s->detail == NULL || strlen(s->detail) <= EVENT_MAX_TEXT, "detail", "is too long");
    require(c, s->notice == NULL || strlen(s->notice) <= EVENT_MAX_TEXT, "notice", "is too long");
    for (size_t i = 0; i < s->n_stale_units; i++) {
        check_code(c, "stale_units", s->stale_units[i]);
    }
    require(c, s->n_stale_periods == 0 || s->n_stale_periods == s->n_stale_units, "stale_periods",
            "are not one for each unit");
    for (size_t i = 0; i < s->n_stale_periods && c->wrong == NULL; i++) {
        check_period(c, "stale_periods", s->stale_periods[i]);
    }
    check_mismatches(c, s->mismatches, s->n_mismatches);
}

static void check_score(check_t *c, const event_score_t *s)
{
    check_code(c, "index", s->index);
    check_period(c, "period", s->period);
    check_unit(c, s->unit);
    require(c, s->revision > 0, "revision", "is zero");
    check_decimal(c, "points", s->points);
    check_decimal(c, "max", s->max);
    check_decimal(c, "percent", s->percent);
    check_decimal(c, "change", s->change);
    check_decimal(c, "scored_max", s->scored_max);
    check_decimal(c, "machine_max", s->machine_max);
    for (size_t i = 0; i < s->n_indicators && c->wrong == NULL; i++) {
        const event_indicator_t *in = s->indicators[i];
        check_code(c, "indicator.code", in->code);
        require(c, event_status_name(in->status) != NULL, "indicator.status", "is unknown");
        check_decimal(c, "indicator.points", in->points);
        check_decimal(c, "indicator.max", in->max);
    }
    check_figures(c, s->figures, s->n_figures);
}

static void check_ranking(check_t *c, const event_ranking_t *r)
{
    check_code(c, "index", r->index);
    check_period(c, "period", r->period);
    require(c, event_level_name(r->level) != NULL, "level", "is unknown");
    if (r->parent != NULL) {
        check_code(c, "parent", r->parent);
    }
    for (size_t i = 0; i < r->n_standings && c->wrong == NULL; i++) {
        check_code(c, "standing.unit", r->standings[i]->unit);
        require(c, r->standings[i]->rank > 0, "standing.rank", "is zero");
    }
}

static void check_notice(check_t *c, const event_notice_t *n)
{
    check_code(c, "type", n->type);
    check_text(c, "subject", n->subject, EVENT_MAX_NAME);
    check_text(c, "key", n->key, EVENT_MAX_NAME);
}

static void check_event(check_t *c, const event_t *e)
{
    trace_t ignored;
    require(c, !e->has_trace || trace_unpack(bytes_of(e->trace.data, e->trace.len), &ignored) == 0,
            "trace", "is none");
    switch (e->body_case) {
    case CHISO__V1__EVENT__BODY_READING:
        check_reading(c, e->reading);
        break;
    case CHISO__V1__EVENT__BODY_SOURCE_STATE:
        check_source_state(c, e->source_state);
        break;
    case CHISO__V1__EVENT__BODY_SCORE:
        check_score(c, e->score);
        break;
    case CHISO__V1__EVENT__BODY_RANKING:
        check_ranking(c, e->ranking);
        break;
    case CHISO__V1__EVENT__BODY_NOTICE:
        check_notice(c, e->notice);
        break;
    default:
        require(c, false, "event", "has no body that is known here");
        break;
    }
}

int event_decode(bytes_t in, char reason[256], event_in_t *out)
{
    wire_arena_t *arena;
    ProtobufCMessage *message;
    int rc = quick_reading(in, EVENT_MAX_BYTES, &arena, &message)
                 ? 0
                 : wire_unpack(&chiso__v1__event__descriptor, in, EVENT_MAX_BYTES, reason, &arena,
                               &message);
    if (rc != 0) {
        return rc;
    }
    check_t check = {0};
    check_event(&check, (const event_t *)message);
    if (check.wrong != NULL) {
        snprintf(reason, 256, "%s %s", check.field, check.wrong);
        wire_free(&arena);
        return CHISO_E_PROTOCOL;
    }
    *out = (event_in_t){.event = (const event_t *)message, .arena = arena};
    return 0;
}

void event_release(event_in_t *in)
{
    wire_free(&in->arena);
    in->event = NULL;
}

/* The generated structs have no const; packing does not write. */
#define PUT(body, kind, which)                                                                     \
    event_t event = CHISO__V1__EVENT__INIT;                                                        \
    event.body_case = CHISO__V1__EVENT__BODY_##kind;                                               \
    event.which = (void *)(uintptr_t)(body);                                                       \
    wire_pack(&event.base, out)

void event_put_reading(const event_reading_t *r, buffer_t *out)
{
    PUT(r, READING, reading);
}

void event_put_source_state(const event_source_state_t *s, buffer_t *out)
{
    PUT(s, SOURCE_STATE, source_state);
}

void event_put_score(const event_score_t *s, buffer_t *out)
{
    PUT(s, SCORE, score);
}

void event_put_ranking(const event_ranking_t *r, buffer_t *out)
{
    PUT(r, RANKING, ranking);
}

void event_put_notice(const event_notice_t *n, buffer_t *out)
{
    PUT(n, NOTICE, notice);
}

/* Fields of a message may stand in any order, and this one has the highest number. */
void event_put_trace(const trace_t *trace, buffer_t *out)
{
    if (trace_is_set(trace)) {
        uint8_t field[EVENT_TRACE_BYTES] = {6 << 3 | 2, TRACE_SIZE};
        trace_pack(trace, field + 2);
        buffer_append(out, field, sizeof field);
    }
}

trace_t event_trace(const event_t *event)
{
    trace_t trace = TRACE_NONE;
    if (event->has_trace) {
        trace_unpack(bytes_of(event->trace.data, event->trace.len), &trace);
    }
    return trace;
}

static const char *const level_names[] = {NULL, "province", "department", "commune", "district"};
static const char *const status_names[] = {NULL,      "scored",    "missing",
                                           "invalid", "undefined", "excluded"};
static const char *const outcome_names[] = {NULL,      "good",        "no_data",
                                            "blocked", "quarantined", "retrying"};

#define NAME_OF(names, value)                                                                      \
    ((int)(value) > 0 && (size_t)(value) < sizeof(names) / sizeof(names)[0] ? (names)[value] : NULL)

const char *event_level_name(Chiso__V1__Level level)
{
    return NAME_OF(level_names, level);
}

Chiso__V1__Level event_level_of(const char *name)
{
    for (unsigned i = 1; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(level_names[i], name) == 0) {
            return (Chiso__V1__Level)i;
        }
    }
    return (Chiso__V1__Level)0;
}

const char *event_status_name(Chiso__V1__Status status)
{
    return NAME_OF(status_names, status);
}

const char *event_outcome_name(Chiso__V1__SourceState__Outcome outcome)
{
    return NAME_OF(outcome_names, outcome);
}

decimal_t event_decimal(const char *text)
{
    decimal_t value = DECIMAL_ZERO;
    int rc = decimal_parse(text, strlen(text), &value);
    assert(rc == 0);
    (void)rc;
    return value;
}
