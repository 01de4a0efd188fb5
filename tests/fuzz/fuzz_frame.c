/* fuzz_frame.c - any bytes as a frame of the bus. */
#include "bus/frame.h"

#include "base/error.h"

#include <stdlib.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wire_arena_t *arena = NULL;
    const frame_t *frame = NULL;
    int rc = frame_decode(bytes_of(data, size), &arena, &frame);
    if (rc != 0) {
        require(rc == CHISO_E_PROTOCOL || rc == CHISO_E_TOO_BIG);
        require(arena == NULL && frame == NULL);
        return 0;
    }
    size_t bytes = 0;
    if (frame->body_case == CHISO__V1__FRAME__BODY_BATCH) {
        for (size_t i = 0; i < frame->batch->n_events; i++) {
            bytes += frame->batch->events[i].len;
        }
    } else if (frame->body_case == CHISO__V1__FRAME__BODY_SNAPSHOT_PAGE) {
        for (size_t i = 0; i < frame->snapshot_page->n_events; i++) {
            bytes += frame->snapshot_page->events[i].len;
        }
    } else if (frame->body_case == CHISO__V1__FRAME__BODY_FETCH) {
        require(frame->fetch->consumer != NULL);
    }
    require(bytes <= size);
    buffer_t once = BUFFER_INIT(BUS_MAX_FRAME);
    buffer_t again = BUFFER_INIT(BUS_MAX_FRAME);
    wire_arena_t *second_arena = NULL;
    const frame_t *second = NULL;
    wire_pack(&frame->base, &once);
    require(!once.failed);
    require(frame_decode(buffer_bytes(&once), &second_arena, &second) == 0);
    wire_pack(&second->base, &again);
    require(bytes_equal(buffer_bytes(&once), buffer_bytes(&again)));
    wire_free(&arena);
    wire_free(&second_arena);
    buffer_free(&once);
    buffer_free(&again);
    return 0;
}
