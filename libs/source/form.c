/* form.c - the schema of a source description, see form.h. docs/add-a-source.md explains each key.
 */
#include "form.h"

#include "source/source.h"

#define REQUIRED(key, type, member)                                                                \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 0, 8192)
#define OPTIONAL(key, type, member)                                                                \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 0, 8192)
#define LIST(key, type, member, schema, most)                                                      \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, &(schema),   \
                         1, most)
#define PART(key, type, member, fields)                                                            \
    CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, fields)
#define VALUE(name, type, fields)                                                                  \
    static const cyaml_schema_value_t name = {                                                     \
        CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, type, fields),                                     \
    }

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, 8192),
};

/* ---- what is asked ---- */

static const cyaml_schema_field_t pair_fields[] = {
    REQUIRED("name", form_pair_t, name),
    REQUIRED("value", form_pair_t, value),
    CYAML_FIELD_END,
};
VALUE(pair_schema, form_pair_t, pair_fields);
static const cyaml_schema_field_t ask_fields[] = {
    OPTIONAL("nation", form_ask_t, nation),
    OPTIONAL("units_of", form_ask_t, units_of),
    OPTIONAL("each", form_ask_t, each),
    OPTIONAL("period", form_ask_t, period),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t request_fields[] = {
    OPTIONAL("method", form_request_t, method),
    OPTIONAL("path", form_request_t, path),
    OPTIONAL("body", form_request_t, body),
    OPTIONAL("prime", form_request_t, prime),
    OPTIONAL("csrf_cookie", form_request_t, csrf_cookie),
    LIST("headers", form_request_t, headers, text_schema, SOURCE_MAX_HEADERS),
    LIST("query", form_request_t, query, pair_schema, SOURCE_MAX_PAIRS),
    LIST("form", form_request_t, form, pair_schema, SOURCE_MAX_PAIRS),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t value_fields[] = {
    REQUIRED("name", form_value_t, name),
    REQUIRED("value", form_value_t, value),
    OPTIONAL("as", form_value_t, as),
    CYAML_FIELD_END,
};
VALUE(value_schema, form_value_t, value_fields);
static const cyaml_schema_field_t login_fields[] = {
    OPTIONAL("path", form_login_t, path),
    OPTIONAL("body", form_login_t, body),
    REQUIRED("token", form_login_t, token),
    OPTIONAL("expires", form_login_t, expires),
    OPTIONAL("lasts", form_login_t, lasts),
    LIST("headers", form_login_t, headers, text_schema, SOURCE_MAX_HEADERS),
    LIST("form", form_login_t, form, pair_schema, SOURCE_MAX_PAIRS),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t sign_fields[] = {
    REQUIRED("text", form_sign_t, text),
    REQUIRED("key", form_sign_t, key),
    OPTIONAL("key_id", form_sign_t, key_id),
    LIST("headers", form_sign_t, headers, text_schema, FETCH_SIGN_HEADERS),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t pages_fields[] = {
    OPTIONAL("first", form_pages_t, first),
    OPTIONAL("size", form_pages_t, size),
    OPTIONAL("most", form_pages_t, most),
    OPTIONAL("total", form_pages_t, total),
    CYAML_FIELD_END,
};

/* ---- what is answered ---- */

static const cyaml_schema_field_t test_fields[] = {
    REQUIRED("at", form_test_t, at),
    LIST("is", form_test_t, is, text_schema, 64),
    OPTIONAL("message", form_test_t, message),
    CYAML_FIELD_END,
};
VALUE(test_schema, form_test_t, test_fields);
static const cyaml_schema_field_t rows_fields[] = {
    REQUIRED("format", form_rows_t, format),       OPTIONAL("at", form_rows_t, at),
    OPTIONAL("proof", form_rows_t, proof),         OPTIONAL("wrapped", form_rows_t, wrapped),
    OPTIONAL("delimiter", form_rows_t, delimiter), CYAML_FIELD_END,
};
static const cyaml_schema_field_t word_fields[] = {
    REQUIRED("text", form_word_t, text),
    REQUIRED("is", form_word_t, is),
    CYAML_FIELD_END,
};
VALUE(word_schema, form_word_t, word_fields);
static const cyaml_schema_field_t level_fields[] = {
    REQUIRED("at", form_level_t, at),
    LIST("words", form_level_t, words, word_schema, 16),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t unknown_fields[] = {
    REQUIRED("code", form_unknown_t, code),
    REQUIRED("name", form_unknown_t, name),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t unit_fields[] = {
    REQUIRED("by", form_unit_t, by),
    OPTIONAL("at", form_unit_t, at),
    OPTIONAL("others", form_unit_t, others),
    LIST("table", form_unit_t, table, word_schema, 5000),
    PART("level", form_unit_t, level, level_fields),
    PART("unknown", form_unit_t, unknown, unknown_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t period_fields[] = {
    REQUIRED("at", form_period_t, at),
    REQUIRED("date", form_period_t, date),
    REQUIRED("as", form_period_t, as),
    CYAML_FIELD_BOOL("window", CYAML_FLAG_OPTIONAL, form_period_t, window),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t limit_fields[] = {
    REQUIRED("most", form_limit_t, most),
    REQUIRED("of", form_limit_t, of),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t figure_fields[] = {
    REQUIRED("id", form_figure_t, id),
    OPTIONAL("at", form_figure_t, at),
    OPTIONAL("value", form_figure_t, value),
    OPTIONAL("number", form_figure_t, number),
    OPTIONAL("date", form_figure_t, date),
    OPTIONAL("scale", form_figure_t, scale),
    OPTIONAL("min", form_figure_t, min),
    OPTIONAL("max", form_figure_t, max),
    OPTIONAL("combine", form_figure_t, combine),
    OPTIONAL("absent", form_figure_t, absent),
    OPTIONAL("confidence", form_figure_t, confidence),
    OPTIONAL("note", form_figure_t, note),
    CYAML_FIELD_BOOL("optional", CYAML_FLAG_OPTIONAL, form_figure_t, optional),
    PART("jump", form_figure_t, jump, limit_fields),
    LIST("when", form_figure_t, when, test_schema, 8),
    CYAML_FIELD_END,
};
VALUE(figure_schema, form_figure_t, figure_fields);
static const cyaml_schema_field_t check_fields[] = {
    LIST("sum", form_check_t, sum, text_schema, 64),
    OPTIONAL("equals", form_check_t, equals),
    LIST("over_time", form_check_t, over_time, text_schema, SOURCE_MAX_FIGURES),
    OPTIONAL("source", form_check_t, source),
    PART("within", form_check_t, within, limit_fields),
    CYAML_FIELD_END,
};
VALUE(check_schema, form_check_t, check_fields);

static const cyaml_schema_field_t source_fields[] = {
    REQUIRED("format", form_source_t, format),
    REQUIRED("source", form_source_t, source),
    REQUIRED("title", form_source_t, title),
    OPTIONAL("provider", form_source_t, provider),
    LIST("notes", form_source_t, notes, text_schema, 32),
    PART("ask", form_source_t, ask, ask_fields),
    CYAML_FIELD_MAPPING("request", CYAML_FLAG_DEFAULT, form_source_t, request, request_fields),
    LIST("values", form_source_t, values, value_schema, SOURCE_MAX_VALUES),
    PART("login", form_source_t, login, login_fields),
    PART("sign", form_source_t, sign, sign_fields),
    PART("pages", form_source_t, pages, pages_fields),
    LIST("success", form_source_t, success, test_schema, 8),
    CYAML_FIELD_MAPPING("rows", CYAML_FLAG_DEFAULT, form_source_t, rows, rows_fields),
    CYAML_FIELD_MAPPING("unit", CYAML_FLAG_DEFAULT, form_source_t, unit, unit_fields),
    PART("period", form_source_t, period, period_fields),
    CYAML_FIELD_SEQUENCE("figures", CYAML_FLAG_POINTER, form_source_t, figures, &figure_schema, 1,
                         SOURCE_MAX_FIGURES),
    LIST("checks", form_source_t, checks, check_schema, 16),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t form_source_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, form_source_t, source_fields),
};
