/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_transmit_referee.c - any bytes as the memory that a driver shows a device: rings, chains, tables, headers, frames. Whatever stands
 * there, the referee reads no byte outside, and each look ends.
 *
 * Input: where the rings are, the size, features, then memory; what follows 0x4000 bytes of it is written over it before a second look.
 */
#include "fuzz_target.h"

#include <string.h>

#include "transmit_referee.h"

enum { PREFIX = 16, RAM = 0x4000 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct transmit_ring ring = {.size = 0};
    struct transmit_referee *referee;
    uint8_t *ram;
    size_t later;

    if (length < PREFIX)
        return 0;
    ring.descriptors = (uint64_t)(input[0] | input[1] << 8) << (input[7] & 8 ? 48 : 0);
    ring.available = (uint64_t)(input[2] | input[3] << 8) << (input[7] & 16 ? 48 : 0);
    ring.size = (uint16_t)(input[4] | (input[7] & 32 ? input[5] << 8 : 0));
    memcpy(&ring.accepted, input + 8, sizeof ring.accepted);
    input += PREFIX;
    length -= PREFIX;
    ram = calloc(1, RAM); /* on the heap, of just its size */
    MUST(ram);
    memcpy(ram, input, length < RAM ? length : RAM);
    referee = transmit_referee_create(ram, RAM, NULL);
    MUST(referee);
    transmit_referee_start(referee, &ring);
    transmit_referees_look();
    MUST(transmit_referee_frames(referee) <= ring.size);
    later = length > RAM ? length - RAM : 0;
    memcpy(ram, input + RAM, later < RAM ? later : RAM);
    transmit_referee_trust_sums(referee, length & 1);
    transmit_referees_look();
    transmit_referee_stop(referee);
    transmit_referee_destroy(referee);
    free(ram);
    return 0;
}

/* ---- seeds: a queue of 4; chain 0 a small frame with NEEDS_CSUM in two pieces, chain 1 a large one through a table ---- */

static void put(uint8_t *at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void put_descriptor(uint8_t *at, uint64_t address, uint32_t length, unsigned flags, unsigned next)
{
    put(at, 8, address);
    put(at + 8, 4, length);
    put(at + 12, 2, flags);
    put(at + 14, 2, next);
}

/* TCP over IPv4 with `payload` bytes. */
static uint32_t put_frame(uint8_t *at, uint32_t payload)
{
    static const uint8_t headers[54] = {2, 0, 0, 0,  0, 1, 2, 0, 0, 0, 0,  2, 8, 0, 0x45, 0, 0, 0, 0, 1,    0x40, 0,    64, 6, 0, 0, 10,
                                        0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 80, 0, 0, 0, 1,    0, 0, 0, 1, 0x50, 0x18, 0x20, 0,  0, 0, 0, 0};

    memcpy(at, headers, sizeof headers);
    put(at + 16, 1, (40 + payload) >> 8);
    put(at + 17, 1, 40 + payload);
    return (uint32_t)sizeof headers + payload;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    uint8_t *ram = bytes + PREFIX;
    uint32_t small, large;

    if (index >= 2)
        return 0;
    memset(bytes, 0, PREFIX + 0x2000);
    put(bytes + 2, 2, 0x100);
    bytes[4] = 4;
    put(bytes + 8, 8, index ? 0x100003801 : 0);
    small = put_frame(ram + 0x200, 6);
    large = put_frame(ram + 0x300, 3000);
    put(ram + 0x180, 8, 1 | (uint64_t)34 << 48);
    put(ram + 0x188, 2, 16);
    put(ram + 0x190, 8, 1 | 1 << 8 | 54 << 16 | (uint64_t)1460 << 32 | (uint64_t)34 << 48);
    put(ram + 0x198, 2, 16);
    put_descriptor(ram, 0x180, 12, 1, 1);
    put_descriptor(ram + 16, 0x200, small, 0, 0);
    put_descriptor(ram + 32, 0x1C0, 32, 4, 0);
    put_descriptor(ram + 0x1C0, 0x190, 12, 1, 1);
    put_descriptor(ram + 0x1D0, 0x300, large, 0, 0);
    put(ram + 0x102, 2, 2);
    put(ram + 0x106, 2, 2);
    return PREFIX + 0x1000;
}
