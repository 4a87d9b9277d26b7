/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_vlan.c - VLAN membership of a received frame, and removal of its tag without moving the payload. */
#include "packet/receive_vlan.h"

static virtio_bool is_link_control(const virtio_u8 *destination)
{
    return destination[0] == 0x01 && destination[1] == 0x80 && destination[2] == 0xC2 && destination[3] == 0x00 && destination[4] == 0x00 &&
           ((destination[5] & 0xF0u) == 0x00 || (destination[5] & 0xF0u) == 0x20);
}

virtio_bool receive_vlan_accepts(const struct ethernet_frame *frame, const virtio_u8 destination[ETHERNET_ADDRESS_BYTES], virtio_u16 own)
{
    if (own == 0)
        return VIRTIO_TRUE;
    if (frame->tagged)
        return frame->vlan_id == own;
    return is_link_control(destination);
}

void receive_vlan_strip(virtio_u8 *bytes)
{
    virtio_u32 i;

    /* Backwards, since the two places overlap. */
    for (i = 2 * ETHERNET_ADDRESS_BYTES; i-- != 0;)
        bytes[i + ETHERNET_VLAN_BYTES] = bytes[i];
}
