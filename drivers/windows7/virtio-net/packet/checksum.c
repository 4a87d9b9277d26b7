/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * checksum.c - sums little-endian words, four bytes at a time, and swaps the result once: the ones' complement sum does not care which byte
 * comes first as long as all words agree (RFC 1071, section 2).
 */
#include "packet/checksum.h"

/* Compilers make one load of it, whatever the alignment. */
static virtio_u32 load_little32(const virtio_u8 *bytes)
{
    return (virtio_u32)bytes[0] | (virtio_u32)bytes[1] << 8 | (virtio_u32)bytes[2] << 16 | (virtio_u32)bytes[3] << 24;
}

static virtio_u16 fold(virtio_u64 sum)
{
    sum = (sum & 0xFFFFFFFFu) + (sum >> 32); /* 33 bits */
    sum = (sum & 0xFFFFFFFFu) + (sum >> 32); /* 32 */
    sum = (sum & 0xFFFFu) + (sum >> 16);     /* 17 */
    sum = (sum & 0xFFFFu) + (sum >> 16);     /* 16 */
    return (virtio_u16)sum;
}

static virtio_u16 swap(virtio_u16 word)
{
    return (virtio_u16)((virtio_u32)word << 8 | (virtio_u32)word >> 8);
}

static virtio_u64 sum_of(const virtio_u8 *bytes, virtio_u32 length)
{
    virtio_u64 even = 0, odd = 0; /* two chains of additions, so that they overlap */

    while (length >= 16) {
        even += load_little32(bytes);
        odd += load_little32(bytes + 4);
        even += load_little32(bytes + 8);
        odd += load_little32(bytes + 12);
        bytes += 16;
        length -= 16;
    }
    while (length >= 2) {
        even += (virtio_u32)bytes[0] | (virtio_u32)bytes[1] << 8;
        bytes += 2;
        length -= 2;
    }
    if (length != 0)
        odd += bytes[0]; /* the word's other byte counts as zero */
    return even + odd;
}

void checksum_begin(struct checksum *checksum)
{
    checksum->sum = 0;
    checksum->odd = VIRTIO_FALSE;
}

void checksum_add(struct checksum *checksum, const virtio_u8 *bytes, virtio_u32 length)
{
    virtio_u64 sum = sum_of(bytes, length);

    /* Behind an odd byte every byte of the piece is the other half of its word. */
    checksum->sum += checksum->odd ? swap(fold(sum)) : sum;
    checksum->odd ^= (virtio_bool)(length & 1u);
}

virtio_u16 checksum_value(const struct checksum *checksum)
{
    return swap(fold(checksum->sum));
}
