/* checks.c - the checks of a description: parts of a row that add up, and shorter periods that do.
 * Both stand in one list, told apart by their keys, because an author looks for them in one place.
 */
#include "build.h"

#include <string.h>

void build_limit(whole_t *w, const char *at, const form_limit_t *from, source_limit_t *to)
{
    char path[64];
    snprintf(path, sizeof path, "%s.most", at);
    to->given = build_number(w, path, from->most, &to->most);
    if (to->given && decimal_sign(to->most) < 0) {
        build_wrong(w, path, "'%s'; expected no less than 0", from->most);
    }
    to->percent = strcmp(from->of, "percent") == 0;
    if (!to->percent && strcmp(from->of, "points") != 0) {
        snprintf(path, sizeof path, "%s.of", at);
        build_wrong(w, path, "'%s'; expected points or percent", from->of);
    }
}

static unsigned place(whole_t *w, const char *path, const char *id)
{
    int found = source_figure(&w->source, id);
    if (found < 0) {
        build_wrong(w, path, "'%s' is none of the figures", id);
    }
    return found < 0 ? 0 : (unsigned)found;
}

static unsigned *places(whole_t *w, const char *path, char *const *ids, unsigned n)
{
    unsigned *list = build_own(w, n, sizeof *list);
    for (unsigned i = 0; list != NULL && i < n; i++) {
        list[i] = place(w, path, ids[i]);
    }
    return list;
}

static void build_sum(whole_t *w, const char *path, const form_check_t *from)
{
    source_t *s = &w->source;
    if (from->equals == NULL || from->sum_count == 0 || from->source != NULL ||
        from->within != NULL) {
        build_wrong(w, path, "is not complete; expected %s",
                    "sum and equals, or over_time with source and within");
        return;
    }
    source_check_t *to = &s->checks[s->n_checks];
    *to = (source_check_t){places(w, path, from->sum, from->sum_count), from->sum_count,
                           place(w, path, from->equals)};
    s->n_checks += to->sum != NULL;
}

static void build_span(whole_t *w, const char *path, const form_check_t *from)
{
    source_t *s = &w->source;
    source_span_t *to = &s->spans[s->n_spans];
    if (from->equals != NULL || from->sum_count > 0) {
        build_wrong(w, path, "%s; expected one of the two", "has both sum and over_time");
    }
    *to = (source_span_t){.figures = places(w, path, from->over_time, from->over_time_count),
                          .n_figures = from->over_time_count,
                          .parts_of = from->source != NULL ? from->source : s->id};
    if (from->within != NULL) {
        char at[64];
        snprintf(at, sizeof at, "%.40s.within", path);
        build_limit(w, at, from->within, &to->within);
    }
    s->n_spans += to->figures != NULL;
}

void build_checks(whole_t *w)
{
    source_t *s = &w->source;
    unsigned n = w->form->checks_count;
    s->checks = build_own(w, n, sizeof *s->checks);
    s->spans = build_own(w, n, sizeof *s->spans);
    for (unsigned i = 0; s->checks != NULL && s->spans != NULL && i < n; i++) {
        const form_check_t *from = &w->form->checks[i];
        char path[64];
        snprintf(path, sizeof path, "checks[%u]", i);
        if (from->over_time_count > 0) {
            build_span(w, path, from);
        } else {
            build_sum(w, path, from);
        }
    }
}
