/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_vlan.h - 802.1Q tags of received frames: whose VLAN a frame belongs to, and taking the tag out. */
#ifndef PACKET_RECEIVE_VLAN_H
#define PACKET_RECEIVE_VLAN_H

#include "packet/ethernet_frame.h"
#include "virtio_types.h"

/*
 * Does a frame with this header to `destination` belong to the station, whose VLAN is `own` (1..4094; 0: it is in none, and takes all)?
 * In a VLAN it takes frames with that id and no others: neither untagged ones nor those whose tag has only a priority, which is the
 * same. Link-local control frames (IEEE 802.1D's reserved groups and those of GARP) carry no tag by definition and are always taken.
 */
virtio_bool receive_vlan_accepts(const struct ethernet_frame *frame, const virtio_u8 destination[ETHERNET_ADDRESS_BYTES], virtio_u16 own);

/* Takes the tag out of a tagged frame at `bytes`: the addresses move up to the type. The frame begins ETHERNET_VLAN_BYTES later then. */
void receive_vlan_strip(virtio_u8 *bytes);

#endif
