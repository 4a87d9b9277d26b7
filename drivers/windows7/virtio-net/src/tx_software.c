/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * tx_software.c - frames that are put together in memory of the driver's own: in too many pieces for a table, or finished by the processor.
 */
#include "adapter.h"
#include "tx_path.h"

/* ---- bounce buffers ---- */

static PAEROVNET_TX_BOUNCE *BounceList(PAEROVNET_TX Tx, BOOLEAN Large)
{
    return Large ? &Tx->FreeLargeBounces : &Tx->FreeBounces;
}

/* NULL: all are with the device, and one of them comes back. Locks: TxLock held. */
static PAEROVNET_TX_BOUNCE BounceTake(PAEROVNET_TX Tx, BOOLEAN Large)
{
    PAEROVNET_TX_BOUNCE *List = BounceList(Tx, Large), Bounce = *List;

    if (Bounce == NULL || (!Large && Bounce->Next == NULL && Tx->OwnWaiting)) {
        return NULL;
    }
    *List = Bounce->Next;
    return Bounce;
}

VOID AerovnetTxBounceReturn(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot)
{
    PAEROVNET_TX_BOUNCE Bounce = Slot->Bounce, *List;

    if (Bounce != NULL) {
        List = BounceList(Tx, Bounce->Large);
        Bounce->Next = *List;
        *List = Bounce;
        Slot->Bounce = NULL;
    }
}

/* ---- a frame in one piece ---- */

/* The changed front, and the rest of the frame behind it. */
static BOOLEAN GatherBehindFront(PAEROVNET_TX_SLOT Slot, PUCHAR Frame)
{
    const struct aero_offload_plan *Plan = &Slot->Plan;

    return AerovnetTxCopy(Slot->NetBuffer, Plan->replaced, Frame + Plan->front, NET_BUFFER_DATA_LENGTH(Slot->NetBuffer) - Plan->replaced);
}

AEROVNET_TX_VERDICT AerovnetTxGather(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);
    PUCHAR Frame;

    Slot->Bounce = BounceTake(Tx, (BOOLEAN)(Length + ETHERNET_VLAN_BYTES * (ULONG)Slot->Request.tagged > Tx->FrameMaximum));
    if (Slot->Bounce == NULL) {
        return AerovnetVerdictWait;
    }
    Frame = Slot->Bounce->Virtual;
    if (Slot->Plan.path == AERO_OFFLOAD_REREAD) {
        /* The plan changes the front here, and moves it if there is a tag; the rest is copied to its place once more below. */
        if (!AerovnetTxCopy(Slot->NetBuffer, 0, Frame, Length)) {
            return AerovnetVerdictUnfit;
        }
        AerovnetTxPlan(Tx, Slot, Frame, Length);
    } else {
        NdisMoveMemory(Frame, Slot->Front, Slot->Plan.front);
    }
    if (!GatherBehindFront(Slot, Frame)) {
        return AerovnetVerdictUnfit;
    }
    Length += Slot->Plan.front - Slot->Plan.replaced;
    if (Slot->Plan.path == AERO_OFFLOAD_SUM) {
        (void)aero_offload_sum(&Slot->Plan, Frame, Length);
    }
    Slot->BounceLength = Length;
    return AerovnetVerdictSent;
}

/* ---- a large send in many ---- */

/* Writes the next segment at `Frame`, with its packet header in front. Returns its length; 0: its payload cannot be read. */
static ULONG SegmentWrite(PAEROVNET_TX_SLOT Slot, ULONG HeaderLength, PUCHAR Frame)
{
    const struct aero_offload_plan *Plan = &Slot->Plan;
    virtio_u32 Position;
    ULONG Bytes = aero_offload_segment_bytes(Plan, Slot->NextSegment, &Position);

    NdisZeroMemory(Frame - HeaderLength, HeaderLength);
    NdisMoveMemory(Frame, Slot->Front, Plan->headers);
    if (!AerovnetTxCopy(Slot->NetBuffer, Plan->replaced + Position, Frame + Plan->headers, Bytes)) {
        return 0;
    }
    aero_offload_segment(Plan, Slot->NextSegment, Frame);
    return Plan->headers + Bytes;
}

AEROVNET_TX_VERDICT AerovnetTxCut(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot, PBOOLEAN Added)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG HeaderLength = Adapter->Device.Profile.header_length, Offset = 0, Longest, Length;
    struct virtqueue_segment Segment;

    if (Slot->Pieces != 0) {
        return AerovnetVerdictWait; /* the segments before are still in the buffer */
    }
    if (Slot->Bounce == NULL) {
        Slot->Bounce = BounceTake(Tx, TRUE);
        if (Slot->Bounce == NULL) {
            return AerovnetVerdictWait;
        }
    }
    /* As many as the buffer and the ring take; bounded by both. */
    Longest = Slot->Plan.headers + Slot->Plan.segment_size;
    while (Slot->NextSegment < Slot->Plan.segments && Offset + Longest <= AEROVNET_TX_LARGE_MAXIMUM &&
           virtqueue_split_free_count(&Tx->Queue.Ring) != 0) {
        Length = SegmentWrite(Slot, HeaderLength, Slot->Bounce->Virtual + Offset);
        if (Length == 0) {
            if (Slot->Pieces == 0) {
                return AerovnetVerdictUnfit;
            }
            Slot->Status = NDIS_STATUS_FAILURE; /* it ends when the device is done with the segments before */
            Tx->Counters.NotDescribed++;
            return AerovnetVerdictWait;
        }
        Segment.physical = Slot->Bounce->Physical + Offset - HeaderLength;
        Segment.length = HeaderLength + Length;
        if (virtqueue_split_add(&Tx->Queue.Ring, &Segment, 1, 0, NULL, Slot) != VIRTQUEUE_OK) {
            break; /* poisoned, and about to be reset */
        }
        *Added = TRUE;
        Slot->Pieces++;
        Slot->NextSegment++;
        Offset += (Length + 2 * AEROVNET_TX_HEADER_ROOM - 1) & ~(ULONG)(AEROVNET_TX_HEADER_ROOM - 1);
    }
    return Slot->NextSegment == Slot->Plan.segments ? AerovnetVerdictSent : AerovnetVerdictWait;
}
