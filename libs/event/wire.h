/* wire.h - the safe door in front of protobuf-c.
 *
 * protobuf-c 1.4 has no recursion limit, keeps unknown fields at many times their size and accepts
 * bad UTF-8. So the bytes are walked first, by the message's own descriptor, against the limits
 * below; only then are they unpacked, into an arena of bounded size; and every string is checked to
 * be NFC. What a field must mean is checked by the caller (event.c, bus).
 */
#ifndef CHISO_EVENT_WIRE_H
#define CHISO_EVENT_WIRE_H

#include "base/bytes.h"

#include <protobuf-c/protobuf-c.h>

#define WIRE_MAX_DEPTH 4
#define WIRE_MAX_FIELDS 65536       /* in one message, nested ones counted */
#define WIRE_MAX_UNKNOWN_BYTES 4096 /* of fields that a newer version may have added */

typedef struct wire_arena wire_arena_t;

/* Unpacks into a new arena, which owns *out. 0; CHISO_E_PROTOCOL with a reason (may be NULL);
 * CHISO_E_TOO_BIG when larger than max_bytes; -ENOMEM. */
int wire_unpack(const ProtobufCMessageDescriptor *descriptor, bytes_t in, size_t max_bytes,
                char reason[256], wire_arena_t **arena, ProtobufCMessage **out);
void wire_free(wire_arena_t **arena);
/* An arena of one block of so many bytes, which is returned; NULL: out of memory. */
void *wire_arena_new(size_t bytes, wire_arena_t **out);

/* Appends the packed message to `out`. */
void wire_pack(const ProtobufCMessage *message, buffer_t *out);

#endif
