/* guard.c - see guard.h. A table of sets: an address belongs to one set of four places, so that a
 * look costs four comparisons however many addresses there are. */
#include "guard.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 4
#define KEY_SIZE 16

typedef struct {
    uint8_t key[KEY_SIZE];
    int64_t since; /* when the window began; 0: free */
    unsigned failures;
} place_t;

struct guard {
    uint64_t seed; /* so that nobody chooses addresses that share a set */
    place_t places[GUARD_ADDRESSES];
};

int guard_new(guard_t **out)
{
    guard_t *g = calloc(1, sizeof *g);
    if (g == NULL) {
        return -ENOMEM;
    }
    g->seed = clock_random64();
    *out = g;
    return 0;
}

void guard_destroy(guard_t **guard)
{
    free(*guard);
    *guard = NULL;
}

static void key_of(const char *address, uint8_t key[KEY_SIZE])
{
    memset(key, 0, KEY_SIZE);
    if (inet_pton(AF_INET6, address, key) == 1) {
        static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
        if (memcmp(key, mapped, sizeof mapped) != 0) {
            memset(key + 8, 0, KEY_SIZE - 8);
        }
        return;
    }
    key[10] = key[11] = 0xFF;
    if (inet_pton(AF_INET, address, key + 12) != 1) {
        memset(key, 0, KEY_SIZE);
    }
}

static place_t *set_of(guard_t *g, const uint8_t key[KEY_SIZE])
{
    uint64_t hash = g->seed ^ 0xCBF29CE484222325u;
    for (size_t i = 0; i < KEY_SIZE; i++) {
        hash = (hash ^ key[i]) * 0x100000001B3u;
    }
    return &g->places[(hash >> 20) % (GUARD_ADDRESSES / WAYS) * WAYS];
}

static place_t *find(guard_t *g, const uint8_t key[KEY_SIZE], int64_t now)
{
    place_t *set = set_of(g, key);
    for (size_t i = 0; i < WAYS; i++) {
        bool alive = set[i].since != 0 && now - set[i].since < GUARD_WINDOW_MS;
        if (alive && memcmp(set[i].key, key, KEY_SIZE) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

int64_t guard_wait(guard_t *g, const char *address, int64_t now)
{
    uint8_t key[KEY_SIZE];
    key_of(address, key);
    const place_t *place = find(g, key, now);
    return place != NULL && place->failures >= GUARD_FAILURES ? place->since + GUARD_WINDOW_MS - now
                                                              : 0;
}

void guard_failed(guard_t *g, const char *address, int64_t now)
{
    uint8_t key[KEY_SIZE];
    key_of(address, key);
    place_t *place = find(g, key, now);
    if (place == NULL) {
        place = set_of(g, key);
        for (size_t i = 1; i < WAYS; i++) {
            place = place[0].since > set_of(g, key)[i].since ? &set_of(g, key)[i] : place;
        }
        memcpy(place->key, key, KEY_SIZE);
        place->since = now > 0 ? now : 1;
        place->failures = 0;
    }
    place->failures++;
}
