/* tokens.h - who may write and read over HTTP: the token file, and the tokens in it.
 *
 * A token is "ID.SECRET", the secret 32 random bytes in URL-safe base64. The file holds its BLAKE2b
 * hash (libsodium's crypto_generichash), so that who reads the file has no token; a slow password
 * hash would add nothing to 256 random bits.
 */
#ifndef CHISO_INGEST_TOKENS_H
#define CHISO_INGEST_TOKENS_H

#include "registry/registry.h"

#include <stdio.h>

#define TOKEN_MAX_ID 40
#define TOKEN_TEXT_SIZE (TOKEN_MAX_ID + 1 + 43 + 1)
#define TOKEN_HASH_SIZE 32
#define TOKEN_HEX_SIZE 65
#define TOKENS_MAX 20000
#define TOKEN_MAX_UNITS 256

typedef enum {
    TOKEN_SUBMITTER = 1, /* hands in figures of its own units */
    TOKEN_SCORER = 2,    /* the scoring agency: points, options, yes-no of a province's units */
    TOKEN_OPERATOR = 4,  /* looks after this installation; everything may be read */
    TOKEN_READER = 8     /* reads figures, and what sources answered */
} token_role_t;

typedef struct {
    char *id, *hash_text;
    int role; /* token_role_t */
    char **units;
    unsigned units_count;
    unsigned char hash[TOKEN_HASH_SIZE]; /* worked out */
} token_t;

typedef struct tokens tokens_t;

/* "submitter"; 0 for none. */
const char *token_role_name(token_role_t role);
token_role_t token_role_of(const char *name);

/* Errors go to `errors` as FILE:LINE: …; CHISO_E_CONFIG after any, -errno when the file cannot be
 * read (reported too). */
int tokens_load(const char *path, const registry_t *units, FILE *errors, tokens_t **out);
void tokens_destroy(tokens_t **tokens);

/* The token that was presented, or NULL; takes as long for a wrong secret as for a wrong id. */
const token_t *tokens_find(const tokens_t *tokens, const char *presented);

/* Is the unit one of the token's? Of a scorer: the province itself and all below it. */
bool token_has_unit(const token_t *token, const registry_unit_t *unit);

/* A new one of an id of at most TOKEN_MAX_ID bytes: its text, and the hash for the file. After
 * sodium_init(). */
void token_make(const char *id, char text[TOKEN_TEXT_SIZE], char hex[TOKEN_HEX_SIZE]);

#endif
