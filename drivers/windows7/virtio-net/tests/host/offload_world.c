/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* offload_world.c - see offload_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "offload_world.h"

const struct aero_offload_device able = {1, 1, 1, 1, 1514}, unable = {0, 0, 0, 0, 1514};
uint8_t original[FRAME_BYTES], expected[FRAME_BYTES], result[FRAME_BYTES];

const struct frame_recipe tcp4 = {.version = 4, .protocol = 6, .tcp_flags = 0x18, .payload = 1000, .id = 0x1234, .sequence = 77};
const struct frame_recipe tcp6 = {.version = 6, .protocol = 6, .tcp_flags = 0x18, .payload = 1000, .sequence = 77};

/* A device that completes a checksum and knows nothing of protocols. */
void device_sum(const struct virtio_net_header *header, uint8_t *frame, size_t length)
{
    unsigned start = header->checksum_start, field = start + header->checksum_offset, sum;

    if (header->flags == 0)
        return;
    assert_int_equal(header->flags, 1);
    assert_true(field + 2 <= length);
    sum = ~naive_sum(frame + start, length - start, 0) & 0xFFFF;
    if (sum == 0 && header->checksum_offset == 6)
        sum = 0xFFFF;
    frame[field] = (uint8_t)(sum >> 8);
    frame[field + 1] = (uint8_t)sum;
}

/* Plans with as much of the frame as `available` says; the frame to send is put together in `result`. */
size_t carry_with(const struct aero_offload_device *device, const struct aero_offload_request *request, size_t available, size_t length,
                  struct aero_offload_plan *plan)
{
    uint8_t *front = malloc(available + 4); /* exactly: one byte more is noticed */

    assert_non_null(front);
    memcpy(front, original, available);
    aero_offload_plan(device, request, front, (virtio_u32)available, (virtio_u32)length, plan);
    assert_true(plan->front <= available + 4 && plan->replaced <= available);
    if (plan->path != AERO_OFFLOAD_REFUSED && plan->path != AERO_OFFLOAD_REREAD)
        assert_int_equal(plan->front, plan->replaced + (request->tagged ? 4 : 0));
    memcpy(result, front, plan->front);
    memcpy(result + plan->front, original + plan->replaced, length - plan->replaced);
    free(front);
    return length - plan->replaced + plan->front;
}

/* ... with as much as the driver looks at first. */
size_t carry(const struct aero_offload_device *device, const struct aero_offload_request *request, size_t length,
             struct aero_offload_plan *plan)
{
    return carry_with(device, request, length < AERO_OFFLOAD_FRONT ? length : AERO_OFFLOAD_FRONT, length, plan);
}

void assert_frame(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length)
{
    size_t i;

    assert_int_equal(left_length, right_length);
    for (i = 0; i < left_length; i++) {
        if (left[i] != right[i])
            fail_msg("byte %zu of %zu is %02x, expected %02x", i, left_length, left[i], right[i]);
    }
}

/* A frame with a routing header whose stops are still ahead, and 0x1234 in its checksum field. */
struct frame_layout write_with_stops_ahead(unsigned extension_units, enum frame_state how)
{
    struct frame_recipe recipe = tcp6;
    struct frame_layout layout;

    recipe.extensions[0] = 43;
    recipe.extension_units = extension_units;
    layout = frame_write(&recipe, how, -1, 0, original);
    original[layout.network + 40 + 3] = 1; /* segments left */
    original[layout.field] = 0x12;
    original[layout.field + 1] = 0x34;
    return layout;
}
