/* plain.c - see plain.h. */
#include "plain.h"

#include "api/html.h"
#include "period/moment.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "91.645" as 91,65; an en dash for what is not known. */
static void put_decimal(buffer_t *out, const char *text)
{
    char fixed[DECIMAL_TEXT_SIZE];
    html_decimal(out, text == NULL
                          ? NULL
                          : decimal_format_fixed(event_decimal(text), 2, DECIMAL_HALF_UP, fixed));
}

/* With its second, as the live page in its place writes it. */
static void put_time(buffer_t *out, int64_t wall_ms)
{
    time_t seconds = (time_t)((wall_ms + MOMENT_ZONE_MS) / 1000);
    struct tm t;
    char text[32];
    gmtime_r(&seconds, &t);
    strftime(text, sizeof text, "%d/%m/%Y %H:%M:%S", &t);
    buffer_append_text(out, text);
}

static const char *level_words(Chiso__V1__Level level)
{
    switch (level) {
    case CHISO__V1__LEVEL__PROVINCE:
        return "Tỉnh, thành phố";
    case CHISO__V1__LEVEL__DEPARTMENT:
        return "Sở, ngành";
    case CHISO__V1__LEVEL__COMMUNE:
        return "Xã, phường";
    default:
        return event_level_name(level);
    }
}

/* ---- which ranking ---- */

static bool wants(const char *asked, const char *has)
{
    return asked == NULL || *asked == '\0' || (has != NULL && strcmp(asked, has) == 0);
}

/* Of the groups that have units the one that the address asks for, else the nearest: that of the
 * earlier index in the configuration, provinces before others. NULL without results. */
static const model_group_t *choose(const model_t *m, http_request_t *request)
{
    const char *index = http_query(request, "index");
    const char *period = http_query(request, "period");
    const char *level = http_query(request, "level");
    const char *parent = http_query(request, "parent");
    const model_group_t *best = NULL;
    int best_fit = -1;
    for (unsigned i = 0; i < catalog_count(m->catalog); i++) {
        const char *id = catalog_at(m->catalog, i)->id;
        for (size_t k = 0; k < m->n_groups; k++) {
            const model_group_t *g = &m->groups[k];
            if (g->units == 0 || strcmp(g->index, id) != 0) {
                continue;
            }
            int fit = 16 * wants(index, g->index) + 8 * wants(period, g->period) +
                      4 * wants(level, event_level_name(g->level)) + 2 * wants(parent, g->parent) +
                      (g->level == CHISO__V1__LEVEL__PROVINCE);
            bool earlier = best != NULL && fit == best_fit && strcmp(g->index, best->index) == 0 &&
                           strcmp(g->period, best->period) < 0;
            if (fit > best_fit || earlier) {
                best = g;
                best_fit = fit;
            }
        }
    }
    return best;
}

/* ---- its rows ---- */

typedef struct {
    event_in_t list[PLAIN_MAX_ROWS];
    size_t n;
} rows_t;

static void collect(void *context, event_in_t *score)
{
    rows_t *rows = context;
    if (rows->n == PLAIN_MAX_ROWS) {
        event_release(score);
        return;
    }
    rows->list[rows->n++] = *score;
}

static int by_rank(const void *a, const void *b)
{
    const event_score_t *x = ((const event_in_t *)a)->event->score;
    const event_score_t *y = ((const event_in_t *)b)->event->score;
    uint32_t p = x->has_rank ? x->rank : UINT32_MAX; /* units without a rank stand last */
    uint32_t q = y->has_rank ? y->rank : UINT32_MAX;
    return p != q ? (p > q) - (p < q) : strcmp(x->unit->code, y->unit->code);
}

static void put_row(buffer_t *out, const model_t *m, const event_score_t *s)
{
    buffer_append_text(out, "<tr><td>");
    if (s->has_rank) {
        buffer_printf(out, "%u", s->rank);
    } else {
        buffer_append_text(out, "–");
    }
    buffer_append_text(out, "<th scope=row>");
    html_text(out, s->unit->name);
    if (model_is_stale(m, s)) {
        buffer_append_text(out, " <span class=badge>Số liệu cũ</span>");
    }
    buffer_append_text(out, "<td class=num>");
    put_decimal(out, s->points);
    buffer_append_text(out, "<td class=num>");
    put_decimal(out, s->percent);
    buffer_append_text(out, "\n");
}

/* " của Bắc Ninh"; nothing for a group of the whole nation. */
static void put_parent(buffer_t *out, const model_t *m, store_txn_t *txn, const model_group_t *g)
{
    event_in_t in;
    if (g->parent == NULL) {
        return;
    }
    bool found = model_parent(m, txn, g, &in);
    buffer_append_text(out, " của ");
    html_text(out, found ? in.event->score->unit->name : g->parent);
    if (found) {
        event_release(&in);
    }
}

static void put_table(buffer_t *out, const model_t *m, store_txn_t *txn, const model_group_t *g,
                      const rows_t *rows)
{
    int64_t as_of = 0;
    for (size_t i = 0; i < rows->n; i++) {
        int64_t of = rows->list[i].event->score->as_of;
        as_of = of > as_of ? of : as_of;
    }
    buffer_append_text(out, "<p>Số liệu tính đến ");
    put_time(out, as_of);
    buffer_append_text(out, " (giờ Việt Nam)</p>\n<div class=card><table><caption>Xếp hạng ");
    buffer_printf(out, "%zu đơn vị · %s", rows->n, level_words(g->level));
    put_parent(out, m, txn, g);
    buffer_append_text(out, " · kỳ ");
    html_text(out, g->period);
    buffer_append_text(out, "</caption><thead><tr><th scope=col>Hạng<th scope=col>Đơn vị"
                            "<th scope=col class=num>Điểm<th scope=col class=num>%<tbody>\n");
    for (size_t i = 0; i < rows->n; i++) {
        put_row(out, m, rows->list[i].event->score);
    }
    buffer_append_text(out, "</table></div>\n");
    if (g->units > rows->n) {
        buffer_printf(out, "<p>%zu trên %u đơn vị.</p>\n", rows->n, g->units);
    }
}

static void put_groups(buffer_t *out, const model_t *m, store_txn_t *txn,
                       const model_group_t *shown)
{
    buffer_append_text(out, "<h2>Bảng khác</h2><ul>\n");
    for (size_t i = 0; i < m->n_groups; i++) {
        const model_group_t *g = &m->groups[i];
        if (g->units == 0 || g == shown) {
            continue;
        }
        /* ids, periods and codes are ASCII without what a query would need encoded */
        buffer_append_text(out, "<li><a href=\"?index=");
        html_text(out, g->index);
        buffer_append_text(out, "&amp;period=");
        html_text(out, g->period);
        buffer_printf(out, "&amp;level=%s", event_level_name(g->level));
        if (g->parent != NULL) {
            buffer_append_text(out, "&amp;parent=");
            html_text(out, g->parent);
        }
        buffer_printf(out, "\">%s", level_words(g->level));
        put_parent(out, m, txn, g);
        buffer_append_text(out, ", kỳ ");
        html_text(out, g->period);
        buffer_append_text(out, " (");
        html_text(out, g->index);
        buffer_append_text(out, ")</a>\n");
    }
    buffer_append_text(out, "</ul>\n");
}

void plain_ranking(void *context, http_request_t *request, buffer_t *out)
{
    const model_t *m = context;
    buffer_append_text(out, "<main class=inner>\n");
    const model_group_t *g = choose(m, request);
    const catalog_index_t *index = g != NULL ? catalog_find(m->catalog, g->index) : NULL;
    rows_t *rows = calloc(1, sizeof *rows);
    if (index == NULL || rows == NULL) {
        buffer_append_text(out, "<h1>chiso</h1><p>Chưa có kết quả nào.</p></main>\n");
        free(rows);
        return;
    }
    store_txn_t *txn = store_read(m->store);
    model_walk(txn, g->index, g->period, g->level, g->parent, collect, rows);
    bool good = store_status(txn) == 0;
    qsort(rows->list, rows->n, sizeof rows->list[0], by_rank);
    buffer_append_text(out, "<h1>");
    html_text(out, index->title);
    buffer_append_text(out,
                       "</h1>\n<p class=\"notice quiet\">Trình duyệt không chạy JavaScript: bảng "
                       "này là của lúc tải trang và không tự cập nhật.</p>\n");
    if (good) {
        put_table(out, m, txn, g, rows);
    } else {
        buffer_append_text(out, "<p>Không đọc được số liệu.</p>\n");
    }
    put_groups(out, m, txn, g);
    store_abort(&txn);
    buffer_append_text(out,
                       "<p>Dữ liệu mở: <a href=\"api/v1/indexes\">api/v1/indexes</a></p></main>\n");
    for (size_t i = 0; i < rows->n; i++) {
        event_release(&rows->list[i]);
    }
    free(rows);
}
