/* ckan.c - rows of a CKAN resource, by datastore_upsert and a primary key.
 *
 * A table without a primary key takes rows only by "insert", and a repetition would stand there
 * twice; so the table is made by us, with its key, as soon as CKAN says that there is none (404: no
 * datastore; 409: no unique key). A resource that is missing too is made in the package that the
 * configuration names, under the id that it names: CKAN takes the id of a new resource from us, so
 * that a repetition after a lost answer finds the resource and makes no second one. The token goes
 * without "Bearer" before it. CKAN judges a request as a whole. Older versions answer 500 for a row
 * that they cannot take: such a request is given up after `give_up` times, one row at a time.
 */
#include "target.h"

#include <stdlib.h>
#include <string.h>

#define F TARGET_FIELD
static const target_field_t unit_fields[] = {F("chi_so", "index", NULL),
                                             F("ky", "period", NULL),
                                             F("ma_don_vi", "unit/code", NULL),
                                             F("ten_don_vi", "unit/name", NULL),
                                             F("cap", "unit/level", NULL),
                                             F("ma_tinh", "unit/parent", NULL),
                                             F("diem", "points", "number"),
                                             F("diem_toi_da", "max", "number"),
                                             F("ty_le", "percent", "number"),
                                             F("hang", "rank", "integer"),
                                             F("hang_toan_quoc", "nation_rank", "integer"),
                                             F("lan", "revision", "integer"),
                                             F("thoi_diem", "as_of", "time"),
                                             F("khoa", "key", NULL),
                                             {0}};
static const target_field_t indicator_fields[] = {F("chi_so", "index", NULL),
                                                  F("ky", "period", NULL),
                                                  F("ma_don_vi", "unit/code", NULL),
                                                  F("ma_tieu_chi", "indicator/code", NULL),
                                                  F("tieu_chi", "indicator/title", NULL),
                                                  F("trang_thai", "indicator/status", NULL),
                                                  F("diem", "indicator/points", "number"),
                                                  F("diem_toi_da", "indicator/max", "number"),
                                                  F("lan", "revision", "integer"),
                                                  F("thoi_diem", "as_of", "time"),
                                                  F("khoa", "key", NULL),
                                                  {0}};

static const char *const unit_key[] = {"chi_so", "ky", "ma_don_vi", NULL};
static const char *const indicator_key[] = {"chi_so", "ky", "ma_don_vi", "ma_tieu_chi", NULL};

static bool in_mapping(const publisher_target_t *t, const char *name)
{
    for (const target_field_t *f = t->mapping; f != NULL && f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check(publisher_target_t *t, config_t *file, const char *at)
{
    char path[128];
    snprintf(path, sizeof path, "%s.kind", at);
    if (t->ckan.resource_id == NULL) {
        config_error(file, path, "has no ckan.resource_id beside it; expected that of a resource");
    }
    if (t->ckan.resource_name != NULL && t->ckan.package_id == NULL) {
        config_error(file, path, "has a ckan.resource_name; expected a package_id beside it");
    }
    snprintf(path, sizeof path, "%s.ckan", at);
    if (t->fields_count > 0 && t->ckan.primary_key_count == 0) {
        config_error(file, path, "has no primary_key; expected it beside fields of your own");
    }
    for (unsigned i = 0; i < t->ckan.primary_key_count; i++) {
        if (!in_mapping(t, t->ckan.primary_key[i])) {
            config_error(file, path, "primary_key names '%s'; expected the name of a field",
                         t->ckan.primary_key[i]);
        }
    }
}

static void put_house(const publisher_target_t *t, jw_t *j)
{
    const char *name = t->ckan.resource_name;
    jw_put_object(j, "resource");
    jw_put_text(j, "package_id", t->ckan.package_id);
    jw_put_text(j, "id", t->ckan.resource_id);
    jw_put_text(j, "name", name != NULL ? name : t->id);
    jw_object_end(j);
}

static void begin(const publisher_target_t *t, const char *action, bool house, outgoing_t *out,
                  jw_t *j)
{
    target_append_path(&out->url, "/api/3/action/");
    buffer_append_text(&out->url, action);
    outgoing_header(out, "Content-Type: application/json");
    *j = jw_to(&out->body);
    jw_object(j);
    if (house) {
        put_house(t, j); /* CKAN wants one of both */
    } else {
        jw_put_text(j, "resource_id", t->ckan.resource_id);
    }
    jw_put_flag(j, "force", true); /* also where the resource was not made by an upload */
}

static void put_rows(const publisher_target_t *t, record_t *const *records, size_t n, bool dry,
                     outgoing_t *out)
{
    jw_t j;
    begin(t, "datastore_upsert", false, out, &j);
    jw_put_text(&j, "method", "upsert");
    if (dry) {
        jw_put_flag(&j, "dry_run", true);
    }
    record_put_all(records, n, t->mapping, "records", &j);
    jw_object_end(&j);
}

static void write(const publisher_target_t *t, record_t *const *records, size_t n, outgoing_t *out)
{
    put_rows(t, records, n, false, out);
}

static void write_probe(const publisher_target_t *t, outgoing_t *out)
{
    put_rows(t, NULL, 0, true, out);
}

static void write_setup(const publisher_target_t *t, bool house, outgoing_t *out)
{
    static const char *const types[] = {"text", "numeric", "int", "timestamp"};
    jw_t j;
    begin(t, "datastore_create", house, out, &j);
    jw_put_array(&j, "primary_key");
    for (unsigned i = 0; i < t->ckan.primary_key_count; i++) {
        jw_text(&j, t->ckan.primary_key[i]);
    }
    const char *const *key = t->indicators ? indicator_key : unit_key;
    for (unsigned i = 0; t->ckan.primary_key_count == 0 && key[i] != NULL; i++) {
        jw_text(&j, key[i]);
    }
    jw_array_end(&j);
    jw_put_array(&j, "fields");
    for (const target_field_t *f = t->mapping; f->name != NULL; f++) {
        jw_object(&j);
        jw_put_text(&j, "id", f->name);
        jw_put_text(&j, "type", types[record_kind(f)]);
        jw_object_end(&j);
    }
    jw_array_end(&j);
    jw_object_end(&j);
}

static void judge(const publisher_target_t *t, const fetch_answer_t *a, record_t *const *records,
                  size_t n, judgement_t *out)
{
    (void)records;
    (void)n;
    target_judge_http(a, out);
    if (a->result != FETCH_ANSWERED || target_is_page(a)) {
        return;
    }
    json_t *said = target_json(a);
    const json_t *success = json_object_get(said, "success");
    bool no_table = a->status == 404 && json_is_false(success);
    bool no_key = a->status == 409 && a->body.len > 0 &&
                  memmem(a->body.data, a->body.len, "unique key", 10) != NULL;
    const json_t *id = json_object_get(json_object_get(said, "error"), "resource_id");
    bool no_resource = a->status == 409 && id != NULL;
    if (out->verdict == CHISO_ACCEPT && !json_is_true(success)) {
        out->verdict = CHISO_RETRY;
        out->doubtful = json_is_false(success);
        target_reason(a, "no success", out->reason);
    } else if (no_table || no_key || no_resource) {
        out->verdict = CHISO_RETRY;
        out->needs_setup = true;
        out->needs_house = t->ckan.package_id != NULL && !no_key;
    } else if (a->status == 409 && json_is_false(success)) {
        out->verdict = CHISO_REJECT; /* the validation of the rows */
    } else if (a->status == 500) {
        out->doubtful = true;
    }
    json_decref(said);
}

static void judge_probe(const publisher_target_t *t, const fetch_answer_t *a, judgement_t *out)
{
    judge(t, a, NULL, 0, out);
    if (out->needs_setup) {
        *out = (judgement_t){.verdict = CHISO_ACCEPT};
        snprintf(out->reason, sizeof out->reason,
                 "the table is not there yet; it is made with the first rows");
    }
}

const target_dialect_t target_ckan = {
    .name = "ckan",
    .batch = 100,
    .distinct = true,
    .mapped = true,
    .rankings = true,
    .fields = unit_fields,
    .indicator_fields = indicator_fields,
    .check = check,
    .write = write,
    .judge = judge,
    .write_setup = write_setup,
    .write_probe = write_probe,
    .judge_probe = judge_probe,
};
