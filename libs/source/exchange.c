/* exchange.c - see exchange.h. */
#include "exchange.h"

#include "base/clock.h"
#include "base/error.h"
#include "fetch/auth.h"
#include "fetch/mask.h"
#include "reader.h"
#include "reader_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_URL 8192
#define MAX_BODY (1024 * 1024)
#define MAX_HEADER 8192

struct exchange {
    const exchange_setup_t *setup;
    const registry_unit_t *of;
    period_t period;
    buffer_t *bodies; /* taken over from the answers */
    bytes_t *pages;   /* the same, as they are read */
    size_t n_pages, bytes;
    enum { STEP_LOGIN, STEP_PRIME, STEP_PAGE } step; /* of the request that was sent last */
    bool renewed; /* the session was forgotten once for this exchange */
    bool unread;
    unsigned echoes;  /* places in which the pages gave our secrets back */
    size_t echo_page; /* the first of them */
    const char *fault;
    trace_t trace;
    char traceparent[TRACE_TEXT_SIZE];
};

const char *exchange_id_of(const source_t *source, source_by_t by, const registry_unit_t *unit)
{
    switch (by) {
    case SOURCE_BY_CODE:
        return unit->code;
    case SOURCE_BY_DVC:
        return unit->dvc;
    case SOURCE_BY_GEO:
        return unit->geo;
    case SOURCE_BY_AGENCY:
        return unit->agency;
    case SOURCE_BY_TABLE:
        return reader_table_id(source, unit->code);
    case SOURCE_BY_SERIES:
        break;
    }
    return NULL;
}

int exchange_new(const exchange_setup_t *setup, const registry_unit_t *of, period_t period,
                 exchange_t **out)
{
    exchange_t *x = calloc(1, sizeof *x);
    unsigned most = setup->source->page_size > 0 ? setup->source->most_pages : 1;
    if (x == NULL || (x->bodies = calloc(most, sizeof *x->bodies)) == NULL ||
        (x->pages = calloc(most, sizeof *x->pages)) == NULL) {
        exchange_destroy(&x);
        return -ENOMEM;
    }
    x->setup = setup;
    x->of = of;
    x->period = period;
    x->trace = trace_new();
    trace_format(&x->trace, x->traceparent);
    *out = x;
    return 0;
}

void exchange_destroy(exchange_t **exchange)
{
    if (exchange == NULL || *exchange == NULL) {
        return;
    }
    for (size_t i = 0; i < (*exchange)->n_pages; i++) {
        buffer_free(&(*exchange)->bodies[i]);
    }
    free((*exchange)->bodies);
    free((*exchange)->pages);
    free(*exchange);
    *exchange = NULL;
}

/* ---- the request ---- */

/* ${value:NAME}, itself a template without values. */
static bool put_value(const void *context, const template_vars_t *vars, const char *name,
                      size_t len, buffer_t *out)
{
    const source_t *s = context;
    for (unsigned i = 0; i < s->n_values; i++) {
        const source_value_t *value = &s->values[i];
        if (strlen(value->name) != len || memcmp(value->name, name, len) != 0) {
            continue;
        }
        template_vars_t inner = *vars;
        inner.value = NULL;
        bool json = *value->value == '{' || *value->value == '[';
        buffer_t text = BUFFER_INIT(MAX_HEADER);
        template_expand(value->value, &inner, json ? TEMPLATE_JSON : TEMPLATE_PLAIN, &text);
        if (value->base64 && !text.failed) {
            char coded[sodium_base64_ENCODED_LEN(MAX_HEADER, sodium_base64_VARIANT_ORIGINAL)];
            sodium_bin2base64(coded, sizeof coded, text.data, text.len,
                              sodium_base64_VARIANT_ORIGINAL);
            buffer_append_text(out, coded);
            sodium_memzero(coded, sizeof coded);
        } else {
            buffer_append(out, text.data, text.len);
        }
        bool good = !text.failed;
        buffer_free(&text);
        return good;
    }
    return false;
}

static template_vars_t vars_of(const exchange_t *x)
{
    const source_t *s = x->setup->source;
    unsigned page = (unsigned)x->n_pages;
    source_by_t by = s->each != 0 ? s->each : s->units_of;
    return (template_vars_t){.of = x->of != NULL ? exchange_id_of(s, by, x->of) : s->nation,
                             .period = x->period,
                             .page = s->first_page + page,
                             .size = s->page_size,
                             .offset = page * s->page_size,
                             .token = session_token(x->setup->session, clock_mono_ms()),
                             .traceparent = x->traceparent,
                             .secrets = x->setup->secrets,
                             .n_secrets = x->setup->n_secrets,
                             .value = put_value,
                             .context = s};
}

static void put_pairs(const source_pair_t *pairs, unsigned n, const template_vars_t *vars,
                      buffer_t *out)
{
    for (unsigned i = 0; i < n; i++) {
        buffer_t value = BUFFER_INIT(MAX_BODY);
        bool json = *pairs[i].value == '{' || *pairs[i].value == '[';
        template_expand(pairs[i].value, vars, json ? TEMPLATE_JSON : TEMPLATE_PLAIN, &value);
        buffer_append_text(out, i == 0 ? "" : "&");
        template_percent(bytes_of_text(pairs[i].name), out);
        buffer_append_text(out, "=");
        template_percent(buffer_bytes(&value), out);
        out->failed = out->failed || value.failed;
        buffer_free(&value);
    }
}

/* One request as it is put together; every text lives in a buffer of its own. */
typedef struct {
    fetch_request_t request;
    size_t n_headers;
    buffer_t url, body;
    buffer_t room[SOURCE_MAX_HEADERS];
    fetch_secret_t signatures[FETCH_SIGN_HEADERS];
    bool failed;
} letter_t;

static void begin_letter(letter_t *l, const exchange_t *x, const char *method, void *context)
{
    *l = (letter_t){.url = BUFFER_INIT(MAX_URL), .body = BUFFER_INIT(MAX_BODY)};
    for (size_t i = 0; i < SOURCE_MAX_HEADERS; i++) {
        l->room[i] = (buffer_t)BUFFER_INIT(MAX_HEADER);
    }
    l->request = (fetch_request_t){.method = method,
                                   .policy = x->setup->policy,
                                   .jar = session_jar(x->setup->session),
                                   .context = context};
}

static void end_letter(letter_t *l)
{
    for (size_t i = 0; i < SOURCE_MAX_HEADERS; i++) {
        buffer_free(&l->room[i]);
    }
    for (size_t i = 0; i < FETCH_SIGN_HEADERS; i++) {
        fetch_secret_free(&l->signatures[i]);
    }
    buffer_free(&l->url);
    buffer_free(&l->body);
}

static bool is_json(const char *text)
{
    return *text == '{' || *text == '[';
}

static void put_body(letter_t *l, const source_pair_t *form, unsigned n_form, const char *body,
                     const template_vars_t *vars)
{
    if (n_form > 0) {
        put_pairs(form, n_form, vars, &l->body);
        l->request.headers[l->n_headers++] =
            "Content-Type: application/x-www-form-urlencoded; charset=UTF-8";
    } else if (body != NULL) {
        template_expand(body, vars, is_json(body) ? TEMPLATE_JSON : TEMPLATE_PLAIN, &l->body);
        if (is_json(body)) {
            l->request.headers[l->n_headers++] = "Content-Type: application/json; charset=utf-8";
        }
    }
    l->request.body = buffer_bytes(&l->body);
    l->failed = l->failed || l->body.failed;
}

static void put_headers(letter_t *l, const char *const *headers, unsigned n,
                        const template_vars_t *vars)
{
    for (unsigned i = 0; i < n; i++) {
        template_expand(headers[i], vars, TEMPLATE_PLAIN, &l->room[i]);
        const char *text = buffer_text(&l->room[i]);
        l->request.headers[l->n_headers++] = text;
        l->failed = l->failed || text == NULL;
    }
}

static void put_url(letter_t *l, const char *base, const char *path, const template_vars_t *vars)
{
    buffer_append_text(&l->url, base);
    if (path != NULL) {
        template_expand(path, vars, TEMPLATE_URL, &l->url);
    }
}

static const char *secret_named(const exchange_setup_t *setup, const char *name)
{
    for (unsigned i = 0; i < setup->n_secrets; i++) {
        if (strcmp(setup->secrets[i].name, name) == 0) {
            return setup->secrets[i].value;
        }
    }
    return NULL;
}

static void sign(letter_t *l, const exchange_t *x)
{
    const source_t *s = x->setup->source;
    const char *key = s->sign_text != NULL ? secret_named(x->setup, s->sign_key) : NULL;
    fetch_secret_t secret = {0};
    if (s->sign_text == NULL) {
        return;
    }
    if (key == NULL || fetch_secret_copy(key, strlen(key), &secret) != 0) {
        l->failed = true;
        return;
    }
    fetch_signing_t signing = {.to_sign = s->sign_text, .key_id = s->sign_key_id, .key = &secret};
    for (unsigned i = 0; i < s->n_sign_headers; i++) {
        signing.headers[i] = s->sign_headers[i];
    }
    if (fetch_sign(&signing, &l->request, clock_wall_ms(), NULL, l->signatures) != 0) {
        l->failed = true;
    }
    for (unsigned i = 0; i < s->n_sign_headers && !l->failed; i++) {
        l->request.headers[l->n_headers++] = l->signatures[i].text;
    }
    fetch_secret_free(&secret);
}

static void write_page(letter_t *l, const exchange_t *x, const template_vars_t *vars)
{
    const source_t *s = x->setup->source;
    put_url(l, x->setup->url, s->path, vars);
    if (s->n_query > 0) {
        const char *so_far = buffer_text(&l->url);
        bool more = so_far != NULL && strchr(so_far, '?') != NULL;
        buffer_append_text(&l->url, more ? "&" : "?");
        put_pairs(s->query, s->n_query, vars, &l->url);
    }
    put_body(l, s->form, s->n_form, s->body, vars);
    put_headers(l, s->headers, s->n_headers, vars);
}

static int send_letter(letter_t *l, const exchange_t *x, fetch_t *fetch)
{
    l->request.url = buffer_text(&l->url);
    if (l->request.url != NULL && !l->failed && x->step == STEP_PAGE) {
        sign(l, x);
    }
    return l->request.url == NULL || l->failed ? CHISO_E_INVALID : fetch_submit(fetch, &l->request);
}

static void choose_step(exchange_t *x)
{
    const source_t *s = x->setup->source;
    const char *token = session_token(x->setup->session, clock_mono_ms());
    if (s->login != NULL && token == NULL) {
        x->step = STEP_LOGIN;
    } else if (s->prime != NULL && !session_primed(x->setup->session)) {
        x->step = STEP_PRIME;
    } else {
        x->step = STEP_PAGE;
    }
}

int exchange_send(exchange_t *x, fetch_t *fetch, void *context)
{
    const source_t *s = x->setup->source;
    const char *login_url = x->setup->login_url != NULL ? x->setup->login_url : x->setup->url;
    template_vars_t vars = vars_of(x);
    fetch_secret_t csrf = {0};
    letter_t letter;
    choose_step(x);
    if (s->csrf_cookie != NULL &&
        fetch_jar_value(session_jar(x->setup->session), s->csrf_cookie, &csrf) == 0) {
        vars.csrf = csrf.text;
    }
    begin_letter(&letter, x,
                 x->step == STEP_LOGIN   ? "POST"
                 : x->step == STEP_PRIME ? "GET"
                                         : s->method,
                 context);
    if (x->step == STEP_LOGIN) {
        put_url(&letter, login_url, s->login->path, &vars);
        put_body(&letter, s->login->form, s->login->n_form, s->login->body, &vars);
        put_headers(&letter, s->login->headers, s->login->n_headers, &vars);
    } else if (x->step == STEP_PRIME) {
        put_url(&letter, x->setup->url, s->prime, &vars);
    } else {
        write_page(&letter, x, &vars);
    }
    int rc = send_letter(&letter, x, fetch);
    end_letter(&letter);
    fetch_secret_free(&csrf);
    return rc;
}

/* ---- the answers ---- */

static exchange_step_t fail(exchange_t *x, const char *fault)
{
    x->fault = fault;
    return EXCHANGE_FAILED;
}

static exchange_step_t take_token(exchange_t *x, bytes_t body)
{
    const source_login_t *login = x->setup->source->login;
    buffer_t token = BUFFER_INIT(MAX_HEADER);
    buffer_t lasts = BUFFER_INIT(64);
    int64_t lasts_ms = login->lasts_ms;
    bool good = extract_json_text(body, login->token, &token) == 1 && token.len > 0;
    if (good && login->expires != NULL && extract_json_text(body, login->expires, &lasts) == 1) {
        char *end;
        const char *text = buffer_text(&lasts);
        long long seconds = text != NULL ? strtoll(text, &end, 10) : 0;
        if (text != NULL && *text != '\0' && *end == '\0' && seconds > 0 && seconds < 1LL << 31) {
            lasts_ms = seconds * 1000;
        }
    }
    const char *text = good ? buffer_text(&token) : NULL;
    good =
        text != NULL && session_set_token(x->setup->session, text, lasts_ms, clock_mono_ms()) == 0;
    if (token.data != NULL) {
        sodium_memzero(token.data, token.len);
    }
    buffer_free(&token);
    buffer_free(&lasts);
    return good ? EXCHANGE_MORE : fail(x, "the login's answer has no token");
}

static void drop_pages(exchange_t *x)
{
    for (size_t i = 0; i < x->n_pages; i++) {
        buffer_free(&x->bodies[i]);
    }
    x->n_pages = 0;
    x->bytes = 0;
    x->echoes = 0;
}

/* A source that turns us away may only have forgotten us: once, with what it gave us before. */
static bool begin_anew(exchange_t *x)
{
    const source_t *s = x->setup->source;
    if (x->renewed || (s->login == NULL && s->prime == NULL) || x->step != STEP_PAGE) {
        return false;
    }
    x->renewed = true;
    session_forget(x->setup->session);
    drop_pages(x);
    return true;
}

static exchange_step_t take_page(exchange_t *x, fetch_answer_t *answer)
{
    const source_t *s = x->setup->source;
    reader_table_t table = {0};
    if (reader_refused(s, buffer_bytes(&answer->body), &table) && begin_anew(x)) {
        return EXCHANGE_MORE;
    }
    x->bodies[x->n_pages] = answer->body;
    answer->body = (buffer_t){0};
    bytes_t body = buffer_bytes(&x->bodies[x->n_pages]);
    x->pages[x->n_pages++] = body;
    x->bytes += body.len;
    if (s->page_size == 0) {
        return EXCHANGE_COMPLETE;
    }
    reader_kind_t kind;
    size_t rows;
    if (reader_count(s, body, &kind, &rows) != 0) {
        return fail(x, "a page could not be read: memory, or chiso-html could not be run");
    }
    bool full = kind == READER_ROWS && rows >= s->page_size;
    x->unread = kind == READER_MALFORMED;
    if (full && (x->n_pages == s->most_pages || x->bytes > EXCHANGE_MAX_BYTES)) {
        return fail(x, "there are more pages than the description allows (pages.most)");
    }
    return full ? EXCHANGE_MORE : EXCHANGE_COMPLETE;
}

/* Whatever reads, tells or keeps an answer gets it without our credentials. What is made of secrets
 * for a header is looked for as it was sent, since its parts may be short. The token is the
 * source's own, and some tell it in every answer: that is no finding. */
static bool mask_answer(exchange_t *x, fetch_answer_t *answer)
{
    const exchange_setup_t *setup = x->setup;
    template_vars_t vars = vars_of(x);
    uint8_t *data = answer->body.data;
    size_t len = answer->body.len;
    int found[2 * SOURCE_MAX_VALUES + 1] = {0};
    size_t n = 0;
    unsigned places = 0;
    for (unsigned i = 0; i < setup->source->n_values && i < SOURCE_MAX_VALUES; i++) {
        const source_value_t *value = &setup->source->values[i];
        buffer_t made = BUFFER_INIT(2 * MAX_HEADER);
        if (strstr(value->value, "${secret:") != NULL &&
            put_value(setup->source, &vars, value->name, strlen(value->name), &made)) {
            const char *text = buffer_text(&made);
            found[n++] = text != NULL ? mask_secret(text, data, len) : -ENOMEM;
            sodium_memzero(made.data, made.len);
        }
        buffer_free(&made);
    }
    for (unsigned i = 0; i < setup->n_secrets && n < SOURCE_MAX_VALUES * 2; i++) {
        found[n++] = mask_secret(setup->secrets[i].value, data, len);
    }
    for (size_t i = 0; i < n; i++) {
        if (found[i] < 0) {
            return false;
        }
        places += (unsigned)found[i];
    }
    if (places > 0) {
        x->echo_page = x->echoes == 0 ? x->n_pages : x->echo_page;
        x->echoes += places;
    }
    return vars.token == NULL || mask_secret(vars.token, data, len) >= 0;
}

exchange_step_t exchange_take(exchange_t *x, fetch_answer_t *answer)
{
    bool answered = answer->result == FETCH_ANSWERED;
    bool login = answered && answer->status == 200 && x->step == STEP_LOGIN; /* read here only */
    if (!login && !mask_answer(x, answer)) {
        buffer_free(&answer->body);
        return fail(x, "out of memory");
    }
    bool turned_away = answered && (answer->status == 401 || answer->status == 403 ||
                                    answer->status == 419 || answer->status == 440);
    if (turned_away && begin_anew(x)) {
        return EXCHANGE_MORE;
    }
    if (!answered || answer->status != 200) {
        return EXCHANGE_FAILED;
    }
    switch (x->step) {
    case STEP_LOGIN:
        return take_token(x, buffer_bytes(&answer->body));
    case STEP_PRIME:
        session_set_primed(x->setup->session);
        return EXCHANGE_MORE;
    case STEP_PAGE:
        break;
    }
    return take_page(x, answer);
}

const trace_t *exchange_trace(const exchange_t *x)
{
    return &x->trace;
}

const char *exchange_fault(const exchange_t *x)
{
    return x->fault;
}

unsigned exchange_echoes(const exchange_t *x, size_t *page)
{
    *page = x->echo_page < x->n_pages ? x->echo_page : 0;
    return x->echoes;
}

bool exchange_unread(const exchange_t *x)
{
    return x->unread;
}

size_t exchange_count(const exchange_t *x)
{
    return x->n_pages;
}

const bytes_t *exchange_pages(const exchange_t *x)
{
    return x->pages;
}
