/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_submit.c - from mapped slots to the ring: packet header, descriptors, publish, notify. */
#include "adapter.h"
#include "tx_path.h"

typedef enum _AEROVNET_TX_VERDICT {
    AerovnetVerdictSent,
    AerovnetVerdictWait, /* not now: the slot stays where it is */
    AerovnetVerdictUnfit /* never: the frame is not what it says */
} AEROVNET_TX_VERDICT;

/* ---- describing a frame ---- */

typedef enum _AEROVNET_TX_SHAPE { AerovnetShapeFits, AerovnetShapeScattered, AerovnetShapeShort } AEROVNET_TX_SHAPE;

/*
 * Lists the frame's pieces behind Segments[0]. The list begins with the first byte of CurrentMdl and may go on behind the frame: only
 * DataLength bytes from CurrentMdlOffset on are sent (SG-13).
 */
static AEROVNET_TX_SHAPE TxDescribe(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot, PUSHORT SegmentCount)
{
    const SCATTER_GATHER_LIST *List = Slot->ScatterGather;
    ULONG Skip = NET_BUFFER_CURRENT_MDL_OFFSET(Slot->NetBuffer);
    ULONG Left = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);
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

/* Copies a frame in too many pieces into one, which has room for the packet header in front. */
static AEROVNET_TX_VERDICT TxBounce(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot, PUSHORT SegmentCount)
{
    PAEROVNET_TX_BOUNCE Bounce = Tx->FreeBounces;
    ULONG Length = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);

    if (Bounce == NULL) {
        return AerovnetVerdictWait; /* all are with the device: one of them comes back */
    }
    if (!AerovnetTxCopy(Slot->NetBuffer, Bounce->Virtual, Length)) {
        return AerovnetVerdictUnfit;
    }
    Tx->FreeBounces = Bounce->Next;
    Slot->Bounce = Bounce;
    if (Slot->Table.capacity > 1) {
        Tx->Segments[1].physical = Bounce->Physical;
        Tx->Segments[1].length = Length;
        *SegmentCount = 2;
    } else {
        /* A queue of one entry takes one piece (Q5): the header goes in front of the frame. */
        *SegmentCount = 1;
    }
    Tx->Counters.Copied++;
    return AerovnetVerdictSent;
}

/* ---- submission ---- */

/* Adds one frame to the ring; not yet visible to the device. */
static AEROVNET_TX_VERDICT TxAdd(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG HeaderLength = Adapter->Device.Profile.header_length;
    AEROVNET_TX_VERDICT Verdict;
    USHORT Segments = 0;

    switch (TxDescribe(Tx, Slot, &Segments)) {
    case AerovnetShapeFits:
        break;
    case AerovnetShapeScattered:
        Verdict = TxBounce(Tx, Slot, &Segments);
        if (Verdict != AerovnetVerdictSent) {
            return Verdict;
        }
        break;
    default:
        return AerovnetVerdictUnfit;
    }
    /* No offload is negotiated: flags and GSO type 0 (N14, N15), num_buffers 0 (N13). */
    if (Segments > 1) {
        NdisZeroMemory(Slot->Header, HeaderLength);
        Tx->Segments[0].physical = Slot->HeaderPhysical;
        Tx->Segments[0].length = HeaderLength;
    } else {
        NdisZeroMemory(Slot->Bounce->Virtual - HeaderLength, HeaderLength);
        Tx->Segments[0].physical = Slot->Bounce->Physical - HeaderLength;
        Tx->Segments[0].length = HeaderLength + NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);
    }

    switch (virtqueue_split_add(&Tx->Queue.Ring, Tx->Segments, Segments, 0, &Slot->Table, Slot)) {
    case VIRTQUEUE_OK:
        return AerovnetVerdictSent;
    case VIRTQUEUE_TOO_LONG:
        Verdict = AerovnetVerdictUnfit;
        break;
    default:
        Verdict = AerovnetVerdictWait; /* full, or poisoned and about to be reset */
        break;
    }
    if (Slot->Bounce != NULL && Verdict == AerovnetVerdictWait) {
        Slot->Bounce->Next = Tx->FreeBounces;
        Tx->FreeBounces = Slot->Bounce;
        Slot->Bounce = NULL;
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
        if (Slot->State == AerovnetSlotMapFailed) {
            Slot->Status = NDIS_STATUS_RESOURCES;
            Tx->Counters.NotMapped++;
        } else if (Tx->Queue.Live) {
            Verdict = TxAdd(Adapter, Slot);
            if (Verdict == AerovnetVerdictWait) {
                break;
            }
            if (Verdict == AerovnetVerdictSent) {
                Added = TRUE;
            } else {
                Slot->Status = NDIS_STATUS_FAILURE;
                Tx->Counters.NotDescribed++;
            }
        } else if (Tx->Refusal != NDIS_STATUS_SUCCESS) {
            Slot->Status = Tx->Refusal;
            Tx->Counters.Aborted++;
        } else {
            break; /* held until the device is back */
        }

        Tx->StagedHead = Slot->Next;
        if (Tx->StagedHead == NULL) {
            Tx->StagedTail = NULL;
        }
        if (Slot->Status == NDIS_STATUS_SUCCESS) {
            Slot->State = AerovnetSlotSubmitted;
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
