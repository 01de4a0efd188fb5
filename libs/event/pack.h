/* pack.h - protobuf written straight into a buffer, for what is packed by the million.
 *
 * protobuf-c measures a message, then packs it, each through its descriptor; here a field is a few
 * stores. Fields must be written in the order of their numbers, as protobuf-c does, so that both
 * give the same bytes. The caller has made room: no function checks (see buffer_room).
 */
#ifndef CHISO_EVENT_PACK_H
#define CHISO_EVENT_PACK_H

#include "base/bytes.h"

#include <string.h>

#define PACK_TAG 5     /* most bytes of a tag and a short length */
#define PACK_NUMBER 15 /* most bytes of a tag and a number */
#define PACK_NESTED 8  /* most bytes around a message */

static inline uint8_t *pack_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Field numbers up to 2047. */
static inline uint8_t *pack_number(uint8_t *at, unsigned field, uint64_t value)
{
    at = pack_varint(at, field << 3);
    return pack_varint(at, value);
}

static inline uint8_t *pack_bytes(uint8_t *at, unsigned field, const void *data, size_t len)
{
    at = pack_varint(at, field << 3 | 2);
    at = pack_varint(at, len);
    memcpy(at, data, len);
    return at + len;
}

static inline uint8_t *pack_text(uint8_t *at, unsigned field, const char *text)
{
    return pack_bytes(at, field, text, strlen(text));
}

/* A message within: what is written between begin and end. */
static inline uint8_t *pack_begin(uint8_t *at, unsigned field)
{
    return pack_varint(at, field << 3 | 2) + 1;
}

/* `start` is what pack_begin() returned. One byte was left for the length: a longer one moves it.
 */
static inline uint8_t *pack_end(uint8_t *start, uint8_t *at)
{
    size_t len = (size_t)(at - start);
    size_t more = 0;
    for (size_t rest = len >> 7; rest > 0; rest >>= 7) {
        more++;
    }
    if (more > 0) {
        memmove(start + more, start, len);
    }
    pack_varint(start - 1, len);
    return at + more;
}

#endif
