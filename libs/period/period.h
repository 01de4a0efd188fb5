/* period.h - the periods (kỳ) that figures and results belong to: "2025", "2025-Q3", "2025-10". */
#ifndef CHISO_PERIOD_PERIOD_H
#define CHISO_PERIOD_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { PERIOD_YEAR, PERIOD_QUARTER, PERIOD_MONTH } period_kind_t;

typedef struct {
    period_kind_t kind;
    int year;   /* 1990..2199 */
    int number; /* quarter 1..4, month 1..12, 0 for a year */
} period_t;

#define PERIOD_TEXT_SIZE 9

/* 0 or CHISO_E_SYNTAX; only the three canonical forms are accepted. */
int period_parse(const char *text, period_t *out);
const char *period_format(period_t period, char out[PERIOD_TEXT_SIZE]);

/* The period of a kind that holds the moment, in Vietnam's time (UTC+7, no daylight saving), `back`
 * periods earlier. */
period_t period_at(period_kind_t kind, int64_t wall_ms, int back);

/* A day of the calendar, "2025-07-01": as text days compare as they follow one another. */
#define PERIOD_DAY_SIZE 11
bool period_is_day(const char *text);

/* The day in Vietnam's time. */
const char *period_day_at(int64_t wall_ms, char out[PERIOD_DAY_SIZE]);

/* The last day of a period. */
const char *period_last_day(period_t period, char out[PERIOD_DAY_SIZE]);

#endif
