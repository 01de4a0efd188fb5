/* backfill.c - chiso backfill: has the running ingest ask for past periods, and tells how far it
 * is. Ending this command ends nothing: the backfill goes on, and asking again for the same joins
 * it. */
#include "api.h"
#include "base/error.h"
#include "commands.h"
#include "options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH "/api/v1/admin/backfills"
#define PATIENCE 60 /* looks in vain, one a second, at an ingest that is down */

static const char usage[] =
    "usage: chiso backfill --api URL --token-file FILE --source NAME --from PERIOD --to PERIOD\n"
    "                      [--units CODE,CODE…] [--no-wait]\n"
    "       chiso backfill list --api URL --token-file FILE\n"
    "       chiso backfill show|wait|cancel --api URL --token-file FILE N\n";

/* A number that the API tells as a text. */
static const char *count(const json_t *job, const char *name)
{
    const char *text = json_string_value(json_object_get(job, name));
    return text != NULL ? text : "?";
}

static void show_progress(const json_t *job)
{
    static char last[256];
    char line[256];
    snprintf(line, sizeof line,
             "backfill %s: %s of %s to go; good %s, no data %s, quarantined %s, failed %s",
             count(job, "number"), count(job, "waiting"), count(job, "series"), count(job, "good"),
             count(job, "no_data"), count(job, "quarantined"), count(job, "failed"));
    if (strcmp(line, last) != 0) {
        const char *detail = json_string_value(json_object_get(job, "detail"));
        fprintf(stderr, "%s%s%s\n", line, detail != NULL ? "; " : "", detail != NULL ? detail : "");
        memcpy(last, line, sizeof last);
    }
}

/* Looks once a second until it has ended. */
static int await(const api_t *api, const char *number)
{
    char path[96];
    int in_vain = 0;
    snprintf(path, sizeof path, PATH "/%.20s", number);
    for (;; sleep(1)) {
        buffer_t answer = BUFFER_INIT(API_MAX_ANSWER);
        long status = api_call(api, "GET", path, "application/json", bytes_of(NULL, 0), &answer);
        int code = status == 200 ? CHISO_EXIT_OK : CHISO_EXIT_FAILURE;
        in_vain = status < 0 ? in_vain + 1 : 0;
        if (status > 0 && status != 200) {
            code = api_print(status, &answer);
        } else if (status == 200) {
            json_t *job = json_loadb((const char *)answer.data, answer.len, 0, NULL);
            const char *state = json_string_value(json_object_get(job, "state"));
            bool ended = state == NULL || strcmp(state, "under way") != 0;
            bool whole = state != NULL && strcmp(state, "ended") == 0 &&
                         strcmp(count(job, "failed"), "0") == 0;
            show_progress(job);
            json_decref(job);
            in_vain = ended ? PATIENCE : 0;
            code = !ended || whole ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
            if (ended) {
                api_print(status, &answer);
            }
        }
        buffer_free(&answer);
        if (in_vain >= PATIENCE || (status > 0 && status != 200)) {
            return code;
        }
    }
}

static int ask(const api_t *api, const char *method, const char *path, const char *body,
               char number[24])
{
    buffer_t answer = BUFFER_INIT(API_MAX_ANSWER);
    long status = api_call(api, method, path, "application/json", bytes_of_text(body), &answer);
    json_t *job = json_loadb((const char *)answer.data, answer.len, 0, NULL);
    int code = CHISO_EXIT_OK;
    if (number == NULL || status != 202) {
        code = api_print(status, &answer);
    }
    if (number != NULL) {
        snprintf(number, 24, "%s", count(job, "number"));
    }
    json_decref(job);
    buffer_free(&answer);
    return code;
}

static char *wish_of(const char *source, const char *from, const char *to, const char *units)
{
    json_t *wish = json_pack("{s:s,s:s,s:s}", "source", source, "from", from, "to", to);
    json_t *list = units != NULL ? json_array() : NULL;
    while (units != NULL && *units != '\0') {
        size_t len = strcspn(units, ",");
        json_array_append_new(list, json_stringn(units, len));
        units += len + (units[len] == ',');
    }
    if (list != NULL) {
        json_object_set_new(wish, "units", list);
    }
    char *text = json_dumps(wish, JSON_COMPACT);
    json_decref(wish);
    return text;
}

static int named(const api_t *api, const char *verb, const char *number)
{
    char path[96];
    bool cancel = strcmp(verb, "cancel") == 0;
    if (strcmp(verb, "wait") == 0) {
        return await(api, number);
    }
    snprintf(path, sizeof path, PATH "/%.20s%s", number, cancel ? "/cancel" : "");
    return ask(api, cancel ? "POST" : "GET", path, "", NULL);
}

int command_backfill(int argc, char **argv)
{
    const char *source = NULL;
    const char *from = NULL;
    const char *to = NULL;
    const char *units = NULL;
    bool no_wait = false;
    api_t api = {0};
    const option_spec_t specs[] = {
        {.name = "api", .value = &api.url},    {.name = "token-file", .value = &api.token_file},
        {.name = "source", .value = &source},  {.name = "from", .value = &from},
        {.name = "to", .value = &to},          {.name = "units", .value = &units},
        {.name = "no-wait", .flag = &no_wait}, {0}};
    int first;
    uint64_t number;
    if (options_read(argc, argv, specs, &first) != 0 || api.url == NULL || api.token_file == NULL) {
        fputs(usage, stderr);
        return CHISO_EXIT_USAGE;
    }
    const char *verb = first < argc ? argv[first] : "";
    bool wish = source != NULL && from != NULL && to != NULL;
    bool none = source == NULL && from == NULL && to == NULL && units == NULL && !no_wait;
    if (first == argc && wish) {
        char begun[24] = "";
        char *body = wish_of(source, from, to, units);
        int code = body == NULL ? CHISO_EXIT_FAILURE
                                : ask(&api, "POST", PATH, body, no_wait ? NULL : begun);
        free(body);
        return code != CHISO_EXIT_OK || no_wait ? code : await(&api, begun);
    }
    if (none && strcmp(verb, "list") == 0 && first + 1 == argc) {
        return ask(&api, "GET", PATH, "", NULL);
    }
    bool known =
        strcmp(verb, "show") == 0 || strcmp(verb, "wait") == 0 || strcmp(verb, "cancel") == 0;
    if (none && known && first + 2 == argc && options_number(argv[first + 1], &number) == 0) {
        return named(&api, verb, argv[first + 1]);
    }
    fputs(usage, stderr);
    return CHISO_EXIT_USAGE;
}
