/* healthcheck.c - see healthcheck.h. */
#include "service/healthcheck.h"

#include "base/error.h"
#include "fetch/once.h"
#include "service/observe.h"

#include <string.h>

int healthcheck(const service_observe_config_t *config)
{
    static const char *const anywhere[] = {"0.0.0.0/0", "::/0", NULL};
    static const fetch_policy_t policy = {.allow_http = true,
                                          .allow_networks = anywhere,
                                          .timeout_ms = HEALTHCHECK_MS,
                                          .connect_timeout_ms = HEALTHCHECK_MS};
    if (config == NULL || config->port == 0) {
        fprintf(stderr, "not known where to ask; expected observe.port in the configuration\n");
        return CHISO_EXIT_FINDING;
    }
    const char *address = observe_address(config);
    if (strcmp(address, "0.0.0.0") == 0) {
        address = "127.0.0.1";
    } else if (strcmp(address, "::") == 0) {
        address = "::1";
    }
    bool v6 = strchr(address, ':') != NULL;
    char url[128];
    snprintf(url, sizeof url, "http://%s%s%s:%u/ready", v6 ? "[" : "", address, v6 ? "]" : "",
             config->port);
    fetch_answer_t *answer = NULL;
    int rc =
        fetch_once(&(fetch_request_t){.method = "GET", .url = url, .policy = &policy}, 1, &answer);
    bool answered = rc == 0 && answer->result == FETCH_ANSWERED;
    bool ready = answered && answer->status == 200;
    if (answered) {
        printf("%.*s\n", (int)answer->body.len, (const char *)answer->body.data);
    } else {
        fprintf(stderr, "%s: %s\n", url, rc == 0 ? answer->reason : chiso_strerror(rc));
    }
    fetch_answer_free(&answer);
    return ready ? CHISO_EXIT_OK : CHISO_EXIT_FINDING;
}
