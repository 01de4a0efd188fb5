/* target_config.c - the keys of a target, see target.h and docs/connect-a-portal.md. Secrets come
 * from files only, so that neither the configuration nor a process list holds them. */
#include "auth.h"
#include "base/error.h"
#include "service/service.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SECRET 4096
#define MAX_BATCH 1000

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 256),
};

#define TEXT(key, type, member)                                                                    \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, 4096)
#define TEXTS(key, type, member, max)                                                              \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member,              \
                         &text_schema, 0, max)
#define GROUP(key, member, fields)                                                                 \
    CYAML_FIELD_MAPPING(key, CYAML_FLAG_OPTIONAL, publisher_target_t, member, fields)

static const cyaml_schema_field_t auth_fields[] = {
    TEXT("type", target_auth_config_t, type),
    TEXT("token_file", target_auth_config_t, token_file),
    TEXT("user", target_auth_config_t, user),
    TEXT("password_file", target_auth_config_t, password_file),
    TEXT("token_url", target_auth_config_t, token_url),
    TEXT("client_id", target_auth_config_t, client_id),
    TEXT("client_secret_file", target_auth_config_t, client_secret_file),
    TEXT("credentials_in", target_auth_config_t, credentials_in),
    TEXT("scope", target_auth_config_t, scope),
    TEXT("header", target_auth_config_t, header),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t filter_fields[] = {
    TEXTS("indexes", target_filter_t, indexes, 64), TEXTS("periods", target_filter_t, periods, 64),
    TEXTS("units", target_filter_t, units, 4096),   TEXTS("levels", target_filter_t, levels, 8),
    TEXTS("types", target_filter_t, types, 8),      CYAML_FIELD_END,
};
static const cyaml_schema_field_t sign_fields[] = {
    TEXT("secret_file", target_sign_t, secret_file),
    TEXT("key_id", target_sign_t, key_id),
    TEXT("text", target_sign_t, text),
    TEXT("header", target_sign_t, header),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t ckan_fields[] = {
    TEXT("resource_id", target_ckan_t, resource_id),
    TEXT("package_id", target_ckan_t, package_id),
    TEXT("resource_name", target_ckan_t, resource_name),
    TEXTS("primary_key", target_ckan_t, primary_key, 8),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t lgsp_fields[] = {
    TEXT("access_key", target_lgsp_t, access_key),
    TEXT("secret_key_file", target_lgsp_t, secret_key_file),
    TEXT("app_name", target_lgsp_t, app_name),
    TEXT("partner_code", target_lgsp_t, partner_code),
    TEXT("partner_code_cus", target_lgsp_t, partner_code_cus),
    TEXT("sender_code", target_lgsp_t, sender_code),
    TEXT("tran_code", target_lgsp_t, tran_code),
    TEXT("receiver_code", target_lgsp_t, receiver_code),
    TEXTS("success", target_lgsp_t, success, 16),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t ngsi_fields[] = {
    TEXT("tenant", target_ngsi_t, tenant),
    TEXT("type", target_ngsi_t, type),
    TEXT("context", target_ngsi_t, context),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t file_fields[] = {
    TEXT("folder", target_file_t, folder),
    TEXT("per", target_file_t, per),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t field_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, target_field_t, name, 1, 128),
    TEXT("from", target_field_t, from),
    TEXT("value", target_field_t, value),
    TEXT("as", target_field_t, as),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t field_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, target_field_t, field_fields),
};
static const cyaml_schema_field_t target_fields[] = {
    CYAML_FIELD_STRING_PTR("id", CYAML_FLAG_POINTER, publisher_target_t, id, 1, 40),
    TEXT("kind", publisher_target_t, kind),
    TEXT("url", publisher_target_t, url),
    TEXT("mode", publisher_target_t, mode),
    TEXT("grain", publisher_target_t, grain),
    TEXT("token_file", publisher_target_t, token_file),
    TEXT("timeout", publisher_target_t, timeout),
    TEXT("retry_min", publisher_target_t, retry_min),
    TEXT("retry_max", publisher_target_t, retry_max),
    TEXT("min_interval", publisher_target_t, min_interval),
    TEXT("ca_file", publisher_target_t, ca_file),
    TEXT("client_cert", publisher_target_t, client_cert),
    TEXT("client_key", publisher_target_t, client_key),
    CYAML_FIELD_BOOL("allow_http", CYAML_FLAG_OPTIONAL, publisher_target_t, allow_http),
    TEXTS("allow_networks", publisher_target_t, allow_networks, 64),
    CYAML_FIELD_UINT("batch", CYAML_FLAG_OPTIONAL, publisher_target_t, batch),
    CYAML_FIELD_UINT("give_up", CYAML_FLAG_OPTIONAL, publisher_target_t, give_up),
    GROUP("auth", auth, auth_fields),
    GROUP("filter", filter, filter_fields),
    GROUP("sign", sign, sign_fields),
    GROUP("ckan", ckan, ckan_fields),
    GROUP("lgsp", lgsp, lgsp_fields),
    GROUP("ngsi", ngsi, ngsi_fields),
    GROUP("file", file, file_fields),
    CYAML_FIELD_SEQUENCE("fields", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, publisher_target_t,
                         fields, &field_schema, 0, 128),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t target_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, publisher_target_t, target_fields),
};

/* ---- secrets ---- */

char *target_read_secret(config_t *file, const char *at, const char *key, char **name)
{
    char path[128];
    snprintf(path, sizeof path, "%s%s%s", at, *at != '\0' ? "." : "", key);
    service_resolve(file, name);
    FILE *f = fopen(*name, "re");
    if (f == NULL) {
        config_error(file, path, "'%s': %s; expected a readable file with the secret", *name,
                     strerror(errno));
        return NULL;
    }
    char text[MAX_SECRET + 2];
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    n = strcspn(text, "\r\n");
    bool plain = true;
    for (size_t i = 0; i < n; i++) {
        plain = plain && text[i] > ' ' && text[i] <= '~';
    }
    char *secret = NULL;
    if (n == 0 || n > MAX_SECRET || !plain) {
        config_error(file, path,
                     "'%s' holds no secret; expected one line of 1 to %d printable ASCII bytes",
                     *name, MAX_SECRET);
    } else {
        secret = strndup(text, n);
    }
    sodium_memzero(text, sizeof text);
    return secret;
}

void target_free_secret(char **secret)
{
    if (*secret != NULL) {
        sodium_memzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
    }
}

/* ---- checks ---- */

static const char *place(const char *at, const char *key, char out[160])
{
    snprintf(out, 160, "%s.%s", at, key);
    return out;
}

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(text, *list) == 0) {
            return true;
        }
    }
    return false;
}

/* `at` is the mapping that the key should stand in. */
static void need(config_t *file, const char *at, const char *key, const void *value,
                 const char *why)
{
    if (value == NULL) {
        config_error(file, at, "%s is missing; expected it with %s", key, why);
    }
}

static void check_auth(publisher_target_t *t, config_t *file, const char *at)
{
    static const char *const types[] = {"none", "bearer", "token", "basic", "client-credentials",
                                        NULL};
    target_auth_config_t *a = &t->auth;
    char path[160];
    char inside[160];
    place(at, "auth", inside);
    if (t->token_file != NULL && a->type == NULL && a->token_file == NULL) {
        a->type = strdup("bearer"); /* the short form */
        t->token = target_read_secret(file, at, "token_file", &t->token_file);
        return;
    }
    if (t->token_file != NULL) {
        config_error(file, place(at, "token_file", path),
                     "stands beside auth; expected one of the two");
    }
    const char *type = a->type != NULL ? a->type : "none";
    if (!is_one_of(type, types)) {
        config_error(file, place(inside, "type", path),
                     "'%s'; expected none, bearer, token, basic or client-credentials", type);
    } else if (strcmp(type, "bearer") == 0 || strcmp(type, "token") == 0) {
        need(file, inside, "token_file", a->token_file, type);
    } else if (strcmp(type, "basic") == 0) {
        need(file, inside, "user", a->user, type);
        need(file, inside, "password_file", a->password_file, type);
    } else if (strcmp(type, "client-credentials") == 0) {
        need(file, inside, "token_url", a->token_url, type);
    }
    if (a->token_url != NULL) {
        service_check_url(file, place(inside, "token_url", path), a->token_url, t->allow_http);
    }
    if ((a->client_id == NULL) != (a->client_secret_file == NULL)) {
        config_error(file, inside, "expected client_id and client_secret_file together");
    }
    static const char *const places[] = {"basic", "body", NULL};
    if (a->credentials_in != NULL && !is_one_of(a->credentials_in, places)) {
        config_error(file, place(inside, "credentials_in", path), "'%s'; expected basic or body",
                     a->credentials_in);
    }
    if (a->token_file != NULL) {
        t->token = target_read_secret(file, inside, "token_file", &a->token_file);
    }
    if (a->password_file != NULL) {
        t->password = target_read_secret(file, inside, "password_file", &a->password_file);
    }
    if (a->client_secret_file != NULL) {
        t->client_secret =
            target_read_secret(file, inside, "client_secret_file", &a->client_secret_file);
    }
}

static void check_filter(publisher_target_t *t, config_t *file, const char *at)
{
    static const char *const types[] = {"score", "ranking", NULL};
    const target_filter_t *f = &t->filter;
    char path[160];
    t->scores = f->types_count == 0;
    t->rankings = f->types_count == 0 && t->dialect->rankings && !t->indicators;
    for (unsigned i = 0; i < f->types_count; i++) {
        if (!is_one_of(f->types[i], types)) {
            config_error(file, place(at, "filter.types", path), "'%s'; expected score or ranking",
                         f->types[i]);
        }
        t->scores = t->scores || strcmp(f->types[i], "score") == 0;
        t->rankings = t->rankings || strcmp(f->types[i], "ranking") == 0;
    }
    if (t->rankings && t->indicators) {
        config_error(file, place(at, "filter.types", path),
                     "a ranking has no indicators; expected grain: unit, or score alone");
    }
    for (unsigned i = 0; i < f->levels_count; i++) {
        if (event_level_of(f->levels[i]) == 0) {
            config_error(file, place(at, "filter.levels", path),
                         "'%s'; expected province, department, commune or district", f->levels[i]);
        }
    }
}

static void check_field(const target_field_t *f, config_t *file, const char *path)
{
    static const char *const kinds[] = {"text", "number", "integer", "time", NULL};
    static const char *const roots[] = {
        "index",     "period",    "unit",          "points",
        "max",       "percent",   "change",        "rank",
        "revision",  "as_of",     "previous_rank", "nation_rank",
        "pillars",   "indicator", "pillar",        "key",
        "type",      "subject",   "epoch",         "year",
        "month",     "quarter",   "stale",         "ranking_revision",
        "ranked_at", "lost",      "coverage",      "machine_coverage",
        NULL};
    char root[64];
    char at[160];
    if ((f->from == NULL) == (f->value == NULL)) {
        config_error(file, place(path, "name", at), "'%s'; expected either from or value beside it",
                     f->name);
    }
    if (f->as != NULL && !is_one_of(f->as, kinds)) {
        config_error(file, place(path, "as", at), "'%s'; expected text, number, integer or time",
                     f->as);
    }
    if (f->from != NULL) {
        snprintf(root, sizeof root, "%.*s", (int)strcspn(f->from, "/"), f->from);
        if (!is_one_of(root, roots)) {
            config_error(file, place(path, "from", at),
                         "a result has no '%s'; expected the name of a part of it", root);
        }
    }
}

/* The mapping of the configuration, or the dialect's own. */
static void check_fields(publisher_target_t *t, config_t *file, const char *at)
{
    char path[160];
    t->mapping = t->indicators ? t->dialect->indicator_fields : t->dialect->fields;
    if (t->fields_count == 0) {
        if (t->indicators && t->mapping == NULL) {
            config_error(file, place(at, "grain", path),
                         "indicators have no fields by default here; expected fields");
        }
        return;
    }
    t->own_mapping = calloc(t->fields_count + 1, sizeof *t->own_mapping);
    if (t->own_mapping == NULL) {
        config_error(file, at, "out of memory");
        return;
    }
    for (unsigned i = 0; i < t->fields_count; i++) {
        snprintf(path, sizeof path, "%s.fields[%u]", at, i);
        check_field(&t->fields[i], file, path);
        t->own_mapping[i] = t->fields[i];
    }
    t->mapping = t->own_mapping;
}

static void check_times(publisher_target_t *t, config_t *file, const char *at)
{
    const int64_t second = 1000;
    char path[160];
    config_duration(file, place(at, "timeout", path), t->timeout, 15 * second, 100, 300 * second,
                    &t->policy.timeout_ms);
    config_duration(file, place(at, "min_interval", path), t->min_interval, 0, 0, 3600 * second,
                    &t->min_interval_ms);
    config_duration(file, place(at, "retry_min", path), t->retry_min, second, 10, 3600 * second,
                    &t->retry_min_ms);
    config_duration(file, place(at, "retry_max", path), t->retry_max, 300 * second, 10,
                    86400 * second, &t->retry_max_ms);
    if (t->retry_max_ms < t->retry_min_ms) {
        config_error(file, path, "is shorter than retry_min; expected at least as long");
    }
}

static void check_connection(publisher_target_t *t, config_t *file, const char *at)
{
    char path[160];
    if (t->url != NULL) {
        service_check_url(file, place(at, "url", path), t->url, t->allow_http);
    } else if (!t->dialect->local) {
        need(file, at, "url", NULL, "every kind but file");
    }
    service_check_networks(file, at, t->allow_networks, t->allow_networks_count, &t->networks);
    service_resolve(file, &t->ca_file);
    service_resolve(file, &t->client_cert);
    service_resolve(file, &t->client_key);
    service_check_readable(file, place(at, "ca_file", path), t->ca_file);
    char reason[FETCH_REASON_SIZE];
    t->policy = (fetch_policy_t){.allow_http = t->allow_http,
                                 .allow_networks = t->networks,
                                 .ca_file = t->ca_file,
                                 .client_cert = t->client_cert,
                                 .client_key = t->client_key,
                                 .max_body = 1024 * 1024};
    if (t->client_cert != NULL && fetch_policy_check(&t->policy, reason) != 0) {
        config_error(file, place(at, "client_cert", path), "%s", reason);
    }
}

static void check_sign(publisher_target_t *t, config_t *file, const char *at)
{
    target_sign_t *sign = &t->sign;
    char inside[160];
    char reason[FETCH_REASON_SIZE];
    place(at, "sign", inside);
    if (sign->secret_file == NULL) {
        if (sign->text != NULL || sign->header != NULL || sign->key_id != NULL) {
            need(file, inside, "secret_file", NULL, "a signature");
        }
        return;
    }
    sign->secret = target_read_secret(file, inside, "secret_file", &sign->secret_file);
    fetch_secret_t key = {.text = sign->secret,
                          .len = sign->secret != NULL ? strlen(sign->secret) : 0};
    fetch_signing_t signing = auth_signing(t, &key);
    if (sign->secret != NULL && fetch_sign_check(&signing, reason) != 0) {
        config_error(file, inside, "%s", reason);
    }
}

/* The groups of other kinds would be silently without effect. */
static void check_groups(const publisher_target_t *t, config_t *file, const char *at)
{
    const struct {
        const char *key;
        bool given, belongs;
    } groups[] = {
        {"ckan",
         t->ckan.resource_id != NULL || t->ckan.package_id != NULL || t->ckan.primary_key_count > 0,
         t->dialect == &target_ckan},
        {"lgsp", t->lgsp.access_key != NULL || t->lgsp.success_count > 0,
         t->dialect == &target_lgsp_vnpt || t->dialect == &target_lgsp_opencps},
        {"ngsi", t->ngsi.tenant != NULL || t->ngsi.type != NULL, t->dialect == &target_ngsi_ld},
        {"file", t->file.folder != NULL, t->dialect == &target_file},
        {"mode", t->mode != NULL, t->dialect == &target_cloudevents},
    };
    char path[160];
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (groups[i].given && !groups[i].belongs) {
            config_error(file, place(at, groups[i].key, path), "does not belong to kind %s",
                         t->dialect->name);
        }
    }
}

void target_check(publisher_target_t *t, config_t *file, const char *at)
{
    static const char *const grains[] = {"unit", "indicator", NULL};
    char path[160];
    service_check_id(file, place(at, "id", path), t->id);
    t->dialect = t->kind != NULL ? target_dialect(t->kind) : &target_cloudevents;
    if (t->dialect == NULL) {
        config_error(file, place(at, "kind", path), "'%s'; expected %s", t->kind, target_names());
        t->dialect = &target_cloudevents;
    }
    if (t->grain != NULL && !is_one_of(t->grain, grains)) {
        config_error(file, place(at, "grain", path), "'%s'; expected unit or indicator", t->grain);
    }
    t->indicators = t->grain != NULL && strcmp(t->grain, "indicator") == 0;
    t->batch = t->batch != 0 ? t->batch : t->dialect->batch;
    if (t->batch > MAX_BATCH || (t->dialect->single && t->batch > 1)) {
        config_error(file, place(at, "batch", path), "%u; expected 1 to %d", t->batch,
                     t->dialect->single ? 1 : MAX_BATCH);
    }
    t->give_up = t->give_up != 0 ? t->give_up : 20;
    check_connection(t, file, at);
    check_times(t, file, at);
    check_auth(t, file, at);
    check_filter(t, file, at);
    check_fields(t, file, at);
    check_groups(t, file, at);
    check_sign(t, file, at);
    t->dialect->check(t, file, at);
}

void target_release(publisher_target_t *t)
{
    free(t->networks);
    free(t->own_mapping);
    target_free_secret(&t->token);
    target_free_secret(&t->password);
    target_free_secret(&t->client_secret);
    target_free_secret(&t->sign.secret);
    target_free_secret(&t->lgsp.secret_key);
    target_free_secret(&t->lgsp.header);
}
