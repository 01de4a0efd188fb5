/* limit.h - how much one client may ask: a token bucket for each address.
 *
 * A bucket holds at most `burst` tokens and gains `rate` a second; a request costs one, one that is
 * dear to answer LIMIT_DEAR. An IPv6 client is its /64. At most LIMIT_ADDRESSES are remembered: the
 * one unseen for longest makes room, and begins with a full bucket when it returns.
 */
#ifndef CHISO_PUBLISHER_API_LIMIT_H
#define CHISO_PUBLISHER_API_LIMIT_H

#include <stdint.h>

typedef struct limit limit_t;

#define LIMIT_ADDRESSES 4096
#define LIMIT_DEAR 10

/* NULL: no memory. Both at least 1. */
limit_t *limit_new(unsigned rate, unsigned burst);
void limit_destroy(limit_t **limit);

/* 0: go on; else after how many ms there are enough tokens again. now is clock_mono_ms(). */
int64_t limit_take(limit_t *limit, const char *address, unsigned cost, int64_t now);

/* The client's address: the peer's, or, when the peer is one of the proxies (NULL-terminated CIDR
 * texts, or NULL), the last one in X-Forwarded-For that is none. Points into one of the arguments
 * or to `room`. */
#define LIMIT_ADDRESS_SIZE 46
const char *limit_client(const char *peer, const char *forwarded, const char *const *proxies,
                         char room[LIMIT_ADDRESS_SIZE]);

#endif
