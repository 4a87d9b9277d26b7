/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_filter.c - one look at the destination address against packet filter, own address and multicast list. */
#include "packet/receive_filter.h"

static virtio_bool on_multicast_list(const struct receive_filter *filter, const virtio_u8 *destination)
{
    virtio_u32 count = filter->multicast_count, i;

    if (count > RECEIVE_FILTER_MULTICAST_MAX)
        count = RECEIVE_FILTER_MULTICAST_MAX;
    for (i = 0; i < count; i++) {
        if (ethernet_address_equal(filter->multicast[i], destination))
            return VIRTIO_TRUE;
    }
    return VIRTIO_FALSE;
}

virtio_bool receive_filter_accepts(const struct receive_filter *filter, const virtio_u8 destination[ETHERNET_ADDRESS_BYTES],
                                   enum frame_class *cls)
{
    enum frame_class frame_class = ethernet_classify(destination);
    virtio_u32 wanted = filter->packet_filter;

    if (cls)
        *cls = frame_class;
    if (wanted & RECEIVE_FILTER_PROMISCUOUS)
        return VIRTIO_TRUE;

    switch (frame_class) {
    case FRAME_DIRECTED:
        return (wanted & RECEIVE_FILTER_DIRECTED) != 0 && ethernet_address_equal(filter->station, destination);
    case FRAME_MULTICAST:
        if (wanted & RECEIVE_FILTER_ALL_MULTICAST)
            return VIRTIO_TRUE;
        return (wanted & RECEIVE_FILTER_MULTICAST) != 0 && on_multicast_list(filter, destination);
    case FRAME_BROADCAST:
        return (wanted & RECEIVE_FILTER_BROADCAST) != 0;
    }
    return VIRTIO_FALSE;
}
