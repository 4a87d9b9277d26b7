/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_submit.c - from mapped slots to the ring: packet header, descriptors, publish, notify. */
#include "adapter.h"
#include "tx_path.h"

/* ---- describing a frame ---- */

typedef enum _AEROVNET_TX_SHAPE { AerovnetShapeFits, AerovnetShapeScattered, AerovnetShapeShort } AEROVNET_TX_SHAPE;

/*
 * Lists the frame's pieces behind Segments[0], without those bytes that the changed front replaces. The list begins with the first byte
 * of CurrentMdl and may go on behind the frame: only DataLength bytes from CurrentMdlOffset on are sent (SG-13).
 */
static AEROVNET_TX_SHAPE TxDescribe(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot, PUSHORT SegmentCount)
{
    const SCATTER_GATHER_LIST *List = Slot->ScatterGather;
    ULONG Skip = NET_BUFFER_CURRENT_MDL_OFFSET(Slot->NetBuffer) + Slot->Plan.replaced;
    ULONG Left = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer) - Slot->Plan.replaced;
    ULONG Index, Length;
    USHORT Count = 1;

    for (Index = 0; Index < List->NumberOfElements && Left != 0; Index++) {
        Length = List->Elements[Index].Length;
        if (Length <= Skip) {
            Skip -= Length;
            continue;
        }
        if (Count == Slot->Table.capacity) {
            return AerovnetShapeScattered;
        }
        Length -= Skip;
        if (Length > Left) {
            Length = Left;
        }
        Tx->Segments[Count].physical = (ULONG64)List->Elements[Index].Address.QuadPart + Skip;
        Tx->Segments[Count].length = Length;
        Count++;
        Left -= Length;
        Skip = 0;
    }
    *SegmentCount = Count;
    return Left == 0 ? AerovnetShapeFits : AerovnetShapeShort;
}

/* ---- submission ---- */

/* The packet header goes right in front of the frame's first bytes of ours: the changed front, or the whole frame in a bounce buffer. */
static VOID TxBegin(PAEROVNET_TX Tx, const struct virtio_net_header *Header, ULONG HeaderLength, PUCHAR Virtual, ULONG64 Physical,
                    ULONG Length)
{
    NdisMoveMemory(Virtual - HeaderLength, Header, HeaderLength);
    Tx->Segments[0].physical = Physical - HeaderLength;
    Tx->Segments[0].length = HeaderLength + Length;
}

/* Adds one frame to the ring as one buffer; not yet visible to the device. */
static AEROVNET_TX_VERDICT TxAdd(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG HeaderLength = Adapter->Device.Profile.header_length;
    AEROVNET_TX_VERDICT Verdict = AerovnetVerdictSent;
    AEROVNET_TX_SHAPE Shape = AerovnetShapeScattered;
    USHORT Segments = 1;

    if (Slot->Plan.path == AERO_OFFLOAD_SEND && !Slot->Reread) {
        Shape = TxDescribe(Tx, Slot, &Segments);
    }
    if (Shape == AerovnetShapeScattered) {
        Segments = 1;
        Verdict = AerovnetTxGather(Tx, Slot);
    } else if (Shape == AerovnetShapeShort) {
        Verdict = AerovnetVerdictUnfit;
    }
    if (Verdict != AerovnetVerdictSent) {
        return Verdict;
    }
    if (Slot->Bounce != NULL) {
        TxBegin(Tx, &Slot->Plan.header, HeaderLength, Slot->Bounce->Virtual, Slot->Bounce->Physical, Slot->BounceLength);
    } else {
        TxBegin(Tx, &Slot->Plan.header, HeaderLength, Slot->Front, Slot->FrontPhysical, Slot->Plan.front);
    }
    switch (virtqueue_split_add(&Tx->Queue.Ring, Tx->Segments, Segments, 0, &Slot->Table, Slot)) {
    case VIRTQUEUE_OK:
        Slot->Pieces = 1;
        Tx->Counters.Copied += Slot->Bounce != NULL;
        return AerovnetVerdictSent;
    case VIRTQUEUE_TOO_LONG:
        return AerovnetVerdictUnfit;
    default:
        AerovnetTxBounceReturn(Tx, Slot);
        return AerovnetVerdictWait; /* full, or poisoned and about to be reset */
    }
}

/* What was done for a frame that is on its way. */
static VOID TxCount(PAEROVNET_TX_COUNTERS Counters, const struct aero_offload_plan *Plan)
{
    BOOLEAN Software = Plan->header.flags == 0;

    if (Plan->protocol != AERO_OFFLOAD_NONE) {
        (Software ? Counters->ChecksumBySoftware : Counters->ChecksumByDevice)[Plan->protocol]++;
    }
    if (Plan->segments != 0) {
        Counters->SegmentedBySoftware += Software;
        Counters->SegmentedByDevice += !Software;
    }
    Counters->NetworkChecksums += Plan->summed_network != 0;
    Counters->NotSummed += Plan->unanswered != 0;
    Counters->Tagged += Plan->front != Plan->replaced;
}

/* Looks at the first staged slot. SENT: it goes on, or ends with its Status. Locks: TxLock held. */
static AEROVNET_TX_VERDICT TxAdvance(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot, PBOOLEAN Added)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    AEROVNET_TX_VERDICT Verdict;

    if (Slot->Pieces != 0 && (!Tx->Queue.Live || Slot->Status != NDIS_STATUS_SUCCESS)) {
        return AerovnetVerdictWait; /* the device has some of its segments */
    }
    if (Slot->Status != NDIS_STATUS_SUCCESS) {
        return AerovnetVerdictUnfit; /* refused, not mapped, or ended amid its segments */
    }
    if (!Tx->Queue.Live) {
        Slot->Status = Tx->Refusal;
        Tx->Counters.Aborted += Slot->Status != NDIS_STATUS_SUCCESS;
        return Slot->Status != NDIS_STATUS_SUCCESS ? AerovnetVerdictUnfit : AerovnetVerdictWait; /* held until the device is back */
    }
    Verdict = Slot->Reread && Slot->Bounce == NULL ? AerovnetTxReread(Tx, Slot) : AerovnetVerdictSent;
    if (Verdict == AerovnetVerdictSent) {
        if (Slot->Plan.path == AERO_OFFLOAD_CUT) {
            Verdict = AerovnetTxCut(Adapter, Slot, Added);
        } else {
            Verdict = TxAdd(Adapter, Slot);
            *Added |= Verdict == AerovnetVerdictSent;
        }
    }
    if (Verdict == AerovnetVerdictUnfit) {
        Slot->Status = NDIS_STATUS_FAILURE;
        Tx->Counters.NotDescribed += Slot->Plan.path != AERO_OFFLOAD_REFUSED; /* that is counted when it is retired */
    }
    return Verdict;
}

PAEROVNET_TX_SLOT AerovnetTxSubmit(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    PAEROVNET_TX_SLOT Retired = NULL, Slot;
    AEROVNET_TX_VERDICT Verdict;
    BOOLEAN Added = FALSE;

    while ((Slot = Tx->StagedHead) != NULL && Slot->State != AerovnetSlotMapping) {
        Verdict = TxAdvance(Adapter, Slot, &Added);
        if (Verdict == AerovnetVerdictWait) {
            break;
        }
        Tx->StagedHead = Slot->Next;
        if (Tx->StagedHead == NULL) {
            Tx->StagedTail = NULL;
        }
        if (Verdict == AerovnetVerdictSent) {
            Slot->State = AerovnetSlotSubmitted;
            TxCount(&Tx->Counters, &Slot->Plan);
        } else {
            Slot->Next = Retired;
            Retired = Slot;
        }
    }
    if (Added) {
        AerovnetQueuePublish(Adapter, &Tx->Queue);
    }
    return Retired;
}
