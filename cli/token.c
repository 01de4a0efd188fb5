/* token.c - chiso token new: a token for ingest's HTTP server. It is printed once and kept nowhere;
 * the lines for the token file hold only its hash. */
#include "base/error.h"
#include "commands.h"
#include "ingest/tokens.h"
#include "options.h"
#include "text/text.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: chiso token new --role submitter|scorer|operator|reader [--unit CODE]... [--id ID]\n";

/* "so-tai-chinh-1f3a": of the first unit or the role, and four random digits. */
static void name_token(const char *from, char id[TOKEN_MAX_ID + 1])
{
    unsigned char random[2];
    randombytes_buf(random, sizeof random);
    snprintf(id, TOKEN_MAX_ID + 1, "%.*s-%02x%02x", TOKEN_MAX_ID - 5, from, random[0], random[1]);
}

int command_token(int argc, char **argv)
{
    const char *role_name = NULL;
    const char *given = NULL;
    const char *units[OPTIONS_MAX_REPEATED];
    unsigned n_units = 0;
    const option_spec_t specs[] = {{.name = "role", .value = &role_name},
                                   {.name = "id", .value = &given},
                                   {.name = "unit", .values = units, .n_values = &n_units},
                                   {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || first + 1 != argc ||
        strcmp(argv[first], "new") != 0 || role_name == NULL) {
        fputs(usage, stderr);
        return CHISO_EXIT_USAGE;
    }
    token_role_t role = token_role_of(role_name);
    bool writes = role == TOKEN_SUBMITTER || role == TOKEN_SCORER;
    bool good = role != 0 && writes == (n_units > 0);
    for (unsigned i = 0; i < n_units; i++) {
        good = good && text_is_code(units[i]);
    }
    char id[TOKEN_MAX_ID + 1];
    if (sodium_init() < 0) {
        return CHISO_EXIT_FAILURE;
    }
    name_token(n_units > 0 ? units[0] : role_name, id);
    if (given != NULL) {
        good = good && text_is_code(given) && strlen(given) <= TOKEN_MAX_ID;
        snprintf(id, sizeof id, "%s", given);
    }
    if (!good) {
        fprintf(stderr,
                "chiso: expected a role; --unit CODE for submitter (its units) and scorer (its "
                "provinces) only; an id of at most %d letters, digits, dots, dashes\n%s",
                TOKEN_MAX_ID, usage);
        return CHISO_EXIT_USAGE;
    }
    char text[TOKEN_TEXT_SIZE];
    char hex[TOKEN_HEX_SIZE];
    token_make(id, text, hex);
    fprintf(stderr, "The token, shown this once (give it to its owner):\n");
    printf("%s\n", text);
    fprintf(stderr, "For the file that ingest's http.tokens names; then send ingest SIGHUP:\n");
    printf("  - id: \"%s\"\n    hash: \"%s\"\n    role: %s\n", id, hex, role_name);
    for (unsigned i = 0; i < n_units; i++) {
        printf("%s\"%s\"%s", i == 0 ? "    units: [" : ", ", units[i],
               i + 1 == n_units ? "]\n" : "");
    }
    return CHISO_EXIT_OK;
}
