/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_own.c - frames of the driver's own, which no NET_BUFFER_LIST stands for. */
#include "adapter.h"
#include "tx.h"

BOOLEAN AerovnetTxSendOwn(PAEROVNET_ADAPTER Adapter, const UCHAR *Frame, ULONG Length)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG HeaderLength = Adapter->Device.Profile.header_length;
    struct virtqueue_segment Segment;
    PAEROVNET_TX_SLOT Slot;
    PAEROVNET_TX_BOUNCE Bounce;
    BOOLEAN Sent = FALSE;

    NdisAcquireSpinLock(&Tx->Lock);
    Slot = Tx->FreeSlots;
    Bounce = Tx->FreeBounces;
    if (Tx->Queue.Live && Slot != NULL && Bounce != NULL && Length <= Tx->FrameMaximum) {
        /* No offload is asked for: the packet header, which lies in front of the frame, is all zero. */
        NdisZeroMemory(Bounce->Virtual - HeaderLength, HeaderLength);
        NdisMoveMemory(Bounce->Virtual, Frame, Length);
        Segment.physical = Bounce->Physical - HeaderLength;
        Segment.length = HeaderLength + Length;
        Sent = virtqueue_split_add(&Tx->Queue.Ring, &Segment, 1, 0, NULL, Slot) == VIRTQUEUE_OK;
    }
    if (Sent) {
        Tx->FreeSlots = Slot->Next;
        Tx->FreeBounces = Bounce->Next;
        Slot->List = NULL;
        Slot->NetBuffer = NULL;
        Slot->ScatterGather = NULL;
        Slot->Bounce = Bounce;
        Slot->Pieces = 1;
        Slot->NextSegment = 0;
        Slot->Plan.segments = 0; /* not a large send: one piece is all of it */
        Slot->Status = NDIS_STATUS_SUCCESS;
        Slot->State = AerovnetSlotSubmitted;
        AerovnetQueuePublish(Adapter, &Tx->Queue);
    }
    Tx->OwnWaiting = !Sent;
    NdisReleaseSpinLock(&Tx->Lock);
    return Sent;
}

VOID AerovnetTxSendOwnEnd(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    Adapter->Tx.OwnWaiting = FALSE;
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
    AerovnetTxResume(Adapter);
}
