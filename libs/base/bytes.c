/* bytes.c - see bytes.h. SHA-256 is nettle's, which uses the processor's instructions for it:
 * libsodium's portable one takes four times as long, and every record is hashed. The CRC is our
 * own, since neither zlib nor libsodium has Castagnoli's polynomial: by the processor's instruction
 * where there is one, else by table. */
#include "base/bytes.h"

#include <nettle/sha2.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bytes_t bytes_of(const void *data, size_t len)
{
    return (bytes_t){.data = data, .len = len};
}

bytes_t bytes_of_text(const char *text)
{
    return bytes_of(text, strlen(text));
}

bool bytes_equal(bytes_t a, bytes_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool bytes_start_with(bytes_t a, bytes_t prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.data, prefix.data, prefix.len) == 0);
}

/* And for one NUL behind them. */
bool buffer_room(buffer_t *b, size_t more)
{
    if (b->failed || more > b->max || b->len > b->max - more) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->cap) {
        return true;
    }
    size_t cap = b->cap < 64 ? 64 : b->cap;
    while (cap < need) {
        cap *= 2;
    }
    uint8_t *grown = realloc(b->data, cap);
    if (grown == NULL) {
        b->failed = true;
        return false;
    }
    b->data = grown;
    b->cap = cap;
    return true;
}

void buffer_append(buffer_t *b, const void *data, size_t len)
{
    if (buffer_room(b, len) && len > 0) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
    }
}

void buffer_append_text(buffer_t *b, const char *text)
{
    buffer_append(b, text, strlen(text));
}

void buffer_append_part(buffer_t *b, const char *text)
{
    buffer_append(b, text, strlen(text) + 1);
}

void buffer_printf(buffer_t *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        b->failed = true;
    } else if (buffer_room(b, (size_t)len)) {
        vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void buffer_clear(buffer_t *b)
{
    b->len = 0;
    b->failed = false;
}

void buffer_free(buffer_t *b)
{
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
    b->failed = false;
}

bytes_t buffer_bytes(const buffer_t *b)
{
    return bytes_of(b->data, b->len);
}

const char *buffer_text(buffer_t *b)
{
    if (!buffer_room(b, 0)) {
        return NULL;
    }
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

void be64_put(uint8_t out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (uint8_t)value;
        value >>= 8;
    }
}

uint64_t be64_get(const uint8_t in[8])
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | in[i];
    }
    return value;
}

void be32_put(uint8_t out[4], uint32_t value)
{
    for (int i = 3; i >= 0; i--) {
        out[i] = (uint8_t)value;
        value >>= 8;
    }
}

uint32_t be32_get(const uint8_t in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

void sha256_parts(const bytes_t *parts, size_t n, uint8_t out[SHA256_SIZE])
{
    struct sha256_ctx state;
    sha256_init(&state);
    for (size_t i = 0; i < n; i++) {
        sha256_update(&state, parts[i].len, parts[i].data);
    }
    sha256_digest(&state, SHA256_SIZE, out);
}

void sha256(bytes_t in, uint8_t out[SHA256_SIZE])
{
    sha256_parts(&in, 1, out);
}

const char *sha256_hex(const uint8_t hash[SHA256_SIZE], char out[SHA256_HEX_SIZE])
{
    return sodium_bin2hex(out, SHA256_HEX_SIZE, hash, SHA256_SIZE);
}

static uint32_t crc_table[256];

static void fill_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) {
            c = (c & 1) != 0 ? c >> 1 ^ 0x82f63b78U : c >> 1;
        }
        crc_table[i] = c;
    }
}

static uint32_t crc_by_table(uint32_t crc, bytes_t in)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_crc_table);
    for (size_t i = 0; i < in.len; i++) {
        crc = crc >> 8 ^ crc_table[(crc ^ in.data[i]) & 0xff];
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(uint32_t crc, bytes_t in)
{
    uint64_t wide = crc;
    size_t i = 0;
    for (; i + 8 <= in.len; i += 8) {
        uint64_t eight;
        memcpy(&eight, in.data + i, sizeof eight);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    crc = (uint32_t)wide;
    for (; i < in.len; i++) {
        crc = __builtin_ia32_crc32qi(crc, in.data[i]);
    }
    return crc;
}
#endif

uint32_t crc32c(uint32_t crc, bytes_t in)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc_by_instruction(~crc, in);
    }
#endif
    return ~crc_by_table(~crc, in);
}
