/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_complete.c - the second half of the transmit path: the engine, reaping, completion, start and stop. */
#include "adapter.h"
#include "trace.h"
#include "tx_path.h"

/* How often one service looks again when completions overtake it; then the service timer goes on. */
#define SERVICE_ROUNDS 8

/* ---- completion ---- */

VOID AerovnetTxFinish(PNET_BUFFER_LIST List, ULONG_PTR NetBuffers, NDIS_STATUS Status, PAEROVNET_TX_DONE Done)
{
    ULONG_PTR Remaining = (ULONG_PTR)TX_LIST_REMAINING(List) - NetBuffers;

    TX_LIST_REMAINING(List) = (PVOID)Remaining;
    if (NET_BUFFER_LIST_STATUS(List) == NDIS_STATUS_SUCCESS) {
        NET_BUFFER_LIST_STATUS(List) = Status; /* the first failure stays */
    }
    if (Remaining != 0) {
        return;
    }
    AerovnetTxReportLarge(List);
    NET_BUFFER_LIST_NEXT_NBL(List) = NULL;
    if (Done->Tail != NULL) {
        NET_BUFFER_LIST_NEXT_NBL(Done->Tail) = List;
    } else {
        Done->Head = List;
    }
    Done->Tail = List;
    Done->Count++;
}

VOID AerovnetTxComplete(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_DONE Done)
{
    if (Done->Head == NULL) {
        return;
    }
    InterlockedIncrement(&Adapter->Tx.Completing);
    NdisMSendNetBufferListsComplete(Adapter->Handle, Done->Head, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    InterlockedDecrement(&Adapter->Tx.Completing);
    AerovnetDrainLeave(&Adapter->Tx.Sends, Done->Count);
}

/* ---- the engine ---- */

/* SG-14: after the device is done with them, before their lists are completed. IRQL: DISPATCH_LEVEL. Locks: none held. */
static VOID TxUnmap(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Retired)
{
    for (; Retired != NULL; Retired = Retired->Next) {
        if (Retired->ScatterGather != NULL) {
            NdisMFreeNetBufferSGList(Adapter->DmaHandle, Retired->ScatterGather, Retired->NetBuffer);
            Retired->ScatterGather = NULL;
        }
    }
}

/* Of a large send its segments are counted, with the headers that each of them had: what was on the wire. Locks: TxLock held. */
static VOID TxCountSent(PAEROVNET_TX Tx, const AEROVNET_TX_SLOT *Slot)
{
    const struct aero_offload_plan *Plan = &Slot->Plan;
    ULONG64 Frames = 1, Bytes = (ULONG64)NET_BUFFER_DATA_LENGTH(Slot->NetBuffer) + (Plan->front - Plan->replaced);

    if (Slot->Status == NDIS_STATUS_SUCCESS) {
        if (Plan->segments != 0) {
            Frames = Plan->segments;
            Bytes = Frames * Plan->headers + Plan->payload;
        }
        Tx->Counters.Sent.Frames[Slot->Class] += Frames;
        Tx->Counters.Sent.Bytes[Slot->Class] += Bytes;
    } else if (Plan->path == AERO_OFFLOAD_REFUSED) {
        Tx->Counters.NotLarge++;
    } else if (Slot->State == AerovnetSlotMapFailed) {
        Tx->Counters.NotMapped++;
    }
}

/* Frees the slots, counts their frames, finishes their NET_BUFFERs. Locks: TxLock held. */
static VOID TxRetire(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Retired, PAEROVNET_TX_DONE Done)
{
    PAEROVNET_TX_SLOT Slot;

    while ((Slot = Retired) != NULL) {
        Retired = Slot->Next;
        if (Slot->List != NULL) {
            TxCountSent(Tx, Slot);
            AerovnetTxFinish(Slot->List, 1, Slot->Status, Done);
        }
        AerovnetTxBounceReturn(Tx, Slot);
        Slot->State = AerovnetSlotFree;
        Slot->NetBuffer = NULL;
        Slot->List = NULL;
        Slot->Next = Tx->FreeSlots;
        Tx->FreeSlots = Slot;
    }
}

/*
 * Asks for the interrupt that will follow the next completion, or, moderated, most of what is with the device now (which takes event
 * indices). The ring
 * never waits for more than was published: the interrupt comes without any further send (SND-21). Locks: TxLock held.
 */
static BOOLEAN TxArm(PAEROVNET_TX Tx)
{
    USHORT Outstanding;

    if (!Tx->Queue.Live) {
        return TRUE; /* nothing will complete */
    }
    if (!Tx->Moderated) {
        return virtqueue_split_enable_interrupts(&Tx->Queue.Ring) != VIRTIO_FALSE;
    }
    Outstanding = virtqueue_split_outstanding(&Tx->Queue.Ring);
    return virtqueue_split_enable_interrupts_delayed(&Tx->Queue.Ring, (USHORT)(Outstanding - Outstanding / 4)) != VIRTIO_FALSE;
}

BOOLEAN AerovnetTxPump(PAEROVNET_ADAPTER Adapter, PNET_BUFFER_LIST Arrived, PAEROVNET_TX_SLOT Retired, BOOLEAN Arm)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    AEROVNET_TX_DONE Done = {NULL, NULL, 0};
    PAEROVNET_TX_SLOT Taken;
    BOOLEAN Armed = FALSE;

    /* Ends because every round but the first retires slots of the FIFO's NET_BUFFERs. */
    do {
        TxUnmap(Adapter, Retired);
        NdisDprAcquireSpinLock(&Tx->Lock);
        TxRetire(Tx, Retired, &Done);
        AerovnetTxEnqueue(Tx, Arrived);
        Arrived = NULL;
        if (Tx->Refusal != NDIS_STATUS_SUCCESS) {
            AerovnetTxWithdraw(Tx, TRUE, NULL, Tx->Refusal, &Done);
        }
        Taken = AerovnetTxTake(Tx);
        if (Taken != NULL) {
            NdisDprReleaseSpinLock(&Tx->Lock);
            AerovnetTxMap(Adapter, Taken);
            NdisDprAcquireSpinLock(&Tx->Lock);
        }
        Retired = AerovnetTxSubmit(Adapter);
        if (Arm && Retired == NULL) {
            Armed = TxArm(Tx);
        }
        NdisDprReleaseSpinLock(&Tx->Lock);
    } while (Retired != NULL);

    AerovnetTxComplete(Adapter, &Done);
    return Armed;
}

/* ---- reaping ---- */

/* Takes everything that has completed. At most a ring's worth, because nothing is added meanwhile. Locks: TxLock held. */
static PAEROVNET_TX_SLOT TxReap(PAEROVNET_TX Tx)
{
    PAEROVNET_TX_SLOT First = NULL, Last = NULL, Slot;
    virtio_u32 Written; /* 0: a transmit buffer has no writable part, and the ring has checked that */
    void *Cookie;

    while (virtqueue_split_pop(&Tx->Queue.Ring, &Cookie, &Written) == VIRTQUEUE_OK) {
        Tx->Reaped++;
        Slot = (PAEROVNET_TX_SLOT)Cookie;
        if (--Slot->Pieces != 0 || Slot->State != AerovnetSlotSubmitted) {
            continue; /* more segments are with the device, or still to be cut */
        }
        Slot->Next = NULL;
        if (Last != NULL) {
            Last->Next = Slot;
        } else {
            First = Slot;
        }
        Last = Slot;
    }
    return First;
}

AEROVNET_TX_SERVICE AerovnetTxService(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    AEROVNET_TX_SERVICE Outcome = {FALSE, FALSE};
    PAEROVNET_TX_SLOT Retired;
    BOOLEAN Poisoned;
    ULONG Round, Reaped;

    for (Round = 0; Round < SERVICE_ROUNDS; Round++) {
        NdisDprAcquireSpinLock(&Tx->Lock);
        if (!Tx->Queue.Live) {
            NdisDprReleaseSpinLock(&Tx->Lock);
            return Outcome;
        }
        virtqueue_split_disable_interrupts(&Tx->Queue.Ring);
        Reaped = Tx->Reaped;
        Retired = TxReap(Tx);
        Outcome.Worked |= Tx->Reaped != Reaped; /* also segments that retire no slot */
        Poisoned = virtqueue_split_fault(&Tx->Queue.Ring) != VIRTQUEUE_FAULT_NONE;
        NdisDprReleaseSpinLock(&Tx->Lock);

        if (Poisoned) {
            (void)AerovnetTxPump(Adapter, NULL, Retired, FALSE);
            AerovnetRecoveryRequest(Adapter, AerovnetResetPoisoned);
            return Outcome;
        }
        if (AerovnetTxPump(Adapter, NULL, Retired, TRUE)) {
            return Outcome;
        }
    }
    Outcome.Left = TRUE;
    return Outcome;
}

VOID AerovnetTxReapEarly(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    PAEROVNET_TX_SLOT Retired = NULL;
    ULONG Reaped = 0;

    /* Sends that come from inside a completion must not complete in their turn: the stack would grow with every round. */
    if (Tx->Completing != 0) {
        return;
    }
    NdisDprAcquireSpinLock(&Tx->Lock);
    Tx->Counters.Queued++;
    if (Tx->Queue.Live) {
        Reaped = Tx->Reaped;
        Retired = TxReap(Tx);
        Reaped = Tx->Reaped - Reaped;
    }
    NdisDprReleaseSpinLock(&Tx->Lock);
    /* Also for segments that retire no slot: their large send goes on now, because no interrupt need follow for what was reaped here. */
    if (Reaped != 0) {
        (void)AerovnetTxPump(Adapter, NULL, Retired, FALSE);
    }
}

/* ---- start and stop ---- */

static VOID TxPumpFromBelow(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Retired)
{
    KIRQL OldIrql;

    NDIS_RAISE_IRQL_TO_DISPATCH(&OldIrql);
    (void)AerovnetTxPump(Adapter, NULL, Retired, FALSE);
    NDIS_LOWER_IRQL(OldIrql, DISPATCH_LEVEL);
}

VOID AerovnetTxResume(PAEROVNET_ADAPTER Adapter)
{
    TxPumpFromBelow(Adapter, NULL);
}

VOID AerovnetTxFetch(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    PAEROVNET_TX_SLOT Retired = NULL;

    NdisAcquireSpinLock(&Tx->Lock);
    if (Tx->Queue.Live) {
        Retired = TxReap(Tx);
    }
    NdisReleaseSpinLock(&Tx->Lock);
    TxPumpFromBelow(Adapter, Retired);
}

VOID AerovnetTxStart(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    Adapter->Tx.Refusal = NDIS_STATUS_SUCCESS;
    Adapter->Tx.Queue.Live = TRUE;
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
    TxPumpFromBelow(Adapter, NULL);
}

VOID AerovnetTxStop(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    Adapter->Tx.Queue.Live = FALSE;
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
}

VOID AerovnetTxReclaim(PAEROVNET_ADAPTER Adapter, NDIS_STATUS Status)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    PAEROVNET_TX_SLOT Retired = NULL, Slot;

    NdisAcquireSpinLock(&Tx->Lock);
    while ((Slot = (PAEROVNET_TX_SLOT)virtqueue_split_detach(&Tx->Queue.Ring)) != NULL) {
        if (Slot->Status == NDIS_STATUS_SUCCESS) {
            Slot->Status = Status;
            Tx->Counters.Aborted++;
        }
        if (--Slot->Pieces != 0 || Slot->State != AerovnetSlotSubmitted) {
            continue; /* the last of its segments ends it; or, still staged, it ends there */
        }
        Slot->Next = Retired;
        Retired = Slot;
    }
    NdisReleaseSpinLock(&Tx->Lock);
    TxPumpFromBelow(Adapter, Retired);
}

VOID AerovnetTxRefuse(PAEROVNET_ADAPTER Adapter, NDIS_STATUS Status)
{
    NdisAcquireSpinLock(&Adapter->Tx.Lock);
    Adapter->Tx.Refusal = Status;
    NdisReleaseSpinLock(&Adapter->Tx.Lock);
    TxPumpFromBelow(Adapter, NULL);
}

AEROVNET_TX_PROGRESS AerovnetTxProgress(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    AEROVNET_TX_PROGRESS Progress = {0, 0, FALSE, FALSE};

    NdisAcquireSpinLock(&Tx->Lock);
    Progress.Reaped = Tx->Reaped;
    if (Tx->Queue.Live) {
        Progress.Outstanding = virtqueue_split_outstanding(&Tx->Queue.Ring);
        Progress.Completed = virtqueue_split_has_completed(&Tx->Queue.Ring) != VIRTIO_FALSE;
        Progress.Poisoned = virtqueue_split_fault(&Tx->Queue.Ring) != VIRTQUEUE_FAULT_NONE;
    }
    NdisReleaseSpinLock(&Tx->Lock);
    return Progress;
}
