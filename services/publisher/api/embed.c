/* embed.c - for a province's own site: a badge of a unit, and a ranking in a frame. */
#include "answers.h"
#include "html.h"
#include "members.h"
#include "publisher/render.h"

#include <string.h>

/* ---- the badge ---- */

/* Rough widths of Verdana 11: a badge need not be exact, its text is stretched to fit. */
static unsigned width_of(const char *text)
{
    unsigned n = 0;
    for (const char *c = text; *c != '\0'; c++) {
        n += (*c & 0xC0) != 0x80 ? 1 : 0; /* a character, not a byte */
    }
    return n * 7 + 12;
}

static void put_half(buffer_t *out, unsigned x, unsigned width, const char *text)
{
    buffer_printf(out, "<text x=\"%u\" y=\"14\" textLength=\"%u\">", x + 6, width - 12);
    html_text(out, text);
    buffer_append_text(out, "</text>");
}

static void put_badge(buffer_t *out, const call_t *call, const event_score_t *s, size_t units)
{
    bool stale = call->at == CALL_NOW && model_is_stale(call->api->model, s);
    buffer_t left = BUFFER_INIT(256);
    buffer_t right = BUFFER_INIT(256);
    buffer_printf(&left, "%s %s", call->index->id, s->period);
    html_decimal(&right, s->points);
    buffer_append_text(&right, "/");
    html_decimal(&right, s->max);
    buffer_append_text(&right, " điểm");
    if (s->has_rank) {
        buffer_printf(&right, " · hạng %u/%zu", s->rank, units);
    }
    buffer_append_text(&right, stale ? " · số liệu cũ" : "");
    const char *a = buffer_text(&left);
    const char *b = buffer_text(&right);
    if (a != NULL && b != NULL) {
        unsigned x = width_of(a);
        unsigned w = width_of(b);
        buffer_printf(out,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"20\" "
                      "role=\"img\"><title>",
                      x + w);
        html_text(out, s->unit->name);
        buffer_printf(out, ": %s. ", b);
        html_text(out, call->index->title);
        buffer_append_text(out, ". Số liệu đến ");
        html_moment(out, s->as_of);
        buffer_printf(out,
                      "</title><rect width=\"%u\" height=\"20\" rx=\"3\" fill=\"#444\"/>"
                      "<path d=\"M%u 0h%uv20H%uz\" fill=\"%s\"/>"
                      "<g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" "
                      "font-size=\"11\">",
                      x + w, x, w, x, stale ? "#6b5300" : "#0b5cad");
        put_half(out, 0, x, a);
        put_half(out, x, w, b);
        buffer_append_text(out, "</g></svg>\n");
    }
    buffer_free(&left);
    buffer_free(&right);
}

void answer_badge(const call_t *call)
{
    const char *code = call->names[0];
    event_in_t in;
    members_t members = {0};
    store_txn_t *txn = store_read(call->api->model->store);
    if (!model_result(txn, call->index->id, call->period, code, &in)) {
        call_missing(call, &txn, "unit '%.64s' has no result of %s for %s", code, call->index->id,
                     call->period);
        return;
    }
    call_scope_t scope = {in.event->score->unit->level, in.event->score->unit->parent};
    int rc = members_load(call, txn, &scope, call->at, &members);
    if (rc != 0) {
        store_fail(txn, rc);
    }
    const event_score_t *s = members_find(&members, code);
    if (s == NULL) {
        call_missing(call, &txn, "no result of unit '%.64s' is known of that moment", code);
    } else if (call_end(call, &txn)) {
        buffer_t body = BUFFER_INIT(64 * 1024);
        put_badge(&body, call, s, members.n);
        http_set_header(call->request, "Content-Security-Policy", "default-src 'none'");
        http_set_header(call->request, "Cross-Origin-Resource-Policy", "cross-origin");
        call_answer(call, "image/svg+xml", &body);
    }
    members_free(&members);
    event_release(&in);
}

/* ---- the ranking in a frame ---- */

static const char style[] =
    ":root{color-scheme:light dark}"
    "body{font:15px/1.4 system-ui,sans-serif;margin:8px}"
    "table{border-collapse:collapse;width:100%}"
    "caption{text-align:left;font-weight:600;padding-bottom:4px}"
    "th,td{padding:4px 8px;border-bottom:1px solid #8886;text-align:left}"
    "th.n,td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "tr[aria-current] th,tr[aria-current] td{font-weight:700;border-block:2px solid}"
    "p{margin:6px 0;font-size:13px}a{color:inherit}";

static void put_embedded(buffer_t *out, const call_t *call, const members_t *m, uint64_t limit)
{
    const char *wanted = http_query(call->request, "unit");
    bool stale = false;
    buffer_printf(out,
                  "<!doctype html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\"><meta "
                  "name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" "
                  "content=\"300\"><title>Xếp hạng</title><style>%s</style></head><body>\n"
                  "<table><caption>",
                  style);
    html_text(out, call->index->title);
    buffer_append_text(out, ", ");
    html_period(out, call->period);
    buffer_append_text(out, "</caption><thead><tr><th scope=\"col\" class=\"n\">Hạng</th>"
                            "<th scope=\"col\">Đơn vị</th><th scope=\"col\" class=\"n\">Điểm</th>"
                            "<th scope=\"col\" class=\"n\">Tỷ lệ (%)</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < m->n; i++) {
        const event_score_t *s = &m->list[i].score;
        bool own = wanted != NULL && strcmp(wanted, s->unit->code) == 0;
        stale = stale || (call->at == CALL_NOW && model_is_stale(call->api->model, s));
        if (i >= limit && !own) {
            continue; /* the unit that is looked for is always there */
        }
        buffer_append_text(out, own ? "<tr aria-current=\"true\"><td class=\"n\">"
                                    : "<tr><td class=\"n\">");
        if (s->has_rank) {
            buffer_printf(out, "%u", s->rank);
        } else {
            buffer_append_text(out, "–");
        }
        buffer_append_text(out, "</td><th scope=\"row\">");
        html_text(out, s->unit->name);
        buffer_append_text(out, "</th><td class=\"n\">");
        html_decimal(out, s->points);
        buffer_append_text(out, "</td><td class=\"n\">");
        html_decimal(out, s->percent);
        buffer_append_text(out, "</td></tr>\n");
    }
    buffer_append_text(out, "</tbody></table>\n<p>Số liệu đến ");
    html_moment(out, m->as_of);
    buffer_append_text(out, stale ? " · <b>có số liệu cũ</b>" : "");
    buffer_append_text(out, " · <a href=\"/\" target=\"_blank\" rel=\"noopener\">Xem chi tiết</a>"
                            "</p>\n</body></html>\n");
}

void answer_embed(const call_t *call)
{
    call_scope_t scope;
    uint64_t limit;
    members_t members;
    if (!call_scope(call, &scope) || !call_number(call, "limit", 10, 1, 1000, &limit) ||
        !members_ask(call, &scope, &members)) {
        return;
    }
    buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
    put_embedded(&body, call, &members, limit);
    members_free(&members);
    http_set_header(call->request, "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                    "frame-ancestors *");
    call_answer(call, "text/html; charset=utf-8", &body);
}
