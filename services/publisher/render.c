/* render.c - see render.h. */
#include "render.h"

#include <stdio.h>
#include <string.h>

void render_unit(json_out_t *j, const event_unit_t *unit)
{
    json_put_text(j, "code", unit->code);
    json_put_text(j, "name", unit->name);
    json_put_text(j, "level", event_level_name(unit->level));
    json_put_text(j, "parent", unit->parent);
}

static void put_rank(json_out_t *j, const char *key, bool has, uint32_t rank)
{
    json_key(j, key);
    if (has) {
        json_whole(j, rank);
    } else {
        json_null(j);
    }
}

void render_totals(json_out_t *j, const event_score_t *s)
{
    json_put_text(j, "points", s->points);
    json_put_text(j, "max", s->max);
    json_put_text(j, "percent", s->percent);
    json_put_text(j, "change", s->change);
    put_rank(j, "rank", s->has_rank, s->rank);
    put_rank(j, "previous_rank", s->has_previous_rank, s->previous_rank);
    put_rank(j, "nation_rank", s->has_nation_rank, s->nation_rank);
    json_put_whole(j, "revision", s->revision);
    json_put_time(j, "as_of", s->as_of);
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

void render_figure(json_out_t *j, const catalog_index_t *index, const event_figure_t *f)
{
    char hex[SHA256_HEX_SIZE];
    const char *title = NULL;
    const char *unit = NULL;
    for (unsigned i = 0; i < index->n_figures; i++) {
        if (strcmp(index->figures[i].id, f->id) == 0) {
            title = index->figures[i].title;
            unit = index->figures[i].unit;
        }
    }
    json_object(j);
    json_put_text(j, "id", f->id);
    json_put_text(j, "title", title);
    json_put_text(j, "unit", unit);
    json_put_text(j, "value", f->value);
    json_put_text(j, "source", f->source);
    json_put_text(j, "series", f->series);
    json_put_time(j, "fetched_at", f->fetched_at);
    json_put_whole(j, "revision", f->revision);
    json_put_text(j, "raw_sha256", sha256_hex(f->raw_sha256.data, hex));
    json_object_end(j);
}

static void render_indicator(json_out_t *j, const catalog_index_t *index,
                             const catalog_indicator_t *indicator, const event_score_t *s)
{
    char max[DECIMAL_TEXT_SIZE];
    const event_indicator_t *state = indicator_of(s, indicator->code);
    json_object(j);
    json_put_text(j, "code", indicator->code);
    json_put_text(j, "title", indicator->title);
    json_put_text(j, "status", state != NULL ? event_status_name(state->status) : "missing");
    json_put_text(j, "points", state != NULL ? state->points : "0");
    json_put_text(j, "max", decimal_format(indicator->max, max));
    json_put_text(j, "note", indicator->note);
    json_key(j, "flags");
    json_array(j);
    for (size_t i = 0; state != NULL && i < state->n_flags; i++) {
        json_text(j, state->flags[i]);
    }
    json_array_end(j);
    json_key(j, "figures");
    json_array(j);
    const event_figure_t *figure = figure_of(s, index->figures[indicator->points].id);
    if (figure != NULL) {
        render_figure(j, index, figure);
    }
    json_array_end(j);
    json_object_end(j);
}

void render_pillars(json_out_t *j, const catalog_index_t *index, const event_score_t *s,
                    bool indicators)
{
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        decimal_t points = DECIMAL_ZERO;
        Chiso__V1__Status worst = CHISO__V1__STATUS__SCORED;
        for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
            const event_indicator_t *state = indicator_of(s, index->indicators[i].code);
            Chiso__V1__Status status = state != NULL ? state->status : CHISO__V1__STATUS__MISSING;
            worst = status > worst && status != CHISO__V1__STATUS__EXCLUDED ? status : worst;
            if (state != NULL) {
                decimal_add(points, event_decimal(state->points), &points);
            }
        }
        char text[DECIMAL_TEXT_SIZE];
        json_object(j);
        json_put_text(j, "code", pillar->code);
        json_put_text(j, "title", pillar->title);
        json_put_text(j, "points", decimal_format(points, text));
        json_put_text(j, "max", decimal_format(pillar->max, text));
        json_put_text(j, "status", event_status_name(worst));
        if (indicators) {
            json_key(j, "indicators");
            json_array(j);
            for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
                render_indicator(j, index, &index->indicators[i], s);
            }
            json_array_end(j);
        }
        json_object_end(j);
    }
}

void render_score(const catalog_index_t *index, const event_score_t *s, buffer_t *out)
{
    json_out_t j = json_to(out);
    json_object(&j);
    json_put_text(&j, "index", s->index);
    json_put_text(&j, "period", s->period);
    json_key(&j, "unit");
    json_object(&j);
    render_unit(&j, s->unit);
    json_object_end(&j);
    render_totals(&j, s);
    json_key(&j, "pillars");
    json_array(&j);
    render_pillars(&j, index, s, true);
    json_array_end(&j);
    json_object_end(&j);
}

void render_ranking(const event_ranking_t *r, buffer_t *out)
{
    json_out_t j = json_to(out);
    json_object(&j);
    json_put_text(&j, "index", r->index);
    json_put_text(&j, "period", r->period);
    json_put_text(&j, "level", event_level_name(r->level));
    json_put_text(&j, "parent", r->parent);
    json_put_whole(&j, "revision", r->revision);
    json_put_time(&j, "as_of", r->as_of);
    json_key(&j, "standings");
    json_array(&j);
    for (size_t i = 0; i < r->n_standings; i++) {
        const event_standing_t *s = r->standings[i];
        json_object(&j);
        json_put_text(&j, "code", s->unit);
        json_put_whole(&j, "rank", s->rank);
        put_rank(&j, "previous_rank", s->has_previous_rank, s->previous_rank);
        json_object_end(&j);
    }
    json_array_end(&j);
    json_object_end(&j);
}

void render_state(json_out_t *j, const event_source_state_t *s)
{
    json_object(j);
    json_put_text(j, "source", s->source);
    json_put_text(j, "series", s->series);
    json_put_text(j, "outcome", event_outcome_name(s->outcome));
    json_put_time(j, "since", s->since);
    json_put_time(j, "last_good", s->has_last_good ? s->last_good : 0);
    json_put_flag(j, "stale", s->stale);
    json_put_text(j, "detail", s->detail);
    json_key(j, "stale_units");
    json_array(j);
    for (size_t i = 0; i < s->n_stale_units; i++) {
        json_text(j, s->stale_units[i]);
    }
    json_array_end(j);
    json_object_end(j);
}

void render_source(const event_source_state_t *state, buffer_t *out)
{
    json_out_t j = json_to(out);
    render_state(&j, state);
}

const char *render_score_key(const event_score_t *s, uint64_t epoch, char out[RENDER_KEY_SIZE])
{
    snprintf(out, RENDER_KEY_SIZE, "score/%s/%s/%s/%u@%08x", s->index, s->period, s->unit->code,
             s->revision, (unsigned)(epoch & 0xffffffffU));
    return out;
}
