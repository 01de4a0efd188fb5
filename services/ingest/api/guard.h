/* guard.h - who presented a wrong token too often, by address. Bounded: of many more addresses than
 * it has room for, the ones that failed longest ago are forgotten. */
#ifndef CHISO_INGEST_API_GUARD_H
#define CHISO_INGEST_API_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#define GUARD_FAILURES 10 /* in a window, and then nothing more is looked at */
#define GUARD_WINDOW_MS (60 * 1000)
#define GUARD_ADDRESSES 4096

typedef struct guard guard_t;

int guard_new(guard_t **out); /* 0 or -ENOMEM */
void guard_destroy(guard_t **guard);

/* 0, or how many ms the address has to wait. Of IPv6 the network of 64 bits counts. */
int64_t guard_wait(guard_t *guard, const char *address, int64_t mono_ms);
void guard_failed(guard_t *guard, const char *address, int64_t mono_ms);

#endif
