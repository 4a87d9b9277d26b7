/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * aero_virtio_net_offload.h - what becomes of one frame that the network stack wants finished: by the device, or by the processor, and with
 * which bytes changed. Portable: no operating system, no allocation; memory that the driver does not own is never written.
 *
 * The driver copies the front of a frame, aero_offload_plan changes that copy and says how to go on: the device gets the changed front
 * and, behind it, the rest of the frame as it is; or the frame is put together in a buffer and finished here.
 */
#ifndef AERO_VIRTIO_NET_OFFLOAD_H
#define AERO_VIRTIO_NET_OFFLOAD_H

#include "packet/ethernet_frame.h"
#include "virtio_net_hdr_offload.h"
#include "virtio_net_spec.h"

/*
 * Bytes of a frame to look at first. Ethernet, two tags, IPv6, 128 bytes of extension headers (LSO-13) and the longest TCP header are 250.
 * Longer headers are nobody's habit, but can be handed over (TcpHeaderOffset has ten bits): such a frame is read a second time.
 */
#define AERO_OFFLOAD_FRONT 256u
/* Room for a changed front: a tag more. */
#define AERO_OFFLOAD_FRONT_ROOM (AERO_OFFLOAD_FRONT + ETHERNET_VLAN_BYTES)

/* What the network stack asks for, beside the frame. */
struct aero_offload_request {
    virtio_bool network_checksum; /* of the IPv4 header; whatever stands there is overwritten */
    virtio_bool tcp_checksum;     /* the checksum field holds the pseudo header's sum, or, with segment_size, that sum without the length */
    virtio_bool udp_checksum;
    virtio_u32 segment_size; /* not 0: a large TCP send; the most payload of a segment. Implies the checksums */
    virtio_bool segment_ipv6;
    virtio_bool tagged; /* an 802.1Q tag is to be inserted */
    virtio_u16 tag;     /* ... priority and VLAN id */
};

/* What the device does (the profile), and the longest frame without a tag that may be sent. */
struct aero_offload_device {
    virtio_bool checksum;
    virtio_bool segment_ipv4;
    virtio_bool segment_ipv6;
    virtio_bool segment_ecn; /* also where CWR is set (N16) */
    virtio_u32 frame_maximum;
};

enum aero_offload_path {
    AERO_OFFLOAD_SEND,   /* the front, the rest of the frame behind it, and the header in front of both */
    AERO_OFFLOAD_SUM,    /* the same bytes put together, then aero_offload_sum */
    AERO_OFFLOAD_CUT,    /* cut by aero_offload_segment: the front is the headers of every segment */
    AERO_OFFLOAD_REREAD, /* headers that go on behind the front: put the frame together and plan again with more of it */
    AERO_OFFLOAD_REFUSED /* a large send that is none */
};

/* Whose checksum was asked for; for the counters. */
enum aero_offload_protocol {
    AERO_OFFLOAD_TCP4,
    AERO_OFFLOAD_UDP4,
    AERO_OFFLOAD_TCP6,
    AERO_OFFLOAD_UDP6,
    AERO_OFFLOAD_PROTOCOLS,
    AERO_OFFLOAD_NONE = AERO_OFFLOAD_PROTOCOLS /* no transport checksum */
};

/* Offsets are those of the frame that is sent, its new tag included. */
struct aero_offload_plan {
    enum aero_offload_path path;
    enum aero_offload_protocol protocol;
    virtio_bool summed_network; /* the IPv4 header checksum was written */
    virtio_bool unanswered;     /* a checksum was asked for that this frame does not have: it goes as it is */
    virtio_u32 front;           /* bytes of the changed front; 0: nothing has changed */
    virtio_u32 replaced;        /* ... and the bytes of the frame that they stand for: `front`, less the new tag */
    struct virtio_net_header header;
    /* SUM, CUT, and where the device sums */
    virtio_u32 sum_start; /* of the transport header */
    virtio_u32 sum_field; /* of the checksum in the frame */
    virtio_u32 sum_end;   /* behind the transport's data */
    /* large sends */
    virtio_u32 segment_size;
    virtio_u32 segments;
    virtio_u32 payload; /* bytes of it altogether */
    virtio_u32 headers; /* in front of each segment's payload; the front's length */
    virtio_u32 network; /* offset of the IP header */
    virtio_u32 network_length;
    virtio_bool ipv6;
    virtio_bool congestion_reduced; /* CWR is set */
};

/*
 * Plans a frame of `length` bytes. `front` has its first `available` bytes (all of them, or at least AERO_OFFLOAD_FRONT), room for
 * ETHERNET_VLAN_BYTES more, and is changed. With nothing asked for, nothing is read. Lengths, IPv4 header checksum and pseudo header sums
 * that the frame should have, and the tag, are in the front on any path but REREAD and REFUSED, which leave it alone.
 */
void aero_offload_plan(const struct aero_offload_device *device, const struct aero_offload_request *request, virtio_u8 *front,
                       virtio_u32 available, virtio_u32 length, struct aero_offload_plan *plan);

/* Path SUM: writes the checksum into the whole frame of `length` bytes. False, and nothing written, when the frame is not the planned one.
 */
virtio_bool aero_offload_sum(const struct aero_offload_plan *plan, virtio_u8 *frame, virtio_u32 length);

/* Payload bytes of segment `index` (< plan->segments), and where they begin in the payload. */
virtio_u32 aero_offload_segment_bytes(const struct aero_offload_plan *plan, virtio_u32 index, virtio_u32 *position);

/*
 * Path CUT: finishes segment `index` at `segment`, where the front and, behind it, the segment's payload were copied: lengths, IP id,
 * sequence number, flags (LSO-05, LSO-06) and both checksums. Every id stays within the half that the first one is in (LSO-07).
 */
void aero_offload_segment(const struct aero_offload_plan *plan, virtio_u32 index, virtio_u8 *segment);

#endif
