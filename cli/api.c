/* api.c - see api.h. */
#include "api.h"

#include "base/error.h"
#include "fetch/auth.h"
#include "fetch/once.h"
#include "fetch/secret.h"
#include "source/template.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS (600 * 1000) /* a replay is answered when it is through */

static bool is_loopback(const char *url)
{
    static const char *const hosts[] = {"http://127.", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        if (strncmp(url, hosts[i], strlen(hosts[i])) == 0) {
            return true;
        }
    }
    return false;
}

static long send_request(const fetch_request_t *request, buffer_t *out)
{
    fetch_answer_t *answer;
    long status = -1;
    int rc = fetch_once(request, 1, &answer);
    if (answer != NULL && answer->result == FETCH_ANSWERED) {
        buffer_append(out, answer->body.data, answer->body.len);
        status = answer->status;
    } else {
        fprintf(stderr, "chiso: no answer: %s\n",
                answer != NULL ? answer->reason : chiso_strerror(rc));
    }
    fetch_answer_free(&answer);
    return status;
}

long api_call(const api_t *api, const char *method, const char *path, const char *content_type,
              bytes_t body, buffer_t *answer)
{
    char reason[FETCH_REASON_SIZE];
    char type[128];
    fetch_secret_t token;
    fetch_secret_t header;
    if (fetch_secret_read(api->token_file, 4096, &token, reason) != 0) {
        fprintf(stderr, "chiso: %s\n", reason);
        return -1;
    }
    buffer_t url = BUFFER_INIT(8192);
    size_t len = strlen(api->url);
    len -= len > 0 && api->url[len - 1] == '/';
    buffer_append(&url, api->url, len);
    buffer_append_text(&url, path);
    fetch_policy_t policy = {.allow_http = is_loopback(api->url),
                             .allow_networks = fetch_anywhere,
                             .timeout_ms = TIMEOUT_MS,
                             .stall_timeout_ms = TIMEOUT_MS,
                             .max_body = API_MAX_ANSWER};
    long status = -1;
    if (fetch_auth_bearer(&token, &header) != 0) {
        fprintf(stderr, "chiso: %s: expected a token\n", api->token_file);
    } else {
        snprintf(type, sizeof type, "Content-Type: %s", content_type);
        fetch_request_t request = {.method = method,
                                   .url = buffer_text(&url),
                                   .headers = {header.text, type},
                                   .body = body,
                                   .policy = &policy};
        status = send_request(&request, answer);
        fetch_secret_free(&header);
    }
    fetch_secret_free(&token);
    buffer_free(&url);
    return status;
}

int api_print(long status, buffer_t *answer)
{
    const char *text = buffer_text(answer);
    if (status < 0 || text == NULL) {
        return CHISO_EXIT_FAILURE;
    }
    if (status < 300) {
        printf("%s%s", text, *text != '\0' && text[strlen(text) - 1] != '\n' ? "\n" : "");
        return CHISO_EXIT_OK;
    }
    json_t *problem = json_loads(text, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    fprintf(stderr, "chiso: HTTP %ld: %s\n", status, detail != NULL ? detail : "");
    json_decref(problem);
    return CHISO_EXIT_FINDING;
}

void api_query(buffer_t *path, const char *name, const char *value)
{
    bool first = memchr(path->data, '?', path->len) == NULL;
    buffer_printf(path, "%s%s=", first ? "?" : "&", name);
    template_percent(bytes_of_text(value), path);
}
