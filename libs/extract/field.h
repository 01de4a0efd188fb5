/* field.h - what the text of a cell means: numbers and dates as the sources write them.
 *
 * Sources disagree on everything: "91.7", "91,7", "10.000.000.000", "85,5%", "17/18", "dd-MM-yyyy".
 * A format is said in the configuration, never guessed. No floats.
 */
#ifndef CHISO_EXTRACT_FIELD_H
#define CHISO_EXTRACT_FIELD_H

#include "decimal/decimal.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    FIELD_PLAIN = 1,  /* 1234.5: a dot for decimals, no thousands */
    FIELD_VIETNAMESE, /* 1.234,5: a comma for decimals, dots for thousands */
    FIELD_ENGLISH,    /* 1,234.5 */
    FIELD_RAW_OF_MAX, /* "17,5/18": what stands before the bar, Vietnamese or plain */
    FIELD_YES_NO      /* true/false, 1/0, yes/no, có/không → 1 or 0 */
} field_number_t;

/* A number, times `scale` (1 for none; exact, or refused). A trailing "%" is allowed and dropped.
 * Empty, "null", "NaN", "Infinity", "-" are not numbers. 0; CHISO_E_SYNTAX; CHISO_E_RANGE when a
 * decimal cannot hold it exactly. */
int field_number(const char *text, field_number_t format, decimal_t scale, decimal_t *out);

/* A date in a format of d, dd, M, MM, yyyy and separators ("dd-MM-yyyy"), or "iso" (date, or date
 * and time with 0..9 fractional digits and Z or an offset), or "epoch-ms". Milliseconds since the
 * epoch, UTC; a date without time is midnight in Viet Nam (UTC+7). 0 or CHISO_E_SYNTAX. */
int field_date(const char *text, const char *format, int64_t *out_ms);
int field_date_check(const char *format); /* 0 or CHISO_E_SYNTAX */

field_number_t field_number_of(const char *name); /* "plain", …; 0 for none */

#endif
