/* moment.h - days and moments as people write them in addresses, in Vietnam's time.
 *
 *   2025-10-12                 a day: its last millisecond, "as it stood on 12 October"
 *   2025-10-12T08:30           a moment in Vietnam (UTC+7, no daylight saving)
 *   2025-10-12T08:30:05.250Z   a moment in UTC; also with +07:00 and the like
 *
 * Seconds and fractions (to the millisecond) may be left out. A space stands for a "+" of the
 * offset, which an address that was not encoded turns it into.
 */
#ifndef CHISO_PERIOD_MOMENT_H
#define CHISO_PERIOD_MOMENT_H

#include <stdint.h>

#define MOMENT_ZONE_MS (7 * 3600 * 1000LL)
#define MOMENT_DAY_MS (24 * 3600 * 1000LL)

/* Milliseconds since the Unix epoch; years 1990 to 2199. 0, or CHISO_E_SYNTAX. */
int moment_parse(const char *text, int64_t *out);

/* "2025-10-12" and "12/10/2025", the day in Vietnam that holds the moment. Return out. */
#define MOMENT_DAY_SIZE 16
const char *moment_day(int64_t wall_ms, char out[MOMENT_DAY_SIZE]);
const char *moment_day_vi(int64_t wall_ms, char out[MOMENT_DAY_SIZE]);

#endif
