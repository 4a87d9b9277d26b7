/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* checksum.h - the Internet checksum (RFC 1071): a ones' complement sum of big-endian 16-bit words, over bytes that come in pieces. */
#ifndef PACKET_CHECKSUM_H
#define PACKET_CHECKSUM_H

#include "virtio_types.h"

/* A sum under way. A piece may have any length and begin anywhere: that words fall across pieces is taken care of. */
struct checksum {
    virtio_u64 sum;  /* of little-endian words, carries not yet folded */
    virtio_bool odd; /* an odd number of bytes so far: the next one completes a word */
};

void checksum_begin(struct checksum *checksum);

/* Less than 2^32 bytes altogether: the carries fit. */
void checksum_add(struct checksum *checksum, const virtio_u8 *bytes, virtio_u32 length);

/*
 * The sum so far, folded but not inverted, as the number that its two bytes make in network order. Over data whose own checksum is
 * among it, 0xFFFF says that the checksum is right.
 */
virtio_u16 checksum_value(const struct checksum *checksum);

#endif
