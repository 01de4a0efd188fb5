/* wire.c - see wire.h. */
#include "event/wire.h"

#include "base/error.h"
#include "text/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arena: unpacking makes many small blocks that die together ---- */

#define CHUNK_SIZE 4096

typedef struct chunk {
    struct chunk *next;
    size_t used, cap;
    max_align_t data[];
} chunk_t;

struct wire_arena {
    ProtobufCAllocator allocator;
    chunk_t *chunks; /* beyond the first */
    size_t budget;
    size_t used, first_cap;
    max_align_t first[]; /* most events need no other chunk */
};

static wire_arena_t *new_arena(size_t bytes)
{
    wire_arena_t *a = malloc(sizeof *a + bytes);
    if (a != NULL) {
        a->chunks = NULL;
        a->used = 0;
        a->first_cap = bytes;
    }
    return a;
}

void *wire_arena_new(size_t bytes, wire_arena_t **out)
{
    wire_arena_t *a = new_arena(bytes);
    if (a == NULL) {
        return NULL;
    }
    *out = a;
    return a->first;
}

static void *arena_alloc(void *context, size_t size)
{
    wire_arena_t *arena = context;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (size > arena->budget) {
        return NULL;
    }
    if (arena->chunks == NULL && size <= arena->first_cap - arena->used) {
        void *block = (char *)arena->first + arena->used;
        arena->used += size;
        arena->budget -= size;
        return block;
    }
    chunk_t *c = arena->chunks;
    if (c == NULL || c->cap - c->used < size) {
        size_t cap = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        c = malloc(sizeof *c + cap);
        if (c == NULL) {
            return NULL;
        }
        *c = (chunk_t){.next = arena->chunks, .cap = cap};
        arena->chunks = c;
    }
    void *block = (char *)c->data + c->used;
    c->used += size;
    arena->budget -= size;
    return block;
}

static void arena_release(void *context, void *block)
{
    (void)context; /* everything goes with the arena */
    (void)block;
}

void wire_free(wire_arena_t **arena)
{
    if (arena == NULL || *arena == NULL) {
        return;
    }
    while ((*arena)->chunks != NULL) {
        chunk_t *c = (*arena)->chunks;
        (*arena)->chunks = c->next;
        free(c);
    }
    free(*arena);
    *arena = NULL;
}

/* ---- the walk before unpacking ---- */

typedef struct {
    size_t fields;
    size_t unknown_bytes;
    const char *wrong;
} scan_t;

static bool read_varint(bytes_t *in, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 10 && i < in->len; i++) {
        value |= (uint64_t)(in->data[i] & 0x7f) << (7 * i);
        if ((in->data[i] & 0x80) == 0) {
            in->data += i + 1;
            in->len -= i + 1;
            *out = value;
            return true;
        }
    }
    return false;
}

/* Takes one field's value off `in`; `inner` is what it holds when it is length-delimited. */
static bool take_value(bytes_t *in, unsigned wire_type, bytes_t *inner)
{
    uint64_t len = 0;
    *inner = bytes_of(NULL, 0);
    switch (wire_type) {
    case 0:
        return read_varint(in, &len);
    case 1:
        len = 8;
        break;
    case 2:
        if (!read_varint(in, &len)) {
            return false;
        }
        break;
    case 5:
        len = 4;
        break;
    default: /* groups are older than this project */
        return false;
    }
    if (len > in->len) {
        return false;
    }
    *inner = bytes_of(in->data, (size_t)len);
    in->data += len;
    in->len -= (size_t)len;
    return true;
}

static bool scan_message(const ProtobufCMessageDescriptor *d, bytes_t in, int depth, scan_t *scan);

static bool scan_field(const ProtobufCMessageDescriptor *d, uint64_t tag, size_t whole,
                       bytes_t inner, int depth, scan_t *scan)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3));
    if (field == NULL) {
        scan->unknown_bytes += whole;
        if (scan->unknown_bytes > WIRE_MAX_UNKNOWN_BYTES) {
            scan->wrong = "too much in unknown fields";
        }
    } else if ((tag & 7) != 2) {
        return true;
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return scan_message(field->descriptor, inner, depth + 1, scan);
    } else if (field->type == PROTOBUF_C_TYPE_STRING &&
               !text_is_nfc((const char *)inner.data, inner.len)) {
        scan->wrong = "a text is not clean UTF-8 in NFC";
    }
    return scan->wrong == NULL;
}

static bool scan_message(const ProtobufCMessageDescriptor *d, bytes_t in, int depth, scan_t *scan)
{
    if (depth > WIRE_MAX_DEPTH) {
        scan->wrong = "nested too deeply";
        return false;
    }
    while (in.len > 0) {
        size_t before = in.len;
        uint64_t tag;
        bytes_t inner;
        if (!read_varint(&in, &tag) || tag >> 3 == 0 || tag >> 3 > 536870911 ||
            !take_value(&in, (unsigned)(tag & 7), &inner)) {
            scan->wrong = "not a protobuf message";
            return false;
        }
        if (++scan->fields > WIRE_MAX_FIELDS) {
            scan->wrong = "too many fields";
            return false;
        }
        if (!scan_field(d, tag, before - in.len, inner, depth, scan)) {
            return false;
        }
    }
    return true;
}

static int refuse(char *reason, const char *text, int code)
{
    if (reason != NULL) {
        snprintf(reason, 256, "%s", text);
    }
    return code;
}

int wire_unpack(const ProtobufCMessageDescriptor *descriptor, bytes_t in, size_t max_bytes,
                char reason[256], wire_arena_t **arena, ProtobufCMessage **out)
{
    if (in.len > max_bytes) {
        return refuse(reason, "larger than allowed", CHISO_E_TOO_BIG);
    }
    scan_t scan = {0};
    if (!scan_message(descriptor, in, 1, &scan)) {
        return refuse(reason, scan.wrong, CHISO_E_PROTOCOL);
    }
    wire_arena_t *a = new_arena(CHUNK_SIZE);
    if (a == NULL) {
        return -ENOMEM;
    }
    a->allocator = (ProtobufCAllocator){arena_alloc, arena_release, a};
    /* a field of a few bytes becomes a struct of up to ~200 */
    a->budget = scan.fields * 256 + in.len * 2 + CHUNK_SIZE;
    static const uint8_t nothing;
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &a->allocator, in.len,
                                                          in.data != NULL ? in.data : &nothing);
    if (message == NULL) {
        wire_free(&a);
        return refuse(reason, "a required field is missing or of another type", CHISO_E_PROTOCOL);
    }
    *arena = a;
    *out = message;
    return 0;
}

void wire_pack(const ProtobufCMessage *message, buffer_t *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t small[2048];
    uint8_t *room = size <= sizeof small ? small : malloc(size);
    if (room == NULL) {
        out->failed = true;
        return;
    }
    protobuf_c_message_pack(message, room);
    buffer_append(out, room, size);
    if (room != small) {
        free(room);
    }
}
