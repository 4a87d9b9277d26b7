/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ethernet_frame.h - reads the header of an Ethernet II frame: who it is for, what it carries, its 802.1Q tag. */
#ifndef PACKET_ETHERNET_FRAME_H
#define PACKET_ETHERNET_FRAME_H

#include "virtio_types.h"

#define ETHERNET_ADDRESS_BYTES       6u
#define ETHERNET_HEADER_BYTES        14u
#define ETHERNET_VLAN_BYTES          4u
#define ETHERNET_TYPE_OFFSET         12u
#define ETHERNET_TYPE_IPV4           0x0800u
#define ETHERNET_TYPE_ARP            0x0806u
#define ETHERNET_TYPE_VLAN           0x8100u
#define ETHERNET_TYPE_IPV6           0x86DDu
#define ETHERNET_LENGTH_MAXIMUM      1500u /* up to here the type field is an IEEE 802.3 length */
#define ETHERNET_VLAN_ID_MASK        0x0FFFu
#define ETHERNET_VLAN_PRIORITY_SHIFT 13u
#define ETHERNET_VLAN_DROP_SHIFT     12u

enum frame_class {
    FRAME_DIRECTED,  /* one station */
    FRAME_MULTICAST, /* a group, but not everybody */
    FRAME_BROADCAST
};

/* IEEE 802.3: the lowest bit of the first byte marks a group address; all ones is everybody. */
enum frame_class ethernet_classify(const virtio_u8 destination[ETHERNET_ADDRESS_BYTES]);

virtio_bool ethernet_address_equal(const virtio_u8 left[ETHERNET_ADDRESS_BYTES], const virtio_u8 right[ETHERNET_ADDRESS_BYTES]);

struct ethernet_frame {
    virtio_u32 header_length; /* 14, or 18 with a tag */
    virtio_u16 type;          /* of the payload, behind the tag; <= ETHERNET_LENGTH_MAXIMUM: an 802.3 length */
    virtio_bool tagged;       /* carries an 802.1Q tag */
    virtio_u16 vlan_id;       /* 0..4095; 0 without a tag, or with a tag that has only a priority */
    virtio_u8 priority;       /* 0..7 */
    virtio_u8 drop_eligible;  /* 0..1: the bit between them, once called canonical format indicator */
};

/*
 * Reads the header of `length` contiguous bytes at `bytes`. False, and nothing written, when the header (and the tag it announces) does
 * not fit. Only the outer tag is read: a second one shows as type ETHERNET_TYPE_VLAN.
 */
virtio_bool ethernet_read_header(const virtio_u8 *bytes, virtio_u32 length, struct ethernet_frame *frame);

#endif
