/* figure.c - see figure.h. */
#include "catalog/figure.h"

#include <stdio.h>

const char *catalog_kind_name(catalog_kind_t kind)
{
    static const char *const names[] = {NULL,     "count",  "amount", "percentage",
                                        "points", "option", "yes_no"};
    return names[kind];
}

const char *catalog_provider_name(catalog_provider_t provider)
{
    static const char *const names[] = {NULL, "machine", "statistics", "unit"};
    return names[provider];
}

static bool is_whole(decimal_t value)
{
    return value.micro % 1000000 == 0;
}

bool catalog_figure_accepts(const catalog_figure_t *f, decimal_t value,
                            char reason[CATALOG_REASON_SIZE])
{
    bool whole = f->kind == CATALOG_COUNT || f->kind == CATALOG_OPTION || f->kind == CATALOG_YES_NO;
    bool good = decimal_compare(value, f->least) >= 0 &&
                (!f->has_most || decimal_compare(value, f->most) <= 0) &&
                (!whole || is_whole(value));
    if (good) {
        return true;
    }
    char text[DECIMAL_TEXT_SIZE];
    char least[DECIMAL_TEXT_SIZE];
    char most[DECIMAL_TEXT_SIZE];
    const char *number = whole ? "a whole number" : "a number";
    decimal_format(value, text);
    decimal_format(f->least, least);
    decimal_format(f->most, most);
    if (f->kind == CATALOG_YES_NO) {
        snprintf(reason, CATALOG_REASON_SIZE, "'%s'; expected 1 (yes) or 0 (no)", text);
    } else if (f->has_most) {
        snprintf(reason, CATALOG_REASON_SIZE, "'%s'; expected %s from %s to %s", text, number,
                 least, most);
    } else {
        snprintf(reason, CATALOG_REASON_SIZE, "'%s'; expected %s of at least %s", text, number,
                 least);
    }
    return false;
}

const char *catalog_figure_text(const catalog_figure_t *f, decimal_t value)
{
    char reason[CATALOG_REASON_SIZE];
    if (f->kind != CATALOG_OPTION || f->texts == NULL ||
        !catalog_figure_accepts(f, value, reason)) {
        return NULL;
    }
    return f->texts[value.micro / 1000000 - 1];
}
