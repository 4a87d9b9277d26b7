/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_send.c - the first half of the transmit path: admission, the FIFO, mapping, cancellation. */
#include "adapter.h"
#include "aero_virtio_net.h"
#include "tx_path.h"

/* ---- the FIFO ---- */

VOID AerovnetTxEnqueue(PAEROVNET_TX Tx, PNET_BUFFER_LIST Chain)
{
    PNET_BUFFER_LIST Last = Chain;

    if (Chain == NULL) {
        return;
    }
    while (NET_BUFFER_LIST_NEXT_NBL(Last) != NULL) {
        Last = NET_BUFFER_LIST_NEXT_NBL(Last);
    }
    if (Tx->QueuedHead == NULL) {
        Tx->QueuedHead = Chain;
        Tx->NextNetBuffer = NET_BUFFER_LIST_FIRST_NB(Chain);
    } else {
        NET_BUFFER_LIST_NEXT_NBL(Tx->QueuedTail) = Chain;
    }
    Tx->QueuedTail = Last;
}

/* Takes a list out of the FIFO; `Previous` is the one before it, or NULL for the head. Locks: TxLock held. */
static VOID TxUnlink(PAEROVNET_TX Tx, PNET_BUFFER_LIST List, PNET_BUFFER_LIST Previous)
{
    PNET_BUFFER_LIST Next = NET_BUFFER_LIST_NEXT_NBL(List);

    if (Previous != NULL) {
        NET_BUFFER_LIST_NEXT_NBL(Previous) = Next;
    } else {
        Tx->QueuedHead = Next;
        Tx->NextNetBuffer = Next != NULL ? NET_BUFFER_LIST_FIRST_NB(Next) : NULL;
    }
    if (Next == NULL) {
        Tx->QueuedTail = Previous;
    }
    NET_BUFFER_LIST_NEXT_NBL(List) = NULL;
}

PAEROVNET_TX_SLOT AerovnetTxTake(PAEROVNET_TX Tx)
{
    PAEROVNET_TX_SLOT First = NULL, Last = NULL;

    if (!Tx->Queue.Live) {
        return NULL; /* held until the device is back */
    }
    while (Tx->NextNetBuffer != NULL && Tx->FreeSlots != NULL && (Tx->FreeSlots->Next != NULL || !Tx->OwnWaiting)) {
        PAEROVNET_TX_SLOT Slot = Tx->FreeSlots;

        Tx->FreeSlots = Slot->Next;
        Slot->NetBuffer = Tx->NextNetBuffer;
        Slot->List = Tx->QueuedHead;
        Slot->ScatterGather = NULL;
        Slot->Bounce = NULL;
        Slot->Reread = FALSE;
        Slot->Status = NDIS_STATUS_SUCCESS;
        Slot->Pieces = 0;
        Slot->NextSegment = 0;
        Slot->MapSteps = 0;
        Slot->State = AerovnetSlotMapping;

        /* Its place among the staged slots is its place on the wire (SND-12). */
        Slot->Next = NULL;
        if (Tx->StagedTail != NULL) {
            Tx->StagedTail->Next = Slot;
        } else {
            Tx->StagedHead = Slot;
        }
        Tx->StagedTail = Slot;

        Slot->NextTaken = NULL;
        if (Last != NULL) {
            Last->NextTaken = Slot;
        } else {
            First = Slot;
        }
        Last = Slot;

        Tx->NextNetBuffer = NET_BUFFER_NEXT_NB(Slot->NetBuffer);
        if (Tx->NextNetBuffer == NULL) {
            TxUnlink(Tx, Tx->QueuedHead, NULL);
        }
    }
    return First;
}

VOID AerovnetTxWithdraw(PAEROVNET_TX Tx, BOOLEAN All, PVOID CancelId, NDIS_STATUS Status, PAEROVNET_TX_DONE Done)
{
    PNET_BUFFER_LIST List = Tx->QueuedHead, Previous = NULL, Next;
    PNET_BUFFER NetBuffer;
    ULONG_PTR NotBegun;

    for (; List != NULL; List = Next) {
        Next = NET_BUFFER_LIST_NEXT_NBL(List);
        if (!All && NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(List) != CancelId) {
            Previous = List;
            continue;
        }
        /* Of the head some NET_BUFFERs may be under way: they finish as ever, the others here. */
        NotBegun = 0;
        NetBuffer = Previous == NULL ? Tx->NextNetBuffer : NET_BUFFER_LIST_FIRST_NB(List);
        for (; NetBuffer != NULL; NetBuffer = NET_BUFFER_NEXT_NB(NetBuffer)) {
            NotBegun++;
        }
        TxUnlink(Tx, List, Previous);
        Tx->Counters.Aborted += NotBegun;
        AerovnetTxFinish(List, NotBegun, Status, Done);
    }
}

/* ---- mapping ---- */

/* One of two steps is made; the second makes the slot ready. TRUE: this was the second. */
static BOOLEAN TxMapStep(PAEROVNET_TX_SLOT Slot)
{
    return InterlockedIncrement(&Slot->MapSteps) == 2;
}

VOID AerovnetTxMap(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Taken)
{
    PAEROVNET_TX_SLOT Slot = Taken, Next;
    NDIS_STATUS Status;

    for (; Slot != NULL; Slot = Next) {
        /* A mapped slot may be sent, completed and taken by somebody else at once: look no further at it then. */
        Next = Slot->NextTaken;
        if (!AerovnetTxPrepare(Adapter, Slot)) {
            Slot->Status = NDIS_STATUS_FAILURE;
            InterlockedExchange(&Slot->State, AerovnetSlotMapFailed);
            continue;
        }
        Status = NdisMAllocateNetBufferSGList(Adapter->DmaHandle, Slot->NetBuffer, Slot, NDIS_SG_LIST_WRITE_TO_DEVICE, Slot->MapBuffer,
                                              Adapter->ScatterGatherListSize);
        if (Status != NDIS_STATUS_SUCCESS && Status != NDIS_STATUS_PENDING) {
            Slot->Status = NDIS_STATUS_RESOURCES;
            InterlockedExchange(&Slot->State, AerovnetSlotMapFailed); /* SG-12: no list will come */
        } else if (TxMapStep(Slot)) {
            InterlockedExchange(&Slot->State, AerovnetSlotMapped);
        }
    }
}

/*
 * MINIPORT_PROCESS_SG_LIST: NDIS has mapped a NET_BUFFER. Called inside NdisMAllocateNetBufferSGList, which then goes on itself, or later
 * on any processor, and then nobody else would go on with the slot. `pDO` and `Reserved` mean nothing (SG-11). IRQL: DISPATCH_LEVEL.
 */
VOID NTAPI AerovnetMiniportProcessSGList(PDEVICE_OBJECT pDO, PVOID Reserved, PSCATTER_GATHER_LIST pSGL, PVOID Context)
{
    PAEROVNET_TX_SLOT Slot = (PAEROVNET_TX_SLOT)Context;
    PAEROVNET_ADAPTER Adapter = Slot->Adapter;

    UNREFERENCED_PARAMETER(pDO);
    UNREFERENCED_PARAMETER(Reserved);
    Slot->ScatterGather = pSGL;
    if (TxMapStep(Slot)) {
        /* Until its state says so nobody can finish the slot, so its list still holds the drain open. */
        AerovnetDrainReference(&Adapter->Tx.Sends);
        InterlockedExchange(&Slot->State, AerovnetSlotMapped);
        (void)AerovnetTxPump(Adapter, NULL, NULL, FALSE);
        AerovnetDrainLeave(&Adapter->Tx.Sends, 1);
    }
}

/* ---- admission ---- */

/*
 * Not shorter than a header; not longer than the MTU allows, where up to two tags add four bytes each (N5: what is longer must not be
 * sent). A large send is cut, so that it may be as long as one can be that NDIS describes.
 */
static BOOLEAN LengthFits(PAEROVNET_ADAPTER Adapter, PNET_BUFFER_LIST List, PNET_BUFFER NetBuffer)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(NetBuffer), Largest = AerovnetMaximumTotalSize(Adapter);
    UCHAR Header[ETHERNET_HEADER_BYTES + 2 * ETHERNET_VLAN_BYTES];
    struct virtio_net_frame Frame;
    USHORT Tag;

    if (NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) != NULL) {
        return (BOOLEAN)(Length >= ETHERNET_HEADER_BYTES && Length <= AEROVNET_LARGE_SEND_FRAME);
    }
    if (Length <= Largest) {
        return (BOOLEAN)(Length >= ETHERNET_HEADER_BYTES);
    }
    if (Length > Adapter->Tx.FrameMaximum || !AerovnetTxCopy(NetBuffer, 0, Header, sizeof Header)) {
        return FALSE;
    }
    (void)virtio_net_parse_frame(Header, sizeof Header, Length, VIRTIO_TRUE, &Frame);
    Largest += Frame.tags * ETHERNET_VLAN_BYTES;
    return (BOOLEAN)(Length <= Largest &&
                     (!AerovnetTxTag(Adapter, List, &Tag) || Length + ETHERNET_VLAN_BYTES <= Adapter->Tx.FrameMaximum));
}

/*
 * Fit to be sent: every NET_BUFFER is a frame that the device takes. A list is taken or refused as a whole, before any of it is sent.
 * Counts the NET_BUFFERs.
 */
static NDIS_STATUS TxExamine(PAEROVNET_ADAPTER Adapter, PNET_BUFFER_LIST List)
{
    PNET_BUFFER NetBuffer = NET_BUFFER_LIST_FIRST_NB(List);
    ULONG_PTR Count = 0;

    TX_LIST_REMAINING(List) = NULL;
    TX_LIST_OFFLOADS(List) = (PVOID)(ULONG_PTR)AerovnetOffloadEnabled(&Adapter->Offload);
    if (NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) != NULL && !AerovnetTxLargeAllowed(List)) {
        return NDIS_STATUS_FAILURE;
    }
    for (; NetBuffer != NULL; NetBuffer = NET_BUFFER_NEXT_NB(NetBuffer)) {
        if (!LengthFits(Adapter, List, NetBuffer)) {
            return NDIS_STATUS_INVALID_LENGTH;
        }
        Count++;
    }
    TX_LIST_REMAINING(List) = (PVOID)Count;
    return Count != 0 ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_LENGTH;
}

/* Completes a whole chain that was never admitted. */
static VOID TxReject(PAEROVNET_ADAPTER Adapter, PNET_BUFFER_LIST Chain, NDIS_STATUS Status, ULONG SendFlags)
{
    PNET_BUFFER_LIST List;

    for (List = Chain; List != NULL; List = NET_BUFFER_LIST_NEXT_NBL(List)) {
        NET_BUFFER_LIST_STATUS(List) = Status;
        AerovnetTxReportLarge(List);
    }
    NdisMSendNetBufferListsComplete(Adapter->Handle, Chain,
                                    (SendFlags & NDIS_SEND_FLAGS_DISPATCH_LEVEL) != 0 ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static LONG ChainCount(PNET_BUFFER_LIST Chain)
{
    LONG Count = 0;

    for (; Chain != NULL; Chain = NET_BUFFER_LIST_NEXT_NBL(Chain)) {
        Count++;
    }
    return Count;
}

/*
 * MINIPORT_SEND_NET_BUFFER_LISTS: takes any chain; every list is completed once, now or later. Called while paused only by a race, and then
 * answered with PAUSED. Re-entered on other processors, and from inside completions. IRQL: <= DISPATCH_LEVEL.
 */
VOID NTAPI AerovnetMiniportSendNetBufferLists(NDIS_HANDLE MiniportAdapterContext, PNET_BUFFER_LIST NetBufferList,
                                              NDIS_PORT_NUMBER PortNumber, ULONG SendFlags)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;
    PAEROVNET_TX Tx = &Adapter->Tx;
    PNET_BUFFER_LIST Arrived = NULL, List, Next, *Place = &Arrived;
    AEROVNET_TX_DONE Refused = {NULL, NULL, 0};
    LONG Count = ChainCount(NetBufferList);
    ULONG Now = AerovnetUpTime();
    NDIS_STATUS Status;
    KIRQL OldIrql = DISPATCH_LEVEL;

    UNREFERENCED_PARAMETER(PortNumber);
    if (AerovnetIsRemoved(Adapter)) {
        TxReject(Adapter, NetBufferList, NDIS_STATUS_NOT_ACCEPTED, SendFlags); /* PNP-03 */
        return;
    }
    /* One piece for each list, and one for this thread. */
    if (!AerovnetDrainEnter(&Tx->Sends, Count + 1)) {
        TxReject(Adapter, NetBufferList, NDIS_STATUS_PAUSED, SendFlags);
        return;
    }
    if ((SendFlags & NDIS_SEND_FLAGS_DISPATCH_LEVEL) == 0) {
        NDIS_RAISE_IRQL_TO_DISPATCH(&OldIrql); /* SG-06 */
    }

    for (List = NetBufferList; List != NULL; List = Next) {
        Next = NET_BUFFER_LIST_NEXT_NBL(List);
        NET_BUFFER_LIST_NEXT_NBL(List) = NULL;
        Status = TxExamine(Adapter, List);
        NET_BUFFER_LIST_STATUS(List) = Status;
        if (Status == NDIS_STATUS_SUCCESS) {
            TX_LIST_ARRIVED(List) = (PVOID)(ULONG_PTR)Now;
            *Place = List;
            Place = &NET_BUFFER_LIST_NEXT_NBL(List);
        } else {
            AerovnetTxFinish(List, 0, Status, &Refused);
        }
    }
    (void)AerovnetTxPump(Adapter, Arrived, NULL, FALSE);

    /* Something found no slot. A look without the lock: when it is wrong, the interrupt that is asked for does the work. */
    if (Tx->NextNetBuffer != NULL) {
        AerovnetTxReapEarly(Adapter);
    }
    if (Refused.Count != 0) {
        NdisDprAcquireSpinLock(&Tx->Lock);
        Tx->Counters.BadLength += (ULONG)Refused.Count;
        NdisDprReleaseSpinLock(&Tx->Lock);
        AerovnetTxComplete(Adapter, &Refused);
    }

    if ((SendFlags & NDIS_SEND_FLAGS_DISPATCH_LEVEL) == 0) {
        NDIS_LOWER_IRQL(OldIrql, DISPATCH_LEVEL);
    }
    AerovnetDrainLeave(&Tx->Sends, 1);
}

/* ---- withdrawal ---- */

static VOID TxWithdrawAndComplete(PAEROVNET_ADAPTER Adapter, BOOLEAN All, PVOID CancelId, NDIS_STATUS Status)
{
    AEROVNET_TX_DONE Done = {NULL, NULL, 0};
    AEROVNET_TX_COUNTERS *Counters = &Adapter->Tx.Counters;
    ULONG64 Before;
    KIRQL OldIrql;

    NDIS_RAISE_IRQL_TO_DISPATCH(&OldIrql);
    NdisDprAcquireSpinLock(&Adapter->Tx.Lock);
    Before = Counters->Aborted;
    AerovnetTxWithdraw(&Adapter->Tx, All, CancelId, Status, &Done);
    if (!All) {
        Counters->Cancelled += Counters->Aborted - Before;
#if defined(DBG) && DBG
        AerovnetTxCancelNote(&Adapter->Tx, CancelId, Counters->Aborted - Before);
#endif
    }
    NdisDprReleaseSpinLock(&Adapter->Tx.Lock);
    AerovnetTxComplete(Adapter, &Done);
    NDIS_LOWER_IRQL(OldIrql, DISPATCH_LEVEL);
}

VOID AerovnetTxFlush(PAEROVNET_ADAPTER Adapter, NDIS_STATUS Status)
{
    TxWithdrawAndComplete(Adapter, TRUE, NULL, Status);
}

/*
 * MINIPORT_CANCEL_SEND: what bears the id and has not been begun is completed with SEND_ABORTED; what is on its way is completed as usual
 * (CAN-02, CAN-03). While paused there is nothing: the FIFO was emptied. IRQL: <= DISPATCH_LEVEL.
 */
VOID NTAPI AerovnetMiniportCancelSend(NDIS_HANDLE MiniportAdapterContext, PVOID CancelId)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;

    if (AerovnetDrainEnter(&Adapter->Tx.Sends, 1)) {
        TxWithdrawAndComplete(Adapter, FALSE, CancelId, NDIS_STATUS_SEND_ABORTED);
        AerovnetDrainLeave(&Adapter->Tx.Sends, 1);
    }
}
