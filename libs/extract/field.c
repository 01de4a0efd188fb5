/* field.c - see field.h.
 *
 * Every format of a number is turned into the one grammar that decimal_parse() takes, and refused
 * where it is not exactly of its own: "91.7" read as Vietnamese would otherwise become 917.
 */
#include "extract/field.h"

#include "base/error.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define MAX_TEXT 200    /* of a number or date */
#define MAX_EXPONENT 60 /* far beyond what a decimal holds */
#define PLAIN_SIZE (MAX_TEXT + MAX_EXPONENT + 8)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- numbers ---- */

/* digits, or 1 to 3 digits and groups of three; then `point` and digits. Writes them plain. */
static bool read_grouped(const char *text, size_t len, char group, char point, char *plain)
{
    size_t i = len > 0 && text[0] == '-' ? 1 : 0;
    size_t n = 0;
    size_t run = 0; /* digits since the beginning or the last group sign */
    bool grouped = false;
    if (i == 1) {
        plain[n++] = '-';
    }
    for (; i < len && (is_digit(text[i]) || (group != '\0' && text[i] == group)); i++) {
        if (is_digit(text[i])) {
            plain[n++] = text[i];
            run++;
        } else if (run == 0 || run > 3 || (grouped && run != 3)) {
            return false;
        } else {
            grouped = true;
            run = 0;
        }
    }
    if (run == 0 || (grouped && run != 3)) {
        return false;
    }
    if (i < len && text[i] == point) {
        size_t from = ++i;
        plain[n++] = '.';
        while (i < len && is_digit(text[i])) {
            plain[n++] = text[i++];
        }
        if (i == from) {
            return false;
        }
    }
    plain[n] = '\0';
    return i == len;
}

/* Digits with the point before the one at `place`, which may lie outside of them. */
static void put_point(const char *digits, size_t len, int place, bool negative, char *plain)
{
    size_t n = 0;
    if (negative) {
        plain[n++] = '-';
    }
    if (place <= 0) {
        plain[n++] = '0';
    }
    for (int i = place < 0 ? place : 0; i < place || i < (int)len; i++) {
        if (i == place) {
            plain[n++] = '.';
        }
        plain[n++] = i >= 0 && i < (int)len ? digits[i] : '0';
    }
    plain[n] = '\0';
}

/* "1234.5" and "1.2345E3". 0; CHISO_E_SYNTAX; CHISO_E_RANGE. */
static int read_plain(const char *text, size_t len, char *plain)
{
    char mantissa[MAX_TEXT + 1];
    const char *end = text + len;
    const char *e = text;
    while (e < end && *e != 'e' && *e != 'E') {
        e++;
    }
    if (e == end) {
        return read_grouped(text, len, '\0', '.', plain) ? 0 : CHISO_E_SYNTAX;
    }
    const char *c = e + 1;
    bool down = c < end && *c == '-';
    c += c < end && (*c == '-' || *c == '+') ? 1 : 0;
    if (c == end || !read_grouped(text, (size_t)(e - text), '\0', '.', mantissa)) {
        return CHISO_E_SYNTAX;
    }
    int exponent = 0;
    for (; c < end; c++) {
        if (!is_digit(*c)) {
            return CHISO_E_SYNTAX;
        }
        exponent = exponent > MAX_EXPONENT ? exponent : exponent * 10 + (*c - '0');
    }
    if (exponent > MAX_EXPONENT) {
        return CHISO_E_RANGE;
    }
    bool negative = mantissa[0] == '-';
    char digits[MAX_TEXT + 1];
    size_t n = 0;
    int whole = 0;
    bool past = false;
    for (const char *m = mantissa + negative; *m != '\0'; m++) {
        past = past || *m == '.';
        if (*m != '.') {
            digits[n++] = *m;
            whole += past ? 0 : 1;
        }
    }
    put_point(digits, n, down ? whole - exponent : whole + exponent, negative, plain);
    return 0;
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && (**text == ' ' || **text == '\t')) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t')) {
        (*len)--;
    }
}

static int parse(const char *text, size_t len, field_number_t format, decimal_t *out)
{
    char plain[PLAIN_SIZE];
    trim(&text, &len);
    if (len > 0 && text[len - 1] == '%') {
        len--;
        trim(&text, &len);
    }
    int rc = format == FIELD_PLAIN ? read_plain(text, len, plain)
             : format == FIELD_VIETNAMESE
                 ? read_grouped(text, len, '.', ',', plain) ? 0 : CHISO_E_SYNTAX
             : read_grouped(text, len, ',', '.', plain) ? 0
                                                        : CHISO_E_SYNTAX;
    return rc != 0 ? rc : decimal_parse(plain, strlen(plain), out);
}

static int parse_either(const char *text, size_t len, decimal_t *out)
{
    decimal_t vietnamese, plain;
    int v = parse(text, len, FIELD_VIETNAMESE, &vietnamese);
    int p = parse(text, len, FIELD_PLAIN, &plain);
    if (v == 0 && p == 0 && decimal_compare(vietnamese, plain) != 0) {
        return CHISO_E_SYNTAX; /* "1.250": nobody can tell */
    }
    if (v != 0 && p != 0) {
        return v == CHISO_E_RANGE ? v : p;
    }
    *out = v == 0 ? vietnamese : plain;
    return 0;
}

static int parse_of_max(const char *text, size_t len, decimal_t *out)
{
    const char *bar = memchr(text, '/', len);
    decimal_t raw, max;
    if (bar == NULL) {
        return CHISO_E_SYNTAX;
    }
    int rc = parse_either(text, (size_t)(bar - text), &raw);
    if (rc == 0) {
        rc = parse_either(bar + 1, len - (size_t)(bar - text) - 1, &max);
    }
    if (rc == 0 && decimal_sign(max) <= 0) {
        rc = CHISO_E_SYNTAX;
    }
    if (rc == 0) {
        *out = raw;
    }
    return rc;
}

static int parse_yes_no(const char *text, size_t len, decimal_t *out)
{
    static const char *const words[2][8] = {
        {"0", "false", "no", "không", "Không", "KHÔNG", NULL},
        {"1", "true", "yes", "có", "Có", "CÓ", NULL},
    };
    trim(&text, &len);
    for (int yes = 0; yes < 2; yes++) {
        for (size_t i = 0; words[yes][i] != NULL; i++) {
            if (strlen(words[yes][i]) == len && strncasecmp(words[yes][i], text, len) == 0) {
                *out = decimal_of(yes);
                return 0;
            }
        }
    }
    return CHISO_E_SYNTAX;
}

int field_number(const char *text, field_number_t format, decimal_t scale, decimal_t *out)
{
    decimal_t value, down, up;
    size_t len = strnlen(text, MAX_TEXT + 1);
    if (len > MAX_TEXT) {
        return CHISO_E_SYNTAX;
    }
    int rc = format == FIELD_RAW_OF_MAX ? parse_of_max(text, len, &value)
             : format == FIELD_YES_NO   ? parse_yes_no(text, len, &value)
                                        : parse(text, len, format, &value);
    if (rc != 0) {
        return rc;
    }
    if (decimal_muldiv(value, scale, decimal_of(1), DECIMAL_DOWN, &down) != 0 ||
        decimal_muldiv(value, scale, decimal_of(1), DECIMAL_UP, &up) != 0 ||
        decimal_compare(down, up) != 0) {
        return CHISO_E_RANGE;
    }
    *out = down;
    return 0;
}

field_number_t field_number_of(const char *name)
{
    static const char *const names[] = {"",        "plain",      "vietnamese",
                                        "english", "raw-of-max", "yes-no"};
    for (size_t i = 1; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return (field_number_t)i;
        }
    }
    return (field_number_t)0;
}

/* ---- dates ---- */

#define VIETNAM_OFFSET_S (7 * 3600)
#define FIRST_YEAR 1900
#define LAST_YEAR 2199

typedef struct {
    int year, month, day, hour, minute, second, milli;
    int offset_s; /* east of UTC */
} moment_t;

/* Reads `least` to `most` digits; -1 when they are not there. */
static int digits_at(const char **at, int least, int most)
{
    int value = 0;
    int n = 0;
    for (; n < most && is_digit(**at); n++) {
        value = value * 10 + (*(*at)++ - '0');
    }
    return n >= least ? value : -1;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since 1970-01-01 of the Gregorian calendar. */
static int64_t day_number(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t past = year - 1;
    bool leap = days_in(year, 2) == 29;
    return past * 365 + past / 4 - past / 100 + past / 400 + before[month - 1] +
           (month > 2 && leap ? 1 : 0) + day - 1 - 719162;
}

static int seal(const moment_t *m, int64_t *out_ms)
{
    if (m->year < FIRST_YEAR || m->year > LAST_YEAR || m->month < 1 || m->month > 12 ||
        m->day < 1 || m->day > days_in(m->year, m->month) || m->hour < 0 || m->hour > 23 ||
        m->minute < 0 || m->minute > 59 || m->second < 0 || m->second > 59) {
        return CHISO_E_SYNTAX;
    }
    int64_t s = day_number(m->year, m->month, m->day) * 86400 + m->hour * 3600 + m->minute * 60 +
                m->second - m->offset_s;
    *out_ms = s * 1000 + m->milli;
    return 0;
}

static int read_offset(const char **at, int *out)
{
    const char *c = *at;
    if (*c == 'Z') {
        *at = c + 1;
        *out = 0;
        return 0;
    }
    int sign = *c == '-' ? -1 : 1;
    if (*c != '+' && *c != '-') {
        return CHISO_E_SYNTAX;
    }
    c++;
    int hours = digits_at(&c, 2, 2);
    c += *c == ':' ? 1 : 0;
    int minutes = digits_at(&c, 2, 2);
    if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) {
        return CHISO_E_SYNTAX;
    }
    *out = sign * (hours * 3600 + minutes * 60);
    *at = c;
    return 0;
}

static int read_iso(const char *text, int64_t *out_ms)
{
    moment_t m = {.offset_s = VIETNAM_OFFSET_S};
    const char *at = text;
    m.year = digits_at(&at, 4, 4);
    m.month = m.year >= 0 && *at++ == '-' ? digits_at(&at, 2, 2) : -1;
    m.day = m.month >= 0 && *at++ == '-' ? digits_at(&at, 2, 2) : -1;
    if (m.day < 0) {
        return CHISO_E_SYNTAX;
    }
    if (*at == 'T' || *at == ' ') {
        at++;
        m.hour = digits_at(&at, 2, 2);
        m.minute = m.hour >= 0 && *at++ == ':' ? digits_at(&at, 2, 2) : -1;
        if (m.minute >= 0 && *at == ':') {
            at++;
            m.second = digits_at(&at, 2, 2);
        }
        if (m.minute < 0 || m.second < 0) {
            return CHISO_E_SYNTAX;
        }
        if (*at == '.') {
            const char *from = ++at;
            int fraction = digits_at(&at, 0, 9);
            for (int n = (int)(at - from); n != 3; n += n < 3 ? 1 : -1) {
                fraction = n < 3 ? fraction * 10 : fraction / 10;
            }
            m.milli = fraction;
        }
        if (read_offset(&at, &m.offset_s) != 0) {
            return CHISO_E_SYNTAX;
        }
    }
    return *at == '\0' ? seal(&m, out_ms) : CHISO_E_SYNTAX;
}

static int read_epoch(const char *text, int64_t *out_ms)
{
    int64_t value = 0;
    size_t n = 0;
    for (; is_digit(text[n]) && n < 14; n++) {
        value = value * 10 + (text[n] - '0');
    }
    if (n == 0 || text[n] != '\0' || value >= day_number(LAST_YEAR + 1, 1, 1) * 86400000) {
        return CHISO_E_SYNTAX;
    }
    *out_ms = value;
    return 0;
}

/* The part of a date that the format names next, with its number of digits; NULL for a separator
 * or a letter that means nothing. Moves on. */
static int *next_part(const char **format, moment_t *m, int *least, int *most)
{
    static const struct {
        const char *token;
        size_t offset;
        int least, most;
    } parts[] = {
        {"yyyy", offsetof(moment_t, year), 4, 4}, {"MM", offsetof(moment_t, month), 2, 2},
        {"M", offsetof(moment_t, month), 1, 2},   {"dd", offsetof(moment_t, day), 2, 2},
        {"d", offsetof(moment_t, day), 1, 2},     {"HH", offsetof(moment_t, hour), 2, 2},
        {"mm", offsetof(moment_t, minute), 2, 2}, {"ss", offsetof(moment_t, second), 2, 2},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t len = strlen(parts[i].token);
        if (strncmp(*format, parts[i].token, len) == 0) {
            *format += len;
            *least = parts[i].least;
            *most = parts[i].most;
            return (int *)(void *)((char *)m + parts[i].offset);
        }
    }
    return NULL;
}

int field_date_check(const char *format)
{
    moment_t count = {0};
    int least, most;
    bool open = false; /* the last part may take a digit more */
    if (strcmp(format, "iso") == 0 || strcmp(format, "epoch-ms") == 0) {
        return 0;
    }
    if (strlen(format) > 40) {
        return CHISO_E_SYNTAX;
    }
    while (*format != '\0') {
        int *part = next_part(&format, &count, &least, &most);
        if (part != NULL) {
            if (++*part > 1 || open) {
                return CHISO_E_SYNTAX;
            }
            open = least != most;
        } else {
            char c = *format++;
            if (c != 'T' && strchr("-/. :,", c) == NULL) {
                return CHISO_E_SYNTAX;
            }
            open = false;
        }
    }
    bool time = count.hour == count.minute && count.second <= count.minute;
    return count.year == 1 && count.month == 1 && count.day == 1 && time ? 0 : CHISO_E_SYNTAX;
}

int field_date(const char *text, const char *format, int64_t *out_ms)
{
    moment_t m = {.offset_s = VIETNAM_OFFSET_S};
    if (strcmp(format, "iso") == 0) {
        return read_iso(text, out_ms);
    }
    if (strcmp(format, "epoch-ms") == 0) {
        return read_epoch(text, out_ms);
    }
    if (field_date_check(format) != 0) {
        return CHISO_E_SYNTAX;
    }
    while (*format != '\0') {
        int least, most;
        int *part = next_part(&format, &m, &least, &most);
        if (part != NULL) {
            *part = digits_at(&text, least, most);
            if (*part < 0) {
                return CHISO_E_SYNTAX;
            }
        } else if (*text++ != *format++) {
            return CHISO_E_SYNTAX;
        }
    }
    return *text == '\0' ? seal(&m, out_ms) : CHISO_E_SYNTAX;
}
