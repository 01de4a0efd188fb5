/* inputs.c - see inputs.h. */
#include "inputs.h"

#include "text/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decimals come as strings; whole JSON numbers are exact too. A float is not, and is not read. */
static void read_number(const json_t *value, rule_input_t *out)
{
    out->kind = RULE_UNREADABLE;
    if (json_is_string(value) &&
        decimal_parse(json_string_value(value), json_string_length(value), &out->number) == 0) {
        out->kind = RULE_NUMBER;
    } else if (json_is_integer(value) && json_integer_value(value) >= 0 &&
               json_integer_value(value) < 1000000000000000000LL) { /* what a decimal can hold */
        out->number = decimal_of(json_integer_value(value));
        out->kind = RULE_NUMBER;
    }
}

static void read_items(const json_t *value, rule_input_t *out)
{
    out->kind = RULE_ITEMS;
    for (size_t i = 0; i < json_array_size(value); i++) {
        rule_input_t one = {0};
        read_number(json_array_get(value, i), &one);
        int64_t place = 0;
        for (int64_t k = 1; one.kind == RULE_NUMBER && k <= RULE_MAX_SHARES; k++) {
            place = decimal_compare(one.number, decimal_of(k)) == 0 ? k : place;
        }
        if (place == 0) {
            out->kind = RULE_UNREADABLE;
            return;
        }
        out->items |= 1ULL << (place - 1);
    }
}

static void read_flag(const json_t *value, rule_input_t *out)
{
    bool is_text = json_is_string(value);
    bool yes = json_is_true(value) || (is_text && strcmp(json_string_value(value), "true") == 0);
    bool no = json_is_false(value) || (is_text && strcmp(json_string_value(value), "false") == 0);
    out->kind = yes || no ? RULE_FLAG : RULE_UNREADABLE;
    out->flag = yes;
}

static void read_input(const char *key, const json_t *value, rule_input_t *out)
{
    if (json_is_array(value)) {
        read_items(value, out);
    } else if (strcmp(key, "has") == 0 || json_is_boolean(value)) {
        read_flag(value, out);
    } else {
        read_number(value, out);
    }
}

void inputs_say_mistake(const char *where, const char *what, const char *expected)
{
    size_t len = strlen(what);
    fputs(where, stderr);
    for (size_t at = 0; at < len;) {
        size_t good = text_valid(what + at, len - at);
        for (size_t end = at + good; at < end; at++) {
            fputc((unsigned char)what[at] < 0x20 || what[at] == 0x7F ? '?' : what[at], stderr);
        }
        if (at < len) {
            fputc('?', stderr);
            at++;
        }
    }
    fprintf(stderr, "; expected %s\n", expected);
}

typedef struct {
    const char *name;
    bool found;
} lookup_t;

static void match(void *context, const char *name, bool quantity)
{
    lookup_t *l = context;
    (void)quantity;
    l->found = l->found || strcmp(l->name, name) == 0;
}

static bool has_input(const catalog_indicator_t *indicator, const char *name)
{
    lookup_t lookup = {.name = name};
    rule_names(&indicator->rule, match, &lookup);
    return lookup.found;
}

static bool given(const rule_inputs_t *inputs, const char *name)
{
    for (size_t i = 0; i < inputs->n; i++) {
        if (strcmp(inputs->list[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends one input; `name` is copied. */
static bool append(rule_inputs_t *to, const char *name, const rule_input_t *input)
{
    rule_input_t *grown = realloc((void *)(uintptr_t)to->list, (to->n + 1) * sizeof *grown);
    char *copy = strdup(name);
    if (grown == NULL || copy == NULL) {
        return false;
    }
    grown[to->n] = *input;
    grown[to->n++].name = copy;
    to->list = grown;
    return true;
}

typedef struct {
    const catalog_indicator_t *indicator;
    rule_inputs_t *to;
    inputs_mistake_fn mistake;
    void *context;
} reading_t;

static int take(const reading_t *r, const char *prefix, const char *key, const json_t *value)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", prefix, key);
    if (!has_input(r->indicator, name)) {
        char what[192];
        snprintf(what, sizeof what, "inputs.%s.%s: the rule has no such input", r->indicator->code,
                 name);
        r->mistake(r->context, what, "the inputs that 'chiso explain' lists");
        return 0;
    }
    if (json_is_null(value)) {
        return 0; /* said to be missing */
    }
    if (given(r->to, name)) {
        char what[192];
        snprintf(what, sizeof what, "inputs.%s.%s is given twice", r->indicator->code, name);
        r->mistake(r->context, what, "each input once: \"p1\": {\"a\": …} or \"p1.a\"");
        return 0;
    }
    rule_input_t input = {0};
    read_input(key, value, &input);
    return append(r->to, name, &input) ? 0 : -ENOMEM;
}

int inputs_read(const catalog_indicator_t *indicator, json_t *all, rule_inputs_t *to,
                inputs_mistake_fn mistake, void *context)
{
    const reading_t reading = {indicator, to, mistake, context};
    const char *key;
    json_t *value;
    int rc = 0;
    json_object_foreach(all, key, value)
    {
        if (json_is_null(value)) {
            continue; /* said to be missing */
        }
        if (!json_is_object(value) || has_input(indicator, key)) {
            rc = rc != 0 ? rc : take(&reading, "", key, value);
            continue;
        }
        char prefix[32];
        const char *inner;
        json_t *part;
        snprintf(prefix, sizeof prefix, "%.16s.", key);
        json_object_foreach(value, inner, part)
        {
            rc = rc != 0 ? rc : take(&reading, prefix, inner, part);
        }
    }
    return rc;
}

int inputs_add_figure(rule_inputs_t *to, const char *name, const json_t *value)
{
    if (json_is_null(value) || given(to, name)) {
        return 0;
    }
    rule_input_t input = {0};
    read_number(value, &input);
    return append(to, name, &input) ? 0 : -ENOMEM;
}

void inputs_free(rule_inputs_t *inputs)
{
    for (size_t i = 0; i < inputs->n; i++) {
        free((void *)(uintptr_t)inputs->list[i].name);
    }
    free((void *)(uintptr_t)inputs->list);
    *inputs = (rule_inputs_t){0};
}
