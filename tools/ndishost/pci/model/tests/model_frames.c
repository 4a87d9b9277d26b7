/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_frames.c - Ethernet frames with TCP or UDP, field by field; sums in 64 bits, 16 at a time, without any cleverness. */
#include "model_frames.h"

#include <string.h>

static void put(uint8_t *at, unsigned bytes, uint64_t value)
{
    while (bytes--) {
        at[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

/* One's complement addition, one word at a time. */
static uint16_t ones_add(uint16_t one, uint16_t other)
{
    uint32_t sum = (uint32_t)one + other;
    return (uint16_t)(sum > 0xffff ? sum - 0xffff : sum);
}

static uint16_t ones_sum(uint16_t sum, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += 2)
        sum = ones_add(sum, (uint16_t)(bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0)));
    return sum;
}

static bool is_ipv4(const struct built_frame *frame)
{
    return frame->bytes[frame->network] >> 4 == 4;
}

static uint16_t pseudo_header_sum(const struct built_frame *frame)
{
    const uint8_t *network = frame->bytes + frame->network;
    uint16_t sum = is_ipv4(frame) ? ones_sum(0, network + 12, 8) : ones_sum(0, network + 8, 32);
    size_t length = frame->length - frame->transport;
    sum = ones_add(sum, frame->sum_offset == 16 ? 6 : 17);
    return ones_add(sum, (uint16_t)length);
}

uint16_t frame_transport_sum(const struct built_frame *frame)
{
    return ones_sum(pseudo_header_sum(frame), frame->bytes + frame->transport, frame->length - frame->transport);
}

uint16_t frame_network_sum(const struct built_frame *frame)
{
    const uint8_t *network = frame->bytes + frame->network;
    return is_ipv4(frame) ? ones_sum(0, network, (size_t)(network[0] & 15) * 4) : 0xffff;
}

void frame_make_partial(struct built_frame *frame)
{
    put(frame->bytes + frame->transport + frame->sum_offset, 2, pseudo_header_sum(frame));
}

static size_t ipv4_put(const struct frame_plan *plan, uint8_t *at, size_t carried)
{
    size_t bytes = 20 + 4 * plan->options;
    memset(at, 0, bytes);
    at[0] = (uint8_t)(0x40 | bytes / 4);
    put(at + 2, 2, bytes + carried);
    put(at + 4, 2, plan->seed * 77);
    put(at + 6, 2, 0x4000);
    at[8] = 64;
    at[9] = plan->tcp ? 6 : 17;
    put(at + 12, 4, 0xc0000201);
    put(at + 16, 4, 0xc0000200 + plan->seed % 200);
    for (unsigned i = 0; i < plan->options; i++)
        put(at + 20 + 4 * i, 4, 0x01010100); /* three NOPs, end */
    put(at + 10, 2, (uint16_t)~ones_sum(0, at, bytes));
    return bytes;
}

static size_t ipv6_put(const struct frame_plan *plan, uint8_t *at, size_t carried)
{
    uint8_t last = plan->tcp ? 6 : 17;
    memset(at, 0, 40 + 8 * plan->options);
    put(at, 4, 0x60012345);
    put(at + 4, 2, 8 * plan->options + carried);
    at[6] = plan->options ? 60 : last;
    at[7] = 64;
    put(at + 8, 8, 0x20010db800000000);
    put(at + 16, 8, 1);
    put(at + 24, 8, 0x20010db800000000);
    put(at + 32, 8, plan->seed);
    for (unsigned i = 0; i < plan->options; i++) {
        uint8_t *extension = at + 40 + 8 * i;
        extension[0] = i + 1 < plan->options ? 60 : last;
        extension[2] = 1; /* PadN of four */
        extension[3] = 4;
    }
    return 40 + 8 * plan->options;
}

static size_t transport_put(const struct frame_plan *plan, uint8_t *at)
{
    size_t bytes = plan->tcp ? 20 + 4 * plan->tcp_options : 8;
    memset(at, 0, bytes);
    put(at, 2, 1024 + plan->seed % 50000);
    put(at + 2, 2, 5001);
    if (plan->tcp) {
        put(at + 4, 4, 0xfffff000u + plan->seed);
        put(at + 8, 4, plan->seed);
        at[12] = (uint8_t)(bytes / 4 << 4);
        at[13] = plan->tcp_flags;
        put(at + 14, 2, 0x2000);
        for (unsigned i = 0; i < plan->tcp_options; i++)
            put(at + 20 + 4 * i, 4, 0x01010101);
    } else {
        put(at + 4, 2, bytes + plan->payload);
    }
    return bytes;
}

void frame_build(const struct frame_plan *plan, struct built_frame *frame)
{
    uint8_t *at = frame->bytes;
    size_t transport = (plan->tcp ? 20 + 4 * plan->tcp_options : 8);
    memcpy(at, "\x02\x00\x00\x00\x00\x01\x52\x54\x00\x12\x34\x56", 12);
    at += 12;
    for (unsigned i = 0; i < plan->tags; i++, at += 4)
        put(at, 4, i == 0 && plan->tags == 2 ? 0x88a80007 : 0x81006005);
    put(at, 2, plan->version == 4 ? 0x0800 : 0x86dd);
    at += 2;
    frame->network = (size_t)(at - frame->bytes);
    at += plan->version == 4 ? ipv4_put(plan, at, transport + plan->payload) : ipv6_put(plan, at, transport + plan->payload);
    frame->transport = (size_t)(at - frame->bytes);
    at += transport_put(plan, at);
    frame->payload = (size_t)(at - frame->bytes);
    uint32_t noise = plan->seed * 2654435761u + 1;
    for (size_t i = 0; i < plan->payload; i++) {
        noise = noise * 1664525u + 1013904223u;
        at[i] = (uint8_t)(noise >> 24);
    }
    frame->length = frame->payload + plan->payload;
    frame->sum_offset = plan->tcp ? 16 : 6;
    uint8_t *field = frame->bytes + frame->transport + frame->sum_offset;
    put(field, 2, 0);
    uint16_t sum = (uint16_t)~frame_transport_sum(frame);
    put(field, 2, sum ? sum : 0xffff);
}
