/* declare.c - see declare.h.
 *
 * A catalog does not list what it can declare: the rule says what it reads, so a list beside it
 * could only be wrong. The declared figures hang in the index's list and are told from those of the
 * dictionary by their index.
 */
#include "declare.h"

#include "text/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATH 192

static int no_room(const declare_t *d, const char *path)
{
    return config_error(d->file, path, "more than %d figures; expected a smaller index",
                        CATALOG_MAX_FIGURES);
}

int declare_use(const declare_t *d, const char *id)
{
    catalog_index_t *index = d->index;
    const catalog_figure_t *figure = dictionary_find(d->dictionary, id);
    for (unsigned i = 0; figure != NULL && i < index->n_figures; i++) {
        if (index->figures[i] == figure) {
            return (int)i;
        }
    }
    if (figure == NULL || index->n_figures == CATALOG_MAX_FIGURES) {
        return -1;
    }
    index->figures[index->n_figures] = figure;
    return (int)index->n_figures++;
}

/* ---- one figure ---- */

/* What kinds of figure an input can be, and how it is called for people. */
typedef struct {
    catalog_kind_t kind;
    const char *title, *unit;
} sort_t;

static sort_t sort_of(const char *input)
{
    static const struct {
        const char *name;
        sort_t sort;
    } known[] = {
        {"option", {CATALOG_OPTION, "mức đạt được", "mức"}},
        {"items", {CATALOG_YES_NO, "nội dung đạt", "có/không"}},
        {"has", {CATALOG_YES_NO, "có hay không", "có/không"}},
        {"n", {CATALOG_COUNT, "số lượng", "số lượng"}},
        {"p", {CATALOG_PERCENTAGE, "tỷ lệ", "%"}},
        {"points", {CATALOG_POINTS, "điểm được chấm", "điểm"}},
        {"excluded", {CATALOG_YES_NO, "không đánh giá", "có/không"}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, input) == 0) {
            return known[i].sort;
        }
    }
    return (sort_t){CATALOG_AMOUNT, "số liệu", "số lượng"};
}

static void set_range(catalog_figure_t *f, decimal_t max, unsigned n_shares)
{
    f->has_most = f->kind != CATALOG_COUNT && f->kind != CATALOG_AMOUNT;
    switch (f->kind) {
    case CATALOG_OPTION:
        f->least = decimal_of(1);
        f->most = decimal_of((int64_t)n_shares);
        break;
    case CATALOG_POINTS:
        f->most = max;
        break;
    case CATALOG_PERCENTAGE:
        f->most = decimal_of(100);
        break;
    default:
        f->most = decimal_of(f->kind == CATALOG_YES_NO ? 1 : 0);
        break;
    }
}

/* "Tên chỉ số – phần 2 – nội dung đạt 3". */
static char *make_title(const char *of, unsigned part, const sort_t *sort, const char *input,
                        unsigned item, const char *text)
{
    char *title = NULL;
    char which[32] = "";
    char place[32] = "";
    if (part > 0) {
        snprintf(place, sizeof place, " – phần %u", part);
    }
    if (strcmp(input, "items") == 0) {
        snprintf(which, sizeof which, " %u", item + 1);
    } else if (sort->kind == CATALOG_AMOUNT) {
        snprintf(which, sizeof which, " %s", input);
    }
    return asprintf(&title, "%s%s – %s%s%s%s", of, place, sort->title, which,
                    text != NULL ? ": " : "", text != NULL ? text : "") < 0
               ? NULL
               : title;
}

/* An input as the rule names it, of the indicator or one of its parts. */
typedef struct {
    const char *prefix; /* "p1." */
    const char *input;  /* "option" */
    unsigned part;      /* from 1; 0: none */
    unsigned item;      /* of a checklist */
    decimal_t max;
    unsigned n_shares;
    char *const *texts; /* of levels or items; NULL: not known */
} wanted_t;

static void free_figure(catalog_figure_t *f)
{
    free((void *)(uintptr_t)f->id);
    free((void *)(uintptr_t)f->title);
    free(f);
}

/* The figure with its texts; id and input share their memory. NULL: out of memory. */
static catalog_figure_t *make_figure(const catalog_index_t *index, unsigned i, const wanted_t *w)
{
    const catalog_indicator_t *of = &index->indicators[i];
    const sort_t sort = sort_of(w->input);
    char item[16] = "";
    char *id = NULL;
    bool is_item = strcmp(w->input, "items") == 0;
    const char *text = is_item && w->texts != NULL ? w->texts[w->item] : NULL;
    if (is_item) {
        snprintf(item, sizeof item, ".%u", w->item + 1);
    }
    catalog_figure_t *f = calloc(1, sizeof *f);
    char *title = make_title(of->title, w->part, &sort, w->input, w->item, text);
    int len = asprintf(&id, "%s.%s.%s%s%s", index->id, of->code, w->prefix, w->input, item);
    if (f == NULL || title == NULL || len < 0) {
        free(f);
        free(title);
        free(len < 0 ? NULL : id);
        return NULL;
    }
    *f = (catalog_figure_t){.id = id,
                            .title = title,
                            .unit = sort.unit,
                            .provider = CATALOG_UNIT,
                            .kind = sort.kind,
                            .index = index,
                            .indicator = i,
                            .input = id + strlen(index->id) + strlen(of->code) + 2,
                            .texts =
                                sort.kind == CATALOG_OPTION ? (const char *const *)w->texts : NULL};
    set_range(f, w->max, w->n_shares);
    return f;
}

/* Adds the figure to the index; its place, or an error, reported. */
static int add_figure(const declare_t *d, const char *path, unsigned i, const wanted_t *w)
{
    catalog_index_t *index = d->index;
    if (index->n_figures == CATALOG_MAX_FIGURES) {
        return no_room(d, path);
    }
    catalog_figure_t *f = make_figure(index, i, w);
    if (f == NULL) {
        return -ENOMEM;
    }
    bool twice = dictionary_find(d->dictionary, f->id) != NULL;
    for (unsigned k = 0; k < index->n_figures && !twice; k++) {
        twice = strcmp(index->figures[k]->id, f->id) == 0;
    }
    if (twice || !text_is_code(f->id)) {
        int rc = config_error(d->file, path, "its input makes the figure '%s', which %s", f->id,
                              twice ? "is there already; expected another code"
                                    : "has more than 64 letters; expected a shorter index or code");
        free_figure(f);
        return rc;
    }
    index->figures[index->n_figures] = f;
    return (int)index->n_figures++;
}

/* ---- the inputs of an indicator ---- */

typedef struct {
    const declare_t *declare;
    const char *path;
    const form_indicator_t *from;
    bool taken[FORM_INPUTS];
    unsigned i;
    int rc;
} inputs_t;

static void add_input(inputs_t *in, const char *name, rule_input_kind_t kind, unsigned item,
                      int figure)
{
    catalog_indicator_t *to = &in->declare->index->indicators[in->i];
    catalog_input_t *grown =
        figure < 0 ? NULL : realloc(to->inputs, (to->n_inputs + 1) * sizeof *grown);
    if (grown == NULL) {
        in->rc = figure < 0 ? figure : -ENOMEM;
        return;
    }
    to->inputs = grown;
    catalog_input_t *input = &grown[to->n_inputs++];
    *input = (catalog_input_t){.kind = kind, .item = item, .figure = (unsigned)figure};
    snprintf(input->name, sizeof input->name, "%s", name);
}

/* Feeds the input from the dictionary, when the file names a figure for it. */
static bool take_named(inputs_t *in, const char *name)
{
    for (unsigned i = 0; i < FORM_INPUTS; i++) {
        const char *id = in->from->inputs.figure[i];
        if (id == NULL || strcmp(form_input_names[i], name) != 0) {
            continue;
        }
        char at[MAX_PATH];
        snprintf(at, sizeof at, "%s.inputs.%s", in->path, name);
        in->taken[i] = true;
        int figure = declare_use(in->declare, id);
        if (figure >= 0) {
            add_input(in, name, RULE_NUMBER, 0, figure);
        } else if (dictionary_find(in->declare->dictionary, id) != NULL) {
            in->rc = no_room(in->declare, at);
        } else {
            in->rc = config_error(in->declare->file, at,
                                  "'%s' is not in the figure dictionary; expected an id of "
                                  "figures/*.yaml",
                                  id);
        }
        return true;
    }
    return false;
}

static bool has_input(const inputs_t *in, const char *name)
{
    const catalog_indicator_t *to = &in->declare->index->indicators[in->i];
    for (unsigned k = 0; k < to->n_inputs; k++) {
        if (strcmp(to->inputs[k].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void on_name(void *context, const char *name, bool quantity)
{
    (void)quantity;
    inputs_t *in = context;
    const catalog_indicator_t *of = &in->declare->index->indicators[in->i];
    const char *dot = strchr(name, '.');
    wanted_t w = {.prefix = "", .input = dot != NULL ? dot + 1 : name, .max = of->max};
    const rule_t *rule = &of->rule;
    if (has_input(in, name) || take_named(in, name)) { /* each unknown figure is told */
        return;
    }
    char prefix[8];
    if (dot != NULL) { /* "p1." to "p9.": a catalog has no more parts */
        w.part = (unsigned)(name[1] - '0');
        rule = &rule->parts[w.part - 1];
        w.max = rule->max;
        snprintf(prefix, sizeof prefix, "p%u.", w.part % 10);
        w.prefix = prefix;
    }
    const form_rule_t *form = w.part > 0 ? &in->from->rule.parts[w.part - 1] : &in->from->rule;
    w.n_shares = rule->n_shares;
    w.texts = form->texts_count > 0 ? form->texts : NULL;
    bool items = strcmp(w.input, "items") == 0;
    bool flag = strcmp(w.input, "has") == 0;
    for (w.item = 0; w.item < (items ? w.n_shares : 1) && in->rc == 0; w.item++) {
        add_input(in, name,
                  items  ? RULE_ITEMS
                  : flag ? RULE_FLAG
                         : RULE_NUMBER,
                  w.item, add_figure(in->declare, in->path, in->i, &w));
    }
}

int declare_inputs(const declare_t *d, const char *path, const form_indicator_t *from, unsigned i)
{
    inputs_t in = {.declare = d, .path = path, .from = from, .i = i};
    rule_names(&d->index->indicators[i].rule, on_name, &in);
    for (unsigned k = 0; k < FORM_INPUTS; k++) {
        if (from->inputs.figure[k] != NULL && !in.taken[k]) {
            char at[MAX_PATH];
            snprintf(at, sizeof at, "%s.inputs.%s", path, form_input_names[k]);
            in.rc = config_error(d->file, at,
                                 "the rule does not read '%s'; expected an input that it names",
                                 form_input_names[k]);
        }
    }
    return in.rc;
}

int declare_excluded(const declare_t *d, const char *path, unsigned i)
{
    wanted_t w = {.prefix = "", .input = "excluded"};
    int figure = add_figure(d, path, i, &w);
    if (figure < 0) {
        return figure;
    }
    d->index->indicators[i].excluded_by = (unsigned)figure;
    return 0;
}

/* ---- all of an index ---- */

typedef const char *(*name_fn)(const catalog_index_t *index, unsigned place);

static const char *figure_id(const catalog_index_t *index, unsigned place)
{
    return index->figures[place]->id;
}

static const char *indicator_code(const catalog_index_t *index, unsigned place)
{
    return index->indicators[place].code;
}

/* As numbers they are in the order of the names. */
static uint64_t beginning(const char *name)
{
    uint64_t begin = 0;
    for (unsigned i = 0; i < sizeof begin; i++) {
        begin = begin << 8 | (uint8_t)*name;
        name += *name != '\0';
    }
    return begin;
}

typedef struct {
    const catalog_index_t *index;
    name_fn name;
} naming_t;

static int compare_names(const void *a, const void *b, void *context)
{
    const naming_t *by = context;
    return strcmp(by->name(by->index, ((const catalog_name_t *)a)->place),
                  by->name(by->index, ((const catalog_name_t *)b)->place));
}

/* NULL: out of memory. */
static catalog_name_t *sorted(const catalog_index_t *index, unsigned n, name_fn name)
{
    naming_t by = {index, name};
    catalog_name_t *names = calloc(n + 1, sizeof *names);
    for (unsigned i = 0; names != NULL && i < n; i++) {
        names[i] = (catalog_name_t){beginning(name(index, i)), i};
    }
    if (names != NULL) {
        qsort_r(names, n, sizeof *names, compare_names, &by);
    }
    return names;
}

int declare_sort(catalog_index_t *index)
{
    index->figures_by_id = sorted(index, index->n_figures, figure_id);
    index->indicators_by_code = sorted(index, index->n_indicators, indicator_code);
    return index->figures_by_id != NULL && index->indicators_by_code != NULL ? 0 : -ENOMEM;
}

static int find(const catalog_index_t *index, const catalog_name_t *names, unsigned n, name_fn name,
                const char *wanted)
{
    uint64_t begin = beginning(wanted);
    unsigned low = 0;
    unsigned high = n;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const catalog_name_t *at = &names[middle];
        int order = at->begin < begin     ? -1
                    : at->begin > begin   ? 1
                    : (begin & 0xff) != 0 ? strcmp(name(index, at->place), wanted)
                                          : 0; /* shorter than eight bytes */
        if (order == 0) {
            return (int)at->place;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return -1;
}

int catalog_figure_place(const catalog_index_t *index, const char *id)
{
    return find(index, index->figures_by_id, index->n_figures, figure_id, id);
}

int catalog_indicator(const catalog_index_t *index, const char *code)
{
    return find(index, index->indicators_by_code, index->n_indicators, indicator_code, code);
}

void declare_free(catalog_index_t *index)
{
    for (unsigned i = 0; i < index->n_figures; i++) {
        if (index->figures[i]->index != NULL) {
            free_figure((catalog_figure_t *)(uintptr_t)index->figures[i]);
        }
    }
    free(index->figures_by_id);
    free(index->indicators_by_code);
    free(index->figures);
}
