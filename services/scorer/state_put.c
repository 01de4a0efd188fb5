/* state_put.c - see state.h: results and rankings as events.
 *
 * Written field by field and not through protobuf-c's structs, which took a third of the time of a
 * batch; tests/unit/score_rig.h holds the bytes against protobuf-c's.
 */
#include "base/error.h"
#include "event/pack.h"
#include "state.h"

#define EVENT_SCORE 3 /* fields of proto/chiso/v1/events.proto */
#define EVENT_RANKING 4

/* The most that one part of an event takes. */
#define UNIT_BYTES (3 * EVENT_MAX_CODE + EVENT_MAX_NAME + 64)
#define TOTALS_BYTES (UNIT_BYTES + 2 * EVENT_MAX_CODE + 16 * (DECIMAL_TEXT_SIZE + PACK_NUMBER))
#define FIGURE_BYTES                                                                               \
    (6 * EVENT_MAX_CODE + DECIMAL_TEXT_SIZE +                                                      \
     (EVENT_MAX_EVIDENCE + 1) * (SHA256_SIZE + PACK_TAG) + 10 * PACK_NUMBER)
#define INDICATOR_BYTES (EVENT_MAX_CODE + 2 * DECIMAL_TEXT_SIZE + RULE_FLAGS * 32 + 4 * PACK_NUMBER)
#define STANDING_BYTES (EVENT_MAX_CODE + 3 * PACK_NUMBER)

static uint8_t *pack_decimal(uint8_t *at, unsigned field, decimal_t value)
{
    uint8_t *text = pack_begin(at, field);
    return pack_end(text, text + decimal_write(value, (char *)text));
}

static uint8_t *pack_unit(uint8_t *at, unsigned field, const result_t *r)
{
    uint8_t *start = pack_begin(at, field);
    at = pack_text(start, 1, r->code);
    at = pack_number(at, 2, r->level);
    at = r->parent != NULL ? pack_text(at, 3, r->parent) : at;
    at = pack_text(at, 4, r->name);
    return pack_end(start, at);
}

static uint8_t *pack_totals(uint8_t *at, const result_t *r)
{
    decimal_t percent;
    char text[DECIMAL_TEXT_SIZE];
    at = pack_text(at, 1, r->index->id);
    at = pack_text(at, 2, r->period);
    at = pack_unit(at, 3, r);
    at = pack_number(at, 4, r->revision);
    at = pack_number(at, 5, (uint64_t)r->as_of);
    at = pack_decimal(at, 6, r->points);
    at = pack_decimal(at, 7, r->max);
    if (decimal_sign(r->max) > 0 &&
        decimal_muldiv(r->points, decimal_of(100), r->max, DECIMAL_HALF_UP, &percent) == 0) {
        at = pack_text(at, 8, decimal_format_fixed(percent, 6, DECIMAL_HALF_UP, text));
    }
    at = r->has_change ? pack_decimal(at, 9, r->change) : at;
    at = r->rank != 0 ? pack_number(at, 10, r->rank) : at;
    at = r->previous_rank != 0 ? pack_number(at, 11, r->previous_rank) : at;
    return r->nation_rank != 0 ? pack_number(at, 12, r->nation_rank) : at;
}

static uint8_t *pack_indicator(uint8_t *at, const catalog_indicator_t *indicator,
                               const rule_result_t *from)
{
    uint8_t *start = pack_begin(at, 13);
    at = pack_text(start, 1, indicator->code);
    at = pack_number(at, 2, from->status);
    at = pack_decimal(at, 3, from->points);
    at = pack_decimal(at, 4, indicator->max);
    for (unsigned f = 0; f < RULE_FLAGS; f++) {
        at = (from->flags >> f & 1) != 0 ? pack_text(at, 5, rule_flag_names[f]) : at;
    }
    return pack_end(start, at);
}

static uint8_t *pack_figure(uint8_t *at, const catalog_figure_t *figure, const figure_state_t *from)
{
    uint8_t *start = pack_begin(at, 14);
    at = pack_text(start, 1, figure->id);
    at = from->withdrawn ? pack_text(at, 2, "") : pack_decimal(at, 2, from->value);
    at = pack_text(at, 3, from->line->source);
    at = pack_text(at, 4, from->line->series);
    at = pack_number(at, 5, (uint64_t)from->fetched_at);
    at = pack_number(at, 6, from->revision);
    at = pack_bytes(at, 7, from->proved ? from->proof->raw_sha256 : from->raw_sha256, SHA256_SIZE);
    at = from->line->submitter != NULL ? pack_text(at, 8, from->line->submitter) : at;
    for (size_t i = 0; from->proved && i < from->proof->n_evidence; i++) {
        at = pack_bytes(at, 9, from->proof->evidence + i * SHA256_SIZE, SHA256_SIZE);
    }
    at = from->withdrawn ? pack_number(at, 10, 1) : at;
    return pack_end(start, at);
}

static void put_indicators(const result_t *r, bool complete, buffer_t *out)
{
    for (unsigned i = 0; i < r->index->n_indicators; i++) {
        const rule_result_t *from = &r->indicators[i];
        if (!(complete || bit_get(r->changed_indicators, i)) || from->status == 0 ||
            !buffer_room(out, INDICATOR_BYTES)) {
            continue;
        }
        buffer_end(out, pack_indicator(buffer_at(out), &r->index->indicators[i], from));
    }
}

static void put_figures(const result_t *r, bool complete, buffer_t *out)
{
    for (unsigned i = 0; i < r->index->n_figures; i++) {
        const figure_state_t *from = state_figure(r, i);
        if (!(complete || bit_get(r->changed_figures, i)) || from->revision == 0 ||
            !buffer_room(out, FIGURE_BYTES)) {
            continue;
        }
        buffer_end(out, pack_figure(buffer_at(out), r->index->figures[i], from));
    }
}

/* Closes the event that begins at `start` (an offset: the buffer may have moved). */
static void end_event(buffer_t *out, size_t start)
{
    if (buffer_room(out, PACK_NESTED)) {
        buffer_end(out, pack_end(out->data + start, buffer_at(out)));
    }
}

void state_put_score(const result_t *r, bool complete, buffer_t *out)
{
    if (!buffer_room(out, TOTALS_BYTES)) {
        return;
    }
    uint8_t *at = pack_begin(buffer_at(out), EVENT_SCORE);
    size_t start = (size_t)(at - out->data);
    buffer_end(out, pack_totals(at, r));
    put_indicators(r, complete, out);
    put_figures(r, complete, out);
    if (buffer_room(out, 2 * (DECIMAL_TEXT_SIZE + PACK_TAG))) {
        at = pack_decimal(buffer_at(out), 15, r->scored_max);
        buffer_end(out, pack_decimal(at, 16, r->machine_max));
    }
    end_event(out, start);
}

void state_put_ranking(const ranking_t *r, const standing_t *moved, size_t n_moved, buffer_t *out)
{
    if (!buffer_room(out, 3 * EVENT_MAX_CODE + 4 * PACK_NUMBER + PACK_NESTED)) {
        return;
    }
    uint8_t *at = pack_begin(buffer_at(out), EVENT_RANKING);
    size_t start = (size_t)(at - out->data);
    at = pack_text(at, 1, r->index->id);
    at = pack_text(at, 2, r->period);
    at = pack_number(at, 3, r->level);
    at = r->parent != NULL ? pack_text(at, 4, r->parent) : at;
    at = pack_number(at, 5, r->revision);
    buffer_end(out, pack_number(at, 6, (uint64_t)r->as_of));
    for (size_t i = 0; i < n_moved && buffer_room(out, STANDING_BYTES); i++) {
        const standing_t *s = &moved[i];
        uint8_t *standing = pack_begin(buffer_at(out), 7);
        at = pack_text(standing, 1, s->unit);
        at = pack_number(at, 2, s->rank);
        at = s->previous != 0 ? pack_number(at, 3, s->previous) : at;
        buffer_end(out, pack_end(standing, at));
    }
    end_event(out, start);
}

size_t state_put_standings(const ranking_t *ranking, unsigned from, buffer_t *out)
{
    standing_t *all = calloc(STATE_MAX_STANDINGS, sizeof *all);
    if (all == NULL) {
        out->failed = true;
        return ranking->n_members;
    }
    size_t n = 0;
    unsigned i = from;
    for (; i < ranking->n_members && n < STATE_MAX_STANDINGS; i++) {
        const result_t *r = ranking->members[i];
        bool local = ranking == r->local;
        uint32_t rank = local ? r->rank : r->nation_rank;
        if (rank != 0) {
            all[n++] = (standing_t){r->code, rank, local ? r->previous_rank : 0};
        }
    }
    state_put_ranking(ranking, all, n, out);
    free(all);
    return i;
}
