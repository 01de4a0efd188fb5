/* inputs.c - see inputs.h. */
#include "inputs.h"

#include <string.h>

/* Is there a value? */
static bool has(const figure_state_t *f)
{
    return f->revision != 0 && !f->withdrawn;
}

/* 1 or 0; -1 when it is not known or neither. */
static int yes_or_no(const figure_state_t *f)
{
    if (!has(f)) {
        return -1;
    }
    return f->value.micro == 0 ? 0 : f->value.micro == 1000000 ? 1 : -1;
}

/* Takes the items of a checklist from the k-th input on; returns how many they are. */
static unsigned take_items(const result_t *r, const catalog_indicator_t *of, unsigned k,
                           rule_input_t *to, bool *known)
{
    unsigned n = 0;
    to->kind = RULE_ITEMS;
    *known = true;
    bool readable = true;
    for (; k + n < of->n_inputs && strcmp(of->inputs[k + n].name, to->name) == 0; n++) {
        const figure_state_t *f = state_figure(r, of->inputs[k + n].figure);
        int met = yes_or_no(f);
        *known = *known && has(f);
        readable = readable && (!has(f) || met >= 0);
        to->items |= met == 1 ? 1ULL << of->inputs[k + n].item : 0;
    }
    if (!readable) {
        to->kind = RULE_UNREADABLE; /* a mistake is told even when other items are missing */
        *known = true;
    }
    return n;
}

rule_inputs_t inputs_of(const result_t *r, unsigned i, rule_input_t room[CATALOG_MAX_INPUTS])
{
    const catalog_indicator_t *of = &r->index->indicators[i];
    size_t n = 0;
    for (unsigned k = 0; k < of->n_inputs && n < CATALOG_MAX_INPUTS;) {
        const catalog_input_t *input = &of->inputs[k];
        const figure_state_t *f = state_figure(r, input->figure);
        bool known = has(f);
        rule_input_t *to = &room[n];
        *to = (rule_input_t){.name = input->name, .kind = input->kind};
        unsigned step = 1;
        if (input->kind == RULE_ITEMS) {
            step = take_items(r, of, k, to, &known);
        } else if (input->kind == RULE_FLAG) {
            to->kind = yes_or_no(f) < 0 ? RULE_UNREADABLE : RULE_FLAG;
            to->flag = yes_or_no(f) == 1;
        } else {
            to->number = f->value;
        }
        n += known;
        k += step;
    }
    return (rule_inputs_t){room, n};
}

bool inputs_excluded(const result_t *r, unsigned i)
{
    const catalog_indicator_t *of = &r->index->indicators[i];
    int own = yes_or_no(state_figure(r, of->excluded_by));
    if (own >= 0) {
        return own == 1;
    }
    if (of->parent < 0) {
        return of->excluded;
    }
    const catalog_indicator_t *parent = &r->index->indicators[of->parent];
    int above = yes_or_no(state_figure(r, parent->excluded_by));
    /* a parent that is assessed after all takes its children with it */
    return above >= 0 ? above == 1 || (of->excluded && !parent->excluded) : of->excluded;
}

bool inputs_of_machines(const result_t *r, unsigned i)
{
    const catalog_indicator_t *of = &r->index->indicators[i];
    for (unsigned k = 0; k < of->n_inputs; k++) {
        const figure_state_t *f = state_figure(r, of->inputs[k].figure);
        if (has(f) && f->line->submitter != NULL) {
            return false;
        }
    }
    return true;
}
