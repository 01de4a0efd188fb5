/* fuzz_target.c - any bytes as what a portal answers, to each dialect, to its try-out and to the
 * asking for a token. The first byte is the dialect, the second the status. What is not the
 * dialect's word for success must not be taken for it: a page never is one. */
#include "publisher/targets/auth.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const target_dialect_t *const dialects[] = {&target_cloudevents, &target_ckan,
                                                       &target_lgsp_vnpt, &target_lgsp_opencps,
                                                       &target_ngsi_ld};
    static const long statuses[] = {200, 201, 204, 207, 400, 404, 409, 500};
    if (size < 2) {
        return 0;
    }
    const target_dialect_t *dialect = dialects[data[0] % 5];
    publisher_target_t config = {.dialect = dialect};
    record_t records[2] = {{.stem = (char *)(uintptr_t) "i/2025/01"},
                           {.stem = (char *)(uintptr_t) "i/2025/02"}};
    record_t *window[2] = {&records[0], &records[1]};
    fetch_answer_t a = {.result = FETCH_ANSWERED, .status = statuses[data[1] % 8]};
    a.body = (buffer_t)BUFFER_INIT(1 << 20);
    buffer_append(&a.body, data + 2, size - 2);
    judgement_t said;
    dialect->judge(&config, &a, window, 2, &said);
    require(!(target_is_page(&a) && said.verdict == CHISO_ACCEPT));
    require(a.status < 400 || said.verdict != CHISO_ACCEPT);
    require(strlen(said.reason) < sizeof said.reason);
    for (size_t i = 0; said.each && i < 2; i++) {
        require(strlen(records[i].reason) < sizeof records[i].reason);
        require(records[i].verdict != CHISO_ACCEPT || a.body.len > 0);
    }
    judgement_t tried = {.verdict = CHISO_RETRY};
    if (dialect->judge_probe != NULL) {
        dialect->judge_probe(&config, &a, &tried);
    }
    require(!(target_is_page(&a) && tried.verdict == CHISO_ACCEPT));
    bool json =
        dialect == &target_ckan || dialect == &target_lgsp_vnpt || dialect == &target_lgsp_opencps;
    json_t *parsed = target_json(&a);
    require(!json || parsed != NULL || said.verdict != CHISO_ACCEPT);
    json_decref(parsed);
    auth_t auth = {0};
    char reason[TARGET_REASON_SIZE] = "";
    if (auth_take_token(&auth, &a, reason) == 0) {
        require(auth.token != NULL && strpbrk(auth.token, " \r\n") == NULL);
    }
    auth_forget(&auth);
    buffer_free(&a.body);
    return 0;
}
