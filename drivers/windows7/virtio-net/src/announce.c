/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* announce.c - serves the device's requests to announce the station. */
#include "announce.h"
#include "adapter.h"
#include "trace.h"
#include "virtio_net_spec.h"

/* How long one request may wait for room in the transmit queue, altogether. */
#define ROOM_LOOKS              100
#define ROOM_PAUSE_MICROSECONDS 1000

NDIS_STATUS AerovnetAnnounceSetAddresses(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length,
                                         PULONG Read)
{
    struct announcement_addresses Addresses = Adapter->Announce.Addresses; /* OIDs are serialized, and nobody else writes it */

    switch (announcement_read_list(&Addresses, Bytes, Length)) {
    case ANNOUNCEMENT_OK:
        NdisAcquireSpinLock(&Adapter->State.Lock);
        Adapter->Announce.Addresses = Addresses;
        NdisReleaseSpinLock(&Adapter->State.Lock);
        *Read = Length;
        return NDIS_STATUS_SUCCESS;
    case ANNOUNCEMENT_SHORT:
        Request->DATA.SET_INFORMATION.BytesNeeded = Length + 1; /* more; how much, only a whole list would say */
        return NDIS_STATUS_INVALID_LENGTH;
    default:
        return NDIS_STATUS_INVALID_DATA;
    }
}

/* Sends one frame, if there is room before the patience with this request ends. FALSE: there was none. */
static BOOLEAN AnnounceSend(PAEROVNET_ADAPTER Adapter, const UCHAR *Frame, ULONG Length, PULONG Looks)
{
    BOOLEAN Sent = AerovnetTxSendOwn(Adapter, Frame, Length);

    while (!Sent && *Looks != 0 && !AerovnetIsOutOfReach(Adapter) && !AerovnetRecoveryIsWanted(Adapter)) {
        (*Looks)--;
        NdisMSleep(ROOM_PAUSE_MICROSECONDS);
        AerovnetTxFetch(Adapter); /* a moderated interrupt may come only after many more completions */
        Sent = AerovnetTxSendOwn(Adapter, Frame, Length);
    }
    if (!Sent) {
        AerovnetTxSendOwnEnd(Adapter);
    }
    NdisAcquireSpinLock(&Adapter->State.Lock);
    if (Sent) {
        Adapter->Announce.Frames++;
    } else {
        Adapter->Announce.Dropped++;
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
    return Sent;
}

VOID AerovnetAnnounceServe(PAEROVNET_ADAPTER Adapter)
{
    struct announcement_addresses Addresses;
    UCHAR Frame[ANNOUNCEMENT_FRAME_MAX];
    USHORT Vlan = Adapter->Rx.VlanId; /* the one that frames are taken from, by both keywords */
    ULONG Looks = ROOM_LOOKS, Index, Length;
    BOOLEAN All = TRUE;
    USHORT Status;

    /* Whoever saw the request may have seen one that is served already: what counts is what the device says now. */
    if (!Adapter->Control.Queue.Queue.Live || !AerovnetDeviceReadStatus(Adapter, &Status) || (Status & VIRTIO_NET_STATUS_ANNOUNCE) == 0) {
        return;
    }
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Addresses = Adapter->Announce.Addresses;
    Adapter->Announce.Requests++;
    NdisReleaseSpinLock(&Adapter->State.Lock);

    for (Index = 0; Index < Addresses.ipv4_count; Index++) {
        Length = announcement_write_arp(Frame, Adapter->StationAddress, Vlan, Addresses.ipv4[Index]);
        All &= AnnounceSend(Adapter, Frame, Length, &Looks);
    }
    for (Index = 0; Index < Addresses.ipv6_count; Index++) {
        Length = announcement_write_neighbour(Frame, Adapter->StationAddress, Vlan, Addresses.ipv6[Index]);
        All &= AnnounceSend(Adapter, Frame, Length, &Looks);
    }
    AEROVNET_TRACE(("announced %u IPv4 and %u IPv6 addresses", (unsigned)Addresses.ipv4_count, (unsigned)Addresses.ipv6_count));
    if (!All) {
        return; /* not acknowledged, the request stays: the next hang check finds it again */
    }
    AerovnetControlQueueBegin(Adapter);
    (void)AerovnetControlQueueSend(Adapter, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0);
}
