/* keys.c - see keys.h.
 *
 * Open addressing with the hash in the slot: a look-up is one line of the table and one of the
 * result. uthash walks a chain through the results, each of them a miss of the cache, and a replay
 * looks up every standing of every ranking. Keys are codes of checked events, not of strangers.
 */
#include "keys.h"

#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_of(const void *key, size_t len)
{
    const uint8_t *at = key;
    uint64_t h = len;
    for (; len > 0;) {
        uint64_t word = 0;
        size_t n = len < sizeof word ? len : sizeof word;
        memcpy(&word, at, n);
        h = (h ^ word) * 0x9E3779B97F4A7C15ULL;
        h ^= h >> 29;
        at += n;
        len -= n;
    }
    return (uint32_t)(h >> 16);
}

struct result *keys_find(const keys_t *k, struct result *const *results, const void *key,
                         size_t len)
{
    if (k->n_slots == 0) {
        return NULL;
    }
    uint32_t hash = hash_of(key, len);
    for (size_t i = hash;; i++) {
        const key_slot_t *slot = &k->slots[i & (k->n_slots - 1)];
        if (slot->place == 0) {
            return NULL;
        }
        struct result *r = results[slot->place - 1];
        if (slot->hash == hash && r->key_len == len && memcmp(r->key, key, len) == 0) {
            return r;
        }
    }
}

uint32_t keys_foresee(const keys_t *k, const void *key, size_t len)
{
    uint32_t hash = hash_of(key, len);
    if (k->n_slots > 0) {
        __builtin_prefetch(&k->slots[hash & (k->n_slots - 1)]);
    }
    return hash;
}

struct result *keys_likely(const keys_t *k, struct result *const *results, uint32_t hash)
{
    for (size_t i = hash; k->n_slots > 0; i++) {
        const key_slot_t *slot = &k->slots[i & (k->n_slots - 1)];
        if (slot->place == 0 || slot->hash == hash) {
            return slot->place != 0 ? results[slot->place - 1] : NULL;
        }
    }
    return NULL;
}

static void put(keys_t *k, key_slot_t slot)
{
    size_t i = slot.hash;
    while (k->slots[i & (k->n_slots - 1)].place != 0) {
        i++;
    }
    k->slots[i & (k->n_slots - 1)] = slot;
}

static int grow(keys_t *k)
{
    keys_t larger = {.n_slots = k->n_slots == 0 ? 64 : k->n_slots * 2, .n = k->n};
    larger.slots = calloc(larger.n_slots, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < k->n_slots; i++) {
        if (k->slots[i].place != 0) {
            put(&larger, k->slots[i]);
        }
    }
    free(k->slots);
    *k = larger;
    return 0;
}

int keys_add(keys_t *k, struct result *const *results, size_t place)
{
    if ((k->n + 1) * 2 > k->n_slots && grow(k) != 0) {
        return -ENOMEM;
    }
    const struct result *r = results[place];
    put(k, (key_slot_t){hash_of(r->key, r->key_len), (uint32_t)place + 1});
    k->n++;
    return 0;
}

void keys_free(keys_t *k)
{
    free(k->slots);
    *k = (keys_t){0};
}
