/* clock.h - time and randomness behind one small door, so that tests can set both. */
#ifndef CHISO_BASE_CLOCK_H
#define CHISO_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since the Unix epoch, UTC: for what is stored and shown. May jump. */
int64_t clock_wall_ms(void);

/* Milliseconds of a clock that never goes back: for time-outs and rates. */
int64_t clock_mono_ms(void);

/* The same clock, real in tests too: to measure with, never to decide by. */
int64_t clock_mono_us(void);

/* Uniform in [0, bound); bound > 0. */
uint32_t clock_random(uint32_t bound);
uint64_t clock_random64(void);

/* Replace the three for a test; NULL restores the real one. */
typedef struct {
    int64_t (*wall_ms)(void);
    int64_t (*mono_ms)(void);
    uint32_t (*random)(uint32_t bound);
} clock_source_t;
void clock_set_source(const clock_source_t *source);

/* "2026-11-22T14:30:00.123Z". Buffer of CLOCK_ISO_SIZE bytes; returns it. */
#define CLOCK_ISO_SIZE 32
const char *clock_iso(int64_t wall_ms, char out[CLOCK_ISO_SIZE]);

#endif
