/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * announcement.h - tells the network where a station is: gratuitous ARP (RFC 5227) and unsolicited neighbour advertisements (RFC 4861), for
 * the addresses that the protocols above have made known by OID_GEN_NETWORK_LAYER_ADDRESSES.
 */
#ifndef PACKET_ANNOUNCEMENT_H
#define PACKET_ANNOUNCEMENT_H

#include "packet/ethernet_frame.h"
#include "virtio_types.h"

#define ANNOUNCEMENT_ADDRESSES_MAX 16u /* of each kind; what is above is counted and left out */
#define ANNOUNCEMENT_IPV4_BYTES    4u
#define ANNOUNCEMENT_IPV6_BYTES    16u

struct announcement_addresses {
    virtio_u32 ipv4_count;
    virtio_u32 ipv6_count;
    virtio_u32 left_out;
    virtio_u8 ipv4[ANNOUNCEMENT_ADDRESSES_MAX][ANNOUNCEMENT_IPV4_BYTES];
    virtio_u8 ipv6[ANNOUNCEMENT_ADDRESSES_MAX][ANNOUNCEMENT_IPV6_BYTES];
};

/* NETWORK_ADDRESS_LIST without entries: LONG AddressCount, USHORT AddressType. */
#define ANNOUNCEMENT_LIST_BYTES 6u

enum announcement_result {
    ANNOUNCEMENT_OK,
    ANNOUNCEMENT_SHORT,  /* the list goes on behind its end */
    ANNOUNCEMENT_INVALID /* a count that cannot be */
};

/*
 * Reads `length` (at least ANNOUNCEMENT_LIST_BYTES) bytes of a NETWORK_ADDRESS_LIST. A protocol sends its own addresses only, so a list
 * with entries replaces those of the kinds that occur in it, and one without removes those of the protocol that it names (0: all).
 * Addresses that nobody can be asked for (zero, groups, loopback) and other kinds are ignored. On any result but OK nothing has changed.
 */
enum announcement_result announcement_read_list(struct announcement_addresses *addresses, const virtio_u8 *list, virtio_u32 length);

/* Ethernet, a tag, and the larger of the two packets. */
#define ANNOUNCEMENT_FRAME_MAX 90u

/*
 * Writes a frame and returns its length; no shorter than Ethernet wants it. `vlan` is the VLAN that the station is in; 0: no tag.
 */
virtio_u32 announcement_write_arp(virtio_u8 frame[ANNOUNCEMENT_FRAME_MAX], const virtio_u8 station[ETHERNET_ADDRESS_BYTES], virtio_u16 vlan,
                                  const virtio_u8 address[ANNOUNCEMENT_IPV4_BYTES]);
virtio_u32 announcement_write_neighbour(virtio_u8 frame[ANNOUNCEMENT_FRAME_MAX], const virtio_u8 station[ETHERNET_ADDRESS_BYTES],
                                        virtio_u16 vlan, const virtio_u8 address[ANNOUNCEMENT_IPV6_BYTES]);

#endif
