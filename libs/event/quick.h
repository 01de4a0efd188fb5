/* quick.h - a Reading taken off the wire without protobuf-c; inside libs/event only. */
#ifndef CHISO_EVENT_QUICK_H
#define CHISO_EVENT_QUICK_H

#include "event/wire.h"

/* True, with what wire_unpack() would give, for an Event with a Reading of fields that are all
 * known, each where it should be, its texts clean. Otherwise false, and nothing is known:
 * wire_unpack() then says what is wrong, if anything. */
bool quick_reading(bytes_t in, size_t max_bytes, wire_arena_t **arena, ProtobufCMessage **out);

#endif
