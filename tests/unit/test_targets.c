/* test_targets.c - each dialect's own word for success and failure, the records that a notice
 * becomes, and the token that is fetched: by the targets' callbacks alone, without a network. */
#include "publisher/targets/auth.h"

#include "publisher/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static fetch_answer_t answer_of(long status, const char *type, const char *body)
{
    fetch_answer_t a = {.result = FETCH_ANSWERED, .status = status, .retry_after_ms = -1};
    snprintf(a.content_type, sizeof a.content_type, "%s", type);
    a.body = (buffer_t)BUFFER_INIT(65536);
    buffer_append_text(&a.body, body);
    return a;
}

typedef struct {
    const target_dialect_t *dialect;
    long status;
    const char *type, *body;
    chiso_verdict_t verdict;
    bool doubtful, setup;
} said_t;

#define JSON "application/json"
#define PAGE "<!DOCTYPE html><html><body>Request Rejected. Your support ID is: 1</body></html>"

static const said_t sayings[] = {
    {&target_cloudevents, 200, "", "", CHISO_ACCEPT, false, false},
    {&target_cloudevents, 204, "", "", CHISO_ACCEPT, false, false},
    {&target_cloudevents, 200, "text/html", PAGE, CHISO_RETRY, false, false},
    {&target_cloudevents, 200, JSON, "\xEF\xBB\xBF \n<html>", CHISO_RETRY, false, false},
    {&target_cloudevents, 200, "text/html", "Sorry. <HTML><body>no</body>", CHISO_RETRY, false,
     false},
    {&target_cloudevents, 200, "text/html; charset=UTF-8", "", CHISO_ACCEPT, false, false},
    {&target_cloudevents, 200, "text/html; charset=UTF-8", "OK", CHISO_ACCEPT, false, false},
    {&target_cloudevents, 302, "", "", CHISO_RETRY, false, false},
    {&target_cloudevents, 409, JSON, "{}", CHISO_RETRY, false, false},
    {&target_cloudevents, 422, JSON, "{}", CHISO_REJECT, false, false},
    {&target_cloudevents, 503, "", "", CHISO_RETRY, false, false},

    {&target_ckan, 200, JSON, "{\"success\":true,\"result\":{}}", CHISO_ACCEPT, false, false},
    {&target_ckan, 200, JSON, "{\"success\":false,\"error\":{}}", CHISO_RETRY, true, false},
    {&target_ckan, 200, JSON, "{}", CHISO_RETRY, false, false},
    {&target_ckan, 200, JSON, "", CHISO_RETRY, false, false},
    {&target_ckan, 200, "text/html", PAGE, CHISO_RETRY, false, false},
    {&target_ckan, 404, JSON,
     "{\"success\":false,\"error\":{\"__type\":\"Not Found Error\",\"message\":\"Not found\"}}",
     CHISO_RETRY, false, true},
    {&target_ckan, 404, "text/html", PAGE, CHISO_RETRY, false, false},
    {&target_ckan, 409, JSON,
     "{\"success\":false,\"error\":{\"table\":[\"table does not have a unique key defined\"],"
     "\"__type\":\"Validation Error\"}}",
     CHISO_RETRY, false, true},
    {&target_ckan, 409, JSON,
     "{\"success\":false,\"error\":{\"records\":[\"bad\"],\"__type\":\"Validation Error\"}}",
     CHISO_REJECT, false, false},
    {&target_ckan, 400, JSON, "\"Bad request - JSON Error\"", CHISO_REJECT, false, false},
    {&target_ckan, 403, JSON, "{\"success\":false}", CHISO_RETRY, false, false},
    {&target_ckan, 500, JSON, "{\"success\":false}", CHISO_RETRY, true, false},

    {&target_lgsp_vnpt, 200, JSON, "{\"error_code\":\"0\",\"result\":[]}", CHISO_ACCEPT, false,
     false},
    {&target_lgsp_vnpt, 200, JSON, "{\"error_code\":\"1\",\"result\":[]}", CHISO_ACCEPT, false,
     false},
    {&target_lgsp_vnpt, 200, "text/html", "{\"error_code\":\"0\"}", CHISO_ACCEPT, false, false},
    {&target_lgsp_vnpt, 200, JSON, "{\"error_code\":0}", CHISO_ACCEPT, false, false},
    {&target_lgsp_vnpt, 200, JSON, "{\"error_code\":\"-1\"}", CHISO_RETRY, true, false},
    {&target_lgsp_vnpt, 200, JSON, "{\"error_code\":\"SUCCESSFUL\"}", CHISO_RETRY, true, false},
    {&target_lgsp_vnpt, 200, JSON, "{\"message\":\"OK\"}", CHISO_RETRY, false, false},
    {&target_lgsp_vnpt, 200, JSON, "[]", CHISO_RETRY, false, false},
    {&target_lgsp_vnpt, 200, "text/html; charset=utf-8", PAGE, CHISO_RETRY, false, false},
    {&target_lgsp_vnpt, 200, JSON, PAGE, CHISO_RETRY, false, false},
    {&target_lgsp_vnpt, 500, JSON, "{}", CHISO_RETRY, true, false},
    {&target_lgsp_vnpt, 401, JSON, "{}", CHISO_RETRY, false, false},

    {&target_lgsp_opencps, 200, JSON, "{\"Status\":1,\"Message\":\"OK\"}", CHISO_ACCEPT, false,
     false},
    {&target_lgsp_opencps, 200, JSON, "{\"Status\":\"200\"}", CHISO_ACCEPT, false, false},
    {&target_lgsp_opencps, 200, JSON, "{\"Status\":0,\"Message\":\"no\"}", CHISO_RETRY, true,
     false},
    {&target_lgsp_opencps, 200, JSON, "{\"Status\":1.0}", CHISO_RETRY, true, false},
    {&target_lgsp_opencps, 200, "text/html", PAGE, CHISO_RETRY, false, false},

    {&target_ngsi_ld, 201, JSON, "[\"urn:ngsi-ld:ChisoResult:a\"]", CHISO_ACCEPT, false, false},
    {&target_ngsi_ld, 204, "", "", CHISO_ACCEPT, false, false},
    {&target_ngsi_ld, 200, JSON, "{}", CHISO_RETRY, false, false},
    {&target_ngsi_ld, 207, JSON, "half", CHISO_RETRY, false, false},
    {&target_ngsi_ld, 400, JSON, "{\"type\":\"BadRequestData\"}", CHISO_REJECT, false, false},
    {&target_ngsi_ld, 201, "text/html", PAGE, CHISO_RETRY, false, false},
};

static void test_words_for_success(void **state)
{
    (void)state;
    publisher_target_t config = {0};
    for (size_t i = 0; i < sizeof sayings / sizeof sayings[0]; i++) {
        const said_t *s = &sayings[i];
        fetch_answer_t a = answer_of(s->status, s->type, s->body);
        judgement_t said;
        s->dialect->judge(&config, &a, NULL, 0, &said);
        print_message("%s %ld %s\n", s->dialect->name, s->status, s->body);
        assert_int_equal(said.verdict, s->verdict);
        assert_int_equal(said.doubtful, s->doubtful);
        assert_int_equal(said.needs_setup, s->setup);
        assert_true(said.verdict == CHISO_ACCEPT || said.needs_setup || *said.reason != '\0');
        buffer_free(&a.body);
    }
}

/* The resource is made only where a package is configured, and never for a mere missing key. */
static void test_ckan_resource(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *body;
        bool house;
    } cases[] = {
        {404, "{\"success\":false,\"error\":{\"__type\":\"Not Found Error\"}}", true},
        {409, "{\"success\":false,\"error\":{\"resource_id\":[\"Not found: Resource\"]}}", true},
        {409, "{\"success\":false,\"error\":{\"table\":[\"no unique key defined\"]}}", false},
        {409, "{\"success\":false,\"error\":{\"records\":[\"bad\"]}}", false},
    };
    publisher_target_t config = {.id = (char *)(uintptr_t) "opendata",
                                 .dialect = &target_ckan,
                                 .mapping = target_ckan.fields};
    config.ckan.resource_id = (char *)(uintptr_t) "5f38da22-3df4";
    for (int with = 0; with < 2; with++) {
        config.ckan.package_id = with ? (char *)(uintptr_t) "chi-so" : NULL;
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            fetch_answer_t a = answer_of(cases[i].status, JSON, cases[i].body);
            judgement_t said;
            target_ckan.judge(&config, &a, NULL, 0, &said);
            assert_int_equal(said.needs_house, with && cases[i].house);
            buffer_free(&a.body);
        }
    }
    outgoing_t out;
    outgoing_begin(&out, "POST", "https://portal/");
    target_ckan.write_setup(&config, true, &out);
    const char *body = buffer_text(&out.body);
    assert_non_null(strstr(body,
                           "{\"resource\":{\"package_id\":\"chi-so\",\"id\":\"5f38da22-3df4\","
                           "\"name\":\"opendata\"},\"force\":true,\"primary_key\":["));
    assert_null(strstr(body, "resource_id"));
    outgoing_free(&out);
}

static void test_no_answer_is_later(void **state)
{
    (void)state;
    publisher_target_t config = {0};
    const target_dialect_t *all[] = {&target_cloudevents, &target_ckan, &target_lgsp_vnpt,
                                     &target_lgsp_opencps, &target_ngsi_ld};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        fetch_answer_t a = {.result = FETCH_TIMED_OUT, .reason = "too late"};
        judgement_t said;
        all[i]->judge(&config, &a, NULL, 0, &said);
        assert_int_equal(said.verdict, CHISO_RETRY);
        assert_false(said.doubtful);
        assert_string_equal(said.reason, "too late");
    }
}

static void test_each_entity_of_a_207(void **state)
{
    (void)state;
    publisher_target_t config = {.dialect = &target_ngsi_ld};
    record_t records[4] = {{.stem = (char *)(uintptr_t) "a/2025/01"},
                           {.stem = (char *)(uintptr_t) "a/2025/02"},
                           {.stem = (char *)(uintptr_t) "a/2025/03"},
                           {.stem = (char *)(uintptr_t) "a/2025/04"}};
    record_t *window[4] = {&records[0], &records[1], &records[2], &records[3]};
    fetch_answer_t a = answer_of(
        207, JSON,
        "{\"success\":[\"urn:ngsi-ld:ChisoResult:a:2025:01\"],\"errors\":["
        "{\"entityId\":\"urn:ngsi-ld:ChisoResult:a:2025:02\",\"error\":{\"type\":"
        "\"https://uri.etsi.org/ngsi-ld/errors/BadRequestData\"}},"
        "{\"entityId\":\"urn:ngsi-ld:ChisoResult:a:2025:03\",\"error\":{\"status\":500}}]}");
    judgement_t said;
    target_ngsi_ld.judge(&config, &a, window, 4, &said);
    assert_true(said.each);
    assert_int_equal(records[0].verdict, CHISO_ACCEPT);
    assert_int_equal(records[1].verdict, CHISO_REJECT);
    assert_int_equal(records[2].verdict, CHISO_RETRY);
    assert_int_equal(records[3].verdict, CHISO_RETRY); /* not named: not taken */
    buffer_free(&a.body);
}

/* ---- records ---- */

#define BODY                                                                                       \
    "{\"index\":\"i\",\"period\":\"2025-10\",\"unit\":{\"code\":\"H01.15\",\"name\":\"Sở "       \
    "Y\",\"level\":\"department\",\"parent\":\"91\"},\"points\":\"92.36\",\"max\":\"100\","        \
    "\"rank\":null,\"revision\":\"3\",\"pillars\":[{\"code\":\"1\",\"points\":\"5\","              \
    "\"indicators\":[{\"code\":\"1.2\",\"points\":\"0\",\"status\":\"missing\"}]}]}"
#define RANKING                                                                                    \
    "{\"index\":\"i\",\"period\":\"2025\",\"level\":\"commune\",\"parent\":null,\"revision\":"     \
    "\"7\",\"standings\":[{\"code\":\"00004\",\"rank\":\"1\",\"previous_rank\":\"2\"},"            \
    "{\"code\":\"00008\",\"rank\":\"2\",\"previous_rank\":null}]}"

static event_notice_t notice_of(const char *type, const char *subject, const char *key,
                                const char *body)
{
    event_notice_t n = CHISO__V1__NOTICE__INIT;
    n.type = (char *)(uintptr_t)type;
    n.subject = (char *)(uintptr_t)subject;
    n.key = (char *)(uintptr_t)key;
    n.body = (ProtobufCBinaryData){strlen(body), (uint8_t *)(uintptr_t)body};
    return n;
}

static const char *written(const record_t *r, const target_field_t *fields, buffer_t *out)
{
    jw_t j = jw_to(out);
    buffer_clear(out);
    jw_object(&j);
    record_write(r, fields, &j);
    jw_object_end(&j);
    return buffer_text(out);
}

#define T(s) ((char *)(uintptr_t)(s))

static void test_mapping(void **state)
{
    (void)state;
    static const target_field_t fields[] = {
        {.name = T("unit"), .from = T("unit/code")},
        {.name = T("points"), .from = T("points"), .as = T("number")},
        {.name = T("whole"), .from = T("max"), .as = T("integer")},
        {.name = T("rank"), .from = T("rank"), .as = T("integer")},
        {.name = T("deep"), .from = T("pillars/1/indicators/1.2/status")},
        {.name = T("name"), .from = T("unit/name"), .as = T("number")},
        {.name = T("gone"), .from = T("pillars/9/points")},
        {.name = T("month"), .from = T("month")},
        {.name = T("quarter"), .from = T("quarter")},
        {.name = T("fixed"), .value = T("0.0.H61")},
        {0}};
    publisher_target_t config = {.dialect = &target_ckan, .mapping = fields, .scores = true};
    event_notice_t n =
        notice_of(NOTICE_SCORE, "i/2025-10/H01.15", "score/i/2025-10/H01.15/3@00000001", BODY);
    record_list_t list = {0};
    buffer_t out = BUFFER_INIT(65536);
    record_expand(&config, &n, &list);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0].key, n.key);
    /* null stays null, what is not there is left out, and a text that is no number stays one */
    assert_string_equal(written(&list.items[0], fields, &out),
                        "{\"unit\":\"H01.15\",\"points\":92.36,\"whole\":100,\"rank\":null,"
                        "\"deep\":\"missing\",\"name\":\"Sở Y\",\"month\":\"10\","
                        "\"quarter\":null,\"fixed\":\"0.0.H61\"}");
    record_list_clear(&list);
    config.indicators = true;
    record_expand(&config, &n, &list);
    assert_int_equal(list.n, 1);
    assert_string_equal(list.items[0].key, "score/i/2025-10/H01.15/1.2/3@00000001");
    assert_string_equal(list.items[0].entity, "i/2025-10/H01.15/1.2");
    record_list_clear(&list);
    buffer_free(&out);
}

static void test_a_ranking_is_a_record_a_unit(void **state)
{
    (void)state;
    publisher_target_t config = {
        .dialect = &target_ckan, .mapping = target_ckan.fields, .rankings = true};
    event_notice_t n =
        notice_of(NOTICE_RANKING, "i/2025/commune", "ranking/i/2025/commune/7@00000001", RANKING);
    record_list_t list = {0};
    buffer_t out = BUFFER_INIT(65536);
    record_expand(&config, &n, &list);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.items[0].key, "ranking/i/2025/commune/00004/7@00000001");
    assert_string_equal(list.items[0].entity, "i/2025/00004");
    /* nationwide: the rank under the parent, the points and the revision are not its business */
    assert_string_equal(written(&list.items[0], target_ckan.fields, &out),
                        "{\"chi_so\":\"i\",\"ky\":\"2025\",\"ma_don_vi\":\"00004\",\"cap\":"
                        "\"commune\",\"hang_toan_quoc\":1,\"khoa\":"
                        "\"ranking/i/2025/commune/00004/7@00000001\"}");
    record_list_clear(&list);
    char *only[] = {T("00008")};
    config.filter.units = only;
    config.filter.units_count = 1;
    record_expand(&config, &n, &list);
    assert_int_equal(list.n, 1);
    record_list_clear(&list);
    buffer_free(&out);
}

static void test_filter(void **state)
{
    (void)state;
    event_notice_t n =
        notice_of(NOTICE_SCORE, "i/2025-10/H01.15", "score/i/2025-10/H01.15/3@00000001", BODY);
    const struct {
        target_filter_t filter;
        size_t n;
    } cases[] = {
        {{0}, 1},
        {{.indexes = (char *[]){T("j"), T("i")}, .indexes_count = 2}, 1},
        {{.indexes = (char *[]){T("j")}, .indexes_count = 1}, 0},
        {{.periods = (char *[]){T("2025")}, .periods_count = 1}, 0},
        {{.levels = (char *[]){T("department")}, .levels_count = 1}, 1},
        {{.levels = (char *[]){T("province")}, .levels_count = 1}, 0},
        {{.units = (char *[]){T("91")}, .units_count = 1}, 1}, /* its province */
        {{.units = (char *[]){T("H01.15")}, .units_count = 1}, 1},
        {{.units = (char *[]){T("01")}, .units_count = 1}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        publisher_target_t config = {
            .dialect = &target_cloudevents, .scores = true, .filter = cases[i].filter};
        record_list_t list = {0};
        record_expand(&config, &n, &list);
        assert_int_equal(list.n, cases[i].n);
        record_list_clear(&list);
    }
}

/* ---- tokens ---- */

static void test_token(void **state)
{
    (void)state;
    publisher_target_t config = {.dialect = &target_lgsp_opencps};
    config.auth = (target_auth_config_t){.type = T("client-credentials"),
                                         .token_url = T("https://t/token"),
                                         .client_id = T("a b"),
                                         .client_secret_file = T("x")};
    config.client_secret = T("s&c");
    auth_t auth = {0};
    char reason[TARGET_REASON_SIZE];
    outgoing_t out;
    assert_true(auth_needs_token(&auth, &config));
    auth_write_token(&config, &out);
    assert_string_equal(buffer_text(&out.body),
                        "grant_type=client_credentials&client_id=a%20b&client_secret=s%26c");
    outgoing_free(&out);
    const char *bad[] = {"",
                         "[]",
                         "{}",
                         "{\"access_token\":\"\"}",
                         "{\"access_token\":7}",
                         "{\"access_token\":\"a\\r\\nX: y\"}",
                         "<html>secret s&c</html>"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fetch_answer_t a = answer_of(200, JSON, bad[i]);
        assert_int_equal(auth_take_token(&auth, &a, reason), CHISO_E_PROTOCOL);
        assert_null(strstr(reason, "s&c"));
        assert_true(auth_needs_token(&auth, &config));
        buffer_free(&a.body);
    }
    fetch_answer_t a = answer_of(200, JSON, "{\"access_token\":\"t1\",\"expires_in\":\"3600\"}");
    assert_int_equal(auth_take_token(&auth, &a, reason), 0);
    assert_false(auth_needs_token(&auth, &config));
    outgoing_begin(&out, "POST", "https://t/x");
    auth_sign(&auth, &config, 0, &out);
    assert_string_equal(buffer_text(&out.headers[0]), "Authorization: Bearer t1");
    outgoing_free(&out);
    /* refused before it ever worked: wait; after it has worked: at once, with a new one */
    assert_false(auth_refused(&auth, &config));
    assert_int_equal(auth_take_token(&auth, &a, reason), 0);
    auth.used = true;
    assert_true(auth_refused(&auth, &config));
    assert_true(auth_needs_token(&auth, &config));
    auth_forget(&auth);
    buffer_free(&a.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_for_success),
        cmocka_unit_test(test_ckan_resource),
        cmocka_unit_test(test_no_answer_is_later),
        cmocka_unit_test(test_each_entity_of_a_207),
        cmocka_unit_test(test_mapping),
        cmocka_unit_test(test_a_ranking_is_a_record_a_unit),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
