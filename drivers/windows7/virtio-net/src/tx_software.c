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

/*
 * The bounce buffer for the slot's frame, with the changed front in it. A large send that was read again may have to be cut out of its
 * buffer: that is a large one, however short the frame is.
 */
static AEROVNET_TX_VERDICT FrontPlace(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);
    BOOLEAN Large = (BOOLEAN)(Length + ETHERNET_VLAN_BYTES * (ULONG)Slot->Request.tagged > Tx->FrameMaximum);

    if (Slot->Bounce != NULL) {
        return AerovnetVerdictSent; /* it was read again */
    }
    Slot->Bounce = BounceTake(Tx, (BOOLEAN)(Large || (Slot->Reread && Slot->Request.segment_size != 0)));
    if (Slot->Bounce == NULL) {
        return AerovnetVerdictWait;
    }
    if (!Slot->Reread) {
        NdisMoveMemory(Slot->Bounce->Virtual, Slot->Front, Slot->Plan.front);
    }
    return AerovnetVerdictSent;
}

AEROVNET_TX_VERDICT AerovnetTxReread(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);
    AEROVNET_TX_VERDICT Verdict = FrontPlace(Tx, Slot);

    if (Verdict != AerovnetVerdictSent) {
        return Verdict;
    }
    if (Length > AEROVNET_TX_LARGE_MAXIMUM - ETHERNET_VLAN_BYTES) {
        Length = AEROVNET_TX_LARGE_MAXIMUM - ETHERNET_VLAN_BYTES; /* a large send of which not all has room; its headers have */
    }
    if (!AerovnetTxCopy(Slot->NetBuffer, 0, Slot->Bounce->Virtual, Length)) {
        return AerovnetVerdictUnfit;
    }
    AerovnetTxPlan(Tx, Slot, Slot->Bounce->Virtual, Length);
    return Slot->Plan.path == AERO_OFFLOAD_REREAD || Slot->Plan.path == AERO_OFFLOAD_REFUSED ? AerovnetVerdictUnfit : AerovnetVerdictSent;
}

AEROVNET_TX_VERDICT AerovnetTxGather(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);
    AEROVNET_TX_VERDICT Verdict = FrontPlace(Tx, Slot);
    PUCHAR Frame;

    if (Verdict != AerovnetVerdictSent) {
        return Verdict;
    }
    Frame = Slot->Bounce->Virtual;
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

/* Bytes from one frame in a bounce buffer to the next one's: padded, and room for its packet header. */
static ULONG Stride(ULONG Length)
{
    return (Length + 2 * AEROVNET_TX_HEADER_ROOM - 1) & ~(ULONG)(AEROVNET_TX_HEADER_ROOM - 1);
}

/* Writes the next segment at `Frame`, with its packet header in front. Returns its length; 0: its payload cannot be read. */
static ULONG SegmentWrite(PAEROVNET_TX_SLOT Slot, ULONG HeaderLength, PUCHAR Frame)
{
    const struct aero_offload_plan *Plan = &Slot->Plan;
    virtio_u32 Position;
    ULONG Bytes = aero_offload_segment_bytes(Plan, Slot->NextSegment, &Position);

    NdisZeroMemory(Frame - HeaderLength, HeaderLength);
    NdisMoveMemory(Frame, Slot->Reread ? Slot->Bounce->Virtual : Slot->Front, Plan->headers);
    if (!AerovnetTxCopy(Slot->NetBuffer, Plan->replaced + Position, Frame + Plan->headers, Bytes)) {
        return 0;
    }
    aero_offload_segment(Plan, Slot->NextSegment, Frame);
    return Plan->headers + Bytes;
}

AEROVNET_TX_VERDICT AerovnetTxCut(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot, PBOOLEAN Added)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG HeaderLength = Adapter->Device.Profile.header_length, Offset, Longest, Length;
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
    /* As many as the buffer and the ring take; bounded by both. Headers that were read again stay at the buffer's beginning. */
    Offset = Slot->Reread ? Stride(Slot->Plan.headers) : 0;
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
        Offset += Stride(Length);
    }
    return Slot->NextSegment == Slot->Plan.segments ? AerovnetVerdictSent : AerovnetVerdictWait;
}
