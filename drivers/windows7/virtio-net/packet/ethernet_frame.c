/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ethernet_frame.c - reads the header of an Ethernet II frame byte by byte: no alignment is assumed. */
#include "packet/ethernet_frame.h"

static virtio_u16 read_big_endian16(const virtio_u8 *bytes)
{
    return (virtio_u16)(((virtio_u32)bytes[0] << 8) | bytes[1]);
}

enum frame_class ethernet_classify(const virtio_u8 destination[ETHERNET_ADDRESS_BYTES])
{
    virtio_u8 every_bit = destination[0];
    virtio_u32 i;

    if ((destination[0] & 1u) == 0)
        return FRAME_DIRECTED;
    for (i = 1; i < ETHERNET_ADDRESS_BYTES; i++)
        every_bit &= destination[i];
    return every_bit == 0xFFu ? FRAME_BROADCAST : FRAME_MULTICAST;
}

virtio_bool ethernet_address_equal(const virtio_u8 left[ETHERNET_ADDRESS_BYTES], const virtio_u8 right[ETHERNET_ADDRESS_BYTES])
{
    virtio_u8 difference = 0;
    virtio_u32 i;

    for (i = 0; i < ETHERNET_ADDRESS_BYTES; i++)
        difference |= (virtio_u8)(left[i] ^ right[i]);
    return difference == 0;
}

virtio_bool ethernet_read_header(const virtio_u8 *bytes, virtio_u32 length, struct ethernet_frame *frame)
{
    virtio_u16 type, tag;

    if (length < ETHERNET_HEADER_BYTES)
        return VIRTIO_FALSE;
    type = read_big_endian16(bytes + ETHERNET_TYPE_OFFSET);

    if (type != ETHERNET_TYPE_VLAN) {
        frame->header_length = ETHERNET_HEADER_BYTES;
        frame->type = type;
        frame->tagged = VIRTIO_FALSE;
        frame->vlan_id = 0;
        frame->priority = 0;
        frame->drop_eligible = 0;
        return VIRTIO_TRUE;
    }

    /* The tag stands between the addresses and the type of the payload. */
    if (length < ETHERNET_HEADER_BYTES + ETHERNET_VLAN_BYTES)
        return VIRTIO_FALSE;
    tag = read_big_endian16(bytes + ETHERNET_HEADER_BYTES);
    frame->header_length = ETHERNET_HEADER_BYTES + ETHERNET_VLAN_BYTES;
    frame->type = read_big_endian16(bytes + ETHERNET_TYPE_OFFSET + ETHERNET_VLAN_BYTES);
    frame->tagged = VIRTIO_TRUE;
    frame->vlan_id = (virtio_u16)(tag & ETHERNET_VLAN_ID_MASK);
    frame->priority = (virtio_u8)(tag >> ETHERNET_VLAN_PRIORITY_SHIFT);
    frame->drop_eligible = (virtio_u8)((tag >> ETHERNET_VLAN_DROP_SHIFT) & 1u);
    return VIRTIO_TRUE;
}
