/* html.c - see html.h. */
#include "html.h"

#include "period/moment.h"
#include "period/period.h"

#include <stdio.h>
#include <string.h>

void html_text(buffer_t *out, const char *text)
{
    for (const char *c = text != NULL ? text : ""; *c != '\0'; c++) {
        const char *as = *c == '&'    ? "&amp;"
                         : *c == '<'  ? "&lt;"
                         : *c == '>'  ? "&gt;"
                         : *c == '"'  ? "&quot;"
                         : *c == '\'' ? "&#39;"
                                      : NULL;
        if (as != NULL) {
            buffer_append_text(out, as);
        } else {
            buffer_append(out, c, 1);
        }
    }
}

void html_decimal(buffer_t *out, const char *decimal)
{
    if (decimal == NULL) {
        buffer_append_text(out, "–");
        return;
    }
    if (*decimal == '-') {
        buffer_append_text(out, "−");
        decimal++;
    }
    size_t whole = strcspn(decimal, ".");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0) {
            buffer_append(out, ".", 1);
        }
        buffer_append(out, decimal + i, 1);
    }
    if (decimal[whole] == '.') {
        buffer_append(out, ",", 1);
        buffer_append_text(out, decimal + whole + 1);
    }
}

void html_period(buffer_t *out, const char *text)
{
    period_t p;
    if (period_parse(text, &p) != 0) {
        html_text(out, text);
    } else if (p.kind == PERIOD_YEAR) {
        buffer_printf(out, "năm %d", p.year);
    } else {
        buffer_printf(out, "%s %d năm %d", p.kind == PERIOD_QUARTER ? "quý" : "tháng", p.number,
                      p.year);
    }
}

void html_date(buffer_t *out, const char *iso)
{
    if (iso != NULL && strlen(iso) == 10 && iso[4] == '-' && iso[7] == '-') {
        char text[16];
        snprintf(text, sizeof text, "%.2s/%.2s/%.4s", iso + 8, iso + 5, iso);
        html_text(out, text);
    } else {
        html_text(out, iso);
    }
}

void html_moment(buffer_t *out, int64_t wall_ms)
{
    char day[MOMENT_DAY_SIZE];
    int64_t minutes = (wall_ms + MOMENT_ZONE_MS) / 60000 % (24 * 60);
    buffer_printf(out, "%02d:%02d ngày %s", (int)(minutes / 60), (int)(minutes % 60),
                  moment_day_vi(wall_ms, day));
}
