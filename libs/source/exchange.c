/* exchange.c - see exchange.h. */
#include "exchange.h"

#include "base/error.h"
#include "reader.h"

#include <errno.h>
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
};

const char *exchange_id_of(source_by_t by, const registry_unit_t *unit)
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

static template_vars_t vars_of(const exchange_t *x)
{
    const source_t *s = x->setup->source;
    unsigned page = (unsigned)x->n_pages;
    source_by_t by = s->each != 0 ? s->each : s->units_of;
    return (template_vars_t){.of = x->of != NULL ? exchange_id_of(by, x->of) : s->nation,
                             .period = x->period,
                             .page = s->first_page + page,
                             .size = s->page_size,
                             .offset = page * s->page_size,
                             .secrets = x->setup->secrets,
                             .n_secrets = x->setup->n_secrets};
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

static void put_url(const exchange_t *x, const template_vars_t *vars, buffer_t *out)
{
    const source_t *s = x->setup->source;
    buffer_append_text(out, x->setup->url);
    if (s->path != NULL) {
        template_expand(s->path, vars, TEMPLATE_URL, out);
    }
    if (s->n_query > 0) {
        const char *so_far = buffer_text(out);
        buffer_append_text(out, so_far != NULL && strchr(so_far, '?') != NULL ? "&" : "?");
        put_pairs(s->query, s->n_query, vars, out);
    }
}

static void put_body(const source_t *s, const template_vars_t *vars, buffer_t *out)
{
    if (s->n_form > 0) {
        put_pairs(s->form, s->n_form, vars, out);
    } else if (s->body != NULL) {
        bool json = *s->body == '{' || *s->body == '[';
        template_expand(s->body, vars, json ? TEMPLATE_JSON : TEMPLATE_PLAIN, out);
    }
}

/* The headers, each a text of `room` after the others; false when one cannot be filled in. */
static bool put_headers(const source_t *s, const template_vars_t *vars, buffer_t room[],
                        const char *headers[])
{
    size_t n = 0;
    if (s->n_form > 0) {
        headers[n++] = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8";
    } else if (s->body != NULL && (*s->body == '{' || *s->body == '[')) {
        headers[n++] = "Content-Type: application/json; charset=utf-8";
    }
    bool good = true;
    for (unsigned i = 0; i < s->n_headers; i++) {
        template_expand(s->headers[i], vars, TEMPLATE_PLAIN, &room[i]);
        headers[n] = buffer_text(&room[i]);
        good = good && headers[n++] != NULL;
    }
    return good;
}

int exchange_send(exchange_t *x, fetch_t *fetch, void *context)
{
    const source_t *s = x->setup->source;
    template_vars_t vars = vars_of(x);
    buffer_t url = BUFFER_INIT(MAX_URL);
    buffer_t body = BUFFER_INIT(MAX_BODY);
    buffer_t room[SOURCE_MAX_HEADERS];
    for (size_t i = 0; i < SOURCE_MAX_HEADERS; i++) {
        room[i] = (buffer_t)BUFFER_INIT(MAX_HEADER);
    }
    fetch_request_t request = {.method = s->method, .policy = x->setup->policy, .context = context};
    put_url(x, &vars, &url);
    put_body(s, &vars, &body);
    request.url = buffer_text(&url);
    request.body = buffer_bytes(&body);
    int rc = CHISO_E_INVALID;
    if (put_headers(s, &vars, room, request.headers) && request.url != NULL && !body.failed) {
        rc = fetch_submit(fetch, &request);
    }
    for (size_t i = 0; i < SOURCE_MAX_HEADERS; i++) {
        buffer_free(&room[i]);
    }
    buffer_free(&url);
    buffer_free(&body);
    return rc;
}

/* ---- the answers ---- */

exchange_step_t exchange_take(exchange_t *x, fetch_answer_t *answer)
{
    const source_t *s = x->setup->source;
    if (answer->result != FETCH_ANSWERED || answer->status != 200) {
        return EXCHANGE_FAILED;
    }
    x->bodies[x->n_pages] = answer->body;
    answer->body = (buffer_t){0};
    bytes_t body = buffer_bytes(&x->bodies[x->n_pages]);
    x->pages[x->n_pages++] = body;
    x->bytes += body.len;
    if (s->page_size == 0 || x->n_pages == s->most_pages || x->bytes > EXCHANGE_MAX_BYTES) {
        return EXCHANGE_COMPLETE;
    }
    reader_kind_t kind;
    size_t rows;
    bool full =
        reader_count(s, body, &kind, &rows) == 0 && kind == READER_ROWS && rows >= s->page_size;
    return full ? EXCHANGE_MORE : EXCHANGE_COMPLETE;
}

size_t exchange_count(const exchange_t *x)
{
    return x->n_pages;
}

const bytes_t *exchange_pages(const exchange_t *x)
{
    return x->pages;
}
