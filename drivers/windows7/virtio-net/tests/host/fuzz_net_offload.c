/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_net_offload.c - any frame, any request, any device: reading, planning and finishing stay inside their buffers, change what they may
 * change, and what they finish is right. Input: device, request (8 bytes), then the frame.
 */
#include "fuzz_target.h"

#include <stdlib.h>
#include <string.h>

#include "aero_virtio_net_offload.h"
#include "offload_frames.h"

enum { PREFIX = 8, FRAME_MAXIMUM = 1514 };

/* On the heap, exactly as long as it is: one byte more is noticed. */
static uint8_t *copy_of(const uint8_t *bytes, size_t length, size_t room)
{
    uint8_t *copy = malloc(length + room + 1);

    MUST(copy);
    memcpy(copy, bytes, length);
    return realloc(copy, length + room ? length + room : 1);
}

static void check_frame(const struct virtio_net_frame *frame, uint32_t available, uint32_t length)
{
    MUST(frame->tags <= 2);
    if (frame->network == VIRTIO_NET_NOT_IP)
        return;
    MUST(frame->network_offset + frame->network_length <= frame->packet_end && frame->packet_end <= length);
    if (frame->transport == VIRTIO_NET_OTHER)
        return;
    MUST(!frame->fragment);
    MUST(frame->network_offset + frame->network_length <= frame->transport_offset);
    MUST(frame->transport_offset + 8 <= frame->payload_offset && frame->payload_offset <= available);
    MUST(frame->payload_offset <= frame->transport_end && frame->transport_end <= frame->packet_end);
}

/* The transport's checksum, with the pseudo header sum that `field` had before it was finished. */
static void check_sum(const uint8_t *frame, uint32_t start, uint32_t end, uint32_t field, unsigned seed)
{
    unsigned sum = naive_sum(frame + start, end - start, seed);

    MUST(field + 2 <= end);
    MUST(sum == 0xFFFF || sum == 0);
}

static void finish_sum(const struct aero_offload_plan *plan, uint8_t *frame, uint32_t length)
{
    unsigned seed = (unsigned)frame[plan->sum_field] << 8 | frame[plan->sum_field + 1];

    MUST(aero_offload_sum(plan, frame, length));
    check_sum(frame, plan->sum_start, plan->sum_end, plan->sum_field, seed);
}

static void finish_cut(const struct aero_offload_plan *plan, const uint8_t *front, const uint8_t *input, uint32_t length)
{
    uint32_t index, done = 0;

    MUST(plan->segments > 1 && plan->headers == plan->front && plan->headers < FRAME_MAXIMUM + 3 * ETHERNET_VLAN_BYTES);
    MUST(plan->replaced + plan->payload == length);
    for (index = 0; index < plan->segments; index++) {
        virtio_u32 position, bytes = aero_offload_segment_bytes(plan, index, &position);
        uint8_t *segment;
        unsigned seed;

        MUST(position == done && bytes > 0 && bytes <= plan->segment_size);
        segment = copy_of(front, plan->headers, bytes);
        memcpy(segment + plan->headers, input + plan->replaced + position, bytes);
        seed = (unsigned)segment[plan->sum_field] << 8 | segment[plan->sum_field + 1];
        seed += plan->headers + bytes - plan->sum_start;
        seed = seed > 0xFFFF ? seed - 0xFFFF : seed;
        aero_offload_segment(plan, index, segment);
        check_sum(segment, plan->sum_start, plan->headers + bytes, plan->sum_field, seed);
        if (!plan->ipv6)
            MUST(naive_sum(segment + plan->network, plan->network_length, 0) == 0xFFFF);
        free(segment);
        done += bytes;
    }
    MUST(done == plan->payload);
}

static void run(const struct aero_offload_device *device, const struct aero_offload_request *request, const uint8_t *input, uint32_t length)
{
    uint32_t available = length < AERO_OFFLOAD_FRONT ? length : AERO_OFFLOAD_FRONT;
    uint8_t *front = copy_of(input, available, ETHERNET_VLAN_BYTES), *whole;
    struct aero_offload_plan plan;

    aero_offload_plan(device, request, front, available, length, &plan);
    if (plan.path == AERO_OFFLOAD_REREAD) {
        free(front);
        front = copy_of(input, length, ETHERNET_VLAN_BYTES);
        aero_offload_plan(device, request, front, length, length, &plan);
        MUST(plan.path != AERO_OFFLOAD_REREAD);
    }
    if (plan.path != AERO_OFFLOAD_REFUSED) {
        MUST(plan.replaced <= length && plan.front == plan.replaced + (request->tagged ? ETHERNET_VLAN_BYTES : 0));
        whole = copy_of(front, plan.front, length - plan.replaced);
        memcpy(whole + plan.front, input + plan.replaced, length - plan.replaced);
        length += plan.front - plan.replaced;
        MUST(plan.header.flags == 0 || (device->checksum && plan.path == AERO_OFFLOAD_SEND));
        MUST(plan.header.gso_type == 0 || plan.header.flags != 0);
        if (plan.header.flags != 0)
            MUST((uint32_t)plan.header.checksum_start + plan.header.checksum_offset + 2 <= length);
        if (plan.path == AERO_OFFLOAD_SUM)
            finish_sum(&plan, whole, length);
        if (plan.path == AERO_OFFLOAD_CUT)
            finish_cut(&plan, front, input, length - (plan.front - plan.replaced));
        free(whole);
    }
    free(front);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct aero_offload_device device = {0, 0, 0, 0, FRAME_MAXIMUM};
    struct aero_offload_request request = {0, 0, 0, 0, 0, 0, 0};
    struct virtio_net_frame frame;
    uint8_t *exact;
    uint32_t available;

    if (length < PREFIX + ETHERNET_HEADER_BYTES)
        return 0;
    device.checksum = input[0] & 1;
    device.segment_ipv4 = device.checksum && (input[0] & 2);
    device.segment_ipv6 = device.checksum && (input[0] & 4);
    device.segment_ecn = (input[0] & 8) != 0;
    request.network_checksum = input[1] & 1;
    request.tcp_checksum = (input[1] & 2) != 0;
    request.udp_checksum = (input[1] & 4) != 0;
    request.segment_ipv6 = (input[1] & 8) != 0;
    request.tagged = (input[1] & 16) != 0;
    request.tag = (virtio_u16)(input[2] << 8 | input[3]);
    if (input[1] & 32)
        request.segment_size = (uint32_t)input[4] << 8 | input[5];
    available = ((uint32_t)input[6] << 8 | input[7]) % (uint32_t)(length - PREFIX + 1);

    exact = copy_of(input + PREFIX, available, 0);
    if (virtio_net_parse_frame(exact, available, (uint32_t)(length - PREFIX), (input[1] & 32) != 0, &frame) == VIRTIO_NET_PARSED)
        check_frame(&frame, available, (uint32_t)(length - PREFIX));
    free(exact);
    run(&device, &request, input + PREFIX, (uint32_t)(length - PREFIX));
    return 0;
}

static const struct frame_recipe recipes[] = {
    {.version = 4, .protocol = 6, .payload = 700, .tcp_flags = 0x98, .options = 8, .tcp_options = 12},
    {.version = 6, .protocol = 6, .payload = 3000, .tcp_flags = 0x19, .extensions = {256, 43, 60, 51}, .extension_units = 2},
    {.version = 4, .protocol = 17, .payload = 65, .tags = 2, .padding = 3},
    {.version = 6, .protocol = 17, .payload = 31, .tags = 1, .extensions = {44}},
    {.version = 6, .protocol = 17, .payload = 31, .extensions = {60}, .extension_units = 40},
    {.version = 6, .protocol = 6, .payload = 2000, .tcp_flags = 0x10, .extensions = {60, 60, 60}, .extension_units = 30, .tcp_options = 40},
    {.version = 4, .protocol = 6, .payload = 3500, .tcp_flags = 0x10, .id = 0x7FFF},
};

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    const uint32_t count = sizeof recipes / sizeof recipes[0];
    static const uint8_t prefixes[4][PREFIX] = {
        {0, 0x07, 0, 0, 0, 0, 1, 0}, {0x0F, 0x17, 0x20, 1, 0, 0, 0, 60}, {0, 0x30, 0, 9, 0, 100, 0, 200}, {0x07, 0x38, 0, 0, 2, 0, 1, 0}};
    const struct frame_recipe *recipe = &recipes[index % count];

    if (index >= 4 * count)
        return 0;
    memcpy(bytes, prefixes[index / count], PREFIX);
    return PREFIX + frame_write(recipe, index / count < 2 ? FRAME_ASKED : FRAME_LARGE, -1, 0, bytes + PREFIX).length;
}
