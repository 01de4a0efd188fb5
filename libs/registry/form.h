/* form.h - the form of a registry file, as libcyaml fills it. Inside libs/registry only. */
#ifndef CHISO_REGISTRY_FORM_H
#define CHISO_REGISTRY_FORM_H

#include <cyaml/cyaml.h>

typedef struct {
    char *name, *until;
} form_earlier_t;

typedef struct {
    char *code, *parent, *name, *from, *until, *successor, *dvc, *geo, *agency;
    int level; /* 0: the file's */
    form_earlier_t *earlier;
    unsigned earlier_count;
} form_unit_t;

/* level, from and until hold for every unit of the file that does not say otherwise. */
typedef struct {
    char *format, *from, *until;
    int level;
    form_unit_t *units;
    unsigned units_count;
} form_units_t;

extern const cyaml_schema_value_t form_units_schema;

#endif
