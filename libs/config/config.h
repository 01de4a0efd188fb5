/* config.h - YAML files into C structs, every error with file, line and what was expected.
 *
 * libcyaml reads the file by a schema that each program declares beside its struct: unknown keys
 * are errors, aliases are refused (CYAML_CFG_NO_ALIAS), numbers that matter are quoted strings.
 * What a schema cannot say (a duration, a network, a file that must exist) is checked afterwards by
 * the program with the config_* readers below, which find the line of a value by its path.
 */
#ifndef CHISO_CONFIG_CONFIG_H
#define CHISO_CONFIG_CONFIG_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A file that was read: its name, its lines, the errors found so far. */
typedef struct config config_t;

/* Reads at most CONFIG_MAX_BYTES of `path` into a new struct of `schema`: a CYAML_VALUE_MAPPING
 * with CYAML_FLAG_POINTER (a list at the top would have nowhere to put its count). Errors, all that
 * were found up to 20, go to `errors` (stderr in the programs; it must outlive *out) as
 *
 *   FILE:LINE: PATH: what is wrong; expected what
 *
 * 0; CHISO_E_CONFIG after at least one such line; -errno when the file cannot be read (reported as
 * FILE: why). On success *data and *out are set; free them with config_free_data/config_destroy.
 * Stricter than libcyaml: a boolean is true or false, an integer is plain decimal, a word is one of
 * those of the schema and never its number, a key is given once, a file is one document of at most
 * 64 levels. */
#define CONFIG_MAX_BYTES (8 * 1024 * 1024)
int config_load(const char *path, const cyaml_schema_value_t *schema, FILE *errors, void **data,
                config_t **out);
void config_free_data(const cyaml_schema_value_t *schema, void *data);
void config_destroy(config_t **cfg);

/* The file as it was given to config_load, and a new path of `relative` seen from the file's folder
 * (an absolute one is returned as it is). The caller frees the latter. */
const char *config_file(const config_t *cfg);
char *config_resolve(const config_t *cfg, const char *relative);

/* The paths of the *.yaml files in a folder, however many, sorted by name; a NULL follows the last.
 * How many, or -errno. */
int config_list(const char *folder, char ***files);
void config_list_free(char ***files);

/* Line (1-based) of the value at `path`, e.g. "sources[2].every"; that of the nearest enclosing
 * value when there is none. */
int config_line(const config_t *cfg, const char *path);

/* Reports FILE:LINE: PATH: message, and counts it; "" is the top level. Always returns
 * CHISO_E_CONFIG. */
int config_error(config_t *cfg, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int config_errors(const config_t *cfg); /* how many were reported */

/* Reports each text of the file that people could not read or compare: control characters, or
 * letters that are not composed (NFC). 0 or CHISO_E_CONFIG. */
int config_check_texts(config_t *cfg);

/* Readers: `text` is the value found at `path`; NULL takes `fallback`. They report, and return 0 or
 * CHISO_E_CONFIG. */
/* "250ms", "30s", "15m", "2h", "7d" → milliseconds, within [min, max]. */
int config_duration(config_t *cfg, const char *path, const char *text, int64_t fallback,
                    int64_t min, int64_t max, int64_t *out);
/* "64KiB", "512MiB", "4GiB", "100" → bytes, within [min, max]. */
int config_size(config_t *cfg, const char *path, const char *text, uint64_t fallback, uint64_t min,
                uint64_t max, uint64_t *out);

#endif
