/* keys.h - results by key: found a few times for each event, and for each standing of a replay. */
#ifndef CHISO_SCORER_KEYS_H
#define CHISO_SCORER_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct result;

typedef struct {
    uint32_t hash, place; /* place 0: empty */
} key_slot_t;

typedef struct {
    key_slot_t *slots;
    size_t n_slots; /* a power of two, at least twice as many as there are keys */
    size_t n;
} keys_t;

/* The result of this key among `results`, or NULL. */
struct result *keys_find(const keys_t *keys, struct result *const *results, const void *key,
                         size_t len);
/* For those who will look for a key soon: its hash, its slot on the way to the processor's caches;
 * and then what probably is the result, without a look at it. */
uint32_t keys_foresee(const keys_t *keys, const void *key, size_t len);
struct result *keys_likely(const keys_t *keys, struct result *const *results, uint32_t hash);
/* Adds results[place]. 0 or -ENOMEM. */
int keys_add(keys_t *keys, struct result *const *results, size_t place);
void keys_free(keys_t *keys);

#endif
