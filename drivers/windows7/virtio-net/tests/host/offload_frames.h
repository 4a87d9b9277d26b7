/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * offload_frames.h - frames for tests of the offloads, made from a description field by field: as the network stack hands them down, and,
 * independently of the code under test, as they must be on the wire.
 */
#ifndef OFFLOAD_FRAMES_H
#define OFFLOAD_FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_BYTES = 70000, FRAME_EXTENSIONS = 6 };

struct frame_recipe {
    unsigned tags;                         /* in the data, 0..2 */
    unsigned version;                      /* 4 or 6 */
    unsigned options;                      /* bytes of IPv4 options, a multiple of 4 */
    unsigned extensions[FRAME_EXTENSIONS]; /* IPv6: protocol numbers, 0 ends the list; 256 + 0 is hop-by-hop */
    unsigned extension_units;              /* of each but a fragment header: 8-byte units behind the first */
    unsigned protocol;                     /* 6 or 17 */
    unsigned tcp_options;                  /* bytes, a multiple of 4 */
    unsigned tcp_flags;
    unsigned payload;
    unsigned padding; /* behind the IP packet */
    unsigned id;
    uint32_t sequence;
};

struct frame_layout {
    size_t network, transport, field, payload, packet_end, length;
};

/* What stands in the fields that an offload fills in. */
enum frame_state {
    FRAME_FINISHED, /* right checksums everywhere */
    FRAME_ASKED,    /* IPv4 header checksum 0, pseudo header sum in the transport's */
    FRAME_LARGE     /* also IP length 0, and the pseudo header sum without the length */
};

/* Writes a frame; `inserted` (-1: none) is an 802.1Q tag in front of its own. Payload byte i is a fixed function of `first` + i. */
struct frame_layout frame_write(const struct frame_recipe *recipe, enum frame_state state, int inserted, size_t first, uint8_t *frame);

/* Sum of 16-bit big-endian words, one at a time, carries added at once. */
unsigned naive_sum(const uint8_t *bytes, size_t length, unsigned sum);

#endif
