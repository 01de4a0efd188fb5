/* form.c - see form.h. */
#include "registry/form.h"

#define TEXT_MAX 512
#define CODE_MAX 64

#define REQUIRED(key, type, member, max)                                                           \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, max)
#define OPTIONAL(key, type, member, max)                                                           \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, max)

static const cyaml_strval_t level_names[] = {
    {"province", 1}, {"department", 2}, {"commune", 3}, {"district", 4}};

static const cyaml_schema_field_t earlier_fields[] = {
    REQUIRED("name", form_earlier_t, name, TEXT_MAX),
    REQUIRED("until", form_earlier_t, until, CODE_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t earlier_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_earlier_t, earlier_fields),
};

static const cyaml_schema_field_t unit_fields[] = {
    REQUIRED("code", form_unit_t, code, CODE_MAX),
    CYAML_FIELD_ENUM("level", CYAML_FLAG_OPTIONAL, form_unit_t, level, level_names, 4),
    OPTIONAL("parent", form_unit_t, parent, CODE_MAX),
    REQUIRED("name", form_unit_t, name, TEXT_MAX),
    OPTIONAL("from", form_unit_t, from, CODE_MAX),
    OPTIONAL("until", form_unit_t, until, CODE_MAX),
    OPTIONAL("successor", form_unit_t, successor, CODE_MAX),
    OPTIONAL("dvc", form_unit_t, dvc, CODE_MAX),
    OPTIONAL("geo", form_unit_t, geo, CODE_MAX),
    OPTIONAL("agency", form_unit_t, agency, CODE_MAX),
    CYAML_FIELD_SEQUENCE("earlier", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, form_unit_t, earlier,
                         &earlier_schema, 1, 16),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t unit_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, form_unit_t, unit_fields),
};

static const cyaml_schema_field_t file_fields[] = {
    REQUIRED("format", form_units_t, format, 8),
    CYAML_FIELD_ENUM("level", CYAML_FLAG_OPTIONAL, form_units_t, level, level_names, 4),
    OPTIONAL("from", form_units_t, from, CODE_MAX),
    OPTIONAL("until", form_units_t, until, CODE_MAX),
    CYAML_FIELD_SEQUENCE("units", CYAML_FLAG_POINTER, form_units_t, units, &unit_schema, 1, 100000),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t form_units_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, form_units_t, file_fields),
};
