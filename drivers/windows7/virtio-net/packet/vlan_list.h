/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* vlan_list.h - the VLANs that a device's filter is to let in: collected from settings, each id once. */
#ifndef PACKET_VLAN_LIST_H
#define PACKET_VLAN_LIST_H

#include "virtio_types.h"

#define VLAN_LIST_MAX   64u
#define VLAN_ID_MINIMUM 1u
#define VLAN_ID_MAXIMUM 4094u

struct vlan_list {
    virtio_u32 count;
    virtio_u32 rejected; /* entries that are no VLAN id, or one too many */
    virtio_u16 ids[VLAN_LIST_MAX];
};

/* Adds an id; one that is there already changes nothing, one that cannot be is counted. */
void vlan_list_add(struct vlan_list *list, virtio_u32 id);

/*
 * Adds the ids of a REG_MULTI_SZ: decimal numbers in UTF-16LE, each with blanks around it or not and a zero behind it. `length` bytes, any
 * number; the data need not end as they should.
 */
void vlan_list_read(struct vlan_list *list, const virtio_u8 *text, virtio_u32 length);

#endif
