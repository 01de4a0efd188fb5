/* clock.c - see clock.h. */
#include "base/clock.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t real_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

static int64_t real_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

static const clock_source_t real_source = {real_wall_ms, real_mono_ms, randombytes_uniform};
static clock_source_t source = {real_wall_ms, real_mono_ms, randombytes_uniform};

int64_t clock_wall_ms(void)
{
    return source.wall_ms();
}

int64_t clock_mono_ms(void)
{
    return source.mono_ms();
}

int64_t clock_mono_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint32_t clock_random(uint32_t bound)
{
    return source.random(bound);
}

uint64_t clock_random64(void)
{
    uint64_t value;
    randombytes_buf(&value, sizeof value);
    return value;
}

void clock_set_source(const clock_source_t *replacement)
{
    source = replacement != NULL ? *replacement : real_source;
}

const char *clock_iso(int64_t wall_ms, char out[CLOCK_ISO_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    int ms = (int)(wall_ms % 1000);
    if (ms < 0) {
        ms += 1000;
        seconds -= 1;
    }
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t n = strftime(out, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, CLOCK_ISO_SIZE - n, ".%03dZ", ms);
    return out;
}
