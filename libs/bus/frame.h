/* frame.h - one protobuf frame to and from a ZeroMQ message. Inside libs/bus only. */
#ifndef CHISO_BUS_FRAME_H
#define CHISO_BUS_FRAME_H

#include "bus/bus.h"
#include "chiso/v1/bus.pb-c.h"
#include "event/wire.h"

typedef Chiso__V1__Frame frame_t;

/* 0, CHISO_E_PROTOCOL, CHISO_E_TOO_BIG, -ENOMEM. */
int frame_decode(bytes_t in, wire_arena_t **arena, const frame_t **out);

/* Sends `frame` as the last part of a message; false when it could not be handed over now. That is
 * no error: whoever wants an answer asks again. */
bool frame_send(zsock_t *socket, const frame_t *frame);

/* A certificate of a key file; NULL with a reason. */
zcert_t *frame_load_key(const char *file, char reason[256]);

#define FRAME_KEY_SIZE 41 /* a public key as text */
/* The public keys of a file or of a folder, by file name: how many, or CHISO_E_CONFIG with a
 * reason. */
int frame_load_servers(const char *path, char keys[BUS_MAX_SERVERS][FRAME_KEY_SIZE],
                       char reason[256]);

#endif
