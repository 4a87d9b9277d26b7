/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* frames.c - the data path: sends are cloned and queued, a deferred call hands copies to the other adapters, another one indicates them. */
#include "hub.h"

/* 0 directed, 1 multicast, 2 broadcast */
static ULONG HubClass(const UCHAR *Destination)
{
    static const UCHAR Broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

    return (Destination[0] & 1) == 0 ? 0 : NdisEqualMemory(Destination, Broadcast, 6) ? 2 : 1;
}

/* ---- receive buffers ---- */

static VOID HubReceiveDelete(PHUB_RECEIVE Receive)
{
    if (Receive->List != NULL) {
        NdisFreeNetBufferList(Receive->List);
    }
    if (Receive->Mdl != NULL) {
        NdisFreeMdl(Receive->Mdl);
    }
    NdisFreeMemory(Receive, 0, 0);
}

static NDIS_STATUS HubReceiveCreate(PHUB_ADAPTER Adapter)
{
    PHUB_RECEIVE Receive;

    Receive = (PHUB_RECEIVE)NdisAllocateMemoryWithTagPriority(Adapter->Handle, sizeof *Receive, HUB_TAG, NormalPoolPriority);
    if (Receive == NULL) {
        return NDIS_STATUS_RESOURCES;
    }
    Receive->List = NULL;
    Receive->Mdl = NdisAllocateMdl(Adapter->Handle, Receive->Frame, sizeof Receive->Frame);
    if (Receive->Mdl != NULL) {
        Receive->List = NdisAllocateNetBufferAndNetBufferList(Adapter->ListPool, 0, 0, Receive->Mdl, 0, 0);
    }
    if (Receive->List == NULL) {
        HubReceiveDelete(Receive);
        return NDIS_STATUS_RESOURCES;
    }
    Receive->List->SourceHandle = Adapter->Handle;
    *(PHUB_RECEIVE *)Receive->List->MiniportReserved = Receive;
    InterlockedPushEntrySList(&Adapter->FreeReceives, &Receive->Free);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS HubReceivesCreate(PHUB_ADAPTER Adapter)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Lists;
    NET_BUFFER_POOL_PARAMETERS Buffers;
    NDIS_STATUS Status = NDIS_STATUS_SUCCESS;
    ULONG Count;

    InitializeSListHead(&Adapter->FreeReceives);
    NdisZeroMemory(&Lists, sizeof Lists);
    Lists.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Lists.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Lists.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Lists.fAllocateNetBuffer = TRUE;
    Lists.PoolTag = HUB_TAG;
    NdisZeroMemory(&Buffers, sizeof Buffers);
    Buffers.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Buffers.Header.Revision = NET_BUFFER_POOL_PARAMETERS_REVISION_1;
    Buffers.Header.Size = NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1;
    Buffers.PoolTag = HUB_TAG;
    Adapter->ListPool = NdisAllocateNetBufferListPool(Adapter->Handle, &Lists);
    Adapter->BufferPool = NdisAllocateNetBufferPool(Adapter->Handle, &Buffers);
    if (Adapter->ListPool == NULL || Adapter->BufferPool == NULL) {
        return NDIS_STATUS_RESOURCES;
    }
    for (Count = 0; Count < HUB_RECEIVES && Status == NDIS_STATUS_SUCCESS; Count++) {
        Status = HubReceiveCreate(Adapter);
    }
    return Status;
}

VOID HubReceivesDelete(PHUB_ADAPTER Adapter)
{
    PSLIST_ENTRY Entry;

    while (Adapter->ListPool != NULL && (Entry = InterlockedPopEntrySList(&Adapter->FreeReceives)) != NULL) {
        HubReceiveDelete(CONTAINING_RECORD(Entry, HUB_RECEIVE, Free));
    }
    if (Adapter->BufferPool != NULL) {
        NdisFreeNetBufferPool(Adapter->BufferPool);
        Adapter->BufferPool = NULL;
    }
    if (Adapter->ListPool != NULL) {
        NdisFreeNetBufferListPool(Adapter->ListPool);
        Adapter->ListPool = NULL;
    }
}

/* ---- receives ---- */

static BOOLEAN HubWants(PHUB_ADAPTER Adapter, const UCHAR *Destination)
{
    static const ULONG ByClass[3] = {NDIS_PACKET_TYPE_DIRECTED, NDIS_PACKET_TYPE_MULTICAST, NDIS_PACKET_TYPE_BROADCAST};
    ULONG Class = HubClass(Destination), Index;

    if (Adapter->PacketFilter & NDIS_PACKET_TYPE_PROMISCUOUS) {
        return TRUE;
    }
    if (Class == 1 && (Adapter->PacketFilter & NDIS_PACKET_TYPE_ALL_MULTICAST)) {
        return TRUE;
    }
    if ((Adapter->PacketFilter & ByClass[Class]) == 0) {
        return FALSE;
    }
    if (Class == 0) {
        return NdisEqualMemory(Destination, Adapter->Address, 6);
    }
    for (Index = 0; Class == 1 && Index < Adapter->MulticastCount; Index++) {
        if (NdisEqualMemory(Destination, Adapter->Multicast[Index], 6)) {
            return TRUE;
        }
    }
    return Class == 2;
}

/* Copies a frame for an adapter and queues it. IRQL: DISPATCH_LEVEL; HubLock is held for reading. */
static VOID HubDeliver(PHUB_ADAPTER Adapter, PNET_BUFFER Buffer)
{
    ULONG Length = NET_BUFFER_DATA_LENGTH(Buffer);
    PHUB_RECEIVE Receive = NULL;
    PSLIST_ENTRY Entry;
    PVOID Bytes;

    Entry = InterlockedPopEntrySList(&Adapter->FreeReceives);
    if (Entry != NULL) {
        Receive = CONTAINING_RECORD(Entry, HUB_RECEIVE, Free);
        Bytes = NdisGetDataBuffer(Buffer, Length, Receive->Frame, 1, 0);
        if (Bytes != NULL && Bytes != Receive->Frame) {
            NdisMoveMemory(Receive->Frame, Bytes, Length);
        }
        NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(Receive->List)) = Length;
    }
    NdisDprAcquireSpinLock(&Adapter->Lock);
    if (Receive == NULL) {
        Adapter->NoBuffer += Adapter->State == HubRunning;
    } else if (Adapter->State == HubRunning && HubWants(Adapter, Receive->Frame)) {
        ULONG Class = HubClass(Receive->Frame);

        Adapter->FramesIn[Class]++;
        Adapter->BytesIn[Class] += Length;
        Adapter->Receives++;
        InsertTailList(&Adapter->ReceiveQueue, &Receive->Link);
        Receive = NULL;
        KeInsertQueueDpc(&Adapter->ReceiveDpc, NULL, NULL);
    }
    NdisDprReleaseSpinLock(&Adapter->Lock);
    if (Receive != NULL) {
        InterlockedPushEntrySList(&Adapter->FreeReceives, &Receive->Free);
    }
}

/* Indicates what is queued. IRQL: DISPATCH_LEVEL. */
VOID NTAPI HubReceiveDpc(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)DeferredContext;
    PNET_BUFFER_LIST First = NULL, *Last = &First;
    ULONG Count = 0;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    NdisDprAcquireSpinLock(&Adapter->Lock);
    while (!IsListEmpty(&Adapter->ReceiveQueue)) {
        PHUB_RECEIVE Receive = CONTAINING_RECORD(RemoveHeadList(&Adapter->ReceiveQueue), HUB_RECEIVE, Link);

        NET_BUFFER_LIST_STATUS(Receive->List) = NDIS_STATUS_SUCCESS;
        NET_BUFFER_LIST_NEXT_NBL(Receive->List) = NULL;
        *Last = Receive->List;
        Last = &NET_BUFFER_LIST_NEXT_NBL(Receive->List);
        Count++;
    }
    NdisDprReleaseSpinLock(&Adapter->Lock);
    if (Count != 0) {
        NdisMIndicateReceiveNetBufferLists(Adapter->Handle, First, NDIS_DEFAULT_PORT_NUMBER, Count,
                                           NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL | NDIS_RECEIVE_FLAGS_PERFECT_FILTERED);
    }
}

/* MINIPORT_RETURN_NET_BUFFER_LISTS. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI HubReturn(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, ULONG ReturnFlags)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Context;
    NDIS_HANDLE Handle = Adapter->Handle;
    ULONG Count = 0;
    BOOLEAN Paused;

    UNREFERENCED_PARAMETER(ReturnFlags);
    while (Lists != NULL) {
        PHUB_RECEIVE Receive = *(PHUB_RECEIVE *)Lists->MiniportReserved;

        Lists = NET_BUFFER_LIST_NEXT_NBL(Lists);
        InterlockedPushEntrySList(&Adapter->FreeReceives, &Receive->Free);
        Count++;
    }
    NdisAcquireSpinLock(&Adapter->Lock);
    Adapter->Receives -= Count;
    Paused = HubPauseDone(Adapter);
    NdisReleaseSpinLock(&Adapter->Lock);
    if (Paused) {
        NdisMPauseComplete(Handle);
    }
}

/* ---- sends ---- */

/* Frees what a send needed, completes it, and the pause with it if it was the last. IRQL <= DISPATCH_LEVEL. */
static VOID HubSendDone(PHUB_ADAPTER Adapter, PHUB_SEND Send, NDIS_STATUS Status, BOOLEAN AtDispatch)
{
    NDIS_HANDLE Handle = Adapter->Handle;
    PNET_BUFFER_LIST List = Send->List;
    BOOLEAN Paused;

    NdisFreeCloneNetBufferList(Send->Clone, 0);
    NdisFreeToNPagedLookasideList(&SendLookaside, Send);
    NET_BUFFER_LIST_STATUS(List) = Status;
    NdisMSendNetBufferListsComplete(Handle, List, AtDispatch ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
    NdisAcquireSpinLock(&Adapter->Lock);
    Adapter->Sends--;
    Paused = HubPauseDone(Adapter);
    NdisReleaseSpinLock(&Adapter->Lock);
    if (Paused) {
        NdisMPauseComplete(Handle);
    }
}

/* Every other adapter on the hub hears the frame. IRQL: DISPATCH_LEVEL. */
static VOID HubBroadcast(PHUB_ADAPTER Sender, PNET_BUFFER Buffer)
{
    LOCK_STATE_EX LockState;
    UCHAR Storage[HUB_HEADER];
    const UCHAR *Header;
    PLIST_ENTRY Entry;
    ULONG Class, Length = NET_BUFFER_DATA_LENGTH(Buffer);

    Header = (const UCHAR *)NdisGetDataBuffer(Buffer, HUB_HEADER, Storage, 1, 0);
    if (Header == NULL || Length > HUB_FRAME_MAXIMUM) {
        return;
    }
    Class = HubClass(Header);
    NdisDprAcquireSpinLock(&Sender->Lock);
    Sender->FramesOut[Class]++;
    Sender->BytesOut[Class] += Length;
    NdisDprReleaseSpinLock(&Sender->Lock);
    NdisAcquireRWLockRead(HubLock, &LockState, NDIS_RWL_AT_DISPATCH_LEVEL);
    for (Entry = Adapters.Flink; Entry != &Adapters; Entry = Entry->Flink) {
        PHUB_ADAPTER Adapter = CONTAINING_RECORD(Entry, HUB_ADAPTER, Link);

        if (Adapter != Sender) {
            HubDeliver(Adapter, Buffer);
        }
    }
    NdisReleaseRWLock(HubLock, &LockState);
}

/* Takes sends off the queue until it is empty. IRQL: DISPATCH_LEVEL. */
VOID NTAPI HubSendDpc(PKDPC Dpc, PVOID DeferredContext, PVOID SystemArgument1, PVOID SystemArgument2)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)DeferredContext;
    PHUB_SEND Send;

    UNREFERENCED_PARAMETER(Dpc);
    UNREFERENCED_PARAMETER(SystemArgument1);
    UNREFERENCED_PARAMETER(SystemArgument2);
    for (;;) {
        PNET_BUFFER Buffer;

        NdisDprAcquireSpinLock(&Adapter->Lock);
        Send = IsListEmpty(&Adapter->SendQueue) ? NULL : CONTAINING_RECORD(RemoveHeadList(&Adapter->SendQueue), HUB_SEND, Link);
        NdisDprReleaseSpinLock(&Adapter->Lock);
        if (Send == NULL) {
            return;
        }
        for (Buffer = NET_BUFFER_LIST_FIRST_NB(Send->Clone); Buffer != NULL; Buffer = NET_BUFFER_NEXT_NB(Buffer)) {
            HubBroadcast(Adapter, Buffer);
        }
        HubSendDone(Adapter, Send, NDIS_STATUS_SUCCESS, TRUE);
    }
}

/* A send with its clone, or NULL. */
static PHUB_SEND HubSendPrepare(PHUB_ADAPTER Adapter, PNET_BUFFER_LIST List)
{
    PHUB_SEND Send = (PHUB_SEND)NdisAllocateFromNPagedLookasideList(&SendLookaside);

    if (Send == NULL) {
        return NULL;
    }
    Send->List = List;
    Send->Clone = NdisAllocateCloneNetBufferList(List, Adapter->ListPool, Adapter->BufferPool, 0);
    if (Send->Clone == NULL) {
        NdisFreeToNPagedLookasideList(&SendLookaside, Send);
        return NULL;
    }
    NdisCopySendNetBufferListInfo(Send->Clone, List);
    return Send;
}

/* MINIPORT_SEND_NET_BUFFER_LISTS. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI HubSend(NDIS_HANDLE Context, PNET_BUFFER_LIST Lists, NDIS_PORT_NUMBER PortNumber, ULONG SendFlags)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Context;
    PNET_BUFFER_LIST Next, Failed = NULL;

    UNREFERENCED_PARAMETER(PortNumber);
    for (; Lists != NULL; Lists = Next) {
        PHUB_SEND Send = HubSendPrepare(Adapter, Lists);
        NDIS_STATUS Status = Send == NULL ? NDIS_STATUS_RESOURCES : NDIS_STATUS_PAUSED;

        Next = NET_BUFFER_LIST_NEXT_NBL(Lists);
        NET_BUFFER_LIST_NEXT_NBL(Lists) = NULL;
        NdisAcquireSpinLock(&Adapter->Lock);
        if (Send != NULL && Adapter->State == HubRunning) {
            Adapter->Sends++;
            InsertTailList(&Adapter->SendQueue, &Send->Link);
            Status = NDIS_STATUS_SUCCESS;
        }
        NdisReleaseSpinLock(&Adapter->Lock);
        if (Status == NDIS_STATUS_SUCCESS) {
            continue;
        }
        if (Send != NULL) {
            NdisFreeCloneNetBufferList(Send->Clone, 0);
            NdisFreeToNPagedLookasideList(&SendLookaside, Send);
        }
        NET_BUFFER_LIST_STATUS(Lists) = Status;
        NET_BUFFER_LIST_NEXT_NBL(Lists) = Failed;
        Failed = Lists;
    }
    KeInsertQueueDpc(&Adapter->SendDpc, NULL, NULL);
    if (Failed != NULL) {
        NdisMSendNetBufferListsComplete(Adapter->Handle, Failed,
                                        (SendFlags & NDIS_SEND_FLAGS_DISPATCH_LEVEL) ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
    }
}

VOID HubQueuesFlush(PHUB_ADAPTER Adapter)
{
    for (;;) {
        PHUB_SEND Send = NULL;
        PHUB_RECEIVE Receive = NULL;

        NdisAcquireSpinLock(&Adapter->Lock);
        if (!IsListEmpty(&Adapter->SendQueue)) {
            Send = CONTAINING_RECORD(RemoveHeadList(&Adapter->SendQueue), HUB_SEND, Link);
        } else if (!IsListEmpty(&Adapter->ReceiveQueue)) {
            Receive = CONTAINING_RECORD(RemoveHeadList(&Adapter->ReceiveQueue), HUB_RECEIVE, Link);
            Adapter->Receives--;
        }
        NdisReleaseSpinLock(&Adapter->Lock);
        if (Send != NULL) {
            HubSendDone(Adapter, Send, NDIS_STATUS_PAUSED, FALSE);
        } else if (Receive != NULL) {
            InterlockedPushEntrySList(&Adapter->FreeReceives, &Receive->Free);
        } else {
            return;
        }
    }
}

/* MINIPORT_CANCEL_SEND: what is queued under that id. IRQL <= DISPATCH_LEVEL. */
VOID NTAPI HubCancelSend(NDIS_HANDLE Context, PVOID CancelId)
{
    PHUB_ADAPTER Adapter = (PHUB_ADAPTER)Context;
    LIST_ENTRY Cancelled;
    PLIST_ENTRY Entry, Next;

    InitializeListHead(&Cancelled);
    NdisAcquireSpinLock(&Adapter->Lock);
    for (Entry = Adapter->SendQueue.Flink; Entry != &Adapter->SendQueue; Entry = Next) {
        Next = Entry->Flink;
        if (NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(CONTAINING_RECORD(Entry, HUB_SEND, Link)->List) == CancelId) {
            RemoveEntryList(Entry);
            InsertTailList(&Cancelled, Entry);
        }
    }
    NdisReleaseSpinLock(&Adapter->Lock);
    while (!IsListEmpty(&Cancelled)) {
        HubSendDone(Adapter, CONTAINING_RECORD(RemoveHeadList(&Cancelled), HUB_SEND, Link), NDIS_STATUS_SEND_ABORTED, FALSE);
    }
}
