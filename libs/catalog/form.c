/* form.c - the schema of a catalog file, see form.h. docs/add-an-index.md explains each key. */
#include "form.h"

#include "catalog/catalog.h"

#define REQUIRED(key, type, member)                                                                \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, 8192)
#define OPTIONAL(key, type, member)                                                                \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 8192)
#define TEXTS(key, type, member, most)                                                             \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member,              \
                         &text_schema, 1, most)

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 8192),
};

/* ---- rules ---- */

static const cyaml_schema_field_t band_fields[] = {
    REQUIRED("from", form_band_t, from),
    REQUIRED("share", form_band_t, share),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t band_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_band_t, band_fields),
};
static const cyaml_schema_field_t ratio_fields[] = {
    CYAML_FIELD_SEQUENCE("of", CYAML_FLAG_POINTER, form_ratio_t, of, &text_schema, 1, 16),
    TEXTS("over", form_ratio_t, over, 16),
    OPTIONAL("constant", form_ratio_t, constant),
    OPTIONAL("target", form_ratio_t, target),
    OPTIONAL("below", form_ratio_t, below),
    OPTIONAL("floor", form_ratio_t, floor),
    CYAML_FIELD_SEQUENCE("bands", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_ratio_t, bands,
                         &band_schema, 1, 32),
    CYAML_FIELD_BOOL("subset", CYAML_FLAG_OPTIONAL, form_ratio_t, subset),
    OPTIONAL("when_zero", form_ratio_t, when_zero),
    CYAML_FIELD_SEQUENCE("when_zero_full_if", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                         form_ratio_t, when_zero_full_if, &text_schema, 2, 2),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t count_fields[] = {
    REQUIRED("target", form_count_t, target),
    REQUIRED("below", form_count_t, below),
    CYAML_FIELD_END,
};

#define RULE_KINDS                                                                                 \
    OPTIONAL("points", form_rule_t, points), OPTIONAL("percent", form_rule_t, percent),            \
        TEXTS("options", form_rule_t, options, RULE_MAX_SHARES),                                   \
        TEXTS("checklist", form_rule_t, checklist, RULE_MAX_SHARES),                               \
        TEXTS("texts", form_rule_t, texts, RULE_MAX_SHARES),                                       \
        CYAML_FIELD_MAPPING_PTR("count", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_rule_t,    \
                                count, count_fields),                                              \
        CYAML_FIELD_MAPPING_PTR("ratio", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_rule_t,    \
                                ratio, ratio_fields)

static const cyaml_schema_field_t part_fields[] = {
    REQUIRED("max", form_rule_t, max),
    RULE_KINDS,
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t part_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_rule_t, part_fields),
};
static const cyaml_schema_field_t rule_fields[] = {
    RULE_KINDS,
    /* the peers' ratios are compared for an indicator: no part has one */
    CYAML_FIELD_MAPPING_PTR("best", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_rule_t, best,
                            ratio_fields),
    OPTIONAL("children", form_rule_t, children),
    CYAML_FIELD_SEQUENCE("parts", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_rule_t, parts,
                         &part_schema, 1, 9),
    CYAML_FIELD_END,
};

/* ---- inputs: libcyaml wants every key by name ---- */

#define NAMES(prefix)                                                                              \
    prefix "a", prefix "b", prefix "c", prefix "d", prefix "e", prefix "n", prefix "p",            \
        prefix "points"

const char *const form_input_names[FORM_INPUTS] = {
    NAMES(""),    NAMES("p1."), NAMES("p2."), NAMES("p3."), NAMES("p4."),
    NAMES("p5."), NAMES("p6."), NAMES("p7."), NAMES("p8."), NAMES("p9."),
};

#define INPUT(key, i) OPTIONAL(key, form_inputs_t, figure[i])
#define INPUTS(prefix, first)                                                                      \
    INPUT(prefix "a", first), INPUT(prefix "b", (first) + 1), INPUT(prefix "c", (first) + 2),      \
        INPUT(prefix "d", (first) + 3), INPUT(prefix "e", (first) + 4),                            \
        INPUT(prefix "n", (first) + 5), INPUT(prefix "p", (first) + 6),                            \
        INPUT(prefix "points", (first) + 7)

static const cyaml_schema_field_t input_fields[] = {
    INPUTS("", 0),     INPUTS("p1.", 8),  INPUTS("p2.", 16), INPUTS("p3.", 24),
    INPUTS("p4.", 32), INPUTS("p5.", 40), INPUTS("p6.", 48), INPUTS("p7.", 56),
    INPUTS("p8.", 64), INPUTS("p9.", 72), CYAML_FIELD_END,
};

/* ---- indicators, pillars, index ---- */

#define INDICATOR                                                                                  \
    REQUIRED("code", form_indicator_t, code), REQUIRED("title", form_indicator_t, title),          \
        REQUIRED("max", form_indicator_t, max), OPTIONAL("text", form_indicator_t, text),          \
        OPTIONAL("note", form_indicator_t, note), OPTIONAL("scorer", form_indicator_t, scorer),    \
        OPTIONAL("lead", form_indicator_t, lead),                                                  \
        OPTIONAL("coordinators", form_indicator_t, coordinators),                                  \
        OPTIONAL("work", form_indicator_t, work),                                                  \
        OPTIONAL("frequency", form_indicator_t, frequency),                                        \
        OPTIONAL("basis", form_indicator_t, basis),                                                \
        OPTIONAL("evidence", form_indicator_t, evidence),                                          \
        OPTIONAL("replaces", form_indicator_t, replaces),                                          \
        CYAML_FIELD_BOOL("excluded", CYAML_FLAG_OPTIONAL, form_indicator_t, excluded),             \
        CYAML_FIELD_MAPPING("rule", CYAML_FLAG_DEFAULT, form_indicator_t, rule, rule_fields),      \
        CYAML_FIELD_MAPPING("inputs", CYAML_FLAG_OPTIONAL, form_indicator_t, inputs, input_fields)

static const cyaml_schema_field_t child_fields[] = {
    INDICATOR,
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t child_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_indicator_t, child_fields),
};
static const cyaml_schema_field_t indicator_fields[] = {
    INDICATOR,
    CYAML_FIELD_SEQUENCE("children", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_indicator_t,
                         children, &child_schema, 1, 32),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t indicator_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_indicator_t, indicator_fields),
};
static const cyaml_schema_field_t stated_fields[] = {
    OPTIONAL("max", form_stated_t, max),
    OPTIONAL("indicators", form_stated_t, indicators),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t pillar_fields[] = {
    REQUIRED("code", form_pillar_t, code),
    REQUIRED("title", form_pillar_t, title),
    REQUIRED("max", form_pillar_t, max),
    CYAML_FIELD_MAPPING("stated", CYAML_FLAG_OPTIONAL, form_pillar_t, stated, stated_fields),
    CYAML_FIELD_SEQUENCE("indicators", CYAML_FLAG_POINTER, form_pillar_t, indicators,
                         &indicator_schema, 1, CATALOG_MAX_INDICATORS),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t pillar_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_pillar_t, pillar_fields),
};
static const cyaml_strval_t level_names[] = {
    {"province", 1},
    {"department", 2},
    {"commune", 3},
    {"district", 4},
};
static const cyaml_schema_value_t level_schema = {
    CYAML_VALUE_ENUM(CYAML_FLAG_DEFAULT, int, level_names, 4),
};
static const cyaml_strval_t period_names[] = {
    {"year", PERIOD_YEAR}, {"quarter", PERIOD_QUARTER}, {"month", PERIOD_MONTH}};
static const cyaml_schema_value_t period_schema = {
    CYAML_VALUE_ENUM(CYAML_FLAG_DEFAULT, int, period_names, 3),
};
static const cyaml_schema_field_t index_fields[] = {
    REQUIRED("format", form_index_t, format),
    REQUIRED("index", form_index_t, index),
    REQUIRED("title", form_index_t, title),
    REQUIRED("decision", form_index_t, decision),
    REQUIRED("date", form_index_t, date),
    REQUIRED("issuer", form_index_t, issuer),
    CYAML_FIELD_SEQUENCE("levels", CYAML_FLAG_POINTER, form_index_t, levels, &level_schema, 1, 4),
    CYAML_FIELD_SEQUENCE("periods", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_index_t, periods,
                         &period_schema, 1, 3),
    REQUIRED("max", form_index_t, max),
    OPTIONAL("stated_total", form_index_t, stated_total),
    CYAML_FIELD_MAPPING("stated", CYAML_FLAG_OPTIONAL, form_index_t, stated, stated_fields),
    CYAML_FIELD_BOOL("partial", CYAML_FLAG_OPTIONAL, form_index_t, partial),
    TEXTS("notes", form_index_t, notes, 64),
    CYAML_FIELD_SEQUENCE("pillars", CYAML_FLAG_POINTER, form_index_t, pillars, &pillar_schema, 1,
                         64),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t form_index_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, form_index_t, index_fields),
};

/* ---- the figure dictionary ---- */

static const cyaml_strval_t kind_names[] = {
    {"count", 1}, {"amount", 2}, {"percentage", 3}, {"points", 4}};
static const cyaml_strval_t provider_names[] = {{"machine", 1}, {"statistics", 2}, {"unit", 3}};
static const cyaml_schema_field_t figure_fields[] = {
    REQUIRED("id", form_figure_t, id),
    REQUIRED("title", form_figure_t, title),
    REQUIRED("unit", form_figure_t, unit),
    CYAML_FIELD_ENUM("kind", CYAML_FLAG_DEFAULT, form_figure_t, kind, kind_names, 4),
    CYAML_FIELD_ENUM("provider", CYAML_FLAG_DEFAULT, form_figure_t, provider, provider_names, 3),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t figure_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_figure_t, figure_fields),
};
static const cyaml_schema_field_t figures_fields[] = {
    REQUIRED("format", form_figures_t, format),
    CYAML_FIELD_SEQUENCE("figures", CYAML_FLAG_POINTER, form_figures_t, figures, &figure_schema, 1,
                         4096),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t form_figures_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, form_figures_t, figures_fields),
};
