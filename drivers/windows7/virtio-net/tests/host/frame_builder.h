/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* frame_builder.h - Ethernet frames with IP, TCP and UDP for tests, written byte by byte and with sums made word by word: an oracle. */
#ifndef FRAME_BUILDER_H
#define FRAME_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUILT_FRAME_MAX = 9100, BUILT_TCP = 6, BUILT_UDP = 17 };

struct built_frame {
    uint8_t bytes[BUILT_FRAME_MAX];
    size_t length;
    size_t network, transport, end; /* offsets: IP header, TCP or UDP header, one behind the packet */
    size_t field;                   /* of the checksum of TCP or UDP */
    unsigned pseudo;                /* sum of the pseudo header, not inverted */
};

struct frame_plan {
    unsigned version;     /* 4 or 6 */
    unsigned protocol;    /* BUILT_TCP, BUILT_UDP or any other, which gets its payload only */
    size_t payload;       /* bytes behind the TCP or UDP header */
    size_t options;       /* of IPv4: bytes, a multiple of 4; of IPv6: bytes of destination options, a multiple of 8 */
    size_t padding;       /* behind the packet, not zero */
    const uint16_t *tags; /* pairs of type and tag control, before the type; NULL: none */
    size_t tag_count;
    unsigned fragment; /* IPv4: the field of flags and offset; IPv6: nonzero puts a fragment header in */
    uint32_t seed;     /* of the payload */
};

/* A frame whose checksums are all right. */
void frame_build(const struct frame_plan *plan, struct built_frame *frame);

/* RFC 1071, as it is written: big-endian words, each carry added at once. */
unsigned plain_sum(const uint8_t *bytes, size_t length, unsigned sum);

/* Is the checksum of TCP or UDP over the pseudo header right, as a receiver finds out? */
bool transport_sum_is_right(const struct built_frame *frame, const uint8_t *bytes);

#endif
