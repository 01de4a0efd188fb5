/* period.c - see period.h. */
#include "period/period.h"

#include "base/error.h"
#include "period/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define VIETNAM_OFFSET_S (7 * 3600)

/* Reads exactly `n` digits; -1 when they are not all digits. */
static int digits(const char *text, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

int period_parse(const char *text, period_t *out)
{
    size_t len = strnlen(text, PERIOD_TEXT_SIZE);
    period_t p = {.kind = PERIOD_YEAR};
    if (len < 4 || (p.year = digits(text, 4)) < 1990 || p.year > 2199) {
        return CHISO_E_SYNTAX;
    }
    if (len == 7 && text[4] == '-' && text[5] == 'Q') {
        p.kind = PERIOD_QUARTER;
        p.number = digits(text + 6, 1);
    } else if (len == 7 && text[4] == '-') {
        p.kind = PERIOD_MONTH;
        p.number = digits(text + 5, 2);
    } else if (len != 4) {
        return CHISO_E_SYNTAX;
    }
    int last = p.kind == PERIOD_QUARTER ? 4 : 12;
    if (p.kind != PERIOD_YEAR && (p.number < 1 || p.number > last)) {
        return CHISO_E_SYNTAX;
    }
    *out = p;
    return 0;
}

const char *period_format(period_t p, char out[PERIOD_TEXT_SIZE])
{
    unsigned year = (unsigned)p.year % 10000;
    unsigned number = (unsigned)p.number % 100;
    if (p.kind == PERIOD_YEAR) {
        snprintf(out, PERIOD_TEXT_SIZE, "%04u", year);
    } else if (p.kind == PERIOD_QUARTER) {
        snprintf(out, PERIOD_TEXT_SIZE, "%04u-Q%u", year, number % 10);
    } else {
        snprintf(out, PERIOD_TEXT_SIZE, "%04u-%02u", year, number);
    }
    return out;
}

period_t period_at(period_kind_t kind, int64_t wall_ms, int back)
{
    time_t local = (time_t)(wall_ms / 1000) + VIETNAM_OFFSET_S;
    struct tm tm;
    gmtime_r(&local, &tm);
    int per_year = kind == PERIOD_YEAR ? 1 : kind == PERIOD_QUARTER ? 4 : 12;
    int within = tm.tm_mon * per_year / 12;
    int count = (tm.tm_year + 1900) * per_year + within - back;
    return (period_t){.kind = kind,
                      .year = count / per_year,
                      .number = kind == PERIOD_YEAR ? 0 : count % per_year + 1};
}

const char *period_kind_name(period_kind_t kind)
{
    static const char *const names[] = {"year", "quarter", "month"};
    return names[kind];
}

unsigned period_parts(period_t whole, period_kind_t kind)
{
    static const unsigned months[] = {12, 3, 1};
    return months[kind] < months[whole.kind] ? months[whole.kind] / months[kind] : 0;
}

period_t period_part(period_t whole, period_kind_t kind, unsigned i)
{
    int before = whole.kind == PERIOD_QUARTER ? (whole.number - 1) * 3 : 0;
    return (period_t){kind, whole.year, before + (int)i + 1};
}

int64_t period_end(period_t period)
{
    char day[PERIOD_DAY_SIZE];
    int64_t last = 0;
    int rc = moment_parse(period_last_day(period, day), &last); /* its last millisecond */
    return rc == 0 ? last + 1 : INT64_MAX;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

bool period_is_day(const char *text)
{
    char month[8];
    period_t p;
    if (strnlen(text, PERIOD_DAY_SIZE) != PERIOD_DAY_SIZE - 1 || text[7] != '-') {
        return false;
    }
    snprintf(month, sizeof month, "%.7s", text);
    int day = digits(text + 8, 2);
    return period_parse(month, &p) == 0 && p.kind == PERIOD_MONTH && day >= 1 &&
           day <= days_of(p.year, p.number);
}

const char *period_last_day(period_t p, char out[PERIOD_DAY_SIZE])
{
    int month = p.kind == PERIOD_YEAR ? 12 : p.kind == PERIOD_QUARTER ? p.number * 3 : p.number;
    snprintf(out, PERIOD_DAY_SIZE, "%04u-%02u-%02u", (unsigned)p.year % 10000,
             (unsigned)month % 100, (unsigned)days_of(p.year, month) % 100);
    return out;
}

const char *period_day_at(int64_t wall_ms, char out[PERIOD_DAY_SIZE])
{
    time_t local = (time_t)(wall_ms / 1000) + VIETNAM_OFFSET_S;
    struct tm tm;
    gmtime_r(&local, &tm);
    snprintf(out, PERIOD_DAY_SIZE, "%04u-%02u-%02u", (unsigned)(tm.tm_year + 1900) % 10000,
             (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100);
    return out;
}
