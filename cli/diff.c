/* diff.c - chiso diff: what changed from one catalog to another.
 *
 * Codes are reused for other content from year to year, so years are joined by what the new catalog
 * says it replaces; only where it says nothing at all, or where both are the same index, are codes
 * compared. A letter can come to mean another quantity while the formula stays as it is, so the
 * figures behind the letters are compared too.
 */
#include "base/error.h"
#include "catalogs.h"
#include "commands.h"
#include "event/event.h"
#include "formula/formula.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT (64 * 1024)

static bool says_what_it_replaces(const catalog_index_t *index)
{
    for (unsigned i = 0; i < index->n_indicators; i++) {
        if (index->indicators[i].replaces != NULL) {
            return true;
        }
    }
    return false;
}

static bool same_rule(const catalog_indicator_t *a, const catalog_indicator_t *b)
{
    buffer_t x = BUFFER_INIT(MAX_TEXT);
    buffer_t y = BUFFER_INIT(MAX_TEXT);
    /* over a maximum of 1, so that only the rule is compared */
    formula_write(&a->rule, decimal_of(1), FORMULA_ENGLISH, "    ", &x);
    formula_write(&b->rule, decimal_of(1), FORMULA_ENGLISH, "    ", &y);
    bool same = bytes_equal(buffer_bytes(&x), buffer_bytes(&y));
    buffer_free(&x);
    buffer_free(&y);
    return same;
}

static void print_formula(const char *label, const catalog_indicator_t *in)
{
    buffer_t text = BUFFER_INIT(MAX_TEXT);
    formula_write(&in->rule, in->max, FORMULA_ENGLISH, "        ", &text);
    printf("    %s\n%s", label, buffer_text(&text));
    buffer_free(&text);
}

/* An indicator and its index: what a figure's place means. */
typedef struct {
    const catalog_index_t *index;
    const catalog_indicator_t *indicator;
} side_t;

/* The figure behind an input, or NULL. */
static const catalog_figure_t *figure_of(side_t side, const char *input)
{
    for (unsigned i = 0; i < side.indicator->n_inputs; i++) {
        const catalog_input_t *in = &side.indicator->inputs[i];
        if (strcmp(in->name, input) == 0) {
            return side.index->figures[in->figure];
        }
    }
    return NULL;
}

/* Only a figure of the dictionary: those that an index declares by itself are never those of
 * another. */
static const catalog_figure_t *shared_figure_of(side_t side, const char *input)
{
    const catalog_figure_t *figure = figure_of(side, input);
    return figure != NULL && figure->index == NULL ? figure : NULL;
}

/* Tells the figures that feed `side` under another letter than `other`, or not `other` at all;
 * returns how many. `when` NULL: only counts. */
static unsigned figures_apart(side_t side, side_t other, const char *when)
{
    unsigned n = 0;
    for (unsigned i = 0; i < side.indicator->n_inputs; i++) {
        const char *name = side.indicator->inputs[i].name;
        const catalog_figure_t *figure = shared_figure_of(side, name);
        const catalog_figure_t *there = shared_figure_of(other, name);
        if (figure != NULL && (there == NULL || strcmp(figure->id, there->id) != 0)) {
            n++;
            if (when != NULL) {
                printf("    %s %s: %s [%s]\n", name, when, figure->title, figure->id);
            }
        }
    }
    return n;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Tells one value that differs, as a line of its own behind the line of what it is of. */
static unsigned print_value(const char *label, const char *old, const char *new)
{
    if (same_text(old, new)) {
        return 0;
    }
    printf("    %s: %s -> %s\n", label, old != NULL ? old : "none", new != NULL ? new : "none");
    return 1;
}

static unsigned print_points(const char *label, decimal_t old, decimal_t new)
{
    char a[DECIMAL_TEXT_SIZE];
    char b[DECIMAL_TEXT_SIZE];
    return print_value(label, decimal_format(old, a), decimal_format(new, b));
}

static bool same_procedure(const catalog_indicator_t *a, const catalog_indicator_t *b)
{
    return a->excluded == b->excluded && same_text(a->scorer, b->scorer) &&
           same_text(a->lead, b->lead) && same_text(a->coordinators, b->coordinators) &&
           same_text(a->work, b->work) && same_text(a->frequency, b->frequency) &&
           same_text(a->basis, b->basis) && same_text(a->evidence, b->evidence);
}

static void print_procedure(const catalog_indicator_t *old, const catalog_indicator_t *new)
{
    print_value("excluded", old->excluded ? "by default" : NULL,
                new->excluded ? "by default" : NULL);
    print_value("scored by", old->scorer, new->scorer);
    print_value("lead", old->lead, new->lead);
    print_value("with", old->coordinators, new->coordinators);
    print_value("work", old->work, new->work);
    print_value("frequency", old->frequency, new->frequency);
    print_value("legal basis", old->basis, new->basis);
    print_value("evidence", old->evidence, new->evidence);
}

/* Tells the levels that say another thing; returns how many. `print` false: only counts. */
static unsigned levels_apart(side_t before, side_t after, bool print)
{
    unsigned n = 0;
    for (unsigned i = 0; i < after.indicator->n_inputs; i++) {
        const char *name = after.indicator->inputs[i].name;
        const catalog_figure_t *was = figure_of(before, name);
        const catalog_figure_t *is = figure_of(after, name);
        bool both = was != NULL && is != NULL && was->texts != NULL && is->texts != NULL;
        for (int64_t k = 1; both; k++) {
            const char *old = catalog_figure_text(was, decimal_of(k));
            const char *new = catalog_figure_text(is, decimal_of(k));
            if (old == NULL && new == NULL) {
                break;
            }
            char label[40];
            snprintf(label, sizeof label, "%s %lld", name, (long long)k);
            n += print ? print_value(label, old, new) : !same_text(old, new);
        }
    }
    return n;
}

/* What the formula does not show: whether more than all is a mistake (subset). */
static bool same_subsets(const rule_t *a, const rule_t *b)
{
    bool same = a->subset == b->subset && a->n_parts == b->n_parts;
    for (unsigned i = 0; same && i < a->n_parts; i++) {
        same = same_subsets(&a->parts[i], &b->parts[i]);
    }
    return same;
}

/* True when the two differ. */
static bool print_change(side_t before, side_t after)
{
    const catalog_indicator_t *old = before.indicator;
    const catalog_indicator_t *new = after.indicator;
    bool code = strcmp(old->code, new->code) != 0;
    bool title = strcmp(old->title, new->title) != 0;
    bool max = decimal_compare(old->max, new->max) != 0;
    bool rule = !same_rule(old, new);
    bool figures = figures_apart(before, after, NULL) > 0 || figures_apart(after, before, NULL) > 0;
    bool text = !same_text(old->text, new->text);
    bool procedure = !same_procedure(old, new);
    bool subset = !rule && !same_subsets(&old->rule, &new->rule);
    bool levels = levels_apart(before, after, false) > 0;
    bool note = !same_text(old->note, new->note);
    const char *was_in = before.index->pillars[old->pillar].code;
    const char *is_in = after.index->pillars[new->pillar].code;
    if (!code && !title && !max && !rule && !figures && !text && !procedure && !subset && !levels &&
        !note && same_text(was_in, is_in)) {
        return false;
    }
    printf("~ %s -> %s %s\n", old->code, new->code, new->title);
    if (title) {
        printf("    title was: %s\n", old->title);
    }
    print_value("pillar", was_in, is_in);
    print_points("maximum", old->max, new->max);
    if (rule) {
        print_formula("formula was:", old);
        print_formula("formula is:", new);
    }
    if (subset) {
        printf("    subset is another: whether more than all of the denominator is a mistake\n");
    }
    levels_apart(before, after, true);
    figures_apart(before, after, "was");
    figures_apart(after, before, "is");
    print_procedure(old, new);
    if (text) {
        printf("    the official text is another, see chiso explain\n");
    }
    if (note) {
        printf("    how it is read is another, see chiso explain\n");
    }
    return true;
}

static const catalog_pillar_t *pillar_of(const catalog_index_t *index, const char *code)
{
    for (unsigned i = 0; i < index->n_pillars; i++) {
        if (strcmp(index->pillars[i].code, code) == 0) {
            return &index->pillars[i];
        }
    }
    return NULL;
}

static unsigned compare_pillars(const catalog_index_t *old, const catalog_index_t *new)
{
    unsigned changes = 0;
    for (unsigned i = 0; i < new->n_pillars; i++) {
        const catalog_pillar_t *pillar = &new->pillars[i];
        const catalog_pillar_t *was = pillar_of(old, pillar->code);
        if (was == NULL) {
            printf("+ pillar %s %s\n", pillar->code, pillar->title);
            changes++;
        } else if (!same_text(was->title, pillar->title) ||
                   !same_text(was->stated.max, pillar->stated.max) ||
                   !same_text(was->stated.indicators, pillar->stated.indicators) ||
                   decimal_compare(was->max, pillar->max) != 0) {
            printf("~ pillar %s %s\n", pillar->code, pillar->title);
            if (!same_text(was->title, pillar->title)) {
                printf("    title was: %s\n", was->title);
            }
            print_points("maximum", was->max, pillar->max);
            print_value("stated maximum", was->stated.max, pillar->stated.max);
            print_value("stated indicators", was->stated.indicators, pillar->stated.indicators);
            changes++;
        }
    }
    for (unsigned i = 0; i < old->n_pillars; i++) {
        if (pillar_of(new, old->pillars[i].code) == NULL) {
            printf("- pillar %s %s\n", old->pillars[i].code, old->pillars[i].title);
            changes++;
        }
    }
    return changes;
}

static const char *level_name(unsigned bit)
{
    return event_level_name((Chiso__V1__Level)bit);
}

static const char *period_name(unsigned bit)
{
    return period_kind_name((period_kind_t)bit);
}

/* "province, commune": the names of the bits that are set. */
static const char *set_of(unsigned set, const char *(*name)(unsigned bit), char out[64])
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; set >> i != 0; i++) {
        if ((set >> i & 1U) != 0) {
            len += (size_t)snprintf(out + len, 64 - len, "%s%s", len > 0 ? ", " : "", name(i));
        }
    }
    return len > 0 ? out : NULL;
}

static unsigned compare_indexes(const catalog_index_t *old, const catalog_index_t *new)
{
    char a[64];
    char b[64];
    unsigned changes = print_value("title", old->title, new->title);
    changes += print_value("date", old->date, new->date);
    changes += print_value("issuer", old->issuer, new->issuer);
    changes += print_value("levels", set_of(old->levels, level_name, a),
                           set_of(new->levels, level_name, b));
    changes += print_value("periods", set_of(old->periods, period_name, a),
                           set_of(new->periods, period_name, b));
    changes += print_points("maximum", old->max, new->max);
    changes += print_value("stated maximum", old->stated.max, new->stated.max);
    changes += print_value("stated indicators", old->stated.indicators, new->stated.indicators);
    return changes;
}

static unsigned compare(const catalog_index_t *old, const catalog_index_t *new)
{
    bool mapped = strcmp(old->id, new->id) != 0 && says_what_it_replaces(new);
    bool *used = calloc(old->n_indicators + 1, sizeof *used);
    unsigned changes = 0;
    for (unsigned i = 0; used != NULL && i < new->n_indicators; i++) {
        const catalog_indicator_t *in = &new->indicators[i];
        const char *from = mapped ? in->replaces : in->code;
        int place = from != NULL ? catalog_indicator(old, from) : -1;
        if (place < 0) {
            char max[DECIMAL_TEXT_SIZE];
            printf("+ %s %s (maximum %s)\n", in->code, in->title, decimal_format(in->max, max));
            if (mapped && from != NULL) {
                printf("    replaces %s, which %s does not have\n", from, old->id);
            }
            changes++;
        } else {
            used[place] = true;
            changes += print_change((side_t){old, &old->indicators[place]}, (side_t){new, in});
        }
    }
    for (unsigned i = 0; used != NULL && i < old->n_indicators; i++) {
        if (!used[i]) {
            printf("- %s %s\n", old->indicators[i].code, old->indicators[i].title);
            changes++;
        }
    }
    free(used);
    return changes;
}

int command_diff(int argc, char **argv)
{
    const char *folder = NULL;
    const option_spec_t specs[] = {{.name = "catalogs", .value = &folder}, {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || first + 2 != argc) {
        fprintf(stderr, "usage: chiso diff [--catalogs DIR] OLD NEW\n");
        return CHISO_EXIT_USAGE;
    }
    catalog_t *a = NULL;
    catalog_t *b = NULL;
    const catalog_index_t *old;
    const catalog_index_t *new;
    int code = catalogs_open(folder, argv[first], &a, &old);
    if (code == CHISO_EXIT_OK) {
        code = catalogs_open(folder, argv[first + 1], &b, &new);
    }
    if (code == CHISO_EXIT_OK) {
        printf("%s (%s) -> %s (%s)\n", old->id, old->decision, new->id, new->decision);
        unsigned changes = compare_indexes(old, new);
        changes += compare_pillars(old, new);
        changes += compare(old, new);
        printf("%u changes\n", changes);
    }
    catalog_destroy(&a);
    catalog_destroy(&b);
    return code;
}
