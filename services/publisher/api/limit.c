/* limit.c - see limit.h. The table is one block, in sets of a few places: no list to walk, and
 * nothing grows however many addresses come. */
#include "limit.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "fetch/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define SETS (LIMIT_ADDRESSES / WAYS)

typedef struct {
    network_address_t address;
    int64_t seen;    /* 0: free */
    uint64_t tokens; /* in thousandths */
} bucket_t;

struct limit {
    unsigned rate, burst;
    uint32_t seed; /* so that nobody can choose addresses of one set */
    bucket_t buckets[SETS][WAYS];
};

limit_t *limit_new(unsigned rate, unsigned burst)
{
    limit_t *l = calloc(1, sizeof *l);
    if (l != NULL) {
        l->rate = rate;
        l->burst = burst;
        l->seed = (uint32_t)clock_random64();
    }
    return l;
}

void limit_destroy(limit_t **limit)
{
    if (limit != NULL) {
        free(*limit);
        *limit = NULL;
    }
}

static bool is_ipv4(const network_address_t *a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(a->byte, mapped, sizeof mapped) == 0;
}

static bucket_t *bucket_of(limit_t *l, const network_address_t *address, int64_t now)
{
    bucket_t *set =
        l->buckets[crc32c(l->seed, bytes_of(address->byte, sizeof address->byte)) % SETS];
    bucket_t *oldest = set;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].seen != 0 &&
            memcmp(set[i].address.byte, address->byte, sizeof address->byte) == 0) {
            return &set[i];
        }
        oldest = set[i].seen < oldest->seen ? &set[i] : oldest;
    }
    *oldest = (bucket_t){*address, now, (uint64_t)l->burst * 1000};
    return oldest;
}

int64_t limit_take(limit_t *l, const char *text, unsigned cost, int64_t now)
{
    network_address_t address;
    if (!network_of_text(text, &address)) {
        memset(&address, 0, sizeof address); /* a proxy that tells nonsense: all of those are one */
    }
    if (!is_ipv4(&address)) {
        memset(address.byte + 8, 0, 8);
    }
    now = now > 0 ? now : 1;
    bucket_t *b = bucket_of(l, &address, now);
    uint64_t most = (uint64_t)l->burst * 1000;
    uint64_t gained = now > b->seen ? (uint64_t)(now - b->seen) * l->rate : 0;
    uint64_t price = (uint64_t)(cost < l->burst ? cost : l->burst) * 1000;
    b->tokens = b->tokens + gained < most ? b->tokens + gained : most;
    b->seen = now;
    if (b->tokens < price) {
        return (int64_t)((price - b->tokens + l->rate - 1) / l->rate);
    }
    b->tokens -= price;
    return 0;
}

static bool is_proxy(const char *text, const char *const *proxies)
{
    network_address_t address;
    bool is = false;
    if (network_of_text(text, &address)) {
        for (size_t i = 0; !is && proxies != NULL && proxies[i] != NULL; i++) {
            is = network_holds(proxies[i], &address);
        }
    }
    return is;
}

const char *limit_client(const char *peer, const char *forwarded, const char *const *proxies,
                         char room[LIMIT_ADDRESS_SIZE])
{
    if (!is_proxy(peer, proxies) || forwarded == NULL) {
        return peer;
    }
    size_t end = strlen(forwarded);
    const char *client = peer;
    while (end > 0) { /* from the last: what stands before may be the client's own invention */
        size_t from = end;
        while (from > 0 && forwarded[from - 1] != ',') {
            from--;
        }
        size_t first = from + strspn(forwarded + from, " \t");
        size_t len = first < end ? end - first : 0;
        while (len > 0 &&
               (forwarded[first + len - 1] == ' ' || forwarded[first + len - 1] == '\t')) {
            len--;
        }
        snprintf(room, LIMIT_ADDRESS_SIZE, "%.*s",
                 (int)(len < LIMIT_ADDRESS_SIZE ? len : LIMIT_ADDRESS_SIZE - 1), forwarded + first);
        client = room;
        if (!is_proxy(room, proxies)) {
            break;
        }
        end = from > 0 ? from - 1 : 0;
    }
    return client;
}
