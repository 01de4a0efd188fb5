/* render.c - see render.h. */
#include "render.h"

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

static void put_rank(jw_t *j, const char *key, bool has, uint32_t rank)
{
    if (has) {
        jw_put_number(j, key, rank);
    } else {
        jw_put_text(j, key, NULL);
    }
}

void render_totals(jw_t *j, const event_score_t *s)
{
    jw_put_text(j, "points", s->points);
    jw_put_text(j, "max", s->max);
    jw_put_text(j, "percent", s->percent);
    jw_put_text(j, "change", s->change);
    put_rank(j, "rank", s->has_rank, s->rank);
    put_rank(j, "previous_rank", s->has_previous_rank, s->previous_rank);
    put_rank(j, "nation_rank", s->has_nation_rank, s->nation_rank);
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
    char hex[SHA256_HEX_SIZE];
    const char *title = NULL;
    const char *unit = NULL;
    for (unsigned i = 0; i < index->n_figures; i++) {
        if (strcmp(index->figures[i]->id, f->id) == 0) {
            title = index->figures[i]->title;
            unit = index->figures[i]->unit;
        }
    }
    jw_object(j);
    jw_put_text(j, "id", f->id);
    jw_put_text(j, "title", title);
    jw_put_text(j, "unit", unit);
    jw_put_text(j, "value", f->value);
    jw_put_text(j, "source", f->source);
    jw_put_text(j, "series", f->series);
    jw_put_time(j, "fetched_at", f->fetched_at);
    jw_put_number(j, "revision", f->revision);
    jw_put_text(j, "raw_sha256", sha256_hex(f->raw_sha256.data, hex));
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
    formula_write(&in->rule, in->max, FORMULA_VIETNAMESE, "", &formula);
    jw_put_text(j, "formula", buffer_text(&formula));
    jw_put_text(j, "text", in->text);
    jw_put_text(j, "note", in->note);
    jw_put_text(j, "scorer", in->scorer);
    jw_put_text(j, "lead", in->lead);
    jw_put_text(j, "coordinators", in->coordinators);
    jw_put_text(j, "frequency", in->frequency);
    jw_put_text(j, "basis", in->basis);
    jw_put_text(j, "evidence", in->evidence);
    jw_put_text(j, "replaces", in->replaces);
    jw_key(j, "inputs");
    jw_array(j);
    for (unsigned i = 0; i < in->n_inputs; i++) {
        const catalog_figure_t *figure = index->figures[in->inputs[i].figure];
        jw_object(j);
        jw_put_text(j, "name", in->inputs[i].name);
        jw_put_text(j, "figure", figure->id);
        jw_put_text(j, "title", figure->title);
        jw_put_text(j, "unit", figure->unit);
        jw_object_end(j);
    }
    jw_array_end(j);
    buffer_free(&formula);
}

static void render_indicator(jw_t *j, const catalog_index_t *index,
                             const catalog_indicator_t *indicator, const event_score_t *s,
                             render_depth_t depth)
{
    char max[DECIMAL_TEXT_SIZE];
    const event_indicator_t *state = indicator_of(s, indicator->code);
    jw_object(j);
    if (depth == RENDER_CRITERIA) {
        render_criterion(j, index, indicator);
    } else {
        jw_put_text(j, "code", indicator->code);
        jw_put_text(j, "title", indicator->title);
        jw_put_text(j, "max", decimal_format(indicator->max, max));
    }
    jw_put_text(j, "status", state != NULL ? event_status_name(state->status) : "missing");
    jw_put_text(j, "points", state != NULL ? state->points : "0");
    jw_key(j, "flags");
    jw_array(j);
    for (size_t i = 0; state != NULL && i < state->n_flags; i++) {
        jw_text(j, state->flags[i]);
    }
    jw_array_end(j);
    jw_key(j, "figures");
    jw_array(j);
    for (unsigned i = 0; i < indicator->n_inputs; i++) {
        const char *id = index->figures[indicator->inputs[i].figure]->id;
        const event_figure_t *figure = figure_of(s, id);
        if (figure != NULL) {
            render_figure(j, index, figure);
        }
    }
    jw_array_end(j);
    jw_object_end(j);
}

void render_pillars(jw_t *j, const catalog_index_t *index, const event_score_t *s,
                    render_depth_t depth)
{
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        decimal_t points = DECIMAL_ZERO;
        Chiso__V1__Status worst = CHISO__V1__STATUS__SCORED;
        for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
            if (index->indicators[i].rule.kind == RULE_CHILDREN) {
                continue; /* its children are told themselves */
            }
            const event_indicator_t *state = indicator_of(s, index->indicators[i].code);
            Chiso__V1__Status status = state != NULL ? state->status : CHISO__V1__STATUS__MISSING;
            worst = status > worst && status != CHISO__V1__STATUS__EXCLUDED ? status : worst;
            if (state != NULL) {
                decimal_add(points, event_decimal(state->points), &points);
            }
        }
        char text[DECIMAL_TEXT_SIZE];
        jw_object(j);
        jw_put_text(j, "code", pillar->code);
        jw_put_text(j, "title", pillar->title);
        jw_put_text(j, "points", decimal_format(points, text));
        jw_put_text(j, "max", decimal_format(pillar->max, text));
        jw_put_text(j, "status", event_status_name(worst));
        if (depth != RENDER_PILLARS) {
            jw_key(j, "indicators");
            jw_array(j);
            for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
                render_indicator(j, index, &index->indicators[i], s, depth);
            }
            jw_array_end(j);
        }
        jw_object_end(j);
    }
}

void render_score(const catalog_index_t *index, const event_score_t *s, buffer_t *out)
{
    jw_t j = jw_to(out);
    jw_object(&j);
    jw_put_text(&j, "index", s->index);
    jw_put_text(&j, "period", s->period);
    jw_key(&j, "unit");
    jw_object(&j);
    render_unit(&j, s->unit);
    jw_object_end(&j);
    render_totals(&j, s);
    jw_key(&j, "pillars");
    jw_array(&j);
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
    jw_key(&j, "standings");
    jw_array(&j);
    for (size_t i = 0; i < r->n_standings; i++) {
        const event_standing_t *s = r->standings[i];
        jw_object(&j);
        jw_put_text(&j, "code", s->unit);
        jw_put_number(&j, "rank", s->rank);
        put_rank(&j, "previous_rank", s->has_previous_rank, s->previous_rank);
        jw_object_end(&j);
    }
    jw_array_end(&j);
    jw_object_end(&j);
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
    jw_key(j, "stale_units");
    jw_array(j);
    for (size_t i = 0; i < s->n_stale_units; i++) {
        jw_text(j, s->stale_units[i]);
    }
    jw_array_end(j);
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
