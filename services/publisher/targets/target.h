/* target.h - a target is an adapter behind a few callbacks, and its part of the configuration.
 *
 * The delivery decides what goes when, keeps it until it is taken, and counts. A dialect only
 * writes a request for some records and says what the answer to it means, by that dialect's own
 * convention. It keeps no state and does no I/O, so that a new one is one file and one line in
 * target.c.
 */
#ifndef CHISO_PUBLISHER_TARGETS_TARGET_H
#define CHISO_PUBLISHER_TARGETS_TARGET_H

#include "base/error.h"
#include "config/config.h"
#include "fetch/fetch.h"
#include "record.h"

typedef struct publisher_target publisher_target_t;

#define TARGET_MAX_REQUEST ((size_t)8 * 1024 * 1024)
#define TARGET_REASON_SIZE 256

/* A request in the making. Headers are "Name: value". */
typedef struct {
    const char *method;
    buffer_t url;
    buffer_t body;
    buffer_t headers[FETCH_MAX_HEADERS];
    size_t n_headers;
    bool failed; /* too many headers; the buffers tell for themselves */
} outgoing_t;

void outgoing_begin(outgoing_t *out, const char *method, const char *url);
void outgoing_header(outgoing_t *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* 0, CHISO_E_TOO_BIG or -ENOMEM: whether all of it could be held. */
int outgoing_status(const outgoing_t *out);
void outgoing_free(outgoing_t *out);

/* What an answer means. `each` false: the verdict is that of all records of the request; true: each
 * record has its own. */
typedef struct {
    chiso_verdict_t verdict;
    bool each;
    bool doubtful;    /* of a retry: it may well never be taken; given up after `give_up` times */
    bool needs_setup; /* of a retry: the place must be made first */
    bool needs_house; /* of a setup: so must be what the place stands in */
    char reason[TARGET_REASON_SIZE];
} judgement_t;

typedef struct {
    const char *name;
    unsigned batch;  /* records in a request, when the configuration does not say */
    bool single;     /* never more than one record in a request */
    bool distinct;   /* never two records about one thing in a request */
    bool mapped;     /* records are fields; else the notice as it is */
    bool rankings;   /* told by default */
    bool local;      /* a folder, not a URL: see drop.h */
    bool post_token; /* client credentials go into the token request's body by default */
    const target_field_t *fields;           /* the mapping by default, for units */
    const target_field_t *indicator_fields; /* and for indicators; both end with a NULL name */

    /* Reports every error of its own keys. */
    void (*check)(publisher_target_t *config, config_t *file, const char *at);
    void (*write)(const publisher_target_t *config, record_t *const *records, size_t n,
                  outgoing_t *out);
    void (*judge)(const publisher_target_t *config, const fetch_answer_t *answer,
                  record_t *const *records, size_t n, judgement_t *out);
    /* Makes the place that records go to, `house`: with what it stands in; NULL: there is nothing
     * to make. */
    void (*write_setup)(const publisher_target_t *config, bool house, outgoing_t *out);
    /* More headers for the token request; or NULL. */
    void (*write_token)(const publisher_target_t *config, outgoing_t *out);
    /* A request without effect that shows whether we are let in; NULL: there is none. */
    void (*write_probe)(const publisher_target_t *config, outgoing_t *out);
    void (*judge_probe)(const publisher_target_t *config, const fetch_answer_t *answer,
                        judgement_t *out);
} target_dialect_t;

/* By name; NULL when there is none. target_names() lists them for messages. */
const target_dialect_t *target_dialect(const char *name);
const char *target_names(void);

extern const target_dialect_t target_cloudevents, target_ckan, target_lgsp_vnpt,
    target_lgsp_opencps, target_ngsi_ld, target_file;

/* ---- for dialects: judging by HTTP alone ---- */

/* By result and status as far as these tell: 2xx accepted unless it is a page, some 4xx never, the
 * rest later. Fills in the reason of what is not accepted, with the portal's own words. */
void target_judge_http(const fetch_answer_t *answer, judgement_t *out);
/* Is it a page where data was expected? */
bool target_is_page(const fetch_answer_t *answer);
/* "PREFIX: the portal's words, as far as they are plain" */
void target_reason(const fetch_answer_t *answer, const char *prefix, char out[TARGET_REASON_SIZE]);
/* The body as JSON or NULL; the caller's. */
json_t *target_json(const fetch_answer_t *answer);
/* Appends `path` to a URL, with one slash between. */
void target_append_path(buffer_t *url, const char *path);

/* ---- configuration ---- */

typedef struct {
    char *type; /* none, bearer, token, basic, client-credentials */
    char *token_file, *user, *password_file;
    char *token_url, *client_id, *client_secret_file, *scope, *credentials_in;
    char *header; /* of a token; "Authorization" */
} target_auth_config_t;

typedef struct {
    char **indexes, **periods, **units, **levels, **types;
    unsigned indexes_count, periods_count, units_count, levels_count, types_count;
} target_filter_t;

typedef struct {
    char *resource_id;
    char *package_id, *resource_name; /* where the resource is made, and as what; or NULL */
    char **primary_key;
    unsigned primary_key_count;
} target_ckan_t;

typedef struct {
    char *access_key, *secret_key_file, *app_name, *partner_code, *partner_code_cus;
    char *sender_code, *tran_code, *receiver_code;
    char **success;
    unsigned success_count;
    char *secret_key, *header; /* worked out; "lgspaccesstoken: …" */
} target_lgsp_t;

typedef struct {
    char *tenant, *type, *context;
} target_ngsi_t;

typedef struct {
    char *folder, *per;
    bool batch; /* worked out */
} target_file_t;

/* A signature over the body and the time, see fetch/auth.h for the templates. */
typedef struct {
    char *secret_file, *key_id, *text, *header;
    char *secret; /* worked out */
} target_sign_t;

struct publisher_target {
    char *id, *kind, *url, *mode, *grain;
    char *timeout, *retry_min, *retry_max, *min_interval;
    char *ca_file, *token_file, *client_cert, *client_key;
    char **allow_networks;
    unsigned allow_networks_count;
    bool allow_http;
    unsigned batch, give_up;
    target_auth_config_t auth;
    target_filter_t filter;
    target_sign_t sign;
    target_ckan_t ckan;
    target_lgsp_t lgsp;
    target_ngsi_t ngsi;
    target_file_t file;
    target_field_t *fields;
    unsigned fields_count;
    /* worked out */
    const target_dialect_t *dialect;
    fetch_policy_t policy;
    const char **networks;
    int64_t retry_min_ms, retry_max_ms, min_interval_ms;
    const target_field_t *mapping; /* ends with a NULL name */
    target_field_t *own_mapping;
    bool structured, indicators, scores, rankings;
    char *token, *password, *client_secret; /* from their files */
};

/* The first line of a secret's file, which `*name` names: "AT.KEY" is its place. A new text, or
 * NULL after reporting why. *name becomes absolute. */
char *target_read_secret(config_t *file, const char *at, const char *key, char **name);
/* Zeroes and frees. */
void target_free_secret(char **secret);
extern const cyaml_schema_value_t target_schema;
/* Checks all that the schema cannot, and works out the rest. */
void target_check(publisher_target_t *config, config_t *file, const char *at);
void target_release(publisher_target_t *config);

#endif
