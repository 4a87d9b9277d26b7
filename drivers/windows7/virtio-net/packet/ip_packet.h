/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ip_packet.h - finds IPv4 or IPv6, and TCP or UDP in it, in a received frame. The bytes may be changed by the device while they are read:
 * each is read once, and nothing is used as an offset that was not checked.
 */
#ifndef PACKET_IP_PACKET_H
#define PACKET_IP_PACKET_H

#include "virtio_types.h"

#define IP_PROTOCOL_TCP 6u
#define IP_PROTOCOL_UDP 17u

#define TCP_CHECKSUM_OFFSET 16u
#define UDP_CHECKSUM_OFFSET 6u

/* All offsets are from the first byte of the frame. */
struct ip_packet {
    virtio_u32 version;       /* 4, 6, or 0: no IP packet whose lengths agree with the frame's; nothing else is set then */
    virtio_u32 network;       /* the IP header */
    virtio_u32 network_bytes; /* its length: of IPv4 with options, of IPv6 without extension headers */
    virtio_u32 end;           /* one behind the packet's last byte; what follows is padding */
    virtio_bool fragment;
    virtio_u32 transport; /* behind IP header and extension headers, as far as they were followed */
    virtio_u32 protocol;  /* IP_PROTOCOL_TCP or _UDP: its header stands at `transport`, whole; 0: something else, or not all there */
};

/*
 * Reads a frame of `length` bytes, the first `readable` of which are at `bytes`; the headers must be among those. One 802.1Q tag may stand
 * before the type. Extension headers of IPv6 are followed over hop-by-hop, routing without segments left, and destination options. A UDP
 * header counts when its length is that of the packet's payload.
 */
void ip_packet_read(const virtio_u8 *bytes, virtio_u32 readable, virtio_u32 length, struct ip_packet *packet);

/* The sum of the pseudo header of `packet`, which has a protocol: addresses, protocol, length; folded, not inverted. */
virtio_u16 ip_packet_pseudo_sum(const virtio_u8 *bytes, const struct ip_packet *packet);

#endif
