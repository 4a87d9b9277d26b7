/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_receive.c - any packet header over any frame in any pieces: only the checksum that is completed changes, it lies behind the Ethernet
 * header, and what is vouched for after completing adds up for a receiver that reads the frame by itself.
 *
 * Input: wanted claims and GUEST_CSUM, length of the first piece, length of the others, packet header (10), frame.
 */
#include "fuzz_target.h"

#include <stdlib.h>
#include <string.h>

#include "aero_virtio_net_receive.h"
#include "frame_builder.h"

enum { CONTROL = 3, HEADER = 10, PIECES_MAX = 512, NEEDS = 1, RSC = 4 };

struct cut_frame {
    struct frame_piece pieces[PIECES_MAX];
    unsigned count;
};

/* Every piece in a block of exactly its size. */
static void cut(struct cut_frame *cut, const uint8_t *frame, size_t length, size_t first, size_t step)
{
    size_t done = 0, size = first;

    cut->count = 0;
    do {
        struct frame_piece *piece = &cut->pieces[cut->count++];

        MUST(cut->count <= PIECES_MAX);
        if (size > length - done || cut->count == PIECES_MAX)
            size = length - done;
        piece->bytes = malloc(size ? size : 1);
        MUST(piece->bytes);
        memcpy(piece->bytes, frame + done, size);
        piece->length = (virtio_u32)size;
        piece->next = NULL;
        if (cut->count > 1)
            piece[-1].next = piece;
        done += size;
        size = step;
    } while (done < length);
}

static void join(struct cut_frame *cut, uint8_t *frame)
{
    for (unsigned i = 0; i < cut->count; i++) {
        memcpy(frame, cut->pieces[i].bytes, cut->pieces[i].length);
        frame += cut->pieces[i].length;
        free(cut->pieces[i].bytes);
    }
}

static size_t big16(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* What a receiver finds for the transport header at `start`. */
static bool adds_up(const uint8_t *frame, size_t start, bool udp)
{
    const uint8_t *ip = frame + (big16(frame + 12) == 0x8100 ? 18 : 14);
    bool ipv4 = ip[0] >> 4 == 4;
    size_t end = (size_t)(ip - frame) + (ipv4 ? big16(ip + 2) : 40 + big16(ip + 4));
    unsigned sum = plain_sum(ipv4 ? ip + 12 : ip + 8, ipv4 ? 8 : 32, (unsigned)(end - start));

    sum = plain_sum((const uint8_t[2]){0, udp ? 17 : 6}, 2, sum);
    return plain_sum(frame + start, end - start, sum) == 0xFFFF;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    static uint8_t after[FUZZ_INPUT_BYTES];
    struct receive_checksum_rules rules;
    struct receive_report report;
    struct cut_frame pieces;
    enum receive_verdict verdict;
    const uint8_t *header = input + CONTROL, *frame = input + CONTROL + HEADER;
    uint8_t *exact;
    size_t start, field;

    if (length < CONTROL + HEADER + 14 || length > FUZZ_INPUT_BYTES)
        return 0;
    length -= CONTROL + HEADER;
    rules.wanted = input[0] & 15;
    rules.negotiated = input[0] >> 7;
    exact = malloc(HEADER);
    MUST(exact);
    memcpy(exact, header, HEADER);
    /* The driver has made sure of an Ethernet header in the first piece. */
    cut(&pieces, frame, length, 14 + input[1] * (size_t)8, 8 + input[2]);
    verdict = receive_checksum_judge(exact, pieces.pieces, (virtio_u32)length, &rules, &report);
    join(&pieces, after);
    free(exact);

    start = header[6] | (size_t)header[7] << 8;
    field = start + (header[8] | (size_t)header[9] << 8);
    MUST((report.good & ~rules.wanted) == 0 && (report.good & (report.good - 1)) == 0);
    MUST((verdict == RECEIVE_SEGMENTED) == (header[1] != 0));
    if (verdict != RECEIVE_GOOD)
        MUST(report.good == 0 && !report.completed);
    if (report.completed) {
        MUST(rules.negotiated && (header[0] & (NEEDS | RSC)) == NEEDS);
        MUST(start >= 14 && field + 2 <= length);
        MUST(after[field] != 0 || after[field + 1] != 0);
        if (report.good)
            MUST(adds_up(after, start, (report.good & (RECEIVE_CHECKSUM_UDP4 | RECEIVE_CHECKSUM_UDP6)) != 0));
        after[field] = frame[field];
        after[field + 1] = frame[field + 1];
    }
    MUST(memcmp(after, frame, length) == 0);
    return 0;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const uint16_t tag[2] = {0x8100, 0x6007};
    static struct built_frame frame;
    struct frame_plan plan = {.version = index & 1 ? 6 : 4, .protocol = index & 2 ? BUILT_UDP : BUILT_TCP, .payload = 100 + index * 13};
    size_t offset;

    if (index >= 32)
        return 0;
    if (index & 4)
        plan.options = 8;
    if (index & 8) {
        plan.tags = tag;
        plan.tag_count = 1;
    }
    frame_build(&plan, &frame);
    offset = frame.field - frame.transport;
    memset(bytes, 0, CONTROL + HEADER);
    bytes[0] = 0x8F;
    bytes[1] = (uint8_t)(8 + index);
    bytes[2] = (uint8_t)(index * 7);
    bytes[3] = index & 16 ? 2 : 1;
    bytes[9] = (uint8_t)frame.transport;
    bytes[11] = (uint8_t)offset;
    if (!(index & 16)) {
        frame.bytes[frame.field] = (uint8_t)(frame.pseudo >> 8);
        frame.bytes[frame.field + 1] = (uint8_t)frame.pseudo;
    }
    memcpy(bytes + CONTROL + HEADER, frame.bytes, frame.length);
    return CONTROL + HEADER + frame.length;
}
