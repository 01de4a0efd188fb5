/* html.h - texts, numbers and periods for pages that are made here, as Vietnamese readers write
 * them. */
#ifndef CHISO_PUBLISHER_API_HTML_H
#define CHISO_PUBLISHER_API_HTML_H

#include "base/bytes.h"
#include "decimal/decimal.h"

/* Escaped for HTML, SVG and quoted attributes. NULL: nothing. */
void html_text(buffer_t *out, const char *text);
/* "1234.5" as "1.234,5". NULL: "–". */
void html_decimal(buffer_t *out, const char *decimal);
/* "năm 2025", "quý 3 năm 2025", "tháng 10 năm 2025". */
void html_period(buffer_t *out, const char *period);
/* "2022-06-23" as "23/06/2022"; what is no date as it is. */
void html_date(buffer_t *out, const char *iso);
/* "22:38 ngày 22/11/2026", in Vietnam. */
void html_moment(buffer_t *out, int64_t wall_ms);

#endif
