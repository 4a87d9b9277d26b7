/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_frame.c - any frame, as Linux or the driver hands it over: what the reader finds lies in the frame, also when only its front is
 * there; checksums and segments are made inside their buffers, and segments carry every byte of the payload once.
 *
 * Input: how much of the front is there (2), start and offset of a sum (4), segment size (2), frame.
 */
#include "fuzz_target.h"

#include <string.h>

#include "frame/internet_checksum.h"
#include "frame/packet.h"
#include "frame/software_offload.h"

enum { PREFIX = 8 };

static unsigned word(const uint8_t *at)
{
    return (unsigned)at[0] | (unsigned)at[1] << 8;
}

static uint8_t *copy_of(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);

    MUST(copy);
    memcpy(copy, bytes, length);
    return copy;
}

static void check_packet(const uint8_t *frame, size_t have, size_t length)
{
    struct packet packet;

    packet_parse(frame, have, length, &packet);
    MUST(packet.tags <= 2 && packet.network <= length + PACKET_TAG && packet.end <= length);
    MUST(packet.version == 0 || packet.version == 4 || packet.version == 6);
    MUST(!packet.malformed || packet.transport == TRANSPORT_OTHER);
    if (packet.version && !packet.malformed)
        (void)packet_header_sum_good(frame, &packet);
    if (packet.transport == TRANSPORT_OTHER)
        return;
    MUST(packet.network < packet.transport_at && packet.transport_at < packet.payload);
    MUST(packet.payload <= packet.end && packet.payload <= have);
    MUST(packet.transport_at + packet_sum_offset(&packet) + 2 <= packet.payload);
    (void)packet_pseudo_sum(frame, &packet, (uint32_t)(packet.end - packet.transport_at));
}

/* ---- segments ---- */

struct seen {
    const uint8_t *frame;
    size_t length, bytes;
    struct packet whole;
};

static bool take(void *context, const uint8_t *segment, size_t length)
{
    struct seen *seen = context;
    struct packet packet;
    size_t payload;

    packet_parse(segment, length, length, &packet);
    MUST(packet.transport == TRANSPORT_TCP && packet.payload == seen->whole.payload && packet_header_sum_good(segment, &packet));
    payload = length - packet.payload;
    MUST(payload <= seen->whole.end - seen->whole.payload - seen->bytes);
    MUST(memcmp(segment + packet.payload, seen->frame + seen->whole.payload + seen->bytes, payload) == 0);
    seen->bytes += payload;
    return true;
}

static void check_segments(const uint8_t *frame, size_t length, size_t segment_size)
{
    struct seen seen = {.frame = frame, .length = length};
    uint8_t *room = malloc(length ? length : 1);

    MUST(room);
    packet_parse(frame, length, length, &seen.whole);
    if (software_segment(frame, length, segment_size, room, take, &seen))
        MUST(seen.bytes == seen.whole.end - seen.whole.payload);
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    uint8_t *frame, *front;
    size_t have, start, offset;

    if (length < PREFIX)
        return 0;
    have = word(input);
    start = word(input + 2);
    offset = word(input + 4);
    frame = copy_of(input + PREFIX, length - PREFIX);
    length -= PREFIX;
    have = have < length ? have : length;
    front = copy_of(frame, have);
    check_packet(front, have, length);
    check_packet(frame, length, length);
    check_segments(frame, length, word(input + 6));
    if (software_checksum(frame, length, start, offset))
        MUST(start + offset + 2 <= length);
    free(front);
    free(frame);
    return 0;
}

/* ---- seeds ---- */

enum { TAGGED = 1, SIX = 2, UDP = 4, EXTENDED = 8, SEEDS = 16 };

static size_t put_ip4(uint8_t *at, bool udp, size_t payload)
{
    size_t total = 20 + (udp ? 8 : 20) + payload;

    at[0] = 0x45;
    at[2] = (uint8_t)(total >> 8);
    at[3] = (uint8_t)total;
    at[8] = 64;
    at[9] = udp ? 17 : 6;
    memset(at + 12, 10, 8);
    software_header_checksum(at, 0);
    return 20;
}

static size_t put_ip6(uint8_t *at, bool udp, bool extended, size_t payload)
{
    size_t bytes = (extended ? 8u : 0u) + (udp ? 8 : 20) + payload;

    at[0] = 0x60;
    at[4] = (uint8_t)(bytes >> 8);
    at[5] = (uint8_t)bytes;
    at[6] = extended ? 60 : udp ? 17 : 6;
    at[7] = 64;
    memset(at + 8, 0xFD, 32);
    if (extended)
        at[40] = udp ? 17 : 6;
    return extended ? 48 : 40;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    uint8_t *frame = bytes + PREFIX;
    size_t at = 12, payload = 300;

    if (index >= SEEDS)
        return 0;
    memset(bytes, 0, 1024);
    bytes[0] = 128;
    bytes[2] = 34;
    bytes[4] = 16;
    bytes[6] = 100;
    if (index & TAGGED) {
        memcpy(frame + at, "\x81\x00\x60\x07", 4);
        at += 4;
    }
    memcpy(frame + at, index & SIX ? "\x86\xDD" : "\x08\x00", 2);
    at += 2;
    at += index & SIX ? put_ip6(frame + at, index & UDP, index & EXTENDED, payload) : put_ip4(frame + at, index & UDP, payload);
    if (index & UDP) {
        frame[at + 4] = (uint8_t)((8 + payload) >> 8);
        frame[at + 5] = (uint8_t)(8 + payload);
        at += 8;
    } else {
        frame[at + 12] = 0x50;
        frame[at + 13] = 0x18;
        at += 20;
    }
    for (size_t i = 0; i < payload; i++)
        frame[at + i] = (uint8_t)(i * 7);
    return PREFIX + at + payload;
}
