/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * aero_virtio_net_receive.h - what a received packet header says about segmentation and checksums, and what follows from it: a checksum is
 * completed, one is vouched for, or the frame is refused. Written for a device that may write anything (N21..N24).
 */
#ifndef AERO_VIRTIO_NET_RECEIVE_H
#define AERO_VIRTIO_NET_RECEIVE_H

#include "virtio_types.h"

/* A frame that lies in one or more buffers. */
struct frame_piece {
    virtio_u8 *bytes;
    virtio_u32 length;
    struct frame_piece *next;
};

/* Checksums that can be spoken about. */
#define RECEIVE_CHECKSUM_TCP4 0x01u
#define RECEIVE_CHECKSUM_UDP4 0x02u
#define RECEIVE_CHECKSUM_TCP6 0x04u
#define RECEIVE_CHECKSUM_UDP6 0x08u

struct receive_checksum_rules {
    virtio_bool negotiated; /* GUEST_CSUM: without it the header's flags mean nothing */
    virtio_u32 wanted;      /* RECEIVE_CHECKSUM_*: nothing is said about others */
};

enum receive_verdict {
    RECEIVE_GOOD,
    RECEIVE_SEGMENTED,          /* says that it is a large frame, which was not negotiated */
    RECEIVE_BAD_CHECKSUM_FIELDS /* the checksum to complete is not in the frame, or not behind its IP header */
};

struct receive_report {
    virtio_u32 good;       /* the one of RECEIVE_CHECKSUM_* that is wanted and right; 0: nothing is said */
    virtio_bool completed; /* a checksum was written into the frame */
};

/*
 * Judges a frame of `length` bytes, which is the sum of the pieces' lengths. `header` is the packet header, its packed 10 bytes.
 *
 * With NEEDS_CSUM the checksum is completed, up to the end of the IP packet where there is one, else of the frame. It is vouched for when
 * it is the one of the packet's TCP or UDP header and the pseudo header's sum was right. With DATA_VALID the device vouches for TCP or UDP
 * of an unfragmented packet; not for an absent (zero) UDP checksum.
 */
enum receive_verdict receive_checksum_judge(const virtio_u8 *header, const struct frame_piece *frame, virtio_u32 length,
                                            const struct receive_checksum_rules *rules, struct receive_report *report);

#endif
