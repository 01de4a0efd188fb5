/* form.c - the self-assessment form (biểu tự đánh giá) of a unit, to print and sign. Decisions name
 * two scores: what the unit gives itself (điểm tự đánh giá) and what the council decides (điểm thẩm
 * định). Ours is the first, by rule from figures; the second is nobody's but the council's, and has
 * a column to be written in by hand. */
#include "answers.h"
#include "html.h"
#include "publisher/render.h"

#include <string.h>

static const char style[] =
    "@page{size:A4 landscape;margin:15mm 12mm}"
    "body{font:13pt/1.35 'Times New Roman',Times,serif;color:#000;background:#fff;margin:1.5em}"
    "h1{font-size:15pt;text-align:center;margin:.6em 0 0}"
    ".c{text-align:center;margin:.15em 0}"
    "table{border-collapse:collapse;width:100%;margin-top:1em;font-size:11.5pt}"
    "caption{text-align:left;font-style:italic;padding-bottom:.3em}"
    "th,td{border:1px solid #000;padding:3px 6px;vertical-align:top}"
    "thead{display:table-header-group}tr{break-inside:avoid}"
    "td.n{text-align:right;white-space:nowrap}td.t{text-align:center;white-space:nowrap}"
    "tr.p td,tr.p th,tfoot td,tfoot th{font-weight:bold;text-align:left}"
    "tr.p td.n,tfoot td.n{text-align:right}"
    ".s{display:flex;justify-content:space-around;margin-top:1.5em;break-inside:avoid}"
    ".s div{text-align:center;min-height:7em}.k{margin-top:1em;font-size:10.5pt}"
    "@media print{body{margin:0}}";

static const char *status_vi(const char *status)
{
    return strcmp(status, "missing") == 0     ? "Chưa có số liệu"
           : strcmp(status, "invalid") == 0   ? "Số liệu không hợp lệ"
           : strcmp(status, "undefined") == 0 ? "Không xác định được"
           : strcmp(status, "excluded") == 0  ? "Không đánh giá"
                                              : "";
}

static const event_indicator_t *indicator_of(const event_score_t *s, const char *code)
{
    for (size_t i = 0; i < s->n_indicators; i++) {
        if (strcmp(s->indicators[i]->code, code) == 0) {
            return s->indicators[i];
        }
    }
    return NULL;
}

static void put_number(buffer_t *out, const char *decimal)
{
    buffer_append_text(out, "<td class=\"n\">");
    html_decimal(out, decimal);
    buffer_append_text(out, "</td>");
}

/* The points, and the room for the council's. */
static void put_points(buffer_t *out, const char *decimal)
{
    put_number(out, decimal);
    buffer_append_text(out, "<td class=\"n\"></td>");
}

static const event_figure_t *figure_of(const event_score_t *s, const catalog_index_t *index,
                                       const catalog_indicator_t *indicator, unsigned input)
{
    const char *id = index->figures[indicator->inputs[input].figure]->id;
    for (size_t k = 0; k < s->n_figures; k++) {
        if (strcmp(s->figures[k]->id, id) == 0) {
            return s->figures[k];
        }
    }
    return NULL;
}

/* Has the scoring agency given any of its figures? */
static bool is_agencys(const catalog_index_t *index, const catalog_indicator_t *indicator,
                       const event_score_t *s)
{
    for (unsigned i = 0; i < indicator->n_inputs; i++) {
        const event_figure_t *f = figure_of(s, index, indicator, i);
        if (f != NULL && f->submitter != NULL && strncmp(f->submitter, "scorer:", 7) == 0) {
            return true;
        }
    }
    return false;
}

/* What the decision asks for, and the files that were handed in. */
static void put_evidence(buffer_t *out, const catalog_index_t *index,
                         const catalog_indicator_t *indicator, const event_score_t *s)
{
    html_text(out, indicator->evidence);
    for (unsigned i = 0; i < indicator->n_inputs; i++) {
        const event_figure_t *f = figure_of(s, index, indicator, i);
        for (size_t e = 0; f != NULL && e < f->n_evidence; e++) {
            char hex[SHA256_HEX_SIZE];
            buffer_printf(out, "<br><small>Tệp %.12s…</small>",
                          sha256_hex(f->evidence[e].data, hex));
        }
        if (f != NULL && f->submitter == NULL) {
            buffer_append_text(out, "<br><small>Nguồn: ");
            html_text(out, f->source);
            buffer_append_text(out, "</small>");
        }
    }
}

static void put_indicator(buffer_t *out, const catalog_index_t *index,
                          const catalog_indicator_t *indicator, const event_score_t *s)
{
    char max[DECIMAL_TEXT_SIZE];
    const event_indicator_t *state = indicator_of(s, indicator->code);
    const char *status = state != NULL ? event_status_name(state->status) : "missing";
    bool scored = strcmp(status, "scored") == 0;
    const char *words = !scored                           ? status_vi(status)
                        : is_agencys(index, indicator, s) ? "Theo số liệu cơ quan chấm điểm nhập"
                                                          : "";
    buffer_append_text(out, "<tr><td class=\"t\">");
    html_text(out, indicator->code);
    buffer_append_text(out, "</td><td>");
    html_text(out, indicator->title);
    buffer_append_text(out, "</td>");
    put_number(out, decimal_format(indicator->max, max));
    put_points(out, scored ? state->points : NULL); /* what is not scored is no zero */
    buffer_append_text(out, "<td>");
    put_evidence(out, index, indicator, s);
    buffer_append_text(out, "</td><td>");
    html_text(out, words);
    if (*words != '\0' && indicator->note != NULL) {
        buffer_append_text(out, ". ");
    }
    html_text(out, indicator->note);
    buffer_append_text(out, "</td></tr>\n");
}

static void put_rows(buffer_t *out, const catalog_index_t *index, const event_score_t *s)
{
    static const char *const roman[] = {"I",  "II", "III", "IV",  "V",    "VI",  "VII", "VIII",
                                        "IX", "X",  "XI",  "XII", "XIII", "XIV", "XV",  "XVI"};
    for (unsigned p = 0; p < index->n_pillars; p++) {
        const catalog_pillar_t *pillar = &index->pillars[p];
        char points[DECIMAL_TEXT_SIZE];
        char max[DECIMAL_TEXT_SIZE];
        render_pillar_sum(index, pillar, s, points, max);
        buffer_printf(out, "<tr class=\"p\"><td class=\"t\">%s</td><th scope=\"rowgroup\">",
                      p < sizeof roman / sizeof roman[0] ? roman[p] : pillar->code);
        html_text(out, pillar->title);
        buffer_append_text(out, "</th>");
        put_number(out, max);
        put_points(out, points);
        buffer_append_text(out, "<td></td><td></td></tr>\n");
        for (unsigned i = pillar->first; i < pillar->first + pillar->count; i++) {
            put_indicator(out, index, &index->indicators[i], s);
        }
    }
}

static void put_head(buffer_t *out, const catalog_index_t *index, const event_score_t *s)
{
    buffer_printf(
        out, "<!doctype html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width\"><title>Biểu tự đánh giá: ");
    html_text(out, s->unit->name);
    buffer_printf(out, "</title><style>%s</style></head><body>\n<h1>BIỂU TỰ ĐÁNH GIÁ</h1>\n",
                  style);
    buffer_append_text(out, "<p class=\"c\"><b>");
    html_text(out, index->title);
    buffer_append_text(out, "</b></p>\n<p class=\"c\"><i>(Theo Quyết định số ");
    html_text(out, index->decision);
    buffer_append_text(out, " ngày ");
    html_date(out, index->date);
    buffer_append_text(out, " của ");
    html_text(out, index->issuer);
    buffer_append_text(out, ")</i></p>\n<p class=\"c\">Đơn vị: <b>");
    html_text(out, s->unit->name);
    buffer_append_text(out, "</b> · Kỳ đánh giá: ");
    html_period(out, s->period);
    buffer_append_text(out, "</p>\n<table><caption>Số liệu đến ");
    html_moment(out, s->as_of);
    buffer_append_text(
        out, "</caption>\n<thead><tr><th scope=\"col\">TT</th><th scope=\"col\">Tiêu chí</th>"
             "<th scope=\"col\">Điểm tối đa</th>"
             "<th scope=\"col\">Điểm tự đánh giá<br><small>(tính theo số liệu đã có)</small></th>"
             "<th scope=\"col\">Điểm thẩm định<br><small>(Hội đồng thẩm định ghi)</small></th>"
             "<th scope=\"col\">Tài liệu kiểm chứng</th><th scope=\"col\">Ghi chú</th></tr></thead>"
             "\n<tbody>\n");
}

static void put_form(buffer_t *out, const call_t *call, const event_score_t *s)
{
    put_head(out, call->index, s);
    put_rows(out, call->index, s);
    buffer_append_text(out, "</tbody>\n<tfoot><tr><td></td><th scope=\"row\">TỔNG ĐIỂM</th>");
    put_number(out, s->max);
    put_points(out, s->points);
    buffer_append_text(out, "<td colspan=\"2\">Tỷ lệ: ");
    html_decimal(out, s->percent);
    buffer_append_text(out, s->percent != NULL ? "%</td></tr></tfoot></table>\n"
                                               : "</td></tr></tfoot></table>\n");
    if (call->at == CALL_NOW && model_is_stale(call->api->model, s)) {
        buffer_append_text(out, "<p class=\"k\"><b>Có số liệu cũ: nguồn chưa cập nhật.</b></p>\n");
    }
    buffer_printf(out,
                  "<p class=\"k\">Lần tính thứ %u. Dấu “–”: chưa có điểm, không phải 0 điểm. "
                  "Điểm tự đánh giá do hệ thống tính từ số liệu của nguồn và số liệu được nhập; "
                  "điểm thẩm định không do hệ thống tính.</p>\n"
                  "<div class=\"s\"><div><b>NGƯỜI LẬP BIỂU</b><br><i>(Ký, ghi rõ họ tên)</i></div>"
                  "<div><i>………, ngày … tháng … năm ……</i><br><b>THỦ TRƯỞNG ĐƠN VỊ</b><br>"
                  "<i>(Ký tên, đóng dấu)</i></div></div>\n</body></html>\n",
                  s->revision);
}

void answer_form(const call_t *call)
{
    event_in_t in;
    const char *code = call->names[0];
    store_txn_t *txn = store_read(call->api->model->store);
    bool found = call->at != CALL_NOW
                     ? model_result_at(txn, call->index->id, call->period, code, call->at, &in)
                     : model_result(txn, call->index->id, call->period, code, &in);
    if (!found) {
        call_missing(call, &txn, "unit '%.64s' has no result of %s for %s", code, call->index->id,
                     call->period);
        return;
    }
    if (call_end(call, &txn)) {
        buffer_t body = BUFFER_INIT(CALL_MAX_BODY);
        put_form(&body, call, in.event->score);
        http_set_header(call->request, "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                        "frame-ancestors 'self'");
        call_answer(call, "text/html; charset=utf-8", &body);
    }
    event_release(&in);
}
