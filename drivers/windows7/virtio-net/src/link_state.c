/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* link_state.c - reads the link and indicates its changes. */
#include "link_state.h"
#include "adapter.h"
#include "trace.h"
#include "virtio_net_spec.h"

/* Changes that one thread indicates in a row, and how long the next one waits then. */
#define TELLINGS      8
#define TELL_LATER_MS 10

static VOID LinkIndicate(PAEROVNET_ADAPTER Adapter, const AEROVNET_LINK_FACTS *Facts)
{
    NDIS_STATUS_INDICATION Indication;
    NDIS_LINK_STATE LinkState;

    NdisZeroMemory(&LinkState, sizeof LinkState);
    LinkState.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    LinkState.Header.Revision = NDIS_LINK_STATE_REVISION_1;
    LinkState.Header.Size = NDIS_SIZEOF_LINK_STATE_REVISION_1;
    LinkState.MediaConnectState = Facts->State;
    LinkState.MediaDuplexState = Facts->Duplex;
    LinkState.XmitLinkSpeed = Facts->Speed;
    LinkState.RcvLinkSpeed = Facts->Speed;
    LinkState.PauseFunctions = NdisPauseFunctionsUnsupported;

    NdisZeroMemory(&Indication, sizeof Indication);
    Indication.Header.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION;
    Indication.Header.Revision = NDIS_STATUS_INDICATION_REVISION_1;
    Indication.Header.Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1;
    Indication.SourceHandle = Adapter->Handle;
    Indication.StatusCode = NDIS_STATUS_LINK_STATE;
    Indication.StatusBuffer = &LinkState;
    Indication.StatusBufferSize = sizeof LinkState;
    AEROVNET_TRACE(("link %s", Facts->State == MediaConnectStateConnected ? "up" : "down"));
    NdisMIndicateStatusEx(Adapter->Handle, &Indication);
}

static BOOLEAN FactsEqual(const AEROVNET_LINK_FACTS *One, const AEROVNET_LINK_FACTS *Other)
{
    return One->State == Other->State && One->Duplex == Other->Duplex && One->Speed == Other->Speed;
}

/* With the speed that the device has now, which may change while the link is up (N7). */
static VOID FactsRead(PAEROVNET_ADAPTER Adapter, BOOLEAN Up, PAEROVNET_LINK_FACTS Facts)
{
    BOOLEAN FullDuplex;
    ULONG Megabits;

    Facts->State = Up ? MediaConnectStateConnected : MediaConnectStateDisconnected;
    Facts->Duplex = Up ? MediaDuplexStateFull : MediaDuplexStateUnknown;
    Facts->Speed = Up ? AEROVNET_LINK_SPEED : NDIS_LINK_SPEED_UNKNOWN;
    if (Up && AerovnetDeviceReadSpeed(Adapter, &Megabits, &FullDuplex)) {
        Facts->Duplex = FullDuplex ? MediaDuplexStateFull : MediaDuplexStateHalf;
        Facts->Speed = (ULONG64)Megabits * 1000000;
    }
}

/*
 * Tells NDIS what it does not know yet. Whoever comes while another thread is telling leaves it to that thread, which looks again before
 * it stops. A link that changes all the time, as only a device can have it that means no good, is told of a few times; then the service
 * timer goes on.
 */
static VOID LinkTell(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_LINK Link = &Adapter->Link;
    AEROVNET_LINK_FACTS Facts;
    BOOLEAN Left = FALSE;
    ULONG Round;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    if (!Link->Telling) {
        Link->Telling = TRUE;
        for (Round = 0; Link->Ready && !FactsEqual(&Link->Told, &Link->Current); Round++) {
            if (Round >= TELLINGS && !Link->Lost) { /* of a lost device this is the last that is heard */
                Left = TRUE;
                break;
            }
            Facts = Link->Current;
            Link->Told = Facts;
            NdisReleaseSpinLock(&Adapter->State.Lock);
            LinkIndicate(Adapter, &Facts);
            NdisAcquireSpinLock(&Adapter->State.Lock);
        }
        Link->Telling = FALSE;
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Left) {
        AerovnetServiceLater(Adapter, TELL_LATER_MS);
    }
}

static VOID LinkSet(PAEROVNET_ADAPTER Adapter, BOOLEAN Up)
{
    AEROVNET_LINK_FACTS Facts, Down;

    FactsRead(Adapter, Up, &Facts);
    FactsRead(Adapter, FALSE, &Down);
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Current = Adapter->Link.Lost ? Down : Facts;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    LinkTell(Adapter);
}

VOID AerovnetLinkInitialize(PAEROVNET_ADAPTER Adapter)
{
    USHORT Status;

    FactsRead(Adapter, (BOOLEAN)(AerovnetDeviceReadStatus(Adapter, &Status) && (Status & VIRTIO_NET_STATUS_LINK_UP) != 0),
              &Adapter->Link.Current);
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
    LinkSet(Adapter, (BOOLEAN)((Status & VIRTIO_NET_STATUS_LINK_UP) != 0));
    if ((Status & VIRTIO_NET_STATUS_ANNOUNCE) != 0 && Adapter->Device.Profile.asks_announce) {
        (void)AerovnetRecoveryAnnounce(Adapter);
    }
}

VOID AerovnetLinkLost(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Lost = TRUE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    LinkSet(Adapter, FALSE);
}

VOID AerovnetLinkFound(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Link.Lost = FALSE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    AerovnetLinkRefresh(Adapter);
}
