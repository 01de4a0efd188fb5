/* lint.c - chiso lint: the mistakes in a catalog, and those in the document that it was written
 * from.
 *
 * What would make a score wrong is an error already when a catalog is loaded (libs/catalog). Here
 * stands what only a reader would notice: counts and totals against those that the document states,
 * what can never be reached, what nothing reads.
 */
#include "base/error.h"
#include "catalogs.h"
#include "commands.h"
#include "config/config.h"
#include "lint_units.h"
#include "options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    unsigned errors, contradictions, notes;
} lint_t;

static void say(unsigned *count, const char *kind, const catalog_index_t *index, int line,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

static void say(unsigned *count, const char *kind, const catalog_index_t *index, int line,
                const char *format, ...)
{
    va_list args;
    ++*count;
    printf("%s %s:%d: ", kind, index->file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fputc('\n', stdout);
}

#define ERROR(lint, index, line, ...) say(&(lint)->errors, "ERROR", index, line, __VA_ARGS__)
#define DOCUMENT(lint, index, line, ...)                                                           \
    say(&(lint)->contradictions, "DOCUMENT", index, line, __VA_ARGS__)
#define NOTE(lint, index, line, ...) say(&(lint)->notes, "NOTE", index, line, __VA_ARGS__)

/* ---- against what the document states ---- */

static unsigned count_top(const catalog_index_t *index, unsigned first, unsigned count)
{
    unsigned n = 0;
    for (unsigned i = first; i < first + count; i++) {
        n += index->indicators[i].parent < 0;
    }
    return n;
}

static void check_count(lint_t *lint, const catalog_index_t *index, int line, const char *what,
                        const char *stated, unsigned listed)
{
    uint64_t number;
    if (stated == NULL) {
        return;
    }
    if (options_number(stated, &number) != 0) {
        ERROR(lint, index, line, "%s: stated count '%s'; expected a whole number", what, stated);
    } else if (number != listed) {
        DOCUMENT(lint, index, line, "%s: the document states %s indicators, its details list %u",
                 what, stated, listed);
    }
}

typedef enum { STATED_NOT, STATED_SAME, STATED_OTHER } stated_t;

static stated_t check_max(lint_t *lint, const catalog_index_t *index, int line, const char *what,
                          const char *stated, decimal_t listed)
{
    decimal_t number;
    char text[DECIMAL_TEXT_SIZE];
    if (stated == NULL) {
        return STATED_NOT;
    }
    if (decimal_parse(stated, strlen(stated), &number) != 0) {
        ERROR(lint, index, line, "%s: stated.max '%s'; expected a decimal", what, stated);
        return STATED_NOT;
    }
    if (decimal_compare(number, listed) == 0) {
        return STATED_SAME;
    }
    DOCUMENT(lint, index, line,
             "%s: the document states a total of %s, the listed indicators sum to %s%s", what,
             stated, decimal_format_fixed(listed, 2, DECIMAL_HALF_UP, text),
             index->partial ? " (a partial list)" : "");
    return STATED_OTHER;
}

static void check_stated(lint_t *lint, const catalog_index_t *index)
{
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        char what[96];
        char path[64];
        snprintf(what, sizeof what, "pillar %s", pillar->code);
        snprintf(path, sizeof path, "pillars[%u].stated.max", p);
        check_max(lint, index, catalog_line(index, path), what, pillar->stated.max, pillar->max);
        snprintf(path, sizeof path, "pillars[%u].stated.indicators", p);
        check_count(lint, index, catalog_line(index, path), what, pillar->stated.indicators,
                    count_top(index, pillar->first, pillar->count));
    }
    check_count(lint, index, catalog_line(index, "stated.indicators"), "the index",
                index->stated.indicators, count_top(index, 0, index->n_indicators));
    int line = catalog_line(index, "stated.max");
    stated_t total = check_max(lint, index, line, "the index", index->stated.max, index->max);
    if (total == STATED_OTHER && !index->partial) {
        NOTE(lint, index, line, "say partial: true when the list is known to be incomplete");
    } else if (total == STATED_SAME && index->partial) {
        ERROR(lint, index, catalog_line(index, "partial"),
              "partial: true, but the listed indicators sum to the stated total");
    }
}

/* ---- rules ---- */

static bool same_fraction(rule_fraction_t a, rule_fraction_t b)
{
    return a.num * b.den == b.num * a.den;
}

static void check_options(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                          const rule_t *rule)
{
    bool full = false;
    bool all_same = rule->n_shares > 1;
    for (unsigned i = 0; i < rule->n_shares; i++) {
        full = full || rule->shares[i].num == rule->shares[i].den;
        all_same = all_same && same_fraction(rule->shares[i], rule->shares[0]);
    }
    if (!full) {
        ERROR(lint, index, in->line, "%s: no option earns the maximum: it cannot be reached",
              in->code);
    }
    if (rule->n_shares < 2 || all_same) {
        ERROR(lint, index, in->line, "%s: the options do not differ", in->code);
    }
}

static void check_bands(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                        const rule_t *rule)
{
    const decimal_t one = decimal_of(1);
    char text[DECIMAL_TEXT_SIZE];
    for (unsigned i = 0; i < rule->n_bands; i++) {
        const rule_band_t *band = &rule->bands[i];
        if (decimal_compare(band->from, one) > 0) {
            ERROR(lint, index, in->line,
                  "%s: the band from %s is never reached: a ratio above 1 counts as 1", in->code,
                  decimal_format(band->from, text));
        }
        if (i > 0 && same_fraction(band->share, rule->bands[i - 1].share)) {
            ERROR(lint, index, in->line, "%s: the band from %s earns what the one above earns",
                  in->code, decimal_format(band->from, text));
        }
        if (i > 0 && band->share.num * rule->bands[i - 1].share.den >
                         rule->bands[i - 1].share.num * band->share.den) {
            NOTE(lint, index, in->line, "%s: a lower band earns more than the one above", in->code);
        }
    }
    if (rule->n_bands > 0 && rule->bands[0].share.num != rule->bands[0].share.den) {
        ERROR(lint, index, in->line, "%s: the highest band does not earn the maximum", in->code);
    }
}

static void check_limits(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                         const rule_t *rule)
{
    const decimal_t one = decimal_of(1);
    if (rule->has_target && decimal_compare(rule->target, one) > 0 && rule->kind == RULE_RATIO) {
        ERROR(lint, index, in->line,
              "%s: the target is above 1 and never reached: a ratio above 1 counts as 1", in->code);
    }
    if (rule->has_floor && decimal_compare(rule->floor, one) > 0) {
        ERROR(lint, index, in->line, "%s: the floor is above 1", in->code);
    }
    if (rule->has_floor && rule->has_target && decimal_compare(rule->floor, rule->target) >= 0) {
        ERROR(lint, index, in->line, "%s: the floor is not below the target", in->code);
    }
}

static bool same_terms(const rule_term_t *a, const rule_term_t *b, unsigned n)
{
    bool same = true;
    for (unsigned i = 0; i < n; i++) {
        same = same && strcmp(a[i].name, b[i].name) == 0 && same_fraction(a[i].weight, b[i].weight);
    }
    return same;
}

static void check_twice(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                        const rule_term_t *terms, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (strcmp(terms[i].name, terms[k].name) == 0) {
                ERROR(lint, index, in->line, "%s: '%s' is added twice", in->code, terms[i].name);
            }
        }
    }
}

static void check_ratio(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                        const rule_t *rule)
{
    check_twice(lint, index, in, rule->of, rule->n_of);
    check_twice(lint, index, in, rule->over, rule->n_over);
    if (rule->n_of > 0 && rule->n_of == rule->n_over &&
        same_terms(rule->of, rule->over, rule->n_of)) {
        ERROR(lint, index, in->line, "%s: numerator and denominator are the same", in->code);
    }
    if (rule->n_over == 0 && rule->when_zero != RULE_ZERO_UNDEFINED) {
        ERROR(lint, index, in->line, "%s: when_zero is idle: the constant denominator is never 0",
              in->code);
    }
    if (rule->has_floor && rule->below == RULE_BELOW_ZERO) {
        ERROR(lint, index, in->line, "%s: the floor is idle: below the target all is 0", in->code);
    }
}

static void check_rule(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                       const rule_t *rule, unsigned *zero)
{
    if (rule->kind == RULE_OPTIONS) {
        check_options(lint, index, in, rule);
    }
    if (rule->kind == RULE_COUNT && rule->below == RULE_BELOW_SHARE &&
        rule->below_share.num == rule->below_share.den) {
        ERROR(lint, index, in->line, "%s: below the target all is earned: the target is idle",
              in->code);
    }
    for (unsigned i = 0; rule->kind == RULE_CHECKLIST && i < rule->n_shares; i++) {
        if (rule->shares[i].num == 0) {
            ERROR(lint, index, in->line, "%s: item %u of the checklist earns nothing", in->code,
                  i + 1);
        }
    }
    check_bands(lint, index, in, rule);
    check_limits(lint, index, in, rule);
    check_ratio(lint, index, in, rule);
    if ((rule->kind == RULE_RATIO || rule->kind == RULE_BEST) && rule->n_over > 0 &&
        rule->when_zero == RULE_ZERO_UNDEFINED) {
        ++*zero;
    }
    for (unsigned i = 0; i < rule->n_parts; i++) {
        check_rule(lint, index, in, &rule->parts[i], zero);
    }
}

/* ---- inputs ---- */

typedef struct {
    const catalog_index_t *index;
    const catalog_indicator_t *indicator;
    unsigned *missing;
} feed_t;

static void check_fed(void *context, const char *name, bool quantity)
{
    feed_t *feed = context;
    for (unsigned i = 0; i < feed->indicator->n_inputs; i++) {
        const catalog_input_t *input = &feed->indicator->inputs[i];
        if (strcmp(input->name, name) == 0) {
            *feed->missing += quantity && feed->index->figures[input->figure]->index != NULL;
            return;
        }
    }
}

/* "p1." of "p1.a": what is fed beside it reads the same rule. */
static size_t prefix_of(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL ? (size_t)(dot - name) + 1 : 0;
}

static void check_kind(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                       const catalog_input_t *input)
{
    const catalog_figure_t *figure = index->figures[input->figure];
    const char *letter = input->name + prefix_of(input->name);
    catalog_kind_t wanted = strcmp(letter, "p") == 0        ? CATALOG_PERCENTAGE
                            : strcmp(letter, "points") == 0 ? CATALOG_POINTS
                                                            : figure->kind;
    if (figure->kind != wanted) {
        ERROR(lint, index, in->line, "%s: %s is fed by '%s', of kind %s; expected one of kind %s",
              in->code, input->name, figure->id, catalog_kind_name(figure->kind),
              catalog_kind_name(wanted));
    }
}

/* Two levels that say the same: nobody can tell which of them holds. */
static void check_texts(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in,
                        const catalog_figure_t *figure)
{
    int64_t n = figure->texts != NULL ? (int64_t)(figure->most.micro / 1000000) : 0;
    for (int64_t i = 1; i < n; i++) {
        for (int64_t k = 0; k < i; k++) {
            if (strcmp(figure->texts[i], figure->texts[k]) == 0) {
                ERROR(lint, index, in->line, "%s: options %lld and %lld have one text", in->code,
                      (long long)k + 1, (long long)i + 1);
            }
        }
    }
}

static void check_inputs(lint_t *lint, const catalog_index_t *index, const catalog_indicator_t *in)
{
    for (unsigned i = 0; i < in->n_inputs; i++) {
        const catalog_input_t *a = &in->inputs[i];
        check_kind(lint, index, in, a);
        for (unsigned k = 0; k < i; k++) {
            const catalog_input_t *b = &in->inputs[k];
            size_t prefix = prefix_of(a->name);
            if (a->figure == b->figure && prefix == prefix_of(b->name) &&
                strncmp(a->name, b->name, prefix) == 0) {
                ERROR(lint, index, in->line, "%s: %s and %s are one figure, '%s'", in->code,
                      b->name, a->name, index->figures[a->figure]->id);
            }
        }
        check_texts(lint, index, in, index->figures[a->figure]);
    }
}

/* How the text reads a zero denominator is easily forgotten: one note for all that are silent. */
static void say_zero(lint_t *lint, const catalog_index_t *index, const bool *silent, unsigned n)
{
    char codes[1024] = "";
    size_t len = 0;
    int line = 0;
    for (unsigned i = 0; i < index->n_indicators && len < sizeof codes; i++) {
        if (silent[i]) {
            line = line == 0 ? index->indicators[i].line : line;
            len += (size_t)snprintf(codes + len, sizeof codes - len, "%s%s", len > 0 ? ", " : "",
                                    index->indicators[i].code);
        }
    }
    NOTE(
        lint, index, line,
        "%u ratios have no rule for a zero denominator (when_zero), undefined then, 0 points: %s%s",
        n, codes, len < sizeof codes ? "" : "…");
}

static void check_name(lint_t *lint, const catalog_index_t *index)
{
    const char *slash = strrchr(index->file, '/');
    const char *name = slash != NULL ? slash + 1 : index->file;
    size_t len = strlen(index->id);
    if (strncmp(name, index->id, len) != 0 || strcmp(name + len, ".yaml") != 0) {
        NOTE(lint, index, catalog_line(index, "index"),
             "the file is not named %s.yaml: '--index %s' does not find it", index->id, index->id);
    }
}

static void check_index(lint_t *lint, const catalog_index_t *index)
{
    unsigned zero = 0;
    bool silent[CATALOG_MAX_INDICATORS] = {false};
    check_stated(lint, index);
    check_name(lint, index);
    for (unsigned i = 0; i < index->n_indicators; i++) {
        const catalog_indicator_t *in = &index->indicators[i];
        unsigned missing = 0;
        feed_t feed = {index, in, &missing};
        unsigned before = zero;
        check_rule(lint, index, in, &in->rule, &zero);
        silent[i] = zero > before;
        rule_names(&in->rule, check_fed, &feed);
        check_inputs(lint, index, in);
        if (missing > 0) {
            ERROR(lint, index, in->line,
                  "%s: %u of the quantities it reads name no figure (inputs:)", in->code, missing);
        }
    }
    if (zero > 0) {
        say_zero(lint, index, silent, zero);
    }
    for (unsigned i = 0; i < index->n_notes; i++) {
        char path[32];
        snprintf(path, sizeof path, "notes[%u]", i);
        DOCUMENT(lint, index, catalog_line(index, path), "%s", index->notes[i]);
    }
}

/* Figures that no index uses are no mistake of an index, but of the dictionary. */
static void check_dictionary(lint_t *lint, const catalog_t *catalog)
{
    for (unsigned f = 0; f < catalog_figures(catalog); f++) {
        const catalog_figure_t *figure = catalog_figure_at(catalog, f);
        bool used = false;
        for (unsigned i = 0; i < catalog_count(catalog) && !used; i++) {
            const catalog_index_t *index = catalog_at(catalog, i);
            for (unsigned k = 0; k < index->n_figures && !used; k++) {
                used = index->figures[k] == figure;
            }
        }
        if (!used) {
            printf("NOTE %s:%d: the figure '%s' is used by no index\n", figure->file, figure->line,
                   figure->id);
            lint->notes++;
        }
    }
}

/* The files of the list in one array, the folders, which are unit registries, looked at. */
static unsigned split(lint_t *lint, char **arguments, unsigned n, const char **files)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) {
        struct stat st;
        if (stat(arguments[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            lint->errors += !lint_units(arguments[i]);
        } else {
            files[count++] = arguments[i];
        }
    }
    return count;
}

static int lint_files(lint_t *lint, const char *const *files, unsigned n, bool all)
{
    catalog_t *catalog = NULL;
    if (n == 0 && !all) {
        return lint->errors == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
    }
    if (catalog_load(files, n, stdout, &catalog) != 0) {
        return CHISO_EXIT_FINDING; /* loading has said what is wrong, with file and line */
    }
    for (unsigned i = 0; i < catalog_count(catalog); i++) {
        check_index(lint, catalog_at(catalog, i));
    }
    if (all) {
        check_dictionary(lint, catalog);
    }
    printf("%u catalogs, %u errors, %u contradictions in the documents, %u notes\n",
           catalog_count(catalog), lint->errors, lint->contradictions, lint->notes);
    catalog_destroy(&catalog);
    return lint->errors == 0 ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
}

int command_lint(int argc, char **argv)
{
    const char *folder = NULL;
    const option_spec_t specs[] = {{.name = "catalogs", .value = &folder}, {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0) {
        return CHISO_EXIT_USAGE;
    }
    lint_t lint = {0};
    bool all = first == argc;
    unsigned n = (unsigned)(argc - first);
    char **listed = all ? catalogs_list(folder, &n) : NULL;
    char *units = all ? catalogs_units(folder) : NULL;
    const char **files = calloc(n + 1, sizeof *files);
    int code = CHISO_EXIT_CONFIG;
    if (files != NULL && (!all || listed != NULL)) {
        n = split(&lint, all ? listed : argv + first, n, files);
        if (units != NULL) {
            lint.errors += !lint_units(units);
        }
        code = lint_files(&lint, files, n, all);
    }
    config_list_free(&listed);
    free(files);
    free(units);
    return code;
}
