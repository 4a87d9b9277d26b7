/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * device_filter.h - from what the station wants to what a device is told: receive modes and the table of addresses of the control queue.
 *
 * The device's filter only keeps unwanted frames from coming: receive_filter.h stays the judge. So a device may always let in too much,
 * and never, not even between two commands, too little.
 */
#ifndef PACKET_DEVICE_FILTER_H
#define PACKET_DEVICE_FILTER_H

#include "packet/receive_filter.h"
#include "virtio_types.h"

/* The modes are commands of class VIRTIO_NET_CTRL_RX; a set of modes has bit 1 << VIRTIO_NET_CTRL_RX_* for each. */
#define DEVICE_FILTER_MODES 6u

/* What a device is known to do: modes that it has acknowledged since its reset. */
struct device_filter {
    virtio_u8 known; /* modes whose state is known */
    virtio_u8 on;    /* of the known ones */
};

/* Every mode may be named twice, before and after the table. */
#define DEVICE_FILTER_STEPS_MAX (2u * DEVICE_FILTER_MODES + 1u)
#define DEVICE_FILTER_TABLE     0xFFu /* as a step's mode: send the table */

struct device_filter_step {
    virtio_u8 mode; /* VIRTIO_NET_CTRL_RX_*, or DEVICE_FILTER_TABLE */
    virtio_u8 on;
};

/* The modes that `filter` asks for. Without `extra` only PROMISC and ALLMULTI exist. */
virtio_u8 device_filter_wanted(const struct receive_filter *filter, virtio_bool extra);

/*
 * The commands, in order, that take a device from `known` to `wanted`: first what lets more in, then the table if it is to be sent, then
 * what keeps more out. A device of which nothing is known is made promiscuous for the time. Returns their number.
 */
virtio_u32 device_filter_plan(const struct device_filter *known, virtio_u8 wanted, virtio_bool extra, virtio_bool table,
                              struct device_filter_step steps[DEVICE_FILTER_STEPS_MAX]);

/* The modes that let everything in: where to go when a command has failed. */
virtio_u8 device_filter_open(void);

/* A mode was acknowledged. */
void device_filter_learn(struct device_filter *known, const struct device_filter_step *step);

/* Two counts, one station, and every group of the longest list. */
#define DEVICE_FILTER_TABLE_MAX (8u + ETHERNET_ADDRESS_BYTES * (1u + RECEIVE_FILTER_MULTICAST_MAX))

/*
 * Writes what TABLE_SET carries (N28): with `station` the filter's own address, which a device does not know by itself; the groups of
 * the list where the filter wants them one by one. Returns the length.
 */
virtio_u32 device_filter_write_table(const struct receive_filter *filter, virtio_bool station, virtio_u8 bytes[DEVICE_FILTER_TABLE_MAX]);

#endif
