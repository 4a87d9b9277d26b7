/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_filter.h - decides whether the station wants a received frame: packet filter, own address and multicast list. */
#ifndef PACKET_RECEIVE_FILTER_H
#define PACKET_RECEIVE_FILTER_H

#include "packet/ethernet_frame.h"
#include "virtio_types.h"

/* Bits of the packet filter, with the values of NDIS_PACKET_TYPE_*. */
#define RECEIVE_FILTER_DIRECTED      0x01u
#define RECEIVE_FILTER_MULTICAST     0x02u /* groups on the list */
#define RECEIVE_FILTER_ALL_MULTICAST 0x04u /* every group */
#define RECEIVE_FILTER_BROADCAST     0x08u
#define RECEIVE_FILTER_PROMISCUOUS   0x20u
#define RECEIVE_FILTER_SUPPORTED                                                                                                           \
    (RECEIVE_FILTER_DIRECTED | RECEIVE_FILTER_MULTICAST | RECEIVE_FILTER_ALL_MULTICAST | RECEIVE_FILTER_BROADCAST |                        \
     RECEIVE_FILTER_PROMISCUOUS)

#define RECEIVE_FILTER_MULTICAST_MAX 64u

/* The caller guards it: receive_filter_accepts only reads. */
struct receive_filter {
    virtio_u32 packet_filter; /* RECEIVE_FILTER_*; 0: nothing is wanted */
    virtio_u8 station[ETHERNET_ADDRESS_BYTES];
    virtio_u32 multicast_count; /* <= RECEIVE_FILTER_MULTICAST_MAX; what is above is not looked at */
    virtio_u8 multicast[RECEIVE_FILTER_MULTICAST_MAX][ETHERNET_ADDRESS_BYTES];
};

/*
 * True when a frame to `destination` is wanted. `cls` (may be NULL) gets the frame's class in either case, for the statistics. Broadcast is
 * a class of its own: ALL_MULTICAST does not let it in.
 */
virtio_bool receive_filter_accepts(const struct receive_filter *filter, const virtio_u8 destination[ETHERNET_ADDRESS_BYTES],
                                   enum frame_class *cls);

#endif
