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

/* "year", "quarter", "month". */
const char *period_kind_name(period_kind_t kind);

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

/* How many periods of a kind make up the period: 12 months or 4 quarters a year, 3 months a
 * quarter; 0 of a kind that is not shorter. And the i-th of them, from 0. */
unsigned period_parts(period_t whole, period_kind_t kind);
period_t period_part(period_t whole, period_kind_t kind, unsigned i);

/* The first moment after it, in Vietnam's time. */
int64_t period_end(period_t period);

/* The last day of a period. */
const char *period_last_day(period_t period, char out[PERIOD_DAY_SIZE]);

#endif
