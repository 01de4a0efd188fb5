/* withdraw.c - chiso withdraw: takes back a figure that was handed in, so that it is missing again.
 * The same again has no effect, so a lost answer only has to be asked for again. */
#include "api.h"
#include "base/error.h"
#include "commands.h"
#include "options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What became of the one row, as `chiso import` says it. */
static int tell(const buffer_t *answer)
{
    json_t *json = json_loadb((const char *)answer->data, answer->len, 0, NULL);
    const json_t *row = json_array_get(json_object_get(json, "rows"), 0);
    const char *outcome = json_string_value(json_object_get(row, "outcome"));
    const char *reason = json_string_value(json_object_get(row, "reason"));
    const char *revision = json_string_value(json_object_get(row, "revision"));
    int code = CHISO_EXIT_FAILURE;
    if (reason != NULL) {
        fprintf(stderr, "chiso: %s: %s\n", json_string_value(json_object_get(row, "field")),
                reason);
        code = CHISO_EXIT_FINDING;
    } else if (outcome != NULL && revision != NULL) {
        printf("%s, revision %s\n", strcmp(outcome, "accepted") == 0 ? "withdrawn" : outcome,
               revision);
        code = CHISO_EXIT_OK;
    }
    json_decref(json);
    return code;
}

int command_withdraw(int argc, char **argv)
{
    const char *unit = NULL;
    const char *period = NULL;
    const char *figure = NULL;
    const char *reason = NULL;
    api_t api = {0};
    const option_spec_t specs[] = {{.name = "api", .value = &api.url},
                                   {.name = "token-file", .value = &api.token_file},
                                   {.name = "unit", .value = &unit},
                                   {.name = "period", .value = &period},
                                   {.name = "figure", .value = &figure},
                                   {.name = "reason", .value = &reason},
                                   {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || first < argc || api.url == NULL ||
        api.token_file == NULL || unit == NULL || period == NULL || figure == NULL ||
        reason == NULL) {
        fprintf(stderr, "usage: chiso withdraw --api URL --token-file FILE --unit CODE --period "
                        "PERIOD --figure ID --reason TEXT\n");
        return CHISO_EXIT_USAGE;
    }
    json_t *rows = json_pack("{s:[{s:s,s:s,s:s,s:b,s:s}]}", "rows", "unit", unit, "period", period,
                             "figure", figure, "withdraw", 1, "note", reason);
    char *body = json_dumps(rows, JSON_COMPACT);
    buffer_t answer = BUFFER_INIT(API_MAX_ANSWER);
    int code = CHISO_EXIT_FAILURE;
    if (body != NULL) {
        long status = api_call(&api, "POST", "/api/v1/figures", "application/json",
                               bytes_of_text(body), &answer);
        code = status == 200 ? tell(&answer) : api_print(status, &answer);
    }
    buffer_free(&answer);
    free(body);
    json_decref(rows);
    return code;
}
