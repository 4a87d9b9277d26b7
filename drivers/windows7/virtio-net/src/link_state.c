/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* link_state.c - reads the link and indicates its changes. */
#include "link_state.h"
#include "adapter.h"
#include "trace.h"
#include "virtio_net_spec.h"

static VOID LinkIndicate(PAEROVNET_ADAPTER Adapter, NDIS_MEDIA_CONNECT_STATE State)
{
    NDIS_STATUS_INDICATION Indication;
    NDIS_LINK_STATE LinkState;
    ULONG64 Speed = State == MediaConnectStateConnected ? AEROVNET_LINK_SPEED : NDIS_LINK_SPEED_UNKNOWN;

    NdisZeroMemory(&LinkState, sizeof LinkState);
    LinkState.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    LinkState.Header.Revision = NDIS_LINK_STATE_REVISION_1;
    LinkState.Header.Size = NDIS_SIZEOF_LINK_STATE_REVISION_1;
    LinkState.MediaConnectState = State;
    LinkState.MediaDuplexState = State == MediaConnectStateConnected ? MediaDuplexStateFull : MediaDuplexStateUnknown;
    LinkState.XmitLinkSpeed = Speed;
    LinkState.RcvLinkSpeed = Speed;
    LinkState.PauseFunctions = NdisPauseFunctionsUnsupported;

    NdisZeroMemory(&Indication, sizeof Indication);
    Indication.Header.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION;
    Indication.Header.Revision = NDIS_STATUS_INDICATION_REVISION_1;
    Indication.Header.Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1;
    Indication.SourceHandle = Adapter->Handle;
    Indication.StatusCode = NDIS_STATUS_LINK_STATE;
    Indication.StatusBuffer = &LinkState;
    Indication.StatusBufferSize = sizeof LinkState;
    AEROVNET_TRACE(("link %s", State == MediaConnectStateConnected ? "up" : "down"));
    NdisMIndicateStatusEx(Adapter->Handle, &Indication);
}

/*
 * Tells NDIS what it does not know yet. Whoever comes while another thread is telling leaves it to that thread, which looks again before
 * it stops; it ends when the link has stopped changing.
 */
static VOID LinkTell(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_LINK Link = &Adapter->Link;
    NDIS_MEDIA_CONNECT_STATE State;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    if (!Link->Telling) {
        Link->Telling = TRUE;
        while (Link->Ready && Link->Told != Link->Current) {
            State = Link->Current;
            Link->Told = State;
            NdisReleaseSpinLock(&Adapter->State.Lock);
            LinkIndicate(Adapter, State);
            NdisAcquireSpinLock(&Adapter->State.Lock);
        }
        Link->Telling = FALSE;
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

static VOID LinkSet(PAEROVNET_ADAPTER Adapter, NDIS_MEDIA_CONNECT_STATE State)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Current = Adapter->Link.Lost ? MediaConnectStateDisconnected : State;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    LinkTell(Adapter);
}

VOID AerovnetLinkInitialize(PAEROVNET_ADAPTER Adapter)
{
    USHORT Status;

    Adapter->Link.Current = AerovnetDeviceReadStatus(Adapter, &Status) && (Status & VIRTIO_NET_STATUS_LINK_UP) != 0
                                ? MediaConnectStateConnected
                                : MediaConnectStateDisconnected;
    Adapter->Link.Told = Adapter->Link.Current;
}

VOID AerovnetLinkAttach(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Ready = TRUE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    AerovnetLinkRefresh(Adapter);
}

VOID AerovnetLinkDetach(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Ready = FALSE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

VOID AerovnetLinkRefresh(PAEROVNET_ADAPTER Adapter)
{
    USHORT Status;

    if (!AerovnetDeviceReadStatus(Adapter, &Status)) {
        return;
    }
    LinkSet(Adapter, (Status & VIRTIO_NET_STATUS_LINK_UP) != 0 ? MediaConnectStateConnected : MediaConnectStateDisconnected);
    if ((Status & VIRTIO_NET_STATUS_ANNOUNCE) != 0 && Adapter->Device.Profile.asks_announce) {
        (void)AerovnetRecoveryAnnounce(Adapter);
    }
}

VOID AerovnetLinkLost(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Lost = TRUE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    LinkSet(Adapter, MediaConnectStateDisconnected);
}

VOID AerovnetLinkFound(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Lost = FALSE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    AerovnetLinkRefresh(Adapter);
}
