/* state.c - see state.h. */
#include "state.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIGURES_STEP 4 /* figures that a result's room grows by */

struct interned {
    UT_hash_handle hh;
    char text[];
};

/* By the addresses of its interned texts. */
struct interned_line {
    UT_hash_handle hh;
    figure_line_t line;
};

static const figure_line_t no_line;

void state_init(state_t *state, const catalog_t *catalog)
{
    *state = (state_t){.catalog = catalog};
}

static void drop_proof(figure_state_t *f)
{
    if (f->proved) {
        free(f->proof);
        f->proved = false;
    }
}

static void free_result(result_t *r)
{
    free(r->parent);
    free(r->name);
    for (unsigned i = 0; i < r->n_figures; i++) {
        drop_proof(&r->figures[i]);
    }
    free(r->figures);
    free(r->arrays);
    free(r);
}

void state_free(state_t *state)
{
    keys_free(&state->keys);
    for (size_t i = 0; i < state->n_results; i++) {
        free_result(state->results[i]);
    }
    HASH_CLEAR(hh, state->rankings_by_key);
    for (size_t i = 0; i < state->n_rankings; i++) {
        free(state->rankings[i]->parent);
        free(state->rankings[i]->members);
        free(state->rankings[i]->bests);
        order_free(&state->rankings[i]->order);
        free(state->rankings[i]);
    }
    interned_t *text;
    interned_t *next;
    HASH_ITER(hh, state->texts, text, next)
    {
        HASH_DEL(state->texts, text);
        free(text);
    }
    interned_line_t *line;
    interned_line_t *next_line;
    HASH_ITER(hh, state->lines, line, next_line)
    {
        HASH_DEL(state->lines, line);
        free(line);
    }
    passed_free(&state->passed);
    free(state->results);
    free(state->rankings);
    state_init(state, state->catalog);
}

static const char *intern(state_t *state, const char *text)
{
    interned_t *found;
    HASH_FIND_STR(state->texts, text, found);
    if (found == NULL) {
        size_t len = strlen(text);
        found = malloc(sizeof *found + len + 1);
        if (found == NULL) {
            return NULL;
        }
        memcpy(found->text, text, len + 1);
        HASH_ADD_KEYPTR(hh, state->texts, found->text, len, found);
    }
    return found->text;
}

const figure_line_t *state_line(state_t *state, const char *source, const char *series,
                                const char *submitter)
{
    figure_line_t line = {intern(state, source), intern(state, series),
                          submitter != NULL ? intern(state, submitter) : NULL};
    interned_line_t *found;
    if (line.source == NULL || line.series == NULL ||
        (submitter != NULL && line.submitter == NULL)) {
        return NULL;
    }
    HASH_FIND(hh, state->lines, &line, sizeof line, found);
    if (found == NULL) {
        found = calloc(1, sizeof *found);
        if (found == NULL) {
            return NULL;
        }
        found->line = line;
        HASH_ADD(hh, state->lines, line, sizeof line, found);
    }
    return &found->line;
}

/* Parts, each ended by NUL; the length. 0 when it does not fit (codes are checked, so it does). */
static unsigned make_key(char out[STATE_MAX_KEY], const char *a, const char *b, const char *c,
                         const char *d)
{
    const char *parts[4] = {a, b, c, d};
    size_t len = 0;
    for (int i = 0; i < 4; i++) {
        size_t n = strlen(parts[i]) + 1;
        if (len + n > STATE_MAX_KEY) {
            return 0;
        }
        memcpy(out + len, parts[i], n);
        len += n;
    }
    return (unsigned)len;
}

result_t *state_find(const state_t *state, const catalog_index_t *index, const char *period,
                     const char *code)
{
    char key[STATE_MAX_KEY];
    unsigned len = make_key(key, index->id, period, code, "");
    return keys_find(&state->keys, state->results, key, len);
}

size_t state_key(bytes_t index, bytes_t period, bytes_t code, char key[STATE_MAX_KEY])
{
    bytes_t parts[3] = {index, period, code};
    size_t len = 0;
    for (int i = 0; i < 3; i++) {
        if (len + parts[i].len + 2 > STATE_MAX_KEY) {
            return 0;
        }
        memcpy(key + len, parts[i].data, parts[i].len);
        len += parts[i].len;
        key[len++] = '\0';
    }
    key[len++] = '\0'; /* the fourth part of make_key() is empty */
    return len;
}

result_t *state_find_bytes(const state_t *state, bytes_t index, bytes_t period, bytes_t code)
{
    char key[STATE_MAX_KEY];
    size_t len = state_key(index, period, code, key);
    return len > 0 ? keys_find(&state->keys, state->results, key, len) : NULL;
}

static bool grow(void **array, size_t n, size_t size)
{
    if (n > 4 ? (n & (n - 1)) != 0 : n != 0 && n != 4) {
        return true; /* room for the next power of two is there */
    }
    size_t cap = n == 0 ? 4 : n * 2;
    void *grown = realloc(*array, cap * size);
    if (grown != NULL) {
        *array = grown;
    }
    return grown != NULL;
}

ranking_t *state_ranking(state_t *state, const catalog_index_t *index, const char *period,
                         Chiso__V1__Level level, const char *parent)
{
    char key[STATE_MAX_KEY];
    unsigned len =
        make_key(key, index->id, period, event_level_name(level), parent != NULL ? parent : "");
    ranking_t *found = NULL;
    HASH_FIND(hh, state->rankings_by_key, key, len, found);
    if (found != NULL || len == 0) {
        return found;
    }
    ranking_t *r = calloc(1, sizeof *r + len);
    if (r == NULL || !grow((void **)&state->rankings, state->n_rankings, sizeof(void *)) ||
        (parent != NULL && (r->parent = strdup(parent)) == NULL)) {
        free(r);
        return NULL;
    }
    r->index = index;
    r->level = level;
    r->changed_from = UINT32_MAX;
    snprintf(r->period, sizeof r->period, "%s", period);
    memcpy(r->key, key, len);
    HASH_ADD_KEYPTR(hh, state->rankings_by_key, r->key, len, r);
    state->rankings[state->n_rankings++] = r;
    return r;
}

static bool join(ranking_t *ranking, result_t *result)
{
    if (ranking == NULL || !grow((void **)&ranking->members, ranking->n_members, sizeof(void *))) {
        return false;
    }
    ranking->members[ranking->n_members++] = result;
    return true;
}

/* One piece of memory for all of them, the widest first. */
static bool make_arrays(result_t *r, const catalog_index_t *index)
{
    size_t figure_words = bit_words(index->n_figures);
    size_t indicator_words = bit_words(index->n_indicators);
    size_t words = figure_words + 2 * indicator_words;
    r->arrays = calloc(1, index->n_indicators * sizeof *r->indicators + words * sizeof(uint64_t) +
                              (index->n_figures + 1) * sizeof *r->places);
    if (r->arrays == NULL) {
        return false;
    }
    r->indicators = r->arrays;
    r->changed_figures = (uint64_t *)(r->indicators + index->n_indicators);
    r->changed_indicators = r->changed_figures + figure_words;
    r->machine_fed = r->changed_indicators + indicator_words;
    r->places = (uint16_t *)(r->machine_fed + indicator_words);
    return true;
}

static bool fill(result_t *r, const catalog_index_t *index, const event_unit_t *unit)
{
    r->index = index;
    r->max = index->max;
    r->level = unit->level;
    r->code = r->key + strlen(index->id) + 1 + strlen(r->period) + 1;
    r->name = strdup(unit->name);
    r->parent = unit->parent != NULL ? strdup(unit->parent) : NULL;
    return r->name != NULL && (unit->parent == NULL || r->parent != NULL) && make_arrays(r, index);
}

result_t *state_result(state_t *state, const catalog_index_t *index, const char *period,
                       const event_unit_t *unit)
{
    char key[STATE_MAX_KEY];
    unsigned len = make_key(key, index->id, period, unit->code, "");
    result_t *r = keys_find(&state->keys, state->results, key, len);
    if (r != NULL || len == 0) {
        return r;
    }
    size_t size = (sizeof *r + len + RESULT_ALIGN - 1) / RESULT_ALIGN * RESULT_ALIGN;
    r = aligned_alloc(RESULT_ALIGN, size);
    if (r == NULL) {
        return NULL;
    }
    memset(r, 0, size);
    memcpy(r->key, key, len);
    r->key_len = (uint16_t)len;
    snprintf(r->period, sizeof r->period, "%s", period);
    if (!fill(r, index, unit) ||
        !grow((void **)&state->results, state->n_results, sizeof(void *))) {
        free_result(r);
        return NULL;
    }
    r->local = state_ranking(state, index, period, unit->level, unit->parent);
    r->nation =
        unit->parent != NULL ? state_ranking(state, index, period, unit->level, NULL) : r->local;
    if (!join(r->local, r) || (r->nation != r->local && !join(r->nation, r))) {
        return NULL; /* out of memory: the caller stops the process */
    }
    r->place = (uint32_t)state->n_results;
    state->results[state->n_results++] = r;
    if (keys_add(&state->keys, state->results, state->n_results - 1) != 0) {
        return NULL;
    }
    return r;
}

int state_rename(result_t *result, const char *name)
{
    if (strcmp(result->name, name) == 0) {
        return 0;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return -ENOMEM;
    }
    free(result->name);
    result->name = copy;
    return 1;
}

/* ---- from events ---- */

const figure_state_t state_unknown_figure = {.line = &no_line};

void state_expect(result_t *r, size_t n_figures)
{
    size_t unknown = r->index->n_figures - r->n_figures;
    size_t cap = r->n_figures + (n_figures < unknown ? n_figures : unknown);
    figure_state_t *grown = cap > r->cap_figures ? realloc(r->figures, cap * sizeof *grown) : NULL;
    if (grown != NULL) {
        r->figures = grown;
        r->cap_figures = (unsigned)cap;
    }
}

figure_state_t *state_place(result_t *r, unsigned figure)
{
    if (r->places[figure] == 0) {
        if (r->n_figures == r->cap_figures) {
            state_expect(r, FIGURES_STEP);
        }
        if (r->n_figures == r->cap_figures) {
            return NULL;
        }
        r->figures[r->n_figures++] = state_unknown_figure;
        r->places[figure] = (uint16_t)r->n_figures;
    }
    return &r->figures[r->places[figure] - 1];
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Most figures come again from where they came before. */
static bool is_line(const figure_line_t *line, const event_figure_t *from)
{
    return same_text(line->source, from->source) && same_text(line->series, from->series) &&
           same_text(line->submitter, from->submitter);
}

/* Mostly the one it had, or that of the figure before. */
static const figure_line_t *line_of(state_t *state, const figure_line_t *known,
                                    const event_figure_t *from)
{
    if (is_line(known, from)) {
        return known;
    }
    if (state->last_line == NULL || !is_line(state->last_line, from)) {
        state->last_line = state_line(state, from->source, from->series, from->submitter);
    }
    return state->last_line;
}

/* NULL: out of memory. */
static figure_proof_t *proof_of(const event_figure_t *from)
{
    figure_proof_t *proof = malloc(sizeof *proof + from->n_evidence * SHA256_SIZE);
    if (proof == NULL) {
        return NULL;
    }
    memcpy(proof->raw_sha256, from->raw_sha256.data, SHA256_SIZE);
    proof->n_evidence = from->n_evidence;
    for (size_t i = 0; i < from->n_evidence; i++) {
        memcpy(proof->evidence + i * SHA256_SIZE, from->evidence[i].data, SHA256_SIZE);
    }
    return proof;
}

int state_take_figure(state_t *state, const event_figure_t *from, result_t *r, unsigned figure)
{
    figure_state_t *to = state_place(r, figure);
    if (to == NULL) {
        return -ENOMEM;
    }
    figure_state_t now = {.value = from->withdrawn ? DECIMAL_ZERO : event_decimal(from->value),
                          .withdrawn = from->withdrawn,
                          .line = line_of(state, to->line, from),
                          .fetched_at = from->fetched_at,
                          .revision = from->revision,
                          .proved = from->n_evidence > 0};
    if (now.line == NULL) {
        return -ENOMEM;
    }
    if (!now.proved) {
        memcpy(now.raw_sha256, from->raw_sha256.data, SHA256_SIZE);
    } else if ((now.proof = proof_of(from)) == NULL) {
        return -ENOMEM;
    }
    drop_proof(to);
    *to = now;
    return 0;
}

static int apply_figures(state_t *state, result_t *r, const event_score_t *score)
{
    int rc = 0;
    for (size_t i = 0; i < score->n_figures && rc == 0; i++) {
        int place = catalog_figure_place(r->index, score->figures[i]->id);
        if (place >= 0) {
            rc = state_take_figure(state, score->figures[i], r, (unsigned)place);
        }
    }
    return rc;
}

static unsigned flags_of(const event_indicator_t *from)
{
    unsigned flags = 0;
    for (size_t i = 0; i < from->n_flags; i++) {
        for (unsigned f = 0; f < RULE_FLAGS; f++) {
            if (strcmp(from->flags[i], rule_flag_names[f]) == 0) {
                flags |= 1U << f;
            }
        }
    }
    return flags;
}

static void apply_indicators(result_t *r, const event_score_t *score)
{
    for (size_t i = 0; i < score->n_indicators; i++) {
        const event_indicator_t *from = score->indicators[i];
        int place = catalog_indicator(r->index, from->code);
        if (place >= 0) {
            r->indicators[place] = (rule_result_t){.status = (rule_status_t)from->status,
                                                   .points = event_decimal(from->points),
                                                   .flags = flags_of(from)};
        }
    }
}

static decimal_t decimal_or_zero(const char *text)
{
    return text != NULL ? event_decimal(text) : DECIMAL_ZERO;
}

int state_apply_score(state_t *state, const event_score_t *score)
{
    const catalog_index_t *index = catalog_find(state->catalog, score->index);
    if (index == NULL) {
        return CHISO_E_NOT_FOUND;
    }
    result_t *r = state_result(state, index, score->period, score->unit);
    if (r == NULL || state_rename(r, score->unit->name) < 0) {
        return -ENOMEM;
    }
    r->points = event_decimal(score->points);
    r->max = event_decimal(score->max);
    r->scored_max = decimal_or_zero(score->scored_max);
    r->machine_max = decimal_or_zero(score->machine_max);
    r->has_change = score->change != NULL;
    r->change = r->has_change ? event_decimal(score->change) : DECIMAL_ZERO;
    r->revision = score->revision;
    r->as_of = score->as_of;
    r->rank = score->rank;
    r->previous_rank = score->previous_rank;
    r->nation_rank = score->nation_rank;
    apply_indicators(r, score);
    return apply_figures(state, r, score);
}

void state_take_standing(const ranking_t *ranking, result_t *r, uint32_t rank, uint32_t previous)
{
    if (ranking == r->nation) {
        r->nation_rank = rank;
    }
    if (ranking == r->local) {
        r->rank = rank;
        r->previous_rank = previous;
    }
}

int state_apply_ranking(state_t *state, const event_ranking_t *from)
{
    const catalog_index_t *index = catalog_find(state->catalog, from->index);
    if (index == NULL) {
        return CHISO_E_NOT_FOUND;
    }
    ranking_t *ranking = state_ranking(state, index, from->period, from->level, from->parent);
    if (ranking == NULL) {
        return -ENOMEM;
    }
    ranking->revision = from->revision;
    ranking->as_of = from->as_of;
    ranking->dirty = true;
    for (size_t i = 0; i < from->n_standings; i++) {
        const event_standing_t *s = from->standings[i];
        result_t *r = state_find(state, index, from->period, s->unit);
        if (r != NULL) {
            state_take_standing(ranking, r, s->rank, s->previous_rank);
        }
    }
    return 0;
}
