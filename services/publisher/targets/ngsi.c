/* ngsi.c - entities of an NGSI-LD context broker, by batch upsert.
 *
 * With options=update the broker keeps what a request does not name, so that a rank that moved
 * alone replaces nothing. 201 (with the ids that are new) and 204 took everything; 207 names each
 * entity that failed, and only what it names as well done counts as done. The time of an attribute
 * is the time its result stands for.
 */
#include "target.h"

#include <stdlib.h>
#include <string.h>

#define F TARGET_FIELD
static const target_field_t unit_fields[] = {F("indexCode", "index", NULL),
                                             F("period", "period", NULL),
                                             F("unitCode", "unit/code", NULL),
                                             F("unitName", "unit/name", NULL),
                                             F("level", "unit/level", NULL),
                                             F("parentCode", "unit/parent", NULL),
                                             F("points", "points", "number"),
                                             F("maxPoints", "max", "number"),
                                             F("percent", "percent", "number"),
                                             F("rank", "rank", "integer"),
                                             F("nationRank", "nation_rank", "integer"),
                                             F("revision", "revision", "integer"),
                                             F("rankingRevision", "ranking_revision", "integer"),
                                             F("eventKey", "key", NULL),
                                             {0}};
static const target_field_t indicator_fields[] = {F("indexCode", "index", NULL),
                                                  F("period", "period", NULL),
                                                  F("unitCode", "unit/code", NULL),
                                                  F("indicatorCode", "indicator/code", NULL),
                                                  F("title", "indicator/title", NULL),
                                                  F("status", "indicator/status", NULL),
                                                  F("points", "indicator/points", "number"),
                                                  F("maxPoints", "indicator/max", "number"),
                                                  F("revision", "revision", "integer"),
                                                  F("eventKey", "key", NULL),
                                                  {0}};

#define DEFAULT_TYPE "ChisoResult"
#define MAX_ID 768

static const char *type_of(const publisher_target_t *t)
{
    return t->ngsi.type != NULL ? t->ngsi.type : DEFAULT_TYPE;
}

/* urn:ngsi-ld:TYPE:INDEX:PERIOD:UNIT[:INDICATOR]; a code with a byte that may not stand in a URN
 * has it percent-encoded. */
static void entity_id(const publisher_target_t *t, const record_t *r, char out[MAX_ID])
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t n = (size_t)snprintf(out, MAX_ID, "urn:ngsi-ld:%.100s:", type_of(t));
    for (const char *c = r->stem; *c != '\0' && n < MAX_ID - 4; c++) {
        if (*c == '/') {
            out[n++] = ':';
        } else if (strchr(plain, *c) != NULL) {
            out[n++] = *c;
        } else {
            n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    out[n] = '\0';
}

static void check(publisher_target_t *t, config_t *file, const char *at)
{
    char path[128];
    snprintf(path, sizeof path, "%s.ngsi", at);
    const char *texts[] = {t->ngsi.tenant, t->ngsi.type, t->ngsi.context};
    for (size_t i = 0; i < 3; i++) {
        if (texts[i] != NULL && strpbrk(texts[i], " \t\r\n<>\"") != NULL) {
            config_error(file, path, "'%s'; expected no white space, quotes or angle brackets",
                         texts[i]);
        }
    }
}

static void put_headers(const publisher_target_t *t, outgoing_t *out)
{
    if (t->ngsi.tenant != NULL) {
        outgoing_header(out, "NGSILD-Tenant: %s", t->ngsi.tenant);
    }
    if (t->ngsi.context != NULL) {
        outgoing_header(out,
                        "Link: <%s>; rel=\"http://www.w3.org/ns/json-ld#context\"; "
                        "type=\"application/ld+json\"",
                        t->ngsi.context);
    }
}

/* A Property may not be null: what does not exist is left out. */
static void put_properties(const publisher_target_t *t, const record_t *r, jw_t *j)
{
    const target_field_t as_of[] = {F("", "as_of", NULL), F("", "ranked_at", NULL)};
    bool is_null;
    const char *at = record_value(r, &as_of[0], &is_null);
    at = at != NULL ? at : record_value(r, &as_of[1], &is_null);
    for (const target_field_t *f = t->mapping; f->name != NULL; f++) {
        target_field_t value[2] = {*f, {0}};
        value[0].name = (char *)(uintptr_t) "value";
        if (record_value(r, f, &is_null) == NULL) {
            continue;
        }
        jw_put_object(j, f->name);
        jw_put_text(j, "type", "Property");
        record_write(r, value, j);
        if (at != NULL) {
            jw_put_text(j, "observedAt", at);
        }
        jw_object_end(j);
    }
}

static void write(const publisher_target_t *t, record_t *const *records, size_t n, outgoing_t *out)
{
    target_append_path(&out->url, "/ngsi-ld/v1/entityOperations/upsert?options=update");
    outgoing_header(out, "Content-Type: application/json");
    put_headers(t, out);
    jw_t j = jw_to(&out->body);
    jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        char id[MAX_ID];
        entity_id(t, records[i], id);
        jw_object(&j);
        jw_put_text(&j, "id", id);
        jw_put_text(&j, "type", type_of(t));
        put_properties(t, records[i], &j);
        jw_object_end(&j);
    }
    jw_array_end(&j);
}

static bool names(const json_t *ids, const char *id)
{
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *text = json_string_value(json_array_get(ids, i));
        if (text != NULL && strcmp(text, id) == 0) {
            return true;
        }
    }
    return false;
}

static const json_t *error_of(const json_t *errors, const char *id)
{
    for (size_t i = 0; i < json_array_size(errors); i++) {
        const json_t *e = json_array_get(errors, i);
        const char *text = json_string_value(json_object_get(e, "entityId"));
        if (text != NULL && strcmp(text, id) == 0) {
            const json_t *problem = json_object_get(e, "error");
            return problem != NULL ? problem : e;
        }
    }
    return NULL;
}

static void judge_entity(record_t *r, const json_t *said, const char *id)
{
    const json_t *error = error_of(json_object_get(said, "errors"), id);
    r->verdict = CHISO_RETRY;
    if (error == NULL && names(json_object_get(said, "success"), id)) {
        r->verdict = CHISO_ACCEPT;
    } else if (error == NULL) {
        snprintf(r->reason, sizeof r->reason, "HTTP status 207 does not name the entity");
    } else {
        const char *type = json_string_value(json_object_get(error, "type"));
        json_int_t status = json_integer_value(json_object_get(error, "status"));
        char *text = json_dumps(error, JSON_COMPACT | JSON_ENSURE_ASCII);
        bool bad = (type != NULL && strstr(type, "BadRequestData") != NULL) || status == 400 ||
                   status == 422;
        r->verdict = bad ? CHISO_REJECT : CHISO_RETRY;
        snprintf(r->reason, sizeof r->reason, "HTTP status 207: %.120s", text != NULL ? text : "");
        free(text);
    }
}

static void judge(const publisher_target_t *t, const fetch_answer_t *a, record_t *const *records,
                  size_t n, judgement_t *out)
{
    target_judge_http(a, out);
    if (out->verdict != CHISO_ACCEPT || a->status == 201 || a->status == 204) {
        return;
    }
    json_t *said = a->status == 207 ? target_json(a) : NULL;
    if (!json_is_object(said)) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "HTTP status %ld; expected 201, 204 or 207", a->status);
        out->verdict = CHISO_RETRY;
        target_reason(a, prefix, out->reason);
        json_decref(said);
        return;
    }
    out->each = true;
    for (size_t i = 0; i < n; i++) {
        char id[MAX_ID];
        entity_id(t, records[i], id);
        judge_entity(records[i], said, id);
    }
    json_decref(said);
}

static void write_probe(const publisher_target_t *t, outgoing_t *out)
{
    out->method = "GET";
    target_append_path(&out->url, "/ngsi-ld/v1/types");
    put_headers(t, out);
    outgoing_header(out, "Accept: application/json");
}

static void judge_probe(const publisher_target_t *t, const fetch_answer_t *a, judgement_t *out)
{
    (void)t;
    target_judge_http(a, out);
}

const target_dialect_t target_ngsi_ld = {
    .name = "ngsi-ld",
    .batch = 100,
    .distinct = true,
    .mapped = true,
    .rankings = true,
    .fields = unit_fields,
    .indicator_fields = indicator_fields,
    .check = check,
    .write = write,
    .judge = judge,
    .write_probe = write_probe,
    .judge_probe = judge_probe,
};
