/* bytes.h - byte ranges, growing buffers, big-endian numbers, hex and hashes. */
#ifndef CHISO_BASE_BYTES_H
#define CHISO_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed range of bytes; data may be NULL when len is 0. */
typedef struct {
    const uint8_t *data;
    size_t len;
} bytes_t;

bytes_t bytes_of(const void *data, size_t len);
bytes_t bytes_of_text(const char *text); /* without the final NUL */
bool bytes_equal(bytes_t a, bytes_t b);
bool bytes_start_with(bytes_t a, bytes_t prefix); /* also when they are equal */

/* A growing buffer with a maximum. Sticky: after a failure every append is a no-op, and
 * buffer_failed() tells. Zero-initialise with BUFFER_INIT. */
typedef struct {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
    bool failed; /* out of memory, or past max */
} buffer_t;
#define BUFFER_INIT(maximum)                                                                       \
    {                                                                                              \
        .max = (maximum)                                                                           \
    }

void buffer_append(buffer_t *b, const void *data, size_t len);
void buffer_append_text(buffer_t *b, const char *text);
/* Text with its NUL: a part of a key. No part can hold a NUL, so a prefix ends where its part does.
 */
void buffer_append_part(buffer_t *b, const char *text);
void buffer_printf(buffer_t *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for `more` bytes, to be written at buffer_at(); buffer_end() then says where they end.
 * False after a failure. */
bool buffer_room(buffer_t *b, size_t more);
static inline uint8_t *buffer_at(const buffer_t *b)
{
    return b->data + b->len;
}
static inline void buffer_end(buffer_t *b, const uint8_t *end)
{
    b->len = (size_t)(end - b->data);
}
void buffer_clear(buffer_t *b); /* forgets the contents and the failure, keeps the memory */
void buffer_free(buffer_t *b);
bytes_t buffer_bytes(const buffer_t *b);
/* The contents as a NUL-terminated text (the NUL is not counted); NULL after a failure. */
const char *buffer_text(buffer_t *b);

void be64_put(uint8_t out[8], uint64_t value);
uint64_t be64_get(const uint8_t in[8]);
void be32_put(uint8_t out[4], uint32_t value);
uint32_t be32_get(const uint8_t in[4]);

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65
void sha256(bytes_t in, uint8_t out[SHA256_SIZE]);
/* Of the parts, one behind the other. */
void sha256_parts(const bytes_t *parts, size_t n, uint8_t out[SHA256_SIZE]);
const char *sha256_hex(const uint8_t hash[SHA256_SIZE], char out[SHA256_HEX_SIZE]);

/* CRC-32C (Castagnoli) of `in`, going on from `crc` (0 to begin). */
uint32_t crc32c(uint32_t crc, bytes_t in);

#endif
