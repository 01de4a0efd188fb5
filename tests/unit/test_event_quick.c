/* test_event_quick.c - a Reading taken off the wire quickly is what protobuf-c makes of it,
 * whatever became of its bytes on the way. */
#include "event/event.h"
#include "event/quick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T(s) ((char *)(uintptr_t)(s))
#define FIGURES 3

static uint64_t seed = 11;

static uint32_t dice(uint32_t bound)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % bound;
}

static void make(buffer_t *out, bool parent, bool submitted, bool evidence)
{
    static uint8_t hash[SHA256_SIZE] = {1, 2, 3};
    event_unit_t unit = CHISO__V1__UNIT__INIT;
    event_reading_t reading = CHISO__V1__READING__INIT;
    event_figure_t figures[FIGURES];
    event_figure_t *list[FIGURES];
    ProtobufCBinaryData proof = {SHA256_SIZE, hash};
    unit.code = T("30001");
    unit.level = CHISO__V1__LEVEL__COMMUNE;
    unit.parent = parent ? T("91") : NULL;
    unit.name = T("Xã Tân Phú Đông");
    reading.unit = &unit;
    reading.period = T("2025-Q3");
    reading.figures = list;
    reading.n_figures = FIGURES;
    for (size_t i = 0; i < FIGURES; i++) {
        list[i] = &figures[i];
        chiso__v1__figure__init(&figures[i]);
        figures[i].id = T("dvc-766.ckmb");
        figures[i].value = T(i == 0 ? "17.86" : "0");
        figures[i].source = T("dvc");
        figures[i].series = T("dvc/91");
        figures[i].fetched_at = 1760000000000 + (int64_t)i;
        figures[i].revision = 1 + (uint32_t)i * 200;
        figures[i].raw_sha256 = (ProtobufCBinaryData){SHA256_SIZE, hash};
        figures[i].submitter = submitted ? T("unit:91") : NULL;
        figures[i].evidence = &proof;
        figures[i].n_evidence = evidence ? 1 : 0;
    }
    event_put_reading(&reading, out);
}

/* True when the quick way took it; then both ways must give the same. */
static bool compare(bytes_t in)
{
    wire_arena_t *quick_arena;
    ProtobufCMessage *quick;
    if (!quick_reading(in, EVENT_MAX_BYTES, &quick_arena, &quick)) {
        return false;
    }
    wire_arena_t *arena;
    ProtobufCMessage *message;
    char reason[256];
    assert_int_equal(
        wire_unpack(&chiso__v1__event__descriptor, in, EVENT_MAX_BYTES, reason, &arena, &message),
        0);
    buffer_t a = BUFFER_INIT(EVENT_MAX_BYTES);
    buffer_t b = BUFFER_INIT(EVENT_MAX_BYTES);
    wire_pack(quick, &a);
    wire_pack(message, &b);
    assert_true(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
    buffer_free(&a);
    buffer_free(&b);
    wire_free(&arena);
    wire_free(&quick_arena);
    return true;
}

static void test_whole(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        buffer_t b = BUFFER_INIT(EVENT_MAX_BYTES);
        trace_t trace = i & 8 ? trace_new() : TRACE_NONE;
        make(&b, i & 1, i & 2, i & 4);
        event_put_trace(&trace, &b);
        assert_int_equal(compare(buffer_bytes(&b)), (i & 4) == 0); /* evidence: the long way */
        event_in_t in;
        char reason[256];
        assert_int_equal(event_decode(buffer_bytes(&b), reason, &in), 0);
        assert_int_equal(in.event->reading->n_figures, FIGURES);
        trace_t read = event_trace(in.event);
        assert_memory_equal(&read, &trace, sizeof read);
        event_release(&in);
        buffer_free(&b);
    }
    assert_false(compare(bytes_of(NULL, 0)));
}

static void test_mutated(void **state)
{
    (void)state;
    buffer_t b = BUFFER_INIT(EVENT_MAX_BYTES);
    unsigned taken = 0;
    trace_t trace = trace_new();
    for (unsigned i = 0; i < 200000; i++) {
        buffer_clear(&b);
        make(&b, i & 1, i & 2, false);
        event_put_trace(i & 4 ? &trace : &TRACE_NONE, &b);
        for (unsigned n = 1 + dice(3); n > 0; n--) {
            b.data[dice((uint32_t)b.len)] =
                (uint8_t)(dice(2) == 0 ? dice(256) : (uint32_t)b.data[dice((uint32_t)b.len)]);
        }
        uint8_t *exact = malloc(b.len); /* a read past the end is seen */
        memcpy(exact, b.data, b.len);
        taken += compare(bytes_of(exact, b.len - (dice(8) == 0 ? dice(20) : 0)));
        free(exact);
    }
    assert_true(taken > 50000);
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole),
                                       cmocka_unit_test(test_mutated)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
