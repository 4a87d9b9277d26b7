/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio_net_hdr_offload.h - reads the headers of a frame as far as offloads need them: VLAN tags, IPv4 with options, IPv6 with extension
 * headers, TCP, UDP. Portable: no operating system, no allocation.
 *
 * Every byte is read at most once, and every offset that is handed out lies inside what was given: the bytes may be anybody's, and may even
 * change meanwhile.
 */
#ifndef VIRTIO_NET_HDR_OFFLOAD_H
#define VIRTIO_NET_HDR_OFFLOAD_H

#include "virtio_types.h"

enum virtio_net_network { VIRTIO_NET_NOT_IP, VIRTIO_NET_IPV4, VIRTIO_NET_IPV6 };
enum virtio_net_transport { VIRTIO_NET_OTHER, VIRTIO_NET_TCP, VIRTIO_NET_UDP };

enum virtio_net_parse {
    VIRTIO_NET_PARSED,    /* read as far as this reader knows the protocols; NOT_IP and OTHER say where it stopped */
    VIRTIO_NET_CUT_SHORT, /* the headers go on behind the bytes that are there: try again with more of the frame */
    VIRTIO_NET_MALFORMED  /* a header does not fit, or contradicts itself */
};

#define VIRTIO_NET_TCP_FIN 0x01u
#define VIRTIO_NET_TCP_PSH 0x08u
#define VIRTIO_NET_TCP_CWR 0x80u

/* Offsets are from the first byte of the frame. */
struct virtio_net_frame {
    enum virtio_net_network network;
    enum virtio_net_transport transport; /* OTHER too for fragments, of which none is read as TCP or UDP */
    virtio_u32 tags;                     /* VLAN tags in the data, 0..2 */
    virtio_u32 network_offset;           /* with an IP version: of its header; valid even when the transport is OTHER */
    virtio_u32 network_length;           /* of the IPv4 header with options, or 40 */
    virtio_u32 packet_end;               /* as the IP header says: what follows is padding */
    virtio_u32 transport_offset;         /* with TCP or UDP: of its header */
    virtio_u32 payload_offset;           /* ... of its data */
    virtio_u32 transport_end;            /* ... behind its data: packet_end, or by a shorter UDP length */
    virtio_u8 tcp_flags;
    virtio_bool fragment; /* one piece of several */
    virtio_bool
        atomic_fragment; /* an IPv6 fragment header that says "the only piece" (RFC 6946): the transport is read, but devices do not */
    virtio_bool routed;  /* an IPv6 routing header with stops to go: pseudo headers have the last stop's address, not the next one's */
};

/*
 * Reads a frame of `length` bytes, of which the first `available` (<= length) are at `bytes`. With `large` it is one of a large send, whose
 * IP length says nothing: the packet ends with the frame. `frame` is written in any case; only PARSED makes it good, but what MALFORMED
 * and CUT_SHORT leave behind says how far it got.
 */
enum virtio_net_parse virtio_net_parse_frame(const virtio_u8 *bytes, virtio_u32 available, virtio_u32 length, virtio_bool large,
                                             struct virtio_net_frame *frame);

#endif
