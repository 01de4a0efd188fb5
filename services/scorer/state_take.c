/* state_take.c - see state.h: a record of our own journal or checkpoint straight into the working
 * set.
 *
 * A start reads up to a million of them. They were written by state_put.c and their checksum was
 * looked at, so the door of libs/event, with its arena and its normal forms, has nothing to find:
 * the bytes are taken as they stand. Whatever is not as state_put.c writes it goes the long way.
 */
#include "base/error.h"
#include "state.h"

#include <string.h>

#define NUMBER 0
#define BLOCK 2
#define FIELD(number, type) ((number) << 3 | (type))
#define MAX_SERIES (3 * EVENT_MAX_CODE)
#define STANDINGS_AT_ONCE 16
#define MOST_AHEAD 2048 /* bytes of what hangs on a result */

typedef struct {
    const uint8_t *at, *end;
} read_t;

typedef struct {
    uint64_t tag, number;
    bytes_t block;
} field_t;

static read_t reader(bytes_t in)
{
    return (read_t){in.data, in.data + in.len};
}

static bool read_long_varint(read_t *r, uint64_t *out)
{
    const uint8_t *at = r->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && at < r->end; shift += 7) {
        uint8_t byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            r->at = at;
            *out = value;
            return true;
        }
    }
    return false;
}

/* Nearly all tags and lengths are one byte. */
static inline bool read_varint(read_t *r, uint64_t *out)
{
    if (r->at < r->end && *r->at < 0x80) {
        *out = *r->at++;
        return true;
    }
    return read_long_varint(r, out);
}

/* The next field; false at the end, and when it is none (r->at is then not the end). */
static bool next(read_t *r, field_t *f)
{
    const uint8_t *before = r->at;
    if (r->at == r->end) {
        return false;
    }
    bool good = read_varint(r, &f->tag) && read_varint(r, &f->number) &&
                ((f->tag & 7) == NUMBER ||
                 ((f->tag & 7) == BLOCK && f->number <= (uint64_t)(r->end - r->at)));
    if (!good) {
        r->at = before;
        return false;
    }
    if ((f->tag & 7) == BLOCK) {
        f->block = bytes_of(r->at, (size_t)f->number);
        r->at += f->number;
    }
    return true;
}

static bool is_text(bytes_t block, const char *text)
{
    return text != NULL && strlen(text) == block.len && memcmp(text, block.data, block.len) == 0;
}

/* A copy with its NUL; false when it does not fit. */
static bool copy(bytes_t block, char *out, size_t size)
{
    if (block.len >= size || memchr(block.data, '\0', block.len) != NULL) {
        return false;
    }
    memcpy(out, block.data, block.len);
    out[block.len] = '\0';
    return true;
}

static bool take_decimal(bytes_t block, decimal_t *out)
{
    return decimal_parse((const char *)block.data, block.len, out) == 0;
}

/* The body of an event, and perhaps its trace. */
static bool take_body(read_t *in, unsigned number, field_t *body)
{
    field_t trace = {0};
    return next(in, body) && body->tag == FIELD(number, BLOCK) &&
           (!next(in, &trace) || trace.tag == FIELD(6, BLOCK)) && in->at == in->end;
}

/* ---- a Score ---- */

static bool is_machine_line(const figure_line_t *line, bytes_t source, bytes_t series)
{
    return line->submitter == NULL && is_text(source, line->source) &&
           is_text(series, line->series);
}

/* The line that is known already, or another one. */
static bool take_line(state_t *state, bytes_t source, bytes_t series, const figure_line_t **known)
{
    char from[EVENT_MAX_CODE + 1];
    char of[MAX_SERIES + 1];
    if (is_machine_line(*known, source, series)) {
        return true;
    }
    if (state->last_line != NULL && is_machine_line(state->last_line, source, series)) {
        *known = state->last_line;
        return true;
    }
    const figure_line_t *found = copy(source, from, sizeof from) && copy(series, of, sizeof of)
                                     ? state_line(state, from, of, NULL)
                                     : NULL;
    if (found != NULL) {
        *known = state->last_line = found;
    }
    return found != NULL;
}

static bool take_figure(state_t *state, result_t *r, bytes_t block)
{
    read_t in = reader(block);
    field_t f;
    bytes_t source = bytes_of(NULL, 0);
    char id[EVENT_MAX_CODE + 1];
    if (!next(&in, &f) || f.tag != FIELD(1, BLOCK) || !copy(f.block, id, sizeof id)) {
        return false;
    }
    int place = catalog_figure_place(r->index, id);
    figure_state_t *to = place >= 0 ? state_place(r, (unsigned)place) : NULL;
    if (to == NULL || to->line->submitter != NULL || to->proved || to->withdrawn) {
        return false; /* also one that the catalog has no more */
    }
    while (next(&in, &f)) {
        bool good = true;
        switch (f.tag) {
        case FIELD(2, BLOCK):
            good = take_decimal(f.block, &to->value);
            break;
        case FIELD(3, BLOCK):
            source = f.block;
            break;
        case FIELD(4, BLOCK):
            good = take_line(state, source, f.block, &to->line); /* stands behind the source */
            break;
        case FIELD(5, NUMBER):
            to->fetched_at = (int64_t)f.number;
            break;
        case FIELD(6, NUMBER):
            to->revision = (uint32_t)f.number;
            break;
        case FIELD(7, BLOCK):
            good = f.block.len == SHA256_SIZE;
            memcpy(to->raw_sha256, f.block.data, good ? SHA256_SIZE : 0);
            break;
        default:
            good = false;
            break;
        }
        if (!good) {
            return false;
        }
    }
    return in.at == in.end;
}

static bool take_indicator(result_t *r, bytes_t block)
{
    read_t in = reader(block);
    field_t f;
    char code[EVENT_MAX_CODE + 1];
    if (!next(&in, &f) || f.tag != FIELD(1, BLOCK) || !copy(f.block, code, sizeof code)) {
        return false;
    }
    int place = catalog_indicator(r->index, code);
    if (place < 0) {
        return false;
    }
    rule_result_t now = {.points = DECIMAL_ZERO};
    while (next(&in, &f)) {
        if (f.tag == FIELD(2, NUMBER)) {
            now.status = (rule_status_t)f.number;
        } else if (f.tag == FIELD(5, BLOCK)) {
            for (unsigned i = 0; i < RULE_FLAGS; i++) {
                now.flags |= is_text(f.block, rule_flag_names[i]) ? 1U << i : 0;
            }
        } else if (f.tag == FIELD(3, BLOCK) ? !take_decimal(f.block, &now.points)
                                            : f.tag != FIELD(4, BLOCK)) {
            return false;
        }
    }
    r->indicators[place] = now;
    return in.at == in.end;
}

/* The unit as it is written there, with room for its texts. */
typedef struct {
    event_unit_t unit;
    char code[EVENT_MAX_CODE + 1], parent[EVENT_MAX_CODE + 1], name[EVENT_MAX_NAME + 1];
} unit_t;

static bool take_unit(bytes_t block, unit_t *out)
{
    read_t in = reader(block);
    field_t f;
    chiso__v1__unit__init(&out->unit);
    while (next(&in, &f)) {
        if (f.tag == FIELD(1, BLOCK) && copy(f.block, out->code, sizeof out->code)) {
            out->unit.code = out->code;
        } else if (f.tag == FIELD(2, NUMBER) && f.number < INT32_MAX) {
            out->unit.level = (Chiso__V1__Level)f.number;
        } else if (f.tag == FIELD(3, BLOCK) && copy(f.block, out->parent, sizeof out->parent)) {
            out->unit.parent = out->parent;
        } else if (f.tag == FIELD(4, BLOCK) && copy(f.block, out->name, sizeof out->name)) {
            out->unit.name = out->name;
        } else {
            return false;
        }
    }
    return in.at == in.end && out->unit.code != NULL && out->unit.name != NULL &&
           event_level_name(out->unit.level) != NULL;
}

static result_t *make_result(state_t *state, bytes_t index_id, bytes_t period_text, bytes_t block)
{
    char id[EVENT_MAX_CODE + 1];
    char period[PERIOD_TEXT_SIZE];
    unit_t unit;
    if (!copy(index_id, id, sizeof id) || !copy(period_text, period, sizeof period) ||
        !take_unit(block, &unit)) {
        return NULL;
    }
    const catalog_index_t *index = catalog_find(state->catalog, id);
    return index != NULL ? state_result(state, index, period, &unit.unit) : NULL;
}

/* The result of the unit, if it has the same name; a new one when there is none. */
static result_t *find_result(state_t *state, bytes_t index, bytes_t period, bytes_t unit)
{
    read_t in = reader(unit);
    field_t f;
    if (!next(&in, &f) || f.tag != FIELD(1, BLOCK)) {
        return NULL;
    }
    result_t *r = state_find_bytes(state, index, period, f.block);
    if (r == NULL) {
        return make_result(state, index, period, unit);
    }
    while (next(&in, &f)) {
        if (f.tag == FIELD(4, BLOCK) && !is_text(f.block, r->name)) {
            return NULL;
        }
    }
    return r;
}

static bool take_total(result_t *r, const field_t *f)
{
    switch (f->tag) {
    case FIELD(4, NUMBER):
        r->revision = (uint32_t)f->number;
        return true;
    case FIELD(5, NUMBER):
        r->as_of = (int64_t)f->number;
        return true;
    case FIELD(6, BLOCK):
        return take_decimal(f->block, &r->points);
    case FIELD(7, BLOCK):
        return take_decimal(f->block, &r->max);
    case FIELD(8, BLOCK): /* the percentage follows from both */
        return true;
    case FIELD(9, BLOCK):
        r->has_change = true;
        return take_decimal(f->block, &r->change);
    case FIELD(10, NUMBER):
        r->rank = (uint32_t)f->number;
        return true;
    case FIELD(11, NUMBER):
        r->previous_rank = (uint32_t)f->number;
        return true;
    case FIELD(12, NUMBER):
        r->nation_rank = (uint32_t)f->number;
        return true;
    case FIELD(15, BLOCK):
        return take_decimal(f->block, &r->scored_max);
    case FIELD(16, BLOCK):
        return take_decimal(f->block, &r->machine_max);
    default:
        return false;
    }
}

/* What a Score is about; `in` then stands behind that. */
static bool take_head(bytes_t payload, read_t *in, field_t *index, field_t *period, field_t *unit)
{
    field_t body;
    *in = reader(payload);
    if (!take_body(in, 3, &body)) {
        return false;
    }
    *in = reader(body.block);
    return next(in, index) && index->tag == FIELD(1, BLOCK) && next(in, period) &&
           period->tag == FIELD(2, BLOCK) && next(in, unit) && unit->tag == FIELD(3, BLOCK);
}

static void foresee(const state_t *state, bytes_t index, bytes_t period, bytes_t unit,
                    state_hint_t *hint)
{
    read_t in = reader(unit);
    field_t code;
    char key[STATE_MAX_KEY];
    size_t len = next(&in, &code) && code.tag == FIELD(1, BLOCK)
                     ? state_key(index, period, code.block, key)
                     : 0;
    *hint = (state_hint_t){.step = STATE_NO_HINT};
    if (len > 0) {
        hint->hash = keys_foresee(&state->keys, key, len);
        hint->step = STATE_HAS_KEY;
    }
}

void state_foresee(const state_t *state, bytes_t payload, state_hint_t *hint)
{
    read_t in;
    field_t index;
    field_t period;
    field_t unit;
    *hint = (state_hint_t){.step = STATE_NO_HINT};
    if (take_head(payload, &in, &index, &period, &unit)) {
        foresee(state, index.block, period.block, unit.block, hint);
    }
}

/* The first index that is scored for such a unit and period: most readings are for one. */
static const catalog_index_t *index_for(const state_t *state, uint64_t level, bytes_t period)
{
    char text[PERIOD_TEXT_SIZE];
    bool fits = copy(period, text, sizeof text);
    for (unsigned i = 0; fits && i < catalog_count(state->catalog); i++) {
        const catalog_index_t *index = catalog_at(state->catalog, i);
        if (catalog_has_level(index, (int)level) && catalog_has_period(index, text)) {
            return index;
        }
    }
    return NULL;
}

void state_foresee_reading(const state_t *state, bytes_t payload, state_hint_t *hint)
{
    read_t in = reader(payload);
    field_t body;
    field_t unit;
    field_t period;
    field_t code;
    field_t level;
    *hint = (state_hint_t){.step = STATE_NO_HINT};
    if (!take_body(&in, 1, &body)) {
        return;
    }
    in = reader(body.block);
    if (!next(&in, &unit) || unit.tag != FIELD(1, BLOCK) || !next(&in, &period) ||
        period.tag != FIELD(2, BLOCK)) {
        return;
    }
    in = reader(unit.block);
    bool good = next(&in, &code) && next(&in, &level) && level.tag == FIELD(2, NUMBER);
    const catalog_index_t *index = good ? index_for(state, level.number, period.block) : NULL;
    if (index != NULL) {
        foresee(state, bytes_of_text(index->id), period.block, unit.block, hint);
    }
}

void state_approach(const state_t *state, state_hint_t *hint)
{
    const result_t *r = hint->result;
    if (hint->step == STATE_HAS_KEY) {
        r = hint->result = keys_likely(&state->keys, state->results, hint->hash);
        for (size_t at = 0; r != NULL && at <= offsetof(result_t, key); at += RESULT_ALIGN) {
            __builtin_prefetch((const char *)r + at, 1);
        }
        hint->step = r != NULL ? STATE_HAS_RESULT : STATE_NO_HINT;
    } else if (hint->step == STATE_HAS_RESULT) {
        const char *end = (const char *)(r->places + r->index->n_figures);
        size_t len = (size_t)(end - (const char *)r->arrays);
        __builtin_prefetch(r->name);
        for (size_t at = 0; at < len && at < MOST_AHEAD; at += RESULT_ALIGN) {
            __builtin_prefetch((const char *)r->arrays + at, 1);
        }
    }
}

result_t *state_take_score(state_t *state, bytes_t payload)
{
    read_t in;
    field_t f;
    field_t index;
    field_t period;
    field_t unit;
    if (!take_head(payload, &in, &index, &period, &unit)) {
        return NULL;
    }
    result_t *r = find_result(state, index.block, period.block, unit.block);
    if (r == NULL) {
        return NULL;
    }
    r->has_change = false;
    r->change = DECIMAL_ZERO;
    r->rank = r->previous_rank = r->nation_rank = 0;
    while (next(&in, &f)) {
        bool good = f.tag == FIELD(13, BLOCK)   ? take_indicator(r, f.block)
                    : f.tag == FIELD(14, BLOCK) ? take_figure(state, r, f.block)
                                                : take_total(r, &f);
        if (!good) {
            return NULL;
        }
    }
    return in.at == in.end ? r : NULL;
}

/* ---- a Ranking ---- */

static ranking_t *find_ranking(state_t *state, const field_t *index, const field_t *period,
                               Chiso__V1__Level level, const field_t *parent)
{
    char id[EVENT_MAX_CODE + 1];
    char text[PERIOD_TEXT_SIZE];
    char above[EVENT_MAX_CODE + 1];
    if (!copy(index->block, id, sizeof id) || !copy(period->block, text, sizeof text) ||
        event_level_name(level) == NULL ||
        (parent != NULL && !copy(parent->block, above, sizeof above))) {
        return NULL;
    }
    const catalog_index_t *found = catalog_find(state->catalog, id);
    return found != NULL ? state_ranking(state, found, text, level, parent != NULL ? above : NULL)
                         : NULL;
}

/* Of the ranking at hand. */
typedef struct {
    const state_t *state;
    const ranking_t *ranking;
    bytes_t index, period;
    state_each_fn each;
    void *context;
    bytes_t blocks[STANDINGS_AT_ONCE];
    unsigned n;
} standings_t;

static bool take_standing(const standings_t *of, bytes_t block)
{
    read_t in = reader(block);
    field_t unit;
    field_t rank;
    field_t previous = {0};
    if (!next(&in, &unit) || unit.tag != FIELD(1, BLOCK) || !next(&in, &rank) ||
        rank.tag != FIELD(2, NUMBER) ||
        (next(&in, &previous) && previous.tag != FIELD(3, NUMBER)) || in.at != in.end) {
        return false;
    }
    result_t *r = state_find_bytes(of->state, of->index, of->period, unit.block);
    if (r != NULL) {
        state_take_standing(of->ranking, r, (uint32_t)rank.number, (uint32_t)previous.number);
        of->each(of->context, r);
    }
    return true;
}

/* Those that wait, each step for all of them, so that their ways through memory overlap. */
static bool take_standings(standings_t *of)
{
    state_hint_t hints[STANDINGS_AT_ONCE];
    bool good = true;
    for (unsigned i = 0; i < of->n; i++) {
        foresee(of->state, of->index, of->period, of->blocks[i], &hints[i]);
    }
    for (unsigned i = 0; i < of->n; i++) {
        state_approach(of->state, &hints[i]);
    }
    for (unsigned i = 0; i < of->n && good; i++) {
        good = take_standing(of, of->blocks[i]);
    }
    of->n = 0;
    return good;
}

ranking_t *state_take_ranking(state_t *state, bytes_t payload, state_each_fn each, void *context)
{
    read_t in = reader(payload);
    field_t f;
    field_t index;
    field_t period;
    field_t level;
    field_t parent;
    if (!take_body(&in, 4, &f)) {
        return NULL;
    }
    in = reader(f.block);
    if (!next(&in, &index) || index.tag != FIELD(1, BLOCK) || !next(&in, &period) ||
        period.tag != FIELD(2, BLOCK) || !next(&in, &level) || level.tag != FIELD(3, NUMBER) ||
        level.number > INT32_MAX || !next(&in, &f)) {
        return NULL;
    }
    parent = f;
    bool has_parent = f.tag == FIELD(4, BLOCK);
    if (has_parent && !next(&in, &f)) {
        return NULL;
    }
    ranking_t *ranking = find_ranking(state, &index, &period, (Chiso__V1__Level)level.number,
                                      has_parent ? &parent : NULL);
    if (ranking == NULL || f.tag != FIELD(5, NUMBER)) {
        return NULL;
    }
    ranking->revision = (uint32_t)f.number;
    ranking->dirty = true;
    standings_t standings = {.state = state,
                             .ranking = ranking,
                             .index = index.block,
                             .period = period.block,
                             .each = each,
                             .context = context};
    while (next(&in, &f)) {
        if (f.tag == FIELD(6, NUMBER)) {
            ranking->as_of = (int64_t)f.number;
            continue;
        }
        if (f.tag != FIELD(7, BLOCK)) {
            return NULL;
        }
        standings.blocks[standings.n++] = f.block;
        if (standings.n == STANDINGS_AT_ONCE && !take_standings(&standings)) {
            return NULL;
        }
    }
    return take_standings(&standings) && in.at == in.end ? ranking : NULL;
}
