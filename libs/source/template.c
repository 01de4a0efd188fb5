/* template.c - see template.h. */
#include "template.h"

#include "base/error.h"

#include <string.h>

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static int first_month(period_t p)
{
    return p.kind == PERIOD_MONTH ? p.number : p.kind == PERIOD_QUARTER ? 3 * p.number - 2 : 1;
}

static int last_month(period_t p)
{
    return p.kind == PERIOD_MONTH ? p.number : p.kind == PERIOD_QUARTER ? 3 * p.number : 12;
}

typedef enum {
    OF,
    YEAR,
    QUARTER,
    MONTH,
    MONTH2,
    PERIOD,
    FROM,
    TO,
    PAGE,
    SIZE,
    OFFSET,
    TOKEN,
    CSRF,
    TRACEPARENT,
    SECRET,
    VALUE,
    NONE
} variable_t;

static variable_t variable_of(const char *name, size_t len)
{
    static const char *const names[] = {"of",     "year",  "quarter", "month",      "month2",
                                        "period", "from",  "to",      "page",       "size",
                                        "offset", "token", "csrf",    "traceparent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            return (variable_t)i;
        }
    }
    return len > 7 && memcmp(name, "secret:", 7) == 0  ? SECRET
           : len > 6 && memcmp(name, "value:", 6) == 0 ? VALUE
                                                       : NONE;
}

static const char *secret_of(const template_vars_t *vars, const char *name, size_t len)
{
    for (unsigned i = 0; i < vars->n_secrets; i++) {
        if (strlen(vars->secrets[i].name) == len && memcmp(vars->secrets[i].name, name, len) == 0) {
            return vars->secrets[i].value;
        }
    }
    return NULL;
}

static void put_variable(const template_vars_t *v, const char *name, size_t len, buffer_t *out)
{
    period_t p = v->period;
    char period[PERIOD_TEXT_SIZE];
    const char *secret;
    switch (variable_of(name, len)) {
    case OF:
        buffer_append_text(out, v->of != NULL ? v->of : "");
        break;
    case YEAR:
        buffer_printf(out, "%d", p.year);
        break;
    case QUARTER:
        buffer_printf(out, "%d", p.kind == PERIOD_QUARTER ? p.number : 0);
        break;
    case MONTH:
        buffer_printf(out, "%d", p.kind == PERIOD_MONTH ? p.number : 0);
        break;
    case MONTH2:
        buffer_printf(out, "%02d", p.kind == PERIOD_MONTH ? p.number : 0);
        break;
    case PERIOD:
        buffer_append_text(out, period_format(p, period));
        break;
    case FROM:
        buffer_printf(out, "%04d-%02d-01", p.year, first_month(p));
        break;
    case TO:
        buffer_printf(out, "%04d-%02d-%02d", p.year, last_month(p), days_in(p.year, last_month(p)));
        break;
    case PAGE:
        buffer_printf(out, "%u", v->page);
        break;
    case SIZE:
        buffer_printf(out, "%u", v->size);
        break;
    case OFFSET:
        buffer_printf(out, "%u", v->offset);
        break;
    case TOKEN:
        buffer_append_text(out, v->token != NULL ? v->token : "");
        break;
    case CSRF:
        buffer_append_text(out, v->csrf != NULL ? v->csrf : "");
        break;
    case TRACEPARENT:
        buffer_append_text(out, v->traceparent != NULL ? v->traceparent : "");
        break;
    case SECRET:
        secret = secret_of(v, name + 7, len - 7);
        if (secret == NULL) {
            out->failed = true;
        } else {
            buffer_append_text(out, secret);
        }
        break;
    case VALUE:
        if (v->value == NULL || !v->value(v->context, v, name + 6, len - 6, out)) {
            out->failed = true;
        }
        break;
    case NONE:
        out->failed = true;
        break;
    }
}

void template_percent(bytes_t text, buffer_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            buffer_append(out, &c, 1);
        } else {
            buffer_printf(out, "%%%02X", c);
        }
    }
}

static void put_json(bytes_t text, buffer_t *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\') {
            buffer_printf(out, "\\%c", c);
        } else if (c < ' ') {
            buffer_printf(out, "\\u%04x", c);
        } else {
            buffer_append(out, &c, 1);
        }
    }
}

static void put_escaped(bytes_t value, template_escape_t escape, buffer_t *out)
{
    switch (escape) {
    case TEMPLATE_URL:
        template_percent(value, out);
        break;
    case TEMPLATE_JSON:
        put_json(value, out);
        break;
    case TEMPLATE_PLAIN:
        for (size_t i = 0; i < value.len; i++) {
            out->failed = out->failed || value.data[i] < ' '; /* a header stays one header */
        }
        buffer_append(out, value.data, value.len);
        break;
    }
}

/* The next "${name}" of the text: its name, or NULL. */
static const char *next_name(const char *text, const char **dollar, size_t *len)
{
    *dollar = strstr(text, "${");
    const char *end = *dollar != NULL ? strchr(*dollar, '}') : NULL;
    if (end == NULL) {
        return NULL;
    }
    *len = (size_t)(end - *dollar) - 2;
    return *dollar + 2;
}

void template_expand(const char *text, const template_vars_t *vars, template_escape_t escape,
                     buffer_t *out)
{
    const char *dollar;
    const char *name;
    size_t len;
    while ((name = next_name(text, &dollar, &len)) != NULL) {
        buffer_t value = BUFFER_INIT(64 * 1024);
        buffer_append(out, text, (size_t)(dollar - text));
        put_variable(vars, name, len, &value);
        put_escaped(buffer_bytes(&value), escape, out);
        out->failed = out->failed || value.failed;
        buffer_free(&value);
        text = name + len + 1;
    }
    buffer_append_text(out, text);
}

int template_check(const char *text, bool secrets, const char **name)
{
    const char *dollar;
    size_t len;
    while ((*name = next_name(text, &dollar, &len)) != NULL) {
        variable_t variable = variable_of(*name, len);
        if (variable == NONE || ((variable == SECRET || variable == VALUE) && !secrets)) {
            return (int)len;
        }
        text = *name + len + 1;
    }
    *name = dollar; /* "${" that is never closed */
    return dollar != NULL ? (int)strlen(dollar) : 0;
}
