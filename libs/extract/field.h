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
    FIELD_PLAIN = 1,  /* 1234.5: a dot for decimals, no thousands; 1.2345E3 as Java writes it */
    FIELD_VIETNAMESE, /* 1.234,5: a comma for decimals, dots for thousands; "91.7" is neither */
    FIELD_ENGLISH,    /* 1,234.5 */
    FIELD_RAW_OF_MAX, /* "17,5/18": what stands before the bar, Vietnamese or plain; what would be
                       * another number in each ("1.250/2.000") is refused */
    FIELD_YES_NO      /* true/false, 1/0, yes/no, có/không in any case → 1 or 0 */
} field_number_t;

/* A number, times `scale` (1 for none; exact, or refused). A trailing "%" is allowed and dropped.
 * Empty, "null", "NaN", "Infinity", "-" are not numbers. 0; CHISO_E_SYNTAX; CHISO_E_RANGE when a
 * decimal cannot hold it exactly. */
int field_number(const char *text, field_number_t format, decimal_t scale, decimal_t *out);

/* A date in a format of
 * - d, dd, M, MM, yyyy, and HH, mm, ss if there is a time, with what is no letter or digit, or a T,
 *   between them: "dd-MM-yyyy", "d/M/yyyy HH:mm", "yyyy-MM-ddTHH:mm:ss"; in Viet Nam's time
 * (UTC+7), midnight without a time. d and M take one or two digits;
 * - "iso": yyyy-MM-dd (midnight in Viet Nam), or with T or a space and HH:mm, seconds, 0..9
 *   fractional digits (milliseconds count), and Z or an offset, without which it is refused;
 * - "epoch-ms".
 * Years 1900 to 2199. Milliseconds since the epoch, UTC. 0 or CHISO_E_SYNTAX. */
int field_date(const char *text, const char *format, int64_t *out_ms);
int field_date_check(const char *format); /* 0 or CHISO_E_SYNTAX */

/* plain, vietnamese, english, raw-of-max, yes-no; 0 for none. */
field_number_t field_number_of(const char *name);

#endif
