/* diff.c - chiso diff: what changed from one catalog to another.
 *
 * Codes are reused for other content from year to year, so years are joined by what the new catalog
 * says it replaces; only where it says nothing at all are codes compared.
 */
#include "base/error.h"
#include "catalogs.h"
#include "commands.h"
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

/* True when the two differ. */
static bool print_change(const catalog_indicator_t *old, const catalog_indicator_t *new)
{
    char a[DECIMAL_TEXT_SIZE];
    char b[DECIMAL_TEXT_SIZE];
    bool code = strcmp(old->code, new->code) != 0;
    bool title = strcmp(old->title, new->title) != 0;
    bool max = decimal_compare(old->max, new->max) != 0;
    bool rule = !same_rule(old, new);
    if (!code && !title && !max && !rule) {
        return false;
    }
    printf("~ %s -> %s %s\n", old->code, new->code, new->title);
    if (title) {
        printf("    title was: %s\n", old->title);
    }
    if (max) {
        printf("    maximum %s -> %s\n", decimal_format(old->max, a), decimal_format(new->max, b));
    }
    if (rule) {
        print_formula("formula was:", old);
        print_formula("formula is:", new);
    }
    return true;
}

static unsigned compare(const catalog_index_t *old, const catalog_index_t *new)
{
    bool mapped = says_what_it_replaces(new);
    bool *used = calloc(old->n_indicators + 1, sizeof *used);
    unsigned changes = 0;
    for (unsigned i = 0; used != NULL && i < new->n_indicators; i++) {
        const catalog_indicator_t *in = &new->indicators[i];
        const char *from = mapped ? in->replaces : in->code;
        int place = from != NULL ? catalog_indicator(old, from) : -1;
        if (place < 0) {
            char max[DECIMAL_TEXT_SIZE];
            printf("+ %s %s (maximum %s)\n", in->code, in->title, decimal_format(in->max, max));
            changes++;
        } else {
            used[place] = true;
            changes += print_change(&old->indicators[place], in);
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
        unsigned changes = compare(old, new);
        printf("%u changes\n", changes);
    }
    catalog_destroy(&a);
    catalog_destroy(&b);
    return code;
}
