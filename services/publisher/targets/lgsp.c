/* lgsp.c - two ways in which provinces' LGSP take data (nền tảng tích hợp, chia sẻ dữ liệu).
 *
 * VNPT's: {"data":[…]} with an `lgspaccesstoken` header and a bearer token; HTTP 200 says nothing,
 * `error_code` "0" or "1" is success, as a text or a number. There is no key of repetition, so each
 * record carries ours. OpenCPS's: one object a request, {"Status","Message"}; a period and an
 * organisation are the natural key, so ranks that moved alone are not told by default: they would
 * replace a whole object by a part of it.
 *
 * Neither tells a refusal for good from trouble inside: what is refused is tried `give_up` times,
 * at last one record at a time, before it becomes a dead letter. A page with status 200 is trouble.
 */
#include "target.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define F(name, from) TARGET_FIELD(name, from, NULL)
static const target_field_t vnpt_fields[] = {F("khoa", "key"),
                                             F("loai", "type"),
                                             F("chi_so", "index"),
                                             F("ky", "period"),
                                             F("ma_don_vi", "unit/code"),
                                             F("ten_don_vi", "unit/name"),
                                             F("cap", "unit/level"),
                                             F("ma_tinh", "unit/parent"),
                                             F("diem", "points"),
                                             F("diem_toi_da", "max"),
                                             F("ty_le", "percent"),
                                             F("hang", "rank"),
                                             F("hang_toan_quoc", "nation_rank"),
                                             F("lan", "revision"),
                                             F("thoi_diem", "as_of"),
                                             {0}};
static const target_field_t vnpt_indicator_fields[] = {F("khoa", "key"),
                                                       F("chi_so", "index"),
                                                       F("ky", "period"),
                                                       F("ma_don_vi", "unit/code"),
                                                       F("ma_tieu_chi", "indicator/code"),
                                                       F("tieu_chi", "indicator/title"),
                                                       F("trang_thai", "indicator/status"),
                                                       F("diem", "indicator/points"),
                                                       F("diem_toi_da", "indicator/max"),
                                                       F("lan", "revision"),
                                                       F("thoi_diem", "as_of"),
                                                       {0}};
/* the contract's own spelling of the organisation */
static const target_field_t opencps_fields[] = {F("Year", "year"),
                                                F("Month", "month"),
                                                F("Quarter", "quarter"),
                                                F("OrganizationInchargeIdlevel1", "unit/code"),
                                                F("OrganizationInchargeName", "unit/name"),
                                                F("IndexCode", "index"),
                                                F("Score", "points"),
                                                F("MaxScore", "max"),
                                                F("ScorePercent", "percent"),
                                                F("Revision", "revision"),
                                                F("Note", "key"),
                                                {0}};
static const target_field_t opencps_indicator_fields[] = {
    F("Year", "year"),
    F("Month", "month"),
    F("Quarter", "quarter"),
    F("OrganizationInchargeIdlevel1", "unit/code"),
    F("OrganizationInchargeName", "unit/name"),
    F("IndexCode", "index"),
    F("IndicatorCode", "indicator/code"),
    F("IndicatorStatus", "indicator/status"),
    F("Score", "indicator/points"),
    F("MaxScore", "indicator/max"),
    F("Revision", "revision"),
    F("Note", "key"),
    {0}};

/* ---- judging ---- */

static bool is_success(const publisher_target_t *t, const char *const *defaults, const json_t *code)
{
    char number[24] = "";
    const char *text = json_string_value(code);
    if (json_is_integer(code)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(code));
        text = number;
    }
    for (unsigned i = 0; text != NULL && i < t->lgsp.success_count; i++) {
        if (strcmp(t->lgsp.success[i], text) == 0) {
            return true;
        }
    }
    for (unsigned i = 0; text != NULL && t->lgsp.success_count == 0 && defaults[i] != NULL; i++) {
        if (strcmp(defaults[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static void judge_code(const publisher_target_t *t, const fetch_answer_t *a, const char *member,
                       const char *const *defaults, judgement_t *out)
{
    target_judge_http(a, out);
    if (out->verdict != CHISO_ACCEPT) {
        out->doubtful = out->verdict == CHISO_RETRY && a->status == 500 && !target_is_page(a);
        return;
    }
    json_t *said = target_json(a);
    const json_t *code = json_object_get(said, member);
    if (!is_success(t, defaults, code)) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, code != NULL ? "no success" : "no %s in the answer",
                 member);
        out->verdict = CHISO_RETRY;
        out->doubtful = code != NULL;
        target_reason(a, prefix, out->reason);
    }
    json_decref(said);
}

/* ---- VNPT ---- */

static void put_member(jw_t *j, const char *name, const char *text)
{
    jw_put_text(j, name, text != NULL ? text : "");
}

/* base64 of {"AccessKey","SecretKey","AppName","PartnerCode","PartnerCodeCus"} */
static char *access_header(const target_lgsp_t *l)
{
    static const char name[] = "lgspaccesstoken: ";
    buffer_t json = BUFFER_INIT(8192);
    jw_t j = jw_to(&json);
    jw_object(&j);
    put_member(&j, "AccessKey", l->access_key);
    put_member(&j, "SecretKey", l->secret_key);
    put_member(&j, "AppName", l->app_name);
    put_member(&j, "PartnerCode", l->partner_code);
    put_member(&j, "PartnerCodeCus", l->partner_code_cus);
    jw_object_end(&j);
    size_t size = sodium_base64_encoded_len(json.len, sodium_base64_VARIANT_ORIGINAL);
    char *header = json.failed ? NULL : malloc(sizeof name + size);
    if (header != NULL) {
        memcpy(header, name, sizeof name);
        sodium_bin2base64(header + sizeof name - 1, size, json.data, json.len,
                          sodium_base64_VARIANT_ORIGINAL);
    }
    if (json.data != NULL) {
        sodium_memzero(json.data, json.len);
    }
    buffer_free(&json);
    return header;
}

static void check_vnpt(publisher_target_t *t, config_t *file, const char *at)
{
    char path[128];
    snprintf(path, sizeof path, "%s.kind", at);
    if (t->lgsp.access_key == NULL || t->lgsp.secret_key_file == NULL) {
        config_error(file, path, "expected lgsp.access_key and lgsp.secret_key_file beside it");
        return;
    }
    snprintf(path, sizeof path, "%s.lgsp", at);
    t->lgsp.secret_key =
        target_read_secret(file, path, "secret_key_file", &t->lgsp.secret_key_file);
    if (t->lgsp.secret_key != NULL) {
        t->lgsp.header = access_header(&t->lgsp);
    }
}

static void write_vnpt_token(const publisher_target_t *t, outgoing_t *out)
{
    outgoing_header(out, "%s", t->lgsp.header);
}

static void put_code(outgoing_t *out, const char *name, const char *value)
{
    outgoing_header(out, "%s: %s", name, value != NULL ? value : ""); /* sent also when empty */
}

static void write_vnpt(const publisher_target_t *t, record_t *const *records, size_t n,
                       outgoing_t *out)
{
    outgoing_header(out, "Content-Type: application/json");
    outgoing_header(out, "%s", t->lgsp.header);
    put_code(out, "SENDER_CODE", t->lgsp.sender_code);
    put_code(out, "TRAN_CODE", t->lgsp.tran_code);
    put_code(out, "RECEIVER_CODE", t->lgsp.receiver_code);
    jw_t j = jw_to(&out->body);
    jw_object(&j);
    record_put_all(records, n, t->mapping, "data", &j);
    jw_object_end(&j);
}

static void judge_vnpt(const publisher_target_t *t, const fetch_answer_t *a,
                       record_t *const *records, size_t n, judgement_t *out)
{
    static const char *const success[] = {"0", "1", NULL};
    (void)records;
    (void)n;
    judge_code(t, a, "error_code", success, out);
}

const target_dialect_t target_lgsp_vnpt = {
    .name = "lgsp-vnpt",
    .batch = 100,
    .mapped = true,
    .rankings = true,
    .fields = vnpt_fields,
    .indicator_fields = vnpt_indicator_fields,
    .check = check_vnpt,
    .write = write_vnpt,
    .judge = judge_vnpt,
    .write_token = write_vnpt_token,
};

/* ---- OpenCPS ---- */

static void check_opencps(publisher_target_t *t, config_t *file, const char *at)
{
    char path[128];
    snprintf(path, sizeof path, "%s.kind", at);
    if (t->auth.type == NULL) {
        config_error(file, path,
                     "has no auth.type beside it; expected client-credentials or another");
    }
}

static void write_opencps(const publisher_target_t *t, record_t *const *records, size_t n,
                          outgoing_t *out)
{
    (void)n;
    outgoing_header(out, "Content-Type: application/json");
    jw_t j = jw_to(&out->body);
    record_put_data(records[0], t->mapping, &j);
}

static void judge_opencps(const publisher_target_t *t, const fetch_answer_t *a,
                          record_t *const *records, size_t n, judgement_t *out)
{
    static const char *const success[] = {"1", "200", NULL};
    (void)records;
    (void)n;
    judge_code(t, a, "Status", success, out);
}

const target_dialect_t target_lgsp_opencps = {
    .name = "lgsp-opencps",
    .batch = 1,
    .single = true,
    .mapped = true,
    .post_token = true,
    .fields = opencps_fields,
    .indicator_fields = opencps_indicator_fields,
    .check = check_opencps,
    .write = write_opencps,
    .judge = judge_opencps,
};
