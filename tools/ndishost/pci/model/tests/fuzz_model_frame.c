/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_model_frame.c - any frame under any virtio header, as a driver may send it: what the judge finds lies in the frame; completing and
 * cutting stay inside their buffers, and segments carry every byte of the payload once. Input: header (12), frame.
 */
#include "fuzz_target.h"

#include <string.h>

#include "pci/model/model_constants.h"
#include "pci/model/model_frame.h"
#include "pci/model/model_offload.h"

static void check_facts(const uint8_t *frame, size_t length)
{
    struct model_frame_facts facts;

    model_frame_inspect(frame, length, &facts);
    MUST((facts.kind == FRAME_MALFORMED) == (facts.trouble != NULL));
    MUST(facts.tags <= 2 && facts.network_end <= length);
    if (facts.kind == FRAME_TCP || facts.kind == FRAME_UDP || facts.kind == FRAME_ICMP) {
        MUST(facts.network < facts.transport && facts.transport < facts.payload && facts.payload <= facts.network_end);
        MUST(facts.version == 4 || facts.version == 6);
    }
}

struct seen {
    size_t length, frames, bytes;
};

static void take(void *context, const uint8_t *frame, size_t length)
{
    struct seen *seen = context;
    uint8_t sum = 0;

    MUST(length <= seen->length);
    for (size_t i = 0; i < length; i++)
        sum ^= frame[i];
    seen->frames++;
    seen->bytes += length + (sum & 0); /* keeps the reads */
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct model_net_header header;
    uint8_t wire[HEADER_MODERN_BYTES], *frame, *segment;
    struct seen seen = {.frames = 0};
    const char *trouble;

    if (length < HEADER_MODERN_BYTES)
        return 0;
    header = model_net_header_parse(input, HEADER_MODERN_BYTES);
    model_net_header_write(&header, wire, sizeof wire);
    MUST(memcmp(wire, input, sizeof wire) == 0);
    input += HEADER_MODERN_BYTES;
    length -= HEADER_MODERN_BYTES;
    frame = malloc(length ? length : 1);
    segment = malloc(length ? length : 1);
    MUST(frame && segment);
    memcpy(frame, input, length);
    check_facts(frame, length);
    seen.length = length;
    trouble = model_offload_resolve(&header, frame, length, segment, take, &seen);
    MUST(trouble || seen.frames);
    MUST(!trouble || *trouble);
    free(frame);
    free(segment);
    return 0;
}

static size_t put_frame(uint8_t *frame, bool six, bool udp, size_t payload)
{
    size_t transport = six ? 54 : 34, header = udp ? 8 : 20, packet = header + payload;

    memcpy(frame + 12, six ? "\x86\xDD" : "\x08\x00", 2);
    if (six) {
        frame[14] = 0x60;
        frame[18] = (uint8_t)(packet >> 8);
        frame[19] = (uint8_t)packet;
        frame[20] = udp ? 17 : 6;
    } else {
        frame[14] = 0x45;
        frame[16] = (uint8_t)((packet + 20) >> 8);
        frame[17] = (uint8_t)(packet + 20);
        frame[23] = udp ? 17 : 6;
    }
    if (udp) {
        frame[transport + 4] = (uint8_t)(packet >> 8);
        frame[transport + 5] = (uint8_t)packet;
    } else {
        frame[transport + 12] = 0x50;
        frame[transport + 13] = 0x98;
    }
    return transport + header + payload;
}

/* Complete, with a partial sum, large; of each version and protocol. */
size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    bool six = index & 1, udp = index & 2;
    unsigned request = index >> 2;

    if (index >= 12)
        return 0;
    memset(bytes, 0, 2048);
    if (request) {
        bytes[0] = HDR_NEEDS_CSUM;
        bytes[6] = six ? 54 : 34;
        bytes[8] = udp ? 6 : 16;
    }
    if (request == 2) {
        bytes[1] = (uint8_t)(udp ? GSO_UDP_L4 : six ? GSO_TCPV6 : GSO_TCPV4);
        bytes[2] = (uint8_t)(bytes[6] + (udp ? 8 : 20));
        bytes[4] = 100;
    }
    return HEADER_MODERN_BYTES + put_frame(bytes + HEADER_MODERN_BYTES, six, udp, 450);
}
