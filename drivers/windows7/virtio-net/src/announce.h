/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * announce.h - announcements on the device's request (GUEST_ANNOUNCE): after a migration the network is to learn where the station is now.
 * The frames are the driver's own; the addresses are those that the protocols have set by OID_GEN_NETWORK_LAYER_ADDRESSES.
 */
#ifndef AEROVNET_ANNOUNCE_H
#define AEROVNET_ANNOUNCE_H

#include "adapter_types.h"
#include "packet/announcement.h"

/* Guard: State.Lock. */
typedef struct _AEROVNET_ANNOUNCE {
    struct announcement_addresses Addresses;
    ULONG64 Requests; /* of the device that were served */
    ULONG64 Frames;   /* given to the device */
    ULONG64 Dropped;  /* the transmit queue had no room for them */
} AEROVNET_ANNOUNCE, *PAEROVNET_ANNOUNCE;

/* AEROVNET_OID_SET of OID_GEN_NETWORK_LAYER_ADDRESSES. */
NDIS_STATUS AerovnetAnnounceSetAddresses(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length,
                                         PULONG Read);

/*
 * If the device asks: a frame for each address, then the acknowledgement that ends the request (N29). Where there was no room for all
 * frames it is not acknowledged, and served again at the next look at the device's status. From the recovery work item.
 */
VOID AerovnetAnnounceServe(PAEROVNET_ADAPTER Adapter);

#endif
