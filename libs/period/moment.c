/* moment.c - see moment.h. Days are counted by hand, because the C library's functions follow the
 * time zone of the machine. */
#include "period/moment.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* What is left to read; `good` is sticky. */
typedef struct {
    const char *at;
    bool good;
} scan_t;

static int digits(scan_t *s, int n, int low, int high)
{
    int value = 0;
    for (int i = 0; i < n && s->good; i++) {
        s->good = s->at[i] >= '0' && s->at[i] <= '9';
        value = s->good ? value * 10 + (s->at[i] - '0') : 0;
    }
    s->good = s->good && value >= low && value <= high;
    s->at += s->good ? n : 0;
    return value;
}

static bool take(scan_t *s, char wanted)
{
    bool is = s->good && *s->at == wanted;
    s->at += is ? 1 : 0;
    return is;
}

static void expect(scan_t *s, char wanted)
{
    s->good = take(s, wanted);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01. */
static int64_t day_number(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int past = year - 1;
    int64_t leaps = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    return (year - 1970) * 365LL + leaps + before[month - 1] +
           (month > 2 && is_leap(year) ? 1 : 0) + day - 1;
}

static int64_t read_day(scan_t *s)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = digits(s, 4, 1990, 2199);
    expect(s, '-');
    int month = digits(s, 2, 1, 12);
    expect(s, '-');
    int last = s->good ? lengths[month - 1] + (month == 2 && is_leap(year) ? 1 : 0) : 0;
    int day = digits(s, 2, 1, last);
    return s->good ? day_number(year, month, day) * MOMENT_DAY_MS : 0;
}

static int64_t read_time(scan_t *s)
{
    int64_t ms = digits(s, 2, 0, 23) * 3600000LL;
    expect(s, ':');
    ms += digits(s, 2, 0, 59) * 60000LL;
    if (take(s, ':')) {
        ms += digits(s, 2, 0, 59) * 1000LL;
        if (take(s, '.')) {
            int scale = 100;
            do {
                ms += (int64_t)scale * digits(s, 1, 0, 9);
                scale /= 10;
            } while (s->good && *s->at >= '0' && *s->at <= '9');
        }
    }
    return ms;
}

static int64_t read_zone(scan_t *s)
{
    if (take(s, 'Z')) {
        return 0;
    }
    bool east = take(s, '+') || take(s, ' ');
    if (!east && !take(s, '-')) {
        return MOMENT_ZONE_MS;
    }
    int64_t ms = digits(s, 2, 0, 14) * 3600000LL;
    expect(s, ':');
    ms += digits(s, 2, 0, 59) * 60000LL;
    return east ? ms : -ms;
}

int moment_parse(const char *text, int64_t *out)
{
    scan_t s = {text, true};
    int64_t ms = read_day(&s);
    if (take(&s, 'T')) {
        ms += read_time(&s);
        ms -= s.good ? read_zone(&s) : 0;
    } else {
        ms += MOMENT_DAY_MS - 1 - MOMENT_ZONE_MS;
    }
    if (!s.good || *s.at != '\0') {
        return CHISO_E_SYNTAX;
    }
    *out = ms;
    return 0;
}

static void day_of(int64_t wall_ms, struct tm *out)
{
    time_t seconds = (time_t)((wall_ms + MOMENT_ZONE_MS) / 1000);
    gmtime_r(&seconds, out);
}

const char *moment_day(int64_t wall_ms, char out[MOMENT_DAY_SIZE])
{
    struct tm day;
    day_of(wall_ms, &day);
    if (strftime(out, MOMENT_DAY_SIZE, "%Y-%m-%d", &day) == 0) {
        *out = '\0';
    }
    return out;
}

const char *moment_day_vi(int64_t wall_ms, char out[MOMENT_DAY_SIZE])
{
    struct tm day;
    day_of(wall_ms, &day);
    if (strftime(out, MOMENT_DAY_SIZE, "%d/%m/%Y", &day) == 0) {
        *out = '\0';
    }
    return out;
}
