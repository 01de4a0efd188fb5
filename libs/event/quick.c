/* quick.c - see quick.h.
 *
 * Readings come by the hundred thousand a second. The generic way walks the bytes by descriptors
 * twice, once to check and once to unpack; here each byte is looked at once, into one block of
 * memory. tests/unit/test_event_quick.c holds both ways against each other on mutated bytes.
 */
#include "quick.h"

#include "chiso/v1/events.pb-c.h"
#include "text/text.h"
#include "trace/trace.h"

#include <string.h>

#define NUMBER 0
#define BLOCK 2
#define FIELD(number, type) ((number) << 3 | (type))

typedef struct {
    const uint8_t *at, *end;
    char *room; /* for texts, and then for what they belong to */
} read_t;

static bool read_varint(read_t *r, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false; /* too long a one, or negative: not for here */
}

/* One field: a number, or a block of bytes. */
static bool read_field(read_t *r, uint64_t *tag, uint64_t *number, bytes_t *block)
{
    if (!read_varint(r, tag) || !read_varint(r, number)) {
        return false;
    }
    if ((*tag & 7) == NUMBER) {
        return true;
    }
    if ((*tag & 7) != BLOCK || *number > (uint64_t)(r->end - r->at)) {
        return false;
    }
    *block = bytes_of(r->at, (size_t)*number);
    r->at += *number;
    return true;
}

/* A text that stands once; the room was measured by the caller. */
static bool take_text(read_t *r, bytes_t block, char **out)
{
    if (*out != NULL && *out != protobuf_c_empty_string) {
        return false;
    }
    if (memchr(block.data, '\0', block.len) != NULL ||
        !text_is_nfc((const char *)block.data, block.len)) {
        return false;
    }
    *out = r->room;
    memcpy(r->room, block.data, block.len);
    r->room[block.len] = '\0';
    r->room += block.len + 1;
    return true;
}

static bool read_unit(read_t *outer, bytes_t block, Chiso__V1__Unit *u)
{
    read_t r = {block.data, block.data + block.len, outer->room};
    uint64_t tag;
    uint64_t number;
    bytes_t inner;
    bool level = false;
    chiso__v1__unit__init(u);
    while (r.at < r.end) {
        if (!read_field(&r, &tag, &number, &inner)) {
            return false;
        }
        bool good = false;
        switch (tag) {
        case FIELD(1, BLOCK):
            good = take_text(&r, inner, &u->code);
            break;
        case FIELD(2, NUMBER):
            good = !level && number <= INT32_MAX;
            u->level = (Chiso__V1__Level)number;
            level = true;
            break;
        case FIELD(3, BLOCK):
            good = take_text(&r, inner, &u->parent);
            break;
        case FIELD(4, BLOCK):
            good = take_text(&r, inner, &u->name);
            break;
        }
        if (!good) {
            return false;
        }
    }
    outer->room = r.room;
    return level && u->code != NULL && u->name != NULL;
}

static bool read_figure(read_t *outer, bytes_t block, Chiso__V1__Figure *f)
{
    read_t r = {block.data, block.data + block.len, outer->room};
    uint64_t tag;
    uint64_t number;
    bytes_t inner;
    unsigned seen = 0;
    chiso__v1__figure__init(f);
    while (r.at < r.end) {
        if (!read_field(&r, &tag, &number, &inner) || tag >> 3 > 8 || (seen >> (tag >> 3) & 1)) {
            return false;
        }
        seen |= 1U << (tag >> 3);
        bool good = false;
        switch (tag) {
        case FIELD(1, BLOCK):
            good = take_text(&r, inner, &f->id);
            break;
        case FIELD(2, BLOCK):
            good = take_text(&r, inner, &f->value);
            break;
        case FIELD(3, BLOCK):
            good = take_text(&r, inner, &f->source);
            break;
        case FIELD(4, BLOCK):
            good = take_text(&r, inner, &f->series);
            break;
        case FIELD(5, NUMBER):
            f->fetched_at = (int64_t)number;
            good = true;
            break;
        case FIELD(6, NUMBER):
            f->revision = (uint32_t)number;
            good = number <= UINT32_MAX;
            break;
        case FIELD(7, BLOCK):
            f->raw_sha256 = (ProtobufCBinaryData){inner.len, (uint8_t *)r.room};
            memcpy(r.room, inner.data, inner.len);
            r.room += inner.len;
            good = true;
            break;
        case FIELD(8, BLOCK):
            good = take_text(&r, inner, &f->submitter);
            break;
        }
        if (!good) {
            return false;
        }
    }
    outer->room = r.room;
    return (seen & 0xfe) == 0xfe;
}

/* What the block holds: how many figures, and that there is nothing else than a Reading's fields.
 */
static bool measure(bytes_t block, size_t *n_figures)
{
    read_t r = {block.data, block.data + block.len, NULL};
    uint64_t tag;
    uint64_t number;
    bytes_t inner;
    unsigned units = 0;
    unsigned periods = 0;
    *n_figures = 0;
    while (r.at < r.end) {
        if (!read_field(&r, &tag, &number, &inner)) {
            return false;
        }
        units += tag == FIELD(1, BLOCK);
        periods += tag == FIELD(2, BLOCK);
        *n_figures += tag == FIELD(3, BLOCK);
        if (tag != FIELD(1, BLOCK) && tag != FIELD(2, BLOCK) && tag != FIELD(3, BLOCK)) {
            return false;
        }
    }
    return units == 1 && periods == 1;
}

typedef struct {
    Chiso__V1__Event event;
    Chiso__V1__Reading reading;
    Chiso__V1__Unit unit;
    uint8_t trace[TRACE_SIZE];
} parts_t;

/* Fills the parts and the figures behind them; texts lie behind those. */
static bool read_reading(bytes_t block, parts_t *parts, Chiso__V1__Figure *figures,
                         Chiso__V1__Figure **list, char *room)
{
    read_t r = {block.data, block.data + block.len, room};
    uint64_t tag;
    uint64_t number;
    bytes_t inner = bytes_of(NULL, 0);
    size_t n = 0;
    chiso__v1__event__init(&parts->event);
    chiso__v1__reading__init(&parts->reading);
    parts->event.body_case = CHISO__V1__EVENT__BODY_READING;
    parts->event.reading = &parts->reading;
    parts->reading.unit = &parts->unit;
    parts->reading.figures = list;
    while (r.at < r.end) {
        bool good = read_field(&r, &tag, &number, &inner);
        if (good && tag >> 3 == 1) {
            good = read_unit(&r, inner, &parts->unit);
        } else if (good && tag >> 3 == 2) {
            good = take_text(&r, inner, &parts->reading.period);
        } else if (good) {
            list[n] = &figures[n];
            good = read_figure(&r, inner, &figures[n++]);
        }
        if (!good) {
            return false;
        }
    }
    parts->reading.n_figures = n;
    return true;
}

/* What may stand behind the body, and nothing else; empty when there is none. */
static bool read_trace(read_t *r, bytes_t *out)
{
    uint64_t tag;
    uint64_t number;
    *out = bytes_of(NULL, 0);
    return r->at == r->end || (read_field(r, &tag, &number, out) && tag == FIELD(6, BLOCK) &&
                               out->len == TRACE_SIZE && r->at == r->end);
}

bool quick_reading(bytes_t in, size_t max_bytes, wire_arena_t **arena, ProtobufCMessage **out)
{
    read_t r = {in.data, in.data + in.len, NULL};
    uint64_t tag;
    uint64_t number;
    bytes_t block;
    bytes_t trace;
    size_t n;
    if (in.len == 0 || in.len > max_bytes || !read_field(&r, &tag, &number, &block) ||
        tag != FIELD(1, BLOCK) || !read_trace(&r, &trace) || !measure(block, &n)) {
        return false;
    }
    Chiso__V1__Figure *figures;
    Chiso__V1__Figure **list;
    /* a text takes no more than its bytes on the wire: the NUL comes in for the tag */
    size_t size = sizeof(parts_t) + n * (sizeof *figures + sizeof *list) + in.len;
    wire_arena_t *a;
    parts_t *parts = wire_arena_new(size, &a);
    if (parts == NULL) {
        return false;
    }
    figures = (Chiso__V1__Figure *)(void *)(parts + 1);
    list = (Chiso__V1__Figure **)(void *)(figures + n);
    if (!read_reading(block, parts, figures, list, (char *)(list + n))) {
        wire_free(&a);
        return false;
    }
    if (trace.len > 0) {
        memcpy(parts->trace, trace.data, trace.len);
        parts->event.has_trace = true;
        parts->event.trace = (ProtobufCBinaryData){trace.len, parts->trace};
    }
    *arena = a;
    *out = &parts->event.base;
    return true;
}
