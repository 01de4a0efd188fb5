/* healthcheck.c - see healthcheck.h. */
#include "service/healthcheck.h"

#include "base/error.h"
#include "fetch/once.h"
#include "service/observe.h"

int healthcheck(const service_observe_config_t *config)
{
    static const fetch_policy_t policy = {.allow_http = true,
                                          .allow_networks = fetch_anywhere,
                                          .timeout_ms = HEALTHCHECK_MS,
                                          .connect_timeout_ms = HEALTHCHECK_MS};
    char base[OBSERVE_URL_SIZE];
    char url[OBSERVE_URL_SIZE + sizeof "/ready"];
    if (!observe_url(config, base)) {
        fprintf(stderr, "not known where to ask; expected observe.port in the configuration\n");
        return CHISO_EXIT_FINDING;
    }
    snprintf(url, sizeof url, "%s/ready", base);
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
