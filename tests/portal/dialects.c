/* dialects.c - the portal as a CKAN, as two kinds of LGSP, as an NGSI-LD broker: their addresses,
 * their words for success, and their ways to fail. Each record that takes effect is a line of the
 * log, so that what arrived, in which order and how often can be read off one file. */
#include "base/error.h"
#include "common/server.h"
#include "portal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SUBJECT 512

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Writes one record down. False when the disk failed. */
static bool take(portal_t *p, const char *dialect, const char *subject, const char *key,
                 const json_t *record)
{
    char *body = json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(15));
    inbox_event_t event = {.key = key,
                           .id = key,
                           .source = "/chiso",
                           .type = dialect,
                           .subject = subject,
                           .body = bytes_of_text(body != NULL ? body : "")};
    int rc = body != NULL ? inbox_take(p->inbox, &event) : CHISO_E_SYNTAX;
    free(body);
    if (rc == CHISO_E_STORE) {
        server_quit(CHISO_EXIT_STORE);
    }
    return rc == 0;
}

static json_t *read_json(http_request_t *request)
{
    bytes_t body = http_body(request);
    return json_loadb((const char *)body.data, body.len, JSON_REJECT_DUPLICATES, NULL);
}

/* ---- CKAN ---- */

#define CKAN_TABLE "ckan-table"
#define CKAN_RESOURCE "ckan-resource"

static void ckan_fail(portal_t *p, http_request_t *request, int status, const char *type,
                      const char *message)
{
    char body[512];
    p->refused++;
    snprintf(body, sizeof body,
             "{\"help\":\"http://portal/api/3/action/help_show\",\"success\":false,"
             "\"error\":{\"__type\":\"%s\",\"message\":\"%s\"}}",
             type, message);
    http_reply(request, status, "application/json", bytes_of_text(body));
}

/* The row's primary key; "" when a part is missing. */
static void ckan_subject(const json_t *row, char out[MAX_SUBJECT])
{
    const char *criterion = text_of(row, "ma_tieu_chi");
    snprintf(out, MAX_SUBJECT, "%s/%s/%s%s%s", text_of(row, "chi_so"), text_of(row, "ky"),
             text_of(row, "ma_don_vi"), *criterion != '\0' ? "/" : "", criterion);
    if (*text_of(row, "chi_so") == '\0' || *text_of(row, "ky") == '\0' ||
        *text_of(row, "ma_don_vi") == '\0') {
        *out = '\0';
    }
}

/* What CKAN does with "resource": resource_create, then the table. False when it was answered. */
static bool ckan_create_resource(portal_t *p, http_request_t *request, const json_t *resource)
{
    char subject[MAX_SUBJECT];
    snprintf(subject, sizeof subject, CKAN_RESOURCE "/%s", text_of(resource, "id"));
    if (p->door.package == NULL || strcmp(text_of(resource, "package_id"), p->door.package) != 0) {
        ckan_fail(p, request, 404, "Not Found Error", "Not found: Dataset not found");
    } else if (inbox_knows(p->inbox, subject)) {
        ckan_fail(p, request, 409, "Validation Error", "id: Resource id already exists.");
    } else if (take(p, "ckan.resource", subject, subject, resource)) {
        return true;
    }
    return false;
}

/* False when it was answered. */
static bool ckan_find_resource(portal_t *p, http_request_t *request, const json_t *said)
{
    char subject[MAX_SUBJECT];
    snprintf(subject, sizeof subject, CKAN_RESOURCE "/%s", text_of(said, "resource_id"));
    if (p->door.package == NULL || inbox_knows(p->inbox, subject)) {
        return true;
    }
    p->refused++;
    http_reply(request, 409, "application/json",
               bytes_of_text("{\"help\":\"\",\"success\":false,\"error\":{\"__type\":"
                             "\"Validation Error\",\"resource_id\":[\"Not found: Resource\"]}}"));
    return false;
}

static void ckan_create(portal_t *p, http_request_t *request, const json_t *said)
{
    const json_t *resource = json_object_get(said, "resource");
    if (resource != NULL && json_object_get(said, "resource_id") != NULL) {
        ckan_fail(p, request, 409, "Validation Error", "resource cannot be used with resource_id");
        return;
    }
    const json_t *fields = json_object_get(said, "fields");
    const char *id = resource != NULL ? text_of(resource, "id") : text_of(said, "resource_id");
    char key[128];
    if (json_array_size(json_object_get(said, "primary_key")) == 0 ||
        json_array_size(fields) == 0 || *id == '\0') {
        ckan_fail(p, request, 409, "Validation Error", "fields and primary_key are needed");
        return;
    }
    if (resource != NULL ? !ckan_create_resource(p, request, resource)
                         : !ckan_find_resource(p, request, said)) {
        return;
    }
    tests_mode_t options = p->mode;
    int mode = mode_take(&p->mode, strcmp(options.match, "create") == 0);
    if (mode == MODE_DROP && resource != NULL) { /* the resource stands, its table does not */
        portal_answer(p, request, mode, &options, 200, NULL);
        return;
    }
    snprintf(key, sizeof key, CKAN_TABLE "/%lld", (long long)inbox_stats(p->inbox).received);
    if (take(p, "ckan.create", CKAN_TABLE, key, said)) {
        http_reply(request, 200, "application/json",
                   bytes_of_text("{\"help\":\"\",\"success\":true,\"result\":{}}"));
    }
}

/* Two records of one key in a request are one too many: PostgreSQL's upsert would refuse them. */
static const char *ckan_check(const json_t *rows)
{
    char mine[MAX_SUBJECT];
    char other[MAX_SUBJECT];
    for (size_t i = 0; i < json_array_size(rows); i++) {
        ckan_subject(json_array_get(rows, i), mine);
        if (*mine == '\0') {
            return "fields \\\"chi_so, ky, ma_don_vi\\\" are missing but needed as key";
        }
        for (size_t k = 0; k < i; k++) {
            ckan_subject(json_array_get(rows, k), other);
            if (strcmp(mine, other) == 0) {
                return "one key twice";
            }
        }
    }
    return NULL;
}

static bool any_matches(const json_t *rows, const char *match,
                        void (*subject)(const json_t *row, char out[MAX_SUBJECT]))
{
    char text[MAX_SUBJECT];
    for (size_t i = 0; i < json_array_size(rows); i++) {
        subject(json_array_get(rows, i), text);
        if (strstr(text, match) != NULL) {
            return true;
        }
    }
    return *match == '\0';
}

static void ckan_upsert(portal_t *p, http_request_t *request, const json_t *said)
{
    const json_t *rows = json_object_get(said, "records");
    tests_mode_t options = p->mode;
    int mode = mode_take(&p->mode, any_matches(rows, options.match, ckan_subject));
    if (!inbox_knows(p->inbox, CKAN_TABLE) || mode == MODE_FORGET) {
        ckan_fail(p, request, 404, "Not Found Error", "Resource was not found.");
        return;
    }
    const char *wrong = ckan_check(rows);
    if (mode == MODE_REJECT || wrong != NULL) {
        ckan_fail(p, request, 409, "Validation Error", wrong != NULL ? wrong : "bad row");
    } else if (mode == MODE_DENY) {
        ckan_fail(p, request, 200, "Strange Error", "no success, status 200");
    } else if (!portal_misbehaves(p, request, mode, &options)) {
        bool dry = json_is_true(json_object_get(said, "dry_run"));
        for (size_t i = 0; !dry && i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            char subject[MAX_SUBJECT];
            ckan_subject(row, subject);
            take(p, "ckan", subject, text_of(row, "khoa"), row);
        }
        portal_answer(p, request, mode, &options, 200,
                      "{\"help\":\"\",\"success\":true,\"result\":{\"method\":\"upsert\"}}");
    }
}

static void ckan(portal_t *p, http_request_t *request, const char *action)
{
    json_t *said = read_json(request);
    if (!json_is_object(said)) {
        ckan_fail(p, request, 400, "Bad Request", "not JSON");
    } else if (strcmp(action, "datastore_create") == 0) {
        ckan_create(p, request, said);
    } else if (strcmp(action, "datastore_upsert") == 0) {
        ckan_upsert(p, request, said);
    } else {
        ckan_fail(p, request, 400, "Bad Request", "no such action");
    }
    json_decref(said);
}

/* ---- LGSP, VNPT's ---- */

static void vnpt_subject(const json_t *row, char out[MAX_SUBJECT])
{
    snprintf(out, MAX_SUBJECT, "%s/%s/%s", text_of(row, "chi_so"), text_of(row, "ky"),
             text_of(row, "ma_don_vi"));
}

static void vnpt_fail(portal_t *p, http_request_t *request, const char *message)
{
    char body[256];
    p->refused++;
    snprintf(body, sizeof body, "{\"error_code\":\"-1\",\"message\":\"%s\",\"result\":null}",
             message);
    http_reply(request, 200, "application/json", bytes_of_text(body));
}

static void vnpt(portal_t *p, http_request_t *request)
{
    json_t *said = read_json(request);
    const json_t *rows = json_object_get(said, "data");
    tests_mode_t options = p->mode;
    int mode = mode_take(&p->mode, any_matches(rows, options.match, vnpt_subject));
    bool headers = http_header(request, "lgspaccesstoken") != NULL &&
                   http_header(request, "SENDER_CODE") != NULL &&
                   http_header(request, "TRAN_CODE") != NULL &&
                   http_header(request, "RECEIVER_CODE") != NULL;
    if (!headers || json_array_size(rows) == 0) {
        vnpt_fail(p, request, headers ? "data is missing" : "a header is missing");
    } else if (mode == MODE_REJECT || mode == MODE_DENY) {
        vnpt_fail(p, request, "told to");
    } else if (!portal_misbehaves(p, request, mode, &options)) {
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            char subject[MAX_SUBJECT];
            vnpt_subject(row, subject);
            take(p, "lgsp-vnpt", subject, text_of(row, "khoa"), row);
        }
        portal_answer(p, request, mode, &options, 200,
                      mode == MODE_ODD ? "{\"error_code\":\"1\",\"message\":\"OK\",\"result\":[]}"
                                       : "{\"error_code\":\"0\",\"message\":\"OK\",\"result\":[]}");
    }
    json_decref(said);
}

/* ---- LGSP, OpenCPS's ---- */

static void opencps(portal_t *p, http_request_t *request)
{
    json_t *said = read_json(request);
    char subject[MAX_SUBJECT];
    const char *month = text_of(said, "Month");
    snprintf(subject, sizeof subject, "%s/%s%s%s/%s", text_of(said, "IndexCode"),
             text_of(said, "Year"), *month != '\0' ? "-" : "", month,
             text_of(said, "OrganizationInchargeIdlevel1"));
    tests_mode_t options = p->mode;
    bool concerned = strstr(subject, options.match) != NULL;
    int mode = mode_take(&p->mode, concerned);
    if (mode == MODE_REJECT || mode == MODE_DENY || *text_of(said, "Year") == '\0') {
        p->refused++;
        http_reply(request, 200, "application/json",
                   bytes_of_text("{\"Status\":0,\"Message\":\"told to\"}"));
    } else if (!portal_misbehaves(p, request, mode, &options)) {
        take(p, "lgsp-opencps", subject, text_of(said, "Note"), said);
        portal_answer(p, request, mode, &options, 200, "{\"Status\":1,\"Message\":\"OK\"}");
    }
    json_decref(said);
}

/* ---- NGSI-LD ---- */

static void ngsi_subject(const json_t *entity, char out[MAX_SUBJECT])
{
    snprintf(out, MAX_SUBJECT, "%s", text_of(entity, "id"));
}

static const char *ngsi_problem(const json_t *entity)
{
    const char *name;
    json_t *value;
    if (strncmp(text_of(entity, "id"), "urn:ngsi-ld:", 12) != 0 ||
        *text_of(entity, "type") == '\0') {
        return "id and type are needed";
    }
    json_object_foreach((json_t *)(uintptr_t)entity, name, value)
    {
        bool attribute = strcmp(name, "id") != 0 && strcmp(name, "type") != 0;
        if (attribute && (strcmp(text_of(value, "type"), "Property") != 0 ||
                          json_object_get(value, "value") == NULL ||
                          json_is_null(json_object_get(value, "value")))) {
            return "an attribute is not a Property with a value";
        }
    }
    return NULL;
}

static void ngsi_error(json_t *errors, const char *id, bool later)
{
    json_array_append_new(errors,
                          json_pack("{s:s, s:{s:s, s:s, s:i}}", "entityId", id, "error", "type",
                                    later ? "https://uri.etsi.org/ngsi-ld/errors/InternalError"
                                          : "https://uri.etsi.org/ngsi-ld/errors/BadRequestData",
                                    "title", "told to", "status", later ? 500 : 400));
}

static void ngsi_reply(portal_t *p, http_request_t *request, int mode, const tests_mode_t *options,
                       const json_t *created, json_t *success, json_t *errors)
{
    if (json_array_size(errors) > 0) {
        json_t *body = json_pack("{s:O, s:O}", "success", success, "errors", errors);
        char *text = json_dumps(body, JSON_COMPACT);
        p->refused++;
        http_reply(request, 207, "application/json", bytes_of_text(text != NULL ? text : ""));
        free(text);
        json_decref(body);
    } else if (json_array_size(created) > 0) {
        char *text = json_dumps(created, JSON_COMPACT);
        portal_answer(p, request, mode, options, 201, text != NULL ? text : "");
        free(text);
    } else {
        portal_answer(p, request, mode, options, 204, NULL);
    }
}

static void ngsi_take(portal_t *p, http_request_t *request, const json_t *entities, int mode,
                      const tests_mode_t *options)
{
    json_t *created = json_array();
    json_t *success = json_array();
    json_t *errors = json_array();
    bool partial = mode == MODE_PARTIAL || mode == MODE_PARTIAL_LATER;
    for (size_t i = 0; i < json_array_size(entities); i++) {
        const json_t *e = json_array_get(entities, i);
        const char *id = text_of(e, "id");
        if (partial && strstr(id, options->match) != NULL) {
            ngsi_error(errors, id, mode == MODE_PARTIAL_LATER);
            continue;
        }
        bool known = inbox_knows(p->inbox, id);
        if (take(p, "ngsi-ld", id, text_of(json_object_get(e, "eventKey"), "value"), e)) {
            json_array_append_new(known ? success : created, json_string(id));
            if (!known) {
                json_array_append_new(success, json_string(id));
            }
        }
    }
    ngsi_reply(p, request, mode, options, created, success, errors);
    json_decref(created);
    json_decref(success);
    json_decref(errors);
}

static void ngsi(portal_t *p, http_request_t *request)
{
    json_t *entities = read_json(request);
    const char *tenant = http_header(request, "NGSILD-Tenant");
    const char *options_query = http_query(request, "options");
    const char *wrong = json_array_size(entities) == 0 ? "an array of entities is needed" : NULL;
    for (size_t i = 0; wrong == NULL && i < json_array_size(entities); i++) {
        wrong = ngsi_problem(json_array_get(entities, i));
    }
    if (tenant == NULL || strcmp(tenant, "vinhlong") != 0) {
        wrong = "the tenant is not known";
    }
    if (options_query == NULL || strcmp(options_query, "update") != 0) {
        wrong = "options=update is needed here";
    }
    tests_mode_t options = p->mode;
    int mode =
        wrong == NULL ? mode_take(&p->mode, any_matches(entities, options.match, ngsi_subject)) : 0;
    if (wrong != NULL || mode == MODE_REJECT) {
        p->refused++;
        http_reply_problem(request, 400, "%s", wrong != NULL ? wrong : "told to");
    } else if (!portal_misbehaves(p, request, mode, &options)) {
        ngsi_take(p, request, entities, mode, &options);
    }
    json_decref(entities);
}

/* ---- addresses ---- */

bool dialects_serve(portal_t *p, http_request_t *request)
{
    static const char actions[] = "/api/3/action/";
    const char *path = http_path(request);
    bool post = strcmp(http_method(request), "POST") == 0;
    if (post && strncmp(path, actions, sizeof actions - 1) == 0) {
        if (door_open(p, request, false)) {
            ckan(p, request, path + sizeof actions - 1);
        }
    } else if (post && strcmp(path, "/lgsp/token") == 0) {
        door_issue(p, request, true);
    } else if (post && strcmp(path, "/opencps/token") == 0) {
        door_issue(p, request, false);
    } else if (post && strcmp(path, "/lgsp/results") == 0) {
        if (door_open_issued(p, request)) {
            vnpt(p, request);
        }
    } else if (post && strcmp(path, "/opencps/Statistic/UpdateStatistic") == 0) {
        if (door_open_issued(p, request)) {
            opencps(p, request);
        }
    } else if (post && strcmp(path, "/ngsi-ld/v1/entityOperations/upsert") == 0) {
        if (door_open(p, request, true)) {
            ngsi(p, request);
        }
    } else if (strcmp(path, "/ngsi-ld/v1/types") == 0) {
        if (door_open(p, request, true)) {
            http_reply(request, 200, "application/json", bytes_of_text("[]"));
        }
    } else {
        return false;
    }
    return true;
}
