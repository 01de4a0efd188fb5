/* test_wire.c - the walk before unpacking: hostile bytes are refused before they cost anything. */
#include "event/wire.h"

#include "base/error.h"
#include "chiso/v1/bus.pb-c.h"
#include "event/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- hand-made messages ---- */

static void varint(buffer_t *b, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        buffer_append(b, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void tag(buffer_t *b, uint64_t field, unsigned type)
{
    varint(b, field << 3 | type);
}

static void block(buffer_t *b, uint64_t field, bytes_t value)
{
    tag(b, field, 2);
    varint(b, value.len);
    buffer_append(b, value.data, value.len);
}

static void text(buffer_t *b, uint64_t field, const char *value)
{
    block(b, field, bytes_of_text(value));
}

/* A Standing {unit = 1, rank = 2}; `more` behind it. */
static buffer_t standing(bytes_t more)
{
    buffer_t b = BUFFER_INIT(1 << 20);
    text(&b, 1, "91");
    tag(&b, 2, 0);
    varint(&b, 7);
    buffer_append(&b, more.data, more.len);
    assert_false(b.failed);
    return b;
}

static const ProtobufCMessageDescriptor *const STANDING = &chiso__v1__standing__descriptor;

static int unpack(const ProtobufCMessageDescriptor *d, bytes_t in, const char **why)
{
    static char reason[256];
    wire_arena_t *arena = NULL;
    ProtobufCMessage *message = NULL;
    reason[0] = '\0';
    int rc = wire_unpack(d, in, 1 << 20, reason, &arena, &message);
    assert_true((rc == 0) == (arena != NULL));
    assert_true((rc == 0) == (message != NULL));
    assert_true((rc == 0) == (reason[0] == '\0'));
    wire_free(&arena);
    wire_free(&arena); /* nothing */
    if (why != NULL) {
        *why = reason;
    }
    /* a reason is not needed */
    assert_int_equal(wire_unpack(d, in, 1 << 20, NULL, &arena, &message), rc);
    wire_free(&arena);
    return rc;
}

static void expect(bytes_t more, int want, const char *want_reason)
{
    const char *reason;
    buffer_t b = standing(more);
    int rc = unpack(STANDING, buffer_bytes(&b), &reason);
    if (rc != want || strcmp(reason, want_reason) != 0) {
        fail_msg("got %d '%s', wanted %d '%s'", rc, reason, want, want_reason);
    }
    buffer_free(&b);
}

#define NOT "not a protobuf message"
#define WRONG "a required field is missing or of another type"

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int rc;
        const char *reason;
    } cases[] = {
        {"", 0, 0, ""},
        {"\x18\x05", 2, 0, ""},                 /* previous_rank */
        {"\x18", 1, CHISO_E_PROTOCOL, NOT},     /* no value */
        {"\x18\x85", 2, CHISO_E_PROTOCOL, NOT}, /* a varint that does not end */
        {"\x80", 1, CHISO_E_PROTOCOL, NOT},     /* a tag that does not end */
        {"\x00\x01", 2, CHISO_E_PROTOCOL, NOT}, /* field 0 */
        {"\x0a\x05"
         "abc",
         5, CHISO_E_PROTOCOL, NOT},                             /* longer than what is left */
        {"\x0a\xff\xff\xff\xff\x0f", 6, CHISO_E_PROTOCOL, NOT}, /* 4 GiB */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, CHISO_E_PROTOCOL, NOT}, /* 2^64-1 */
        {"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, CHISO_E_PROTOCOL, NOT}, /* 11 */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01", 12, CHISO_E_PROTOCOL, NOT},
        {"\x80\x80\x80\x80\x10\x01", 6, CHISO_E_PROTOCOL, NOT}, /* field 2^29 */
        {"\x23", 1, CHISO_E_PROTOCOL, NOT},                     /* a group begins */
        {"\x23\x24", 2, CHISO_E_PROTOCOL, NOT},
        {"\x24", 1, CHISO_E_PROTOCOL, NOT},
        {"\x26\x01", 2, CHISO_E_PROTOCOL, NOT}, /* wire types 6 and 7 */
        {"\x27\x01", 2, CHISO_E_PROTOCOL, NOT},
        {"\x25"
         "abc",
         4, CHISO_E_PROTOCOL, NOT}, /* fixed32 cut */
        {"\x21"
         "abcdefg",
         8, CHISO_E_PROTOCOL, NOT}, /* fixed64 cut */
        {"\x25"
         "abcd",
         5, 0, ""}, /* unknown, whole */
        {"\x21"
         "abcdefgh",
         9, 0, ""},
        {"\x20\x01", 2, 0, ""},
        {"\x22\x03"
         "abc",
         5, 0, ""},
        {"\x08\x01", 2, CHISO_E_PROTOCOL, WRONG}, /* the unit as a number */
        {"\x12\x01"
         "a",
         3, CHISO_E_PROTOCOL, WRONG}, /* the rank as a text */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect(bytes_of(cases[i].bytes, cases[i].len), cases[i].rc, cases[i].reason);
    }
    const char *reason;
    assert_int_equal(unpack(STANDING, bytes_of("\x0a\x01x", 3), &reason), CHISO_E_PROTOCOL);
    assert_string_equal(reason, WRONG); /* no rank */
    assert_int_equal(unpack(STANDING, bytes_of(NULL, 0), &reason), CHISO_E_PROTOCOL);
}

/* Every prefix of a good event is refused or another whole message; never read past its end (each
 * is a block of its own, so that ASan sees it). */
static void test_truncated(void **state)
{
    (void)state;
    event_unit_t unit = CHISO__V1__UNIT__INIT;
    event_reading_t reading = CHISO__V1__READING__INIT;
    unit.code = (char *)(uintptr_t) "91";
    unit.name = (char *)(uintptr_t) "An Giang";
    unit.level = CHISO__V1__LEVEL__PROVINCE;
    reading.unit = &unit;
    reading.period = (char *)(uintptr_t) "2025";
    buffer_t b = BUFFER_INIT(4096);
    event_put_reading(&reading, &b);
    for (size_t len = 0; len <= b.len; len++) {
        uint8_t *copy = malloc(len + 1);
        assert_non_null(copy);
        uint8_t *exact = realloc(copy, len > 0 ? len : 1);
        assert_non_null(exact);
        memcpy(exact, b.data, len);
        char reason[256];
        event_in_t in;
        int rc = event_decode(bytes_of(exact, len), reason, &in);
        assert_int_equal(rc, len == b.len ? 0 : CHISO_E_PROTOCOL);
        if (rc == 0) {
            event_release(&in);
        }
        free(exact);
    }
    buffer_free(&b);
}

/* Fields of a newer version are carried over; a load of them is refused. */
static void test_unknown(void **state)
{
    (void)state;
    buffer_t more = BUFFER_INIT(1 << 20);
    text(&more, 100, "some new thing");
    tag(&more, 536870911, 0); /* the largest field number */
    varint(&more, UINT64_MAX);
    expect(buffer_bytes(&more), 0, "");
    buffer_clear(&more);
    char big[WIRE_MAX_UNKNOWN_BYTES];
    memset(big, 'x', sizeof big);
    block(&more, 100, bytes_of(big, sizeof big - 4)); /* 4 for the tag and the length */
    assert_int_equal(more.len, WIRE_MAX_UNKNOWN_BYTES);
    expect(buffer_bytes(&more), 0, "");
    tag(&more, 100, 0);
    varint(&more, 1);
    expect(buffer_bytes(&more), CHISO_E_PROTOCOL, "too much in unknown fields");
    buffer_clear(&more);
    for (int i = 0; i < 2000; i++) { /* many small ones are as bad */
        tag(&more, 99, 0);
        varint(&more, 1);
    }
    expect(buffer_bytes(&more), CHISO_E_PROTOCOL, "too much in unknown fields");
    buffer_free(&more);
}

static void test_depth(void **state)
{
    (void)state;
    /* no message of ours is as deep as the limit, so one that holds itself is made up */
    ProtobufCFieldDescriptor field = {.name = "inner",
                                      .id = 1,
                                      .label = PROTOBUF_C_LABEL_OPTIONAL,
                                      .type = PROTOBUF_C_TYPE_MESSAGE,
                                      .offset = sizeof(ProtobufCMessage)};
    ProtobufCMessageDescriptor self = *STANDING;
    static const unsigned by_name[1] = {0};
    static const ProtobufCIntRange ranges[2] = {{1, 0}, {0, 1}};
    field.descriptor = &self;
    self.sizeof_message = sizeof(ProtobufCMessage) + sizeof(void *);
    self.n_fields = 1;
    self.fields = &field;
    self.fields_sorted_by_name = by_name;
    self.n_field_ranges = 1;
    self.field_ranges = ranges;
    self.message_init = NULL;
    buffer_t b = BUFFER_INIT(1 << 20);
    for (int depth = 1; depth <= 10000; depth++) {
        if (depth <= 6 || depth == 10000) {
            const char *reason;
            int rc = unpack(&self, buffer_bytes(&b), &reason);
            assert_int_equal(rc, depth <= WIRE_MAX_DEPTH ? 0 : CHISO_E_PROTOCOL);
            assert_string_equal(reason, depth <= WIRE_MAX_DEPTH ? "" : "nested too deeply");
        }
        buffer_t outer = BUFFER_INIT(1 << 20);
        block(&outer, 1, buffer_bytes(&b));
        buffer_free(&b);
        b = outer;
    }
    buffer_free(&b);
}

static void test_fields(void **state)
{
    (void)state;
    buffer_t more = BUFFER_INIT(1 << 20);
    for (int i = 0; i < WIRE_MAX_FIELDS - 2; i++) { /* unit and rank are there already */
        tag(&more, 3, 0);
        varint(&more, 5);
    }
    expect(buffer_bytes(&more), 0, "");
    tag(&more, 3, 0);
    varint(&more, 5);
    expect(buffer_bytes(&more), CHISO_E_PROTOCOL, "too many fields");
    buffer_free(&more);
}

static void test_size(void **state)
{
    (void)state;
    buffer_t b = standing(bytes_of(NULL, 0));
    wire_arena_t *arena = NULL;
    ProtobufCMessage *message;
    char reason[256];
    assert_int_equal(wire_unpack(STANDING, buffer_bytes(&b), b.len, reason, &arena, &message), 0);
    wire_free(&arena);
    assert_int_equal(wire_unpack(STANDING, buffer_bytes(&b), b.len - 1, reason, &arena, &message),
                     CHISO_E_TOO_BIG);
    assert_null(arena);
    buffer_free(&b);
}

/* Of a scalar that comes twice the last counts, as the format says. */
static void test_twice(void **state)
{
    (void)state;
    buffer_t b = standing(bytes_of("\x10\x09\x0a\x01z", 5));
    wire_arena_t *arena = NULL;
    ProtobufCMessage *message;
    assert_int_equal(wire_unpack(STANDING, buffer_bytes(&b), 1 << 20, NULL, &arena, &message), 0);
    const event_standing_t *s = (const event_standing_t *)message;
    assert_string_equal(s->unit, "z");
    assert_int_equal(s->rank, 9);
    wire_free(&arena);
    buffer_free(&b);
}

/* ---- what a hostile input costs ---- */

/* ASan's, without its header: gcc does not install that. NULL in a build without ASan. */
int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void *, size_t),
                                              void (*)(const volatile void *))
    __attribute__((weak));

static size_t worst;

static void count_block(const volatile void *block_, size_t size)
{
    (void)block_;
    worst += size;
}

static void count_free(const volatile void *block_)
{
    (void)block_;
}

/* Bytes taken from the heap while decoding `in`. */
static size_t cost(const ProtobufCMessageDescriptor *d, bytes_t in)
{
    static bool hooked;
    if (!hooked) {
        hooked = true;
        assert_true(__sanitizer_install_malloc_and_free_hooks(count_block, count_free) > 0);
    }
    wire_arena_t *arena = NULL;
    ProtobufCMessage *message;
    worst = 0;
    (void)wire_unpack(d, in, 1 << 20, NULL, &arena, &message);
    size_t spent = worst;
    wire_free(&arena);
    return spent;
}

static void test_memory(void **state)
{
    (void)state;
    if (__sanitizer_install_malloc_and_free_hooks == NULL) {
        skip();
    }
    enum { N = 60000 };
    buffer_t b = BUFFER_INIT(1 << 20);
    buffer_t event = BUFFER_INIT(1 << 20);
    static const uint64_t of_score[] = {3, 13, 14}; /* unit (merged), indicators, figures */
    for (size_t kind = 0; kind < 5; kind++) {
        buffer_clear(&b);
        for (int i = 0; i < N; i++) {
            if (kind < 3) {
                block(&b, of_score[kind], bytes_of(NULL, 0)); /* empty submessages */
            } else if (kind == 3) {
                block(&b, 13, bytes_of("\x2a\x00", 2)); /* each with a flag */
                i++;
            } else {
                tag(&b, 13, 2);
                varint(&b, 8);
                buffer_append(&b, "\x0a\x00\x10\x01\x1a\x00\x22\x00", 8); /* complete ones */
                i += 4;
            }
        }
        buffer_clear(&event);
        block(&event, 3, buffer_bytes(&b));
        assert_false(event.failed || b.failed);
        size_t limit = (N + 1) * 256 + event.len * 2 + 64 * 1024;
        size_t spent = cost(&chiso__v1__event__descriptor, buffer_bytes(&event));
        assert_true(spent > 0);
        if (spent > 2 * limit) {
            fail_msg("kind %zu: %zu bytes cost %zu", kind, event.len, spent);
        }
    }
    buffer_free(&b);
    buffer_free(&event);
}

/* A frame of as many events as a batch can have, each as small as can be. */
static void test_batch(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(1 << 20);
    buffer_t frame = BUFFER_INIT(1 << 20);
    for (unsigned field = 1; field <= 3; field++) {
        tag(&b, field, 0);
        varint(&b, field);
    }
    for (int i = 0; i < 1024; i++) {
        block(&b, 4, bytes_of(NULL, 0));
    }
    block(&frame, 3, buffer_bytes(&b));
    wire_arena_t *arena = NULL;
    ProtobufCMessage *message;
    assert_int_equal(wire_unpack(&chiso__v1__frame__descriptor, buffer_bytes(&frame), 1 << 20, NULL,
                                 &arena, &message),
                     0);
    assert_int_equal(((const Chiso__V1__Frame *)message)->batch->n_events, 1024);
    wire_free(&arena);
    buffer_free(&b);
    buffer_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),   cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_unknown), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_size),
        cmocka_unit_test(test_twice),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
