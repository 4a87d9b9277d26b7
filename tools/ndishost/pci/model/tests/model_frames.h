/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_frames.h - builds frames for tests, with checksums of a naive reference. */
#ifndef NDISHOST_PCI_MODEL_TESTS_MODEL_FRAMES_H
#define NDISHOST_PCI_MODEL_TESTS_MODEL_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_plan {
    unsigned version;     /* 4 or 6 */
    bool tcp;             /* else UDP */
    unsigned tags;        /* VLAN tags */
    unsigned options;     /* IPv4: words of options; IPv6: extension headers of 8 bytes */
    unsigned tcp_options; /* words */
    uint8_t tcp_flags;
    size_t payload;
    uint32_t seed; /* of addresses, ports, payload */
};

struct built_frame {
    uint8_t bytes[66000];
    size_t length, network, transport, payload;
    unsigned sum_offset; /* of the checksum in the transport header */
};

/* Complete, every checksum right. */
void frame_build(const struct frame_plan *plan, struct built_frame *frame);
/* Replaces the transport checksum by the sum of the pseudo header, as NEEDS_CSUM wants it. */
void frame_make_partial(struct built_frame *frame);
/* One's complement sum of the frame's transport with its pseudo header: 0xffff when the checksum is right. Naive: bit by bit. */
uint16_t frame_transport_sum(const struct built_frame *frame);
uint16_t frame_network_sum(const struct built_frame *frame);

#endif
