/* explain.c - chiso explain: an indicator for people: formula, figures, official text, notes; and
 * with inputs, its points worked out. */
#include "base/error.h"
#include "catalogs.h"
#include "commands.h"
#include "formula/formula.h"
#include "inputs.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT (1024 * 1024)

static void line(const char *label, const char *text)
{
    if (text != NULL) {
        printf("%-12s %s\n", label, text);
    }
}

static void print_figure(const catalog_index_t *index, const catalog_indicator_t *in,
                         const char *name)
{
    static const char *const providers[] = {NULL, "a machine source", "statistics", "the unit"};
    for (unsigned i = 0; i < in->n_inputs; i++) {
        const catalog_input_t *input = &in->inputs[i];
        const catalog_figure_t *f = index->figures[input->figure];
        if (strcmp(input->name, name) != 0) {
            continue;
        }
        printf("  %-10s %s (%s) [%s, from %s]\n", f->input != NULL ? f->input : name, f->title,
               f->unit, f->id, providers[f->provider]);
        for (int64_t k = 0; f->texts != NULL && k < f->most.micro / 1000000; k++) {
            printf("  %-10s %lld: %s\n", "", (long long)k + 1, f->texts[k]);
        }
    }
}

typedef struct {
    const catalog_index_t *index;
    const catalog_indicator_t *indicator;
    const rule_inputs_t *given; /* NULL: only list */
    char told[32][24];
    unsigned n_told;
} listing_t;

static void print_given(const listing_t *l, const char *name)
{
    char text[DECIMAL_TEXT_SIZE];
    for (size_t i = 0; i < l->given->n; i++) {
        const rule_input_t *in = &l->given->list[i];
        if (strcmp(in->name, name) != 0) {
            continue;
        }
        if (in->kind == RULE_NUMBER) {
            printf("  %s = %s\n", name, decimal_format(in->number, text));
        } else if (in->kind == RULE_FLAG) {
            printf("  %s = %s\n", name, in->flag ? "true" : "false");
        } else if (in->kind == RULE_ITEMS) {
            printf("  %s =", name);
            for (unsigned k = 0; k < RULE_MAX_SHARES; k++) {
                if ((in->items >> k & 1) != 0) {
                    printf(" %u", k + 1);
                }
            }
            putchar('\n');
        } else {
            printf("  %s is not readable\n", name);
        }
        return;
    }
    printf("  %s is missing\n", name);
}

/* A rule may read an input twice; it is told once. */
static void on_name(void *context, const char *name, bool quantity)
{
    listing_t *l = context;
    (void)quantity;
    for (unsigned i = 0; i < l->n_told; i++) {
        if (strcmp(l->told[i], name) == 0) {
            return;
        }
    }
    if (l->n_told < sizeof l->told / sizeof l->told[0]) {
        snprintf(l->told[l->n_told++], sizeof l->told[0], "%s", name);
    }
    if (l->given != NULL) {
        print_given(l, name);
    } else {
        print_figure(l->index, l->indicator, name);
    }
}

static void print_children(const catalog_index_t *index, const catalog_indicator_t *in)
{
    char max[DECIMAL_TEXT_SIZE];
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *child = &index->indicators[i];
        if (child->parent >= 0 && &index->indicators[child->parent] == in) {
            printf("  %-10s %s (maximum %s)\n", child->code, child->title,
                   decimal_format(child->max, max));
        }
    }
}

/* Each line of the text stands below the heading. */
static void print_block(const char *heading, const char *text)
{
    if (text == NULL) {
        return;
    }
    printf("\n%s\n", heading);
    while (*text != '\0') {
        int len = (int)strcspn(text, "\n");
        printf("%s%.*s\n", len > 0 ? "  " : "", len, text);
        text += len + (text[len] == '\n');
    }
}

static void print_indicator(const catalog_index_t *index, const catalog_indicator_t *in)
{
    char max[DECIMAL_TEXT_SIZE];
    printf("%s %s\n\n", in->code, in->title);
    printf("%-12s %s (%s, %s)\n", "index", index->title, index->decision, index->date);
    printf("%-12s %s %s\n", "pillar", index->pillars[in->pillar].code,
           index->pillars[in->pillar].title);
    printf("%-12s %s\n", "maximum", decimal_format(in->max, max));
    printf("%-12s %s [%s: 1 not assessed, 0 assessed]\n", "excluded",
           in->excluded ? "by default (không đánh giá)" : "no",
           index->figures[in->excluded_by]->id);
    line("scored by", in->scorer);
    line("lead", in->lead);
    line("with", in->coordinators);
    line("work", in->work);
    line("frequency", in->frequency);
    line("legal basis", in->basis);
    line("evidence", in->evidence);
    line("replaces", in->replaces);
    buffer_t text = BUFFER_INIT(MAX_TEXT);
    formula_write(&in->rule, in->max, FORMULA_ENGLISH, "  ", &text);
    printf("\nformula\n%s", buffer_text(&text));
    buffer_free(&text);
    listing_t listing = {.index = index, .indicator = in};
    printf("\ninputs\n");
    rule_names(&in->rule, on_name, &listing);
    print_children(index, in);
    print_block("official text", in->text);
    print_block("how it is read", in->note);
}

static void on_mistake(void *context, const char *what, const char *expected)
{
    unsigned *mistakes = context;
    ++*mistakes;
    inputs_say_mistake("", what, expected);
}

static int work_out(const catalog_index_t *index, const catalog_indicator_t *in, const char *text)
{
    static const char *const statuses[] = {NULL,      "scored",    "missing",
                                           "invalid", "undefined", "excluded"};
    json_error_t error;
    json_t *given = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    rule_inputs_t inputs = {0};
    unsigned mistakes = 0;
    if (!json_is_object(given) || in->rule.kind == RULE_CHILDREN) {
        fprintf(stderr, "chiso: inputs: %s; expected an object such as {\"a\": \"12\"}\n",
                given == NULL ? error.text : "not for this indicator");
        json_decref(given);
        return CHISO_EXIT_USAGE;
    }
    int rc = inputs_read(in, given, &inputs, on_mistake, &mistakes);
    if (rc == 0) {
        char points[DECIMAL_TEXT_SIZE];
        listing_t listing = {.index = index, .indicator = in, .given = &inputs};
        printf("\nworked out\n");
        rule_names(&in->rule, on_name, &listing);
        rule_result_t r = rule_evaluate(&in->rule, in->max, inputs, NULL);
        printf("  points = %s (%s)", decimal_format_fixed(r.points, 6, DECIMAL_HALF_UP, points),
               statuses[r.status]);
        for (unsigned f = 0; f < RULE_FLAGS; f++) {
            if ((r.flags >> f & 1) != 0) {
                printf(" %s", rule_flag_names[f]);
            }
        }
        putchar('\n');
        buffer_t worked = BUFFER_INIT(MAX_TEXT);
        if (r.status == RULE_SCORED &&
            formula_worked(&in->rule, in->max, inputs, r.points, FORMULA_ENGLISH, &worked)) {
            printf("  %s\n", buffer_text(&worked));
        }
        buffer_free(&worked);
    }
    inputs_free(&inputs);
    json_decref(given);
    return rc != 0 ? CHISO_EXIT_FAILURE : mistakes > 0 ? CHISO_EXIT_FINDING : CHISO_EXIT_OK;
}

int command_explain(int argc, char **argv)
{
    const char *id = NULL;
    const char *folder = NULL;
    const option_spec_t specs[] = {
        {.name = "index", .value = &id}, {.name = "catalogs", .value = &folder}, {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || id == NULL || first == argc ||
        first + 2 < argc) {
        fprintf(stderr, "usage: chiso explain --index ID [--catalogs DIR] CODE [INPUTS]\n");
        return CHISO_EXIT_USAGE;
    }
    catalog_t *catalog = NULL;
    const catalog_index_t *index;
    int code = catalogs_open(folder, id, &catalog, &index);
    if (code == CHISO_EXIT_OK) {
        int place = catalog_indicator(index, argv[first]);
        if (place < 0) {
            fprintf(stderr, "chiso: %s has no indicator '%s'\n", index->id, argv[first]);
            code = CHISO_EXIT_FINDING;
        } else {
            print_indicator(index, &index->indicators[place]);
            code = first + 1 < argc ? work_out(index, &index->indicators[place], argv[first + 1])
                                    : CHISO_EXIT_OK;
        }
    }
    catalog_destroy(&catalog);
    return code;
}
