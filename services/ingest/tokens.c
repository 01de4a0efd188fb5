/* tokens.c - see tokens.h. */
#include "tokens.h"

#include "base/error.h"
#include "config/config.h"
#include "text/text.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *format;
    token_t *tokens;
    unsigned tokens_count;
} form_t;

struct tokens {
    form_t *form;
    const token_t **by_id;
};

static const cyaml_strval_t roles[] = {{"submitter", TOKEN_SUBMITTER},
                                       {"scorer", TOKEN_SCORER},
                                       {"operator", TOKEN_OPERATOR},
                                       {"reader", TOKEN_READER}};
#define N_ROLES (sizeof roles / sizeof roles[0])

static const cyaml_schema_value_t code_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 64),
};
static const cyaml_schema_field_t token_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, token_t, id, 1, TOKEN_MAX_ID),
    CYAML_FIELD_STRING_PTR("hash", CYAML_FLAG_POINTER, token_t, hash_text, 1, 64),
    CYAML_FIELD_ENUM("role", CYAML_FLAG_STRICT, token_t, role, roles, N_ROLES),
    CYAML_FIELD_SEQUENCE("units", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, token_t, units,
                         &code_schema, 0, TOKEN_MAX_UNITS),
    CYAML_FIELD_IGNORE("note", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t token_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, token_t, token_fields),
};
static const cyaml_schema_field_t form_fields[] = {
    CYAML_FIELD_STRING_PTR("format", CYAML_FLAG_POINTER, form_t, format, 1, 8),
    CYAML_FIELD_SEQUENCE("tokens", CYAML_FLAG_POINTER, form_t, tokens, &token_schema, 0,
                         TOKENS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t form_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, form_t, form_fields),
};

const char *token_role_name(token_role_t role)
{
    for (size_t i = 0; i < N_ROLES; i++) {
        if (roles[i].val == (int64_t)role) {
            return roles[i].str;
        }
    }
    return NULL;
}

token_role_t token_role_of(const char *name)
{
    for (size_t i = 0; i < N_ROLES; i++) {
        if (strcmp(roles[i].str, name) == 0) {
            return (token_role_t)roles[i].val;
        }
    }
    return 0;
}

static void hash_of(const char *text, unsigned char out[TOKEN_HASH_SIZE])
{
    crypto_generichash(out, TOKEN_HASH_SIZE, (const unsigned char *)text, strlen(text), NULL, 0);
}

/* ---- the file ---- */

static void check_hash(token_t *t, config_t *file, const char *path)
{
    size_t len;
    const char *end;
    if (sodium_hex2bin(t->hash, sizeof t->hash, t->hash_text, strlen(t->hash_text), NULL, &len,
                       &end) != 0 ||
        len != TOKEN_HASH_SIZE || *end != '\0') {
        config_error(file, path, "is no hash; expected the 64 hex digits of chiso token new");
    }
}

static void check_units(const token_t *t, const registry_t *units, config_t *file, const char *at)
{
    char path[96];
    bool writes = t->role == TOKEN_SUBMITTER || t->role == TOKEN_SCORER;
    snprintf(path, sizeof path, "%s.units", at);
    if (writes != (t->units_count > 0)) {
        config_error(file, path, "a %s has %s units; expected %s",
                     token_role_name((token_role_t)t->role), writes ? "no" : "its own",
                     writes ? "those that it writes for" : "none");
    }
    for (unsigned i = 0; i < t->units_count && writes; i++) {
        const registry_unit_t *unit = registry_by_code(units, t->units[i]);
        bool province = unit != NULL && unit->parent == NULL;
        if (unit == NULL || (t->role == TOKEN_SCORER && !province)) {
            snprintf(path, sizeof path, "%s.units[%u]", at, i);
            config_error(file, path, "'%s'; expected the code of a %s of the registry", t->units[i],
                         t->role == TOKEN_SCORER ? "province" : "unit");
        }
    }
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const token_t *const *)a)->id, (*(const token_t *const *)b)->id);
}

static void check(tokens_t *tokens, const registry_t *units, config_t *file)
{
    form_t *form = tokens->form;
    char at[64];
    char path[96];
    if (strcmp(form->format, "1") != 0) {
        config_error(file, "format", "'%s'; expected \"1\"", form->format);
    }
    for (unsigned i = 0; i < form->tokens_count; i++) {
        token_t *t = &form->tokens[i];
        snprintf(at, sizeof at, "tokens[%u]", i);
        snprintf(path, sizeof path, "%s.id", at);
        if (!text_is_code(t->id)) {
            config_error(file, path, "'%s'; expected letters, digits, dots, dashes", t->id);
        }
        snprintf(path, sizeof path, "%s.hash", at);
        check_hash(t, file, path);
        check_units(t, units, file, at);
        tokens->by_id[i] = t;
    }
    qsort(tokens->by_id, form->tokens_count, sizeof *tokens->by_id, by_id);
    for (unsigned i = 1; i < form->tokens_count; i++) {
        if (strcmp(tokens->by_id[i - 1]->id, tokens->by_id[i]->id) == 0) {
            snprintf(path, sizeof path, "tokens[%td].id", tokens->by_id[i] - form->tokens);
            config_error(file, path, "'%s' stands twice; expected an id of its own",
                         tokens->by_id[i]->id);
        }
    }
}

int tokens_load(const char *path, const registry_t *units, FILE *errors, tokens_t **out)
{
    tokens_t *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        return -ENOMEM;
    }
    config_t *file;
    void *form;
    int rc = config_load(path, &form_schema, errors, &form, &file);
    if (rc != 0) {
        free(tokens);
        return rc;
    }
    tokens->form = form;
    tokens->by_id = calloc(tokens->form->tokens_count + 1, sizeof *tokens->by_id);
    if (tokens->by_id != NULL) {
        check(tokens, units, file);
        rc = config_errors(file) == 0 ? 0 : CHISO_E_CONFIG;
    } else {
        rc = -ENOMEM;
    }
    config_destroy(&file);
    if (rc != 0) {
        tokens_destroy(&tokens);
        return rc;
    }
    *out = tokens;
    return 0;
}

void tokens_destroy(tokens_t **tokens)
{
    if (*tokens != NULL) {
        config_free_data(&form_schema, (*tokens)->form);
        free((*tokens)->by_id);
        free(*tokens);
        *tokens = NULL;
    }
}

/* ---- in use ---- */

const token_t *tokens_find(const tokens_t *tokens, const char *presented)
{
    static const unsigned char nobody[TOKEN_HASH_SIZE];
    unsigned char hash[TOKEN_HASH_SIZE];
    char id[TOKEN_MAX_ID + 1] = "";
    const char *dot = strrchr(presented, '.');
    if (dot != NULL && (size_t)(dot - presented) <= TOKEN_MAX_ID) {
        snprintf(id, sizeof id, "%.*s", (int)(dot - presented), presented);
    }
    token_t wanted = {.id = id};
    const token_t *key = &wanted;
    const token_t **found = NULL;
    if (tokens->form->tokens_count > 0) {
        found =
            bsearch(&key, tokens->by_id, tokens->form->tokens_count, sizeof *tokens->by_id, by_id);
    }
    hash_of(presented, hash);
    bool same = sodium_memcmp(hash, found != NULL ? (*found)->hash : nobody, TOKEN_HASH_SIZE) == 0;
    return same && found != NULL ? *found : NULL;
}

bool token_has_unit(const token_t *token, const registry_unit_t *unit)
{
    while (unit != NULL) {
        for (unsigned i = 0; i < token->units_count; i++) {
            if (strcmp(token->units[i], unit->code) == 0) {
                return true;
            }
        }
        unit = token->role == TOKEN_SCORER ? unit->parent_unit : NULL;
    }
    return false;
}

void token_make(const char *id, char text[TOKEN_TEXT_SIZE], char hex[TOKEN_HEX_SIZE])
{
    unsigned char secret[32];
    unsigned char hash[TOKEN_HASH_SIZE];
    char base64[sodium_base64_ENCODED_LEN(sizeof secret, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    randombytes_buf(secret, sizeof secret);
    sodium_bin2base64(base64, sizeof base64, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(text, TOKEN_TEXT_SIZE, "%.*s.%s", TOKEN_MAX_ID, id, base64);
    hash_of(text, hash);
    sodium_bin2hex(hex, TOKEN_HEX_SIZE, hash, sizeof hash);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(base64, sizeof base64);
}
