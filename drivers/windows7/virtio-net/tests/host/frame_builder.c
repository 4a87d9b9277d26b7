/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* frame_builder.c - writes frames field by field, from the RFCs. */
#include "frame_builder.h"

#include <string.h>

static void put16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

unsigned plain_sum(const uint8_t *bytes, size_t length, unsigned sum)
{
    for (size_t i = 0; i < length; i += 2) {
        sum += (unsigned)bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0u);
        if (sum > 0xFFFF)
            sum -= 0xFFFF;
    }
    return sum;
}

static size_t write_ipv4(const struct frame_plan *plan, struct built_frame *frame, size_t at, size_t rest)
{
    static const uint8_t addresses[8] = {192, 0, 2, 1, 198, 51, 100, 7};
    uint8_t *header = frame->bytes + at;
    size_t size = 20 + plan->options;

    memset(header, 1, size); /* options: no operation */
    header[0] = (uint8_t)(0x40 | size / 4);
    header[1] = 0;
    put16(header + 2, (unsigned)(size + rest));
    put16(header + 4, 0x1234);
    put16(header + 6, plan->fragment);
    header[8] = 64;
    header[9] = (uint8_t)plan->protocol;
    put16(header + 10, 0);
    memcpy(header + 12, addresses, sizeof addresses);
    put16(header + 10, ~plain_sum(header, size, 0));
    frame->pseudo = plain_sum(addresses, sizeof addresses, (unsigned)(plan->protocol + rest));
    return at + size;
}

static size_t write_ipv6(const struct frame_plan *plan, struct built_frame *frame, size_t at, size_t rest)
{
    uint8_t *header = frame->bytes + at;
    size_t extra = plan->options + (plan->fragment ? 8 : 0);
    uint8_t *next = header + 6;

    memset(header, 0, 40 + extra);
    header[0] = 0x60;
    put16(header + 4, (unsigned)(extra + rest));
    header[7] = 64;
    for (size_t i = 0; i < 32; i++)
        header[8 + i] = (uint8_t)(0x20 + i);
    frame->pseudo = plain_sum(header + 8, 32, (unsigned)(plan->protocol + rest));
    header += 40;
    if (plan->options) {
        *next = 60;
        next = header;
        header[1] = (uint8_t)(plan->options / 8 - 1);
        header[2] = 1; /* one PadN over the rest */
        header[3] = (uint8_t)(plan->options - 4);
        header += plan->options;
    }
    if (plan->fragment) {
        *next = 44;
        next = header;
        put16(header + 2, plan->fragment);
    }
    *next = (uint8_t)plan->protocol;
    return at + 40 + extra;
}

void frame_build(const struct frame_plan *plan, struct built_frame *frame)
{
    static const uint8_t addresses[12] = {0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x02, 0, 0, 0, 0, 1};
    size_t header = plan->protocol == BUILT_TCP ? 20 : plan->protocol == BUILT_UDP ? 8 : 0;
    size_t rest = header + plan->payload, at = 12;
    uint32_t random = plan->seed * 2654435761u + 1;

    memset(frame, 0, sizeof *frame);
    memcpy(frame->bytes, addresses, sizeof addresses);
    for (size_t i = 0; i < plan->tag_count; i++, at += 4) {
        put16(frame->bytes + at, plan->tags[2 * i]);
        put16(frame->bytes + at + 2, plan->tags[2 * i + 1]);
    }
    put16(frame->bytes + at, plan->version == 4 ? 0x0800 : 0x86DD);
    frame->network = at + 2;
    frame->transport = plan->version == 4 ? write_ipv4(plan, frame, at + 2, rest) : write_ipv6(plan, frame, at + 2, rest);
    frame->end = frame->transport + rest;
    frame->length = frame->end + plan->padding;

    for (size_t i = frame->transport; i < frame->length; i++) {
        random = random * 1664525u + 1013904223u;
        frame->bytes[i] = (uint8_t)(random >> 24 | 1);
    }
    if (plan->protocol == BUILT_TCP)
        frame->bytes[frame->transport + 12] = 0x50;
    if (plan->protocol == BUILT_UDP)
        put16(frame->bytes + frame->transport + 4, (unsigned)rest);
    if (header) {
        unsigned sum;

        frame->field = frame->transport + (plan->protocol == BUILT_TCP ? 16 : 6);
        put16(frame->bytes + frame->field, 0);
        sum = ~plain_sum(frame->bytes + frame->transport, rest, frame->pseudo) & 0xFFFF;
        put16(frame->bytes + frame->field, sum ? sum : 0xFFFF);
    }
}

bool transport_sum_is_right(const struct built_frame *frame, const uint8_t *bytes)
{
    return plain_sum(bytes + frame->transport, frame->end - frame->transport, frame->pseudo) == 0xFFFF;
}
