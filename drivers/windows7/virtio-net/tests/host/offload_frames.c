/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* offload_frames.c - writes frames front to back, one field after the other, with the plainest checksum there is. */
#include "offload_frames.h"

#include <string.h>

unsigned naive_sum(const uint8_t *bytes, size_t length, unsigned sum)
{
    for (size_t i = 0; i < length; i += 2) {
        sum += (unsigned)bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0u);
        if (sum > 0xFFFF)
            sum -= 0xFFFF;
    }
    return sum;
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint8_t *write_tag(uint8_t *at, unsigned type, unsigned value)
{
    put16(at, type);
    put16(at + 2, value);
    return at + 4;
}

static uint8_t *write_ethernet(const struct frame_recipe *recipe, int inserted, uint8_t *at)
{
    static const uint8_t addresses[12] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x02, 0x00, 0x5E, 0x10, 0x00, 0x01};

    memcpy(at, addresses, sizeof addresses);
    at += sizeof addresses;
    if (inserted >= 0)
        at = write_tag(at, 0x8100, (unsigned)inserted);
    if (recipe->tags == 2)
        at = write_tag(at, 0x88A8, 0x0123);
    if (recipe->tags >= 1)
        at = write_tag(at, 0x8100, 0x6064);
    put16(at, recipe->version == 4 ? 0x0800 : 0x86DD);
    return at + 2;
}

static size_t transport_header(const struct frame_recipe *recipe)
{
    return recipe->protocol == 6 ? 20 + recipe->tcp_options : 8;
}

static uint8_t *write_ipv4(const struct frame_recipe *recipe, enum frame_state state, uint8_t *at)
{
    size_t header = 20 + recipe->options;
    static const uint8_t addresses[8] = {192, 0, 2, 1, 198, 51, 100, 250};

    memset(at, 1, header); /* options: no-operation */
    at[0] = (uint8_t)(0x40 | header / 4);
    at[1] = 0x10;
    put16(at + 2, state == FRAME_LARGE ? 0 : (unsigned)(header + transport_header(recipe) + recipe->payload));
    put16(at + 4, recipe->id);
    put16(at + 6, 0x4000);
    at[8] = 64;
    at[9] = (uint8_t)recipe->protocol;
    put16(at + 10, 0);
    memcpy(at + 12, addresses, sizeof addresses);
    if (state == FRAME_FINISHED)
        put16(at + 10, ~naive_sum(at, header, 0) & 0xFFFF);
    return at + header;
}

static size_t extension_bytes(const struct frame_recipe *recipe, unsigned protocol)
{
    return protocol == 44 ? 8 : 8 + (protocol == 51 ? 4 : 8) * (size_t)recipe->extension_units;
}

static uint8_t *write_ipv6(const struct frame_recipe *recipe, enum frame_state state, uint8_t *at)
{
    size_t extensions = 0, count = 0;
    uint8_t *fixed = at, *next = at + 6;

    while (count < FRAME_EXTENSIONS && recipe->extensions[count])
        extensions += extension_bytes(recipe, recipe->extensions[count++] & 255);
    memset(at, 0, 40 + extensions);
    fixed[0] = 0x60;
    put16(fixed + 4, state == FRAME_LARGE ? 0 : (unsigned)(extensions + transport_header(recipe) + recipe->payload));
    fixed[7] = 64;
    for (size_t i = 8; i < 40; i++)
        fixed[i] = (uint8_t)(i * 37 + 1);
    at += 40;
    for (size_t i = 0; i < count; i++) {
        unsigned protocol = recipe->extensions[i] & 255;

        *next = (uint8_t)protocol;
        next = at;
        if (protocol != 44)
            at[1] = (uint8_t)recipe->extension_units;
        at += extension_bytes(recipe, protocol);
    }
    *next = (uint8_t)recipe->protocol;
    return at;
}

static unsigned pseudo_sum(const struct frame_recipe *recipe, const uint8_t *network, size_t length)
{
    uint8_t tail[4] = {(uint8_t)(length >> 8), (uint8_t)length, 0, (uint8_t)recipe->protocol};
    unsigned sum = recipe->version == 4 ? naive_sum(network + 12, 8, 0) : naive_sum(network + 8, 32, 0);

    return naive_sum(tail, sizeof tail, sum);
}

static size_t write_transport_header(const struct frame_recipe *recipe, uint8_t *at)
{
    put16(at, 49152);
    put16(at + 2, 443);
    if (recipe->protocol == 17) {
        put16(at + 4, 8 + recipe->payload);
        put16(at + 6, 0);
        return 6;
    }
    memset(at + 20, 1, recipe->tcp_options);
    put16(at + 4, recipe->sequence >> 16);
    put16(at + 6, recipe->sequence & 0xFFFF);
    put16(at + 8, 0x1234);
    put16(at + 10, 0x5678);
    at[12] = (uint8_t)((20 + recipe->tcp_options) / 4 << 4);
    at[13] = (uint8_t)recipe->tcp_flags;
    put16(at + 14, 8192);
    put16(at + 16, 0);
    put16(at + 18, 0);
    return 16;
}

struct frame_layout frame_write(const struct frame_recipe *recipe, enum frame_state state, int inserted, size_t first, uint8_t *frame)
{
    struct frame_layout layout;
    uint8_t *at = write_ethernet(recipe, inserted, frame);
    unsigned sum;

    layout.network = (size_t)(at - frame);
    at = recipe->version == 4 ? write_ipv4(recipe, state, at) : write_ipv6(recipe, state, at);
    layout.transport = (size_t)(at - frame);
    layout.field = layout.transport + write_transport_header(recipe, at);
    layout.payload = layout.transport + transport_header(recipe);
    layout.packet_end = layout.payload + recipe->payload;
    layout.length = layout.packet_end + recipe->padding;
    for (size_t i = 0; i < recipe->payload; i++)
        frame[layout.payload + i] = (uint8_t)((first + i) * 131 + ((first + i) >> 8));
    memset(frame + layout.packet_end, 0xA5, recipe->padding);

    sum = pseudo_sum(recipe, frame + layout.network, state == FRAME_LARGE ? 0 : layout.packet_end - layout.transport);
    if (state == FRAME_FINISHED) {
        sum = ~naive_sum(frame + layout.transport, layout.packet_end - layout.transport, sum) & 0xFFFF;
        if (recipe->protocol == 17 && sum == 0)
            sum = 0xFFFF;
    }
    put16(frame + layout.field, sum);
    return layout;
}
