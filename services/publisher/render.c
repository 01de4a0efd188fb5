/* render.c - see render.h. */
#include "render.h"

#include "event/show.h"
#include "formula/formula.h"

#include <stdio.h>
#include <string.h>

void render_unit(jw_t *j, const event_unit_t *unit)
{
    jw_put_text(j, "code", unit->code);
    jw_put_text(j, "name", unit->name);
    jw_put_text(j, "level", event_level_name(unit->level));
    jw_put_text(j, "parent", unit->parent);
}

void render_rank(jw_t *j, const char *key, bool has, uint32_t rank)
{
    if (has) {
        jw_put_number(j, key, rank);
    } else {
        jw_put_text(j, key, NULL);
    }
}

/* "0.833333": of the applicable maximum; null when it is not known or nothing applies. */
static void put_share(jw_t *j, const char *key, const char *part, const char *max)
{
    char text[DECIMAL_TEXT_SIZE];
    decimal_t share;
    bool known = part != NULL && decimal_muldiv(event_decimal(part), decimal_of(1),
                                                event_decimal(max), DECIMAL_HALF_UP, &share) == 0;
    jw_put_text(j, key, known ? decimal_format_fixed(share, 6, DECIMAL_HALF_UP, text) : NULL);
}

static void put_lost(jw_t *j, decimal_t points, decimal_t max)
{
    char text[DECIMAL_TEXT_SIZE];
    decimal_t lost = DECIMAL_ZERO;
    int rc = decimal_subtract(max, points, &lost);
    jw_put_text(j, "lost", rc == 0 ? decimal_format(lost, text) : NULL);
}

void render_totals(jw_t *j, const event_score_t *s)
{
    jw_put_text(j, "points", s->points);
    jw_put_text(j, "max", s->max);
    put_lost(j, event_decimal(s->points), event_decimal(s->max));
    jw_put_text(j, "percent", s->percent);
    put_share(j, "coverage", s->scored_max, s->max);
    put_share(j, "machine_coverage", s->machine_max, s->max);
    jw_put_text(j, "change", s->change);
    render_rank(j, "rank", s->has_rank, s->rank);
    render_rank(j, "previous_rank", s->has_previous_rank, s->previous_rank);
    render_rank(j, "nation_rank", s->has_nation_rank, s->nation_rank);
    jw_put_number(j, "revision", s->revision);
    jw_put_time(j, "as_of", s->as_of);
}

static const event_indicator_t *indicator_of(const event_score_t *s, const char *code)
{
    for (size_t i = 0; i < s->n_indicators; i++) {
        if (strcmp(s->indicators[i]->code, code) == 0) {
            return s->indicators[i];
        }
    }
    return NULL;
}

static const event_figure_t *figure_of(const event_score_t *s, const char *id)
{
    for (size_t i = 0; i < s->n_figures; i++) {
        if (strcmp(s->figures[i]->id, id) == 0) {
            return s->figures[i];
        }
    }
    return NULL;
}

void render_figure(jw_t *j, const catalog_index_t *index, const event_figure_t *f)
{
    int place = catalog_figure_place(index, f->id);
    const catalog_figure_t *known = place >= 0 ? index->figures[place] : NULL;
    jw_object(j);
    jw_put_text(j, "id", f->id);
    jw_put_text(j, "title", known != NULL ? known->title : NULL);
    jw_put_text(j, "unit", known != NULL ? known->unit : NULL);
    jw_put_text(j, "kind", known != NULL ? catalog_kind_name(known->kind) : NULL);
    jw_put_text(j, "text",
                known != NULL && !f->withdrawn ? catalog_figure_text(known, event_decimal(f->value))
                                               : NULL);
    event_show_figure(j, f);
    jw_object_end(j);
}

/* An input of a rule and the figure that feeds it. */
static void render_input(jw_t *j, const catalog_figure_t *figure, const char *name)
{
    char text[DECIMAL_TEXT_SIZE];
    jw_object(j);
    jw_put_text(j, "name", figure->input != NULL ? figure->input : name);
    jw_put_text(j, "figure", figure->id);
    jw_put_text(j, "title", figure->title);
    jw_put_text(j, "unit", figure->unit);
    jw_put_text(j, "kind", catalog_kind_name(figure->kind));
    jw_put_text(j, "provider", catalog_provider_name(figure->provider));
    jw_put_text(j, "least", decimal_format(figure->least, text));
    jw_put_text(j, "most", figure->has_most ? decimal_format(figure->most, text) : NULL);
    jw_put_array(j, "texts"); /* of an option's levels, first to last */
    for (int64_t i = 0; figure->texts != NULL && i < figure->most.micro / 1000000; i++) {
        jw_text(j, figure->texts[i]);
    }
    jw_array_end(j);
    jw_object_end(j);
}

void render_criterion(jw_t *j, const catalog_index_t *index, const catalog_indicator_t *in)
{
    char max[DECIMAL_TEXT_SIZE];
    buffer_t formula = BUFFER_INIT(64 * 1024);
    jw_put_text(j, "code", in->code);
    jw_put_text(j, "title", in->title);
    jw_put_text(j, "max", decimal_format(in->max, max));
    jw_put_text(j, "parent", in->parent >= 0 ? index->indicators[in->parent].code : NULL);
    jw_put_flag(j, "excluded", in->excluded);
    jw_put_text(j, "excluded_by", index->figures[in->excluded_by]->id);
    formula_write(&in->rule, in->max, FORMULA_VIETNAMESE, "", &formula);
    jw_put_text(j, "formula", buffer_text(&formula));
    jw_put_text(j, "text", in->text);
    jw_put_text(j, "note", in->note);
    jw_put_text(j, "scorer", in->scorer);
    jw_put_text(j, "lead", in->lead);
    jw_put_text(j, "coordinators", in->coordinators);
    jw_put_text(j, "work", in->work);
    jw_put_text(j, "frequency", in->frequency);
    jw_put_text(j, "basis", in->basis);
    jw_put_text(j, "evidence", in->evidence);
    jw_put_text(j, "replaces", in->replaces);
    jw_put_array(j, "inputs");
    for (unsigned i = 0; i < in->n_inputs; i++) {
        render_input(j, index->figures[in->inputs[i].figure], in->inputs[i].name);
    }
    jw_array_end(j);
    buffer_free(&formula);
}

/* The figures of a result as the inputs of an indicator's rule; of a checklist all items are one.
 */
static rule_inputs_t inputs_of(const catalog_index_t *index, const catalog_indicator_t *of,
                               const event_score_t *s, rule_input_t room[CATALOG_MAX_INPUTS])
{
    size_t n = 0;
    for (unsigned i = 0; i < of->n_inputs && n < CATALOG_MAX_INPUTS; i++) {
        const catalog_input_t *input = &of->inputs[i];
        const event_figure_t *f = figure_of(s, index->figures[input->figure]->id);
        if (f == NULL) {
            continue;
        }
        bool more =
            n > 0 && input->kind == RULE_ITEMS && strcmp(room[n - 1].name, input->name) == 0;
        rule_input_t *to = more ? &room[n - 1] : &room[n++];
        if (!more) {
            *to = (rule_input_t){.name = input->name, .kind = input->kind};
        }
        to->number = event_decimal(f->value);
        to->flag = decimal_sign(to->number) > 0;
        to->items |= input->kind == RULE_ITEMS && to->flag ? 1ULL << input->item : 0;
    }
    return (rule_inputs_t){room, n};
}

static void put_worked(jw_t *j, const catalog_index_t *index, const catalog_indicator_t *in,
                       const event_score_t *s, const event_indicator_t *state)
{
    rule_input_t room[CATALOG_MAX_INPUTS];
    buffer_t text = BUFFER_INIT(16 * 1024);
    bool worked = state != NULL && state->status == CHISO__V1__STATUS__SCORED &&
                  formula_worked(&in->rule, in->max, inputs_of(index, in, s, room),
                                 event_decimal(state->points), FORMULA_VIETNAMESE, &text);
    jw_put_text(j, "worked", worked ? buffer_text(&text) : NULL);
    buffer_free(&text);
}

void render_indicator(jw_t *j, const catalog_index_t *index, const catalog_indicator_t *indicator,
                      const event_score_t *s, render_depth_t depth)
{
    char max[DECIMAL_TEXT_SIZE];
    const event_indicator_t *state = indicator_of(s, indicator->code);
    jw_object(j);
    if (depth == RENDER_CRITERIA) {
        render_criterion(j, index, indicator);
        put_worked(j, index, indicator, s, state);
    } else {
        jw_put_text(j, "code", indicator->code);
        jw_put_text(j, "title", indicator->title);
        jw_put_text(j, "max", decimal_format(indicator->max, max));
    }
    jw_put_text(j, "status", state != NULL ? event_status_name(state->status) : "missing");
    jw_put_text(j, "points", state != NULL ? state->points : "0");
    put_lost(j, state != NULL ? event_decimal(state->points) : DECIMAL_ZERO,
             state != NULL ? event_decimal(state->max) : indicator->max);
    jw_put_array(j, "flags");
    for (size_t i = 0; state != NULL && i < state->n_flags; i++) {
        jw_text(j, state->flags[i]);
    }
    jw_array_end(j);
    jw_put_array(j, "figures");
    for (unsigned i = 0; i <= indicator->n_inputs; i++) {
        unsigned place =
            i < indicator->n_inputs ? indicator->inputs[i].figure : indicator->excluded_by;
        const event_figure_t *figure = figure_of(s, index->figures[place]->id);
        if (figure != NULL) {
            render_figure(j, index, figure);
        }
    }
    jw_array_end(j);
    jw_object_end(j);
}

typedef struct {
    decimal_t points, max; /* of what applies */
    Chiso__V1__Status worst;
} pillar_sum_t;

static pillar_sum_t sum_of(const catalog_index_t *index, const catalog_pillar_t *pillar,
                           const event_score_t *s)
{
    pillar_sum_t sum = {.worst = CHISO__V1__STATUS__EXCLUDED};
    for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
        const catalog_indicator_t *in = &index->indicators[i];
        const event_indicator_t *state = indicator_of(s, in->code);
        Chiso__V1__Status status = state != NULL ? state->status : CHISO__V1__STATUS__MISSING;
        if (in->rule.kind == RULE_CHILDREN || status == CHISO__V1__STATUS__EXCLUDED) {
            continue; /* a parent's children are told themselves */
        }
        if (rule_worse((rule_status_t)status, (rule_status_t)sum.worst)) {
            sum.worst = status;
        }
        decimal_add(sum.max, in->max, &sum.max);
        if (state != NULL) {
            decimal_add(sum.points, event_decimal(state->points), &sum.points);
        }
    }
    return sum;
}

void render_pillar_sum(const catalog_index_t *index, const catalog_pillar_t *pillar,
                       const event_score_t *s, char points[DECIMAL_TEXT_SIZE],
                       char max[DECIMAL_TEXT_SIZE])
{
    pillar_sum_t sum = sum_of(index, pillar, s);
    decimal_format(sum.points, points);
    decimal_format(sum.max, max);
}

void render_pillar(jw_t *j, const catalog_index_t *index, const catalog_pillar_t *pillar,
                   const event_score_t *s, render_depth_t depth)
{
    pillar_sum_t sum = sum_of(index, pillar, s);
    char text[DECIMAL_TEXT_SIZE];
    jw_object(j);
    jw_put_text(j, "code", pillar->code);
    jw_put_text(j, "title", pillar->title);
    jw_put_text(j, "points", decimal_format(sum.points, text));
    jw_put_text(j, "max", decimal_format(sum.max, text));
    put_lost(j, sum.points, sum.max);
    jw_put_text(j, "status", event_status_name(sum.worst));
    if (depth != RENDER_PILLARS) {
        jw_put_array(j, "indicators");
        for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
            render_indicator(j, index, &index->indicators[i], s, depth);
        }
        jw_array_end(j);
    }
    jw_object_end(j);
}

void render_pillars(jw_t *j, const catalog_index_t *index, const event_score_t *s,
                    render_depth_t depth)
{
    for (unsigned p = 0; p < index->n_pillars; p++) {
        render_pillar(j, index, &index->pillars[p], s, depth);
    }
}

void render_score(const catalog_index_t *index, const event_score_t *s, buffer_t *out)
{
    jw_t j = jw_to(out);
    jw_object(&j);
    jw_put_text(&j, "index", s->index);
    jw_put_text(&j, "period", s->period);
    jw_put_object(&j, "unit");
    render_unit(&j, s->unit);
    jw_object_end(&j);
    render_totals(&j, s);
    jw_put_array(&j, "pillars");
    render_pillars(&j, index, s, RENDER_INDICATORS);
    jw_array_end(&j);
    jw_object_end(&j);
}

void render_ranking(const event_ranking_t *r, buffer_t *out)
{
    jw_t j = jw_to(out);
    jw_object(&j);
    jw_put_text(&j, "index", r->index);
    jw_put_text(&j, "period", r->period);
    jw_put_text(&j, "level", event_level_name(r->level));
    jw_put_text(&j, "parent", r->parent);
    jw_put_number(&j, "revision", r->revision);
    jw_put_time(&j, "as_of", r->as_of);
    jw_put_array(&j, "standings");
    for (size_t i = 0; i < r->n_standings; i++) {
        const event_standing_t *s = r->standings[i];
        jw_object(&j);
        jw_put_text(&j, "code", s->unit);
        jw_put_number(&j, "rank", s->rank);
        render_rank(&j, "previous_rank", s->has_previous_rank, s->previous_rank);
        jw_object_end(&j);
    }
    jw_array_end(&j);
    jw_object_end(&j);
}

/* A unit once, in which periods behind it. */
static void put_stale_rows(jw_t *j, const event_source_state_t *s)
{
    jw_put_array(j, "stale_units");
    for (size_t i = 0; i < s->n_stale_units; i++) {
        bool told = false;
        for (size_t k = 0; k < i && !told; k++) {
            told = strcmp(s->stale_units[k], s->stale_units[i]) == 0;
        }
        if (!told) {
            jw_text(j, s->stale_units[i]);
        }
    }
    jw_array_end(j);
    jw_put_array(j, "stale_rows");
    for (size_t i = 0; i < s->n_stale_periods; i++) {
        jw_object(j);
        jw_put_text(j, "unit", s->stale_units[i]);
        jw_put_text(j, "period", s->stale_periods[i]);
        jw_object_end(j);
    }
    jw_array_end(j);
}

static void put_mismatches(jw_t *j, const event_source_state_t *s)
{
    jw_put_number(j, "mismatched", s->mismatched);
    jw_put_array(j, "mismatches");
    for (size_t i = 0; i < s->n_mismatches; i++) {
        const Chiso__V1__Mismatch *m = s->mismatches[i];
        jw_object(j);
        jw_put_text(j, "unit", m->unit);
        jw_put_text(j, "period", m->period);
        jw_put_text(j, "figure", m->figure);
        jw_put_text(j, "parts", m->parts);
        jw_put_text(j, "sum", m->sum);
        jw_put_text(j, "whole", m->whole);
        jw_object_end(j);
    }
    jw_array_end(j);
}

void render_state(jw_t *j, const event_source_state_t *s)
{
    jw_object(j);
    jw_put_text(j, "source", s->source);
    jw_put_text(j, "series", s->series);
    jw_put_text(j, "outcome", event_outcome_name(s->outcome));
    jw_put_time(j, "since", s->since);
    jw_put_time(j, "last_good", s->has_last_good ? s->last_good : 0);
    jw_put_flag(j, "stale", s->stale);
    jw_put_text(j, "detail", s->detail);
    jw_put_text(j, "notice", s->notice);
    jw_put_time(j, "noticed_at", s->has_noticed_at ? s->noticed_at : 0);
    put_stale_rows(j, s);
    put_mismatches(j, s);
    jw_object_end(j);
}

void render_source(const event_source_state_t *state, buffer_t *out)
{
    jw_t j = jw_to(out);
    render_state(&j, state);
}

const char *render_score_subject(const event_score_t *s, char out[RENDER_SUBJECT_SIZE])
{
    snprintf(out, RENDER_SUBJECT_SIZE, "%s/%s/%s", s->index, s->period, s->unit->code);
    return out;
}

const char *render_ranking_subject(const event_ranking_t *r, char out[RENDER_SUBJECT_SIZE])
{
    snprintf(out, RENDER_SUBJECT_SIZE, "%s/%s/%s%s%s", r->index, r->period,
             event_level_name(r->level), r->parent != NULL ? "/" : "",
             r->parent != NULL ? r->parent : "");
    return out;
}

static const char *key_of(const char *kind, const char *subject, uint32_t revision, uint64_t epoch,
                          char out[RENDER_KEY_SIZE])
{
    snprintf(out, RENDER_KEY_SIZE, "%s/%s/%u@%08x", kind, subject, revision,
             (unsigned)(epoch & 0xffffffffU));
    return out;
}

const char *render_score_key(const event_score_t *s, uint64_t epoch, char out[RENDER_KEY_SIZE])
{
    char subject[RENDER_SUBJECT_SIZE];
    return key_of("score", render_score_subject(s, subject), s->revision, epoch, out);
}

const char *render_ranking_key(const event_ranking_t *r, uint64_t epoch, char out[RENDER_KEY_SIZE])
{
    char subject[RENDER_SUBJECT_SIZE];
    return key_of("ranking", render_ranking_subject(r, subject), r->revision, epoch, out);
}
